"""Spans of time and what was measured in them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import numpy as np
from fastapi import Query

from api.database import Session
from api.http.instants import QueryInstant
from api.http.problems import Problem
from domain import times
from domain.readings import F64
from store.db import queries

ROWS_MAX = 400_000
Since = Annotated[QueryInstant | None, Query(alias="from", description="RFC 3339; a day before `to` when left out")]
Until = Annotated[QueryInstant | None, Query(alias="to", description="RFC 3339; now when left out")]
PointsMax = Annotated[int, Query(ge=2, le=20_000)]


def span(since: datetime | None, until: datetime | None) -> tuple[datetime, datetime]:
    """A span of time from what was asked for: the last day by default.

    Raises:
        Problem: 422 when it ends before it begins or is longer than 31 days.
    """
    try:
        return times.span(since, until, now=datetime.now(UTC))
    except ValueError as error:
        raise Problem(422, str(error)) from None


async def columns(session: Session, query: str, width: int, **values: Any) -> F64:
    """Rows of a long answer as one array (n, width) of float64; null is NaN.

    Raises:
        Problem: 422, there are more than we look at at once.
    """
    return _few(await session.arrays(queries("api")[query], width, ROWS_MAX + 1, **values))


async def way_of(session: Session, vehicle: int, since: datetime, until: datetime) -> F64:
    """Where a vehicle, by its key, was: time (microseconds), latitude, longitude, m/s, heading, flags (n, 6).

    Raises:
        Problem: 422, there are more positions than we look at at once.
    """
    span = {"vehicle": vehicle, "since": since, "until": until}
    return _few(await session.packed(queries("api")["track"], 6, most=ROWS_MAX + 1, **span))


def _few(found: F64) -> F64:
    if len(found) > ROWS_MAX:
        raise Problem(422, f"more than {ROWS_MAX} readings: ask for a shorter span")
    return found


def number(value: float, digits: int) -> float | None:
    """A rounded number for JSON; NaN is null."""
    return None if np.isnan(value) else round(float(value), digits)
