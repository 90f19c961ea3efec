"""Appointments at docks: booked, changed, checked, and what people say of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated
from uuid import uuid4

from fastapi import Path, Query, Request
from pydantic import AfterValidator, ConfigDict, Field, model_validator

from api.database import Session
from api.http.audit import audit
from api.http.auth import OrderWorker, Reader
from api.http.context import context_of
from api.http.inputs import Name, ShipmentName, Strict, TellersName, printable
from api.http.instants import Instant, QueryInstant
from api.http.jsons import Json
from api.http.paging import Cursor, Items, Limit, decode, shaped_page
from api.http.problems import OR_CHANGED, not_found, refusing
from api.http.routes import resource
from api.http.things import one
from api.resources.shared.docks import LIVE, NONE, DockAppointment, appointment, seen, shown, tell_docks
from api.resources.shared.exports import FILES, as_file
from api.resources.shared.ledger import Asked
from api.resources.shared.orders import Code
from domain.times import to_us
from operations.docks.record import AppointmentTold, StateTold, Told, book, tell
from planning.docks.turns import Actual, state
from store.db import queries

router = resource(tags=["loading"])
AppointmentName = Annotated[str, Path(max_length=64)]
Line = Annotated[str, AfterValidator(printable), Field(max_length=200)]


class AppointmentIn(Strict):
    """A time at a dock: of a shipment or of goods as they are called, with a vehicle of ours or a `truck`.

    No `door`: any will do. `anyway`: although the door is taken then. The same `id` again changes it.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "A-1001",
                    "site": "dc-1",
                    "door": "door-2",
                    "direction": "inbound",
                    "truck": "ABC-123",
                    "goods": "dairy",
                    "temp_class": "chilled",
                    "begins_at": "2026-12-01T08:00:00Z",
                    "ends_at": "2026-12-01T09:00:00Z",
                    "pallets": 18,
                }
            ]
        }
    )

    id: TellersName | None = None
    site: Name
    door: Name | None = None
    direction: Annotated[str, Field(pattern="^(inbound|outbound)$")]
    shipment: ShipmentName | None = None
    vehicle: Name | None = None
    carrier: Code | None = None
    truck: Line = ""
    goods: Line = ""
    temp_class: Annotated[str, Field(pattern="^(ambient|chilled|frozen)$")] | None = None
    begins_at: Instant
    ends_at: Instant
    pallets: Annotated[int, Field(ge=0, le=1000)] | None = None
    note: Line = ""
    version: Annotated[int, Field(ge=1, description="only if nobody has changed it since")] | None = None
    anyway: bool = False

    @model_validator(mode="after")
    def _sound(self) -> AppointmentIn:
        if self.ends_at <= self.begins_at:
            raise ValueError("ends_at: it is not after begins_at")
        if not (self.shipment or self.vehicle or self.truck or self.goods):
            raise ValueError("shipment, vehicle, truck, goods: at least one of them, so that people know who comes")
        return self

    def told(self, name: str) -> AppointmentTold:
        """As operations are told."""
        return AppointmentTold(**{**self.model_dump(exclude={"anyway"}), "id": name})


class AppointmentState(Strict):
    """What somebody says of an appointment; `booked` takes back all that was said. Visits and dockings go before it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"state": "arrived", "at": "2026-12-01T07:55:00Z"}]})

    state: Told
    at: Instant | None = None
    reason: Line = ""
    version: Annotated[int, Field(ge=1)] | None = None


@router.get("/dock-appointments", response_model=Items[DockAppointment], responses=FILES)
@as_file("dock-appointments", DockAppointment)
async def list_dock_appointments(
    request: Request,
    caller: Reader,
    site: Asked = None,
    door: Asked = None,
    shipment: Asked = None,
    since: Annotated[QueryInstant | None, Query(alias="from", description="that end after it")] = None,
    until: Annotated[QueryInstant | None, Query(alias="to", description="that begin before it")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Json:
    """Appointments by their begin, with what was seen of them; called off ones too."""
    after_at, after = decode(cursor, (str, int)) if cursor else (None, None)
    asked = {"site": site, "door": door, "shipment": shipment, "since": since, "until": until}
    page = {"after": after, "after_at": after_at, "limit": limit + 1}
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        rows = await session.rows(queries("docks")["appointments"], **{**NONE, **asked, **page})
        found = await seen(session, rows)
    return shaped_page(
        request, rows, limit, lambda row: [row["begins_at"].isoformat(), row["key"]],
        lambda row: appointment(row, found.get(row["key"], Actual())),
    )  # fmt: skip


async def _one(session: Session, name: str) -> DockAppointment:
    rows = await session.rows(queries("docks")["appointments"], **{**NONE, "id": name, "limit": 1})
    if not rows:
        raise not_found()
    return (await shown(session, rows))[0]


@router.get("/dock-appointments/{appointment_id}", response_model=DockAppointment)
async def get_dock_appointment(request: Request, caller: Reader, appointment_id: AppointmentName) -> Json:
    """One appointment."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        return one(request, await _one(session, appointment_id), live=LIVE)


@router.post("/dock-appointments", response_model=DockAppointment, status_code=201, responses=OR_CHANGED)
async def post_dock_appointment(request: Request, caller: OrderWorker, given: AppointmentIn) -> Json:
    """Books an appointment (201), or changes it (200); one that was called off is booked again.

    409: the door is taken then and `anyway` is not said, or somebody has changed it since `version`.
    """
    name = given.id or f"A-{uuid4().hex[:8]}"
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        with refusing():
            outcome = await session.perform(book(given.told(name), caller.user, anyway=given.anyway), queries("docks"))
        if outcome != "same":
            action = "appointment.create" if outcome == "created" else "appointment.change"
            await audit(session, caller, action, name, **given.model_dump(mode="json", exclude_none=True))
        found = await _one(session, name)
        if outcome != "same":
            await tell_docks(session, [given.site])
    return one(request, found, 201 if outcome == "created" else 200, live=LIVE)


@router.post("/dock-appointments/{appointment_id}/state", response_model=DockAppointment)
async def tell_dock_appointment(
    request: Request, caller: OrderWorker, appointment_id: AppointmentName, given: AppointmentState
) -> Json:
    """Says that it came, docked, left, did not come or is called off; where visits and dockings say so, they hold.

    409: it came already and cannot be a no-show, is called off, or somebody has changed it since `version`.
    """
    now_us = to_us(datetime.now(UTC))
    told = StateTold(given.state, given.at, given.reason, given.version)
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        rows = await session.rows(queries("docks")["appointments"], **{**NONE, "id": appointment_id, "limit": 1})
        if not rows:
            raise not_found()
        now = state(None, (await seen(session, rows)).get(rows[0]["key"], Actual()))
        with refusing():
            is_new = await session.perform(tell(appointment_id, told, now, now_us, caller.user), queries("docks"))
        if is_new:
            detail = given.model_dump(mode="json", exclude_none=True)
            await audit(session, caller, "appointment.state", appointment_id, **detail)
        found = await _one(session, appointment_id)
        if is_new:
            await tell_docks(session, [found["site"]])
    return one(request, found, live=LIVE)
