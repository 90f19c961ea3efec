"""Commands to devices: what one is told, until when it may be late, and what it said to it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import orjson
from fastapi import Request
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
from api.http.routes import resource
from api.http.things import one
from domain.commanding import OBSTACLES, TONGUES, Hearer, Obstacle, Via, obstacle, refusal, via_of
from store.db import queries

router = resource("/devices/{device_id}", tags=["devices"])
ARGUMENT_BYTES_MAX = 2048
UNANSWERED_MAX = 20  # of one device
EXPIRES_S_MAX = 7 * 86_400
LIVE = {"state", "sent_at", "sent_count", "ended_at", "answer", "failure"}
State = Literal["waiting", "sent", "answered", "told", "refused", "failed", "expired", "cancelled"]
Failure = Literal["lost", "silent", "ended"]


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
    """What a device is to do; `via`: by another way than the one in which it speaks.

    What a device of our own format does not know, and what it wants as argument, it says itself; of others
    `GET /devices/{device_id}/command-kinds` tells.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"command": "interval", "argument": {"seconds": 30}, "expires_in_s": 3600}]}
    )

    command: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$", description="ping, reboot, interval, …")]
    argument: Annotated[dict[str, Any], AfterValidator(_small)] = Field(default={})
    expires_in_s: Annotated[int, Field(ge=10, le=EXPIRES_S_MAX)] = 3600
    via: Via | None = None


class Command(TypedDict):
    """A command and what came of it.

    `waiting`: the device has not been heard lately, or is not connected; `sent`: it is to be answered, and by MQTT sent
    again until then; `told`: it was handed over, and the format knows no answer; `refused`: by the device; `expired`:
    nothing was heard in time. `answer`: what the device said. `failed`: it may have been done, but `failure`: the
    connection was `lost` before the answer, the device was `silent` on it, or ingest has `ended` meanwhile.
    """

    id: str
    command: str
    via: Via
    argument: dict[str, Any]
    state: State
    made_by: str
    made_at: Time
    expires_at: Time
    sent_at: Time | None
    sent_count: int
    ended_at: Time | None
    answer: str | None
    failure: Failure | None


class CommandArgument(TypedDict):
    """What a command takes. `low` and `high`: of a number; of a text its length, and `pattern` what it is of.

    Places are a list of `{"desc", "lat", "lon", "rad"}` (metres), `low` to `high` of them.
    """

    name: str
    type: Literal["number", "text", "places"]
    about: str
    required: bool
    low: float
    high: float
    pattern: str


class CommandKind(TypedDict):
    """A command that a device knows. `harms`: ask before it is sent."""

    name: str
    about: str
    arguments: list[CommandArgument]
    harms: bool


class CommandKinds(TypedDict):
    """What a device can be told, and by which way. `open`: it may know others, which its maker tells.

    `obstacle`: why it hears none: it is shut out, has no login by which it could, no IMEI by which it is known, or was
    heard over HTTP in a format that has no commands.
    """

    via: Via
    kinds: list[CommandKind]
    open: bool
    obstacle: Obstacle | None


def _shape(row: Row) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "command": row["name"],
        **{key: row[key] for key in ("via", "argument", "state", "made_by", "sent_count", "answer", "failure")},
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


async def _hearer(session: Session, device: str) -> Hearer:
    row = await session.row(queries("commands")["command_hearer"], device=device)
    if row is None:
        raise not_found()
    return Hearer(**{name: row[name] for name in Hearer._fields})


@router.get("/command-kinds", response_model=CommandKinds)
async def get_command_kinds(request: Request, caller: DeviceCommander, device_id: str, via: Via | None = None) -> Json:
    """What a device can be told, by the format that it speaks, and why it hears nothing when it does not."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        hearer = await _hearer(session, device_id)
    by = via or via_of(hearer)
    kinds = [{**kind._asdict(), "arguments": [each._asdict() for each in kind.arguments]} for kind in TONGUES[by].kinds]
    return Json({"via": by, "kinds": kinds, "open": TONGUES[by].is_open, "obstacle": obstacle(hearer, by)})


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
    """Tells a device to do something; it is worth nothing any more after `expires_in_s`.

    409 when the device hears nothing by this way, or has 20 commands that it has not answered; 422 when its format
    knows no such command.
    """
    q = queries("commands")
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        target = await session.row(q["command_target"], device=device_id)
        if target is None:
            raise not_found()
        hearer = await _hearer(session, device_id)
        via = given.via or via_of(hearer)
        why = obstacle(hearer, via)
        if why and not (why == "deaf" and given.via):
            raise Problem(409, f"{device_id} hears no commands: {OBSTACLES[why]}")
        if wrong := refusal(via, given.command, given.argument):
            raise Problem(422, wrong)
        if target["unanswered"] >= UNANSWERED_MAX:
            raise Problem(409, f"{device_id} has not answered {UNANSWERED_MAX} commands: wait, or cancel some")
        made = await session.row(
            q["add_command"],
            device_key=target["id"],
            name=given.command,
            via=via,
            argument=orjson.dumps(given.argument).decode(),
            actor=caller.user,
            expires_in_s=given.expires_in_s,
        )
        key = int((made or {})["id"])
        detail = {"id": str(key), "command": given.command, "via": via, "expires_in_s": given.expires_in_s}
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
