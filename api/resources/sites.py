"""Sites: places with a fence, and their zones. A POST makes what is new (201) and changes what is there (200)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import orjson
from fastapi import Request
from pydantic import AfterValidator, ConfigDict, Field, model_validator
from starlette.responses import Response, StreamingResponse

from api.database import Session
from api.feed.emit import emit, put
from api.http.audit import audit
from api.http.auth import Reader, SiteKeeper
from api.http.caller import Caller
from api.http.context import context_of
from api.http.inputs import Latitude, Longitude, Name, Strict, Text, zone_name
from api.http.jsons import Json
from api.http.paging import Cursor, Items, Limit, decode, page
from api.http.problems import OR_CHANGED, not_found
from api.http.routes import resource
from api.http.things import one
from api.resources.shared.areas import AreaIn, CorridorIn
from api.resources.shared.exports import FILES, as_file
from api.resources.shared.imports import cells
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
from api.resources.shared.imports.files import Columns
from api.resources.shared.sites import Site, read_sites
from api.resources.shared.within import Within
from domain.epc.keys import completed
from store.db import queries

router = resource(tags=["sites"])
LIVE = {"temps"}
"""What changes by itself."""


def _gln(text: str) -> str:
    if len(text) != 13 or not (text.isascii() and text.isdigit()):
        raise ValueError("a GLN has 13 digits")
    if completed(text[:12]) != text:
        raise ValueError(f"its check digit is {completed(text[:12])[-1]}, not {text[-1]}")
    return text


class ZoneIn(Strict):
    """A part of a site."""

    id: Name
    label: Text | None = None


class SiteIn(Strict):
    """A site, new or changed: a circle, a polygon, or all that is within its radius of the line of a corridor.

    A visit counts when it lasted `dwell_s`.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "store-7",
                    "label": "Harbour store",
                    "kind": "store",
                    "lat": 60.17,
                    "lon": 24.94,
                    "radius_m": 150,
                    "tz": "Europe/Helsinki",
                    "zones": [{"id": "cold-room", "label": "Cold room"}],
                }
            ]
        }
    )

    id: Name
    label: Text | None = None
    kind: Literal["dc", "store", "customer", "depot"]
    lat: Latitude
    lon: Longitude
    radius_m: Annotated[float, Field(ge=10, le=100_000)] = 150.0
    polygon: AreaIn | None = None
    corridor: CorridorIn | None = None
    dwell_s: Annotated[float, Field(ge=0, le=86_400)] = 0.0
    tz: Annotated[str, AfterValidator(zone_name)] = "UTC"
    gln: Annotated[str, AfterValidator(_gln)] | None = Field(None, description="stays as it is when it is not given")
    zones: list[ZoneIn] = Field([], max_length=200)

    @model_validator(mode="after")
    def _one_shape(self) -> SiteIn:
        if self.polygon and self.corridor:
            raise ValueError("a site is a polygon or a corridor, not both")
        for shape in (self.polygon, self.corridor):
            if shape is not None:
                shape.belongs_to(self.lat, self.lon)
        return self


@router.get("/sites", response_model=Items[Site], responses=FILES)
@as_file("sites", Site)
async def list_sites(
    request: Request, caller: Reader, within: Within, limit: Limit = 200, cursor: Cursor = None
) -> Json:
    """Sites by name with zones and temperatures, all or those whose middle is where it is asked for."""
    after = decode(cursor, (str,))[0] if cursor else ""
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        found = await read_sites(session, after=after, limit=limit + 1, within=within)
    return page(request, found, limit, lambda s: [s["id"]])


@router.get("/sites/{site_id}", response_model=Site)
async def get_site(request: Request, caller: Reader, site_id: str) -> Json:
    """One site, a retired one too."""
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        found = await read_sites(session, name=site_id, retired=True)
    if not found:
        raise not_found()
    return one(request, found[0], live=LIVE)


