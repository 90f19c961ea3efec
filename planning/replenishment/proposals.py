"""What to order today of each item, with the numbers that say why. Pure.

The level is read off the simulation (`policies.py`); what shelf life and room allow caps it; the formula of textbooks
stands beside it. Customers wait for what is short.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, inf, isfinite
from typing import Literal, NamedTuple

import numpy as np

from planning.replenishment.draws import Demands, LeadTimes, lead_time_demand
from planning.replenishment.formulas import textbook
from planning.replenishment.lot_sizes import economic
from planning.replenishment.normal import StockError, check
from planning.replenishment.policies import Columns, Kind, Policy, Simulated, checked, line, need_of, simulated

Goal = Literal["cycle", "fill", "cost"]
GAPS = (0.6, 0.8, 1.0, 1.3, 1.7)
"""Shares of the economic quantity that are tried where cost is the goal."""
ALL_SOLD = 0.9
"""So surely all that is ordered is sold before it expires, or less is ordered."""


@dataclass(frozen=True)
class Rule:
    """How an item is ordered, and what is promised.

    Attributes:
        kind: (s,S), (s,nQ), (R,S) or (R,s,S).
        goal: `cycle`: share of cycles without anybody waiting; `fill`: share of demand that is there at once; `cost`.
        service: what is promised of the first two, between 0 and 1.
        review_days: one looks every so many days.
        pack: what one orders is a multiple of it, rounded up.
        least: the supplier's minimum of a line.
        gap: S - s, or Q; None: the economic quantity, from the costs.
        order_cost: of a line.
        holding_cost: of a unit and day.
        short_cost: of a unit that is waited for, a day.
        life_days: how long it can be sold after it came; None: for ever.
        most: there is room for so many.
    """

    kind: Kind = "s,S"
    goal: Goal = "cycle"
    service: float = 0.95
    review_days: int = 1
    pack: float = 1.0
    least: float = 0.0
    gap: float | None = None
    order_cost: float = 0.0
    holding_cost: float = 0.0
    short_cost: float = 0.0
    life_days: int | None = None
    most: float = inf

    def __post_init__(self) -> None:
        if not 0 < self.service < 1:
            raise StockError(f"service: {self.service!r} is not between 0 and 1")
        if self.goal == "cost" and not (self.holding_cost > 0 and self.short_cost > 0):
            raise StockError("goal cost: holding_cost and short_cost are both more than 0")
        if self.life_days is not None:
            check(1, life_days=self.life_days)
        if not self.most > 0:
            raise StockError(f"most: {self.most!r}; there is room for something")
        check(order_cost=self.order_cost, holding_cost=self.holding_cost, short_cost=self.short_cost)
        if self.gap is None and self.kind != "R,S" and not (self.order_cost > 0 and self.holding_cost > 0):
            raise StockError("gap: give it, or order_cost and holding_cost that say it")
        checked(Policy(self.kind, self.gap or 1.0, self.review_days, self.pack, self.least))


class Stock(NamedTuple):
    """Of an item now: what lies there and can be sold, what is under way, what customers wait for, what is promised."""

    on_hand: float = 0.0
    on_order: float = 0.0
    owed: float = 0.0
    allocated: float = 0.0

    @property
    def position(self) -> float:
        """What there is for demand that is to come."""
        return self.on_hand + self.on_order - self.owed - self.allocated


class Why(NamedTuple):
    """Where the numbers of a proposal come from: a day's demand, the lead time in days, what is wanted during it.

    `reached_cycle` and `reached_fill` are what the level keeps, by the simulation; `textbook` is the level of the
    formula with both variances, told beside it; `textbook_cycle` what that would keep.
    """

    demand_mean: float
    demand_deviation: float
    lead_mean: float
    lead_deviation: float
    lead_seen: int
    wait_mean: float
    wait_deviation: float
    undershoot_mean: float
    goal: Goal
    promised: float
    reached_cycle: float
    reached_fill: float
    textbook: float
    textbook_cycle: float
    notes: tuple[str, ...]


class Proposal(NamedTuple):
    """Order `quantity` now (0: nothing): the position is at or below `reorder`, and goes up to `up_to`."""

    quantity: float
    reorder: float
    up_to: float
    position: float
    cover_days: float
    why: Why


class Levels(NamedTuple):
    """s, S (of (R,S) both are S), how they were simulated, what they keep and cost a day, and what was said of it."""

    reorder: float
    up_to: float
    policy: Policy
    cycle: float
    fill: float
    cost: float
    textbook: float
    textbook_cycle: float
    notes: tuple[str, ...]


class Plan(NamedTuple):
    """Levels of an item, and why they are so."""

    found: Levels
    why: Why


class _Basis(NamedTuple):
    """Of an item: demand of a day, lead time, and the level of the formula."""

    mean: float
    deviation: float
    lead_mean: float
    lead_deviation: float
    textbook: float


def proposals(
    rules: Sequence[Rule], stocks: Sequence[Stock], demands: Demands, leads: LeadTimes, seed: int = 1
) -> list[Proposal]:
    """One for each item, in their order; the same seed gives the same.

    Args:
        rules: of each item.
        stocks: of each item.
        demands: of all items.
        leads: of all items.
        seed: of all draws.

    Raises:
        StockError: there are not as many of one as of the other.
    """
    if not len(rules) == len(stocks) == demands.count == len(leads.lanes):
        raise StockError(
            f"{len(rules)} rules, {len(stocks)} stocks, {demands.count} demands and {len(leads.lanes)} lanes: "
            "each item has one of each"
        )
    plans = planned(rules, demands, leads, seed)
    return [proposal(*each) for each in zip(rules, stocks, plans, strict=True)]


def planned(rules: Sequence[Rule], demands: Demands, leads: LeadTimes, seed: int = 1) -> list[Plan]:
    """What each item is kept by, whatever there is of it now: all that takes time."""
    bases = [_basis(rule, demands, leads, item) for item, rule in enumerate(rules)]
    best = _best(rules, bases, demands, leads, seed)
    plans = []
    for item, (rule, basis) in enumerate(zip(rules, bases, strict=True)):
        found = _capped(rule, best[item], basis, demands, leads, item, seed)
        wait = lead_time_demand(demands, leads, item, seed, rule.review_days)
        why = Why(
            basis.mean, basis.deviation, basis.lead_mean, basis.lead_deviation, int(leads.lanes[item].size),
            float(wait.demand.mean()), float(wait.demand.std()), float(wait.undershoot.mean()), rule.goal,
            _promised(rule), found.cycle, found.fill, found.textbook, found.textbook_cycle, found.notes,
        )  # fmt: skip
        plans.append(Plan(found, why))
    return plans


def proposal(rule: Rule, stock: Stock, plan: Plan) -> Proposal:
    """What to order of an item that is kept so."""
    found, why = plan
    quantity, notes = _quantity(rule, stock, found)
    cover = max(stock.position, 0) / why.demand_mean if why.demand_mean else inf
    return Proposal(
        quantity, found.reorder, found.up_to, stock.position, cover, why._replace(notes=(*found.notes, *notes))
    )


def _basis(rule: Rule, demands: Demands, leads: LeadTimes, item: int) -> _Basis:
    mean, deviation = demands.moments(item)
    lead = leads.moments(item)
    review = rule.review_days if rule.review_days > 1 else 0
    book = textbook(mean, deviation, *lead, _promised(rule), review)
    return _Basis(mean, deviation, *lead, float(book.level))


def _promised(rule: Rule) -> float:
    return rule.service if rule.goal != "cost" else rule.short_cost / (rule.short_cost + rule.holding_cost)


def _best(
    rules: Sequence[Rule], bases: Sequence[_Basis], demands: Demands, leads: LeadTimes, seed: int
) -> dict[int, Levels]:
    """The cheapest of what each item tries; only figures are kept of a simulation."""
    tried = [_policies(rule, basis.mean) for rule, basis in zip(rules, bases, strict=True)]
    best: dict[int, Levels] = {}
    for turn in range(max(map(len, tried), default=0)):
        part = {item: each[turn] for item, each in enumerate(tried) if len(each) > turn}
        for item, seen in simulated(list(part.values()), demands, leads, seed, list(part)):
            now = _levels(rules[item], part[item], seen, bases[item])
            if item not in best or now.cost < best[item].cost:
                best[item] = now
    return best


def _policies(rule: Rule, mean: float) -> list[Policy]:
    """What is simulated: one, or where cost is the goal and no gap is given, several around the economic quantity."""
    if rule.kind == "R,S":
        return [Policy("R,S", 0.0, rule.review_days, rule.pack, rule.least)]
    if rule.gap is not None:
        gaps = [rule.gap]
    else:
        lot = float(economic(rule.order_cost, rule.holding_cost, mean).quantity)
        gaps = [lot * share for share in (GAPS if rule.goal == "cost" else (1.0,))]
    rounded = sorted({max(ceil(gap / rule.pack - 1e-9), 1) * rule.pack for gap in gaps})
    return [Policy(rule.kind, gap, rule.review_days, rule.pack, rule.least) for gap in rounded]


def _levels(rule: Rule, policy: Policy, seen: Simulated, basis: _Basis) -> Levels:
    if rule.goal == "cost":
        level = seen.level_of_cost(rule.holding_cost, rule.short_cost)
    elif rule.goal == "fill":
        level = seen.level_of_fill(rule.service)
    else:
        level = seen.level_of_cycle(rule.service)
    return _at(rule, level, policy, seen, basis)


def _at(rule: Rule, level: float, policy: Policy, seen: Simulated, basis: _Basis) -> Levels:
    cost = seen.cost(level, rule.order_cost, rule.holding_cost, rule.short_cost)
    book = basis.textbook
    return Levels(
        level, level + policy.gap, policy, seen.cycle(level), seen.fill(level), cost, book, seen.cycle(book), ()
    )


def _capped(
    rule: Rule, found: Levels, basis: _Basis, demands: Demands, leads: LeadTimes, item: int, seed: int
) -> Levels:
    """The levels below what can be sold in time and what there is room for; simulated anew where that changes them."""
    caps = []
    if isfinite(rule.most):
        caps.append((rule.most, f"there is room for {rule.most:g}"))
    if rule.life_days is not None:
        sold = _sold(rule.life_days, demands, leads, item, seed)
        caps.append((sold, f"in {rule.life_days} days of life no more are sold as surely as {ALL_SOLD:.0%}"))
    if not caps or found.up_to <= min(caps)[0]:
        return found
    cap, reason = min(caps)
    policy = found.policy
    if rule.kind != "R,S":
        policy = policy._replace(gap=max(rule.pack, cap - found.reorder))
    seen = next(iter(simulated([policy], demands, leads, seed, [item])))[1]
    note = f"up to {cap:g} instead of {found.up_to:g}: {reason}"
    return _at(rule, cap - policy.gap, policy, seen, basis)._replace(notes=(note,))


def _sold(life_days: int, demands: Demands, leads: LeadTimes, item: int, seed: int) -> float:
    """What is sold, as surely as `ALL_SOLD`, from the order until what then comes expires."""
    rng = np.random.default_rng([seed, item, 2])
    lead = leads.draw(item, rng, 1_000, 1)[:, 0]
    wanted = demands.draw(item, rng, 1_000, int(lead.max()) + life_days).cumsum(axis=1)
    sold = wanted[np.arange(1_000), lead + life_days - 1]
    return float(np.quantile(sold, 1 - ALL_SOLD, method="lower"))


def _quantity(rule: Rule, stock: Stock, found: Levels) -> tuple[float, list[str]]:
    """What is ordered today, and how it was rounded; never above the cap that the levels have."""
    columns = Columns.of([found.policy], [1])
    need = float(need_of(columns, np.array([stock.position - found.reorder]))[0])
    if need <= 0:
        return 0.0, []
    quantity = float(line(np.array(need), columns.pack[0], columns.least[0]))
    notes = []
    if quantity > need + 1e-9:
        by = f"packs of {rule.pack:g}" + (f", minimum {rule.least:g}" if rule.least > need else "")
        notes.append(f"{need:g} are needed, rounded up to {quantity:g} ({by})")
    if found.notes and stock.position + quantity > found.up_to + 1e-9:
        down = floor(max(found.up_to - stock.position, 0) / rule.pack + 1e-9) * rule.pack
        if down < rule.least:
            notes.append(f"nothing is ordered: {down:g} are the most that is not too much, the minimum {rule.least:g}")
            return 0.0, notes
        notes.append(f"rounded down to {down:g}: no more than {found.up_to:g} together")
        quantity = down
    return quantity, notes
