"""Where on its line a vehicle is that nobody has followed there: a small hidden Markov model, filtered forward.

    weight of a place = (what led to it: way gained against way moved and time) x (distance off the line) x (heading)

The state is a place on the line, and with it the stop ahead. Each fix has a few candidates, the nearest point of every
passage of the line. Where a line comes back on itself, moving along it decides; a timetable helps, if weakly. What is
known is a value: `Belief`. The constants are of roads and receivers, none is fitted to a recording.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from domain.readings import F64, I64
from tracker.rules.forecast import DETOUR, NO_TIME
from tracker.rules.lines import M_PER_DEG

NOISE_M = 30.0  # a receiver in streets, half a wide street, and a stop that is a spot
LOOSE = 0.25  # of a leg known by its ends only: how far off its middle a road is that is DETOUR times as long
FREE_M = 300.0  # who is on the way to the first stop may be that far off the straight way, until near it
TAIL = 3.0  # degrees of freedom of distances off the line: a receiver errs by far at times
PEAK = np.log(2 / (np.pi * np.sqrt(TAIL)))  # their density at 0
FASTEST_MPS, SLACK_M = 40.0, 500.0
UNSEEN_MPS = 4.0  # way made on a loop nobody saw, in a gap
MOVED_M = 40.0  # who has moved less has shown nothing new
BEND_M = 200.0  # over so much way a road keeps its direction and its distance off the line
TURNS, AWAY = 2.0, 0.05  # concentration of headings around the line's, and the share of those that say nothing
LOST = 1e-3  # that a vehicle is suddenly anywhere on its line
LATE_S, EARLY_S = 900.0, 300.0  # against a timetable; both with tails of hours
APPROACH_MPS = 10.0
BEGINS = 0.5  # that a recording begins before the first stop
COUNTRY_M = 10_000.0  # and then anywhere in such a square at least,
YARD_M = 100.0  # or so near to the first or last stop, seldom to another
PLACES_MAX = 64
LEAST = -30.0  # logarithm of a weight not worth keeping


@dataclass(frozen=True, slots=True)
class Course:
    """A line to be located on: segment i leads from vertex i to vertex i + 1, and to stop `ahead[i]`.

    `way_m` is the way to each vertex, `planned_s` when it is to be there (NaN: unknown), `loose_m` how far off the
    road may be at the middle of each segment. The first segment is the way to the first stop, from wherever it began.
    """

    lat: F64
    lon: F64
    way_m: F64
    planned_s: F64
    ahead: I64
    loose_m: F64

    @classmethod
    def of(cls, lat: F64, lon: F64, planned_us: I64, stops: I64 | None = None) -> Course:
        """From the vertex a recording begins at, then those of the stops, or of a shape with `stops` at these vertices.

        A course of stops is loose between them; a shape is where the road is. A shape's first stop is its vertex 1.
        """
        x, y = _flat(lat, lon, float(lat[0]), float(lon[0]))
        leg = np.hypot(np.diff(x), np.diff(y))
        n = len(leg)
        ahead = np.arange(n) if stops is None else np.searchsorted(stops, np.arange(1, n + 1))
        loose = LOOSE * leg if stops is None else np.zeros(n)
        planned = np.where(planned_us == NO_TIME, np.nan, planned_us / 1e6)
        return cls(lat, lon, np.append(0.0, np.cumsum(leg)), planned, ahead.astype(np.int64), loose)

    def planned(self, way_m: F64) -> F64:
        """When it is to be at these places; NaN without a timetable around them."""
        known = np.flatnonzero(~np.isnan(self.planned_s))
        if not len(known):
            return np.full(len(way_m), np.nan)
        return np.interp(way_m, self.way_m[known], self.planned_s[known], left=np.nan, right=np.nan)


class Places(NamedTuple):
    """Candidates for one fix, in order of way: the segment, how likely so far off it, its heading and width."""

    segment: I64
    way_m: F64
    log: F64
    east: F64
    north: F64
    wide_m: F64


class Belief(NamedTuple):
    """Places a vehicle may be at, in order of way, and the logarithm of what each weighs; weights add up to 1.

    The newest fix is of `t_us`; the newest of so many `fixes` that had moved on was at `lat`, `lon`, at `moved_us`.
    """

    fixes: int
    t_us: int
    moved_us: int
    lat: float
    lon: float
    segment: I64
    way_m: F64
    wide_m: F64
    log: F64

    def between(self, sure: float) -> tuple[float, float]:
        """Ways that it is surely at least and at most at."""
        up = np.cumsum(np.exp(self.log))
        least = int(np.searchsorted(up, 1.0 - sure, side="right"))
        most = int(np.searchsorted(up, sure))
        last = len(up) - 1
        return float(self.way_m[min(least, last)]), float(self.way_m[min(most, last)])

    def within(self, low_m: float, high_m: float) -> float:
        """How likely it is somewhere between these ways."""
        return float(np.exp(self.log[(self.way_m >= low_m) & (self.way_m <= high_m)]).sum())


def begin(course: Course, t_us: int, lat: float, lon: float) -> Belief:
    """What the first fix says, which is the course's first vertex: before the first stop, or anywhere on the line."""
    seen = _places(course, lat, lon)
    length = max(float(course.way_m[-1] - course.way_m[1]), 1.0)
    late = t_us / 1e6 - course.planned(seen.way_m)
    lasts = float(np.ptp(course.planned_s[~np.isnan(course.planned_s)])) if not np.isnan(late).all() else 0.0
    narrowed = max(lasts / (LATE_S + EARLY_S), 1.0)  # a timetable says when as well as where
    log = np.log((1 - BEGINS) * narrowed / length) + seen.log + _on_time(late)
    x, y = _flat(course.lat[1:], course.lon[1:], lat, lon)
    near = np.exp(-0.5 * (x * x + y * y) / YARD_M**2) / (2 * np.pi * YARD_M**2)
    square = max(float(np.ptp(x)), float(np.ptp(y)), COUNTRY_M) ** 2
    ready = t_us / 1e6 + float(course.way_m[1]) / APPROACH_MPS - course.planned_s[1:2]
    before = np.log(BEGINS * (0.5 / square + 0.2 * float(near[0] + near[-1]) + 0.1 * float(near.mean())))
    log[0] = before + float(_on_time(np.maximum(ready, 0.0))[0])
    return Belief(1, t_us, t_us, lat, lon, seen.segment, seen.way_m, seen.wide_m, _normal(log))


