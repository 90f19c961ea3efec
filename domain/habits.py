"""How a vehicle moves by its fixes, and which class that speaks for."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from domain.geo import near_m
from domain.readings import F64, I64
from domain.vehicles import VehicleClass


class Habits(NamedTuple):
    """How a vehicle moved: driven metres and seconds, short halts, their seconds in all and their median (or NaN)."""

    distance_m: float
    driving_s: float
    halts: int
    halting_s: float
    halt_s: float


STEP_US, STEP_S_MAX = 5_000_000, 60.0  # fixes are thinned to one in so long; over longer steps nothing is known
DRIVING_MPS = 2.0  # as of the classes' pace (`tracker.rules.motion`)
HALT_S = (30.0, 180.0)
ENOUGH_M, ENOUGH_S = 30_000.0, 3_600.0


def habits(t_us: I64, lat: F64, lon: F64) -> Habits:
    """From a vehicle's fixes in order of time, whatever its class.

    >>> minute = np.arange(7_200) // 60 % 2
    >>> found = habits(np.arange(7_200) * 1_000_000, 60 + np.cumsum(minute) * 1e-4, np.full(7_200, 25.0))
    >>> round(found.distance_m / 1000), round(found.driving_s / 60), found.halts, found.halt_s
    (40, 65, 60, 55.0)
    """
    first = np.flatnonzero(np.diff(t_us // STEP_US, prepend=-1))
    t_s, lat, lon = t_us[first] / 1e6, lat[first], lon[first]
    step_s, way_m = np.diff(t_s), near_m(lat[:-1], lon[:-1], lat[1:], lon[1:])
    known = (step_s > 0) & (step_s <= STEP_S_MAX)
    drives = known & (way_m >= DRIVING_MPS * step_s)
    state = np.where(known, drives, 2)
    begins = np.flatnonzero(np.diff(state, prepend=-1))
    lasts_s = np.add.reduceat(step_s, begins) if len(begins) else np.empty(0)
    lasts_s = lasts_s[state[begins] == 0]
    halts = lasts_s[(lasts_s >= HALT_S[0]) & (lasts_s < HALT_S[1])]
    median_s = float(np.median(halts)) if len(halts) else float("nan")
    return Habits(float(way_m[drives].sum()), float(step_s[drives].sum()), len(halts), float(halts.sum()), median_s)


def suggested(of: Habits) -> VehicleClass | None:
    """The class that a vehicle's habits speak for; None while it has driven too little. A hint for who knows it.

    A courier halts for nearly half as long as it drives, and for a minute each time; a bus as often, but for less; a
    lorry hardly ever; the rest are vans. Where the bounds lie: docs/adr/0020.

    >>> suggested(Habits(430_000, 50_000, 990, 73_000, 65)), suggested(Habits(240_000, 37_500, 330, 17_600, 43))
    ('courier', 'bus')
    >>> suggested(Habits(330_000, 22_000, 20, 1_000, 38)), suggested(Habits(50_000, 3_700, 12, 700, 34))
    ('truck', 'van')
    >>> suggested(Habits(9_000, 900, 0, 0, float("nan"))) is None
    True
    """
    if of.distance_m < ENOUGH_M or of.driving_s < ENOUGH_S:
        return None
    per_km = of.halts / of.distance_m * 1_000
    if of.halting_s >= 0.4 * of.driving_s and of.halt_s >= 55:
        return "courier"
    if per_km >= 0.9:
        return "bus"
    return "truck" if per_km < 0.15 else "van"
