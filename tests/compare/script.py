"""What both commits are fed: a simulated day with every nuisance of roads and networks, and recordings of real devices.

Made once, of seeds only: a list of steps in order of time. Nothing here asks a clock.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from firmware_sim.model import Shipment, World
from firmware_sim.recordings import read
from firmware_sim.simulation import Simulation
from firmware_sim.world import build

START_S = 1_750_000_000  # 2025-06-15T15:06:40Z
STEP_S = 120
SEED = 7
GLITCH_SHARE, GLITCH_DEG = 0.005, 0.0018
TWICE_SHARE = 0.03
TOUR_S = 2.5 * 3600  # each truck gets its next shipment after so long
RECORDED = (  # file below the recordings' folder, device, kind, options
    ("gps/limerick_bus304_20190218.gpx", "bus-304", "tracker", {"vehicle": "bus-304"}),
    ("coldchain/berlinger_FridgeTag_UL_100800001215_202304201410.txt", "logger-ul", "thermometer", {}),
    ("coldchain/berlinger_FridgeTag_2_130400191542_202302140605.txt", "logger-2", "thermometer", {}),
)

Message = tuple[str, bytes]


@dataclass(frozen=True)
class Registered:
    """A call of `store.registry.Registry`; `$name` in its words stands for what an earlier call of that name gave."""

    call: str
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""


@dataclass(frozen=True)
class Asked:
    """A REST request by a person. `{alert:KIND}` in its path is the id of the first open alert of that kind."""

    method: str
    path: str
    body: Any = None


@dataclass
class Step:
    """What happens at one moment of the programs' clock."""

    at_us: int
    registered: list[Registered] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)


def instant(s: float) -> str:
    """A Unix time for people."""
    return datetime.fromtimestamp(s, UTC).isoformat().replace("+00:00", "Z")


def day(hours: float, world_name: str = "demo") -> list[Step]:
    """The simulated world for some hours."""
    world = build(world_name, SEED)
    steps = [Step(START_S * 1_000_000, furnish(world))]
    steps[0].registered += more_places(world)
    steps[0].registered += [c for s in world.shipments for c in ship(s, s.id, START_S, s.status)]
    ends_s = START_S + hours * 3600
    deliveries = received(world, ends_s)
    moments = range(START_S + STEP_S, int(ends_s) + 1, STEP_S)
    steps += [Step(at_s * 1_000_000, messages=deliveries.get(at_s, [])) for at_s in moments]
    _people(steps, world)
    return steps


def furnish(world: World) -> list[Registered]:
    """The simulated world as it is registered."""
    found = [
        Registered(
            "put_profile",
            (p.name,),
            {k: getattr(p, k) for k in ("low_c", "high_c", "for_s", "hysteresis_c", "max_interval_s")},
        )
        for p in world.profiles
    ]
    for s in world.sites:
        polygon = {"type": "Polygon", "coordinates": [[list(v) for v in s.polygon]]} if s.polygon else None
        words = {k: getattr(s, k) for k in ("label", "kind", "lat", "lon", "radius_m", "tz")}
        found.append(Registered("put_site", (s.id,), {**words, "polygon": polygon}))
        found += [Registered("put_zone", (s.id, zone.id, zone.label)) for zone in s.zones]
    found += [Registered("put_vehicle", (v.id, v.label)) for v in world.vehicles]
    for p in world.products:
        words = {k: getattr(p, k) for k in ("label", "gtin", "unit_mass_kg", "low_c", "high_c", "reorder_point")}
        found.append(Registered("put_product", (p.sku,), words, f"product {p.sku}"))
    for d in world.devices:
        spec = {
            "name": d.id,
            "kind": d.kind,
            "vehicle": d.vehicle,
            "site": d.site,
            "zone": d.zone,
            "profile": d.profile,
        }
        found.append(Registered("put_device", (spec,), {}, f"device {d.id}"))
        found += [Registered("put_slot", (f"$device {d.id}", slot.slot, f"$product {slot.sku}")) for slot in d.slots]
    return found


def more_places(world: World) -> list[Registered]:
    """A corridor along the first leg of truck-02, an odd place, and shipments that cannot go as planned."""
    far = max(world.shipments, key=lambda s: len(s.stops))
    here, there = far.stops[0], far.stops[-1]
    line = {"type": "LineString", "coordinates": [[here.lon, here.lat], [there.lon, there.lat]]}
    corridor = {
        "label": "Ring road",
        "kind": "depot",
        "lat": here.lat,
        "lon": here.lon,
        "radius_m": 900.0,
        "corridor": line,
        "dwell_s": 60.0,
    }
    found = [Registered("put_site", ("ring-road",), corridor)]
    for n, vehicle in enumerate(world.vehicles):
        stops = next(s for s in world.shipments if s.vehicle == vehicle.id).stops
        first, last = stops[0], stops[-1]
        places = [
            {"seq": 1, "name": f"X-{n}-1", "label": "Nowhere", "lat": 60.9, "lon": 26.5},
            {"seq": 2, "name": f"X-{n}-2", "label": "At no site", "lat": last.lat, "lon": last.lon, "radius_m": 200.0},
            {"seq": 3, "name": f"X-{n}-3", "label": "Hardly", "site": first.site, "lat": first.lat, "lon": first.lon},
        ]  # fmt: skip
        for place in places[1:]:
            place |= {"window_start": instant(START_S), "window_end": instant(START_S + 900 * place["seq"])}
        straight = [[first.lon, first.lat + 0.05], [last.lon, last.lat + 0.05]]
        words = {
            "reference": f"odd {n}",
            "vehicle": vehicle.id,
            "stops": places,
            "profile": "chilled",
            "planned_line": straight,
        }
        found.append(
            Registered("put_shipment", (f"X-{n}",), {**words, "status": "in_transit", "since": instant(START_S)})
        )
    return found


