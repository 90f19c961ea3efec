"""What the tracker makes of things that are renamed, retired and restored while readings come."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import orjson
import psycopg
import pytest

from domain.names import partition_of
from domain.times import from_us
from ingest.directory import Directory
from ingest.prepare import Preparer
from store.db import connect
from store.labels import Labels
from store.lifecycle import KINDS, perform, rename, restore, retire
from store.link import Link
from store.log import LATE_LANE, PostgresLog
from store.registry import DeviceSpec, Registry
from tests.integration.api.seed import rows
from tests.integration.fleet import T0, Fleet, S
from tests.integration.tracker.test_verify import differences
from tests.logins import of_tracker
from tests.stack import settled, wait_for
from tracker.engine.verify import Verdict, Verifier
from tracker.families import FAMILIES
from tracker.service import Tracker, TrackerConfig


def day(fleet: Fleet) -> Any:
    """A truck that is at the site, away and back, six times in six hours."""
    t = np.arange(0, 6 * 3600, 30)
    away_m = 3000 * np.clip(np.sin(2 * np.pi * t / 3600) - 0.2, 0, None)
    return fleet.batch(
        "gps", "gps", t, seq=np.arange(len(t)), boot=1, lat=60 + away_m / 111_195, lon=25.0, accuracy_m=4
    )


def turn(fleet: Fleet, tracker: Any) -> None:
    """What the tracker does of itself: it hears of the registry, and folds again what that changes."""
    for _ in range(3):
        tracker._link.run(tracker._turn)
        fleet.settle(tracker)


def end(fleet: Fleet, what: Any, kind: str, name: str, at_s: float | None = None) -> None:
    with connect(fleet.dsn, "test") as c, c.transaction():
        tenant = Registry(c).tenant_id
        perform(c, tenant, what(KINDS[kind], name, "test"))
    if at_s is not None:
        with psycopg.connect(fleet.dsn) as c:  # at a moment of the readings, and not of today
            c.execute("alter table site disable trigger refuse_retired")
            c.execute("update site set retired_at = %s where name = %s", (from_us(T0 + round(at_s * S)), name))
            c.execute("alter table site enable trigger refuse_retired")
            c.execute("select pg_notify('frostway_registry', '')")


VISITS = "select entered_at, left_at from visit where superseded_at is null and not retracted order by 1"


@pytest.mark.parametrize("late", [False, True], ids=["live", "late"])
@pytest.mark.parametrize("at_s", [6_900, 8_200, 10_805], ids=["inside", "away", "between two fixes"])
def test_a_retired_site_is_visited_no_more_and_keeps_its_visits(database: str, at_s: int, late: bool) -> None:
    fleet = Fleet(database)
    tracker = fleet.tracker()
    whole = day(fleet)
    t_s = (whole.time_us - T0) / S
    if late:
        fleet.append(whole)
        turn(fleet, tracker)
    else:
        fleet.append(whole.take(t_s < at_s))
        turn(fleet, tracker)
    before = fleet.rows(VISITS)
    end(fleet, retire, "site", "dc-1", at_s)
    turn(fleet, tracker)
    if not late:
        for part in np.array_split(np.flatnonzero(t_s >= at_s), 5):
            fleet.append(whole.take(part))
            turn(fleet, tracker)
    visits = fleet.rows(VISITS)
    ended = from_us(T0 + at_s * S)
    assert [v for v in visits if v[1] is None or v[1] > ended] == []
    assert [v for v in before if v[1] and v[1] <= ended] == [v for v in visits if v in before]
    assert len(visits) >= 2
    assert differences(fleet, tracker) == []
    end(fleet, restore, "site", "dc-1")
    turn(fleet, tracker)
    again = fleet.rows(VISITS)
    assert len(again) > len(visits)
    assert differences(fleet, tracker) == []
    fleet.close(tracker)


def test_a_retired_slot_is_no_stock_and_comes_back(database: str) -> None:
    fleet = Fleet(database)
    tracker = fleet.tracker()

    def weighs(at_s: int, kg: float) -> list[tuple[Any, ...]]:
        fleet.append(fleet.batch("shelf", "shelf", [at_s, at_s + 60], slot_id=fleet.slot, mass_kg=kg))
        turn(fleet, tracker)
        return fleet.rows("select quantity from stock_level")

    assert weighs(0, 5.0) == [(5.0,)]
    end(fleet, retire, "slot", "shelf-1/A")
    assert weighs(600, 9.0) == [(5.0,)]
    end(fleet, restore, "slot", "shelf-1/A")
    assert weighs(1200, 7.0) == [(7.0,)]
    fleet.close(tracker)


class Line:
    """Messages of a vehicle's tracker through ingest into the log, and the tracker behind it, running."""

    def __init__(self, dsn: str) -> None:
        with connect(dsn, "test") as c, c.transaction():
            registry = Registry(c)
            registry.put_site("dc-1", label="dc-1", kind="dc", lat=60.0, lon=25.0, radius_m=200)
            registry.put_device(DeviceSpec("gps-1", "tracker", vehicle="truck-0"))
            registry.put_device(DeviceSpec("door-1", "door", site="dc-1"))
        self.dsn, self.sent, self.stop = dsn, 0, threading.Event()
        self.link = Link(dsn, "test")
        self.directory = Directory(self.link, PARTITIONS, time.monotonic)
        self.preparer = Preparer(self.directory, Labels(self.link), 10**17)
        self.log = PostgresLog(self.link)
        self.tracker = Tracker(TrackerConfig(of_tracker(dsn), partitions=PARTITIONS), self.stop)
        self.thread = threading.Thread(target=self.tracker.run)
        self.begin_ms = time.time_ns() // 1_000_000 - 6 * 3_600_000

    def send(self, count: int) -> None:
        """The next readings, half a minute of the vehicle's time apart; away and back within the hour."""
        for _ in range(count):
            t_ms = self.begin_ms + self.sent * 30_000
            away_m = 3000 * max(math.sin(self.sent * math.pi / 60) - 0.2, 0)
            made = {"t": t_ms, "lat": 60 + away_m / 111_195, "lon": 25.0, "acc": 4, "boot": "a", "seq": self.sent}
            now_us = time.time_ns() // 1000
            self.directory.refresh_when_old()
            prepared = self.preparer.prepare([(b"fw/v1/main/gps-1/gps", orjson.dumps(made), 1, False, False)], now_us)
            assert prepared.quarantine == []
            for frames in prepared.appends:
                assert {partition % LATE_LANE for partition in frames} == {HOME}
                self.log.append(frames)
            self.sent += 1

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        return rows(self.dsn, query)

    def close(self) -> None:
        self.stop.set()
        self.thread.join()
        self.link.close()


