"""How a truck moves: speed along a route under limits, traffic and red lights; its tour; what its receiver reports.

A leg is planned once, in numpy. The speed at each point is the fastest that respects the limit there and every limit
before and after it under constant acceleration a and braking b:

    v(s)^2 = min over points j of  limit(j)^2 + 2 a (s - s_j)  for j behind,  limit(j)^2 + 2 b (s_j - s)  for j ahead

which is one running minimum forwards and one backwards. Time follows from the mean speed between two points.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from math import sqrt
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from firmware_sim.events import Event, Item, Made
from firmware_sim.faults import rng_for
from firmware_sim.geography import F64, STREET_MPS, Route, route, to_lat_lon, to_xy
from firmware_sim.model import Device, Vehicle, World

ACCELERATION_MPS2 = 0.7
BRAKING_MPS2 = 0.9
LIGHTS_EVERY_M = 450.0  # on streets
RED_P = 0.3
RED_S = (5.0, 35.0)
DOORSTEPS_EVERY_M = 400.0  # on streets, of who delivers there
JAM_P = 0.35  # a leg meets a jam
JAM_M = (300.0, 1200.0)
JAM_FACTOR = (0.3, 0.6)
PARKED_INTERVAL_S = 10.0
DOOR_DELAY_S, DOOR_OPEN_S = 25.0, (45.0, 90.0)
KEEP_SEGMENTS = 8  # segments a late reader may still ask for

# Share of the free speed by local hour: two rush hours, empty nights.
TRAFFIC_BY_HOUR = (
    1.0, 1.0, 1.0, 1.0, 1.0, 0.98, 0.9, 0.75, 0.7, 0.82, 0.9, 0.9,
    0.88, 0.88, 0.84, 0.74, 0.68, 0.76, 0.88, 0.94, 0.96, 0.98, 1.0, 1.0,
)  # fmt: skip

# GPS error: slowly wandering (first-order Gauss-Markov) plus white, in metres; reported accuracy is honest.
WANDER_M, WANDER_TAU_S, WHITE_M = 2.5, 30.0, 0.6


@dataclass(frozen=True, slots=True)
class Drive:
    """A leg: `time_s` and `speed_mps` at each point of the route, seconds since `start_ms`."""

    start_ms: int
    end_ms: int
    goal: str
    route: Route
    time_s: F64
    speed_mps: F64
    doorsteps: tuple[tuple[int, int], ...] = ()
    """When it halted at doorsteps, and when it went on."""


@dataclass(frozen=True, slots=True)
class Dwell:
    """A stop at a site, and when the rear door is open."""

    start_ms: int
    end_ms: int
    site: str
    door_open_ms: int
    door_shut_ms: int


Segment = Drive | Dwell


def speed_profile(along_m: F64, limit_mps: F64) -> F64:
    """Fastest speed in m/s at each point from rest to rest under the limits (formula above)."""
    limit2 = limit_mps**2
    limit2[0] = limit2[-1] = 0.0
    ahead = np.minimum.accumulate((limit2 + 2 * BRAKING_MPS2 * along_m)[::-1])[::-1] - 2 * BRAKING_MPS2 * along_m
    behind = np.minimum.accumulate(limit2 - 2 * ACCELERATION_MPS2 * along_m) + 2 * ACCELERATION_MPS2 * along_m
    return np.sqrt(np.maximum(np.minimum(ahead, behind), 0.0))


def plan_leg(
    line: Route,
    factor: float,
    rng: np.random.Generator | None,
    doorstep_s: tuple[float, float] | None = None,
) -> tuple[F64, F64, F64]:
    """Seconds from the start, speed in m/s and seconds at a doorstep at each point.

    `rng` None plans without jams, red lights and doorsteps.
    """
    limit = line.limit_mps * factor
    waits, stays = np.zeros(len(limit)), np.zeros(len(limit))
    if rng is not None:
        limit = limit * float(rng.normal(1.0, 0.04))
        if rng.random() < JAM_P and line.length_m > 3000:
            begin = float(rng.uniform(1000, line.length_m - 1500))
            inside = (line.along_m >= begin) & (line.along_m <= begin + float(rng.uniform(*JAM_M)))
            limit = np.where(inside, limit * float(rng.uniform(*JAM_FACTOR)), limit)
        for light_m in np.arange(LIGHTS_EVERY_M, line.length_m - 200, LIGHTS_EVERY_M):
            i = int(np.searchsorted(line.along_m, light_m))
            if line.limit_mps[i] <= STREET_MPS and rng.random() < RED_P:
                limit[i] = 0.0
                waits[i] = float(rng.uniform(*RED_S))
        for door_m in np.arange(DOORSTEPS_EVERY_M / 2, line.length_m - 200, DOORSTEPS_EVERY_M) if doorstep_s else ():
            i = int(np.searchsorted(line.along_m, door_m))
            if doorstep_s and line.limit_mps[i] <= STREET_MPS:
                limit[i] = 0.0
                stays[i] = float(rng.uniform(*doorstep_s))
    speed = speed_profile(line.along_m, limit)
    step_s = 2 * np.diff(line.along_m) / np.maximum(speed[1:] + speed[:-1], 0.5)
    return np.concatenate(([0.0], np.cumsum(step_s + (waits + stays)[:-1]))), speed, stays


@cache
def nominal_leg_s(origin: str, goal: str) -> float:
    """Seconds the leg takes in ordinary traffic, as a planner would assume."""
    return float(plan_leg(route(origin, goal), 0.9, None)[0][-1])


class Itinerary:
    """Where one truck is at any time: its legs and stops, drawn one after another from the seed.

    Readers share it and may be at most `KEEP_SEGMENTS` segments apart.
    """

    def __init__(self, vehicle: Vehicle, world: World, start_ms: int) -> None:
        self.vehicle = vehicle
        self._rng = rng_for(world.seed, f"drive/{vehicle.id}")
        self._utc_offset_h = world.utc_offset_h
        self._leg = vehicle.first_leg
        self._made = 1
        self._segments: dict[int, Segment] = {0: self._first(start_ms)}

    def segment(self, index: int) -> Segment:
        """The `index`-th leg or stop since the start; made when first asked for."""
        while self._made <= index:
            last = self._segments[self._made - 1]
            self._segments[self._made] = self._dwell(last) if isinstance(last, Drive) else self._drive(last.end_ms)
            self._segments.pop(self._made - KEEP_SEGMENTS, None)
            self._made += 1
        return self._segments[index]

    def stops(self) -> Iterator[Dwell]:
        """Every stop, for ever."""
        index = 0
        while True:
            segment = self.segment(index)
            if isinstance(segment, Dwell):
                yield segment
            index += 1

    def _drive(self, start_ms: int) -> Drive:
        tour = self.vehicle.tour
        line = route(tour[self._leg], tour[(self._leg + 1) % len(tour)])
        hour = int((start_ms / 3_600_000 + self._utc_offset_h) % 24)
        time_s, speed, stays = plan_leg(line, TRAFFIC_BY_HOUR[hour], self._rng, self.vehicle.doorstep_s)
        halts = [(round(float(time_s[i]) * 1000), round(float(stays[i]) * 1000)) for i in np.flatnonzero(stays)]
        doorsteps = tuple((start_ms + at, start_ms + at + stay) for at, stay in halts)
        self._leg = (self._leg + 1) % len(tour)
        end_ms = start_ms + round(float(time_s[-1]) * 1000)
        return Drive(start_ms, end_ms, tour[self._leg], line, time_s, speed, doorsteps)

    def _first(self, start_ms: int) -> Drive:
        """The leg it is on at the start, begun in the past."""
        drive = self._drive(start_ms)
        duration_ms = drive.end_ms - drive.start_ms
        left_s = self.vehicle.first_left_s
        left_ms = duration_ms * float(self._rng.uniform(0.45, 0.85)) if left_s is None else left_s * 1000
        begin = start_ms - duration_ms + round(min(left_ms, duration_ms))
        shift = begin - start_ms
        doorsteps = tuple((halt + shift, on + shift) for halt, on in drive.doorsteps)
        return Drive(begin, begin + duration_ms, drive.goal, drive.route, drive.time_s, drive.speed_mps, doorsteps)

    def _dwell(self, drive: Drive) -> Dwell:
        stay_s = float(self._rng.uniform(self.vehicle.dwell_s_min, self.vehicle.dwell_s_max))
        opened = drive.end_ms + round(DOOR_DELAY_S * 1000)
        shut = min(opened + round(float(self._rng.uniform(*DOOR_OPEN_S)) * 1000), drive.end_ms + round(stay_s * 900))
        return Dwell(drive.end_ms, drive.end_ms + round(stay_s * 1000), drive.goal, opened, shut)


class Receiver:
    """GPS error of one receiver: a first-order Gauss-Markov walk plus white noise."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._x_m, self._y_m = float(rng.normal(0, WANDER_M)), float(rng.normal(0, WANDER_M))

    def errors(self, n: int, interval_s: float) -> tuple[F64, F64]:
        """Errors east and north in metres of the next `n` fixes."""
        keep = float(np.exp(-interval_s / WANDER_TAU_S))
        push = WANDER_M * sqrt(1 - keep * keep)
        draws = self._rng.normal(size=(n, 4))
        east, north = np.empty(n), np.empty(n)
        for i in range(n):
            self._x_m = keep * self._x_m + push * float(draws[i, 0])
            self._y_m = keep * self._y_m + push * float(draws[i, 1])
            east[i] = self._x_m + WHITE_M * float(draws[i, 2])
            north[i] = self._y_m + WHITE_M * float(draws[i, 3])
        return east, north


