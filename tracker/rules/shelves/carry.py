"""What is carried of slots, and their last readings beside each new one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from domain.folds.table import Column, Table
from domain.readings import F64, I64, Bool
from tracker.rules.shelves.units import STEPS

VERSION = 1
WINDOW = 12
"""So many of the last masses are carried: what noise is, and a mass as the mean of some of them, are told of these."""
NO_MASS = int(np.iinfo(np.int32).min)
NEVER = int(np.iinfo(np.int64).min // 2)
COUNTS = 2


@dataclass(frozen=True, slots=True)
class Slots(Table):
    """What is carried of each slot. Masses are in milligrams: sums of whole numbers are the same in any order."""

    COLUMNS: ClassVar[Mapping[str, Column]] = {
        "mass": Column("i4", NO_MASS, WINDOW),
        "mass_us": Column("i8", NEVER, WINDOW),
        "count": Column("f8", np.nan, COUNTS),
        "count_us": Column("i8", NEVER, COUNTS),
        "quantity": Column("f8", -1.0),
        "confidence": Column("f8", 0.0),
        "product": Column("i4", 0),
        "given": Column("f8", np.nan),
        "unit": Column("f8", np.nan),
        "unit_sd": Column("f8", 0.0),
        "trust": Column("f8", 1.0),
        "offset": Column("f8", 0.0),
        "hour": Column("i8", NEVER),
        "residual": Column("f8", 0.0),
        "followed": Column("i4", 0),
        "noise": Column("f8", np.nan),
        "noises": Column("f8", 0.0),
        "weighed": Column("i4", 0),
        "level": Column("f8", np.nan),
        "steady": Column("u1", 0),
        "steps": Column("f8", np.nan, STEPS),
        "steps_sd": Column("f8", np.nan, STEPS),
    }

    mass: NDArray[Any]
    mass_us: I64
    count: F64
    count_us: I64
    quantity: F64
    confidence: F64
    product: NDArray[Any]
    given: F64
    unit: F64
    unit_sd: F64
    trust: F64
    offset: F64
    hour: I64
    residual: F64
    followed: NDArray[Any]
    noise: F64
    noises: F64
    weighed: NDArray[Any]
    level: F64
    steady: NDArray[Any]
    steps: F64
    steps_sd: F64


class Rows(NamedTuple):
    """Weighings and counts, sorted by slot and time; NaN: not told."""

    slot: I64
    t_us: I64
    mass_kg: F64
    item_count: F64

    def take(self, index: Any) -> Rows:
        """Some of them."""
        return Rows(*(column[index] for column in self))


def behind(carried: NDArray[Any], of: I64, values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """For each row its value and those before it, as many as are carried; and what is carried now.

    Args:
        carried: the last values of each slot.
        of: which slot each row is of, ascending.
        values: by row.

    >>> behind(np.array([[1, 2], [7, 8]]), np.array([0, 0, 1]), np.array([3, 4, 9]))[0].tolist()
    [[2, 3], [3, 4], [8, 9]]
    """
    n, width = carried.shape
    end = np.searchsorted(of, np.arange(n), "right") + width * np.arange(1, n + 1)
    at = np.arange(len(of)) + width * (of + 1)
    flat = np.empty(len(of) + n * width, carried.dtype)
    begin = np.concatenate([[0], end[:-1]])[:n]
    flat[begin[:, None] + np.arange(width)] = carried
    flat[at] = values
    back = np.arange(1 - width, 1)
    return flat[at[:, None] + back], flat[end[:, None] - 1 + back]


def last_true(mask: Bool, first: I64) -> I64:
    """Index of the last row up to each one for which it is true, from `first` of each row on; -1: none.

    >>> last_true(np.array([True, False, False, True]), np.array([0, 0, 2, 2])).tolist()
    [0, 0, -1, 3]
    """
    found = np.maximum.accumulate(np.where(mask, np.arange(len(mask)), -1))
    return np.where(found >= first, found, -1)
