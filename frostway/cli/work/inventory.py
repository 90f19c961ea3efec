"""What `frostway template` and `frostway import` do."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from api.resources.inventory_files import examples_of, read_lines
from api.resources.shared.imports.files import FileError
from api.resources.shared.imports.sheets import SheetError
from api.resources.shared.sheets import workbook
from domain.stock.inventory import BIN_COLUMNS, COLUMNS, ColumnError, Line, chosen
from domain.tables import csv_line
from domain.times import to_us
from frostway.failure import Failure
from frostway.settings import Settings
from frostway.stack import WHO, find
from operations.inventory.record import Brought, InventoryError, bring_in
from operations.unit_of_work import Statement, run
from store.db import connect, queries
from store.registry import Registry

USUAL: Mapping[str, tuple[str, ...]] = {
    "products": (
        "sku", "label", "gtin", "base_unit", "case_pieces", "pallet_cases", "unit_value", "unit_mass_kg", "low_c",
        "high_c", "reorder_point",
    ),
    "places": ("site", "site_label", "site_kind", "lat", "lon", "zone", "bin", *BIN_COLUMNS),
    "opening-stock": ("sku", "site", "zone", "bin", "lot", "best_before", "quantity", "unit"),
}  # fmt: skip
"""Columns of a table of each kind, when none are chosen."""
NEEDED = {"products": ("sku",), "places": ("site",), "opening-stock": ("sku", "site", "quantity")}


def made(kind: str, written: str, columns: str | None, own: str | None) -> bytes:
    """A table to be filled in.

    Raises:
        Failure: there is no such column.
    """
    names = [word.strip() for word in columns.split(",")] if columns else list(USUAL[kind])
    try:
        head = chosen(names, [word.strip() for word in (own or "").split(",") if word.strip()])
    except ColumnError as error:
        raise Failure(str(error)) from None
    rows: list[list[str | None]] = examples_of(None, head)
    if written == "xlsx":
        return workbook(kind, head, rows)
    return (csv_line(head) + "".join(map(csv_line, rows))).encode()


def imported(
    data: Path | None,
    settings: Settings,
    tenant: str,
    kind: str,
    file: Path,
    zone: str,
    reference: str,
    *,
    dry_run: bool,
) -> list[str]:
    """Brings a file in; what became of it.

    Raises:
        Failure: something is wrong with it, line by line; nothing was brought in.
    """
    lines, notes = _read(kind, file, zone)
    with connect(find(data, settings).database_url, "import") as connection:
        tenant_id = Registry(connection, tenant).tenant_id
        named = {**queries("stock"), **queries("inventory")}

        def execute(statement: Statement) -> Sequence[Mapping[str, Any]]:
            with connection.cursor(row_factory=dict_row) as cursor:
                cursor.execute(named[statement.query], {"tenant": tenant_id, **statement.values})
                return cursor.fetchall() if cursor.description else []

        try:
            with connection.transaction():
                brought = run(bring_in(lines, to_us(datetime.now(UTC)), WHO, reference), execute)
                if dry_run:
                    _take_back(brought)
                detail = Jsonb({"file": file.name, **brought._asdict()})
                audit = {"tenant": tenant_id, "actor": WHO, "action": "inventory.import", "subject": reference}
                connection.execute(queries("lifecycle")["audit"], {**audit, "detail": detail})
                connection.execute(queries("registry")["notify_registry"])
        except _NothingStoredError as end:
            brought = end.brought
        except InventoryError as error:
            for wrong in error.faults:
                typer.echo(f"{file.name}, line {wrong.line}, {wrong.column}: {wrong.problem}", err=True)
            raise Failure(f"{file.name}: nothing was brought in: {len(error.faults)} things are wrong") from None
    done = "would be new" if dry_run else "are new"
    b = brought
    new = [f"{b.products_new} of {b.products} products", f"{b.sites_new} sites", f"{b.zones_new} zones"]
    new += [f"{b.bins_new} bins", f"{b.lots_new} of {b.lots} lots", f"{b.moves_new} of {b.moves} moves"]
    return [*notes, f"{file.name}: {b.lines} lines; {', '.join(new)} {done}"]


def _read(kind: str, file: Path, zone: str) -> tuple[list[Line], list[str]]:
    try:
        found = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise Failure(f"--zone {zone}: no such time zone; write Europe/Helsinki") from None
    content = file.read_bytes()
    try:
        lines, notes = read_lines(io.BytesIO(content), len(content), found)
    except (FileError, SheetError) as error:
        raise Failure(f"{file.name}: {error}") from None
    for line in lines:
        for name in NEEDED[kind]:
            if name not in line.said and name not in line.faults:
                line.faults[name] = f"it is missing: {kind} need {COLUMNS[name].about}"
    return lines, notes


class _NothingStoredError(Exception):
    """The end of a transaction that was only to see."""

    def __init__(self, brought: Brought) -> None:
        super().__init__()
        self.brought = brought


def _take_back(brought: Brought) -> NoReturn:
    raise _NothingStoredError(brought)
