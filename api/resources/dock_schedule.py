"""A dock's doors in time: who is booked, who stands there, what collides, and a proposal that a person accepts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from fastapi import Path, Request
from pydantic import ConfigDict, Field
from typing_extensions import TypedDict

from api.database import Row, Session
from api.http.audit import audit
from api.http.auth import OrderWorker, Reader
from api.http.context import context_of
from api.http.inputs import Name, Strict, TellersName
from api.http.instants import Instant
from api.http.jsons import Json, Time, when
from api.http.problems import Problem, not_found, refusing
from api.http.routes import resource
from api.resources.shared.docks import (
    STAYS_MAX,
    DockAppointment,
    appointment,
    appointments_between,
    seen,
    tell_docks,
    with_told,
)
from api.resources.shared.spans import Since, Until, span
from operations.docks.record import MoveTold, move
from planning.docks.service import Service, learned
from planning.docks.slots import Booked, Conflict, Door, conflicts, replanned
from planning.docks.turns import Actual, state
from store.db import queries

router = resource(tags=["loading"])
SiteName = Annotated[str, Path(max_length=64)]
MOST = 500
DAY = timedelta(days=1)
Kind = Literal["overlap", "temp_class", "vehicle", "late", "early"]


class DockDoor(TypedDict):
    """A door, and which goods it is for: null, any."""

    door: str
    label: str
    temp_class: str | None


class DockConflict(TypedDict):
    """What cannot go well: `overlap`, another one at that door; `temp_class`, a door for other goods.

    `vehicle`: it is booked at two doors at once; `late`, `early`: expected otherwise by more than a slot.
    """

    kind: Kind
    other: str | None


class Scheduled(DockAppointment):
    """An appointment and what collides with it."""

    conflicts: list[DockConflict]


class DockStay(TypedDict):
    """A vehicle at a door; `expected_end` from how long such dockings take, while it stands there."""

    docking: str
    door: str
    vehicle: str
    vehicle_label: str
    appointment: str | None
    began_at: Time | None
    ended_at: Time | None
    expected_end: Time | None


class ServiceTime(TypedDict):
    """Minutes at a door: fixed and for each pallet, the spread around it, and from how many dockings."""

    direction: str
    fixed_min: float
    per_pallet_min: float
    spread_min: float
    n: int


class DockSchedule(TypedDict):
    """A dock from a time to another."""

    site: str
    label: str
    tz: str
    since: Time | None
    until: Time | None
    now: Time | None
    slot_min: int
    doors: list[DockDoor]
    appointments: list[Scheduled]
    dockings: list[DockStay]
    service: list[ServiceTime]


class CheckIn(Strict):
    """An appointment as it would be; `id`: the one that it is now."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"door": "door-2", "direction": "inbound", "temp_class": "chilled",
                                         "begins_at": "2026-12-01T08:00:00Z", "ends_at": "2026-12-01T09:00:00Z"}]}
    )  # fmt: skip

    id: TellersName | None = None
    door: Name | None = None
    direction: Annotated[str, Field(pattern="^(inbound|outbound)$")] = "inbound"
    vehicle: Name | None = None
    temp_class: Annotated[str, Field(pattern="^(ambient|chilled|frozen)$")] | None = None
    pallets: Annotated[int, Field(ge=0, le=1000)] | None = None
    begins_at: Instant
    ends_at: Instant


class Checked(TypedDict):
    """What would collide, and how long it would take: half of such dockings, the spread, and from how many."""

    conflicts: list[DockConflict]
    service_min: float
    spread_min: float
    n: int


class ProposalIn(Strict):
    """A slot: what is expected otherwise by more is booked anew, and proposed times begin on one."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"slot_min": 15}]})

    slot_min: Annotated[int, Field(ge=5, le=120)] = 15
    hours: Annotated[int, Field(ge=1, le=72, description="so far ahead")] = 24


class ProposedMove(TypedDict):
    """Where an appointment would go, and why it cannot stay."""

    id: str
    version: int
    door: str
    begins_at: Time | None
    ends_at: Time | None
    was_door: str | None
    was_begins_at: Time | None
    why: list[DockConflict]
    waits_min: float


class DockProposal(TypedDict):
    """Moves that are proposed; `waiting`: minutes, each by how quickly its goods spoil. `out`: no door takes them."""

    moves: list[ProposedMove]
    waiting: float
    out: list[str]


class MoveIn(Strict):
    """Where an appointment goes, as it was seen."""

    id: TellersName
    version: Annotated[int, Field(ge=1)]
    door: Name | None = None
    begins_at: Instant
    ends_at: Instant


class MovesIn(Strict):
    """Moves that are done all together."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"moves": [{"id": "A-1001", "version": 1, "door": "door-1",
                                                    "begins_at": "2026-12-01T09:00:00Z",
                                                    "ends_at": "2026-12-01T10:00:00Z"}]}]}
    )  # fmt: skip

    moves: Annotated[list[MoveIn], Field(min_length=1, max_length=100)]


