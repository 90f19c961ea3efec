"""How sure an arrival time is: adaptive conformal intervals by how far off the arrival is and how the trip goes.

The score of a prediction is log((observed + SOFT) / (predicted + SOFT)) of the time still to go: a ratio far out,
and in effect a number of seconds near by, where a ratio says nothing. The two ends and the middle are weighted
quantiles of the last scores, so that a prediction that is always early is moved as well as widened. The arrivals of
one trip err together: they count as one trip, however many they are. The middle is shrunk to the median of a
log-normal whose mean is right, since what is predicted is a mean. The levels asked of the ends are moved by every miss
(Gibbs and Candes, "Adaptive conformal inference under distribution shift", 2021).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from domain.readings import F64, I64

SOFT_S = 120.0
EDGES_S = np.array([600.0, 1800.0, 3600.0, 7200.0, 14400.0, 28800.0])  # hours-out buckets
KEEP = 384  # scores per bucket
FADE = 0.985  # weight of a trip's scores over that of the next newer one's: some 65 trips count
PER_TRIP = 6  # scores of a trip that are kept in a bucket, about
GAMMA = 0.02  # how far a trip that is missed moves the level
LEVELS = (0.1, 0.5, 0.9)
ENOUGH = round(1 / LEVELS[0]) - 1  # trips: the ends of a range that rests on fewer lie beyond all that was seen
LEVEL_MIN, LEVEL_MAX = 0.02, 0.98
HORIZONS = len(EDGES_S) + 1
CENTRES = np.log(np.sqrt(np.append(150.0, EDGES_S) * np.append(EDGES_S, 57600.0)))
CLASSES = 4  # known by way alone, by a plan; each under way, and before it has set out
# Of the prior: by way alone some 30 %, by a plan 13 % near by and 10 % further out. Soon outweighed.
PRIOR_SIGMA = np.tile([0.30] * 7 + [0.13] + [0.10] * 6, 2)
PRIOR_N = 24  # how many scores the prior is, worth PRIOR_TRIPS trips in the beginning
PRIOR_TRIPS = 4.0
TOGETHER = 10.0  # trips that err together, as those of a day do: a median of so many is believed like one
Z_WIDTH = 2.563  # from p10 to p90 of a normal
PRIOR = -1  # the trip of the prior's scores
Z = np.array([-1.96, -1.28, -0.97, -0.67, -0.32, 0.0, 0.0, 0.32, 0.67, 0.97, 1.28, 1.96])


def out_bucket(remaining_s: F64) -> I64:
    """Bucket of the time still to go.

    >>> out_bucket(np.array([0.0, 599.0, 600.0, 1e6])).tolist()
    [0, 0, 1, 6]
    """
    return np.searchsorted(EDGES_S, remaining_s, side="right").astype(np.int64)


def between(remaining_s: F64) -> tuple[I64, F64]:
    """The bucket whose middle is below a time to go, and how far it is on the way to the next one's, 0 to 1.

    For what is to go over smoothly from one bucket to the next.

    >>> low, share = between(np.array([0.0, 300.0, 1039.2, 1e6]))
    >>> low.tolist(), share.round(2).tolist()
    ([0, 0, 0, 5], [0.0, 0.0, 1.0, 1.0])
    """
    at = np.interp(np.log(np.maximum(remaining_s, 1.0)), CENTRES, np.arange(HORIZONS))
    low = np.minimum(at.astype(np.int64), HORIZONS - 2)
    return low, at - low


def score(observed_s: F64, predicted_s: F64) -> F64:
    """How far off a prediction was; 0 when it was right."""
    return np.log((np.maximum(observed_s, 0) + SOFT_S) / (np.maximum(predicted_s, 0) + SOFT_S))


@dataclass(frozen=True, slots=True)
class Settled:
    """Predictions and what came of them; one row each, columns are equally long.

    `arrival` numbers the arrivals they were about, `trip` tells trips apart: predictions of one trip err together.
    `predicted_s` is the mixture of what was `said_s` by each expert (rows x experts). `state` is 0 or 1 by way alone,
    under way or waiting to set out, 2 or 3 by a plan. `lane` is that of the leg which ends there.
    """

    arrival: I64
    trip: I64
    predicted_s: F64
    state: I64
    lane: I64
    said_s: F64
    observed_s: F64


@dataclass(frozen=True, slots=True)
class Ranges:
    """By class and hours-out bucket: the newest scores (newest last), their trips, and the level asked of each end."""

    scores: F64  # bucket x KEEP, NaN: none; see `row`
    trips: I64  # bucket x KEEP
    tally: F64  # bucket x 3, arrivals and trips seen, and trips without forgetting
    levels: F64  # bucket x 3
    ends: F64  # bucket x 3, the quantiles that follow from all

    @classmethod
    def prior(cls) -> Ranges:
        """Normal scores of the prior's width."""
        scores = np.full((len(PRIOR_SIGMA), KEEP), np.nan)
        scores[:, -PRIOR_N:] = PRIOR_SIGMA[:, None] * np.resize(Z, PRIOR_N)
        trips = np.full(scores.shape, PRIOR, dtype=np.int64)
        levels = np.tile(LEVELS, (len(PRIOR_SIGMA), 1))
        return cls(scores, trips, np.tile([1.0, 1.0, 0.0], (len(scores), 1)), levels, _ends(scores, trips, levels))

    def around(self, predicted_s: F64, state: I64) -> tuple[F64, F64, F64]:
        """The 10 % end, the middle and the 90 % end around each predicted time to go, none below 0."""
        ends = self.ends[row(predicted_s, state)]
        found = (np.maximum(predicted_s, 0) + SOFT_S)[:, None] * np.exp(ends) - SOFT_S
        np.maximum(found, 0.0, out=found)
        return found[:, 0], found[:, 1], found[:, 2]

    def experience(self, predicted_s: F64, state: I64) -> I64:
        """How many trips each range rests on: with fewer than ENOUGH the prior says where its ends are."""
        return np.asarray(self.tally[row(predicted_s, state), 2].astype(np.int64))

    def news(self, bucket: I64) -> F64:
        """How much an arrival tells, 1 where trips have one each: those of a trip err together."""
        return np.asarray(self.tally[bucket, 1] / self.tally[bucket, 0])

    def learn(self, settled: Settled) -> Ranges:
        """With the predictions that arrivals have settled; each arrival counts once per bucket."""
        if not len(settled.arrival):
            return self
        of = row(settled.predicted_s, settled.state)
        found = score(settled.observed_s, settled.predicted_s)
        order = np.lexsort((found, settled.arrival, of))
        of, found, arrival, trip = of[order], found[order], settled.arrival[order], settled.trip[order]
        first = np.flatnonzero(np.concatenate([[True], (of[1:] != of[:-1]) | (arrival[1:] != arrival[:-1])]))
        count = np.diff(np.append(first, len(of)))
        inside = (found[:, None] <= self.ends[of]).astype(np.float64)
        below = np.add.reduceat(inside, first) / count[:, None]
        middle = found[first + count // 2]  # one arrival, one score: its predictions err together
        trip = trip[first]
        scores, trips, levels, ends = self.scores.copy(), self.trips.copy(), self.levels.copy(), self.ends.copy()
        tally, touched = self.tally.copy(), np.unique(of)
        for each in touched.tolist():
            rows = np.flatnonzero(of[first] == each)
            rows = rows[np.lexsort((middle[rows], trip[rows]))][-KEEP:]
            new = ~np.isin(trip[rows], trips[each]) & np.append(True, np.diff(trip[rows]) != 0)
            count_new, faded = int(new.sum()), FADE ** int(new.sum())
            tally[each] = tally[each] * [faded, faded, 1.0] + [len(rows), count_new, count_new]
            share = float(tally[each, 1] / tally[each, 0])
            levels[each] += GAMMA * min(share, 1.0) * (np.array(LEVELS) - below[rows]).sum(axis=0)
            rows = rows[new | (_lot(middle[rows]) < PER_TRIP * share)]
            scores[each] = np.concatenate([scores[each], middle[rows]])[-KEEP:]
            trips[each] = np.concatenate([trips[each], trip[rows]])[-KEEP:]
        levels = np.clip(levels, LEVEL_MIN, LEVEL_MAX)
        levels[:, 1] = LEVELS[1]
        ends[touched] = _ends(scores[touched], trips[touched], levels[touched])
        return replace(self, scores=scores, trips=trips, tally=tally, levels=levels, ends=ends)


def _lot(value: F64) -> F64:
    """A number from 0 to 1 that looks drawn, and is always the same for a value."""
    mixed = value.view(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return np.asarray((mixed >> np.uint64(40)).astype(np.float64) / 2.0**24)


def row(predicted_s: F64, state: I64) -> I64:
    """Bucket of a prediction; `state` as in `Settled`."""
    return out_bucket(predicted_s) + (state % 2 * 2 + state // 2) * HORIZONS


def _ends(scores: F64, trips: I64, levels: F64) -> F64:
    """Weighted quantiles of each bucket's scores, interpolated."""
    out = np.empty_like(levels)
    for each in range(len(scores)):
        known = ~np.isnan(scores[each])
        value, trip = scores[each][known], trips[each][known]
        each_trip, where, count = np.unique(trip, return_inverse=True, return_counts=True)
        newest = np.zeros(len(count), dtype=np.int64)
        np.maximum.at(newest, where, np.arange(len(trip)))
        age = np.argsort(np.argsort(-newest))
        fade = min(FADE, 1.0 - 2.0 / (len(count) + 1.0))  # the first trips were predicted with little experience
        weight = (fade**age / count * np.where(each_trip == PRIOR, PRIOR_TRIPS, 1.0))[where]
        order = np.argsort(value, kind="stable")
        share = (np.cumsum(weight[order]) - weight[order] / 2) / weight.sum()
        out[each] = np.interp(levels[each], share, value[order])
        p10, p90 = np.interp([0.1, 0.9], share, value[order])
        sigma = (p90 - p10) / Z_WIDTH
        skew = -0.5 * sigma**2  # from the mean to the median of a log-normal
        number = 1.0 / float(np.square(np.bincount(where, weight) / weight.sum()).sum())
        apart = (out[each, 1] - skew) ** 2
        out[each, 1] = skew + (out[each, 1] - skew) * apart / (apart + TOGETHER * sigma**2 / number + 1e-12)
    return np.sort(out, axis=1)
