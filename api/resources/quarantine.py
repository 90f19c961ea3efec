"""Messages that were set aside: listed, downloaded, mended, read again; and the devices nobody has registered."""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from typing import Annotated, Any

from fastapi import Query, Request
from pydantic import AfterValidator, ConfigDict, Field
from starlette.responses import Response
from typing_extensions import TypedDict

from api.database import Session
from api.http.audit import audit
from api.http.auth import Mender
from api.http.caller import Caller
from api.http.context import context_of
from api.http.inputs import Strict
from api.http.jsons import Json, when
from api.http.paging import Cursor, Items, Limit, decode, page, shaped_page
from api.http.problems import not_found
from api.http.routes import resource
from api.resources.shared.quarantine import Chosen, check_topic
from domain.names import PAYLOAD_BYTES_MAX
from store.db import queries
from store.quarantine import MANY_MAX

router = resource(tags=["quarantine"])

SUMMARY_MAX = 1000


def _payload(text: str) -> str:
    try:
        size = len(b64decode(text, validate=True))
    except Base64Error:
        raise ValueError("not base64") from None
    if size > PAYLOAD_BYTES_MAX:
        raise ValueError(f"{size} bytes, at most {PAYLOAD_BYTES_MAX}")
    return text


class Refusal(TypedDict):
    """A message that was set aside; `payload` is base64, as it came.

    `reason` is the first of `reasons`. `asked_at`: it is to be read again; `redriven_at`: it was, and nothing of it was
    refused. `mended`: another payload or topic is read in place of the original. `count`: so often it came, from
    `received_at` to `last_received_at`.
    """

    id: str
    received_at: str | None
    last_received_at: str | None
    count: int
    device: str | None
    topic: str
    reason: str
    reasons: list[str]
    detail: str
    payload: str
    mended: bool
    asked_at: str | None
    attempts: int
    redriven_at: str | None


class Stranger(TypedDict):
    """A device that speaks and nobody has registered; `gateway` spoke of it, by its foreign id."""

    id: str
    gateway: str | None
    topic: str
    first_seen: str | None
    last_seen: str | None
    messages: int


class Waiting(TypedDict):
    """So many messages of a device wait for one reason, by the first of their reasons; `count`: so often they came."""

    reason: str
    device: str | None
    messages: int
    count: int
    last_received_at: str | None
    asked: int


class Mended(Strict):
    """What is to be read in place of the original; nothing: the original once more."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"topic": "fw/v1/main/th-1/temp", "payload": "eyJjIjogNC41fQ=="}]}
    )

    payload: Annotated[str, AfterValidator(_payload), Field(description="base64")] | None = None
    topic: Annotated[str, Field(min_length=1, max_length=1024)] | None = None


class Asked(TypedDict):
    """How many messages are being read again."""

    asked: int


@router.get("/quarantine", response_model=Items[Refusal])
async def list_quarantine(
    request: Request,
    caller: Mender,
    device: Annotated[str | None, Query(max_length=64)] = None,
    reason: Annotated[str | None, Query(max_length=64)] = None,
    waiting: Annotated[bool, Query(description="only those that were not read again since")] = False,  # noqa: FBT002
    limit: Limit = 200,
    cursor: Cursor = None,
) -> Json:
    """Messages that were set aside, newest first, with the reason."""
    after = decode(cursor, (int,))[0] if cursor else None
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        found = await session.rows(
            queries("quarantine")["list"],
            tenant_name=caller.tenant,
            after=after,
            device=device,
            reason=reason,
            waiting=waiting,
            limit=limit + 1,
        )
    return shaped_page(request, found, limit, lambda r: [r["id"]], _refusal)


@router.get("/quarantine/summary", response_model=Items[Waiting])
async def count_quarantine(request: Request, caller: Mender) -> Json:
    """How many messages wait, by reason and device, most first; 1 000 lines at most."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        found = await session.rows(queries("quarantine")["summary"], tenant_name=caller.tenant, limit=SUMMARY_MAX)
    return page(request, [_waiting(row) for row in found], SUMMARY_MAX, lambda w: [w["reason"]])


