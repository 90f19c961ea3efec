"""Orders as they are shown, and who may do which step."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field
from typing_extensions import TypedDict

from api.database import Row, Session
from api.feed.emit import emit
from api.http.caller import Caller
from api.http.inputs import Strict
from api.http.jsons import Time, when
from api.http.problems import not_found
from api.resources.shared.ledger import Amount, Sku, StockPlace, UnitName, shown_number, stock_place
from domain.orders.news import news
from domain.orders.stages import STAGES
from domain.permissions import Permission
from store.db import queries

CODE = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"
Code = Annotated[str, Field(pattern=CODE, description="letters, digits, _ . and -, 64 at most")]
WHO = {
    Permission.ORDERS: frozenset({"planner", "service"}),
    Permission.STOCK: frozenset({"picker", "loader"}),
    Permission.SHIPMENTS: frozenset({"driver", "planner"}),
}
"""Whose steps a permission lets somebody do."""


def who_is(caller: Caller) -> frozenset[str]:
    """What somebody is in the eyes of the stages."""
    return frozenset().union(*(who for permission, who in WHO.items() if permission in caller.may))


class OrderLineIn(Strict):
    """So much of a product, in `unit`; in its base unit when nothing is said."""

    sku: Sku
    quantity: Annotated[Amount, Field(gt=0)]
    unit: UnitName | None = None


class Allocated(TypedDict):
    """Goods on hand that are a line's."""

    stage: str
    place: StockPlace
    lot: str | None
    handling_unit: str | None
    quantity: float


class StandsFor(TypedDict):
    """The line whose units a line took over."""

    order: str
    line: int
    sku: str
    label: str


class OrderLine(TypedDict):
    """A line: what was ordered, in base units and as it was said, and how many units are in each stage.

    `waiting`: units of steps that were told and rest on what nobody has told yet.
    """

    line: int
    sku: str
    label: str
    quantity: float
    base_unit: str
    ordered: float
    unit: str
    status: str
    stages: dict[str, float]
    waiting: float
    stands_for: StandsFor | None


class Order(TypedDict):
    """An order; its `status` is the stage of what is furthest behind. `version` counts its changes.

    `shipment`: the one that carries it, or did so last. `split_from`: the order whose units it has; `split_to`: those
    that have some of its.
    """

    id: str
    customer: str
    customer_label: str
    ship_to: str | None
    site: str
    reference: str
    priority: int
    window_start: Time | None
    window_end: Time | None
    note: str
    status: str
    version: int
    ordered_at: Time | None
    created_by: str
    changed_at: Time | None
    shipment: str | None
    split_from: str | None
    split_to: list[str]
    lines: list[OrderLine]


class OrderDetail(Order):
    """An order with the goods that are its own, by the number of the line."""

    allocated: dict[str, list[Allocated]]


def _line(row: Row) -> OrderLine:
    return {
        "line": row["seq"],
        "sku": row["sku"],
        "label": row["label"],
        "quantity": shown_number(row["quantity"]),
        "base_unit": row["base_unit"],
        "ordered": shown_number(row["entered_quantity"]),
        "unit": row["entered_unit"],
        "status": row["status"],
        "stages": {stage: float(row["stages"][stage]) for stage in STAGES if stage in row["stages"]},
        "waiting": float(sum((Decimal(each) for each in row["waiting"].values()), Decimal(0))),
        "stands_for": None if row["for_line"] is None else {
            "order": row["for_order"], "line": row["for_line"], "sku": row["for_sku"], "label": row["for_label"],
        },
    }  # fmt: skip


def _order(row: Row, lines: Iterable[Row]) -> Order:
    return {
        "id": row["id"],
        "customer": row["customer"],
        "customer_label": row["customer_label"],
        "ship_to": row["ship_to"],
        "site": row["site"],
        "reference": row["reference"],
        "priority": row["priority"],
        "window_start": when(row["window_start"]),
        "window_end": when(row["window_end"]),
        "note": row["note"],
        "status": row["status"],
        "version": row["version"],
        "ordered_at": when(row["ordered_at"]),
        "created_by": row["created_by"],
        "changed_at": when(row["changed_at"]),
        "shipment": row["shipment"],
        "split_from": row["split_from"],
        "split_to": row["split_to"],
        "lines": [_line(each) for each in lines],
    }


async def with_lines(session: Session, rows: list[Row]) -> dict[int, Order]:
    """Orders of rows, with their lines, by key."""
    keys = [row["key"] for row in rows]
    lines: dict[int, list[Row]] = {key: [] for key in keys}
    for line in await session.rows(queries("orders")["lines_of"], orders=keys) if keys else ():
        lines[line["order_id"]].append(line)
    return {row["key"]: _order(row, lines[row["key"]]) for row in rows}


LIVE = ("customer_label", "shipment", "split_to")
"""What is not said of an order itself."""
ANY: dict[str, Any] = dict.fromkeys(("id", "statuses", "customer", "site", "search", "after", "priority", "due"))


async def order_row(session: Session, name: str) -> Row:
    """One order.

    Raises:
        Problem: 404, there is none.
    """
    row = await session.row(queries("orders")["orders"], **{**ANY, "id": name, "limit": 1})
    if row is None:
        raise not_found()
    return row


async def order_detail(session: Session, name: str) -> OrderDetail:
    """One order with its goods."""
    row = await order_row(session, name)
    order = (await with_lines(session, [row]))[row["key"]]
    goods: dict[str, list[Allocated]] = {}
    for each in await session.rows(queries("orders")["claims_of"], order=row["key"]):
        goods.setdefault(str(each["seq"]), []).append(
            {
                "stage": each["stage"],
                "place": stock_place(each),
                "lot": each["lot"],
                "handling_unit": each["unit"] or None,
                "quantity": shown_number(each["quantity"]),
            }
        )
    return {**order, "allocated": goods}


async def tell_news(session: Session, names: list[str]) -> None:
    """Tells pages of orders that are new or have changed; the last statement of a transaction."""
    rows = await session.rows(queries("orders")["told"], names=names)
    await emit(session, orders=[news(row) for row in rows])
