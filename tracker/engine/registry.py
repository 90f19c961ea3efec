"""What the tracker knows of the registry, as one picture: arrays by device id, fences, profiles, shipments."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import numpy as np
import orjson

from domain.cold_chain.parsing import profile_of
from domain.cold_chain.profile import TemperatureProfile
from domain.cold_chain.versions import NO_HISTORY, History, Version
from domain.epc import gtin_of
from domain.folds.scan import NEVER
from domain.geo import distance_m
from domain.names import partition_of
from domain.readings import I8, I32, I64, Bool
from domain.times import to_us
from domain.vehicles import code_of
from store.tracking import TrackingStore
from tracker.engine.whereabouts import Place, Whereabouts
from tracker.rules.calls import Plan, Planned, served_before
from tracker.rules.geofence import Fence, Fences, pair
from tracker.rules.lines import Line
from tracker.rules.off_route import Path

NAN = float("nan")


class Device(NamedTuple):
    """A device and where it is; 0 stands for none."""

    id: int
    tenant_id: int
    name: str
    partition: int
    vehicle_id: int
    site_id: int
    zone_id: int
    profile_id: int
    kind: str
    revoked: bool

    @property
    def home(self) -> tuple[str, int]:
        """The vehicle or site it is in; `("device", id)` when in none."""
        if self.vehicle_id:
            return "vehicle", self.vehicle_id
        return ("site", self.site_id) if self.site_id else ("device", self.id)


@lru_cache(maxsize=1024)
def _read(body: str) -> TemperatureProfile:
    return profile_of(orjson.loads(body))


def histories_of(rows: Iterable[tuple[int, int, int, str]]) -> dict[int, History]:
    """Versions of profiles by profile, from their rows."""
    found: dict[int, list[Version]] = {}
    for profile_id, number, since_us, body in rows:
        found.setdefault(profile_id, []).append(Version(number, since_us, _read(body)))
    return {profile_id: History.of(versions) for profile_id, versions in found.items()}


class Product(NamedTuple):
    """A product; `unit_mass_kg` NaN when not known."""

    id: int
    sku: str
    label: str
    unit_mass_kg: float
    reorder_point: float | None


@dataclass
class Stop:
    """A stop of a shipment; times in microseconds, None while they have not come."""

    id: int
    seq: int
    name: str
    label: str
    site_id: int
    lat: float
    lon: float
    radius_m: float
    window_start: datetime | None
    window_end: datetime | None
    arrived_us: int | None
    departed_us: int | None
    deviations: list[str] = field(default_factory=list)
    learned: bool = False
    """Its arrival has taught what it can."""

    @property
    def fence_id(self) -> int:
        """The site's fence, or the stop's own under a negative id."""
        return self.site_id or -self.id


@dataclass
class Shipment:
    """A shipment on a vehicle."""

    id: int
    tenant_id: int
    name: str
    status: str
    vehicle_id: int
    line: Line | None
    since_us: int = 0
    loaded: bool = False
    stops: list[Stop] = field(default_factory=list)
    started_us: int | None = None
    delivered_us: int | None = None
    turn: int = 1
    """Counts the vehicles, and times, it was given to."""
    given: bool = False
    """Somebody said since when the vehicle has it."""

    @cached_property
    def planned(self) -> tuple[Planned, ...]:
        """The stops as planned."""
        windows = [[to_us(w) if w else NEVER for w in (s.window_start, s.window_end)] for s in self.stops]
        places = _places(self.stops)
        return tuple(
            Planned(s.id, s.fence_id, opens_us, closes_us, place)
            for s, (opens_us, closes_us), place in zip(self.stops, windows, places, strict=True)
        )

    @cached_property
    def signature(self) -> int:
        """Another one when the plan is another."""
        return hash((self.vehicle_id, self.since_us, self.loaded, self.given, self.planned))

    @property
    def plan(self) -> Plan:
        """What the rule of calls is asked with, without the calls that stand."""
        return Plan(self.planned, self.since_us, self.loaded, self.given)

    def ahead(self) -> list[Stop]:
        """The stops still to come: those behind the one served last, else all that were left out.

        Of a shipment under way that was at no stop yet those where it was before are behind it.
        """
        served = [s for s in self.stops if s.arrived_us is not None]
        last = max(served, key=lambda s: (s.arrived_us or 0, s.seq)).seq if served else 0
        if self.status == "in_transit" and self.stops and not served and self.planned[0].over(self.since_us):
            return self.stops[served_before(self.plan) :]
        left = [s for s in self.stops if s.arrived_us is None]
        return [s for s in left if s.seq > last] or left

    def next_stop(self) -> Stop | None:
        """The first stop still to come."""
        return next(iter(self.ahead()), None)


@dataclass(frozen=True)
class Lined:
    """Shipments with a planned line, by `pair` of their vehicle and themselves: sorted keys, since when, the rest."""

    keys: I64
    since_us: I64
    lines: dict[int, Path]
    shipments: dict[int, Shipment]

    @classmethod
    def of(cls, shipments: Iterable[Shipment]) -> Lined:
        """Those that have one."""
        some = [s for s in shipments if s.line is not None]
        keys = pair(np.array([s.vehicle_id for s in some], np.int64), np.array([s.id for s in some], np.int64))
        order = np.argsort(keys)
        since_us = np.array([s.since_us for s in some], np.int64)
        by_key = dict(zip(keys.tolist(), some, strict=True))
        lines = {k: Path(s.line.lat, s.line.lon).simplified() for k, s in by_key.items() if s.line is not None}
        return cls(keys[order], since_us[order], lines, by_key)

    def of_vehicle(self, vehicle_id: int) -> list[int]:
        """Keys of a vehicle."""
        low, high = np.searchsorted(self.keys, pair(np.array([vehicle_id, vehicle_id + 1]), np.zeros(2, np.int64)))
        return list(map(int, self.keys[low:high]))


class Site(NamedTuple):
    """A site's name and tenant."""

    tenant_id: int
    name: str


