"""Predictions with what came of them, what everybody has anyway beside them, and a table by horizon."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

import numpy as np
from rich.table import Table

from domain.readings import F64, I64, Bool
from tests.recorded import Bus
from tracker.arrival_times.arrivals import Reached, Stops
from tracker.arrival_times.backtest import Predicted, Replay, Trace, legs_driven
from tracker.rules.experts import NAMES
from tracker.rules.forecast import NO_TIME, Knowledge

EDGES_S = np.array([0.0, 600.0, 1800.0, 3600.0, np.inf])
AT_STOP_M = 60.0
SPARSE = 0.01  # of all predictions: a horizon with fewer is a trip or two
PLAIN = ("timetable", "timetable + delay", "constant speed", "mean of the past")


@dataclass(frozen=True)
class Scored:
    """One row per prediction; seconds. `plain` has a column for each of PLAIN, NaN: it cannot say."""

    made: F64
    low: F64
    middle: F64
    high: F64
    truth: F64
    said: F64  # arrival by each expert
    plain: F64
    group: I64  # what is averaged by: a trip, or a day
    stop: I64

    def take(self, rows: Bool) -> Scored:
        return Scored(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))

    @classmethod
    def join(cls, parts: Sequence[Scored]) -> Scored:
        return cls(*(np.concatenate([getattr(p, name) for p in parts]) for name in cls.__dataclass_fields__))

    def __len__(self) -> int:
        return len(self.made)

    @property
    def ahead_s(self) -> F64:
        return self.truth - self.made

    def mae_s(self) -> float:
        return float(np.abs(self.middle - self.truth).mean())

    def bias(self) -> float:
        """Mean error over the mean time to go."""
        return float((self.middle - self.truth).mean() / self.ahead_s.mean())

    def covered(self) -> float:
        """Percent between p10 and p90."""
        return 100 * float(((self.low <= self.truth) & (self.truth <= self.high)).mean())

    def width_s(self) -> float:
        return float((self.high - self.low).mean())

    def jitter_s(self) -> float:
        """Mean absolute move of p50 from one prediction of a stop to its next."""
        order = np.lexsort((self.made, self.stop, self.group))
        same = (np.diff(self.group[order]) == 0) & (np.diff(self.stop[order]) == 0)
        return float(np.abs(np.diff(self.middle[order]))[same].mean()) if same.any() else 0.0

    def expert_mae_s(self) -> dict[str, float]:
        return {n: _mae(self.said[:, i] - self.truth) for i, n in enumerate(NAMES)}

    def plain_mae_s(self) -> dict[str, float]:
        return {n: _mae(self.plain[:, i] - self.truth) for i, n in enumerate(PLAIN)}

    def horizons(self) -> list[tuple[str, Scored]]:
        """By the predicted time to go, those with enough predictions."""
        of = np.searchsorted(EDGES_S, self.middle - self.made, side="right") - 1
        found = [(_name(i), self.take(of == i)) for i in range(len(EDGES_S) - 1)]
        return [(name, part) for name, part in found if len(part) >= SPARSE * len(self)]


def _mae(error: F64) -> float:
    known = ~np.isnan(error)
    return float(np.abs(error[known]).mean()) if known.any() else float("nan")


def _name(i: int) -> str:
    low, high = EDGES_S[i] / 60, EDGES_S[i + 1] / 60
    return f"{low:.0f}-{high:.0f} min" if np.isfinite(high) else f">= {low:.0f} min"


def table(title: str, all_: Scored) -> Table:
    """Mean errors in seconds beside those of what everybody has, by horizon."""
    found = Table(title=title, title_justify="left")
    found.add_column("time to go")
    for head in ("n", "MAE", "bias %", "covered %", "width", *PLAIN, *NAMES):
        found.add_column(head, justify="right")
    for name, part in [("all", all_), *all_.horizons()]:
        errors = [*part.plain_mae_s().values(), *part.expert_mae_s().values()]
        row = [part.mae_s(), 100 * part.bias(), part.covered(), part.width_s(), *errors]
        found.add_row(name, f"{len(part):,}", *(f"{v:.1f}" if abs(v) < 10 else f"{v:.0f}" for v in row))
    return found


# ---- replays --------------------------------------------------------------------------------------------------------


@dataclass
class Legs:
    """Legs as they were expected when they began, and as they were; seconds, with the stay before them."""

    expected: list[float] = field(default_factory=list)
    observed: list[float] = field(default_factory=list)

    def ratio(self, after: int) -> float:
        return sum(self.expected[after:]) / sum(self.observed[after:])


class Watched(Replay):
    """A replay that keeps what was expected of each leg before it taught."""

    def __init__(self, stops: list[Stops], knowledge: Knowledge) -> None:
        super().__init__(stops, knowledge)
        self.legs = Legs()

    def _learn(self, whole: list) -> None:
        for vehicle, reached in whole:
            self._keep(vehicle.journey.stops, reached)
        super()._learn(whole)

    def _keep(self, stops: Stops, reached: Reached) -> None:
        if not np.isnan(stops.base_s[reached.stop]):
            return
        legs, _ = legs_driven([(stops, reached)])
        travel = self.knowledge.travel_s(legs, legs.t_us)
        stay = stayed = 0.0
        if reached.stop > 1 and not np.isnan(reached.stayed_s):  # before that it waits for its trip to begin
            place, stayed = np.array([stops.before[reached.stop]]), reached.stayed_s
            stay = float(self.knowledge.dwell_s(place, legs.t_us, travel)[0])
        self.legs.expected.append(float(travel[0]) + stay)
        self.legs.observed.append(float(legs.travel_s[0]) + stayed)


def number(name: str) -> int:
    """The same wherever the name is."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big", signed=True)


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def stops_of(bus: Bus, *, timetable: bool) -> Stops:
    rows = bus.stops
    planned = [round(seconds(row[5]) * 1e6) if timetable else NO_TIME for row in rows]
    return Stops.of(
        [row[2] for row in rows],
        np.array([float(row[3]) for row in rows]),
        np.array([float(row[4]) for row in rows]),
        np.array(planned, dtype=np.int64),
        np.array([number(row[2]) for row in rows], dtype=np.int64),
    )


