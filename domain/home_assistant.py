"""What Home Assistant is told by MQTT: what there is (device-based discovery), and how each is now. Pure.

https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

DISCOVERY = "homeassistant"
EXPIRE_S = 7200
"""A value that nobody has told again for so long is none: then it is we who are silent."""
ALERTS_MAX = 10
ABOUT = {"name": "Frostway"}
_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,40}\Z")


class Position(NamedTuple):
    """Where a vehicle was last, degrees and metres."""

    at: datetime
    lat: float
    lon: float
    accuracy_m: float | None


class Temperature(NamedTuple):
    """The last temperature of a probe."""

    probe: str
    at: datetime
    temp_c: float
    humidity_pct: float | None


class Device(NamedTuple):
    """A device of a thing: whether it is heard, and what it last said."""

    name: str
    is_heard: bool
    battery_ratio: float | None
    temperatures: Sequence[Temperature] = ()


class Thing(NamedTuple):
    """A vehicle with what is aboard, or a device by itself; `place` is its site's name."""

    kind: Literal["vehicle", "device"]
    name: str
    label: str
    model: str
    place: str | None
    position: Position | None
    devices: Sequence[Device]
    alerts: Sequence[str]


class Topics(NamedTuple):
    """Where a thing stands."""

    config: str
    state: str
    identifier: str


def topics_of(discovery: str, prefix: str, thing: Thing) -> Topics:
    """Its topics. The prefix is in its identifier: those of two installations on one broker do not meet.

    >>> topics_of("homeassistant", "frostway/main", Thing("vehicle", "truck-1", "", "", None, None, (), ()))[:2]
    ('homeassistant/device/frostway-6d537349-vehicle-truck-1/config', 'frostway/main/now/vehicles/truck-1')
    """
    whose = hashlib.sha256(prefix.encode()).hexdigest()[:8]
    identifier = f"frostway-{whose}-{thing.kind}-{thing.name}"
    return Topics(f"{discovery}/device/{identifier}/config", f"{prefix}/now/{thing.kind}s/{thing.name}", identifier)


def key_of(probe: str) -> str:
    """A probe's name where only plain ones may stand: inside a template that another program carries out.

    >>> key_of("air"), key_of("{{ evil }}")
    ('air', 'x-17a1cb360e')
    """
    return probe if _PLAIN.match(probe) else f"x-{hashlib.sha256(probe.encode()).hexdigest()[:10]}"


def config_of(thing: Thing, topics: Topics, pages: str | None) -> dict[str, Any]:
    """What there is: the device and its entities."""
    page = {"vehicle": "/?vehicle=", "device": "/devices?device="}[thing.kind] + thing.name
    about = {
        "identifiers": [topics.identifier],
        "name": thing.label,
        "model": thing.model,
        "manufacturer": "Frostway",
        **({"configuration_url": f"{pages}{page}"} if pages else {}),
        **({"suggested_area": thing.place} if thing.place else {}),
    }
    return {
        "device": about,
        "origin": ABOUT,
        "availability": [_availability(topics, "value_json.availability")],
        "qos": 1,
        "components": {
            name: {"unique_id": f"{topics.identifier}-{name}", **entity}
            for name, entity in _entities(thing, topics).items()
        },
    }


def parts_of(config: Mapping[str, Any]) -> dict[str, str]:
    """Its entities and their platforms."""
    return {name: entity["platform"] for name, entity in config["components"].items()}


def without(config: Mapping[str, Any], before: Mapping[str, str]) -> dict[str, Any]:
    """As it is told: an entity that it had and has no more is named with its platform alone, which takes it away."""
    gone = {name: {"platform": platform} for name, platform in before.items() if name not in config["components"]}
    return {**config, "components": {**config["components"], **gone}}


def state_of(thing: Thing) -> dict[str, Any]:
    """How it is now: values with the times they are of."""
    position = thing.position
    return {
        "availability": _online(any(device.is_heard for device in thing.devices)),
        "alert": "ON" if thing.alerts else "OFF",
        "alerts": {"count": len(thing.alerts), "titles": list(thing.alerts[:ALERTS_MAX])},
        "position": None
        if position is None
        else {
            "latitude": round(position.lat, 6),
            "longitude": round(position.lon, 6),
            **({} if position.accuracy_m is None else {"gps_accuracy": round(position.accuracy_m, 1)}),
            "at": _when(position.at),
        },
        "devices": {device.name: _device(device) for device in thing.devices},
    }


def _device(device: Device) -> dict[str, Any]:
    return {
        "availability": _online(device.is_heard),
        "battery_percent": None if device.battery_ratio is None else round(device.battery_ratio * 100),
        "probes": {
            key_of(each.probe): {
                "name": each.probe,
                "temp_c": round(each.temp_c, 2),
                "humidity_pct": None if each.humidity_pct is None else round(each.humidity_pct, 1),
                "at": _when(each.at),
            }
            for each in device.temperatures
        },
    }


def _entities(thing: Thing, topics: Topics) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {
        "alert": {
            "platform": "binary_sensor",
            "name": "Alert",
            "device_class": "problem",
            "state_topic": topics.state,
            "value_template": "{{ value_json.alert }}",
            "json_attributes_topic": topics.state,
            "json_attributes_template": "{{ value_json.alerts | tojson }}",
            "expire_after": EXPIRE_S,
        }
    }
    if thing.position is not None:
        found["position"] = {
            "platform": "device_tracker",
            "name": "Position",
            "source_type": "gps",
            "json_attributes_topic": topics.state,
            "json_attributes_template": "{{ value_json.position | tojson }}",
        }
    for device in thing.devices:
        whose = f"value_json.devices['{device.name}']"
        shared = {
            "platform": "sensor",
            "state_topic": topics.state,
            "state_class": "measurement",
            "expire_after": EXPIRE_S,
            "availability": [_availability(topics, f"{whose}.availability")],
        }
        before = f"{device.name} " if thing.kind == "vehicle" else ""
        if device.battery_ratio is not None:
            found[f"{device.name}-battery"] = {
                **shared,
                "name": f"{before}battery",
                "device_class": "battery",
                "unit_of_measurement": "%",
                "entity_category": "diagnostic",
                "value_template": f"{{{{ {whose}.battery_percent }}}}",
            }
        for each in device.temperatures:
            probe = f"{whose}.probes['{key_of(each.probe)}']"
            name = f"{device.name}-{key_of(each.probe)}"
            found[f"{name}-temperature"] = {
                **shared,
                "name": f"{before}{each.probe}",
                "device_class": "temperature",
                "unit_of_measurement": "°C",
                "suggested_display_precision": 1,
                "value_template": f"{{{{ {probe}.temp_c }}}}",
            }
            if each.humidity_pct is not None:
                found[f"{name}-humidity"] = {
                    **shared,
                    "name": f"{before}{each.probe} humidity",
                    "device_class": "humidity",
                    "unit_of_measurement": "%",
                    "value_template": f"{{{{ {probe}.humidity_pct }}}}",
                }
    return found


def _availability(topics: Topics, value: str) -> dict[str, str]:
    return {"topic": topics.state, "value_template": f"{{{{ {value} }}}}"}


def _online(is_heard: bool) -> str:  # noqa: FBT001  # the one thing it says
    return "online" if is_heard else "offline"


def _when(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
