"""Readings that tell of a sensor, not of what it measures: error codes, impossible samples, values that stand still.

They are left out, so that their time is unknown, and are a fault of the sensor; never an excursion.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from domain.folds.scan import segment_starts
from domain.folds.table import Column, Table, previous
from domain.readings import F64, I64, Bool

SENTINELS_C = (
    -127.0,  # DS18B20 without a wire
    85.0,  # DS18B20 that has just got power
    850.0,  # PT100 that is open
    327.67,  # 0x7FFF in hundredths, 0x8000 beside it
    -327.68,
    3276.7,  # and in tenths
    -3276.8,
    2047.9375,  # 0x7FFF in sixteenths
    -2048.0,
    -273.15,
)
POSSIBLE_C = (-210.0, 200.0)
"""Nothing in a cold chain is colder than liquid nitrogen, or warmer than steam."""
JUMP_C, PACE_C_PER_S = 30.0, 10.0 / 60.0
"""So much, and so fast, no probe in a box changes; what two samples in a row say is believed all the same."""
STUCK_US, STUCK_READINGS, MOVES_MIN = 12 * 3_600_000_000, 24, 20


class Fault(NamedTuple):
    """A sensor was not to be believed from one reading to another: `error_code`, `impossible` or `stuck`."""

    kind: str
    start_us: int
    end_us: int
    samples: int


def error_codes(temp_c: F64) -> Bool:
    """Which values are error codes, or no number.

    >>> error_codes(np.array([5.0, 85.0, -127.0, np.nan])).tolist()
    [False, True, True, True]
    """
    return np.asarray(np.isin(temp_c, SENTINELS_C) | np.isnan(temp_c))


@dataclass(frozen=True, slots=True)
class Samples(Table):
    """The last two samples of each series."""

    COLUMNS: ClassVar[Mapping[str, Column]] = {
        "t_us": Column("f8", np.nan, 2),
        "temp_c": Column("f8", np.nan, 2),
    }

    t_us: F64
    temp_c: F64


def step(samples: Samples, series: I64, t_us: I64, temp_c: F64) -> tuple[Samples, Bool]:
    """Which samples cannot be: out of this world, or a jump and unlike both before. Rows sorted by (series, time).

    >>> t, c = np.arange(6) * 60_000_000, np.array([5.0, 60.0, 5.0, 5.0, 60.0, 60.0])
    >>> step(Samples.empty(), np.zeros(6, np.int64), t, c)[1].tolist()
    [False, True, False, False, True, False]
    """
    start = segment_starts(series)
    first, seen = np.flatnonzero(start), series[start]
    known = samples.of(seen)
    n, of = len(series) + 2 * len(seen), np.cumsum(start) - 1
    place = np.arange(len(series)) + 2 * (of + 1)
    t, c = np.full(n, np.nan), np.full(n, np.nan)
    t[place], c[place] = t_us, temp_c
    for back in (0, 1):
        at = first + 2 * np.arange(len(seen)) + back
        t[at], c[at] = known.t_us[:, back], known.temp_c[:, back]
    with np.errstate(invalid="ignore"):
        out = _jump(t[place - 1], c[place - 1], t_us, temp_c) & ~(np.abs(temp_c - c[place - 2]) <= JUMP_C)
    out |= (temp_c < POSSIBLE_C[0]) | (temp_c > POSSIBLE_C[1])
    last = np.append(first[1:], len(series))[:, None] + 2 * np.arange(1, len(seen) + 1)[:, None] + np.array([-2, -1])
    return Samples(seen, t[last], c[last]), out


def impossible(t_us: I64, temp_c: F64) -> Bool:
    """Which samples of one series in order of time cannot be."""
    return step(Samples.empty(), np.zeros(len(t_us), np.int64), t_us, temp_c)[1]


def _jump(t0: F64, c0: F64, t1: I64, c1: F64) -> Bool:
    rise = np.abs(c1 - c0)
    return np.asarray((rise > JUMP_C) & (rise > PACE_C_PER_S * (t1 - t0) / 1e6))


def stuck(t_us: I64, temp_c: F64) -> Bool:
    """Which samples of one series belong to a value that stands still for longer than the probe's noise lets it.

    It does when a probe that moves at all (`MOVES_MIN` changes) says the very same for twelve hours and
    `STUCK_READINGS` readings, and ten times as long as nine in ten of its runs last.
    """
    if len(t_us) < STUCK_READINGS:
        return np.zeros(len(t_us), np.bool_)
    start = np.ones(len(temp_c), np.bool_)
    start[1:] = temp_c[1:] != temp_c[:-1]
    first = np.flatnonzero(start)
    last = np.append(first[1:], len(temp_c)) - 1
    lasts_us, samples = t_us[last] - t_us[first], last - first + 1
    if len(first) <= MOVES_MIN:
        return np.zeros(len(t_us), np.bool_)
    usual_us = np.quantile(lasts_us, 0.9)
    still = (lasts_us >= STUCK_US) & (samples >= STUCK_READINGS) & (lasts_us > 10 * usual_us)
    return np.asarray(np.repeat(still, samples))


def faults(t_us: I64, temp_c: F64) -> tuple[Bool, tuple[Fault, ...]]:
    """Which samples of a recording are to be left out, and why: one fault for each run of them."""
    code = error_codes(temp_c)
    odd = np.zeros(len(temp_c), np.bool_)
    sound = np.flatnonzero(~code)
    odd[sound] = impossible(t_us[sound], temp_c[sound])
    still = np.zeros(len(temp_c), np.bool_)
    sound = np.flatnonzero(~code & ~odd)
    still[sound] = stuck(t_us[sound], temp_c[sound])
    found: list[Fault] = []
    for kind, mask in (("error_code", code), ("impossible", odd), ("stuck", still)):
        first = np.flatnonzero(mask & ~(previous(mask) & ~segment_starts(np.zeros(len(mask), np.int64))))
        last = np.flatnonzero(mask & ~np.append(mask[1:], False))
        for a, b in zip(first.tolist(), last.tolist(), strict=True):
            found.append(Fault(kind, int(t_us[a]), int(t_us[b]), b - a + 1))
    return code | odd | still, tuple(sorted(found, key=lambda f: f.start_us))
