"""Commands reach the devices they are for, again until they are answered or over; only their own answers count."""

from __future__ import annotations

import queue
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import paho.mqtt.client as mqtt
import psycopg
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from frostway.broker import find_mosquitto
from ingest import commands
from ingest.commands import answers_total
from ingest.service import Ingest, IngestConfig
from store.registry import DeviceSpec, Registry
from tests.contract.mosquitto import Mosquitto, mosquitto
from tests.deadlines import deadline
from tests.logins import of_ingest
from tests.stack import command, environment, wait_for

pytestmark = pytest.mark.skipif(find_mosquitto() is None, reason="needs mosquitto: apt-get install mosquitto")

OUTCOMES = ("taken", "again", "late", "unsent", "unknown", "malformed")


class Field:
    """A database, a broker, two devices that listen, and an ingest when one wants it."""

    def __init__(self, database: str, broker: Mosquitto) -> None:
        self.database, self.broker = database, broker
        self.heard: queue.Queue[mqtt.MQTTMessage] = queue.Queue()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self._client.on_message = lambda _c, _u, m: self.heard.put(m)
        subscribed = threading.Event()
        self._client.on_subscribe = lambda *_: subscribed.set()
        self._client.connect("127.0.0.1", broker.port)
        self._client.subscribe("fw/v1/main/+/cmd", 1)
        self._client.loop_start()
        assert subscribed.wait(deadline(10))
        self._running: list[tuple[threading.Event, threading.Thread]] = []

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database) as connection:
            cursor = connection.execute(query, values)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []

    def is_heard(self, device: str = "gps-01") -> None:
        """As the tracker writes it down."""
        self.rows(
            "insert into device_state (device_id, tenant_id, last_time, last_received) "
            "select id, tenant_id, now(), now() from device where name = %s",
            device,
        )

    def tell(self, device: str = "gps-01", name: str = "ping", seconds: float = 600) -> int:
        """As the API does."""
        made = self.rows(
            "insert into command (tenant_id, device_id, name, argument, made_by, expires_at) "
            "select tenant_id, id, %s, '{\"a\": 1}', 'ann', now() + make_interval(secs => %s) from device "
            "where name = %s returning id, pg_notify('frostway_command', '')",
            name, seconds, device,
        )  # fmt: skip
        return int(made[0][0])

    def state(self, number: int) -> tuple[Any, ...]:
        return self.rows("select state, answer from command where id = %s", number)[0]

    def hears(self) -> mqtt.MQTTMessage:
        return self.heard.get(timeout=deadline(20))

    def answer(self, number: int, *, ok: bool = True, text: str = "pong", device: str = "gps-01") -> None:
        self.say(orjson.dumps({"id": number, "ok": ok, "text": text}), device)

    def say(self, payload: bytes, device: str = "gps-01") -> None:
        info = self._client.publish(f"fw/v1/main/{device}/cmd/answer", payload, qos=1)
        info.wait_for_publish(deadline(10))

    def ingest(self) -> None:
        stop = threading.Event()
        ingest = Ingest(IngestConfig(of_ingest(self.database), self.broker.url_for("ingest")), stop)
        thread = threading.Thread(target=ingest.run, daemon=True)
        thread.start()
        self._running.append((stop, thread))
        wait_for(lambda: ingest.receiver.connected, "ingest is connected")

    def process(self) -> subprocess.Popen[bytes]:
        """An ingest that can be killed."""
        url, dsn = self.broker.url_for("ingest"), self.database
        settings = environment(FROSTWAY_DATABASE_URL=dsn, FROSTWAY_MQTT_URL=url)
        return subprocess.Popen(command("ingest"), cwd=self.broker.folder, env=settings)

    def close(self) -> None:
        for stop, thread in self._running:
            stop.set()
            thread.join(deadline(30))
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def field(database: str, tmp_path: Path) -> Iterator[Field]:
    with psycopg.connect(database) as connection:
        for name in ("gps-01", "gps-02"):
            Registry(connection).put_device(DeviceSpec(name, "tracker", vehicle="truck-01"), "x")
    with mosquitto(tmp_path) as broker:
        found = Field(database, broker)
        yield found
        found.close()


def counted() -> dict[str, float]:
    return {outcome: answers_total.labels(outcome)._value.get() for outcome in OUTCOMES}


