"""Demand of days on which stock ran out: more was asked for than was sold. Pure.

What was sold that day is a bound, not a figure: its likelihood is P(D ≥ sold). Leaving such days out is not neutral,
for days of high demand are those that sell out.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from domain.readings import F64, I64, Bool

SHAPES = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 32.0, 1e6)
TABLE_MAX = 2_000
STEPS = 60
FLOOR = 1e-12


class Demand(NamedTuple):
    """Negative binomial demand a period: its mean, and its shape (large: Poisson)."""

    mean: float
    shape: float


def fitted(sold: F64, short: Bool) -> Demand:
    """The demand a period that makes what was sold most likely.

    Args:
        sold: (periods,) units, NaN where nobody knows.
        short: (periods,) stock ran out in it.

    A product that sold nothing and was never short: mean 0.
    """
    known = ~np.isnan(sold)
    units, bound = np.rint(sold[known]).astype(np.int64), short[known]
    if not units.size or not units.any():
        return Demand(0.0, 1.0)
    scale = max(1.0, float(np.ceil(units.max() / TABLE_MAX)))  # large figures in packs, so that tables stay small
    counts = np.bincount((units[~bound] // scale).astype(np.int64), minlength=int(units.max() // scale) + 1)
    bounds = np.bincount((units[bound] // scale).astype(np.int64), minlength=len(counts))
    plain = float(units.mean() / scale)
    best = (-np.inf, plain, 1.0)
    for shape in SHAPES:
        low, high = plain * 0.8, max(plain, 0.01) * 8 if bound.any() else plain * 1.25 + 0.01
        for _ in range(STEPS):  # golden section: one top for each shape
            a, b = high - (high - low) * 0.618034, low + (high - low) * 0.618034
            if _likelihood(counts, bounds, a, shape) < _likelihood(counts, bounds, b, shape):
                low = a
            else:
                high = b
            if high - low < 1e-5 * high:
                break
        mean = (low + high) / 2
        best = max(best, (_likelihood(counts, bounds, mean, shape), mean, shape))
    return Demand(best[1] * scale, best[2])


def _likelihood(counts: I64, bounds: I64, mean: float, shape: float) -> float:
    chance = probabilities(mean, shape, len(counts))
    above = np.maximum(1 - np.concatenate([[0.0], np.cumsum(chance)[:-1]]), FLOOR)
    return float(counts @ np.log(np.maximum(chance, FLOOR)) + bounds @ np.log(above))


def probabilities(mean: float, shape: float, count: int) -> F64:
    """(count,) chance of 0, 1, … units of a negative binomial.

    >>> probabilities(1.0, 1.0, 4).round(9).tolist()
    [0.5, 0.25, 0.125, 0.0625]
    """
    k = np.arange(count)
    with np.errstate(divide="ignore"):
        steps = np.log(mean / (mean + shape)) + np.log((k[1:] + shape - 1) / k[1:])
    found: F64 = np.exp(shape * np.log(shape / (shape + mean)) + np.concatenate([[0.0], np.cumsum(steps)]))
    return found


def expected_above(demand: Demand, sold: F64) -> F64:
    """What was asked for on average in a period in which at least `sold` was: E[D | D ≥ sold].

    >>> expected_above(Demand(1.0, 1.0), np.array([0.0, 3.0])).round(6).tolist()  # geometric: without memory
    [1.0, 4.0]
    """
    if demand.mean <= 0:
        return sold.astype(float)
    scale = max(1.0, float(np.ceil(max(float(sold.max(initial=0.0)), demand.mean) * 4 / TABLE_MAX)))
    mean = demand.mean / scale
    spread = np.sqrt(mean + mean**2 / demand.shape)
    low = np.floor(sold / scale).astype(np.int64)
    size = int(max(low.max(initial=0), mean) + 40 * spread + 40)
    chance = probabilities(mean, demand.shape, size)
    above = np.cumsum(chance[::-1])[::-1]
    sums = np.cumsum((chance * np.arange(size))[::-1])[::-1]
    far = above[low] < FLOOR
    return np.where(far, sold, np.maximum(sums[low] / np.maximum(above[low], FLOOR) * scale, sold))


def mended(sold: F64, short: Bool) -> F64:
    """(series, periods) demand: where stock ran out, what is asked for on average when at least so much is.

    Where it ran out in every period that is known, nothing says how much more that was: it stays what was sold.
    """
    values = sold.astype(float).copy()
    for n in np.flatnonzero((short & ~np.isnan(sold)).any(axis=1)):
        bound = short[n] & ~np.isnan(sold[n])
        if not (~short[n] & ~np.isnan(sold[n])).any():
            continue
        values[n, bound] = expected_above(fitted(sold[n], bound), sold[n, bound])
    return values
