"""What probes saw as sensor events of EPCIS 2.0 (GS1, JSON-LD): each hour's lowest, highest, mean temperature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import NAMESPACE_URL, uuid5

CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
HOUR_US = 3_600_000_000


class Hour(NamedTuple):
    """What a probe saw in an hour, or as much of it as there was; times as RFC 3339 text."""

    begins: str
    ends: str
    min_c: float
    max_c: float
    mean_c: float


def identifier(tenant: str, kind: str, name: str) -> str:
    """A URI of a thing that has no code of GS1, always the same for the same thing.

    >>> identifier("main", "shipment", "S-1")
    'urn:uuid:bfccab54-9ea4-591e-b5d5-c2eac8f7435f'
    """
    return f"urn:uuid:{uuid5(NAMESPACE_URL, f'frostway/{tenant}/{kind}/{name}')}"


def sensor_event(shipment: str, device: str, probe: str, hours: Sequence[Hour]) -> dict[str, Any]:
    """An event of one probe of a device beside the goods of a shipment, both as URI."""
    elements = [
        {
            "sensorMetadata": {"deviceID": device, "startTime": hour.begins, "endTime": hour.ends},
            "sensorReport": [
                {
                    "type": "Temperature",
                    "minValue": hour.min_c,
                    "maxValue": hour.max_c,
                    "meanValue": hour.mean_c,
                    "uom": "CEL",
                    "deviceID": f"{device}#{probe_part(probe)}",
                }
            ],
        }
        for hour in hours
    ]
    return {
        "type": "ObjectEvent",
        "action": "OBSERVE",
        "bizStep": "sensor_reporting",
        "eventTime": hours[-1].ends,
        "eventTimeZoneOffset": "+00:00",
        "epcList": [shipment],
        "sensorElementList": elements,
    }


def probe_part(probe: str) -> str:
    """A probe's name as it may stand in a URI.

    >>> probe_part("rear door")
    'rear%20door'
    """
    plain = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")
    return "".join(chr(byte) if byte in plain else f"%{byte:02X}" for byte in probe.encode())


def document(events: Sequence[Mapping[str, Any]], made_at: str) -> dict[str, Any]:
    """Events as a document of their own."""
    return {
        "@context": [CONTEXT],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": made_at,
        "epcisBody": {"eventList": list(events)},
    }
