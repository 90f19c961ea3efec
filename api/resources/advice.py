"""Advice with what it promises and what came of it: where things should lie, learned from what was really picked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import Path, Query, Request
from pydantic import ConfigDict, Field, model_validator
from typing_extensions import TypedDict

from api.database import Row, Session
from api.http.audit import audit
from api.http.auth import Reader, StockKeeper
from api.http.caller import Caller
from api.http.context import context_of
from api.http.inputs import Name, Strict
from api.http.instants import Instant
from api.http.jsons import Json, Time, when
from api.http.paging import Cursor, Items, Limit, decode, shaped_page
from api.http.problems import Problem, key_of, not_found, refusing
from api.http.routes import resource
from api.http.things import one
from api.resources.shared.ledger import Asked, Word
from domain.stock.moves import Place
from domain.times import from_us, to_us
from operations.stock.decide import Told
from operations.stock.record import record
from planning.advice.grades import KEPT_DAYS, LOW_DAYS, Standing
from planning.advice.rows import (
    BINS_MAX,
    DAYS,
    DAYS_MAX,
    PICKS_MAX,
    Rows,
    advised,
    graded,
    kept,
    looked_until,
    standing_of,
)
from planning.picking.block import BlockError
from store.db import queries

router = resource(tags=["stock"])
Kind = Literal["slotting", "waves", "dispatch"]
Status = Literal["open", "accepted", "done", "declined", "superseded"]
SiteName = Annotated[str, Path(max_length=64)]
Days = Annotated[int, Field(ge=1, le=DAYS_MAX)]
BEFORE = {"accepted": ["open"], "declined": ["open", "accepted"], "done": ["open", "accepted"]}
"""What advice may be before it becomes this."""


class AdviceAsk(Strict):
    """Advice for a zone, from what was picked there in the last `days`."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"zone": "chiller", "days": 14}]})

    zone: Name
    days: Days = DAYS


class AdviceDecision(Strict):
    """What becomes of it: `accepted` (to be moved), `done` (moved: what comes of it is looked at), `declined`, why.

    `move` with done: the ledger is to say so too, all that lies in its bins goes where it says. `at`: since when.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"decision": "done", "move": True}, {"decision": "declined", "reason": "too heavy up there"}]
        }
    )

    decision: Literal["accepted", "done", "declined"]
    reason: Word = ""
    move: bool = False
    at: Instant | None = None
    version: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _fits(self) -> AdviceDecision:
        if self.decision == "declined" and not self.reason:
            raise ValueError("reason: say why, so that others know")
        if self.decision != "done" and (self.move or self.at is not None):
            raise ValueError("move, at: only of what is done")
        if self.move and self.at is not None:
            raise ValueError("move, at: what is moved now is done now")
        return self


class AdviserWake(Strict):
    """An adviser that is silent may speak again; its grades until now count no more."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"kind": "slotting", "site": "dc-1"}]})

    kind: Kind
    site: Name


class AdviceMove(TypedDict):
    """What lies in a bin goes to another one."""

    source: str
    target: str
    skus: list[str]
    trips: int


class AdviceSeen(TypedDict):
    """What was looked at since: lists, those that came by changed bins, and how far they are with and without."""

    lists: int
    touched: int
    with_m: float
    without_m: float
    days: float


class Advice(TypedDict):
    """Advice with what it promises and what came of it.

    `predicted` is saved in `days`, less its `cost` (of following it, once); `realised` the same by what was walked
    since, and `ratio` one through the other; `final` when as many days are over. `lists`: learned from.
    """

    id: int
    kind: Kind
    site: str
    zone: str | None
    about: str | None
    moves: list[AdviceMove]
    unit: Literal["m", "km"]
    days: float
    lists: int
    predicted: float
    cost: float
    status: Status
    version: int
    made_at: Time | None
    made_by: str
    decided_at: Time | None
    decided_by: str | None
    reason: str
    done_at: Time | None
    realised: float | None
    ratio: float | None
    seen: AdviceSeen | None
    graded_at: Time | None
    final: bool


class AdviceGiven(TypedDict):
    """Advice that was found; `why` there is none. Learned from `lists` with `picks`, `walked_m` together."""

    advice: list[Advice]
    why: str
    lists: int
    picks: int
    walked_m: float
    elsewhere: int


class Adviser(TypedDict):
    """What an adviser is worth: realised ÷ predicted of its grades of the last 90 days, and of how many.

    Of `running` it is not known yet. Below a half since `low_since`; for a month: it is `silent`.
    """

    kind: Kind
    site: str
    grades: int
    running: int
    predicted: float
    realised: float
    ratio: float | None
    low_since: Time | None
    silent: bool
    woken_at: Time | None
    woken_by: str | None


