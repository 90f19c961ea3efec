"""What is decided about probes: excursions."""

from __future__ import annotations

from typing import NamedTuple

from domain.cold_chain import bands
from domain.facts import Column, FactKind
from domain.folds.scan import NEVER


class ExcursionFact(NamedTuple):
    """A stay in a band as it is known now; `alarm_us` is `NEVER` when it has not lasted long enough.

    `kind` is the side of the band. `amends` is False when there is nothing new to be written of the fact, for its alert
    there may be. `suppressed` is what held its alarm back, until a time; `NEVER`: it still does, or did to the end.
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
    band: str
    severity: str = "critical"
    profile_version: int = 0
    suppressed: str = ""
    suppressed_until_us: int = NEVER
    retracted: bool = False
    amends: bool = True

    @property
    def is_told(self) -> bool:
        """Whether people are told of its alarm."""
        told = not self.suppressed or self.suppressed_until_us != NEVER
        return self.alarm_us != NEVER and self.severity != "info" and told


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
        Column("band", "text"),
        Column("severity", "text"),
        Column("profile_version", "int4"),
        Column("suppressed", "text", null=True),
        Column("suppressed_until", "timestamptz", null=True),
    ),
    start="started_at",
    end="ended_at",
    owner="device",
    told=("device", "probe", "what"),
    rule_version=bands.VERSION,
    schema="ExcursionFact",
    about="A probe in a band of its profile; `alarm_at` is when it had lasted long enough, null when it has not.",
    path="/devices/{device_id}/excursions",
    listed="Excursions of a device's probes in order of time.",
)
