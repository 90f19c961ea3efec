"""The load of a shipment: what portals say of it, what people confirm, seals."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Path, Query, Request
from pydantic import ConfigDict, Field, model_validator
from typing_extensions import TypedDict

from api.database import Row, Session
from api.feed.emit import emit, put
from api.http.audit import audit
from api.http.auth import OrderWorker, Reader
from api.http.context import context_of
from api.http.inputs import Strict, TellersName, Text
from api.http.instants import Instant
from api.http.jsons import Json, Time, when
from api.http.paging import Items, Limit, Page
from api.http.problems import not_found, refusing
from api.http.routes import resource
from api.http.things import one
from api.resources.shared.handling import UnitCode
from api.resources.shared.ledger import Word
from api.resources.shared.loads import LoadSeal, ProbeCooling, seal_shape
from api.resources.shared.orders import who_is
from api.resources.shared.shipments import read_shipments
from domain.loading.cooling import RECENT
from domain.orders.news import news
from domain.times import to_us
from operations.despatch.record import issue
from operations.loading.record import LoadTold, SealTold, check_seal, cooled, load, seal, unload
from store.db import queries

router = resource(tags=["loading"])
Shipment = Annotated[str, Path(max_length=64)]
UNITS_MAX = 1000
SealNumber = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ./_-]{0,39}$", description="as it stands on it")]


class LoadUnit(TypedDict):
    """A unit in the check of a load.

    `state`: `expected` (not on board), `loaded` (sure to 99 %, or scanned), `doubtful`, `foreign` (of no shipment),
    `wrong_truck` (of `other`), `left_behind`. `chance`: that it is on the vehicle. `other` of what is expected: on
    whose vehicle it seems to be. `booked`: the book has it on board. `blocked_by`: units of later stops before it.
    """

    unit: str
    state: str
    chance: float
    stop: int | None
    other: str | None
    orders: list[str]
    loaded_at: Time | None
    by_scan: bool
    booked: bool
    left: str | None
    blocked_by: list[str]
    revision: int


class LoadCheck(TypedDict):
    """The load of a shipment as it is known now. `revision` 0: its vehicle has stood at no door yet.

    `ready`: everything is on board in the book or left with a reason, and nothing is on it that does not belong.
    """

    shipment: str
    status: str
    vehicle: str | None
    site: str | None
    door: str | None
    docked_at: Time | None
    departed_at: Time | None
    decided_at: Time | None
    revision: int
    ready: bool
    counts: dict[str, int]
    units: list[LoadUnit]
    seals: list[LoadSeal]


class LoadWord(TypedDict):
    """What was said of a unit, and until when it stood."""

    unit: str
    revision: int
    state: str
    chance: float
    other: str | None
    loaded_at: Time | None
    by_scan: bool
    decided_at: Time | None
    retracted: bool
    superseded_at: Time | None


class LeftIn(Strict):
    """A unit that stays behind, and why."""

    unit: UnitCode
    reason: Annotated[Word, Field(min_length=1)]


class LoadingIn(Strict):
    """What is on board. `verified`: all that the portals are sure of; `scanned`: what somebody scanned by hand.

    `left`: what stays behind with a reason. `at`: when; without it when the portal saw it, or now.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"id": "load-7", "verified": True, "scanned": ["106141412345678908"], "left": []}]
        }
    )

    id: TellersName
    verified: bool = False
    scanned: Annotated[list[UnitCode], Field(default_factory=list, max_length=UNITS_MAX)]
    left: Annotated[list[LeftIn], Field(default_factory=list, max_length=UNITS_MAX)]
    at: Instant | None = None

    @model_validator(mode="after")
    def _something(self) -> LoadingIn:
        if not (self.verified or self.scanned or self.left):
            raise ValueError("say what is on board (verified, scanned) or left")
        if set(self.scanned) & {each.unit for each in self.left}:
            raise ValueError("left: a unit that was scanned is not left")
        return self

    def told(self) -> LoadTold:
        """As operations are told."""
        left = tuple((each.unit, each.reason) for each in self.left)
        at_us = None if self.at is None else to_us(self.at)
        return LoadTold(self.id, self.verified, tuple(self.scanned), left, at_us)


class LoadingDone(TypedDict):
    """What went on board in the book now, what is left, and the check as it stands."""

    loaded: list[str]
    left: list[str]
    check: LoadCheck


