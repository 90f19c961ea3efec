"""What people order from suppliers, each in one transaction; statements are those of `store/queries/purchasing.sql`.

The order is locked first: of two who change it one wins, and the other is told.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from domain.purchasing.states import TO, Line, Said, State, Step, refusal, state
from domain.refusal import CannotError
from domain.stock.quantities import Quantity, text_of
from operations.unit_of_work import Row, Script, Statement

LINES_MAX = 500


class LineTold(NamedTuple):
    """So much of a product, in base units; without a price that of the supplier's terms."""

    sku: str
    quantity: Quantity
    price: Quantity | None = None
    currency: str | None = None
    expected_on: date | None = None


class OrderTold(NamedTuple):
    """A draft as somebody tells it. `version`: only if it is still that one."""

    id: str
    supplier: str
    site: str
    lines: tuple[LineTold, ...]
    shipment: str | None = None
    note: str = ""
    version: int | None = None


class StepTold(NamedTuple):
    """What somebody says of an order; `expected_on` and `shipment` as the supplier says."""

    step: Step
    expected_on: date | None = None
    shipment: str | None = None
    reason: str = ""
    version: int | None = None


class Taken(NamedTuple):
    """A proposal that somebody takes: `after` is the one that was taken before it, 0: none; keys, as it was found."""

    after: int
    site_id: int
    product_id: int
    supplier_id: int
    quantity: Quantity
    proposed: Quantity
    reason: str
    told: dict[str, Any]
    price: Quantity | None
    currency: str | None


def put(given: OrderTold, by: str) -> Script[str]:
    """Makes or changes a draft: `created`, `changed`, or `same`.

    Raises:
        CannotError: it names what is not there, is no draft any more, or somebody has changed it since.
    """
    keys = yield from _names(given.supplier, given.site, given.shipment)
    lines = yield from _lines(given.lines, keys["supplier_id"])
    values = {**keys, "note": given.note}
    known = yield Statement("order_locked", {"id": given.id})
    if not known:
        made = yield Statement("add_order", {**values, "id": given.id, "by": by})
        if not made:
            raise CannotError("somebody else made it just now; look again", conflict=True)
        yield Statement("put_lines", {"key": made[0]["id"], "rows": json.dumps(lines, default=str)})
        return "created"
    row, key = known[0], known[0]["key"]
    there = yield Statement("order_lines", {"key": key, "id": given.id})
    if all(row[name] == value for name, value in values.items()) and _same(there, lines):
        return "same"
    _seen(given.id, row, given.version)
    if (now := _state(row, there)) != "draft":
        raise CannotError(f"it is {now.replace('_', ' ')}: only a draft is changed; make a new one", conflict=True)
    yield Statement("change_order", {**values, "key": key})
    yield Statement("drop_lines", {"key": key, "products": [line["product_id"] for line in lines]})
    yield Statement("put_lines", {"key": key, "rows": json.dumps(lines, default=str)})
    return "changed"


def _names(supplier: str, site: str, shipment: str | None) -> Script[dict[str, Any]]:
    (keys,) = yield Statement("order_names", {"supplier": supplier, "site": site, "shipment": shipment})
    for name, value in (("supplier", supplier), ("site", site), ("shipment", shipment)):
        if value is not None and keys[f"{name}_id"] is None:
            raise CannotError(f"{name}: there is no {value}; add it first")
    return dict(keys)


def _lines(given: Sequence[LineTold], supplier: int) -> Script[list[dict[str, Any]]]:
    rows = yield Statement("line_products", {"supplier": supplier, "skus": [line.sku for line in given]})
    found = {row["sku"]: row for row in rows}
    if missing := [line.sku for line in given if line.sku not in found]:
        raise CannotError(f"sku: there is no {missing[0]}; add it first")
    lines = []
    for line in given:
        row = found[line.sku]
        price, currency = (row["price"], row["currency"]) if line.price is None else (line.price, line.currency)
        lines.append({
            "product_id": row["id"], "quantity": line.quantity, "price": price, "currency": currency,
            "expected_on": line.expected_on,
        })  # fmt: skip
    return lines


def _same(there: Sequence[Row], lines: Sequence[dict[str, Any]]) -> bool:
    names = ("product_id", "quantity", "price", "currency", "expected_on")
    return {tuple(row[n] for n in names) for row in there} == {tuple(line[n] for n in names) for line in lines}


def _state(row: Row, lines: Sequence[Row]) -> State:
    said = Said(row["sent_at"], row["cancelled_at"], row["closed_at"])
    return state(said, (Line(line["quantity"], line["received"]) for line in lines))


