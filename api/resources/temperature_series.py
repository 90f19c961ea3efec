"""Temperatures over time."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import Query, Request
from typing_extensions import TypedDict

from api.http.auth import Reader
from api.http.context import context_of
from api.http.jsons import Json, when
from api.http.problems import not_found
from api.http.routes import resource
from api.resources.shared.simplify import keep_shape
from api.resources.shared.spans import PointsMax, Since, Until, columns, number, span
from domain.readings import F64
from domain.times import rfc3339
from store.db import queries

router = resource(tags=["temperature"])


class SeriesPoint(TypedDict):
    """A temperature at an instant."""

    t: str
    temp_c: float | None


class Excursion(TypedDict):
    """A stretch outside the limits; `end` is null while it lasts."""

    id: str
    kind: str
    start: str | None
    end: str | None
    extreme_c: float | None


class Series(TypedDict):
    """The temperature curve of a probe with its limits and excursions."""

    device: str
    probe: str | None
    points: list[SeriesPoint]
    low_c: float | None
    high_c: float | None
    excursions: list[Excursion]


@router.get("/series", response_model=Series, responses={404: {"description": "no such device or probe"}})
async def get_series(
    request: Request,
    caller: Reader,
    device: Annotated[str, Query(max_length=64)],
    probe: Annotated[str | None, Query(max_length=128)] = None,
    since: Since = None,
    until: Until = None,
    max_points: PointsMax = 2000,
) -> Json:
    """Temperatures of a probe (the device's first when none is named), simplified to `max_points`."""
    first, last = span(since, until)
    q = queries("api")
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        found = await session.row(q["series_device"], device=device)
        if found is None:
            raise not_found()
        probes = await session.rows(q["probes"], device=found["key"])
        chosen = [p for p in probes if probe in (None, p["probe"])][:1]
        if probe is not None and not chosen:
            raise not_found()
        body: dict[str, Any] = {
            "device": device,
            "probe": chosen[0]["probe"] if chosen else None,
            "points": [],
            "low_c": found["low_c"],
            "high_c": found["high_c"],
            "excursions": [],
        }
        if chosen:
            which = {"probe": chosen[0]["key"], "since": first, "until": last}
            rows = await columns(session, "series", 2, device=found["key"], **which)
            body["excursions"] = [
                {
                    "id": str(x["id"]),
                    "kind": x["kind"],
                    "start": when(x["started_at"]),
                    "end": when(x["ended_at"]),
                    "extreme_c": x["extreme_c"],
                }
                for x in await session.rows(q["excursions"], **which)
            ]
            body["points"] = await asyncio.to_thread(_points, rows, max_points)
    return Json(body)


def _points(rows: F64, max_points: int) -> list[SeriesPoint]:
    kept = rows[keep_shape(rows[:, 0] / 1e6, rows[:, 1:], max_points)]
    return [{"t": rfc3339(int(time_us)), "temp_c": number(temp_c, 3)} for time_us, temp_c in kept]
