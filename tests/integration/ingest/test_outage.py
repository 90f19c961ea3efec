"""The database goes away for longer than a moment: messages are kept on disk, none is lost, and it heals by itself."""

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
from psycopg import conninfo, sql

from frostway.broker import find_mosquitto
from ingest import service
from ingest.background import PartError
from ingest.drain import Drain
from ingest.fairness import slowed_total
from ingest.service import Ingest, IngestConfig
from ingest.spool import Spool
from store.embedded import EmbeddedPostgres
from store.registry import DeviceSpec, Registry
from tests.contract.mosquitto import Mosquitto, mosquitto
from tests.deadlines import deadline
from tests.logins import of_ingest, of_tracker
from tests.stack import wait_for
from tracker.service import Tracker, TrackerConfig

pytestmark = pytest.mark.skipif(find_mosquitto() is None, reason="needs mosquitto: apt-get install mosquitto")


class Site:
    """A broker, a database that can be taken away, and ingest and tracker that can be started and stopped."""

    def __init__(self, server: EmbeddedPostgres, database: str, broker: Mosquitto, folder: Path) -> None:
        self._server, self.database, self.broker = server, database, broker
        self._name = str(conninfo.conninfo_to_dict(database)["dbname"])
        self.spool = folder / "spool"
        self.spool_bytes = 1 << 30
        self.device_rate_per_s = 0.0
        self._running: list[tuple[threading.Event, threading.Thread]] = []
        self._origin_ms = time.time_ns() // 1_000_000 - 3_600_000
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self._client.max_inflight_messages_set(1000)
        self._client.connect("127.0.0.1", broker.port)
        self._client.loop_start()

    def start(self) -> Ingest:
        stop = threading.Event()
        ingest = Ingest(
            IngestConfig(
                of_ingest(self.database),
                self.broker.url_for("ingest"),
                spool_dir=self.spool,
                spool_bytes=self.spool_bytes,
                device_rate_per_s=self.device_rate_per_s,
            ),
            stop,
        )
        for program in (ingest, Tracker(TrackerConfig(of_tracker(self.database)), stop)):
            thread = threading.Thread(target=program.run, daemon=True)
            thread.start()
            self._running.append((stop, thread))
        wait_for(lambda: ingest.receiver.connected, "ingest is connected")
        return ingest

    def stop(self) -> None:
        for stop, thread in self._running:
            stop.set()
            thread.join(deadline(30))
            assert not thread.is_alive()
        self._running.clear()

    def close(self) -> None:
        self.back()
        self.stop()
        self._client.disconnect()
        self._client.loop_stop()

    def publish(self, sequences: range) -> None:
        for seq in sequences:
            body = {"t": self._origin_ms + 1000 * seq, "lat": 60 + seq * 1e-5, "lon": 24.0, "boot": "b1", "seq": seq}
            info = self._client.publish("fw/v1/main/gps-01/gps", orjson.dumps(body), qos=1)
        info.wait_for_publish(deadline(20))

    def _admin(self, *statements: sql.Composable) -> None:
        with psycopg.connect(self._server.dsn, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def away(self) -> None:
        """Nobody is let in, everybody is thrown out."""
        name = sql.Identifier(self._name)
        self._admin(
            sql.SQL("alter database {} allow_connections false").format(name),
            sql.SQL("select pg_terminate_backend(pid) from pg_stat_activity where datname = {}").format(self._name),
        )

    def back(self) -> None:
        self._admin(sql.SQL("alter database {} allow_connections true").format(sql.Identifier(self._name)))

    def stored(self) -> list[int]:
        """Sequence numbers in the database, in order."""
        with psycopg.connect(self.database) as connection:
            return [seq for (seq,) in connection.execute("select seq from reading_position order by seq, time")]

    def kept(self) -> int:
        return sum(path.stat().st_size for path in self.spool.glob("*.spool"))


@pytest.fixture
def site(postgres: EmbeddedPostgres, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr(service, "PATIENCE_S", 0.3)
    with psycopg.connect(database) as connection:
        registry = Registry(connection)
        registry.put_device(DeviceSpec("gps-01", "tracker", vehicle="truck-01"), "x")
    with mosquitto(tmp_path) as broker:
        found = Site(postgres, database, broker, tmp_path)
        yield found
        found.close()


def test_what_comes_while_the_database_is_away_is_kept_on_disk_and_stored_once_when_it_is_back(site: Site) -> None:
    ingest = site.start()
    site.publish(range(100))
    wait_for(lambda: len(site.stored()) == 100, "the first readings are stored")
    site.away()
    site.publish(range(100, 1100))
    wait_for(lambda: ingest.receiver.received_total >= 1100, "ingest goes on taking messages")
    wait_for(site.kept, "messages are on disk")
    site.back()
    site.publish(range(1100, 1200))
    wait_for(lambda: len(site.stored()) >= 1200, "everything is stored")
    wait_for(lambda: site.kept() == 0, "the spool is empty again")
    site.publish(range(1200, 1210))
    wait_for(lambda: len(site.stored()) >= 1210, "readings go the short way again")
    assert site.stored() == list(range(1210))


def test_what_was_kept_on_disk_outlives_ingest(site: Site) -> None:
    ingest = site.start()
    site.away()
    site.publish(range(500))
    wait_for(lambda: ingest.receiver.received_total >= 500 and site.kept(), "messages are on disk")
    site.stop()
    assert site.kept()
    site.back()
    site.start()
    wait_for(lambda: len(site.stored()) >= 500, "everything is stored")
    wait_for(lambda: site.kept() == 0, "the spool is empty again")
    assert site.stored() == list(range(500))


def test_a_full_spool_acknowledges_nothing_more_and_goes_on_by_itself(site: Site) -> None:
    site.spool_bytes = 20_000
    ingest = site.start()
    site.away()
    for first in range(0, 2000, 100):
        site.publish(range(first, first + 100))
    wait_for(lambda: ingest._is_full, "the spool is full")
    assert site.kept() <= 20_000
    site.back()
    wait_for(lambda: len(site.stored()) >= 2000, "everything is stored")
    assert site.stored() == list(range(2000))
    wait_for(lambda: site.kept() == 0, "the spool is empty again")


def test_a_flooding_device_waits_its_turn_and_none_of_its_readings_is_lost(site: Site) -> None:
    site.device_rate_per_s = 10.0
    ingest = site.start()
    site.publish(range(3000))
    wait_for(lambda: ingest.receiver.received_total >= 3000, "all messages are taken")
    wait_for(lambda: len(site.stored()) >= 3000, "everything is stored")
    assert site.stored() == list(range(3000))
    wait_for(lambda: site.kept() == 0, "the spool is empty again")
    assert slowed_total._value.get() >= 2000


def test_a_drain_that_fails_ends_ingest_instead_of_leaving_the_spool_to_fill(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ValueError("a fault of ours")

    monkeypatch.setattr(Drain, "_bring", fail)
    (kept := Spool(site.spool, 1 << 20)).open()
    kept.append([(b"fw/v1/main/gps-01/gps", b"{}", 1, False, False)], 0)
    kept.close()
    config = IngestConfig(site.database, site.broker.url_for("ingest"), spool_dir=site.spool)
    with pytest.raises(PartError, match=r"^the drain of the spool has failed") as caught:
        Ingest(config, threading.Event()).run()
    assert isinstance(caught.value.__cause__, ValueError)
    assert site.kept()
