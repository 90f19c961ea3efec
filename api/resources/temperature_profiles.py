"""Temperature profiles: what devices and shipments are held to, as it changed, and ready-made ones."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Path, Request
from pydantic import AfterValidator, ConfigDict, Field, model_validator
from typing_extensions import TypedDict

from api.database import Row, Session
from api.http.audit import audit
from api.http.auth import ProfileKeeper, Reader
from api.http.context import context_of
from api.http.inputs import Name, printable
from api.http.instants import Instant
from api.http.jsons import Json, when
from api.http.paging import Cursor, Items, Limit, decode, shaped_page
from api.http.problems import Problem, not_found
from api.http.routes import resource
from api.http.things import one
from api.resources.shared.profile_bodies import BodyIn, profile_in
from domain.cold_chain.parsing import body_of, short_of
from domain.cold_chain.profile import (
    Aggregation,
    GapCharge,
    Mode,
    Op,
    Phase,
    Placement,
    Reset,
    Severity,
)
from domain.cold_chain.ready_made import READY_MADE
from store.db import queries
from store.profiles import READY_MADE_PATH, RESERVED, read_version, version_values

router = resource(tags=["profiles"])
LIVE = {"devices", "shipments"}
"""What changes by itself."""

ProfileName = Annotated[str, Path(max_length=64)]


class ProfileIn(BodyIn):
    """A new temperature profile, or one like a ready-made one but for what else is said."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"id": "salad", "low_c": 1, "high_c": 5, "for_s": 900},
                {
                    "id": "serum",
                    "low_c": 2,
                    "high_c": 8,
                    "bands": [
                        {"name": "warm", "op": ">", "limit_c": 8, "for_s": 600, "severity": "warning"},
                        {
                            "name": "too long",
                            "op": ">",
                            "limit_c": 8,
                            "for_s": 7200,
                            "mode": "cumulative",
                            "reset": "shipment",
                        },
                        {"name": "frost", "op": "<=", "limit_c": -0.5, "for_s": 3600},
                    ],
                    "mkt": {"limit_c": 8, "window_s": 86400},
                    "suppress": {"door_open": True, "defrost_s": 600},
                    "tz": "Europe/Helsinki",
                },
                {"id": "vaccine", "ready_made": "pharma-2-8"},
            ]
        }
    )

    id: Name
    ready_made: Annotated[str, Field(max_length=64)] | None = None

    @model_validator(mode="after")
    def _free_name(self) -> ProfileIn:
        if self.id in RESERVED:
            raise ValueError(f"id: {' and '.join(RESERVED)} are no names of profiles")
        return self


class VersionIn(BodyIn):
    """What a profile is to say from `valid_from` on, by the time of readings; from now on when that is left out."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"low_c": 1, "high_c": 6, "for_s": 600, "note": "new contract"}]}
    )

    valid_from: Instant | None = None
    note: Annotated[str, AfterValidator(printable), Field(max_length=300)] = ""


class Band(TypedDict):
    """A condition, and how long it may last."""

    name: str
    op: Op
    limit_c: float
    for_s: float
    mode: Mode
    reset: Reset
    reset_at: str
    window_s: float | None
    severity: Severity
    clear_c: float
    phases: list[Phase]


class Mkt(TypedDict):
    """A limit of the mean kinetic temperature over a window."""

    limit_c: float
    window_s: float
    placement: Placement
    delta_h_kj_per_mol: float


class Suppression(TypedDict):
    """When nobody is told."""

    door_open: bool
    defrost_s: float | None
    precondition_s: float
    counts: bool


class Schedule(TypedDict):
    """When it holds."""

    days: list[int]
    begins: str
    ends: str


class ProfileBody(TypedDict):
    """What goods may be exposed to."""

    low_c: float | None
    high_c: float | None
    bands: list[Band]
    mkt: Mkt | None
    max_interval_s: float
    accuracy_c: float
    accuracy_class: str
    gap_charge: GapCharge
    aggregation: Aggregation
    coverage: float
    suppress: Suppression
    schedule: Schedule | None
    tz: str
    source: str
    edition: str


class TemperatureProfile(ProfileBody):
    """A profile as it is now. `for_s`, `hysteresis_c`: of the first band at an end of the range, else of the soonest.

    `valid_from` null: since ever; `next_from`: when a later version begins. `devices`, `shipments`: how many that
    speak, or are under way, have it now.
    """

    id: str
    for_s: float
    hysteresis_c: float
    version: int
    valid_from: str | None
    next_from: str | None
    retired_at: str | None
    devices: int
    shipments: int


class ProfileVersion(TypedDict):
    """What a profile says, or said, of readings from `valid_from` on (null: since ever)."""

    version: int
    valid_from: str | None
    note: str
    made_by: str
    made_at: str | None
    profile: ProfileBody


class MadeVersion(ProfileVersion):
    """A version that was made, and in words what it does not touch."""

    stays: str


class ReadyMade(TypedDict):
    """A profile to be taken, with the source of its numbers."""

    id: str
    title: str
    profile: ProfileBody


class ReadyMades(TypedDict):
    """All of them."""

    items: list[ReadyMade]


@router.get("/profiles", response_model=Items[TemperatureProfile])
async def list_profiles(request: Request, caller: Reader, limit: Limit = 200, cursor: Cursor = None) -> Json:
    """Temperature profiles by name, retired ones too. `chilled`, `frozen` and `ambient` are made when first wanted."""
    after = decode(cursor, (str,))[0] if cursor else ""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        found = await session.rows(queries("api")["profiles"], after=after, name=None, limit=limit + 1)
    return shaped_page(request, found, limit, lambda p: [p["id"]], _shape)


@router.get(f"/profiles/{READY_MADE_PATH}", response_model=ReadyMades)
async def list_ready_made_profiles(caller: Reader) -> Json:
    """Profiles to be taken by `ready_made`, each with its source; whoever takes one answers for its numbers."""
    del caller
    items = [{"id": key, "title": r.title, "profile": body_of(r.profile)} for key, r in READY_MADE.items()]
    return Json({"items": items})


@router.get("/profiles/{profile_id}", response_model=TemperatureProfile)
async def get_profile(request: Request, caller: Reader, profile_id: str) -> Json:
    """One temperature profile, a retired one too."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        shape = await _read(session, profile_id)
    if shape is None:
        raise not_found()
    return one(request, shape, live=LIVE)


