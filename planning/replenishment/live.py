"""Proposals from what is known of a product at a site now: levels, what is coming, the forecast, terms and lead times.

The levels rest on forecast, lead times and rule alone: they are kept as long as those stay, so that what is there now
may be looked at as often as one likes. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from math import inf, isfinite
from typing import Literal, NamedTuple

import numpy as np

from domain.readings import F64
from planning.replenishment.draws import Demands, Forecasts, LeadTimes, Quantiles
from planning.replenishment.projection import Inbound, Lot, Projected, projected, surplus
from planning.replenishment.proposals import Goal, Plan, Proposal, Rule, Stock, planned, proposal

LEADS_MIN = 5
"""While fewer lead times of a supplier to a site were measured, what it promises stands in their place."""
WORLDS = 200
RISK = 0.1
"""So likely that somebody waits before what is ordered today comes: it is said."""
LEVELS = (0.1, 0.5, 0.9)
SPREAD = 2.5631
"""Deviations between p10 and p90 of a normal one."""
STALE_DAYS = 3
KEPT = 4_096
SEED = 1
State = Literal["out", "stock_out", "overdue", "late", "order", "expiring", "excess", "no_supplier", "no_forecast"]
STATES: tuple[State, ...] = (
    "out", "stock_out", "overdue", "late", "order", "expiring", "excess", "no_supplier", "no_forecast",
)  # fmt: skip
"""The most urgent first."""


class Expected(NamedTuple):
    """A forecast from today on, by day, as people expect it: mean, and p10, p50 and p90 where they are known."""

    mean: tuple[float, ...]
    bounds: tuple[tuple[float, float, float], ...] | None = None


class Terms(NamedTuple):
    """Of a supplier: days promised, pack and minimum in base units, what one costs."""

    lead_days: float
    pack: float = 1.0
    least: float = 0.0
    price: float | None = None


class Goals(NamedTuple):
    """What is promised of a product at a site, and how it is ordered; `most`: there is room for."""

    goal: Goal = "cycle"
    service: float = 0.95
    review_days: int = 1
    cover_days: float = 7.0
    most: float | None = None


USUAL = Goals()
"""Where nobody has said anything."""


class Coming(NamedTuple):
    """What is under way: an order line or goods on a vehicle.

    `sent_days` ago it was ordered (None: it is a draft, or on a vehicle); `due_days` from now, as the supplier says;
    `eta` p10, p50 and p90 in days from now, of the vehicle or shipment that brings it: it goes before both.
    """

    name: str
    quantity: float
    sent_days: float | None = None
    due_days: float | None = None
    eta: tuple[float, float, float] | None = None
    days_left: float = inf


@dataclass(frozen=True)
class Known:
    """All that is known of a product at a site. `wanted`: of orders, by days from now; -1 is overdue, or for no day."""

    lots: Sequence[Lot]
    coming: Sequence[Coming]
    wanted: Mapping[int, float] = field(default_factory=dict)
    expected: Expected | None = None
    terms: Terms | None = None
    goals: Goals = USUAL
    own_leads: tuple[float, ...] = ()
    general_leads: tuple[float, ...] = ()


class Seen(NamedTuple):
    """What is proposed of a product at a site, what is ahead if nothing is ordered, and with the order.

    Attributes:
        states: what it is to be looked at for, the most urgent first.
        risk: chance that somebody waits before what is ordered today comes.
        stock: as it is counted; `on_order` with drafts.
        lead: p10, p50 and p90 of an order sent today, in days.
        inbound: what is under way, when it comes.
    """

    states: tuple[State, ...]
    proposal: Proposal | None
    ahead: Projected | None
    ordered: Projected | None
    risk: float | None
    excess: float
    stock: Stock
    lead: tuple[float, float, float] | None
    inbound: tuple[Inbound, ...]
    notes: tuple[str, ...]


def seen(known: Known, days: int, *, ordered: bool = False) -> Seen:
    """Looks `days` ahead; `ordered`: also as it will be with what is proposed."""
    notes: list[str] = []
    lead = _lead(known)
    inbound = tuple(_arriving(each, known, notes) for each in known.coming)
    usable = sum(lot.quantity for lot in known.lots)
    owed = known.wanted.get(-1, 0.0)
    coming = sum(each.quantity for each in known.coming)
    if known.expected is None:
        stock = Stock(usable, coming, owed)
        states: list[State] = ["no_forecast", *(() if known.terms else ("no_supplier",))]
        if usable <= 0 and (owed or known.wanted):
            states.insert(0, "out")
        return Seen(tuple(states), None, None, None, None, 0.0, stock, lead, inbound, tuple(notes))
    demands = _demands(known.expected)
    within = (known.goals.review_days + (lead[1] if lead else 0)) if lead else known.goals.review_days
    beyond = _beyond(known, round(within))
    if beyond:
        notes.append(f"orders of the next {round(within)} days want {beyond:g} more than is forecast")
    stock = Stock(usable, coming, owed, beyond)
    worlds = _worlds(known, demands, days)
    ahead = projected(known.lots, inbound, worlds, owed, 0.0, SEED)
    found = plan = None
    if known.terms is not None:
        rule = _rule(known)
        plan = _plan(rule, known.expected, known.own_leads, _general(known))
        found = proposal(rule, stock, plan)
    risk = float(ahead.out_by_day[min(int(lead[1]) if lead else known.goals.review_days, days) - 1]) if days else None
    excess = _excess(known, stock, found, demands, within, ahead)
    after = None
    if ordered and found is not None and found.quantity and lead is not None:
        order = Inbound("this order", found.quantity, *lead)
        after = projected(known.lots, (*inbound, order), worlds, owed, 0.0, SEED)
    states = _states(known, stock, found, ahead, inbound, risk, excess)
    return Seen(tuple(states), found, ahead, after, risk, excess, stock, lead, inbound, tuple(notes))


def _states(
    known: Known, stock: Stock, found: Proposal | None, ahead: Projected, inbound: Sequence[Inbound],
    risk: float | None, excess: float,
) -> list[State]:  # fmt: skip
    asked = known.expected is not None and sum(known.expected.mean) > 0
    late = {each.name for each in known.coming if each.due_days is not None and each.due_days < 0}
    holds: dict[State, bool] = {
        "out": stock.on_hand <= 0 and (asked or stock.owed > 0),
        "stock_out": risk is not None and risk > RISK,
        "overdue": bool(late),
        "late": any(ahead.late.get(each.name, 0) > RISK for each in inbound),
        "order": found is not None and found.quantity > 0,
        "expiring": ahead.expired >= 1,
        "excess": excess > 0,
        "no_supplier": known.terms is None,
    }
    return [state for state in STATES if holds.get(state)]


def _rule(known: Known) -> Rule:
    assert known.terms is not None  # noqa: S101 - for the type checker
    assert known.expected is not None  # noqa: S101 - for the type checker
    goals, terms = known.goals, known.terms
    gap = goals.cover_days * float(np.mean(known.expected.mean))
    kind: Literal["R,s,S", "R,S"] = "R,s,S" if gap > 0 else "R,S"
    return Rule(
        kind, goals.goal, goals.service, goals.review_days, terms.pack, terms.least,
        max(gap, terms.pack) if gap > 0 else None, most=inf if goals.most is None else goals.most,
    )  # fmt: skip


@lru_cache(KEPT)
def _plan(rule: Rule, expected: Expected, own: tuple[float, ...], general: tuple[float, ...]) -> Plan:
    leads = LeadTimes([np.array(own, float)], [np.array(general, float)])
    return planned([rule], _demands(expected), leads, SEED)[0]


def _demands(expected: Expected) -> Demands:
    """Quantiles where each day has some; where days without demand are usual, counts that keep the mean."""
    mean = np.array([expected.mean], float)
    if expected.bounds is None:
        return Forecasts(mean, np.sqrt(mean))
    bounds = np.array([expected.bounds], float)
    if (bounds[0, :, 0] > 0).mean() > 0.5:
        return Quantiles(np.array(LEVELS), np.maximum.accumulate(np.maximum(bounds, 0), axis=2))
    deviation = np.maximum((bounds[:, :, 2] - bounds[:, :, 0]) / SPREAD, np.sqrt(mean))
    return Forecasts(mean, deviation)


def _general(known: Known) -> tuple[float, ...]:
    """Lead times of the supplier to the site, or what it promises while they are few."""
    assert known.terms is not None  # noqa: S101 - for the type checker
    return known.general_leads if len(known.general_leads) >= LEADS_MIN else (known.terms.lead_days,)


def _lead(known: Known) -> tuple[float, float, float] | None:
    if known.terms is None:
        return None
    leads = LeadTimes([np.array(known.own_leads, float)], [np.array(_general(known), float)])
    drawn = leads.draw(0, np.random.default_rng([SEED, 5]), 400, 1)
    p10, p50, p90 = (float(each) for each in np.quantile(drawn, LEVELS))
    return p10, p50, p90


def _arriving(each: Coming, known: Known, notes: list[str]) -> Inbound:
    """When it comes: as its vehicle is expected, as the supplier says, or by those lead times that are longer still."""
    if each.eta is not None:
        return Inbound(each.name, each.quantity, *_rising(each.eta), days_left=each.days_left)
    past = np.array(known.own_leads or (_general(known) if known.terms else ()), float)
    if each.due_days is not None:
        spread = past - np.median(past) if past.size else np.zeros(1)
        left = each.due_days + spread
    elif not past.size:
        notes.append(f"{each.name}: nobody says when it comes")
        return Inbound(each.name, each.quantity, 0, 7, 28, days_left=each.days_left)
    else:
        left = past - (each.sent_days or 0.0)
    left = left[left > 0]
    if not left.size:
        notes.append(f"{each.name} is longer under way than any before it")
        left = np.array([0.0, 1.0, max(2.0, float(past.mean()) if past.size else 2.0)])
    p10, p50, p90 = (float(value) for value in np.quantile(left, LEVELS))
    return Inbound(each.name, each.quantity, p10, p50, p90, days_left=each.days_left)


def _rising(eta: tuple[float, float, float]) -> tuple[float, float, float]:
    p10 = max(eta[0], 0.0)
    p50 = max(eta[1], p10)
    return p10, p50, max(eta[2], p50)


def _worlds(known: Known, demands: Demands, days: int) -> F64:
    """What is wanted, (worlds, days): what is forecast, or what is ordered already where that is more."""
    drawn = demands.draw(0, np.random.default_rng([SEED, 7]), WORLDS, days)
    ordered = np.array([known.wanted.get(day, 0.0) for day in range(days)])
    return np.asarray(np.maximum(drawn, ordered))


def _beyond(known: Known, days: int) -> float:
    """What orders of the coming days want beyond the forecast of those days."""
    assert known.expected is not None  # noqa: S101 - for the type checker
    mean = known.expected.mean
    found = sum(
        max(quantity - mean[min(day, len(mean) - 1)], 0.0)
        for day, quantity in known.wanted.items()
        if 0 <= day < max(days, 1)
    )
    return round(found, 6)


def _excess(
    known: Known, stock: Stock, found: Proposal | None, demands: Demands, within: float, ahead: Projected
) -> float:
    """What is beyond all that may be wanted until one orders anew, and beyond what is ever ordered up to."""
    span = max(round(within + known.goals.cover_days), 1)
    most = surplus(stock.position, _worlds(known, demands, span), 0, ahead.expired).excess
    if found is not None:
        most = min(most, stock.position - found.up_to)
    return max(most, 0.0) if most > (known.terms.pack if known.terms else 1.0) else 0.0


def expected_from(
    begins: date, today: date, mean: Sequence[float], bounds: Sequence[Sequence[float] | None]
) -> Expected | None:
    """A forecast that was made for `begins` on, from today on; None: nothing of it is left.

    >>> expected_from(date(2026, 12, 1), date(2026, 12, 2), [1.0, 2.0, 3.0], [None, None, None])
    Expected(mean=(2.0, 3.0), bounds=None)
    """
    passed = max((today - begins).days, 0)
    left = tuple(float(value) for value in mean[passed:])
    if not left:
        return None
    low, middle, high = bounds
    if low is None or middle is None or high is None:
        return Expected(left)
    rows = zip(low[passed:], middle[passed:], high[passed:], strict=True)
    return Expected(left, tuple((float(a), float(b), float(c)) for a, b, c in rows))


def day_of(today: date, days: float) -> date | None:
    """The day so many days from today; None: never, or too far."""
    return today + timedelta(days=int(days)) if isfinite(days) and days < 3_650 else None
