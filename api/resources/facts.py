"""Facts as they are known now, as they were known at a moment, and every word that was said on one of them.

A kind of fact is one query in `store/queries/history.sql`, one shape, and one line in `KINDS`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, NamedTuple, get_type_hints

from fastapi import APIRouter, Depends, Query, Request
from typing_extensions import TypedDict

from api.database import Row
from api.http.auth import Anybody, Caller
from api.http.context import context_of
from api.http.instants import QueryInstant
from api.http.jsons import Json, when
from api.http.paging import Cursor, Items, Limit, decode, instant, shaped_page
from api.http.problems import Problem, key_of, not_found
from store.db import queries

router = APIRouter(tags=["facts"])

Since = Annotated[
    QueryInstant | None, Query(alias="from", description="RFC 3339; facts that end before it are left out")
]
Until = Annotated[QueryInstant | None, Query(alias="to", description="RFC 3339; facts that begin later are left out")]
AsOf = Annotated[
    QueryInstant | None, Query(description="RFC 3339; what was known at that moment, instead of what is known now")
]
Time = str


class Fact(TypedDict):
    """What all facts have. The id stays when a fact is amended; a retracted one is no longer so."""

    id: str
    revision: int
    decided_at: Time
    superseded_at: Time | None
    rule_version: int
    retracted: bool


class Visit(Fact):
    """A vehicle inside a site's fence; `site` is null for a shipment's stop that is at none."""

    vehicle: str
    site: str | None
    entered_at: Time
    left_at: Time | None


class ExcursionFact(Fact):
    """A probe beyond its limits; `alarm_at` is when it had lasted long enough, null when it has not."""

    device: str
    probe: str | None
    kind: str
    limit_c: float
    started_at: Time
    ended_at: Time | None
    alarm_at: Time | None
    extreme_c: float | None
    samples: int | None


class Call(Fact):
    """A vehicle at a stop of its shipment. `stop_id` is null when the stop is no longer planned."""

    shipment: str
    stop_id: str | None
    seq: int | None
    vehicle: str | None
    arrived_at: Time
    departed_at: Time | None


class Deviation(Fact):
    """Otherwise than planned: `late_departure`, `prolonged_stop`, `out_of_sequence`, `skipped` or `off_route`."""

    shipment: str
    stop_id: str | None
    seq: int | None
    vehicle: str | None
    kind: str
    started_at: Time
    ended_at: Time | None


class Trip(Fact):
    """What a vehicle did: `trip`, `stop`, or `unknown` for a gap behind which it was somewhere else.

    While it lasts, `until` and the figures go up to the vehicle's newest fix, in an answer about now; otherwise they
    are null. `distance_m` was driven with fixes close together, `gap_m` is straight across longer gaps, whose time is
    `unknown_s`. `idle_s` is standing with the engine on, `odometer_m` the device's own, at the end. `carried_m` of
    the distance was moved with the engine off, on a ferry or towed.
    """

    vehicle: str
    kind: str
    started_at: Time
    ended_at: Time | None
    until: Time | None
    site: str | None
    start_lat: float
    start_lon: float
    end_lat: float | None
    end_lon: float | None
    distance_m: float | None
    gap_m: float | None
    moving_s: float | None
    idle_s: float | None
    unknown_s: float | None
    speed_max_mps: float | None
    odometer_m: float | None
    carried_m: float | None


class Kind(NamedTuple):
    """A kind of fact: its shape, the column it is sorted by, and the query that finds its owner by name."""

    shape: type
    start: str
    owner: str


KINDS = {
    "visit": Kind(Visit, "entered_at", "vehicle_key"),
    "trip": Kind(Trip, "started_at", "vehicle_key"),
    "excursion": Kind(ExcursionFact, "started_at", "device_key"),
    "call": Kind(Call, "arrived_at", "shipment_key"),
    "deviation": Kind(Deviation, "started_at", "shipment_key"),
}
Named = Literal["visit", "trip", "excursion", "call", "deviation"]
_COLUMNS = {kind: tuple(get_type_hints(KINDS[kind].shape)) for kind in KINDS}


def shaped(kind: str, row: Row) -> dict[str, Any]:
    """A row of a kind's query as its shape."""
    values = {name: row[name] for name in _COLUMNS[kind]}
    return {k: when(v) if isinstance(v, datetime) else v for k, v in values.items()} | {"id": str(row["id"])}


