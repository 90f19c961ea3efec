"""Teltonika trackers are told things over their connection; what they say to it is matched, or said to be lost."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

from domain.wire.teltonika_commands import ANSWER, framed, told
from firmware_sim.teltonika import Tracker, serve
from ingest.doors.inbox import Fate, Inbox, Outcome
from ingest.doors.lines import Lines, Report, Told
from ingest.doors.teltonika import TeltonikaDoor
from ingest.line_commands import LineCommands
from ingest.service import Ingest, IngestConfig
from store.registry import DeviceSpec, Registry
from tests.contract.mosquitto import Mosquitto, executable, free_port, mosquitto
from tests.deadlines import deadline
from tests.integration.ingest.test_teltonika_door import BLOCK, HELLO, IMEI, Tracker8, connects, packet
from tests.logins import of_ingest
from tests.stack import wait_for

STORED = Outcome(Fate.STORED)


class Clocks:
    """A clock that we set."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Door:
    """A door with its lines and its inbox in our hands, and a tracker that is in."""

    def __init__(self) -> None:
        self.clock, self.inbox = Clocks(), Inbox()
        self.lines = Lines(wall=lambda: 5.0, monotonic=self.clock)
        self.door = TeltonikaDoor("127.0.0.1", 0, self.inbox, lambda imei: imei == IMEI, lines=self.lines)
        self.door.start()
        self.device = self.call()

    def call(self) -> Tracker8:
        found = Tracker8(self.door.port)
        assert found.ask(HELLO, 1) == b"\x01"
        wait_for(lambda: IMEI in self.lines.free() or self.lines.under_way(), "the line is open")
        return found

    def tell(self, number: int = 7, text: str = "getver") -> None:
        self.lines.tell(IMEI, Told(number, told(text)))

    def hears(self, text: str = "getver") -> None:
        wanted = told(text)
        assert self.device.read(len(wanted)) == wanted

    def report(self) -> Report:
        (found,) = wait_for(self.lines.reports, "a report")
        self.lines.taken(1)
        return found


@pytest.fixture
def door() -> Iterator[Door]:
    found = Door()
    yield found
    found.device.sock.close()
    found.door.stop()


def test_a_command_is_written_and_its_answer_is_matched_though_it_comes_among_packets(door: Door) -> None:
    door.tell()
    assert door.lines.free() == []  # one at a time
    door.hears()
    door.device.sock.sendall(packet(BLOCK) + framed(ANSWER, "Ver:03.27") + packet(BLOCK))
    for _ in range(2):
        (parcel,) = door.inbox.take(1, 0, 10)
        assert parcel.payload == BLOCK
        parcel.done(STORED)
        assert door.device.read(4) == (1).to_bytes(4, "big")
    assert door.report() == Report(7, "answered", "Ver:03.27", 5.0)
    assert door.lines.free() == [IMEI]


def test_an_answer_that_nobody_waits_for_and_one_that_is_none_are_kept_as_packets_are(door: Door) -> None:
    door.device.sock.sendall(framed(ANSWER, "by itself"))
    (first,) = door.inbox.take(1, 0, 10)
    first.done(Outcome(Fate.QUARANTINED, "unknown codec"))
    door.tell()
    door.hears()
    door.device.sock.sendall(framed(5, "a command") + framed(ANSWER, "Ver"))
    (second,) = door.inbox.take(1, 0, 10)
    assert (first.payload[0], second.payload[2]) == (0x0C, 5)
    second.done(Outcome(Fate.QUARANTINED, "unknown codec"))
    assert door.report()[:3] == (7, "answered", "Ver")


def test_a_connection_that_is_lost_before_the_answer_is_said_plainly(door: Door) -> None:
    door.tell()
    door.hears()
    door.device.sock.close()
    assert door.report()[:2] == (7, "lost")
    assert door.lines.free() == []
    door.tell(8)
    assert door.report()[:2] == (8, "unsent")  # nobody is there


def test_a_device_that_calls_again_is_told_over_its_new_connection_and_the_old_one_ends_what_it_has(
    door: Door,
) -> None:
    door.tell()
    door.hears()
    old, door.device = door.device, door.call()
    assert door.lines.free() == []  # the old one is not known to be dead, and waits for the answer
    old.sock.close()
    assert door.report()[:2] == (7, "lost")
    door.tell(8)
    door.hears()
    door.device.sock.sendall(framed(ANSWER, "x"))
    assert door.report()[:2] == (8, "answered")


def test_who_says_nothing_to_a_command_is_hung_up_on_so_that_a_late_answer_is_nobodys(door: Door) -> None:
    door.tell()
    door.hears()
    door.clock.now += 121
    assert door.report()[:2] == (7, "silent")
    assert door.device.read(1) == b""
    with suppress(ConnectionError):  # nobody may be there to take it
        door.device.sock.sendall(framed(ANSWER, "late"))
    assert door.lines.reports() == []


def test_a_door_that_closes_reports_what_was_not_answered(door: Door) -> None:
    door.tell()
    door.hears()
    door.door.stop()
    assert door.report()[:2] == (7, "lost")
    door.tell(8)
    assert door.report()[:2] == (8, "unsent")


