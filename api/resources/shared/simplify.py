"""Fewer points with the same shape over time: for tracks and for temperature curves."""

from __future__ import annotations

import heapq
import math

import numpy as np

from domain.geo import unwrapped
from domain.readings import F64, I64

EARTH_M_PER_DEG = 111_195.0
NEGLIGIBLE = 1e-8  # squared: 0.1 mm, 0.0001 degrees Celsius


def keep_shape(time_s: F64, values: F64, points_max: int) -> I64:
    """Indices, ascending, of at most `points_max` rows that keep the shape of `values` (n, k) over `time_s` (n,).

    Top-down and time-aware: the next row kept is the one farthest from where the rows kept so far, connected in a
    straight line at even speed, would put it at its time (synchronised distance; Meratnia and de By, 2004). A long
    stop so keeps its beginning and its end, a short peak of a temperature its top. First and last row always stay.

    >>> keep_shape(np.arange(5.0), np.array([[0.0], [0.0], [9.0], [0.0], [0.0]]), 3).tolist()
    [0, 2, 4]
    """
    n = len(time_s)
    if n <= points_max:
        return np.arange(n)
    kept = [0, n - 1]
    heap: list[tuple[float, int, int, int]] = []

    def offer(first: int, last: int) -> None:
        if last - first < 2:
            return
        span_s = time_s[last] - time_s[first]
        share = (time_s[first + 1 : last] - time_s[first]) / span_s if span_s > 0 else np.zeros(last - first - 1)
        straight = values[first] + share[:, None] * (values[last] - values[first])
        error = np.square(values[first + 1 : last] - straight).sum(axis=1)
        worst = int(error.argmax())
        if error[worst] > NEGLIGIBLE:
            heapq.heappush(heap, (-float(error[worst]), first, first + 1 + worst, last))

    offer(0, n - 1)
    while heap and len(kept) < points_max:
        _, first, middle, last = heapq.heappop(heap)
        kept.append(middle)
        offer(first, middle)
        offer(middle, last)
    return np.array(sorted(kept))


def metres(lat: F64, lon: F64) -> F64:
    """Degrees as metres on a plane (n, 2), true enough over a day's drive to compare distances; also over 180."""
    if not len(lat):
        return np.empty((0, 2))
    middle = math.cos(math.radians(float(np.median(lat))))
    return np.column_stack([unwrapped(lon) * EARTH_M_PER_DEG * middle, lat * EARTH_M_PER_DEG])


def cut_at_180(time_s: F64, lat: F64, lon: F64) -> tuple[list[list[tuple[float, float]]], I64, F64]:
    """A way as lines of (lon, lat) that none crosses 180 degrees, each ending and beginning on it (RFC 7946, 3.1.9).

    Beside the lines, for each of their positions in order: the row it is, -1 where it was cut, and its time.

    >>> cut_at_180(np.array([0.0, 10.0]), np.array([1.0, 3.0]), np.array([179.0, -179.0]))[0]
    [[(179.0, 1.0), (180.0, 2.0)], [(-180.0, 2.0), (-179.0, 3.0)]]
    >>> cut_at_180(np.empty(0), np.empty(0), np.empty(0))[0]
    [[]]
    """
    line: list[tuple[float, float]] = []
    lines, rows, times = [line], [], []
    over = np.append(np.rint(np.diff(lon) / 360), 0)[: len(lon)]  # of none there is no last one either
    for i, (t, y, x, turn) in enumerate(zip(time_s.tolist(), lat.tolist(), lon.tolist(), over.tolist(), strict=True)):
        line.append((x, y))
        rows.append(i)
        times.append(t)
        if turn:
            edge = math.copysign(180.0, -turn)
            step = float(lon[i + 1]) - 360 * turn - x
            share = (edge - x) / step if step else 0.0
            at = round(y + share * (float(lat[i + 1]) - y), 7)
            line.append((edge, at))
            line = [(-edge, at)]
            lines.append(line)
            rows += [-1, -1]
            times += [t + share * (float(time_s[i + 1]) - t)] * 2
    return lines, np.array(rows, dtype=np.int64), np.array(times)
