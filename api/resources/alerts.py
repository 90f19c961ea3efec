"""Alerts, and what persons do about them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from fastapi import APIRouter, Request

from api.database import Row, Session
from api.feed.hub import emit
from api.http.auth import Anybody, Caller, Watcher
from api.http.context import context_of
from api.http.inputs import NoteIn
from api.http.jsons import Json
from api.http.paging import Cursor, Items, Limit, decode, instant, shaped_page
from api.http.problems import key_of, not_found
from api.resources.shared import reads, shapes
from api.resources.shared.actions import audit, delete, merge, put
from operations.cases.decide import Acknowledge, Refusal, Resolve
from operations.cases.record import STEPS, act
from store.db import queries

router = APIRouter(tags=["alerts"])
State = Literal["open", "active", "cleared", "unacknowledged", "all"]


@router.get("/alerts", response_model=Items[shapes.Alert])
async def list_alerts(
    request: Request, caller: Anybody, state: State = "open", limit: Limit = 200, cursor: Cursor = None
) -> Json:
    """Alerts, newest first. `open`: still active, or not acknowledged yet; never what is resolved."""
    after = None
    if cursor:
        at, alert_id = decode(cursor, (str, int))
        after = (instant(at).isoformat(), alert_id)
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        found = await reads.alert_rows(session, state=state, after=after, limit=limit + 1)
    return shaped_page(request, found, limit, lambda a: [a["opened_at"].isoformat(), a["id"]], shapes.alert)


@router.post("/alerts/{alert_id}/acknowledge", response_model=shapes.Alert)
async def acknowledge_alert(request: Request, caller: Watcher, alert_id: str, given: NoteIn | None = None) -> Json:
    """Somebody has seen it. The first one counts; repeating it changes nothing."""
    return await _step(request, caller, alert_id, Acknowledge(caller.user, _note(given)))


@router.post("/alerts/{alert_id}/resolve", response_model=shapes.Alert)
async def resolve_alert(request: Request, caller: Watcher, alert_id: str, given: NoteIn | None = None) -> Json:
    """It is done with: it leaves the list of open alerts."""
    return await _step(request, caller, alert_id, Resolve(caller.user, _note(given)))


def _note(given: NoteIn | None) -> str | None:
    return (given.note if given else None) or None


@router.get("/alerts/{alert_id}/history", response_model=Items[shapes.AlertEvent])
async def alert_history(
    request: Request, caller: Anybody, alert_id: str, limit: Limit = 200, cursor: Cursor = None
) -> Json:
    """What has happened to an alert, oldest first: as it was decided, amended or retracted, and what people did."""
    key = key_of(alert_id)
    after = decode(cursor, (int,))[0] if cursor else 0
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        found = await session.rows(queries("operations")["case_history"], id=key, after=after, limit=limit + 1)
        if not found and not await reads.alert_rows(session, state="all", alert_id=key):
            raise not_found()
    return shaped_page(request, found, limit, lambda e: [e["version"]], shapes.alert_event)


async def _step(request: Request, caller: Caller, alert_id: str, command: Acknowledge | Resolve) -> Json:
    key, now = key_of(alert_id), datetime.now(UTC)
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        done = await session.perform(act(key, command, now), queries("operations"))
        rows = [] if isinstance(done, Refusal) else await reads.alert_rows(session, state="all", alert_id=key)
        if isinstance(done, Refusal) or not rows:
            raise not_found()
        for event in done:
            what = STEPS[event.what]
            await audit(session, caller, f"alert.{what}", alert_id, note=event.note)
            await _tell(session, rows[0], what)
    return Json(shapes.alert(rows[0]))


async def _tell(session: Session, row: Row, what: str) -> None:
    """The alert changes, or leaves; a resolved one no longer counts on its vehicle."""
    if what == "acknowledge":
        await emit(session, alerts=[put(str(row["id"]), shapes.alert(row))])
        return
    vehicles = []
    if row["vehicle"] is not None:
        counts = await reads.vehicle_alerts(session, [row["vehicle_id"]])
        vehicles = [merge(row["vehicle"], alerts=counts.get(row["vehicle_id"], 0))]
    await emit(session, alerts=[delete(str(row["id"]))], vehicles=vehicles)
