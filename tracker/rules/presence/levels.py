"""Stock from chances: how many tags of a kind are in a zone, and how sure that number is."""

from __future__ import annotations

from math import erf
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from domain.readings import F64, I64

COUNTED = 24
"""With up to so many doubtful tags the chance of a number is summed exactly; with more the normal curve will do."""
CERTAIN = 1e-6
MOVED = 0.75
"""A level that has gone so far from the number told last has moved: half a piece would have it come and go."""


class Levels(NamedTuple):
    """By key, sorted: expected number and its variance, the number told, and the chance that it is the right one."""

    key: I64
    expected: F64
    variance: F64
    quantity: F64
    confidence: F64


def summed(key: NDArray[Any], chance: F64) -> Levels:
    """Levels of the keys of tags, each there with its chance, apart from all others.

    >>> found = summed(np.array([7, 7, 9]), np.array([1.0, 0.75, 0.25]))
    >>> found.quantity.tolist(), found.confidence.tolist()
    ([2.0, 0.0], [0.75, 0.75])
    """
    order = np.lexsort((chance, key))
    key, chance = key[order], chance[order]
    keys, first = np.unique(key, return_index=True)
    if not len(keys):
        none = np.empty(0)
        return Levels(keys.astype(np.int64), none, none, none, none)
    group = np.repeat(np.arange(len(keys)), np.diff(np.append(first, len(key))))
    # a sum in one order, whatever other keys are there
    expected = np.bincount(group, chance, len(keys)).astype(np.float64)
    variance = np.bincount(group, chance * (1 - chance), len(keys)).astype(np.float64)
    quantity = np.floor(expected + 0.5)
    return Levels(keys, expected, variance, quantity, _chance_of(quantity, group, chance, expected, variance))


def _chance_of(quantity: F64, group: I64, chance: F64, expected: F64, variance: F64) -> F64:
    """The chance of just these numbers: Poisson's binomial, summed where few are doubtful."""
    sure = np.bincount(group, chance >= 1 - CERTAIN, len(quantity))
    doubtful = np.flatnonzero((chance > CERTAIN) & (chance < 1 - CERTAIN))
    of, each = group[doubtful], chance[doubtful]
    count = np.bincount(of, minlength=len(quantity))
    rank = np.arange(len(of)) - (np.cumsum(count) - count)[of]
    few = count <= COUNTED
    dist = np.zeros((len(quantity), COUNTED + 1))
    dist[:, 0] = 1.0
    for turn in range(int(count[few].max(initial=0))):
        at = np.flatnonzero((rank == turn) & few[of])
        row, p = of[at], each[at][:, None]
        stepped = dist[row] * (1 - p)
        stepped[:, 1:] += dist[row, :-1] * p
        dist[row] = stepped
    more = (quantity - sure).astype(np.int64)
    exact = dist[np.arange(len(quantity)), more.clip(0, COUNTED)] * ((more >= 0) & (more <= COUNTED))
    out = np.where(few, exact, 0.0)
    for i in np.flatnonzero(~few).tolist():
        sd = float(np.sqrt(2 * variance[i]))
        low, high = ((quantity[i] + half - expected[i]) / sd for half in (-0.5, 0.5))
        out[i] = (erf(high) - erf(low)) / 2
    return out.clip(0.0, 1.0)
