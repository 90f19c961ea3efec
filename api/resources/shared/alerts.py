"""Alerts as they are told, and the one way in which people's steps are carried out on them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import psycopg
from fastapi import Request
from pydantic import AfterValidator, Field
from typing_extensions import TypedDict

from api.database import Row, Session
from api.feed.emit import delete, emit, merge, put
from api.http.audit import audit
from api.http.caller import Caller
from api.http.context import context_of
from api.http.inputs import printable
from api.http.jsons import Json, Time, when
from api.http.problems import Problem, key_of, not_found
from api.resources.shared.fits import ANY_VEHICLE
from api.resources.shared.vehicles import count_alerts
from domain.alerts import shape
from operations.cases.decide import STEPS, Reason, Refusal, Step
from operations.cases.record import act
from store.db import queries

REFUSED: Mapping[Reason, tuple[int, str]] = {
    "waits": (409, "its disposition asks for somebody: have it signed, or take it back by reopening the case"),
    "resolved": (409, "it is done with: reopen the case first"),
    "signed": (409, "its disposition is signed: reopen the case first, which takes it back"),
    "nothing to sign": (409, "there is no disposition that waits for a signature"),
    "same person": (409, "you proposed it: another person has to sign"),
    "another decision": (409, "disposition: another one stands by now; look at it, then sign"),
    "no reason": (422, "reason: say why"),
    "open": (409, "it is open, and nothing was decided on it"),
    "may not dispose": (403, "it has a disposition: only who may decide on goods (alerts.dispose) takes it back"),
}
SAME_OPEN = "there is another open alert of the same rule: what happens now is told there"
"""Why a case stays closed: there is one open case of a rule and what it watches."""


def _multiline(text: str) -> str:
    printable(text.replace("\n", " ").replace("\r", " ").replace("\t", " "))
    return text


def _said(text: str) -> str:
    if not text.strip():
        raise ValueError("say something")
    return _multiline(text)


NoteText = Annotated[str, AfterValidator(_multiline), Field(max_length=2000)]
SaidText = Annotated[str, AfterValidator(_said), Field(min_length=1, max_length=2000)]


class Subject(TypedDict):
    """What an alert is about: `vehicle`, `site` or `device`; stock is at a `site`."""

    kind: str
    id: str


class Expected(TypedDict):
    """When an alarm is expected: it comes between `p10` and `p90` eight times of ten. Renewed while that lasts.

    As seen from `temp_c` at `at`; the limit is crossed `for_s` before the alarm. All three null: told by an older one.
    """

    p10: Time | None
    p50: Time | None
    p90: Time | None
    at: Time | None
    temp_c: float | None
    for_s: float | None


class Signature(TypedDict):
    """Who stands for a disposition: `proposed` it, or `countersigned` it, which makes it stand."""

    what: str
    by: str
    at: Time | None


class StockEnds(TypedDict):
    """When nothing is left: one time in ten before `p10`, half before `p50`, one in ten after `p90` (null: never)."""

    p10: Time | None
    p50: Time | None
    p90: Time | None


class StockLeft(TypedDict):
    """So much of a lot that will not be used before it expires."""

    lot: str
    quantity: float
    best_before: Time | None


class AlertStock(TypedDict):
    """The stock an alert is about, as told last. `basis`: the `ledger`, or what `sensors` saw; null: nothing is known.

    `doubt` says why the figure may be wrong: `negative` (the ledger has less than nothing), `unsure` or `old` (of what
    sensors saw), `count` (somebody is to count); what is doubtful is never critical. `count_task` is the open one.
    """

    sku: str
    label: str
    base_unit: str
    quantity: float
    reorder_point: float | None
    basis: str | None
    confidence: float | None
    doubt: str | None
    count_task: str | None
    out: StockEnds | None
    expiring: list[StockLeft]


class AlertUnit(TypedDict):
    """A unit of a load that is wrong or missing; `shipment`: whose it is, or on whose vehicle it seems to be."""

    unit: str
    state: str
    chance: float
    shipment: str | None


class AlertLoad(TypedDict):
    """The load an alert is about: what does not belong on the vehicle, and what is missing since it has left."""

    shipment: str
    vehicle: str
    door: str
    departed_at: Time | None
    wrong: list[AlertUnit]
    missing: list[AlertUnit]


class Alert(TypedDict):
    """A fact that asks for a person, and what persons did about it. `opened_at` is event time.

    `kind` is `temperature`, `sensor_fault` (a sensor says what cannot be), `breach_risk` (an alarm is `expected`),
    `exposure` (goods had more than their profile allows, by what no excursion of a probe tells), `silence` (a device
    says nothing), `late_risk` (a stop's window may be missed), `wrong_load` (something that does not belong is on a
    vehicle, or one has left without what it should carry: `load`), or of `stock` at a site: `low_stock` (at or below
    the reorder point), `stock_out` (nothing is left, or soon) or `expiry` (a lot ends with some of it unsold).
    `disposition` is what becomes of the goods: `release`, `quarantine` or
    `reject`; its state is `proposed`, `signed` (by another person: it stands) or `superseded` (readings that came later
    say something else: it is to be looked at again).
    """

    id: str
    kind: str
    severity: str
    subject: Subject
    device: str | None
    probe: str | None
    title: str
    limit_c: float | None
    extreme_c: float | None
    last_c: float | None
    expected: Expected | None
    stock: AlertStock | None
    load: AlertLoad | None
    opened_at: Time | None
    alarm_at: Time | None
    decided_at: Time | None
    cleared_at: Time | None
    state: str
    revision: int
    acknowledged_at: Time | None
    acknowledged_by: str | None
    note: str | None
    resolved_at: Time | None
    resolved_by: str | None
    assignee: str | None
    disposition: str | None
    disposition_state: str | None
    disposition_reason: str | None
    signatures: list[Signature]
    comments: int
    muted_until: Time | None
    muted_by: str | None
    mute_reason: str | None


def alert_shape(row: Row) -> Alert:
    """From a row of `alerts`."""
    told: Alert = shape(row, when)
    return told


async def alert_rows(
    session: Session,
    *,
    state: str,
    after: tuple[str, int] | None = None,
    alert_id: int | None = None,
    limit: int | None = None,
    assignee: str | None = None,
    disposition: str | None = None,
    fits: Mapping[str, Any] = ANY_VEHICLE,
) -> list[Row]:
    """Rows of alerts, newest first."""
    after_at, after_id = after or (None, None)
    asked = {"state": state, "assignee": assignee, "disposition": disposition, "id": alert_id, "limit": limit}
    return await session.rows(queries("api")["alerts"], after_at=after_at, after_id=after_id, **asked, **fits)


async def people(session: Session, *, after: str = "", limit: int | None = None) -> list[Row]:
    """Who may sign in here, by name."""
    found = await session.rows(queries("people")["accounts"], after=after, name=None, limit=None)
    return [row for row in found if row["disabled_at"] is None][:limit]


async def step(request: Request, caller: Caller, alert_id: str, command: Step) -> Json:
    """What a person does with an alert: decided, written, audited and told in one transaction."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        return await step_in(session, caller, alert_id, command)