def _seen(name: str, row: Row, version: int | None) -> None:
    if version is not None and row["version"] != version:
        raise CannotError(f"{name} is at version {row['version']} by now: look again", conflict=True)


def tell(name: str, told: StepTold, now: datetime, by: str) -> Script[bool]:
    """Says that it is sent, confirmed, cancelled or closed; whether that is new.

    Raises:
        CannotError: it is not there, or where it is that cannot be; or somebody has changed it since.
    """
    known = yield Statement("order_locked", {"id": name})
    if not known:
        raise CannotError(f"there is no purchase order {name}", missing=True)
    row = known[0]
    lines = yield Statement("order_lines", {"key": row["key"], "id": name})
    shipment = row["shipment_id"]
    if told.shipment is not None:
        (keys,) = yield Statement("order_names", {"supplier": None, "site": None, "shipment": told.shipment})
        if (shipment := keys["shipment_id"]) is None:
            raise CannotError(f"shipment: there is no {told.shipment}")
    now_is = _state(row, lines)
    if _done(told, row, shipment, lines) or (told.step in ("cancel", "close") and now_is in TO[told.step]):
        return False
    if why := refusal(told.step, now_is):
        raise CannotError(why, conflict=True)
    _seen(name, row, told.version)
    if told.step == "send" and not lines:
        raise CannotError("it has no lines: nothing would be ordered", conflict=True)
    if told.step == "close" and not told.reason:
        raise CannotError("reason: say why the rest does not come")
    ends = told.step in ("cancel", "close")
    yield Statement("mark_order", {
        "key": row["key"], "shipment_id": shipment,
        "sent_at": now if told.step == "send" else None, "sent_by": by if told.step == "send" else None,
        "cancelled_at": now if told.step == "cancel" else row["cancelled_at"],
        "closed_at": now if told.step == "close" else row["closed_at"],
        "ended_by": by if ends else row["ended_by"], "why": told.reason if ends else row["why"],
    })  # fmt: skip
    if told.expected_on is not None:
        yield Statement("expect_lines", {"key": row["key"], "expected_on": told.expected_on})
    return True


def _done(told: StepTold, row: Row, shipment: int | None, lines: Sequence[Row]) -> bool:
    """Whether it says so already."""
    expected = told.expected_on is None or all(line["expected_on"] == told.expected_on for line in lines)
    said = {"send": row["sent_at"], "cancel": row["cancelled_at"], "close": row["closed_at"], "confirm": row["sent_at"]}
    return said[told.step] is not None and expected and shipment == row["shipment_id"]


def take(given: Taken, name: str, by: str) -> Script[tuple[str, str]]:
    """Puts a proposal on the draft of its supplier, made as `name` if there is none: what became of it, and the order.

    Raises:
        CannotError: somebody else took one of the product in between.
    """
    keys = {"site_id": given.site_id, "product_id": given.product_id, "supplier_id": given.supplier_id}
    yield Statement("lock_supplier", keys)
    (known,) = yield Statement("last_taken", {**keys, "after": given.after})
    if known["purchase_order"] is not None:
        if known["quantity"] == given.quantity:
            return "same", known["purchase_order"]
        raise CannotError(
            f"{text_of(known['quantity'])} of it were ordered by {known['purchase_order']} just now; look again",
            conflict=True,
        )
    if (known["last"] or 0) != given.after:
        raise CannotError("somebody has ordered some of it since; look again", conflict=True)
    if given.quantity != given.proposed and not given.reason:
        raise CannotError(f"reason: {text_of(given.proposed)} are proposed now; say why it is to be another quantity")
    outcome = "extended"
    drafts = yield Statement("draft_of", keys)
    if not drafts:
        outcome = "created"
        made = yield Statement("add_order", {**keys, "id": name, "shipment_id": None, "note": "", "by": by})
        if not made:
            raise CannotError("somebody else made it just now; look again", conflict=True)
        drafts = [{"key": made[0]["id"], "name": name}]
    key = drafts[0]["key"]
    line = {**keys, "key": key, "quantity": given.quantity, "price": given.price, "currency": given.currency}
    yield Statement("add_to_line", line)
    yield Statement("touch_order", {"key": key})
    yield Statement("take", {
        **keys, "key": key, "after": given.after, "proposed": given.proposed, "quantity": given.quantity,
        "reason": given.reason, "told": json.dumps(given.told), "by": by,
    })  # fmt: skip
    return outcome, drafts[0]["name"]
