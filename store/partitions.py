"""Time partitions of the reading tables: hypertables with TimescaleDB, native weekly partitions without."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np
import psycopg
from psycopg import sql

from domain.readings import I64
from domain.times import from_us
from store.db import queries

READING_TABLES = (
    "reading_position",
    "reading_temperature",
    "reading_tag",
    "reading_shelf",
    "reading_door",
    "reading_status",
    "reading_value_set",
)
OLD_TABLES = ("reading_value",)  # nothing is written there any more: store/moving.py
BEHIND = {"reading_attribute": "reading_value_set"}
"""What is written of a view."""
WEEK_US = 7 * 86_400 * 1_000_000
_MONDAY_US = 4 * 86_400 * 1_000_000  # 1970-01-05
LOCK_TIMEOUT = "2s"


class Timescale(NamedTuple):
    """What TimescaleDB there is; `license` is `apache` or `timescale`, empty in a database without the extension."""

    available: bool
    license: str
    version: str


def edition(connection: psycopg.Connection) -> Timescale:
    """TimescaleDB's presence and licence. Functions of the other edition exist and fail, so the setting decides."""
    row = connection.execute(queries("schema")["timescale"]).fetchone()
    if row is None:
        return Timescale(available=False, license="", version="")
    licence, preloaded, version = row
    return Timescale(bool(licence) or bool(preloaded), licence or "", version or "")


def hypertables(connection: psycopg.Connection, tables: Iterable[str]) -> None:
    """Turns fresh tables into hypertables."""
    for table in tables:
        connection.execute(queries("schema")["create_hypertable"], (table,))


def weeks(time_us: I64) -> list[int]:
    """Starts of the weeks (Monday 00:00 UTC) that hold these times, microseconds."""
    return [int(w) * WEEK_US + _MONDAY_US for w in np.unique((time_us - _MONDAY_US) // WEEK_US)]


class Partitions:
    """Keeps native partitions there before they are written; with hypertables there is nothing to do."""

    def __init__(self, connection: psycopg.Connection) -> None:
        row = connection.execute(queries("schema")["is_hypertable"]).fetchone()
        self.native = not (row and row[0])
        self._known: set[tuple[str, int]] = set()

    def missing(self, table: str, time_us: I64) -> list[int]:
        """Weeks of `time_us` whose partition has not been seen yet."""
        if not self.native:
            return []
        return [w for w in weeks(time_us) if (table, w) not in self._known]

    def create(self, connection: psycopg.Connection, table: str, starts: Sequence[int]) -> None:
        """Creates the partitions of these weeks. Call outside the transaction that writes into them."""
        make = queries("schema")["make_partition"]
        for start in starts:
            connection.execute(make, (BEHIND.get(table, table), from_us(start), from_us(start + WEEK_US)))
            self._known.add((table, start))

    def keep_ahead(self, connection: psycopg.Connection, now: datetime, weeks_ahead: int = 2) -> None:
        """Partitions of this week and the next ones, for every reading table."""
        at = int(now.timestamp() * 1e6)
        times = np.array([at + k * WEEK_US for k in range(weeks_ahead + 1)], dtype=np.int64)
        for table in READING_TABLES:
            self.create(connection, table, self.missing(table, times))


def drop_older(connection: psycopg.Connection, before: datetime) -> int:
    """Drops whole partitions or chunks that end before `before`; returns how many. A busy one is left for next time."""
    q = queries("schema")
    row = connection.execute(q["is_hypertable"]).fetchone()
    dropped = 0
    connection.execute(sql.SQL("set lock_timeout = {}").format(sql.Literal(LOCK_TIMEOUT)))
    try:
        for table in (*READING_TABLES, *OLD_TABLES):
            try:
                if row and row[0]:
                    found = connection.execute(q["drop_chunks"], (table, before)).fetchone()
                    dropped += int(found[0]) if found else 0
                else:
                    dropped += _drop_native(connection, table, before)
            except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
                continue
    finally:
        connection.execute("reset lock_timeout")
    return dropped


def _drop_native(connection: psycopg.Connection, table: str, before: datetime) -> int:
    dropped = 0
    for (name,) in connection.execute(queries("schema")["partitions"], (table,)).fetchall():
        start = datetime.strptime(name.rsplit("_", 1)[1], "%Y%m%d").replace(tzinfo=UTC)
        if start + timedelta(days=7) <= before:
            connection.execute(queries("schema")["drop_partition"], (table, name))
            dropped += 1
    return dropped
