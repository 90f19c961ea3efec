"""Carries as tables of columns: one row per entity, sorted by entity; what every rule keeps between steps.

A step takes a table of any entities and gives back the rows of those it saw, so that its cost follows the rows of the
step, never the size of the fleet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Self

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
        return type(self)(self.entity[index], **{name: column[index] for name, column in self.columns().items()})

    def of(self, entity: I64) -> Self:
        """Rows of these entities (sorted, unique), blank for those never seen."""
        if not len(self):
            return self.blank(entity)
        at = np.searchsorted(self.entity, entity).clip(0, len(self) - 1)
        have = self.entity[at] == entity
        found = type(self)(entity, **{name: column[at] for name, column in self.columns().items()})
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


def ranges(low: I64, high: I64) -> I64:
    """The indices of all spans `low <= i < high`, one span after the other.

    >>> ranges(np.array([2, 7]), np.array([4, 8])).tolist()
    [2, 3, 7]
    """
    count = high - low
    return np.repeat(low - np.cumsum(count) + count, count) + np.arange(count.sum())
