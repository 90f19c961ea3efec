"""What a step decides about arrival times."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tracker.arrival_times.learning import Lesson


class Risk(NamedTuple):
    """A stop's window may be missed, or no longer (`raised` False)."""

    tenant_id: int
    stop_id: int
    device_id: int
    title: str
    at_us: int
    raised: bool


@dataclass
class ArrivalRows:
    """Rows to be written, and the risks that alerts are made of."""

    etas: list[tuple[Any, ...]] = field(default_factory=list)
    journeys: list[tuple[int, bytes]] = field(default_factory=list)
    routes: list[tuple[int, int, bytes]] = field(default_factory=list)
    over: list[int] = field(default_factory=list)
    """Shipments that are delivered."""
    grades: list[tuple[Any, ...]] = field(default_factory=list)
    ungraded: list[int] = field(default_factory=list)
    """Stops whose grades no longer hold."""
    learned: list[int] = field(default_factory=list)
    """Stops whose arrivals teach in this step."""
    lessons: list[tuple[int, Lesson]] = field(default_factory=list)
    """What they teach, by tenant."""
    risks: list[Risk] = field(default_factory=list)