def follow(course: Course, was: Belief, t_us: int, lat: float, lon: float) -> Belief:
    """What is known with one more fix, newer than the last."""
    east, north = (float(each[0]) for each in _flat(np.array([lat]), np.array([lon]), was.lat, was.lon))
    moved = float(np.hypot(east, north))
    if moved < MOVED_M:
        return was._replace(t_us=t_us)
    seen = _places(course, lat, lon)
    new = moved / (moved + BEND_M)
    along = TURNS * ((seen.east * east + seen.north * north) / moved - 1.0)
    heading = np.log((1 - AWAY) * np.exp(along) + AWAY)
    gap_s = (t_us - was.t_us) / 1e6
    gained = seen.way_m[:, None] - was.way_m
    wide = NOISE_M + 0.5 * (seen.wide_m[:, None] + was.wide_m)
    more = np.maximum(gained - DETOUR * moved - wide, 0.0) / (wide + 0.5 * moved + UNSEEN_MPS * gap_s)
    cost = more + np.maximum(-gained, 0.0) / wide
    cost[gained > SLACK_M + FASTEST_MPS * (t_us - was.moved_us) / 1e6] = np.inf
    led = np.logaddexp.reduce(was.log - cost, axis=1)
    anywhere = np.log(LOST * np.minimum(seen.wide_m / max(float(course.way_m[-1]), 1.0), 1.0))
    log = _normal(np.logaddexp(led, anywhere) + new * (seen.log + heading))
    keep = log > LEAST
    places = (seen.segment[keep], seen.way_m[keep], seen.wide_m[keep], _normal(log[keep]))
    return Belief(was.fixes + 1, t_us, t_us, lat, lon, *places)


def _places(course: Course, lat: float, lon: float) -> Places:
    """The nearest point of each passage, at most so many of the likeliest, and always one before the first stop."""
    x, y = _flat(course.lat, course.lon, lat, lon)
    dx, dy = np.diff(x), np.diff(y)
    leg = np.hypot(dx, dy)
    share = np.clip(-(x[:-1] * dx + y[:-1] * dy) / np.maximum(leg * leg, 1e-9), 0.0, 1.0)
    off = np.hypot(x[:-1] + share * dx, y[:-1] + share * dy)
    wide = np.hypot(NOISE_M, 2.0 * course.loose_m * np.sqrt(share * (1.0 - share)))
    wide[0] = np.hypot(min(FREE_M, (1.0 - share[0]) * leg[0]), wide[0])
    log = PEAK - np.log(wide) - 0.5 * (TAIL + 1.0) * np.log1p((off / wide) ** 2 / TAIL)
    turned = (share == 1.0) & np.append(share[1:] == 0.0, True)  # nearer at the vertex than before and behind it
    passage = ((share > 0.0) & (share < 1.0)) | turned
    passage[:2] = False, passage[1] or share[1] == 0.0
    peak = np.flatnonzero(passage)
    if len(peak) >= PLACES_MAX:
        peak = np.sort(peak[np.argpartition(-log[peak], PLACES_MAX - 1)[: PLACES_MAX - 1]])
    row = np.append(0, peak)
    unit = 1.0 / np.maximum(leg[row], 1e-9)
    way = course.way_m[row] + share[row] * leg[row]
    return Places(row, way, log[row], dx[row] * unit, dy[row] * unit, wide[row])


def _flat(lat: F64, lon: F64, lat0: float, lon0: float) -> tuple[F64, F64]:
    """Metres east and north of a place."""
    east = ((lon - lon0 + 180.0) % 360.0 - 180.0) * (np.cos(np.radians(lat0)) * M_PER_DEG)
    return east, (lat - lat0) * M_PER_DEG


def _on_time(late_s: F64) -> F64:
    """How likely it is to be so late, as a logarithm; 0 where nobody knows."""
    scale = np.where(late_s > 0, LATE_S, EARLY_S)
    return -np.log1p((np.nan_to_num(late_s) / scale) ** 2)


def _normal(log: F64) -> F64:
    """Logarithms of weights that add up to 1."""
    return np.asarray(log - np.logaddexp.reduce(log))