PARTITIONS = 4
HOME = partition_of("main", "vehicle/truck-0", PARTITIONS)


@pytest.fixture
def line(database: str) -> Iterator[Line]:
    """Ended also when its test fails: its tracker would go on for the rest of the run, in vain."""
    found = Line(database)
    found.thread.start()
    yield found
    found.close()


def test_readings_before_while_and_after_a_vehicle_and_its_site_are_renamed_are_one_history(
    line: Line, database: str
) -> None:
    """The names would be of other partitions: nothing moves, nothing is lost, nobody starts a program again."""
    names = ["truck-5", "truck-4", "truck-1", "truck-0", "truck-5"]
    assert HOME not in {partition_of("main", f"vehicle/{name}", PARTITIONS) for name in names[:2]}
    line.send(100)
    called, site = "truck-0", "dc-1"
    for n, name in enumerate(names):
        with connect(database, "test") as c, c.transaction():
            tenant = Registry(c).tenant_id
            perform(c, tenant, rename(KINDS["vehicle"], called, name, "test"))
            line.send(20)  # while it is not committed
            perform(c, tenant, rename(KINDS["site"], site, f"site-{n}", "test"))
        called, site = name, f"site-{n}"
        line.send(60)
    wait_for(lambda: settled(database), "all of it is stored and folded")
    assert line.ask("select count(*), count(distinct (boot_id, seq)) from reading_position") == [(line.sent, line.sent)]
    assert line.ask("select count(*) from vehicle") == [(1,)]
    visits = line.ask("select vehicle_id, site_id from visit where superseded_at is null and not retracted")
    assert len(visits) >= 4
    assert set(visits) == {(1, 1)}
    line.send(3)
    wait_for(lambda: settled(database), "the last ones")
    (told,) = line.ask("select body from change where partition >= 0 order by at desc, seq desc limit 1")
    assert {change["id"] for change in orjson.loads(told[0])["vehicles"]} == {called}
    assert line.tracker.engine.registry.sites[1].name == site
    link, verdict = Link(database, "verify", threading.Event()), Verdict()
    with link.connection.transaction():
        verifier = Verifier(link, line.tracker._config, FAMILIES)
        for kind, entity in verifier.entities("main", called):
            verifier.check(kind, entity, None, verdict)
    assert (verdict.checked["vehicle"], verdict.waiting, verdict.differences) == (1, 0, [])
    fresh = Directory(link, PARTITIONS, time.monotonic)
    fresh.refresh()
    device = fresh.route(b"fw/v1/main/gps-1/gps").device
    assert device is not None
    assert device.partition == HOME
    link.close()
