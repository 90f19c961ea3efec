"""What no parser should accept, through a real broker: set aside with its bytes and a reason, its neighbours stored.

The broker has no rules here, so that even what a real one would refuse comes through. Ingest and tracker run as
threads on a fresh database; a good reading stands between any two bad messages.
"""

from __future__ import annotations

import random
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import cbor2
import msgspec
import orjson
import paho.mqtt.client as mqtt
import psycopg
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from ingest.service import Ingest, IngestConfig
from store.registry import DeviceSpec, Registry
from tests.contract.mosquitto import Mosquitto, executable, mosquitto
from tests.deadlines import deadline
from tests.logins import of_ingest, of_tracker
from tests.stack import settled, wait_for
from tracker.service import Tracker, TrackerConfig

pytestmark = pytest.mark.skipif(executable() is None, reason="needs mosquitto: apt-get install mosquitto")

DAY_MS = 86_400_000
GPS = "fw/v1/main/gps-01/gps"
TEMP, SHELF, RFID, DOOR, STATUS = (
    f"fw/v1/main/thing-01/{stream}" for stream in ("temp", "shelf", "rfid", "door", "status")
)
NAN, INF = struct.pack(">d", float("nan")), struct.pack(">d", float("inf"))
Message = tuple[str, bytes]


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Bad(NamedTuple):
    """A message and the reason it must be set aside for."""

    topic: str
    payload: bytes
    reason: str


def fix(**changes: Any) -> bytes:
    """A position that would be good but for the changes."""
    return orjson.dumps({"t": now_ms(), "lat": 60.0, "lon": 24.0} | changes, option=orjson.OPT_NON_STR_KEYS)


def json_text(text: str, t: int | None = None) -> bytes:
    return text.replace("T0", str(now_ms() if t is None else t)).encode()


def broken_syntax() -> Iterator[tuple[str, Bad]]:
    for name, payload in {
        "nothing": b"",
        "truncated": fix()[:-9],
        "one brace": b"{",
        "not an object": b"[1,2,3]",
        "null": b"null",
        "a number": b"42",
        "deep lists": b"[" * 30_000,
        "deep lists in a value": b'{"t":' + b"[" * 20_000 + b"]" * 20_000 + b"}",
        "deep objects": b'{"a":' * 8_000 + b"1" + b"}" * 8_000,
        "a lone surrogate": json_text('{"t":T0,"lat":60,"lon":24,"boot":"\\ud800"}'),
        "not UTF-8": b'{"t":1,"boot":"\xff\xfe"}',
        "a raw NUL": b'{"t":1,"boot":"a\x00b"}',
        "something behind it": fix() + b"}",
    }.items():
        yield name, Bad(GPS, payload, "malformed")
    yield "70 KB", Bad(GPS, fix(note="x" * 70_000), "too_large")
    yield "huge batch", Bad(GPS, fix(lat=[60.0] * 8_000, lon=[24.0] * 8_000), "too_large")


def wrong_values() -> Iterator[tuple[str, Bad]]:
    for name, payload in {
        "1e999": json_text('{"t":T0,"lat":1e999,"lon":24}'),
        "NaN": json_text('{"t":T0,"lat":NaN,"lon":24}'),
        "nan": json_text('{"t":T0,"lat":nan,"lon":24}'),
        "Infinity": json_text('{"t":T0,"lat":Infinity,"lon":24}'),
        "-Infinity": json_text('{"t":T0,"lat":60,"lon":-Infinity}'),
        "lat 91": fix(lat=91),
        "lat -90.5": fix(lat=-90.5),
        "lon 181": fix(lon=181),
        "lat as words": fix(lat="sixty"),
        "lat as an object": fix(lat={}),
        "lat true": fix(lat=True),
        "lat missing": orjson.dumps({"t": now_ms(), "lon": 24.0}),
        "lists in lists": fix(lat=[[60.0], [61.0]], lon=[24.0, 24.1]),
        "seq -1": fix(boot="x", seq=-1),
        "seq true": fix(boot="x", seq=True),
        "seq 1.5": fix(boot="x", seq=1.5),
        "seq as words": fix(boot="x", seq="one"),
        "seq 2^63": fix(boot="x", seq=2**63),
        "boot with NUL": fix(boot="a\x00b", seq=1),
        "boot as a number": fix(boot=7, seq=1),
        "boot of 65 characters": fix(boot="b" * 65, seq=1),
        "t as words": fix(t="yesterday"),
        "t without an offset": fix(t="2026-11-22T10:00:00"),
        "t true": fix(t=True),
        "t 2^60": fix(t=2**60),
    }.items():
        yield name, Bad(GPS, payload, "invalid")
    for name, topic, reading in (
        ("too hot for physics", TEMP, {"c": 5000}),
        ("temperature null", TEMP, {"c": None}),
        ("probe with NUL", TEMP, {"c": 4, "probe": "a\x00b"}),
        ("probe of nothing", TEMP, {"c": 4, "probe": ""}),
        ("shelf that says nothing", SHELF, {"slot": "A-1"}),
        ("shelf without a slot", SHELF, {"kg": 1.0}),
        ("EPC not hexadecimal", RFID, {"epc": "XYZ", "ant": 1}),
        ("EPC as a number", RFID, {"epc": 1234, "ant": 1}),
        ("door neither open nor shut", DOOR, {"door": "rear", "open": "ajar"}),
    ):
        yield name, Bad(topic, orjson.dumps({"t": now_ms()} | reading), "invalid")


