"""What a policy does, day after day, and the level at which it keeps its promise. Pure.

When customers wait for what is short, a policy acts on the position alone; the position counted from its reorder point
moves alike wherever that point lies. So one simulation, begun at a point of 0, tells for all points at once how much
stock there is when goods come: what was ordered later and came earlier is in it, and what the position was below the
point. The level is read off.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from domain.readings import F64, I64
from planning.replenishment.draws import Demands, LeadTimes
from planning.replenishment.normal import StockError, check

Kind = Literal["s,S", "s,nQ", "R,S", "R,s,S"]
CYCLES = 1_200
"""So many orders of an item are watched at least, if the days allow it: 95 % of them are known to 0.6."""
PATHS, PATHS_MAX = 48, 400
DAYS = (300, 600, 1_200)
CELLS_MAX = 2_000_000


class Policy(NamedTuple):
    """How one orders. `gap`: S - s, or Q of (s,nQ), 0 of (R,S); `least`: the supplier's minimum of a line.

    A line is what is needed, rounded up to packs, the minimum at least (rounded up to packs too).
    """

    kind: Kind = "s,S"
    gap: float = 1.0
    review_days: int = 1
    pack: float = 1.0
    least: float = 0.0


def checked(policy: Policy) -> Policy:
    """The policy, if it can be.

    Raises:
        StockError: it names what cannot.
    """
    check(gap=policy.gap, least=policy.least)
    check(1, review_days=policy.review_days)
    if not policy.pack > 0:
        raise StockError(f"pack: {policy.pack!r} holds nothing")
    if policy.kind != "R,S" and not policy.gap > 0:
        raise StockError(f"gap: {policy.gap!r}; S is above s, and Q more than 0")
    return policy


class Columns(NamedTuple):
    """Policies of one kind, (columns,) each."""

    kind: Kind
    gap: F64
    review_days: I64
    pack: F64
    least: F64

    @classmethod
    def of(cls, policies: Sequence[Policy], times: Sequence[int]) -> Columns:
        """Each so many times."""
        parts = [np.repeat(np.array(each), times) for each in list(zip(*policies, strict=True))[1:]]
        gap, review, pack, least = parts
        return cls(
            policies[0].kind, gap.astype(float), review.astype(np.int64), pack.astype(float), least.astype(float)
        )


def line(need: F64, pack: F64, least: F64) -> F64:
    """What is ordered where `need` is needed: 0 for none, else packs, not below the minimum.

    >>> line(np.array([0.0, 1.0, 13.0]), np.array(6.0), np.array(8.0)).tolist()
    [0.0, 12.0, 18.0]
    """
    return np.where(need > 1e-9, np.ceil(np.maximum(need, least) / pack - 1e-9) * pack, 0.0)


def need_of(policy: Columns, position: F64) -> F64:
    """What is needed where the position, counted from the reorder point (of (R,S): from S), is this; 0 for nothing."""
    if policy.kind == "R,S":
        return np.maximum(-position, 0)
    if policy.kind == "s,nQ":
        lots = np.floor(-position / policy.gap + 1e-9) + 1
        return np.where(position <= 1e-9, lots * policy.gap, 0.0)
    return np.where(position <= 1e-9, policy.gap - position, 0.0)


class Walk(NamedTuple):
    """(days, columns) from a reorder point of 0 (of (R,S): from an S of 0).

    Attributes:
        net: stock less what customers wait for, when a day ends.
        before: the same before the goods came that come then.
        ordered: what was ordered that day.
    """

    net: F64
    before: F64
    ordered: F64


def walked(policy: Columns, demand: F64, lead: I64, start: F64, phase: I64) -> Walk:
    """Day after day: demand, goods that come, then the review.

    Args:
        policy: of each column.
        demand: (days, columns).
        lead: (days, columns) days until what is ordered on that day comes, 1 at least.
        start: (columns,) position on the first morning, all of it lying there.
        phase: (columns,) shifts the days of review.
    """
    days, count = demand.shape
    width = int(lead.max()) + 1
    due, columns = np.zeros((width, count)), np.arange(count)
    position, net = start.copy(), start.copy()
    always = bool((policy.review_days == 1).all())
    nets, befores, orders = (np.empty((days, count)) for _ in range(3))
    for day in range(days):
        net -= demand[day]
        position -= demand[day]
        come = due[day % width]
        befores[day] = net
        net += come
        nets[day] = net
        come[:] = 0
        quantity = line(need_of(policy, position), policy.pack, policy.least)
        if not always:
            quantity *= (day + phase) % policy.review_days == 0
        position += quantity
        due[(day + lead[day]) % width, columns] += quantity
        orders[day] = quantity
    return Walk(nets, befores, orders)


@dataclass(frozen=True)
class Simulated:
    """An item's simulation from a level of 0.

    Attributes:
        low: (cycles,) stock as goods came.
        net: (days,) stock when days ended, `before` what came then.
        before: (days,).
        wanted: (days,) demand.
        orders: of a day.
        whole: it is counted in whole units.
    """

    low: F64
    net: F64
    before: F64
    wanted: F64
    orders: float
    whole: bool

    @property
    def demand(self) -> float:
        """A day."""
        return float(self.wanted.mean())

    def level_of_cycle(self, service: float) -> float:
        """The least level at which this share of cycles sees no customer wait."""
        return self._least(self.low, 1 - _between(service)) if self.low.size else 0.0

    def level_of_fill(self, share: float) -> float:
        """The least level at which this share of what is wanted is there at once."""
        _between(share)
        if not self.wanted.any():
            return 0.0
        low, high = -float(self.before.max()) - 1, -float(self.before.min()) + 1
        for _ in range(40):
            middle = (low + high) / 2
            low, high = (low, middle) if self.fill(middle) >= share else (middle, high)
        return self._up(high)

    def level_of_cost(self, holding: float, short: float) -> float:
        """The level at which holding a unit a day and owing one a day cost least: a quantile of the net stock."""
        check(holding=holding, short=short)
        if not (holding > 0 and short > 0):
            raise StockError("holding, short: both cost something")
        return self._least(self.net, holding / (holding + short))

    def cycle(self, level: float) -> float:
        """Share of cycles without anybody waiting."""
        return float((self.low + level >= -1e-9).mean()) if self.low.size else 1.0

    def fill(self, level: float) -> float:
        """Share of demand that is there at once."""
        wanted = float(self.wanted.sum())
        short = float(np.minimum(self.wanted, np.maximum(-(self.before + level), 0)).sum())
        return 1 - short / wanted if wanted else 1.0

    def held(self, level: float) -> float:
        """What lies there when a day ends, on average."""
        return float(np.maximum(self.net + level, 0).mean())

    def cost(self, level: float, order_cost: float, holding: float, short: float) -> float:
        """Of a day, with `holding` a unit and `short` an owed unit."""
        owed = float(np.maximum(-(self.net + level), 0).mean())
        return order_cost * self.orders + holding * self.held(level) + short * owed

    def _least(self, values: F64, share: float) -> float:
        """The least level with which no more than this share of them is below nothing."""
        at = min(int(share * values.size + 1e-9), values.size - 1)
        return self._up(-float(np.partition(values, at)[at]))

    def _up(self, level: float) -> float:
        return float(np.ceil(level - 1e-9)) if self.whole else level


def simulated(
    policies: Sequence[Policy], demands: Demands, leads: LeadTimes, seed: int, items: Sequence[int] | None = None
) -> Iterator[tuple[int, Simulated]]:
    """Each item under its policy, many at once, with its number; the order is not theirs.

    An item's figures are its own: which others stand beside it changes nothing.

    Args:
        policies: of each of the items asked for.
        demands: of all items.
        leads: of all items.
        seed: the same gives the same.
        items: which are asked for; all.

    Raises:
        StockError: a policy cannot be.
    """
    asked = list(range(demands.count)) if items is None else list(items)
    drawn: dict[tuple[Kind, int], list[_Drawn]] = {}
    cells: dict[tuple[Kind, int], int] = {}
    for item, policy in zip(asked, policies, strict=True):
        found = _drawn(checked(policy), demands, leads, item, seed)
        key = policy.kind, len(found.demand)
        drawn.setdefault(key, []).append(found)
        cells[key] = cells.get(key, 0) + found.demand.size
        if cells[key] >= CELLS_MAX:
            yield from _together(drawn.pop(key))
            cells[key] = 0
    for each in drawn.values():
        yield from _together(each)


class _Drawn(NamedTuple):
    """(days, paths) of an item, and how many of the days only begin it."""

    item: int
    policy: Policy
    demand: F64
    lead: I64
    start: F64
    phase: I64
    begin: int


def _drawn(policy: Policy, demands: Demands, leads: LeadTimes, item: int, seed: int) -> _Drawn:
    rng = np.random.default_rng([seed, item, 1])
    mean = float(demands.draw(item, rng, PATHS, 56).mean())
    longest = int(leads.draw(item, rng, PATHS, 56).max())
    lot = max(policy.gap, policy.pack, policy.least, mean * policy.review_days)
    cycle_days = max(lot / mean if mean else float(DAYS[-1]), policy.review_days, 1.0)
    begin = longest + policy.review_days
    days = next((each for each in DAYS if each >= 3 * cycle_days + 2 * begin), DAYS[-1])
    begin = min(begin, days // 2)
    paths = int(min(max(CYCLES * cycle_days / (days - begin), PATHS), PATHS_MAX))
    demand = np.ascontiguousarray(demands.draw(item, rng, paths, days).T)
    lead = np.ascontiguousarray(leads.draw(item, rng, paths, days).T)
    start = rng.random(paths) * policy.gap
    return _Drawn(
        item, policy, demand, lead, np.ceil(start) if _whole(policy, demand) else start,
        rng.integers(0, policy.review_days, paths), begin,
    )  # fmt: skip


def _together(items: list[_Drawn]) -> Iterator[tuple[int, Simulated]]:
    times = [each.start.size for each in items]
    walk = walked(
        Columns.of([each.policy for each in items], times),
        np.concatenate([each.demand for each in items], axis=1),
        np.concatenate([each.lead for each in items], axis=1),
        np.concatenate([each.start for each in items]),
        np.concatenate([each.phase for each in items]),
    )
    end = 0
    for each, count in zip(items, times, strict=True):
        kept = slice(each.begin, None), slice(end, end + count)
        end += count
        net, before = walk.net[kept], walk.before[kept]
        yield each.item, Simulated(
            before[net > before], net.ravel(), before.ravel(), each.demand[each.begin :].ravel(),
            float((walk.ordered[kept] > 0).mean()), _whole(each.policy, each.demand),
        )  # fmt: skip


def _whole(policy: Policy, demand: F64) -> bool:
    return bool((demand == np.rint(demand)).all() and policy.pack == round(policy.pack))


def _between(share: float) -> float:
    if not 0 < share < 1:
        raise StockError(f"service: {share!r} is not between 0 and 1")
    return share
