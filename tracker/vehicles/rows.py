"""What a step decides of vehicles beside facts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tracker.vehicles.off_route import OffRouteRuns

LANE = "vehicle"


@dataclass
class VehicleRows:
    """Rows of vehicles to be written, and what later families ask."""

    moved: list[int] | None = None
    """Vehicles that have moved on; None when no positions were looked at."""
    off_route: list[OffRouteRuns] = field(default_factory=list)
    states: list[Sequence[Any]] = field(default_factory=list)
    carries: list[tuple[int, bytes]] = field(default_factory=list)
    cells: list[Sequence[Any]] = field(default_factory=list)
    """Tenant, vehicle, cell and time of cells that vehicles came into."""
    whole: list[int] = field(default_factory=list)
    """Vehicles folded again from their first reading: all of their cells are known."""
    unknown: list[int] = field(default_factory=list)
    """Vehicles of which nothing is known after all."""
