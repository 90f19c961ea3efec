"""Vehicles as they are shown: several resources show them when they change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from typing_extensions import TypedDict

from api.database import Row, Session
from api.http.jsons import Time, when
from api.resources.shared.fits import ANY_VEHICLE
from api.resources.shared.probes import Temp, probe_shape
from api.resources.shared.rows import grouped
from api.resources.shared.within import EVERYWHERE
from domain.digits import shown
from domain.readings import Flag
from domain.vehicles import FuelType, VehicleClass
from store.db import queries


class VehicleShipment(TypedDict):
    """What a vehicle carries and when it is expected at the next stop; `few_trips` as in the stop's `eta`."""

    id: str
    next_stop: str | None
    p10: Time | None
    p50: Time | None
    p90: Time | None
    few_trips: int | None


class VehicleDriver(TypedDict):
    """Who drives a vehicle now, and since when; null: since ever."""

    id: str
    label: str
    since: Time | None


_Classed = TypedDict("_Classed", {"class": VehicleClass | None})


class Vehicle(_Classed):
    """A vehicle and its last state; `alerts` counts the active ones. What nobody has told is null.

    `nominal_fuel_lph` is what its maker says it burns an hour.
    """

    id: str
    label: str
    fleet: str | None
    model: str | None
    driver: VehicleDriver | None
    load_capacity_kg: float | None
    volume_capacity_m3: float | None
    pallet_capacity: int | None
    fuel_type: FuelType | None
    nominal_fuel_lph: float | None
    tags: list[str]
    t: Time | None
    received_at: Time | None
    lat: float | None
    lon: float | None
    speed_mps: float | None
    heading_deg: float | None
    accuracy_m: float | None
    flags: list[str]
    status: str
    status_since: Time | None
    site: str | None
    battery_ratio: float | None
    temps: list[Temp]
    shipment: VehicleShipment | None
    alerts: int


def _carried(row: Row) -> VehicleShipment:
    """From a row of `vehicle_shipments`."""
    return {
        "id": row["id"],
        "next_stop": row["next_stop"],
        "p10": when(row["p10"]),
        "p50": when(row["p50"]),
        "p90": when(row["p90"]),
        "few_trips": row["few_trips"],
    }


def _driver(row: Row) -> VehicleDriver | None:
    if row["driver"] is None:
        return None
    return {"id": row["driver"], "label": row["driver_label"], "since": when(row["driver_since"])}


def _shape(row: Row, temps: list[Temp], carried: VehicleShipment | None, alerts: int) -> Vehicle:
    """From a row of `vehicles` and what belongs to it."""
    return {
        "id": row["id"],
        "label": row["label"],
        "class": row["class"],
        "fleet": row["fleet"],
        "model": row["model"],
        "driver": _driver(row),
        "load_capacity_kg": row["load_capacity_kg"],
        "volume_capacity_m3": row["volume_capacity_m3"],
        "pallet_capacity": row["pallet_capacity"],
        "fuel_type": row["fuel_type"],
        "nominal_fuel_lph": row["nominal_fuel_lph"],
        "tags": row["tags"],
        "t": when(row["time"]),
        "received_at": when(row["received_at"]),
        "lat": shown("lat", row["lat"]),
        "lon": shown("lon", row["lon"]),
        "speed_mps": shown("speed_mps", row["speed_mps"]),
        "heading_deg": shown("heading_deg", row["heading_deg"]),
        "accuracy_m": shown("accuracy_m", row["accuracy_m"]),
        "flags": Flag.names(row["flags"]) if row["flags"] else [],
        "status": row["status"],
        "status_since": when(row["status_since"]),
        "site": row["site"],
        "battery_ratio": shown("battery_ratio", row["battery_ratio"]),
        "temps": temps,
        "shipment": carried,
        "alerts": alerts,
    }


async def read_vehicles(
    session: Session,
    *,
    after: str = "",
    name: str | None = None,
    names: list[str] | None = None,
    retired: bool = False,
    limit: int | None = None,
    fits: Mapping[str, Any] = ANY_VEHICLE,
    within: Mapping[str, Any] = EVERYWHERE,
) -> list[Vehicle]:
    """Vehicles by name with state, temperatures, shipment and number of active alerts; retired ones if wanted."""
    q = queries("api")
    called = {"name": name, "names": names}
    rows = await session.rows(q["vehicles"], after=after, retired=retired, limit=limit, **called, **fits, **within)
    keys = [row["key"] for row in rows]
    if not keys:
        return []
    temps = grouped(await session.rows(q["temps"], vehicles=keys, sites=[]), "vehicle_id", probe_shape)
    carried = {row["vehicle_id"]: _carried(row) for row in await session.rows(q["vehicle_shipments"], vehicles=keys)}
    alerts = await count_alerts(session, keys)
    return [_shape(row, temps.get(row["key"], []), carried.get(row["key"]), alerts.get(row["key"], 0)) for row in rows]


async def count_alerts(session: Session, keys: list[int]) -> dict[int, int]:
    """Number of active alerts by vehicle key."""
    rows = await session.rows(queries("api")["vehicle_alerts"], vehicles=keys)
    return {row["vehicle_id"]: row["alerts"] for row in rows}
