"""How many digits are shown of each quantity: the same in a snapshot, in a delta and in the answer to a request.

What is stored is not rounded. Quantities stored in single precision are rounded from that, so that it does not matter
whether a value came as a number or by way of its shortest text.
"""

from __future__ import annotations

from struct import Struct
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

DIGITS = {
    "lat": 7,
    "lon": 7,
    "speed_mps": 2,
    "heading_deg": 1,
    "accuracy_m": 1,
    "temp_c": 2,
    "extreme_c": 2,
    "last_c": 2,
    "min_c": 2,
    "max_c": 2,
    "humidity_pct": 1,
    "battery_ratio": 3,
    "confidence": 3,
    "late_probability": 3,
    "quantity": 3,
}
SINGLE = frozenset(
    {"speed_mps", "heading_deg", "accuracy_m", "humidity_pct", "battery_ratio", "late_probability"}
)  # stored in single precision
_F4 = Struct("f")
_SCALE = {name: 10.0**digits for name, digits in DIGITS.items()}


@overload
def shown(name: str, value: float) -> float: ...
@overload
def shown(name: str, value: float | None) -> float | None: ...
def shown(name: str, value: float | None) -> float | None:
    """A quantity, a number, as it is shown; None when it is not known.

    >>> shown("temp_c", 4.4999), shown("humidity_pct", 66.5999984741211), shown("temp_c", None)
    (4.5, 66.6, None)
    """
    if value is None:
        return None
    if name in SINGLE:
        value = _F4.unpack(_F4.pack(value))[0]
    scale = _SCALE[name]
    return round(value * scale) / scale


def shown_all(name: str, values: NDArray[Any]) -> list[float]:
    """The same of many; NaN stays.

    >>> shown_all("temp_c", np.array([4.4999, 2.675]))
    [4.5, 2.68]
    """
    wide = values.astype(np.float32) if name in SINGLE else values
    return np.round(wide.astype(np.float64), DIGITS[name]).tolist()  # type: ignore[no-any-return]
