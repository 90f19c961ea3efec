"""The objects of the interface, built in one place: REST and websocket give the same ones.

Each class is the documented shape; each function builds it from rows of `store/queries/api.sql`. Times are RFC 3339 in
UTC, numbers carry their unit in their name, null is unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from typing_extensions import TypedDict

from api.http.jsons import when
from domain.digits import shown
from domain.goods import Verdict
from domain.readings import Flag

Row = Mapping[str, Any]
Time = str


class Temp(TypedDict):
    """The last temperature of a probe, with its limits."""

    device: str
    probe: str
    t: Time | None
    temp_c: float
    humidity_pct: float | None
    low_c: float | None
    high_c: float | None
    state: str


class VehicleShipment(TypedDict):
    """What a vehicle carries and when it is expected at the next stop."""

    id: str
    next_stop: str | None
    p10: Time | None
    p50: Time | None
    p90: Time | None


class Vehicle(TypedDict):
    """A vehicle and its last state; `alerts` counts the active ones."""

    id: str
    label: str
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


class Zone(TypedDict):
    """A part of a site."""

    id: str
    label: str


class Site(TypedDict):
    """A place: a circle, or a polygon where there is one, or all within the radius of a corridor's line."""

    id: str
    label: str
    kind: str
    lat: float
    lon: float
    radius_m: float
    polygon: dict[str, Any] | None
    corridor: dict[str, Any] | None
    dwell_s: float
    tz: str
    zones: list[Zone]
    temps: list[Temp]


class Device(TypedDict):
    """A device and where it is."""

    id: str
    kind: str
    vehicle: str | None
    site: str | None
    zone: str | None
    profile: str | None
    last_seen: Time | None
    revoked: bool


class Product(TypedDict):
    """A product."""

    sku: str
    label: str
    unit_mass_kg: float | None
    low_c: float | None
    high_c: float | None
    reorder_point: float | None
    gtin: str | None


class Stock(TypedDict):
    """How much of a product lies in a zone, how sure we are, and since when."""

    id: str
    site: str
    zone: str
    sku: str
    label: str
    quantity: float
    confidence: float
    last_evidence_at: Time | None
    source: str
    reorder_point: float | None


class Subject(TypedDict):
    """What an alert is about: `vehicle`, `site` or `device`."""

    kind: str
    id: str


class Alert(TypedDict):
    """A fact that asks for a person, and what persons did about it. `opened_at` is event time.

    `kind` is `temperature`, `silence` (a device says nothing) or `late_risk` (a stop's window may be missed).
    """

    id: str
    kind: str
    severity: str
    subject: Subject
    device: str
    probe: str | None
    title: str
    limit_c: float | None
    extreme_c: float | None
    last_c: float | None
    opened_at: Time | None
    alarm_at: Time | None
    decided_at: Time | None
    cleared_at: Time | None
    state: str
    revision: int
    acknowledged_at: Time | None
    acknowledged_by: str | None
    note: str | None
    resolved_at: Time | None
    resolved_by: str | None


class AlertEvent(TypedDict):
    """A line of an alert's history: what happened to it, when it was decided or done, and by whom (or `tracker`).

    `what` is `opened`, `changed`, `cleared`, `reopened`, `retracted`, `acknowledged` or `resolved`. A temperature's
    lines have its excursion as it was known then; the other fields are null.
    """

    version: int
    at: Time | None
    what: str
    actor: str
    note: str | None
    opened_at: Time | None
    alarm_at: Time | None
    cleared_at: Time | None
    limit_c: float | None
    extreme_c: float | None


class StopEta(TypedDict):
    """When a vehicle arrives: one in ten is earlier than p10, half before p50, nine in ten before p90.

    `late_probability` is that of arriving after the window's end, null where there is none.
    """

    p10: Time | None
    p50: Time | None
    p90: Time | None
    remaining_m: float
    late_probability: float | None
    decided_at: Time | None


class Stop(TypedDict):
    """A stop of a shipment; `deviations` are the kinds of those that are known there now."""

    seq: int
    stop_id: str
    site: str | None
    name: str
    lat: float
    lon: float
    window_start: Time | None
    window_end: Time | None
    arrived_at: Time | None
    departed_at: Time | None
    deviations: list[str]
    eta: StopEta | None


class Shipment(TypedDict):
    """A shipment with its stops."""

    id: str
    reference: str
    status: str
    vehicle: str | None
    customer: str | None
    stops: list[Stop]
    temperature: Verdict
    planned_line: dict[str, Any] | None


def temp(row: Row) -> Temp:
    """From a row of `temps`."""
    return {
        "device": row["device"],
        "probe": row["probe"],
        "t": when(row["time"]),
        "temp_c": shown("temp_c", row["temp_c"]),
        "humidity_pct": shown("humidity_pct", row["humidity_pct"]),
        "low_c": row["low_c"],
        "high_c": row["high_c"],
        "state": row["state"],
    }


def vehicle_shipment(row: Row) -> VehicleShipment:
    """From a row of `vehicle_shipments`."""
    return {
        "id": row["id"],
        "next_stop": row["next_stop"],
        "p10": when(row["p10"]),
        "p50": when(row["p50"]),
        "p90": when(row["p90"]),
    }