def ship(shipment: Shipment, name: str, begin_s: float, status: str) -> Iterator[Registered]:
    """A shipment as the world has it, its windows counted from `begin_s`."""
    stops = [
        {
            "seq": s.seq,
            "name": s.stop_id.replace(shipment.id, name),
            "label": s.name,
            "site": s.site,
            "lat": s.lat,
            "lon": s.lon,
            "window_start": instant(begin_s + s.window_start_s),
            "window_end": instant(begin_s + s.window_end_s),
        }
        for s in shipment.stops
    ]
    line = [list(p) for p in shipment.planned_line] if shipment.planned_line else None
    words = {"reference": shipment.reference, "vehicle": shipment.vehicle, "customer": shipment.customer}
    words |= {"profile": shipment.profile, "planned_line": line, "stops": stops, "status": status}
    yield Registered("put_shipment", (name,), {**words, "since": instant(begin_s)})


@dataclass(frozen=True)
class Trouble:
    """What befalls devices between two shares of the time: they are offline and upload then, say nothing, are warm."""

    late: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    lost: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    warm: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def befalls(self, what: str, device: str, share: float) -> bool:
        begin, end = getattr(self, what).get(device, (2.0, 2.0))
        return bool(begin <= share < end)


OF_THE_DAY = Trouble(
    late={
        "gps-03": (0.2, 0.5),
        "reefer-05": (0.1, 0.3),
        "gps-06": (0.55, 0.8),
        "shelf-store-2": (0.4, 0.6),
        "thermo-store-1": (0.3, 0.4),
    },
    lost={"gps-07": (0.3, 0.5)},
    warm={"reefer-06": (0.6, 0.75)},
)


def received(world: World, ends_s: float, trouble: Trouble = OF_THE_DAY) -> dict[int, list[Message]]:
    """Messages by the moment of their step: most at once, some twice, some devices hours late and out of order."""
    rng = np.random.default_rng(SEED)
    made = Simulation(world, SEED, START_S).advance(ends_s)
    found: dict[int, list[Message]] = defaultdict(list)
    held: dict[str, list[Message]] = defaultdict(list)
    span = ends_s - START_S
    boots: dict[tuple[str, str], int] = defaultdict(int)
    for device, stream, reading in made:
        t_s = reading["t"] / 1000
        boots[device, stream] += 1
        share = (t_s - START_S) / span
        if trouble.befalls("lost", device, share):
            continue
        body = {**reading, "boot": f"b-{device}-{stream}", "seq": boots[device, stream]}
        if stream == "temp" and trouble.befalls("warm", device, share):
            body["c"] = round(body["c"] + 9.0, 2)
        if stream == "gps" and rng.random() < GLITCH_SHARE:
            body["lat"] = round(body["lat"] + GLITCH_DEG, 6)
        message = (f"fw/v1/{world.tenant}/{device}/{stream}", orjson.dumps(body))
        if trouble.befalls("late", device, share):
            held[device].append(message)
            continue
        at_s = _step_behind(t_s)
        found[at_s].append(message)
        if rng.random() < TWICE_SHARE:
            found[at_s + STEP_S * int(rng.integers(0, 4))].append(message)
    for device, messages in held.items():  # an upload over some steps, its portions newest first, each shuffled
        first_s = _step_behind(START_S + trouble.late[device][1] * span + 1)
        for n, portion in enumerate(reversed(np.array_split(np.arange(len(messages)), 4))):
            found[first_s + n * STEP_S] += [messages[i] for i in rng.permutation(portion)]
    for messages in found.values():  # within a step devices come in any order, half of them their readings too
        order = rng.permutation(len(messages)) if rng.random() < 0.5 else np.arange(len(messages))
        messages[:] = [messages[i] for i in order.tolist()]
    for n, at_s in enumerate(sorted(found)[5:]):
        found[at_s] += _odd(world.tenant, n, at_s)
    return found


