"""Where one reading lies in the range of a label."""

from __future__ import annotations

from math import isnan

VERSION = 1


def state_of(temp_c: float, low_c: float, high_c: float) -> str:
    """Where one reading lies: `ok`, `above`, `below`, or `unknown` without limits.

    >>> state_of(9.0, 2.0, 8.0), state_of(8.0, 2.0, 8.0), state_of(5.0, float("nan"), float("nan"))
    ('above', 'ok', 'unknown')
    """
    if isnan(low_c) and isnan(high_c):
        return "unknown"
    return "above" if temp_c > high_c else "below" if temp_c < low_c else "ok"
