"""How well a courier's doorstep stops are found without a speed, on recorded rounds of delivery vans.

400 stretches of six minutes, a fix every five seconds, each fix told to be of driving or of being on foot; in metres,
so they are put on the map at 47° north. The limits of the class are tuned on the even ones by `grid`; the odd ones are
only measured. Beside them stand the limits of other classes, and the plain rule that a step faster than a threshold is
driving, with the threshold that fits the even ones best.
"""

from __future__ import annotations

import io
import sys
import zipfile
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np

from domain.readings import F64, Bool
from tests import recorded
from tests.benchmarks.figures import Figure
from tracker.rules import motion, trips

FILE = recorded.GPS / "delivery_van_stops_train.zip"
GOAL = 0.87
LAT, LON, M_PER_DEG = 47.0, 8.0, 111_195.0


class Round(NamedTuple):
    """Fixes of some vehicles, and whether each was driving."""

    fixes: trips.Rows
    driving: Bool


def here() -> bool:
    """Whether the recording is on this machine."""
    return FILE.exists()


def rounds(half: int) -> Round:
    """Every second stretch, from the first or the second on, each as a vehicle of its own."""
    parts: list[tuple[F64, ...]] = []
    with zipfile.ZipFile(FILE) as archive:
        for number, name in enumerate(sorted(archive.namelist())[half::2], 1):
            with io.TextIOWrapper(archive.open(name)) as lines:
                rows = [line.rstrip().split(",") for line in lines][1:]
            t = np.array([row[0] for row in rows], "datetime64[us]").astype(np.int64)
            x, y = (np.array([row[i] for row in rows], np.float64) for i in (1, 2))
            driving = np.array([row[3] == "Driving" for row in rows])
            parts.append((np.full(len(t), number), t - t[0] + 86_400_000_000, x, y, driving))
    vehicle, t, x, y, driving = (np.concatenate(column) for column in zip(*parts, strict=True))
    lon = LON + x / (M_PER_DEG * np.cos(np.radians(LAT)))
    nan = np.full(len(t), np.nan)
    fixes = trips.Rows(
        vehicle.astype(np.int64), t, LAT + y / M_PER_DEG, lon, nan, nan.copy(), np.full(len(t), -1, np.int8), nan.copy()
    )
    return Round(fixes, driving.astype(np.bool_))


def accuracy(of: Round, limits: motion.Limits) -> float:
    """Share of fixes that are in a trip when they were driving, and in none when they were not."""
    found = trips.evaluate(of.fixes, limits)
    mine = found.take(found.kind == trips.TRIP)
    base = 10**12  # microseconds; no stretch is as long
    at = of.fixes.entity * base + of.fixes.t_us
    begun = np.searchsorted(at, mine.entity * base + mine.start_us)
    ended = np.searchsorted(at, mine.entity * base + np.minimum(mine.end_us, base - 1))
    change = np.zeros(len(at) + 1, np.int64)
    np.add.at(change, begun, 1)
    np.add.at(change, ended, -1)
    return float(((np.cumsum(change)[:-1] > 0) == of.driving).mean())


def plain(of: Round, mps: float) -> float:
    """The same of the rule that a step faster than this is driving; the first fix of a stretch is as its second."""
    f = of.fixes
    north, east = np.diff(f.lat) * M_PER_DEG, np.diff(f.lon) * M_PER_DEG * np.cos(np.radians(LAT))
    same = np.diff(f.entity) == 0
    fast = np.hypot(north, east) > mps * np.diff(f.t_us) / 1e6
    fast = np.append(fast, [False])
    after = np.where(np.append([False], same), np.roll(fast, 1), fast)
    return float((after == of.driving).mean())


def grid(of: Round) -> list[tuple[float, motion.Limits]]:
    """Limits like a courier's and their accuracy, the best first: how they were chosen."""
    speeds, times = product((1.8, 2.0, 2.2, 2.5), (0.4, 0.6, 0.8, 1.0)), (20, 30, 45)
    found = [
        motion.Limits(seconds * motion.S, metres, moving_mps=moves, standing_mps=stands, by_pace=True)
        for (moves, stands), seconds, metres in product(speeds, times, (20.0, 30.0, 50.0))
    ]
    return sorted(((accuracy(of, limits), limits) for limits in found), key=lambda each: -each[0])


def measure(_folder: Path) -> list[Figure]:
    """Accuracy on the odd stretches, which nothing was tuned on; the even ones among the details."""
    if not here():
        print(f"no recording {FILE}: left out the doorstep stops", file=sys.stderr)
        return []
    even, odd = rounds(0), rounds(1)
    threshold = max(np.arange(0.5, 5.0, 0.1).tolist(), key=lambda mps: plain(even, mps))
    courier, truck = motion.OF_CLASS["courier"], motion.OF_CLASS["truck"]
    details = {
        "even, tuned on": accuracy(even, courier),
        "even, best of the grid": grid(even)[0][0],
        "odd, as a truck": accuracy(odd, truck),
        "odd, as a van": accuracy(odd, motion.OF_CLASS["van"]),
        f"even, step > {threshold:.1f} m/s": plain(even, threshold),
    }
    ceilings = {f"step > {threshold:.1f} m/s, the best on the even ones": plain(odd, threshold)}
    name = "stop or drive without a speed, class courier, odd stretches"
    return [
        Figure(name, "share of fixes", [accuracy(odd, courier)], ceilings, GOAL, details=details, details_are="share")
    ]
