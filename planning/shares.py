"""How sure a share is of which few were seen, and how much a figure of few leans on that of many. Pure."""

from __future__ import annotations

from math import exp, lgamma, log, log1p
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from domain.readings import F64

Z_95 = 1.959963984540054
SHRINK = 10
"""So many of its own weigh as much as all of the parent."""
TINY = 1e-300
STEPS_MAX = 500


class ShareError(ValueError):
    """What of a share cannot be."""


class Bounds(NamedTuple):
    """Of a share, from 0 to 1."""

    low: F64
    high: F64


def wilson(good: ArrayLike, total: ArrayLike, z: float = Z_95) -> Bounds:
    """Bounds of a share of which `good` of `total` were seen (Wilson 1927, JASA 22:209); 0 to 1 where nothing was.

    >>> low, high = wilson(3, 3)
    >>> round(float(low), 4), float(high)
    (0.4385, 1.0)

    Raises:
        ShareError: less than nothing, or more good ones than all.
    """
    good, total = np.asarray(good, float), np.asarray(total, float)
    if not ((good >= 0) & (good <= total)).all():
        raise ShareError("there are between none and all good ones")
    n = np.maximum(total, 1)
    share, z2 = good / n, z * z
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = z * np.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    low, high = np.where(good > 0, middle - half, 0.0), np.where(good < total, middle + half, 1.0)
    return Bounds(np.where(total > 0, low, 0.0), np.where(total > 0, high, 1.0))


def shrunk(own: ArrayLike, n: ArrayLike, parent: ArrayLike) -> F64:
    """A figure of which `n` were seen, leaning on its parent's: own by n / (n + 10).

    >>> float(shrunk(1.0, 10, 0.8))
    0.9
    """
    n = np.asarray(n, float)
    weight = n / (n + SHRINK)
    own = np.where(n > 0, np.asarray(own, float), 0.0)
    return np.asarray(weight * own + (1 - weight) * np.asarray(parent, float))


def jeffreys(good: int, total: int, level: float = 0.95) -> tuple[float, float]:
    """Bounds of a share by Jeffreys' prior, Beta(½, ½) (Brown, Cai & DasGupta 2001, Statistical Science 16:101).

    >>> [round(bound, 6) for bound in jeffreys(7, 10)]
    [0.394182, 0.907305]

    Raises:
        ShareError: as of `wilson`.
    """
    if not 0 <= good <= total:
        raise ShareError("there are between none and all good ones")
    a, b, tail = good + 0.5, total - good + 0.5, (1 - level) / 2
    return (
        0.0 if good == 0 else beta_quantile(a, b, tail),
        1.0 if good == total else beta_quantile(a, b, 1 - tail),
    )


def prior_of(good: ArrayLike, total: ArrayLike) -> tuple[float, float]:
    """A beta prior by the moments of all shares: what is believed of somebody of whom nothing was seen.

    One that says as much as two looks where all are alike or there are fewer than two of them.
    """
    good, total = np.asarray(good, float), np.asarray(total, float)
    seen = total > 0
    if not seen.any():
        return 0.5, 0.5
    mean = float(np.clip(good[seen].sum() / total[seen].sum(), 0.01, 0.99))
    shares = good[seen] / total[seen]
    spread = float(np.average((shares - mean) ** 2, weights=total[seen]))
    noise = mean * (1 - mean) * seen.sum() / total[seen].sum()
    between = max(spread - noise, mean * (1 - mean) / 200)
    size = float(np.clip(mean * (1 - mean) / between - 1, 2.0, 200.0)) if seen.sum() > 1 else 2.0
    return mean * size, (1 - mean) * size


def surely(good: int, total: int, prior: tuple[float, float], level: float = 0.95) -> float:
    """What a share is at least, by its posterior: partners are ranked by this, so that three of three is no first."""
    return beta_quantile(prior[0] + good, prior[1] + total - good, 1 - level)


def beta_quantile(a: float, b: float, p: float) -> float:
    """Where a Beta(a, b) has the share `p` below it."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if _beta_below(a, b, middle) < p:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _beta_below(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function, by its continued fraction (Abramowitz & Stegun 26.5.8)."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - _beta_below(b, a, 1 - x)
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x)) / a
    c, d = 1.0, 1 / max(1 - (a + b) * x / (a + 1), TINY)
    found = d
    for m in range(1, STEPS_MAX):
        for part in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d, c = 1 + part * d, 1 + part / c
            d, c = 1 / (d if abs(d) > TINY else TINY), c if abs(c) > TINY else TINY
            found *= c * d
        if abs(c * d - 1) < 1e-14:
            break
    return front * found
