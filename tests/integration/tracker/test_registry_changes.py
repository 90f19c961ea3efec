"""What is corrected of the registry is so for all that is stored: sites made, moved and removed under vehicles."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import psycopg
import pytest

from domain.names import partition_of
from domain.times import from_us
from domain.vehicles import CLASSES
from store.db import connect
from store.registry import DeviceSpec, Registry
from tests.integration.fleet import T0, Fleet, S
from tests.integration.tracker.test_verify import DEG, PLACES, differences, tour
from tests.logins import of_tracker
from tracker.service import Tracker, TrackerConfig

TRUCKS = ("truck-1", "truck-2", "truck-3")
SITES = ("a", "b", "c")


class Ground(Fleet):
    """Three trucks and as many trackers on them, sites that come, move and go, and a tracker that has its moods."""

    def __post_init__(self) -> None:
        super().__post_init__()
        with connect(self.dsn, "test") as c, c.transaction():
            for n, truck in enumerate(TRUCKS[1:], 2):
                self.ids[f"gps{n}"] = Registry(c).put_device(DeviceSpec(f"gps-{n}", "tracker", vehicle=truck))
        self.log: list[str] = []
        self.head_s = 0
        self.t = self.tracker()

    # ------------------------------------------------------------ what may happen
    def live(self, rng: np.random.Generator) -> None:
        """A truck goes on."""
        batch = tour(self, rng, self.head_s, self._device(rng), step_s=int(rng.choice([20, 60, 250])))
        self.head_s += 5_000
        self._bring(rng, batch, np.arange(len(batch)))

    def late(self, rng: np.random.Generator) -> None:
        """A truck tells the past, in any order: of the last days, or of months ago."""
        begin_s = self.head_s - int(rng.integers(1, 40)) * int(rng.choice([500, 10_000, 100_000]))
        batch = tour(self, rng, begin_s, self._device(rng), step_s=int(rng.choice([20, 60, 250])))
        self._bring(rng, batch, rng.permutation(len(batch)))

    def _device(self, rng: np.random.Generator) -> str:
        return str(rng.choice(["gps", "gps2", "gps3"]))

    def _bring(self, rng: np.random.Generator, batch: Any, order: Any) -> None:
        for part in np.array_split(order, rng.integers(1, 4)):
            self.append(batch.take(np.sort(part)))
            if rng.random() < 0.7:
                self.t.step()
            if rng.random() < 0.3:
                self.settle(self.t)

    def site(self, rng: np.random.Generator) -> None:
        """A site is made, moved, given another shape, or taken off the map."""
        metres = float(rng.choice(PLACES) + rng.choice([0.0, 150.0, 2_000.0]))
        lat, lon, shape = 60 + metres * DEG, 25.0 + float(rng.choice([0.0, 0.001])), int(rng.integers(5))
        half = float(rng.choice([0.001, 0.003]))
        more: dict[str, Any] = {"radius_m": float(rng.choice([50.0, 200.0, 900.0]))}
        if shape == 1:
            ring = [[lon + half * x, lat + half * y] for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1))]
            more["polygon"] = {"type": "Polygon", "coordinates": [ring]}
        elif shape == 2:
            more["corridor"] = {"type": "LineString", "coordinates": [[lon, lat], [lon, lat + 10 * half]]}
        elif shape == 3:
            more["dwell_s"] = float(rng.choice([60.0, 1_200.0]))
        elif shape == 4:
            lat = lon = 0.0
        name = str(rng.choice(SITES))
        with connect(self.dsn, "test") as c, c.transaction():
            r = Registry(c)
            c.execute("update site set retired_at = null where name = %s and retired_at is not null", (name,))
            r.put_site(name, label=name, kind="depot", lat=lat, lon=lon, **more)
            if rng.random() < 0.3:
                r.put_zone(name, "dock", str(rng.integers(9)))

    def remove(self, rng: np.random.Generator) -> None:
        """A site goes, with its zones."""
        with psycopg.connect(self.dsn) as c:
            name = str(rng.choice(SITES))
            c.execute("delete from zone where site_id in (select id from site where name = %s)", (name,))
            c.execute("delete from site where name = %s", (name,))

    def retire(self, rng: np.random.Generator) -> None:
        """A site ends at a moment of the readings, or at another, or is restored."""
        at_s = self.head_s - int(rng.integers(-6_000, 20_000))
        when = None if rng.random() < 0.3 else from_us(T0 + at_s * S)
        with psycopg.connect(self.dsn) as c:
            c.execute("alter table site disable trigger refuse_retired")
            c.execute("update site set retired_at = %s where name = %s", (when, str(rng.choice(SITES))))
            c.execute("alter table site enable trigger refuse_retired")

    def assign(self, rng: np.random.Generator) -> None:
        """A tracker was on another truck, or on none."""
        truck = [*TRUCKS, None][rng.integers(4)]
        since, until = np.sort(self.head_s - rng.integers(-5_000, 400_000, 2))
        span = [None if rng.random() < 0.3 else from_us(T0 + int(s) * S) for s in (since, until)]
        if since < until:
            with connect(self.dsn, "test") as c, c.transaction():
                device = f"gps-{rng.integers(1, 4)}"
                Registry(c).assign(device, vehicle=truck, since=span[0], until=span[1], by="test")

    def classify(self, rng: np.random.Generator) -> None:
        """A truck is of a class, of another than before, or of none after all."""
        with psycopg.connect(self.dsn) as c:
            word = [*CLASSES, None][rng.integers(len(CLASSES) + 1)]
            c.execute("update vehicle set class = %s where name = %s", (word, str(rng.choice(TRUCKS))))

    def hear(self, rng: np.random.Generator) -> None:
        """The tracker hears of what has changed, and perhaps folds some of it."""
        self.t._read_registry()
        for _ in range(rng.integers(0, 4)):
            self.t._refold_some(self.now_us, now=True)

    def restart(self, rng: np.random.Generator) -> None:
        """The tracker begins anew."""
        del rng
        self.close(self.t)
        self.t = self.tracker()

    def idle(self) -> None:
        """Until nothing waits."""
        self.t._read_registry()
        self.settle(self.t)
        waits = "select 1 from dirty union all select 1 from reassigned union all select 1 from refenced"
        assert self.rows(waits) == []


WHAT = ("live", "live", "late", "site", "site", "remove", "retire", "assign", "classify", "hear", "restart")


@pytest.mark.parametrize("seed", range(int(os.environ.get("FROSTWAY_TEST_SEEDS", "20"))))
def test_a_proof_agrees_whatever_is_corrected_of_the_registry_and_when(
    database: str, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some things happen, one after the other, also while a vehicle is folded again in small portions."""
    monkeypatch.setattr("tracker.vehicles.refold.PORTION", 150)
    monkeypatch.setattr("tracker.service.REFOLD_BUDGET_S", 0.0)
    rng, ground = np.random.default_rng(seed), Ground(database)
    happened = ["live", *rng.choice(WHAT, rng.integers(4, 16)).tolist()]
    try:
        for what in happened:
            act: Callable[[np.random.Generator], None] = getattr(ground, what)
            act(rng)
        ground.idle()
        assert differences(ground, ground.t) == [], happened
    finally:
        ground.close(ground.t)