@router.get("/quarantine/{message_id}", response_model=Refusal)
async def get_message(request: Request, caller: Mender, message_id: int) -> Json:
    """One message that was set aside."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        return Json(_refusal(await _message(session, caller, message_id)))


@router.get("/quarantine/{message_id}/payload", response_class=Response)
async def download_payload(request: Request, caller: Mender, message_id: int) -> Response:
    """The bytes of a message as they came."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        row = await _message(session, caller, message_id)
    headers = {"content-disposition": f'attachment; filename="quarantine-{message_id}.bin"'}
    return Response(bytes(row["payload"]), media_type="application/octet-stream", headers=headers)


@router.post(
    "/quarantine/{message_id}/redrive",
    response_model=Refusal,
    status_code=202,
    responses={200: {"description": "it has been read already"}},
)
async def redrive(request: Request, caller: Mender, message_id: int, given: Mended | None = None) -> Json:
    """Has a message read again, as of the moment it came. 200 when that is done already: it is done once."""
    mended = given or Mended()
    if mended.topic is not None:
        check_topic(caller, mended.topic)
    q = queries("quarantine")
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        row = await _message(session, caller, message_id)
        if row["redriven_at"] is not None:
            return Json(_refusal(row), 200)
        await session.row(
            q["ask"],
            tenant_name=caller.tenant,
            id=message_id,
            actor=caller.user,
            payload=None if mended.payload is None else b64decode(mended.payload),
            topic=mended.topic,
        )
        await audit(session, caller, "quarantine.redrive", str(message_id), **mended.model_dump(exclude_none=True))
        await session.run(q["notify"])
        return Json(_refusal(await _message(session, caller, message_id)), 202)


@router.post("/quarantine/redrive", response_model=Asked, status_code=202)
async def redrive_many(request: Request, caller: Mender, given: Chosen) -> Json:
    """Has messages read again that were not yet, the oldest first, 10 000 at most."""
    q = queries("quarantine")
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        asked = await session.run(
            q["ask_many"], tenant_name=caller.tenant, actor=caller.user, limit=MANY_MAX, **given.model_dump()
        )
        await audit(session, caller, "quarantine.redrive_many", "quarantine", asked=asked, **given.model_dump())
        await session.run(q["notify"])
    return Json({"asked": asked}, 202)


@router.get("/unknown-devices", response_model=Items[Stranger])
async def list_strangers(request: Request, caller: Mender, limit: Limit = 200) -> Json:
    """Devices that speak and nobody has registered, those heard of last first. Registering one reads what waits."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        found = await session.rows(queries("quarantine")["strangers"], tenant_name=caller.tenant, limit=limit)
    return page(request, [_stranger(row) for row in found], limit, lambda s: [s["id"]])


async def _message(session: Session, caller: Caller, message_id: int) -> dict[str, Any]:
    row = await session.row(queries("quarantine")["one"], tenant_name=caller.tenant, id=message_id)
    if row is None:
        raise not_found()
    return row


def _refusal(row: dict[str, Any]) -> Refusal:
    return {
        "id": str(row["id"]),
        "received_at": when(row["received_at"]),
        "last_received_at": when(row["last_received_at"]),
        "count": row["times"],
        "device": row["device"],
        "topic": row["topic"],
        "reason": row["reason"],
        "reasons": [row["reason"], *row["more_reasons"]],
        "detail": row["detail"],
        "payload": b64encode(row["payload"]).decode(),
        "mended": row["mended"],
        "asked_at": when(row["asked_at"]),
        "attempts": row["attempts"],
        "redriven_at": when(row["redriven_at"]),
    }


def _waiting(row: dict[str, Any]) -> Waiting:
    return {
        "reason": row["reason"],
        "device": row["device"],
        "messages": row["messages"],
        "count": row["times"],
        "last_received_at": when(row["last_received_at"]),
        "asked": row["asked"],
    }


def _stranger(row: dict[str, Any]) -> Stranger:
    return {
        "id": row["name"],
        "gateway": row["speaker"] or None,
        "topic": row["topic"],
        "first_seen": when(row["first_seen"]),
        "last_seen": when(row["last_seen"]),
        "messages": row["messages"],
    }
