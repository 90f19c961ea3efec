"""What the rules of positions cost by themselves: no database, no text, the columns in and the facts out."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from tests.benchmarks.figures import Figure, show
from tests.benchmarks.fleet import track
from tracker.engine.carries import Table
from tracker.rules import geofence, quality, trips
from tracker.vehicles.positions import fixes_for, no_fixes

S = 1_000_000
GOAL = 200_000
FLEETS = (100, 1_000, 10_000, 50_000)
ZONES = (10, 100, 1_000, 10_000, 100_000)
ROWS = 10_000  # of a step
ON_WAY = 1_000  # ten around each site
RULES = ("quality", "trips", "geofence")
AHEAD_S = 300.0
BARS = "▁▂▃▄▅▆▇█"


class Spent(NamedTuple):
    """Readings, and the CPU seconds of each rule."""

    readings: int
    cpu_s: tuple[float, ...]

    @property
    def us(self) -> float:
        """Microseconds per reading of all rules."""
        return 1e6 * sum(self.cpu_s) / self.readings


def zones(count: int, vehicles: int) -> geofence.Fences:
    """Fences, a third of them polygons: `ON_WAY` on the circles of the vehicles, all others spread over Europe.

    Those on the way are a little ahead of where the vehicles begin: who is first heard of driving out made no visit.
    """
    rng = np.random.default_rng(1)
    lat, lon, _ = track(np.arange(count) % vehicles, np.full(count, AHEAD_S))
    far = np.arange(count) >= ON_WAY
    lat[far], lon[far] = rng.uniform(40, 60, far.sum()), rng.uniform(-5, 30, far.sum())
    corners = np.array([(-2, -1), (2, -1), (2, 1), (-2, 1), (-2, -1)]) * 0.001
    found = []
    for i in range(count):
        ring = np.add(corners, [lon[i], lat[i]]).tolist() if i % 3 == 0 else None
        found.append(geofence.Fence(i + 1, float(lat[i]), float(lon[i]), 150.0, ring))
    return geofence.Fences(found)


def steps(vehicles: int, each: int, count: int) -> Iterator[trips.Rows]:
    """Steps in which every vehicle sends so many fixes, ten seconds apart, with 5 m of noise; half have an ignition."""
    rng = np.random.default_rng(2)
    for step in range(count):
        vehicle = np.repeat(np.arange(vehicles), each)
        second = np.tile((step * each + np.arange(each)) * 10.0, vehicles)
        lat, lon, _ = track(vehicle, second)
        n = len(vehicle)
        lat, lon = lat + rng.normal(0, 4e-5, n), lon + rng.normal(0, 8e-5, n)
        ignition = np.where(vehicle % 2 == 0, 1, -1).astype(np.int8)
        speed = np.where(vehicle % 3 == 0, np.nan, 15.0)
        unknown, accuracy = np.full(n, np.nan), np.full(n, 5.0)
        yield trips.Rows(vehicle + 1, second.astype(np.int64) * S, lat, lon, accuracy, speed, ignition, unknown)


class Fold:
    """The rules of positions with their carries."""

    def __init__(self, fences: geofence.Fences) -> None:
        self.fences, self.fixes, self.trips = fences, Table(no_fixes()), Table(trips.Carry.empty())
        self.visits = geofence.Carry.empty()
        self.facts = 0

    def step(self, rows: trips.Rows) -> Spent:
        """All rules over some rows; keeping the carries is not their work and not counted."""
        vehicles = np.unique(rows.entity)
        before = fixes_for(self.fixes.of(vehicles), vehicles)
        clock = [time.process_time()]
        fixes, _ = quality.step(before, rows.entity, rows.t_us, rows.lat, rows.lon)
        clock.append(time.process_time())
        moved, segments = trips.step(self.trips.rows, rows)
        clock.append(time.process_time())
        places = geofence.Rows(rows.entity, rows.t_us, rows.lat, rows.lon, rows.accuracy_m)
        kept, visits = geofence.step(self.fences, self.visits, places)
        clock.append(time.process_time())
        self.fixes.put(fixes)
        self.trips.put(moved)
        self.visits = self.visits.updated(kept)
        self.facts += int(visits.began_here.sum()) + int(segments.began_here.sum())
        return Spent(len(rows.entity), tuple(np.diff(clock).tolist()))


def run(vehicles: int, each: int, count: int, fences: geofence.Fences) -> list[Spent]:
    """What each step cost; the first two, in which everything is new, are left out where there are more."""
    fold = Fold(fences)
    spent = [fold.step(rows) for rows in steps(vehicles, each, count)]
    return spent[2:] or spent


def few_of(vehicles: int, fences: geofence.Fences, rounds: int) -> float:
    """Microseconds per reading when each step touches 100 of so many known vehicles."""
    fold, spent = Fold(fences), []
    for number, rows in enumerate(steps(vehicles, 1, 4 + rounds)):
        some = trips.Rows(*(getattr(rows, name)[:100] for name in trips.Rows.__dataclass_fields__))
        spent.append(fold.step(rows if number == 0 else some))
    return min(each.us for each in spent[2:])


def spark(values: Sequence[float]) -> str:
    """A line of bars from nought to the greatest.

    >>> spark([1.0, 2.0, 4.0])
    '▂▄█'
    """
    top = max(values)
    return "".join(BARS[max(0, round(len(BARS) * value / top) - 1)] for value in values)


def measure(rounds: int) -> list[Figure]:
    """Readings per second and core, and the cost over the sizes of fleets and of maps."""
    fences = zones(1_000, 10_000)
    found = []
    for vehicles, each, count in ((10_000, 1, 6), (10_000, 10, 4), (1, 8_640, 1)):
        spent = [each_step for _ in range(rounds) for each_step in run(vehicles, each, count, fences)]
        parts = {name: 1e6 * min(s.cpu_s[i] for s in spent) / spent[0].readings for i, name in enumerate(RULES)}
        name = f"rules of positions, {vehicles:,} vehicles x {each:,}"
        rates = [1e6 / s.us for s in spent]
        found.append(Figure(name, "readings/s/core", rates, goal=GOAL, details_are="µs per reading", details=parts))
    whole = {f"{n:,}": min(s.us for s in run(n, max(1, ROWS // n), 4 + rounds, fences)) for n in FLEETS}
    few = {f"{n:,}": few_of(n, fences, rounds) for n in FLEETS}
    many = {f"{n:,}": min(s.us for s in run(10_000, 1, 4 + rounds, zones(n, 10_000))) for n in ZONES}
    for name, sizes in (("vehicles", whole), ("vehicles of which 100 speak", few), ("zones", many)):
        line = f"{spark(list(sizes.values()))}  over {name}, dearest {show(max(sizes.values()))} µs"
        found.append(
            Figure(
                f"cost over {name}",
                "µs/reading",
                list(sizes.values()),
                smaller_is_better=True,
                details_are=f"µs per reading by {name}",
                details=sizes,
                remarks=[line],
            )
        )
    return found
