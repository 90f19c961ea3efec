"""A round by several stops: what each of them is to answer for. Pure.

Shared by the transport work of the *direct* distance between depot and stop, never by the order in which they were
visited (ISO 14083): who happens to be the last does not pay for the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import NamedTuple

from planning.emissions.factors import EmissionError


class Stop(NamedTuple):
    """What was delivered or picked up, and how far the stop is from the depot, directly."""

    name: str
    mass_kg: float
    distance_km: float


def shares(co2e_kg: float, stops: Sequence[Stop]) -> list[float]:
    """Kilograms of CO2e of each stop, in the order of `stops`; they add up to `co2e_kg`.

    Raises:
        EmissionError: no stop does any transport work, or a figure cannot be.
    """
    if not (isfinite(co2e_kg) and co2e_kg >= 0):
        raise EmissionError(f"co2e_kg {co2e_kg} is not 0 or more")
    for each in stops:
        for name, value in (("mass_kg", each.mass_kg), ("distance_km", each.distance_km)):
            if not (isfinite(value) and value >= 0):
                raise EmissionError(f"{each.name}: {name} {value} is not 0 or more")
    total = work_tkm(stops)
    if not total:
        raise EmissionError("no stop has mass and distance; give mass_kg and the direct distance_km from the depot")
    return [co2e_kg * (each.mass_kg / 1000 * each.distance_km) / total for each in stops]


def work_tkm(stops: Sequence[Stop]) -> float:
    """Transport work of all stops, by direct distance."""
    return sum(each.mass_kg / 1000 * each.distance_km for each in stops)
