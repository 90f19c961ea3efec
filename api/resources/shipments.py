"""Shipments: planned, changed, called off."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import orjson
from fastapi import Query, Request
from pydantic import AfterValidator, ConfigDict, Field, model_validator
from starlette.responses import Response, StreamingResponse
from typing_extensions import TypedDict

from api.database import Session
from api.feed.emit import delete, emit, put
from api.http.audit import audit
from api.http.auth import Planner, Reader
from api.http.caller import Caller
from api.http.context import context_of
from api.http.inputs import Latitude, Longitude, Name, ShipmentName, Strict, Text, printable
from api.http.instants import Instant
from api.http.jsons import Json
from api.http.paging import Cursor, Items, Limit, decode, page
from api.http.problems import OR_CHANGED, Problem, not_found
from api.http.routes import resource
from api.http.things import one
from api.resources.shared.areas import LineIn
from api.resources.shared.exports import FILES, as_file
from api.resources.shared.fits import Fits
from api.resources.shared.imports.bring import (
    ANSWER,
    SAME,
    Asked,
    Entry,
    Kind,
    Known,
    Settled,
    as_rows,
    bring,
    documented,
)
from api.resources.shared.imports.stops import COLUMNS, gathered
from api.resources.shared.profiles import profile_id, profile_ids
from api.resources.shared.shipments import Shipment, read_shipments, shipment_rows
from api.resources.shared.vehicles import read_vehicles
from api.resources.shared.within import EVERYWHERE
from store.db import queries

router = resource(tags=["shipments"])
PLANNED = ("id", "reference", "customer", "vehicle", "profile", "planned_line")
PLANNED_OF_STOP = ("seq", "stop_id", "site", "name", "lat", "lon", "window_start", "window_end")


class StopIn(Strict):
    """A stop: at a site, or at a place of its own."""

    stop_id: ShipmentName | None = None
    site: Name | None = None
    name: Text | None = None
    lat: Latitude | None = None
    lon: Longitude | None = None
    radius_m: Annotated[float, Field(ge=10, le=100_000)] | None = None
    window_start: Instant | None = None
    window_end: Instant | None = None

    @model_validator(mode="after")
    def _somewhere(self) -> StopIn:
        if self.site is None and (self.lat is None or self.lon is None):
            raise ValueError("a stop needs a site, or lat and lon")
        if self.window_start and self.window_end and self.window_start > self.window_end:
            raise ValueError("window_start: later than window_end")
        return self


class ShipmentIn(Strict):
    """A shipment, new or changed; its stops are numbered from 1 in the order given.

    `since`: from when on the vehicle has it; what it did before is not this shipment's. When nothing is said it is from
    now on, and a stay at the first stop before that, in the time planned for it, was the pick-up.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "S-1042",
                    "reference": "PO 7731",
                    "customer": "Harbour store",
                    "vehicle": "truck-01",
                    "stops": [
                        {"site": "dc-1"},
                        {"name": "Pier 3", "lat": 60.16, "lon": 24.96, "window_end": "2026-11-22T12:00:00Z"},
                    ],
                }
            ]
        }
    )

    id: ShipmentName
    reference: Annotated[str, AfterValidator(printable), Field(max_length=200)] = ""
    customer: Text | None = None
    vehicle: Name | None = None
    profile: Name | None = None
    stops: Annotated[list[StopIn], Field(min_length=1, max_length=200)]
    planned_line: LineIn | None = None
    since: Instant | None = None


class ShipmentEnding(TypedDict):
    """What becomes of a shipment: `deleted` when nothing has happened to it, else `cancelled`; links end with it."""

    id: str
    outcome: Literal["deleted", "cancelled"]
    links: int


@router.get("/shipments", response_model=Items[Shipment], responses=FILES)
@as_file("shipments", Shipment)
async def list_shipments(
    request: Request,
    caller: Reader,
    fits: Fits,
    status: Literal["planned", "in_transit", "delivered", "cancelled"] | None = None,
    vehicle: Annotated[str | None, Query(max_length=64)] = None,
    called: Annotated[str | None, Query(alias="id", max_length=64, description="only the one of this name")] = None,
    limit: Limit = 200,
    cursor: Cursor = None,
) -> Json:
    """Shipments by name with stops, estimates and temperature verdict.

    Of vehicles that are, or were at delivery, what is asked for.
    """
    after = decode(cursor, (str,))[0] if cursor else ""
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        wanted = {"name": called, "status": status, "vehicle": vehicle, "fits": fits}
        found = await read_shipments(session, datetime.now(UTC), after=after, limit=limit + 1, **wanted)
    return page(request, found, limit, lambda s: [s["id"]])


def _planned(shipment: Shipment) -> dict[str, Any]:
    """What people have planned of a shipment; the rest happens."""
    stops = [{name: stop.get(name) for name in PLANNED_OF_STOP} for stop in shipment["stops"]]
    return {**{name: shipment.get(name) for name in PLANNED}, "stops": stops}


