"""The theta method, its line and its constant optimised, over many series at once. Pure.

Assimakopoulos & Nikolopoulos 2000 (International Journal of Forecasting 16:521) as the model of Fiorucci et al. 2016
(International Journal of Forecasting 32:1151). Seasons are taken out by classical decomposition where they are plain.
"""

from __future__ import annotations

import numpy as np

from domain.readings import F64, Bool
from planning.forecasts.panel import Panel, checked, filled

ALPHAS = (0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8, 0.99)
THETAS = (1.0, 1.5, 2.0, 3.0, 5.0)
PLAIN = 1.645  # of the autocorrelation at a season: nine in ten
CELLS_MAX = 4_000_000


def theta(panel: Panel, origins: tuple[int, ...], horizon: int) -> F64:
    """(origins, series, horizon) forecasts from each origin, of what lies before it alone.

    NaN where a series has fewer than two seasons, or four periods.

    Raises:
        ForecastError: see `panel.checked`.
    """
    checked(panel, origins, horizon)
    values, begins = filled(panel), panel.begins
    least = max(2 * panel.season, 4)
    found = np.full((len(origins), len(values), horizon), np.nan)
    at_once = max(1, CELLS_MAX // (len(ALPHAS) * len(THETAS) * 8))
    for n, origin in enumerate(origins):
        for begin in np.unique(begins):  # those that began together are as long
            rows = np.flatnonzero(begins == begin)
            if origin - begin < least:
                continue
            for first in range(0, len(rows), at_once):
                some = rows[first : first + at_once]
                found[n, some] = _from(values[some, begin:origin], panel.season, horizon)
    return found


def _from(values: F64, season: int, horizon: int) -> F64:
    periods = values.shape[1]
    parts, multiplied = _seasons(values, season)
    phases = np.arange(periods + horizon) % season
    inside, ahead = parts[:, phases[:periods]], parts[:, phases[periods:]]
    plain = np.where(multiplied[:, None], values / np.where(multiplied[:, None], inside, 1.0), values - inside)
    told = _lines(plain, horizon)
    return np.maximum(np.where(multiplied[:, None], told * ahead, told + ahead), 0.0)


def _seasons(values: F64, season: int) -> tuple[F64, Bool]:
    """(series, season) by which to divide, or what to take away; and (series,) whether to divide."""
    count, periods = values.shape
    multiplied = np.asarray((values > 0).all(axis=1))
    parts = np.where(multiplied[:, None], 1.0, np.zeros((count, season)))
    if season == 1 or periods < 2 * season + 1:
        return parts, multiplied
    off = values - values.mean(axis=1, keepdims=True)
    power = (off * off).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        lags = np.stack([(off[:, k:] * off[:, :-k]).sum(axis=1) / power for k in range(1, season + 1)])
    bound = PLAIN * np.sqrt((1 + 2 * (lags[:-1] ** 2).sum(axis=0)) / periods)
    is_plain = np.abs(lags[-1]) > bound
    weights = np.ones(season) if season % 2 else np.concatenate([[0.5], np.ones(season - 1), [0.5]])
    weights = weights / weights.sum()
    half = len(weights) // 2
    windows = np.lib.stride_tricks.sliding_window_view(values, len(weights), axis=1)
    middle = windows @ weights
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(multiplied[:, None], values[:, half:-half] / middle, values[:, half:-half] - middle)
    phases = (np.arange(ratio.shape[1]) + half) % season
    found = np.stack([ratio[:, phases == phase].mean(axis=1) for phase in range(season)], axis=1)
    mean = found.mean(axis=1, keepdims=True)
    found = np.where(multiplied[:, None], np.maximum(found / mean, 0.01), found - mean)
    return np.where(is_plain[:, None], found, parts), multiplied


def _lines(values: F64, horizon: int) -> F64:
    """(series, horizon) of series without seasons: the straight line and that of theta, smoothed, by their shares."""
    count, periods = values.shape
    t = np.arange(periods)
    slope = ((t - t.mean()) * (values - values.mean(axis=1, keepdims=True))).sum(axis=1) / ((t - t.mean()) ** 2).sum()
    start = values.mean(axis=1) - slope * t.mean()
    alpha, line = (a.ravel() for a in np.meshgrid(ALPHAS, THETAS, indexing="ij"))
    straight = start[:, None] + slope[:, None] * np.arange(periods + horizon)
    bent = line * (values[:, 0] - straight[:, 0])[:, None] + straight[:, :1]
    level, error = bent, np.zeros((count, len(alpha)))
    for n in range(1, periods):
        off = values[:, n, None] - ((1 - 1 / line) * straight[:, n, None] + level / line)
        error += off * off
        bent = line * (values[:, n] - straight[:, n])[:, None] + straight[:, n, None]
        level = level + alpha * (bent - level)
    best = error.argmin(axis=1)
    share = (1 / line[best])[:, None]
    found: F64 = (1 - share) * straight[:, periods:] + share * level[np.arange(count), best, None]
    return found
