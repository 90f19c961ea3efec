"""Mean kinetic temperature over windows: of a whole recording, and the warmest window that contains an excursion.

The sums of the intervals between readings stand as prefix sums, whole numbers, so that any window is a difference; a
window that begins or ends between two readings takes its share of that interval.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from domain.cold_chain import kinetic
from domain.cold_chain.profile import Mkt, Placement
from domain.readings import F64, I64

S_US = 1_000_000


class MktWindow(NamedTuple):
    """A window and its mean kinetic temperature; `partial`: there are fewer data than a whole one."""

    start_us: int
    end_us: int
    mkt_c: float
    partial: bool


@dataclass(frozen=True, eq=False)
class Sums:
    """Prefix sums of a series up to each reading: factor times weight, and weight."""

    t_us: I64
    high: I64
    low: I64
    weight: I64
    b_k: float

    @classmethod
    def of(cls, t_us: I64, temp_c: F64, b_k: float, max_interval_us: int) -> Sums:
        """Of a series in order of time."""
        parts = kinetic.intervals(t_us, temp_c, b_k, max_interval_us)
        high, low, weight = (np.concatenate([[0], np.cumsum(part)]) for part in parts)
        return cls(t_us, high, low, weight, b_k)

    def mkt_c(self, start_us: I64, end_us: I64) -> F64:
        """Of windows within the series; NaN where nothing is known."""
        high, low, weight = (self._at(end_us, c) - self._at(start_us, c) for c in (self.high, self.low, self.weight))
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = (high * 2.0**-kinetic.HIGH_BITS + low * 2.0 ** -(kinetic.HIGH_BITS + kinetic.LOW_BITS)) / weight
            kelvin = 1.0 / (1.0 / kinetic.REFERENCE_K - np.log(ratio) / self.b_k)
        return np.asarray(np.where(weight > 0, kelvin - kinetic.ZERO_K, np.nan))

    def _at(self, at_us: I64, column: I64) -> F64:
        """Up to an instant, relative to the first reading; between two in proportion."""
        i = (np.searchsorted(self.t_us, at_us, "right") - 1).clip(0, max(len(self.t_us) - 2, 0))
        if len(self.t_us) < 2:
            return np.zeros(len(at_us))
        width = self.t_us[i + 1] - self.t_us[i]
        share = np.where(width > 0, (at_us - self.t_us[i]) / np.maximum(width, 1), 0.0).clip(0, 1)
        whole = share >= 1
        rest = np.where(whole, 0.0, share) * (column[i + 1] - column[i])
        return np.asarray(np.where(whole, column[i + 1], column[i]) + rest)


def whole(t_us: I64, temp_c: F64, b_k: float, max_interval_us: int) -> float:
    """Mean kinetic temperature of all that is known of a series, weighted by time."""
    return kinetic.mkt_c(kinetic.of_series(t_us, temp_c, b_k, max_interval_us), b_k)


def warmest(sums: Sums, mkt: Mkt, start_us: int, end_us: int) -> MktWindow | None:
    """The warmest window that contains an excursion, as the limit places it; None without readings.

    One that contains all of it, or, when it is longer than a window, any that lies within it. The warmest begins or
    ends at a reading, as between readings the sum is a line.
    """
    if len(sums.t_us) < 2:
        return None
    t0, t1, window_us = int(sums.t_us[0]), int(sums.t_us[-1]), round(mkt.window_s * S_US)
    start_us, end_us = max(start_us, t0), min(end_us, t1)
    low, high = sorted((end_us, start_us + window_us))
    ends = _ends(sums.t_us, mkt.placement, window_us, (low, high), (start_us, end_us))
    inside = ends[(ends >= t0 + window_us) & (ends <= t1)]
    if len(inside):
        found = sums.mkt_c(inside - window_us, inside)
        best = int(np.argmax(np.where(np.isnan(found), -np.inf, found)))
        return MktWindow(int(inside[best]) - window_us, int(inside[best]), float(found[best]), partial=False)
    last = min(max(int(ends.max()), t0), t1)
    first = max(last - window_us, t0)
    if mkt.placement == "any":
        first, last = (t0, t1) if t1 - t0 <= window_us else (first, last)
    value = sums.mkt_c(np.array([first]), np.array([last]))[0]
    return MktWindow(first, last, float(value), partial=True)


def _ends(t_us: I64, placement: Placement, window_us: int, between: tuple[int, int], excursion: tuple[int, int]) -> I64:
    """When the windows that are looked at end."""
    if placement == "ends_at":
        return np.array([excursion[1]])
    if placement == "starts_at":
        return np.array([excursion[0] + window_us])
    low, high = between
    low, high = max(low, min(high, int(t_us[0]) + window_us)), min(high, max(low, int(t_us[-1])))
    if low > high:  # less than a window was measured
        return np.array([high])
    some = np.concatenate([[low, high], t_us, t_us + window_us])
    return np.unique(some[(some >= low) & (some <= high)])
