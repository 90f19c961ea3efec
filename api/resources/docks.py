"""Doors of docks, and which vehicle stood at which door: told by people, late too, and mended."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import Path, Query, Request
from pydantic import ConfigDict, Field, model_validator
from starlette.responses import Response
from typing_extensions import TypedDict

from api.database import Row, Session
from api.http.audit import audit
from api.http.auth import OrderWorker, Reader, SiteKeeper
from api.http.context import context_of
from api.http.inputs import Name, ShipmentName, Strict, TellersName, Text
from api.http.instants import Instant
from api.http.jsons import Json, Time, when
from api.http.paging import Cursor, Items, Limit, Page, decode, shaped_page
from api.http.problems import OR_CHANGED, not_found, refusing
from api.http.routes import resource
from api.http.things import one
from api.resources.shared.docks import tell_docks
from api.resources.shared.exports import FILES, as_file
from api.resources.shared.ledger import Asked
from domain.times import to_us
from operations.loading.record import DockingTold, dock
from store.db import queries

router = resource(tags=["loading"])
SiteName = Annotated[str, Path(max_length=64)]
DockingName = Annotated[str, Path(max_length=64)]
SHIPMENTS_MAX = 50
NOTHING: dict[str, Any] = dict.fromkeys(("id", "site", "door", "vehicle", "since", "after", "after_at"))


class ZoneDockIn(Strict):
    """What a zone is at the dock: a `door` at which vehicles stand, a `staging` zone before doors; null: neither."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"dock": "door"}]})

    dock: Literal["door", "staging"] | None


class DockZone(TypedDict):
    """A zone and what it is at the dock."""

    site: str
    zone: str
    label: str
    dock: str | None


class DockingIn(Strict):
    """A vehicle stands at a door. Without `ended_at` until it leaves the site, or another docking of either begins.

    `shipments`: what is loaded then; none named: all that the vehicle is to carry from there.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "D-77",
                    "site": "dc-1",
                    "door": "door-2",
                    "vehicle": "truck-01",
                    "began_at": "2026-12-01T06:10:00Z",
                }
            ]
        }
    )

    id: TellersName
    site: Name
    door: Name
    vehicle: Name
    began_at: Instant
    ended_at: Instant | None = None
    shipments: Annotated[list[ShipmentName], Field(default_factory=list, max_length=SHIPMENTS_MAX)]
    version: Annotated[int, Field(ge=1, description="only if nobody has changed it since")] | None = None

    @model_validator(mode="after")
    def _in_order(self) -> DockingIn:
        if self.ended_at is not None and self.ended_at <= self.began_at:
            raise ValueError("ended_at: it is not after began_at")
        return self

    def told(self) -> DockingTold:
        """As operations are told."""
        names = tuple(dict.fromkeys(self.shipments))
        return DockingTold(
            self.id, self.site, self.door, self.vehicle, self.began_at, self.ended_at, names, self.version
        )  # fmt: skip


class Docking(TypedDict):
    """A vehicle at a door; `ended_at` null: it stands there. `told_end`: what somebody said of the end."""

    id: str
    site: str
    door: str
    vehicle: str
    shipments: list[str]
    began_at: Time | None
    ended_at: Time | None
    told_end: Time | None
    version: int
    told_at: Time | None
    told_by: str
    withdrawn_at: Time | None
    withdrawn_by: str | None
    withdrawn_why: str | None


def _docking(row: Row) -> Docking:
    return {
        "id": row["id"],
        "site": row["site"],
        "door": row["door"],
        "vehicle": row["vehicle"],
        "shipments": row["shipments"],
        "began_at": when(row["began_at"]),
        "ended_at": when(row["ended_at"]),
        "told_end": when(row["told_end"]),
        "version": row["version"],
        "told_at": when(row["told_at"]),
        "told_by": row["told_by"],
        "withdrawn_at": when(row["withdrawn_at"]),
        "withdrawn_by": row["withdrawn_by"],
        "withdrawn_why": row["withdrawn_why"],
    }


def _zone(row: Row) -> DockZone:
    return {"site": row["site"], "zone": row["zone"], "label": row["label"], "dock": row["dock"]}


@router.get("/docks", response_model=Items[DockZone])
async def list_docks(request: Request, caller: Reader, site: Asked = None, limit: Limit = 200) -> Json:
    """Doors and staging zones, of a site or all; 1000 at most."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        found = await session.rows(queries("loading")["dock_zones"], site=site, limit=limit)
    return Page([_zone(row) for row in found])