def trace_of(buses: Sequence[Bus]) -> Trace:
    rows = [(seconds(t), i, float(lat), float(lon)) for i, bus in enumerate(buses) for _, t, lat, lon in bus.trace]
    return trace(rows)


def trace(rows: Iterable[tuple[float, int, float, float]]) -> Trace:
    """From (seconds, vehicle, lat, lon), of two at one moment the first."""
    t, vehicle, lat, lon = (np.array(column) for column in zip(*sorted(rows), strict=True))
    t_us, vehicle = np.round(t * 1e6).astype(np.int64), vehicle.astype(np.int64)
    keep = np.append(True, (np.diff(t_us) != 0) | (np.diff(vehicle) != 0))
    return Trace(vehicle[keep], t_us[keep], lat[keep], lon[keep])


def replay(buses: Sequence[Bus], known: Knowledge, *, timetable: bool = True) -> tuple[Watched, Predicted]:
    run = Watched([stops_of(b, timetable=timetable) for b in buses], known)
    made = list(run.run(trace_of(buses)))
    return run, Predicted(*(np.concatenate(column) for column in zip(*made, strict=True)))


def score(buses: Sequence[Bus], made: Predicted, past: Sequence[Bus] = ()) -> Scored:
    """Predictions made before their true arrivals; `past` is what the mean of the past is made of."""
    mean_of = _means(past)
    return Scored.join([_of_bus(i, bus, made, mean_of) for i, bus in enumerate(buses)])


def _of_bus(i: int, bus: Bus, made: Predicted, mean_of: dict[tuple[str, str], float]) -> Scored:
    of = made.vehicle == i
    stop, at, n = made.stop[of], made.t_us[of] / 1e6, len(bus.stops)
    way, planned = (np.array([column[s + 1] for s in range(n)]) for column in (bus.way, bus.planned))
    truth = np.array([bus.truth.get(s + 1, np.nan) for s in range(n)])[stop]
    fixes = {round(seconds(t) * 1e6): bus.fixes[t] for _, t, _, _ in bus.trace}
    here = np.array([fixes[t] for t in made.t_us[of].tolist()])
    rising = np.maximum.accumulate(way + np.arange(n) * 1e-6)
    waits = here <= way[0] + AT_STOP_M
    delay = np.where(waits, np.maximum(at - planned[0], 0.0), at - np.interp(here, rising, planned))
    begins = np.where(waits, np.maximum(at, planned[0]), at)
    names = [row[2] for row in bus.stops]
    legs = [mean_of.get(ends, float(p)) for ends, p in zip(pairwise(names), np.diff(planned), strict=True)]
    usual = np.concatenate([[0.0], np.cumsum(legs)])
    plain = np.column_stack(
        [
            np.maximum(planned[stop], at),
            np.maximum(planned[stop] + delay, at),
            begins + (way[stop] - here) / bus.speed_mps,
            np.maximum(begins + usual[stop] - np.interp(here, rising, usual), at),
        ]
    )
    ends = (made.p10_us[of] / 1e6, made.p50_us[of] / 1e6, made.p90_us[of] / 1e6)
    found = Scored(at, *ends, truth, at[:, None] + made.said_s[of], plain, np.full(len(at), i), stop)
    return found.take(~np.isnan(truth) & (at < truth))


def _means(past: Sequence[Bus]) -> dict[tuple[str, str], float]:
    """Mean time from stop to stop."""
    seen: dict[tuple[str, str], list[float]] = {}
    for bus in past:
        for a, b in pairwise(bus.stops):
            begin, end = bus.truth.get(int(a[1])), bus.truth.get(int(b[1]))
            if begin is not None and end is not None:
                seen.setdefault((a[2], b[2]), []).append(end - begin)
    return {ends: float(np.mean(times)) for ends, times in seen.items()}
