"""What is decided: how many temperatures a device measured in an hour."""

from __future__ import annotations

from typing import NamedTuple

from domain.facts import Column, FactKind
from tests.toy import rule


class HourFact(NamedTuple):
    """An hour of a device as it is known now; `readings` is told when the next one has begun."""

    id: int
    revision: int
    device_id: int
    start_us: int
    end_us: int
    readings: int | None
    retracted: bool = False


HOUR: FactKind[HourFact] = FactKind(
    name="hour",
    table="device_hour",
    columns=(
        Column("device_id", "int4", "device", of="device"),
        Column("started_at", "timestamptz"),
        Column("ended_at", "timestamptz", null=True),
        Column("readings", "int4", null=True),
    ),
    start="started_at",
    end="ended_at",
    owner="device",
    told=("device",),
    rule_version=rule.VERSION,
    schema="Hour",
    about="An hour in which a device measured; `readings` is null until the next one has begun.",
    path="/devices/{device_id}/hours",
    listed="Hours of a device in which it measured, in order of time.",
)