@router.get("/sites/{site_id}/zones/{zone_id}/dock", response_model=DockZone)
async def get_dock(request: Request, caller: Reader, site_id: SiteName, zone_id: SiteName) -> Json:
    """What a zone is at the dock."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        row = await session.row(queries("loading")["zone_dock"], site=site_id, zone=zone_id)
    if row is None:
        raise not_found()
    return one(request, _zone(row))


@router.put("/sites/{site_id}/zones/{zone_id}/dock", response_model=DockZone)
async def put_dock(
    request: Request, caller: SiteKeeper, site_id: SiteName, zone_id: SiteName, given: ZoneDockIn
) -> Json:
    """Says what a zone is at the dock. Antennas of a door's portal are numbered from the inside outwards."""
    q = queries("loading")
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        row = await session.row(q["zone_dock"], site=site_id, zone=zone_id)
        if row is None:
            raise not_found()
        if row["dock"] != given.dock:
            await session.run(q["put_zone_dock"], key=row["key"], dock=given.dock)
            await audit(session, caller, "zone.dock", f"{site_id}/{zone_id}", dock=given.dock)
        row = await session.row(q["zone_dock"], site=site_id, zone=zone_id)
    return one(request, _zone(row or {}))


@router.get("/dockings", response_model=Items[Docking], responses=FILES)
@as_file("dockings", Docking)
async def list_dockings(
    request: Request,
    caller: Reader,
    site: Asked = None,
    door: Asked = None,
    vehicle: Asked = None,
    now: Annotated[bool, Query(description="only vehicles that stand at a door now")] = False,  # noqa: FBT002
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Json:
    """Which vehicles stood at doors, the newest first."""
    after_at, after = decode(cursor, (str, int)) if cursor else (None, None)
    asked = {"site": site, "door": door, "vehicle": vehicle, "since": datetime.now(UTC) if now else None}
    page = {"after": after, "after_at": after_at, "limit": limit + 1}
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        found = await session.rows(queries("loading")["dockings"], **{**NOTHING, **asked, **page})
    return shaped_page(request, found, limit, lambda row: [row["began_at"].isoformat(), row["key"]], _docking)


async def _one(session: Session, name: str) -> Row:
    row = await session.row(queries("loading")["dockings"], **{**NOTHING, "id": name, "limit": 1})
    if row is None:
        raise not_found()
    return row


@router.get("/dockings/{docking_id}", response_model=Docking)
async def get_docking(request: Request, caller: Reader, docking_id: DockingName) -> Json:
    """One docking, one that was taken back too."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        row = await _one(session, docking_id)
    return one(request, _docking(row), live={"ended_at"})


@router.post("/dockings", response_model=Docking, status_code=201, responses=OR_CHANGED)
async def post_docking(request: Request, caller: OrderWorker, given: DockingIn) -> Json:
    """A vehicle stands, or stood, at a door (201); told again with other times it is mended (200). Loads follow it.

    409: another vehicle stood there then, the vehicle stood elsewhere, or somebody has changed it since `version`.
    """
    q = queries("loading")
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        with refusing():
            outcome = await session.perform(dock(given.told(), to_us(datetime.now(UTC)), caller.user), q)
        if outcome != "same":
            action = "docking.create" if outcome == "created" else "docking.change"
            await audit(session, caller, action, given.id, **given.model_dump(mode="json", exclude_none=True))
        row = await _one(session, given.id)
        if outcome != "same":
            await tell_docks(session, [row["site"]])
    return one(request, _docking(row), 201 if outcome == "created" else 200, live={"ended_at"})


@router.delete("/dockings/{docking_id}", status_code=204)
async def delete_docking(
    request: Request, caller: OrderWorker, docking_id: DockingName, reason: Annotated[Text, Query(description="why")]
) -> Response:
    """It never was so: what was said of loads by it is taken back."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        q = queries("loading")
        if await session.row(q["withdraw_docking"], id=docking_id, by=caller.user, reason=reason) is None:
            raise not_found()
        await audit(session, caller, "docking.withdraw", docking_id, reason=reason)
        await tell_docks(session, [(await _one(session, docking_id))["site"]])
    return Response(status_code=204)
