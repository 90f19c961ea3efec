"""Raw readings as they were sent, and messages that were refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import datetime
from functools import partial
from time import monotonic
from typing import Annotated, Any, Literal, TypeVar

import orjson
from fastapi import Query, Request
from starlette.responses import StreamingResponse

from api.http.auth import Reader
from api.http.caller import Caller
from api.http.context import Context, context_of
from api.http.jsons import when
from api.http.problems import not_found
from api.http.routes import resource
from api.resources.shared.downloads import Lasting
from api.resources.shared.exports import FILES, FORMS, refuse_other, workbook_of
from api.resources.shared.sheets import XLSX
from api.resources.shared.spans import Since, Until
from domain.readings import Flag
from domain.tables import CSV, csv_cell
from serving.pace import cut
from store.db import queries

router = resource(tags=["readings"])

T = TypeVar("T")
BATCH = 2000
TIMES = ("time", "received_at")
PIECES_MAX = 8
COMMON = ("time", "received_at", "boot", "seq", "flags")
COLUMNS = {
    "gps": ("lat", "lon", "speed_mps", "heading_deg", "accuracy_m", "altitude_m", "odometer_m", "ignition"),
    "temp": ("probe", "temp_c", "humidity_pct", "correction_c"),
    "rfid": ("epc", "antenna", "rssi_dbm"),
    "shelf": ("slot", "mass_kg", "item_count"),
    "door": ("door", "open"),
    "status": ("battery_ratio", "rssi_dbm", "reefer", "setpoint_c", "defrost"),
    "attr": ("name", "value", "note"),
}
Stream = Literal["gps", "temp", "rfid", "shelf", "door", "status", "attr"]


def _values(row: Sequence[Any], flags: Callable[[list[str]], Any]) -> list[Any]:
    """A row for output: times as text, flags by name."""
    time, received_at, boot, seq, bits, *rest = row
    return [when(time), when(received_at), boot, seq, flags(Flag.names(bits) if bits else []), *rest]


def _csv(rows: Sequence[Sequence[Any]]) -> bytes:
    lines = (",".join(map(csv_cell, _values(row, " ".join))) for row in rows)
    return "".join(line + "\r\n" for line in lines).encode()


def _cells(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    return [_values(row, " ".join) for row in rows]


def _ndjson(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> bytes:
    things = (dict(zip(names, _values(row, list), strict=True)) for row in rows)
    return b"".join(orjson.dumps(thing, option=orjson.OPT_APPEND_NEWLINE) for thing in things)


@router.get(
    "/readings",
    response_class=StreamingResponse,
    responses={**FILES, 404: {"description": "no such device"}},
)
async def get_readings(
    request: Request,
    caller: Reader,
    device: Annotated[str, Query(max_length=64)],
    stream: Stream,
    since: Since = None,
    until: Until = None,
    form: Annotated[
        Literal["csv", "ndjson", "xlsx"] | None, Query(alias="format", description="instead of `Accept`")
    ] = None,
) -> StreamingResponse:
    """Readings of a device in event order with their quality flags; all of them when no span is given."""
    context = context_of(request)
    media_type = FORMS[form] if form else refuse_other(request.headers.get("accept", ""))
    async with context.database.tenant(caller.tenant_id) as session:
        row = await session.row(queries("api")["device_key"], name=device)
    if row is None:
        raise not_found()
    names = (*COMMON, *COLUMNS[stream])
    span = {"since": since or "-infinity", "until": until or "infinity"}
    place = context.downloads.take((caller.tenant_id, caller.user), monotonic(), partial(cut, request.scope))
    values = {"device": row["key"], **span}
    read = partial(_stream, context, caller, f"readings_{stream}", values=values)
    if media_type == XLSX:
        head = [f"{name}_utc" if name in TIMES else name for name in names]
        body = workbook_of(f"{device}-{stream}", head, read(encode=_cells))
    else:
        encode = _csv if media_type == CSV else lambda rows: _ndjson(names, rows)
        body = read(encode=encode, head=(",".join(names) + "\r\n").encode() if media_type == CSV else None)
    ending = next(name for name, media in FORMS.items() if media == media_type)
    headers = {"Content-Disposition": f'attachment; filename="{device}-{stream}.{ending}"'}
    return Lasting(context, context.downloads, place, body, media_type, headers)


async def _stream(
    context: Context,
    caller: Caller,
    query: str,
    *,
    encode: Callable[[Sequence[Sequence[Any]]], T],
    values: dict[str, str | int | datetime],
    head: T | None = None,
) -> AsyncGenerator[T, None]:
    """Page by page, each in a transaction of its own: a client that reads slowly holds none, nor a connection.

    A page ends between two times, so nothing is left out or sent twice. A failure half way breaks the connection off,
    so that nobody takes a part for the whole.
    """
    if head is not None:
        yield head
    after: datetime | None = None
    while True:
        count = 0
        pieces = []
        async with context.database.tenant(caller.tenant_id) as session:
            async for rows in session.batches(queries("api")[query], BATCH, after=after, most=BATCH, **values):
                pieces.append(await asyncio.to_thread(encode, rows))
                after, count = rows[-1][0], count + len(rows)
                if len(pieces) > PIECES_MAX:  # a great many readings of one time: better a held connection than memory
                    yield pieces.pop(0)
        for piece in pieces:
            yield piece
        if count < BATCH:
            return
