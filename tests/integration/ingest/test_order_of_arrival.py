"""Devices without a clock, and readings of one time: every reading is kept, in the order in which it came."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

import cbor2
import msgspec
import orjson
import pytest

from ingest.directory import Directory
from ingest.moments import STEP_BACK_US, Steady
from ingest.prepare import Prepared, Preparer
from ingest.quarantine import quarantine_rows
from ingest.redrive import Redriver
from store.db import connect, queries
from store.labels import Labels
from store.link import Link
from store.log import PostgresLog
from store.quarantine import Quarantine
from store.registry import DeviceSpec, Registry
from tests.integration.fleet import T0, Fleet, S
from tests.integration.ingest.test_second_chance import redriver

Message = tuple[str, bytes]


class Ingest:
    """Groups of messages through preparation into the log, by a clock that is told, and the tracker behind."""

    def __init__(self, dsn: str) -> None:
        self.fleet, self.now_us = Fleet(dsn), T0
        self.link, self.write = Link(dsn, "test"), Link(dsn, "test")
        self.clock = Steady(lambda: self.now_us)
        self.preparer = self.another()
        self.redriver: Redriver = redriver(self.write, 1)

    def another(self) -> Preparer:
        """As after a restart."""
        directory = Directory(self.link, 1, count(0.0, 3.0).__next__)
        return Preparer(directory, Labels(self.link), 10**17, self.clock.reserve)

    def prepare(self, messages: Sequence[Message], received_us: int) -> Prepared:
        group = [(f"fw/v1/main/{topic}".encode(), raw, 0, False, False) for topic, raw in messages]
        return self.preparer.prepare(group, received_us)

    def receive(self, *messages: Message, at_us: int | None = None) -> int:
        """One group; the moment at which it was received."""
        received_us = self.clock() if at_us is None else at_us
        self.commit(self.prepare(messages, received_us))
        return received_us

    def commit(self, prepared: Prepared) -> None:
        for frames in prepared.appends:
            PostgresLog(self.write).append(frames)
        with self.write.connection.cursor() as cursor:
            cursor.executemany(queries("quarantine")["put"], quarantine_rows(prepared))

    def add(self, name: str, kind: str = "door") -> None:
        with connect(self.fleet.dsn, "test") as c, c.transaction():
            Registry(c).put_device(DeviceSpec(name, kind, vehicle="truck-1"))

    def stored(self, columns: str, table: str) -> list[tuple[Any, ...]]:
        tracker = self.fleet.tracker()
        self.fleet.settle(tracker)
        self.fleet.close(tracker)
        return self.fleet.rows(f"select {columns} from reading_{table} order by time, seq, received_at")

    def doors(self) -> list[int]:
        return [int(is_open) for (is_open,) in self.stored("open", "door")]

    def close(self) -> None:
        self.link.close()
        self.write.close()


@pytest.fixture
def ingest(database: str) -> Iterator[Ingest]:
    found = Ingest(database)
    yield found
    found.close()


def door(is_open: int, device: str = "gps-1") -> Message:
    return f"{device}/door", orjson.dumps({"open": bool(is_open)})


KNOCKS = [1, 0, 1, 1, 0, 0, 1]


@pytest.mark.parametrize("groups", [[7], [1] * 7, [3, 4], [1, 5, 1]], ids=str)
@pytest.mark.parametrize("tick_us", [0, 1, S, -S, -STEP_BACK_US])
def test_without_a_clock_every_event_is_kept_in_the_order_it_came_whatever_the_groups_and_our_clock(
    ingest: Ingest, groups: list[int], tick_us: int
) -> None:
    left = iter(KNOCKS)
    for n in groups:
        ingest.receive(*(door(next(left)) for _ in range(n)))
        ingest.now_us += tick_us // len(groups)
    assert ingest.doors() == KNOCKS
    assert ingest.fleet.rows("select bool_and(flags & 32 <> 0), count(distinct time) from reading_door") == [(True, 7)]


SERIES = {
    "gps": ("lat", [60.1, 60.2, 60.2, 60.3, 60.1], {"lon": 25.0}, "position", "lat"),
    "temp": ("c", [4.1, 4.2, 4.2, 9.3, 4.1], {"probe": "rear"}, "temperature", "temp_c"),
    "rfid": ("ant", [1, 2, 2, 3, 1], {"epc": "3034257BF7194E4000001A85"}, "tag", "antenna"),
    "shelf": ("kg", [1.5, 2.5, 2.5, 3.5, 1.5], {"slot": "A"}, "shelf", "mass_kg"),
    "status": ("setpoint_c", [4.0, 5.0, 5.0, 6.0, 4.0], {"reefer": "on"}, "status", "setpoint_c"),
    "attr": ("num", [1.0, 2.0, 2.0, 3.0, 1.0], {"key": "rpm"}, "attribute", "value"),
}
ENCODE = {"": orjson.dumps, ".mp": msgspec.msgpack.encode, ".cbor": cbor2.dumps}


@pytest.mark.parametrize("encoding", list(ENCODE))
@pytest.mark.parametrize("stream", list(SERIES))
def test_without_a_clock_the_order_within_a_batch_counts_and_so_does_that_of_single_messages(
    ingest: Ingest, stream: str, encoding: str
) -> None:
    key, values, others, table, column = SERIES[stream]
    topic = f"reefer-1/{stream}{encoding}"
    ingest.receive(
        (topic, ENCODE[encoding]({key: values, **others})), (topic, ENCODE[encoding]({key: values[0]} | others))
    )
    ingest.receive(*((topic, ENCODE[encoding]({key: value} | others)) for value in values))
    assert [value for (value,) in ingest.stored(column, table)] == [*values, values[0], *values]


def test_a_long_batch_takes_moments_that_the_next_group_does_not_take_again(ingest: Ingest) -> None:
    ingest.receive(("gps-1/door", orjson.dumps({"open": [True, False] * 2000})))
    ingest.now_us += 10
    ingest.receive(*(door(at % 2) for at in range(7)))
    assert ingest.doors() == [1, 0] * 2000 + [0, 1, 0, 1, 0, 1, 0]


@pytest.mark.parametrize("form", ["thingsboard", "senml", "native"])
def test_formats_that_give_no_time_keep_the_order_also_beside_one_another(ingest: Ingest, form: str) -> None:
    values = [20.5, 21.5, 21.5, 20.5]
    said = {
        "thingsboard": lambda c: ("reefer-1/thingsboard", orjson.dumps({"temperature": c})),
        "senml": lambda c: ("reefer-1/senml", orjson.dumps([{"n": "temperature", "u": "Cel", "v": c}])),
        "native": lambda c: ("reefer-1/temp", orjson.dumps({"c": c, "probe": "main"})),
    }
    others = [said["native"](c + 100) for c in values]
    ingest.receive(*(each for pair in zip((said[form](c) for c in values), others, strict=True) for each in pair))
    assert [c for (c,) in ingest.stored("temp_c", "temperature")] == [c + d for c in values for d in (0, 100)]


@pytest.mark.parametrize("again", [1, 3])
def test_a_group_that_is_committed_or_brought_from_disk_twice_is_stored_once(ingest: Ingest, again: int) -> None:
    messages = [door(k) for k in KNOCKS]
    received_us = ingest.receive(*messages)
    for _ in range(again):
        ingest.preparer = ingest.another()
        ingest.receive(*messages, at_us=received_us)
    ingest.now_us += S
    ingest.receive(*messages)
    assert ingest.doors() == KNOCKS * 2


def test_what_waited_in_quarantine_has_the_times_it_would_have_had(ingest: Ingest) -> None:
    bad = orjson.dumps({"open": [True, "ajar", False]})
    knocks = [door(k, "door-9") for k in KNOCKS]
    ingest.receive(door(0), ("gps-1/door", bad), *knocks[:4], door(1))
    ingest.receive(*knocks[4:])
    assert ingest.doors() == [0, 1, 0, 1]
    ingest.add("door-9")
    kept = Quarantine(ingest.write.connection, "main")
    kept.ask_for_device("door-9", None)
    number = next(m["id"] for m in kept.messages() if m["device"] == "gps-1")
    assert kept.ask(number, "test", payload=bad.replace(b'"ajar"', b"true"))
    while ingest.redriver.work():
        pass
    rows = ingest.stored("d.name, open::int", "door r join device d on d.id = r.device_id")
    assert [o for name, o in rows if name == "door-9"] == KNOCKS
    assert [o for name, o in rows if name == "gps-1"] == [0, 1, 1, 0, 1]


def test_readings_of_one_second_stand_in_the_order_they_came_and_the_last_is_last(ingest: Ingest) -> None:
    t = (T0 - 60 * S) // 1000
    temps = [4.0, 9.5, 3.5, 12.0, 4.5]
    for c in temps[:3]:
        ingest.receive(("reefer-1/temp", orjson.dumps({"t": t, "c": c, "probe": "rear"})))
    ingest.receive(*(("reefer-1/temp", orjson.dumps({"t": t, "c": c, "probe": "rear"})) for c in temps[3:]))
    fixes = [60.3, 60.1, 60.2]
    ingest.receive(("gps-1/gps", orjson.dumps({"t": t, "lat": fixes, "lon": 25.0})))
    assert [c for (c,) in ingest.stored("temp_c", "temperature")] == temps
    assert [lat for (lat,) in ingest.stored("lat", "position")] == fixes
    assert ingest.fleet.rows("select temp_c from series_state") == [(4.5,)]


def test_numbered_readings_of_one_second_stand_in_the_order_of_their_numbers_however_they_came(ingest: Ingest) -> None:
    t = (T0 - 60 * S) // 1000
    said = [orjson.dumps({"t": t, "c": c, "boot": "b1", "seq": n}) for n, c in enumerate([4.0, 9.5, 3.5, 12.0], 1)]
    for raw in (said[2], said[0], said[3], said[1], said[2]):
        ingest.receive(("reefer-1/temp", raw))
    assert ingest.stored("seq, temp_c", "temperature") == [(1, 4.0), (2, 9.5), (3, 3.5), (4, 12.0)]
    assert ingest.fleet.rows("select temp_c from series_state") == [(12.0,)]


def test_a_clock_that_is_set_back_far_is_believed() -> None:
    moments = iter([1000 * S, 1000 * S, 990 * S, 100 * S, 101 * S])
    clock = Steady(lambda: next(moments))
    assert [clock() for _ in range(5)] == [1000 * S, 1000 * S + 1, 1000 * S + 2, 100 * S, 101 * S]
