"""Classes of vehicles, and what else a vehicle is told to be."""

from __future__ import annotations

from typing import Literal, get_args

VehicleClass = Literal["truck", "van", "courier", "bus"]
FuelType = Literal["diesel", "petrol", "electric", "hybrid", "lng", "cng", "hvo", "hydrogen", "other"]
TempClass = Literal["ambient", "chilled", "frozen"]
"""How cold a compartment is kept, and what goods want."""
TEMP_CLASSES: tuple[TempClass, ...] = get_args(TempClass)
FUEL_TYPES: tuple[FuelType, ...] = get_args(FuelType)
DESCRIBED = (
    "fleet", "model", "load_capacity_kg", "volume_capacity_m3", "pallet_capacity", "fuel_type", "nominal_fuel_lph",
    "tags",
)  # fmt: skip
"""What a vehicle is told to be, besides its class."""
CLASSES: tuple[VehicleClass, ...] = get_args(VehicleClass)


def code_of(word: str | None) -> int:
    """A class as a small number: 0 for none, else one more than its place in `CLASSES`.

    >>> code_of(None), code_of("courier")
    (0, 3)
    """
    return 0 if word is None else CLASSES.index(word) + 1
