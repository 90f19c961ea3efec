"""What is decided about breaches to come: forecasts."""

from __future__ import annotations

from typing import NamedTuple

from domain.facts import Column, FactKind
from domain.folds.scan import NEVER
from tracker.rules import breach


class BreachForecast(NamedTuple):
    """A forecast of an alarm; the times are as first told. `alarm_us` is `NEVER` while it has not come."""

    id: int
    revision: int
    probe_id: int
    kind: str
    cause: str
    limit_c: float
    start_us: int
    end_us: int
    p10_us: int
    p50_us: int
    p90_us: int
    alarm_us: int = NEVER
    retracted: bool = False


BREACH_FORECAST: FactKind[BreachForecast] = FactKind(
    name="breach_forecast",
    table="breach_forecast",
    columns=(
        Column("device_id", "int4", "device", of="device"),
        Column("probe_id", "int4", "probe", of="probe", null=True),
        Column("kind", "text"),
        Column("cause", "text"),
        Column("limit_c", "float8"),
        Column("started_at", "timestamptz"),
        Column("ended_at", "timestamptz", null=True),
        Column("p10", "timestamptz"),
        Column("p50", "timestamptz"),
        Column("p90", "timestamptz"),
        Column("alarm_at", "timestamptz", null=True),
    ),
    start="started_at",
    end="ended_at",
    owner="device",
    told=("device", "probe", "what"),
    rule_version=breach.VERSION,
    schema="BreachForecastFact",
    about="A probe is likely to be beyond its limit for too long: `p10`, `p50`, `p90` are when its alarm was expected "
    "when it was told, with a likely cause; `alarm_at` is when it came, null with an end when it did not.",
    path="/devices/{device_id}/breach-forecasts",
    listed="Forecasts of excursions of a device's probes in order of time.",
)
