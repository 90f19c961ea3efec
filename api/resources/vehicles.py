"""Vehicles and where they have been."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import Query, Request
from pydantic import AfterValidator, ConfigDict, Field
from starlette.responses import Response, StreamingResponse
from typing_extensions import TypedDict

from api.database import Session
from api.feed.emit import emit, put
from api.http.audit import audit
from api.http.auth import Reader, VehicleKeeper
from api.http.caller import Caller
from api.http.context import context_of
from api.http.inputs import Name, Strict, Text, printable
from api.http.jsons import Json
from api.http.paging import Cursor, Items, Limit, decode, page
from api.http.problems import OR_CHANGED, Problem, not_found
from api.http.routes import resource
from api.http.things import one
from api.resources.shared.exports import FILES, as_file
from api.resources.shared.fits import Called, Fits
from api.resources.shared.imports import cells
from api.resources.shared.imports.bring import ANSWER, Asked, Entry, Kind, Known, as_rows, bring, documented
from api.resources.shared.imports.files import Columns
from api.resources.shared.spans import PointsMax, Since, Until, columns, number, span, way_of
from api.resources.shared.track_files import GPX, KML, gpx, kml
from api.resources.shared.tracks import GEOJSON, NOT_DRIVEN, TrackPoint, feature, points_of, simplified
from api.resources.shared.vehicles import Vehicle, read_vehicles
from api.resources.shared.within import Within
from domain.habits import habits, suggested
from domain.readings import F64
from domain.vehicles import DESCRIBED, FuelType, VehicleClass
from store.db import queries

router = resource(tags=["vehicles"])
FORMS = {"geojson": GEOJSON, "gpx": GPX, "kml": KML}
TOLD = (
    "id", "label", "class", "fleet", "model", "driver", "load_capacity_kg", "volume_capacity_m3",
    "pallet_capacity", "fuel_type", "nominal_fuel_lph", "tags",
)  # fmt: skip
"""What people say of a vehicle; the rest it says itself."""


class Track(TypedDict):
    """Positions in event order."""

    vehicle: str
    points: list[TrackPoint]


_Told = TypedDict("_Told", {"class": VehicleClass | None})


class Classed(_Told):
    """The class of a vehicle as it was told, and which one its fixes of the last three days speak for.

    What is suggested decides nothing; null while it has driven too little. Its grounds: metres and seconds driven,
    halts of half a minute to three, seconds of all of them and of the one in the middle.
    """

    suggested: VehicleClass | None
    distance_m: float
    driving_s: float
    halts: int
    halting_s: float
    halt_s: float | None


def _distinct(tags: list[str]) -> list[str]:
    if len(set(tags)) < len(tags):
        raise ValueError("each tag once")
    return tags


Tag = Annotated[str, AfterValidator(printable), Field(min_length=1, max_length=40)]
Tags = Annotated[list[Tag], Field(max_length=20), AfterValidator(_distinct)]


class VehicleIn(Strict):
    """A vehicle, new or changed; what is not named stays, null is taken away.

    Another `fleet` is so from now on: `/vehicles/{vehicle_id}/fleets` corrects its past.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"id": "van-7", "label": "Van 7", "class": "courier", "fleet": "North", "tags": ["tail lift"]}]
        }
    )

    id: Name
    label: Text | None = None
    of_class: VehicleClass | None = Field(None, alias="class")
    fleet: Called | None = None
    model: Called | None = None
    load_capacity_kg: Annotated[float, Field(gt=0, le=1_000_000)] | None = None
    volume_capacity_m3: Annotated[float, Field(gt=0, le=10_000)] | None = None
    pallet_capacity: Annotated[int, Field(ge=1, le=1000)] | None = None
    fuel_type: FuelType | None = None
    nominal_fuel_lph: Annotated[float, Field(gt=0, le=1_000)] | None = None
    tags: Tags | None = None


@router.get("/vehicles", response_model=Items[Vehicle], responses=FILES)
@as_file("vehicles", Vehicle)
async def list_vehicles(
    request: Request, caller: Reader, fits: Fits, within: Within, limit: Limit = 200, cursor: Cursor = None
) -> Json:
    """Vehicles by name with their last state, all or those that are now what, and where, is asked for."""
    after = decode(cursor, (str,))[0] if cursor else ""
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        found = await read_vehicles(session, after=after, limit=limit + 1, fits=fits, within=within)
    return page(request, found, limit, lambda v: [v["id"]])


def _told(vehicle: Vehicle) -> dict[str, Any]:
    found: dict[str, Any] = {**vehicle}
    return {name: found[name] for name in TOLD}


@router.get("/vehicles/{vehicle_id}", response_model=Vehicle)
async def get_vehicle(request: Request, caller: Reader, vehicle_id: str) -> Json:
    """One vehicle, retired or not."""
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        found = await read_vehicles(session, name=vehicle_id, retired=True)
    if not found:
        raise not_found()
    return one(request, found[0], record=_told(found[0]))


