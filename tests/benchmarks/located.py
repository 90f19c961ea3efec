"""Vehicles met on the way: recordings that begin at a random fix, the stop ahead and the arrival times from there.

The true stop ahead is the first whose place along the shape is not passed. Arrival times are those of somebody who
knows nothing but the timetable, so that whole trips know better only what they have seen of themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import numpy as np
from rich.console import Console

from domain.readings import F64, I64, Bool
from tests import recorded
from tests.benchmarks.figures import Figure, table
from tracker.arrival_times.arrivals import Journey, Stops
from tracker.arrival_times.backtest import Replay, Trace
from tracker.rules.forecast import NO_TIME, Knowledge

CUTS, SEED = 200, 11
THIRD = 2  # fixes before it
LEAST = 5  # fixes that are left
RIGHT_PERCENT, MAE_MOST = 97.0, 1.1


class Trip(NamedTuple):
    """A recording and what is true of it: the stop ahead at each fix, and when each stop was reached (NaN: unknown)."""

    line: str
    stops: Stops
    trace: Trace
    ahead: I64
    truth_s: F64

    def cut(self, first: int) -> Trip:
        """Without the fixes before this one."""
        t = self.trace
        trace = Trace(t.vehicle[first:], t.t_us[first:], t.lat[first:], t.lon[first:])
        return self._replace(trace=trace, ahead=self.ahead[first:])


class Found(NamedTuple):
    """Of all fixes from the third on: how many stops off the stop ahead was, and whether it was the third fix."""

    off: I64
    third: Bool


class Pair(NamedTuple):
    """The error of a prediction of a trip that was met on the way, and of the same one of the whole trip, minutes."""

    line: str
    met: float
    whole: float


def trip(line: str, bus: recorded.Bus) -> Trip:
    """A recorded bus with its timetable."""
    seq = [int(row[1]) for row in bus.stops]
    names = sorted({row[2] for row in bus.stops})
    stops = Stops.of(
        [row[2] for row in bus.stops],
        np.array([float(row[3]) for row in bus.stops]),
        np.array([float(row[4]) for row in bus.stops]),
        np.array([round(bus.planned[s] * 1e6) for s in seq], dtype=np.int64),
        np.array([names.index(row[2]) for row in bus.stops], dtype=np.int64),
    )
    t_us = np.array([round(datetime.fromisoformat(row[1]).timestamp() * 1e6) for row in bus.trace], dtype=np.int64)
    lat, lon = (np.array([float(row[i]) for row in bus.trace]) for i in (2, 3))
    way, along = np.array([bus.way[s] for s in seq]), np.array([bus.fixes[row[1]] for row in bus.trace])
    ahead = np.searchsorted(np.maximum.accumulate(way) - recorded.STANDS_M, along, side="right")
    truth = np.array([bus.truth.get(s, np.nan) for s in seq])
    return Trip(line, stops, Trace(np.zeros(len(t_us), np.int64), t_us, lat, lon), ahead, truth)


def timeless(trip: Trip) -> Trip:
    """Without its timetable."""
    s = trip.stops
    return trip._replace(stops=Stops.of(s.name, s.lat, s.lon, np.full(len(s), NO_TIME), s.place))


def cuts(trips: Sequence[Trip], count: int = CUTS, seed: int = SEED) -> list[tuple[int, int]]:
    """Which trip, in turn, and the fix it begins at."""
    rng = np.random.default_rng(seed)
    long = [i for i, each in enumerate(trips) if len(each.ahead) > LEAST]
    turns = [long[i % len(long)] for i in range(count)]
    return [(i, int(rng.integers(0, len(trips[i].ahead) - LEAST))) for i in turns]


def locate(trips: Sequence[Trip], where: Sequence[tuple[int, int]]) -> Found:
    """The stops ahead of the cut trips."""
    off, third = [], []
    for i, first in where:
        cut = trips[i].cut(first)
        journey = Journey(cut.stops)
        for k, (t_us, lat, lon) in enumerate(zip(*(c.tolist() for c in cut.trace[1:]), strict=True)):
            journey.move(t_us, lat, lon)
            if k >= THIRD:
                off.append(journey.next - int(cut.ahead[k]))
                third.append(k == THIRD)
    return Found(np.array(off), np.array(third))


def errors_min(trip: Trip, skip: int = 0) -> dict[tuple[int, int], float]:
    """How wrong p50 was, by fix and stop; some fixes are left out."""
    found: dict[tuple[int, int], float] = {}
    since = int(trip.trace.t_us[skip])
    for made in Replay([trip.stops], Knowledge.none()).run(trip.trace):
        for t_us, stop, p50_us in zip(made.t_us.tolist(), made.stop.tolist(), made.p50_us.tolist(), strict=True):
            if since <= t_us < trip.truth_s[stop] * 1e6:
                found[t_us, stop] = abs(p50_us / 1e6 - float(trip.truth_s[stop])) / 60
    return found


def pairs(trips: Sequence[Trip], where: Sequence[tuple[int, int]]) -> list[Pair]:
    """The same predictions, from the third fix on; what only the one has is not among them."""
    found: list[Pair] = []
    whole = {i: errors_min(trips[i]) for i, _ in where}
    for i, first in where:
        met = errors_min(trips[i].cut(first), THIRD)
        found += [Pair(trips[i].line, met[key], whole[i][key]) for key in met.keys() & whole[i].keys()]
    return found


def measure(lines: Mapping[str, Sequence[recorded.Bus]]) -> list[Figure]:
    """Every trip of these lines, cut some times: fixes with the right stop ahead, and error of arrival times."""
    trips = [trip(line, bus) for line, buses in lines.items() for bus in buses]
    where = cuts(trips)
    found, bare = locate(trips, where), locate([timeless(each) for each in trips], where)
    right = np.abs(found.off) <= 1
    both = pairs(trips, where)
    met, whole = (float(np.mean([getattr(pair, name) for pair in both])) for name in ("met", "whole"))
    alone = {
        f"{line}, {name}": float(np.mean([getattr(pair, name) for pair in both if pair.line == line]))
        for line in dict.fromkeys(pair.line for pair in both)
        for name in ("met", "whole")
    }
    return [
        Figure(
            "met on the way, next stop right ± 1 from the third fix on",
            "%",
            [100 * float(right.mean())],
            goal=RIGHT_PERCENT,
            details_are="of",
            details={
                "fixes": len(right),
                "at the third fix, %": 100 * float(right[found.third].mean()),
                "exactly right, %": 100 * float((found.off == 0).mean()),
                "mean stops off": float(np.abs(found.off).mean()),
                "without a timetable, %": 100 * float((np.abs(bare.off) <= 1).mean()),
            },
        ),
        Figure(
            "met on the way, MAE of p50",
            "min",
            [met],
            {"whole trips, the same predictions": whole},
            MAE_MOST * whole,
            details_are="min",
            details=alone,
            smaller_is_better=True,
        ),
    ]


if __name__ == "__main__":
    Console(width=150).print(table(measure({line: [recorded.bus(line)] for line in recorded.BUSES}), "met on the way"))
