"""How long a way takes at an hour of the week: learned from trips that were driven, else what is usual. Pure.

A way is the great circle times a detour. Its pace (seconds per metre) is that of trips as long as it at that hour;
hours of which few are known lean on the hour of all such days, that on all trips as long, and that on what is usual:
a figure of n trips counts n / (n + 10).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from domain.geo import distance_m
from domain.readings import F64, I64

HOURS = 168
BANDS_M = (5_000.0, 20_000.0, 100_000.0)
"""Ways of these lengths and longer ones are other ways."""
USUAL_KMH = (25.0, 40.0, 60.0, 72.0)
USUAL_DETOUR, USUAL_SPREAD = 1.3, 1.3
LEAN = 10
MONDAY_S = 4 * 86_400
LEAST_TRIPS = 10
SOURCES = ("default", "trips")


class Trip(NamedTuple):
    """A trip that was driven: how far, as the crow flies and by road, how long, and when it began."""

    crow_m: float
    distance_m: float
    seconds: float
    began_s: float


@dataclass(frozen=True)
class Travel:
    """What is known of ways.

    Attributes:
        paces: (bands, hours of the week) seconds per metre of road, from Monday 00:00 local time.
        spreads: of each band, p90 / p50 of the time.
        trips: of each band, how many trips it rests on.
        offset_s: local time less UTC.
    """

    detour: float = USUAL_DETOUR
    paces: tuple[tuple[float, ...], ...] = tuple((3.6 / kmh,) * HOURS for kmh in USUAL_KMH)
    spreads: tuple[float, ...] = (USUAL_SPREAD,) * len(USUAL_KMH)
    trips: tuple[int, ...] = field(default=(0,) * len(USUAL_KMH))
    offset_s: int = 0


def learned(trips: Sequence[Trip], offset_s: int = 0) -> Travel:
    """What trips teach; not those shorter than 300 m, back to where they began, or quicker than any vehicle.

    >>> learned([]).trips
    (0, 0, 0, 0)
    """
    rows = np.array(trips, dtype=np.float64).reshape(-1, 4)
    crow, road, seconds, began = rows.T
    good = (road > 300) & (seconds > 30) & (road / np.maximum(seconds, 1) < 50) & (crow > 0.3 * road)
    crow, road, seconds, began = crow[good], road[good], seconds[good], began[good]
    detour = USUAL_DETOUR
    if len(road):
        n = len(road)
        detour = float((n * np.clip(np.median(road / crow), 1.0, 3.0) + LEAN * USUAL_DETOUR) / (n + LEAN))
    bands, hours = np.digitize(road, BANDS_M), hour_of_week(began, offset_s)
    paces, spreads, counts = [], [], []
    for band, kmh in enumerate(USUAL_KMH):
        here = bands == band
        found, spread = _paces(seconds[here] / road[here], hours[here], 3.6 / kmh)
        paces.append(tuple(found.tolist()))
        spreads.append(spread)
        counts.append(int(here.sum()))
    return Travel(detour, tuple(paces), tuple(spreads), tuple(counts), offset_s)


def _paces(pace: F64, hours: I64, usual: float) -> tuple[F64, float]:
    """By hour of the week, and p90 / p50 of what is left."""
    whole = _lean(pace, usual)
    found = np.full(HOURS, whole)
    weekend = hours // 24 >= 5
    for end, days in ((False, range(5)), (True, range(5, 7))):
        for hour in range(24):
            of_hour = _lean(pace[(weekend == end) & (hours % 24 == hour)], whole)
            for day in days:
                at = day * 24 + hour
                found[at] = _lean(pace[hours == at], of_hour)
    if not len(pace):
        return found, USUAL_SPREAD
    ratio = float(np.quantile(pace / found[hours], 0.9))
    return found, float(np.clip((len(pace) * ratio + LEAN * USUAL_SPREAD) / (len(pace) + LEAN), 1.05, 3.0))


def _lean(pace: F64, on: float) -> float:
    n = len(pace)
    return float((n * np.median(pace) + LEAN * on) / (n + LEAN)) if n else on


def hour_of_week(time_s: F64 | float, offset_s: int) -> I64:
    """From Monday 00:00 local time, 0 to 167."""
    found: I64 = ((np.asarray(time_s) + offset_s - MONDAY_S) // 3600 % HOURS).astype(np.int64)
    return found


class Ways:
    """All ways between places."""

    def __init__(self, travel: Travel, lat: F64, lon: F64) -> None:
        """`lat`, `lon`: (places,)."""
        self.travel = travel
        crow = distance_m(lat[:, None], lon[:, None], lat[None, :], lon[None, :])
        self.crow_m: F64 = np.asarray(crow)
        self.road_m: F64 = self.crow_m * travel.detour
        self.bands = np.digitize(self.road_m, BANDS_M)
        self.paces = np.array(travel.paces)
        self.sigma = np.log(np.array(travel.spreads)) / 1.2816
        """Of the logarithm of the time, by band."""
        self._pace = [[float(each) for each in row] for row in travel.paces]

    def seconds(self, start: int, end: int, at_s: float) -> int:
        """p50 of one way, begun then."""
        hour = int((at_s + self.travel.offset_s - MONDAY_S) // 3600 % HOURS)
        return round(float(self.road_m[start, end]) * self._pace[int(self.bands[start, end])][hour])

    def matrix(self, at_s: F64) -> I64:
        """p50 of all ways; `at_s`: when each place is left."""
        hours = hour_of_week(at_s, self.travel.offset_s)
        found: I64 = np.rint(self.road_m * self.paces[self.bands, hours[:, None]]).astype(np.int64)
        return found

    def source(self, start: int, end: int) -> str:
        """What the time of a way rests on: `trips` of ours, or the `default`."""
        return SOURCES[self.travel.trips[self.bands[start, end]] >= LEAST_TRIPS]