class SealIn(Strict):
    """Numbers of seals, when they were put on or looked at; without a time now.

    `reason`: why, though it is too warm, too cold or unknown.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"numbers": ["FI-204 881"], "at": "2026-12-01T07:00:00Z"}]}
    )

    numbers: Annotated[list[SealNumber], Field(min_length=1, max_length=20)]
    at: Instant | None = None
    reason: Word = ""

    def told(self, now: datetime) -> SealTold:
        """As operations are told."""
        return SealTold(tuple(dict.fromkeys(self.numbers)), now if self.at is None else self.at, self.reason)


class PreCooling(TypedDict):
    """Whether the vehicle is as cold as its goods need: `right`, `too_warm`, `too_cold`, `unknown` or `not_needed`."""

    verdict: str
    words: str
    at: Time | None
    probes: list[ProbeCooling]


class SealChecked(TypedDict):
    """Numbers that stand on seals and were not put on, and those put on that are not there. Both empty: unbroken."""

    unbroken: bool
    strange: list[str]
    missing: list[str]


def _named() -> dict[str, Any]:
    return {**queries("availability"), **queries("stock"), **queries("orders"), **queries("loading")}


async def load_check(session: Session, name: str) -> LoadCheck:
    """The load of a shipment.

    Raises:
        Problem: 404, there is none.
    """
    q = queries("loading")
    row = await session.row(q["shipment"], name=name)
    if row is None:
        raise not_found()
    units = {
        each["unit"]: each for each in await session.rows(q["units"], shipment=row["key"]) if not each["retracted"]
    }
    wanted = {each["unit"]: each for each in await session.rows(q["wanted"], shipments=[row["key"]], site=None)}
    marks = {each["unit"]: each for each in await session.rows(q["marks"], shipments=[row["key"]])}
    seals = await session.rows(q["seals"], shipment=row["key"])
    names = [*units, *(unit for unit in wanted if unit not in units)]
    found = [_unit(name, units.get(name), wanted.get(name), marks.get(name)) for name in names]
    found.sort(key=lambda each: (_rank(each), each["stop"] or 0, each["unit"]))
    counts: dict[str, int] = {}
    for each in found:
        counts[each["state"]] = counts.get(each["state"], 0) + 1
    ready = bool(wanted) and not any(_rank(each) < LAST and not (each["booked"] or each["left"]) for each in found)
    return {
        "shipment": row["id"],
        "status": row["status"],
        "vehicle": row["vehicle"],
        "site": row["site"],
        "door": row["door"] or None,
        "docked_at": when(row["docked_at"]),
        "departed_at": when(row["departed_at"]),
        "decided_at": when(row["decided_at"]),
        "revision": row["revision"] or 0,
        "ready": ready and all(each["booked"] or each["left"] for each in found),
        "counts": counts,
        "units": found,
        "seals": [seal_shape(each) for each in seals],
    }


ORDER = ("wrong_truck", "foreign", "left_behind", "doubtful", "expected", "loaded")
LAST = len(ORDER) - 1


def _rank(each: LoadUnit) -> int:
    return ORDER.index(each["state"])


def _unit(name: str, said: Row | None, wanted: Row | None, mark: Row | None) -> LoadUnit:
    booked, scanned = bool(wanted and wanted["booked"]), bool(mark and mark["kind"] == "scan")
    state = said["state"] if said else "expected"
    if state in ("expected", "doubtful") and (booked or scanned):
        state = "loaded"
    return {
        "unit": name,
        "state": state,
        "chance": round(said["chance"], 4) if said else 0.0,
        "stop": (wanted["drop_seq"] if wanted else 0) or None,
        "other": (said["other"] if said else "") or None,
        "orders": wanted["orders"] if wanted else [],
        "loaded_at": when(mark["at"] if mark and mark["kind"] != "left" else said["loaded_at"] if said else None),
        "by_scan": scanned or bool(said and said["by_scan"]),
        "booked": booked,
        "left": mark["reason"] if mark and mark["kind"] == "left" else None,
        "blocked_by": said["blocked_by"] if said else [],
        "revision": said["revision"] if said else 0,
    }


@router.get("/shipments/{shipment_id}/load-check", response_model=LoadCheck)
async def get_load_check(request: Request, caller: Reader, shipment_id: Shipment) -> Json:
    """What is on the vehicle by portals and people: what is wrong first. The topic `loads` tells when it changes."""
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        found = await load_check(session, shipment_id)
    return one(request, found)


@router.get("/shipments/{shipment_id}/load-check/history", response_model=Items[LoadWord])
async def list_load_words(
    request: Request,
    caller: Reader,
    shipment_id: Shipment,
    unit: Annotated[str | None, Query(max_length=80)] = None,
    limit: Limit = 200,
) -> Json:
    """What was said of units, the newest first: late reads amend it, nothing is forgotten."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        if await session.row(queries("loading")["shipment"], name=shipment_id) is None:
            raise not_found()
        rows = await session.rows(queries("loading")["units_said"], name=shipment_id, unit=unit, limit=limit)
    return Page([_word(row) for row in rows])


def _word(row: Row) -> LoadWord:
    return {
        "unit": row["unit"],
        "revision": row["revision"],
        "state": row["state"],
        "chance": round(row["chance"], 4),
        "other": row["other"] or None,
        "loaded_at": when(row["loaded_at"]),
        "by_scan": row["by_scan"],
        "decided_at": when(row["decided_at"]),
        "retracted": row["retracted"],
        "superseded_at": when(row["superseded_at"]),
    }


