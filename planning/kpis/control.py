"""Charts of single values and moving ranges (XmR): what is signal and what is noise. Pure.

Shewhart's chart for single values by Wheeler (Understanding Variation, 1993); limits from the mean moving range divided
by 1.128, ranges beyond 3.5 of their mean left out (Nelson 1982, Journal of Quality Technology 14:172).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np

from domain.readings import F64

D2 = 1.128
RANGE_LIMIT = 3.268
WILD_RANGE = 3.5
POINTS_MIN = 12
"""Fewer points have no limits."""
BASELINE_MAX = 24
"""Limits are those of so many points, and stand until somebody says that the process has changed."""
RUN = 8
Rule = Literal["outside", "run", "near_limit"]


class Limits(NamedTuple):
    """Of one stretch between two changes of the process: from the point `begins` on."""

    begins: int
    centre: float
    low: float
    high: float
    range_mean: float
    range_high: float


class Signal(NamedTuple):
    """A point that is no chance: beyond a limit, the eighth on one side, or three of four nearer a limit."""

    point: int
    rule: Rule
    side: Literal["above", "below"]


class Chart(NamedTuple):
    """Limits of each stretch that has enough points, and signals by point."""

    limits: list[Limits]
    signals: list[Signal]


def limits_of(values: F64, begins: int = 0) -> Limits:
    """Limits of points, NaN left out.

    >>> nist = np.array([49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6, 52.4, 53.6, 52.1])
    >>> [round(float(x), 4) for x in limits_of(nist)[1:5]]
    [50.81, 45.8159, 55.8041, 1.8778]
    """
    known = values[~np.isnan(values)]
    ranges = np.abs(np.diff(known))
    mean = float(ranges.mean()) if ranges.size else 0.0
    usual = ranges[ranges <= WILD_RANGE * mean]
    mean = float(usual.mean()) if usual.size else mean
    centre, half = float(known.mean()), 3 / D2 * mean
    return Limits(begins, centre, centre - half, centre + half, mean, RANGE_LIMIT * mean)


def chart(values: Sequence[float] | F64, changes: Sequence[int] = ()) -> Chart:
    """Limits and signals of points in their order, NaN where nothing was measured.

    Args:
        values: one a period, without season.
        changes: points from which on somebody has said that the process is another one.
    """
    points = np.asarray(values, float)
    edges = [0, *sorted({c for c in changes if 0 < c < len(points)}), len(points)]
    found: list[Limits] = []
    signals: list[Signal] = []
    for begin, end in pairwise(edges):
        part = points[begin:end]
        known = np.flatnonzero(~np.isnan(part))
        if len(known) < POINTS_MIN:
            continue
        limits = limits_of(part[known[:BASELINE_MAX]], begin)
        found.append(limits)
        signals += _signals(part[known], known + begin, limits)
    return Chart(found, signals)


def _signals(values: F64, places: np.ndarray, limits: Limits) -> list[Signal]:
    signals = []
    third = (limits.high - limits.centre) / 2
    run, before = 0, 0
    for n, value in enumerate(values):
        side = int(np.sign(value - limits.centre))
        run = run + 1 if side and side == before else int(side != 0)
        before = side
        where: Literal["above", "below"] = "above" if side > 0 else "below"
        near = [
            int(np.sign(v - limits.centre)) for v in values[max(0, n - 3) : n + 1] if abs(v - limits.centre) > third
        ]
        rule: Rule | None = None
        if value > limits.high or value < limits.low:
            rule = "outside"
        elif run >= RUN:
            rule = "run"
        elif side and near.count(side) >= 3 and abs(value - limits.centre) > third:
            rule = "near_limit"
        if rule is not None:
            signals.append(Signal(int(places[n]), rule, where))
    return signals


def changed(
    before: Sequence[float], after: Sequence[float]
) -> Literal["better_known_later", "higher", "lower", "same"]:
    """Whether an action had an effect: points after it against limits of those before it."""
    known = np.asarray(before, float)
    if np.count_nonzero(~np.isnan(known)) < POINTS_MIN or not len(after):
        return "better_known_later"
    limits = limits_of(known[~np.isnan(known)][-BASELINE_MAX:])
    later = np.asarray(after, float)
    later = later[~np.isnan(later)]
    told = _signals(later, np.arange(len(later)), limits)
    sides = {s.side for s in told}
    if len(sides) != 1:
        return "same"
    return "higher" if sides == {"above"} else "lower"
