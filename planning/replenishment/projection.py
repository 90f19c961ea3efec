"""Stock ahead, day by day, that knows when goods come and whether they will be taken, and which lot expires when. Pure.

Of each of some hundred worlds: when each load comes (by its arrival's quantiles), whether it is accepted, what is
wanted on each day. The lot that expires first goes first; what expires is no stock from that day on; who finds nothing
waits. Chances are shares of worlds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

import numpy as np

from domain.readings import F64, I64, Bool
from planning.replenishment.normal import StockError, check

BAND = (0.1, 0.5, 0.9)
DAYS_MAX = 730
CELLS_MAX = 40_000_000


@dataclass(frozen=True)
class Lot:
    """What lies there: `days_left` 0 is sold until tonight, inf never expires; `chance` that it is there at all."""

    quantity: float
    days_left: float = inf
    chance: float = 1.0

    def __post_init__(self) -> None:
        check(quantity=self.quantity, chance=self.chance)
        if self.chance > 1 or np.isnan(self.days_left):
            raise StockError(f"a lot with days_left {self.days_left!r} and a chance of {self.chance!r}")


@dataclass(frozen=True)
class Inbound:
    """What is under way: days from now until it can be picked, dock to stock in it, and the chance that it is accepted.

    `days_left` is counted from now, not from its arrival.
    """

    name: str
    quantity: float
    p10: float
    p50: float
    p90: float
    accepted: float = 1.0
    days_left: float = inf

    def __post_init__(self) -> None:
        check(quantity=self.quantity, p10=self.p10, accepted=self.accepted)
        if not self.p10 <= self.p50 <= self.p90 < inf:
            raise StockError(f"{self.name}: p10, p50 and p90 rise, not {self.p10:g}, {self.p50:g} and {self.p90:g}")
        if self.accepted > 1 or np.isnan(self.days_left):
            raise StockError(f"{self.name}: accepted is a chance, from 0 to 1, and days_left a number")


class Projected(NamedTuple):
    """Figures of an item. A day that is `days` stands for: not within them.

    Attributes:
        available: (days, 3) p10, p50 and p90 of what is there when a day ends, below 0 what is owed.
        out_by_day: (days,) chance that somebody had to wait until then.
        out_before_next: chance that somebody waits before the next load that is accepted.
        out_day: (3,) day on which somebody waits first, p10, p50 and p90.
        late: of each load the chance that somebody waits before it comes.
        expired: units that expire, on average.
        promise: (days,) what can be promised more for that day at a risk of one in ten; nothing else is endangered.
    """

    available: F64
    out_by_day: F64
    out_before_next: float
    out_day: F64
    late: dict[str, float]
    expired: float
    promise: F64


def projected(
    lots: Sequence[Lot],
    inbound: Sequence[Inbound],
    demand: F64,
    owed: float = 0.0,
    allocated: float = 0.0,
    seed: int = 1,
) -> Projected:
    """Looks as many days ahead as `demand` (worlds, days) does.

    Args:
        lots: what lies there.
        inbound: what is under way.
        demand: of each world and day, without what is allocated.
        owed: what customers wait for now.
        allocated: what is promised and not picked; it goes on the first day.
        seed: the same gives the same.

    Raises:
        StockError: there are no worlds, or too many days.
    """
    check(demand=demand, owed=owed, allocated=allocated)
    if demand.ndim != 2 or not demand.size or demand.shape[1] > DAYS_MAX:
        raise StockError(f"demand: (worlds, days), from one to {DAYS_MAX} days")
    worlds, days = demand.shape
    if worlds * (len(lots) + len(inbound) + 1) > CELLS_MAX:
        raise StockError("too many lots and worlds; take fewer worlds")
    come, taken = _arrivals(inbound, worlds, seed)
    rng = np.random.default_rng([seed, 9])
    there = np.array([each.quantity for each in lots]) * (
        rng.random((worlds, len(lots))) < np.array([each.chance for each in lots])
    )
    left = np.concatenate((there, np.zeros((worlds, len(inbound)))), axis=1)
    ends: F64 = np.array([each.days_left for each in lots] + [each.days_left for each in inbound], float)
    order = np.argsort(ends, kind="stable")
    waiting = np.full(worlds, owed)
    available, out = np.empty((worlds, days)), np.empty((worlds, days), np.bool_)
    expired = np.zeros(worlds)
    quantity = np.array([each.quantity for each in inbound])
    for day in range(days):
        left[:, len(lots) :] += np.where((come == day) & taken, quantity, 0)
        over = np.flatnonzero(ends < day)
        expired += left[:, over].sum(axis=1)
        left[:, over] = 0
        wanted = demand[:, day] + waiting + (allocated if not day else 0)
        waiting = _taken(left, order, wanted)
        available[:, day] = left.sum(axis=1) - waiting
        out[:, day] = waiting > 1e-9
    first = np.where(out.any(axis=1), out.argmax(axis=1), days)
    next_ = np.where(taken, come, days).min(axis=1, initial=days)
    low = np.quantile(available, BAND[0], axis=0)
    return Projected(
        np.quantile(available, BAND, axis=0).T,
        np.asarray(np.maximum.accumulate(out, axis=1).mean(axis=0)),
        float((first < next_).mean()),
        np.quantile(first, BAND, method="lower").astype(float),
        {each.name: float((first < np.where(taken[:, n], come[:, n], days)).mean()) for n, each in enumerate(inbound)},
        float(expired.mean()),
        np.maximum(np.minimum.accumulate(low[::-1])[::-1], 0),
    )


def _arrivals(inbound: Sequence[Inbound], worlds: int, seed: int) -> tuple[I64, Bool]:
    """(worlds, loads) the day on which each comes, straight lines through its quantiles, and whether it is taken.

    What comes during a day is there for that day. The draws of a load hang on its name, not on its neighbours.
    """
    come, taken = np.zeros((worlds, len(inbound)), np.int64), np.zeros((worlds, len(inbound)), np.bool_)
    for n, each in enumerate(inbound):
        rng = np.random.default_rng([seed, *each.name.encode()])
        share = rng.random(worlds)
        early, late = (each.p50 - each.p10) / 0.4, (each.p90 - each.p50) / 0.4
        at = each.p50 + (share - 0.5) * np.where(share < 0.5, early, late)
        come[:, n] = np.floor(np.maximum(at, 0))
        taken[:, n] = rng.random(worlds) < each.accepted
    return come, taken


def _taken(left: F64, order: I64, wanted: F64) -> F64:
    """Takes what is wanted from what expires first; what is owed then."""
    sorted_ = left[:, order]
    before = sorted_.cumsum(axis=1) - sorted_
    take = np.clip(wanted[:, None] - before, 0, sorted_)
    left[:, order] = sorted_ - take
    return np.asarray(np.maximum(wanted - take.sum(axis=1), 0))


class Surplus(NamedTuple):
    """Units beyond what may be wanted (p90), whether nobody wants the item any more, and money to be written off."""

    excess: float
    obsolete: bool
    write_off: float


def surplus(
    position: float, demand: F64, quiet_days: int, expired: float, price: float = 0.0, obsolete_days: int = 180
) -> Surplus:
    """Excess and obsolete of an item.

    Args:
        position: of the item.
        demand: (worlds, days) of review, lead time and the cover that is wanted.
        quiet_days: since somebody wanted it.
        expired: units that expire, of `projected`.
        price: of a unit.
        obsolete_days: nobody has wanted it for so long.
    """
    check(demand=demand, quiet_days=quiet_days, expired=expired, price=price)
    most = float(np.quantile(demand.sum(axis=1), BAND[2]))
    obsolete = position > 0 and quiet_days >= obsolete_days
    return Surplus(max(position - most, 0.0), obsolete, expired * price)