class HeatBin(TypedDict):
    """A bin where it stands, and how often was picked there."""

    bin: str
    aisle: int | None
    along_m: float | None
    level: int | None
    kind: str | None
    picks: int
    orders: int
    skus: list[str]


class PickHeat(TypedDict):
    """A zone's layout with its bins and what was picked from them in the last `days`."""

    site: str
    zone: str
    days: int
    aisles: int | None
    aisle_length_m: float | None
    aisle_pitch_m: float | None
    depot: float | None
    bins: list[HeatBin]


def _shape(row: Row) -> Advice:
    moves = row["body"].get("moves", [])
    seen = row["seen"] or None
    ratio = row["realised"] / row["predicted"] if row["realised"] is not None and row["predicted"] > 0 else None
    return {
        "id": row["id"],
        "kind": row["kind"],
        "site": row["site"],
        "zone": row["zone"],
        "about": row["about"] or None,
        "moves": [{"source": m["from"], "target": m["to"], "skus": m["skus"], "trips": m["trips"]} for m in moves],
        "unit": row["unit"],
        "days": row["days"],
        "lists": row["body"].get("basis", {}).get("lists", 0),
        "predicted": row["predicted"],
        "cost": row["cost"],
        "status": row["status"],
        "version": row["version"],
        "made_at": when(row["made_at"]),
        "made_by": row["made_by"],
        "decided_at": when(row["decided_at"]),
        "decided_by": row["decided_by"],
        "reason": row["reason"],
        "done_at": when(row["done_at"]),
        "realised": row["realised"],
        "ratio": ratio,
        "seen": seen if seen and "with_m" in seen else None,
        "graded_at": when(row["graded_at"]),
        "final": row["final"],
    }


_ANY: dict[str, Any] = dict.fromkeys(("id", "kind", "site", "statuses", "after"))


async def _one(session: Session, key: int) -> Row:
    row = await session.row(queries("advice")["advice"], **{**_ANY, "id": key, "limit": 1})
    if row is None:
        raise not_found()
    return row