def wrong_shapes_and_times() -> Iterator[tuple[str, Bad]]:
    yield "unequal arrays", Bad(GPS, fix(t=[1, 2, 3], lat=[60.0, 60.1]), "unequal_arrays")
    yield "unequal seq", Bad(GPS, fix(lat=[60.0, 60.1], lon=[24.0, 24.1], boot="x", seq=[1]), "unequal_arrays")
    yield "empty arrays", Bad(GPS, fix(t=[], lat=[], lon=[]), "empty")
    for name, t in {
        "in two days": now_ms() + 2 * DAY_MS,
        "in the year 9999": 253_402_300_799_000,
        "in 1970": 0,
        "before 1970": -1,
        "before anything is kept": now_ms() - 11 * 365 * DAY_MS,
    }.items():
        yield name, Bad(GPS, fix(t=t), "time_out_of_range")


def binary() -> Iterator[tuple[str, Bad]]:
    row = {"t": now_ms(), "lat": 60.0, "lon": 24.0}
    packed, concise = msgspec.msgpack.encode(row), cbor2.dumps(row)
    number = struct.pack(">d", 60.0)
    for name, payload, reason in (
        ("reserved byte", b"\xc1", "malformed"),
        ("truncated", packed[:-3], "malformed"),
        ("something behind it", packed + b"\x00", "malformed"),
        ("deep", b"\x91" * 20_000 + b"\x00", "malformed"),
        ("a list of 4 billion", b"\xdd\xff\xff\xff\xff", "malformed"),
        ("text that is not UTF-8", b"\x81\xa1t\xa2\xff\xfe", "malformed"),
        ("NaN", packed.replace(number, NAN), "invalid"),
        ("Infinity", packed.replace(number, INF), "invalid"),
    ):
        yield f"MessagePack: {name}", Bad(GPS + ".mp", payload, reason)
    for name, payload, reason in (
        ("break out of nowhere", b"\xff", "malformed"),
        ("truncated", concise[:-3], "malformed"),
        ("something behind it", concise + b"\x00", "malformed"),
        ("deep", b"\x81" * 20_000 + b"\x00", "malformed"),
        ("a text of 2^63 bytes", b"\x7b\x7f" + b"\xff" * 7, "malformed"),
        ("a list of 2^63", b"\x9b\x7f" + b"\xff" * 7, "malformed"),
        ("a date for a number", cbor2.dumps(row | {"lat": cbor2.CBORTag(1, 0)}), "invalid"),
        ("lat is itself", b"\xd8\x1c\xa1\x63lat\xd8\x1d\x00", "malformed|invalid"),
    ):
        yield f"CBOR: {name}", Bad(GPS + ".cbor", payload, reason)
    for name, payload in (("NaN", NAN), ("Infinity", INF)):
        body = cbor2.dumps({"t": now_ms(), "lon": 24.0, "lat": 60.5}).replace(struct.pack(">d", 60.5), payload)
        yield f"CBOR: {name}", Bad(GPS + ".cbor", body, "malformed|invalid")


def foreign() -> Iterator[tuple[str, Bad]]:
    good = fix()
    yield "unknown stream", Bad("fw/v1/main/gps-01/sonar", good, "topic")
    yield "unknown encoding", Bad("fw/v1/main/gps-01/gps.xml", good, "topic")
    yield "a topic too deep", Bad("fw/v1/main/gps-01/gps/more", good, "topic")
    yield "unregistered device", Bad("fw/v1/main/gps-99/gps", good, "unknown_device")
    yield "unknown tenant", Bad("fw/v1/nobody/gps-01/gps", good, "unknown_device")
    yield "device in capitals", Bad("fw/v1/main/GPS-01/gps", good, "topic")
    yield "device not ASCII", Bad("fw/v1/main/gps-äö/gps", good, "topic")
    yield "device without a name", Bad("fw/v1/main//gps", good, "topic")
    yield "device with a very long name", Bad(f"fw/v1/main/{'g' * 65}/gps", good, "topic")


