"""Who is told of alerts when: the table of routes, what it would do, and how far telling is of an alert."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from itertools import pairwise
from typing import Annotated, Any

from fastapi import Request
from psycopg.types.json import Jsonb
from pydantic import AfterValidator, ConfigDict, Field, model_validator
from typing_extensions import TypedDict

from api.database import Session
from api.http.audit import audit
from api.http.auth import ChannelKeeper, Reader
from api.http.context import context_of
from api.http.inputs import Name, Strict, Text, zone_name
from api.http.instants import Instant
from api.http.jsons import Json, Time, now_text, when
from api.http.problems import Problem, key_of, not_found
from api.http.routes import resource
from api.http.things import one
from domain.alert_routes import CHANNELS_MAX, GROUP_MAX_S, REPEATS_MAX, ROUTES_MAX, STEPS_MAX, routes_of
from operations.escalation.decide import Alert, Told, moved, plan, timeline
from operations.escalation.record import alert_of, state_of
from store.db import queries

router = resource(tags=["channels"])
DAY_S, WEEK_S = 86_400, 7 * 86_400
PREVIEW_MAX = 200
YEARS = range(2000, 2200)

Kind = Annotated[str, Field(pattern="^[a-z_]{1,40}$")]
Severity = Annotated[str, Field(pattern="^(warning|critical)$")]
Some: Any = Field(default=[], max_length=200)
Clock = Annotated[str, Field(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$")]
Zone = Annotated[str, AfterValidator(zone_name), Field(max_length=64)]
Fleet = Annotated[Text, Field(max_length=100)]


class FitIn(Strict):
    """Which alerts a route is for; what names nothing fits all."""

    kinds: Annotated[list[Kind], Some]
    severities: Annotated[list[Severity], Some]
    vehicles: Annotated[list[Name], Some]
    fleets: Annotated[list[Fleet], Some]
    sites: Annotated[list[Name], Some]


class HoursIn(Strict):
    """When a route tells: days (Monday is 1) and hours of a zone, perhaps into the next day. Else it waits."""

    model_config = ConfigDict(populate_by_name=True)

    days: Annotated[list[Annotated[int, Field(ge=1, le=7)]], Field(min_length=1, max_length=7)]
    since: Annotated[Clock, Field(alias="from")]
    until: Clock
    tz: Zone


class StepIn(Strict):
    """By which channels is told, so long behind the beginning."""

    after_s: Annotated[int, Field(ge=0, le=WEEK_S)]
    channels: Annotated[list[Name], Field(min_length=1, max_length=CHANNELS_MAX)]


class AlertRouteIn(Strict):
    """A route: which alerts, at which hours, by which channels after how long until somebody acknowledges.

    `repeats` reminders by the last step, `repeat_s` apart. Alerts that begin within `group_s` are one message.
    """

    name: Name
    alerts: FitIn = FitIn(kinds=[], severities=[], vehicles=[], fleets=[], sites=[])
    schedule: HoursIn | None = None
    critical_pierces: bool = False
    steps: Annotated[list[StepIn], Field(min_length=1, max_length=STEPS_MAX)]
    repeat_s: Annotated[int, Field(ge=0, le=DAY_S)] = 0
    repeats: Annotated[int, Field(ge=0, le=REPEATS_MAX)] = 0
    group_s: Annotated[int, Field(ge=0, le=GROUP_MAX_S)] = 60
    cleared: bool = True

    @model_validator(mode="after")
    def _makes_sense(self) -> AlertRouteIn:
        after = [step.after_s for step in self.steps]
        if any(b <= a for a, b in pairwise(after)):
            raise ValueError("steps: each later than the one before")
        if bool(self.repeat_s) != bool(self.repeats) or 0 < self.repeat_s < 60:
            raise ValueError("repeat_s, repeats: both, a minute apart at least, or neither")
        return self


ROUTE: Any = {
    "name": "night",
    "alerts": {"severities": ["critical"]},
    "schedule": {"days": [1, 2, 3, 4, 5, 6, 7], "from": "22:00", "until": "06:00", "tz": "Europe/Helsinki"},
    "steps": [{"after_s": 0, "channels": ["night-shift"]}, {"after_s": 900, "channels": ["manager"]}],
    "repeat_s": 1800,
    "repeats": 3,
}


class AlertRoutesIn(Strict):
    """The whole table, in the order in which it is shown. Without routes, channels are told what each wants."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"routes": [ROUTE]}]})

    routes: Annotated[list[AlertRouteIn], Field(max_length=ROUTES_MAX)]

    @model_validator(mode="after")
    def _named(self) -> AlertRoutesIn:
        if len({route.name for route in self.routes}) < len(self.routes):
            raise ValueError("routes: two have the same name")
        return self


class ExampleIn(Strict):
    """An alert that might be."""

    kind: Kind = "temperature"
    severity: Severity = "critical"
    vehicle: Name | None = None
    fleet: Fleet | None = None
    site: Name | None = None


