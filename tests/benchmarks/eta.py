"""How good arrival times are: on recordings of real vehicles, on simulated fleets; and how fast they are told."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
from rich.console import Console

from domain.readings import F64, I64
from tests import recorded
from tests.benchmarks import located
from tests.benchmarks.arrivals import fleets, recordings
from tests.benchmarks.figures import Figure
from tracker.arrival_times.arrivals import Stops
from tracker.arrival_times.backtest import Predicted, Replay, Trace
from tracker.rules.forecast import NO_TIME, Knowledge
from tracker.rules.lines import Lines

COVERAGE_OFF = 5.0  # points from 80 %
PROJECT_MS = 15.0
PER_DAY, DAYS_BEFORE, DAYS_AFTER = 200, 10, 5
SETTLED = 300  # arrivals after the slowdown


def measure(folder: Path) -> list[Figure]:
    """All figures; those of recordings only where the recordings are."""
    del folder
    found = [*fleets.measure(), projection(), slowdown()]
    if not recorded.here():
        print(f"no recordings in {recorded.GPS}: left out what needs them", file=sys.stderr)
        return found
    lines = {"D96": [bus for of in recorded.d96().values() for bus in of]}
    lines |= {line: [recorded.bus(line)] for line in recorded.BUSES}
    return recordings.measure(Console(width=200)) + located.measure(lines) + found


def slowdown() -> Figure:
    """A fleet on 200 lanes of which every trip takes 10 % longer from one day on; no timetable."""
    coverage = [slow_fleet(seed) for seed in (1, 2, 3)]
    after = [100 * float(c[SETTLED : SETTLED + 600].mean()) for _, c in coverage]
    details = {
        "coverage before": 100 * float(np.mean([b[-600:].mean() for b, _ in coverage])),
        "in the first 300 arrivals": 100 * float(np.mean([c[:SETTLED].mean() for _, c in coverage])),
        "in the 600 after them": float(np.mean(after)),
    }
    return Figure(
        "10 % slowdown, 80 % coverage is off by",
        "points",
        [abs(a - 80) for a in after],
        goal=COVERAGE_OFF,
        details_are="%",
        details=details,
        smaller_is_better=True,
    )


def slow_fleet(seed: int, before: int = DAYS_BEFORE, after: int = DAYS_AFTER) -> tuple[F64, F64]:
    """Which of the predictions made at departure held, in order of arrival, of trips begun before and after."""
    rng = np.random.default_rng(seed)
    depots = np.column_stack([rng.uniform(45, 50, 20), rng.uniform(5, 12, 20)])
    lanes = [(a, b) for a in range(20) for b in range(20) if a != b][:: 19 * 20 // 200]
    speed = rng.normal(np.log(17), 0.15, len(lanes))
    n = PER_DAY * (before + after)
    lane = rng.integers(0, len(lanes), n)
    begin = np.sort(rng.uniform(0, (before + after) * 86_400.0, n))
    stops = []
    rows = []
    for i in range(n):
        (lat0, lon0), (lat1, lon1) = (depots[end] for end in lanes[lane[i]])
        place = np.array([lanes[lane[i]][1]], dtype=np.int64)
        stops.append(Stops.of([str(place[0])], np.array([lat1]), np.array([lon1]), np.array([NO_TIME]), place))
        way = np.hypot(lat1 - lat0, (lon1 - lon0) * np.cos(np.radians(47.5))) * 111_195 * 1.3
        rush = 1.15 if 6 <= begin[i] / 3600 % 24 < 9 else 1.0
        slow = 1.1 if begin[i] >= before * 86_400 else 1.0
        takes = way / np.exp(speed[lane[i]]) * rush * slow * rng.lognormal(0, 0.12)
        rows += [(begin[i], i, lat0, lon0), (begin[i] + takes, i, lat1, lon1)]
    rows.sort()
    t, vehicle, lat, lon = (np.array(column) for column in zip(*rows, strict=True))
    replay = Replay(stops, Knowledge.none())
    made = list(replay.run(Trace(vehicle.astype(np.int64), (t * 1e6).astype(np.int64), lat, lon)))
    first = Predicted(*(np.concatenate(column) for column in zip(*made, strict=True)))
    arrived = sorted((a.at_us, a.vehicle) for a in replay.arrived)
    order = np.argsort(first.vehicle)
    held = _held(first, order, arrived)
    late = np.array([begin[v] >= before * 86_400 for _, v in arrived])
    return held[~late], held[late]


def _held(made: Predicted, order: I64, arrived: list[tuple[int, int]]) -> F64:
    at, vehicle = (np.array(column) for column in zip(*arrived, strict=True))
    row = order[vehicle]
    return ((made.p10_us[row] <= at) & (at <= made.p90_us[row])).astype(np.float64)


def projection(vehicles: int = 10_000, rounds: int = 15) -> Figure:
    """One fix of each of many vehicles on lines of 300 points, CPU of this process."""
    rng = np.random.default_rng(1)
    shapes = np.cumsum(rng.normal(0, 0.001, (vehicles, 300, 2)) + 0.0005, axis=1) + np.array([24.0, 60.0])
    lines, line = Lines.of(list(shapes)), np.arange(vehicles)
    last, took = lines.begin(line), []
    for step in range(rounds):
        lat, lon = shapes[:, 2 * step, 1] + 1e-5, shapes[:, 2 * step, 0] + 1e-5
        began = time.process_time()
        last = lines.project(line, lat, lon, last, 2_000.0)
        took.append(1e3 * (time.process_time() - began))
    return Figure(f"{vehicles:,} vehicles, one fix each, on lines", "ms", took, goal=PROJECT_MS, smaller_is_better=True)
