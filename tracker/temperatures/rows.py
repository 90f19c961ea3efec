"""What a step decides of probes beside facts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tracker.temperatures.facts import ExcursionFact
from tracker.temperatures.faults import SensorFault

LANE = "series"


class Excursion(NamedTuple):
    """An excursion that stands in the store, and where it is."""

    id: int
    fact: ExcursionFact
    tenant_id: int
    device_id: int
    vehicle_id: int
    probe: str


@dataclass
class TemperatureRows:
    """Rows of probes to be written, and what later families ask."""

    devices: list[int] = field(default_factory=list)
    """Devices that have measured, or whose past is another."""
    states: list[Sequence[Any]] = field(default_factory=list)
    written: list[Excursion] = field(default_factory=list)
    """The excursions of the step, once they are written."""
    faults: list[SensorFault] = field(default_factory=list)
    """Sensors that are not to be believed, or are again."""
