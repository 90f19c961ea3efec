"""Shipments as they are shown, and rows of what belongs to them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from datetime import datetime
from typing import Any

from typing_extensions import TypedDict

from api.database import Row, Session
from api.http.jsons import Time, when
from api.resources.shared.fits import ANY_VEHICLE
from api.resources.shared.rows import grouped
from domain import goods
from domain.digits import shown
from domain.goods import Verdict
from store.db import queries


class StopEta(TypedDict):
    """When a vehicle arrives: one in ten is earlier than p10, half before p50, nine in ten before p90.

    `late_probability` is that of arriving after the window's end, null where there is none.
    `few_trips`: on how few trips the range rests, while they are too few to be sure of it; null when there are enough.
    """

    p10: Time | None
    p50: Time | None
    p90: Time | None
    remaining_m: float
    late_probability: float | None
    few_trips: int | None
    decided_at: Time | None


class Stop(TypedDict):
    """A stop of a shipment; `deviations` are the kinds of those that are known there now."""

    seq: int
    stop_id: str
    site: str | None
    name: str
    lat: float
    lon: float
    radius_m: float
    window_start: Time | None
    window_end: Time | None
    arrived_at: Time | None
    departed_at: Time | None
    deviations: list[str]
    eta: StopEta | None


class ShipmentOrder(TypedDict):
    """An order that a shipment carries, and the number of the stop where it leaves it; null: nobody has said."""

    id: str
    customer: str
    customer_label: str
    status: str
    stop: int | None


class Shipment(TypedDict):
    """A shipment with its stops; `status` is `planned`, `in_transit`, `delivered` or `cancelled`."""

    id: str
    reference: str
    status: str
    vehicle: str | None
    customer: str | None
    profile: str | None
    stops: list[Stop]
    temperature: Verdict
    planned_line: dict[str, Any] | None
    orders: list[ShipmentOrder]


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


def _order(row: Row) -> ShipmentOrder:
    return {
        "id": row["id"],
        "customer": row["customer"],
        "customer_label": row["customer_label"],
        "status": row["status"],
        "stop": row["stop"],
    }


async def orders_of(session: Session, keys: list[int]) -> dict[Hashable, list[ShipmentOrder]]:
    """Orders that shipments carry, by the shipments' keys."""
    if not keys:
        return {}
    return grouped(
        await session.rows(queries("shipment_orders")["of_shipments"], shipments=keys), "shipment_id", _order
    )


def _stop_shape(row: Row) -> Stop:
    """From a row of `stops`."""
    eta: StopEta | None = None
    if row["p50"] is not None:
        eta = {
            "p10": when(row["p10"]),
            "p50": when(row["p50"]),
            "p90": when(row["p90"]),
            "remaining_m": round(row["remaining_m"]),
            "late_probability": shown("late_probability", row["late_probability"]),
            "few_trips": row["few_trips"],
            "decided_at": when(row["decided_at"]),
        }
    return {
        "seq": row["seq"],
        "stop_id": row["stop_id"],
        "site": row["site"],
        "name": row["name"],
        "lat": row["lat"],
        "lon": row["lon"],
        "radius_m": row["radius_m"],
        "window_start": when(row["window_start"]),
        "window_end": when(row["window_end"]),
        "arrived_at": when(row["arrived_at"]),
        "departed_at": when(row["departed_at"]),
        "deviations": row["deviations"],
        "eta": eta,
    }


def _shape(row: Row, stops: list[Stop], temperature: Verdict, orders: list[ShipmentOrder]) -> Shipment:
    """From a row of `shipments` and what belongs to it."""
    return {
        "id": row["id"],
        "reference": row["reference"],
        "status": row["status"],
        "vehicle": row["vehicle"],
        "customer": row["customer"],
        "profile": row["profile"],
        "stops": stops,
        "temperature": temperature,
        "planned_line": row["planned_line"],
        "orders": orders,
    }


async def read_shipments(session: Session, now: datetime, **conditions: Any) -> list[Shipment]:
    """Shipments by name with stops, estimates and verdict. Conditions: those of `shipment_rows`."""
    rows = await shipment_rows(session, **conditions)
    keys = [row["key"] for row in rows]
    stops, temperatures = await belongings(session, keys, now)
    units, orders = await units_of(session, keys), await orders_of(session, keys)
    return [
        _shape(
            row,
            [_stop_shape(s) for s in stops.get(row["key"], [])],
            goods.verdict(temperatures.get(row["key"]), units.get(row["key"], ())),
            orders.get(row["key"], []),
        )
        for row in rows
    ]