class Asked(NamedTuple):
    """The part of the list that is wanted."""

    since: datetime | None
    until: datetime | None
    as_of: datetime | None
    limit: int
    cursor: str | None
    kind: str | None = None


def asked(
    since: Since = None, until: Until = None, as_of: AsOf = None, limit: Limit = 200, cursor: Cursor = None
) -> Asked:
    """What every list of facts can be asked for."""
    return Asked(since, until, as_of, limit, cursor)


Wanted = Annotated[Asked, Depends(asked)]


@router.get("/vehicles/{vehicle_id}/visits", response_model=Items[Visit])
async def list_visits(request: Request, caller: Anybody, vehicle_id: str, wanted: Wanted) -> Json:
    """Visits of a vehicle in order of time."""
    return await listed(request, caller, "visit", vehicle_id, wanted)


@router.get("/devices/{device_id}/excursions", response_model=Items[ExcursionFact])
async def list_excursions(request: Request, caller: Anybody, device_id: str, wanted: Wanted) -> Json:
    """Excursions of a device's probes in order of time."""
    return await listed(request, caller, "excursion", device_id, wanted)


@router.get("/shipments/{shipment_id}/calls", response_model=Items[Call])
async def list_calls(request: Request, caller: Anybody, shipment_id: str, wanted: Wanted) -> Json:
    """Calls at the stops of a shipment in order of time."""
    return await listed(request, caller, "call", shipment_id, wanted)


@router.get("/shipments/{shipment_id}/deviations", response_model=Items[Deviation])
async def list_deviations(request: Request, caller: Anybody, shipment_id: str, wanted: Wanted) -> Json:
    """What went otherwise than planned with a shipment, in order of time."""
    return await listed(request, caller, "deviation", shipment_id, wanted)


@router.get("/facts/{kind}/{fact_id}/history", response_model=Items[Visit | Trip | ExcursionFact | Call | Deviation])
async def fact_history(
    request: Request, caller: Anybody, kind: Named, fact_id: str, limit: Limit = 200, cursor: Cursor = None
) -> Json:
    """All words on one fact, the first one first: what was said, when, by which version of the rule."""
    key = key_of(fact_id)
    after = decode(cursor, (int,))[0] if cursor else None
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        nothing = dict.fromkeys(("owner", "kind", "as_of", "since", "until", "after_at"))
        found = await session.rows(queries("history")[kind], id=key, after=after, limit=limit + 1, **nothing)
    if not found and after is None:
        raise not_found()
    return shaped_page(request, found, limit, lambda f: [f["revision"]], lambda f: shaped(kind, f))


async def listed(request: Request, caller: Caller, kind: str, owner: str, wanted: Asked) -> Json:
    """A page of an owner's facts."""
    if wanted.since and wanted.until and wanted.since > wanted.until:
        raise Problem(422, "from: later than to")
    at, after = decode(wanted.cursor, (str, int)) if wanted.cursor else (None, None)
    start = KINDS[kind].start
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        found = await session.row(queries("api")[KINDS[kind].owner], name=owner)
        if found is None:
            raise not_found()
        rows = await session.rows(
            queries("history")[kind],
            id=None, owner=found["key"], kind=wanted.kind, as_of=wanted.as_of, since=wanted.since, until=wanted.until,
            after=after, after_at=instant(at) if at else None, limit=wanted.limit + 1,
        )  # fmt: skip
    return shaped_page(
        request, rows, wanted.limit, lambda f: [f[start].isoformat(), f["id"]], lambda f: shaped(kind, f)
    )
