"""Mean kinetic temperature over windows: of a whole recording, and the warmest window that contains an excursion.

The sums of the intervals between readings stand as prefix sums, whole numbers, so that any window is a difference; a
window that begins or ends between two readings takes its share of that interval.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from domain.cold_chain import kinetic
from domain.cold_chain.profile import Mkt
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


def warmest(sums: Sums, mkt: Mkt, start_us: I64, end_us: I64) -> MktWindow | None:
    """The warmest of the windows that contain one of some excursions, as the limit places them; None without any.

    A window contains all of an excursion, or, when that is longer than a window, lies within it. The warmest begins or
    ends at a reading or at an end of the excursion, as between readings the sum is a line.
    """
    if len(sums.t_us) < 2 or not len(start_us):
        return None
    t0, t1, window_us = int(sums.t_us[0]), int(sums.t_us[-1]), round(mkt.window_s * S_US)
    a, b = start_us.clip(t0, t1), end_us.clip(t0, t1)
    if mkt.placement == "any":
        low, high = np.minimum(b, a + window_us), np.maximum(b, a + window_us)
        ends = np.concatenate([low.clip(t0 + window_us), high.clip(max=t1)])
        fits = np.tile(low.clip(t0 + window_us) <= high.clip(max=t1), 2)
        turns = np.unique(np.concatenate([sums.t_us, sums.t_us + window_us]))
        within = np.searchsorted(turns, ends).reshape(
            2, -1
        )  # of each excursion, the readings its windows end or begin at
        inside = np.zeros(len(turns) + 1, np.int64)
        np.add.at(inside, within[0][fits[: len(a)]], 1)
        np.add.at(inside, within[1][fits[: len(a)]], -1)
        ends = np.concatenate([ends[fits], turns[np.cumsum(inside)[:-1] > 0]])
    else:
        ends = b if mkt.placement == "ends_at" else a + window_us
        ends = ends[(ends >= t0 + window_us) & (ends <= t1)]
    if len(ends):
        return _best(sums, ends - window_us, ends, partial=False)
    last = (
        np.array([t1]) if mkt.placement == "any" else (b if mkt.placement == "ends_at" else a + window_us).clip(t0, t1)
    )
    return _best(sums, np.maximum(last - window_us, t0), last, partial=True)


def _best(sums: Sums, start_us: I64, end_us: I64, *, partial: bool) -> MktWindow | None:
    found = sums.mkt_c(start_us, end_us)
    if np.isnan(found).all():
        return None
    best = int(np.nanargmax(found))
    return MktWindow(int(start_us[best]), int(end_us[best]), float(found[best]), partial)
