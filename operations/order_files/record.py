"""Many orders at once, as a file brings them: all that is wrong is found before anything is written.

An order that is there already, by its name or by the customer's reference, changes nothing when it says the same; what
it leaves out, it does not say. Statements are those of `store/queries/orders.sql` and `stock.sql`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from domain.refusal import CannotError
from domain.stock.quantities import text_of
from domain.times import rfc3339, to_us
from operations.orders.record import LineTold, OrderTold, entered
from operations.stock.decide import Product, products_known
from operations.unit_of_work import Row, Script, Statement

Outcome = Literal["created", "same", "wrong"]
THERE = "it is there already, and otherwise"


class Wrong(NamedTuple):
    """What is wrong with an order: with its line, from 1 on, or with all of it (0); and in which column."""

    line: int
    column: str
    problem: str


class Judged(NamedTuple):
    """What becomes of an order: it is new, says nothing new, or cannot be; of a new one what is to be written."""

    order: OrderTold
    outcome: Outcome
    wrong: tuple[Wrong, ...] = ()
    head: Mapping[str, Any] | None = None
    lines: tuple[Mapping[str, Any], ...] = ()


def judge_orders(given: Sequence[OrderTold]) -> Script[list[Judged]]:
    """What would become of orders; writes nothing."""
    asked = [
        {"n": n, "name": o.name, "customer": o.customer, "ship_to": o.ship_to, "site": o.site, "reference": o.reference}
        for n, o in enumerate(given)
    ]
    keys = {row["n"]: row for row in (yield Statement("orders_named", {"rows": json.dumps(asked)}))}
    products = yield from products_known({line.sku for order in given for line in order.lines})
    there: dict[int, list[Row]] = {}
    known = sorted({row["key"] for row in keys.values() if row["key"] is not None})
    for row in (yield Statement("lines_of", {"orders": known})) if known else ():
        if not row["instead"]:  # nobody ordered a substitute
            there.setdefault(row["order_id"], []).append(row)
    judged, references = [], dict[tuple[str, str], str]()
    for n, order in enumerate(given):
        row = keys[n]
        before = references.setdefault((order.customer, order.reference), order.name) if order.reference else order.name
        if row["key"] is not None:
            wrong = tuple(_differs(order, row, there.get(row["key"], []), products))
            judged.append(Judged(order, "wrong" if wrong else "same", wrong))
        elif before != order.name:
            twice = Wrong(0, "reference", f"{order.reference} of {order.customer} is {before} in this file already")
            judged.append(Judged(order, "wrong", (twice,)))
        else:
            judged.append(_new(order, row, products))
    return judged


def _new(order: OrderTold, row: Row, products: Mapping[str, Product]) -> Judged:
    wrong, lines = [], []
    if row["customer_id"] is None:
        wrong.append(Wrong(0, "customer", f"there is no {order.customer}; add it first"))
    elif order.ship_to and row["ship_to_id"] is None:
        wrong.append(Wrong(0, "ship_to", f"{order.customer} has no {order.ship_to}; add it first"))
    if row["site_id"] is None:
        wrong.append(Wrong(0, "site", f"there is no {order.site}; add it first"))
    for n, line in enumerate(order.lines, 1):
        if line.sku not in products:
            wrong.append(Wrong(n, "sku", f"there is no {line.sku}; add it first"))
            continue
        try:
            lines.append(entered(n, line, products[line.sku]))
        except CannotError as error:
            wrong.append(Wrong(n, "unit", str(error).partition(": ")[2]))
    if wrong:
        return Judged(order, "wrong", tuple(wrong))
    start, end = (None if at is None else rfc3339(at) for at in order.window)
    head = {
        "name": order.name, "customer_id": row["customer_id"], "ship_to_id": row["ship_to_id"],
        "site_id": row["site_id"], "reference": order.reference, "priority": order.priority, "window_start": start,
        "window_end": end, "note": order.note,
    }  # fmt: skip
    return Judged(order, "created", (), head, tuple(lines))


def _differs(order: OrderTold, row: Row, lines: Sequence[Row], products: Mapping[str, Product]) -> Iterator[Wrong]:
    """What an order says otherwise than the one that is there."""
    there = THERE if row["name"] == order.name else f"{order.reference} of {order.customer} is {row['name']} already"
    start, end = (None if at is None else to_us(at) for at in (row["window_start"], row["window_end"]))
    said = {
        "customer": (order.customer, row["customer"]), "ship_to": (order.ship_to, row["ship_to"]),
        "site": (order.site, row["site"]), "reference": (order.reference, row["reference"]),
        "priority": (order.priority, row["priority"]), "note": (order.note, row["note"]),
        "window_start": (order.window[0], start), "window_end": (order.window[1], end),
    }  # fmt: skip
    for column, (new, old) in said.items():
        if new and new != old:
            yield Wrong(0, column, there)
    if len(lines) != len(order.lines):
        yield Wrong(0, "", f"{there}: it has {len(lines)} lines, not {len(order.lines)}")
        return
    for n, (line, old) in enumerate(zip(order.lines, lines, strict=True), 1):
        if line.sku != old["sku"]:
            yield Wrong(n, "sku", f"{there}: {old['sku']}")
        elif line.sku not in products or not _as_many(line, old, products[line.sku]):
            yield Wrong(n, "quantity", f"{there}: {text_of(old['entered_quantity'])} {old['entered_unit']}")


def _as_many(line: LineTold, old: Row, product: Product) -> bool:
    said, unit = text_of(line.quantity), line.unit or product.units.base
    if (said, unit) == (text_of(old["entered_quantity"]), old["entered_unit"]):
        return True
    try:
        return bool(entered(1, line, product)["quantity"] == text_of(old["quantity"]))
    except CannotError:
        return False


def write_orders(judged: Sequence[Judged], now_us: int, by: str) -> Script[None]:
    """Writes those that are new."""
    new = [each for each in judged if each.head is not None]
    if not new:
        return
    at_us = [now_us if each.order.ordered_at_us is None else each.order.ordered_at_us for each in new]
    heads = [{**(each.head or {}), "ordered_at": rfc3339(at)} for each, at in zip(new, at_us, strict=True)]
    rows = yield Statement("add_orders", {"rows": json.dumps(heads), "by": by})
    keys = {row["name"]: row["id"] for row in rows}
    lines = [{**line, "order": keys[each.order.name]} for each in new for line in each.lines]
    yield Statement("add_lines_of", {"rows": json.dumps(lines)})
