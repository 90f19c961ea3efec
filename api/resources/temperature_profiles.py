"""Temperature profiles: the limits that devices and shipments are held to."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from typing_extensions import TypedDict

from api.database import Row, Session
from api.http.auth import Admin, Anybody
from api.http.context import context_of
from api.http.inputs import ProfileIn
from api.http.jsons import Json, when
from api.http.paging import Cursor, Items, Limit, decode, shaped_page
from api.http.problems import Problem
from api.resources.shared.actions import audit
from store.db import queries
from store.profiles import STANDARD

router = APIRouter()


class TemperatureProfile(TypedDict):
    """Limits; an alarm after `for_s` beyond them, over when `hysteresis_c` inside; a gap after `max_interval_s`."""

    id: str
    low_c: float | None
    high_c: float | None
    for_s: float
    hysteresis_c: float
    max_interval_s: float
    retired_at: str | None


@router.get("/profiles", tags=["profiles"], response_model=Items[TemperatureProfile])
async def list_profiles(request: Request, caller: Anybody, limit: Limit = 200, cursor: Cursor = None) -> Json:
    """Temperature profiles by name, retired ones too. `chilled`, `frozen` and `ambient` are made when first wanted."""
    after = decode(cursor, (str,))[0] if cursor else ""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        found = await session.rows(queries("api")["profiles"], after=after, limit=limit + 1)
    return shaped_page(request, found, limit, lambda p: [p["id"]], _shape)


@router.post("/profiles", tags=["profiles"], response_model=TemperatureProfile, status_code=201)
async def post_profile(request: Request, caller: Admin, given: ProfileIn) -> Json:
    """Makes a temperature profile. What was decided by one stays so: it is not changed, another is given instead."""
    values = given.model_dump()
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        row = await session.row(queries("registry")["add_profile"], **values)
        if row is None:
            raise Problem(409, f"id: profile {given.id} is there already: make one of another name")
        await audit(session, caller, "profile.create", given.id, **values)
        await session.run(queries("registry")["notify_registry"])
    return Json(_shape(row), 201)


async def profile_id(session: Session, name: str) -> int:
    """Key of a temperature profile; a standard one is made when it is first wanted.

    Raises:
        Problem: 422, there is none of this name.
    """
    row = await session.row(queries("registry")["profile_id"], name=name)
    if row is None and name in STANDARD:
        row = await session.row(queries("registry")["put_profile"], name=name, **STANDARD[name]._asdict())
    if row is None:
        known = ", ".join(STANDARD)
        raise Problem(422, f"profile: there is no {name}: one of {known}, or your own by POST /profiles")
    return int(row["id"])


def _shape(row: Row) -> dict[str, Any]:
    return {**row, "retired_at": when(row["retired_at"])}
