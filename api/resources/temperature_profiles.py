"""Temperature profiles: the limits that devices and shipments are held to."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Request
from pydantic import ConfigDict, Field, model_validator
from typing_extensions import TypedDict

from api.database import Row
from api.http.audit import audit
from api.http.auth import ProfileKeeper, Reader
from api.http.context import context_of
from api.http.inputs import Celsius, Name, Strict
from api.http.jsons import Json, when
from api.http.paging import Cursor, Items, Limit, decode, shaped_page
from api.http.problems import Problem, not_found
from api.http.routes import resource
from api.http.things import one
from store.db import queries
from store.profiles import NONE, Limits

router = resource()
LIVE = {"devices", "shipments"}
"""What changes by itself."""


class ProfileIn(Strict):
    """Limits for what is carried: `low_c`, `high_c` or both; the alarm comes after `for_s` beyond them."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"id": "salad", "low_c": 1, "high_c": 5, "for_s": 900}]})

    id: Name
    low_c: Celsius | None = None
    high_c: Celsius | None = None
    for_s: Annotated[float, Field(ge=0, le=86_400)] = 600.0
    hysteresis_c: Annotated[float, Field(ge=0, le=50)] = 0.3
    max_interval_s: Annotated[float, Field(gt=0, le=604_800)] = 900.0

    @model_validator(mode="after")
    def _some_limit(self) -> ProfileIn:
        if self.id == NONE:
            raise ValueError(f"id: {NONE} stands for no profile")
        if problem := Limits(self.low_c, self.high_c).problem():
            raise ValueError(problem)
        return self


class TemperatureProfile(TypedDict):
    """Limits; an alarm after `for_s` beyond them, over when `hysteresis_c` inside; a gap after `max_interval_s`.

    `devices`, `shipments`: how many that speak, or are under way, have it now.
    """

    id: str
    low_c: float | None
    high_c: float | None
    for_s: float
    hysteresis_c: float
    max_interval_s: float
    retired_at: str | None
    devices: int
    shipments: int


@router.get("/profiles", tags=["profiles"], response_model=Items[TemperatureProfile])
async def list_profiles(request: Request, caller: Reader, limit: Limit = 200, cursor: Cursor = None) -> Json:
    """Temperature profiles by name, retired ones too. `chilled`, `frozen` and `ambient` are made when first wanted."""
    after = decode(cursor, (str,))[0] if cursor else ""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        found = await session.rows(queries("api")["profiles"], after=after, name=None, limit=limit + 1)
    return shaped_page(request, found, limit, lambda p: [p["id"]], _shape)


@router.get("/profiles/{profile_id}", tags=["profiles"], response_model=TemperatureProfile)
async def get_profile(request: Request, caller: Reader, profile_id: str) -> Json:
    """One temperature profile, a retired one too."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        row = await session.row(queries("api")["profiles"], after="", name=profile_id, limit=1)
    if row is None:
        raise not_found()
    return one(request, _shape(row), live=LIVE)


@router.post("/profiles", tags=["profiles"], response_model=TemperatureProfile, status_code=201)
async def post_profile(request: Request, caller: ProfileKeeper, given: ProfileIn) -> Json:
    """Makes a temperature profile. What was decided by one stays so: it is not changed, another is given instead."""
    values = given.model_dump()
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        row = await session.row(queries("registry")["add_profile"], **values)
        if row is None:
            raise Problem(409, f"id: profile {given.id} is there already: make one of another name")
        await audit(session, caller, "profile.create", given.id, **values)
        await session.run(queries("registry")["notify_registry"])
    return one(request, _shape(row), 201, live=LIVE)


def _shape(row: Row) -> dict[str, Any]:
    return {**row, "retired_at": when(row["retired_at"])}
