"""A transport chain: what its legs and hubs emit, and how good that figure is (ISO 14083:2023). Pure.

Of a leg: transport work T = mass x distance, emission T x g x distance adjustment, where the intensity g is told or
comes from energy: g = sum of energy x (operation + provision factor) / the work it was used for. A chain is the sum of
its legs and hubs. Nothing is guessed: a part without figures is refused, with what would mend it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isclose, isfinite

from planning.emissions.distances import DIRECT, KINDS, SHORTEST, adjustment
from planning.emissions.factors import EmissionError, Energy, Factors, Grade, emitted_kg

REEFER_SHARE = 0.12
"""What refrigeration adds where nobody measured it; of grade `default`."""
REEFER = ("none", "included", "surcharge")
WORK_TOLERANCE = 0.005


@dataclass(frozen=True)
class Intensity:
    """Grams of CO2e of a tonne-kilometre, well to wheel, by a kind of distance; `ttw_g_per_tkm` only to be checked."""

    wtw_g_per_tkm: float
    grade: Grade
    version: str
    per: str = SHORTEST
    ttw_g_per_tkm: float | None = None


@dataclass(frozen=True)
class Operation:
    """What ran: all its energy, empty running included, for all its loaded transport work, by a kind of distance."""

    energy: tuple[Energy, ...]
    work_tkm: float
    per: str = SHORTEST
    grade: Grade = Grade.PRIMARY


@dataclass(frozen=True)
class Spend:
    """What was paid, and kilograms of CO2e of a unit of that money."""

    amount: float
    kg_per_unit: float
    version: str


@dataclass(frozen=True)
class Leg:
    """One movement. `mass_kg` is with the shipper's packaging, without the carrier's.

    With `operation` but without mass and distance the whole operation is meant. `reefer`: `none`, `included` (its
    energy is in the figures) or `surcharge`. `work_tkm`: what somebody says mass x distance is; it must be so.
    """

    name: str
    mode: str
    figures: Operation | Intensity | Spend | None
    mass_kg: float | None = None
    distance_km: float | None = None
    distance_kind: str = SHORTEST
    reefer: str = "none"
    work_tkm: float | None = None


@dataclass(frozen=True)
class Hub:
    """A place where goods are handled: kilograms of CO2e of a tonne that leaves it."""

    name: str
    mass_kg: float
    kg_per_t: float
    grade: Grade
    version: str


@dataclass(frozen=True)
class Emitted:
    """What a part comes to: emission, transport work, grade, how much of it is primary, and by which factors."""

    name: str
    co2e_kg: float
    work_tkm: float
    grade: Grade
    primary_kg: float
    factors: tuple[str, ...]

    @property
    def wtw_g_per_tkm(self) -> float | None:
        """None where there is no transport work."""
        return self.co2e_kg / self.work_tkm * 1000 if self.work_tkm else None


@dataclass(frozen=True)
class Chain:
    """The sum."""

    parts: tuple[Emitted, ...]

    @property
    def co2e_kg(self) -> float:
        """Of all parts."""
        return sum(each.co2e_kg for each in self.parts)

    @property
    def work_tkm(self) -> float:
        """Of all parts."""
        return sum(each.work_tkm for each in self.parts)

    @property
    def wtw_g_per_tkm(self) -> float | None:
        """None where there is no transport work."""
        return self.co2e_kg / self.work_tkm * 1000 if self.work_tkm else None

    @property
    def grade(self) -> Grade:
        """The worst of the parts."""
        return max(each.grade for each in self.parts)

    @property
    def primary_share(self) -> float:
        """How much of the emission rests on energy that was measured, from 0 to 1."""
        total = self.co2e_kg
        return sum(each.primary_kg for each in self.parts) / total if total else 0.0

    @property
    def factors(self) -> list[str]:
        """Versions of all factors that were used, each once."""
        return sorted({version for each in self.parts for version in each.factors})


def chain_of(parts: Sequence[Emitted]) -> Chain:
    """The parts as one.

    Raises:
        EmissionError: there is none.
    """
    if not parts:
        raise EmissionError("there is neither a leg nor a hub nor a round")
    return Chain(tuple(parts))


def check_kinds(legs: Sequence[Leg]) -> None:
    """Direct distances of a chain are of one kind; flights are always told by great circles.

    Raises:
        EmissionError: they are not.
    """
    kinds = {leg.distance_kind for leg in legs if leg.mode != "air" and leg.distance_kind in DIRECT}
    if len(kinds) > 1:
        raise EmissionError("distances are both shortest and great_circle; tell all of a chain in one kind")


def leg_emitted(leg: Leg, factors: Factors) -> Emitted:
    """What a leg comes to.

    Raises:
        EmissionError: figures are missing or cannot be; it says which, and what would mend it.
    """
    for kind in (leg.distance_kind, getattr(leg.figures, "per", SHORTEST)):
        if kind not in KINDS:
            raise EmissionError(f"{leg.name}: {kind} is no kind of distance; known are {', '.join(KINDS)}")
    if leg.reefer not in REEFER:
        raise EmissionError(f"{leg.name}: reefer is {leg.reefer}, but may be {', '.join(REEFER)}")
    work_tkm = _work(leg)
    try:
        if isinstance(leg.figures, Operation):
            kg, work_tkm, grade, used = _of_operation(leg, leg.figures, work_tkm, factors)
        elif isinstance(leg.figures, Intensity):
            kg, grade, used = _of_intensity(leg, leg.figures, work_tkm), leg.figures.grade, (leg.figures.version,)
        elif isinstance(leg.figures, Spend):
            _no_less(leg.figures.amount, "amount")
            _no_less(leg.figures.kg_per_unit, "kg_per_unit")
            kg, grade, used = leg.figures.amount * leg.figures.kg_per_unit, Grade.SPEND, (leg.figures.version,)
        else:
            raise EmissionError(  # noqa: TRY301
                "nothing says what it emits; give `energy` with `operation_tkm` (the carrier's, of the same round or "
                "year), or an `intensity` with its grade and version, or `spend`"
            )
    except EmissionError as error:
        raise EmissionError(f"{leg.name}: {error}") from None
    primary = kg if grade is Grade.PRIMARY else 0.0
    if leg.reefer == "surcharge":
        kg, grade = kg * (1 + REEFER_SHARE), max(grade, Grade.DEFAULT)
        used = (*used, f"refrigeration +{REEFER_SHARE:.0%}")
    return Emitted(leg.name, kg, work_tkm or 0.0, grade, primary, used)


def hub_emitted(hub: Hub) -> Emitted:
    """What a hub comes to; it does no transport work."""
    try:
        _no_less(hub.mass_kg, "mass_kg")
        _no_less(hub.kg_per_t, "kg_per_t")
    except EmissionError as error:
        raise EmissionError(f"{hub.name}: {error}") from None
    kg = hub.mass_kg / 1000 * hub.kg_per_t
    return Emitted(hub.name, kg, 0.0, hub.grade, kg if hub.grade is Grade.PRIMARY else 0.0, (hub.version,))


def _no_less(value: float, name: str) -> None:
    if not (isfinite(value) and value >= 0):
        raise EmissionError(f"{name} {value} is not 0 or more")


def _work(leg: Leg) -> float | None:
    """Mass x distance in tkm; None where they are not told."""
    if leg.mass_kg is None and leg.distance_km is None:
        return None
    if leg.mass_kg is None or leg.distance_km is None:
        missing = "mass_kg" if leg.mass_kg is None else "distance_km"
        raise EmissionError(f"{leg.name}: {missing} is missing; work is mass x distance, give both")
    for name, value in (("mass_kg", leg.mass_kg), ("distance_km", leg.distance_km)):
        if not (isfinite(value) and value > 0):
            raise EmissionError(f"{leg.name}: {name} {value} is not more than 0")
    work = leg.mass_kg / 1000 * leg.distance_km
    if leg.work_tkm is not None and not isclose(leg.work_tkm, work, rel_tol=WORK_TOLERANCE):
        raise EmissionError(
            f"{leg.name}: {leg.mass_kg:g} kg x {leg.distance_km:g} km is {work:g} tkm, not {leg.work_tkm:g}; "
            "look for a comma in the wrong place"
        )
    return work


def _adjusted(leg: Leg, per: str) -> float:
    return adjustment(leg.mode, leg.distance_km or 0.0, leg.distance_kind, per)


def _of_operation(
    leg: Leg, ran: Operation, work_tkm: float | None, factors: Factors
) -> tuple[float, float, Grade, tuple[str, ...]]:
    if not ran.energy:
        raise EmissionError("energy is empty; say how much of what was used, such as diesel_b7 in l")
    if not (isfinite(ran.work_tkm) and ran.work_tkm > 0):
        raise EmissionError(f"operation_tkm {ran.work_tkm} is not more than 0; it is all the work the energy was for")
    kg, used = emitted_kg(ran.energy, factors)
    versions = tuple(sorted({f"{each.kind}: {each.version}" for each in used}))
    if work_tkm is None:
        return kg, ran.work_tkm, ran.grade, versions
    return kg / ran.work_tkm * work_tkm * _adjusted(leg, ran.per), work_tkm, ran.grade, versions


def _of_intensity(leg: Leg, intensity: Intensity, work_tkm: float | None) -> float:
    _no_less(intensity.wtw_g_per_tkm, "wtw_g_per_tkm")
    if intensity.ttw_g_per_tkm is not None and intensity.ttw_g_per_tkm > intensity.wtw_g_per_tkm:
        raise EmissionError(
            f"{intensity.wtw_g_per_tkm:g} g from well to wheel is less than {intensity.ttw_g_per_tkm:g} g from tank "
            "to wheel; one of them is wrong"
        )
    if not intensity.version.strip():
        raise EmissionError("the intensity has no version; say whose it is and of what year")
    if work_tkm is None:
        raise EmissionError("an intensity needs mass_kg and distance_km")
    return work_tkm * intensity.wtw_g_per_tkm / 1000 * _adjusted(leg, intensity.per)
