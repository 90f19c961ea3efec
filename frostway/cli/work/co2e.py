"""`frostway co2e`: a chain in, what it emits out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from firmware_sim.recordings import content_of
from frostway.cli.work.tables import print_table
from frostway.failure import Failure
from planning.emissions import chain
from planning.emissions.factors import EmissionError, Energy, Factor, Factors, Grade, emitted_kg, factors_of
from planning.emissions.rounds import Stop, shares, work_tkm

FILE_BYTES_MAX = 16 * 1024**2
GradeWord = Literal["primary", "modelled", "default", "spend"]
DistanceKind = Literal["shortest", "great_circle", "actual"]


class Part(BaseModel):
    """What all parts of the file have: nothing that is not known, so that nothing is left out."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class AskedFactor(Part):
    """A factor of one's own."""

    kind: str
    unit: str
    operation_kg: float
    provision_kg: float
    version: str


class AskedEnergy(Part):
    """How much of an energy."""

    kind: str
    quantity: float
    unit: str


class AskedIntensity(Part):
    """Grams of a tonne-kilometre."""

    wtw_g_per_tkm: float
    ttw_g_per_tkm: float | None = None
    grade: GradeWord
    version: str
    per: DistanceKind = "shortest"


class AskedSpend(Part):
    """What was paid."""

    amount: float
    kg_per_unit: float
    version: str


class AskedLeg(Part):
    """A leg: `energy` with `operation_tkm`, or `intensity`, or `spend`."""

    name: str = ""
    mode: Literal["road", "rail", "sea", "air", "inland_water", "pipeline"] = "road"
    mass_kg: float | None = None
    distance_km: float | None = None
    distance_kind: DistanceKind = "shortest"
    work_tkm: float | None = None
    reefer: Literal["none", "included", "surcharge"] = "none"
    energy: list[AskedEnergy] = Field(default_factory=list)
    operation_tkm: float | None = None
    operation_per: DistanceKind = "shortest"
    grade: GradeWord = "primary"
    intensity: AskedIntensity | None = None
    spend: AskedSpend | None = None


class AskedHub(Part):
    """A hub."""

    name: str = ""
    mass_kg: float
    kg_per_t: float
    grade: GradeWord
    version: str


class AskedStop(Part):
    """A stop of a round."""

    name: str = ""
    mass_kg: float
    distance_km: float


class AskedRound(Part):
    """A round: what it emitted, or its energy."""

    name: str = ""
    co2e_kg: float | None = None
    grade: GradeWord = "primary"
    version: str = "as told"
    energy: list[AskedEnergy] = Field(default_factory=list)
    stops: list[AskedStop]


class Asked(Part):
    """The file."""

    factors: list[AskedFactor] = Field(default_factory=list)
    legs: list[AskedLeg] = Field(default_factory=list)
    hubs: list[AskedHub] = Field(default_factory=list)
    rounds: list[AskedRound] = Field(default_factory=list)


def print_co2e(file: Path, *, as_json: bool) -> None:
    """Reads the chain and prints what it emits."""
    told = co2e_of(content_of(file, FILE_BYTES_MAX), str(file))
    if as_json:
        import orjson  # noqa: PLC0415

        sys.stdout.buffer.write(orjson.dumps(told) + b"\n")
        return
    rows = [
        (each["name"], f"{each['co2e_kg']:.3f}", f"{each['work_tkm']:g}", _grams(each), each["grade"])
        for each in told["parts"]
    ]
    print_table(("Part", "kg CO2e", "tkm", "g/tkm", "Grade"), rows, "There is nothing.")
    primary = f"{told['primary_share']:.0%} of it primary"
    sys.stdout.write(f"{told['co2e_kg']:.3f} kg CO2e, {_grams(told)} g/tkm, {told['grade']}, {primary}\n")
    sys.stdout.write("".join(f"by {version}\n" for version in told["factors"]))


def co2e_of(content: bytes, name: str) -> dict[str, Any]:
    """What is printed of a file.

    Raises:
        Failure: what of it cannot be understood or reckoned, and what would mend it.
    """
    try:
        return _told(Asked.model_validate_json(content))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise Failure(f"{name}: {place}{': ' if place else ''}{first['msg']}") from None
    except EmissionError as error:
        raise Failure(f"{name}: {error}") from None


