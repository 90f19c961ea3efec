"""What a series of temperatures comes to, as the tracker decides it: extremes, kinetic mean, times beyond, excursions.

Excursions and alarms are those of `domain.cold_chain.recordings`, which runs the very rules of the tracker. Between two
readings the temperature is taken as a straight line; a hole longer than the profile's
`max_interval_s` is unknown time, neither in nor out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from domain.cold_chain import kinetic
from domain.cold_chain.sensors import Fault, faults
from domain.readings import F64, I64

US = 1_000_000
FIXED = 0.9  # share of equal steps from which on a logger of fixed interval made a series


@dataclass(frozen=True, slots=True)
class Series:
    """Readings of one probe in order of time."""

    t_us: I64
    temp_c: F64

    @classmethod
    def of(cls, t_us: Sequence[int], temp_c: Sequence[float]) -> Series:
        """In order of time, whatever order they come in."""
        t, c = np.array(t_us, np.int64), np.array(temp_c, np.float64)
        order = np.argsort(t, kind="stable")
        return cls(t[order], c[order])

    def __len__(self) -> int:
        return len(self.t_us)

    def sound(self) -> tuple[Series, tuple[Fault, ...]]:
        """Without what no sensor measured (error codes, single glitches), and that."""
        out, found = faults(self.t_us, self.temp_c)
        return Series(self.t_us[~out], self.temp_c[~out]), found

    def between(self, begin_us: int, end_us: int, gap_us: int) -> Series:
        """A part, with what the straight line says at its two ends where neither lies in a hole."""
        inside = (self.t_us >= begin_us) & (self.t_us <= end_us)
        t, c = self.t_us[inside], self.temp_c[inside]
        for edge, first in ((begin_us, True), (end_us, False)):
            at = int(np.searchsorted(self.t_us, edge))
            if not 0 < at < len(self.t_us) or self.t_us[at] == edge or self.t_us[at] - self.t_us[at - 1] > gap_us:
                continue
            value = float(np.interp(edge, self.t_us[at - 1 : at + 1], self.temp_c[at - 1 : at + 1]))
            t, c = (
                (np.insert(t, 0, edge), np.insert(c, 0, value)) if first else (np.append(t, edge), np.append(c, value))
            )
        return Series(t, c)


class Shares(NamedTuple):
    """Where the time went."""

    below_s: float
    above_s: float
    in_range_s: float
    unknown_s: float


class Means(NamedTuple):
    """Arithmetic and kinetic mean, and how readings were weighted."""

    mean_c: float
    mkt_c: float
    weighting: Literal["equal", "time"]


def shares_of(series: Series, low_c: float | None, high_c: float | None, max_interval_s: float) -> Shares:
    """Time below, above and within limits; the limits themselves are within."""
    dt = np.diff(series.t_us)
    known = dt <= round(max_interval_s * US)
    a, b = series.temp_c[:-1], series.temp_c[1:]
    above = np.zeros(len(dt)) if high_c is None else _beyond(a - high_c, b - high_c)
    below = np.zeros(len(dt)) if low_c is None else _beyond(low_c - a, low_c - b)
    above_s, below_s = (float((share * dt)[known].sum() / US) for share in (above, below))
    known_s = float(dt[known].sum() / US)
    return Shares(below_s, above_s, max(0.0, known_s - above_s - below_s), float(dt[~known].sum() / US))


def means_of(series: Series, delta_h_kj_per_mol: float, max_interval_s: float) -> Means:
    """Means: each reading alike where a logger kept them at fixed steps, by the time it stands for elsewhere."""
    b_k = kinetic.b_kelvin(delta_h_kj_per_mol)
    dt = np.diff(series.t_us)
    known = np.where(dt <= round(max_interval_s * US), dt, 0)
    if is_fixed(series) or not known.any():
        state = kinetic.of_samples(series.temp_c, b_k)
        return Means(float(series.temp_c.mean()), kinetic.mkt_c(state, b_k), "equal")
    state = kinetic.of_series(series.t_us, series.temp_c, b_k, round(max_interval_s * US))
    return Means(mean_by_time(series, max_interval_s), kinetic.mkt_c(state, b_k), "time")


def mean_by_time(series: Series, max_interval_s: float) -> float:
    """Arithmetic mean over known time; NaN of none."""
    dt = np.diff(series.t_us)
    known = np.where(dt <= round(max_interval_s * US), dt, 0)
    if not known.any():
        return float("nan")
    return float(((series.temp_c[1:] + series.temp_c[:-1]) / 2 * known).sum() / known.sum())


def is_fixed(series: Series) -> bool:
    """Whether a logger of fixed interval made it.

    >>> is_fixed(Series.of([0, 60, 120, 180], [1.0] * 4)), is_fixed(Series.of([0, 60, 90, 500], [1.0] * 4))
    (True, False)
    """
    steps = np.diff(series.t_us)
    if not len(steps):
        return True
    usual = float(np.median(steps))
    return bool((np.abs(steps - usual) <= max(US, 0.01 * usual)).mean() >= FIXED) if usual > US else _all_alike(steps)


def _all_alike(steps: I64) -> bool:
    return bool((steps == steps[0]).all())


def _beyond(a: F64, b: F64) -> F64:
    """Share of each straight line from a to b that is above zero."""
    both, none = (a > 0) & (b > 0), (a <= 0) & (b <= 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        crossing = np.maximum(a, b) / np.abs(b - a)
    return np.asarray(np.where(both, 1.0, np.where(none, 0.0, crossing)))
