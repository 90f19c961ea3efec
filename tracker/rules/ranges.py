"""How sure an arrival time is: adaptive conformal intervals, the two ends apart, by how far off the arrival is.

The score of a prediction is log((observed + SOFT) / (predicted + SOFT)) of the time still to go: a ratio far out,
and in effect a number of seconds near by, where a ratio says nothing. Each end is a weighted quantile of the last
scores whose level is moved by every miss (Gibbs and Candès, "Adaptive conformal inference under distribution shift",
2021).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from domain.readings import F64, I64, Bool

SOFT_S = 120.0
EDGES_S = np.array([600.0, 1800.0, 3600.0, 7200.0, 14400.0, 28800.0])  # hours-out buckets
KEEP = 256  # scores per bucket
FADE = 0.985  # weight of a score over that of the next newer one: some 65 count
GAMMA = 0.02  # how far a miss moves the level
LEVELS = (0.1, 0.9)
LEVEL_MIN, LEVEL_MAX = 0.02, 0.98
# Known by way alone; by a route or timetable: fitted to two recorded bus trips (docs/eta.md). Soon outweighed.
PRIOR_SIGMA = np.array([0.30] * 7 + [0.13] + [0.095] * 6)
PRIOR_N = 24  # how many scores the prior is worth in the beginning
Z = np.array([-1.96, -1.28, -0.97, -0.67, -0.32, 0.0, 0.0, 0.32, 0.67, 0.97, 1.28, 1.96])


def out_bucket(remaining_s: F64) -> I64:
    """Bucket of the time still to go.

    >>> out_bucket(np.array([0.0, 599.0, 600.0, 1e6])).tolist()
    [0, 0, 1, 6]
    """
    return np.searchsorted(EDGES_S, remaining_s, side="right").astype(np.int64)


def score(observed_s: F64, predicted_s: F64) -> F64:
    """How far off a prediction was; 0 when it was right."""
    return np.log((np.maximum(observed_s, 0) + SOFT_S) / (np.maximum(predicted_s, 0) + SOFT_S))


@dataclass(frozen=True, slots=True)
class Ranges:
    """By hours-out bucket: the newest scores (newest last), and the level asked of each end."""

    scores: F64  # bucket x KEEP, NaN: none; first the buckets of what is known by way alone, then of the planned
    levels: F64  # bucket x 2
    ends: F64  # bucket x 2, the quantiles that follow from both

    @classmethod
    def prior(cls) -> Ranges:
        """Normal scores of the prior's width."""
        scores = np.full((len(PRIOR_SIGMA), KEEP), np.nan)
        scores[:, -PRIOR_N:] = PRIOR_SIGMA[:, None] * np.resize(Z, PRIOR_N)
        levels = np.tile(LEVELS, (len(PRIOR_SIGMA), 1))
        return cls(scores, levels, _ends(scores, levels))

    def around(self, predicted_s: F64, planned: Bool) -> tuple[F64, F64]:
        """The 10 % and 90 % ends around each predicted time to go; never beyond it on the wrong side, never below 0."""
        ends = self.ends[_row(predicted_s, planned)]
        soft = np.maximum(predicted_s, 0) + SOFT_S
        low = np.clip(soft * np.exp(np.minimum(ends[:, 0], 0.0)) - SOFT_S, 0.0, predicted_s)
        return low, np.maximum(soft * np.exp(np.maximum(ends[:, 1], 0.0)) - SOFT_S, predicted_s)

    def learn(self, arrival: I64, predicted_s: F64, planned: Bool, observed_s: F64) -> Ranges:
        """With the predictions that arrivals have settled; `arrival` numbers them, each counts once per bucket."""
        if not len(arrival):
            return self
        of, found = _row(predicted_s, planned), score(observed_s, predicted_s)
        order = np.lexsort((found, arrival, of))
        of, found, arrival = of[order], found[order], arrival[order]
        first = np.flatnonzero(np.concatenate([[True], (of[1:] != of[:-1]) | (arrival[1:] != arrival[:-1])]))
        count = np.diff(np.append(first, len(of)))
        inside = np.column_stack([found <= self.ends[of, 0], found <= self.ends[of, 1]]).astype(np.float64)
        below = np.add.reduceat(inside, first) / count[:, None]
        middle = found[first + count // 2]  # one arrival, one score: its predictions err together
        levels, scores = self.levels.copy(), self.scores.copy()
        np.add.at(levels, of[first], GAMMA * (np.array(LEVELS) - below))
        levels = np.clip(levels, LEVEL_MIN, LEVEL_MAX)
        touched = np.unique(of)
        for each in touched:
            new = np.sort(middle[of[first] == each])[-KEEP:]
            scores[each] = np.concatenate([scores[each], new])[-KEEP:]
        ends = self.ends.copy()
        ends[touched] = _ends(scores[touched], levels[touched])
        return replace(self, scores=scores, levels=levels, ends=ends)


def _row(predicted_s: F64, planned: Bool) -> I64:
    return out_bucket(predicted_s) + np.where(planned, len(EDGES_S) + 1, 0)


def _ends(scores: F64, levels: F64) -> F64:
    """Weighted quantiles of each bucket's scores, interpolated."""
    weight = FADE ** np.arange(scores.shape[1])[::-1] * ~np.isnan(scores)
    order = np.argsort(scores, axis=1)
    values, weights = np.take_along_axis(scores, order, 1), np.take_along_axis(weight, order, 1)
    middle = np.cumsum(weights, axis=1) - weights / 2
    share = middle / weights.sum(axis=1, keepdims=True)
    out = np.empty_like(levels)
    for row in range(len(scores)):
        n = int((~np.isnan(values[row])).sum())
        out[row] = np.interp(levels[row], share[row, :n], values[row, :n])
    return out
