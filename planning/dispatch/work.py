"""What is to be brought where, by which vehicles, in which time; all of it a plan of the store can be made from. Pure.

Times are whole seconds since 1970-01-01 UTC. What of goods or vehicles is not known (None) is not counted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from pydantic import TypeAdapter

from domain.vehicles import TempClass
from planning.dispatch.travel import Travel

MEASURES = ("kg", "m3", "pallets")
JOBS_MAX, TRUCKS_MAX = 500, 100
DAY_S = 86_400


class WorkError(ValueError):
    """What cannot be planned, and how to mend it."""


@dataclass(frozen=True)
class Goods:
    """What an order takes up at one temperature; `temp_class` None: it lies anywhere."""

    temp_class: TempClass | None
    kg: float = 0.0
    m3: float = 0.0
    pallets: float = 0.0


@dataclass(frozen=True)
class Job:
    """An order that is to be brought to its customer.

    Attributes:
        place: the same for orders that are unloaded at one place; coming there once serves them all.
        windows: when unloading may begin; one of them is kept; ordered, apart.
        vehicle: it rides on this one and no other: it is locked, or on board.
        aboard: its goods are on that vehicle, and are brought even if they come late.
        was: the vehicle that had it before, when it is planned again.
    """

    id: str
    customer: str
    label: str
    place: str
    lat: float
    lon: float
    windows: tuple[tuple[int, int], ...]
    service_s: int = 600
    goods: tuple[Goods, ...] = ()
    priority: int = 0
    vehicle: str | None = None
    aboard: bool = False
    was: str | None = None
    version: int = 0
    unknown: tuple[str, ...] = ()
    """What of it is not known and not counted: `mass`, `size`, `window`."""


@dataclass(frozen=True)
class Room:
    """What fits in; None is not counted. `temp_class` None: at any temperature."""

    temp_class: TempClass | None = None
    kg: float | None = None
    m3: float | None = None
    pallets: float | None = None


@dataclass(frozen=True)
class Truck:
    """A vehicle with its driver.

    Attributes:
        ready_s, back_s: it leaves no earlier and is home no later.
        rooms: its compartments; none: it is one, of no temperature that anybody told, and takes all.
        shift_s: no round is longer.
        rule: hours of its driver: `eu`, `us` or none.
        driven_s: since the last break and today, as an estimate.
        under_way: it has left, so it takes nothing that is not on board.
        kgco2e_per_km: None: nobody knows.
        shipment: the one that it drives now, when it is planned again.
    """

    id: str
    label: str
    lat: float
    lon: float
    home_lat: float
    home_lon: float
    ready_s: int
    back_s: int
    room: Room = field(default_factory=Room)
    rooms: tuple[Room, ...] = ()
    fixed_cost: float = 0.0
    km_cost: float = 0.0
    hour_cost: float = 0.0
    shift_s: int = 13 * 3600
    rule: Literal["eu", "us", "none"] = "eu"
    driven_s: int = 0
    under_way: bool = False
    kgco2e_per_km: float | None = None
    shipment: str | None = None


@dataclass(frozen=True)
class Weights:
    """What is worth what, in money: an order that comes late for sure, a kg CO2e, another vehicle than before."""

    late: float = 50.0
    kgco2e: float = 0.1
    change: float = 10.0


@dataclass(frozen=True)
class Work:
    """All of it."""

    jobs: tuple[Job, ...]
    trucks: tuple[Truck, ...]
    travel: Travel = field(default_factory=Travel)
    weights: Weights = field(default_factory=Weights)
    late_max: float = 0.1
    """A stop that comes late with more than this chance is told to come earlier, where that can be."""

    def __post_init__(self) -> None:
        if not self.trucks:
            raise WorkError("there is no vehicle; choose one that is not retired and not out")
        for what, given, most in (("orders", self.jobs, JOBS_MAX), ("vehicles", self.trucks, TRUCKS_MAX)):
            if len(given) > most:
                raise WorkError(f"{len(given)} {what} are more than {most}: plan by site, day or area")
            if len({each.id for each in given}) < len(given):
                raise WorkError(f"{what}: each once")


WORK: TypeAdapter[Work] = TypeAdapter(Work)
"""To and from JSON."""
