"""Telemetry as devices and gateways send it to ThingsBoard, over HTTP and MQTT.

Source of the shapes: thingsboard.io/docs/reference, "HTTP API", "MQTT API" and "Gateway API", page "Telemetry". The
names and units of values are the sender's; the device's profile, else the name, finds their stream.

    {"temperature": 4.5}                                     the time it is received counts
    {"ts": 1483228800000, "values": {"temperature": 4.5}}    `ts` in milliseconds; without it as above
    [{...}, {...}]                                           any of those
    {"Device A": [{...}, {...}], "Device B": [...]}          a gateway: the devices behind it, by name

A message is a gateway's if and only if it is an object whose values are all arrays with objects in them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from domain.wire.channels import readings
from domain.wire.clocks import milliseconds
from domain.wire.loading import loaded
from domain.wire.said import Context, Measured, Said, WireError, refusal, settled

NAME_MAX = 255  # characters of a device's name, which is ThingsBoard's limit
KEY_MAX = 128  # characters of a key; longer ones are no names but a mistake, and slow to look up


def decode(payload: bytes, context: Context) -> list[Said]:
    """Readings of one telemetry message. `source` is the name of a device behind a gateway.

    Each entry is read for itself, and one that cannot be read costs itself. Null says nothing.

    Raises:
        WireError: `too_large`, `malformed`, and what a lone entry is refused for.
    """
    found = loaded(payload)
    if _is_gateway(found):
        return settled([each for device, entries in found.items() for each in _device(device, entries, context)])
    return settled(_telemetry(found, "", context))


def _is_gateway(found: Any) -> bool:
    return isinstance(found, dict) and all(
        isinstance(value, list) and (not value or any(isinstance(item, dict) for item in value))
        for value in found.values()
    )


def _device(device: str, entries: list[Any], context: Context) -> list[Said]:
    if not device or len(device) > NAME_MAX or not device.isprintable():
        return [refusal("", "malformed", f"{device[:40]!r}: not a device's name of 1 to {NAME_MAX} characters")]
    return _telemetry(entries, device, context)


def _telemetry(found: Any, source: str, context: Context) -> list[Said]:
    """Readings of one entry or of an array of entries."""
    entries: Iterable[Any] = found if isinstance(found, list) else [found]
    said: list[Said] = []
    for at, entry in enumerate(entries):
        try:
            said += _entry(entry, source, context)
        except WireError as error:
            said.append(refusal(source, error.reason, f"entry {at}: {error}"))
    return said


def _entry(entry: Any, source: str, context: Context) -> list[Said]:
    if not isinstance(entry, dict):
        raise WireError("malformed", "not an object of keys and values")
    t_ms, values = _parts(entry)
    measured, refused = [], []
    for key, value in values.items():
        if not key or len(key) > KEY_MAX:
            why = f"{key[:40]!r}: not a key of 1 to {KEY_MAX} characters"
            refused.append(refusal(source, "malformed", why))
        elif isinstance(value, list) and any(isinstance(item, dict) and "values" in item for item in value):
            why = f"{key[:40]}: entries of a device beside plain values: a gateway's message has nothing else"
            refused.append(refusal(source, "unsupported", why))
        else:
            measured.append(Measured(t_ms, key, value, source=source))
    return readings(measured, context) + refused


def _parts(entry: Mapping[str, Any]) -> tuple[float | None, Mapping[str, Any]]:
    """Event time in milliseconds, if told, and the values. What stands beside an object `values` is kept with them."""
    values = entry.get("values")
    if not isinstance(values, dict):
        if "ts" in entry and "values" in entry:
            raise WireError("malformed", "values: not an object of keys and values")
        return None, entry  # a lone `ts` is a key like any other, as it is for ThingsBoard
    beside = {key: value for key, value in entry.items() if key not in ("ts", "values")}
    ts = entry.get("ts")
    return None if ts is None else milliseconds(ts, "milliseconds", "ts"), beside | values