@router.get("/shipments/{shipment_id}", response_model=Shipment)
async def get_shipment(request: Request, caller: Reader, shipment_id: str) -> Json:
    """One shipment."""
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        found = await read_shipments(session, datetime.now(UTC), name=shipment_id)
    if not found:
        raise not_found()
    return one(request, found[0], record=_planned(found[0]))


@router.post("/shipments", response_model=Shipment, status_code=201, responses=OR_CHANGED)
async def post_shipment(request: Request, caller: Planner, given: ShipmentIn) -> Json:
    """Makes (201) or changes (200) a shipment; what has happened stays. One that was called off is taken up again."""
    q = queries("registry")
    now = datetime.now(UTC)
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        old = await shipment_rows(session, name=given.id)
        vehicle = None
        if given.vehicle:
            vehicle = await session.row(q["put_vehicle"], name=given.vehicle, label=given.vehicle)
        shipment = await session.row(
            q["put_shipment"],
            name=given.id,
            reference=given.reference,
            customer=given.customer,
            vehicle=vehicle["id"] if vehicle else None,
            profile=await profile_id(session, given.profile) if given.profile else None,
            planned_line=orjson.dumps(given.planned_line.model_dump()).decode() if given.planned_line else None,
            status="planned",
            since=given.since,
        )
        await _put_stops(session, given, (shipment or {})["id"])
        await audit(session, caller, "shipment.change" if old else "shipment.create", given.id, **given.model_dump())
        await session.run(q["notify_registry"])
        found = (await read_shipments(session, now, name=given.id))[0]
        names = {given.vehicle, *(row["vehicle"] for row in old)} - {None}
        vehicles = [v for name in names for v in await read_vehicles(session, name=name)]
        await emit(session, shipments=[put(given.id, found)], vehicles=[put(v["id"], v) for v in vehicles])
    return one(request, found, 200 if old else 201, record=_planned(found))


def _stop_values(stop: StopIn, seq: int, shipment: str, site: dict[str, Any] | None) -> dict[str, Any]:
    """A stop's columns: what it does not say itself, it takes from its site."""
    place = site or {}
    name = stop.stop_id or f"{shipment}-{seq}"
    return {
        "seq": seq,
        "name": name,
        "label": stop.name or place.get("label") or name,
        "site": place.get("key"),
        "lat": place.get("lat") if stop.lat is None else stop.lat,
        "lon": place.get("lon") if stop.lon is None else stop.lon,
        "radius_m": stop.radius_m or place.get("radius_m") or 150.0,
        "window_start": stop.window_start,
        "window_end": stop.window_end,
    }


async def _put_stops(session: Session, given: ShipmentIn, shipment: int) -> None:
    sites: dict[str, Any] = {}
    for name in {stop.site for stop in given.stops if stop.site}:
        sites[name] = await session.row(
            queries("api")["sites"], after="", name=name, names=None, retired=True, limit=1, **EVERYWHERE
        )
        if sites[name] is None:
            raise Problem(422, f"site: there is no {name}; add it first")
    values = [_stop_values(s, n, given.id, sites.get(s.site or "")) for n, s in enumerate(given.stops, 1)]
    await session.run(queries("api")["trim_stops"], shipment=shipment, seqs=[v["seq"] for v in values])
    for stop in values:
        await session.row(queries("registry")["put_stop"], shipment=shipment, **stop)


@router.delete("/shipments/{shipment_id}", response_model=ShipmentEnding)
async def delete_shipment(
    request: Request,
    caller: Planner,
    shipment_id: str,
    *,
    dry_run: Annotated[bool, Query(description="change nothing, only say what would become of it")] = False,
) -> Json:
    """Deletes a shipment to which nothing has happened, its links with it; calls off one that is under way.

    One that is called off stays with all that has happened, is followed no more, and is taken up again by a POST.
    409: it is delivered.
    """
    q, now = queries("api"), datetime.now(UTC)
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        found = await session.row(q["shipment_to_end"], name=shipment_id)
        if found is None:
            raise not_found()
        if found["status"] == "delivered":
            raise Problem(409, f"{shipment_id} is delivered: what has happened stays")
        gone = found["status"] == "planned" and not found["happened"]
        if not dry_run and found["status"] != "cancelled":
            for statement in ("delete_stops", "delete_shipment") if gone else ("cancel_shipment",):
                await session.run(q[statement], id=found["key"])
            await audit(session, caller, "shipment.delete" if gone else "shipment.cancel", shipment_id)
            await session.run(queries("registry")["notify_registry"])
            shown = [delete(shipment_id)]
            if not gone:
                shown = [put(shipment_id, (await read_shipments(session, now, name=shipment_id))[0])]
            vehicles = await read_vehicles(session, name=found["vehicle"]) if found["vehicle"] else []
            await emit(session, shipments=shown, vehicles=[put(v["id"], v) for v in vehicles])
    outcome: Literal["deleted", "cancelled"] = "deleted" if gone else "cancelled"
    return Json(ShipmentEnding(id=shipment_id, outcome=outcome, links=found["links"]))


