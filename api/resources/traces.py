"""Traces of lots and units: what they were made of, and became, and where they were; the records FSMA asks for."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Annotated, Any, Literal, NamedTuple

from fastapi import Path, Query, Request
from starlette.responses import Response, StreamingResponse
from typing_extensions import TypedDict

from api.database import Row, Session
from api.http.auth import Reader
from api.http.context import context_of
from api.http.instants import QueryInstant
from api.http.jsons import Json, Time, when
from api.http.problems import Problem, not_found
from api.http.routes import resource
from api.resources.shared.sheets import XLSX, Book
from domain.evidence.goods_events import lot_uri, unit_uri
from domain.times import from_us
from domain.tracing.fsma import ELEMENTS, Event, cells, missing, record_of, transformed
from domain.tracing.names import Names, names_of
from domain.tracing.trace import EVENTS_MAX, Trace, Tracing
from store.db import queries

router = resource(tags=["goods"])
NAMED_MAX, SHOWN_MAX, RECORDS_MAX = 20_000, 2_000, 200_000
SPAN_MAX = timedelta(days=750)
Hops = Annotated[int, Query(ge=1, le=10, description="through how many transformations, either way")]
Code = Annotated[str, Path(max_length=64)]


class TracedThing(TypedDict):
    """A lot, unit or item of a trace. `level`: 0 it and what it rode in, 1 made of it, -1 what it was made of."""

    id: str
    kind: Literal["lot", "unit", "item", "other"]
    code: str
    sku: str
    label: str
    level: int


class TraceLink(TypedDict):
    """`source` went into `target`: it was made of it, or it was packed in it, at that time."""

    source: str
    target: str
    way: Literal["made", "packed"]
    event: str
    at: Time | None


class TracedEvent(TypedDict):
    """What happened to something of a trace: the step, where, between whom, with which papers."""

    id: str
    at: Time | None
    type: str
    action: str | None
    step: str | None
    disposition: str | None
    place: str | None
    source: str | None
    destination: str | None
    documents: list[str]
    things: list[str]


class LotTrace(TypedDict):
    """A trace. `events` are the newest so many of `events_count`; `whole`: there is no more than was read."""

    id: str
    code: str
    sku: str
    label: str
    hops: int
    things: list[TracedThing]
    links: list[TraceLink]
    events: list[TracedEvent]
    events_count: int
    whole: bool


Records = dict[Event, list[dict[str, Any]]]


class _Told(NamedTuple):
    """What is known of receipts, shippings and transformations of some time."""

    tenant: str
    moves: list[Row]
    made: list[Row]
    names: Names


async def _names(session: Session, tenant: str) -> Names:
    q = queries("tracing")
    lots, units, places, carriers, products = [
        await session.rows(q[name], limit=NAMED_MAX)
        for name in ("lots_named", "units_named", "places_named", "carriers_named", "products_named")
    ]
    return await asyncio.to_thread(names_of, tenant, lots, units, places, carriers, products)


async def _traced(session: Session, start: str, hops: int) -> tuple[Trace, dict[str, Row]]:
    q, tracing, rows = queries("tracing"), Tracing(start, hops), dict[str, Row]()
    while True:
        things, runs = await asyncio.to_thread(tracing.wanted)
        if not things and not runs:
            return await asyncio.to_thread(tracing.found), rows
        told: list[Row] = []
        if things:
            told += await session.rows(q["events_of_things"], things=things, limit=EVENTS_MAX)
        if runs:
            told += await session.rows(q["events_of_runs"], runs=runs, limit=EVENTS_MAX)
        rows |= {row["event_id"]: row for row in told}
        await asyncio.to_thread(tracing.tell, told)


def _shown(start: str, hops: int, found: Trace, rows: dict[str, Row], names: Names) -> LotTrace:
    about = names.thing(start)
    things = [(name, level, names.thing(name)) for name, level in found.levels.items()]
    return {
        "id": start, "code": about.code, "sku": about.sku, "label": about.label, "hops": hops,
        "things": [
            {"id": name, "kind": of.kind, "code": of.code, "sku": of.sku, "label": of.label, "level": level}
            for name, level, of in sorted(things, key=lambda t: (t[1], t[2].kind, t[2].code))
        ],
        "links": [
            {"source": k.source, "target": k.target, "way": k.way, "event": k.event, "at": when(from_us(k.at_us))}
            for k in found.links
        ],
        "events": [_event(rows[name], found, names) for name in found.events[-SHOWN_MAX:]],
        "events_count": len(found.events),
        "whole": found.whole,
    }  # fmt: skip


def _event(row: Row, found: Trace, names: Names) -> TracedEvent:
    body = row["body"]
    where = row["read_point"] or row["biz_location"]  # where it happened is finer than where it is then
    named = {name for key in ("epcs", "inputs", "outputs", "classes") for name in row[key] if name in found.levels}

    def party(key: str, word: str) -> str | None:
        return next((names.place(str(each[word])) for each in body.get(key) or () if word in each), None)

    return {
        "id": row["event_id"],
        "at": when(from_us(row["at_us"])),
        "type": row["type"],
        "action": row["action"],
        "step": row["biz_step"],
        "disposition": row["disposition"],
        "place": names.place(where) if where else None,
        "source": party("sourceList", "source"),
        "destination": party("destinationList", "destination"),
        "documents": [str(each["bizTransaction"]) for each in body.get("bizTransactionList") or ()],
        "things": sorted(names.thing(name).code for name in named),
    }


async def _answer(request: Request, tenant_id: int, hops: int, *, lot: str = "", unit: str = "") -> Json:
    async with context_of(request).database.tenant(tenant_id, snapshot=True) as session:
        q = queries("tracing")
        if lot:
            row = await session.row(q["lot_named"], code=lot)
        else:
            row = await session.row(q["unit_named"], code=unit)
        if row is None:
            raise not_found()
        start = lot_uri(row["tenant"], lot, row["gtin"]) if lot else unit_uri(row["tenant"], unit)
        found, rows = await _traced(session, start, hops)
        names = await _names(session, row["tenant"])
    return Json(await asyncio.to_thread(_shown, start, hops, found, rows, names))


@router.get("/lots/{lot_id}/trace", response_model=LotTrace)
async def get_lot_trace(request: Request, caller: Reader, lot_id: Code, hops: Hops = 5) -> Json:
    """Where a lot came from, what was made of it, what it rode in, and all that happened to it on its way."""
    return await _answer(request, caller.tenant_id, hops, lot=lot_id)


@router.get("/handling-units/{unit_id}/trace", response_model=LotTrace)
async def get_unit_trace(request: Request, caller: Reader, unit_id: Code, hops: Hops = 5) -> Json:
    """The same of a handling unit."""
    return await _answer(request, caller.tenant_id, hops, unit=unit_id)


@router.get(
    "/traceability/fsma",
    response_class=StreamingResponse,
    responses={
        200: {"content": {XLSX: {}}, "description": "a workbook: a summary, and a sheet for each kind of event"}
    },
)
async def get_fsma_records(
    request: Request,
    caller: Reader,
    since: Annotated[QueryInstant | None, Query(description="else 30 days ago")] = None,
    until: Annotated[QueryInstant | None, Query(description="else now")] = None,
    lot: Annotated[str | None, Query(max_length=64)] = None,
    sku: Annotated[str | None, Query(max_length=64)] = None,
) -> Response:
    """Key data elements of each receipt, shipping and transformation of lots, as FSMA 204 asks for them, to be sorted.

    Elements that nobody has told stay empty and are counted on the first sheet. 422: more than 750 days, or too much.
    """
    now = datetime.now(UTC)
    end = until or now
    begin = since or end - timedelta(days=30)
    if not timedelta(0) < end - begin <= SPAN_MAX:
        raise Problem(422, f"until: after since, and at most {SPAN_MAX.days} days")
    told = await _told(request, caller.tenant_id, begin, end, lot, sku)
    records = await asyncio.to_thread(_records, told, sku)
    if sum(map(len, records.values())) > RECORDS_MAX:
        raise Problem(422, f"since, until, lot, sku: more than {RECORDS_MAX} records: ask for less at a time")
    book = await asyncio.to_thread(_book, records, told.tenant, begin, end, now)
    name = f"fsma-{begin:%Y%m%d}-{end:%Y%m%d}.xlsx"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(book, media_type=XLSX, headers=headers)


async def _told(
    request: Request, tenant_id: int, begin: datetime, end: datetime, lot: str | None, sku: str | None
) -> _Told:
    q = queries("tracing")
    async with context_of(request).database.tenant(tenant_id, snapshot=True) as session:
        tenant = ((await session.row(q["tenant_named"])) or {})["tenant"]
        span = {"since": begin, "until": end, "limit": RECORDS_MAX + 1}
        moves = await session.rows(q["fsma_moves"], lot=lot, sku=sku, **span)
        about = await session.row(q["lot_named"], code=lot) if lot else None
        thing = lot_uri(tenant, lot, about["gtin"]) if lot and about else lot
        made = await session.rows(q["fsma_transformations"], thing=thing, **span)
        return _Told(tenant, moves, made, await _names(session, tenant))


def _records(told: _Told, sku: str | None) -> Records:
    """Records by event; one more than may be is enough to say that there are too many."""
    records: Records = {"receiving": [], "shipping": [], "transformation": []}
    for row in told.moves:
        records[row["event"]].append(record_of(row))
    made = (each for row in told.made for each in transformed(row, told.names.thing, told.names.place))
    wanted = (each for each in made if sku is None or sku in (each["sku"], each["input_sku"]))
    records["transformation"] = list(islice(wanted, RECORDS_MAX + 1))
    return records


def _book(records: Records, tenant: str, begin: datetime, end: datetime, now: datetime) -> bytes:
    book = Book("Summary", ("Event", "Records", "Key data element", "Records without it"))
    try:
        for event, found in records.items():
            book.add([(event, len(found), None, None)])
            book.add([(event, None, title, count) for title, count in missing(event, found)])
        book.add([(f"{tenant}: {begin:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC, as of {now:%Y-%m-%d %H:%M} UTC",)])
        for event, found in records.items():
            book.another(event.capitalize(), [element.title for element in ELEMENTS[event]])
            book.add(cells(event, record) for record in found)
        return book.finished().read()
    finally:
        book.close()
