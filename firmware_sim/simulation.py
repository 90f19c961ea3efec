"""The whole simulated world under a virtual clock: the same seed gives the same readings, however time is cut up.

Every device is an endless generator of timed items; the simulation is their merge by time. Nothing here knows the
wall clock, the network or a file, so a day is simulated in seconds.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import replace
from operator import attrgetter

from firmware_sim.drive import Itinerary, Tracker
from firmware_sim.events import Event, Item, Made, Reading
from firmware_sim.faults import rng_for
from firmware_sim.fms import with_values
from firmware_sim.model import Device, World
from firmware_sim.stockroom import Warehouse, portal, room_reader, shelf
from firmware_sim.thermal import RearDoor, RoomDoor, cooled, door_sensor

STATUS_EVERY_MS = 60_000
CHILLER_DOOR_EVERY_S = 400.0


class Simulation:
    """`Simulation(world, seed, start_s).advance(until_s)` gives the readings made before `until_s`, in time order.

    Times are Unix seconds. `seed` may differ from the world's own, to live the same world through another day.
    """

    def __init__(self, world: World, seed: int, start_s: float) -> None:
        self.world = world if seed == world.seed else replace(world, seed=seed)
        self.start_ms = round(start_s * 1000)
        self._items = heapq.merge(*self._processes(), key=attrgetter("t_ms"))
        self._next: Item = next(self._items)
        self._events: list[Event] = []

    def advance(self, until_s: float) -> list[tuple[str, str, Reading]]:
        """(device, stream, reading) of everything made before `until_s` and not yet given out."""
        until_ms = round(until_s * 1000)
        out: list[tuple[str, str, Reading]] = []
        item = self._next
        while item.t_ms < until_ms:
            if isinstance(item, Made):
                out.append((item.device, item.stream, item.reading))
            else:
                self._events.append(item)
            item = next(self._items)
        self._next = item
        return out

    def take_events(self) -> list[Event]:
        """True happenings up to the last `advance` and not yet given out."""
        events, self._events = self._events, []
        return events

    def _processes(self) -> list[Iterator[Item]]:
        world, start_ms = self.world, self.start_ms
        trucks = {vehicle.id: Itinerary(vehicle, world, start_ms) for vehicle in world.vehicles}
        warehouse = Warehouse(world)
        processes: list[Iterator[Item]] = []
        for device in world.devices:
            processes.append(_process(device, world, trucks, warehouse, start_ms))
            if device.kind != "reefer":
                processes.append(status(device, world, start_ms))
        return processes


def _process(
    device: Device, world: World, trucks: dict[str, Itinerary], warehouse: Warehouse, start_ms: int
) -> Iterator[Item]:
    """What the device measures, by its kind.

    Raises:
        ValueError: a kind we do not simulate.
    """
    truck = trucks.get(device.vehicle or "")
    if device.kind == "tracker" and truck:
        return with_values(Tracker(device, truck, world, start_ms).items(), device, truck, world)
    if device.kind == "rfid" and device.zone == "dock":
        return portal(device, warehouse, list(trucks.values()), world, start_ms)
    if device.kind == "rfid":
        return room_reader(device, warehouse, world, start_ms)
    if device.kind in ("shelf", "door"):
        return (shelf if device.kind == "shelf" else door_sensor)(device, world, start_ms)
    if device.kind in ("reefer", "thermometer"):
        rng = rng_for(world.seed, f"room-door/{device.id}")
        door = RearDoor(truck) if truck else RoomDoor(rng, start_ms, CHILLER_DOOR_EVERY_S)
        return cooled(device, door, world, start_ms)
    raise ValueError(f"device {device.id}: no simulation of kind {device.kind!r}")


def status(device: Device, world: World, start_ms: int) -> Iterator[Item]:
    """Battery and radio of a device every minute; trackers are charged by their truck, the others last years."""
    rng = rng_for(world.seed, f"status/{device.id}")
    battery = 1.0 if device.vehicle else float(rng.uniform(0.55, 1.0))
    radio_dbm = float(rng.uniform(-95, -60))
    t_ms = start_ms + int(rng.integers(0, 20_000))
    while True:
        if not device.vehicle:
            battery = max(0.05, battery - 2e-6)
        reading = {"t": t_ms, "batt": round(battery, 3), "rssi": round(radio_dbm + float(rng.normal(0, 2)), 0)}
        yield Made(t_ms, device.id, "status", reading)
        t_ms += STATUS_EVERY_MS
