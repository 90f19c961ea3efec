"""How long stock lasts, and what is to be looked at: out, low, expiring, too much, shrinking."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Annotated, Literal

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
from domain.stock.outlook import LOST_WINDOW_S, SPAN_MIN_S, SPANS, WINDOW_S, look
from store.db import queries

router = resource(tags=["stock"])
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
        "since": now - timedelta(seconds=WINDOW_S),
        "lost_since": now - timedelta(seconds=LOST_WINDOW_S),
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
    found = look(row, now, expiry_s, excess_s)
    return {
        "id": f"{row['site']}/{row['sku']}",
        "site": row["site"],
        "sku": row["sku"],
        "label": row["label"],
        "base_unit": row["base_unit"],
        "quantity": found.quantity,
        "ledger_quantity": row["on_hand"],
        "sensor_quantity": row["seen"],
        "sensor_confidence": None if row["confidence"] is None else shown("confidence", row["confidence"]),
        "sensor_at": when(row["seen_at"]),
        "reorder_point": row["reorder_point"],
        "basis": found.basis,
        "since": None if row["told"] is None else when(row["since"]),
        "per_day": found.per_day,
        "days_of_cover": None if found.cover_s is None else found.cover_s / 86_400,
        "out": None if found.out is None else _out(now, *found.out),
        "expiring": [{"lot": each.lot, "quantity": each.quantity} for each in found.expiring],
        "lost_90d": float(row["lost"] or 0),
        "states": list(found.states),
    }


def _out(now: datetime, *seconds: float) -> StockOut:
    p10, p50, p90 = (when(now + timedelta(seconds=s)) if isfinite(s) and s < 3e8 else None for s in seconds)
    return {"p10": p10, "p50": p50, "p90": p90}