@dataclass
class Registry:
    """The picture. Load it anew when told that something has changed."""

    devices: dict[int, Device]
    in_home: dict[tuple[str, int], list[int]]
    """Devices of a vehicle or site, by `Device.home`."""
    histories: dict[int, History]
    """Versions of each temperature profile, retired ones too."""
    vehicles: dict[int, Site]
    sites: dict[int, Site]
    zones: dict[int, tuple[int, str]]
    products: dict[int, Product]
    by_gtin: dict[tuple[int, str], int]
    slots: dict[int, int]
    slot_device: dict[int, int]
    antennas: dict[tuple[int, int], int]
    """Zones of antennas, by device and antenna, that stand elsewhere than their reader."""
    shipments: dict[int, Shipment]
    """The shipment each vehicle is on: under way first, else the oldest planned one."""
    aboard: dict[int, list[Shipment]]
    """Shipments of each vehicle: those not delivered, and the last ones that are."""
    lined: Lined
    fences: dict[int, Fences]
    where: Whereabouts
    """Where each device is, and was."""
    tenant_of: I32
    vehicle_tenant: I32
    """Tenant by vehicle; 0 for one that is not there."""
    vehicle_partition: I32
    """Partition by vehicle: who owns it folds it, whoever has read its readings."""
    vehicle_owned: Bool
    vehicle_class: I8
    """Class by vehicle, as `domain.vehicles.code_of`; 0 for one that nobody has told."""

    @classmethod
    def load(cls, store: TrackingStore, partitions: int, owned: Collection[int] | None = None) -> Registry:
        """Reads the registry, for a tracker that owns these partitions (None: all)."""
        devices = {
            int(r[0]): Device(r[0], r[1], r[2], partition_of(r[3], r[4], partitions), *r[5:11])
            for r in store.rows("devices")
        }
        in_home: dict[tuple[str, int], list[int]] = {}
        for device in devices.values():
            in_home.setdefault(device.home, []).append(device.id)
        tenant_of = np.zeros(max(devices, default=0) + 2, dtype=np.int32)
        for device in devices.values():
            tenant_of[device.id] = device.tenant_id
        now = ((d.id, Place(d.vehicle_id, d.site_id, d.zone_id)) for d in devices.values())
        going = store.rows("shipments")
        shipments = shipments_of(going, store.rows("stops_of", [r[0] for r in going]))
        aboard: dict[int, list[Shipment]] = {}
        for shipment in shipments:
            aboard.setdefault(shipment.vehicle_id, []).append(shipment)
        sites = store.rows("sites")
        products = store.rows("products")
        slots = store.rows("slots")
        rows = store.rows("vehicles")
        vehicles = {int(r[0]): Site(r[1], r[2]) for r in rows}
        vehicle_tenant = np.zeros(max(vehicles, default=0) + 2, dtype=np.int32)
        vehicle_partition = np.zeros(len(vehicle_tenant), dtype=np.int32)
        vehicle_class = np.zeros(len(vehicle_tenant), dtype=np.int8)
        for vehicle_id, tenant_id, _, tenant, home, of_class in rows:
            vehicle_tenant[vehicle_id] = tenant_id
            vehicle_partition[vehicle_id] = partition_of(tenant, home, partitions)
            vehicle_class[vehicle_id] = code_of(of_class)
        return cls(
            devices=devices,
            in_home=in_home,
            histories=histories_of((r[0], r[1], r[2], r[3]) for r in store.rows("profile_versions")),
            vehicles=vehicles,
            sites={r[0]: Site(r[1], r[2]) for r in sites},
            zones={r[0]: (r[1], r[2]) for r in store.rows("zones")},
            products={r[0]: Product(r[0], r[2], r[3], r[5] if r[5] is not None else NAN, r[6]) for r in products},
            by_gtin={(r[1], r[4].rjust(14, "0")): r[0] for r in products if r[4]},
            slots={r[0]: r[2] for r in slots},
            slot_device={r[0]: r[1] for r in slots},
            antennas={(r[0], r[1]): r[2] for r in store.rows("antennas")},
            shipments={vehicle: found for vehicle, all_of_it in aboard.items() if (found := current(all_of_it))},
            aboard=aboard,
            lined=Lined.of(shipments),
            fences=_fences(sites, shipments),
            where=Whereabouts.of(now, store.rows("assignments")),
            tenant_of=tenant_of,
            vehicle_tenant=vehicle_tenant,
            vehicle_partition=vehicle_partition,
            vehicle_owned=np.isin(vehicle_partition, list(range(partitions) if owned is None else owned)),
            vehicle_class=vehicle_class,
        )

    def owns(self, vehicle: I64) -> Bool:
        """Whether these vehicles are of partitions of ours."""
        return np.asarray(self.vehicle_owned[vehicle.clip(0, len(self.vehicle_owned) - 1)])

    def class_of(self, vehicle: I64) -> I8:
        """Codes of the classes of these vehicles."""
        return np.asarray(self.vehicle_class[vehicle.clip(0, len(self.vehicle_class) - 1)])

    def history_of(self, device_id: int) -> History:
        """The versions of a device's temperature profile; `at` and `index` tell which was in force at an event time."""
        device = self.devices.get(device_id)
        return self.histories.get(device.profile_id, NO_HISTORY) if device else NO_HISTORY

    def knows(self, vehicle_id: int, site_id: int) -> bool:
        """Whether a vehicle's visits here are facts: at any site, and at its own shipments' stops without one."""
        return site_id > 0 or any(s.id == -site_id for h in self.aboard.get(vehicle_id, ()) for s in h.stops)

    def planned_for(self, vehicle_id: int) -> list[tuple[Any, ...]]:
        """What a vehicle's fold depends on of its shipments: their lines, and their stops that are at no site."""
        return [
            (
                s.id,
                s.since_us,
                s.line and (s.line.lat.tobytes(), s.line.lon.tobytes()),
                [(x.fence_id, x.lat, x.lon, x.radius_m) for x in s.stops if not x.site_id],
            )
            for s in self.aboard.get(vehicle_id, ())
        ]

    def product_of(self, tenant_id: int, epc: str) -> int:
        """Product of a tag; 0 for a private code or a product we do not know."""
        gtin = gtin_of(epc)
        return self.by_gtin.get((tenant_id, gtin), 0) if gtin else 0


