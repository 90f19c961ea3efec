"""Purchase orders as they are shown."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo

from typing_extensions import TypedDict

from api.database import Row, Session
from api.http.jsons import Time, when
from api.http.problems import not_found
from domain.purchasing.states import Line, Said, State, state
from domain.stock.quantities import number
from store.db import queries

ANY = {"id": None, "supplier": None, "site": None, "open": None, "before": None, "limit": 1}


class PurchaseOrderLine(TypedDict):
    """So much of a product, and what came of it by moves that name the order, in base units.

    `expected_on`: as the supplier says, or by what was promised (`expected_by` says which of them).
    """

    sku: str
    label: str
    base_unit: str
    quantity: float
    price: float | None
    currency: str | None
    expected_on: str | None
    expected_by: Literal["supplier", "terms"] | None
    received: float
    first_received_at: Time | None
    last_received_at: Time | None


class PurchaseOrder(TypedDict):
    """An order from a supplier; `shipment` brings it. `value` by currency, of what was ordered.

    `lead_days`: from sending to the last receipt, once all has come. `overdue`: some should have come before today.
    """

    id: str
    state: State
    supplier: str
    supplier_label: str
    site: str
    site_label: str
    shipment: str | None
    note: str
    lines: list[PurchaseOrderLine]
    value: dict[str, float]
    lead_days: float | None
    overdue: bool
    sent_at: Time | None
    sent_by: str | None
    cancelled_at: Time | None
    closed_at: Time | None
    ended_by: str | None
    why: str
    version: int
    created_at: Time | None
    created_by: str
    changed_at: Time | None


LIVE = {"state", "lead_days", "overdue", "lines", "supplier_label", "site_label"}


def purchase_order(row: Row, now: datetime) -> PurchaseOrder:
    """From a row of `purchase_orders`."""
    lines = [_line(line, row) for line in row["lines"]]
    is_now = state(
        Said(row["sent_at"], row["cancelled_at"], row["closed_at"]),
        (Line(Decimal(str(line["quantity"])), Decimal(str(line["received"]))) for line in row["lines"]),
    )
    last = max((line["last_at"] for line in row["lines"] if line["last_at"]), default=None)
    took = None
    if is_now == "received" and row["sent_at"] and last:
        took = max((datetime.fromisoformat(last) - row["sent_at"]) / timedelta(days=1), 0.0)
    value: dict[str, float] = {}
    for line in lines:
        if line["price"] is not None and line["currency"]:
            value[line["currency"]] = value.get(line["currency"], 0.0) + line["price"] * line["quantity"]
    today = now.astimezone(ZoneInfo(row["tz"])).date().isoformat()
    missing = [line["expected_on"] for line in lines if line["received"] < line["quantity"]]
    late = any(day is not None and day < today for day in missing)
    return {
        "id": row["id"],
        "state": is_now,
        "supplier": row["supplier"],
        "supplier_label": row["supplier_label"],
        "site": row["site"],
        "site_label": row["site_label"],
        "shipment": row["shipment"],
        "note": row["note"],
        "lines": lines,
        "value": {currency: round(money, 2) for currency, money in sorted(value.items())},
        "lead_days": None if took is None else round(took, 2),
        "overdue": late and is_now in ("sent", "partly_received"),
        "sent_at": when(row["sent_at"]),
        "sent_by": row["sent_by"],
        "cancelled_at": when(row["cancelled_at"]),
        "closed_at": when(row["closed_at"]),
        "ended_by": row["ended_by"],
        "why": row["why"],
        "version": row["version"],
        "created_at": when(row["created_at"]),
        "created_by": row["created_by"],
        "changed_at": when(row["changed_at"]),
    }


def _line(line: Row, row: Row) -> PurchaseOrderLine:
    expected, by = line["expected_on"], None
    if expected is not None:
        by = "supplier"
    elif row["sent_at"] is not None and line["promised_days"] is not None:
        sent = row["sent_at"].astimezone(ZoneInfo(row["tz"])).date()
        expected, by = _later(sent, line["promised_days"]).isoformat(), "terms"
    first, last = (line[f"{name}_at"] and datetime.fromisoformat(line[f"{name}_at"]) for name in ("first", "last"))
    return {
        "sku": line["sku"],
        "label": line["label"],
        "base_unit": line["base_unit"],
        "quantity": float(line["quantity"]),
        "price": number(line["price"]),
        "currency": line["currency"],
        "expected_on": expected,
        "expected_by": by,  # type: ignore[typeddict-item]
        "received": float(line["received"]),
        "first_received_at": when(first),
        "last_received_at": when(last),
    }


def _later(day: date, days: float) -> date:
    return day + timedelta(days=-int(-days // 1))


async def purchase_order_row(session: Session, name: str) -> Row:
    """One; 404 where there is none."""
    row = await session.row(queries("purchasing")["purchase_orders"], **{**ANY, "id": name})
    if row is None:
        raise not_found()
    return row
