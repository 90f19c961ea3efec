"""Alerts, and what persons do about them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import Request
from pydantic import AfterValidator, ConfigDict, Field
from typing_extensions import TypedDict

from api.database import Row, Session
from api.feed.emit import delete, emit, merge, put
from api.http.audit import audit
from api.http.auth import AlertHandler, Reader
from api.http.caller import Caller
from api.http.context import context_of
from api.http.inputs import Strict, printable
from api.http.jsons import Json, Time, when
from api.http.paging import Cursor, Items, Limit, decode, instant, shaped_page
from api.http.problems import key_of, not_found
from api.http.routes import resource
from api.resources.shared.exports import FILES, as_file
from api.resources.shared.fits import ANY_VEHICLE, Fits
from api.resources.shared.vehicles import count_alerts
from domain.digits import shown
from operations.cases.decide import Acknowledge, Refusal, Resolve
from operations.cases.record import STEPS, act
from store.db import queries

router = resource(tags=["alerts"])
State = Literal["open", "active", "cleared", "unacknowledged", "all"]


def _multiline(text: str) -> str:
    printable(text.replace("\n", " ").replace("\r", " ").replace("\t", " "))
    return text


NoteText = Annotated[str, AfterValidator(_multiline), Field(max_length=2000)]


class NoteIn(Strict):
    """A word to what one does."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"note": "door was open, closed by the driver"}]})

    note: NoteText | None = None


class Subject(TypedDict):
    """What an alert is about: `vehicle`, `site` or `device`."""

    kind: str
    id: str


class Expected(TypedDict):
    """When an alarm is expected, as it was told first: it comes between `p10` and `p90` eight times of ten."""

    p10: Time | None
    p50: Time | None
    p90: Time | None


class Alert(TypedDict):
    """A fact that asks for a person, and what persons did about it. `opened_at` is event time.

    `kind` is `temperature`, `sensor_fault` (a sensor says what cannot be), `breach_risk` (an
    alarm is `expected`), `silence` (a device says nothing) or
    `late_risk` (a stop's window may be missed).
    """

    id: str
    kind: str
    severity: str
    subject: Subject
    device: str
    probe: str | None
    title: str
    limit_c: float | None
    extreme_c: float | None
    last_c: float | None
    expected: Expected | None
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


class AlertEvent(TypedDict):
    """A line of an alert's history: what happened to it, when it was decided or done, and by whom (or `tracker`).

    `what` is `opened`, `changed`, `cleared`, `reopened`, `retracted`, `acknowledged` or `resolved`. A temperature's
    lines have its excursion as it was known then; the other fields are null.
    """

    version: int
    at: Time | None
    what: str
    actor: str
    note: str | None
    opened_at: Time | None
    alarm_at: Time | None
    cleared_at: Time | None
    limit_c: float | None
    extreme_c: float | None


def alert_shape(row: Row) -> Alert:
    """From a row of `alerts`."""
    subject: Subject = {"kind": "device", "id": row["device"]}
    for kind in ("vehicle", "site"):
        if row[kind] is not None:
            subject = {"kind": kind, "id": row[kind]}
    return {
        "id": str(row["id"]),
        "kind": row["kind"],
        "severity": row["severity"],
        "subject": subject,
        "device": row["device"],
        "probe": row["probe"],
        "title": row["title"],
        "limit_c": row["limit_c"],
        "extreme_c": shown("extreme_c", row["extreme_c"]),
        "last_c": shown("last_c", row["last_c"]),
        "expected": _expected(row),
        "opened_at": when(row["opened_at"]),
        "alarm_at": when(row["alarm_at"]),
        "decided_at": when(row["decided_at"]),
        "cleared_at": when(row["cleared_at"]),
        "state": "active" if row["cleared_at"] is None else "cleared",
        "revision": row["revision"],
        "acknowledged_at": when(row["acknowledged_at"]),
        "acknowledged_by": row["acknowledged_by"],
        "note": row["note"],
        "resolved_at": when(row["resolved_at"]),
        "resolved_by": row["resolved_by"],
    }


def _expected(row: Row) -> Expected | None:
    if row["expected_p50"] is None:
        return None
    return {"p10": when(row["expected_p10"]), "p50": when(row["expected_p50"]), "p90": when(row["expected_p90"])}


def _event_shape(row: Row) -> AlertEvent:
    """From a row of `case_history`."""
    return {
        "version": row["version"],
        "at": when(row["at"]),
        "what": row["what"],
        "actor": row["actor"],
        "note": row["note"],
        "opened_at": when(row["opened_at"]),
        "alarm_at": when(row["alarm_at"]),
        "cleared_at": when(row["cleared_at"]),
        "limit_c": row["limit_c"],
        "extreme_c": shown("extreme_c", row["extreme_c"]),
    }


