"""How good predictions were, by how far off the arrival was; and how likely a window is missed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from domain.readings import F64, I64
from tracker.rules.ranges import EDGES_S, out_bucket

Z90 = 1.2815515655446004  # 90 % quantile of the normal distribution


@dataclass(frozen=True, slots=True)
class Grade:
    """Of the predictions of one hours-out bucket: errors in minutes, shares 0 to 1, NaN where nothing can be said.

    `jitter_min` is the mean absolute move of p50 from one prediction of a stop to its next: driving as expected does
    not move an arrival time, so any move is a change of mind.
    """

    hours_out: str
    n: int
    mae_min: float
    mape: float
    within_15: float
    within_30: float
    coverage: float
    width_min: float
    jitter_min: float
    experts_min: tuple[float, ...] = ()
    """Mean absolute error of each expert, NaN: it said nothing."""


def names() -> list[str]:
    """Names of the hours-out buckets.

    >>> names()[0], names()[-1]
    ('< 0.17 h', '>= 8 h')
    """
    edges = [f"{edge / 3600:.2g}" for edge in EDGES_S]
    between = [f"{a}-{b} h" for a, b in pairwise(edges)]
    return [f"< {edges[0]} h", *between, f">= {edges[-1]} h"]


def grade(
    made_us: I64, p10_us: I64, p50_us: I64, p90_us: I64, arrived_us: I64, stop: I64, said_s: F64 | None = None
) -> list[Grade]:
    """Grades over all, then of each bucket that has predictions; `stop` tells one arrival's predictions from others'.

    `said_s` is what each expert said, rows x experts.

    Buckets are by the predicted time to go: what is asked is how good "in two hours" is.
    """
    error_s, ahead_s = (p50_us - arrived_us) / 1e6, (arrived_us - made_us) / 1e6
    expert_error_s = np.abs((np.empty((len(stop), 0)) if said_s is None else said_s) - ahead_s[:, None])
    inside = (p10_us <= arrived_us) & (arrived_us <= p90_us)
    order = np.lexsort((made_us, stop))
    moved = np.full(len(stop), np.nan)
    same = stop[order][1:] == stop[order][:-1]
    moved[order[1:]] = np.where(same, np.abs(np.diff(p50_us[order])) / 1e6, np.nan)
    of = out_bucket((p50_us - made_us) / 1e6)

    def over(rows: np.ndarray[tuple[int], np.dtype[np.bool_]], name: str) -> Grade:
        error, ahead, jitter = np.abs(error_s[rows]), ahead_s[rows], moved[rows]
        long = ahead >= 60.0  # a ratio of seconds says nothing
        return Grade(
            name,
            int(rows.sum()),
            _mean(error) / 60,
            _mean(error[long] / ahead[long]),
            _mean(error <= 900),
            _mean(error <= 1800),
            _mean(inside[rows]),
            _mean((p90_us - p10_us)[rows] / 1e6) / 60,
            _mean(jitter[~np.isnan(jitter)]) / 60,
            tuple(_mean(off[~np.isnan(off)]) / 60 for off in expert_error_s[rows].T),
        )

    found = [over(np.ones(len(stop), dtype=np.bool_), "all")]
    return found + [over(of == i, name) for i, name in enumerate(names()) if (of == i).any()]


def _mean(values: F64 | np.ndarray[tuple[int], np.dtype[np.bool_]]) -> float:
    return float(values.mean()) if len(values) else math.nan


def late_risk(p10_us: I64, p50_us: I64, p90_us: I64, window_end_us: I64) -> F64:
    """Probability that the arrival is after the window's end: a normal of its own width on either side of the middle.

    >>> hour = np.int64(3_600_000_000)
    >>> late_risk(0 * hour, hour, 4 * hour, np.array([0, 1, 4]) * hour).round(3).tolist()
    [0.9, 0.5, 0.1]
    """
    left = np.maximum(p50_us - p10_us, 1_000_000) / Z90
    right = np.maximum(p90_us - p50_us, 1_000_000) / Z90
    off = (window_end_us - p50_us) / np.where(window_end_us < p50_us, left, right)
    return np.asarray(0.5 * np.vectorize(math.erfc, otypes=[np.float64])(off / math.sqrt(2)))
