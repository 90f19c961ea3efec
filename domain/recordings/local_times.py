"""Local times without an offset, in the order of their file, as instants: also in the hour that comes twice.

When clocks are put back, an hour of local time comes twice and a time in it says nothing of which one it is; the order
of the file does. A run of such times is split where the second coming begins: at the place which makes the distances
between neighbours most like the usual distance of that file. A time that does not exist (clocks were put forward) is
read with the offset before the change, as a logger without daylight saving means it.
"""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NAMED_MAX = 5  # lines named in a note

I64 = NDArray[np.int64]


class Resolved(NamedTuple):
    """Instants of local times. `once`: they could have been the second coming, and nothing says so."""

    t_ms: I64
    once: NDArray[np.bool_]
    missing: NDArray[np.bool_]


def resolve(times: list[datetime], local: tzinfo, *, ordered: bool = True) -> Resolved:
    """Unix ms of naive local times in the order in which one device wrote them (newest first is an order too).

    Without `ordered` nothing is concluded from neighbours: a time that comes twice is read as its first coming.
    """
    first = np.array([_ms(t.replace(tzinfo=local, fold=0)) for t in times], dtype=np.int64)
    second = np.array([_ms(t.replace(tzinfo=local, fold=1)) for t in times], dtype=np.int64)
    twice, missing = second > first, second < first
    if not ordered:
        return Resolved(first, twice, missing)
    wall = np.array([_ms(t.replace(tzinfo=UTC)) for t in times], dtype=np.int64)
    steps = np.diff(wall)
    if (steps < 0).sum() > (steps > 0).sum():  # newest first
        back = _in_order(first[::-1], second[::-1], twice[::-1], steps)
        return Resolved(back.t_ms[::-1], back.once[::-1], missing)
    return _in_order(first, second, twice, steps)._replace(missing=missing)


def _ms(moment: datetime) -> int:
    return round((moment - EPOCH).total_seconds() * 1000)


def _in_order(first: I64, second: I64, twice: NDArray[np.bool_], steps: I64) -> Resolved:
    t = first.copy()
    once = np.zeros(len(t), dtype=np.bool_)
    forward = np.abs(steps[steps != 0])
    usual = float(np.median(forward)) if len(forward) else 0.0
    edges = np.flatnonzero(np.diff(np.concatenate([[0], twice.astype(np.int8), [0]])))
    for begin, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        at = _second_begins(first, second, begin, end, usual)
        t[at:end] = second[at:end]
        once[begin:end] = at == end
    return Resolved(t, once, np.zeros(len(t), dtype=np.bool_))


def _second_begins(first: I64, second: I64, begin: int, end: int, usual: float) -> int:
    """Index in begin…end from which on a run of times is the second coming; `end`: all are the first.

    Only the distance to the neighbour at the split and those at the two ends of the run depend on it.
    """
    shift = float(second[begin] - first[begin])
    at = np.arange(begin, end + 1)
    inner = np.diff(first[begin:end]).astype(np.float64)  # within the run, of one coming
    cost = np.zeros(len(at))
    cost[1:-1] = np.abs(inner + shift - usual) - np.abs(inner - usual)
    if begin > 0:
        before = float(first[begin] - first[begin - 1])
        cost[0] += abs(before + shift - usual) - abs(before - usual)
    if end < len(first):
        after = float(first[end] - first[end - 1])
        cost[:-1] += abs(after - shift - usual) - abs(after - usual)
    best = int(cost.argmin())
    return int(at[best]) if cost[best] <= -shift / 2 else end


class LocalTimes:
    """Times of a file as they come, with and without an offset; `resolve` them all at the end.

    `series` tells whose clock wrote a time (a probe): the order within it counts.
    """

    def __init__(self, local: tzinfo) -> None:
        self._local = local
        self._own: dict[int, int] = {}
        self._naive: dict[str, list[tuple[int, int, datetime]]] = {}
        self._n = 0

    def add(self, moment: datetime, line: int, series: str = "") -> None:
        """The time of the next reading."""
        if moment.tzinfo is None:
            self._naive.setdefault(series, []).append((self._n, line, moment))
        else:
            self._own[self._n] = _ms(moment)
        self._n += 1

    def resolve(self, tz: str, *, ordered: bool = True) -> tuple[list[int], list[str]]:
        """Unix ms of all that was added, in that order, and what a person should know."""
        t = [self._own.get(i, 0) for i in range(self._n)]
        if not self._naive:
            return t, []
        notes = [f"times without an offset were read as {tz}" + (": give the zone if that is wrong" * (tz == "UTC"))]
        once: list[int] = []
        missing: list[int] = []
        for rows in self._naive.values():
            found = resolve([moment for _, _, moment in rows], self._local, ordered=ordered)
            for (i, line, _), ms, lone, none in zip(
                rows, found.t_ms.tolist(), found.once.tolist(), found.missing.tolist(), strict=True
            ):
                t[i] = ms
                once += [line] * lone
                missing += [line] * none
        if once:
            notes.append(
                f"{times(once)} in the hour that comes twice in {tz}, which stands there once ({lines(once)}): "
                "read as its first coming; write times with an offset if that is wrong"
            )
        if missing:
            notes.append(
                f"{times(missing)} without existence in {tz}, where clocks were put forward then ({lines(missing)}): "
                "read with the offset before the change; is the clock set to another zone?"
            )
        return t, notes


def times(found: list[int]) -> str:
    """How many times.

    >>> times([7]), times([7, 8])
    ('1 time', '2 times')
    """
    return f"{len(found)} time{'s' * (len(found) > 1)}"


def lines(numbers: list[int]) -> str:
    """Numbers of lines for a note: the first few, and how many more.

    >>> lines([3, 5]), lines([1, 2, 3, 4, 5, 6, 7])
    ('lines 3, 5', 'lines 1, 2, 3, 4, 5 and 2 more')
    """
    some = ", ".join(map(str, sorted(numbers)[:NAMED_MAX]))
    more = f" and {len(numbers) - NAMED_MAX} more" if len(numbers) > NAMED_MAX else ""
    return f"line{'s' * (len(numbers) > 1)} {some}{more}"