# ---------------------------------------------------------------- from the table to the tracker and back
class Field:
    """A database with a tracker in it, a broker, and an ingest with its door."""

    def __init__(self, database: str, broker: Mosquitto) -> None:
        self.database, self.port = database, free_port()
        self._stop = threading.Event()
        config = IngestConfig(of_ingest(database), broker.url_for("ingest"), teltonika_port=self.port)
        self._thread = threading.Thread(target=Ingest(config, self._stop).run, daemon=True)
        self._thread.start()
        self.away = threading.Event()
        self._tracker: threading.Thread | None = None
        wait_for(lambda: connects(self.port), "the door is open")

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database) as connection:
            cursor = connection.execute(query, values)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []

    def tell(self, name: str, argument: str = "{}", seconds: float = 600) -> int:
        made = self.rows(
            "insert into command (tenant_id, device_id, name, via, argument, made_by, expires_at) "
            "select tenant_id, id, %s, 'teltonika', %s, 'ann', now() + make_interval(secs => %s) from device "
            "where name = 'fmb-1' returning id, pg_notify('frostway_command', '')",
            name, argument, seconds,
        )  # fmt: skip
        return int(made[0][0])

    def state(self, number: int) -> tuple[Any, ...]:
        return self.rows("select state, answer, failure, sent_count from command where id = %s", number)[0]

    def drive(self) -> Tracker:
        found = Tracker(IMEI)
        self._tracker = threading.Thread(target=serve, args=(found, "127.0.0.1", self.port, self.away, 0.2))
        self._tracker.start()
        return found

    def close(self) -> None:
        self.away.set()
        if self._tracker:
            self._tracker.join(deadline(20))
        self._stop.set()
        self._thread.join(deadline(30))


@pytest.fixture
def field(database: str, tmp_path: Path) -> Iterator[Field]:
    if executable() is None:
        pytest.skip("needs mosquitto: apt-get install mosquitto")
    with psycopg.connect(database) as connection:
        Registry(connection).put_device(DeviceSpec("fmb-1", "tracker", vehicle="truck-9", foreign_id=IMEI))
    with mosquitto(tmp_path) as broker:
        found = Field(database, broker)
        yield found
        found.close()


def test_a_tracker_is_told_when_it_calls_and_its_answers_are_stored_in_order(field: Field) -> None:
    over = field.tell("getinfo", seconds=-1)
    numbers = [field.tell("getver"), field.tell("setdigout", '{"outputs": "10"}'), field.tell("getio")]
    wait_for(lambda: field.state(over)[0] == "expired", "the old one is over")
    assert [field.state(each)[0] for each in numbers] == ["waiting"] * 3  # it has not called
    tracker = field.drive()
    wait_for(lambda: field.state(numbers[-1])[0] == "answered", "the last is answered")
    first, second, third = (field.state(each) for each in numbers)
    assert first[0] == second[0] == "answered"
    assert IMEI in first[1]
    assert (second[1:], third[1:]) == (("DOUT1:1 DOUT2:0", None, 1), ("DI1:1 DI2:0 AIN1:0 DO1:1 DO2:0", None, 1))
    assert tracker.outputs == [1, 0]
    wait_for(lambda: tracker.acknowledged > 0, "its positions are acknowledged")
    assert field.rows("select format, at_door from device_voice") == [("teltonika", True)]
    assert field.rows("select count(*) from quarantine") == [(0,)]


def test_one_whose_connection_is_lost_is_not_sent_again(field: Field) -> None:
    device = Tracker8(field.port)
    assert device.ask(HELLO, 1) == b"\x01"
    number, next_ = field.tell("cpureset"), field.tell("getver")
    wanted = told("cpureset")
    assert device.read(len(wanted)) == wanted
    assert field.state(next_)[0] == "waiting"
    device.sock.close()
    wait_for(lambda: field.state(number) == ("failed", None, "lost", 1), "the loss is told")
    field.drive()
    wait_for(lambda: field.state(next_)[0] == "answered", "the next one goes over the next connection")
    assert field.state(number) == ("failed", None, "lost", 1)


def test_what_was_on_a_connection_of_an_ingest_that_has_ended_is_said_to_be_so(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        Registry(connection).put_device(DeviceSpec("fmb-1", "tracker", vehicle="truck-9", foreign_id=IMEI))
        for state, ago in (("sent", 1), ("sent", -30), ("waiting", 1)):
            connection.execute(
                "insert into command (tenant_id, device_id, name, via, argument, made_by, expires_at, state, next_at) "
                "select tenant_id, id, 'getver', 'teltonika', '{}', 'ann', now() + interval '1 hour', %s, "
                "now() - make_interval(secs => %s) from device",
                (state, ago),
            )
        LineCommands(Lines()).work(connection)
        found = connection.execute("select state, failure from command order by id").fetchall()
    assert found == [("failed", "ended"), ("sent", None), ("waiting", None)]


def test_nobody_waits_for_a_line_that_is_closed_while_it_is_told() -> None:
    class Gone:
        def tell(self, told: Told) -> None:
            lines.report(told.id, "unsent")

        def hang_up(self, id_: int) -> None:
            raise AssertionError(id_)

    lines, gone = Lines(), Gone()
    lines.open(IMEI, gone)
    lines.tell(IMEI, Told(1, b""))
    assert [each[:2] for each in lines.reports()] == [(1, "unsent")]
    lines.close(IMEI, gone)
    assert lines.free() == []
