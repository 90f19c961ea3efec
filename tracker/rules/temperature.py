"""Excursions: a probe beyond its profile's limits, from the crossing to the return, and whether it lasted long enough.

Above means warmer than `high_c`, below means colder than `low_c` (the limits themselves are allowed). An excursion ends
`hysteresis_c` inside the limit. It alarms when it has been observed for `for_s`; a hole longer than `max_interval_s`
is unknown time: it neither counts nor ends anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan

import numpy as np

from domain.readings import F64, I64
from tracker.rules.scan import Carry, Runs, scan
from tracker.rules.table import take

VERSION = 1
ABOVE, BELOW = 0, 1
KINDS = ("above", "below")


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits per row: degrees Celsius (NaN: no limit), microseconds."""

    low_c: F64
    high_c: F64
    hysteresis_c: F64
    for_us: I64
    max_interval_us: I64

    def take(self, index: I64) -> Limits:
        """Rows by index."""
        return take(self, index)


def step(carry: Carry, series: I64, t_us: I64, temp_c: F64, limits: Limits) -> tuple[Carry, Runs]:
    """Runs outside the limits, of rows sorted by (series, time). Entities are `2 * series + kind`, the carry's too.

    A run's extreme is in degrees beyond the limit.
    """
    entity = np.concatenate([series * 2 + ABOVE, series * 2 + BELOW])
    x = np.concatenate([temp_c - limits.high_c, limits.low_c - temp_c])
    order = np.argsort(entity, kind="stable")
    pick = order % len(series) if len(series) else order
    return scan(
        carry,
        entity[order],
        t_us[pick],
        x[order],
        h=limits.hysteresis_c[pick],
        for_us=limits.for_us[pick],
        gap_us=limits.max_interval_us[pick],
    )


def state_of(temp_c: float, low_c: float, high_c: float) -> str:
    """Where one reading lies: `ok`, `above`, `below`, or `unknown` without limits.

    >>> state_of(9.0, 2.0, 8.0), state_of(8.0, 2.0, 8.0), state_of(5.0, float("nan"), float("nan"))
    ('above', 'ok', 'unknown')
    """
    if isnan(low_c) and isnan(high_c):
        return "unknown"
    return "above" if temp_c > high_c else "below" if temp_c < low_c else "ok"


def states(temp_c: F64, limits: Limits) -> list[str]:
    """The same of many; a limit that is NaN is none."""
    warm, cold = temp_c > limits.high_c, temp_c < limits.low_c
    unlimited = np.isnan(limits.low_c) & np.isnan(limits.high_c)
    code = np.where(unlimited, 3, np.where(warm, 1, np.where(cold, 2, 0)))
    words = ("ok", "above", "below", "unknown")
    return [words[c] for c in code.tolist()]
