"""Vehicles and where they have been."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request
from typing_extensions import TypedDict

from api.http.auth import Anybody
from api.http.context import context_of
from api.http.jsons import Json
from api.http.paging import Cursor, Items, Limit, decode, page
from api.http.problems import not_found
from api.resources.shared.spans import PointsMax, Since, Until, columns, span
from api.resources.shared.tracks import GEOJSON, TrackPoint, feature, points_of, simplified
from api.resources.shared.vehicles import Vehicle, read_vehicles
from domain.readings import F64
from store.db import queries

router = APIRouter(tags=["vehicles"])


class Track(TypedDict):
    """Positions in event order."""

    vehicle: str
    points: list[TrackPoint]


@router.get("/vehicles", response_model=Items[Vehicle])
async def list_vehicles(request: Request, caller: Anybody, limit: Limit = 200, cursor: Cursor = None) -> Json:
    """Vehicles by name with their last state."""
    after = decode(cursor, (str,))[0] if cursor else ""
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        found = await read_vehicles(session, after=after, limit=limit + 1)
    return page(request, found, limit, lambda v: [v["id"]])


@router.get("/vehicles/{vehicle_id}", response_model=Vehicle)
async def get_vehicle(request: Request, caller: Anybody, vehicle_id: str) -> Json:
    """One vehicle, retired or not."""
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        found = await read_vehicles(session, name=vehicle_id, retired=True)
    if not found:
        raise not_found()
    return Json(found[0])


@router.get("/vehicles/{vehicle_id}/track", response_model=Track, responses={200: {"content": {GEOJSON: {}}}})
async def get_track(
    request: Request,
    caller: Anybody,
    vehicle_id: str,
    since: Since = None,
    until: Until = None,
    max_points: PointsMax = 2000,
) -> Json:
    """Where a vehicle was, simplified to `max_points`; as GeoJSON when that is accepted."""
    first, last = span(since, until)
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        vehicle = await session.row(queries("api")["vehicle_key"], name=vehicle_id)
        if vehicle is None:
            raise not_found()
        found = await columns(session, "track", 6, vehicle=vehicle["key"], since=first, until=last)
    geojson = GEOJSON in request.headers.get("accept", "")
    body = await asyncio.to_thread(feature if geojson else _track, vehicle_id, found, max_points)
    answer = Json(body)
    if geojson:
        answer.headers["content-type"] = GEOJSON
    return answer


def _track(vehicle: str, found: F64, max_points: int) -> Track:
    return {"vehicle": vehicle, "points": points_of(simplified(found, max_points))}
