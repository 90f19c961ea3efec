"""The section of the benchmarks: on embedded PostgreSQL, or on TimescaleDB where one is given."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
from psycopg import sql

from store.db import connect
from store.migrate import migrate
from tests.benchmarks.figures import Figure
from tests.benchmarks.questions import measure
from tests.benchmarks.questions.history import Plan
from tests.benchmarks.stack import Databases

TIMESCALE = "FROSTWAY_TEST_TIMESCALE_DSN"


def run(server: Databases, plan: Plan, *, rounds: int, late: float = 0.0, plans: Path | None = None) -> list[Figure]:
    """Both layouts filled, all questions put to both."""
    with _database(server) as dsn, measure.build(dsn, plan, late=late) as connection:
        return measure.figures(connection, plan, rounds, plans)


@contextlib.contextmanager
def _database(server: Databases) -> Iterator[str]:
    """A migrated database that ends with the block."""
    if not (timescale := os.environ.get(TIMESCALE)):
        yield server.create("questions", "empty")
        server.drop("questions")
        return
    name = sql.Identifier("q" + uuid.uuid4().hex[:12])
    with connect(timescale, "bench") as connection:
        connection.execute(sql.SQL("create database {}").format(name))
        try:
            dsn = psycopg.conninfo.make_conninfo(timescale, dbname=name.as_string().strip('"'))
            migrate(dsn)
            yield dsn
        finally:
            connection.execute(sql.SQL("drop database {} with (force)").format(name))
