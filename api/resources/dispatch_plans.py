"""Plans of dispatch: proposed from orders, changed by hand with a quote, accepted as shipments, or discarded."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

import orjson
from fastapi import Path, Query, Request
from pydantic import ConfigDict, Field, model_validator
from typing_extensions import TypedDict

from api.database import Row, Session
from api.feed.emit import emit, put
from api.http.audit import audit
from api.http.auth import Planner, Reader
from api.http.caller import Caller
from api.http.context import context_of
from api.http.inputs import Name, ShipmentName, Strict
from api.http.jsons import Json
from api.http.paging import Cursor, Items, Limit, decode, shaped_page
from api.http.problems import Problem, not_found, refusing
from api.http.routes import resource
from api.resources.shared.dispatch.accepting import rounds_of
from api.resources.shared.dispatch.gather import (
    Costs,
    Day,
    Gathered,
    day_of,
    jobs_of,
    moment,
    order_rows,
    site_row,
    travel_of,
    truck_of,
    vehicle_rows,
)
from api.resources.shared.dispatch.running import Asked, Running, running
from api.resources.shared.dispatch.shapes import (
    DispatchBroken,
    DispatchPlan,
    DispatchPlanHead,
    DispatchTotals,
    Opened,
    broken_shape,
    head_shape,
    kept_left_out,
    opened,
    plan_shape,
    summary_of,
    totals_shape,
)
from api.resources.shared.dispatch.solving import solved
from api.resources.shared.ledger import Word
from api.resources.shared.orders import Code
from api.resources.shared.shipments import read_shipments
from api.resources.shared.vehicles import read_vehicles
from domain.orders.news import news
from operations.dispatch.record import accept
from planning.dispatch.board import Broken
from planning.dispatch.quotes import Change, Sum, locked, quote, sum_of
from planning.dispatch.work import JOBS_MAX, TRUCKS_MAX, WORK, Weights, Work, WorkError
from store.db import queries

router = resource(tags=["dispatch"])
PLANS_MAX = 200
"""Proposals and discards before these newest plans are forgotten."""
PlanId = Annotated[int, Path(ge=1, le=2**62)]
Clock = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
Orders = Annotated[list[Code], Field(max_length=JOBS_MAX)]
Vehicles = Annotated[list[Name], Field(max_length=TRUCKS_MAX)]
Money = Annotated[float, Field(ge=0, le=1e6)]


class CostsIn(Strict):
    """What vehicles cost, in one's own money: each that is used, a kilometre, an hour from leaving to coming home."""

    fixed: Money = 80.0
    per_km: Money = 0.9
    per_hour: Money = 35.0


class WeightsIn(Strict):
    """What is worth what: an order that comes late for sure, a kg CO2e, an order with another vehicle than before."""

    late: Money = 50.0
    kgco2e: Money = 0.1
    change: Money = 10.0


class _PlanIn(Strict):
    """What plans have in common. `begin` and `end`: between these times of the site's day vehicles are on the road."""

    site: Name
    day: date
    begin: Clock = "06:00"
    end: Clock = "20:00"
    vehicles: Vehicles | None = None
    hours: Literal["eu", "us", "none"] = "eu"
    costs: CostsIn = CostsIn()
    weights: WeightsIn = WeightsIn()
    late_max: Annotated[float, Field(ge=0.01, le=1)] = 0.1
    seconds: Annotated[float, Field(ge=0.5, le=10)] = 4.0
    reason: Word = ""


class DispatchPlanIn(_PlanIn):
    """A day to plan: orders of a site, all that are due when none are named; vehicles, all that are free."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"site": "dc-1", "day": "2026-12-01", "seconds": 4}]})

    orders: Orders | None = None


class ReplanIn(_PlanIn):
    """A running day to plan again.

    `out`: vehicles that drive no more; `near_min`: stops expected within so many minutes stay; `add_due`: with orders
    that are on no shipment yet.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"site": "dc-1", "day": "2026-12-01", "out": ["truck-03"], "near_min": 15}]}
    )

    out: Vehicles = Field(default_factory=list)
    locked_orders: Orders = Field(default_factory=list)
    locked_shipments: Annotated[list[ShipmentName], Field(max_length=TRUCKS_MAX)] = Field(default_factory=list)
    near_min: Annotated[float, Field(ge=0, le=240)] = 15.0
    add_due: bool = True


