"""What `frostway goods import` does in a stack."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from domain.handling_units.rows import COLUMNS, NEEDED, told_by
from domain.refusal import CannotError
from domain.times import to_us
from frostway.failure import Failure
from frostway.settings import Settings
from frostway.stack import WHO, find
from operations.goods.record import Said, take
from operations.unit_of_work import Statement, run
from store.db import connect, queries
from store.registry import Registry

LINES_MAX = 10_000


def imported(data: Path | None, settings: Settings, tenant: str, file: Path, *, dry_run: bool) -> str:
    """Takes in the movements of a file, all or none; what became of it.

    Raises:
        Failure: a line is wrong, named with its number.
    """
    with connect(find(data, settings).database_url, "goods import") as connection, connection.transaction():
        tenant_id = Registry(connection, tenant).tenant_id
        said = _read(file)

        def execute(statement: Statement) -> Sequence[Mapping[str, Any]]:
            with connection.cursor(row_factory=dict_row) as cursor:
                named = queries("handling")[statement.query]
                cursor.execute(named, {"tenant": tenant_id, **statement.values})
                return cursor.fetchall() if cursor.description else []

        try:
            taken = run(take(said, to_us(datetime.now(UTC)), WHO, dry_run=dry_run), execute)
        except CannotError as error:
            raise Failure(f"{file.name}: {error}; nothing was taken in") from None
        if taken.new and not dry_run:
            detail = Jsonb({"file": file.name, "count": len(taken.new)})
            audit = {"tenant": tenant_id, "actor": WHO, "action": "goods.move", "subject": file.name, "detail": detail}
            connection.execute(queries("lifecycle")["audit"], audit)
    done = "can be taken in" if dry_run else "taken in"
    known = len(said) - len(taken.new)
    return f"{len(taken.new)} movements {done}, {known} known before; {len(taken.units)} units changed"


def _read(file: Path) -> list[Said]:
    with file.open(newline="", encoding="utf-8-sig") as lines:
        reader = csv.DictReader(lines)
        head = [name.strip() for name in reader.fieldnames or ()]
        if missing := [name for name in NEEDED if name not in head]:
            raise Failure(f"{file.name}: there is no column {missing[0]}; columns are {', '.join(COLUMNS)}")
        if unknown := [name for name in head if name not in COLUMNS]:
            raise Failure(f"{file.name}: nobody knows column {unknown[0]!r}; columns are {', '.join(COLUMNS)}")
        reader.fieldnames = head
        said: dict[str, Said] = {}
        for row in reader:
            where = f"{file.name}, line {reader.line_num}"
            try:
                one = Said(**told_by({name: value for name, value in row.items() if name is not None}))
            except ValueError as error:
                raise Failure(f"{where}: {error}; nothing was taken in") from None
            if one.id in said:
                raise Failure(f"{where}: id {one.id} stands twice; nothing was taken in")
            said[one.id] = one
            if len(said) > LINES_MAX:
                raise Failure(f"{file.name}: more than {LINES_MAX} lines; bring it in parts")
    return list(said.values())
