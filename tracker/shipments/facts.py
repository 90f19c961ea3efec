"""What is decided about shipments: calls at their stops, and what went otherwise than planned."""

from __future__ import annotations

from typing import NamedTuple

from domain.facts import Column, FactKind
from tracker.rules import calls


class CallFact(NamedTuple):
    """A call at a stop, as it is known now; `turn` is the shipment's when it was told."""

    id: int
    revision: int
    shipment_id: int
    stop_id: int
    vehicle_id: int
    turn: int
    arrived_us: int
    departed_us: int
    retracted: bool = False


class DeviationFact(NamedTuple):
    """Something otherwise than planned, as it is known now; `stop_id` is None when it is at none."""

    id: int
    revision: int
    shipment_id: int
    stop_id: int | None
    vehicle_id: int
    kind: str
    start_us: int
    end_us: int
    retracted: bool = False


_OF_SHIPMENT = (
    Column("shipment_id", "int4", "shipment", of="shipment"),
    Column("stop_id", "int4", "stop_id", of="stop", null=True),
    Column("seq", "int4", null=True, stored=False, read="stop"),
    Column("vehicle_id", "int4", "vehicle", of="vehicle", null=True),
)

CALL: FactKind[CallFact] = FactKind(
    name="call",
    table="stop_call",
    columns=(
        *_OF_SHIPMENT,
        Column("turn", "int4", ""),
        Column("arrived_at", "timestamptz"),
        Column("departed_at", "timestamptz", null=True),
    ),
    start="arrived_at",
    end="departed_at",
    owner="shipment",
    told=("shipment", "vehicle", "what"),
    rule_version=calls.VERSION,
    schema="Call",
    about="A vehicle at a stop of its shipment. `stop_id` is null when the stop is no longer planned.",
    path="/shipments/{shipment_id}/calls",
    listed="Calls at the stops of a shipment in order of time.",
)

DEVIATION: FactKind[DeviationFact] = FactKind(
    name="deviation",
    table="deviation",
    columns=(
        *_OF_SHIPMENT,
        Column("kind", "text"),
        Column("started_at", "timestamptz"),
        Column("ended_at", "timestamptz", null=True),
    ),
    start="started_at",
    end="ended_at",
    owner="shipment",
    told=("shipment", "vehicle", "what"),
    rule_version=calls.VERSION,
    schema="Deviation",
    about="Otherwise than planned: `late_departure`, `prolonged_stop`, `out_of_sequence`, `skipped` or `off_route`.",
    path="/shipments/{shipment_id}/deviations",
    listed="What went otherwise than planned with a shipment, in order of time.",
)
