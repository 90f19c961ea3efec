"""What every model has to beat: the same period of the season before, and the mean. Pure."""

from __future__ import annotations

import numpy as np

from domain.readings import F64
from planning.forecasts.panel import Panel, checked, filled


def seasonal_naive(panel: Panel, origins: tuple[int, ...], horizon: int) -> F64:
    """(origins, series, horizon) the same period of the last season before each origin; NaN in a series' first season.

    Raises:
        ForecastError: see `panel.checked`.
    """
    checked(panel, origins, horizon)
    values, begins, season = filled(panel), panel.begins, panel.season
    found = np.full((len(origins), len(values), horizon), np.nan)
    for n, origin in enumerate(origins):
        where = origin - season + np.arange(horizon) % season
        if where[0] >= 0:
            ready = (begins <= origin - season)[:, None]
            found[n] = np.where(ready, values[:, where], np.nan)
    return found


def mean(panel: Panel, origins: tuple[int, ...], horizon: int) -> F64:
    """(origins, series, horizon) the mean of what is known before each origin; NaN where nothing is.

    Raises:
        ForecastError: see `panel.checked`.
    """
    checked(panel, origins, horizon)
    known = ~np.isnan(panel.values)
    total = np.where(known, panel.values, 0.0).cumsum(axis=1)
    count = known.cumsum(axis=1)
    at = np.array(origins) - 1
    with np.errstate(invalid="ignore"):
        level = (total[:, at] / np.where(count[:, at] > 0, count[:, at], np.nan)).T
    return np.repeat(level[:, :, None], horizon, axis=2)
