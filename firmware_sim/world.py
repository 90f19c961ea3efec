"""The worlds that can be simulated: `small` for tests, `demo` for people, `fleet-N` for load.

`build` is pure: the same name and seed give the same world, in the process that simulates it and in the one that
registers it. The demo tells a story within its first two minutes: every truck is on the road, one reaches the
distribution centre's RFID portal and one a store, a reefer that does not cool passes its limit, and a shelf empties;
two trucks are low on fuel and two are nearly full.
"""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import numpy as np

from domain.vehicles import FuelType
from firmware_sim.drive import nominal_leg_s
from firmware_sim.faults import TABLE, rng_for
from firmware_sim.geography import NODES, route
from firmware_sim.model import About, Device, Product, Profile, Shipment, Site, Slot, Stop, Vehicle, World, Zone

__all__ = ["build"]

TZ = "Europe/Helsinki"
UTC_OFFSET_H = 2.0
MINUTE_S = 60.0
WINDOW_BEFORE_S, WINDOW_AFTER_S = 20 * MINUTE_S, 40 * MINUTE_S  # a delivery window around the planned arrival
LABELS = {
    "dc-1": "Vantaa distribution centre",
    "store-1": "Store Kamppi",
    "store-2": "Store Tapiola",
    "store-3": "Store Itäkeskus",
    "customer-1": "Meilahti hospital pharmacy",
    "customer-2": "Jorvi hospital pharmacy",
    "customer-3": "Kerava pharmacy",
}
PROFILES = (
    Profile("chilled", low_c=2.0, high_c=8.0, for_s=600, hysteresis_c=0.5, max_interval_s=300),
    Profile("chilled-demo", low_c=2.0, high_c=8.0, for_s=30, hysteresis_c=0.5, max_interval_s=300),
)
# GTINs of the prefix 952, which GS1 keeps for examples.
PRODUCTS = (
    Product("MILK-1L", "Milk 1 l", 1.03, 2.0, 8.0, 8, "09521234000013"),
    Product("YOG-500", "Yoghurt 500 g", 0.53, 2.0, 8.0, 6, "09521234000020"),
    Product("CHEESE-400", "Cheese 400 g", 0.42, 2.0, 8.0, 5, "09521234000037"),
    Product("SALMON-300", "Salmon 300 g", 0.33, 2.0, 8.0, 4, "09521234000044"),
    Product("VACC-BOX", "Vaccine box", 4.20, 2.0, 8.0, 6, "09521234000051"),
    Product("INSULIN-10", "Insulin, 10 packs", 0.61, 2.0, 8.0, 5, "09521234000068"),
)
DEMO_TOURS = (
    ("dc-1", "store-3", "customer-1"),
    ("dc-1", "store-1", "store-2"),
    ("dc-1", "customer-3", "store-3"),
    ("dc-1", "store-2", "customer-2"),
    ("dc-1", "customer-2", "store-2", "store-1"),
    ("dc-1", "customer-1", "store-1", "store-3"),
    ("dc-1", "store-3", "customer-3"),
    ("dc-1", "customer-1", "customer-2"),
)
# (leg, seconds to its end at the start): truck-01 is about to reach the portal, truck-02 its first store.
COURIER, DOORSTEP_S = 8, (45.0, 110.0)  # the last one halts at doorsteps too, and its tracker tells no speed
DEMO_STARTS: tuple[tuple[int, float | None], ...] = ((2, 80.0), (0, 110.0)) + ((0, None),) * 6
NEARLY_EMPTY, NEARLY_FULL = {2: 0.09, 6: 0.07}, {3: 0.96, 5: 0.94}  # share of tank and capacity at the start

