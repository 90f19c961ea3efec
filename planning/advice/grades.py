"""What came of advice: real lists replayed with and without it, and what its adviser is worth by that. Pure.

Promised is what the lists of some days would have been shorter by, less the moves. What came of it is what the lists
since then were shorter by, for as many days, less the same moves; realised ÷ predicted is its grade. A grade is final
when as many days are over as it was promised for.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from planning.advice.slots import Move, Pick, Spot
from planning.picking.block import Block
from planning.picking.orders import Orders, walks
from planning.picking.shortest import lengths

DAY_US = 86_400 * 10**6
KEPT_DAYS = 90
"""So far back grades count for what an adviser is worth."""
LOW = 0.5
LOW_DAYS = 30
FEW = 3
"""From fewer grades nobody is silenced."""


class Replay(NamedTuple):
    """Lists since the moves; those that come by a bin that was changed, and what they are with and without."""

    lists: int
    touched: int
    with_m: float
    without_m: float


class Grade(NamedTuple):
    """`realised`: as `predicted`, by what was walked since; `ratio` None: nothing has been picked yet."""

    realised: float
    ratio: float | None
    final: bool


class Given(NamedTuple):
    """A final grade of one piece of advice."""

    at_us: int
    predicted: float
    realised: float


class Standing(NamedTuple):
    """What an adviser is worth: realised ÷ predicted of its grades of the last 90 days, and of how many.

    `low_since_us`: since when that is below a half without a break; `silent`: for a month.
    """

    grades: int
    predicted: float
    realised: float
    ratio: float | None
    low_since_us: int | None
    silent: bool


def replay(block: Block, spots: Sequence[Spot], picks: Sequence[Pick], moves: Sequence[Move]) -> Replay:
    """Lists as they were walked, and as they would have been had nothing been moved."""
    at = {spot.limits.code: (spot.aisle, spot.along_m) for spot in spots}
    was = {(move.target, sku): move.source for move in moves for sku in move.skus}
    lists = {name: n for n, name in enumerate(dict.fromkeys(pick.list for pick in picks))}
    changed = {pick.list for pick in picks if (pick.bin, pick.sku) in was and was[pick.bin, pick.sku] in at}
    here = [pick for pick in picks if pick.list in changed and pick.bin in at]
    number = {name: n for n, name in enumerate(dict.fromkeys(pick.list for pick in here))}
    with_m = _walked(block, at, [(number[pick.list], pick.bin) for pick in here], len(number))
    before = [(number[pick.list], was.get((pick.bin, pick.sku), pick.bin)) for pick in here]
    return Replay(len(lists), len(number), with_m, _walked(block, at, before, len(number)))


def _walked(block: Block, at: Mapping[str, tuple[int, float]], picks: Sequence[tuple[int, str]], count: int) -> float:
    if not picks:
        return 0.0
    found = sorted((of, *at[code]) for of, code in picks)
    of, aisle, along = (np.array(column) for column in zip(*found, strict=True))
    orders = Orders(of.astype(np.int64), aisle.astype(np.int64), along.astype(float), count)
    return float(walks(block, orders, lengths).sum())


def grade(seen: Replay, saved_m: float, moves_m: float, days: float, days_seen: float) -> Grade:
    """What came of a promise of `saved_m` in `days`, after `days_seen`.

    >>> grade(Replay(40, 9, 700.0, 1000.0), saved_m=700.0, moves_m=100.0, days=14, days_seen=7)
    Grade(realised=500.0, ratio=0.8333333333333334, final=False)
    """
    if days_seen <= 0 or not seen.lists:
        return Grade(0.0, None, final=False)
    part = min(days_seen / days, 1.0)
    realised = (seen.without_m - seen.with_m) / part - moves_m
    predicted = saved_m - moves_m
    return Grade(realised, realised / predicted if predicted > 0 else None, final=days_seen >= days)


def standing(given: Collection[Given], woken_us: int | None, now_us: int) -> Standing:
    """What an adviser is worth now, by its final grades; those before it was woken count no more.

    Looked at is each day of the last month, and the ratio of the 90 days before it.
    """
    told = sorted(each for each in given if woken_us is None or each.at_us > woken_us)
    count, predicted, realised = _sums(told, now_us)
    ratio = realised / predicted if predicted > 0 else None
    low = None
    for back in range(LOW_DAYS + 1):
        day = now_us - back * DAY_US
        n, promised, came = _sums(told, day)
        if n < FEW or promised <= 0 or came / promised >= LOW:
            break
        low = day
    silent = low is not None and now_us - low >= LOW_DAYS * DAY_US
    return Standing(count, predicted, realised, ratio, low, silent)


def _sums(told: Sequence[Given], at_us: int) -> tuple[int, float, float]:
    counted = [each for each in told if at_us - KEPT_DAYS * DAY_US < each.at_us <= at_us]
    return len(counted), sum(each.predicted for each in counted), sum(each.realised for each in counted)
