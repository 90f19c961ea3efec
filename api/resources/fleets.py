"""Vehicles by group, and what is true of a vehicle for a time: its fleet and its driver, by interval of event time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import Request
from pydantic import ConfigDict, Field, model_validator
from typing_extensions import TypedDict

from api.database import Row, Session
from api.feed.emit import emit, put
from api.http.audit import audit
from api.http.auth import DriverKeeper, Reader, VehicleKeeper
from api.http.caller import Caller
from api.http.context import context_of
from api.http.inputs import Name, Strict, Text
from api.http.instants import Instant
from api.http.jsons import Json, Time, now_text, when
from api.http.paging import Cursor, Items, Limit, decode, page
from api.http.problems import OR_CHANGED, Problem, key_of, not_found
from api.http.routes import resource
from api.http.things import one
from api.resources.shared.fits import Called, Fits
from api.resources.shared.vehicles import read_vehicles
from store.db import queries

router = resource(tags=["vehicles"])
LIVE = {"vehicles"}
"""Of a driver, what changes with the time."""

TERMS_MAX = 1000
STALE_S = 120.0  # as on the pages
CLOCKS = timedelta(minutes=5)  # a caller's clock may be ahead of ours by so much
By = Literal["fleet", "model", "driver", "fuel_type", "tag"]


class Group(TypedDict):
    """Vehicles that are told to be the same; `key` is null for those of which nobody has told it.

    A vehicle counts in one of the states, the most urgent: in alarm, without a position for two minutes, moving,
    stopped; what is missing to `vehicles` is unknown. One with several tags stands in each of their groups.
    """

    key: str | None
    label: str | None
    vehicles: int
    moving: int
    stopped: int
    stale: int
    alarm: int


class Groups(TypedDict):
    """The greatest first."""

    by: By
    groups: list[Group]
    now: str


class DriverIn(Strict):
    """A driver, new or with another label."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"id": "ann", "label": "Ann Virtanen"}]})

    id: Name
    label: Text | None = None


class Driver(TypedDict):
    """A driver, and what each drives now."""

    id: str
    label: str
    vehicles: list[str]
    retired_at: Time | None


class _Term(Strict):
    model_config = ConfigDict(populate_by_name=True)

    since: Annotated[Instant | None, Field(alias="from")] = None
    until: Annotated[Instant | None, Field(alias="to")] = None
    since_ever: bool = False

    @model_validator(mode="after")
    def _in_order(self) -> _Term:
        if self.since and self.since_ever:
            raise ValueError("from, or since_ever, not both")
        if self.since and self.until and self.since >= self.until:
            raise ValueError("to: not after from")
        return self

    def span(self, now: datetime) -> dict[str, datetime | None]:
        """From when until when; null: ever.

        Raises:
            Problem: 422, it has not happened yet.
        """
        since = None if self.since_ever else self.since or now
        for name, at in (("from", since), ("to", self.until)):
            if at and at > now + CLOCKS:
                raise Problem(422, f"{name}: in the future; say it when it has happened")
        if since and self.until and since >= self.until:
            raise Problem(422, "to: not after from")
        return {"since": since, "until": self.until}


class HandOverIn(_Term):
    """Who drove from a time (now, when nothing is said) until a time (still), whatever was known before.

    Nobody when `driver` is null: that ends what was. `since_ever` in place of `from`.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"driver": "ann", "from": "2026-11-22T10:00:00Z"}]})

    driver: Name | None


class EnlistIn(_Term):
    """Of which fleet a vehicle was from a time until a time; of none when `fleet` is null."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"fleet": "North", "since_ever": True}]})

    fleet: Called | None


_Span = TypedDict(
    "_Span", {"id": str, "from": Time | None, "to": Time | None, "recorded_at": Time | None, "recorded_by": str}
)


class DriverTerm(_Span):
    """Who drove; `from` null: since ever, `to` null: still."""

    driver: str
    label: str


class FleetTerm(_Span):
    """Of which fleet it was; `from` null: since ever, `to` null: still."""

    fleet: str


@router.get("/vehicle-groups", response_model=Groups)
async def list_vehicle_groups(request: Request, caller: Reader, by: By, fits: Fits) -> Json:
    """How many vehicles there are of each fleet, model, driver, fuel type or tag, and how they are now."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        rows = await session.rows(queries("vehicles")["groups"], by=by, stale_s=STALE_S, limit=TERMS_MAX, **fits)
    return Json({"by": by, "groups": rows, "now": now_text()})


@router.get("/drivers", response_model=Items[Driver])
async def list_drivers(
    request: Request, caller: Reader, *, retired: bool = False, limit: Limit = 200, cursor: Cursor = None
) -> Json:
    """Drivers by name and what each drives now; retired ones too when they are asked for."""
    after = decode(cursor, (str,))[0] if cursor else ""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        found = await _drivers(session, after=after, retired=retired, limit=limit + 1)
    return page(request, found, limit, lambda d: [d["id"]])


@router.get("/drivers/{driver_id}", response_model=Driver)
async def get_driver(request: Request, caller: Reader, driver_id: str) -> Json:
    """One driver and what they drive now, a retired one too."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        found = await _drivers(session, name=driver_id, retired=True)
    if not found:
        raise not_found()
    return one(request, found[0], live=LIVE)


