"""Settings of the tracker program, as plain numbers with their units."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TrackerConfig:
    """Settings of the tracker program."""

    database_url: str
    partitions: int = 4
    batch_readings: int = 50_000
    silence_s: float = 600.0
    refold_horizon_days: float = 30.0
    metrics_port: int = 0
    stop_dwell_minutes: float = 10.0
    prolonged_stop_minutes: float = 30.0
    off_route_m: float = 500.0
    off_route_minutes: float = 5.0
    late_risk: float = 0.8
    driver_rest: bool = False
    routing_url: str = ""
