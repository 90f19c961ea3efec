"""One's own inventory: a table made of the columns one wants, filled in, and brought in whole."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import IO, Annotated, Any, Literal, NoReturn
from zoneinfo import ZoneInfo

from fastapi import Query, Request
from pydantic import AfterValidator
from starlette.responses import Response
from typing_extensions import TypedDict

from api.database import Session
from api.http.audit import audit
from api.http.auth import Reader, StockKeeper
from api.http.context import context_of
from api.http.inputs import zone_name
from api.http.jsons import Json
from api.http.problems import Problem
from api.http.routes import resource
from api.resources.shared.imports import cells
from api.resources.shared.imports.bring import documented
from api.resources.shared.imports.cells import Cell
from api.resources.shared.imports.files import Columns, FileError, open_source
from api.resources.shared.imports.sheets import SheetError
from api.resources.shared.sheets import workbook
from domain.faults import FaultCode, fault_of
from domain.permissions import Permission
from domain.stock.inventory import (
    ALIASES,
    COLUMNS,
    LINES_MAX,
    OWN,
    ColumnError,
    Line,
    chosen,
    example_day,
    line_of,
)
from domain.stock.templates import TEMPLATES
from domain.tables import CSV, csv_line
from domain.times import to_us
from operations.inventory.record import Brought, InventoryError, Wrong, bring_in
from store.db import queries

router = resource("/inventory", tags=["stock"])
BYTES_MAX = 32 * 2**20
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
READ: dict[str, Cell] = {"text": cells.text, "number": cells.number, "time": cells.time}


class _Cells(dict[str, Cell]):
    """How cells are read; columns of somebody's own are texts."""

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or (isinstance(name, str) and name.startswith(OWN))

    def __missing__(self, name: str) -> Cell:
        return cells.text


TABLE = Columns(_Cells({c.name: READ[c.kind] for c in COLUMNS.values()}), needed=(), aliases=ALIASES)


class InventoryColumn(TypedDict):
    """A column that a table may have."""

    name: str
    about: str
    example: str
    kind: str


class InventoryTemplate(TypedDict):
    """A ready-made choice of columns; `own` are such as no column of ours is for."""

    name: str
    label: str
    columns: list[str]
    own: list[str]


class InventoryTemplates(TypedDict):
    """What a table may be made of."""

    columns: list[InventoryColumn]
    templates: list[InventoryTemplate]


class InventoryFault(TypedDict):
    """What is wrong with a line: `problem` in English, `code` and `params` for another language."""

    line: int
    column: str
    problem: str
    code: FaultCode
    params: dict[str, str]


class InventoryBrought(TypedDict):
    """What is in the file, and how much of it is new. With `errors` nothing would be brought in."""

    dry_run: bool
    lines: int
    products: int
    products_new: int
    sites_new: int
    zones_new: int
    bins_new: int
    lots: int
    lots_new: int
    moves: int
    moves_new: int
    notes: list[str]
    errors: list[InventoryFault]


@router.get("/templates", response_model=InventoryTemplates)
async def list_inventory_templates(request: Request, caller: Reader) -> Json:
    """Columns that a table of one's own inventory may have, and ready-made choices of them."""
    del request, caller
    columns = [dict(c._asdict()) for c in COLUMNS.values()]
    templates = [
        {"name": t.name, "label": t.label, "columns": list(t.columns), "own": list(t.own)} for t in TEMPLATES.values()
    ]
    return Json({"columns": columns, "templates": templates})


@router.get(
    "/templates/file",
    response_class=Response,
    responses={200: {"content": {CSV: {}, XLSX: {}}, "description": "the table, to be filled in"}},
)
async def download_inventory_template(
    request: Request,
    caller: Reader,
    template: Annotated[str | None, Query(max_length=64, description="a ready-made one; else `columns`")] = None,
    columns: Annotated[str | None, Query(max_length=2000, description="names with commas between them")] = None,
    own: Annotated[str | None, Query(max_length=2000, description="columns of your own, with commas")] = None,
    format: Annotated[Literal["csv", "xlsx"], Query()] = "csv",  # noqa: A002 - the parameter's name
    examples: Annotated[bool, Query(description="with lines that show how it is meant; take them out")] = True,  # noqa: FBT002
) -> Response:
    """A table with the columns one wants, as CSV or workbook."""
    del request, caller
    rows: Sequence[Sequence[str | None]] = []
    if template is not None:
        found = TEMPLATES.get(template)
        if found is None:
            raise Problem(422, f"template: there is no {template!r}; there are {', '.join(TEMPLATES)}")
        names, mine = list(found.columns), list(found.own)
    else:
        names, mine = _words(columns), _words(own)
        if not names and not mine:
            raise Problem(422, "columns: name those that you want, or a template")
    try:
        head = chosen(names, mine)
    except ColumnError as error:
        raise Problem(422, str(error)) from None
    if examples:
        rows = examples_of(template, head)
    title = template or "inventory"
    if format == "xlsx":
        content, media = await asyncio.to_thread(workbook, title[:31], head, rows), XLSX
    else:
        content, media = "".join(csv_line(each) for each in [head, *rows]).encode(), CSV
    return Response(
        content, media_type=media, headers={"content-disposition": f'attachment; filename="{title}.{format}"'}
    )


