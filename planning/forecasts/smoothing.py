"""Holt-Winters with a damped trend, over many series and many constants at once. Pure.

Winters 1960 (Management Science 6:324), damped as by Gardner & McKenzie 1985 (Management Science 31:1237). Constants
are those of a grid with the least squared error one step ahead up to the origin, seasons added or multiplied.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np

from domain.readings import F64, I64, Bool
from planning.forecasts.panel import Panel, checked, filled

ALPHAS = (0.05, 0.15, 0.3, 0.5, 0.75)
BETAS = (0.0, 0.05, 0.2)
GAMMAS = (0.05, 0.2, 0.4)
DAMPED = 0.97
TINY = 1e-9
CELLS_MAX = 4_000_000  # of one array, so that memory does not grow with the series


def holt_winters(
    panel: Panel, origins: tuple[int, ...], horizon: int, told: Callable[[float], None] = lambda _: None
) -> F64:
    """(origins, series, horizon) forecasts from each origin, of what lies before it alone.

    NaN where a series is too short: two seasons are needed, three periods without seasons.

    Raises:
        ForecastError: see `panel.checked`.
    """
    checked(panel, origins, horizon)
    season = panel.season
    grid = np.array(list(itertools.product(ALPHAS, BETAS, GAMMAS if season > 1 else (0.0,))))
    at_once = max(1, CELLS_MAX // (len(grid) * 2 * max(season, 4)))
    count = len(panel.values)
    found = np.full((len(origins), count, horizon), np.nan)
    for first in range(0, count, at_once):
        rows = slice(first, first + at_once)
        found[:, rows] = _some(panel.part(rows), origins, horizon, grid)
        told(min(1.0, (first + at_once) / count))
    return found


def _some(panel: Panel, origins: tuple[int, ...], horizon: int, grid: F64) -> F64:
    values, season, begins = filled(panel), panel.season, panel.begins
    count, periods = values.shape
    warm = 2 * season if season > 1 else 3
    result = np.full((len(origins), count, horizon), np.nan)
    long = begins + warm <= periods
    if not long.any():
        return result
    values, begins = values[long], begins[long]
    kinds = (False, True) if season > 1 else (False,)
    states = [_State(values, begins, season, grid, multiplicative=kind) for kind in kinds]
    wanted = {origin: n for n, origin in enumerate(origins)}
    known = ~np.isnan(panel.values[long])
    for t in range(int(begins.min()) + warm, max(origins) + 1):
        if t in wanted:
            result[wanted[t], long] = _best(states, t, begins + warm <= t, horizon)
        if t < max(origins):
            for state in states:
                state.step(t, values[:, t], begins + warm <= t, known[:, t])
    return result


def _best(states: list[_State], t: int, ready: Bool, horizon: int) -> F64:
    told = [state.forecast(t, horizon) for state in states]
    error = np.stack([state.error.min(axis=1) for state in states])
    best = error.argmin(axis=0)
    found = np.stack(told)[best, np.arange(len(best))]
    return np.where(ready[:, None], np.maximum(found, 0.0), np.nan)


class _State:
    """Level, trend and seasons of each series under each set of constants: (series, constants), (season, …)."""

    def __init__(self, values: F64, begins: I64, season: int, grid: F64, *, multiplicative: bool) -> None:
        self.alpha, self.beta, self.gamma = grid.T
        self.season, self.multiplicative = season, multiplicative
        warm = 2 * season if season > 1 else 3
        first = values[np.arange(len(values))[:, None], begins[:, None] + np.arange(warm)]
        if season > 1:
            one, two = first[:, :season].mean(axis=1), first[:, season:].mean(axis=1)
            trend = (two - one) / season
            middle = one[:, None] + trend[:, None] * (np.arange(warm) - (season - 1) / 2)
            level = one + trend * (warm - 1 - (season - 1) / 2)
        else:
            trend = (first[:, 2] - first[:, 0]) / 2
            middle, level = np.zeros_like(first), first.mean(axis=1) + trend
        # Only series without naughts can be multiplied; others are left to the additive kind.
        self.fits = np.ones(len(values), bool)
        if multiplicative:
            self.fits = np.asarray((np.isnan(values) | (values > 0)).all(axis=1))
        parts = first / np.maximum(middle, TINY) if multiplicative else first - middle
        shape = (len(values), len(grid))
        self.level = np.broadcast_to(level[:, None], shape).copy()
        self.trend = np.broadcast_to(trend[:, None], shape).copy()
        self.seasons = np.full((season, *shape), 1.0 if multiplicative else 0.0)
        if season > 1:
            mean = (parts[:, :season] + parts[:, season:]) / 2
            middle = mean.mean(axis=1, keepdims=True)
            if multiplicative:
                mean = np.where(self.fits[:, None], mean / np.where(self.fits[:, None], middle, 1.0), 1.0)
            else:
                mean = mean - middle
            phases = (begins[:, None] + np.arange(season)) % season
            self.seasons[phases, np.arange(len(values))[:, None]] = mean[:, :, None]
        self.error = np.where(self.fits[:, None], np.zeros(shape), np.inf)

    def step(self, t: int, value: F64, live: Bool, known: Bool) -> None:
        """One more period of those that are `live`; where it is not known, level and trend go on as expected."""
        part = self.seasons[t % self.season]
        trend = self.trend * DAMPED
        base = self.level + trend
        expected = base * part if self.multiplicative else base + part
        off = np.where((live & known)[:, None], value[:, None] - expected, 0.0)
        self.error += off * off
        up = by = off
        if self.multiplicative:
            up = np.divide(off, part, out=np.zeros_like(off), where=np.abs(part) > TINY)
            by = np.divide(off, base, out=np.zeros_like(off), where=np.abs(base) > TINY)
        level, trend = base + self.alpha * up, trend + self.alpha * self.beta * up
        self.level = level if live.all() else np.where(live[:, None], level, self.level)
        self.trend = trend if live.all() else np.where(live[:, None], trend, self.trend)
        if self.season > 1:
            part += self.gamma * (1 - self.alpha) * by

    def forecast(self, t: int, horizon: int) -> F64:
        """(series, horizon) from the period `t` on, by the constants that erred least up to it."""
        rows, best = np.arange(len(self.level)), self.error.argmin(axis=1)
        damping = np.cumsum(DAMPED ** np.arange(1, horizon + 1))
        base = self.level[rows, best, None] + self.trend[rows, best, None] * damping
        part = self.seasons[(t + np.arange(horizon)) % self.season][:, rows, best].T
        found: F64 = base * part if self.multiplicative else base + part
        return found
