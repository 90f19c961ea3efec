"""Telemetry as devices and gateways send it to ThingsBoard, over HTTP and MQTT.

Source of the shapes: thingsboard.io/docs/reference, "HTTP API", "MQTT API" and "Gateway API", page "Telemetry". The
names and units of values are the sender's; the device's profile, else the name, finds their stream.

    {"temperature": 4.5}                                     the time it is received counts
    {"ts": 1483228800000, "values": {"temperature": 4.5}}    `ts` in milliseconds; without it as above
    [{...}, {...}]                                           any of those
    {"Device A": [{...}, {...}], "Device B": [...]}          a gateway: the devices behind it, by name

A message is a gateway's if and only if it is an object whose values are all arrays of objects.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson

from domain.names import PAYLOAD_BYTES_MAX
from domain.profiles import Target
from domain.wire.channels import BASES, TRUTHS, readings, target_of
from domain.wire.said import READINGS_MAX, Context, Measured, Said, Value, WireError

NAME_MAX = 255  # characters of a device's name, which is ThingsBoard's limit
KEY_MAX = 128  # characters of a key; longer ones are no names but a mistake, and slow to look up

_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


def decode(payload: bytes, context: Context) -> list[Said]:
    """Readings of one telemetry message. `source` is the name of a device behind a gateway.

    A text that reads as a number is one where its channel wants a number. Objects and arrays become attributes, as
    JSON cut to an attribute's length; null says nothing. Of one key twice without a time the last one counts.

    Raises:
        WireError: `too_large`, `malformed`; `invalid` and `unit` as of `domain.wire.channels.readings`.
    """
    if len(payload) > PAYLOAD_BYTES_MAX:
        raise WireError("too_large", f"{len(payload)} bytes, at most {PAYLOAD_BYTES_MAX}")
    try:
        found = orjson.loads(payload)
    except ValueError as error:
        raise WireError("malformed", f"not JSON: {error}"[:300]) from None
    measured = list(_gateway(found, context) if _is_gateway(found) else _telemetry(found, "", context))
    if len(measured) > READINGS_MAX:
        raise WireError("too_large", f"{len(measured)} values, at most {READINGS_MAX}: send fewer in one message")
    said = readings(measured, context)
    for each in said:
        for key, value in each.values.items():
            if isinstance(value, float):
                _finite(value, f"{each.stream} {key}")  # a unit may have made too much of it
    return said


def _is_gateway(found: Any) -> bool:
    return isinstance(found, dict) and all(
        isinstance(value, list) and all(isinstance(item, dict) for item in value) for value in found.values()
    )


def _gateway(found: Mapping[str, list[Any]], context: Context) -> Iterator[Measured]:
    for device, entries in found.items():
        if not device or len(device) > NAME_MAX or not device.isprintable():
            raise WireError("malformed", f"{device[:40]!r}: not a device's name of 1 to {NAME_MAX} characters")
        yield from _telemetry(entries, device, context)


def _telemetry(found: Any, source: str, context: Context) -> Iterator[Measured]:
    """Values of one entry or of an array of entries."""
    entries: Iterable[Any] = found if isinstance(found, list) else [found]
    for at, entry in enumerate(entries):
        if not isinstance(entry, dict):
            raise WireError("malformed", f"entry {at}: not an object of keys and values")
        t_ms, values = _parts(entry)
        channels = context.profile_at(source, t_ms).channels
        for key, value in values.items():
            if not key or len(key) > KEY_MAX:
                raise WireError("malformed", f"{key[:40]!r}: not a key of 1 to {KEY_MAX} characters")
            if value is not None:
                target = channels[key] if key in channels else target_of(key)
                yield Measured(t_ms, key, _wanted(_flat(value, key), target, key), source=source)


def _parts(entry: Mapping[str, Any]) -> tuple[float | None, Mapping[str, Any]]:
    """Event time in milliseconds, if told, and the values. What stands beside an object `values` is kept with them."""
    values = entry.get("values")
    if not isinstance(values, dict):
        if "ts" in entry and "values" in entry:
            raise WireError("malformed", "values: not an object of keys and values")
        return None, entry  # a lone `ts` is a key like any other, as it is for ThingsBoard
    beside = {key: value for key, value in entry.items() if key not in ("ts", "values")}
    t_ms = entry.get("ts")
    if isinstance(t_ms, str) and _NUMBER.fullmatch(t_ms):
        t_ms = _finite(float(t_ms), "ts")
    if isinstance(t_ms, bool) or not isinstance(t_ms, int | float | None):
        raise WireError("malformed", "ts: not milliseconds since 1970")
    return t_ms, beside | values


def _wanted(value: Value, target: Target | None, key: str) -> Value:
    """A text as the number or truth value that its channel wants, when it reads as one."""
    if not isinstance(value, str) or target is None:
        return value
    place = (target.stream, target.key)
    if place in TRUTHS and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if (place in TRUTHS or place in BASES) and _NUMBER.fullmatch(value):
        return _finite(float(value), key)
    return value


def _flat(value: Any, key: str) -> Value:
    if not isinstance(value, list | dict):
        return value  # type: ignore[no-any-return]  # text, number or truth value
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # its limit of depth is lower for writing than for reading
        raise WireError("malformed", f"{key[:40]}: nested too deep") from None


def _finite(value: float, key: str) -> float:
    if not math.isfinite(value):
        raise WireError("malformed", f"{key[:40]}: too large a number")
    return value
