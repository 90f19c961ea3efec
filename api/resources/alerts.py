"""Alerts: the list of them, one, what has happened to it, and that somebody has seen it or is done with it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Query, Request
from pydantic import ConfigDict
from typing_extensions import TypedDict

from api.database import Row
from api.http.auth import AlertHandler, Reader
from api.http.context import context_of
from api.http.inputs import Strict
from api.http.jsons import Json, Time, when
from api.http.paging import Cursor, Items, Limit, decode, instant, shaped_page
from api.http.problems import key_of, not_found
from api.http.routes import resource
from api.resources.shared.alerts import Alert, NoteText, alert_rows, alert_shape, step
from api.resources.shared.exports import FILES, as_file
from api.resources.shared.fits import Fits
from domain.cases import Decision, DispositionState
from domain.digits import shown
from operations.cases.decide import Acknowledge, Resolve
from store.db import queries

router = resource(tags=["alerts"])
State = Literal["open", "active", "cleared", "unacknowledged", "all"]


class NoteIn(Strict):
    """A word to what one does."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"note": "door was open, closed by the driver"}]})

    note: NoteText | None = None


class AlertEvent(TypedDict):
    """A line of an alert's history: what happened to it, when it was decided or done, and by whom (or `tracker`).

    `what` is `opened` (again: it got worse), `changed`, `cleared`, `reopened`, `retracted`, `acknowledged`, `resolved`,
    `assigned` (`to`), `commented` (`mentions`), `acted` (`action`), `disposed`, `countersigned`, `sent_back`,
    `superseded` or `resumed` (each of a `disposition`), `muted` (`until`) or `unmuted`. Lines of the tracker have the
    `severity` of then, a temperature's its excursion as it was known then, stock its `quantity` and times as they were
    known then; what says nothing is null.
    """

    version: int
    at: Time | None
    what: str
    actor: str
    note: str | None
    to: str | None
    mentions: list[str]
    action: str | None
    disposition: str | None
    until: Time | None
    severity: str | None
    opened_at: Time | None
    alarm_at: Time | None
    cleared_at: Time | None
    limit_c: float | None
    extreme_c: float | None
    quantity: float | None


def _event_shape(row: Row) -> AlertEvent:
    """From a row of `case_history`."""
    detail: dict[str, Any] = row["detail"]
    return {
        "version": row["version"],
        "at": when(row["at"]),
        "what": row["what"],
        "actor": row["actor"],
        "note": row["note"],
        "to": detail.get("to"),
        "mentions": detail.get("mentions", []),
        "action": detail.get("action"),
        "disposition": detail.get("disposition"),
        "until": detail.get("until"),
        "severity": detail.get("severity"),
        "opened_at": when(row["opened_at"]),
        "alarm_at": when(row["alarm_at"]),
        "cleared_at": when(row["cleared_at"]),
        "limit_c": row["limit_c"],
        "extreme_c": shown("extreme_c", row["extreme_c"]),
        "quantity": detail.get("quantity"),
    }


Assigned = Annotated[str | None, Query(max_length=128, description="those of this person")]
Disposed = Annotated[
    Decision | DispositionState | Literal["none"] | None,
    Query(description="a disposition, the state of one, or `none`: nothing is decided"),
]


@router.get("/alerts", response_model=Items[Alert], responses=FILES)
@as_file("alerts", Alert)
async def list_alerts(
    request: Request,
    caller: Reader,
    fits: Fits,
    state: State = "open",
    assignee: Assigned = None,
    disposition: Disposed = None,
    limit: Limit = 200,
    cursor: Cursor = None,
) -> Json:
    """Alerts, newest first. `open`: still active, not acknowledged yet, or with a disposition that waits.

    Never what is resolved, unless its disposition waits for a signature or to be looked at again. Those of vehicles
    that were, when they were opened, what is asked for.
    """
    after = None
    if cursor:
        at, alert_id = decode(cursor, (str, int))
        after = (instant(at).isoformat(), alert_id)
    asked: dict[str, Any] = {"state": state, "assignee": assignee, "disposition": disposition, "fits": fits}
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        found = await alert_rows(session, after=after, limit=limit + 1, **asked)
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
    return await step(request, caller, alert_id, Acknowledge(caller.user, _note(given)))


@router.post("/alerts/{alert_id}/resolve", response_model=Alert)
async def resolve_alert(request: Request, caller: AlertHandler, alert_id: str, given: NoteIn | None = None) -> Json:
    """It is done with: it leaves the list of open alerts. Not while its disposition waits for somebody."""
    return await step(request, caller, alert_id, Resolve(caller.user, _note(given)))


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
