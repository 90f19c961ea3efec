"""What ingest knows of the registry: which device a topic belongs to, and where its readings go."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from domain.names import Address, TopicError, parse_topic, partition_of
from store.db import queries
from store.link import Link


class Device(NamedTuple):
    """A registered device: key, tenant's key and partition of its home."""

    device_id: int
    tenant_id: int
    partition: int


class Route(NamedTuple):
    """Where the messages of one topic go; `device` is None when nobody has registered it."""

    address: Address
    device: Device | None


class Directory:
    """Registered devices by tenant and name, and a bounded cache from topic to device."""

    CACHE_MAX = 200_000
    UNKNOWN_S = 2.0  # an unknown device is looked up again after this long
    REFRESH_S = 30.0  # moves and revocations are seen at the latest after this long

    def __init__(self, link: Link, partitions: int, monotonic: Callable[[], float]) -> None:
        self._link = link
        self._partitions = partitions
        self._monotonic = monotonic
        self._devices: dict[tuple[str, str], Device] = {}
        self._routes: dict[bytes, Route | TopicError] = {}
        self._unknown_since: dict[bytes, float] = {}
        self._loaded_at = -1e9

    def refresh(self) -> None:
        """Reads the registry anew."""
        rows = self._link.connection.execute(queries("registry")["ingest_devices"]).fetchall()
        self._devices = {
            (tenant, name): Device(device_id, tenant_id, partition_of(tenant, home, self._partitions))
            for tenant, name, device_id, tenant_id, home in rows
        }
        self._routes.clear()
        self._unknown_since.clear()
        self._loaded_at = self._monotonic()

    def refresh_when_old(self) -> None:
        """Reads the registry anew when that was a while ago."""
        if self._monotonic() - self._loaded_at > self.REFRESH_S:
            self.refresh()

    def route(self, topic: bytes) -> Route:
        """Where a topic's messages go.

        Raises:
            TopicError: the topic is not one of ours.
        """
        found = self._routes.get(topic)
        if found is None or (isinstance(found, Route) and found.device is None and self._may_be_known_now(topic)):
            found = self._look_up(topic)
        if isinstance(found, TopicError):
            raise found
        return found

    def _may_be_known_now(self, topic: bytes) -> bool:
        return self._monotonic() - self._unknown_since.get(topic, -1e9) > self.UNKNOWN_S

    def _look_up(self, topic: bytes) -> Route | TopicError:
        if len(self._routes) >= self.CACHE_MAX:
            self._routes.clear()
            self._unknown_since.clear()
        found: Route | TopicError
        try:
            address = parse_topic(topic)
        except TopicError as error:
            found = error
        else:
            key = (address.tenant, address.device)
            if key not in self._devices:
                self.refresh()
            found = Route(address, self._devices.get(key))
            if found.device is None:
                self._unknown_since[topic] = self._monotonic()
        self._routes[topic] = found
        return found
