"""The simulated world as plain data: what there is, where it stands and what is going to happen to it.

Times are seconds relative to the start of the simulation, so that the world itself knows no clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from domain.vehicles import FuelType, VehicleClass
from firmware_sim.faults import TABLE, Faults

_Named = TypeVar("_Named", "Site", "Vehicle", "Device")


@dataclass(frozen=True, slots=True)
class Profile:
    """Limits of a kind of goods: °C, seconds over the limit before it is an alarm, longest gap that is still known."""

    name: str
    low_c: float
    high_c: float
    for_s: int
    hysteresis_c: float
    max_interval_s: int


@dataclass(frozen=True, slots=True)
class Zone:
    """A part of a site."""

    id: str
    label: str


@dataclass(frozen=True, slots=True)
class Site:
    """A place trucks stop at: WGS 84 degrees, radius in metres; `polygon` is a closed ring of (lon, lat) or None."""

    id: str
    label: str
    kind: str
    lat: float
    lon: float
    radius_m: float
    tz: str
    zones: tuple[Zone, ...]
    polygon: tuple[tuple[float, float], ...] | None = None


@dataclass(frozen=True, slots=True)
class Product:
    """An article: mass of one unit in kg, its temperature limits in °C, when to order more, GTIN-14 of its tags."""

    sku: str
    label: str
    unit_mass_kg: float
    low_c: float
    high_c: float
    reorder_point: int
    gtin: str


@dataclass(frozen=True, slots=True)
class Slot:
    """A place on a weighing shelf; customers take an item every `take_s_min` to `take_s_max` seconds."""

    slot: str
    sku: str
    capacity: int
    start_count: int
    take_s_min: float
    take_s_max: float


@dataclass(frozen=True, slots=True)
class Device:
    """A device and what it measures. `failures_s`: intervals in which its compressor does not cool."""

    id: str
    kind: str  # tracker | reefer | thermometer | rfid | shelf | door
    interval_s: float
    vehicle: str | None = None
    site: str | None = None
    zone: str | None = None
    profile: str | None = None
    probes: tuple[str, ...] = ()
    slots: tuple[Slot, ...] = ()
    antennas: int = 0
    start_c: float | None = None
    failures_s: tuple[tuple[float, float], ...] = ()
    tells_speed: bool = True

    @property
    def home(self) -> str:
        """What the device is fixed to, as `vehicle/ID` or `site/ID`."""
        return f"vehicle/{self.vehicle}" if self.vehicle else f"site/{self.site}"


@dataclass(frozen=True, slots=True)
class About:
    """What a vehicle is told to be, and the name and label of its driver."""

    fleet: str
    model: str
    driver: tuple[str, str]
    load_capacity_kg: float
    volume_capacity_m3: float
    fuel_type: FuelType
    nominal_fuel_lph: float | None
    tags: tuple[str, ...] = ()
    pallet_capacity: int | None = None


@dataclass(frozen=True, slots=True)
class Vehicle:
    """A truck that drives its tour (site ids, back to the first) for ever.

    It starts on leg `first_leg` with `first_left_s` seconds to the end of it (None: somewhere in the middle).
    """

    id: str
    label: str
    tour: tuple[str, ...]
    first_leg: int = 0
    first_left_s: float | None = None
    dwell_s_min: float = 180.0
    dwell_s_max: float = 420.0
    of_class: VehicleClass | None = None
    doorstep_s: tuple[float, float] | None = None
    """On streets it also halts at doorsteps, for so long each."""
    about: About | None = None
    fuel_ratio_start: float | None = None
    load_ratio_start: float | None = None
    """Share of its tank, and of its capacity when it was loaded; None: drawn."""


@dataclass(frozen=True, slots=True)
class Stop:
    """A stop of a shipment; the window is in seconds from the start of the simulation."""

    seq: int
    stop_id: str
    site: str
    name: str
    lat: float
    lon: float
    window_start_s: float
    window_end_s: float


@dataclass(frozen=True, slots=True)
class Shipment:
    """Goods on a vehicle with their stops; `planned_line`: (lon, lat) from the first site to the last stop."""

    id: str
    reference: str
    status: str  # planned | in_transit
    vehicle: str
    customer: str
    profile: str
    stops: tuple[Stop, ...]
    planned_line: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class World:
    """All of it. The weather is a summer's day whatever the calendar says: a reefer in snow has no story to tell."""

    name: str
    seed: int
    tenant: str
    tz: str
    utc_offset_h: float
    ambient_mean_c: float
    ambient_swing_c: float
    profiles: tuple[Profile, ...]
    sites: tuple[Site, ...]
    products: tuple[Product, ...]
    vehicles: tuple[Vehicle, ...]
    devices: tuple[Device, ...]
    shipments: tuple[Shipment, ...]
    faults: Faults = TABLE["none"]

    def site(self, site_id: str) -> Site:
        """Site by id.

        Raises:
            KeyError: no such site.
        """
        return _by_id(self.sites, site_id)

    def vehicle(self, vehicle_id: str) -> Vehicle:
        """Vehicle by id.

        Raises:
            KeyError: no such vehicle.
        """
        return _by_id(self.vehicles, vehicle_id)

    def device(self, device_id: str) -> Device:
        """Device by id.

        Raises:
            KeyError: no such device.
        """
        return _by_id(self.devices, device_id)

    def product(self, sku: str) -> Product:
        """Product by SKU.

        Raises:
            KeyError: no such product.
        """
        for product in self.products:
            if product.sku == sku:
                return product
        raise KeyError(sku)

    def profile(self, name: str) -> Profile:
        """Profile by name.

        Raises:
            KeyError: no such profile.
        """
        for profile in self.profiles:
            if profile.name == name:
                return profile
        raise KeyError(name)


def _by_id(items: tuple[_Named, ...], wanted: str) -> _Named:
    for item in items:
        if item.id == wanted:
            return item
    raise KeyError(wanted)