def vehicle(row: Row, temps: list[Temp], carried: VehicleShipment | None, alerts: int) -> Vehicle:
    """From a row of `vehicles` and what belongs to it."""
    return {
        "id": row["id"],
        "label": row["label"],
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


def site(row: Row, zones: list[Zone], temps: list[Temp]) -> Site:
    """From a row of `sites` and what belongs to it."""
    return {
        "id": row["id"],
        "label": row["label"],
        "kind": row["kind"],
        "lat": row["lat"],
        "lon": row["lon"],
        "radius_m": row["radius_m"],
        "polygon": row["polygon"],
        "corridor": row["corridor"],
        "dwell_s": row["dwell_s"],
        "tz": row["tz"],
        "zones": zones,
        "temps": temps,
    }


def device(row: Row) -> Device:
    """From a row of `devices`."""
    return {
        "id": row["id"],
        "kind": row["kind"],
        "vehicle": row["vehicle"],
        "site": row["site"],
        "zone": row["zone"],
        "profile": row["profile"],
        "last_seen": when(row["last_seen"]),
        "revoked": row["revoked"],
    }


def product(row: Row) -> Product:
    """From a row of `products`."""
    return {
        "sku": row["sku"],
        "label": row["label"],
        "unit_mass_kg": row["unit_mass_kg"],
        "low_c": row["low_c"],
        "high_c": row["high_c"],
        "reorder_point": row["reorder_point"],
        "gtin": row["gtin"],
    }


def stock(row: Row) -> Stock:
    """From a row of `stock`."""
    return {
        "id": f"{row['site']}/{row['zone']}/{row['sku']}",
        "site": row["site"],
        "zone": row["zone"],
        "sku": row["sku"],
        "label": row["label"],
        "quantity": shown("quantity", row["quantity"]),
        "confidence": shown("confidence", row["confidence"]),
        "last_evidence_at": when(row["last_evidence_at"]),
        "source": row["source"],
        "reorder_point": row["reorder_point"],
    }


def alert_event(row: Row) -> AlertEvent:
    """From a row of `case_history`."""
    return {
        "version": row["version"],
        "at": when(row["at"]),
        "what": row["what"],
        "actor": row["actor"],
        "note": row["note"],
        "opened_at": when(row["opened_at"]),
        "alarm_at": when(row["alarm_at"]),
        "cleared_at": when(row["cleared_at"]),
        "limit_c": row["limit_c"],
        "extreme_c": shown("extreme_c", row["extreme_c"]),
    }


def alert(row: Row) -> Alert:
    """From a row of `alerts`."""
    subject: Subject = {"kind": "device", "id": row["device"]}
    for kind in ("vehicle", "site"):
        if row[kind] is not None:
            subject = {"kind": kind, "id": row[kind]}
    return {
        "id": str(row["id"]),
        "kind": row["kind"],
        "severity": row["severity"],
        "subject": subject,
        "device": row["device"],
        "probe": row["probe"],
        "title": row["title"],
        "limit_c": row["limit_c"],
        "extreme_c": shown("extreme_c", row["extreme_c"]),
        "last_c": shown("last_c", row["last_c"]),
        "opened_at": when(row["opened_at"]),
        "alarm_at": when(row["alarm_at"]),
        "decided_at": when(row["decided_at"]),
        "cleared_at": when(row["cleared_at"]),
        "state": "active" if row["cleared_at"] is None else "cleared",
        "revision": row["revision"],
        "acknowledged_at": when(row["acknowledged_at"]),
        "acknowledged_by": row["acknowledged_by"],
        "note": row["note"],
        "resolved_at": when(row["resolved_at"]),
        "resolved_by": row["resolved_by"],
    }


def stop(row: Row) -> Stop:
    """From a row of `stops`."""
    eta: StopEta | None = None
    if row["p50"] is not None:
        eta = {
            "p10": when(row["p10"]),
            "p50": when(row["p50"]),
            "p90": when(row["p90"]),
            "remaining_m": round(row["remaining_m"]),
            "late_probability": shown("late_probability", row["late_probability"]),
            "decided_at": when(row["decided_at"]),
        }
    return {
        "seq": row["seq"],
        "stop_id": row["stop_id"],
        "site": row["site"],
        "name": row["name"],
        "lat": row["lat"],
        "lon": row["lon"],
        "window_start": when(row["window_start"]),
        "window_end": when(row["window_end"]),
        "arrived_at": when(row["arrived_at"]),
        "departed_at": when(row["departed_at"]),
        "deviations": row["deviations"],
        "eta": eta,
    }


def shipment(row: Row, stops: list[Stop], temperature: Verdict) -> Shipment:
    """From a row of `shipments` and what belongs to it."""
    return {
        "id": row["id"],
        "reference": row["reference"],
        "status": row["status"],
        "vehicle": row["vehicle"],
        "customer": row["customer"],
        "stops": stops,
        "temperature": temperature,
        "planned_line": row["planned_line"],
    }


def latest(*instants: datetime | None) -> datetime | None:
    """The newest of some instants."""
    known: Iterable[datetime] = (i for i in instants if i is not None)
    return max(known, default=None)
