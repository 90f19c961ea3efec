"""A fleet's history made of a seed: who drove when, how full the tank and how heavy the load was, what broke down."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from domain.readings import F64, I64, Bool

WINDOW_S = 600  # what a vehicle does changes at the ends of these
FLEETS = ("north", "south", "east", "west")
MODELS = ("light", "medium", "heavy")
LOAD_KG = (3_500.0, 9_000.0, 24_000.0)
TANK_L = (90.0, 250.0, 800.0)
NOMINAL_LPH = (7.0, 14.0, 26.0)
NAMES = ("fuel_ratio", "load_kg", "running", "fuel_lph")
"""Values of a message beside its fix; `running` is 0 while the vehicle is broken down."""
LONG_HAUL_EVERY = 10  # so many vehicles have one that rests little
SILENT = 0.02  # share of windows without a message
RESTING, DRIVING, BROKEN = 0, 1, 2


@dataclass(frozen=True)
class Plan:
    """How much history there is: `every_s` apart, from `start_us`, a midnight."""

    vehicles: int = 100
    days: int = 3
    every_s: int = 10
    start_us: int = 1_791_244_800_000_000  # 2026-10-06, a Tuesday: three days are of one week
    seed: int = 12

    @property
    def end_us(self) -> int:
        return self.start_us + self.days * 86_400_000_000


@dataclass(frozen=True)
class Rows:
    """Messages of some minutes, equally long columns; `vehicle` counts from 0."""

    vehicle: I64
    time_us: I64
    lat: F64
    lon: F64
    speed_mps: F64
    heading_deg: F64
    altitude_m: F64
    values: F64
    """One column to a name of `NAMES`."""

    def __len__(self) -> int:
        return len(self.vehicle)

    def take(self, rows: I64 | Bool | slice) -> Rows:
        """Some of them."""
        return Rows(**{name: getattr(self, name)[rows] for name in self.__dataclass_fields__})

    @classmethod
    def concat(cls, parts: Sequence[Rows]) -> Rows:
        """One after the other; at least one."""
        return cls(**{n: np.concatenate([getattr(part, n) for part in parts]) for n in cls.__dataclass_fields__})


class _Fleet:
    """The state between windows."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._rng = np.random.default_rng(plan.seed)
        n = plan.vehicles
        self.kind = np.arange(n) % len(MODELS)
        self.state = np.where(self._rng.random(n) < 0.5, DRIVING, RESTING)
        self.lat, self.lon = self._rng.uniform(46, 55, n), self._rng.uniform(1, 24, n)
        self.heading = self._rng.uniform(0, 360, n)
        self.fuel_l = self._rng.uniform(0.05, 1.0, n) * np.array(TANK_L)[self.kind]
        self.load_kg = self._rng.uniform(0.0, 1.0, n) * np.array(LOAD_KG)[self.kind]

    def window(self, start_us: int) -> Rows:
        """All messages of the next ten minutes."""
        rng, plan, n = self._rng, self._plan, self._plan.vehicles
        self._change((start_us // 3_600_000_000) % 24)
        steps = np.arange(0, WINDOW_S, plan.every_s)
        drives, size = (self.state == DRIVING)[None, :], (len(steps), n)
        speed = np.where(drives, rng.uniform(6, 26, n)[None, :] + rng.normal(0, 2, size), 0.0).clip(0).round(1)
        self.heading = np.where(drives[0], (self.heading + rng.normal(0, 30, n)) % 360, self.heading)
        moved = np.cumsum(speed, axis=0) * plan.every_s / 111_195
        lat = self.lat + moved * np.cos(np.radians(self.heading))
        lon = self.lon + moved * np.sin(np.radians(self.heading))
        use = np.where(drives, np.array(NOMINAL_LPH)[self.kind] * rng.normal(1.05, 0.2, size).clip(0.3), 0.0).round(2)
        fuel = (self.fuel_l - np.cumsum(use, axis=0) * plan.every_s / 3600).clip(0)
        ratio = (fuel / np.array(TANK_L)[self.kind]).round(3)
        running = np.broadcast_to(np.where(self.state == BROKEN, 0.0, 1.0), size)
        load = np.broadcast_to(self.load_kg.round(), size)
        self.lat, self.lon, self.fuel_l = lat[-1].clip(-80, 80), (lon[-1] + 180) % 360 - 180, fuel[-1]
        heard = np.broadcast_to(rng.random(n) >= SILENT, size).ravel()
        columns = {
            "vehicle": np.tile(np.arange(n), len(steps)), "time_us": np.repeat(start_us + steps * 1_000_000, n),
            "lat": lat.clip(-80, 80).round(6).ravel(), "lon": ((lon + 180) % 360 - 180).round(6).ravel(),
            "speed_mps": speed.ravel(), "heading_deg": np.broadcast_to(self.heading.round(), size).ravel(),
            "altitude_m": rng.uniform(0, 600, size).round().ravel(),
            "values": np.stack([each.ravel() for each in (ratio, load, running, use)], axis=1),
        }  # fmt: skip
        return Rows(**columns).take(heard)

    def _change(self, hour: int) -> None:
        """What each does in the next window; who has rested may be loaded anew, a tank that runs low is filled."""
        rng, n, state = self._rng, self._plan.vehicles, self.state
        dice, long = rng.random(n), np.arange(n) % LONG_HAUL_EVERY == 0
        ends = np.where(long, 0.004, 0.12 if 5 <= hour < 20 else 0.4)
        begins = np.where(long, 0.5, 0.3 if 5 <= hour < 20 else 0.05)
        after = np.where(state == DRIVING, np.where(dice < ends, RESTING, DRIVING), state)
        after = np.where((state == RESTING) & (dice < begins), DRIVING, after)
        after = np.where((state == BROKEN) & (dice < 0.3), RESTING, after)
        after = np.where(rng.random(n) < 0.006, BROKEN, after)
        stops = (state == DRIVING) & (after != DRIVING)
        capacity = np.array(LOAD_KG)[self.kind]
        self.load_kg = np.where(stops, rng.uniform(0, 1, n) * capacity, self.load_kg)
        tank = np.array(TANK_L)[self.kind]
        self.fuel_l = np.where(stops & (self.fuel_l < 0.15 * tank) | (self.fuel_l < 0.02 * tank), tank, self.fuel_l)
        self.state = after


def windows(plan: Plan) -> Iterator[Rows]:
    """The whole history, ten minutes at a time."""
    fleet = _Fleet(plan)
    for start_us in range(plan.start_us, plan.end_us, WINDOW_S * 1_000_000):
        yield fleet.window(start_us)


def arriving(plan: Plan, late: float = 0.0, delay_s: int = 2 * 86_400) -> Iterator[Rows]:
    """The history as it comes in: a share of the messages so much later than the others, and at last those left."""
    rng, waiting = np.random.default_rng(plan.seed + 1), list[Rows]()
    for rows in windows(plan):
        held = rng.random(len(rows)) < late
        waiting.append(rows.take(held))
        due = [waiting.pop(0)] if len(waiting) > delay_s // WINDOW_S else []
        yield Rows.concat([rows.take(~held), *due])
    yield from waiting
