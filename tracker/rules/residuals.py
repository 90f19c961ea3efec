"""What experience adds to a base travel time: ratios by lane and hour, each shrunk to what is known of its parents.

    observed / base = all x hour x lane x lane in that hour x drift x noise

What is learned is a ratio of sums (legs of unequal length count by it): expected times are means and add up over the
legs of a trip, as medians would not. An effect is (sum of ratios + k x parent) / (weight + k): conjugate
shrinkage of a mean to that of its parent (Buehlmann credibility). What was seen is forgotten exponentially.
Observations of one call are held against what was known before it, so their order does not matter.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from domain.readings import F64, I64

DAY_US = 86_400_000_000
FORGET_US = 21 * DAY_US
SHRINK = (10.0, 8.0, 20.0, 20.0, 2.0, 8.0)  # k of all, hour, origin, goal, lane, lane x hour
FULL_S = 300.0  # a leg of this length counts half: the noise of stops and lights adds up, that of traffic goes along
KEYS_MAX = 100_000  # lanes x buckets kept; the least known of go first
BUCKETS = 16  # 3 hours, on weekdays and at weekends
SETTLE_N = 20.0
DRIFT_FORGET_US = 2 * DAY_US  # what was new is old after some days
SEEN_MAX = 2.3  # logarithm; an observation further off is taken for this far off: breakdowns teach nothing of roads


def bucket(t_us: I64, lon: F64) -> I64:
    """Part of the week, 0 to 15: 3 hours of local mean solar time, weekdays then weekends.

    >>> bucket(np.array([0, 2 * 86_400_000_000]), np.array([0.0, 0.0])).tolist()
    [0, 8]
    """
    local = t_us + np.rint(np.asarray(lon) / 15.0 * 3600.0).astype(np.int64) * 1_000_000
    weekend = (local // DAY_US + 3) % 7 >= 5
    return np.asarray(local % DAY_US // (3 * 3_600_000_000) + 8 * weekend).astype(np.int64)


class Lane(NamedTuple):
    """A way between two places, as numbers that stay the same: of the lane itself and of the areas at its ends."""

    number: I64
    origin: I64
    goal: I64
    lon: F64


def area(lat: F64 | float, lon: F64 | float) -> I64:
    """The square of some 5 km a place lies in.

    >>> int(area(np.array([60.17]), np.array([24.92]))[0]) == int(area(np.array([60.18]), np.array([24.94]))[0])
    True
    """
    south, west = (np.floor(np.asarray(degrees) * 20).astype(np.int64) for degrees in (lat, lon))
    return np.asarray(south * 100_000 + west)


@dataclass(frozen=True, slots=True)
class Level:
    """One kind of effect: by key (sorted) how often it was seen, the sum of what was seen, and when it was decayed."""

    key: I64
    n: F64
    total: F64
    t_us: I64

    @classmethod
    def empty(cls) -> Level:
        """Nothing seen."""
        i, f = np.empty(0, np.int64), np.empty(0)
        return cls(i, f, f, i)

    def mean(self, key: I64, t_us: I64, k: float, prior: F64 | float) -> F64:
        """The mean of what was seen for each key, at a time, shrunk to `prior`; that where nothing was seen."""
        if not len(self.key):
            return np.zeros(len(key)) + prior
        at = np.minimum(np.searchsorted(self.key, key), len(self.key) - 1)
        fresh = np.exp(-np.maximum(t_us - self.t_us[at], 0) / FORGET_US) * (self.key[at] == key)
        return np.asarray((self.total[at] * fresh + k * prior) / (self.n[at] * fresh + k))

    def learn(self, key: I64, value: F64, weight: F64, t_us: int) -> Level:
        """With these values seen at `t_us` or shortly before; a weight of 1 is one full observation."""
        keys, where = np.unique(np.concatenate([self.key, key]), return_inverse=True)
        n, total, at = np.zeros(len(keys)), np.zeros(len(keys)), np.full(len(keys), t_us, dtype=np.int64)
        old, new = where[: len(self.key)], where[len(self.key) :]
        n[old], total[old], at[old] = self.n, self.total, self.t_us
        touched = np.unique(new)
        fresh = np.exp(-np.maximum(t_us - at[touched], 0) / FORGET_US)
        n[touched] *= fresh
        total[touched] *= fresh
        at[touched] = np.maximum(t_us, at[touched])
        order = np.lexsort((weight, value, new))  # sums do not depend on the order given
        np.add.at(n, new[order], weight[order])
        np.add.at(total, new[order], (weight * value)[order])
        if len(keys) > KEYS_MAX:
            keep = np.sort(np.argsort(n * np.exp((at - t_us) / FORGET_US), kind="stable")[-KEYS_MAX:])
            keys, n, total, at = keys[keep], n[keep], total[keep], at[keep]
        return Level(keys, n, total, at)


@dataclass(frozen=True, slots=True)
class Residuals:
    """All levels, and the drift: how the last observations of all lanes differed from what was expected of them."""

    levels: tuple[Level, ...]
    drift: float = 0.0  # logarithm
    drift_us: int = 0  # when it was seen

    DRIFT_STEP = 0.02  # a change for all is believed after some 50 arrivals

    @classmethod
    def empty(cls) -> Residuals:
        """Nothing known: every ratio is 1."""
        return cls((Level.empty(),) * len(SHRINK))

    def ratio(self, lane: Lane, part: I64, t_us: I64) -> F64:
        """Expected observed / base for each lane in its part of the week."""
        steady, hour = self._steady(lane, part, t_us)
        return steady * hour * np.exp(self._drift(t_us))

    def _steady(self, lane: Lane, part: I64, t_us: I64) -> tuple[F64, F64]:
        """The ratio without hour and drift, and that of the hour."""
        of = list(zip(self.levels, keys(lane, part), SHRINK, strict=True))

        def mean(level: int, prior: F64 | float) -> F64:
            known, key, k = of[level]
            return known.mean(key, t_us, k, prior)

        every = mean(0, 1.0)
        ends = np.sqrt(mean(2, every) * mean(3, every))  # half of each end's area
        return mean(5, mean(4, ends)), mean(1, 1.0)

    def _drift(self, t_us: I64) -> F64:
        return np.asarray(self.drift * np.exp(-np.abs(t_us - self.drift_us) / DRIFT_FORGET_US))

    def learn(self, lane: Lane, part: I64, seen: F64, weight: F64, t_us: int, settled: float = 1.0) -> Residuals:
        """With these observed / base. The hour takes what lanes leave unexplained, lanes what the hour leaves.

        `weight` is that of `weight_of`; `settled` is how much the base itself is to be believed.
        """
        if not len(part):
            return self
        at = np.full(len(part), t_us, dtype=np.int64)
        seen = np.clip(seen, np.exp(-SEEN_MAX), np.exp(SEEN_MAX))
        steady, hour = self._steady(lane, part, at)
        drift = np.exp(self._drift(at))
        surprise = np.sort(weight * np.clip(seen / (steady * hour * drift) - 1.0, -1.0, SEEN_MAX)).sum()
        values = (seen / (hour * drift), seen / (steady * drift), *[seen / (hour * drift)] * 4)
        own = np.full(len(seen), settled)
        weights = (weight * settled,) * 4 + (own, own)  # lights and stops are a lane's own, however short it is
        levels = [
            level.learn(key, value, each, t_us)
            for level, key, value, each in zip(self.levels, keys(lane, part), values, weights, strict=True)
        ]
        total = np.sort(weight).sum()
        kept = (1.0 - self.DRIFT_STEP) ** total
        moved = float(self._drift(at)[0]) + (1.0 - kept) * float(surprise / max(total, 1e-9))
        return replace(self, levels=tuple(levels), drift=moved, drift_us=t_us)


def weight_of(base_s: F64) -> F64:
    """How much a leg of this length teaches, 0 to 1.

    >>> weight_of(np.array([0.0, 300.0, 2700.0])).tolist()
    [0.0, 0.5, 0.9]
    """
    return np.asarray(base_s / (base_s + FULL_S))


def keys(lane: Lane, part: I64) -> tuple[I64, ...]:
    """The key of each observation on each level."""
    mixed = (lane.number ^ np.int64(0x2545F4914F6CDD1D)) * np.int64(31) + part
    return np.zeros_like(part), part, lane.origin, lane.goal, lane.number, mixed


@dataclass(frozen=True, slots=True)
class Curve:
    """Travel time by way and direction where no route tells it, learned by ridge regression.

        log t = a + b log(way / 5 km) + (c cos 2 bearing + d sin 2 bearing) exp(-way / 5 km)

    Short ways are slow (b < 1); where streets form a grid one direction is faster than that across it, until the way is
    long enough for a faster road. The prior is a truck's, 10 m/s over 5 km, worth `PRIOR_N` trips.
    """

    xx: F64  # 4 x 4, sums of products of the four terms
    xy: F64

    PRIOR = (6.2, 0.85, 0.0, 0.0)
    PRIOR_N = (0.5, 1.0, 3.0, 3.0)
    FORGET = 0.998  # per trip

    @classmethod
    def prior(cls) -> Curve:
        """Nothing learned."""
        weight = np.array(cls.PRIOR_N)
        return cls(np.diag(weight), weight * np.array(cls.PRIOR))

    @property
    def settled(self) -> float:
        """How much it is to be believed, 0 to 1: against a curve that still moves, residuals mean little."""
        n = float(self.xx[0, 0]) - self.PRIOR_N[0]
        return n / (n + SETTLE_N)

    def travel_s(self, way_m: F64, bearing_rad: F64) -> F64:
        """Expected travel time, 0 for no way; a bearing of NaN is any.

        >>> Curve.prior().travel_s(np.array([0.0, 5000.0]), np.array([np.nan, 0.0])).round().tolist()
        [0.0, 493.0]
        """
        expected = np.exp(_terms(way_m, bearing_rad) @ np.linalg.solve(self.xx, self.xy))
        return np.asarray(np.where(way_m > 0, expected, 0.0))

    def learn(self, way_m: F64, bearing_rad: F64, travel_s: F64) -> Curve:
        """With these trips."""
        order = np.lexsort((travel_s, bearing_rad, way_m))
        x, taken = _terms(way_m[order], bearing_rad[order]), np.log(np.maximum(travel_s[order], 1.0))
        expected = x @ np.linalg.solve(self.xx, self.xy)
        y = expected + np.clip(taken - expected, -SEEN_MAX, SEEN_MAX)
        kept = self.FORGET ** len(order)
        floor = (1.0 - kept) * np.diag(self.PRIOR_N)  # the prior itself is not forgotten
        return Curve(
            self.xx * kept + floor + x.T @ x, self.xy * kept + floor @ np.array(self.PRIOR) + (x * y[:, None]).sum(0)
        )


def _terms(way_m: F64, bearing_rad: F64) -> F64:
    double = 2 * np.nan_to_num(bearing_rad)
    near = np.where(np.isnan(bearing_rad), 0.0, np.exp(-way_m / 5000.0))
    size = np.log(np.maximum(way_m, 10.0) / 5000.0)
    return np.column_stack([np.ones(len(way_m)), size, near * np.cos(double), near * np.sin(double)])