class DispatchChange(Strict):
    """An order goes to another vehicle or place, or is `locked` to the vehicle that has it, or let go.

    `vehicle` null: nobody brings it; `at`: before the stop of that place in its round, from 0; null: where it costs
    least.
    """

    order: Code
    vehicle: Name | None = None
    at: Annotated[int, Field(ge=0, le=JOBS_MAX)] | None = None
    locked: bool | None = None

    @model_validator(mode="after")
    def _one_thing(self) -> DispatchChange:
        if self.locked is not None and self.model_fields_set & {"vehicle", "at"}:
            raise ValueError("locked: move it or lock it, each as a change of its own")
        if self.locked is None and "vehicle" not in self.model_fields_set:
            raise ValueError("vehicle: say which one brings it, null for none; or say locked")
        return self


class DispatchChangesIn(Strict):
    """Changes of a plan at a `version`, all of them or none; with `dry_run` only what they would come to."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"version": 1, "changes": [{"order": "SO-7", "vehicle": "truck-02", "at": 1}], "dry_run": True}
            ]
        }
    )

    version: Annotated[int, Field(ge=1)]
    changes: Annotated[list[DispatchChange], Field(min_length=1, max_length=50)]
    dry_run: bool = False


class DispatchVersion(Strict):
    """The version that was looked at."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"version": 2}]})

    version: Annotated[int, Field(ge=1)]


class DispatchQuote(TypedDict):
    """The plan as it is (would be) then, what that adds, and which limits it breaks, or breaks more."""

    plan: DispatchPlan
    added: DispatchTotals
    broken: list[DispatchBroken]
    dry_run: bool


class DispatchAccepted(TypedDict):
    """The plan, and the shipments that it became."""

    plan: DispatchPlan
    shipments: list[str]