@router.post("/vehicles", response_model=Vehicle, status_code=201, responses=OR_CHANGED)
async def post_vehicle(request: Request, caller: VehicleKeeper, given: VehicleIn) -> Json:
    """Makes or changes a vehicle. Of another class, its trips and stops are derived again, also of the past."""
    q = queries("registry")
    said = given.model_dump(by_alias=True, exclude_unset=True)
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        before = await read_vehicles(session, name=given.id, retired=True)
        if before and not await read_vehicles(session, name=given.id):
            raise Problem(409, f"vehicle {given.id} is retired: restore it first")
        await session.row(q["put_vehicle"], name=given.id, label=given.label or given.id)
        if "class" in said:
            await session.row(q["class_vehicle"], name=given.id, **{"class": given.of_class})
        if parts := [part for part in DESCRIBED if part in said]:
            q_described = queries("vehicles")
            await session.row(q_described["actor"], by=caller.user)
            values = {part: said.get(part) for part in DESCRIBED}
            await session.row(q_described["describe"], name=given.id, parts=parts, **values)
        await audit(session, caller, "vehicle.change" if before else "vehicle.create", given.id, **said)
        await session.run(q["notify_registry"])
        (vehicle,) = await read_vehicles(session, name=given.id)
        await emit(session, vehicles=[put(given.id, vehicle)])
    return one(request, vehicle, 200 if before else 201, record=_told(vehicle))


@router.get("/vehicles/{vehicle_id}/class", response_model=Classed)
async def get_class(request: Request, caller: Reader, vehicle_id: str) -> Json:
    """The class of a vehicle, and the one that its fixes speak for."""
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        row = await session.row(queries("api")["vehicle_class"], name=vehicle_id)
        if row is None:
            raise not_found()
        wanted = {"vehicle": row["key"], "until": row["time"], "not_driven": NOT_DRIVEN}
        found = await columns(session, "vehicle_paces", 3, **wanted) if row["time"] else np.empty((0, 3))
    of = await asyncio.to_thread(habits, found[:, 0].astype(np.int64), found[:, 1], found[:, 2])
    grounds = {name: value if name == "halts" else number(value, 1) for name, value in of._asdict().items()}
    return Json({"class": row["class"], "suggested": suggested(of), **grounds})


@router.get(
    "/vehicles/{vehicle_id}/track", response_model=Track, responses={200: {"content": {GEOJSON: {}, GPX: {}, KML: {}}}}
)
async def get_track(
    request: Request,
    caller: Reader,
    vehicle_id: str,
    since: Since = None,
    until: Until = None,
    max_points: PointsMax = 2000,
    form: Annotated[
        Literal["json", "geojson", "gpx", "kml"] | None, Query(alias="format", description="instead of `Accept`")
    ] = None,
) -> Response:
    """Where a vehicle was, simplified to `max_points`; as GeoJSON, GPX or KML when that is accepted or named."""
    first, last = span(since, until)
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        vehicle = await session.row(queries("api")["vehicle_key"], name=vehicle_id)
        if vehicle is None:
            raise not_found()
        found = await way_of(session, vehicle["key"], first, last)
    accepted = request.headers.get("accept", "")
    wanted = FORMS.get(form or "") or next((each for each in (GEOJSON, GPX, KML) if each in accepted), "")
    if wanted in (GPX, KML):
        points = await asyncio.to_thread(lambda: points_of(simplified(found, max_points)))
        text, end = (gpx(vehicle_id, points), "gpx") if wanted == GPX else (kml(vehicle_id, points), "kml")
        return Response(text, media_type=wanted, headers={"content-disposition": f'attachment; filename="track.{end}"'})
    answer = Json(await asyncio.to_thread(feature if wanted else _track, vehicle_id, found, max_points))
    if wanted:
        answer.headers["content-type"] = GEOJSON
    return answer


def _track(vehicle: str, found: F64, max_points: int) -> Track:
    return {"vehicle": vehicle, "points": points_of(simplified(found, max_points))}


async def _there(session: Session, names: list[str]) -> dict[str, Known]:
    rows = await session.rows(queries("imports")["vehicles_there"], names=names)
    return {
        row["id"]: Known(
            {**{name: row[name] for name in row.keys() - {"retired"}}, "tags": row["tags"] or None},
            "it is retired: restore it first" if row["retired"] else "",
        )
        for row in rows
    }


async def _put(session: Session, caller: Caller, entries: list[Entry]) -> None:
    q = queries("imports")
    await session.row(queries("vehicles")["actor"], by=caller.user)
    await session.run(q["make_vehicles"], names=[entry.key for entry in entries if entry.known is None])
    rows = ({**entry.values, "label": entry.values["label"] or entry.key} for entry in entries)
    await session.run(q["describe_vehicles"], rows=as_rows(rows))


async def _tell(session: Session, entries: list[Entry]) -> None:
    found = await read_vehicles(session, names=[entry.key for entry in entries])
    await emit(session, vehicles=[put(vehicle["id"], vehicle) for vehicle in found])


KIND = Kind(
    "vehicle",
    "id",
    VehicleIn,
    Columns(
        {
            **dict.fromkeys(("id", "label", "class", "fleet", "model"), cells.text),
            "load_capacity_kg": cells.number,
            "volume_capacity_m3": cells.number,
            "pallet_capacity": cells.number,
            "fuel_type": cells.text,
            "nominal_fuel_lph": cells.number,
            "tags": cells.words,
        },
        needed=("id",),
        aliases={"vehicle": "id", "name": "label", "title": "label", "group": "fleet", "fuel": "fuel_type"},
    ),
    _there,
    _put,
    _tell,
)


@router.post(
    "/vehicles/import",
    response_class=StreamingResponse,
    responses=ANSWER,
    openapi_extra=documented("id,label,fleet,tags\r\nvan-7,Van 7,North,tail lift\r\n"),
)
async def import_vehicles(request: Request, caller: VehicleKeeper, way: Asked) -> Response:
    """Vehicles of a file: CSV, a workbook, or JSON on each line; what is told of them as it goes, see the guide."""
    return await bring(request, caller, KIND, way)
