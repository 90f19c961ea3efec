"""Events of EPCIS 2.0, as companies exchange them: captured all or none, queried by the standard's own words."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import orjson
from fastapi import Request
from typing_extensions import TypedDict

from api.database import Row
from api.http.audit import audit
from api.http.auth import GoodsKeeper, Reader
from api.http.context import context_of
from api.http.jsons import Json, Time, when
from api.http.paging import Cursor, Items, Limit, decode, shaped_page
from api.http.problems import Problem, key_of, not_found
from api.http.routes import resource
from api.resources.shared.epcis import EVENTS_MAX, PAGES, VERSIONS, events_page
from domain.epcis.check import Fault, document_faults, event_faults, events_of
from domain.epcis.model import event_of
from domain.epcis.query import PARAMETERS, QueryError, asked
from domain.epcis.words import CONTEXT
from domain.times import to_us
from operations.epcis.record import Captured, CaptureError, capture
from store.db import queries

router = resource("/epcis", tags=["epcis"])

LD = "application/ld+json"
EXAMPLE = {
    "@context": [CONTEXT],
    "type": "EPCISDocument",
    "schemaVersion": "2.0",
    "creationDate": "2026-11-22T12:00:00Z",
    "epcisBody": {
        "eventList": [
            {
                "type": "ObjectEvent",
                "eventTime": "2026-11-22T10:30:00Z",
                "eventTimeZoneOffset": "+01:00",
                "action": "OBSERVE",
                "bizStep": "receiving",
                "epcList": ["urn:epc:id:sgtin:4012345.011122.25"],
                "bizLocation": {"id": "urn:epc:id:sgln:4012345.00005.0"},
            }
        ]
    },
}
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {kind: {"schema": {"type": "object"}, "example": EXAMPLE} for kind in ("application/json", LD)},
    },
    "parameters": [
        {
            "name": "GS1-Capture-Error-Behaviour",
            "in": "header",
            "required": False,
            "description": "`proceed` takes the events that are right and lists what is wrong with the others",
            "schema": {"type": "string", "enum": ["rollback", "proceed"], "default": "rollback"},
        }
    ],
}
QUERY: dict[str, Any] = {
    "parameters": [
        *(
            {"name": name, "in": "query", "required": False, "description": what, "schema": {"type": "string"}}
            for name, (_, _, what) in PARAMETERS.items()
        ),
        *PAGES,
    ]
}


class EpcisFault(TypedDict):
    """What is wrong with an event, and where in the document."""

    path: str
    why: str


class EpcisCapture(TypedDict):
    """What became of a document: `events` in it, `taken`, `known` from before; `errors` of those not taken."""

    captureID: str
    createdAt: Time | None
    createdBy: str
    running: bool
    success: bool
    events: int
    taken: int
    known: int
    errors: list[EpcisFault]


def _shape(row: Row) -> EpcisCapture:
    return {
        "captureID": str(row["id"]),
        "createdAt": when(row["created_at"]),
        "createdBy": row["created_by"],
        "running": False,
        "success": not row["faults"],
        "events": row["events"],
        "taken": row["taken"],
        "known": row["known"],
        "errors": row["faults"],
    }


@router.post(
    "/capture",
    response_model=EpcisCapture,
    status_code=202,
    openapi_extra=BODY,
)
async def capture_epcis(request: Request, caller: GoodsKeeper) -> Json:
    """Takes in an EPCIS document: all of its events, or none; each once, by its `eventID` or the hash of what it says.

    422 lists what is wrong, each with its place in the document. `Location` is where the capture can be asked for.
    """
    proceeds = _proceeds(request)
    document, faults = await asyncio.to_thread(_looked_at, await request.body(), proceeds=proceeds)
    if faults and not proceeds:
        raise _wrong(faults)
    context, events = document.get("@context"), events_of(document)
    right = [(path, event) for path, event in events if not (proceeds and event_faults(event))]
    told = await asyncio.to_thread(lambda: [(path, event_of(body, context)) for path, body in right])
    now_us = to_us(datetime.now(UTC))
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        script = capture(told, context, caller.user, faults, of=len(events), now_us=now_us, all_or_none=not proceeds)
        try:
            made: Captured = await session.perform(script, {**queries("stock"), **queries("epcis")})
        except CaptureError as error:
            raise Problem(409, str(error), faults=_shown(error.faults)) from None
        await audit(session, caller, "epcis.capture", str(made.id), taken=made.taken, known=made.known)
        (row,) = await session.rows(queries("epcis")["captures"], id=made.id, before=None, limit=1)
    where = f"{request.url.path}/{made.id}"
    return Json(_shape(row), 202, {**VERSIONS, "Location": where})


@router.get("/capture", response_model=Items[EpcisCapture])
async def list_epcis_captures(request: Request, caller: Reader, limit: Limit = 200, cursor: Cursor = None) -> Json:
    """Documents that were told, the newest first."""
    before = decode(cursor, (int,))[0] if cursor else None
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        found = await session.rows(queries("epcis")["captures"], id=None, before=before, limit=limit + 1)
    return shaped_page(request, found, limit, lambda row: [row["id"]], _shape)


@router.get("/capture/{capture_id}", response_model=EpcisCapture)
async def get_epcis_capture(request: Request, caller: Reader, capture_id: str) -> Json:
    """What became of one document."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        rows = await session.rows(queries("epcis")["captures"], id=key_of(capture_id), before=None, limit=1)
    if not rows:
        raise not_found()
    return Json(_shape(rows[0]), headers=VERSIONS)


