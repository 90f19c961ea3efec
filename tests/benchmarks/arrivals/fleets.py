"""A simulated fleet whose truth is known: unequal lanes, hours and drivers, and days that are not like the others.

Twelve days of ninety-six rounds with eight stops and a timetable. A leg takes its plan x lane x hour x driver x luck
of the trip (which wanders along it) x noise. From the fifth day on: a jam on a part of the line from 7 to 10, a
holiday (everything a quarter faster), a closed road (one leg five minutes longer), and from the tenth day on all is
10 % slower.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from domain.readings import F64, I64
from tests.benchmarks.arrivals.scores import Scored, Watched, trace
from tests.benchmarks.figures import Figure
from tracker.arrival_times.arrivals import Stops
from tracker.arrival_times.backtest import Predicted
from tracker.rules.forecast import NO_TIME, Knowledge

DAY_S, DAYS, TRIPS, STOPS = 86_400.0, 12, 96, 8
BEGIN_S = 1_750_032_000.0  # a Monday, 2025-06-16
JAM, HOLIDAY, CLOSED, SLOWER = 4, 6, 8, 9
KINDS = {JAM: "jam", HOLIDAY: "holiday", CLOSED: "closed road", SLOWER: "10 % slower", SLOWER + 1: "the day after"}
EVERY_S = 90.0
SETTLED = 100  # arrivals of a changed day after which the range is to hold again
REGRET = 1.05
OFF = 5.0
SEEDS = (1, 2, 3)


@dataclass(frozen=True)
class Fleet:
    """Rounds in order of departure: their days, planned and true times at each stop, seconds."""

    day: I64
    planned: F64
    truth: F64
    way_m: F64  # of each stop

    @classmethod
    def of(cls, seed: int) -> Fleet:
        rng = np.random.default_rng(seed)
        leg_m = rng.uniform(1_500.0, 6_000.0, STOPS - 1)
        plan = leg_m / rng.uniform(7.0, 14.0, STOPS - 1) + 60.0
        lane, driver = rng.lognormal(0.05, 0.15, STOPS - 1), rng.lognormal(0.0, 0.06, 8)
        days, planned, truth = [], [], []
        for trip in range(DAYS * TRIPS):
            day, turn = divmod(trip, TRIPS)
            leaves = BEGIN_S + day * DAY_S + 6 * 3600 + turn * 600.0
            hour = (leaves - BEGIN_S) % DAY_S / 3600
            luck = np.cumsum(rng.normal(0, 0.03, STOPS - 1)) + rng.normal(0, 0.05)
            taken = plan * lane * driver[trip % 8] * np.exp(luck) * rng.gamma(20.0, 1 / 20.0, STOPS - 1)
            taken *= 1.2 if 7 <= hour < 9 or 15 <= hour < 17 else 1.0
            if day == JAM and 7 <= hour < 10:
                taken[2:4] *= 2.0
            taken *= 0.75 if day == HOLIDAY else 1.1 if day >= SLOWER else 1.0
            taken[5] += 300.0 if day == CLOSED else 0.0
            days.append(day)
            planned.append(leaves + np.concatenate([[0.0], np.cumsum(plan)]))
            begins = leaves + rng.exponential(60.0)
            truth.append(begins + np.concatenate([[0.0], np.cumsum(taken)]))
        way = np.concatenate([[0.0], np.cumsum(leg_m)])
        return cls(np.array(days), np.array(planned), np.array(truth), way)

    def stops(self, *, timetable: bool) -> list[Stops]:
        lat, lon = 60.0 + self.way_m / 111_195.0, np.full(STOPS, 25.0)
        names, place = [f"s{i}" for i in range(STOPS)], np.arange(STOPS, dtype=np.int64)
        never = np.full(STOPS, NO_TIME)
        return [
            Stops.of(names, lat, lon, np.round(row * 1e6).astype(np.int64) if timetable else never, place)
            for row in self.planned
        ]

    def fixes(self) -> list[tuple[float, int, float, float]]:
        """From ten minutes before departure on, each minute, and at the end."""
        rows = []
        for i, (planned, truth) in enumerate(zip(self.planned, self.truth, strict=True)):
            at = np.append(np.arange(planned[0] - 600.0, truth[-1], EVERY_S), truth[-1])
            north = np.interp(at, truth, self.way_m)
            rows += [(t, i, 60.0 + m / 111_195.0, 25.0) for t, m in zip(at.tolist(), north.tolist(), strict=True)]
        return rows


def run(seed: int, *, timetable: bool = True) -> tuple[Fleet, Scored, Watched]:
    """A fleet's predictions, in order of arrival, grouped by day."""
    line = Fleet.of(seed)
    replay = Watched(line.stops(timetable=timetable), Knowledge.none())
    made = list(replay.run(trace(line.fixes())))
    found = Predicted(*(np.concatenate(column) for column in zip(*made, strict=True)))
    truth, at = line.truth[found.vehicle, found.stop], found.t_us / 1e6
    plain = np.full((len(at), 4), np.nan)
    plain[:, 0] = np.maximum(line.planned[found.vehicle, found.stop], at)
    ends = (column / 1e6 for column in (found.p10_us, found.p50_us, found.p90_us))
    scored = Scored(at, *ends, truth, at[:, None] + found.said_s, plain, line.day[found.vehicle], found.stop)
    rows = (at < truth) & (found.stop > 0)
    order = np.argsort(truth[rows], kind="stable")
    kept = scored.take(rows)
    return line, Scored(*(getattr(kept, name)[order] for name in Scored.__dataclass_fields__)), replay


def measure() -> list[Figure]:
    """The mixture against the best expert of each day, coverage after each change, and sums without a timetable."""
    regrets: dict[str, list[float]] = {}
    covered: dict[str, list[float]] = {}
    sums = []
    for seed in SEEDS:
        line, scored, _ = run(seed)
        for day, kind in KINDS.items():
            part = scored.take(scored.group == day)
            best = min(mae for mae in part.expert_mae_s().values() if not np.isnan(mae))
            regrets.setdefault(kind, []).append(part.mae_s() / best)
            arrivals = np.sort(line.truth[line.day == day].ravel())
            covered.setdefault(kind, []).append(part.take(part.truth > arrivals[SETTLED]).covered())
        _, _, untimed = run(seed, timetable=False)
        sums.append(untimed.legs.ratio(300))
    worst = {kind: float(np.mean(each)) for kind, each in regrets.items()}
    held = {kind: float(np.mean(each)) for kind, each in covered.items()}
    return [
        Figure(
            "simulated fleet, mixture over the best expert of the day, worst day",
            "x",
            [max(worst.values())],
            goal=REGRET,
            details_are="by day",
            details=worst,
            smaller_is_better=True,
        ),
        Figure(
            "simulated fleet, 80 % coverage 100 arrivals after a change is off by, worst day",
            "points",
            [max(abs(each - 80) for each in held.values())],
            goal=OFF,
            details_are="%",
            details=held,
            smaller_is_better=True,
        ),
        Figure(
            "simulated fleet without a timetable, expected over observed is off by",
            "%",
            [100 * abs(each - 1) for each in sums],
            goal=3.0,
            details_are="by seed",
            details={str(seed): each for seed, each in zip(SEEDS, sums, strict=True)},
            smaller_is_better=True,
        ),
    ]
