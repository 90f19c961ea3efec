"""How sure a forecast is: from how far forecasts were off at past origins, pooled over like series. Pure.

Split conformal: errors are divided by each series' own scale, pooled over its class and over neighbouring distances,
and their quantiles give the interval. With 7 to 17 errors of its own a series' own quantiles would hold 68 of 80 %.
"""

from __future__ import annotations

import numpy as np

from domain.readings import F64, I64

MIRRORED = 100


def scales(values: F64, season: int) -> F64:
    """(series,) by which errors are divided: the mean step of the seasonal naive and of the plain one, never 0.

    A series that stands still has the smallest scale of the others that is none; alone, 1.
    """
    parts = [np.abs(values[:, lag:] - values[:, :-lag]) for lag in {1, season} if values.shape[1] > lag]
    found = np.full(len(values), np.nan)
    for part in parts:
        known = ~np.isnan(part)
        mean = np.where(known, part, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
        found = np.fmin(found, np.where(mean > 0, mean, np.nan))
    least = np.nanmin(found) if (~np.isnan(found)).any() else 1.0
    return np.where(np.isnan(found), least, found)


def scaled(actual: F64, forecast: F64, scale: F64) -> F64:
    """(origins, series, horizon) by how many of its scales (origins, series) each came out higher than was said."""
    return (actual - forecast) / scale[:, :, None]


def spread(errors: F64, classes: I64, levels: tuple[float, ...]) -> F64:
    """(levels, classes, horizon) quantiles of scaled errors (origins, series, horizon), by class and distance.

    A distance takes its neighbours in with it, so that there are three times as many. The rank is that of split
    conformal prediction: ⌈(n + 1) · level⌉, from its own end. A farther distance is never surer than a nearer one.
    A class without errors has all series' quantiles; NaN where there are none at all.
    """
    horizon = errors.shape[2]
    count = int(classes.max(initial=-1)) + 1
    found = np.full((len(levels), count, horizon), np.nan)
    for h in range(horizon):
        near = errors[:, :, max(0, h - 1) : h + 2]
        for one in range(count):
            pool = near[:, classes == one].ravel()
            pool = pool[~np.isnan(pool)]
            if not pool.size:
                pool = near[~np.isnan(near)]
            if pool.size < MIRRORED:  # too few to know that they lean to a side
                pool = np.concatenate([pool, -pool])
            if pool.size:
                pool.sort()
                found[:, one, h] = [_ranked(pool, level) for level in levels]
    middle = np.array(levels)[:, None, None]
    return np.where(middle < 0.5, np.minimum.accumulate(found, axis=2), np.maximum.accumulate(found, axis=2))


def _ranked(pool: F64, level: float) -> float:
    n = len(pool)
    if level < 0.5:
        return float(pool[max(int(np.floor((n + 1) * level)) - 1, 0)])
    return float(pool[min(int(np.ceil((n + 1) * level)) - 1, n - 1)])


def quantiles(forecast: F64, spread_of: F64, scale: F64, classes: I64) -> F64:
    """(levels, series, horizon) of forecasts (series, horizon); never below 0, never crossing."""
    off = spread_of[:, classes] * scale[:, None]
    return np.maximum.accumulate(np.maximum(forecast + off, 0.0), axis=0)
