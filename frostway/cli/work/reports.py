"""What `frostway reports` does in a stack."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from frostway.cli.work.tables import print_table
from frostway.failure import Failure
from frostway.settings import Settings
from frostway.stack import find
from store.db import connect, queries
from store.registry import Registry
from store.reports import REPORTS, ReportError, csv, question, told

Table = tuple[list[str], list[list[Any]]]


def print_reports() -> None:
    """A table of the reports there are."""
    rows = [
        [
            name,
            each.summary,
            f"{each.hours} h",
            each.attribute or "",
            "" if each.threshold is None else f"{each.threshold:g}, {each.means}",
        ]
        for name, each in REPORTS.items()
    ]
    print_table(["report", "what it tells", "span", "attribute", "threshold"], rows, "No reports.")


def print_report(data: Path | None, settings: Settings, tenant: str, name: str, asked: Mapping[str, Any]) -> None:
    """A table of what a report tells. Raises `Failure`, `RegistryError`, `NoStackError`."""
    columns, rows = _answer(data, settings, tenant, name, asked)
    value = asked["attribute"] or REPORTS[name].attribute
    needs = f"no vehicle that fits has told {value} then" if value else "no vehicle that fits has driven or stood so"
    print_table(columns, [[_shown(cell) for cell in row] for row in rows], f"Nothing to tell: {needs}.")


def save_report(
    data: Path | None, settings: Settings, tenant: str, name: str, asked: Mapping[str, Any], target: str
) -> None:
    """The same as CSV, in a file that is not there yet or on standard output (`-`). Raises as `print_report`."""
    columns, rows = _answer(data, settings, tenant, name, asked)
    text = "".join(csv(columns, rows))
    if target == "-":
        sys.stdout.write(text)
        return
    try:
        with Path(target).open("x", encoding="utf-8", newline="") as file:
            file.write(text)
    except OSError as error:
        raise Failure(f"{target}: {error.strerror}") from None
    sys.stdout.write(f"{target}: {len(rows)} row{'' if len(rows) == 1 else 's'}\n")


def _answer(data: Path | None, settings: Settings, tenant: str, name: str, asked: Mapping[str, Any]) -> Table:
    if name not in REPORTS:
        raise Failure(f"no report {name!r}: `frostway reports` lists them")
    with connect(find(data, settings).database_url, "reports") as connection, connection.transaction():
        tenant_id = Registry(connection, tenant).tenant_id
        connection.execute(queries("reports")["of_tenant"], {"tenant": tenant_id})
        try:
            put = question(name, now=datetime.now(UTC), **asked)
            found = connection.execute(put.sql, {**put.values, "tenant": tenant_id})
            return [column.name for column in found.description or ()], told(found.fetchall())
        except ReportError as error:
            raise Failure(str(error)) from None


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return "" if value is None else str(value)
