"""One vehicle and the stops it is to make in turn, seen through its fixes alone: where it is, when it arrived and left.

For replays, where nobody records visits. An arrival is the moment the straight way between two fixes comes nearest to
the next stop, interpolated in time. A stop that was never come near is passed over when a later one is reached.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from domain.geo import EARTH_M
from domain.readings import F64, I64, Bool
from tracker.rules.forecast import NO_TIME
from tracker.rules.residuals import area

REACH_SHARE, REACH_MIN_M, REACH_MAX_M = 0.25, 50.0, 150.0  # how near to a stop, of the shorter leg, is at it
SKIPPED_MAX = 5  # stops passed over at once
LATER_MAX, IN_TURN = 30, 3  # of so many later stops it need only come by some in turn to have passed over all before
FASTEST_MPS = 40.0
JUMP_M, JUMP_MPS = 1_000.0, 90.0  # a fix that far off so soon is none of this vehicle's
SAME_PLACE_M = 100.0
STANDS_US = 45_000_000  # who is seen at a later stop for so long has passed over those before it


@dataclass(frozen=True, slots=True)
class Stops:
    """A vehicle's stops in turn, and the leg to each from the one before; columns are equally long.

    Of the first leg way, bearing and base are NaN. `planned_us` is NO_TIME where there is no timetable. `again`: the
    same place as the stop before, where the vehicle starts over, as a bus does its next trip.
    """

    name: list[str]
    lat: F64
    lon: F64
    planned_us: I64
    place: I64
    reach_m: F64
    again: Bool
    way_m: F64  # beeline
    bearing_rad: F64
    base_s: F64  # by the timetable
    number: I64  # of the lane
    origin: I64  # area the leg begins in
    goal: I64
    before: I64  # place the leg begins at

    def __len__(self) -> int:
        return len(self.name)

    @classmethod
    def of(cls, name: list[str], lat: F64, lon: F64, planned_us: I64, place: I64) -> Stops:
        """From what a stops file says; `place` is a number that is the same wherever the stop is named so."""
        ends = np.column_stack([lat[:-1], lon[:-1], lat[1:], lon[1:]]).tolist()
        legs = np.array([(np.nan, np.nan), *(beeline(*each) for each in ends)])
        way, bearing = legs[:, 0], legs[:, 1]
        again = way < SAME_PLACE_M
        apart = np.where(again, np.nan, way)
        reach = np.nan_to_num(np.fmin(apart, np.append(apart[1:], np.nan)), nan=np.inf) * REACH_SHARE
        timetable = np.where(planned_us == NO_TIME, np.nan, planned_us / 1e6)
        step = np.diff(timetable, prepend=np.nan)
        goal, before = area(lat, lon), np.concatenate([[0], place[:-1]]).astype(np.int64)
        return cls(
            name,
            lat,
            lon,
            planned_us,
            place,
            np.clip(reach, REACH_MIN_M, REACH_MAX_M),
            again,
            way,
            bearing,
            np.where((step >= 0) & ~again, step, np.nan),
            before * np.int64(1_000_003) ^ place,
            np.concatenate([[0], goal[:-1]]).astype(np.int64),
            goal,
            before,
        )


def beeline(lat: float, lon: float, to_lat: float, to_lon: float) -> tuple[float, float]:
    """Metres and bearing (radians, from north) to a place not further than some 100 km.

    >>> [round(v, 2) for v in beeline(0.0, 179.999, 0.0, -179.999)]
    [222.39, 1.57]
    """
    east = math.radians((to_lon - lon + 180.0) % 360.0 - 180.0) * math.cos(math.radians((lat + to_lat) / 2))
    north = math.radians(to_lat - lat)
    return math.hypot(east, north) * EARTH_M, math.atan2(east, north)


class Reached(NamedTuple):
    """A stop that was reached, and the leg to it where both ends of it were seen.

    It had set out from the stop before (or where it was first seen) at `set_out_us`, NO_TIME when that is not known,
    after a stay of `stayed_s`, NaN when not known. Way and bearing are the beeline's; `origin` is the leg's first area.
    """

    stop: int
    at_us: int
    set_out_us: int
    stayed_s: float
    way_m: float
    bearing_rad: float
    origin: int


@dataclass(slots=True)
class Journey:
    """How far one vehicle has come: the next stop, its newest fix, and the place it comes from.

    It came to that place at `from_us`, was last seen there at `set_out_us`, and is there still if `there`.
    """

    stops: Stops
    next: int = 0
    t_us: int = NO_TIME
    lat: float = math.nan
    lon: float = math.nan
    from_lat: float = math.nan
    from_lon: float = math.nan
    from_us: int = NO_TIME
    set_out_us: int = NO_TIME
    there: bool = True
    nearest_m: float = math.inf  # to the next stop so far
    passed: list[int] = field(default_factory=list)  # later stops come by since the last arrival, in turn
    passed_us: int = 0  # when it first was at the last of them

    @property
    def done(self) -> bool:
        """No stop is left."""
        return self.next >= len(self.stops)

    def move(self, t_us: int, lat: float, lon: float) -> list[Reached]:
        """The stops reached by a fix that is newer than all before. A jump is left out: `t_us` stays what it was."""
        if self.t_us == NO_TIME:
            self.t_us, self.lat, self.lon = t_us, lat, lon
            self.from_lat, self.from_lon, self.from_us = lat, lon, t_us
        elif beeline(self.lat, self.lon, lat, lon)[0] > max(JUMP_M, JUMP_MPS * (t_us - self.t_us) / 1e6):
            return []
        found: list[Reached] = []
        while not self.done and (stop := self._reached(t_us, lat, lon)) is not None:
            found.append(stop)
        if self.there:
            self.there = self._is_there(lat, lon)
            self.set_out_us = t_us if self.there else self.set_out_us
        self.t_us, self.lat, self.lon = t_us, lat, lon
        if not self.done:
            self.nearest_m = min(self.nearest_m, self.left()[0])
        return found

    def origin(self) -> int:
        """Area of the place it comes from."""
        return int(area(self.from_lat, self.from_lon))

    def left(self) -> tuple[float, float]:
        """Beeline to the next stop, and its bearing."""
        return beeline(self.lat, self.lon, float(self.stops.lat[self.next]), float(self.stops.lon[self.next]))

    def _is_there(self, lat: float, lon: float) -> bool:
        reach = float(self.stops.reach_m[self.next - 1]) if self.next else REACH_MAX_M
        return beeline(lat, lon, self.from_lat, self.from_lon)[0] <= reach

    def _closest(self, stops: slice, lat: float, lon: float) -> tuple[F64, F64]:
        """How near the way from the last fix to this one comes to each of these stops, and at which share of it."""
        scale = math.cos(math.radians(lat))
        x = ((self.stops.lon[stops] - self.lon + 180.0) % 360.0 - 180.0) * scale
        y = self.stops.lat[stops] - self.lat
        dx, dy = ((lon - self.lon + 180.0) % 360.0 - 180.0) * scale, lat - self.lat
        squared = dx * dx + dy * dy
        share = np.clip((x * dx + y * dy) / squared, 0.0, 1.0) if squared > 0 else np.ones(len(x))
        return np.radians(np.hypot(x - share * dx, y - share * dy)) * EARTH_M, share

    def _reached(self, t_us: int, lat: float, lon: float) -> Reached | None:
        """The next stop, or a later one when those before it were passed over."""
        s, first = self.stops, self.next
        if s.again[first] and first:
            return self._starts_over(t_us, lat, lon)
        off, share = self._closest(slice(first, first + 1 + LATER_MAX), lat, lon)
        near = np.flatnonzero(off <= s.reach_m[first : first + 1 + LATER_MAX]).tolist()
        if not near or near[0]:
            near = [i for i in near if self._passes(t_us, first + i, lat, lon)][:1]
        return (
            self._arrive(first + near[0], self.t_us + round((t_us - self.t_us) * float(share[near[0]])))
            if near
            else None
        )

    def _passes(self, t_us: int, stop: int, lat: float, lon: float) -> bool:
        """Whether coming by a later stop means that those before it are passed over.

        It does when it leaves the next stop behind or stands at the later one, when the recording begins on the way,
        or when it has come by three later stops in turn.
        """
        s, last = self.stops, self.passed[-1] if self.passed else -1
        if stop != last:
            self.passed = [*self.passed, stop] if stop > last else [stop]
            self.passed_us = t_us
        if len(self.passed) >= IN_TURN:
            return True
        if stop > self.next + SKIPPED_MAX:
            return False
        planned = int(s.planned_us[stop])
        if not self.next and planned != NO_TIME and planned <= t_us:
            return True
        way = float(np.nansum(s.way_m[self.next + 1 : stop + 1]))
        if self.set_out_us == NO_TIME or way > FASTEST_MPS * (t_us - self.set_out_us) / 1e6:
            return False
        near = max(300.0, 0.3 * float(np.nan_to_num(s.way_m[self.next])))
        here = beeline(lat, lon, float(s.lat[self.next]), float(s.lon[self.next]))[0]
        return t_us - self.passed_us >= STANDS_US or self.nearest_m < min(near, here - 100.0)

    def _starts_over(self, t_us: int, lat: float, lon: float) -> Reached | None:
        """A stop where it is already is reached when its time has come, or when it leaves."""
        planned, here = int(self.stops.planned_us[self.next]), self._is_there(lat, lon)
        if here and planned != NO_TIME and t_us < planned:
            return None
        return self._arrive(self.next, t_us if here and planned != NO_TIME else self.set_out_us)

    def _arrive(self, stop: int, at_us: int) -> Reached:
        at_us = max(at_us, self.from_us)  # never before the stop before
        whole = stop == self.next and not self.stops.again[stop] and NO_TIME < self.set_out_us < at_us
        stayed = (self.set_out_us - self.from_us) / 1e6 if whole and self.next else math.nan
        way, bearing = beeline(self.from_lat, self.from_lon, float(self.stops.lat[stop]), float(self.stops.lon[stop]))
        found = Reached(stop, at_us, self.set_out_us if whole else NO_TIME, stayed, way, bearing, self.origin())
        self.next = stop + 1
        self.from_lat, self.from_lon = float(self.stops.lat[stop]), float(self.stops.lon[stop])
        self.from_us = self.set_out_us = at_us
        self.there, self.nearest_m, self.passed = True, math.inf, []
        return found
