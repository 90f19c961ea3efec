"""Trips and stops of vehicles: the list, and one of them with its way, as GeoJSON or for navigation devices (GPX)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Annotated, Any, Literal
from xml.sax.saxutils import escape

import numpy as np
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.database import Row
from api.http.auth import Reader
from api.http.caller import Caller
from api.http.context import context_of
from api.http.jsons import Json, when
from api.http.paging import Items
from api.http.problems import key_of, not_found
from api.http.routes import resource
from api.resources.shared.facts import Wanted, listed, shape_of, shaped
from api.resources.shared.fits import ANY_VEHICLE, Fits
from api.resources.shared.spans import PointsMax, way_of
from api.resources.shared.tracks import GEOJSON, NOT_DRIVEN, feature
from domain.facts import AnyKind
from domain.readings import F64
from domain.times import rfc3339
from store.db import queries
from store.facts import listing

GPX = "application/gpx+xml"

KindOf = Annotated[Literal["trip", "stop", "unknown"] | None, Query(alias="kind", description="only these")]


@cache
def router(kinds: tuple[AnyKind, ...]) -> APIRouter:
    """Trips as they are declared; nothing when they are not."""
    found = resource(tags=["vehicles"])
    kind = next((k for k in kinds if k.name == "trip"), None)
    if kind is not None:
        _add(found, kind)
    return found


def _add(router: APIRouter, kind: AnyKind) -> None:
    shape = shape_of(kind)

    @router.get("/vehicles/{vehicle_id}/trips", response_model=Items[shape])  # type: ignore[valid-type]
    async def list_trips(
        request: Request, caller: Reader, vehicle_id: str, wanted: Wanted, fits: Fits, kind_of: KindOf = None
    ) -> Json:
        """Trips, stops and gaps of a vehicle in order of time; each begins where the one before ends."""
        return await listed(request, caller, kind, vehicle_id, wanted._replace(kind=kind_of), fits)

    @router.get(
        "/vehicles/{vehicle_id}/trips/{trip_id}.gpx",
        response_class=Response,
        responses={200: {"content": {GPX: {}}}},
    )
    async def get_trip_gpx(request: Request, caller: Reader, vehicle_id: str, trip_id: str) -> Response:
        """The way of a trip as a GPX 1.1 track, every fix of it."""
        trip, way = await _found(request, caller, kind, vehicle_id, trip_id)
        return await _gpx(vehicle_id, trip, way)

    @router.get(
        "/vehicles/{vehicle_id}/trips/{trip_id}",
        response_model=shape,
        responses={200: {"content": {GEOJSON: {}, GPX: {}}}},
    )
    async def get_trip(
        request: Request, caller: Reader, vehicle_id: str, trip_id: str, max_points: PointsMax = 2000
    ) -> Response:
        """One trip or stop as it is known now; its way when GeoJSON or GPX is accepted."""
        accepted = request.headers.get("accept", "")
        geojson = GEOJSON in accepted
        gpx = GPX in accepted and not geojson
        trip, way = await _found(request, caller, kind, vehicle_id, trip_id, with_way=geojson or gpx)
        if gpx:
            return await _gpx(vehicle_id, trip, way)
        if not geojson:
            return Json(shaped(kind, trip))
        answer = Json(await asyncio.to_thread(_feature, kind, vehicle_id, trip, way, max_points))
        answer.headers["content-type"] = GEOJSON
        return answer


async def _found(
    request: Request, caller: Caller, kind: AnyKind, vehicle_id: str, trip_id: str, *, with_way: bool = True
) -> tuple[Row, F64]:
    """A trip's newest word, and the fixes of its time as in the query `track`.

    Raises:
        Problem: 404, there is none, or it is no longer so.
    """
    key = key_of(trip_id)
    nothing = dict.fromkeys(("kind", "as_of", "since", "until", "after", "after_at"))
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        vehicle = await session.row(queries("api")["vehicle_key"], name=vehicle_id)
        if vehicle is None:
            raise not_found()
        words = await session.rows(listing(kind), id=key, owner=vehicle["key"], limit=None, **nothing, **ANY_VEHICLE)
        trip = words[-1] if words else None
        if trip is None or trip["retracted"]:
            raise not_found()
        until = (trip["until"] or datetime.now(UTC)) + timedelta(microseconds=1)  # the last fix belongs to it
        found = await way_of(session, vehicle["key"], trip["started_at"], until) if with_way else np.empty((0, 6))
    return trip, found[(found[:, 5].astype(np.int64) & NOT_DRIVEN) == 0]


def _feature(kind: AnyKind, vehicle_id: str, trip: Row, way: F64, max_points: int) -> dict[str, Any]:
    found = feature(vehicle_id, way, max_points)
    return {**found, "id": str(trip["id"]), "properties": {**shaped(kind, trip), **found["properties"]}}


async def _gpx(vehicle_id: str, trip: Row, way: F64) -> Response:
    body = await asyncio.to_thread(gpx_of, f"{vehicle_id} {trip['kind']} {when(trip['started_at'])}", way)
    name = f"{vehicle_id}-{trip['started_at']:%Y%m%dT%H%M%SZ}.gpx"
    return Response(body, media_type=GPX, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def gpx_of(name: str, way: F64) -> str:
    """A GPX 1.1 document with one track; rows of `way` begin with time (microseconds), latitude, longitude."""
    points = "".join(
        f'<trkpt lat="{lat:.7f}" lon="{lon:.7f}"><time>{rfc3339(int(time_us))}</time></trkpt>\n'
        for time_us, lat, lon in way[:, :3].tolist()
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<gpx version="1.1" creator="Frostway" xmlns="http://www.topografix.com/GPX/1/1">\n'
        f"<trk><name>{escape(name)}</name><trkseg>\n{points}</trkseg></trk>\n</gpx>\n"
    )
