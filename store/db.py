"""Connections and named queries."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from typing import LiteralString, cast

import psycopg

from store.pg_array import PgArray, PgArrayDumper

_NAME = re.compile(r"^-- name: ([a-z0-9_]+)[ \t]*$", re.MULTILINE)


def connect(dsn: str, name: str, *, autocommit: bool = True) -> psycopg.Connection:
    """A connection in UTC whose `application_name` says who we are."""
    connection: psycopg.Connection = psycopg.connect(
        dsn, autocommit=autocommit, application_name=f"frostway {name}", connect_timeout=10, options="-c timezone=UTC"
    )
    connection.adapters.register_dumper(PgArray, PgArrayDumper)
    return connection


@contextmanager
def at_once(connection: psycopg.Connection) -> Iterator[None]:
    """A transaction whose statements go to the server together: it waits for them once, at the end.

    What is fetched inside is waited for too. Each statement that gives rows wants a cursor of its own, since a cursor
    gives those of its first statement first. No COPY.
    """
    try:
        with connection.pipeline():
            connection.execute("begin")
            yield
            connection.execute("commit")
    except BaseException:
        if not connection.closed:
            connection.rollback()
        raise


@cache
def queries(room: str) -> dict[str, LiteralString]:
    """The named queries of `store/queries/{room}.sql`.

    Each begins with a line `-- name: some_name`, then one comment line that says what it is for.
    """
    text = files("store").joinpath("queries", f"{room}.sql").read_text("utf-8")
    parts = _NAME.split(text)
    found = dict(zip(parts[1::2], (cast("LiteralString", p.strip()) for p in parts[2::2]), strict=True))
    if len(found) != len(parts[1::2]):
        raise ValueError(f"store/queries/{room}.sql: a name stands twice")
    return found