# ---------------------------------------------------------------- one by one
HERE_M, AWAY_M = 4_000.0, 9_000.0
VISITS = """select v.name, s.name, f.entered_at, f.left_at from visit f join vehicle v on v.id = f.vehicle_id
left join site s on s.id = f.site_id where f.superseded_at is null and not f.retracted order by 3, 1"""


@pytest.fixture
def ground(database: str) -> Iterator[Ground]:
    found = Ground(database)
    yield found
    found.close(found.t)


def way(fleet: Fleet, device: str, points: list[tuple[float, float]], step_s: int = 20) -> Any:
    """Fixes along places (second, metres north)."""
    t = np.arange(points[0][0], points[-1][0], step_s)
    metres = np.interp(t, *zip(*points, strict=True))
    return fleet.batch("gps", device, t, lat=60 + metres * DEG, lon=25.0, accuracy_m=5.0)


def parked(fleet: Fleet, device: str, metres: float, begin_s: int = 0) -> Any:
    """Comes from 2.5 km away, arrives after ten minutes, and stays for an hour."""
    return way(fleet, device, [(begin_s, metres - 2_500), (begin_s + 600, metres), (begin_s + 4_200, metres)])


def put(fleet: Fleet, metres: float, name: str = "a", **more: Any) -> None:
    with connect(fleet.dsn, "test") as c, c.transaction():
        given = {"radius_m": 100.0} | more
        Registry(c).put_site(name, label=name, kind="depot", lat=60 + metres * DEG, lon=25.0, **given)


def told(tracker: Tracker) -> None:
    """The tracker is told by the database that the registry has changed, and looks."""
    while not tracker._registry_changed:
        tracker._woken = False
        tracker._wait(30.0)
    tracker._read_registry()


def waiting(ground: Ground) -> list[str]:
    names = dict(ground.rows("select id, name from vehicle"))
    return sorted(names[entity] for (_, entity), _ in ground.t.engine.late.due(0, now=True))


def test_a_site_made_under_parked_trucks_has_their_visits_with_their_true_begin(ground: Ground) -> None:
    ground.append(parked(ground, "gps", HERE_M), parked(ground, "gps2", HERE_M, 60), parked(ground, "gps3", AWAY_M))
    ground.settle(ground.t)
    assert ground.rows(VISITS) == []
    put(ground, HERE_M)
    told(ground.t)
    assert waiting(ground) == ["truck-1", "truck-2"], "who was never near is left alone"
    ground.settle(ground.t)
    arrived = from_us(T0 + 576 * S)  # 100 m before the middle
    visits = ground.rows(VISITS)
    assert [(v, s, left) for v, s, _, left in visits] == [("truck-1", "a", None), ("truck-2", "a", None)]
    assert abs((visits[0][2] - arrived).total_seconds()) < 5
    assert abs((visits[1][2] - arrived).total_seconds() - 60) < 5
    assert differences(ground, ground.t) == []


