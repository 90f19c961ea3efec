"""What is decided about probes: excursions."""

from __future__ import annotations

from typing import NamedTuple

from domain.facts import Column, FactKind
from tracker.rules import temperature


class ExcursionFact(NamedTuple):
    """An excursion as it is known now; `alarm_us` is `NEVER` when it has not lasted long enough.

    `amends` is False when there is nothing new to be written of the fact, for its alert there may be.
    """

    id: int
    revision: int
    probe_id: int
    kind: str
    limit_c: float
    start_us: int
    end_us: int
    alarm_us: int
    extreme_c: float
    samples: int
    last_c: float
    retracted: bool = False
    amends: bool = True


EXCURSION: FactKind[ExcursionFact] = FactKind(
    name="excursion",
    table="excursion",
    columns=(
        Column("device_id", "int4", "device", of="device"),
        Column("probe_id", "int4", "probe", of="probe", null=True),
        Column("kind", "text"),
        Column("limit_c", "float8"),
        Column("started_at", "timestamptz"),
        Column("ended_at", "timestamptz", null=True),
        Column("alarm_at", "timestamptz", null=True),
        Column("extreme_c", "float8", null=True),
        Column("samples", "int4", null=True),
    ),
    start="started_at",
    end="ended_at",
    owner="device",
    told=("device", "probe", "what"),
    rule_version=temperature.VERSION,
    schema="ExcursionFact",
    about="A probe beyond its limits; `alarm_at` is when it had lasted long enough, null when it has not.",
    path="/devices/{device_id}/excursions",
    listed="Excursions of a device's probes in order of time.",
)
