"""What a step decides of shipments beside facts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from tracker.engine.registry import Shipment


class StopTime(NamedTuple):
    """The current call at a stop; None while that has not come."""

    stop_id: int
    arrived_us: int | None
    departed_us: int | None


class ShipmentStatus(NamedTuple):
    """A shipment is under way, or delivered; `NEVER` while that has not come."""

    shipment_id: int
    status: str
    started_us: int
    delivered_us: int


class Failing(NamedTuple):
    """Goods of a shipment that failed beside a probe (0: all of the device as one) by what no band alone tells live."""

    tenant_id: int
    shipment_id: int
    device_id: int
    probe_id: int
    title: str
    limit_c: float
    extreme_c: float
    start_us: int
    alarm_us: int
    over_us: int | None
    """Since when the shipment is over."""

    @property
    def rule_key(self) -> str:
        """What is one alert."""
        return f"exposure/{self.shipment_id}/{self.probe_id}"


@dataclass
class ShipmentRows:
    """Rows of shipments to be written, and what later families ask."""

    reported: list[Shipment] | None = None
    """Shipments of which something new is told; None when nobody looked."""
    names: dict[int, tuple[int, str]] = field(default_factory=dict)
    """Tenant and name of the shipments that facts are about."""
    stop_times: list[StopTime] = field(default_factory=list)
    status: list[ShipmentStatus] = field(default_factory=list)
    goods: bool = False
    """It is time to tell what goods have seen."""
    judged: dict[int, int] = field(default_factory=dict)
    """Shipments that were judged anew, with their tenant."""
    failing: list[Failing] = field(default_factory=list)
