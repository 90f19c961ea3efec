"""Alerts, and what persons do about them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

import orjson
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
    return await _step(request, caller, alert_id, given, "acknowledge")


@router.post("/alerts/{alert_id}/resolve", response_model=shapes.Alert)
async def resolve_alert(request: Request, caller: Watcher, alert_id: str, given: NoteIn | None = None) -> Json:
    """It is done with: it leaves the list of open alerts."""
    return await _step(request, caller, alert_id, given, "resolve")


async def _step(
    request: Request, caller: Caller, alert_id: str, given: NoteIn | None, what: Literal["acknowledge", "resolve"]
) -> Json:
    key, note, now = key_of(alert_id), (given.note if given else None) or None, datetime.now(UTC)
    q = queries("api")
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        actor = {"now": now, "actor": caller.user}
        changed = await session.row(q[what], id=key, note=note, **actor)
        rows = await reads.alert_rows(session, state="all", alert_id=key)
        if not rows:
            raise not_found()
        if changed is not None:
            detail = orjson.dumps({"note": note}).decode()
            await session.run(q["add_alert_event"], id=key, what=what, detail=detail, **actor)
            await audit(session, caller, f"alert.{what}", alert_id, note=note)
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