@router.get("/advice", response_model=Items[Advice])
async def list_advice(
    request: Request,
    caller: Reader,
    kind: Annotated[Kind | None, Query()] = None,
    site: Asked = None,
    status: Annotated[Status | Literal["current"] | None, Query(description="current: open and accepted")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Json:
    """Advice with what it promised and what came of it, the newest first."""
    after = decode(cursor, (int,))[0] if cursor else None
    statuses = ["open", "accepted"] if status == "current" else None if status is None else [status]
    asked = {"kind": kind, "site": site, "statuses": statuses, "after": after, "limit": limit + 1}
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        found = await session.rows(queries("advice")["advice"], **{**_ANY, **asked})
    return shaped_page(request, found, limit, lambda row: [row["id"]], _shape)


@router.get("/advice/{advice_id}", response_model=Advice)
async def get_advice(request: Request, caller: Reader, advice_id: str) -> Json:
    """One piece of advice."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        return one(request, _shape(await _one(session, key_of(advice_id))))


@router.post("/sites/{site_id}/advice", response_model=AdviceGiven, status_code=201)
async def ask_advice(request: Request, caller: StockKeeper, site_id: SiteName, given: AdviceAsk) -> Json:
    """Looks what came of advice that was followed in a zone, and advises anew where things should lie there.

    What nobody has decided on gives way to it. 409: the adviser is silent, its advice was worth too little: wake it.
    422: the zone has no layout.
    """
    database, now = context_of(request).database, datetime.now(UTC)
    since = now - timedelta(days=given.days)
    async with database.tenant(caller.tenant_id, snapshot=True) as session:
        zone = await _zone(session, site_id, given.zone)
        bins = await _bins(session, zone)
        grades = await _grades(session, zone, bins, now)
        goods = await session.rows(queries("storing")["goods_in_bins"], bins=[row["key"] for row in bins])
        frozen = await session.rows(queries("advice")["bins_frozen"], zone=zone["zone_id"])
        picks = await _picks(session, zone, since, now)
    try:
        found = await asyncio.to_thread(advised, zone, bins, goods, picks, frozen)
    except BlockError as error:
        raise Problem(422, f"layout: {error}") from None
    async with database.tenant(caller.tenant_id) as session:
        await session.run(queries("advice")["put_grades"], rows=json.dumps(grades), at=now)
    async with database.tenant(caller.tenant_id) as session:
        await _not_silent(session, site_id, "slotting", now)
        await session.run(queries("advice")["supersede_advice"], zone=zone["zone_id"])
        values = {"site": zone["site_id"], "zone": zone["zone_id"], "days": given.days, "by": caller.user, "at": now}
        rows = json.dumps(kept(found, since, now))
        keys = await session.rows(queries("advice")["add_advice"], **values, rows=rows)
        subject = f"{site_id}/{given.zone}"
        await audit(session, caller, "advice.ask", subject, days=given.days, given=len(keys))
        told = [_shape(await _one(session, row["id"])) for row in keys]
    lists, picks_known, walked_m, elsewhere = found.basis
    answer: AdviceGiven = {
        "advice": told,
        "why": found.why,
        "lists": lists,
        "picks": picks_known,
        "walked_m": walked_m,
        "elsewhere": elsewhere,
    }
    return Json(answer, 201)


async def _zone(session: Session, site: str, zone: str) -> Row:
    row = await session.row(queries("advice")["zones_laid_out"], site=site, zone=zone)
    if row is None:
        if await session.row(queries("ledger")["zone_layout"], site=site, zone=zone) is None:
            raise not_found()
        raise Problem(422, f"zone: nobody has said how {zone} is laid out; PUT /sites/{site}/zones/{zone}/layout first")
    return row


async def _bins(session: Session, zone: Row) -> list[Row]:
    values = {"site": zone["site"], "zone": zone["zone"], "codes": None, "limit": BINS_MAX}
    return await session.rows(queries("storing")["bins_told"], **values)


async def _picks(session: Session, zone: Row, since: datetime, until: datetime) -> Rows:
    values = {"zone": zone["zone_id"], "since": since, "until": until, "limit": PICKS_MAX}
    return await session.rows(queries("advice")["picks_walked"], **values)


async def _grades(session: Session, zone: Row, bins: Rows, now: datetime) -> list[dict[str, Any]]:
    found = []
    for row in await session.rows(queries("advice")["advice_running"], zone=zone["zone_id"]):
        picks = await _picks(session, zone, row["done_at"], looked_until(row, now))
        found.append(await asyncio.to_thread(graded, zone, bins, row, picks, now))
    return found


async def _given(
    session: Session, site: str | None, kind: str | None, now: datetime, a: str = "", b: str = "", limit: int = 1
) -> list[Row]:
    asked = {"site": site, "kind": kind, "since": now - timedelta(days=KEPT_DAYS + LOW_DAYS)}
    return await session.rows(queries("advice")["grades_given"], **asked, a=a, b=b, limit=limit)


async def _not_silent(session: Session, site: str, kind: str, now: datetime) -> None:
    for row in await _given(session, site, kind, now):
        worth = standing_of(row, now)
        if worth.silent:
            saved = f"{worth.grades} times it promised {worth.predicted:.0f} m in all, {worth.realised:.0f} came of it"
            raise Problem(409, f"the adviser of {kind} is silent: {saved}; wake it with POST /advisers/wake")


@router.post("/advice/{advice_id}/decision", response_model=Advice)
async def decide_advice(request: Request, caller: StockKeeper, advice_id: str, given: AdviceDecision) -> Json:
    """Takes advice, says that it was followed, or declines it with a reason. 409: somebody has decided already."""
    key, now = key_of(advice_id), datetime.now(UTC)
    if given.at is not None and given.at > now:
        raise Problem(422, "at: it is in the future; say so when it is done")
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        row = await _one(session, key)
        if row["kind"] != "slotting":
            raise Problem(409, f"advice on {row['kind']} is decided on where it was made")
        values = {"id": key, "status": given.decision, "of": BEFORE[given.decision], "version": given.version}
        more = {"by": caller.user, "reason": given.reason, "at": given.at}
        if await session.row(queries("advice")["decide_advice"], **values, **more) is None:
            raise Problem(409, f"it is {row['status']}, version {row['version']}, by now: look again")
        if given.decision == "done":
            await _done(session, caller, row, now, move=given.move)
        detail = given.model_dump(mode="json", exclude_unset=True)
        await audit(session, caller, "advice.decide", str(key), **detail)
        return Json(_shape(await _one(session, key)))


async def _done(session: Session, caller: Caller, row: Row, now: datetime, *, move: bool) -> None:
    """Faces are those of each other's products, and the ledger says that all is moved, where it is to."""
    moves: list[Mapping[str, Any]] = row["body"]["moves"]
    target = {each["from"]: each["to"] for each in moves}
    if move:
        found = {"site": row["site"], "codes": list(target)}
        lines = await session.rows(queries("advice")["lines_of_bins"], **found)
        told = [
            Told(
                f"advice-{row['id']}-{n}", "move", line["sku"], line["quantity"], "", to_us(now), line["lot"] or "",
                Place("site", row["site"], row["zone"], line["bin"]),
                Place("site", row["site"], row["zone"], target[line["bin"]]),
                line["unit"], f"advice {row['id']}",
            )
            for n, line in enumerate(lines)
        ]  # fmt: skip
        with refusing():
            await session.perform(record(told, to_us(now), caller.user), queries("stock")) if told else None
    for each in moves[:1]:
        await session.run(queries("advice")["change_faces"], zone=row["zone_id"], one=each["from"], other=each["to"])


@router.get("/advisers", response_model=Items[Adviser])
async def list_advisers(
    request: Request, caller: Reader, site: Asked = None, limit: Limit = 50, cursor: Cursor = None
) -> Json:
    """Who advises at which site, and what that was worth: realised ÷ predicted, with how many grades."""
    now = datetime.now(UTC)
    a, b = decode(cursor, (str, str)) if cursor else ("", "")
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        found = await _given(session, site, None, now, a, b, limit + 1)

    def shape(row: Row) -> Adviser:
        return _adviser(row, standing_of(row, now))

    return shaped_page(request, found, limit, lambda row: [row["site"], row["kind"]], shape)


def _adviser(row: Row, worth: Standing) -> Adviser:
    return {
        "kind": row["kind"],
        "site": row["site"],
        "grades": worth.grades,
        "running": row["running"],
        "predicted": worth.predicted,
        "realised": worth.realised,
        "ratio": worth.ratio,
        "low_since": None if worth.low_since_us is None else when(from_us(worth.low_since_us)),
        "silent": worth.silent,
        "woken_at": when(row["woken_at"]),
        "woken_by": row["woken_by"],
    }


@router.post("/advisers/wake", response_model=Adviser)
async def wake_adviser(request: Request, caller: StockKeeper, given: AdviserWake) -> Json:
    """An adviser that is silent may speak again; its grades until now count no more."""
    now = datetime.now(UTC)
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        if not await _given(session, given.site, given.kind, now):
            raise not_found()
        await session.row(queries("advice")["wake_adviser"], site=given.site, kind=given.kind, by=caller.user)
        await audit(session, caller, "adviser.wake", f"{given.site}/{given.kind}")
        (row,) = await _given(session, given.site, given.kind, now)
    return Json(_adviser(row, standing_of(row, now)))


@router.get("/sites/{site_id}/pick-heat", response_model=PickHeat)
async def get_pick_heat(
    request: Request,
    caller: Reader,
    site_id: SiteName,
    zone: Annotated[str, Query(max_length=64)],
    days: Annotated[int, Query(ge=1, le=DAYS_MAX, description="how far back picks count")] = DAYS,
) -> Json:
    """Where in a zone was picked how often: its bins as they stand, with counts."""
    now = datetime.now(UTC)
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        layout = await session.row(queries("ledger")["zone_layout"], site=site_id, zone=zone)
        if layout is None:
            raise not_found()
        values = {"site": site_id, "zone": zone, "codes": None, "limit": BINS_MAX}
        bins = await session.rows(queries("storing")["bins_told"], **values)
        asked = {"zone": layout["key"], "since": now - timedelta(days=days), "until": now}
        picked = {row["bin"]: row for row in await session.rows(queries("advice")["picks_by_bin"], **asked)}
    return Json(_heat(layout, days, bins, picked))


def _heat(layout: Row, days: int, bins: Rows, picked: Mapping[str, Row]) -> PickHeat:
    spots: list[HeatBin] = [
        {
            "bin": row["code"],
            "aisle": row["aisle"],
            "along_m": row["along_m"],
            "level": row["level"],
            "kind": row["kind"],
            "picks": picked[row["code"]]["picks"] if row["code"] in picked else 0,
            "orders": picked[row["code"]]["orders"] if row["code"] in picked else 0,
            "skus": picked[row["code"]]["skus"] if row["code"] in picked else [],
        }
        for row in bins
    ]
    said = ("site", "zone", "aisles", "aisle_length_m", "aisle_pitch_m", "depot")
    return {**{name: layout[name] for name in said}, "days": days, "bins": spots}  # type: ignore[typeddict-item]