def examples_of(template: str | None, head: Sequence[str]) -> list[list[str | None]]:
    """Lines that show how columns are meant."""
    days = example_day(datetime.now(UTC))
    if template is not None:
        lines: Iterable[Any] = TEMPLATES[template].rows
    else:
        lines = [{name: COLUMNS[name].example for name in head if name in COLUMNS}]
    return [[days.get(v := row.get(name.removeprefix(OWN)), v) for name in head] for row in lines]


def _words(text: str | None) -> list[str]:
    return [word.strip() for word in (text or "").split(",") if word.strip()]


@router.post(
    "/import",
    response_model=InventoryBrought,
    openapi_extra=documented("sku,label,site,zone,quantity\r\nMILK-1L,Milk 1 l,store-1,chiller,48\r\n"),
)
async def import_inventory(
    request: Request,
    caller: StockKeeper,
    dry_run: Annotated[bool, Query(description="keep nothing, only say what would be, and what is wrong")] = False,  # noqa: FBT002
    reference: Annotated[
        str,
        Query(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$", description="of opening stock: another one counts anew"),
    ] = "opening",
    zone: Annotated[str, AfterValidator(zone_name), Query(max_length=64, description="of days and times")] = "UTC",
) -> Json:
    """Products, sites, zones, bins, lots and opening stock of one file (CSV, workbook, JSON lines): all, or nothing.

    What is wrong is told of every line (422 `errors`; of a dry run 200), and nothing is brought in then. Sent again it
    changes nothing.
    """
    content = await _body(request)
    lines, notes = await asyncio.to_thread(_read, io.BytesIO(content), len(content), ZoneInfo(zone))
    now_us = to_us(datetime.now(UTC))
    brought, errors = Brought(len(lines), *([0] * (len(Brought._fields) - 1))), []
    try:
        async with context_of(request).database.tenant(caller.tenant_id) as session:
            brought = await _bring(session, lines, now_us, caller.user, reference)
            if (brought.sites_new or brought.zones_new) and Permission.SITES not in caller.may:
                _refuse(brought)
            if dry_run:
                _take_back(brought)
            await audit(session, caller, "inventory.import", reference, **brought._asdict())
            await session.run(queries("registry")["notify_registry"])
    except _NothingStoredError as end:
        brought = end.brought
    except InventoryError as error:
        errors = [_fault(wrong) for wrong in error.faults]
        if not dry_run:
            first = error.faults[0]
            more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
            told = f"line {first.line}, {first.column}: {first.problem}{more}; nothing was brought in"
            raise Problem(422, told, errors=errors) from None
    return Json({"dry_run": dry_run, **brought._asdict(), "notes": notes, "errors": errors})


async def _bring(session: Session, lines: Sequence[Line], now_us: int, by: str, reference: str) -> Brought:
    named = {**queries("stock"), **queries("inventory")}
    return await session.perform(bring_in(lines, now_us, by, reference), named)


def _fault(wrong: Wrong) -> InventoryFault:
    said = fault_of(wrong.problem)
    return {
        "line": wrong.line, "column": wrong.column, "problem": said, "code": said.code, "params": dict(said.params)
    }  # fmt: skip


class _NothingStoredError(Exception):
    """The end of a transaction that was only to see."""

    def __init__(self, brought: Brought) -> None:
        super().__init__()
        self.brought = brought


def _take_back(brought: Brought) -> NoReturn:
    raise _NothingStoredError(brought)


def _refuse(brought: Brought) -> NoReturn:
    new = f"{brought.sites_new} sites and {brought.zones_new} zones"
    raise Problem(403, f"{new} of the file are new, and you may not make any: ask who keeps sites to bring it in")


def _read(file: IO[bytes], size: int, zone: ZoneInfo) -> tuple[list[Line], list[str]]:
    """Lines of a file, and what is said of it.

    Raises:
        Problem: it is no file that can be read.
    """
    try:
        return read_lines(file, size, zone)
    except (FileError, SheetError) as error:
        raise Problem(422, str(error)) from None


def read_lines(file: IO[bytes], size: int, zone: ZoneInfo) -> tuple[list[Line], list[str]]:
    """Lines of a file, and what is said of it.

    Raises:
        FileError: it cannot be read, or has too many lines.
    """
    source = open_source(file, size, TABLE, zone)
    lines: list[Line] = []
    for thing in source.things:
        if any(value is not None for value in thing.values.values()) or thing.faults:
            lines.append(line_of(thing.at, thing.values, thing.faults))
        if len(lines) > LINES_MAX:
            raise FileError(f"a file may have {LINES_MAX} lines: bring it in parts")
    if not lines:
        raise FileError("there is no line below the head: fill the table in first")
    return lines, source.notes


async def _body(request: Request) -> bytes:
    content = bytearray()
    async for piece in request.stream():
        content += piece
        if len(content) > BYTES_MAX:
            raise Problem(413, f"a file may have {BYTES_MAX // 2**20} MiB: bring it in parts", {"Connection": "close"})
    return bytes(content)
