"""Rows of shipments and of what belongs to them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from datetime import datetime
from typing import Any

from api.database import Row, Session
from api.resources.shared.fits import ANY_VEHICLE
from api.resources.shared.rows import grouped
from store.db import queries


async def shipment_rows(
    session: Session,
    *,
    after: str = "",
    name: str | None = None,
    names: list[str] | None = None,
    key: int | None = None,
    status: str | None = None,
    vehicle: str | None = None,
    recent: datetime | None = None,
    limit: int | None = None,
    fits: Mapping[str, Any] = ANY_VEHICLE,
) -> list[Row]:
    """Rows of shipments by name; `recent` leaves out those delivered before it."""
    return await session.rows(
        queries("api")["shipments"],
        after=after,
        name=name,
        names=names,
        key=key,
        status=status,
        vehicle=vehicle,
        recent=recent,
        limit=limit,
        **fits,
    )


async def shipment_parts(session: Session, key: int, now: datetime) -> tuple[list[Row], Row | None]:
    """Rows of the stops and of the temperatures of one shipment."""
    stops, temperatures = await belongings(session, [key], now)
    return stops.get(key, []), temperatures.get(key)


async def belongings(
    session: Session, keys: list[int], now: datetime
) -> tuple[dict[Hashable, list[Row]], dict[int, Row]]:
    """Rows of the stops and of the temperatures of shipments, by their keys."""
    q = queries("api")
    if not keys:
        return {}, {}
    stops = grouped(await session.rows(q["stops"], shipments=keys), "shipment_id", lambda row: row)
    rows = await session.rows(queries("goods")["shipment_temperatures"], shipments=keys, now=now)
    return stops, {row["id"]: row for row in rows}


async def units_of(session: Session, keys: list[int]) -> dict[Hashable, list[Row]]:
    """Rows of the goods with shipments and their budgets, by the shipments' keys."""
    if not keys:
        return {}
    return grouped(await session.rows(queries("handling")["of_shipments"], shipments=keys), "id", lambda row: row)
