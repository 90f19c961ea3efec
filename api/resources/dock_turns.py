"""Trucks at docks: how long they waited, stood and left, what is paid for it, and on what terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, NamedTuple

import numpy as np
from fastapi import Path, Query, Request
from pydantic import ConfigDict, Field, model_validator
from starlette.responses import Response
from typing_extensions import TypedDict

from api.database import Row, Session
from api.http.audit import audit
from api.http.auth import Reader, SiteKeeper
from api.http.context import context_of
from api.http.inputs import Name, Strict
from api.http.jsons import Json, Time, when
from api.http.paging import Cursor, Items, Limit, decode, shaped_page
from api.http.problems import Problem, not_found
from api.http.routes import resource
from api.resources.shared.docks import NONE, docked, seen, stays_span, with_told
from api.resources.shared.exports import FILES, as_file
from api.resources.shared.orders import Code
from api.resources.shared.spans import Since, Until, span
from planning.docks.turns import Actual, Stay, Terms, Turn, rounds, turn
from store.db import queries

router = resource(tags=["loading"])
TermsId = Annotated[int, Path(ge=1, le=2**31 - 1)]
SiteName = Annotated[str, Path(max_length=64)]
TURNS_MAX = 2000


class DockTurn(TypedDict):
    """A truck's way through a dock. A part that is not over, or that nobody saw, is null.

    `detention_min`: beyond what is free, from its appointment on when it came early; it goes on while it is there.
    """

    site: str
    vehicle: str | None
    truck: str
    carrier: str | None
    appointment: str | None
    door: str | None
    docking: str | None
    arrived_at: Time | None
    docked_at: Time | None
    undocked_at: Time | None
    left_at: Time | None
    waiting_min: float | None
    door_min: float | None
    leaving_min: float | None
    total_min: float | None
    free_min: int | None
    detention_min: int | None
    cost: str | None
    currency: str | None


class Spread(TypedDict):
    """Half and nine tenths of them took at most so long, minutes; `n`: of how many."""

    p50: float | None
    p90: float | None
    n: int


class Paid(TypedDict):
    """Detention in a currency."""

    currency: str
    cost: str
    minutes: int
    trucks: int


class CarrierDwell(TypedDict):
    """Trucks of a carrier, null: of nobody in particular."""

    carrier: str | None
    trucks: int
    total: Spread
    detention_min: int


class DockDwell(TypedDict):
    """How long trucks took from gate to gate, and goods that were read or told in the zones of the dock."""

    site: str
    since: Time | None
    until: Time | None
    trucks: int
    waiting: Spread
    door: Spread
    leaving: Spread
    total: Spread
    door_use: float | None
    detention: list[Paid]
    carriers: list[CarrierDwell]
    goods: Spread


class TermsIn(Strict):
    """How long a truck stays for nothing and what an hour costs then, in steps.

    At a `site`, of a `carrier`, or of a carrier at a site.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"site": "dc-1", "free_min": 90, "rate_per_h": "45.00", "currency": "EUR"}]}
    )

    site: Name | None = None
    carrier: Code | None = None
    free_min: Annotated[int, Field(ge=0, le=10_080)]
    rate_per_h: Annotated[Decimal, Field(ge=0, le=100_000, decimal_places=2)]
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]
    step_min: Annotated[int, Field(ge=1, le=240)] = 15

    @model_validator(mode="after")
    def _of_something(self) -> TermsIn:
        if self.site is None and self.carrier is None:
            raise ValueError("site, carrier: at least one of both")
        return self


class DetentionTerms(TypedDict):
    """Terms of detention; those of a carrier at a site go before those of the carrier, and these before the site's."""

    id: str
    site: str | None
    carrier: str | None
    free_min: int
    rate_per_h: str
    currency: str
    step_min: int
    told_at: Time | None
    told_by: str


def _terms(row: Row) -> DetentionTerms:
    return {
        "id": str(row["key"]),
        "site": row["site"],
        "carrier": row["carrier"],
        "free_min": row["free_min"],
        "rate_per_h": str(row["rate_per_h"]),
        "currency": row["currency"],
        "step_min": row["step_min"],
        "told_at": when(row["told_at"]),
        "told_by": row["told_by"],
    }


def _fitting(terms: Sequence[Row], site: str, carrier: str | None) -> Terms | None:
    fits = [row for row in terms if row["site"] in (None, site) and row["carrier"] in (None, carrier)]
    if not fits:
        return None
    row = max(fits, key=lambda each: (each["carrier"] is not None, each["site"] is not None))
    return Terms(row["free_min"], row["rate_per_h"], row["currency"], row["step_min"])


class _Found(NamedTuple):
    """A truck that came: what was seen, what was booked, and what its time was."""

    site: str
    actual: Actual
    booked: Row | None
    vehicle: str | None
    docking: str | None
    terms: Terms | None
    turn: Turn

    @property
    def carrier(self) -> str | None:
        """Whose truck it is, as it was booked."""
        return self.booked["carrier"] if self.booked else None