async def alert_rows(
    session: Session,
    *,
    state: str,
    after: tuple[str, int] | None = None,
    alert_id: int | None = None,
    limit: int | None = None,
    fits: Mapping[str, Any] = ANY_VEHICLE,
) -> list[Row]:
    """Rows of alerts, newest first."""
    after_at, after_id = after or (None, None)
    return await session.rows(
        queries("api")["alerts"], state=state, after_at=after_at, after_id=after_id, id=alert_id, limit=limit, **fits
    )


@router.get("/alerts", response_model=Items[Alert], responses=FILES)
@as_file("alerts", Alert)
async def list_alerts(
    request: Request, caller: Reader, fits: Fits, state: State = "open", limit: Limit = 200, cursor: Cursor = None
) -> Json:
    """Alerts, newest first. `open`: still active, or not acknowledged yet; never what is resolved.

    Those of vehicles that were, when they were opened, what is asked for.
    """
    after = None
    if cursor:
        at, alert_id = decode(cursor, (str, int))
        after = (instant(at).isoformat(), alert_id)
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        found = await alert_rows(session, state=state, after=after, limit=limit + 1, fits=fits)
    return shaped_page(request, found, limit, lambda a: [a["opened_at"].isoformat(), a["id"]], alert_shape)


@router.get("/alerts/{alert_id}", response_model=Alert)
async def get_alert(request: Request, caller: Reader, alert_id: str) -> Json:
    """One alert, whatever its state."""
    key = key_of(alert_id)
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        found = await alert_rows(session, state="all", alert_id=key)
    if not found:
        raise not_found()
    return Json(alert_shape(found[0]))


@router.post("/alerts/{alert_id}/acknowledge", response_model=Alert)
async def acknowledge_alert(request: Request, caller: AlertHandler, alert_id: str, given: NoteIn | None = None) -> Json:
    """Somebody has seen it. The first one counts; repeating it changes nothing."""
    return await _step(request, caller, alert_id, Acknowledge(caller.user, _note(given)))


@router.post("/alerts/{alert_id}/resolve", response_model=Alert)
async def resolve_alert(request: Request, caller: AlertHandler, alert_id: str, given: NoteIn | None = None) -> Json:
    """It is done with: it leaves the list of open alerts."""
    return await _step(request, caller, alert_id, Resolve(caller.user, _note(given)))


def _note(given: NoteIn | None) -> str | None:
    return (given.note if given else None) or None


@router.get("/alerts/{alert_id}/history", response_model=Items[AlertEvent])
async def alert_history(
    request: Request, caller: Reader, alert_id: str, limit: Limit = 200, cursor: Cursor = None
) -> Json:
    """What has happened to an alert, oldest first: as it was decided, amended or retracted, and what people did."""
    key = key_of(alert_id)
    after = decode(cursor, (int,))[0] if cursor else 0
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        found = await session.rows(queries("operations")["case_history"], id=key, after=after, limit=limit + 1)
        if not found and not await alert_rows(session, state="all", alert_id=key):
            raise not_found()
    return shaped_page(request, found, limit, lambda e: [e["version"]], _event_shape)


async def _step(request: Request, caller: Caller, alert_id: str, command: Acknowledge | Resolve) -> Json:
    key, now = key_of(alert_id), datetime.now(UTC)
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        done = await session.perform(act(key, command, now), queries("operations"))
        rows = [] if isinstance(done, Refusal) else await alert_rows(session, state="all", alert_id=key)
        if isinstance(done, Refusal) or not rows:
            raise not_found()
        for event in done:
            what = STEPS[event.what]
            await audit(session, caller, f"alert.{what}", alert_id, note=event.note)
            await _tell(session, rows[0], what)
    return Json(alert_shape(rows[0]))


async def _tell(session: Session, row: Row, what: str) -> None:
    """The alert changes, or leaves; a resolved one no longer counts on its vehicle."""
    if what == "acknowledge":
        await emit(session, alerts=[put(str(row["id"]), alert_shape(row))])
        return
    vehicles = []
    if row["vehicle"] is not None:
        counts = await count_alerts(session, [row["vehicle_id"]])
        vehicles = [merge(row["vehicle"], alerts=counts.get(row["vehicle_id"], 0))]
    await emit(session, alerts=[delete(str(row["id"]))], vehicles=vehicles)