class PreviewIn(Strict):
    """An alert that begins `at` (now), nobody acknowledges and that lasts; by `routes`, else those that count."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"alert": {"kind": "temperature", "severity": "critical"}, "at": "2026-11-29T23:00:00Z"}]
        }
    )

    alert: ExampleIn = ExampleIn()
    at: Instant | None = None
    routes: Annotated[list[AlertRouteIn], Field(max_length=ROUTES_MAX)] | None = None


class AlertFit(TypedDict):
    """Which alerts a route is for; what names nothing fits all."""

    kinds: list[str]
    severities: list[str]
    vehicles: list[str]
    fleets: list[str]
    sites: list[str]


RouteHours = TypedDict("RouteHours", {"days": list[int], "from": str, "until": str, "tz": str})


class RouteStep(TypedDict):
    """By which channels is told, so long behind the beginning."""

    after_s: int
    channels: list[str]


class AlertRoute(TypedDict):
    """Which alerts are told at which hours, by which channels after how long."""

    name: str
    alerts: AlertFit
    schedule: RouteHours | None
    critical_pierces: bool
    steps: list[RouteStep]
    repeat_s: int
    repeats: int
    group_s: int
    cleared: bool


class AlertRoutes(TypedDict):
    """The table of routes; empty: channels are told what each wants."""

    routes: list[AlertRoute]
    changed_at: Time | None
    changed_by: str | None


class RouteTold(TypedDict):
    """What is told: by which `step` of a route (from 0; -1: its end), `nth` 0 at first and then reminders."""

    at: Time
    route: str
    step: int
    nth: int
    what: str
    channels: list[str]


class RoutePreview(TypedDict):
    """What would be told, in its order; nothing: nobody is told."""

    told: list[RouteTold]


class AlertEscalation(TypedDict):
    """What routes told of an alert, the last 200, and what they tell next if nothing happens until then."""

    told: list[RouteTold]
    next: RouteTold | None


def _kept(routes: Iterable[AlertRouteIn]) -> list[dict[str, Any]]:
    return [route.model_dump(mode="json", by_alias=True) for route in routes]


def _shape(told: Told) -> dict[str, Any]:
    found = told._asdict()
    del found["round"]
    return {**found, "at": when(told.at), "channels": list(told.channels)}


async def _names(session: Session, kept: Collection[Mapping[str, Any]]) -> set[str]:
    """Channels for alerts.

    Raises:
        Problem: 422, a route names another.
    """
    names = {row["name"] for row in await session.rows(queries("escalation")["staff_channels"])}
    for n, route in enumerate(kept):
        for step in route["steps"]:
            for each in step["channels"]:
                if each not in names:
                    raise Problem(422, f"routes.{n}.steps: there is no channel {each} for alerts")
    return names


@router.get("/alert-routes", response_model=AlertRoutes)
async def get_alert_routes(request: Request, caller: ChannelKeeper) -> Json:
    """Who is told of alerts when."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        return await _table(request, session)


async def _table(request: Request, session: Session) -> Json:
    row = await session.row(queries("escalation")["routes"])
    shape = {
        "routes": row["routes"] if row else [],
        "changed_at": when(row["changed_at"]) if row else None,
        "changed_by": row["changed_by"] if row else None,
    }
    return one(request, shape, live={"changed_at", "changed_by"})


@router.put("/alert-routes", response_model=AlertRoutes)
async def put_alert_routes(request: Request, caller: ChannelKeeper, given: AlertRoutesIn) -> Json:
    """Another table. What was told is not told again; what is open and not acknowledged goes on by the new one."""
    q, kept = queries("escalation"), _kept(given.routes)
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        await _names(session, kept)
        await session.run(q["put_routes"], routes=Jsonb(kept), actor=caller.user)
        await session.run(q["look_again" if kept else "forget"])
        await audit(session, caller, "routes.change", "alert-routes", routes=kept)
        return await _table(request, session)


@router.post("/alert-routes/preview", response_model=RoutePreview)
async def preview_alert_routes(request: Request, caller: ChannelKeeper, given: PreviewIn) -> Json:
    """What would be told of an alert, and when, if nobody acknowledged it. Changes nothing, tells nobody."""
    at = given.at or datetime.now(UTC)
    if at.year not in YEARS:
        raise Problem(422, f"at: a year from {YEARS[0]} to {YEARS[-1]}")
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        row = await session.row(queries("escalation")["routes"])
        kept = _kept(given.routes) if given.routes is not None else row["routes"] if row else []
        names = await _names(session, kept)
    example = given.alert
    alert = Alert(example.kind, example.severity, at, vehicle=example.vehicle, fleet=example.fleet, site=example.site)
    told = timeline(alert, routes_of(kept), names, PREVIEW_MAX)
    return Json({"told": [_shape(each) for each in told]})


@router.get("/alerts/{alert_id}/escalation", response_model=AlertEscalation)
async def get_alert_escalation(request: Request, caller: Reader, alert_id: str) -> Json:
    """Who was told of an alert by routes, and who is next."""
    q, key = queries("escalation"), key_of(alert_id)
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        if await session.row(q["is_alert"], alert=key) is None:
            raise not_found()
        row = await session.row(q["escalating"], alert=key, now=now_text(), until=None)
        table = await session.row(q["routes"])
    if row is None:
        return Json({"told": [], "next": None})
    alert, now = alert_of(row), datetime.now(UTC)
    state = moved(state_of(row["state"]), alert, now)
    items = plan(state, alert, routes_of(table["routes"] if table else []))
    following = min(items, key=lambda item: item.due_at, default=None)
    coming = following and Told(
        state.round,
        following.route,
        following.step,
        following.nth,
        following.what,
        following.due_at,
        following.channels,
    )
    return Json({"told": [_shape(each) for each in state.told], "next": _shape(coming) if coming else None})
