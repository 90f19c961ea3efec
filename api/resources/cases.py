"""Cases: what cold-chain staff do with an alert between its beginning and its end. The alert is the case."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import Request
from pydantic import ConfigDict, Field
from typing_extensions import TypedDict

from api.database import Row
from api.http.auth import AlertHandler, Disposer
from api.http.context import context_of
from api.http.inputs import Strict
from api.http.jsons import Json
from api.http.paging import Cursor, Items, Limit, decode, shaped_page
from api.http.problems import Problem
from api.http.routes import resource
from api.resources.shared.alerts import Alert, NoteText, SaidText, people, step, step_in
from domain.cases import MUTE_S_MAX, Action, Decision, mentioned
from domain.names import ACCOUNT_PATTERN
from domain.permissions import Permission
from operations.cases.decide import Act, Assign, Comment, CounterSign, Dispose, Mute, Reopen, Unmute

router = resource(tags=["alerts"])
PersonName = Annotated[str, Field(pattern=ACCOUNT_PATTERN, max_length=128)]


class Colleague(TypedDict):
    """Somebody who may sign in here."""

    name: str
    role: str


class AssignIn(Strict):
    """Whose it is; null: nobody's."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"to": "ann"}]})

    to: PersonName | None


class CommentIn(Strict):
    """A word to the others; `@ann` speaks of Ann."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "@ann the driver says that the door was open"}]})

    text: SaidText


class ActionIn(Strict):
    """What was done against it; `other` says what."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"action": "moved_goods", "text": "into reefer 12"}]})

    action: Action
    text: NoteText | None = None


class DispositionIn(Strict):
    """What is to become of the goods, and why."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"disposition": "quarantine", "reason": "above 8 °C for 40 min; ask the maker"}]
        }
    )

    disposition: Decision
    reason: SaidText


class CounterSignIn(Strict):
    """The second signature; `accept` false sends the proposal back, with a reason. `disposition`: what one has seen."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"disposition": "quarantine"}]})

    accept: bool = True
    reason: NoteText | None = None
    disposition: Decision | None = None


class ReopenIn(Strict):
    """Why it is taken up again."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "the maker sent stability data"}]})

    reason: SaidText


class MuteIn(Strict):
    """For how long nobody is told of it, a week at most, and why."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"for_s": 3600, "reason": "the mechanic is at it"}]})

    for_s: Annotated[int, Field(ge=60, le=MUTE_S_MAX)]
    reason: SaidText


class UnmuteIn(Strict):
    """A word to it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"note": "the mechanic is through"}]})

    note: NoteText | None = None


def _colleague(row: Row) -> Colleague:
    return {"name": row["name"], "role": row["role"]}


@router.get("/colleagues", response_model=Items[Colleague])
async def list_colleagues(request: Request, caller: AlertHandler, limit: Limit = 200, cursor: Cursor = None) -> Json:
    """Who may sign in here, by name: whom an alert can be given to, and of whom a comment can speak."""
    after = decode(cursor, (str,))[0] if cursor else ""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        found = await people(session, after=after, limit=limit + 1)
    return shaped_page(request, found, limit, lambda a: [a["name"]], _colleague)


@router.post("/alerts/{alert_id}/assign", response_model=Alert)
async def assign_alert(request: Request, caller: AlertHandler, alert_id: str, given: AssignIn) -> Json:
    """It is somebody's from now on, or nobody's. Repeating it changes nothing."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        if given.to is not None and given.to not in {row["name"] for row in await people(session)}:
            raise Problem(422, f"to: there is nobody called {given.to} here")
        return await step_in(session, caller, alert_id, Assign(caller.user, given.to))


@router.post("/alerts/{alert_id}/comment", response_model=Alert)
async def comment_alert(request: Request, caller: AlertHandler, alert_id: str, given: CommentIn) -> Json:
    """A word to the others, a line of its history. `@name` speaks of a person; a name that is nobody's is refused."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        known, unknown = mentioned(given.text, {row["name"] for row in await people(session)})
        if unknown:
            raise Problem(422, f"text: there is nobody called {', '.join(unknown)} here; @ speaks of a person")
        return await step_in(session, caller, alert_id, Comment(caller.user, given.text, known))


@router.post("/alerts/{alert_id}/action", response_model=Alert)
async def act_on_alert(request: Request, caller: AlertHandler, alert_id: str, given: ActionIn) -> Json:
    """What was done against it, a line of its history."""
    if given.action == "other" and not (given.text or "").strip():
        raise Problem(422, "text: say what was done")
    return await step(request, caller, alert_id, Act(caller.user, given.action, given.text or None))


@router.post("/alerts/{alert_id}/disposition", response_model=Alert)
async def dispose_alert(request: Request, caller: Disposer, alert_id: str, given: DispositionIn) -> Json:
    """Proposes what becomes of the goods. It stands when another person signs; a later proposal takes its place."""
    return await step(request, caller, alert_id, Dispose(caller.user, given.disposition, given.reason))


@router.post("/alerts/{alert_id}/countersign", response_model=Alert)
async def countersign_alert(
    request: Request, caller: Disposer, alert_id: str, given: CounterSignIn | None = None
) -> Json:
    """Signs what another person proposed, or sends it back. What late readings correct then is `superseded`."""
    said = given or CounterSignIn()
    command = CounterSign(caller.user, said.accept, said.reason or None, said.disposition)
    return await step(request, caller, alert_id, command)


@router.post("/alerts/{alert_id}/reopen", response_model=Alert)
async def reopen_alert(request: Request, caller: AlertHandler, alert_id: str, given: ReopenIn) -> Json:
    """Takes it up again. A disposition is taken back, by who may decide on goods; its lines stay."""
    command = Reopen(caller.user, given.reason, Permission.DISPOSE in caller.may)
    return await step(request, caller, alert_id, command)


@router.post("/alerts/{alert_id}/mute", response_model=Alert)
async def mute_alert(request: Request, caller: AlertHandler, alert_id: str, given: MuteIn) -> Json:
    """Nobody is told of it for so long; what happens is recorded all the same. If it lasts then, it is told anew."""
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=given.for_s)
    return await step(request, caller, alert_id, Mute(caller.user, until, given.reason))


@router.post("/alerts/{alert_id}/unmute", response_model=Alert)
async def unmute_alert(request: Request, caller: AlertHandler, alert_id: str, given: UnmuteIn | None = None) -> Json:
    """It is told again from now on, and at once if it lasts. What is not muted stays as it is."""
    return await step(request, caller, alert_id, Unmute(caller.user, (given and given.note) or None))