async def _turns(session: Session, site: str, since: datetime, until: datetime) -> list[_Found]:
    """Turns of a site whose docking, or told arrival, lies in a span; the newest first."""
    q, now = queries("docks"), datetime.now(UTC)
    page = {"vehicles": None, "site": site, "after": None, "after_at": None, "limit": TURNS_MAX + 1}
    rows = await session.rows(q["docked"], since=since, until=until, **page)
    asked = {"site": site, "since": since - timedelta(days=1), "until": until + timedelta(days=1)}
    booked = await session.rows(q["appointments"], **{**NONE, **asked, "limit": TURNS_MAX + 1})
    if max(len(rows), len(booked)) > TURNS_MAX:
        raise Problem(422, f"from, to: more than {TURNS_MAX} trucks; ask for a shorter span")
    actual = await seen(session, booked)
    of = {a.docking: row for row in booked if (a := actual.get(row["key"])) is not None and a.docking}
    stays: list[Stay] = []
    if rows:
        begin, end = stays_span(rows, now)
        vehicles = sorted({row["vehicle"] for row in rows})
        stays = [Stay(*r.values()) for r in await session.rows(q["stays"], vehicles=vehicles, since=begin, until=end)]
    names = {row["vehicle"]: row["vehicle_name"] for row in rows}
    terms = await session.rows(q["terms"], id=None, after=0, limit=1000)

    def judged(actual: Actual, its: Row | None, vehicle: str | None, docking: str | None) -> _Found:
        fitting = _fitting(terms, site, its["carrier"] if its else None)
        spent = turn(actual, its["begins_at"] if its else None, fitting, now)
        return _Found(site, actual, its, vehicle, docking, fitting, spent)

    found = []
    for each in rounds(stays, [docked(row) for row in rows]):
        its = next((of[name] for name in each.dockings if name in of), None)
        found.append(judged(each.actual, its, names[each.vehicle], each.actual.docking))
    told = [row for row in booked if row["key"] not in actual and row["outcome"] is None]
    for row in told:
        its_actual = with_told(row, Actual())
        came = its_actual.arrived_at or its_actual.docked_at
        if came is not None and since <= came < until:
            found.append(judged(its_actual, row, row["vehicle"], None))
    return sorted(found, key=lambda each: each.actual.docked_at or each.actual.arrived_at or now, reverse=True)


def _shape(each: _Found) -> DockTurn:
    actual, spent, booked = each.actual, each.turn, each.booked
    return {
        "site": each.site,
        "vehicle": each.vehicle,
        "truck": booked["truck"] if booked else "",
        "carrier": each.carrier,
        "appointment": booked["id"] if booked else None,
        "door": actual.door or (booked["door"] if booked else None),
        "docking": each.docking,
        "arrived_at": when(actual.arrived_at),
        "docked_at": when(actual.docked_at),
        "undocked_at": when(actual.undocked_at),
        "left_at": when(actual.left_at),
        "waiting_min": _rounded(spent.waiting_min),
        "door_min": _rounded(spent.door_min),
        "leaving_min": _rounded(spent.leaving_min),
        "total_min": _rounded(spent.total_min),
        "free_min": each.terms.free_min if each.terms else None,
        "detention_min": spent.detention_min,
        "cost": None if spent.cost is None else str(spent.cost),
        "currency": each.terms.currency if each.terms and spent.cost is not None else None,
    }


def _rounded(minutes: float | None) -> float | None:
    return None if minutes is None else round(minutes, 1)


def _spread(values: Sequence[float | None]) -> Spread:
    known = [value for value in values if value is not None]
    if not known:
        return {"p50": None, "p90": None, "n": 0}
    p50, p90 = np.quantile(known, (0.5, 0.9))
    return {"p50": round(float(p50), 1), "p90": round(float(p90), 1), "n": len(known)}


