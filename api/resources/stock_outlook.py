"""How long stock lasts, and what is to be looked at: out, low, expiring, too much, shrinking."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Annotated, Any, Literal

from fastapi import Query, Request
from typing_extensions import TypedDict

from api.database import Row
from api.http.auth import Reader
from api.http.context import context_of
from api.http.jsons import Json, Time, when
from api.http.paging import Cursor, Items, Limit, decode, shaped_page
from api.http.routes import resource
from api.resources.shared.exports import FILES, as_file
from api.resources.shared.ledger import Asked
from domain.digits import shown
from domain.stock.outlook import Demand, LotLeft, expiring, out_in, states
from store.db import queries

router = resource(tags=["stock"])
WINDOW = timedelta(days=28)
LOST_WINDOW = timedelta(days=90)
SPANS = 28
SPAN_MIN_S = 600.0
Days = Annotated[float, Query(gt=0, le=3650)]


class StockOut(TypedDict):
    """When nothing is left: one time in ten before `p10`, half before `p50`, one in ten after `p90` (null: never)."""

    p10: Time | None
    p50: Time | None
    p90: Time | None


class ExpiringLot(TypedDict):
    """So much of a lot that will not be used before it expires."""

    lot: str
    quantity: float


class StockOutlook(TypedDict):
    """A product at a site. `basis`: what left it by the `ledger`, or what `sensors` saw leave; null: nothing is known.

    `quantity` is that of the basis. `per_day` left it since `since` (28 days at most; null: nothing did). `out` is null
    where too little is known to say. `expiring` of the next `expiry_days`, when those that expire first go first.
    `lost_90d`: adjusted away less found again. `states`, the most urgent first: `out`, `low`, `expiring`, `excess`.
    """

    id: str
    site: str
    sku: str
    label: str
    base_unit: str
    quantity: float
    ledger_quantity: float | None
    sensor_quantity: float | None
    sensor_confidence: float | None
    sensor_at: Time | None
    reorder_point: float | None
    basis: Literal["ledger", "sensors"] | None
    since: Time | None
    per_day: float | None
    days_of_cover: float | None
    out: StockOut | None
    expiring: list[ExpiringLot]
    lost_90d: float
    states: list[str]


@router.get("/stock/outlook", response_model=Items[StockOutlook], responses=FILES)
@as_file("stock-outlook", StockOutlook)
async def list_stock_outlook(
    request: Request,
    caller: Reader,
    site: Asked = None,
    sku: Asked = None,
    expiry_days: Days = 30,
    excess_days: Days = 90,
    limit: Limit = 200,
    cursor: Cursor = None,
) -> Json:
    """Products at sites by name: what there is, when it will be out and how sure that is, what expires unused."""
    a, b = decode(cursor, (str, str)) if cursor else ("", "")
    now = datetime.now(UTC)
    asked = {
        "site": site,
        "sku": sku,
        "a": a,
        "b": b,
        "now": now,
        "since": now - WINDOW,
        "lost_since": now - LOST_WINDOW,
    }
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        rows = await session.rows(
            queries("outlook")["outlook"], **asked, spans=SPANS, span_min_s=SPAN_MIN_S, limit=limit + 1
        )

    def shape(row: Row) -> StockOutlook:
        return shaped(row, now, expiry_days * 86_400, excess_days * 86_400)

    return shaped_page(request, rows, limit, lambda row: [row["site"], row["sku"]], shape)


def shaped(row: Row, now: datetime, expiry_s: float, excess_s: float) -> StockOutlook:
    """From a row of `outlook`."""
    by_sensors = row["told"] is False or (row["told"] is None and row["on_hand"] is None)
    quantity = row["seen"] if by_sensors and row["seen"] is not None else row["on_hand"]
    quantity = float(quantity or 0)
    spans = row["spans"] or 0
    demand = Demand(spans, row["span_s"] or SPAN_MIN_S, max(float(row["total"]), 0.0), float(row["squares"]))
    out = out_in(quantity, demand)
    lots = [
        LotLeft(each["lot"], float(each["quantity"]), _seconds(each["best_before"], now))
        for each in row["lots"] or ()
        if each["lot"]
    ]
    left = expiring(lots, demand, expiry_s)
    known = spans > 0 and row["told"] is not None
    per_day = demand.total / (spans * demand.span_s) * 86_400 if known else None
    cover_s = quantity / per_day * 86_400 if per_day else None
    found = states(quantity, row["reorder_point"], out, lots_expiring=bool(left), cover_s=cover_s, excess_s=excess_s)
    return {
        "id": f"{row['site']}/{row['sku']}",
        "site": row["site"],
        "sku": row["sku"],
        "label": row["label"],
        "base_unit": row["base_unit"],
        "quantity": quantity,
        "ledger_quantity": row["on_hand"],
        "sensor_quantity": row["seen"],
        "sensor_confidence": None if row["confidence"] is None else shown("confidence", row["confidence"]),
        "sensor_at": when(row["seen_at"]),
        "reorder_point": row["reorder_point"],
        "basis": None if row["told"] is None else "ledger" if row["told"] else "sensors",
        "since": None if row["told"] is None else when(row["since"]),
        "per_day": per_day,
        "days_of_cover": None if cover_s is None else cover_s / 86_400,
        "out": None if out is None else _out(now, *out),
        "expiring": [{"lot": each.lot, "quantity": each.quantity} for each in left],
        "lost_90d": float(row["lost"] or 0),
        "states": found,
    }


def _out(now: datetime, *seconds: float) -> StockOut:
    p10, p50, p90 = (when(now + timedelta(seconds=s)) if isfinite(s) and s < 3e8 else None for s in seconds)
    return {"p10": p10, "p50": p50, "p90": p90}


def _seconds(best_before: Any, now: datetime) -> float | None:
    return None if best_before is None else (datetime.fromisoformat(best_before) - now).total_seconds()
