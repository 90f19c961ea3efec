"""Mean kinetic temperature and kinetic burn, as sums that can be merged, taken apart and replayed to the byte.

    T_K = (dH / R) / -ln( sum w_i exp(-dH / (R T_i)) / sum w_i )        T in kelvin

(Haynes 1971; USP <1160>). With B = dH / R and T_ref = 298.15 K the sum is kept relative to the reference,

    S = sum w_i exp(-B (1/T_i - 1/T_ref))        W = sum w_i        T_K = 1 / (1/T_ref - ln(S / W) / B)

as an integer in units of 2^-60, with whole weights: addition is exact, so any order and any grouping gives one state.
Sums of another dH are never merged. Between two readings each stands for half of the time: the interval weighs
twice its whole seconds, half of that with the factor of either end.
"""

from __future__ import annotations

from math import log
from typing import NamedTuple

import numpy as np

from domain.readings import F64, I64

DELTA_H_KJ_PER_MOL = 83.144
"""Of an average product (USP <1160>); a property of the product, better known for some."""
R_KJ_PER_MOL_K = 8.3144e-3
ZERO_K = 273.15
REFERENCE_K = 298.15
HIGH_BITS, LOW_BITS = (
    24,
    36,
)  # a factor is high * 2^-24 + low * 2^-60: a sum of either fits 63 bits for two years
TEMP_C_MAX = 100.0  # warmer counts as this, or the sum would not fit


class Kinetic(NamedTuple):
    """A sum of factors in units of 2^-60, and its weight."""

    total: int = 0
    weight: int = 0

    def merge(self, other: Kinetic) -> Kinetic:
        """Both; the order does not matter."""
        return Kinetic(self.total + other.total, self.weight + other.weight)

    def without(self, other: Kinetic) -> Kinetic:
        """What is left when a part of it is taken away."""
        return Kinetic(self.total - other.total, self.weight - other.weight)


def b_kelvin(delta_h_kj_per_mol: float = DELTA_H_KJ_PER_MOL) -> float:
    """B = dH / R, in kelvin.

    >>> b_kelvin()
    10000.0
    """
    return round(delta_h_kj_per_mol / R_KJ_PER_MOL_K, 9)


def factors(temp_c: F64, b_k: float) -> F64:
    """How fast goods age at these temperatures, relative to 25 °C.

    >>> factors(np.array([5.0, 25.0, 40.0]), 10_000.0).round(12).tolist()
    [0.089666306186, 1.0, 4.985761696192]
    """
    kelvin = np.minimum(temp_c, TEMP_C_MAX) + ZERO_K
    return np.asarray(np.exp(-b_k * (1.0 / kelvin - 1.0 / REFERENCE_K)))


def halves(factor: F64) -> tuple[I64, I64]:
    """Factors as whole numbers, the high one in units of 2^-24, the low one in units of 2^-60."""
    high = np.floor(factor * 2.0**HIGH_BITS)
    low = np.rint((factor * 2.0**HIGH_BITS - high) * 2.0**LOW_BITS)
    return high.astype(np.int64), low.astype(np.int64)


def total_of(high: int, low: int) -> int:
    """A sum of high and a sum of low halves as one number in units of 2^-60."""
    return (int(high) << LOW_BITS) + int(low)


def of_samples(temp_c: F64, b_k: float, weight: I64 | None = None) -> Kinetic:
    """The sum of samples; each weighs 1 when no weights are given: the form of a logger of fixed interval."""
    high, low = halves(factors(temp_c, b_k))
    each = np.ones(len(temp_c), np.int64) if weight is None else weight
    return Kinetic(total_of((high * each).sum(), (low * each).sum()), int(each.sum()))


def of_series(t_us: I64, temp_c: F64, b_k: float, max_interval_us: int) -> Kinetic:
    """The sum of a series in order of time; intervals that are too long are unknown and weigh nothing."""
    high, low, weight = intervals(t_us, temp_c, b_k, max_interval_us)
    return Kinetic(total_of(high.sum(), low.sum()), int(weight.sum()))


def intervals(t_us: I64, temp_c: F64, b_k: float, max_interval_us: int) -> tuple[I64, I64, I64]:
    """Of each interval between neighbours: its high and low sum and its weight, one fewer than readings."""
    high, low = halves(factors(temp_c, b_k))
    second = t_us // 1_000_000  # of the instant, not of the interval: so whole seconds add up however it is cut
    seconds = np.where(np.diff(t_us) <= max_interval_us, np.diff(second), 0)
    return seconds * (high[1:] + high[:-1]), seconds * (low[1:] + low[:-1]), 2 * seconds


def mkt_c(state: Kinetic, b_k: float) -> float:
    """Mean kinetic temperature in °C; NaN of nothing.

    >>> b = b_kelvin()
    >>> round(mkt_c(of_samples(np.array([20.0, 30.0]), b), b), 6)
    26.259887
    """
    if state.weight <= 0 or state.total <= 0:
        return float("nan")
    ratio = state.total / state.weight / 2.0**60
    return float(1.0 / (1.0 / REFERENCE_K - log(ratio) / b_k) - ZERO_K)


def burn_s(state: Kinetic, b_k: float, store_c: float) -> float:
    """Seconds at the storage temperature that would age goods as much as a sum of intervals did.

    >>> b = b_kelvin()
    >>> hour = of_series(np.array([0, 3_600_000_000]), np.array([25.0, 25.0]), b, 3_600_000_000)
    >>> round(burn_s(hour, b, 5.0) / 3600, 6)
    11.152461
    """
    at_reference = state.total / 2.0**60 / 2.0
    return float(at_reference * np.exp(b_k * (1.0 / (store_c + ZERO_K) - 1.0 / REFERENCE_K)))