PLACE = ("stop_id", "site", "name", "lat", "lon", "radius_m", "window_start", "window_end")


async def _there(session: Session, names: list[str]) -> dict[str, Known]:
    q = queries("imports")
    rows = await session.rows(q["shipments_there"], names=names)
    stops: dict[int, list[dict[str, Any]]] = {row["key"]: [] for row in rows}
    for stop in await session.rows(q["stops_there"], shipments=list(stops)) if rows else ():
        stops[stop["shipment_id"]].append({name: stop[name] for name in PLACE})
    heads = ("id", "reference", "customer", "vehicle", "profile", "planned_line")
    return {
        row["id"]: Known(
            {**{name: row[name] for name in heads}, "stops": stops[row["key"]]},
            about={"key": row["key"], "cancelled": row["status"] == "cancelled", "since": row["since"]},
        )
        for row in rows
    }


async def _settle(session: Session, entries: list[Entry]) -> Settled:
    """Places and limits that shipments name; those that are as they were."""
    named = {stop["site"] for entry in entries for stop in entry.values["stops"] if stop["site"]}
    sites = {row["id"]: row for row in await session.rows(queries("imports")["places"], names=sorted(named))}
    profiles = await profile_ids(session, (entry.values["profile"] for entry in entries))
    found: Settled = {}
    for entry in entries:
        profile = profiles.get(entry.values["profile"])
        lost = next((s["site"] for s in entry.values["stops"] if s["site"] and s["site"] not in sites), None)
        if lost is not None:
            found[entry.key] = f"site: there is no {lost}; add it first"
        elif isinstance(profile, str):
            found[entry.key] = profile
        else:
            stops = [_stop_values(s, n, entry.key, sites.get(s.site or "")) for n, s in enumerate(entry.body.stops, 1)]
            entry.more = {"profile": profile, "stops": stops}
            if entry.known is not None and not entry.about["cancelled"] and _planned_alike(entry, stops):
                found[entry.key] = SAME
    return found


def _planned_alike(entry: Entry, stops: list[dict[str, Any]]) -> bool:
    known = entry.known or {}
    heads = all(entry.values[name] == known[name] for name in entry.values.keys() - {"stops", "since"})
    heads = heads and entry.values["since"] in (None, entry.about["since"])
    told = [{**stop, "site": given["site"]} for stop, given in zip(stops, entry.values["stops"], strict=True)]
    was = [_stop_values(StopIn.model_validate(s), n, entry.key, None) for n, s in enumerate(known["stops"], 1)]
    return heads and told == [{**stop, "site": s["site"]} for stop, s in zip(was, known["stops"], strict=True)]


async def _put(session: Session, caller: Caller, entries: list[Entry]) -> None:
    del caller
    q = queries("imports")
    if vehicles := sorted({entry.values["vehicle"] for entry in entries} - {None}):
        await session.run(q["make_vehicles"], names=vehicles)
    heads = ({**e.values, "profile": e.more["profile"]} for e in entries)
    await session.run(q["put_shipments"], rows=as_rows(heads))
    if known := [{"key": e.about["key"], "count": len(e.more["stops"])} for e in entries if e.known is not None]:
        await session.run(q["trim_stops"], rows=as_rows(known))
    stops = as_rows({**stop, "shipment": entry.key} for entry in entries for stop in entry.more["stops"])
    await session.run(q["put_stops"], rows=stops)


async def _tell(session: Session, entries: list[Entry]) -> None:
    found = await read_shipments(session, datetime.now(UTC), names=[entry.key for entry in entries])
    names = {entry.values["vehicle"] for entry in entries} | {(entry.known or {}).get("vehicle") for entry in entries}
    vehicles = await read_vehicles(session, names=[name for name in names if name])
    await emit(session, shipments=[put(s["id"], s) for s in found], vehicles=[put(v["id"], v) for v in vehicles])


KIND = Kind("shipment", "id", ShipmentIn, COLUMNS, _there, _put, _tell, _settle, gathered)


@router.post(
    "/shipments/import",
    response_class=StreamingResponse,
    responses=ANSWER,
    openapi_extra=documented("shipment,vehicle,site\r\nS-2001,truck-01,dc-1\r\nS-2001,truck-01,store-1\r\n"),
)
async def import_shipments(request: Request, caller: Planner, way: Asked) -> Response:
    """Shipments of a file: a line to each stop as CSV or workbook, or one as JSON on each line; see the guide."""
    return await bring(request, caller, KIND, way)