@router.post("/drivers", response_model=Driver, status_code=201, responses=OR_CHANGED)
async def post_driver(request: Request, caller: DriverKeeper, given: DriverIn) -> Json:
    """Makes (201) or relabels (200) a driver."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        q = queries("vehicles")
        before = await _drivers(session, name=given.id, retired=True)
        await session.row(q["put_driver"], name=given.id, label=given.label)
        await audit(session, caller, "driver.change" if before else "driver.create", given.id, label=given.label)
        (driver,) = await _drivers(session, name=given.id)
        if driver["vehicles"]:
            await _tell(session, *driver["vehicles"])
    return one(request, driver, 200 if before else 201, live=LIVE)


@router.get("/vehicles/{vehicle_id}/drivers", response_model=Items[DriverTerm])
async def list_vehicle_drivers(request: Request, caller: Reader, vehicle_id: str) -> Json:
    """Who drove a vehicle and when, the newest first."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        found = await _terms(session, "driver", await _vehicle(session, vehicle_id))
    return _history(request, found)


@router.post("/vehicles/{vehicle_id}/drivers", response_model=Items[DriverTerm], status_code=201)
async def hand_over(request: Request, caller: DriverKeeper, vehicle_id: str, given: HandOverIn) -> Json:
    """Says who drove from a time until a time, in place of what was known of that time; the history after it."""
    span = given.span(datetime.now(UTC))
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        vehicle, driver = await _vehicle(session, vehicle_id), None
        if given.driver is not None:
            driver = await session.row(queries("vehicles")["driver_id"], name=given.driver)
            if driver is None:
                raise Problem(422, f"driver: there is no {given.driver}; add it first")
        values = {"vehicle": vehicle, "driver": driver["id"] if driver else None, **span}
        await _lay(session, caller, "hand_over", vehicle_id, values, driver=given.driver)
        found = await _terms(session, "driver", vehicle)
        await _tell(session, vehicle_id)
    return _history(request, found, 201)


@router.delete("/vehicles/{vehicle_id}/drivers/{entry_id}", response_model=Items[DriverTerm])
async def remove_vehicle_driver(request: Request, caller: DriverKeeper, vehicle_id: str, entry_id: str) -> Json:
    """That driver did not drive it then, nor did anybody who is known; the history after it."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        vehicle = await _vehicle(session, vehicle_id)
        rows = await _rows(session, "driver", vehicle, key_of(entry_id))
        if not rows:
            raise not_found()
        values = {"vehicle": vehicle, "driver": None, "since": rows[0]["since"], "until": rows[0]["until"]}
        await _lay(session, caller, "hand_over", vehicle_id, values, driver=None, removed=rows[0]["driver"])
        found = await _terms(session, "driver", vehicle)
        await _tell(session, vehicle_id)
    return _history(request, found)


@router.get("/vehicles/{vehicle_id}/fleets", response_model=Items[FleetTerm])
async def list_vehicle_fleets(request: Request, caller: Reader, vehicle_id: str) -> Json:
    """Of which fleets a vehicle was and when, the newest first."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        found = await _terms(session, "fleet", await _vehicle(session, vehicle_id))
    return _history(request, found)


@router.post("/vehicles/{vehicle_id}/fleets", response_model=Items[FleetTerm], status_code=201)
async def enlist(request: Request, caller: VehicleKeeper, vehicle_id: str, given: EnlistIn) -> Json:
    """Says of which fleet it was from a time until a time, in place of what was known; the history after it."""
    span = given.span(datetime.now(UTC))
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        vehicle = await _vehicle(session, vehicle_id)
        values = {"vehicle": vehicle, "fleet": given.fleet, **span}
        await _lay(session, caller, "enlist", vehicle_id, values, fleet=given.fleet)
        found = await _terms(session, "fleet", vehicle)
        await _tell(session, vehicle_id)
    return _history(request, found, 201)


async def _drivers(
    session: Session, *, after: str = "", name: str | None = None, retired: bool = False, limit: int | None = None
) -> list[Driver]:
    rows = await session.rows(queries("vehicles")["drivers"], after=after, name=name, retired=retired, limit=limit)
    return [
        {"id": r["id"], "label": r["label"], "vehicles": r["vehicles"], "retired_at": when(r["retired_at"])}
        for r in rows
    ]


async def _vehicle(session: Session, name: str) -> int:
    row = await session.row(queries("registry")["vehicle_id"], name=name)
    if row is None:
        raise not_found()
    return int(row["id"])


async def _rows(session: Session, what: Literal["driver", "fleet"], vehicle: int, key: int | None = None) -> list[Row]:
    return await session.rows(queries("vehicles")[f"vehicle_{what}s"], vehicle=vehicle, id=key, limit=TERMS_MAX)


async def _terms(session: Session, what: Literal["driver", "fleet"], vehicle: int) -> list[dict[str, Any]]:
    own = ("driver", "label") if what == "driver" else ("fleet",)
    return [
        {
            "id": str(r["id"]),
            **{name: r[name] for name in own},
            "from": when(r["since"]),
            "to": when(r["until"]),
            "recorded_at": when(r["recorded_at"]),
            "recorded_by": r["recorded_by"],
        }
        for r in await _rows(session, what, vehicle)
    ]


def _history(request: Request, found: list[dict[str, Any]], status: int = 200) -> Json:
    answer = page(request, found, TERMS_MAX, lambda a: [a["id"]])
    answer.status_code = status
    return answer


async def _lay(session: Session, caller: Caller, query: str, name: str, values: dict[str, Any], **said: Any) -> None:
    """Over what was known, with a line of the audit trail."""
    q = queries("vehicles")
    await session.row(q["actor"], by=caller.user)
    await session.row(q[query], by=caller.user, **values)
    span = {"from": when(values["since"]), "to": when(values["until"])}
    await audit(session, caller, f"vehicle.{query}", name, **said, **span)


async def _tell(session: Session, *names: str) -> None:
    """The vehicles as they are now; the last statement of the transaction."""
    vehicles = [v for name in names for v in await read_vehicles(session, name=name)]
    if vehicles:
        await emit(session, vehicles=[put(v["id"], v) for v in vehicles])
