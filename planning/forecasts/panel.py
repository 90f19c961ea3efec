"""Many series side by side: what is asked of every model. Pure."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from domain.readings import F64, I64


class ForecastError(ValueError):
    """These series cannot be forecast so; the text says why."""


class Panel(NamedTuple):
    """Series that end at the same period.

    Attributes:
        values: (series, periods) what was asked for; NaN before a series began and where nobody knows, as on days
            without stock.
        season: periods of a season: 7 for days, 12 for months; 1: none.
    """

    values: F64
    season: int

    @property
    def begins(self) -> I64:
        """(series,) the first period that is known; `periods` where none is."""
        known = ~np.isnan(self.values)
        found: I64 = np.where(known.any(axis=1), known.argmax(axis=1), self.values.shape[1]).astype(np.int64)
        return found

    def part(self, rows: slice | I64) -> Panel:
        """Some of the series."""
        return Panel(self.values[rows], self.season)


def checked(panel: Panel, origins: tuple[int, ...], horizon: int) -> None:
    """Refuses what no model can answer.

    Raises:
        ForecastError: an origin lies outside of the series, or a size is none.
    """
    if panel.values.ndim != 2:
        raise ForecastError("values: (series, periods) are needed")
    if panel.season < 1 or horizon < 1:
        raise ForecastError("season and horizon: 1 at least")
    if not origins or min(origins) < 1 or max(origins) > panel.values.shape[1] or list(origins) != sorted(set(origins)):
        raise ForecastError("origins: ascending, each from 1 to the number of periods")
    if np.isinf(panel.values).any() or (panel.values < 0).any():
        raise ForecastError("values: what is asked for is 0 or more, or NaN where nobody knows")


def filled(panel: Panel) -> F64:
    """(series, periods) as `values`, unknown periods inside as the mean of the same season's periods before and after.

    What lies before the beginning stays NaN; a period whose season was never seen is the mean of the series.
    """
    values = panel.values.copy()
    begins = panel.begins
    gaps = np.isnan(values) & (np.arange(values.shape[1]) >= begins[:, None])
    if not gaps.any():
        return values
    for phase in range(panel.season):
        part, gap = values[:, phase :: panel.season], gaps[:, phase :: panel.season]
        rows = np.flatnonzero(gap.any(axis=1))
        for row in rows:
            known = np.flatnonzero(~np.isnan(part[row]))
            where = np.flatnonzero(gap[row])
            part[row, where] = np.interp(where, known, part[row, known]) if known.size else np.nan
    left = np.isnan(values) & gaps
    if left.any():
        mean = np.nanmean(np.where(begins[:, None] < values.shape[1], values, 0.0), axis=1)
        values = np.where(left, mean[:, None], values)
    return values
