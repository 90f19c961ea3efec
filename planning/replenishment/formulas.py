"""When to order by formula: what textbooks promise, told beside what the simulation says. Pure.

Days may be any period as long as it is one. Sources stand at each; safety stock with both variances assumes that
demand and lead time are independent, stationary and, for the quantile, normal: of 95 % it delivers 82 to 92 %.
"""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from domain.readings import F64
from planning.replenishment.normal import StockError, above, check, density, loss, poisson, quantile


class Textbook(NamedTuple):
    """(skus,) or one: mean and deviation of the demand it must last for, the safety stock, and both together."""

    mean: F64
    deviation: F64
    safety_stock: F64
    level: F64


def textbook(
    demand: ArrayLike,
    deviation: ArrayLike,
    lead: ArrayLike,
    lead_deviation: ArrayLike,
    service: float,
    review: ArrayLike = 0.0,
) -> Textbook:
    """Reorder point (`review` 0) or order-up-to level: d (R+L) + z √((R+L) Var d + d² Var L).

    >>> [round(float(each), 3) for each in textbook(40, 15, 6, 2, 0.95)]
    [240.0, 88.034, 144.803, 384.803]
    """
    check(demand=demand, deviation=deviation, lead=lead, lead_deviation=lead_deviation, review=review)
    d, s, mean_l, s_l, r = (np.asarray(each, float) for each in (demand, deviation, lead, lead_deviation, review))
    lasts = r + mean_l
    spread = np.sqrt(lasts * s**2 + d**2 * s_l**2)
    safety = quantile(service) * spread
    return Textbook(d * lasts, spread, safety, d * lasts + safety)


def fill_rate(deviation: ArrayLike, z: ArrayLike, quantity: ArrayLike) -> F64:
    """Share of what is wanted that is there at once: 1 - s (G(z) - G(z + Q/s)) / Q (Silver, Pyke & Thomas).

    >>> [round(float(each), 4) for each in fill_rate(50, 1.6449, [50, 200, 1000])]
    [0.9804, 0.9948, 0.999]
    """
    check(deviation=deviation, quantity=quantity)
    spread, z, lot = (np.asarray(each, float) for each in (deviation, z, quantity))
    safe = np.maximum(spread, 1e-12)
    return np.asarray(1 - spread * (loss(z) - loss(z + lot / safe)) / np.maximum(lot, 1e-12))


def z_of_fill_rate(share: float, deviation: float, quantity: float) -> float:
    """The z at which `fill_rate` is this share.

    >>> round(z_of_fill_rate(0.98, 50, 200), 3)
    1.021
    """
    quantile(share)
    low, high = -quantity / max(deviation, 1e-12) - 8, 8.0
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if fill_rate(deviation, middle, quantity) < share else (low, middle)
    return (low + high) / 2


class Once(NamedTuple):
    """A single order, and what is left over and lacking costs on average."""

    quantity: float
    cost: float


def newsvendor_normal(over: float, short: float, mean: float, deviation: float) -> Once:
    """One order before one demand: the quantile Cs / (Cs + Co) of it.

    >>> [round(each, 4) for each in newsvendor_normal(0.18, 0.7, 50, 8)]
    [56.604, 1.9976]
    """
    check(mean=mean, deviation=deviation)
    z = quantile(_ratio(over, short))
    return Once(mean + z * deviation, (over + short) * deviation * float(density(z)))


def newsvendor_poisson(over: float, short: float, mean: float) -> Once:
    """The same of a Poisson demand, in whole units.

    >>> newsvendor_poisson(1, 4, 6)._replace(cost=0)
    Once(quantity=8, cost=0)
    """
    chances = poisson(mean)
    best = int(np.searchsorted(chances.cumsum(), _ratio(over, short)))
    return Once(best, float(_one_period(over, short, chances, np.array([best]))[0]))


class Levels(NamedTuple):
    """At or below `reorder` one orders up to `up_to`; `cost` a period, where it is known."""

    reorder: float
    up_to: float
    cost: float