Model = tuple[str, float, float, FuelType, float | None]  # name, kg and m3 it carries, fuel, litres an hour
ELECTRIC: Model = ("Volvo FL Electric", 7_000.0, 38.0, "electric", None)
GAS: Model = ("Iveco S-Way", 10_500.0, 46.0, "lng", 17.0)
SPRINTER: Model = ("Mercedes-Benz Sprinter", 1_100.0, 11.0, "hvo", 5.5)
RIGID: Model = ("Scania P 280", 9_500.0, 42.0, "diesel", 14.0)
FLEETS: tuple[tuple[str, tuple[str, str], Model, tuple[str, ...]], ...] = (
    ("Stores", ("aino", "Aino Virtanen"), RIGID, ("chilled", "tail lift")),
    ("Stores", ("eero", "Eero Korhonen"), RIGID, ("chilled", "tail lift")),
    ("Pharmacies", ("kaisa", "Kaisa Nieminen"), ELECTRIC, ("chilled", "GDP")),
    ("Pharmacies", ("matti", "Matti Laine"), ELECTRIC, ("chilled", "GDP")),
    ("Stores", ("helmi", "Helmi Salo"), GAS, ("chilled",)),
    ("Stores", ("oskari", "Oskari Mäkelä"), GAS, ("chilled",)),
    ("Pharmacies", ("sofia", "Sofia Lehto"), RIGID, ("chilled", "GDP", "tail lift")),
    ("Couriers", ("ville", "Ville Heino"), SPRINTER, ("chilled", "city")),
)
PALLET_M3 = 2.3
DEMO_ABOUT = tuple(
    About(fleet, model, driver, load_kg, volume_m3, fuel, lph, tags, int(volume_m3 // PALLET_M3))
    for fleet, driver, (model, load_kg, volume_m3, fuel, lph), tags in FLEETS
)


def build(name: str, seed: int) -> World:
    """The world of that name: `demo`, `small` or `fleet-N` with N vehicles.

    Raises:
        ValueError: there is no world of that name.
    """
    if name == "demo":
        return _demo(seed)
    if name == "small":
        return _small(seed)
    fleet = re.fullmatch(r"fleet-([1-9][0-9]{0,4})", name)
    if fleet:
        return _fleet(int(fleet[1]), seed)
    raise ValueError(f"no world {name!r}: choose demo, small or fleet-N (N vehicles, for example fleet-200)")


def _site(site_id: str, zones: tuple[Zone, ...]) -> Site:
    lat, lon = NODES[site_id]
    kind = {"dc": "dc", "store": "store", "customer": "customer"}[site_id.split("-", maxsplit=1)[0]]
    polygon = None
    if kind == "dc":  # the yard, a little askew as yards are
        corners = ((-0.0042, -0.0013), (0.0026, -0.0019), (0.0044, 0.0004), (0.0030, 0.0017), (-0.0033, 0.0019))
        ring = [(round(lon + dx, 6), round(lat + dy, 6)) for dx, dy in corners]
        polygon = (*ring, ring[0])
    return Site(site_id, LABELS[site_id], kind, lat, lon, 250.0 if kind == "dc" else 120.0, TZ, zones, polygon)


def _sites() -> tuple[Site, ...]:
    dc = (Zone("dock", "Dock"), Zone("cold-room", "Cold room"), Zone("chiller", "Chiller"))
    store = (Zone("chiller", "Chiller"), Zone("shelf", "Shop shelf"))
    sites = [_site("dc-1", dc)]
    sites += [_site(f"store-{n}", store) for n in (1, 2, 3)]
    sites += [_site(f"customer-{n}", ()) for n in (1, 2, 3)]
    return tuple(sites)


def _truck_devices(n: int, vehicle: str, rng: np.random.Generator, profile: str, width: int = 2) -> list[Device]:
    """A tracker and a reefer; the unit of truck-04 of the demo is replaced by its caller."""
    return [
        Device(f"gps-{n:0{width}d}", "tracker", interval_s=float(rng.integers(2, 6)), vehicle=vehicle),
        Device(
            f"reefer-{n:0{width}d}",
            "reefer",
            interval_s=10.0,
            vehicle=vehicle,
            profile=profile,
            probes=("front", "rear"),
            start_c=round(float(rng.uniform(3.3, 4.7)), 2),
        ),
    ]


def _demo_shelves() -> list[Device]:
    lively = Slot("A-01-1", "MILK-1L", 24, 13, 10.0, 20.0)
    return [
        Device(
            "shelf-store-1",
            "shelf",
            5.0,
            site="store-1",
            zone="shelf",
            slots=(
                lively,
                Slot("A-01-2", "YOG-500", 18, 15, 25.0, 90.0),
                Slot("A-01-3", "CHEESE-400", 12, 10, 60.0, 240.0),
            ),
        ),
        Device(
            "shelf-store-2",
            "shelf",
            5.0,
            site="store-2",
            zone="shelf",
            slots=(Slot("B-01-1", "MILK-1L", 20, 17, 40.0, 160.0), Slot("B-01-2", "SALMON-300", 10, 8, 120.0, 500.0)),
        ),
        Device(
            "shelf-store-3",
            "shelf",
            5.0,
            site="store-3",
            zone="shelf",
            slots=(Slot("C-01-1", "MILK-1L", 20, 12, 30.0, 120.0), Slot("C-01-2", "YOG-500", 16, 9, 60.0, 200.0)),
        ),
    ]


def _demo_fixed() -> list[Device]:
    return [
        Device("portal-dc-1", "rfid", 60.0, site="dc-1", zone="dock", antennas=2),
        Device("reader-dc-cold", "rfid", 15.0, site="dc-1", zone="cold-room", antennas=4),
        Device("thermo-dc-cold", "thermometer", 30.0, None, "dc-1", "cold-room", "chilled", ("air",), start_c=4.1),
        Device("thermo-dc-chiller", "thermometer", 30.0, None, "dc-1", "chiller", "chilled", ("air",), start_c=3.8),
        *[
            Device(f"thermo-store-{n}", "thermometer", 30.0, None, f"store-{n}", "chiller", "chilled", ("air",))
            for n in (1, 2, 3)
        ],
        Device("door-dc-dock", "door", 60.0, site="dc-1", zone="dock"),
        Device("door-store-1", "door", 60.0, site="store-1", zone="chiller"),
        *_demo_shelves(),
    ]


def _failures() -> tuple[tuple[float, float], ...]:
    """The compressor of truck-04 fails now for 20 minutes, and again every three hours for a week."""
    return tuple((3 * 3600.0 * k, 3 * 3600.0 * k + 20 * MINUTE_S) for k in range(56))


def _demo(seed: int) -> World:
    rng = rng_for(seed, "world/demo")
    vehicles, devices = [], []
    for n, (tour, (leg, left_s), about) in enumerate(zip(DEMO_TOURS, DEMO_STARTS, DEMO_ABOUT, strict=True), start=1):
        vehicle = Vehicle(
            f"truck-{n:02d}", f"Truck {n:02d}", tour, leg, left_s, 150.0, 300.0, about=about,
            fuel_ratio_start=NEARLY_EMPTY.get(n), load_ratio_start=NEARLY_FULL.get(n),
        )  # fmt: skip
        tracker, reefer = _truck_devices(n, vehicle.id, rng, "chilled-demo")
        if n == COURIER:
            vehicle = replace(vehicle, label=f"Courier {n:02d}", of_class="courier", doorstep_s=DOORSTEP_S)
            tracker = replace(tracker, interval_s=5.0, tells_speed=False)
        vehicles.append(vehicle)
        if n == 4:
            reefer = Device(
                reefer.id,
                "reefer",
                10.0,
                vehicle=vehicle.id,
                profile="chilled-demo",
                probes=("front", "rear"),
                start_c=7.45,
                failures_s=_failures(),
            )
        devices += [tracker, reefer]
    return _assemble("demo", seed, tuple(vehicles), (*devices, *_demo_fixed()), "mild")


def _small(seed: int) -> World:
    rng = rng_for(seed, "world/small")
    vehicles = (
        Vehicle("truck-01", "Truck 01", ("dc-1", "store-1"), 1, 60.0, 90.0, 150.0),
        Vehicle("truck-02", "Truck 02", ("dc-1", "store-1", "customer-1"), 0, 90.0, 90.0, 150.0),
    )
    first, second = _truck_devices(1, "truck-01", rng, "chilled"), _truck_devices(2, "truck-02", rng, "chilled")
    fixed = (
        Device("portal-dc-1", "rfid", 60.0, site="dc-1", zone="dock", antennas=2),
        Device("thermo-dc-cold", "thermometer", 30.0, None, "dc-1", "cold-room", "chilled", ("air",), start_c=4.0),
        Device("door-dc-dock", "door", 60.0, site="dc-1", zone="dock"),
        _demo_shelves()[0],
    )
    return _assemble("small", seed, vehicles, (*first, *second, *fixed), "none")


def _fleet(n: int, seed: int) -> World:
    rng = rng_for(seed, "world/fleet")
    others = [s for s in LABELS if s != "dc-1"]
    width = max(2, len(str(n)))
    vehicles, devices = [], []
    for i in range(1, n + 1):
        tour = ("dc-1", *(str(s) for s in rng.permutation(others)[: int(rng.integers(2, 5))]))
        leg = int(rng.integers(0, len(tour)))
        vehicles.append(Vehicle(f"truck-{i:0{width}d}", f"Truck {i:0{width}d}", tour, leg))
        devices += _truck_devices(i, vehicles[-1].id, rng, "chilled", width)
    return _assemble(f"fleet-{n}", seed, tuple(vehicles), tuple(devices), "none")


def _assemble(name: str, seed: int, vehicles: tuple[Vehicle, ...], devices: tuple[Device, ...], faults: str) -> World:
    sites = {site.id: site for site in _sites()}
    return World(
        name=name,
        seed=seed,
        tenant="main",
        tz=TZ,
        utc_offset_h=UTC_OFFSET_H,
        ambient_mean_c=21.0,
        ambient_swing_c=2.0,
        profiles=PROFILES,
        sites=tuple(sites.values()),
        products=PRODUCTS,
        vehicles=vehicles,
        devices=devices,
        shipments=tuple(_shipment(n, v, sites) for n, v in enumerate(vehicles, start=1)),
        faults=TABLE[faults],
    )


def _shipment(n: int, vehicle: Vehicle, sites: dict[str, Site]) -> Shipment:
    """The goods the vehicle has aboard, or, when it is on its way home, those of its next round."""
    tour = vehicle.tour
    homeward = vehicle.first_leg == len(tour) - 1
    leg = vehicle.first_leg
    first_s = nominal_leg_s(tour[leg], tour[(leg + 1) % len(tour)])
    clock_s = vehicle.first_left_s if vehicle.first_left_s is not None else first_s * 0.7
    dwell_s = (vehicle.dwell_s_min + vehicle.dwell_s_max) / 2
    if homeward:
        clock_s += dwell_s + nominal_leg_s(tour[0], tour[1])
    shipment_id = f"S-{1000 + n}"
    line: list[tuple[float, float]] = []
    stops: list[Stop] = []
    for seq, (origin, goal) in enumerate(pairwise(tour), start=1):
        line += route(origin, goal).line()[1 if line else 0 :]
        if not homeward and seq < leg + 1:
            continue
        site = sites[goal]
        window = (round(clock_s - WINDOW_BEFORE_S), round(clock_s + WINDOW_AFTER_S))
        stops.append(
            Stop(len(stops) + 1, f"{shipment_id}-{len(stops) + 1}", goal, site.label, site.lat, site.lon, *window)
        )
        if seq + 1 < len(tour):
            clock_s += dwell_s + nominal_leg_s(goal, tour[seq + 1])
    return Shipment(
        id=shipment_id,
        reference=f"PO {4710 + n}",
        status="planned" if homeward else "in_transit",
        vehicle=vehicle.id,
        customer=stops[-1].name,
        profile="chilled",
        stops=tuple(stops),
        planned_line=tuple(line),
    )
