"""What a unit of energy emits, with where the figure comes from; and how good a figure is. Pure.

No tables are shipped whose licence forbids it: who has their own, or bought some, gives them beside the legs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from math import isfinite


class EmissionError(ValueError):
    """What cannot be reckoned, and what would mend it."""


class Grade(IntEnum):
    """How a figure came about, best first; a chain is as good as the worst of its parts."""

    PRIMARY = 0
    MODELLED = 1
    DEFAULT = 2
    SPEND = 3

    @property
    def word(self) -> str:
        """As it is told: `primary`, `modelled`, `default`, `spend`."""
        return self.name.lower()


@dataclass(frozen=True)
class Factor:
    """Kilograms of CO2e of one `unit` of an energy: burning it (`operation_kg`), and making it (`provision_kg`)."""

    kind: str
    unit: str
    operation_kg: float
    provision_kg: float
    version: str

    def __post_init__(self) -> None:
        for name, value in (("operation_kg", self.operation_kg), ("provision_kg", self.provision_kg)):
            if not (isfinite(value) and value >= 0):
                raise EmissionError(f"factor {self.kind}: {name} {value} is not 0 or more")
        if not self.version.strip():
            raise EmissionError(f"factor {self.kind}: no version; say whose it is and of what year")

    @property
    def wtw_kg(self) -> float:
        """Well to wheel."""
        return self.operation_kg + self.provision_kg


SHIPPED = (Factor("diesel_b7", "l", 2.57082, 0.62665, "UK Government GHG conversion factors 2025"),)
"""Open Government Licence v3.0."""

Factors = Mapping[tuple[str, str], Factor]
"""By kind and unit."""


def factors_of(own: Iterable[Factor] = ()) -> Factors:
    """The shipped ones, and one's own, which come first where both have a kind and unit."""
    return {(each.kind, each.unit): each for each in (*SHIPPED, *own)}


@dataclass(frozen=True)
class Energy:
    """How much of an energy was used, empty running and refrigeration included."""

    kind: str
    quantity: float
    unit: str


def emitted_kg(energy: Iterable[Energy], factors: Factors) -> tuple[float, list[Factor]]:
    """What the energies emit from well to wheel, in kg CO2e, and by which factors.

    Raises:
        EmissionError: an energy without a factor, or less than nothing of one.
    """
    total, used = 0.0, []
    for each in energy:
        if not (isfinite(each.quantity) and each.quantity >= 0):
            raise EmissionError(f"{each.kind}: {each.quantity} {each.unit} is no quantity")
        factor = factors.get((each.kind, each.unit))
        if factor is None:
            known = ", ".join(sorted(f"{kind} in {unit}" for kind, unit in factors))
            raise EmissionError(
                f"there is no factor for {each.kind} in {each.unit}, only for {known}; add one to `factors` "
                "with operation_kg, provision_kg and version"
            )
        total += each.quantity * factor.wtw_kg
        used.append(factor)
    return total, used
