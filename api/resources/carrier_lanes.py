"""Lanes of carriers as they were measured: transits, share on time with its bounds, what failed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import numpy as np
from fastapi import Query, Request
from typing_extensions import TypedDict

from api.database import Row
from api.http.auth import Reader
from api.http.context import context_of
from api.http.jsons import Json
from api.http.paging import Cursor, Items, Limit, decode, shaped_page
from api.http.routes import resource
from api.resources.shared.exports import FILES, as_file
from planning.shares import wilson
from store.db import queries

router = resource(tags=["carriers"])
MEASURED_DAYS = 365


class CarrierLane(TypedDict):
    """Delivered shipments of a service from one place to another, within a year.

    `on_time_low`, `on_time_high`: bounds of the share on time (Wilson, 95 %).
    """

    carrier: str
    service: str
    origin: str
    destination: str
    shipments: int
    on_time: int
    on_time_low: float
    on_time_high: float
    cold_chain_failed: int
    transit_h_p50: float
    transit_h_p90: float
    co2e_g_per_tkm: float | None
    co2e_grade: str


@router.get("/carrier-lanes", response_model=Items[CarrierLane], responses=FILES)
@as_file("carrier-lanes", CarrierLane)
async def list_carrier_lanes(
    request: Request,
    caller: Reader,
    carrier: Annotated[str | None, Query(max_length=64)] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Json:
    """Lanes as measured, by carrier, service and places; those of a carrier, or of all."""
    skip = int(decode(cursor, (int,))[0]) if cursor else 0
    q, since = queries("carriers"), datetime.now(UTC) - timedelta(days=MEASURED_DAYS)
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        services = {row["key"]: row for row in await session.rows(q["services"], carrier=carrier, id=None)}
        rows = await session.rows(q["transits"], since=since)
    lanes: dict[tuple[str, str, str, str], list[Row]] = {}
    for row in rows:
        if (service := services.get(row["service_id"])) is not None:
            key = (service["carrier"], service["id"], row["origin"], row["destination"])
            lanes.setdefault(key, []).append({**row, **_emits(service)})
    page = list(enumerate(sorted(lanes.items())))[skip : skip + limit + 1]
    return shaped_page(request, page, limit, lambda each: [each[0] + 1], lambda each: _lane(*each[1]))


def _emits(service: Row) -> dict[str, Any]:
    return {"co2e": service["co2e_g_per_tkm"], "grade": service["co2e_grade"]}


def _lane(key: tuple[str, str, str, str], rows: list[Row]) -> CarrierLane:
    on_time = sum(row["on_time"] for row in rows)
    low, high = wilson(on_time, len(rows))
    p50, p90 = np.quantile([row["transit_h"] for row in rows], (0.5, 0.9))
    return {
        "carrier": key[0],
        "service": key[1],
        "origin": key[2],
        "destination": key[3],
        "shipments": len(rows),
        "on_time": on_time,
        "on_time_low": round(float(low), 4),
        "on_time_high": round(float(high), 4),
        "cold_chain_failed": sum(row["cold_chain_failed"] for row in rows),
        "transit_h_p50": round(float(p50), 2),
        "transit_h_p90": round(float(p90), 2),
        "co2e_g_per_tkm": rows[0]["co2e"],
        "co2e_grade": rows[0]["grade"],
    }
