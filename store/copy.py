"""numpy columns to PostgreSQL by binary COPY: one packed dtype per pattern of NULLs, one COPY for all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache, reduce
from operator import or_

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg import sql

from domain.readings import I64, Batch, Bool
from store.binary import EPOCH_US, WIRE, check_range
from store.db import queries

HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)  # signature, flags = 0, extension length = 0
TRAILER = b"\xff\xff"  # int16 -1
Column = NDArray[np.generic]
Spec = Sequence[tuple[str, str]]
Patterns = tuple[tuple[str, ...], I64]
"""Names of columns, and for each row a number whose bits tell which of them are NULL."""

TABLE = {
    "gps": "reading_position",
    "temp": "reading_temperature",
    "rfid": "reading_tag",
    "shelf": "reading_shelf",
    "door": "reading_door",
    "status": "reading_status",
    "attr": "reading_attribute",  # a view: store/values.py
}
NOT_GIVEN = {"reefer_id", "note_id"}  # key 0 of these is NULL
_TIMES = {"time_us": "time", "received_us": "received_at"}


def spec_of(connection: psycopg.Connection, table: str) -> list[tuple[str, str]]:
    """Columns and types of a table from the catalogue: a wrong length would fail the whole batch."""
    return [(str(n), str(t)) for n, t in connection.execute(queries("schema")["column_types"], (table,)).fetchall()]


@lru_cache(maxsize=4096)
def _form(spec: tuple[tuple[str, str], ...], null: frozenset[str]) -> NDArray[np.void]:
    """A tuple as COPY has it, with all lengths and no values yet."""
    layout: list[tuple[str, str]] = [("count", ">i2")]
    for c, t in spec:
        layout += [("len_" + c, ">i4")] if c in null else [("len_" + c, ">i4"), (c, WIRE[t])]
    form = np.zeros((), np.dtype(layout))
    form["count"] = len(spec)
    for c, t in spec:
        form["len_" + c] = -1 if c in null else np.dtype(WIRE[t]).itemsize
    return form


def _tuples(spec: Spec, columns: Mapping[str, Column], null: frozenset[str]) -> bytes:
    form = _form(tuple(spec), null)
    out = np.empty(len(columns[spec[0][0]]), form.dtype)
    out[:] = form
    for c, t in spec:
        if c not in null:
            out[c] = columns[c] - EPOCH_US if t == "timestamp with time zone" else columns[c]
    return out.tobytes()


def patterns(nulls: Mapping[str, Bool]) -> Patterns:
    """Where columns are NULL, as bits of a number for each row."""
    some = {c: m for c, m in nulls.items() if m.any()}
    code = (
        reduce(or_, (m.astype(np.int64) << i for i, m in enumerate(some.values()))) if some else np.zeros(1, np.int64)
    )
    return tuple(some), code


def stream(spec: Spec, columns: Mapping[str, Column], nulls: Patterns) -> Iterator[bytes]:
    """Binary COPY of `columns` (times in Unix microseconds), NULL where `nulls` says.

    Raises:
        OverflowError: a number does not fit its column (numpy would wrap it silently).
    """
    for name, kind in spec:
        check_range(name, columns[name], WIRE[kind])
    yield HEADER
    names, code = nulls
    found = set(code.tolist())
    for pattern in found:
        null = frozenset(c for i, c in enumerate(names) if pattern >> i & 1)
        if len(found) == 1:
            yield _tuples(spec, columns, null)
        else:
            rows = code == pattern
            yield _tuples(spec, {c: columns[c][rows] for c, _ in spec}, null)
    yield TRAILER


@lru_cache(maxsize=1024)
def _copy_into(table: str, names: tuple[str, ...]) -> bytes:
    columns = sql.SQL(", ").join(map(sql.Identifier, names))
    return sql.SQL("copy {} ({}) from stdin (format binary)").format(sql.Identifier(table), columns).as_bytes(None)


def copy_columns(
    cursor: psycopg.Cursor,
    table: str,
    spec: Spec,
    columns: Mapping[str, Column],
    nulls: Mapping[str, Bool] | Patterns,
) -> None:
    """COPY columns into a table, NULL where `nulls` is True. After an error the connection must be discarded."""
    with cursor.copy(_copy_into(table, tuple(c for c, _ in spec))) as copy:
        copy.write(b"".join(stream(spec, columns, nulls if isinstance(nulls, tuple) else patterns(nulls))))


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
