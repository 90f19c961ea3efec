"""What `frostway template` and `frostway import` do with orders, customers and sales."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import psycopg
import typer
from psycopg import Connection
from psycopg.rows import dict_row
from pydantic import ValidationError

from api.resources import customers, orders, sales
from api.resources.shared.imports.bring import Fault, Kind, as_rows, invalid
from api.resources.shared.imports.files import Columns, FileError, Thing, open_source
from api.resources.shared.imports.sheets import SheetError
from api.resources.shared.sheets import workbook
from domain.stock.inventory import LINES_MAX
from domain.tables import csv_line
from domain.times import to_us
from frostway.failure import Failure
from frostway.settings import Settings
from frostway.stack import WHO, find
from operations.order_files.record import judge_orders, write_orders
from operations.unit_of_work import Statement, run
from store.db import connect, queries
from store.registry import Registry

KINDS: Mapping[str, Kind] = {"orders": orders.KIND, "customers": customers.KIND, "sales": sales.KIND}
EXAMPLES: Mapping[str, Sequence[Mapping[str, str]]] = {
    "orders": (
        {
            "order": "SO-1001", "customer": "ward-5", "ship_to": "dock-2", "site": "dc-1", "reference": "PO 77",
            "priority": "0", "window_start": "2026-12-01T08:00+02:00", "window_end": "2026-12-01T12:00+02:00",
            "note": "Ring twice", "sku": "MILK-1L", "quantity": "2", "unit": "case",
        },
        {"order": "SO-1001", "sku": "TEA", "quantity": "4"},
    ),
    "customers": ({"id": "ward-5", "label": "Ward 5", "min_life_days": "5"},),
    "sales": ({"site": "store-1", "sku": "MILK-1L", "day": "2026-11-02", "quantity": "12", "in_stock": "yes"},),
}  # fmt: skip


def made(kind: str, written: str, chosen: str | None, own: str | None) -> bytes:
    """A table to be filled in.

    Raises:
        Failure: there is no such column.
    """
    columns: Columns = KINDS[kind].columns
    if own:
        raise Failure(f"--own: {kind} have no columns of your own")
    head = [word.strip().lower() for word in chosen.split(",")] if chosen else list(columns.cells)
    if wrong := next((name for name in head if name not in columns.cells), None):
        raise Failure(f"--columns: there is no {wrong!r}; there are {', '.join(columns.cells)}")
    if lacking := next((name for name in columns.needed if name not in head), None):
        raise Failure(f"--columns: {kind} need {lacking}")
    rows = [[line.get(name, "") for name in head] for line in EXAMPLES[kind]]
    if written == "xlsx":
        return workbook(kind, head, rows)
    return (csv_line(head) + "".join(map(csv_line, rows))).encode()


@dataclass
class _Read:
    """A thing of the file that can be judged."""

    thing: Thing
    body: Any


@dataclass
class _Brought:
    """What becomes of a file."""

    created: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    same: int = 0
    faults: list[Fault] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)


Execute = Callable[[Statement], Sequence[Mapping[str, Any]]]


def imported(
    data: Path | None, settings: Settings, tenant: str, kind: str, file: Path, zone: str, *, dry_run: bool
) -> list[str]:
    """Brings a file in, all of it or nothing; what became of it.

    Raises:
        Failure: something is wrong with it, line by line; nothing was brought in.
    """
    things, notes = _read(kind, file, zone)
    with connect(find(data, settings).database_url, "import") as connection:
        execute = _executing(connection, Registry(connection, tenant).tenant_id)
        brought = _Brought()
        try:
            with connection.transaction():
                brought = PUT[kind](things, execute)
                if brought.faults:
                    _refuse(file, brought.faults)
                if dry_run:
                    raise psycopg.Rollback
                _audit(KINDS[kind], brought, execute)
        except psycopg.errors.UniqueViolation:
            raise Failure(f"{file.name}: somebody else has just brought some of it in: try again") from None
    done = "would be" if dry_run else "are"
    counts = (
        f"{len(brought.created)} {done} new, {len(brought.changed)} {done} changed, {brought.same} are there already"
    )
    return [*notes, f"{file.name}: {kind}: {counts}"]


def _executing(connection: Connection[Any], tenant_id: int) -> Execute:
    named = {**queries("demand"), **queries("imports"), **queries("stock"), **queries("orders")}

    def execute(statement: Statement) -> Sequence[Mapping[str, Any]]:
        with connection.cursor(row_factory=dict_row) as cursor:
            cursor.execute(named[statement.query], {"tenant": tenant_id, **statement.values})
            return cursor.fetchall() if cursor.description else []

    return execute


def _read(kind: str, file: Path, zone: str) -> tuple[list[Thing], list[str]]:
    try:
        found = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise Failure(f"--zone {zone}: no such time zone; write Europe/Helsinki") from None
    content = file.read_bytes()
    try:
        source = open_source(io.BytesIO(content), len(content), KINDS[kind].columns, found)
        things = list(KINDS[kind].gather(source.things))
    except (FileError, SheetError) as error:
        raise Failure(f"{file.name}: {error}") from None
    if not things:
        raise Failure(f"{file.name}: there is no line below the head: fill the table in first")
    if sum(max(1, len(thing.parts)) for thing in things) > LINES_MAX:
        raise Failure(f"{file.name}: a file may have {LINES_MAX} lines: bring it in parts")
    return things, source.notes


def _valid(kind: str, things: Sequence[Thing], known: Mapping[str, Mapping[str, Any]], out: _Brought) -> list[_Read]:
    """Those that can be judged; what is wrong with the others is kept."""
    good: list[_Read] = []
    lines: dict[str, int] = {}
    for thing in things:
        name = thing.values.get("id")
        if not thing.faults and not (isinstance(name, str) and name):
            thing.faults = {"id": "it is missing: each line needs one"}
        if thing.faults:
            out.faults += [Fault(thing.at, column, problem) for column, problem in thing.faults.items()]
            continue
        if (before := lines.setdefault(str(name), thing.at)) != thing.at:
            out.faults.append(Fault(thing.at, "id", f"{name} stands in line {before} already"))
            continue
        said = {key: value for key, value in thing.values.items() if value is not None}
        try:
            good.append(_Read(thing, KINDS[kind].model.model_validate({**known.get(str(name), {}), **said})))
        except ValidationError as error:
            out.faults += invalid(thing, error)
    return good


def _orders(things: Sequence[Thing], execute: Execute) -> _Brought:
    out = _Brought()
    good = _valid("orders", things, {}, out)
    judged = run(judge_orders([each.body.told() for each in good]), execute)
    for each, found in zip(good, judged, strict=True):
        out.faults += [orders.fault_of(wrong, each.thing.at, each.thing.parts) for wrong in found.wrong]
        out.same += found.outcome == "same"
        if found.outcome == "created":
            out.created.append(found.order.name)
            out.details[found.order.name] = each.body.model_dump(mode="json", exclude_none=True)
    if not out.faults:
        run(write_orders(judged, to_us(datetime.now(UTC)), WHO), execute)
    return out


def _customers(things: Sequence[Thing], execute: Execute) -> _Brought:
    out = _Brought()
    names = [name for thing in things if isinstance(name := thing.values.get("id"), str)]
    rows = {row["id"]: dict(row) for row in execute(Statement("customers_there", {"names": names}))}
    retired = {name for name, row in rows.items() if row.pop("retired")}
    good = _valid("customers", things, rows, out)
    for each in good:
        name, values = each.body.id, each.body.model_dump()
        if name in rows and values == rows[name] and name not in retired:
            out.same += 1
            continue
        (out.changed if name in rows else out.created).append(name)
        out.details[name] = values
    if out.details and not out.faults:
        execute(Statement("put_customers", {"rows": as_rows(out.details.values())}))
    return out


def _sales(things: Sequence[Thing], execute: Execute) -> _Brought:
    out = _Brought()
    names = [str(thing.values["id"]) for thing in things]
    told = ("id", *sales.KEYS, "quantity", "in_stock")
    rows = sales.values_of(execute(Statement("sales_there", {"rows": sales.asked_for(names)})))
    known = {name: {key: row[key] for key in told} for name, row in rows.items()}
    good = _valid("sales", things, known, out)
    keys = {row["n"]: row for row in execute(Statement("keys", {"rows": sales.named(each.body for each in good)}))}
    new = []
    for n, each in enumerate(good):
        row = each.body
        out.faults += [sales.faulty(each.thing.at, row, name) for name in sales.unknown(keys[n])]
        if row.model_dump() == known.get(row.id):
            out.same += 1
            continue
        (out.changed if row.id in known else out.created).append(row.id)
        new.append((row, keys[n]))
    if new and not out.faults:
        execute(Statement("put_sales", {"rows": json.dumps([sales.stored(*each) for each in new]), "by": WHO}))
    return out


PUT: Mapping[str, Callable[[Sequence[Thing], Execute], _Brought]] = {
    "orders": _orders, "customers": _customers, "sales": _sales,
}  # fmt: skip


def _refuse(file: Path, faults: Sequence[Fault]) -> NoReturn:
    for at, column, problem in sorted(faults):
        typer.echo(f"{file.name}, line {at}{f', {column}' if column else ''}: {problem}", err=True)
    raise Failure(f"{file.name}: nothing was brought in: {len(faults)} things are wrong")


def _audit(kind: Kind, brought: _Brought, execute: Execute) -> None:
    what = [
        {
            "action": f"{kind.name}.{'change' if subject in brought.changed else 'create'}",
            "subject": subject,
            "detail": {**detail, "by": "import"},
        }
        for subject, detail in brought.details.items()
    ]
    if kind.at_once and (brought.created or brought.changed):
        counts = {"created": len(brought.created), "changed": len(brought.changed)}
        what = [{"action": kind.at_once, "subject": str(sum(counts.values())), "detail": {**counts, "by": "import"}}]
    if what:
        execute(Statement("audit", {"actor": WHO, "rows": json.dumps(what)}))
