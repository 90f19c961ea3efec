"""Objects read from the store: a few queries for any number of objects, put together by `shapes`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from api.database import Row, Session
from api.resources.shared import shapes
from domain import goods
from store.db import queries

T = TypeVar("T")
RECENT = timedelta(days=1)


def _groups(rows: Iterable[Row], key: str, build: Callable[[Row], T]) -> dict[Hashable, list[T]]:
    found: dict[Hashable, list[T]] = defaultdict(list)
    for row in rows:
        if row[key] is not None:
            found[row[key]].append(build(row))
    return found


def _zone(row: Row) -> shapes.Zone:
    return {"id": row["id"], "label": row["label"]}


async def vehicles(
    session: Session, *, after: str = "", name: str | None = None, retired: bool = False, limit: int | None = None
) -> list[shapes.Vehicle]:
    """Vehicles by name with state, temperatures, shipment and number of active alerts; retired ones if wanted."""
    q = queries("api")
    rows = await session.rows(q["vehicles"], after=after, name=name, retired=retired, limit=limit)
    keys = [row["key"] for row in rows]
    if not keys:
        return []
    temps = _groups(await session.rows(q["temps"], vehicles=keys, sites=[]), "vehicle_id", shapes.temp)
    carried = {
        row["vehicle_id"]: shapes.vehicle_shipment(row)
        for row in await session.rows(q["vehicle_shipments"], vehicles=keys)
    }
    alerts = await vehicle_alerts(session, keys)
    return [
        shapes.vehicle(row, temps.get(row["key"], []), carried.get(row["key"]), alerts.get(row["key"], 0))
        for row in rows
    ]


async def vehicle_alerts(session: Session, keys: list[int]) -> dict[int, int]:
    """Number of active alerts by vehicle key."""
    rows = await session.rows(queries("api")["vehicle_alerts"], vehicles=keys)
    return {row["vehicle_id"]: row["alerts"] for row in rows}


async def sites(
    session: Session, *, after: str = "", name: str | None = None, retired: bool = False, limit: int | None = None
) -> list[shapes.Site]:
    """Sites by name with zones and temperatures."""
    q = queries("api")
    rows = await session.rows(q["sites"], after=after, name=name, retired=retired, limit=limit)
    keys = [row["key"] for row in rows]
    if not keys:
        return []
    zones = _groups(await session.rows(q["zones"], sites=keys), "site_id", _zone)
    temps = _groups(await session.rows(q["temps"], vehicles=[], sites=keys), "site_id", shapes.temp)
    return [shapes.site(row, zones.get(row["key"], []), temps.get(row["key"], [])) for row in rows]


async def stock(
    session: Session,
    *,
    after: tuple[str, str, str] = ("", "", ""),
    site: str | None = None,
    zone: str | None = None,
    sku: str | None = None,
    limit: int | None = None,
) -> list[shapes.Stock]:
    """Stock levels by site, zone and SKU."""
    a, b, c = after
    rows = await session.rows(
        queries("api")["stock"],
        after_site=a,
        after_zone=b,
        after_sku=c,
        site=site,
        zone=zone,
        sku=sku,
        limit=limit,
    )
    return [shapes.stock(row) for row in rows]


async def alert_rows(
    session: Session,
    *,
    state: str,
    after: tuple[str, int] | None = None,
    alert_id: int | None = None,
    limit: int | None = None,
) -> list[Row]:
    """Rows of alerts, newest first."""
    after_at, after_id = after or (None, None)
    return await session.rows(
        queries("api")["alerts"], state=state, after_at=after_at, after_id=after_id, id=alert_id, limit=limit
    )


async def shipments(session: Session, now: datetime, **conditions: Any) -> list[shapes.Shipment]:
    """Shipments by name with stops, estimates and verdict. Conditions: those of `shipment_rows`."""
    rows = await shipment_rows(session, **conditions)
    stops, temperatures = await _belongings(session, [row["key"] for row in rows], now)
    return [
        shapes.shipment(
            row,
            [shapes.stop(s) for s in stops.get(row["key"], [])],
            goods.verdict(temperatures.get(row["key"])),
        )
        for row in rows
    ]


async def shipment_rows(
    session: Session,
    *,
    after: str = "",
    name: str | None = None,
    key: int | None = None,
    status: str | None = None,
    vehicle: str | None = None,
    recent: datetime | None = None,
    limit: int | None = None,
) -> list[Row]:
    """Rows of shipments by name; `recent` leaves out those delivered before it."""
    return await session.rows(
        queries("api")["shipments"],
        after=after,
        name=name,
        key=key,
        status=status,
        vehicle=vehicle,
        recent=recent,
        limit=limit,
    )


async def shipment_parts(session: Session, key: int, now: datetime) -> tuple[list[Row], Row | None]:
    """Rows of the stops and of the temperatures of one shipment."""
    stops, temperatures = await _belongings(session, [key], now)
    return stops.get(key, []), temperatures.get(key)


async def _belongings(
    session: Session, keys: list[int], now: datetime
) -> tuple[dict[Hashable, list[Row]], dict[int, Row]]:
    q = queries("api")
    if not keys:
        return {}, {}
    stops = _groups(await session.rows(q["stops"], shipments=keys), "shipment_id", lambda row: row)
    rows = await session.rows(queries("goods")["shipment_temperatures"], shipments=keys, now=now)
    return stops, {row["id"]: row for row in rows}


async def topics(session: Session, wanted: Iterable[str]) -> dict[str, list[Any]]:
    """All objects of the websocket's topics: what a snapshot holds."""
    now = datetime.now(UTC)
    found: dict[str, list[Any]] = {}
    for topic in wanted:
        if topic == "vehicles":
            found[topic] = await vehicles(session)
        elif topic == "shipments":
            found[topic] = await shipments(session, now, recent=now - RECENT)
        elif topic == "alerts":
            found[topic] = [shapes.alert(row) for row in await alert_rows(session, state="open")]
        elif topic == "stock":
            found[topic] = await stock(session)
        elif topic == "sites":
            found[topic] = await sites(session)
        elif topic == "facts":
            found[topic] = []  # news only; what is known is asked by REST
    return found
