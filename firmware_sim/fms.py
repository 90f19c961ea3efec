"""What a vehicle's own computers tell beside its fix: fuel, load, and whether it is in order (`running`).

Fuel burnt in a step of dt over a distance d, with the load as a share r of what the vehicle may carry:

    litres = IDLE nominal dt + (1 - IDLE) nominal d / CRUISE (0.85 + 0.3 r)

so that at cruising speed it burns what its maker says, less when it is empty and more when it is full. It is filled up
at the first site of its tour when little is left. There it is loaded too, and at each other stop leaves its share. A
vehicle without litres is electric and tells no fuel. Only vehicles that are told what they are have such computers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from firmware_sim.drive import Drive, Itinerary
from firmware_sim.events import Event, Item, Made
from firmware_sim.faults import rng_for
from firmware_sim.model import About, Device, Vehicle, World

EVERY_MS = 30_000
CRUISE_MPS = 14.0
IDLE = 0.12  # of the nominal consumption, standing in traffic
TANK_H = 16.0  # a full tank lasts so long
FILLED, FILLED_BELOW = 0.97, 0.4
LOADED = (0.55, 0.97)
EMPTIES = 0.04  # roll cages that come home empty
DROP_ERROR = 0.08
LOAD_NOISE = 0.004


@dataclass(slots=True)
class _Vehicle:
    """Litres in the tank and kilograms aboard."""

    fuel_l: float
    load_kg: float
    stops_left: int


def with_values(items: Iterable[Item], device: Device, itinerary: Itinerary, world: World) -> Iterator[Item]:
    """What a tracker says, and twice a minute beside a fix, at its time, readings of `attr`.

    Nothing is added for a vehicle that nobody describes.
    """
    vehicle, about = itinerary.vehicle, itinerary.vehicle.about
    if about is None:
        yield from items
        return
    rng = rng_for(world.seed, f"fms/{device.id}")
    now = _at_the_start(vehicle, about, rng)
    told_ms, index = 0, 0
    segment = itinerary.segment(index)
    for item in items:
        yield item
        if isinstance(item, Event):
            if item.kind == "departed":
                _served(now, vehicle, about, item.detail["site"], rng)
            continue
        if item.t_ms - told_ms < EVERY_MS:
            continue
        while segment.end_ms <= item.t_ms:
            index += 1
            segment = itinerary.segment(index)
        since_ms = max(told_ms, item.t_ms - 2 * EVERY_MS)
        lph = _consumption_lph(segment, about, now.load_kg, since_ms, item.t_ms) if isinstance(segment, Drive) else 0.0
        now.fuel_l = max(0.0, now.fuel_l - lph * (item.t_ms - since_ms) / 3.6e6)
        told_ms = item.t_ms
        told = {"running": 1.0, "load_kg": round(now.load_kg * (1 + float(rng.normal(0, LOAD_NOISE))))}
        if about.nominal_fuel_lph is not None:
            told["fuel_ratio"] = round(now.fuel_l / (about.nominal_fuel_lph * TANK_H), 3)
            told["fuel_lph"] = round(lph, 2)
        for key, number in told.items():
            yield Made(item.t_ms, device.id, "attr", {"t": item.t_ms, "key": key, "num": number})


def _at_the_start(vehicle: Vehicle, about: About, rng: np.random.Generator) -> _Vehicle:
    """As it is on the leg it begins with: what it was loaded with, less what it has left at the stops before."""
    stops = len(vehicle.tour) - 1
    fuel_ratio, loaded = float(rng.uniform(0.3, 0.9)), float(rng.uniform(*LOADED))
    fuel_ratio = fuel_ratio if vehicle.fuel_ratio_start is None else vehicle.fuel_ratio_start
    loaded = loaded if vehicle.load_ratio_start is None else vehicle.load_ratio_start
    left = stops - vehicle.first_leg
    load_kg = about.load_capacity_kg * (EMPTIES + (loaded - EMPTIES) * left / stops)
    return _Vehicle(fuel_ratio * (about.nominal_fuel_lph or 0.0) * TANK_H, load_kg, left)


def _consumption_lph(drive: Drive, about: About, load_kg: float, since_ms: int, until_ms: int) -> float:
    if about.nominal_fuel_lph is None:
        return 0.0
    ends_s = (np.array([since_ms, until_ms]) - drive.start_ms) / 1000
    before_m, here_m = np.interp(ends_s, drive.time_s, drive.route.along_m)
    speed = float(here_m - before_m) * 1000 / (until_ms - since_ms)
    heavier = 0.85 + 0.3 * load_kg / about.load_capacity_kg
    return about.nominal_fuel_lph * (IDLE + (1 - IDLE) * speed / CRUISE_MPS * heavier)


def _served(now: _Vehicle, vehicle: Vehicle, about: About, site: str, rng: np.random.Generator) -> None:
    """What a stop has changed when it ends."""
    empties_kg, tank_l = EMPTIES * about.load_capacity_kg, (about.nominal_fuel_lph or 0.0) * TANK_H
    loaded, error = float(rng.uniform(*LOADED)), float(rng.normal(0, DROP_ERROR))
    if site == vehicle.tour[0]:
        now.load_kg, now.stops_left = about.load_capacity_kg * loaded, len(vehicle.tour) - 1
        if now.fuel_l < FILLED_BELOW * tank_l:
            now.fuel_l = FILLED * tank_l
        return
    share = 1.0 if now.stops_left <= 1 else (1 + error) / now.stops_left
    now.load_kg -= (now.load_kg - empties_kg) * share
    now.stops_left = max(0, now.stops_left - 1)
