"""Where devices were and when: the history, a move, a correction. What a correction changes is folded again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import Request
from pydantic import ConfigDict, Field, model_validator
from typing_extensions import TypedDict

from api.database import Session
from api.http.audit import audit
from api.http.auth import DeviceKeeper, Reader
from api.http.caller import Caller
from api.http.context import context_of
from api.http.inputs import Name, Strict
from api.http.instants import Instant
from api.http.jsons import Json, when
from api.http.paging import Items, page
from api.http.problems import Problem, key_of, not_found
from api.http.routes import resource
from store.db import queries

router = resource(tags=["devices"])

ASSIGNMENTS_MAX = 1000
CLOCKS = timedelta(minutes=5)  # a caller's clock may be ahead of ours by so much


class AssignmentIn(Strict):
    """Where a device was from a time (now, when nothing is said) until a time (still), whatever was known before.

    `since_ever` in place of `from`. Nowhere when neither `vehicle` nor `site` is named.
    """

    model_config = ConfigDict(
        populate_by_name=True, json_schema_extra={"examples": [{"vehicle": "truck-02", "from": "2026-11-22T10:00:00Z"}]}
    )

    vehicle: Name | None = None
    site: Name | None = None
    zone: Name | None = None
    since: Annotated[Instant | None, Field(alias="from")] = None
    until: Annotated[Instant | None, Field(alias="to")] = None
    since_ever: bool = False

    @model_validator(mode="after")
    def _one_place(self) -> AssignmentIn:
        if self.vehicle and self.site:
            raise ValueError("a device is on a vehicle or at a site, not both")
        if self.zone and not self.site:
            raise ValueError("a zone needs its site")
        if self.since and self.since_ever:
            raise ValueError("from, or since_ever, not both")
        if self.since and self.until and self.since >= self.until:
            raise ValueError("to: not after from")
        return self


Assignment = TypedDict(
    "Assignment",
    {
        "id": str,
        "vehicle": str | None,
        "site": str | None,
        "zone": str | None,
        "from": str | None,
        "to": str | None,
        "recorded_at": str | None,
        "recorded_by": str,
    },
)
"""Where a device was; `from` null: since ever, `to` null: still."""

Aboard = TypedDict("Aboard", {"id": str, "kind": str, "from": str | None})
"""A device on a vehicle, and since when; null: since ever."""


@router.get("/devices/{device_id}/assignments", response_model=Items[Assignment])
async def list_assignments(request: Request, caller: Reader, device_id: str) -> Json:
    """Where a device was and when, the newest first."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        found = await _history(session, await _device(session, device_id))
    return page(request, found, ASSIGNMENTS_MAX, lambda a: [a["id"]])


@router.post("/devices/{device_id}/assignments", response_model=Items[Assignment], status_code=201)
async def assign(request: Request, caller: DeviceKeeper, device_id: str, given: AssignmentIn) -> Json:
    """Says where a device was from a time until a time, in place of what was known of that time; the history after it.

    Readings count for the vehicle or site of their event time: tracks, trips, visits and verdicts of all vehicles that
    gain or lose some are derived again.
    """
    now = datetime.now(UTC)
    since = None if given.since_ever else given.since or now
    if since and since > now + CLOCKS:
        raise Problem(422, "from: in the future; say it when it has happened")
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        device = await _device(session, device_id)
        place = {
            "vehicle": await _key(session, "vehicle", given.vehicle),
            "site": await _key(session, "site", given.site),
        }
        place["zone"] = await _zone(session, place["site"], given.zone)
        await _reassign(session, caller, device, since=since, until=given.until, **place)
        await audit(session, caller, "device.assign", device_id, **given.model_dump(mode="json", exclude_none=True))
        found = await _history(session, device)
    answer = page(request, found, ASSIGNMENTS_MAX, lambda a: [a["id"]])
    answer.status_code = 201
    return answer


@router.delete("/devices/{device_id}/assignments/{assignment_id}", response_model=Items[Assignment])
async def remove_assignment(request: Request, caller: DeviceKeeper, device_id: str, assignment_id: str) -> Json:
    """The device was not there, nor anywhere else that is known; the history after it."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        device = await _device(session, device_id)
        rows = await session.rows(
            queries("registry")["device_assignments"], device=device, id=key_of(assignment_id), limit=1
        )
        if not rows:
            raise not_found()
        span = {"since": rows[0]["since"], "until": rows[0]["until"]}
        await _reassign(session, caller, device, vehicle=None, site=None, zone=None, **span)
        said = {name: rows[0][name] for name in ("vehicle", "site", "zone")}
        await audit(session, caller, "device.unassign", device_id, **said, **{k: when(v) for k, v in span.items()})
        found = await _history(session, device)
    return page(request, found, ASSIGNMENTS_MAX, lambda a: [a["id"]])


@router.get("/vehicles/{vehicle_id}/devices", response_model=Items[Aboard])
async def list_aboard(request: Request, caller: Reader, vehicle_id: str) -> Json:
    """Devices that are on a vehicle now, and since when."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        vehicle = await session.row(queries("registry")["vehicle_id"], name=vehicle_id)
        if vehicle is None:
            raise not_found()
        rows = await session.rows(queries("registry")["aboard"], vehicle=vehicle["id"])
    found = [{"id": r["id"], "kind": r["kind"], "from": when(r["since"])} for r in rows]
    return page(request, found, ASSIGNMENTS_MAX, lambda a: [a["id"]])


async def _reassign(session: Session, caller: Caller, device: int, **values: Any) -> None:
    await session.row(queries("registry")["reassign"], device=device, by=caller.user, **values)


async def _history(session: Session, device: int) -> list[Assignment]:
    rows = await session.rows(queries("registry")["device_assignments"], device=device, id=None, limit=ASSIGNMENTS_MAX)
    return [
        {
            "id": str(r["id"]),
            "vehicle": r["vehicle"],
            "site": r["site"],
            "zone": r["zone"],
            "from": when(r["since"]),
            "to": when(r["until"]),
            "recorded_at": when(r["recorded_at"]),
            "recorded_by": r["recorded_by"],
        }
        for r in rows
    ]


async def _device(session: Session, name: str) -> int:
    row = await session.row(queries("registry")["device_id"], name=name)
    if row is None:
        raise not_found()
    return int(row["id"])


async def _key(session: Session, kind: str, name: str | None) -> int | None:
    if name is None:
        return None
    row = await session.row(queries("registry")[f"{kind}_id"], name=name)
    if row is None:
        raise Problem(422, f"{kind}: there is no {name}; add it first")
    return int(row["id"])


async def _zone(session: Session, site: int | None, name: str | None) -> int | None:
    if name is None or site is None:
        return None
    row = await session.row(queries("api")["zone_key"], site=site, name=name)
    if row is None:
        raise Problem(422, f"zone: the site has no {name}; add it first")
    return int(row["id"])