@router.get("/dispatch-plans", response_model=Items[DispatchPlanHead])
async def list_plans(
    request: Request,
    caller: Reader,
    site: Annotated[str | None, Query(max_length=64)] = None,
    day: date | None = None,
    status: Literal["proposed", "accepted", "discarded"] | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Json:
    """Plans, the newest first."""
    after = decode(cursor, (int,))[0] if cursor else None
    asked = {"site": site, "day": day, "status": status}
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        rows = await session.rows(queries("dispatch")["plans"], after=after, limit=limit + 1, **asked)
    return shaped_page(request, rows, limit, lambda each: [each["key"]], head_shape)


@router.get("/dispatch-plans/{plan_id}", response_model=DispatchPlan)
async def get_plan(request: Request, caller: Reader, plan_id: PlanId) -> Json:
    """One plan with its rounds, what each stop and vehicle comes to, and why orders are left out."""
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        row = await _row(session, plan_id)
    return Json(await asyncio.to_thread(_shown, row))


@router.post("/dispatch-plans", response_model=DispatchPlan, status_code=201)
async def post_plan(request: Request, caller: Planner, given: DispatchPlanIn) -> Json:
    """Proposes which vehicle brings which order when; nothing becomes of it before it is accepted.

    422: there is no such site, order or vehicle, or too much of them; 429: other plans are being made.
    """
    now, found = datetime.now(UTC), Gathered()
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        site = await site_row(session, given.site)
        day = day_of(given.day, site["tz"], given.begin, given.end)
        rows = await order_rows(session, site["id"], day.end_s, given.orders)
        if lost := set(given.orders or ()) - {row["id"] for row in rows}:
            raise Problem(422, f"orders: {given.site} has no {min(lost)} with goods to bring")
        for row in rows:
            if row["shipment"] is not None:
                found.exclude(row["id"], "other_shipment", row["shipment"])
        await jobs_of(session, [row for row in rows if row["shipment"] is None], day, found)
        for row in await vehicle_rows(session, day, given.vehicles):
            if row["busy"] is not None:
                found.note(row["id"], "busy", row["busy"])
            if row["busy"] is None or given.vehicles is not None:
                found.trucks.append(truck_of(row, site, day, _costs(given), given.hours, found, int(now.timestamp())))
        travel = await travel_of(session, site["tz"], now)
    work = _work(given, found, travel)
    said = await solved(work, given.seconds)
    return await _keep(request, caller, given, site, day, work, said, found, "plan")


@router.post("/dispatch-plans/replan", response_model=DispatchPlan, status_code=201)
async def post_replan(request: Request, caller: Planner, given: ReplanIn) -> Json:
    """Proposes how a running day goes on: from where vehicles are, with what is on board where it is.

    409: no shipment of that day carries orders of the site.
    """
    now = datetime.now(UTC)
    asked = Asked(
        frozenset(given.out), frozenset(given.locked_orders), frozenset(given.locked_shipments),
        round(60 * given.near_min), given.add_due, given.vehicles,
    )  # fmt: skip
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        site = await site_row(session, given.site)
        day = day_of(given.day, site["tz"], given.begin, given.end)
        found = await running(session, site, day, now, asked, _costs(given), given.hours)
        travel = await travel_of(session, site["tz"], now)
    work = _work(given, found, travel)
    said = await solved(work, given.seconds, found.start)
    return await _keep(request, caller, given, site, day, work, said, found, "replan")


def _costs(given: _PlanIn) -> Costs:
    return Costs(**given.costs.model_dump())


def _work(given: _PlanIn, found: Gathered, travel: Any) -> Work:
    try:
        return Work(
            tuple(found.jobs), tuple(found.trucks), travel, Weights(**given.weights.model_dump()), given.late_max
        )
    except WorkError as error:
        raise Problem(422, str(error)) from None


async def _keep(
    request: Request,
    caller: Caller,
    given: _PlanIn,
    site: Row,
    day: Day,
    work: Work,
    said: dict[str, Any],
    found: Gathered,
    kind: str,
) -> Json:
    row = {"work": WORK.dump_python(work, mode="json"), "routes": said["routes"], "left_out": said["left_out"]}
    plan = await asyncio.to_thread(opened, row)
    q = queries("dispatch")
    held = {"before": found.before, "kept": found.kept} if isinstance(found, Running) else {"before": {}, "kept": {}}
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        made = await session.row(
            q["add_plan"], site=site["id"], day=given.day, begin=moment(day.begin_s), end=moment(day.end_s), kind=kind,
            reason=given.reason, excluded=_json(found.excluded), notes=_json(found.notes), by=caller.user,
            summary=_json(summary_of(plan.plan)), **{name: _json(value) for name, value in (row | held).items()},
        )  # fmt: skip
        key = (made or {})["id"]
        await session.run(q["trim_plans"], most=PLANS_MAX)
        await audit(session, caller, "dispatch.create", str(key), **given.model_dump(mode="json", exclude_none=True))
        kept = await _row(session, key)
    return Json(await asyncio.to_thread(plan_shape, kept, plan), 201)


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


async def _row(session: Session, plan_id: int, *, locked: bool = False) -> Row:
    row = await session.row(queries("dispatch")["plan_locked" if locked else "plan"], id=plan_id)
    if row is None:
        raise not_found()
    return row


async def _proposed(session: Session, plan_id: int, version: int | None) -> Row:
    """A plan that can still be changed, kept for this transaction alone."""
    row = await _row(session, plan_id, locked=True)
    if row["status"] != "proposed":
        raise Problem(409, f"it is {row['status']}: make another plan")
    if version is not None and row["version"] != version:
        raise Problem(409, f"it is at version {row['version']} by now: look again")
    return row


def _shown(row: Row) -> DispatchPlan:
    return plan_shape(row, opened(row))


@router.post("/dispatch-plans/{plan_id}/changes", response_model=DispatchQuote)
async def change_plan(request: Request, caller: Planner, plan_id: PlanId, given: DispatchChangesIn) -> Json:
    """Moves orders to other vehicles or places, takes them out, locks them; says what that comes to.

    A change that breaks a limit is made all the same, and says which. 409: somebody has changed the plan since.
    """
    q = queries("dispatch")
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        row = await _proposed(session, plan_id, given.version)
        before, after, broken = await asyncio.to_thread(_changed, row, given.changes)
        if not given.dry_run:
            now = {
                "work": WORK.dump_python(after.board.work, mode="json"),
                "routes": {truck: list(jobs) for truck, jobs in after.plan.routes.items()},
                "left_out": kept_left_out(after.plan),
                "summary": summary_of(after.plan),
            }
            await session.row(q["change_plan"], id=plan_id, **{name: _json(value) for name, value in now.items()})
            detail = given.model_dump(mode="json", exclude_unset=True)
            await audit(session, caller, "dispatch.change", str(plan_id), **detail)
            row = await _row(session, plan_id)
    shown = await asyncio.to_thread(plan_shape, row, after)
    added = Sum(*(b - a for a, b in zip(before, sum_of(after.plan.figures), strict=True)))  # type: ignore[arg-type] # its own
    return Json(
        DispatchQuote(plan=shown, added=totals_shape(added), broken=broken_shape(broken), dry_run=given.dry_run)
    )


def _changed(row: Row, changes: list[DispatchChange]) -> tuple[Sum, Opened, list[tuple[str, Broken]]]:
    found = opened(row)
    before = sum_of(found.plan.figures)
    broken: list[tuple[str, Broken]] = []
    try:
        for each in changes:
            if each.locked is not None:
                found = Opened(locked(found.board, found.plan, each.order, lock=each.locked), found.plan)
                continue
            said = quote(found.board, found.plan, Change(each.order, each.vehicle, each.at))
            found = Opened(found.board, said.plan)
            broken += said.broken
    except WorkError as error:
        raise Problem(422, str(error)) from None
    return before, found, broken


@router.post("/dispatch-plans/{plan_id}/acceptance", response_model=DispatchAccepted)
async def accept_plan(request: Request, caller: Planner, plan_id: PlanId, given: DispatchVersion) -> Json:
    """Makes and changes shipments as the plan says, all or none.

    409: an order has changed since, is on another shipment, or a vehicle has gone on; plan again.
    """
    named = {**queries("shipment_orders"), **queries("dispatch")}
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        row = await _proposed(session, plan_id, given.version)
        found = await asyncio.to_thread(opened, row)
        told, freed = await rounds_of(session, row, found)
        with refusing():
            names = await session.perform(accept(told, freed, caller.user), named)
        await session.run(queries("dispatch")["decide_plan"], id=plan_id, status="accepted", by=caller.user)
        detail = {"shipments": names, **given.model_dump()}
        await audit(session, caller, "dispatch.accept", str(plan_id), **detail)
        await session.run(queries("registry")["notify_registry"])
        row = await _row(session, plan_id)
        shipments = await read_shipments(session, datetime.now(UTC), names=[*names, *freed])
        vehicles = await read_vehicles(session, names=sorted({each.vehicle for each in told}))
        orders = await session.rows(queries("orders")["told"], names=[*found.board.jobs])
        await emit(
            session,
            shipments=[put(each["id"], each) for each in shipments],
            vehicles=[put(each["id"], each) for each in vehicles],
            orders=[news(each) for each in orders],
        )
    return Json(DispatchAccepted(plan=await asyncio.to_thread(plan_shape, row, found), shipments=names))


@router.post("/dispatch-plans/{plan_id}/discard", response_model=DispatchPlan)
async def discard_plan(request: Request, caller: Planner, plan_id: PlanId) -> Json:
    """Nothing becomes of it; told again it changes nothing. 409: it is accepted."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        row = await _row(session, plan_id, locked=True)
        if row["status"] == "accepted":
            raise Problem(409, "it is accepted: change its shipments, or plan the day again")
        if row["status"] == "proposed":
            await session.run(queries("dispatch")["decide_plan"], id=plan_id, status="discarded", by=caller.user)
            await audit(session, caller, "dispatch.discard", str(plan_id))
            row = await _row(session, plan_id)
    return Json(await asyncio.to_thread(_shown, row))