@router.get("/dock-turns", response_model=Items[DockTurn], responses=FILES)
@as_file("dock-turns", DockTurn)
async def list_dock_turns(
    request: Request,
    caller: Reader,
    site: Annotated[str, Query(max_length=64)],
    since: Since = None,
    until: Until = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Json:
    """Trucks that docked at a site, the newest first: gate in, door, gate out, detention. 31 days at once at most."""
    begin, end = span(since, until)
    skip = int(decode(cursor, (int,))[0]) if cursor else 0
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        if await session.row(queries("docks")["site"], site=site) is None:
            raise Problem(422, f"site: there is no {site}")
        found = await _turns(session, site, begin, end)
    page = list(enumerate(found))[skip : skip + limit + 1]
    return shaped_page(request, page, limit, lambda each: [each[0] + 1], lambda each: _shape(each[1]))


@router.get("/sites/{site_id}/dock-dwell", response_model=DockDwell)
async def get_dock_dwell(
    request: Request, caller: Reader, site_id: SiteName, since: Since = None, until: Until = None
) -> Json:
    """Half and nine tenths of trucks and goods at a dock, door use, and detention by carrier."""
    begin, end = span(since, until)
    q = queries("docks")
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        site = await session.row(q["site"], site=site_id)
        if site is None:
            raise not_found()
        found = await _turns(session, site_id, begin, end)
        doors = await session.rows(q["doors"], site=site_id)
        goods = await session.rows(q["goods_dwell"], site=site["key"], since=begin, until=end)
    return Json(_dwell(site_id, begin, end, found, len(doors), [row["minutes"] for row in goods]))


def _dwell(
    site: str, begin: datetime, end: datetime, found: Sequence[_Found], doors: int, goods: Sequence[float]
) -> DockDwell:
    spent = [each.turn for each in found]
    until = min(end, datetime.now(UTC))
    open_min = max(0.0, (until - begin).total_seconds() / 60) * doors
    used = sum(
        max(0.0, (min(a.undocked_at or until, until) - max(a.docked_at, begin)).total_seconds() / 60)
        for a in (each.actual for each in found) if a.docked_at is not None
    )  # fmt: skip
    return {
        "site": site,
        "since": when(begin),
        "until": when(end),
        "trucks": len(found),
        "waiting": _spread([each.waiting_min for each in spent]),
        "door": _spread([each.door_min for each in spent]),
        "leaving": _spread([each.leaving_min for each in spent]),
        "total": _spread([each.total_min for each in spent]),
        "door_use": round(min(1.0, used / open_min), 4) if open_min else None,
        "detention": _paid(found),
        "carriers": _by_carrier(found),
        "goods": _spread(goods),
    }


def _paid(found: Sequence[_Found]) -> list[Paid]:
    sums: dict[str, list[_Found]] = {}
    for each in found:
        if each.terms is not None and each.turn.detention_min:
            sums.setdefault(each.terms.currency, []).append(each)
    return [
        {
            "currency": currency,
            "cost": str(sum((e.turn.cost for e in its if e.turn.cost is not None), Decimal(0))),
            "minutes": sum(e.turn.detention_min or 0 for e in its),
            "trucks": len(its),
        }
        for currency, its in sorted(sums.items())
    ]


def _by_carrier(found: Sequence[_Found]) -> list[CarrierDwell]:
    of: dict[str | None, list[_Found]] = {}
    for each in found:
        of.setdefault(each.carrier, []).append(each)
    return [
        {
            "carrier": carrier,
            "trucks": len(its),
            "total": _spread([e.turn.total_min for e in its]),
            "detention_min": sum(e.turn.detention_min or 0 for e in its),
        }
        for carrier, its in sorted(of.items(), key=lambda item: (item[0] is None, item[0] or ""))
    ]


@router.get("/detention-terms", response_model=Items[DetentionTerms], responses=FILES)
@as_file("detention-terms", DetentionTerms)
async def list_detention_terms(request: Request, caller: Reader, limit: Limit = 100, cursor: Cursor = None) -> Json:
    """On what terms trucks wait, by site and carrier."""
    after = decode(cursor, (int,))[0] if cursor else 0
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        rows = await session.rows(queries("docks")["terms"], id=None, after=after, limit=limit + 1)
    return shaped_page(request, rows, limit, lambda row: [row["key"]], _terms)


@router.post("/detention-terms", response_model=DetentionTerms, status_code=201)
async def post_detention_terms(request: Request, caller: SiteKeeper, given: TermsIn) -> Json:
    """Says on what terms trucks wait; of the same site and carrier it replaces what was said."""
    q = queries("docks")
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        keys = await _keys(session, {"site": given.site, "carrier": given.carrier})
        values = given.model_dump(exclude={"site", "carrier"})
        (row,) = await session.rows(q["put_terms"], **values, **keys, by=caller.user)
        detail = given.model_dump(mode="json", exclude_none=True)
        await audit(session, caller, "detention.terms", str(row["id"]), **detail)
        (told,) = await session.rows(q["terms"], id=row["id"], after=0, limit=1)
    return Json(_terms(told), 201)


async def _keys(session: Session, asked: Mapping[str, str | None]) -> dict[str, int | None]:
    q = queries("docks")
    found: dict[str, int | None] = {"site": None, "carrier": None}
    for name in found:
        if asked[name] is None:
            continue
        row = await session.row(q[name], **{name: asked[name]})
        if row is None:
            raise Problem(422, f"{name}: there is no {asked[name]}")
        found[name] = row["key"]
    return found


@router.delete("/detention-terms/{terms_id}", status_code=204)
async def delete_detention_terms(request: Request, caller: SiteKeeper, terms_id: TermsId) -> Response:
    """Waiting costs nothing any more there."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        if await session.row(queries("docks")["drop_terms"], id=terms_id) is None:
            raise not_found()
        await audit(session, caller, "detention.drop", str(terms_id))
    return Response(status_code=204)
