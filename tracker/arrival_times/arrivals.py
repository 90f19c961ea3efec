"""One vehicle and the stops it is to make in turn, seen through its fixes alone: where it is, when it arrived and left.

For replays, where nobody records visits. An arrival is the moment the straight way between two fixes comes nearest to
the next stop, interpolated in time. Where the vehicle is, when it is met on the way or has left stops out, `locate`
tells: the stops behind that place are passed over, and nobody says when.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from domain.geo import EARTH_M
from domain.readings import F64, I64, Bool
from tracker.rules import locate
from tracker.rules.forecast import NO_TIME
from tracker.rules.residuals import area

REACH_SHARE, REACH_MIN_M, REACH_MAX_M = 0.25, 50.0, 150.0  # how near to a stop, of the shorter leg, is at it
SURE = 0.8  # that it is further on, to pass over stops
FIXES = 3  # with fewer only where it can be at one place alone
JUMP_M, JUMP_MPS = 1_000.0, 90.0  # a fix that far off so soon is none of this vehicle's
SAME_PLACE_M = 100.0


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

    def terminal(self, stop: int) -> bool:
        """Whether vehicles wait at a stop for their time: the first of a trip, where a timetable tells it."""
        return (not stop or bool(self.again[stop])) and int(self.planned_us[stop]) != NO_TIME

    @property
    def leaves_us(self) -> I64:
        """When the leg to each stop begins at the earliest, NO_TIME where it does not wait."""
        at = np.concatenate([[NO_TIME], self.planned_us[:-1]])
        waits = np.concatenate([[False, True], self.again[1:-1]])[: len(self)]
        return np.where(waits, at, NO_TIME)

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

    It came to that place at `from_us`, was last seen there at `set_out_us`, and is there still if `there`. Was it `met`
    on the way to the next stop, these are as if it had driven by the timetable, and the leg teaches nothing.
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
    met: bool = False
    told: int = -1  # the last stop that was reached
    sure: bool = False  # since then it was surely on the way to the next one
    by: set[int] = field(default_factory=set)  # the later ones that it came by since then
    course: locate.Course | None = None  # from where it was first seen
    belief: locate.Belief | None = None

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
        found = self._come_to(t_us, lat, lon)
        self._comes_by(lat, lon)
        if (stop := self._locate(t_us, lat, lon)) is not None:
            found += self._pass_over(stop, t_us, lat, lon)
        if self.there:
            self.there = self._is_there(lat, lon)
            self.set_out_us = t_us if self.there else self.set_out_us
        self.t_us, self.lat, self.lon = t_us, lat, lon
        return found

    def origin(self) -> int:
        """Area of the place it comes from."""
        return int(area(self.from_lat, self.from_lon))

    def left(self) -> tuple[float, float]:
        """Beeline to the next stop, and its bearing."""
        return self._beeline_to_next(self.lat, self.lon)

    def _beeline_to_next(self, lat: float, lon: float) -> tuple[float, float]:
        return beeline(lat, lon, float(self.stops.lat[self.next]), float(self.stops.lon[self.next]))

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

    def _come_to(self, t_us: int, lat: float, lon: float) -> list[Reached]:
        """The next stops that the way to this fix comes by, in turn."""
        found: list[Reached] = []
        while not self.done and (stop := self._reached(t_us, lat, lon)) is not None:
            found.append(stop)
        return found

    def _reached(self, t_us: int, lat: float, lon: float) -> Reached | None:
        """The next stop, if the way to this fix comes by it."""
        first = self.next
        if self.stops.again[first] and first:
            return self._starts_over(t_us, lat, lon)
        off, share = self._closest(slice(first, first + 1), lat, lon)
        at_us = self.t_us + round((t_us - self.t_us) * float(share[0]))
        near = off[0] <= self.stops.reach_m[first] and at_us >= self.from_us  # else it was before its turn
        return self._arrive(first, at_us) if near else None

    def _locate(self, t_us: int, lat: float, lon: float) -> int | None:
        """The first stop that it has not surely passed, if that is not the next one; none that was reached already."""
        s = self.stops
        if self.done or len(s) < 2:
            return None
        if self.course is None or self.belief is None:
            self.course = locate.Course.of(
                np.append(lat, s.lat), np.append(lon, s.lon), np.append(NO_TIME, s.planned_us)
            )
            self.belief = locate.begin(self.course, t_us, lat, lon)
        else:
            self.belief = locate.follow(self.course, self.belief, t_us, lat, lon)
        way, reach = self.course.way_m[1:], s.reach_m
        low, high = self.belief.between(SURE)
        stop, last = np.searchsorted(np.maximum.accumulate(way + reach), (low, high)).tolist()
        if self.belief.fixes < FIXES and last > stop + 1:
            return None
        stop, now = max(stop, self.told + 1), self.next
        here = self.belief.within(way[now - 1] - reach[now - 1] if now else 0.0, way[now] + reach[now])
        self.sure = self.sure or here >= SURE
        if stop > now:
            return stop if not self.sure or any(stop - 2 <= each <= stop for each in self.by) else None
        return stop if stop < now and here < 1.0 - SURE else None

    def _comes_by(self, lat: float, lon: float) -> None:
        """Remembers the later stops that it comes by on its way to the next."""
        later = slice(self.next + 1, None)
        near = np.flatnonzero(self._closest(later, lat, lon)[0] <= self.stops.reach_m[later])
        self.by.update((near + self.next + 1).tolist())

    def _pass_over(self, stop: int, t_us: int, lat: float, lon: float) -> list[Reached]:
        """It is on the way to this stop. Those between that it came by since the last fix are reached."""
        found: list[Reached] = []
        if stop > self.next and t_us > self.t_us:
            off, share = self._closest(slice(self.next, stop), lat, lon)
            begun, near = 0.0, (off <= self.stops.reach_m[self.next : stop]) & (share > 0)
            for i in np.flatnonzero(near).tolist():
                if share[i] >= begun:
                    begun = float(share[i])
                    found.append(self._arrive(i + stop - len(off), self.t_us + round((t_us - self.t_us) * begun)))
        if self.next != stop:
            self._meet(stop, t_us, lat, lon)
        return found + self._come_to(t_us, lat, lon)

    def _meet(self, stop: int, t_us: int, lat: float, lon: float) -> None:
        """It is seen on the way to this stop, and nobody knows since when."""
        s = self.stops
        self.next, self.met, self.sure, self.by = stop, True, False, set()
        self.from_lat, self.from_lon = (float(s.lat[stop - 1]), float(s.lon[stop - 1])) if stop else (lat, lon)
        base_s, way_m = (float(np.nan_to_num(column[stop])) for column in (s.base_s, s.way_m))
        gone_s = base_s * (1.0 - min(self._beeline_to_next(lat, lon)[0] / max(way_m, 1.0), 1.0))
        self.there = self._is_there(lat, lon)
        self.from_us = self.set_out_us = t_us - round(gone_s * 1e6)

    def _starts_over(self, t_us: int, lat: float, lon: float) -> Reached | None:
        """A stop where it is already is reached when its time has come, or when it leaves."""
        planned, here = int(self.stops.planned_us[self.next]), self._is_there(lat, lon)
        if here and planned != NO_TIME and t_us < planned:
            return None
        return self._arrive(self.next, t_us if here and planned != NO_TIME else self.set_out_us)

    def _arrive(self, stop: int, at_us: int) -> Reached:
        at_us = max(at_us, self.from_us)  # never before the stop before
        seen = not self.met and NO_TIME < self.set_out_us < at_us
        whole = stop == self.next and not self.stops.again[stop] and seen
        stayed = (self.set_out_us - self.from_us) / 1e6 if whole and self.next else math.nan
        way, bearing = beeline(self.from_lat, self.from_lon, float(self.stops.lat[stop]), float(self.stops.lon[stop]))
        found = Reached(stop, at_us, self.set_out_us if whole else NO_TIME, stayed, way, bearing, self.origin())
        self.next = stop + 1
        self.from_lat, self.from_lon = float(self.stops.lat[stop]), float(self.stops.lon[stop])
        self.from_us = self.set_out_us = at_us
        self.there, self.met, self.told = True, False, stop
        self.sure, self.by = False, set()
        return found
