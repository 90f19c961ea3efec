"""A first arrival time per stop: what remains of the planned line over the learned speed, with a range around it.

Way is divided by a speed that leans on the vehicle's own recent pace and, where that says little, on a prior. The range
is log-normal about the middle: travel times are skewed and their error grows with what remains.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from domain.geo import distance_m
from domain.readings import F64

VERSION = 1
PRIOR_MPS = 12.0  # a truck's door-to-door pace on mixed roads
PRIOR_S = 300.0  # how much observed driving the prior is worth
MEMORY_S = 1800.0  # observed driving is forgotten with this time constant
DWELL_S = 600.0  # stay at a stop on the way
DETOUR = 1.3  # way by road over great circle, off the planned line
OFF_LINE_M = 1000.0
Z90 = 1.2815515655446004  # 90 % quantile of the normal distribution
SIGMA_NEAR, SIGMA_FAR, FAR_S = 0.10, 0.22, 3600.0


@dataclass(frozen=True, slots=True)
class Line:
    """A planned line: vertices in degrees, and the way from its start to each, metres."""

    lat: F64
    lon: F64
    way_m: F64

    @classmethod
    def of(cls, coordinates: list[list[float]]) -> Line:
        """A line from GeoJSON coordinates `[lon, lat]`."""
        points = np.asarray(coordinates, dtype=np.float64)[:, :2]
        lon, lat = points[:, 0], points[:, 1]
        legs = distance_m(lat[:-1], lon[:-1], lat[1:], lon[1:])
        return cls(lat, lon, np.concatenate([[0.0], np.cumsum(legs)]))

    def locate(self, lat: float, lon: float, from_m: float = 0.0) -> tuple[float, float]:
        """Way along the line of the point nearest to (lat, lon), not before `from_m`, and the distance to it; metres.

        Where the line passes the same place twice, the first passage behind `from_m` that is about as near is taken.
        """
        scale = np.cos(np.radians(lat)) * 111_195.0
        x, y = (self.lon - lon) * scale, (self.lat - lat) * 111_195.0
        dx, dy = np.diff(x), np.diff(y)
        squared = np.maximum(dx * dx + dy * dy, 1e-9)
        along = np.clip(-(x[:-1] * dx + y[:-1] * dy) / squared, 0.0, 1.0)
        off = np.hypot(x[:-1] + along * dx, y[:-1] + along * dy)
        at = self.way_m[:-1] + along * np.diff(self.way_m)
        off = np.where(at < from_m - 200.0, np.inf, off)
        best = int(np.argmax(off <= off.min() + 50.0))
        if not np.isfinite(off[best]):
            return from_m, float("inf")
        return max(float(at[best]), from_m), float(off[best])


@dataclass(frozen=True, slots=True)
class Pace:
    """Way driven and time it took, with forgetting; seconds and metres."""

    way_m: float = 0.0
    time_s: float = 0.0

    def after(self, way_m: float, time_s: float) -> Pace:
        """The pace after some more driving; standing at a stop is not to be given."""
        keep = float(np.exp(-time_s / MEMORY_S))
        return Pace(self.way_m * keep + way_m, self.time_s * keep + time_s)

    @property
    def speed_mps(self) -> float:
        """Learned speed, metres per second."""
        return (self.way_m + PRIOR_MPS * PRIOR_S) / (self.time_s + PRIOR_S)


def spread(travel_s: F64) -> F64:
    """Standard deviation of the logarithm of the travel time.

    >>> spread(np.array([0.0, 1e9])).round(3).tolist()
    [0.1, 0.22]
    """
    return SIGMA_NEAR + (SIGMA_FAR - SIGMA_NEAR) * np.minimum(travel_s, FAR_S) / FAR_S


def arrivals(remaining_m: F64, speed_mps: float, stops_between: F64) -> F64:
    """Seconds until each stop: rows of 10 %, 50 % and 90 %.

    >>> arrivals(np.array([0.0]), 10.0, np.array([0])).tolist()
    [[0.0, 0.0, 0.0]]
    """
    travel = np.maximum(remaining_m, 0.0) / max(speed_mps, 0.5)
    dwell = stops_between * DWELL_S
    sigma = Z90 * spread(travel)
    wide = dwell * 0.5
    return np.column_stack(
        [travel * np.exp(-sigma) + np.maximum(dwell - wide, 0.0), travel + dwell, travel * np.exp(sigma) + dwell + wide]
    )
