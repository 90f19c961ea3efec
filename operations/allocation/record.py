"""Goods for orders: those that expire first in front, and others when those are not there or not good any more.

Statements are those of `store/queries/orders.sql` and `availability.sql`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from domain.orders.allocate import Goods, Need, first_expired_first, usable
from domain.orders.claims import Spot
from domain.orders.stages import STEPS, Told
from domain.refusal import CannotError
from domain.stock.quantities import Quantity
from domain.times import rfc3339, to_us
from operations.orders.decide import (
    NONE,
    Done,
    LineNow,
    OpenOrder,
    StepTold,
    kept,
    kept_all,
    opened,
    opened_all,
    step_row,
)
from operations.unit_of_work import Row, Script, Statement

DAY_US = 86_400 * 10**6
NEVER_US = 2**62
GONE, FAILED, EXPIRED = "not there any more", "its cold chain failed", "expires too early"
BARRED = {
    "recalled": "recalled",
    "failed": FAILED,
    "on_hold": "on hold",
    "misplaced": "lies where it is not kept as cold as it must",
}
"""Why goods are left that are there, the first reason that holds."""


def allocate(name: str, now_us: int, by: str, who: frozenset[str]) -> Script[Done]:
    """Gives all open units of an order goods, those that expire first in front; what there is not stays open.

    Raises:
        CannotError: there is no such order, or who asks may not.
    """
    order = yield from opened(name)
    if not who & STEPS["allocate"].who:
        raise CannotError(f"allocate is for {', '.join(sorted(STEPS['allocate'].who))}", conflict=True)
    rows = yield from _given_all(order, now_us)
    if not rows:
        return Done((), order.row["version"])
    return (yield from kept(order, rows, by))


def allocate_all(names: Sequence[str], now_us: int, by: str, who: frozenset[str]) -> Script[dict[str, Done]]:
    """Gives all open units of several orders goods in one go, the most urgent order first; by the order's name.

    Orders that are not there, or of which nothing is open or nothing is to be had, are not among them.

    Raises:
        CannotError: who asks may not.
    """
    if not who & STEPS["allocate"].who:
        raise CannotError(f"allocate is for {', '.join(sorted(STEPS['allocate'].who))}", conflict=True)
    orders = yield from opened_all(names)
    found = yield from _given_to(sorted(orders, key=_urgency), now_us)
    changed = [(order, rows) for order in orders if (rows := found.get(order.row["name"]))]
    if not changed:
        return {}
    done = yield from kept_all(changed, by)
    return {order.row["name"]: each for (order, _), each in zip(changed, done, strict=True)}


def _urgency(order: OpenOrder) -> tuple[int, int, int]:
    end = order.row["window_end"]
    return -order.row["priority"], to_us(end) if end else NEVER_US, order.row["id"]


def _given_all(order: OpenOrder, now_us: int) -> Script[list[dict[str, Any]]]:
    """Goods for all that is open."""
    found = yield from _given_to([order], now_us)
    return found.get(order.row["name"], [])


def _given_to(orders: Sequence[OpenOrder], now_us: int) -> Script[dict[str, list[dict[str, Any]]]]:
    """Goods for all that is open of orders, the first in front."""
    found: dict[str, list[dict[str, Any]]] = {}
    opens = [line for order in orders for line in order.lines.values() if line.line.stages["open"]]
    products = sorted({line.product for line in opens})
    if products:
        yield Statement("lock_products", {"products": products})
    for site_id in sorted({order.row["site_id"] for order in orders}) if products else ():
        here = [order for order in orders if order.row["site_id"] == site_id]
        there = yield from _there(site_id, products)
        free = yield from _free(products, here[0].row["site"], now_us)
        for order in here:
            found[order.row["name"]] = _given_one(order, there, free, now_us)
    return found


def _given_one(
    order: OpenOrder, there: Mapping[int, list[Goods]], free: Mapping[int, Quantity], now_us: int
) -> list[dict[str, Any]]:
    """Goods for what is open of an order; changes what is `there` for those after it."""
    at_us = order.decided_at(now_us)
    rows: list[dict[str, Any]] = []
    for line in order.lines.values():
        rest = line.line.stages["open"]
        if rest:
            need = Need(rest, _arrives_us(order.row, now_us), round(order.row["min_life_days"] * DAY_US), line.expires)
            rows += _given(order, line, need, there[line.product], free[line.product], at_us, len(rows))
    return rows


def _given(
    order: OpenOrder, line: LineNow, need: Need, there: list[Goods], others: Quantity, at_us: int, first: int
) -> list[dict[str, Any]]:
    """Goods for a line: changes what is `there` for the lines after it; `others` are promised without a place."""
    fit = (
        goods.quantity for goods in there
        if goods.quantity > 0
        and usable(goods.good_until_us, need.arrives_us, need.min_life_us, barred=goods.barred, expires=need.expires)
    )  # fmt: skip
    most = min(need.quantity, max(sum(fit, NONE) - others, NONE))
    rows = []
    for n, taken in enumerate(first_expired_first(need._replace(quantity=most), there), first):
        goods = taken.goods
        told = Told(f"~{order.row['name']}-{order.row['version']}-{n}", "allocate", at_us, taken.quantity)
        spots = None, Spot(goods.place, goods.lot, goods.unit)
        line.add(told, spots)
        there[there.index(goods)] = goods._replace(quantity=goods.quantity - taken.quantity)
        step = StepTold(told.id, line.seq, "allocate", taken.quantity, handling_unit=goods.unit, source="rule")
        rows.append(step_row(step, line, told, goods.lot, spots))
    return rows


def _arrives_us(row: Row, now_us: int) -> int:
    end = row["window_end"] or row["window_start"]
    return max(now_us, to_us(end)) if end else now_us


def _there(site: int, products: Sequence[int]) -> Script[dict[int, list[Goods]]]:
    found: dict[int, list[Goods]] = {product: [] for product in products}
    for row in (yield Statement("goods_there", {"site": site, "products": list(products)})) if products else ():
        until = to_us(row["best_before"]) if row["best_before"] else None
        goods = Goods(row["place"], row["lot"], row["unit"], row["quantity"], until, row["barred"])
        found[row["product"]].append(goods)
    return found


def _free(products: Sequence[int], site: str, now_us: int) -> Script[dict[int, Quantity]]:
    """What is promised of products at the site without saying where it lies."""
    asked = {"products": list(products), "site": site}
    reserved = yield Statement("reserved", {**asked, "lot": None, "but": None, "now": rfc3339(now_us)})
    claimed = {row["product_id"]: row["quantity"] for row in (yield Statement("claimed", asked))}
    found = dict.fromkeys(products, NONE)
    for row in reserved:
        found[row["product_id"]] = max(row["quantity"] - claimed.get(row["product_id"], NONE), NONE)
    return found


def mend(name: str, now_us: int, by: str) -> Script[Done]:
    """Takes back what an order was given and cannot be sent any more, and gives it other goods where there are some.

    Goods that were counted away, wasted, moved or picked by others are not there; of two orders that have the same the
    less urgent one loses them. Goods whose cold chain failed, or that would now be too short, are left as well.
    """
    order = yield from opened(name)
    products = sorted({line.product for line in order.lines.values()})
    yield Statement("lock_products", {"products": products})
    at_us = order.decided_at(now_us)
    rows: list[dict[str, Any]] = []
    by_key = {line.key: line for line in order.lines.values()}
    for found in (yield Statement("claims_judged", {"name": name})):
        line = by_key[found["line"]]
        quantity, why = _lost(order, line, found, now_us)
        if quantity > 0:
            spot = Spot(found["place"], found["lot"], found["unit"])
            told = Told(f"~{name}-{order.row['version']}-x{len(rows)}", "deallocate", at_us, quantity)
            line.add(told, (spot, None))
            step = StepTold(
                told.id, line.seq, "deallocate", quantity, handling_unit=spot.unit, reason=why, source="rule"
            )
            rows.append(step_row(step, line, told, spot.lot, (spot, None)))
    if not rows:
        return Done((), order.row["version"])
    rows += yield from _given_all(order, now_us)
    return (yield from kept(order, rows, by))


def _lost(order: OpenOrder, line: LineNow, found: Row, now_us: int) -> tuple[Quantity, str]:
    """How much of what a line was given it cannot have, and why."""
    until = to_us(found["best_before"]) if found["best_before"] else None
    life_us = round(order.row["min_life_days"] * DAY_US)
    if why := next((words for name, words in BARRED.items() if found[name]), ""):
        return found["quantity"], why
    if not usable(until, _arrives_us(order.row, now_us), life_us, expires=line.expires):
        return found["quantity"], EXPIRED
    return min(found["quantity"], found["upto"] - found["there"]), GONE
