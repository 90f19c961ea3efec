"""What a person wants to know after a device was registered: where it sends what, with a command to try it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from string import Template
from types import MappingProxyType
from urllib.parse import urlsplit

from domain.connecting import ways_of
from frostway.settings import Settings


def where_to_send(
    user: str,
    kind: str,
    mqtt_url: str,
    http_token: str,
    settings: Settings,
    network: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> list[str]:
    """Host, port and topic, a command that sends one reading now, and the addresses on the network and of the door.

    >>> where_to_send("main/gw", "gateway", "mqtt://ingest:x@127.0.0.1:1883", "", Settings())
    ['it sends to 127.0.0.1 port 1883, below the topic fw/v1/main/gw/ (docs/wire-formats.md)']
    """
    address = urlsplit(mqtt_url)
    host, port = address.hostname or "127.0.0.1", address.port or 1883
    lines = []
    way = next((way for way in ways_of(kind) if way.by == "mqtt" and not way.format), None)
    if way is not None:
        tenant, _, device = user.partition("/")
        told = {"tenant": tenant, "device": device, "host": host, "port": str(port), "password": "PASSWORD", "ca": ""}
        lines.append(f"it sends to {host} port {port}, topic {Template(way.address).safe_substitute(told)}, like this:")
        lines.append(Template(way.command).safe_substitute(told))
    else:
        lines.append(f"it sends to {host} port {port}, below the topic fw/v1/{user}/ (docs/wire-formats.md)")
    if network.get("mqtt"):
        lines.append(f"from the network: {network['mqtt'][0]}, with TLS; its private authority: `frostway ca show`")
    if http_token and (settings.device_http_port or network.get("door")):
        door = [*network.get("door", ()), f"http://{settings.device_http_host}:{settings.device_http_port}"][0]
        lines.append(f"over HTTP: {door}/osmand/{http_token} or {door}/api/v1/{http_token}/telemetry")
    elif http_token:
        lines.append("the door for HTTP is shut: set FROSTWAY_DEVICE_HTTP_PORT and start again")
    return lines
