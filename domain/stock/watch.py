"""When stock is low, out, or left over: spells, found from all that is known to have happened, in its own order.

A spell begins and ends at two different levels, so that a figure that goes up and down a little begins and ends none.
Nothing is remembered between two looks: spells are a function of the changes, in whatever order they were told, and
of now. Between two changes a figure only rises or only falls (the rate at which goods leave fades while none leave,
and time to an end runs out), so that looking at both ends of such a gap sees all of it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import inf
from typing import NamedTuple

from domain.stock.outlook import SPAN_MIN_S, SPANS_MIN, WINDOW_S, Demand, LotLeft, expiring

RATE_MIN_S = SPANS_MIN * SPAN_MIN_S
"""Less says nothing about a rate."""
LOOKED_S = 2 * WINDOW_S
"""Changes are looked at so far back, that the rate is known of each moment of the window."""
LOW_MARGIN = 0.1
"""Above the reorder point by so much of it, a piece at least, it is low no more."""
OUT_MARGIN = 0.25
"""When it lasts longer than the horizon by so much of it, it is no more about to be out."""
ARRIVALS_MIN = 3
"""So many tell how much time usually lies between two."""
PIECE = "piece"
STEPS = 40


class Change(NamedTuple):
    """What changed the level at a moment (Unix seconds); of it, how much left for good."""

    at: float
    delta: float
    gone: float = 0.0
    lot: str = ""


class Lot(NamedTuple):
    """So much of a lot now, and when it ends; None: never."""

    code: str
    quantity: float
    ends_at: float | None


class Spell(NamedTuple):
    """Since when and until when it was so; None: it still is."""

    since: float
    until: float | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """All that is known of a product at a site: its level now, and the changes that made it, in their order.

    `begun`: since when anything is known; None: since before. `now` ends all gaps.
    """

    level: float
    changes: Sequence[Change]
    now: float
    begun: float | None = None
    lots: Sequence[Lot] = ()
    base_unit: str = PIECE

    @property
    def before(self) -> float:
        """Earlier than all that is looked at: what is so since then is so since nobody knows when."""
        return self.now - LOOKED_S if self.begun is None else self.begun


class Gap(NamedTuple):
    """A time without a change: how many changes are behind it, and the level in it."""

    since: float
    until: float
    n: int
    level: float


Test = Callable[[Gap, float], bool]


def low(known: Known, reorder_point: float, told_since: float | None = None) -> list[Spell]:
    """Low: at the reorder point or below, until it is above it by a margin.

    `told_since`, here and below: since when it is said to be so already; it counts where that is before all changes.

    >>> low(Known(14.0, [Change(1.0, -3.0), Change(2.0, 5.0)], 9.0), 10.0)  # 12, 9, 14
    [Spell(since=1.0, until=2.0)]
    >>> low(Known(11.0, [Change(1.0, -3.0), Change(2.0, 2.0)], 9.0), 10.0)  # 12, 9, 11: not above by more than it was
    [Spell(since=1.0, until=2.0)]
    >>> low(Known(10.5, [Change(1.0, -3.0), Change(2.0, 1.5)], 9.0), 10.0)
    [Spell(since=1.0, until=None)]
    """
    enough = reorder_point + low_margin(reorder_point, known.base_unit) - 1e-9
    return _spells(
        known, lambda gap, _t: gap.level <= reorder_point + 1e-9, lambda gap, _t: gap.level >= enough, told_since
    )


def low_margin(reorder_point: float, base_unit: str) -> float:
    """By how much a level must be above the reorder point to be low no more."""
    return max(LOW_MARGIN * reorder_point, 1.0 if base_unit == PIECE else 0.0)


def out(known: Known, horizon_s: float, reorder_point: float | None, told_since: float | None = None) -> list[Spell]:
    """Out, or likely so within the horizon: nothing is left of what is wanted, or half the chances are that soon so.

    Where goods come more often the horizon is a quarter of what usually lies between two arrivals: what is filled up
    again and again is not about to be out.

    >>> day = 86400.0
    >>> sold = [Change(day * n, -10.0, 10.0) for n in range(1, 11)]
    >>> out(Known(5.0, sold, 10 * day, begun=0.0), day, None)[-1].until is None
    True
    """
    rates = _Rates(known)

    def is_out(gap: Gap, t: float) -> bool:
        return gap.level <= 0 and ((reorder_point or 0) > 0 or rates.went(gap, t))

    def lasts(gap: Gap, t: float, times: float) -> bool:
        rate = rates.at(gap, t)
        return rate is None or gap.level > rate * times * min(horizon_s, rates.between_arrivals(gap, t) / 4)

    def opens(gap: Gap, t: float) -> bool:
        return is_out(gap, t) or (gap.level > 0 and not lasts(gap, t, 1.0))

    def clears(gap: Gap, t: float) -> bool:
        return not is_out(gap, t) and (gap.level <= 0 or lasts(gap, t, 1.0 + OUT_MARGIN))

    return _spells(known, opens, clears, told_since)


def empty_since(known: Known) -> float | None:
    """Since when nothing is left; None: something is.

    >>> empty_since(Known(0.0, [Change(1.0, -2.0), Change(4.0, -1.0), Change(5.0, 0.0)], 9.0))
    4.0
    """
    found = None
    for gap in reversed(_gaps(known)):
        if gap.level > 0:
            break
        found = gap.since
    return found


def expiry(known: Known, within_s: float, told_since: float | None = None) -> list[Spell]:
    """Of lots that end within so long some will be left: two pieces, a twentieth of them, or all; until next to none.

    >>> lots = [Lot("A", 30.0, 2 * 86400.0)]
    >>> expiry(Known(30.0, [], 0.0, lots=lots), 7 * 86400.0)[-1].until is None
    True
    """
    rates, held = _Rates(known), _Lots(known)

    def left(gap: Gap, t: float) -> tuple[float, float]:
        lots = held.at(gap, t)
        ending = [each for each in lots if each.expires_in_s is not None and each.expires_in_s <= within_s]
        whole = sum(each.quantity for each in ending if each.quantity > 0)
        over = expiring(lots, Demand(1, 1.0, rates.at(gap, t) or 0.0, 0.0), within_s)
        return sum(each.quantity for each in over), whole

    def opens(gap: Gap, t: float) -> bool:
        over, whole = left(gap, t)
        return over > 0 and over >= min(max(2.0 if known.base_unit == PIECE else 0.0, whole / 20), whole) - 1e-9

    def clears(gap: Gap, t: float) -> bool:
        over, whole = left(gap, t)
        return over < max(0.5 if known.base_unit == PIECE else 0.0, whole / 100) or over <= 0

    if all(lot.ends_at is None for lot in known.lots):
        return []
    return _spells(known, opens, clears, told_since)


def _spells(known: Known, opens: Test, clears: Test, told_since: float | None) -> list[Spell]:
    found: list[Spell] = []
    gaps = _gaps(known)
    since = told_since if told_since is not None and told_since < gaps[0].since else None  # from before
    for gap in gaps:
        for t in (gap.since, gap.until):
            if since is None and opens(gap, t):
                since = gap.since if t == gap.since else _first(opens, gap)
            elif since is not None and clears(gap, t):
                found.append(Spell(since, gap.since if t == gap.since else _first(clears, gap)))
                since = None
    return found if since is None else [*found, Spell(since)]


def _gaps(known: Known) -> list[Gap]:
    """Between the changes; those of one moment are one. What was known before them was so for longer than is told."""
    changes = [each for each in known.changes if each.at <= known.now]
    level = known.level - sum(each.delta for each in changes)
    found = []
    if known.begun is None or not changes:
        first = changes[0].at if changes else known.now
        found.append(Gap(min(known.before, first), first, 0, round(level, 9)))
    for n, each in enumerate(changes, 1):
        level += each.delta
        until = changes[n].at if n < len(changes) else known.now
        if until > each.at or n == len(changes):
            found.append(Gap(each.at, until, n, round(level if n < len(changes) else known.level, 9)))
    return found


def _first(test: Test, gap: Gap) -> float:
    """When in a gap it became so: it is so at its end, and not at its beginning."""
    before, after = gap.since, gap.until
    for _ in range(STEPS):
        middle = (before + after) / 2
        before, after = (before, middle) if test(gap, middle) else (middle, after)
    return after


class _Rates:
    """How much left for good in the window before a moment."""

    def __init__(self, known: Known) -> None:
        self._begun = known.begun
        self._times = [each.at for each in known.changes]
        self._sums = [0.0, *accumulate(each.gone for each in known.changes)]
        came = [each.delta > 0 and each.gone == 0 for each in known.changes]
        new = [n == 0 or self._times[n] > self._times[n - 1] or not came[n - 1] for n in range(len(came))]
        self._came = [0, *accumulate(int(here and first) for here, first in zip(came, new, strict=True))]

    def _in(self, sums: Sequence[float], gap: Gap, t: float) -> float:
        return sums[gap.n] - sums[min(bisect_right(self._times, t - WINDOW_S), gap.n)]

    def _gone(self, gap: Gap, t: float) -> float:
        return self._in(self._sums, gap, t)

    def _known_s(self, t: float) -> float:
        return WINDOW_S if self._begun is None else min(t - self._begun, WINDOW_S)

    def between_arrivals(self, gap: Gap, t: float) -> float:
        """What usually lies between two; endless: there were too few."""
        came = self._in(self._came, gap, t)
        return self._known_s(t) / came if came >= ARRIVALS_MIN else inf

    def went(self, gap: Gap, t: float) -> bool:
        return self._gone(gap, t) > 0

    def at(self, gap: Gap, t: float) -> float | None:
        """Each second; None: nothing left, or too short a time is known."""
        known_s, gone = self._known_s(t), self._gone(gap, t)
        return gone / known_s if known_s >= RATE_MIN_S and gone > 0 else None


class _Lots:
    """What there was of each lot at a moment."""

    def __init__(self, known: Known) -> None:
        self._lots = known.lots
        later = {lot.code: 0.0 for lot in known.lots}
        self._at, self._later = [len(known.changes)], [dict(later)]
        for n in range(len(known.changes) - 1, -1, -1):
            each = known.changes[n]
            if each.lot in later:
                later[each.lot] += each.delta
                self._at.append(n)
                self._later.append(dict(later))
        self._at.reverse()
        self._later.reverse()

    def at(self, gap: Gap, t: float) -> list[LotLeft]:
        later = self._later[bisect_left(self._at, gap.n)]
        return [
            LotLeft(lot.code, lot.quantity - later[lot.code], None if lot.ends_at is None else lot.ends_at - t)
            for lot in self._lots
        ]
