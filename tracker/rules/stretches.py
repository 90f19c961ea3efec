"""Stretches of a vehicle's time: the segments that `trips` finds, made of the marks at their ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from domain.folds.scan import NEVER
from domain.folds.table import take
from domain.readings import F64, I64, Bool

WIDTH = 9  # of a mark: time, latitude and longitude (bits of the float), then the six totals
PLACE = 3  # of them come before the totals


@dataclass(frozen=True, slots=True)
class Segments:
    """Segments that were open or began in the rows, in order of vehicle and time; `end_us` is `NEVER` when open.

    Totals of an open one are up to its vehicle's last fix, which is where `end_lat`, `end_lon` are then. The odometer
    is the device's, carried on where it says nothing; `LONG_AGO` when it has never said anything.
    """

    entity: I64
    kind: NDArray[np.int8]
    start_us: I64
    end_us: I64
    start_lat: F64
    start_lon: F64
    end_lat: F64
    end_lon: F64
    distance_mm: I64
    gap_mm: I64
    moving_us: I64
    idle_us: I64
    unknown_us: I64
    carried_mm: I64
    speed_max_mps: F64
    odometer_mm: I64
    began_here: Bool

    @classmethod
    def empty(cls) -> Self:
        """No segments."""
        i, f = np.empty(0, np.int64), np.empty(0)
        return cls(i, np.empty(0, np.int8), i, i, f, f, f, f, i, i, i, i, i, i, f, i, np.empty(0, np.bool_))

    def __len__(self) -> int:
        return len(self.entity)

    def take(self, index: I64 | Bool) -> Self:
        """Rows by index or mask."""
        return take(self, index)


def from_marks(
    entity: I64,
    kind: NDArray[np.int8],
    start: I64,
    end: I64,
    is_open: Bool,
    speed_max: F64,
    odometer: I64,
    began: Bool,
) -> Segments:
    """Segments from their first and last marks."""
    totals = np.ascontiguousarray((end - start)[:, PLACE:].T)

    def place(mark: I64, column: int) -> F64:
        return np.ascontiguousarray(mark[:, column]).view(np.float64)

    return Segments(
        entity,
        kind,
        start[:, 0].copy(),
        np.where(is_open, NEVER, end[:, 0]),
        place(start, 1),
        place(start, 2),
        place(end, 1),
        place(end, 2),
        totals[0],
        totals[1],
        totals[2],
        totals[3],
        totals[4],
        totals[5],
        speed_max,
        odometer,
        began,
    )
