"""How good arrival times are: on recordings of real vehicles, on a simulated fleet that slows down; and how fast.

The recordings are replayed by `frostway eta backtest` itself and graded here against arrivals it does not know of.
"""

from __future__ import annotations

import contextlib
import csv
import io
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np

from domain.readings import F64, I64
from frostway.cli.work.backtest import backtest
from tests import recorded
from tests.benchmarks.figures import Figure
from tracker.arrival_times.arrivals import Stops
from tracker.arrival_times.backtest import Predicted, Replay, Trace
from tracker.rules.forecast import NO_TIME, Knowledge
from tracker.rules.lines import Lines

COVERAGE_OFF = 5.0  # points from 80 %
MAPE_MOST = 33.0
PROJECT_MS = 15.0
PER_DAY, DAYS_BEFORE, DAYS_AFTER = 200, 10, 5
SETTLED = 300  # arrivals after the slowdown


class Rows(NamedTuple):
    """Predictions with their truth, epoch seconds."""

    key: list[tuple[str, str]]
    made: F64
    p10: F64
    p50: F64
    p90: F64
    truth: F64

    def error_s(self) -> F64:
        return np.abs(self.p50 - self.truth)

    def coverage(self) -> float:
        return 100 * float(((self.p10 <= self.truth) & (self.truth <= self.p90)).mean())


def measure(folder: Path) -> list[Figure]:
    """All figures; those of recordings only where the recordings are."""
    found = [projection(), slowdown()]
    if not recorded.here():
        print(f"no recordings in {recorded.GPS}: left out what needs them", file=sys.stderr)
        return found
    return [f for line in recorded.BUSES for f in bus(folder, line)] + taxi(folder) + found


def bus(folder: Path, line: str) -> list[Figure]:
    """A bus by its timetable, nothing known from before."""
    b = recorded.bus(line)
    recorded.write(folder / "T.csv", recorded.TRACE, b.trace)
    recorded.write(folder / "S.csv", recorded.STOPS, b.stops)
    rows, seq = _predictions(folder, {(row[2], int(row[1])): b.truth.get(int(row[1])) for row in b.stops}, b.stops)
    way = np.array([b.way[s] for s in seq])
    planned = np.array([b.planned[s] for s in seq])
    here = np.array([b.fixes[text] for _, text in rows.key])
    constant = np.abs(rows.made + (way - here) / b.speed_mps - rows.truth)
    ceilings = {
        "the timetable": float(np.abs(planned - rows.truth).mean()) / 60,
        "constant speed, the timetable's mean": float(constant.mean()) / 60,
    }
    mae = float(rows.error_s().mean()) / 60
    details = {"predictions": len(rows.made), "arrivals": len(set(seq)), "mean width, min": _width_min(rows)}
    details["jitter, min"] = _jitter_min(rows, np.array(seq))
    return [
        Figure(
            f"bus {line}, MAE of p50",
            "min",
            [mae],
            ceilings,
            min(ceilings.values()),
            details_are="of",
            details=details,
            smaller_is_better=True,
        ),
        _coverage(f"bus {line}", rows),
    ]


def taxi(folder: Path) -> list[Figure]:
    """Trips of a taxi from their ends alone: every other one to learn from, the others predicted at their pickup."""
    history = folder / "history"
    history.mkdir(exist_ok=True)
    for odd, into in ((False, history / "trace.csv"), (True, folder / "T.csv")):
        trace, stops, truth = recorded.taxi(odd=odd)
        recorded.write(into, recorded.TRACE, trace)
        recorded.write(into.with_name("S.csv" if odd else "stops.csv"), recorded.STOPS, stops)
    found, _ = _predictions(folder, {(row[2], 1): truth[row[0]] for row in stops}, stops, history)
    ratio = found.error_s() / (found.truth - found.made)
    details = {"predictions": len(found.made), "MAE, min": float(found.error_s().mean()) / 60}
    details["mean width, min"] = _width_min(found)
    mape = Figure(
        "taxi, MAPE",
        "%",
        [100 * float(ratio.mean())],
        goal=MAPE_MOST,
        details_are="of",
        details=details,
        smaller_is_better=True,
    )
    return [mape, _coverage("taxi", found)]


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


def _jitter_min(rows: Rows, seq: I64) -> float:
    """Mean absolute move of p50 from one prediction of a stop to its next."""
    order = np.lexsort((rows.made, seq))
    same = np.diff(seq[order]) == 0
    return float(np.abs(np.diff(rows.p50[order]))[same].mean()) / 60


def _width_min(rows: Rows) -> float:
    return float((rows.p90 - rows.p10).mean()) / 60


def _coverage(name: str, rows: Rows) -> Figure:
    held = rows.coverage()
    return Figure(
        f"{name}, 80 % coverage is off by",
        "points",
        [abs(held - 80)],
        goal=COVERAGE_OFF,
        details_are="%",
        details={"covered": held},
        smaller_is_better=True,
    )


def _predictions(
    folder: Path, truth: dict[tuple[str, int], float | None], stops: list[recorded.Row], history: Path | None = None
) -> tuple[Rows, list[int]]:
    """Runs the command on T.csv and S.csv in the folder; predictions made before their true arrival, and stop_seq.

    A stop named twice is told apart by turn: of one fix the predictions stand in order of stop_seq.
    """
    out = folder / "P.csv"
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        backtest(folder / "T.csv", folder / "S.csv", history, out, rest=False)
    order: dict[str, list[tuple[str, int]]] = {}
    for row in stops:
        order.setdefault(row[0], []).append((row[2], int(row[1])))
    keys, seqs, rows = [], [], []
    with out.open(newline="") as file:
        lines = list(csv.DictReader(file))
    left: dict[tuple[str, str], list[int]] = {}
    for row in reversed(lines):  # from the last stop back, which every fix predicts
        fix = (row["vehicle"], row["time"])
        ahead = left.setdefault(fix, [s for name, s in order[row["vehicle"]]])
        names = {s: name for name, s in order[row["vehicle"]]}
        while names[seq := ahead.pop()] != row["stop_id"]:
            pass
        at = truth[row["stop_id"], seq]
        made, *ends = (datetime.fromisoformat(row[name]).timestamp() for name in ("time", "p10", "p50", "p90"))
        if at is not None and made < at:
            keys.append(fix)
            seqs.append(seq)
            rows.append((made, *ends, at))
    made, p10, p50, p90, at = (np.array(column) for column in zip(*rows, strict=True))
    return Rows(keys, made, p10, p50, p90, at), seqs
