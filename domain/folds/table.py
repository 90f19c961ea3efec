"""Carries as tables of columns: one row per entity, sorted by entity; what every rule keeps between steps.

A step takes a table of any entities and gives back the rows of those it saw, so that its cost follows the rows of the
step, never the size of the fleet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import cache
from operator import attrgetter
from typing import Any, ClassVar, NamedTuple, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from domain.readings import I64, Bool


class Column(NamedTuple):
    """Type of a column, what stands in it for an entity never seen, and how many numbers it holds per row."""

    dtype: str
    otherwise: float
    width: int = 1


@dataclass(frozen=True, slots=True)
class Table:
    """One row per entity, sorted by entity. `COLUMNS` describes the columns behind `entity`."""

    COLUMNS: ClassVar[Mapping[str, Column]] = {}

    entity: I64

    def __len__(self) -> int:
        return len(self.entity)

    @classmethod
    def blank(cls, entity: I64) -> Self:
        """Rows of entities that have not been seen."""
        n = len(entity)
        shapes = {name: n if c.width == 1 else (n, c.width) for name, c in cls.COLUMNS.items()}
        return cls(entity, **{name: np.full(shapes[name], c.otherwise, c.dtype) for name, c in cls.COLUMNS.items()})

    @classmethod
    def empty(cls) -> Self:
        """No entities."""
        return cls.blank(np.empty(0, np.int64))

    def columns(self) -> dict[str, NDArray[np.generic]]:
        """The columns by name, without `entity`."""
        return {name: getattr(self, name) for name in self.COLUMNS}

    def take(self, index: I64 | Bool) -> Self:
        """Rows by index or mask."""
        return take(self, index)

    def of(self, entity: I64) -> Self:
        """Rows of these entities (sorted, unique), blank for those never seen."""
        if not len(self):
            return self.blank(entity)
        at = np.searchsorted(self.entity, entity).clip(0, len(self) - 1)
        have = self.entity[at] == entity
        found = type(self)(entity, *[column[at] for column in columns_of(self)[1:]])
        if not have.all():
            for name, column in self.COLUMNS.items():
                getattr(found, name)[~have] = column.otherwise
        return found

    def updated(self, fresh: Self, replaced: I64 | None = None) -> Self:
        """This table without the entities in `replaced` (those of `fresh` when not given), with `fresh`."""
        keep = np.ones(len(self), np.bool_)
        gone = fresh.entity if replaced is None else replaced
        if len(self) and len(gone):
            at = np.searchsorted(self.entity, gone).clip(0, len(self) - 1)
            keep[at[self.entity[at] == gone]] = False
        entity = np.concatenate([self.entity[keep], fresh.entity])
        order = np.argsort(entity, kind="stable")
        both = {
            name: np.concatenate([column[keep], getattr(fresh, name)])[order] for name, column in self.columns().items()
        }
        return type(self)(entity[order], **both)


S = TypeVar("S", bound=np.generic)
R = TypeVar("R")


@cache
def names_of(kind: type) -> tuple[str, ...]:
    """The columns of a dataclass, in order."""
    return tuple(each.name for each in fields(kind))


@cache
def _columns_of(kind: type) -> Callable[[Any], tuple[NDArray[Any], ...]]:
    names = names_of(kind)
    return attrgetter(*names) if len(names) > 1 else lambda rows: (getattr(rows, names[0]),)


def columns_of(rows: Any) -> tuple[NDArray[Any], ...]:
    """The columns of a dataclass of columns, in order."""
    kind: type = type(rows)
    return _columns_of(kind)(rows)


def take(rows: R, index: I64 | Bool) -> R:
    """Rows of a dataclass of columns, by index or mask."""
    return type(rows)(*[column[index] for column in columns_of(rows)])


def previous(column: NDArray[S]) -> NDArray[S]:
    """The row before each row, that of the first being the last: `np.roll(column, 1)` at a tenth of its cost.

    >>> previous(np.array([1, 2, 3])).tolist()
    [3, 1, 2]
    """
    out = np.empty_like(column)
    out[1:], out[:1] = column[:-1], column[-1:]
    return out


def following(column: NDArray[S]) -> NDArray[S]:
    """The row behind each row, that of the last being the first.

    >>> following(np.array([1, 2, 3])).tolist()
    [2, 3, 1]
    """
    out = np.empty_like(column)
    out[:-1], out[-1:] = column[1:], column[:1]
    return out


def among(value: I64, known: I64) -> Bool:
    """Whether each value is in `known`, which is sorted: `np.isin` without sorting anew.

    >>> among(np.array([7, 1, 9]), np.array([1, 7])).tolist()
    [True, True, False]
    """
    if not len(known):
        return np.zeros(len(value), np.bool_)
    return np.asarray(known.take(known.searchsorted(value), mode="clip") == value)


def ranges(low: I64, high: I64) -> I64:
    """The indices of all spans `low <= i < high`, one span after the other.

    >>> ranges(np.array([2, 7]), np.array([4, 8])).tolist()
    [2, 3, 7]
    """
    count = high - low
    return np.repeat(low - np.cumsum(count) + count, count) + np.arange(count.sum())
