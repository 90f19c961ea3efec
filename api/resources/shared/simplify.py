"""Fewer points with the same shape over time: for tracks and for temperature curves."""

from __future__ import annotations

import heapq
import math

import numpy as np

from domain.geo import unwrapped
from domain.readings import F64, I64

EARTH_M_PER_DEG = 111_195.0
NEGLIGIBLE = 1e-8  # squared: 0.1 mm, 0.0001 degrees Celsius
DEEP = 64
"""Spans cut so often are cut at the middle one of equally far rows; at the first, each row would take a turn."""


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
    error, halves = _splits(time_s, values, points_max)
    kept = [0, n - 1]
    heap = [(-error[0], 0)] if error else []
    while heap and len(kept) < points_max:
        _, split = heapq.heappop(heap)
        kept.append(halves[split][0])
        for half in halves[split][1:]:
            if half >= 0:
                heapq.heappush(heap, (-error[half], half))
    return np.array(sorted(kept))


def _splits(time_s: F64, values: F64, points_max: int) -> tuple[list[float], list[list[int]]]:
    """Where spans of rows are best cut in two, and the halves again, all of one depth together; the whole first.

    For each split the squared error there, and its row with the splits of its halves, -1 where there is none. A split
    that cannot be among the first `points_max`, since so many larger ones come before it, is left out.
    """
    error: list[F64] = []
    halves: list[list[int]] = []
    first, last = np.array([0]), np.array([len(time_s) - 1])
    parent, side, least = np.array([-1]), np.array([0]), np.array([np.inf])
    ranks = np.empty(0)  # of each split so far the least error on its way from the whole: it is taken no sooner
    while len(first):
        worst, where = _farthest(time_s, values, first, last, middle=len(error) > DEEP)
        good = worst > NEGLIGIBLE
        first, last, parent, side = first[good], last[good], parent[good], side[good]
        worst, where, least = worst[good], where[good], np.minimum(least, worst)[good]
        split = np.arange(len(halves), len(halves) + len(where))
        halves += [[at, -1, -1] for at in where.tolist()]
        for of, half, new in zip(parent.tolist(), side.tolist(), split.tolist(), strict=True):
            if of >= 0:
                halves[of][half] = new
        error.append(worst)
        ranks = np.concatenate([ranks, least])
        enough = np.partition(ranks, len(ranks) - points_max)[len(ranks) - points_max] if len(ranks) > points_max else 0
        parent, side = np.concatenate([split, split]), np.repeat([1, 2], len(split))
        first, last, least = np.concatenate([first, where]), np.concatenate([where, last]), np.concatenate([least] * 2)
        more = (last - first >= 2) & (least >= enough)
        first, last, parent, side, least = first[more], last[more], parent[more], side[more], least[more]
    return np.concatenate(error).tolist(), halves


def _farthest(time_s: F64, values: F64, first: I64, last: I64, *, middle: bool) -> tuple[F64, I64]:
    """Of each span from `first` to `last` the largest squared error of a row between them, and that row.

    Of equal ones the first, or the middle one.
    """
    count = last - first - 1
    starts = np.cumsum(count) - count
    inside = np.arange(int(count.sum())) + np.repeat(first + 1 - starts, count)
    span_s = time_s[last] - time_s[first]
    per_s = np.divide(1.0, span_s, out=np.zeros(len(span_s)), where=span_s > 0)
    share = (time_s[inside] - np.repeat(time_s[first], count)) * np.repeat(per_s, count)
    error = np.zeros(len(inside))
    for column in values.T:
        begin, change = column[first], column[last] - column[first]
        error += np.square(column[inside] - np.repeat(begin, count) - share * np.repeat(change, count))
    worst = np.maximum.reduceat(error, starts)
    at = np.flatnonzero(error == np.repeat(worst, count))
    begin = np.searchsorted(at, starts)
    if middle:
        begin = (begin + np.append(begin[1:], len(at))) // 2
    return worst, inside[at[begin]]


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
