"""How far a boot's readings are durable without a hole, and whether its numbers still mean the same readings.

Sequence numbers of a boot begin at 0 or 1. What stands above a hole is remembered as spans and joins when the hole is
filled; a device resends what has no receipt, so forgetting a span costs a repeat, never a reading.

A counter can be reset and a boot's name used again. A number that we have, and that comes with another reading, begins
the boot anew: of what is receipted then, nothing is left but what has come since. A receipt speaks of the readings that
the device has now, not of others that once had their numbers.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from domain.readings import I64, Bool

SPANS_MAX = 256
LAST = int(np.iinfo(np.int64).max)


class Mark(NamedTuple):
    """Everything up to `contiguous` is durable (-1: nothing yet), and these spans (first, last) above it."""

    contiguous: int = -1
    spans: tuple[tuple[int, int], ...] = ()

    def has(self, number: int) -> bool:
        """Whether a number is durable."""
        at = bisect_right(self.spans, (number, LAST)) - 1
        return 0 <= number <= self.contiguous or (at >= 0 and number <= self.spans[at][1])


def advance(mark: Mark, runs: Iterable[tuple[int, int]], spans_max: int = SPANS_MAX) -> Mark:
    """The mark after runs (first, last) of numbers have become durable.

    >>> advance(Mark(), [(1, 3), (6, 7)])
    Mark(contiguous=3, spans=((6, 7),))
    >>> advance(Mark(3, ((6, 7),)), [(4, 5)])
    Mark(contiguous=7, spans=())
    """
    contiguous = mark.contiguous
    spans: list[tuple[int, int]] = []
    for first, last in sorted((*mark.spans, *runs)):
        if first <= max(contiguous + 1, 1):
            contiguous = max(contiguous, last)
        elif spans and first <= spans[-1][1] + 1:
            spans[-1] = (spans[-1][0], max(spans[-1][1], last))
        else:
            spans.append((first, last))
    return Mark(contiguous, tuple(spans[:spans_max]))


def runs_of(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Runs of consecutive numbers (first, last).

    >>> runs_of([7, 1, 2, 2, 3, 6])
    [(1, 3), (6, 7)]
    """
    runs: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if runs and number <= runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs


class Arrived(NamedTuple):
    """Numbers of one boot in the order in which they came: what each says (not 0), whether it says when, and when."""

    number: I64
    says: I64
    clocked: Bool
    received_us: I64


class Boot(NamedTuple):
    """A boot's mark, up to which number it is believed with nothing known, and when it began anew (0: never)."""

    mark: Mark = Mark()
    trusted: int = -1
    anew_us: int = 0
    past: int = -1
    """Up to this number it had some before it began anew, however often it did."""


def judge(boot: Boot, known: dict[int, int], some: Arrived, spans_max: int = SPANS_MAX) -> Boot:
    """The boot after these readings have become durable; `known`, what each number said last, is brought up to date.

    What was received before the boot began anew counts for nothing, nor does what comes again from before: it is told
    by its time. Without a time it is the same reading, and stored.

    >>> said, some = {1: 5, 2: 6, 3: 7}, (np.ones(2, np.bool_), np.array([8, 9]))
    >>> judge(Boot(Mark(3)), dict(said), Arrived(np.array([3, 4]), np.array([7, 8]), *some)).mark
    Mark(contiguous=4, spans=())
    >>> judge(Boot(Mark(3)), dict(said), Arrived(np.array([1, 3]), np.array([9, 7]), *some))
    Boot(mark=Mark(contiguous=1, spans=()), trusted=-1, anew_us=8, past=3)
    """
    mark, trusted, anew_us, past = boot
    fresh: set[int] = set()
    for number, says, is_clocked, received_us in zip(*(column.tolist() for column in some), strict=True):
        before = known.get(number, 0)
        if received_us < anew_us:
            continue
        if number in fresh or mark.has(number):
            if before not in (0, says) or (before == 0 and number > trusted):
                past = max(past, mark.contiguous, mark.spans[-1][1] if mark.spans else -1)
                mark, fresh, trusted, anew_us = Mark(), {number}, -1, received_us
        elif before == says and is_clocked and number <= past:
            continue
        else:
            fresh.add(number)
        known[number] = says
    if fresh:
        mark = advance(mark, runs_of(fresh), spans_max)
    return Boot(mark, trusted, anew_us, past)
