"""The air in a cooled box: heat through the walls, the compressor, the door, defrosting, and probes that lag behind.

Newton's law for every source i that pulls the air towards T_i with time constant tau_i:

    dT/dt = sum (T_i - T) / tau_i      solved exactly over a step:   T' = T_inf + (T - T_inf) e^(-k dt)
    k = sum 1 / tau_i                  T_inf = sum (T_i / tau_i) / k

walls (outside air), open door (outside air), running compressor (evaporator), defrost heater, and, when the cooling
has failed, the leak of a unit that stands with its vents open. A probe follows the air near it with its own lag.
The compressor is a thermostat with hysteresis. No humidity model beyond a plausible figure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import cos, exp, pi

import numpy as np

from firmware_sim.drive import Dwell, Itinerary
from firmware_sim.events import Event, Item, Made
from firmware_sim.faults import rng_for
from firmware_sim.model import Device, World

STEP_S = 5.0
STATUS_EVERY_S = 60.0
NOISE_C = 0.04


@dataclass(frozen=True, slots=True)
class BoxKind:
    """Time constants in seconds, temperatures in °C."""

    wall_tau_s: float = 14_400.0
    door_tau_s: float = 900.0
    cool_tau_s: float = 1_500.0
    evaporator_c: float = -12.0
    heater_tau_s: float = 8_000.0
    heater_c: float = 25.0
    leak_tau_s: float = 900.0
    setpoint_c: float = 4.0
    hysteresis_c: float = 0.8
    defrost_every_s: float = 6 * 3600.0
    defrost_s: float = 480.0


@dataclass(frozen=True, slots=True)
class ProbeKind:
    """Where a probe hangs: its lag, how much colder the blown air is there, how much of an open door it feels."""

    lag_s: float
    offset_c: float
    blown_c: float
    door_share: float


REEFER = BoxKind()
ROOM = BoxKind(wall_tau_s=9_000.0, door_tau_s=2_400.0, cool_tau_s=2_400.0, hysteresis_c=0.6, defrost_every_s=8 * 3600.0)
PROBES = {
    "front": ProbeKind(lag_s=40.0, offset_c=-0.1, blown_c=-0.5, door_share=0.0),
    "rear": ProbeKind(lag_s=60.0, offset_c=0.3, blown_c=-0.1, door_share=0.05),
    "air": ProbeKind(lag_s=60.0, offset_c=0.0, blown_c=-0.2, door_share=0.02),
}


@dataclass(slots=True)
class Box:
    """State of one box; `step` moves it forward in time."""

    kind: BoxKind
    air_c: float
    probe_names: tuple[str, ...]
    cooling: bool = False
    probes_c: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in self.probe_names:
            self.probes_c[name] = self.air_c + PROBES[name].offset_c

    def step(self, dt_s: float, outside_c: float, *, door_open: bool, healthy: bool, defrost: bool) -> None:
        """Advance by `dt_s` seconds; `healthy` False means that the compressor does not cool and the unit leaks."""
        kind = self.kind
        if self.air_c > kind.setpoint_c + kind.hysteresis_c:
            self.cooling = True
        elif self.air_c < kind.setpoint_c - kind.hysteresis_c:
            self.cooling = False
        blowing = self.cooling and healthy and not defrost
        k = 1 / kind.wall_tau_s
        pull = outside_c / kind.wall_tau_s
        if door_open:
            k, pull = k + 1 / kind.door_tau_s, pull + outside_c / kind.door_tau_s
        if blowing:
            k, pull = k + 1 / kind.cool_tau_s, pull + kind.evaporator_c / kind.cool_tau_s
        if defrost and healthy and not door_open:
            k, pull = k + 1 / kind.heater_tau_s, pull + kind.heater_c / kind.heater_tau_s
        if not healthy:
            k, pull = k + 1 / kind.leak_tau_s, pull + outside_c / kind.leak_tau_s
        settled = pull / k
        self.air_c = settled + (self.air_c - settled) * exp(-k * dt_s)
        for name in self.probe_names:
            probe = PROBES[name]
            near = self.air_c + probe.offset_c + (probe.blown_c if blowing else 0.0)
            if door_open:
                near += probe.door_share * (outside_c - self.air_c)
            self.probes_c[name] += (near - self.probes_c[name]) * (1 - exp(-dt_s / probe.lag_s))


def outside_c(world: World, t_ms: int) -> float:
    """Outside temperature in °C: a daily cosine with its warmest hour at 15 local time."""
    hour = t_ms / 3_600_000 + world.utc_offset_h
    return world.ambient_mean_c + world.ambient_swing_c * cos(2 * pi * (hour - 15) / 24)


class Limits:
    """Watches the true temperature of each probe and tells when an excursion begins and ends."""

    def __init__(self, low_c: float, high_c: float) -> None:
        self._low_c, self._high_c = low_c, high_c
        self._open: dict[str, tuple[str, float]] = {}

    def watch(self, t_ms: int, device: str, probe: str, temp_c: float) -> Iterator[Event]:
        """Events `excursion_start` and `excursion_end` of this probe at this instant."""
        kind = "above" if temp_c > self._high_c else "below" if temp_c < self._low_c else ""
        was, extreme = self._open.get(probe, ("", temp_c))
        if was and kind != was:
            del self._open[probe]
            yield Event(t_ms, "excursion_end", device, {"probe": probe, "kind": was, "extreme_c": round(extreme, 3)})
        if kind and kind != was:
            self._open[probe] = (kind, temp_c)
            yield Event(t_ms, "excursion_start", device, {"probe": probe, "kind": kind, "temp_c": round(temp_c, 3)})
        elif kind:
            self._open[probe] = (kind, max(extreme, temp_c) if kind == "above" else min(extreme, temp_c))


class RearDoor:
    """The rear door of a truck: open for a while at each stop."""

    def __init__(self, itinerary: Itinerary) -> None:
        self._stops = itinerary.stops()
        self._stop: Dwell = next(self._stops)

    def open(self, t_ms: int) -> bool:
        """Whether it is open at `t_ms`; times must not go back."""
        while t_ms >= self._stop.end_ms:
            self._stop = next(self._stops)
        return self._stop.door_open_ms <= t_ms < self._stop.door_shut_ms


class RoomDoor:
    """A door that people open now and then: on average every `every_s`, for 10 to 60 s."""

    def __init__(self, rng: np.random.Generator, start_ms: int, every_s: float) -> None:
        self._rng, self._every_s = rng, every_s
        self._open_ms = self._shut_ms = start_ms
        self._next()

    def open(self, t_ms: int) -> bool:
        """Whether it is open at `t_ms`; times must not go back."""
        while t_ms >= self._shut_ms:
            self._next()
        return t_ms >= self._open_ms

    def _next(self) -> None:
        self._open_ms = self._shut_ms + round(float(self._rng.exponential(self._every_s)) * 1000)
        self._shut_ms = self._open_ms + round(float(self._rng.uniform(10, 60)) * 1000)


def cooled(device: Device, door: RearDoor | RoomDoor, world: World, start_ms: int) -> Iterator[Item]:
    """Temperatures of a reefer or thermometer; of a reefer also its door and what its unit says. For ever."""
    rng = rng_for(world.seed, f"thermal/{device.id}")
    reefer = device.kind == "reefer"
    kind = REEFER if reefer else ROOM
    start_c = device.start_c if device.start_c is not None else float(rng.uniform(3.5, 4.5))
    box = Box(kind, start_c, device.probes, cooling=bool(rng.random() < 0.4))
    profile = world.profile(device.profile or "chilled")
    limits = Limits(profile.low_c, profile.high_c)
    defrost_from_s = float(rng.uniform(900, kind.defrost_every_s))
    temp_every = max(1, round(device.interval_s / STEP_S))
    status_every = round(STATUS_EVERY_S / STEP_S)
    phase = int(rng.integers(0, temp_every))
    was_open = False
    said = ""
    step = 0
    while True:
        t_ms = start_ms + round(step * STEP_S * 1000)
        since_s = step * STEP_S
        healthy = not any(begin <= since_s < end for begin, end in device.failures_s)
        defrost = since_s >= defrost_from_s and (since_s - defrost_from_s) % kind.defrost_every_s < kind.defrost_s
        door_open = door.open(t_ms)
        if step:
            box.step(STEP_S, outside_c(world, t_ms), door_open=door_open, healthy=healthy, defrost=defrost)
        for probe in device.probes:
            yield from limits.watch(t_ms, device.id, probe, box.probes_c[probe])
        if step % temp_every == phase:
            for probe in device.probes:
                yield Made(t_ms, device.id, "temp", _temperature(t_ms, probe, box.probes_c[probe], rng, damp=door_open))
        if reefer:
            if door_open != was_open:
                was_open = door_open
                yield Made(t_ms, device.id, "door", {"t": t_ms, "door": "rear", "open": door_open})
            now = "alarm" if not healthy else "on" if box.cooling and not defrost else "off"
            if now != said or step % status_every == 0:
                said = now
                unit = {"t": t_ms, "reefer": now, "setpoint_c": kind.setpoint_c, "defrost": defrost}
                yield Made(t_ms, device.id, "status", unit)
        step += 1


def _temperature(t_ms: int, probe: str, temp_c: float, rng: np.random.Generator, *, damp: bool) -> dict[str, object]:
    noise = rng.normal(size=2)
    humidity = 68.0 + (12.0 if damp else 0.0) + 2.0 * float(noise[1])
    return {
        "t": t_ms,
        "probe": probe,
        "c": round(temp_c + NOISE_C * float(noise[0]), 2),
        "rh": round(min(max(humidity, 20.0), 99.0), 1),
    }


def door_sensor(device: Device, world: World, start_ms: int) -> Iterator[Item]:
    """A door sensor at a site: a reading at each change, and one every `interval_s` as a sign of life."""
    rng = rng_for(world.seed, f"door/{device.id}")
    door = RoomDoor(rng, start_ms, 240.0)
    name = device.zone or "door"
    heartbeat = round(device.interval_s)
    was_open: bool | None = None
    second = 0
    while True:
        t_ms = start_ms + second * 1000
        is_open = door.open(t_ms)
        if is_open != was_open or second % heartbeat == 0:
            was_open = is_open
            yield Made(t_ms, device.id, "door", {"t": t_ms, "door": name, "open": is_open})
        second += 1
