"""Ways that vehicles went: their points, and as GeoJSON."""

from __future__ import annotations

from typing import Any

import numpy as np
from typing_extensions import TypedDict

from api.resources.shared.simplify import cut_at_180, keep_shape, metres
from api.resources.shared.spans import number
from domain.readings import F64, WRONG_TIME, Flag
from domain.times import rfc3339

GEOJSON = "application/geo+json"
NOT_DRIVEN = int(WRONG_TIME | Flag.NULL_ISLAND | Flag.INACCURATE | Flag.SWAPPED | Flag.TELEPORT)
"""Flags of positions that are on no way."""


class TrackPoint(TypedDict):
    """A position; `flags` say what is odd about it."""

    t: str
    lat: float
    lon: float
    speed_mps: float | None
    heading_deg: float | None
    flags: list[str]


def simplified(found: F64, max_points: int) -> F64:
    """Rows of `track` that keep its shape."""
    return found[keep_shape(found[:, 0] / 1e6, metres(found[:, 1], found[:, 2]), max_points)]


def points_of(rows: F64) -> list[TrackPoint]:
    """Rows of `track` as they are shown."""
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


def feature(vehicle: str, found: F64, max_points: int) -> dict[str, Any]:
    """A GeoJSON feature (RFC 7946) with the times of its positions beside, in their order over all lines.

    A way over 180 degrees is cut there; the two positions of a cut have its time, and neither speed nor flags.
    """
    kept = simplified(found, max_points)
    lat, lon = np.round(kept[:, 1], 7), np.round(kept[:, 2], 7)
    lines, rows, time_us = cut_at_180(kept[:, 0], lat, lon)
    points = points_of(kept)
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