async def _changed(session: Session, name: str, orders: tuple[str, ...], check: LoadCheck) -> None:
    """Tells pages; the last statement of a transaction."""
    found = (await read_shipments(session, datetime.now(UTC), name=name))[0]
    told = [news(row) for row in await session.rows(queries("orders")["told"], names=list(orders))] if orders else []
    wrong = sum(check["counts"].get(state, 0) for state in ("wrong_truck", "foreign"))
    data = {"id": name, "revision": check["revision"], "wrong": wrong, "departed": check["departed_at"] is not None}
    data["missing"] = sum(not (each["booked"] or each["left"]) for each in check["units"] if each["orders"])
    loads = [{"id": name, "op": "tell", "data": data}]
    await emit(session, shipments=[put(name, found)], orders=told, loads=loads)


@router.post("/shipments/{shipment_id}/loading", response_model=LoadingDone)
async def post_loading(request: Request, caller: OrderWorker, shipment_id: Shipment, given: LoadingIn) -> Json:
    """Confirms what is on board: goods move to the vehicle in the book, orders' lines are loaded; all of it or nothing.

    409: a unit is not to go with it (it says with which), or who asks may not load.
    """
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        script = load(shipment_id, given.told(), to_us(datetime.now(UTC)), caller.user, who_is(caller))
        with refusing():
            done = await session.perform(script, _named())
        if done.loaded or done.left:
            detail = given.model_dump(mode="json", exclude_none=True)
            await audit(session, caller, "shipment.load", shipment_id, **detail)
            await session.perform(issue(shipment_id, datetime.now(UTC), first=False), _named())
        check = await load_check(session, shipment_id)
        if done.loaded or done.left:
            await _changed(session, shipment_id, done.orders, check)
    return Json(LoadingDone(loaded=list(done.loaded), left=list(done.left), check=check))


@router.delete("/shipments/{shipment_id}/loading/{unit_id}", response_model=LoadCheck)
async def delete_loading(
    request: Request,
    caller: OrderWorker,
    shipment_id: Shipment,
    unit_id: Annotated[UnitCode, Path(max_length=80)],
    step: Annotated[str, Query(max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]*$", description="your id of it")],
    reason: Annotated[Text | None, Query(description="why")] = None,
) -> Json:
    """Takes back what was confirmed of a unit: it is where it stood before, or is not left any more."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        now_us = to_us(datetime.now(UTC))
        script = unload(shipment_id, unit_id, step, reason or "", now_us, caller.user, who_is(caller))
        with refusing():
            done = await session.perform(script, _named())
        await audit(session, caller, "shipment.unload", shipment_id, unit=unit_id, reason=reason or "")
        await session.perform(issue(shipment_id, datetime.now(UTC), first=False), _named())
        check = await load_check(session, shipment_id)
        await _changed(session, shipment_id, done.orders, check)
    return Json(check)


@router.get("/shipments/{shipment_id}/pre-cooling", response_model=PreCooling)
async def get_pre_cooling(request: Request, caller: Reader, shipment_id: Shipment) -> Json:
    """Whether the vehicle is as cold as its goods need, by what its probes said in the last quarter of an hour."""
    now = datetime.now(UTC)
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        row = await session.row(queries("loading")["shipment"], name=shipment_id)
        if row is None:
            raise not_found()
        shipment = {"id": row["key"], "profile_id": row["profile_id"]}
        found = await session.perform(cooled(shipment, now, now - RECENT), _named())
    return Json({"verdict": found.verdict, "words": found.words, "at": when(now), "probes": found.shown()})


@router.post("/shipments/{shipment_id}/seal", response_model=LoadCheck)
async def post_seal(request: Request, caller: OrderWorker, shipment_id: Shipment, given: SealIn) -> Json:
    """Seals the vehicle. 409: something is neither on board nor left, or it is not as cold as its goods need.

    With a reason it is sealed though it is too warm, too cold, or nobody knows; the reason is kept.
    """
    now = datetime.now(UTC)
    told = given.told(now)
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        with refusing():
            found = await session.perform(seal(shipment_id, told, told.at - RECENT, to_us(now), caller.user), _named())
        detail = {"numbers": list(told.numbers), "cooling": found.verdict, "reason": told.reason}
        await audit(session, caller, "shipment.seal", shipment_id, **detail)
        with refusing():
            await session.perform(issue(shipment_id, now, first=True), _named())
        check = await load_check(session, shipment_id)
        await _changed(session, shipment_id, (), check)
    return Json(check)


@router.post("/shipments/{shipment_id}/seal-check", response_model=SealChecked)
async def post_seal_check(request: Request, caller: OrderWorker, shipment_id: Shipment, given: SealIn) -> Json:
    """Compares the numbers that stand on the seals where it arrives with those that were put on; both are kept."""
    now = datetime.now(UTC)
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        with refusing():
            strange, missing = await session.perform(
                check_seal(shipment_id, given.told(now), to_us(now), caller.user), _named()
            )
        detail = {"numbers": given.numbers, "strange": strange, "missing": missing}
        await audit(session, caller, "shipment.seal-check", shipment_id, **detail)
    return Json(SealChecked(unbroken=not strange and not missing, strange=strange, missing=missing))
