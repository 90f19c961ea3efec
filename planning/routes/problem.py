"""What is to be driven, in whole units of distance and time: stops, loads, windows, vehicles. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from domain.readings import I64

FOREVER = 2**40
"""No limit of time or distance; sums of some of it still fit into 64 bits."""
LOCATIONS_MAX = 5_000


class ProblemError(ValueError):
    """What of a problem cannot be, and how to mend it."""


class Window(NamedTuple):
    """When service may begin; both ends belong to it."""

    early: int = 0
    late: int = FOREVER


ALWAYS = (Window(),)


class Stop(NamedTuple):
    """Goods go there from the depot, come back from there to it, or both.

    Attributes:
        location: row of the matrices.
        deliver, collect: of each load dimension.
        windows: one of them is kept; ordered, apart.
        release: the vehicle that brings it may not leave the depot before.
        prize: what it is worth to go there; None: it must be gone to.
    """

    location: int
    deliver: tuple[int, ...] = ()
    collect: tuple[int, ...] = ()
    service: int = 0
    windows: tuple[Window, ...] = ALWAYS
    release: int = 0
    prize: int | None = None


class Half(NamedTuple):
    """One end of a transport."""

    location: int
    service: int = 0
    window: Window = Window()


class Transport(NamedTuple):
    """Goods that are picked up and later delivered by the same vehicle."""

    pickup: Half
    delivery: Half
    amount: tuple[int, ...] = ()
    prize: int | None = None


class Vehicles(NamedTuple):
    """So many vehicles alike.

    Attributes:
        start, end: rows of the matrices.
        shift: no route lasts longer, from leaving to coming home.
        distance: no route is longer.
        fixed_cost: of using one, in units of distance.
    """

    available: int
    capacity: tuple[int, ...]
    start: int
    end: int
    window: Window = Window()
    shift: int = FOREVER
    distance: int = FOREVER
    fixed_cost: int = 0


STOP, PICKUP, DELIVERY = "stop", "pickup", "delivery"


class Visit(NamedTuple):
    """A stop, or one end of a transport, by its place in the list of those."""

    kind: str
    number: int


class Route(NamedTuple):
    """Where a vehicle goes, in order."""

    vehicles: int
    """Place in the list of vehicles."""
    visits: tuple[Visit, ...]


Plan = tuple[Route, ...]
"""Routes without empty ones."""


@dataclass(frozen=True)
class Problem:
    """What is to be driven.

    Attributes:
        distance, duration: (locations, locations), from row to column.
        locked: stops that only some kinds of vehicles may serve, as places in `vehicles`.
    """

    distance: I64
    duration: I64
    vehicles: Sequence[Vehicles]
    stops: Sequence[Stop] = ()
    transports: Sequence[Transport] = ()
    locked: Mapping[int, frozenset[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        size = len(self.distance)
        if self.distance.shape != (size, size) or self.duration.shape != (size, size):
            raise ProblemError("distances and durations must be square and of one size")
        if size > LOCATIONS_MAX:
            raise ProblemError(f"{size} places are more than {LOCATIONS_MAX}; divide them by depot or area")
        if not self.vehicles:
            raise ProblemError("there is no vehicle; add one")
        if (self.distance < 0).any() or (self.duration < 0).any():
            raise ProblemError("a distance or duration is less than nothing")
        dimensions = {len(each.capacity) for each in self.vehicles}
        if len(dimensions) > 1:
            raise ProblemError("vehicles name their capacities in different dimensions; name all in each")

    @property
    def dimensions(self) -> int:
        """How many kinds of load are counted."""
        return len(self.vehicles[0].capacity)
