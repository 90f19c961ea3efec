"""Files of temperature loggers that travelled with goods: looked at, confirmed, brought in, kept as they came."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import Depends, Query, Request
from pydantic import AfterValidator
from starlette.responses import Response
from typing_extensions import TypedDict

from api.database import Row
from api.http.auth import LoggerReader, Reader
from api.http.context import context_of
from api.http.inputs import Name, printable
from api.http.jsons import Json, when
from api.http.paging import Cursor, Items, Limit, decode, shaped_page
from api.http.problems import Problem, key_of, not_found
from api.http.routes import resource
from api.resources.shared.talks import converse
from domain.recordings import RecordingError
from domain.recordings.brought import CONTENT_BYTES_MAX, SHOWN, Looked, inflated, look
from domain.recordings.reported import told
from domain.times import rfc3339
from store.db import queries
from store.lifecycle import NothingThereError, RefusedError
from store.logger_files import bring, brought, placed

router = resource(tags=["cold chain"])

OCTETS = "application/octet-stream"
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "text/plain": {
                "schema": {"type": "string"},
                "example": "Time,Temperature °C\n2026-11-22T10:00:00Z,4.5\n2026-11-22T10:05:00Z,4.7\n",
            },
            OCTETS: {"schema": {"type": "string", "format": "binary"}},
        },
    }
}
State = Literal["looked_at", "waiting", "in"]


class LoggerReading(TypedDict):
    """One of its first readings, as it is understood."""

    time: str | None
    probe: str
    temp_c: float


LoggerFile = TypedDict(
    "LoggerFile",
    {
        "id": str | None,
        "state": State,
        "name": str,
        "sha256": str,
        "device": str,
        "device_is_new": bool,
        "shipment": str | None,
        "vehicle": str | None,
        "from": str | None,
        "to": str | None,
        "readings": int,
        "min_c": float | None,
        "max_c": float | None,
        "first": list[LoggerReading],
        "detection": dict[str, Any],
        "reported": dict[str, Any] | None,
        "notes": list[str],
        "created_at": str | None,
        "created_by": str | None,
        "taken_at": str | None,
        "taken": int | None,
        "problem": str | None,
    },
)
"""A logger's file. `looked_at`: a dry run, nothing is kept; `waiting`; `in`: its readings are in, `taken` of them, and
`problem` says why others are not. `detection`: how it is written, the questions that are `open`. `reported`:
what the device says itself. `vehicle`: where the device is put for the span of the file; it is made if it is new."""


class Way:
    """What is said of a file besides its bytes."""

    def __init__(
        self,
        *,
        shipment: Annotated[str | None, Query(max_length=64, description="it travelled with this one")] = None,
        device: Annotated[
            Name | None, Query(description="of this device; nothing said: one named after its serial number")
        ] = None,
        name: Annotated[
            str, AfterValidator(printable), Query(min_length=1, max_length=200, description="of the file")
        ] = "logger file",
        dry_run: Annotated[
            bool, Query(description="keep nothing, only say what is in it and what would be done")
        ] = False,
        separator: Annotated[Literal["comma", "semicolon", "tab", "bar"] | None, Query()] = None,
        decimal: Annotated[Literal["point", "comma"] | None, Query()] = None,
        date_order: Annotated[Literal["ymd", "dmy", "mdy"] | None, Query()] = None,
        clock: Annotated[Literal["24", "12"] | None, Query()] = None,
        unit: Annotated[Literal["C", "F", "K"] | None, Query()] = None,
        zone: Annotated[str | None, Query(max_length=64, description="of local times: IANA name or +hh:mm")] = None,
    ) -> None:
        self.shipment, self.device, self.name, self.dry_run = shipment, device, name, dry_run
        said = {
            "separator": separator,
            "decimal": decimal,
            "date_order": date_order,
            "clock": clock,
            "unit": unit,
            "zone": zone,
        }
        self.answers = {question: str(answer) for question, answer in said.items() if answer is not None}


@router.post(
    "/logger-files",
    response_model=LoggerFile,
    status_code=202,
    responses={200: {"description": "looked at only, or the same file was brought before"}},
    openapi_extra=BODY,
)
async def import_logger_file(request: Request, caller: LoggerReader, way: Annotated[Way, Depends()]) -> Json:
    """Brings in a logger's file: Berlinger's text, `time,temp_c`, or a maker's export; 4 MiB at most.

    What the text leaves open must be confirmed: 422 names the question and the answers. The device is made when new,
    and put on the shipment's vehicle for the span of the file. Sent again it changes nothing (200).
    """
    content = await _body(request)
    try:
        found = await asyncio.to_thread(look, content, way.answers)
    except RecordingError as error:
        raise Problem(422, f"file: {error}") from None
    device = way.device or found.device
    is_named = way.device is not None
    if way.dry_run:
        async with context_of(request).database.tenant(caller.tenant_id) as session:
            place = await _heard(converse(session, placed(found.sha256, device, way.shipment, is_named=is_named)))
            if place.known_id is not None:
                return Json(_shape(await _row(session, place.known_id)), 200)
        vehicle = place.shipment["vehicle"] if place.shipment else None
        return Json(_looked(found, way, device, is_new=place.device_id is None, vehicle=vehicle), 200)
    if found.is_open:
        raise Problem(422, _open(found), open=list(found.detection.open))
    file = await asyncio.to_thread(brought, found, way.name, content, way.answers)
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        talk = bring(file, device, way.shipment, caller.user, is_named=is_named)
        number, is_new = await _heard(converse(session, talk))
        row = await _row(session, number)
    return Json(_shape(row), 202 if is_new else 200)


@router.get("/logger-files", response_model=Items[LoggerFile])
async def list_logger_files(
    request: Request,
    caller: Reader,
    shipment: Annotated[str | None, Query(max_length=64, description="only those that travelled with it")] = None,
    limit: Limit = 200,
    cursor: Cursor = None,
) -> Json:
    """Files of loggers, the newest first."""
    after = decode(cursor, (int,))[0] if cursor else None
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        found = await session.rows(queries("loggers")["list"], id=None, after=after, shipment=shipment, limit=limit + 1)
    return shaped_page(request, found, limit, lambda f: [f["id"]], _shape)


@router.get("/logger-files/{logger_file_id}", response_model=LoggerFile)
async def get_logger_file(request: Request, caller: Reader, logger_file_id: str) -> Json:
    """One file: what is in it, and whether its readings are in."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        return Json(_shape(await _row(session, key_of(logger_file_id))))