def test_a_command_goes_out_and_its_answer_comes_back(field: Field) -> None:
    field.is_heard()
    field.ingest()
    done, undone = field.tell(), field.tell(name="fly")
    first, second = field.hears(), field.hears()
    assert (first.topic, first.qos, first.retain) == ("fw/v1/main/gps-01/cmd", 1, False)
    body = orjson.loads(first.payload)
    assert (body["id"], body["cmd"], body["arg"], body.keys()) == (done, "ping", {"a": 1}, {"id", "cmd", "arg", "exp"})
    (expires_ms,) = field.rows("select floor(extract(epoch from expires_at) * 1000)::int8 from command where id = %s",
                               done)[0]  # fmt: skip
    assert body["exp"] == expires_ms
    assert orjson.loads(second.payload)["id"] == undone
    field.answer(done, text="pong\x00\n" + "x" * 600)
    field.answer(undone, ok=False, text="I cannot")
    wait_for(lambda: field.state(undone) == ("refused", "I cannot"), "the second answer is stored")
    assert field.state(done) == ("answered", "pong" + "x" * 496)
    assert field.rows("select count(*) from quarantine") == [(0,)]


def test_it_waits_until_the_device_is_heard(field: Field, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "LOOK_S", 0.1)
    field.ingest()
    away = field.tell()
    field.is_heard("gps-02")
    other = field.tell("gps-02")
    assert orjson.loads(field.hears().payload)["id"] == other  # what was made later was looked at, and went
    assert field.state(away) == ("waiting", None)
    field.is_heard("gps-01")
    assert orjson.loads(field.hears().payload)["id"] == away
    assert field.state(away) == ("sent", None)


def test_it_is_sent_again_until_it_is_answered(field: Field, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOOK_S", "AGAIN_S", "AGAIN_MAX_S"):
        monkeypatch.setattr(commands, name, 0.1)
    field.is_heard()
    field.ingest()
    number = field.tell()
    assert [orjson.loads(field.hears().payload)["id"] for _ in range(3)] == [number] * 3
    before = counted()
    field.answer(number)
    field.answer(number, ok=False, text="another")
    wait_for(lambda: counted()["again"] == before["again"] + 1, "the second answer is counted")
    assert field.state(number) == ("answered", "pong")
    (sent,) = field.rows("select sent_count from command where id = %s", number)[0]
    last = field.tell(name="last")
    while orjson.loads(field.hears().payload)["id"] != last:
        pass
    assert field.rows("select sent_count from command where id = %s", number) == [(sent,)]


def test_what_a_stranger_says_or_what_comes_late_or_unasked_changes_nothing(field: Field) -> None:
    field.is_heard()
    field.ingest()
    waits = field.tell("gps-02")
    number = field.tell()
    field.hears()
    before = counted()
    field.answer(number, device="gps-02")  # another's
    field.answer(number, device="nobody")
    field.answer(10**9)
    field.answer(waits, device="gps-02")  # never sent
    for payload in (b"", b"[1]", b'{"id":true,"ok":true}', b'{"id":1,"ok":1}', b'{"id":%d,"ok":true}' % 2**63):
        field.say(payload)
    field.rows("update command set expires_at = now() where id = %s", number)
    field.answer(number)
    wait_for(lambda: counted()["late"] == before["late"] + 1, "the late answer is counted")
    now = counted()
    assert {name: now[name] - before[name] for name in OUTCOMES} == {
        "taken": 0, "again": 0, "late": 1, "unsent": 1, "unknown": 3, "malformed": 5,
    }  # fmt: skip
    assert field.state(waits) == ("waiting", None)
    assert field.state(number)[1] is None


def test_one_that_nobody_answers_expires_and_is_not_sent_any_more(field: Field) -> None:
    field.is_heard()
    late, gone = field.tell(seconds=-1), field.tell("gps-02", seconds=-1)
    last = field.tell()
    field.ingest()
    assert orjson.loads(field.hears().payload)["id"] == last
    assert (field.state(late), field.state(gone)) == (("expired", None), ("expired", None))


def test_an_ingest_that_is_killed_in_between_loses_neither_command_nor_answer(field: Field) -> None:
    field.is_heard()
    process = field.process()
    try:
        first = field.tell()
        assert orjson.loads(field.hears().payload)["id"] == first
        process.send_signal(signal.SIGKILL)
        process.wait()
        field.answer(first)  # nobody is there: the broker keeps it
        second = field.tell()
        field.rows("update command set state = 'sent', sent_at = now() where id = %s", second)  # died before publishing
        process = field.process()
        assert orjson.loads(field.hears().payload)["id"] == second
        wait_for(lambda: field.state(first) == ("answered", "pong"), "the answer is stored")
        field.answer(second)
        wait_for(lambda: field.state(second)[0] == "answered", "the second is answered")
    finally:
        process.terminate()
        process.wait(deadline(30))
