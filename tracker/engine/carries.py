"""Carries of all entities: tables sorted by entity, what a step takes out and puts back, and their packed form.

A table is changed in place, and its cost is that of the rows touched: a step that fails throws memory away as a whole.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import numpy as np

from domain.folds.table import columns_of, names_of, ranges, take
from domain.readings import I64, Bool


class Columns(Protocol):
    """A dataclass of columns of one length, `entity` among them, sorted by it."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def entity(self) -> I64:
        """Whose row it is."""


C = TypeVar("C", bound=Columns)


def joined(a: C, b: C) -> C:
    """Both, sorted by entity; they share none."""
    if not len(a.entity) or not len(b.entity):
        return b if not len(a.entity) else a
    order = np.argsort(np.concatenate([a.entity, b.entity]), kind="stable")
    return type(a)(*[np.concatenate(both)[order] for both in zip(columns_of(a), columns_of(b), strict=True)])


class Table(Generic[C]):
    """The rows of all entities."""

    def __init__(self, rows: C) -> None:
        self.rows = rows

    def of(self, entity: I64) -> C:
        """The rows of these entities, as far as there are any. A copy."""
        at, have = self._find(entity)
        return take(self.rows, at[have])

    def between(self, low: I64, high: I64) -> C:
        """The rows of the entities `low <= entity < high`, span by span. A copy."""
        entity = self.rows.entity
        return take(self.rows, ranges(np.searchsorted(entity, low), np.searchsorted(entity, high)))

    def put(self, fresh: C) -> None:
        """These rows instead of those of the same entities, or beside the others."""
        if not len(fresh.entity):
            return
        at, have = self._find(fresh.entity)
        whole = bool(have.all())
        for column, value in zip(columns_of(self.rows), columns_of(fresh), strict=True):
            column[at if whole else at[have]] = value if whole else value[have]
        if not whole:
            self.rows = joined(self.rows, take(fresh, ~have))

    def drop(self, entity: I64) -> None:
        """Nothing of these entities any more."""
        if len(entity):
            at, have = self._find(entity)
            self.rows = take(self.rows, np.delete(np.arange(len(self.rows.entity)), at[have]))

    def _find(self, entity: I64) -> tuple[I64, Bool]:
        known = self.rows.entity
        if not len(known):
            return np.zeros(len(entity), np.int64), np.zeros(len(entity), np.bool_)
        at = np.searchsorted(known, entity).clip(0, len(known) - 1)
        return at, known[at] == entity


class UnknownFormatError(ValueError):
    """The carry was written by a version whose columns are others."""


class Packer:
    """The carries of an owner as bytes: a mark of the columns, rows per part, then the rows of each part.

    Args:
        version: of the rules whose carries these are; another one has another mark.
        parts: an empty carry of each kind.
        owner_of: from the entities of a part to their owners.
    """

    def __init__(self, version: int, parts: Sequence[Columns], owner_of: Sequence[Callable[[I64], I64]]) -> None:
        self._kinds = [type(part) for part in parts]
        self._dtypes = [_dtype(part) for part in parts]
        self._owner_of = owner_of
        told = f"{version} " + " ".join(str(d.descr) for d in self._dtypes)
        self.mark = zlib.crc32(told.encode())
        self._head = struct.Struct(f"<I{len(parts)}H")

    def pack(self, owners: I64, parts: Sequence[Columns]) -> list[bytes]:
        """One text of bytes for each owner; `owners` sorted and unique."""
        count, dtypes = len(owners), self._dtypes
        bounds = [(np.searchsorted(o, owners), np.searchsorted(o, owners, "right")) for o in self._owners(parts)]
        each = 0  # so many of the first parts have one row of every owner: they stand in one record with the head
        while each < len(parts) and (bounds[each][1] - bounds[each][0] == 1).all():
            each += 1
        head = [("mark", "<u4")] + [(f"n{i}", "<u2") for i in range(len(parts))]
        records = np.zeros(count, dtype=head + [(f"rows{i}", dtypes[i]) for i in range(each)])
        records["mark"] = self.mark
        for i, (low, high) in enumerate(bounds):
            records[f"n{i}"] = high - low
        for i in range(each):
            _lay(parts[i], records[f"rows{i}"], None if len(parts[i].entity) == count else bounds[i][0])
        whole, size = records.tobytes(), records.dtype.itemsize
        packed = [whole[a : a + size] for a in range(0, len(whole), size)]
        for part, dtype, (low, high) in zip(parts[each:], dtypes[each:], bounds[each:], strict=True):
            some = np.flatnonzero(high > low)
            if len(some):
                rows = np.empty(len(part.entity), dtype=dtype)
                _lay(part, rows, None)
                whole, size = rows.tobytes(), dtype.itemsize
                ends = zip((low[some] * size).tolist(), (high[some] * size).tolist(), strict=True)
                for k, (a, b) in zip(some.tolist(), ends, strict=True):
                    packed[k] += whole[a:b]
        return packed

    def _owners(self, parts: Sequence[Columns]) -> Iterator[I64]:
        for part, owner_of in zip(parts, self._owner_of, strict=True):
            yield owner_of(part.entity)

    def unpack(self, packed: Iterable[bytes]) -> list[Any]:
        """The parts of all owners, sorted by entity.

        Raises:
            UnknownFormatError: one of them has other columns, or is of another version.
        """
        pieces: list[list[bytes]] = [[] for _ in self._dtypes]
        for blob in packed:
            if len(blob) < self._head.size:
                raise UnknownFormatError
            mark, *counts = self._head.unpack_from(blob)
            if mark != self.mark:
                raise UnknownFormatError
            at = self._head.size
            for piece, count, dtype in zip(pieces, counts, self._dtypes, strict=True):
                piece.append(blob[at : at + count * dtype.itemsize])
                at += count * dtype.itemsize
        return [self._part(i, np.frombuffer(b"".join(piece), dtype=self._dtypes[i])) for i, piece in enumerate(pieces)]

    def _part(self, index: int, rows: np.ndarray[Any, Any]) -> Columns:
        order = np.argsort(rows["entity"], kind="stable")
        kind = self._kinds[index]
        return kind(*(np.ascontiguousarray(rows[name][order]) for name in names_of(kind)))

    def knows(self, blob: bytes) -> bool:
        """Whether a text of bytes is of this version."""
        return len(blob) >= self._head.size and self._head.unpack_from(blob)[0] == self.mark


def _dtype(part: Columns) -> np.dtype[Any]:
    columns = zip(names_of(type(part)), columns_of(part), strict=True)
    return np.dtype([(name, column.dtype.newbyteorder("<"), column.shape[1:]) for name, column in columns])


def _lay(part: Columns, rows: np.ndarray[Any, Any], index: I64 | None) -> None:
    """Puts columns, or some rows of them, into records."""
    for name, column in zip(names_of(type(part)), columns_of(part), strict=True):
        rows[name] = column if index is None else column[index]