def _us(instant: datetime | None) -> int | None:
    return to_us(instant) if instant else None


def shipments_of(rows: Iterable[tuple[Any, ...]], stops: Iterable[tuple[Any, ...]]) -> list[Shipment]:
    """Shipments with their stops."""
    found: dict[int, Shipment] = {}
    for sid, tenant, name, status, vehicle, line, since, loaded, started, delivered, *turn in rows:
        found[sid] = Shipment(
            sid,
            tenant,
            name,
            status,
            vehicle,
            Line.of(line["coordinates"]) if line else None,
            to_us(since),
            loaded,
            started_us=_us(started),
            delivered_us=_us(delivered),
            turn=turn[0],
            given=turn[1],
        )
    for r in stops:
        found[r[1]].stops.append(
            Stop(r[0], r[2], r[3], r[4], r[5], r[6], r[7], r[8], r[9], r[10], _us(r[11]), _us(r[12]), *r[13:15])
        )
    return list(found.values())


SAME_M, SAME_SITES_M = 100.0, 25.0


def _places(stops: Sequence[Stop]) -> list[int]:
    """The place of each stop, as the fence of its first stop: stops of one site, or as good as at the same spot."""
    lat, lon, radius_m = (np.array([getattr(s, name) for s in stops]) for name in ("lat", "lon", "radius_m"))
    site = np.array([s.site_id for s in stops])
    fence = np.array([s.fence_id for s in stops])
    sites = (site[:, None] > 0) & (site[None, :] > 0)
    near_m = np.minimum(np.minimum(radius_m[:, None], radius_m[None, :]), np.where(sites, SAME_SITES_M, SAME_M))
    same = (fence[:, None] == fence[None, :]) | (distance_m(lat[:, None], lon[:, None], lat, lon) <= near_m)
    found: list[int] = []
    for i, row in enumerate(same):
        first = next(j for j in np.flatnonzero(row).tolist() if j >= i or found[j] == fence[j])
        found.append(int(fence[first]) if first <= i else int(fence[i]))
    return found


def current(shipments: Iterable[Shipment]) -> Shipment | None:
    """The one a vehicle is on: the oldest under way, else the oldest planned one."""
    going = [s for s in shipments if s.status != "delivered"]
    return min(going, key=lambda s: (s.status != "in_transit", s.id), default=None)


def _fences(sites: list[tuple[Any, ...]], shipments: Iterable[Shipment]) -> dict[int, Fences]:
    found: dict[int, list[Fence]] = {}
    for sid, tenant, _, lat, lon, radius, polygon, corridor, dwell_s, retired_at in sites:
        if lat == 0 and lon == 0 and not polygon and not corridor:
            continue  # a site that has not been put on the map yet
        rings, line = (shape["coordinates"] if shape else None for shape in (polygon, corridor))
        until_us = to_us(retired_at) if retired_at else NEVER
        found.setdefault(tenant, []).append(Fence(sid, lat, lon, radius, rings, line, dwell_s, until_us))
    for shipment in shipments:
        for stop in shipment.stops:
            if not stop.site_id:
                found.setdefault(shipment.tenant_id, []).append(Fence(-stop.id, stop.lat, stop.lon, stop.radius_m))
    return {tenant: Fences(fences) for tenant, fences in found.items()}
