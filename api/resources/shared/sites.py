"""Sites as they are shown: several resources show them when they change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from typing_extensions import TypedDict

from api.database import Row, Session
from api.resources.shared.probes import Temp, probe_shape
from api.resources.shared.rows import grouped
from api.resources.shared.within import EVERYWHERE
from store.db import queries


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
    gln: str | None
    zones: list[Zone]
    temps: list[Temp]


def _shape(row: Row, zones: list[Zone], temps: list[Temp]) -> Site:
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
        "gln": row["gln"],
        "zones": zones,
        "temps": temps,
    }


def _zone(row: Row) -> Zone:
    return {"id": row["id"], "label": row["label"]}


async def read_sites(
    session: Session,
    *,
    after: str = "",
    name: str | None = None,
    names: list[str] | None = None,
    retired: bool = False,
    limit: int | None = None,
    within: Mapping[str, Any] = EVERYWHERE,
) -> list[Site]:
    """Sites by name with zones and temperatures."""
    q = queries("api")
    rows = await session.rows(q["sites"], after=after, name=name, names=names, retired=retired, limit=limit, **within)
    keys = [row["key"] for row in rows]
    if not keys:
        return []
    zones = grouped(await session.rows(q["zones"], sites=keys), "site_id", _zone)
    temps = grouped(await session.rows(q["temps"], vehicles=[], sites=keys), "site_id", probe_shape)
    return [_shape(row, zones.get(row["key"], []), temps.get(row["key"], [])) for row in rows]