def _step_behind(t_s: float) -> int:
    return START_S + STEP_S * (int((t_s - START_S) // STEP_S) + 1)


def _odd(tenant: str, n: int, at_s: int) -> Iterator[Message]:
    """Now and then: what cannot be read, strangers, events without a clock, values that are none."""
    if n % 20 == 3:
        yield f"fw/v1/{tenant}/gps-01/gps", b'{"t": 17, "lat": "north"}'
        yield f"fw/v1/{tenant}/stranger-{n % 3}/temp", orjson.dumps({"t": at_s * 1000, "c": 4.0})
    if n % 20 == 7:
        yield f"fw/v1/{tenant}/door-store-1/door", orjson.dumps({"open": [True, False, True]})
        yield f"fw/v1/{tenant}/reefer-01/attr", orjson.dumps({"t": at_s * 1000, "key": "rpm", "num": 900.0 + n})
    if n % 20 == 11:  # days in the future, and long ago
        yield f"fw/v1/{tenant}/gps-02/gps", orjson.dumps({"t": (at_s + 400_000) * 1000, "lat": 60.0, "lon": 25.0})
        yield (
            f"fw/v1/{tenant}/reefer-02/temp",
            orjson.dumps({"t": (at_s - 90 * 86_400) * 1000, "probe": "rear", "c": 5.0}),
        )


def _people(steps: list[Step], world: World) -> None:
    """What people do on the way: new shipments, a fence moved, a device that was elsewhere, alerts seen to."""
    last_s = steps[-1].at_us // 1_000_000
    rounds = int((last_s - START_S) // TOUR_S)
    for turn in range(1, rounds + 1):
        begin_s = START_S + turn * TOUR_S
        step = _at(steps, begin_s)
        step.registered += [c for s in world.shipments for c in ship(s, f"{s.id}-{turn}", begin_s, "planned")]

    def of_share(share: float) -> Step:
        return _at(steps, START_S + share * (last_s - START_S))

    of_share(0.25).asked.append(Asked("POST", "/alerts/{alert:temperature}/acknowledge", {"note": "the door was open"}))
    of_share(0.3).asked.append(Asked("POST", "/alerts/{alert:temperature}/resolve", {}))
    of_share(0.45).asked.append(Asked("POST", "/alerts/{alert:silence}/acknowledge", {"note": "no network"}))
    of_share(0.45).asked.append(Asked("POST", "/alerts/{alert:late_risk}/acknowledge", {"note": "the customer knows"}))
    store = next(s for s in world.sites if s.id == "store-3")
    moved = {
        "id": store.id,
        "label": store.label,
        "kind": store.kind,
        "lat": store.lat + 0.0004,
        "lon": store.lon,
        "radius_m": 90.0,
        "tz": store.tz,
    }
    of_share(0.6).asked.append(Asked("POST", "/sites", moved))
    earlier = {
        "vehicle": "truck-01",
        "from": instant(START_S + 0.5 * (last_s - START_S)),
        "to": instant(START_S + 0.62 * (last_s - START_S)),
    }
    of_share(0.7).asked.append(Asked("POST", "/devices/gps-02/assignments", earlier))
    calibrated = {"profile": {"calibration": {"air": {"offset_c": 0.2}}}, "since": earlier["to"]}
    of_share(0.72).asked.append(Asked("PUT", "/devices/thermo-store-2/profile", calibrated))
    of_share(0.75).asked.append(Asked("POST", "/devices/reefer-03/change", {"profile": "frozen"}))
    of_share(0.9).asked.append(Asked("PATCH", "/vehicles/truck-08", {"id": "truck-eight"}))
    of_share(0.92).asked.append(Asked("PATCH", "/sites/ring-road", {"retired": True}))
    of_share(0.85).asked.append(Asked("POST", "/shipments/S-1002/share", {}))


def _at(steps: list[Step], at_s: float) -> Step:
    return next((s for s in steps if s.at_us >= at_s * 1_000_000), steps[-1])


def recordings(folder: Path, after_us: int) -> list[Step]:
    """Recordings of real devices, brought in portions after that moment."""
    steps: list[Step] = []
    at_us = after_us
    for file, device, kind, place in RECORDED:
        found = read(folder / file).readings
        at_us += STEP_S * 1_000_000
        profile = {"profile": "chilled"} if kind == "thermometer" else {}
        steps.append(Step(at_us, [Registered("put_device", ({"name": device, "kind": kind, **place, **profile},))]))
        for at in range(0, len(found), 500):
            at_us += STEP_S * 1_000_000
            messages = [
                (f"fw/v1/main/{device}/{stream}", orjson.dumps({**reading, "boot": f"r-{device}", "seq": at + n}))
                for n, (stream, reading) in enumerate(found[at : at + 500])
            ]
            steps.append(Step(at_us, messages=messages))
    return steps


def rest(after_us: int) -> list[Step]:
    """Time in which nothing comes, so that all that waits is decided and who is silent is said to be."""
    begin = datetime.fromtimestamp(after_us / 1e6, UTC)
    return [Step(round((begin + timedelta(minutes=m)).timestamp() * 1e6)) for m in (1, 6, 12, 30)]