async def step_in(session: Session, caller: Caller, alert_id: str, command: Step) -> Json:
    """The same inside of a transaction that is going already; it ends it.

    Raises:
        Problem: 404, there is no such alert; else why it is refused.
    """
    key, now = key_of(alert_id), datetime.now(UTC)
    try:
        done = await session.perform(act(key, command, now), queries("operations"))
    except psycopg.errors.UniqueViolation:
        raise Problem(409, SAME_OPEN) from None
    if isinstance(done, Refusal):
        raise Problem(*REFUSED[done.reason]) if done.reason in REFUSED else not_found()
    rows = await alert_rows(session, state="all", alert_id=key)
    if not rows:
        raise not_found()
    for event in done:
        detail = {"what" if name == "action" else name: value for name, value in event.detail.items()}
        await audit(session, caller, f"alert.{STEPS[event.what]}", alert_id, note=event.note, **detail)
    if done or rows[0]["disposition_state"] == "superseded":
        await _tell(session, rows[0], {event.what for event in done})
    return Json(alert_shape(rows[0]))


async def _tell(session: Session, row: Row, whats: set[str]) -> None:
    """The alert changes, or leaves; a vehicle counts its active ones, resolved or not."""
    key = str(row["id"])
    if not whats & {"resolved", "resumed"}:
        await emit(session, alerts=[put(key, alert_shape(row))])
        return
    vehicles = []
    if row["vehicle"] is not None:
        counts = await count_alerts(session, [row["vehicle_id"]])
        vehicles = [merge(row["vehicle"], alerts=counts.get(row["vehicle_id"], 0))]
    change = put(key, alert_shape(row)) if row["resolved_at"] is None else delete(key)
    await emit(session, alerts=[change], vehicles=vehicles)
