"""Temperatures over time."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any

import numpy as np
from fastapi import Query, Request
from typing_extensions import TypedDict

from api.http.auth import Reader
from api.http.context import context_of
from api.http.jsons import Json, when
from api.http.problems import not_found
from api.http.routes import resource
from api.resources.shared.calibrations import ProbeCalibration, shape
from api.resources.shared.simplify import keep_shape
from api.resources.shared.spans import PointsMax, Since, Until, columns, number, span
from domain.cold_chain.profile import Op, Severity, TemperatureProfile
from domain.cold_chain.recordings import evaluate
from domain.readings import F64
from domain.times import rfc3339
from store.db import queries
from store.profiles import read_version

router = resource(tags=["temperature"])

GAPS_MAX = 100


class SeriesPoint(TypedDict):
    """A temperature at an instant."""

    t: str
    temp_c: float | None


class Excursion(TypedDict):
    """A stretch outside the limits; `end` is null while it lasts, `alarm_at` until it has lasted for too long."""

    id: str
    kind: str
    band: str
    severity: Severity
    start: str | None
    alarm_at: str | None
    end: str | None
    extreme_c: float | None


class SeriesBand(TypedDict):
    """A condition of the profile that holds now, and how long the curve met it: in all, and in one stay."""

    name: str
    op: Op
    limit_c: float
    severity: Severity
    for_s: float
    used_s: float
    longest_s: float


class SeriesGap(TypedDict):
    """A time of which nobody knows how it was."""

    start: str
    end: str


class SeriesSummary(TypedDict):
    """The curve in figures, from all readings: extremes, mean kinetic temperature, time that is known and that is not.

    `bands` are those of the profile, the warmest first; `gaps` the first hundred of `gap_count`.
    """

    readings: int
    first_at: str | None
    last_at: str | None
    min_c: float | None
    max_c: float | None
    mkt_c: float | None
    known_s: float
    unknown_s: float
    bands: list[SeriesBand]
    gaps: list[SeriesGap]
    gap_count: int


class Series(TypedDict):
    """The temperature curve of a probe with its limits and excursions; further apart than `max_interval_s` is a gap."""

    device: str
    probe: str | None
    points: list[SeriesPoint]
    low_c: float | None
    high_c: float | None
    max_interval_s: float
    excursions: list[Excursion]
    summary: SeriesSummary
    calibration: ProbeCalibration | None


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
        profile = read_version(found["body"]) if found["body"] else TemperatureProfile()
        body: dict[str, Any] = {
            "device": device,
            "probe": chosen[0]["probe"] if chosen else None,
            "points": [],
            "low_c": found["low_c"],
            "high_c": found["high_c"],
            "max_interval_s": profile.max_interval_s,
            "excursions": [],
            "calibration": None,
        }
        rows: F64 = np.empty((0, 2))
        if chosen:
            which = {"probe": chosen[0]["key"], "since": first, "until": last}
            where = {"device": device, "after_device": "", "after_probe": "", "before": None, "limit": 1000}
            known = await session.rows(queries("calibrations")["calibrations"], **where)
            mine = next((each for each in known if each["probe"] == body["probe"]), None)
            if mine is not None:
                body["calibration"] = shape(mine["calibration"], mine["since"], mine["by"], datetime.now(UTC))
            rows = await columns(session, "series", 2, device=found["key"], **which)
            body["excursions"] = [
                {
                    "id": str(x["id"]),
                    "kind": x["kind"],
                    "band": x["band"],
                    "severity": x["severity"],
                    "start": when(x["started_at"]),
                    "alarm_at": when(x["alarm_at"]),
                    "end": when(x["ended_at"]),
                    "extreme_c": x["extreme_c"],
                }
                for x in await session.rows(q["excursions"], **which)
            ]
    body["points"] = await asyncio.to_thread(_points, rows, max_points)
    body["summary"] = await asyncio.to_thread(_summary, profile, rows)
    return Json(body)


def _summary(profile: TemperatureProfile, rows: F64) -> SeriesSummary:
    """What is said of the curve, by what the profile says now."""
    t_us, temp_c = rows[:, 0].astype(np.int64), rows[:, 1]
    found = evaluate(profile, t_us, temp_c, accuracy_c=0.0)
    holes = np.flatnonzero(np.diff(t_us) > profile.max_interval_s * 1e6)
    gaps = [(rfc3339(int(t_us[at])), rfc3339(int(t_us[at + 1]))) for at in holes[:GAPS_MAX].tolist()]
    bands: list[SeriesBand] = [
        {
            "name": b.band.name,
            "op": b.band.op,
            "limit_c": b.band.limit_c,
            "severity": b.band.severity,
            "for_s": b.band.for_s,
            "used_s": b.used_s,
            "longest_s": b.longest_s,
        }
        for b in sorted(found.bands, key=lambda b: -b.band.limit_c)
    ]
    return {
        "readings": len(rows),
        "first_at": rfc3339(int(t_us[0])) if len(rows) else None,
        "last_at": rfc3339(int(t_us[-1])) if len(rows) else None,
        "min_c": number(found.min_c, 3),
        "max_c": number(found.max_c, 3),
        "mkt_c": number(found.mkt_c, 3),
        "known_s": found.known_s,
        "unknown_s": found.unknown_s,
        "bands": bands,
        "gaps": [{"start": start, "end": end} for start, end in gaps],
        "gap_count": len(holes),
    }


def _points(rows: F64, max_points: int) -> list[SeriesPoint]:
    kept = rows[keep_shape(rows[:, 0] / 1e6, rows[:, 1:], max_points)]
    return [{"t": rfc3339(int(time_us)), "temp_c": number(temp_c, 3)} for time_us, temp_c in kept]
