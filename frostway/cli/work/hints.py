"""What a person wants to know after a device was registered: where it sends what, with a command to try it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from urllib.parse import urlsplit

from frostway.settings import Settings

# By kind of device: the stream it speaks most, and one reading. `T` becomes the present.
_SAMPLES = {
    "tracker": ("gps", '{"t":T,"lat":60.17,"lon":24.94,"spd":13.2}'),
    "phone": ("gps", '{"t":T,"lat":60.17,"lon":24.94,"spd":13.2}'),
    "reefer": ("temp", '{"t":T,"probe":"rear","c":4.7}'),
    "thermometer": ("temp", '{"t":T,"c":4.7}'),
    "rfid": ("rfid", '{"t":T,"ant":1,"epc":"3034257BF7194E4000001A85","rssi":-61.5}'),
    "shelf": ("shelf", '{"t":T,"slot":"A-1","kg":12.84}'),
    "door": ("door", '{"t":T,"door":"rear","open":true}'),
}


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
    if kind in _SAMPLES:
        stream, reading = _SAMPLES[kind]
        topic = f"fw/v1/{user}/{stream}"
        lines.append(f"it sends to {host} port {port}, topic {topic}, like this:")
        message = reading.replace("T", "$(date +%s%3N)", 1).replace('"', '\\"')
        words = [
            "mosquitto_pub",
            "-h",
            host,
            "-p",
            str(port),
            "-i",
            user,
            "-u",
            user,
            "-P",
            "PASSWORD",
            "-q",
            "1",
            "-t",
            topic,
        ]
        lines.append(f'{shlex.join(words)} -m "{message}"')
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