def everything() -> dict[str, Bad]:
    return {
        name: bad
        for kind in (broken_syntax, wrong_values, wrong_shapes_and_times, binary, foreign)
        for name, bad in kind()
    }


@dataclass
class Programs:
    """Ingest and tracker as threads over one database and one broker."""

    database: str
    broker: Mosquitto
    threads: list[threading.Thread]
    failures: list[BaseException]

    def publish(self, messages: list[Message]) -> None:
        """QoS 1, in this order, without a pause: many fall into one group."""
        client = mqtt.Client(CallbackAPIVersion.VERSION2)
        client.max_inflight_messages_set(1000)
        client.connect("127.0.0.1", self.broker.port)
        client.loop_start()
        try:
            for info in [client.publish(topic, payload, qos=1) for topic, payload in messages]:
                info.wait_for_publish(deadline(20))
                assert info.is_published()
        finally:
            client.disconnect()
            client.loop_stop()

    def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database) as connection:
            return connection.execute(query, parameters or None).fetchall()

    def sequences(self, boot: str) -> list[int]:
        """Sequence numbers of a boot among the stored positions."""
        found = self.rows(
            "select r.seq from reading_position r join label l on l.id = r.boot_id and l.kind = 'boot'"
            " where l.text = %s order by r.seq",
            boot,
        )
        return [seq for (seq,) in found]

    def frames(self) -> int:
        """How many frames were ever appended to the log."""
        return int(self.rows("select coalesce(sum(position), 0) from log_head")[0][0])

    def set_aside(self) -> list[tuple[str, bytes, str, str]]:
        """Topic, payload, reason and detail of the quarantine, in order."""
        return [
            (topic, bytes(payload), reason, detail)
            for topic, payload, reason, detail in self.rows(
                "select topic, payload, reason, detail from quarantine order by id"
            )
        ]

    def assert_alive(self) -> None:
        assert self.failures == []
        assert all(thread.is_alive() for thread in self.threads)


@pytest.fixture(params=["stream", "paho"])
def programs(request: pytest.FixtureRequest, tmp_path: Path, database: str) -> Iterator[Programs]:
    with psycopg.connect(database) as connection:
        registry = Registry(connection)
        registry.put_vehicle("truck-01")
        registry.put_device(DeviceSpec("gps-01", "tracker", vehicle="truck-01"), "x")
        registry.put_device(DeviceSpec("thing-01", "gateway", vehicle="truck-01"), "x")
    stop = threading.Event()
    with mosquitto(tmp_path) as broker:
        ingest = Ingest(IngestConfig(of_ingest(database), broker.url_for("ingest"), receiver=str(request.param)), stop)
        failures: list[BaseException] = []

        def run(program: Ingest | Tracker) -> None:
            try:
                program.run()
            except BaseException as error:  # noqa: BLE001 - shown by `assert_alive`
                failures.append(error)

        running = [ingest, Tracker(TrackerConfig(of_tracker(database)), stop)]
        threads = [threading.Thread(target=run, args=(each,), daemon=True) for each in running]
        for thread in threads:
            thread.start()
        try:
            wait_for(lambda: ingest.receiver.connected or failures, "ingest is connected")
            yield Programs(database, broker, threads, failures)
        finally:
            stop.set()
            for thread in threads:
                thread.join(deadline(20))


def good(seq: int, boot: str = "good") -> Message:
    reading = {"t": now_ms() - 3_600_000 + 1000 * seq, "lat": 60 + seq * 1e-5, "lon": 24.0, "boot": boot, "seq": seq}
    return GPS, orjson.dumps(reading)


def test_every_malformed_message_is_set_aside_with_its_bytes_and_its_good_neighbours_are_stored(
    programs: Programs,
) -> None:
    bad = everything()
    messages: list[Message] = [good(0)]
    for number, each in enumerate(bad.values(), start=1):
        messages += [each[:2], good(number)]
    programs.publish(messages)
    expected = list(range(len(bad) + 1))
    wait_for(lambda: programs.sequences("good") == expected or programs.failures, "all good neighbours are stored")
    programs.assert_alive()

    kept = programs.set_aside()
    found = {name: [row for row in kept if row[:2] == each[:2]] for name, each in bad.items()}
    assert [name for name, rows in found.items() if not rows] == [], "in quarantine with all their bytes"
    wrong = {
        name: rows for name, rows in found.items() if len(rows) != 1 or rows[0][2] not in bad[name].reason.split("|")
    }
    assert wrong == {}
    assert all(detail for _, _, _, detail in kept)
    assert len(kept) == len(bad)
    assert programs.rows("select count(*) from reading_position") == [(len(bad) + 1,)]


POISONS: dict[int, dict[str, Any]] = {
    0: {"lat": 91.0},
    1: {"lon": "24 E"},
    37: {"lat": None},
    50: {"lon": -181.0},
    98: {"t": "now"},
    99: {"t": 0},
}