class MovesDone(TypedDict):
    """How many were moved."""

    moved: int


class _Dock:
    """What is known of a dock in a span."""

    def __init__(self, now: datetime, site: Row, doors: Sequence[Row], rows: Sequence[Row]) -> None:
        self.now, self.site, self.rows = now, site, rows
        self.origin = now.replace(minute=0, second=0, microsecond=0)  # so that slots begin as clocks do
        self.doors = [Door(row["door"], row["temp_class"]) for row in doors]
        self.shown_doors: list[DockDoor] = [
            {"door": row["door"], "label": row["label"], "temp_class": row["temp_class"]} for row in doors
        ]
        self.actual: dict[int, Actual] = {}
        self.dockings: Sequence[Row] = ()
        self.service: Mapping[str, Service] = {}

    def minute(self, at: datetime) -> int:
        """Minutes from the hour that it is."""
        return int((at - self.origin).total_seconds() // 60)

    def at(self, minute: int) -> datetime:
        """The time of it, at a whole minute."""
        return self.origin + timedelta(minutes=minute)

    def booked(self) -> list[Booked]:
        """Those that are still to come or to go."""
        return [self._booked(row) for row in self.rows if self.state(row) in ("booked", "arrived", "docked")]

    def state(self, row: Row) -> str:
        """How far an appointment is."""
        return state(row["outcome"], with_told(row, self.actual.get(row["key"], Actual())))

    def _booked(self, row: Row) -> Booked:
        seen_now = with_told(row, self.actual.get(row["key"], Actual()))
        is_there = seen_now.docked_at is not None
        expected = row["p50"] if seen_now.arrived_at is None and not is_there else None
        return Booked(
            row["id"], self.minute(row["begins_at"]), self.minute(row["ends_at"]),
            self.actual[row["key"]].door if is_there and row["key"] in self.actual else row["door"],
            row["temp_class"], None if expected is None else self.minute(expected),
            row["vehicle"] or row["truck"] or None, held=is_there,
        )  # fmt: skip

    def end_of(self, docking: Row, pallets: int | None, direction: str) -> datetime:
        """When a vehicle that stands at a door is expected to be through."""
        began: datetime = docking["began"]
        return max(self.now, began + timedelta(minutes=self.service[direction].minutes(pallets)))


async def _dock(session: Session, name: str, since: datetime, until: datetime) -> _Dock:
    q, now = queries("docks"), datetime.now(UTC)
    site = await session.row(q["site"], site=name)
    if site is None:
        raise not_found()
    doors = await session.rows(q["doors"], site=name)
    rows = await appointments_between(session, name, since, until, MOST + 1)
    if len(rows) > MOST:
        raise Problem(422, f"from, to: more than {MOST} appointments; ask for a shorter span")
    found = _Dock(now, site, doors, rows)
    found.actual = await seen(session, rows)
    page = {"vehicles": None, "site": name, "after": None, "after_at": None, "limit": STAYS_MAX}
    found.dockings = await session.rows(q["docked"], since=since, until=until, **page)
    stood = await session.rows(q["stood"], site=name)
    found.service = {
        way: learned([(r["pallets"], r["minutes"]) for r in stood if r["direction"] == way])
        for way in ("inbound", "outbound")
    }
    return found


def _by_name(told: Sequence[Conflict]) -> dict[str, list[DockConflict]]:
    found: dict[str, list[DockConflict]] = {}
    for each in told:
        found.setdefault(each.name, []).append({"kind": each.kind, "other": each.other or None})  # type: ignore[typeddict-item]
    return found


@router.get("/sites/{site_id}/dock-schedule", response_model=DockSchedule)
async def get_dock_schedule(
    request: Request, caller: Reader, site_id: SiteName, since: Since = None, until: Until = None
) -> Json:
    """Doors, appointments with what collides, who stands at doors, and how long that takes. 31 days at once at most."""
    begin, end = span(since, until)
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        dock = await _dock(session, site_id, begin, end)
    told = _by_name(conflicts(dock.booked(), dock.doors, 15))
    of = {actual.docking: row for row in dock.rows if (actual := dock.actual.get(row["key"])) and actual.docking}
    stays: list[DockStay] = []
    for row in reversed(dock.dockings):
        booked = of.get(row["name"])
        is_there = row["ended"] is None
        direction = booked["direction"] if booked else "outbound"
        pallets = booked["pallets"] if booked else None
        stays.append({
            "docking": row["name"], "door": row["door"], "vehicle": row["vehicle_name"],
            "vehicle_label": row["vehicle_label"], "appointment": booked["id"] if booked else None,
            "began_at": when(row["began"]), "ended_at": when(row["ended"]),
            "expected_end": when(dock.end_of(row, pallets, direction)) if is_there else None,
        })  # fmt: skip
    found: DockSchedule = {
        "site": dock.site["name"],
        "label": dock.site["label"],
        "tz": dock.site["tz"] or "UTC",
        "since": when(begin),
        "until": when(end),
        "now": when(datetime.now(UTC)),
        "slot_min": 15,
        "doors": dock.shown_doors,
        "appointments": [
            {**appointment(row, dock.actual.get(row["key"], Actual())), "conflicts": told.get(row["id"], [])}
            for row in dock.rows
        ],
        "dockings": stays,
        "service": [
            {"direction": way, "fixed_min": round(s.fixed_min, 1), "per_pallet_min": round(s.per_pallet_min, 2),
             "spread_min": round(s.spread_min, 1), "n": s.n}
            for way, s in dock.service.items()
        ],
    }  # fmt: skip
    return Json(found)


@router.post("/sites/{site_id}/dock-schedule/check", response_model=Checked)
async def check_dock_schedule(request: Request, caller: Reader, site_id: SiteName, given: CheckIn) -> Json:
    """What an appointment would collide with, and how long it would take; nothing is booked."""
    if not timedelta(0) < given.ends_at - given.begins_at <= DAY:
        raise Problem(422, "ends_at: it is to end after it begins, and to last a day at most")
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        dock = await _dock(session, site_id, given.begins_at - DAY, given.ends_at + DAY)
    name = given.id or ""
    others = [each for each in dock.booked() if each.name != name]
    known = next((each for each in dock.booked() if each.name == name), None)
    would = Booked(
        name, dock.minute(given.begins_at), dock.minute(given.ends_at), given.door, given.temp_class,
        known.expected if known else None, given.vehicle,
    )  # fmt: skip
    service = dock.service[given.direction]
    found: Checked = {
        "conflicts": _by_name(conflicts([*others, would], dock.doors, 15)).get(name, []),
        "service_min": round(service.minutes(given.pallets), 1),
        "spread_min": round(service.spread_min, 1),
        "n": service.n,
    }
    return Json(found)


@router.post("/sites/{site_id}/dock-schedule/proposal", response_model=DockProposal)
async def propose_dock_schedule(request: Request, caller: Reader, site_id: SiteName, given: ProposalIn) -> Json:
    """Doors and times for what cannot stay as it is booked; nothing changes until somebody accepts it (`/moves`)."""
    now = datetime.now(UTC)
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        dock = await _dock(session, site_id, now, now + timedelta(hours=given.hours))
    rows = {row["id"]: row for row in dock.rows}
    booked = dock.booked()
    of = {actual.docking: row for row in dock.rows if (actual := dock.actual.get(row["key"])) and actual.docking}
    there = [row for row in dock.dockings if row["ended"] is None]
    taken: dict[str, list[tuple[int, int]]] = {}
    for row in there:
        known = of.get(row["name"])
        end = dock.end_of(row, known["pallets"] if known else None, known["direction"] if known else "outbound")
        taken.setdefault(row["door"], []).append((dock.minute(row["began"]), dock.minute(end)))
    doors = [Door(each.name, each.temp_class, tuple(taken.get(each.name, ()))) for each in dock.doors]
    waiting = [each for each in booked if not each.held]
    plan = replanned(waiting, doors, dock.minute(now), given.slot_min)
    why = _by_name(conflicts(booked, dock.doors, given.slot_min))
    by_name = {each.name: each for each in waiting}
    moves: list[ProposedMove] = []
    for place in plan.places:
        row, was = rows[place.name], by_name[place.name]
        ready = was.begin if was.expected is None else was.expected
        moves.append({
            "id": place.name, "version": row["version"], "door": place.door,
            "begins_at": when(dock.at(place.begin)), "ends_at": when(dock.at(place.end)),
            "was_door": row["door"], "was_begins_at": when(row["begins_at"]), "why": why.get(place.name, []),
            "waits_min": float(place.begin - max(ready, dock.minute(now))),
        })  # fmt: skip
    found: DockProposal = {
        "moves": moves, "waiting": plan.cost, "out": list(plan.out),
    }  # fmt: skip
    return Json(found)


@router.post("/sites/{site_id}/dock-schedule/moves", response_model=MovesDone)
async def move_dock_appointments(request: Request, caller: OrderWorker, site_id: SiteName, given: MovesIn) -> Json:
    """Moves appointments, all or none: an accepted proposal, or one that somebody dragged.

    409: one has changed since, is called off, or a door is taken by one that does not move.
    """
    moves = [MoveTold(each.id, each.door, each.begins_at, each.ends_at, each.version) for each in given.moves]
    if len({each.id for each in moves}) < len(moves):
        raise Problem(422, "moves: each appointment once")
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        with refusing():
            moved = await session.perform(move(site_id, moves, caller.user), queries("docks"))
        for each in given.moves:
            await audit(session, caller, "appointment.move", each.id, **each.model_dump(mode="json", exclude={"id"}))
        await tell_docks(session, [site_id])
    return Json(MovesDone(moved=moved))
