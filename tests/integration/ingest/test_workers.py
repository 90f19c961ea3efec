"""Several ingest workers share the messages; one that leaves finishes its share, and receipts cover what all have."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import orjson
import paho.mqtt.client as mqtt
import psycopg
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from frostway.broker import find_mosquitto
from ingest import service
from ingest.service import Ingest, IngestConfig
from store.registry import DeviceSpec, Registry
from tests.contract.mosquitto import Mosquitto, mosquitto
from tests.deadlines import deadline
from tests.logins import of_ingest, of_tracker
from tests.stack import wait_for
from tracker.service import Tracker, TrackerConfig

pytestmark = pytest.mark.skipif(find_mosquitto() is None, reason="needs mosquitto: apt-get install mosquitto")

IN_FLIGHT = 50  # messages the broker hands out before the first is acknowledged


class Crew:
    """Workers on one broker and database, a tracker, and a device that publishes and hears receipts."""

    def __init__(self, database: str, broker: Mosquitto, receiver: str) -> None:
        self.database, self.broker, self._receiver = database, broker, receiver
        self.receipts: list[int] = []
        self._running: list[tuple[threading.Event, threading.Thread]] = []
        self._origin_ms = time.time_ns() // 1_000_000 - 3_600_000
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self._client.on_message = lambda _c, _u, m: self.receipts.append(orjson.loads(m.payload)["seq"])
        self._client.connect("127.0.0.1", broker.port)
        self._client.subscribe("fw/v1/main/gps-01/receipt", 1)
        self._client.loop_start()
        self._run(Tracker(TrackerConfig(of_tracker(database)), stop := threading.Event()), stop)

    def _run(self, program: Ingest | Tracker, stop: threading.Event) -> threading.Thread:
        thread = threading.Thread(target=program.run, daemon=True)
        thread.start()
        self._running.append((stop, thread))
        return thread

    def worker(self, name: str) -> tuple[Ingest, threading.Event, threading.Thread]:
        stop = threading.Event()
        config = IngestConfig(
            of_ingest(self.database), self.broker.url_for(name), receiver=self._receiver, share="crew", leave=True
        )
        ingest = Ingest(config, stop)
        thread = self._run(ingest, stop)
        wait_for(lambda: ingest.receiver.connected, f"{name} is connected")
        return ingest, stop, thread

    def publish(self, sequences: range) -> None:
        for seq in sequences:
            body = {"t": self._origin_ms + 1000 * seq, "lat": 60 + seq * 1e-5, "lon": 24.0, "boot": "b1", "seq": seq}
            info = self._client.publish("fw/v1/main/gps-01/gps", orjson.dumps(body), qos=1)
        info.wait_for_publish(deadline(20))

    def stored(self) -> list[int]:
        with psycopg.connect(self.database) as connection:
            return [seq for (seq,) in connection.execute("select seq from reading_position order by seq, time")]

    def close(self) -> None:
        for stop, thread in self._running:
            stop.set()
            thread.join(deadline(30))
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def crew(database: str, tmp_path: Path) -> Iterator[Crew]:
    with psycopg.connect(database) as connection:
        Registry(connection).put_device(DeviceSpec("gps-01", "tracker", vehicle="truck-01"), "x")
    with mosquitto(tmp_path, max_inflight_messages=str(IN_FLIGHT)) as broker:
        found = Crew(database, broker, "stream")
        yield found
        found.close()


def test_workers_share_one_leaves_and_nothing_is_lost_doubled_or_unreceipted(crew: Crew) -> None:
    first, stop_first, thread_first = crew.worker("ingest-1")
    second, _, _ = crew.worker("ingest-2")
    crew.publish(range(1, 1001))
    wait_for(lambda: len(crew.stored()) == 1000, "all are stored")
    assert first.receiver.received_total > 100
    assert second.receiver.received_total > 100
    wait_for(lambda: max(crew.receipts, default=0) == 1000, "the receipt covers what both have stored")

    publisher = threading.Thread(target=crew.publish, args=(range(1001, 3001),))
    publisher.start()
    stop_first.set()
    publisher.join(deadline(30))
    thread_first.join(deadline(30))
    assert not thread_first.is_alive()
    alone = second.receiver.received_total
    crew.publish(range(3001, 3101))
    wait_for(lambda: len(crew.stored()) >= 3100, "the one that stays has everything that came after")
    assert crew.stored() == list(range(1, 3101))
    assert second.receiver.received_total - alone >= 100
    wait_for(lambda: max(crew.receipts) == 3100, "the receipt goes on without a hole")


def test_a_worker_that_leaves_while_the_database_is_slow_takes_nothing_with_it(
    crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker holds more than it may hand out unacknowledged: its silence does not mean that nothing is left."""
    monkeypatch.setattr(service, "LEAVE_QUIET_S", 0.1)
    first, stop, thread = crew.worker("ingest-1")
    with psycopg.connect(crew.database) as connection:
        connection.execute("lock table log_head in access exclusive mode")  # a commit waits for this
        crew.publish(range(1, 501))
        wait_for(lambda: first.receiver.received_total >= IN_FLIGHT, "the worker has all it may have")
        stop.set()
        thread.join(20 * service.LEAVE_QUIET_S)
        connection.commit()
    thread.join(deadline(30))
    assert not thread.is_alive()
    crew.worker("ingest-1")
    wait_for(lambda: len(crew.stored()) >= 500, "everything is stored")
    assert crew.stored() == list(range(1, 501))