def test_one_poisoned_reading_of_a_hundred_is_set_aside_and_the_ninety_nine_are_stored(programs: Programs) -> None:
    messages: list[Message] = []
    for at, poison in POISONS.items():
        columns: dict[str, Any] = {
            "t": [now_ms() - 100_000 + 1000 * i for i in range(100)],
            "lat": [60 + i * 1e-5 for i in range(100)],
            "lon": [24.0] * 100,
            "spd": [1.0] * 100,
        }
        for key, value in poison.items():
            columns[key][at] = value
        messages.append((GPS, orjson.dumps({"boot": f"p{at}", "seq": 0, **columns})))
    programs.publish([messages[0], good(0), *messages[1:], good(1)])
    boots = ("good", *(f"p{at}" for at in POISONS))  # old ones have a lane of their own, so none comes last for sure
    wait_for(lambda: all(map(programs.sequences, boots)) or programs.failures, "all messages are stored")
    wait_for(lambda: programs.sequences("good") == [0, 1] or programs.failures, "the last message is stored")
    programs.assert_alive()

    for at in POISONS:
        assert programs.sequences(f"p{at}") == [i for i in range(100) if i != at]
    kept = programs.set_aside()
    assert sorted((topic, payload) for topic, payload, _, _ in kept) == sorted(messages)
    assert {reason for _, _, reason, _ in kept} == {"invalid", "time_out_of_range"}
    marks = wait_for(
        lambda: rows if len(rows := programs.rows(BOOT_MARKS)) == len(POISONS) else None, "marks of all boots"
    )
    assert {mark for _, mark in marks} == {99}, "what is set aside is safe too, so its device may forget it"


BOOT_MARKS = """
select l.text, r.contiguous from receipt r join label l on l.id = r.boot_id where l.text like 'p%'
"""


def test_repeats_and_readings_ahead_of_time_stop_no_stream(programs: Programs) -> None:
    """Each alone in its step: a rule that is left with nothing must not fail, or its frame comes back for ever."""
    values: dict[str, dict[str, Any]] = {
        GPS: {"lat": 60.0, "lon": 24.0},
        TEMP: {"c": 4.0},
        SHELF: {"slot": "A-1", "kg": 1.0},
        RFID: {"epc": "3034257BF7194E4000001A85", "ant": 1},
        DOOR: {"door": "rear", "open": True},
        STATUS: {"batt": 0.5},
    }
    now = now_ms()
    for seq, (topic, reading) in enumerate(values.items(), start=1):
        first = orjson.dumps(reading | {"t": now - 60_000, "boot": "again", "seq": seq})
        ahead = orjson.dumps(reading | {"t": now + 3_600_000, "boot": "ahead", "seq": seq})
        for payload in (first, first, ahead, ahead):
            frames = programs.frames()
            programs.publish([(topic, payload)])
            wait_for(lambda: programs.frames() > frames or programs.failures, "it is in the log")  # noqa: B023
            wait_for(lambda: settled(programs.database) or programs.failures, f"{topic} is processed")
            assert programs.failures == []
    programs.publish([good(0)])
    wait_for(lambda: programs.sequences("good") == [0] or programs.failures, "the last message is stored")
    programs.assert_alive()
    for table in ("position", "temperature", "shelf", "tag", "door", "status"):
        count = 3 if table == "position" else 2
        assert programs.rows(f"select count(*) from reading_{table}") == [(count,)], table


def test_hundreds_of_damaged_messages_do_not_stop_what_follows(programs: Programs) -> None:
    dice = random.Random(7)
    row = {"t": now_ms(), "lat": 60.1, "lon": 24.2, "boot": "bäd", "seq": 5, "ign": True, "acc": [1.5, 2.5]}
    originals = [
        (GPS, orjson.dumps(row)),
        (GPS + ".mp", msgspec.msgpack.encode(row)),
        (GPS + ".cbor", cbor2.dumps(row)),
    ]
    messages: list[Message] = []
    for number in range(600):
        topic, payload = originals[number % 3]
        damaged = bytearray(payload)
        for _ in range(dice.randint(1, 4)):
            damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        messages.append((topic, bytes(damaged[: dice.randint(1, len(damaged))])))
    programs.publish([*messages, good(0)])
    wait_for(lambda: programs.sequences("good") == [0] or programs.failures, "the last message is stored")
    programs.assert_alive()
    kept = {(topic, payload) for topic, payload, _, _ in programs.set_aside()}
    for topic, payload in messages:
        if topic == GPS and not is_object(payload):
            assert (topic, payload) in kept


def is_object(payload: bytes) -> bool:
    try:
        return isinstance(orjson.loads(payload), dict)
    except orjson.JSONDecodeError:
        return False
