"""Lists as files: all pages of one, one after the other, as CSV, JSON lines or a workbook, whatever it lists.

A list is asked as anybody asks it, page by page, each in a transaction of its own: a client that reads slowly holds
none, and memory holds one page. Columns follow from the shape of what is listed; times name their zone there.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import partial, wraps
from time import monotonic
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin, get_type_hints
from zoneinfo import ZoneInfo

import orjson
from fastapi import Depends, Query, Request
from pydantic import AfterValidator
from starlette.responses import Response
from typing_extensions import is_typeddict

from api.http.context import context_of
from api.http.inputs import zone_name
from api.http.instants import parsed
from api.http.jsons import TIME
from api.http.paging import LIMIT_MAX, Page
from api.http.problems import Problem
from api.resources.shared.downloads import NDJSON, Lasting
from api.resources.shared.sheets import XLSX, Book
from domain.tables import CSV, csv_line
from serving.pace import cut

PIECE_BYTES = 256 * 1024
FORMS = {"csv": CSV, "ndjson": NDJSON, "xlsx": XLSX}
ENDINGS = {media: ending for ending, media in FORMS.items()}
FILES: dict[int | str, dict[str, Any]] = {200: {"content": {CSV: {}, NDJSON: {}, XLSX: {}}}}
"""What the document says of a list that is given as a file too."""
List = Callable[..., Awaitable[Any]]


class Taking(NamedTuple):
    """The media type of the file that is wanted, None for a page of JSON; and the zone of its times."""

    media: str | None
    zone: str


async def _taking(
    request: Request,
    form: Annotated[
        Literal["json", "csv", "ndjson", "xlsx"] | None,
        Query(alias="format", description="instead of `Accept`: all of the list as a file, `limit` is not heeded"),
    ] = None,
    tz: Annotated[
        str, AfterValidator(zone_name), Query(max_length=64, description="IANA zone of the times in CSV and workbooks")
    ] = "UTC",
) -> Taking:
    accepted = request.headers.get("accept", "")
    if form is not None:
        return Taking(FORMS.get(form), tz)
    return Taking(next((media for media in FORMS.values() if media in accepted), None), tz)


Asking = Annotated[Taking, Depends(_taking)]


class Column(NamedTuple):
    """A column of a file: its name, where its value stands in a thing, and whether it is a time."""

    name: str
    path: tuple[str, ...]
    is_time: bool


def columns_of(shape: Any, within: tuple[str, ...] = ()) -> list[Column]:
    """The columns of a shape: those of a thing in it stand beside the rest, with a point between the names."""
    found: list[Column] = []
    for name, hint in get_type_hints(shape, include_extras=True).items():
        kinds = [each for each in (get_args(hint) if _is_union(hint) else (hint,)) if each is not type(None)]
        path = (*within, name)
        inner = next((each for each in kinds if is_typeddict(each)), None)
        if inner is not None:
            found += columns_of(inner, path)
        else:
            is_time = any(TIME in getattr(each, "__metadata__", ()) for each in kinds) or name.endswith("_at")
            found.append(Column(".".join(path), path, is_time))
    return found


def _is_union(hint: Any) -> bool:
    return get_origin(hint) is not None and get_origin(hint) is not list and type(None) in get_args(hint)


def head_of(columns: Sequence[Column], zone: str) -> list[str]:
    """The names of columns; those of times with their zone.

    >>> head_of([Column("opened_at", ("opened_at",), True)], "UTC")
    ['opened_at_utc']
    """
    ending = "_utc" if zone == "UTC" else f" ({zone})"
    return [f"{column.name}{ending}" if column.is_time else column.name for column in columns]


def cell_of(thing: Mapping[str, Any], column: Column, zone: ZoneInfo | None) -> Any:
    """What a thing has in a column: a text, a number, a truth value or nothing."""
    value: Any = thing
    for part in column.path:
        value = value.get(part) if isinstance(value, Mapping) else None
    if isinstance(value, list):
        plain = all(isinstance(each, str) for each in value)
        return "; ".join(value) if plain else orjson.dumps(value).decode() if value else None
    if isinstance(value, dict):
        return orjson.dumps(value).decode()
    if column.is_time and zone is not None and isinstance(value, str):
        return parsed(value).astimezone(zone).isoformat(timespec="milliseconds")
    return value


def as_file(name: str, shape: Any) -> Callable[[List], List]:
    """Makes of a route that lists things in pages one that also gives all of them as a file."""

    def around(listing: List) -> List:
        signature = inspect.signature(listing, eval_str=True)
        taking = inspect.Parameter(
            "taking", inspect.Parameter.KEYWORD_ONLY, annotation=Annotated[Taking, Depends(_taking)]
        )

        @wraps(listing)
        async def listed(*, taking: Taking, **asked: Any) -> Any:
            if taking.media is None:
                return await listing(**asked)
            first = await listing(**_page_of(asked, asked.get("cursor")))  # what is wrong is told before it begins
            ask = lambda cursor: listing(**_page_of(asked, cursor))  # noqa: E731
            return _file(asked["request"], asked["caller"], name, columns_of(shape), taking, first, ask)

        kept = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in signature.parameters.values()]
        listed.__signature__ = signature.replace(parameters=[*kept, taking], return_annotation=Response)  # type: ignore[attr-defined]
        listed.__annotations__ = {p.name: p.annotation for p in [*kept, taking]} | {"return": Response}
        del listed.__wrapped__
        return listed

    return around


def _page_of(asked: Mapping[str, Any], cursor: str | None) -> dict[str, Any]:
    if "wanted" in asked:  # of facts
        return {**asked, "wanted": asked["wanted"]._replace(limit=LIMIT_MAX, cursor=cursor or asked["wanted"].cursor)}
    return {**asked, "limit": LIMIT_MAX, "cursor": cursor}


def _file(
    request: Request,
    caller: Any,
    name: str,
    columns: list[Column],
    taking: Taking,
    first: Page,
    ask: Callable[[str], Awaitable[Page]],
) -> Response:
    context = context_of(request)
    if said := request.query_params.get("fields"):
        fields = said.split(",")
        columns = [column for column in columns if column.path[0] in fields]
    place = context.downloads.take((caller.tenant_id, caller.user), monotonic(), partial(cut, request.scope))
    pages = _pages(first, ask)
    media = taking.media or NDJSON
    if media == NDJSON:
        body = _lines(pages)
    else:
        zone = None if taking.zone == "UTC" else ZoneInfo(taking.zone)
        rows = _rows(pages, columns, zone)
        head = head_of(columns, taking.zone)
        body = table(head, rows) if media == CSV else workbook_of(name, head, rows)
    headers = {"Content-Disposition": f'attachment; filename="{name}.{ENDINGS[media]}"'}
    return Lasting(context, context.downloads, place, body, media, headers)


async def _pages(first: Page, ask: Callable[[str], Awaitable[Page]]) -> AsyncIterator[Sequence[Mapping[str, Any]]]:
    page = first
    while True:
        yield page.items
        if page.next_cursor is None:
            return
        page = await ask(page.next_cursor)


async def _lines(pages: AsyncIterator[Sequence[Mapping[str, Any]]]) -> AsyncGenerator[bytes, None]:
    async for items in pages:
        yield b"".join(orjson.dumps(item, option=orjson.OPT_APPEND_NEWLINE) for item in items)


async def _rows(
    pages: AsyncIterator[Sequence[Mapping[str, Any]]], columns: Sequence[Column], zone: ZoneInfo | None
) -> AsyncIterator[list[list[Any]]]:
    async for items in pages:
        yield [[cell_of(item, column, zone) for column in columns] for item in items]


async def table(head: Sequence[str], batches: AsyncIterator[list[list[Any]]]) -> AsyncGenerator[bytes, None]:
    """Rows as CSV, which no spreadsheet runs; the mark in front tells them that it is UTF-8."""
    yield ("\ufeff" + csv_line(head)).encode()
    async for rows in batches:
        yield "".join(map(csv_line, rows)).encode()


async def workbook_of(
    name: str, head: Sequence[str], batches: AsyncIterator[list[list[Any]]]
) -> AsyncGenerator[bytes, None]:
    """Rows as a workbook: written to disk as they come, sent when all are there."""
    book = await asyncio.to_thread(Book, name, head)
    try:
        async for rows in batches:
            await asyncio.to_thread(book.add, rows)
        file = await asyncio.to_thread(book.finished)
        while piece := await asyncio.to_thread(file.read, PIECE_BYTES):
            yield piece
    finally:
        await asyncio.to_thread(book.close)


def refuse_other(accept: str) -> str:
    """The media type of a file that is accepted, CSV when anything is.

    Raises:
        Problem: 406, none of ours is.
    """
    found = next((media for media in (NDJSON, XLSX) if media in accept), None)
    if found is not None or "application/jsonl" in accept:
        return found or NDJSON
    if not accept or any(kind in accept for kind in (CSV, "text/*", "*/*")):
        return CSV
    raise Problem(406, f"this comes as {CSV}, {NDJSON} or {XLSX}")