def _told(asked: Asked) -> dict[str, Any]:
    factors = factors_of(Factor(**each.model_dump()) for each in asked.factors)
    legs = [_leg(each, each.name or f"leg {n}") for n, each in enumerate(asked.legs, 1)]
    chain.check_kinds(legs)
    parts = [chain.leg_emitted(leg, factors) for leg in legs]
    parts += [
        chain.hub_emitted(
            chain.Hub(each.name or f"hub {n}", each.mass_kg, each.kg_per_t, _grade(each.grade), each.version)
        )
        for n, each in enumerate(asked.hubs, 1)
    ]
    rounds = []
    for n, each in enumerate(asked.rounds, 1):
        part, stops = _round(each, each.name or f"round {n}", factors)
        parts.append(part)
        rounds.append({"name": part.name, "stops": stops})
    whole = chain.chain_of(parts)
    return {
        "co2e_kg": round(whole.co2e_kg, 6),
        "wtw_g_per_tkm": _rounded(whole.wtw_g_per_tkm),
        "work_tkm": round(whole.work_tkm, 6),
        "grade": whole.grade.word,
        "primary_share": round(whole.primary_share, 6),
        "factors": whole.factors,
        "parts": [
            {"name": part.name, "co2e_kg": round(part.co2e_kg, 6), "work_tkm": round(part.work_tkm, 6),
             "wtw_g_per_tkm": _rounded(part.wtw_g_per_tkm), "grade": part.grade.word, "factors": list(part.factors)}
            for part in parts
        ],
        "rounds": rounds,
    }  # fmt: skip


def _leg(asked: AskedLeg, name: str) -> chain.Leg:
    told = [word for word in ("energy", "intensity", "spend") if getattr(asked, word)]
    if len(told) > 1:
        raise EmissionError(f"{name}: {' and '.join(told)} both say what it emits; give the better one alone")
    figures: chain.Operation | chain.Intensity | chain.Spend | None = None
    if asked.energy:
        if asked.operation_tkm is None:
            raise EmissionError(f"{name}: energy without operation_tkm; say all the work it was used for")
        energy = tuple(Energy(**each.model_dump()) for each in asked.energy)
        figures = chain.Operation(energy, asked.operation_tkm, asked.operation_per, _grade(asked.grade))
    elif asked.intensity:
        it = asked.intensity
        figures = chain.Intensity(it.wtw_g_per_tkm, _grade(it.grade), it.version, it.per, it.ttw_g_per_tkm)
    elif asked.spend:
        figures = chain.Spend(**asked.spend.model_dump())
    return chain.Leg(
        name, asked.mode, figures, asked.mass_kg, asked.distance_km, asked.distance_kind, asked.reefer, asked.work_tkm
    )


def _round(asked: AskedRound, name: str, factors: Factors) -> tuple[chain.Emitted, list[dict[str, Any]]]:
    if (asked.co2e_kg is None) == (not asked.energy):
        raise EmissionError(f"{name}: give either its energy or its co2e_kg")
    used: tuple[str, ...] = (asked.version,)
    kg = asked.co2e_kg
    try:
        if kg is None:
            kg, by = emitted_kg([Energy(**each.model_dump()) for each in asked.energy], factors)
            used = tuple(sorted({f"{each.kind}: {each.version}" for each in by}))
        stops = [
            Stop(each.name or f"stop {n}", each.mass_kg, each.distance_km) for n, each in enumerate(asked.stops, 1)
        ]
        shared = shares(kg, stops)
    except EmissionError as error:
        raise EmissionError(f"{name}: {error}") from None
    grade = _grade(asked.grade)
    part = chain.Emitted(name, kg, work_tkm(stops), grade, kg if grade is Grade.PRIMARY else 0.0, used)
    return part, [
        {"name": stop.name, "co2e_kg": round(share, 6)} for stop, share in zip(stops, shared, strict=True)
    ]  # fmt: skip


def _grade(word: str) -> Grade:
    return Grade[word.upper()]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def _grams(told: dict[str, Any]) -> str:
    grams = told["wtw_g_per_tkm"]
    return "-" if grams is None else f"{grams:.3f}"