def levels_exact(order_cost: float, holding: float, short: float, chances: ArrayLike) -> Levels:
    """The best (s, S) for demand of 0, 1, 2, … with these chances, reviewed each period (Zheng & Federgruen 1991).

    With a lead time of L periods the chances that cost is of are those of L + 1 periods; here L is 0.

    >>> found = levels_exact(5, 1, 4, poisson(6))
    >>> found.reorder, found.up_to, round(found.cost, 4)
    (4, 10, 8.0341)
    """
    check(order_cost=order_cost)
    p = np.asarray(chances, float)
    ratio = _ratio(holding, short)
    if p.ndim != 1 or not p.size or (p < 0).any() or abs(p.sum() - 1) > 1e-9 or p[0] > 1 - 1e-9:
        raise StockError("chances: of 0, 1, 2, …, none negative, 1 together, and some demand comes")
    middle = int(np.searchsorted(p.cumsum(), ratio))
    renewals = [1 / (1 - p[0])]

    def cost_of(reorder: int, up_to: int) -> float:
        while len(renewals) < up_to - reorder:
            n = len(renewals)
            reach = min(n, p.size - 1)
            renewals.append(float(p[1 : reach + 1] @ np.array(renewals[n - reach :])[::-1]) / (1 - p[0]))
        m = np.array(renewals[: up_to - reorder])
        levels = up_to - np.arange(up_to - reorder)
        return float((order_cost + m @ _one_period(holding, short, p, levels)) / m.sum())

    def at(level: int) -> float:
        return float(_one_period(holding, short, p, np.array([level]))[0])

    reorder = middle - 1
    while cost_of(reorder, middle) > at(reorder):
        reorder -= 1
    best, up_to, tried = cost_of(reorder, middle), middle, middle + 1
    while at(tried) <= best:
        if cost_of(reorder, tried) < best:
            up_to = tried
            while cost_of(reorder, up_to) <= at(reorder + 1):
                reorder += 1
            best = cost_of(reorder, up_to)
        tried += 1
    return Levels(reorder, up_to, best)


def levels_approximate(
    order_cost: float, holding: float, short: float, mean: float, deviation: float, lead: float = 0.0
) -> Levels:
    """(s, S) by the power approximation, of demand a period with this mean (Ehrhardt & Mosier 1984, rounded by nobody).

    >>> found = levels_approximate(2.5, 0.18, 0.7, 50, 8)
    >>> round(found.reorder, 4), round(found.up_to, 4)
    (40.1946, 74.2902)
    """
    check(order_cost=order_cost, lead=lead)
    _ratio(holding, short)
    if not (mean > 0 and deviation > 0):
        raise StockError("mean, deviation: both are more than 0")
    lasts, spread = (lead + 1) * mean, sqrt(lead + 1) * deviation
    lot = 1.30 * mean**0.494 * (order_cost / holding) ** 0.506 * (1 + spread**2 / mean**2) ** 0.116
    z = sqrt(lot * holding / (spread * short))
    reorder = 0.973 * lasts + spread * (0.183 / z + 1.063 - 2.192 * z)
    return Levels(reorder, reorder + lot, float("nan"))


def lot_cost(order_cost: float, holding: float, short: float, demand: float, lead: tuple[float, float], lot: float,
             reorder: float) -> float:  # fmt: skip
    """What (r, Q) costs a period when lead-time demand is normal with this mean and deviation.

    g(r, Q) = (K D + ∫ C(y) dy over r … r+Q) / Q with C(y) = h E(y-X)⁺ + p E(X-y)⁺ (Federgruen & Zheng 1992).
    """
    check(order_cost=order_cost, demand=demand)
    _ratio(holding, short)
    mean, spread = lead
    if not (lot > 0 and spread > 0):
        raise StockError("lot, deviation: both are more than 0")
    low, high = (reorder - mean) / spread, (reorder + lot - mean) / spread

    def under(z: float) -> float:
        # ∫ G from z on: ((z² + 1)(1 - Φ(z)) - z φ(z)) / 2
        return ((z * z + 1) * float(above(z)) - z * float(density(z))) / 2

    lacking = spread**2 * (under(low) - under(high))
    left = (high**2 - low**2) / 2 * spread**2 + lacking
    return (order_cost * demand + holding * left + short * lacking) / lot


def _one_period(over: float, short: float, chances: F64, levels: ArrayLike) -> F64:
    """(levels,) what a period costs that begins with each of these."""
    level = np.asarray(levels, float)
    gap = level[:, None] - np.arange(chances.size)
    return np.asarray(np.where(gap > 0, over * gap, -short * gap) @ chances)


def _ratio(over: float, short: float) -> float:
    check(over=over, short=short)
    if not (over > 0 and short > 0):
        raise StockError("costs of what is left and of what lacks are both more than 0")
    return short / (over + short)