class Tracker:
    """A vehicle's tracker: where its next fix falls, its receiver's error, and the odometer."""

    def __init__(self, device: Device, itinerary: Itinerary, world: World, start_ms: int) -> None:
        rng = rng_for(world.seed, f"tracker/{device.id}")
        self.device = device
        self.itinerary = itinerary
        self.receiver = Receiver(rng)
        self.odometer_m = float(rng.integers(40_000_000, 400_000_000))
        self.next_ms = start_ms + int(rng.integers(0, 1000))

    def items(self) -> Iterator[Item]:
        """Fixes of the tracker; arrivals, departures and doorsteps of its vehicle; in time order, for ever."""
        vehicle = self.itinerary.vehicle.id
        start_ms = self.next_ms
        index = 0
        while True:
            segment = self.itinerary.segment(index)
            if isinstance(segment, Drive):
                fixes: Iterator[Item] = self._driving(segment)
                doorsteps: list[Item] = [
                    Event(halt, "doorstep", vehicle, {"until": on})
                    for halt, on in segment.doorsteps
                    if halt >= start_ms
                ]
                yield from heapq.merge(fixes, doorsteps, key=attrgetter("t_ms"))
                yield Event(segment.end_ms, "arrived", vehicle, {"site": segment.goal})
            else:
                yield from self._parked(segment)
                yield Event(segment.end_ms, "departed", vehicle, {"site": segment.site})
            index += 1

    def _driving(self, drive: Drive) -> Iterator[Made]:
        times = self._times(drive.end_ms, self.device.interval_s)
        line = drive.route
        since_s = (times - drive.start_ms) / 1000
        along = np.interp(since_s, drive.time_s, line.along_m)
        moving = np.interp(since_s, drive.time_s, drive.speed_mps)
        x, y = to_xy(np.interp(along, line.along_m, line.lat), np.interp(along, line.along_m, line.lon))
        heading = line.bearing_deg[np.searchsorted(line.along_m, along, side="right") - 1]
        fixes = _Fixes(times, x, y, moving, heading, self.odometer_m + along)
        yield from self._fixes(fixes, self.device.interval_s, moving=True)
        self.odometer_m += line.length_m

    def _parked(self, dwell: Dwell) -> Iterator[Made]:
        interval_s = max(self.device.interval_s, PARKED_INTERVAL_S)
        times = self._times(dwell.end_ms, interval_s)
        self.next_ms = min(self.next_ms, dwell.end_ms + round(self.device.interval_s * 1000))
        tour = self.itinerary.vehicle.tour
        line = route(dwell.site, tour[(tour.index(dwell.site) + 1) % len(tour)])
        x, y = to_xy(line.lat[:1], line.lon[:1])
        like = np.ones(len(times))
        fixes = _Fixes(times, x * like, y * like, 0 * like, line.bearing_deg[0] * like, self.odometer_m * like)
        yield from self._fixes(fixes, interval_s, moving=False)

    def _times(self, end_ms: int, interval_s: float) -> NDArray[np.int64]:
        step_ms = round(interval_s * 1000)
        times = np.arange(self.next_ms, end_ms, step_ms, dtype=np.int64)
        self.next_ms += len(times) * step_ms
        return times

    def _fixes(self, true: _Fixes, interval_s: float, *, moving: bool) -> Iterator[Made]:
        east, north = self.receiver.errors(len(true.t_ms), interval_s)
        lat, lon = to_lat_lon(true.x_m + east, true.y_m + north)
        accuracy = 2.5 + np.hypot(east, north)
        for i, t in enumerate(true.t_ms.tolist()):
            reading = {
                "t": t,
                "lat": round(float(lat[i]), 6),
                "lon": round(float(lon[i]), 6),
                "spd": round(float(true.speed_mps[i]), 1),
                "hdg": round(float(true.heading_deg[i])) % 360,
                "acc": round(float(accuracy[i]), 1),
                "odo": round(float(true.odometer_m[i])),
                "ign": moving,
            }
            if not self.device.tells_speed:
                del reading["spd"]
            yield Made(t, self.device.id, "gps", reading)


@dataclass(frozen=True, slots=True)
class _Fixes:
    """Where the vehicle truly is at the times of its fixes."""

    t_ms: NDArray[np.int64]
    x_m: F64
    y_m: F64
    speed_mps: F64
    heading_deg: F64
    odometer_m: F64
