"""The mass of a unit, learned of the steps of a slot: the largest mass of which steps are whole multiples."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from domain.readings import F64

STEPS = 8
"""So many of the last steps are kept."""
ENOUGH = 3
"""Before so many steps agree, nothing is known."""
PARTS = (1, 2, 3)
"""The smallest step may be of so many units."""
AGREE = 0.8
"""So many of the steps are to be multiples: a hand that rests is a step too."""
CLEAR = 8.0
"""A unit is that many times as heavy as steps are uncertain, or nothing can be told."""


class Unit(NamedTuple):
    """By slot: mass of a unit (NaN: not known), its standard deviation, and the chance that it is not a multiple."""

    mass: F64
    sd: F64
    trust: F64


def common(steps: F64, sd: F64) -> Unit:
    """The unit of each row of steps (NaN: none) with their standard deviations.

    >>> unit = common(np.array([[400.0, -800.0, -401.0, -1199.0]]), np.full((1, 4), 2.0))
    >>> unit.mass.round().tolist(), unit.sd.round(1).tolist(), unit.trust.tolist()
    ([400.0], [0.5], [0.9375])
    """
    size, have = np.abs(steps), ~np.isnan(steps)
    n = have.sum(axis=1)
    part = np.repeat(PARTS, size.shape[1])
    tried, tried_sd = np.tile(size, len(PARTS)) / part, np.tile(sd, len(PARTS)) / part
    with np.errstate(invalid="ignore"):
        of = np.rint(size[:, None, :] / tried[:, :, None])
        off = np.abs(size[:, None, :] - of * tried[:, :, None])
        fits = (off <= 3 * np.hypot(sd[:, None, :], of * tried_sd[:, :, None])) & (of >= 1) & have[:, None, :]
        worst = np.where(have, sd, 0.0).max(axis=1, initial=0.0)
        good = (fits.sum(axis=2) >= np.maximum(AGREE * n, ENOUGH)[:, None]) & (tried >= CLEAR * worst[:, None])
    best = np.where(good, tried, -1.0).argmax(axis=1)
    row = np.arange(len(size))
    known, fit = good[row, best], fits[row, best]
    times = np.where(fit, of[row, best], 0.0)
    squares = np.maximum((times**2).sum(axis=1), 1.0)
    mass = np.where(fit, size, 0.0)
    return Unit(
        np.where(known, (times * mass).sum(axis=1) / squares, np.nan),
        np.where(known, worst / np.sqrt(squares), 0.0),
        np.where(known, 1.0 - 0.5 ** fit.sum(axis=1), 0.0),
    )
