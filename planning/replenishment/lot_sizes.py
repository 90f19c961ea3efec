"""How much at once when demand is known: economic quantities, discounts, varying demand, several items together. Pure.

Sources: Harris 1913 and what grew from it, as in Snyder & Shen, Fundamentals of Supply Chain Theory (2019), ch. 3;
Wagner & Whitin 1958 (Management Science 5:89); Silver 1976 (Management Science 22:1351).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from domain.readings import F64
from planning.replenishment.normal import StockError, check


class Lot(NamedTuple):
    """How much at once, and what orders and stock cost in the unit of time of the demand (as arrays, or one)."""

    quantity: F64
    cost: F64


class Backordered(NamedTuple):
    """A lot of which a share is always waited for."""

    quantity: F64
    share: F64
    cost: F64


class Joint(NamedTuple):
    """An order every `cycle`, item n in every `multiples[n]`-th of them; `cost` in the unit of time of the demand."""

    cycle: float
    multiples: tuple[int, ...]
    cost: float


def economic(order_cost: ArrayLike, holding_cost: ArrayLike, demand: ArrayLike) -> Lot:
    """The economic order quantity: Q = √(2 K D / h); `holding_cost` per unit and the time that `demand` is of."""
    cost, holding, rate = _columns(order_cost, holding_cost, demand)
    return Lot(np.sqrt(2 * cost * rate / holding), np.sqrt(2 * cost * rate * holding))


def backordered(
    order_cost: ArrayLike, holding_cost: ArrayLike, shortage_cost: ArrayLike, demand: ArrayLike
) -> Backordered:
    """The economic quantity when customers wait, at `shortage_cost` per unit and time.

    >>> [round(float(each), 6) for each in backordered(8, 0.225, 5, 1300)]
    [310.812555, 0.043062, 66.921364]
    """
    cost, holding, rate = _columns(order_cost, holding_cost, demand)
    check(shortage_cost=shortage_cost)
    short = np.asarray(shortage_cost, float)
    if not (short > 0).all():
        raise StockError("shortage_cost: waiting costs something, or nothing would be stocked")
    ratio = short / (holding + short)
    return Backordered(
        np.sqrt(2 * cost * rate / (holding * ratio)), 1 - ratio, np.sqrt(2 * cost * rate * holding * ratio)
    )


def produced(order_cost: ArrayLike, holding_cost: ArrayLike, demand: ArrayLike, rate: ArrayLike) -> Lot:
    """The economic quantity when it comes at a `rate` and not at once.

    Raises:
        StockError: it comes more slowly than it is wanted.
    """
    if not (np.asarray(rate, float) > np.asarray(demand, float)).all():
        raise StockError("rate: what comes more slowly than it is wanted never suffices")
    idle = 1 - np.asarray(demand, float) / np.asarray(rate, float)
    return economic(order_cost, np.asarray(holding_cost, float) * idle, demand)


def discounted(
    order_cost: float, interest: float, demand: float, breaks: Sequence[float], prices: Sequence[float]
) -> Lot:
    """The best quantity when all units cost `prices[n]` from `breaks[n]` on; the cost has the price of the goods.

    >>> [round(float(each), 2) for each in discounted(8, 0.3, 1300, [0, 400, 800], [0.75, 0.72, 0.68])]
    [800.0, 978.6]

    Raises:
        StockError: breaks do not rise from 0, or prices are not as many.
    """
    check(order_cost=order_cost, interest=interest, demand=demand, breaks=breaks, prices=prices)
    if not breaks or len(breaks) != len(prices) or breaks[0] or (np.diff(breaks) <= 0).any():
        raise StockError("breaks: they rise from 0, with a price each")
    best = Lot(np.asarray(inf), np.asarray(inf))
    for n, (least, price) in enumerate(zip(breaks, prices, strict=True)):
        most = breaks[n + 1] if n + 1 < len(breaks) else inf
        quantity = max(float(economic(order_cost, interest * price, demand).quantity), least)
        if quantity < most:
            cost = price * demand + order_cost * demand / quantity + interest * price * quantity / 2
            if cost < best.cost:
                best = Lot(np.asarray(quantity), np.asarray(cost))
    return best


def varying(order_cost: float, holding_cost: float, demand: Sequence[float]) -> tuple[list[float], float]:
    """What to order in each period of known demand, and what it costs; held from a period to the next (Wagner-Whitin).

    >>> varying(500, 2, [90, 120, 80, 70])
    ([210.0, 0.0, 150.0, 0.0], 1380.0)
    """
    check(order_cost=order_cost, holding_cost=holding_cost, demand=demand)
    wanted = np.asarray(demand, float)
    count = len(wanted)
    least, since = np.zeros(count + 1), np.zeros(count + 1, np.int64)
    for end in range(1, count + 1):
        begins = np.arange(end)
        held = np.array([(np.arange(end - begin) * wanted[begin:end]).sum() for begin in begins])
        some = np.array([wanted[begin:end].any() for begin in begins])
        costs = least[begins] + order_cost * some + holding_cost * held
        since[end] = int(costs.argmin())
        least[end] = costs[since[end]]
    orders, end = np.zeros(count), count
    while end:
        orders[since[end]] = wanted[since[end] : end].sum()
        end = int(since[end])
    return orders.tolist(), float(least[count])


def joint(
    order_cost: float, item_costs: Sequence[float], holding_costs: Sequence[float], demands: Sequence[float]
) -> Joint:
    """Several items of one supplier in a common rhythm: an order costs `order_cost` and `item_costs` of who joins.

    >>> found = joint(600, [120, 840, 300], [160, 20, 50], [1, 1, 1])
    >>> round(found.cycle, 5), found.multiples, round(found.cost, 4)
    (3.10316, (1, 3, 1), 837.8544)
    """
    costs, holding, rate = _columns(item_costs, holding_costs, demands)
    check(order_cost=order_cost)
    if not rate.size or not (rate > 0).all():
        raise StockError("demands: each item that joins is wanted")
    weight = costs / (holding * rate)
    first = int(weight.argmin())
    ideal = np.sqrt(weight * holding[first] * rate[first] / np.maximum(order_cost + costs[first], 1e-300))
    multiples = np.maximum(np.rint(ideal), 1)
    multiples[first] = 1
    fixed, held = order_cost + (costs / multiples).sum(), (holding * rate * multiples).sum()
    return Joint(
        float(np.sqrt(2 * fixed / held)), tuple(int(each) for each in multiples), float(np.sqrt(2 * fixed * held))
    )


def _columns(order_cost: ArrayLike, holding_cost: ArrayLike, demand: ArrayLike) -> tuple[F64, F64, F64]:
    check(order_cost=order_cost, holding_cost=holding_cost, demand=demand)
    cost, holding, rate = (np.asarray(each, float) for each in (order_cost, holding_cost, demand))
    if not (holding > 0).all():
        raise StockError("holding_cost: holding costs something, or one would order for ever")
    return cost, holding, rate
