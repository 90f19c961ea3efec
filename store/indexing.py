"""Indexes of partitions that were there before: built one at a time while everything runs, resumed when interrupted.

A migration makes an index on the parent alone and is done at once, however much there is. Chunks of TimescaleDB and
native partitions are children of their table alike, and what is made later has all of its indexes.
"""

from __future__ import annotations

import logging
from typing import NamedTuple

import psycopg
from psycopg import sql

from store.db import connect, queries
from store.partitions import LOCK_TIMEOUT, OLD_TABLES, READING_TABLES

BUSY = (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected, psycopg.errors.UndefinedTable)
log = logging.getLogger(__name__)


class Partition(NamedTuple):
    """One without its index by time; `has` is what there is of one, `valid` when only its parent does not know it."""

    schema: str
    name: str
    has: str | None
    valid: bool
    native: bool


def index_by_time(dsn: str) -> int:
    """Gives every partition of readings its index by time, newest first; returns how many were built.

    Nobody waits for it: what is busy is left for next time. One process does it at a time.
    """
    q, built = queries("schema"), 0
    with connect(dsn, "indexing") as connection:
        row = connection.execute(q["lock_indexing"]).fetchone()
        if not (row and row[0]):
            return 0
        for table in (*READING_TABLES, *OLD_TABLES):
            for found in connection.execute(q["without_time_index"], {"table": table}).fetchall():
                partition = Partition(*found)
                try:
                    built += _finish(connection, table, partition)
                except BUSY:
                    log.info("%s is busy: its index by time is left for next time", partition.name)
    return built


def index_meanwhile(dsn: str) -> None:
    """`index_by_time` beside whatever else a program does; it ends when the server does."""
    try:
        if built := index_by_time(dsn):
            log.info("%d partitions were given an index by time", built)
    except psycopg.Error as error:
        log.info("indexes by time are left for next time: %s", " ".join(str(error).split()))


def _finish(connection: psycopg.Connection, table: str, partition: Partition) -> int:
    """What is still to be done: built, anew when that was interrupted, and made known to the parent."""
    q = queries("schema")
    name = partition.has or f"{partition.name}_time_idx"
    names = {
        "index": sql.Identifier(partition.schema, name),
        "partition": sql.Identifier(partition.schema, partition.name),
        "parent": sql.Identifier(f"{table}_time"),
    }
    if partition.has and not partition.valid:
        connection.execute(sql.SQL(q["drop_index"]).format(**names))
    if not partition.valid:
        bare = names | {"index": sql.Identifier(name)}  # it comes to stand beside its table
        connection.execute(sql.SQL(q["build_time_index"]).format(**bare))
    if partition.native:
        connection.execute(sql.SQL("set lock_timeout = {}").format(sql.Literal(LOCK_TIMEOUT)))
        try:
            connection.execute(sql.SQL(q["attach_time_index"]).format(**names))
        finally:
            connection.execute("reset lock_timeout")
    return not partition.valid
