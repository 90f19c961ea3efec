"""What Prometheus is told."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest


class Metrics:
    """Counters of one API process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = Counter(
            "frostway_api_requests",
            "Answers by route and status",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.request_s = Histogram(
            "frostway_api_request_seconds",
            "Time to the end of an answer",
            ["route"],
            buckets=(0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
            registry=self.registry,
        )
        self.refused = Counter(
            "frostway_api_refused",
            "Refused before or behind the door, by reason",
            ["reason"],
            registry=self.registry,
        )
        self.connections = Gauge("frostway_api_connections", "Open connections", registry=self.registry)
        self.sockets = Gauge("frostway_api_sockets", "Open websockets", registry=self.registry)
        self.messages = Counter(
            "frostway_api_socket_messages", "Messages queued for websockets", registry=self.registry
        )
        self.too_slow = Counter("frostway_api_sockets_too_slow", "Websockets closed with 1013", registry=self.registry)
        self.snapshots = Counter("frostway_api_snapshots", "Snapshots made", ["kind"], registry=self.registry)
        self.hub_rows = Counter("frostway_api_change_rows", "Change rows read", registry=self.registry)
        self.hub_lag_s = Gauge(
            "frostway_api_hub_lag_seconds", "Age of the newest change when it was passed on", registry=self.registry
        )

    def text(self) -> bytes:
        """All of it in Prometheus' text format."""
        return generate_latest(self.registry)
