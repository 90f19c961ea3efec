"""Columns as PostgreSQL arrays in binary form, for `unnest`: packed whole, where psycopg dumps element by element.

Layout (PostgreSQL `array_send`): dimensions, a flag for NULLs, the element's type; length and lower bound of the one
dimension; then each element with its length before it, -1 for NULL.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from functools import cache
from itertools import chain
from typing import Any, LiteralString

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg import postgres, sql
from psycopg.pq.abc import PGresult

from domain.readings import F64, Bool
from store.binary import EPOCH_US, WIRE, check_range
from store.pg_array import PgArray

Column = Sequence[Any] | NDArray[np.generic]

NO_TIME = int(np.iinfo(np.int64).max)
"""A time that has not come: NULL in the database."""

_FIXED = {"int2": ">i2", "int4": ">i4", "int8": ">i8", "float4": ">f4", "float8": ">f8", "timestamptz": ">i8"}
_HEAD = struct.Struct(">iiIii")
_VARYING = {"text", "bytea"}


@cache
def types_of(statement: str) -> tuple[str, ...]:
    """Element types of the array parameters of a statement, in order.

    >>> types_of("select * from unnest(%s::int4[], %s::text[])")
    ('int4', 'text')
    """
    return tuple(re.findall(r"%s::(\w+)\[\]", statement))


def arrays(statement: str, columns: Sequence[Column]) -> list[PgArray]:
    """The array parameters of a statement from columns of one length.

    Times are microseconds since 1970 UTC. NULL is: None, `NO_TIME` in a time, NaN in a float.

    Raises:
        ValueError: more or fewer columns than the statement has arrays.
        OverflowError: a number does not fit its type.
    """
    types = types_of(statement)
    if len(types) != len(columns):
        raise ValueError(f"{len(columns)} columns, wanted {len(types)}: {', '.join(types)}")
    return [array(kind, column) for kind, column in zip(types, columns, strict=True)]


def array(kind: str, column: Column) -> PgArray:
    """One column as an array of a type (`int4`, `timestamptz`, …); see `arrays`."""
    body, has_null = _varying(column) if kind in _VARYING else _fixed(kind, column)
    info = postgres.types[kind]
    n = len(column)
    head = _HEAD.pack(1, has_null, info.oid, n, 1) if n else struct.pack(">iiI", 0, 0, info.oid)
    return PgArray(head + body, info.array_oid)


def read_columns(cursor: psycopg.Cursor, spec: Sequence[tuple[str, str]]) -> dict[str, NDArray[Any]]:
    """Columns of an executed `select array_agg(…), …` in binary form, without NULLs; times in Unix microseconds.

    `spec` is name and type of each column. Row by row the same readings cost several times as much.
    """
    out: dict[str, NDArray[Any]] = {}
    for place, (name, kind) in enumerate(spec):
        wire = np.dtype(WIRE[kind])
        data = cursor.pgresult.get_value(0, place) if cursor.pgresult else None
        element = np.dtype([("length", ">i4"), ("value", wire)])
        rows = np.frombuffer(data, element, offset=_HEAD.size) if data else np.empty(0, element)
        column = rows["value"].astype(wire.newbyteorder("="))
        out[name] = column + EPOCH_US if kind == "timestamp with time zone" else column
    return out


def _fixed(kind: str, column: Column) -> tuple[bytes, bool]:
    values, null = _numbers(column, floating=kind.startswith("float"))
    if kind == "timestamptz":
        later = values == NO_TIME
        null = later if null is None else null | later
        values = np.where(null, 0, values - EPOCH_US)
    else:
        check_range(kind, values, _FIXED[kind])
    rows = np.empty(len(values), dtype=[("length", ">i4"), ("value", _FIXED[kind])])
    rows["length"], rows["value"] = rows.dtype["value"].itemsize, values
    if null is None or not null.any():
        return rows.tobytes(), False
    rows["length"][null] = -1
    octets = rows.view(np.uint8).reshape(len(rows), rows.itemsize)
    keep = np.ones(octets.shape, dtype=np.bool_)
    keep[null, 4:] = False
    return octets[keep].tobytes(), True


def _numbers(column: Column, *, floating: bool) -> tuple[NDArray[Any], Bool | None]:
    """Numbers, and where they are NULL."""
    if isinstance(column, np.ndarray):
        return column, np.isnan(column) if floating and column.dtype.kind == "f" else None
    if floating:  # None becomes NaN
        values = np.array(column, dtype=np.float64)
        return values, np.isnan(values)
    if None not in column:
        return np.array(column, dtype=np.int64), None
    null = np.array([v is None for v in column], dtype=np.bool_)
    return np.array([0 if v is None else v for v in column], dtype=np.int64), null


def _varying(column: Column) -> tuple[bytes, bool]:
    given = [v.encode() if isinstance(v, str) else v for v in column]
    lengths = np.array([-1 if v is None else len(v) for v in given], dtype=">i4").tobytes()
    heads = (lengths[at : at + 4] for at in range(0, len(lengths), 4))
    return b"".join(chain.from_iterable(zip(heads, (v or b"" for v in given), strict=True))), None in given


def aggregated(query: LiteralString, width: int, most: int) -> sql.Composed:
    """A query of numbers as one row: arrays of four columns each, null as NaN; of `most` rows at most.

    Four columns go as the ends of line segments, two or one as a point: for the server an element of four numbers
    costs little more than one of one (89,280 rows of six columns: 60 ms in two arrays, 98 ms in six).
    """
    names = [sql.Identifier(f"c{n}") for n in range(width)]
    numbers: list[sql.Composable] = [sql.SQL("coalesce({}::float8, 'NaN')").format(name) for name in names]
    numbers += [sql.SQL("0")] * (width % 2)
    points = [sql.SQL("point({}, {})").format(*numbers[n : n + 2]) for n in range(0, len(numbers), 2)]
    elements = [sql.SQL("lseg({}, {})").format(*points[n : n + 2]) for n in range(0, len(points) - 1, 2)]
    elements += points[-1:] if len(points) % 2 else []
    return sql.SQL("select {} from ({} limit {}) as x ({})").format(
        sql.SQL(", ").join(sql.SQL("array_agg({})").format(each) for each in elements),
        sql.SQL(query), sql.Literal(most), sql.SQL(", ").join(names),
    )  # fmt: skip


def column_stack(found: PGresult | None, width: int) -> F64:
    """The one row of `aggregated`, fetched in binary form, as an array (n, width)."""
    columns: list[F64] = []
    for place, first in enumerate(range(0, width, 4)):
        numbers = 4 if width - first > 2 else 2
        element = np.dtype([("length", ">i4"), ("values", ">f8", (numbers,))])
        text = found.get_value(0, place) if found else None
        rows = np.frombuffer(text, element, offset=_HEAD.size) if text else np.empty(0, element)
        columns.append(rows["values"].astype(np.float64))
    return np.ascontiguousarray(np.hstack(columns)[:, :width])
