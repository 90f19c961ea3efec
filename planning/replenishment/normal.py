"""The normal and the Poisson distribution, as formulas of stock need them. Pure."""

from __future__ import annotations

from math import erfc, exp, lgamma, log, pi, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from domain.readings import F64

_NORMAL = NormalDist()
_ERFC = np.frompyfunc(erfc, 1, 1)


class StockError(ValueError):
    """What of a question about stock cannot be."""


def check(lowest: float = 0.0, **values: ArrayLike) -> None:
    """Refuses what is not a number, or less than it can be.

    Raises:
        StockError: it names the value.
    """
    for name, value in values.items():
        found = np.asarray(value, float)
        if not (np.isfinite(found) & (found >= lowest)).all():
            raise StockError(f"{name}: {value!r} is not {lowest:g} or more")


def density(z: ArrayLike) -> F64:
    """phi(z)."""
    z = np.asarray(z, float)
    return np.asarray(np.exp(-z * z / 2) / sqrt(2 * pi))


def above(z: ArrayLike) -> F64:
    """1 - Phi(z)."""
    return np.asarray(_ERFC(np.asarray(z, float) / sqrt(2)), float) / 2


def quantile(share: float) -> float:
    """The z below which this share lies.

    Raises:
        StockError: the share is not between 0 and 1.
    """
    if not 0 < share < 1:
        raise StockError(f"service: {share} is not between 0 and 1")
    return _NORMAL.inv_cdf(share)


def loss(z: ArrayLike) -> F64:
    """G(z) = phi(z) - z (1 - Phi(z)): what is short on average, in standard deviations.

    >>> [round(float(each), 6) for each in loss([0, 0.5, 1, 2])]
    [0.398942, 0.197797, 0.083315, 0.008491]
    """
    z = np.asarray(z, float)
    return np.asarray(density(z) - z * above(z))


def poisson(mean: float) -> F64:
    """Chances of 0, 1, 2, … as far as they count; they add up to 1."""
    check(mean=mean)
    if not mean:
        return np.ones(1)
    most = int(mean + 12 * sqrt(mean) + 30)
    chances = np.array([exp(n * log(mean) - mean - lgamma(n + 1)) for n in range(most)])
    return np.asarray(chances / chances.sum())
