"""Classes of vehicles, and which one a vehicle's trips speak for."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

VehicleClass = Literal["truck", "van", "courier", "bus"]
CLASSES: tuple[VehicleClass, ...] = get_args(VehicleClass)


def code_of(word: str | None) -> int:
    """A class as a small number: 0 for none, else one more than its place in `CLASSES`.

    >>> code_of(None), code_of("courier")
    (0, 3)
    """
    return 0 if word is None else CLASSES.index(word) + 1


class Driven(NamedTuple):
    """What the trips of some weeks come to: how many, metres, seconds in motion and standing on the way."""

    trips: int
    distance_m: float
    moving_s: float
    standing_s: float


TRIPS_MIN, DISTANCE_M_MIN = 10, 30_000.0
SHORT_M, LINE_M, LONG_M = 2_500.0, 5_000.0, 40_000.0  # of a trip
DOORSTEPS_MPS, LINE_MPS, HAUL_MPS = 3.0, 7.0, 15.0  # over a trip, stops in between included


def suggested(driven: Driven) -> VehicleClass | None:
    """The class that trips speak for; None while they are too few. It is a hint for who knows the vehicle.

    A courier's trips are short, or slow by doorsteps too brief to end them; a lorry's on long hauls are long or fast; a
    bus is slow over trips that no stop ends; the rest are vans'.

    >>> suggested(Driven(40, 60_000, 9_000, 1_000)), suggested(Driven(12, 900_000, 45_000, 2_000))
    ('courier', 'truck')
    >>> suggested(Driven(28, 268_000, 47_000, 7_000)), suggested(Driven(30, 300_000, 30_000, 2_000))
    ('bus', 'van')
    >>> suggested(Driven(3, 900_000, 45_000, 2_000)) is None
    True
    """
    if driven.trips < TRIPS_MIN or driven.distance_m < DISTANCE_M_MIN:
        return None
    trip_m = driven.distance_m / driven.trips
    mean_mps = driven.distance_m / max(driven.moving_s + driven.standing_s, 1.0)
    if trip_m < SHORT_M or mean_mps < DOORSTEPS_MPS:
        return "courier"
    if trip_m >= LONG_M or mean_mps >= HAUL_MPS:
        return "truck"
    return "bus" if trip_m >= LINE_M and mean_mps < LINE_MPS else "van"
