"""Schema migrations: numbered SQL files, one transaction each with its version, under an advisory lock.

Behind them come the tables of the jobs, which are procrastinate's own (`store/jobs.py`).
"""

from __future__ import annotations

import hashlib
import re
from importlib.resources import files
from typing import NamedTuple

import psycopg

from store import jobs, report
from store.db import connect, queries
from store.partitions import edition, hypertables
from store.tenants import FIRST

_FILE = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
_PARTITIONED = re.compile(r"create table (\w+) \([^;]*\) /\*partitioned\*/;")


class SchemaError(RuntimeError):
    """The database schema does not fit this program."""


class Migration(NamedTuple):
    """One numbered step."""

    version: int
    name: str
    sql: str


def migrations() -> list[Migration]:
    """All steps this program knows, in order, without holes."""
    found = sorted(
        Migration(int(match[1]), entry.name, entry.read_text("utf-8"))
        for entry in files("store").joinpath("migrations").iterdir()
        if (match := _FILE.fullmatch(entry.name))
    )
    if [m.version for m in found] != list(range(1, len(found) + 1)):
        raise SchemaError("store/migrations: the numbers have a hole or repeat")
    return found


def current_version(connection: psycopg.Connection) -> int:
    """Version of the schema in the database; 0 for an empty one."""
    q = queries("schema")
    row = connection.execute(q["has_version_table"]).fetchone()
    if not row or not row[0]:
        return 0
    row = connection.execute(q["version"]).fetchone()
    return int(row[0]) if row and row[0] is not None else 0


def check(connection: psycopg.Connection) -> None:
    """Raises `SchemaError` unless the schema is exactly this program's."""
    have, want = current_version(connection), len(migrations())
    if have < want:
        raise SchemaError(f"the schema is version {have}, this program needs {want}: run `frostway migrate`")
    if have > want:
        raise SchemaError(f"the schema is version {have}, this program knows only {want}: install the newer Frostway")


def grant(connection: psycopg.Connection) -> None:
    """Makes the functions over readings, and gives each program the rights that `store/roles.sql` says, if need be."""
    row = connection.execute(queries("schema")["has_summaries"]).fetchone()
    names: tuple[str, ...] = ("summaries.sql",) if row and row[0] else ()
    names += ("roles.sql", "functions.sql")
    text = "".join(files("store").joinpath(name).read_text("utf-8") for name in names) + report.views()
    mark = hashlib.sha256(f"{len(migrations())}\n{jobs.newest()}\n{text}".encode()).hexdigest()[:16]
    row = connection.execute(queries("schema")["roles_mark"]).fetchone()
    if row is None or row[0] != f"roles {mark}":
        with connection.transaction():
            connection.execute(text.replace("/*digest*/", mark))


def migrate(dsn: str) -> tuple[int, int]:
    """Brings the schema up to date, and makes the first tenant; returns the versions before and after.

    Raises:
        SchemaError: the schema is newer than this program.
    """
    q = queries("schema")
    steps = migrations()
    with connect(dsn, "migrate") as connection:
        connection.execute(q["lock"])
        try:
            timescale = edition(connection)
            if timescale.available:
                connection.execute(q["create_extension"])
            connection.execute(q["create_version_table"])
            before = current_version(connection)
            if before > len(steps):
                raise SchemaError(
                    f"the schema is version {before}, this program knows only {len(steps)}: install the newer Frostway"
                )
            if before < len(steps):
                connection.execute(q["drop_report"])
            for step in steps[before:]:
                clause = "" if timescale.available else "partition by range (time)"
                with connection.transaction():
                    connection.execute(step.sql.replace("/*partitioned*/", clause))
                    if timescale.available:
                        hypertables(connection, _PARTITIONED.findall(step.sql))
                    connection.execute(q["record_version"], (step.version, step.name))
            jobs.apply(connection)
            connection.execute(q["first_tenant"], {"name": FIRST})
            connection.execute(q["number_reports_anew"])
            grant(connection)
        finally:
            connection.execute(q["unlock"])
    return before, len(steps)
