"""Raw readings as they were sent, and messages that were refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from time import monotonic
from typing import Annotated, Any, Literal

import orjson
from fastapi import Query, Request
from starlette.responses import StreamingResponse

from api.http.auth import Reader
from api.http.context import context_of
from api.http.jsons import when
from api.http.problems import not_found
from api.http.routes import resource
from api.resources.shared.downloads import Lasting
from api.resources.shared.exports import FILES, FORMS, refuse_other, workbook_of
from api.resources.shared.reading_pages import pages
from api.resources.shared.sheets import XLSX
from api.resources.shared.spans import Since, Until
from domain.readings import Flag
from domain.tables import CSV, csv_cell
from serving.pace import cut
from store.db import queries

router = resource(tags=["readings"])

TIMES = ("time", "received_at")
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
    read = partial(pages, context, caller, f"readings_{stream}", values=values)
    if media_type == XLSX:
        head = [f"{name}_utc" if name in TIMES else name for name in names]
        body = workbook_of(f"{device}-{stream}", head, read(encode=_cells))
    else:
        encode = _csv if media_type == CSV else lambda rows: _ndjson(names, rows)
        body = read(encode=encode, head=(",".join(names) + "\r\n").encode() if media_type == CSV else None)
    ending = next(name for name, media in FORMS.items() if media == media_type)
    headers = {"Content-Disposition": f'attachment; filename="{device}-{stream}.{ending}"'}
    return Lasting(context, context.downloads, place, body, media_type, headers)
