"""What may be wanted and how long it may take: draws from what was seen, as sure as that is. Pure.

Each path of a draw has a world of its own (a resample of the history, of the past lead times), so that what is read off
all paths together allows for a history that is short. The same seed gives the same draws, each item its own whatever
stands beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike

from domain.readings import F64, I64
from planning.replenishment.normal import StockError, check

SHRINK = 10
"""So many lead times of its own weigh as much as all of the parent's, as for carriers' lanes."""
LEAD_DAYS_MAX = 400


class Demands(Protocol):
    """Demand of many items, a day at a time."""

    @property
    def count(self) -> int:
        """How many items."""

    def draw(self, item: int, rng: np.random.Generator, paths: int, days: int) -> F64:
        """(paths, days) of an item."""

    def moments(self, item: int) -> tuple[float, float]:
        """Mean and deviation of a day of an item."""


@dataclass(frozen=True)
class Histories:
    """What was wanted on past days, an array for each item; NaN where nobody knows (nothing was there to sell).

    Drawn in blocks of some days, so that a rhythm of the week stays one; without `block_days` in blocks of a week where
    a day is like those seven days apart, else day by day, which is less noisy.
    """

    daily: Sequence[F64]
    block_days: int | None = None

    def __post_init__(self) -> None:
        if self.block_days is not None and self.block_days < 1:
            raise StockError("block_days: a block has a day at least")
        for n, each in enumerate(self.daily):
            known = each[~np.isnan(each)]
            if not known.size or (known < 0).any() or not np.isfinite(known).all():
                raise StockError(f"item {n}: its history has no known day, or one of less than nothing")

    @property
    def count(self) -> int:
        """How many items."""
        return len(self.daily)

    def draw(self, item: int, rng: np.random.Generator, paths: int, days: int) -> F64:
        """(paths, days): each path knows a resample of the blocks, and draws of those."""
        past = self.daily[item]
        past = past[~np.isnan(past)]
        block = min(self.block_days or rhythm(past), past.size)
        blocks, needed = -(-past.size // block), -(-days // block)
        known = rng.integers(0, past.size, (paths, blocks), dtype=np.int32)
        chosen = np.take_along_axis(known, rng.integers(0, blocks, (paths, needed), dtype=np.int32), axis=1)
        at = (chosen[:, :, None] + np.arange(block, dtype=np.int32)) % past.size
        return np.asarray(past[at.reshape(paths, -1)[:, :days]])

    def moments(self, item: int) -> tuple[float, float]:
        """Of the days that are known."""
        return float(np.nanmean(self.daily[item])), float(np.nanstd(self.daily[item]))


@dataclass(frozen=True)
class Forecasts:
    """A forecast: (items, days) mean and deviation of a day, negative binomial; what is after its last week repeats it.

    `level_share`: by what share of itself the level of all days together may be wrong (one deviation).
    """

    mean: F64
    deviation: F64
    level_share: float = 0.0

    def __post_init__(self) -> None:
        check(mean=self.mean, deviation=self.deviation, level_share=self.level_share)
        if self.mean.ndim != 2 or self.mean.shape != self.deviation.shape or not self.mean.shape[1]:
            raise StockError("mean, deviation: (items, days), the same of both, a day at least")

    @property
    def count(self) -> int:
        """How many items."""
        return len(self.mean)

    def draw(self, item: int, rng: np.random.Generator, paths: int, days: int) -> F64:
        """(paths, days): gamma and Poisson, Poisson alone where the deviation is no more than that."""
        at = _repeated(self.mean.shape[1], days)
        mean, variance = self.mean[item, at], self.deviation[item, at] ** 2
        if self.level_share:
            sure = 1 / self.level_share**2
            mean = mean * rng.gamma(sure, 1 / sure, (paths, 1))
        over = np.maximum(variance - self.mean[item, at], 0)
        shape = self.mean[item, at] ** 2 / np.maximum(over, 1e-9)
        wide = (over > 1e-9) & (self.mean[item, at] > 0)
        shape = np.where(wide, shape, 1)
        rate = np.where(wide, mean * rng.gamma(shape, 1, (paths, days)) / shape, mean)
        return np.asarray(rng.poisson(rate), float)

    def moments(self, item: int) -> tuple[float, float]:
        """Of all days together."""
        mean = float(self.mean[item].mean())
        square = float((self.deviation[item] ** 2 + self.mean[item] ** 2).mean())
        return mean, max(square - mean**2, 0.0) ** 0.5


@dataclass(frozen=True)
class Quantiles:
    """A forecast by quantiles: `shares` that rise, (items, days, shares) values that do; straight lines between.

    Beyond the outermost the line to it goes on, never below nothing. Days of a path are wrong together by `together`
    (0: each by itself, 1: all by the same).
    """

    shares: F64
    values: F64
    together: float = 0.3

    def __post_init__(self) -> None:
        inside = (self.shares > 0) & (self.shares < 1)
        if self.shares.size < 2 or not inside.all() or (np.diff(self.shares) <= 0).any():
            raise StockError("shares: two at least, rising between 0 and 1")
        if self.values.ndim != 3 or self.values.shape[2] != self.shares.size or not self.values.shape[1]:
            raise StockError("values: (items, days, shares)")
        check(values=self.values)
        if (np.diff(self.values) < 0).any():
            raise StockError("values: quantiles of a day cross")

    @property
    def count(self) -> int:
        """How many items."""
        return len(self.values)

    def draw(self, item: int, rng: np.random.Generator, paths: int, days: int) -> F64:
        """(paths, days), not rounded."""
        own, whole = rng.random((paths, days)), rng.random((paths, 1))
        share = np.where(rng.random((paths, days)) < self.together, whole, own)
        values = self.values[item, _repeated(self.values.shape[1], days)]
        low = np.clip(np.searchsorted(self.shares, share) - 1, 0, self.shares.size - 2)
        day = np.arange(days)
        left, right = values[day, low], values[day, low + 1]
        slope = (right - left) / (self.shares[low + 1] - self.shares[low])
        return np.asarray(np.maximum(left + (share - self.shares[low]) * slope, 0))

    def moments(self, item: int) -> tuple[float, float]:
        """Of draws, which are always the same."""
        drawn = self.draw(item, np.random.default_rng([item, 3]), 200, 56)
        return float(drawn.mean()), float(drawn.std())


@dataclass(frozen=True)
class Each:
    """Items of several of these, one after the other: (demands, which of its items)."""

    parts: Sequence[tuple[Demands, int]]

    @property
    def count(self) -> int:
        """How many items."""
        return len(self.parts)

    def draw(self, item: int, rng: np.random.Generator, paths: int, days: int) -> F64:
        """(paths, days) of an item."""
        demands, at = self.parts[item]
        return demands.draw(at, rng, paths, days)

    def moments(self, item: int) -> tuple[float, float]:
        """Of an item."""
        demands, at = self.parts[item]
        return demands.moments(at)


@dataclass(frozen=True)
class LeadTimes:
    """Past lead times in days: of each item its lane's, and those of what is more general (its supplier, all lanes).

    A draw is of the lane by n / (n + 10), else of the more general ones; where there is one of them only, of that.
    """

    lanes: Sequence[F64]
    general: Sequence[F64]

    def __post_init__(self) -> None:
        if len(self.lanes) != len(self.general):
            raise StockError("lanes, general: each item has one of each")
        for n, both in enumerate(zip(self.lanes, self.general, strict=True)):
            if not any(each.size for each in both):
                raise StockError(f"item {n}: no lead time is known")
            if not all(((each >= 0) & (each <= LEAD_DAYS_MAX)).all() for each in both):
                raise StockError(f"item {n}: a lead time is from 0 to {LEAD_DAYS_MAX} days")

    def draw(self, item: int, rng: np.random.Generator, paths: int, count: int) -> I64:
        """(paths, count) whole days, 1 at least: what comes during a day is there when it ends."""
        own, general = self.lanes[item], self.general[item]
        found = self._of(own if own.size else general, rng, paths, count)
        if own.size and general.size:
            other = rng.random((paths, count)) < SHRINK / (own.size + SHRINK)
            found = np.where(other, self._of(general, rng, paths, count), found)
        return np.maximum(np.ceil(found - 1e-9), 1).astype(np.int64)

    @staticmethod
    def _of(past: F64, rng: np.random.Generator, paths: int, count: int) -> F64:
        known = rng.integers(0, past.size, (paths, past.size), dtype=np.int32)
        chosen = np.take_along_axis(known, rng.integers(0, past.size, (paths, count), dtype=np.int32), axis=1)
        return np.asarray(past[chosen])

    def moments(self, item: int) -> tuple[float, float]:
        """Mean and deviation, leaning on the more general ones as draws do."""
        own, general = self.lanes[item], self.general[item]
        weight = own.size / (own.size + SHRINK) if general.size else 1.0
        parts = [(weight, own), (1 - weight, general)]
        mean = sum(w * float(x.mean()) for w, x in parts if x.size)
        square = sum(w * float((x**2).mean()) for w, x in parts if x.size)
        return mean, max(square - mean**2, 0.0) ** 0.5


class LeadTimeDemand(NamedTuple):
    """(draws,) of what is wanted while one waits, and of what the position was below the point when one ordered."""

    demand: F64
    undershoot: F64


def lead_time_demand(
    demands: Demands, leads: LeadTimes, item: int, seed: int, review_days: int = 1, draws: int = 2_000
) -> LeadTimeDemand:
    """What a reorder point must last for, each draw by itself: orders do not overtake one another here.

    The undershoot is the rest of the demand of a review that crossed the point: one drawn with a chance that goes by
    its size, then evenly from none of it to all but the last unit.
    """
    rng = np.random.default_rng([seed, item])
    lead = leads.draw(item, rng, draws, 1)[:, 0]
    days = int(lead.max())
    wanted = np.concatenate((np.zeros((draws, 1)), demands.draw(item, rng, draws, days).cumsum(axis=1)), axis=1)
    crossing = demands.draw(item, rng, draws, review_days).sum(axis=1)
    weight = crossing.cumsum()
    if not weight[-1]:
        return LeadTimeDemand(wanted[np.arange(draws), lead], np.zeros(draws))
    size = crossing[np.searchsorted(weight, rng.random(draws) * weight[-1], side="right").clip(0, draws - 1)]
    rest = rng.random(draws) * size
    whole = bool((crossing == np.rint(crossing)).all())
    return LeadTimeDemand(wanted[np.arange(draws), lead], np.floor(rest) if whole else rest)


def rhythm(past: F64) -> int:
    """7 where days are like their neighbours or like those a week apart, beyond what chance does in 1 of 1 000; else 1.

    >>> rhythm(np.tile([0.0, 5, 5, 5, 5, 9, 1], 20)), rhythm(np.random.default_rng(1).poisson(5, 140).astype(float))
    (7, 1)
    """
    centred = past - past.mean()
    power = float(centred @ centred)
    if past.size < 28 or not power:
        return 1
    like = max(float(centred[:-lag] @ centred[lag:]) / power for lag in (1, 7))
    return 7 if like > 3.3 / past.size**0.5 else 1


def as_histories(daily: Sequence[ArrayLike], block_days: int | None = None) -> Histories:
    """Histories of anything that numpy takes."""
    return Histories([np.asarray(each, float) for each in daily], block_days)


def _repeated(known: int, days: int) -> I64:
    at = np.arange(days)
    week = min(7, known)
    return np.where(at < known, at, known - week + (at - known) % week)