def test_a_site_moved_and_removed_takes_its_visits_back_by_revisions(ground: Ground) -> None:
    put(ground, HERE_M)
    told(ground.t)
    ground.append(parked(ground, "gps", HERE_M))
    ground.settle(ground.t)
    assert [(v, s) for v, s, *_ in ground.rows(VISITS)] == [("truck-1", "a")]
    ground.append(parked(ground, "gps", AWAY_M, 5_000))
    ground.settle(ground.t)
    put(ground, AWAY_M)
    told(ground.t)
    ground.settle(ground.t)
    ((_, _, entered, left),) = ground.rows(VISITS)
    assert (entered > from_us(T0 + 5_000 * S), left) == (True, None)
    _removed(ground, "a")
    told(ground.t)
    ground.settle(ground.t)
    assert ground.rows(VISITS) == []
    words = ground.rows("select id, count(*), bool_or(retracted) from visit group by id order by id")
    assert [(n > 1, gone) for _, n, gone in words] == [(True, True)] * 2, "what was said before is kept"
    assert differences(ground, ground.t) == []


def _removed(fleet: Fleet, name: str) -> None:
    with psycopg.connect(fleet.dsn) as c:
        c.execute("delete from site where name = %s", (name,))


def test_a_site_made_between_two_fixes_finds_who_drove_through(ground: Ground) -> None:
    ground.append(way(ground, "gps", [(0, 0.0), (2_000, 40_000.0)], step_s=240))
    ground.settle(ground.t)
    put(ground, 12_000.0)
    told(ground.t)
    ground.settle(ground.t)
    assert [(v, s) for v, s, *_ in ground.rows(VISITS)] == [("truck-1", "a")]
    assert differences(ground, ground.t) == []


def test_what_changed_while_no_tracker_was_there_is_found_by_the_next(ground: Ground) -> None:
    ground.append(parked(ground, "gps", HERE_M))
    ground.settle(ground.t)
    ground.close(ground.t)
    put(ground, HERE_M)
    with pytest.raises(AssertionError):  # a proof says that it is waiting
        differences(ground, ground.t)
    ground.t = ground.tracker()
    assert waiting(ground) == ["truck-1"]
    ground.idle()
    assert len(ground.rows(VISITS)) == 1
    assert differences(ground, ground.t) == []


def test_a_change_that_the_fold_does_not_see_folds_nothing(ground: Ground) -> None:
    put(ground, HERE_M)
    ground.append(parked(ground, "gps", HERE_M))
    ground.idle()
    with connect(ground.dsn, "test") as c, c.transaction():
        r = Registry(c)
        r.put_site("a", label="another name", kind="dc", lat=60 + HERE_M * DEG, lon=25.0, radius_m=100.0)
        r.put_zone("a", "dock")
        r.notify()
    told(ground.t)
    assert waiting(ground) == []


def test_vehicles_whose_ways_were_not_kept_are_all_folded_again_once(ground: Ground) -> None:
    ground.append(parked(ground, "gps", HERE_M), parked(ground, "gps3", AWAY_M))
    ground.settle(ground.t)
    with psycopg.connect(ground.dsn) as c:
        c.execute("delete from vehicle_cell")
        c.execute(
            "insert into vehicle_cell (tenant_id, cell, vehicle_id, since) "
            "select tenant_id, -1, vehicle_id, '1970-01-01T00:00:00.000001Z' from vehicle_state"
        )
    put(ground, HERE_M)
    told(ground.t)
    assert waiting(ground) == ["truck-1", "truck-3"]
    ground.settle(ground.t)
    assert differences(ground, ground.t) == []
    put(ground, HERE_M, radius_m=150.0)
    told(ground.t)
    assert waiting(ground) == ["truck-1"]


def test_each_tracker_folds_its_own_vehicles_again(database: str) -> None:
    ground = Ground(database)
    ground.close(ground.t)
    partitions = {n: partition_of("main", f"vehicle/truck-{n}", 3) for n in (1, 2, 3)}
    assert set(partitions.values()) == {1, 2}
    lock = "select pg_advisory_lock(hashtextextended('frostway.partition', 2))"
    with psycopg.connect(database, autocommit=True) as other:
        other.execute(lock)
        trackers = [_one_of_two(ground)]
        other.execute(lock.replace("lock", "unlock", 1))
        trackers.append(_one_of_two(ground))
    assert [t._owned for t in trackers] == [[0, 1], [2]]
    for n, partition in partitions.items():
        ground.append(parked(ground, "gps" if n == 1 else f"gps{n}", HERE_M), partition=partition)
    for tracker in trackers:
        ground.settle(tracker)
    put(ground, HERE_M)
    for tracker in trackers:
        told(tracker)
        ground.settle(tracker)
    assert sorted(v for v, *_ in ground.rows(VISITS)) == list(TRUCKS)
    assert ground.rows("select count(*) from refenced") == [(0,)]
    for tracker in trackers:
        ground.close(tracker)


def _one_of_two(fleet: Fleet) -> Tracker:
    config = TrackerConfig(of_tracker(fleet.dsn), partitions=3)
    found = Tracker(config, threading.Event(), clock=lambda: fleet.now_us)
    found.load()
    return found
