"""Commands to devices: what one is told, until when it may be late, and what it said to it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Request
from pydantic import AfterValidator, ConfigDict, Field
from starlette.responses import Response
from typing_extensions import TypedDict

from api.database import Row, Session
from api.http.audit import audit
from api.http.auth import DeviceCommander
from api.http.context import context_of
from api.http.inputs import Strict
from api.http.jsons import Json, Time, when
from api.http.paging import Cursor, Items, Limit, decode, shaped_page
from api.http.problems import Problem, key_of, not_found
from api.http.things import one
from domain.commanding import TONGUES, Via, refusal
from store.db import queries

router = APIRouter(prefix="/devices/{device_id}", tags=["devices"])
ARGUMENT_BYTES_MAX = 2048
UNANSWERED_MAX = 20  # of one device
EXPIRES_S_MAX = 7 * 86_400
LIVE = {"state", "sent_at", "sent_count", "ended_at", "answer"}
State = Literal["waiting", "sent", "answered", "refused", "expired", "cancelled"]


def _small(argument: dict[str, Any]) -> dict[str, Any]:
    try:
        text = orjson.dumps(argument)
    except TypeError:
        raise ValueError("it cannot be written as JSON: too deep, a number too large, or no text") from None
    if len(text) > ARGUMENT_BYTES_MAX:
        raise ValueError(f"{ARGUMENT_BYTES_MAX} bytes of JSON at most")
    if b"\\u0000" in text:
        raise ValueError("a text holds a NUL character")
    return argument


class CommandIn(Strict):
    """What a device is to do. What it does not know, and what it wants as argument, it says itself."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"command": "interval", "argument": {"seconds": 30}, "expires_in_s": 3600}]}
    )

    command: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$", description="ping, reboot, interval, …")]
    argument: Annotated[dict[str, Any], AfterValidator(_small)] = Field(default={})
    expires_in_s: Annotated[int, Field(ge=10, le=EXPIRES_S_MAX)] = 3600


class Command(TypedDict):
    """A command and what came of it.

    `waiting`: the device has not been heard lately; `sent`: it is sent again until it is answered; `refused`: by the
    device; `expired`: nothing was heard in time. `answer`: what the device said.
    """

    id: str
    command: str
    argument: dict[str, Any]
    state: State
    made_by: str
    made_at: Time
    expires_at: Time
    sent_at: Time | None
    sent_count: int
    ended_at: Time | None
    answer: str | None


class CommandArgument(TypedDict):
    """What a command takes. `low` and `high`: of a number; of a text its length."""

    name: str
    type: Literal["number", "text"]
    about: str
    required: bool
    low: float
    high: float


class CommandKind(TypedDict):
    """A command that a device knows. `harms`: ask before it is sent."""

    name: str
    about: str
    arguments: list[CommandArgument]
    harms: bool


class CommandKinds(TypedDict):
    """What a device can be told. `open`: it may know others, which its maker tells.

    `obstacle`: why it hears none now: it is shut out, or has no login at the broker.
    """

    via: Via
    kinds: list[CommandKind]
    open: bool
    obstacle: Literal["revoked", "no_login"] | None


def _shape(row: Row) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "command": row["name"],
        **{key: row[key] for key in ("argument", "state", "made_by", "sent_count", "answer")},
        **{key: when(row[key]) for key in ("made_at", "expires_at", "sent_at", "ended_at")},
    }


async def _commands(session: Session, device: str, **values: Any) -> list[Row]:
    given = {"before": None, "id": None, "limit": 1} | values
    return await session.rows(queries("commands")["commands"], device=device, **given)


async def _command(session: Session, device: str, key: int) -> Row:
    found = await _commands(session, device, id=key)
    if not found:
        raise not_found()
    return found[0]


def _obstacle(target: Row) -> Literal["revoked", "no_login"] | None:
    if target["revoked"]:
        return "revoked"
    return None if target["has_login"] else "no_login"


@router.get("/command-kinds", response_model=CommandKinds)
async def get_command_kinds(request: Request, caller: DeviceCommander, device_id: str) -> Json:
    """What a device can be told, by the format that it speaks, and why it hears nothing when it does not."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        target = await session.row(queries("commands")["command_hearer"], device=device_id)
    if target is None:
        raise not_found()
    via: Via = "native"
    kinds = [
        {**kind._asdict(), "arguments": [each._asdict() for each in kind.arguments]} for kind in TONGUES[via].kinds
    ]
    return Json({"via": via, "kinds": kinds, "open": TONGUES[via].is_open, "obstacle": _obstacle(target)})


@router.get("/commands", response_model=Items[Command])
async def list_commands(
    request: Request, caller: DeviceCommander, device_id: str, limit: Limit = 200, cursor: Cursor = None
) -> Json:
    """What a device was told and is to be told, the newest first, of the last 90 days."""
    before = decode(cursor, (int,))[0] if cursor else None
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        if await session.row(queries("registry")["device_revoked"], name=device_id) is None:
            raise not_found()
        found = await _commands(session, device_id, before=before, limit=limit + 1)
    return shaped_page(request, found, limit, lambda c: [c["id"]], _shape)


@router.get("/commands/{command_id}", response_model=Command)
async def get_command(request: Request, caller: DeviceCommander, device_id: str, command_id: str) -> Json:
    """One command, and what came of it."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        row = await _command(session, device_id, key_of(command_id))
    return one(request, _shape(row), live=LIVE)


@router.post("/commands", response_model=Command, status_code=201)
async def post_command(request: Request, caller: DeviceCommander, device_id: str, given: CommandIn) -> Json:
    """Tells a device to do something; it is sent until it answers or `expires_in_s` is over.

    409 when the device has no login at the broker, is revoked, or has 20 commands that it has not answered.
    """
    q = queries("commands")
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        target = await session.row(q["command_target"], device=device_id)
        if target is None:
            raise not_found()
        if _obstacle(target):
            raise Problem(409, f"{device_id} has no login at the broker, where commands are heard: rotate gives it one")
        if wrong := refusal("native", given.command, given.argument):
            raise Problem(422, wrong)
        if target["unanswered"] >= UNANSWERED_MAX:
            raise Problem(409, f"{device_id} has not answered {UNANSWERED_MAX} commands: wait, or cancel some")
        made = await session.row(
            q["add_command"],
            device_key=target["id"],
            name=given.command,
            argument=orjson.dumps(given.argument).decode(),
            actor=caller.user,
            expires_in_s=given.expires_in_s,
        )
        key = int((made or {})["id"])
        detail = {"id": str(key), "command": given.command, "expires_in_s": given.expires_in_s}
        await audit(session, caller, "command.create", device_id, **detail)
        row = await _command(session, device_id, key)
    return Json(_shape(row), 201)


@router.delete("/commands/{command_id}", status_code=204)
async def cancel_command(request: Request, caller: DeviceCommander, device_id: str, command_id: str) -> Response:
    """It is taken back, as long as it waits; 409 when it has been sent or is over."""
    key = key_of(command_id)
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        if await session.row(queries("commands")["cancel_command"], device=device_id, id=key) is None:
            state = (await _command(session, device_id, key))["state"]
            raise Problem(409, f"it is {state}: only a command that waits can be cancelled")
        await audit(session, caller, "command.cancel", device_id, id=command_id)
    return Response(status_code=204)