@router.post("/profiles", response_model=TemperatureProfile, status_code=201)
async def post_profile(request: Request, caller: ProfileKeeper, given: ProfileIn) -> Json:
    """Makes a temperature profile. What was decided by one stays so, also when a later version says another thing."""
    profile = profile_in({**_ready_made(given.ready_made), **given.body()})
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        row = await session.row(queries("registry")["add_profile"], name=given.id)
        if row is None:
            raise Problem(409, f"id: profile {given.id} is there already: make one of another name")
        values = version_values(profile, caller.user)
        await session.row(queries("registry")["add_profile_version"], profile=row["id"], **values)
        await audit(session, caller, "profile.create", given.id, **body_of(profile))
        await session.run(queries("registry")["notify_registry"])
        shape = await _read(session, given.id)
    return one(request, shape or {}, 201, live=LIVE)


@router.get("/profiles/{profile_id}/versions", response_model=Items[ProfileVersion])
async def list_profile_versions(
    request: Request, caller: Reader, profile_id: ProfileName, limit: Limit = 200, cursor: Cursor = None
) -> Json:
    """What a profile said and when, the newest first; of a retired one too."""
    before = decode(cursor, (int,))[0] if cursor else None
    q = queries("registry")
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        row = await session.row(q["profile_id"], name=profile_id)
        if row is None:
            raise not_found()
        found = await session.rows(q["profile_versions"], profile=row["id"], before=before, limit=limit + 1)
    return shaped_page(request, found, limit, lambda v: [v["version"]], _version)


@router.post("/profiles/{profile_id}/versions", response_model=MadeVersion, status_code=201)
async def post_profile_version(
    request: Request, caller: ProfileKeeper, profile_id: ProfileName, given: VersionIn
) -> Json:
    """Says anew, and whole, what a profile asks, from now or later on. What was decided before stays as it was."""
    profile, q = profile_in(given.body()), queries("registry")
    if given.valid_from is not None and given.valid_from < datetime.now(UTC):
        raise Problem(422, "valid_from: from now or later on, as what was decided stays; leave it out for now")
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        row = await session.row(q["lock_profile"], name=profile_id)
        if row is None:
            raise not_found()
        values = version_values(profile, caller.user, valid_from=given.valid_from, note=given.note)
        made = await session.row(q["add_profile_version"], profile=row["id"], **values)
        if made is None:
            raise Problem(409, "this is what its newest version says: nothing was changed")
        since = when(made["valid_from"])
        about = {"version": made["version"], "valid_from": since, "note": given.note}
        await audit(session, caller, "profile.version", profile_id, **about, profile=body_of(profile))
        await session.run(q["notify_registry"])
        (newest,) = await session.rows(q["profile_versions"], profile=row["id"], before=None, limit=1)
    stays = f"what was decided stays; readings of {since} or later are judged by version {made['version']}"
    return Json({**_version(newest), "stays": stays}, 201)


def _ready_made(key: str | None) -> Mapping[str, Any]:
    if key is None:
        return {}
    if key not in READY_MADE:
        raise Problem(422, f"ready_made: one of {', '.join(READY_MADE)}")
    return body_of(READY_MADE[key].profile)


async def _read(session: Session, name: str) -> dict[str, Any] | None:
    row = await session.row(queries("api")["profiles"], after="", name=name, limit=1)
    return None if row is None else _shape(row)


def _shape(row: Row) -> dict[str, Any]:
    profile = read_version(row["body"])
    times = {name: when(row[name]) for name in ("valid_from", "next_from", "retired_at")}
    known = {name: row[name] for name in ("id", "version", "devices", "shipments")}
    return {**known, **times, **short_of(profile)._asdict(), **body_of(profile)}


def _version(row: Row) -> dict[str, Any]:
    times = {name: when(row[name]) for name in ("valid_from", "made_at")}
    known = {name: row[name] for name in ("version", "note", "made_by")}
    return {**known, **times, "profile": body_of(read_version(row["body"]))}
