"""One forecast for each series: by which model, how good that was at past origins, and how sure it is now. Pure.

The default is the plain mean of seasonal naive, Holt-Winters and theta: combinations were 12 of the 17 most accurate
methods of the M4 competition (Makridakis et al. 2020, International Journal of Forecasting 36:54). What is asked for
now and then is forecast by its rate. A model that lost to the naive forecast at each past origin is switched off.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from domain.readings import F64, I64, Bool
from planning.forecasts import censored, intervals, scores
from planning.forecasts.intermittent import is_intermittent, tsb
from planning.forecasts.naive import mean, seasonal_naive
from planning.forecasts.panel import Panel, checked
from planning.forecasts.smoothing import holt_winters
from planning.forecasts.theta import theta

LEVELS = (0.025, 0.1, 0.5, 0.9, 0.975)
CENTRAL = {0.8: (1, 3), 0.95: (0, 4)}
"""Central intervals, and where their ends stand in `LEVELS`."""
MODELS = ("mean_of_three", "seasonal_naive", "tsb", "mean")
COMBINED, NAIVE, RATE, MEAN = range(4)
ORIGINS = 6
LOST_AT_LEAST = 4
WILD = 10.0  # times the most that was ever asked for: no model is believed so much


class Forecasts(NamedTuple):
    """What will be asked for, series by series.

    Attributes:
        model: (series,) place in `MODELS`.
        mean: (series, horizon); NaN where nothing is known.
        quantiles: (levels, series, horizon) at `LEVELS`; NaN where no past origin could be tried.
        origins: of the race, ascending: how many periods lay before each.
        mase: (models, origins, series) of each model; NaN where it could not run, or nobody knows what came.
        switched_off: (series,) whether the default lost to the naive forecast at every past origin.
        coverage: by level of central interval, (origins, series) share that came within it when only what lay before
            was known; NaN for the first.
    """

    model: I64
    mean: F64
    quantiles: F64
    origins: tuple[int, ...]
    mase: F64
    switched_off: Bool
    coverage: dict[float, F64]


def run(
    panel: Panel,
    horizon: int,
    short: Bool | None = None,
    origins: int = ORIGINS,
    step: int = 0,
    told: Callable[[float], None] = lambda _: None,
) -> Forecasts:
    """Forecasts from the end of the series on.

    Args:
        panel: what was sold.
        horizon: periods ahead.
        short: (series, periods) stock ran out, so that more was asked for than sold; such periods are mended for the
            models, and judge none.
        origins: how many past ends are tried, as far as the series reach.
        step: periods from one to the next; else `horizon`. Of the last ones not all that was forecast has come yet.
        told: is told the share that is done.

    Raises:
        ForecastError: see `panel.checked`.
    """
    known = panel.values
    if short is not None and short.any():
        known = np.where(short, np.nan, known)
        panel = Panel(censored.mended(panel.values, short), panel.season)
    periods = known.shape[1]
    past = tuple(p for p in (periods - (step or horizon) * k for k in range(origins, 0, -1)) if p > panel.season)
    ends = (*past, periods)
    checked(panel, ends, horizon)
    models = _models(panel, ends, horizon, told)
    actual = np.full((len(past), len(known), horizon), np.nan)
    for n, end in enumerate(past):
        came = known[:, end : end + horizon]
        actual[n, :, : came.shape[1]] = came
    scale = np.stack([intervals.scales(panel.values[:, :end], panel.season) for end in ends])
    mases = np.empty((len(MODELS), len(past), len(known)))
    for n in range(len(past)):
        mases[:, n] = [scores.mase(actual[n], each[n], scale[n]) for each in models]
    rare = is_intermittent(panel.values)
    model, lost = _chosen(models[:, -1], mases, rare)
    by_model = np.stack([_of(models[:, n], model) for n in range(len(ends))])
    errors = intervals.scaled(actual, by_model[:-1], scale[:-1])
    spread = intervals.spread(errors, rare.astype(np.int64), LEVELS)
    quantiles = intervals.quantiles(by_model[-1], spread, scale[-1], rare.astype(np.int64))
    coverage = _coverage(ends, actual, by_model, errors, scale, rare.astype(np.int64))
    told(1.0)
    return Forecasts(model, by_model[-1], quantiles, past, mases, lost, coverage)


def _models(panel: Panel, ends: tuple[int, ...], horizon: int, told: Callable[[float], None]) -> F64:
    """(models, origins, series, horizon), in the order of `MODELS`."""
    naive = seasonal_naive(panel, ends, horizon)
    smoothed = holt_winters(panel, ends, horizon, lambda share: told(0.7 * share))
    parts = np.stack([naive, smoothed, theta(panel, ends, horizon)])
    told(0.9)
    most = np.stack([np.nan_to_num(panel.values[:, :end]).max(axis=1, initial=0.0) for end in ends])
    parts[1:] = np.where(parts[1:] > WILD * most[None, :, :, None], np.nan, parts[1:])
    known = ~np.isnan(parts)
    combined = np.where(known, parts, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    combined = np.where(known[1:].any(axis=0), combined, np.nan)
    rates = tsb(panel, ends)
    rate = np.repeat((rates.chance * rates.size)[:, :, None], horizon, axis=2)
    return np.stack([combined, naive, rate, mean(panel, ends, horizon)])


def _chosen(now: F64, mases: F64, rare: Bool) -> tuple[I64, Bool]:
    """Which model each series has, and whether the default was switched off."""
    ran = ~np.isnan(mases[COMBINED]) & ~np.isnan(mases[NAIVE])
    lost = (ran.sum(axis=0) >= LOST_AT_LEAST) & (~ran | (mases[COMBINED] > mases[NAIVE])).all(axis=0) & ~rare
    model = np.where(rare, RATE, np.where(lost, NAIVE, COMBINED))
    young = np.isnan(now[model, np.arange(now.shape[1])]).any(axis=1)
    return np.where(young, MEAN, model).astype(np.int64), lost


def _of(models: F64, model: I64) -> F64:
    """(series, horizon) of (models, series, horizon); the mean where a model could not say anything yet."""
    found = models[model, np.arange(models.shape[1])]
    return np.where(np.isnan(found), models[MEAN], found)


def _coverage(
    ends: tuple[int, ...], actual: F64, by_model: F64, errors: F64, scale: F64, classes: I64
) -> dict[float, F64]:
    """Share of what came within its interval, each origin's made of the errors of those before it."""
    found = {level: np.full(actual.shape[:2], np.nan) for level in CENTRAL}
    for n in range(1, len(actual)):
        known_then = ends[n] - np.array(ends[:n])[:, None, None] > np.arange(errors.shape[2])
        spread = intervals.spread(np.where(known_then, errors[:n], np.nan), classes, LEVELS)
        told = intervals.quantiles(by_model[n], spread, scale[n], classes)
        known = ~np.isnan(actual[n])
        for level, (low, high) in CENTRAL.items():
            within = (actual[n] >= told[low]) & (actual[n] <= told[high])
            share = (within & known).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
            found[level][n] = np.where(known.any(axis=1), share, np.nan)
    return found
