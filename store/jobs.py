"""The tables of the jobs: procrastinate's own schema, from the package that is installed, in a schema of its own.

None of its SQL stands here. Which of its migrations have been applied is written on the schema; its functions get that
schema as their search path, so that a job can be enqueued in anybody's transaction.
"""

from __future__ import annotations

from importlib.resources import files
from typing import NamedTuple

import psycopg
from psycopg import sql

from store.db import queries

_CREATE = "create schema {}"
_FIX = "alter function {} set search_path = {}, pg_catalog"
_MARK = "comment on schema {} is {}"


class Step(NamedTuple):
    """One of procrastinate's migrations."""

    name: str
    text: str


def steps() -> list[Step]:
    """All migrations of the installed procrastinate, in their order."""
    folder = files("procrastinate.sql").joinpath("migrations")
    return [
        Step(entry.name.removesuffix(".sql"), entry.read_text("utf-8"))
        for entry in sorted(folder.iterdir(), key=lambda e: e.name)
        if entry.name.endswith(".sql")
    ]


def newest() -> str:
    """Name of the newest migration of the installed procrastinate."""
    return steps()[-1].name


def apply(connection: psycopg.Connection, schema: str = "procrastinate") -> None:
    """Brings the tables of the jobs up to the installed procrastinate; each step is one transaction with its mark.

    Raises:
        RuntimeError: they are of a newer one.
    """
    row = connection.execute(queries("jobs")["applied"], (schema,)).fetchone()
    have, known = str(row[0]) if row else "", steps()
    if have > known[-1].name:
        raise RuntimeError(f"the jobs' tables are at {have}: install the newer procrastinate")
    if not have:
        with connection.transaction():
            connection.execute(sql.SQL(_CREATE).format(sql.Identifier(schema)))
            _step(connection, schema, Step(known[-1].name, _whole()))
        return
    for step in known:
        if step.name > have:
            with connection.transaction():
                _step(connection, schema, step)


def _step(connection: psycopg.Connection, schema: str, step: Step) -> None:
    connection.execute(queries("jobs")["look_into"], (schema,))
    connection.execute(step.text.encode())
    name = sql.Identifier(schema)
    for (function,) in connection.execute(queries("jobs")["functions"], (schema,)).fetchall():
        connection.execute(sql.SQL(_FIX).format(sql.SQL(function), name))
    connection.execute(sql.SQL(_MARK).format(name, sql.Literal(step.name)))


def _whole() -> str:
    return files("procrastinate.sql").joinpath("schema.sql").read_text("utf-8")
