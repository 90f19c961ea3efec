"""What is asked for now and then: how likely a period has demand, and how much it is then. Pure.

Croston 1972 (Operational Research Quarterly 23:289), corrected by Syntetos & Boylan 2005 (International Journal of
Forecasting 21:303); Teunter, Syntetos & Babai 2011 (European Journal of Operational Research 214:606), whose rate falls
while nothing is asked for, so that what dies is seen to die.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from domain.readings import F64, I64, Bool
from planning.forecasts.panel import Panel, checked

STEPS = (0.0, 0.02, 0.05, 0.1, 0.2)
"""Constants that are tried; 0: everything counts alike, how ever long ago."""
ADI_SMOOTH, CV2_SMOOTH = 1.32, 0.49


class Rates(NamedTuple):
    """What is known at each origin: (origins, series) chance of demand in a period, and its mean size when there is."""

    chance: F64
    size: F64


def tsb(panel: Panel, origins: tuple[int, ...]) -> Rates:
    """Teunter, Syntetos & Babai's, with the constant that erred least one period ahead up to each origin.

    Chance and size of a series without demand are 0; NaN before it began.

    Raises:
        ForecastError: see `panel.checked`.
    """
    checked(panel, origins, 1)
    values = panel.values
    count = len(values)
    steps = np.array(STEPS)
    shape = (count, len(steps))
    chance, size, error = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    seen, hits = np.zeros((count, 1)), np.zeros((count, 1))
    found = Rates(np.full((len(origins), count), np.nan), np.full((len(origins), count), np.nan))
    wanted = {origin: n for n, origin in enumerate(origins)}
    rows = np.arange(count)
    for t in range(max(origins) + 1):
        if t in wanted:
            best = error.argmin(axis=1)
            known = seen[:, 0] > 0
            found.chance[wanted[t]] = np.where(known, chance[rows, best], np.nan)
            found.size[wanted[t]] = np.where(known, size[rows, best], np.nan)
        if t == max(origins):
            break
        value = values[:, t, None]
        is_known = ~np.isnan(value)
        is_hit = is_known & (value > 0)
        value = np.where(is_known, value, 0.0)
        off = np.where(is_known & (seen > 0), value - chance * size, 0.0)
        error += off * off
        seen, hits = seen + is_known, hits + is_hit
        # Until there are as many as a constant looks back on, all count alike.
        by = np.maximum(steps, 1 / np.maximum(seen, 1))
        chance = np.where(is_known, chance + by * (is_hit - chance), chance)
        by = np.maximum(steps, 1 / np.maximum(hits, 1))
        size = np.where(is_hit, size + by * (value - size), size)
    return found


def sba(panel: Panel, origins: tuple[int, ...], step: float = 0.1) -> F64:
    """(origins, series) Croston's rate a period as Syntetos and Boylan corrected it: a ceiling to compare with.

    Raises:
        ForecastError: see `panel.checked`.
    """
    checked(panel, origins, 1)
    values = np.nan_to_num(panel.values)
    count = len(values)
    size, gap, since = np.full(count, np.nan), np.full(count, np.nan), np.ones(count)
    found = np.zeros((len(origins), count))
    wanted = {origin: n for n, origin in enumerate(origins)}
    for t in range(max(origins) + 1):
        if t in wanted:
            found[wanted[t]] = np.nan_to_num((1 - step / 2) * size / gap)
        if t == max(origins):
            break
        hit = values[:, t] > 0
        first = hit & np.isnan(size)
        size = np.where(first, values[:, t], np.where(hit, size + step * (values[:, t] - size), size))
        gap = np.where(first, since, np.where(hit, gap + step * (since - gap), gap))
        since = np.where(hit, 1.0, since + 1)
    return found


def is_intermittent(values: F64) -> Bool:
    """(series,) whether a period between two with demand is the rule: ADI of 1.32 or more, of what is known.

    Syntetos, Boylan & Croston 2005 (Journal of the Operational Research Society 56:495).
    """
    known = (~np.isnan(values)).sum(axis=1)
    hits = (np.nan_to_num(values) > 0).sum(axis=1)
    rare: Bool = known >= ADI_SMOOTH * np.maximum(hits, 1)
    return rare


def classes(values: F64) -> list[str]:
    """(series,) smooth, erratic, intermittent or lumpy, as in the same paper; `none` where nothing was asked for.

    >>> classes(np.array([[1.0, 1, 1, 1], [1, 9, 1, 1], [0, 2, 0, 2], [0, 1, 0, 9], [0, 0, 0, 0]]))
    ['smooth', 'erratic', 'intermittent', 'lumpy', 'none']
    """
    sizes = np.where(np.nan_to_num(values) > 0, values, np.nan)
    count = (~np.isnan(sizes)).sum(axis=1)
    total = np.nansum(sizes, axis=1)
    mean = total / np.maximum(count, 1)
    spread = np.nansum((sizes - mean[:, None]) ** 2, axis=1) / np.maximum(count, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        wild = spread / mean**2 >= CV2_SMOOTH
    rare = is_intermittent(values)
    names = np.where(rare, np.where(wild, "lumpy", "intermittent"), np.where(wild, "erratic", "smooth"))
    return [str(name) for name in np.where(count == 0, "none", names)]


def drawn(values: F64, rates: Rates, horizon: int, samples: int, rng: np.random.Generator) -> F64:
    """(series, samples) demand of a whole horizon: periods with demand by chance, sizes as they were, scaled to `size`.

    Args:
        values: (series, periods) what was asked for.
        rates: of one origin: chance and size (series,).
        horizon: periods.
        samples: how many.
        rng: where chance comes from.
    """
    found = np.zeros((len(values), samples))
    for n, row in enumerate(values):
        sizes: F64 = row[np.nan_to_num(row) > 0]
        if not sizes.size or not rates.chance[n] > 0:
            continue
        often: I64 = rng.binomial(horizon, min(float(rates.chance[n]), 1.0), samples)
        picks = rng.choice(sizes, int(often.sum()))
        picks = picks * (rates.size[n] / sizes.mean())
        np.add.at(found[n], np.repeat(np.arange(samples), often), picks)
    return found
