"""numpy columns to PostgreSQL by binary COPY: one packed dtype per pattern of NULLs, one COPY for all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from operator import or_

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg import sql

from domain.readings import Batch, Bool
from store.binary import EPOCH_US, WIRE, check_range
from store.db import queries

HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)  # signature, flags = 0, extension length = 0
TRAILER = b"\xff\xff"  # int16 -1
Column = NDArray[np.generic]
Spec = Sequence[tuple[str, str]]

TABLE = {
    "gps": "reading_position",
    "temp": "reading_temperature",
    "rfid": "reading_tag",
    "shelf": "reading_shelf",
    "door": "reading_door",
    "status": "reading_status",
    "attr": "reading_attribute",
}
NOT_GIVEN = {"reefer_id", "note_id"}  # key 0 of these is NULL
_TIMES = {"time_us": "time", "received_us": "received_at"}


def spec_of(connection: psycopg.Connection, table: str) -> list[tuple[str, str]]:
    """Columns and types of a table from the catalogue: a wrong length would fail the whole batch."""
    return [(str(n), str(t)) for n, t in connection.execute(queries("schema")["column_types"], (table,)).fetchall()]


def _tuples(spec: Spec, columns: Mapping[str, Column], null: frozenset[str]) -> bytes:
    here = [(c, WIRE[t]) for c, t in spec if c not in null]
    size = {c: np.dtype(w).itemsize for c, w in here}
    wire = dict(here)
    layout: list[tuple[str, str]] = [("count", ">i2")]
    for c, _ in spec:
        layout.append(("len_" + c, ">i4"))
        if c in size:
            layout.append((c, wire[c]))
    out = np.empty(len(columns[spec[0][0]]), np.dtype(layout))
    out["count"] = len(spec)
    for c, t in spec:
        out["len_" + c] = size.get(c, -1)
        if c in size:
            out[c] = columns[c] - EPOCH_US if t == "timestamp with time zone" else columns[c]
    return out.tobytes()


def stream(spec: Spec, columns: Mapping[str, Column], nulls: Mapping[str, Bool]) -> Iterator[bytes]:
    """Binary COPY of `columns` (times in Unix microseconds); True in `nulls` is NULL.

    Raises:
        OverflowError: a number does not fit its column (numpy would wrap it silently).
    """
    for name, kind in spec:
        check_range(name, columns[name], WIRE[kind])
    yield HEADER
    some = {c: m for c, m in nulls.items() if m.any()}
    if not some:
        yield _tuples(spec, columns, frozenset())
    else:
        code = reduce(or_, (m.astype(np.int64) << i for i, m in enumerate(some.values())))
        for pattern in np.unique(code):
            rows = code == pattern
            null = frozenset(c for i, c in enumerate(some) if int(pattern) >> i & 1)
            yield _tuples(spec, {c: columns[c][rows] for c, _ in spec}, null)
    yield TRAILER


def copy_columns(
    cursor: psycopg.Cursor, table: str, spec: Spec, columns: Mapping[str, Column], nulls: Mapping[str, Bool]
) -> None:
    """COPY columns into a table. After an error the connection must be discarded."""
    statement = sql.SQL("copy {} ({}) from stdin (format binary)").format(
        sql.Identifier(table), sql.SQL(", ").join(sql.Identifier(c) for c, _ in spec)
    )
    with cursor.copy(statement) as copy:
        for part in stream(spec, columns, nulls):
            copy.write(part)


def batch_columns(batch: Batch) -> tuple[dict[str, Column], dict[str, Bool]]:
    """A batch's columns under their names in the database, and where they are NULL."""
    columns: dict[str, Column] = {}
    nulls: dict[str, Bool] = {}
    for name, column in batch.columns().items():
        target = _TIMES.get(name, name)
        columns[target] = column
        if name in Batch.DTYPES:
            continue
        if column.dtype.kind == "f":
            nulls[target] = np.isnan(column.astype(np.float64))
        elif column.dtype == np.int8:
            nulls[target] = column.astype(np.int64) < 0
        elif name in NOT_GIVEN:
            nulls[target] = column == 0
    return columns, nulls


class ReadingWriter:
    """Writes batches into their tables."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._specs = {stream: spec_of(connection, table) for stream, table in TABLE.items()}

    def write(self, cursor: psycopg.Cursor, batch: Batch) -> None:
        """COPY one batch. Sort it by device and time first: the index grows with less work."""
        if len(batch):
            columns, nulls = batch_columns(batch)
            copy_columns(cursor, TABLE[batch.STREAM], self._specs[batch.STREAM], columns, nulls)
