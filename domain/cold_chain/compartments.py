"""Several probes of one compartment as one temperature: the warmest, the coldest or the mean of those that are heard.

A probe has a value where it measured, and on the line between two samples no further apart than the profile allows.
Where it has none it is silent: it is left out, and how long is told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from domain.cold_chain.profile import Aggregation
from domain.readings import F64, I64

HOW: Mapping[Aggregation, Callable[..., F64]] = {"warmest": np.nanmax, "coldest": np.nanmin, "mean": np.nanmean}


class Combined(NamedTuple):
    """One series, and how long each probe was silent while others were heard, in microseconds."""

    t_us: I64
    temp_c: F64
    silent_us: Mapping[int, int]


def combine(probe: I64, t_us: I64, temp_c: F64, how: Aggregation, max_interval_us: int) -> Combined:
    """Combines readings in any order; `how` is not `each`.

    >>> second = 1_000_000
    >>> t_us, temp_c = np.array([0, 0, 60, 60]) * second, np.array([5.0, 7.0, 9.0, 6.0])
    >>> found = combine(np.array([1, 2, 1, 2]), t_us, temp_c, "warmest", 90 * second)
    >>> found.temp_c.tolist(), found.silent_us
    ([7.0, 9.0], {1: 0, 2: 0})
    """
    at = np.unique(t_us)
    probes = np.unique(probe)
    values = np.full((len(probes), len(at)), np.nan)
    for row, each in enumerate(probes.tolist()):
        mine = np.flatnonzero(probe == each)
        mine = mine[np.argsort(t_us[mine], kind="stable")]
        values[row] = _of_one(t_us[mine], temp_c[mine], at, max_interval_us)
    lasts = np.diff(at, append=at[-1:])
    heard = np.where(lasts <= max_interval_us, lasts, 0)  # while nobody is heard, nobody is silent beside others
    silent = {int(p): int(heard[np.isnan(values[row])].sum()) for row, p in enumerate(probes)}
    return Combined(at, np.asarray(HOW[how](values, axis=0)), silent)


def _of_one(t_us: I64, temp_c: F64, at: I64, max_interval_us: int) -> F64:
    """The value of one probe at some instants; NaN where it has none. Of readings of one time the last counts."""
    after = np.searchsorted(t_us, at, "left").clip(0, len(t_us) - 1)
    before = (np.searchsorted(t_us, at, "right") - 1).clip(0)
    exact = t_us[before] == at
    near = exact | ((t_us[before] < at) & (at < t_us[after]) & (t_us[after] - t_us[before] <= max_interval_us))
    return np.asarray(np.where(exact, temp_c[before], np.where(near, np.interp(at, t_us, temp_c), np.nan)))