@router.get(
    "/events",
    response_model=dict[str, Any],
    openapi_extra=QUERY,
)
async def query_epcis_events(request: Request, caller: Reader) -> Json:
    """Our own facts and what others told, as an EPCISQueryDocument; the newest first. Lists are separated by commas.

    Keys are found however they are written: `MATCH_epc=urn:epc:id:sgtin:…` finds what was told as a Digital Link.
    """
    try:
        conditions = asked(request.query_params.multi_items())
    except QueryError as error:
        raise Problem(422, str(error)) from None
    return await events_page(request, caller, conditions)


def _proceeds(request: Request) -> bool:
    behaviour = request.headers.get("GS1-Capture-Error-Behaviour", "rollback")
    if behaviour not in ("rollback", "proceed"):
        raise Problem(422, "GS1-Capture-Error-Behaviour: rollback or proceed is wanted")
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if "xml" in kind:
        raise Problem(422, "EPCIS in XML is not taken: send the document as JSON (EPCIS 2.0)")
    return behaviour == "proceed"


def _looked_at(content: bytes, *, proceeds: bool) -> tuple[dict[str, Any], list[Fault]]:
    """The document with what is wrong with it.

    Raises:
        Problem: it is no document at all, or holds more than one capture may.
    """
    try:
        document = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise Problem(422, f"it is no JSON: {error}") from None
    faults = document_faults(document)
    if not isinstance(document, dict):
        raise _wrong(faults)
    try:
        events = events_of(document)
    except (KeyError, TypeError, AttributeError):
        raise _wrong(faults) from None
    if len(events) > EVENTS_MAX:
        raise Problem(413, f"{len(events)} events: tell at most {EVENTS_MAX} at once")
    if proceeds:
        around = [fault for fault in faults if not fault.path.startswith("epcisBody.") or "[" not in fault.path]
        if around:
            raise _wrong(around)
        faults = [fault for path, event in events for fault in event_faults(event, path)[:3]]
    return document, faults


def _wrong(faults: list[Fault]) -> Problem:
    first = "; ".join(map(str, faults[:1])) or "it is no EPCIS document"
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return Problem(422, first + more, faults=_shown(faults))


def _shown(faults: Any) -> list[EpcisFault]:
    return [{"path": fault.path, "why": fault.why} for fault in faults]
