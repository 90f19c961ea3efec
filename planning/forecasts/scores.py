"""How good forecasts were: scaled errors, and whether what was promised came as often as promised. Pure."""

from __future__ import annotations

import numpy as np

from domain.readings import F64


def naive_scale(values: F64, season: int) -> F64:
    """(series,) mean absolute error of the seasonal naive inside of (series, periods): what MASE divides by.

    Hyndman & Koehler 2006 (International Journal of Forecasting 22:679). NaN where it is 0 or nothing is known.

    >>> naive_scale(np.array([[10.0, 12, 14, 16, 11, 13, 15, 17]]), 4).tolist()
    [1.0]
    """
    return _scale(np.abs(values[:, season:] - values[:, :-season]))


def naive_scale_squared(values: F64) -> F64:
    """(series,) mean squared step from a period to the next: what RMSSE divides by, as in the M5 competition."""
    return _scale(np.diff(values, axis=1) ** 2)


def _scale(steps: F64) -> F64:
    known = ~np.isnan(steps)
    total = np.where(known, steps, 0.0).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = total / known.sum(axis=1)
    return np.where(mean > 0, mean, np.nan)


def mase(actual: F64, forecast: F64, scale: F64) -> F64:
    """(series,) mean absolute scaled error; periods that nobody knows do not count.

    >>> mase(np.array([[12.0, 14, 16, 18]]), np.array([[11.0, 13, 15, 17]]), np.array([1.0])).tolist()
    [1.0]
    """
    off = np.abs(actual - forecast)
    known = ~np.isnan(off)
    with np.errstate(divide="ignore", invalid="ignore"):
        found: F64 = np.where(known, off, 0.0).sum(axis=1) / known.sum(axis=1) / scale
    return found


def rmsse(actual: F64, forecast: F64, squared_scale: F64) -> F64:
    """(series,) root of the mean squared scaled error."""
    off = (actual - forecast) ** 2
    known = ~np.isnan(off)
    with np.errstate(divide="ignore", invalid="ignore"):
        found: F64 = np.sqrt(np.where(known, off, 0.0).sum(axis=1) / known.sum(axis=1) / squared_scale)
    return found


def pinball(actual: F64, quantile: F64, level: float) -> F64:
    """The loss of a quantile: what it costs to be over or under it, of each.

    >>> float(pinball(np.array(12.0), np.array(10.0), 0.9))
    1.8
    """
    off = actual - quantile
    return np.maximum(level * off, (level - 1) * off)


def weighted_interval_score(actual: F64, median: F64, intervals: dict[float, tuple[F64, F64]]) -> F64:
    """Of a median and central intervals by their level: twice the mean loss of all their quantiles.

    Bracher et al. 2021 (PLOS Computational Biology 17:e1008618).

    >>> told = {0.5: (np.array(9.0), np.array(11.0)), 0.8: (np.array(7.0), np.array(13.0))}
    >>> [round(float(weighted_interval_score(np.array(y), np.array(10.0), told)), 2) for y in (12.0, 16.0)]
    [1.24, 4.84]
    """
    total = 0.5 * np.abs(actual - median)
    for level, (low, high) in intervals.items():
        alpha = 1 - level
        outside = np.maximum(low - actual, 0.0) + np.maximum(actual - high, 0.0)
        total = total + alpha / 2 * ((high - low) + 2 / alpha * outside)
    return np.asarray(total / (len(intervals) + 0.5))


def covered(actual: F64, low: F64, high: F64) -> tuple[int, int]:
    """How many of those that are known lay within, and how many are known."""
    known = ~(np.isnan(actual) | np.isnan(low) | np.isnan(high))
    return int(((actual >= low) & (actual <= high) & known).sum()), int(known.sum())