@router.get(
    "/logger-files/{logger_file_id}/content",
    response_class=Response,
    responses={200: {"content": {OCTETS: {}}, "description": "the file as it came"}},
)
async def download_logger_file(request: Request, caller: Reader, logger_file_id: str) -> Response:
    """The file as it came, byte by byte."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        row = await session.row(queries("loggers")["content"], id=key_of(logger_file_id))
    if row is None:
        raise not_found()
    content = await asyncio.to_thread(inflated, bytes(row["content"])) if row["content"] else b""
    headers = {"content-disposition": f'attachment; filename="logger-file-{key_of(logger_file_id)}.txt"'}
    return Response(content, media_type=OCTETS, headers=headers)


async def _body(request: Request) -> bytes:
    """The file.

    Raises:
        Problem: 413, it is larger than a logger's file is; 422, there is none.
    """
    content = bytearray()
    async for piece in request.stream():
        content += piece
        if len(content) > CONTENT_BYTES_MAX:
            words = f"a logger's file may have {CONTENT_BYTES_MAX // 2**20} MiB: cut it into parts"
            raise Problem(413, words, {"Connection": "close"})
    if not content:
        raise Problem(422, "file: send it as the body of the request")
    return bytes(content)


async def _heard(talk: Any) -> Any:
    """What a talk comes to.

    Raises:
        Problem: 422, there is no such shipment; 409, the device cannot have these readings.
    """
    try:
        return await talk
    except NothingThereError as error:
        raise Problem(422, str(error)) from None
    except RefusedError as error:
        raise Problem(409, str(error)) from None


async def _row(session: Any, number: int) -> Row:
    row: Row | None = await session.row(queries("loggers")["list"], id=number, after=None, shipment=None, limit=1)
    if row is None:
        raise not_found()
    return row


def _open(found: Looked) -> str:
    said = []
    for name in found.detection.open:
        answer = found.detection.answers[name]
        said.append(f"{name}: {answer.why}; say {' or '.join(answer.options) or 'which'}")
    return ". ".join(said)


def _looked(found: Looked, way: Way, device: str, *, is_new: bool, vehicle: str | None) -> Mapping[str, Any]:
    times, temps = [r["t"] for r in found.readings], [r["c"] for r in found.readings]
    return {
        **_about(None, "looked_at", way.name, found.sha256, device, way.shipment, found.detection.told()),
        "device_is_new": is_new,
        "vehicle": vehicle,
        "from": rfc3339(min(times) * 1000) if times else None,
        "to": rfc3339(max(times) * 1000) if times else None,
        "readings": len(times),
        "min_c": min(temps, default=None),
        "max_c": max(temps, default=None),
        "first": [
            {"time": rfc3339(r["t"] * 1000), "probe": r["probe"], "temp_c": r["c"]} for r in found.readings[:SHOWN]
        ],
        "reported": None if found.reported is None else told(found.reported),
        "notes": [] if found.recording is None else list(found.recording.notes),
        "created_at": None,
        "created_by": None,
        "taken_at": None,
        "taken": None,
        "problem": None,
    }


def _about(
    number: int | None, state: State, name: str, sha256: bytes, device: str, shipment: str | None, detection: Any
) -> dict[str, Any]:
    return {
        "id": None if number is None else str(number),
        "state": state,
        "name": name,
        "sha256": bytes(sha256).hex(),
        "device": device,
        "shipment": shipment,
        "detection": detection,
    }


def _shape(row: Row) -> Mapping[str, Any]:
    state: State = "waiting" if row["taken_at"] is None else "in"
    about = _about(row["id"], state, row["name"], row["sha256"], row["device"], row["shipment"], row["detection"])
    return {
        **about,
        "device_is_new": False,
        "vehicle": None,
        "from": when(row["since"]),
        "to": when(row["until"]),
        "readings": row["readings"],
        "min_c": row["min_c"],
        "max_c": row["max_c"],
        "first": [],
        "reported": row["reported"],
        "notes": row["notes"],
        "created_at": when(row["created_at"]),
        "created_by": row["created_by"],
        "taken_at": when(row["taken_at"]),
        "taken": row["taken"],
        "problem": row["problem"],
    }
