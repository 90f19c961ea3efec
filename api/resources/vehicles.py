"""Vehicles and where they have been."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Request
from typing_extensions import TypedDict

from api.database import Session
from api.http.auth import Anybody
from api.http.context import context_of
from api.http.instants import QueryInstant
from api.http.jsons import Json
from api.http.paging import Cursor, Items, Limit, decode, page
from api.http.problems import Problem, not_found
from api.resources.shared import reads, shapes
from api.resources.shared.simplify import cut_at_180, keep_shape, metres
from domain.readings import F64, Flag
from domain.times import rfc3339
from store.db import queries

router = APIRouter(tags=["vehicles"])

SPAN_MAX = timedelta(days=31)
ROWS_MAX = 400_000
BATCH = 10_000
GEOJSON = "application/geo+json"

Since = Annotated[QueryInstant | None, Query(alias="from", description="RFC 3339; a day before `to` when left out")]
Until = Annotated[QueryInstant | None, Query(alias="to", description="RFC 3339; now when left out")]
PointsMax = Annotated[int, Query(ge=2, le=20_000)]


class TrackPoint(TypedDict):
    """A position; `flags` say what is odd about it."""

    t: str
    lat: float
    lon: float
    speed_mps: float | None
    heading_deg: float | None
    flags: list[str]


class Track(TypedDict):
    """Positions in event order."""

    vehicle: str
    points: list[TrackPoint]


def span(since: datetime | None, until: datetime | None) -> tuple[datetime, datetime]:
    """A span of time from what was asked for: the last day by default.

    Raises:
        Problem: 422 when it ends before it begins or is longer than 31 days.
    """
    until = until or datetime.now(UTC)
    try:
        since = since or until - timedelta(days=1)
        length = until - since
    except OverflowError:
        raise Problem(422, "from, to: out of range") from None
    if length < timedelta(0):
        raise Problem(422, "from: later than to")
    if length > SPAN_MAX:
        raise Problem(422, "from, to: at most 31 days at once")
    return since.astimezone(UTC), until.astimezone(UTC)


async def columns(session: Session, query: str, width: int, **values: Any) -> F64:
    """Rows of a long answer as one array (n, width) of float64; null is NaN.

    Raises:
        Problem: 422, there are more than we look at at once.
    """
    parts: list[F64] = []
    count = 0
    async for rows in session.batches(queries("api")[query], BATCH, **values):
        parts.append(np.array(rows, dtype=np.float64))
        count += len(rows)
        if count > ROWS_MAX:
            raise Problem(422, f"more than {ROWS_MAX} readings: ask for a shorter span")
    return np.concatenate(parts) if parts else np.empty((0, width))


def number(value: float, digits: int) -> float | None:
    """A rounded number for JSON; NaN is null."""
    return None if np.isnan(value) else round(float(value), digits)


@router.get("/vehicles", response_model=Items[shapes.Vehicle])
async def list_vehicles(request: Request, caller: Anybody, limit: Limit = 200, cursor: Cursor = None) -> Json:
    """Vehicles by name with their last state."""
    after = decode(cursor, (str,))[0] if cursor else ""
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        found = await reads.vehicles(session, after=after, limit=limit + 1)
    return page(request, found, limit, lambda v: [v["id"]])


@router.get("/vehicles/{vehicle_id}", response_model=shapes.Vehicle)
async def get_vehicle(request: Request, caller: Anybody, vehicle_id: str) -> Json:
    """One vehicle, retired or not."""
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        found = await reads.vehicles(session, name=vehicle_id, retired=True)
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


def _simplified(found: F64, max_points: int) -> F64:
    """Rows of `track` that keep its shape."""
    return found[keep_shape(found[:, 0] / 1e6, metres(found[:, 1], found[:, 2]), max_points)]


def _points(rows: F64) -> list[TrackPoint]:
    return [
        {
            "t": rfc3339(int(time_us)),
            "lat": round(float(lat), 7),
            "lon": round(float(lon), 7),
            "speed_mps": number(speed, 2),
            "heading_deg": number(heading, 1),
            "flags": Flag.names(int(flags)) if flags else [],
        }
        for time_us, lat, lon, speed, heading, flags in rows
    ]


def _track(vehicle: str, found: F64, max_points: int) -> Track:
    return {"vehicle": vehicle, "points": _points(_simplified(found, max_points))}


def feature(vehicle: str, found: F64, max_points: int) -> dict[str, Any]:
    """A GeoJSON feature (RFC 7946) with the times of its positions beside, in their order over all lines.

    A way over 180 degrees is cut there; the two positions of a cut have its time, and neither speed nor flags.
    """
    kept = _simplified(found, max_points)
    lat, lon = np.round(kept[:, 1], 7), np.round(kept[:, 2], 7)
    lines, rows, time_us = cut_at_180(kept[:, 0], lat, lon)
    points = _points(kept)
    line = {"type": "LineString", "coordinates": lines[0]}
    if len(lines) > 1:
        line = {"type": "MultiLineString", "coordinates": lines}
    return {
        "type": "Feature",
        "id": vehicle,
        "geometry": line if len(points) > 1 else None,
        "properties": {
            "vehicle": vehicle,
            "times": [rfc3339(int(t)) for t in time_us],
            "speeds_mps": [points[i]["speed_mps"] if i >= 0 else None for i in rows],
            "flags": [points[i]["flags"] if i >= 0 else [] for i in rows],
        },
    }
