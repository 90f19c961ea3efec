"""PostgreSQL's binary form of plain types, as numpy packs it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

EPOCH_US = 946_684_800_000_000  # 2000-01-01 UTC, PostgreSQL's zero, in Unix microseconds
WIRE = {
    "timestamp with time zone": ">i8",
    "bigint": ">i8",
    "integer": ">i4",
    "smallint": ">i2",
    "double precision": ">f8",
    "real": ">f4",
    "boolean": "u1",
}
_RANGE = {">i4": (-(2**31), 2**31 - 1), ">i2": (-(2**15), 2**15 - 1)}


def check_range(name: str, column: NDArray[np.generic], wire: str) -> None:
    """Refuses a whole number that does not fit its type on the wire: numpy would wrap it silently.

    Raises:
        OverflowError: it does not fit.
    """
    if (bounds := _RANGE.get(wire)) and column.size and column.dtype.itemsize > np.dtype(wire).itemsize:
        low, high = bounds
        if column.min() < low or column.max() > high:
            raise OverflowError(f"{name}: a number does not fit {np.dtype(wire).itemsize} bytes")
