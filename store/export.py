"""Everything of one tenant in a file: a line of JSON for each row, of one moment, without what would let anybody in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import IO, Any, LiteralString, NamedTuple

import orjson
import psycopg
from psycopg import sql

from domain.profiles import without_secrets
from store.db import queries
from store.tenancy import HISTORY, NOBODYS, REGISTRY, TENANT, whole

TELL_ROWS = 10_000
HIDDEN_IN_BODIES = "device_profile"


class Part(NamedTuple):
    """One table or view as it is exported."""

    name: str
    rule: LiteralString
    secret: tuple[str, ...]


def parts() -> list[Part]:
    """What an export has, in the order in which it could be read back."""
    found: dict[str, Part] = {}
    for owned in (TENANT, *reversed(REGISTRY), *reversed(HISTORY)):
        if not owned.left_out:
            name = owned.shown_as or owned.table
            found.setdefault(name, Part(name, whole(owned), owned.secret))
    return list(found.values())


def left_out() -> dict[str, str]:
    """What an export has not, by table or column, and why."""
    found = {each.table: each.left_out for each in HISTORY if each.left_out}
    for each in (*REGISTRY, *HISTORY):
        found |= {f"{each.table}.{column}": "opens something: never leaves the database" for column in each.secret}
        if each.shown_as:
            found[each.table] = f"is in {each.shown_as}, a row to each value"
    found[f"{HIDDEN_IN_BODIES}.body"] = "options named like a key or password are hidden"
    return found | dict(NOBODYS)


def export(
    connection: psycopg.Connection,
    tenant_id: int,
    name: str,
    open_file: Callable[[str], IO[bytes]],
    tell: Callable[[str, int], None],
) -> list[dict[str, Any]]:
    """Writes each part into a file that `open_file` gives; what stands in the manifest of them.

    `tell` hears of each part how many rows it has so far.
    """
    found = []
    with connection.transaction():
        connection.execute(queries("tenancy")["one_moment"])
        for part in parts():
            digest, rows = hashlib.sha256(), 0
            with open_file(f"{part.name}.ndjson") as file:
                for line in _lines(connection, part, {"tenant": tenant_id, "name": name}):
                    file.write(line)
                    digest.update(line)
                    rows += 1
                    if rows % TELL_ROWS == 0:
                        tell(part.name, rows)
            tell(part.name, rows)
            found.append({"table": part.name, "rows": rows, "sha256": digest.hexdigest()})
    return found


def manifest(tables: list[dict[str, Any]], **about: Any) -> bytes:
    """The file that says what is in an export, and what is not."""
    told = {**about, "format": "a JSON object a line for each row", "tables": tables, "left_out": left_out()}
    return json.dumps(told, indent=2).encode() + b"\n"


def _lines(connection: psycopg.Connection, part: Part, values: dict[str, Any]) -> Iterator[bytes]:
    named = connection.execute(queries("tenancy")["columns"], {"table": part.name}).fetchall()
    columns = [sql.Identifier(str(column)) for (column,) in named if column not in part.secret]
    query = sql.SQL(queries("tenancy")["export"]).format(
        columns=sql.SQL(", ").join(columns), table=sql.Identifier(part.name), rule=sql.SQL(part.rule)
    )
    with connection.cursor() as cursor, cursor.copy(query, values) as copy:
        for row in copy:
            line = bytes(row).replace(b"\\\\", b"\\")  # JSON has no character that COPY writes otherwise
            yield _hidden(line) if part.name == HIDDEN_IN_BODIES else line


def _hidden(line: bytes) -> bytes:
    found = orjson.loads(line)
    found["body"] = without_secrets(found["body"] or {})
    return orjson.dumps(found) + b"\n"
