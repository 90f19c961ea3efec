"""Several ways to tell an arrival time, mixed by how good each has been: never much worse than the best of them.

Each expert says how long it takes to a stop. The mixture is their mean, weighted by exp(-eta x loss), where an
expert's loss is the sum of its absolute errors over arrivals, with forgetting, in units of the best one's mean error
(Hedge: Freund and Schapire, "A decision-theoretic generalization of on-line learning", 1997; the scale is found as in
AdaHedge: de Rooij et al., "Follow the leader if you can, hedge if you must", 2014). Losses are kept by horizon and by
lane. Since the absolute error is convex, the loss of the mean is at most the mean of the losses, and over n arrivals
it exceeds the best expert's by some sqrt(n ln N) units for N experts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from domain.readings import F64, I64, Bool
from tracker.rules.ranges import EDGES_S, Ranges, Settled, between, out_bucket, row

NAMES = ("learned", "own_pace", "recovering", "plan_and_delay", "plan")
COUNT = len(NAMES)
ETA = 1.0  # for a loss of the best one's mean error
LEAST_S = 10.0  # errors below are as good as none
MOST = 5.0  # an error counts as no more than so many times that of the middle expert: breakdowns decide nothing
FADE = 0.99  # of a loss, by each newer one of its kind
ALL_SHARE = 0.5  # how much the losses of all lanes count beside a lane's own
PRIOR = np.log([1 / 6, 1 / 6, 1 / 4, 1 / 6, 1 / 4])  # that a delay goes on (three), or is made up (two): as likely
LANES_MAX = 50_000
KINDS = len(EDGES_S) + 1


@dataclass(frozen=True, slots=True)
class Experts:
    """Sums of absolute errors, and of how many, by class and horizon, and by lane and horizon (sorted keys)."""

    by_horizon: F64  # classes x horizons x (experts, count)
    key: I64
    by_lane: F64  # lanes x (experts, count)
    loss: F64  # classes x horizons x experts, what follows from them
    lane_loss: F64  # lanes x experts

    CLASSES: ClassVar[int] = 2  # known by way alone, by a plan

    @classmethod
    def none(cls) -> Experts:
        """No losses yet: all count the same."""
        return cls.of(np.zeros((cls.CLASSES, KINDS, COUNT + 1)), np.empty(0, np.int64), np.empty((0, COUNT + 1)))

    @classmethod
    def of(cls, by_horizon: F64, key: I64, by_lane: F64) -> Experts:
        """From the sums."""
        return cls(by_horizon, key, by_lane, ALL_SHARE * _units(by_horizon) - PRIOR / ETA, _units(by_lane))

    def mixed(self, said_s: F64, planned: I64, lane: I64) -> F64:
        """The mean of what experts say (predictions x experts, NaN: nothing), weighted by how good each has been.

        Their losses go over smoothly from one horizon to the next.
        """
        said, known = said_s.T, ~np.isnan(said_s.T)
        some: Bool = np.asarray(known.any(axis=1))  # without a timetable and without roads there are two
        if not some.all():
            said, known = said[some], known[some]
        low, along = between(_middle(said.T))
        kind, losses = planned * KINDS + low, self.loss.reshape(-1, COUNT).T[some]
        near, far = losses[:, kind], losses[:, kind + 1]
        if len(self.key):
            at, there = self._find(keyed(lane, low))
            near = near + self._of_lane(at, there, some)
            at = at + there  # keys of one lane stand together: that of the next horizon is the next one, if any
            there = self.key[np.minimum(at, len(self.key) - 1)] == keyed(lane, low + 1)
            far = far + self._of_lane(at, there, some)
        loss = near + along * (far - near)
        if not known.all():
            loss[~known], said = np.inf, np.where(known, said, 0.0)
        weight = np.exp(-ETA * (loss - loss.min(axis=0)))
        return np.asarray((said * weight).sum(axis=0) / weight.sum(axis=0))

    def _find(self, key: I64) -> tuple[I64, Bool]:
        """Where each key stands or would stand, and whether it does."""
        at = np.searchsorted(self.key, key)
        return at, self.key[np.minimum(at, len(self.key) - 1)] == key

    def _of_lane(self, at: I64, there: Bool, some: Bool) -> F64:
        """Losses by lane of some experts, experts x predictions; none where there is no such key."""
        found = np.take(self.lane_loss, np.minimum(at, len(self.key) - 1), axis=0)
        return np.asarray(found.T[some] * there)

    def learn(self, settled: Settled, ranges: Ranges) -> Experts:
        """With predictions that arrivals have settled; each arrival counts once per horizon, as far as it is news."""
        if not len(settled.arrival):
            return self
        off = np.abs(settled.said_s - settled.observed_s[:, None])
        usual = _middle(off)[:, None]
        off = np.minimum(np.where(np.isnan(off), usual, off), MOST * usual)  # who says nothing is as good as most
        by_horizon, key, by_lane = self.by_horizon.copy(), self.key, self.by_lane
        horizon, bucket = out_bucket(_middle(settled.said_s)), row(settled.observed_s, settled.state)
        of = np.column_stack([settled.arrival, settled.state // 2, horizon, settled.lane, bucket, settled.trip])
        each, where = np.unique(of, axis=0, return_inverse=True)
        count = np.bincount(where.ravel(), minlength=len(each))
        mean = np.column_stack([np.bincount(where.ravel(), column, len(each)) / count for column in off.T])
        mean = np.column_stack([mean, np.ones(len(mean))])
        weight = np.minimum(ranges.news(each[:, 4]), 1.0)  # a trip is one round
        for (_, kind, out, *_), errors, new in zip(each.tolist(), mean, weight.tolist(), strict=True):
            by_horizon[kind, out] = by_horizon[kind, out] * FADE**new + new * errors
        keys, back = np.unique(keyed(each[:, 3], each[:, 2]), return_inverse=True)
        fresh = np.setdiff1d(keys, key)
        if len(fresh):
            order = np.argsort(np.concatenate([key, fresh]), kind="stable")
            by_lane = np.concatenate([by_lane, np.zeros((len(fresh), COUNT + 1))])[order]
            key = np.concatenate([key, fresh])[order]
        at = np.searchsorted(key, keys)
        by_lane = by_lane.copy()
        by_lane[at] *= FADE
        np.add.at(by_lane, at[back.ravel()], mean)
        if len(key) > LANES_MAX:
            keep = np.sort(np.argsort(by_lane[:, -1], kind="stable")[-LANES_MAX:])
            key, by_lane = key[keep], by_lane[keep]
        return Experts.of(by_horizon, key, by_lane)


def _units(summed: F64) -> F64:
    """Losses over those of the best, in units of its mean."""
    loss, count = summed[..., :-1], summed[..., -1:]
    best = np.maximum(loss.min(axis=-1, keepdims=True), LEAST_S * count + 1e-9)
    return np.asarray(np.maximum(loss - best, 0.0) / best * count)


def _middle(said_s: F64) -> F64:
    """What half of the experts exceed: the horizon must be known before the arrival is."""
    if said_s.shape[1] == 2 and not np.isnan(said_s).any():
        return np.asarray((said_s[:, 0] + said_s[:, 1]) / 2)
    ordered = np.sort(said_s, axis=1)  # NaN last
    count = (~np.isnan(said_s)).sum(axis=1)
    row = np.arange(len(said_s))
    return np.asarray((ordered[row, (count - 1) // 2] + ordered[row, count // 2]) / 2)


def keyed(lane: I64, horizon: I64) -> I64:
    """A number for a lane at a horizon."""
    return np.asarray(lane * np.int64(8) + horizon)