@router.post("/sites", response_model=Site, status_code=201, responses=OR_CHANGED)
async def post_site(request: Request, caller: SiteKeeper, given: SiteIn) -> Json:
    """Makes or changes a site; zones that are not named stay."""
    q = queries("registry")
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        new = await session.row(q["ensure_site"], name=given.id) is None
        row = await session.row(
            q["put_site"],
            name=given.id,
            label=given.label or given.id,
            kind=given.kind,
            lat=given.lat,
            lon=given.lon,
            radius_m=given.radius_m,
            polygon=orjson.dumps(given.polygon.model_dump()).decode() if given.polygon else None,
            corridor=orjson.dumps(given.corridor.model_dump()).decode() if given.corridor else None,
            dwell_s=given.dwell_s,
            tz=given.tz,
        )
        if given.gln is not None:
            await session.run(q["put_glns"], names=[given.id], glns=[given.gln])
        for zone in given.zones:
            await session.row(q["put_zone"], site=(row or {})["id"], name=zone.id, label=zone.label or zone.id)
        await audit(session, caller, "site.create" if new else "site.change", given.id, **given.model_dump())
        await session.run(q["notify_registry"])
        site = (await read_sites(session, name=given.id))[0]
        await emit(session, sites=[put(given.id, site)])
    return one(request, site, 201 if new else 200, live=LIVE)


async def _there(session: Session, names: list[str]) -> dict[str, Known]:
    rows = await session.rows(queries("imports")["sites_there"], names=names)
    found = {}
    for row in rows:
        zones = [{"id": name, "label": label} for name, label in (row["zones"] or {}).items()]
        values = {**{name: row[name] for name in row.keys() - {"key", "retired"}}, "zones": zones}
        found[row["id"]] = Known(values, "it is retired: restore it first" if row["retired"] else "")
    return found


async def _settle(session: Session, entries: list[Entry]) -> Settled:
    """Zones that are not named stay; those that are named may be there already."""
    del session
    return {entry.key: SAME for entry in entries if entry.known is not None and _alike(entry.values, entry.known)}


def _alike(given: dict[str, Any], known: dict[str, Any]) -> bool:
    labels = {zone["id"]: zone["label"] for zone in known["zones"]}
    zones = all(zone["id"] in labels and zone["label"] in (None, labels[zone["id"]]) for zone in given["zones"])
    return zones and all(
        value == known[name] for name, value in given.items() if name != "zones" and (name, value) != ("gln", None)
    )


async def _put(session: Session, caller: Caller, entries: list[Entry]) -> None:
    del caller
    q = queries("imports")
    rows = ({**entry.values, "label": entry.values["label"] or entry.key} for entry in entries)
    await session.run(q["put_sites"], rows=as_rows(rows))
    if glns := {entry.key: entry.values["gln"] for entry in entries if entry.values["gln"] is not None}:
        await session.run(queries("registry")["put_glns"], names=list(glns), glns=list(glns.values()))
    zones = {(e.key, zone["id"]): zone["label"] or zone["id"] for e in entries for zone in e.values["zones"]}
    if zones:
        named = ({"site": site, "id": name, "label": label} for (site, name), label in zones.items())
        await session.run(q["put_zones"], rows=as_rows(named))


async def _tell(session: Session, entries: list[Entry]) -> None:
    found = await read_sites(session, names=[entry.key for entry in entries])
    await emit(session, sites=[put(site["id"], site) for site in found])


KIND = Kind(
    "site",
    "id",
    SiteIn,
    Columns(
        {
            **dict.fromkeys(("id", "label", "kind"), cells.text),
            **dict.fromkeys(("lat", "lon", "radius_m", "dwell_s"), cells.number),
            "tz": cells.text,
            "gln": cells.text,
        },
        needed=("id",),
        aliases={
            "site": "id", "name": "label", "title": "label", "type": "kind", "latitude": "lat", "lng": "lon",
            "long": "lon", "longitude": "lon", "radius": "radius_m", "timezone": "tz",
        },
    ),
    _there,
    _put,
    _tell,
    _settle,
)  # fmt: skip


@router.post(
    "/sites/import",
    response_class=StreamingResponse,
    responses=ANSWER,
    openapi_extra=documented("id,label,kind,lat,lon\r\nstore-7,Harbour store,store,60.17,24.94\r\n"),
)
async def import_sites(request: Request, caller: SiteKeeper, way: Asked) -> Response:
    """Sites of a file: CSV, a workbook, or JSON on each line (with polygons, corridors, zones); see the guide."""
    return await bring(request, caller, KIND, way)
