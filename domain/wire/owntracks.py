"""OwnTracks JSON, as its apps and the Queclink bridge send it over MQTT and HTTP.

Source of names and units: OwnTracks booklet, "JSON" and "HTTP" (owntracks.org/booklet/tech/json). Times are seconds
since 1970, speeds km/h, the odometer km, the battery per cent. `_type` tells what a message is, so the topic is not
looked at; who sent it is the credential's business, so `topic` inside the message is not looked at either.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import orjson

from domain.names import PAYLOAD_BYTES_MAX
from domain.units import convert
from domain.wire.channels import attribute, timed
from domain.wire.said import READINGS_MAX, Context, Said, Value, WireError

Message = Mapping[str, Any]

# their key -> ours, their unit, our unit (`domain.units`)
_POSITION = {
    "lat": ("lat", "", ""),
    "lon": ("lon", "", ""),
    "vel": ("spd", "km/h", "mps"),
    "cog": ("hdg", "", ""),
    "acc": ("acc", "", ""),
    "alt": ("alt", "", ""),
    "odometer": ("odo", "km", "m"),
}
_UNKNOWN_BELOW_ZERO = {"vel", "cog"}  # phones say -1; with `acc` -1 the whole position is wrong, and refused later
_HEAD = {"_type", "topic", "tst"}
_PLACE = {*_POSITION, "ign", "vac"}  # the accuracy of the altitude has no place with us
_PROBE = re.compile(r"temp_c-(.{1,32})", re.DOTALL)  # Queclink: temperature of one analogue input

_ATTRIBUTES_ONLY = {"steps", "beacon"}
# Settings and commands: they say nothing about where a device is or how it is.
_NOTHING = {"waypoint", "waypoints", "status", "card", "cmd", "dump", "configuration", "request"}


def decode(payload: bytes, _context: Context) -> list[Said]:
    """Readings of one message, or of an array of them. An empty body and an empty array say nothing.

    A location gives `gps`, `status` (battery) and `temp`; a transition `gps` and the attribute `transition`; a will
    the attribute `lwt`. Everything else a message says is kept as attributes.

    Raises:
        WireError: `too_large`, `malformed`, `encrypted`, `unknown_type`.
    """
    if len(payload) > PAYLOAD_BYTES_MAX:
        raise WireError("too_large", f"{len(payload)} bytes, at most {PAYLOAD_BYTES_MAX}")
    if not payload.strip():
        return []
    try:
        found = orjson.loads(payload)
    except ValueError as error:
        raise WireError("malformed", f"not JSON: {error}"[:300]) from None
    messages = found if isinstance(found, list) else [found]
    said = [each for message in messages for each in _message(message)]
    if len(said) > READINGS_MAX:
        raise WireError("too_large", f"{len(said)} readings, at most {READINGS_MAX}: send fewer in one message")
    return said


def _message(message: Any) -> list[Said]:
    if not isinstance(message, dict):
        raise WireError("malformed", "not an object with a _type")
    kind = message.get("_type")
    if not isinstance(kind, str):
        raise WireError("malformed", "_type: missing, or not a text")
    if kind == "encrypted":
        raise WireError("encrypted", "_type encrypted: take the encryption key out of the app's settings and use TLS")
    if kind == "location":
        return _location(message)
    if kind == "transition":
        return _transition(message)
    if kind == "lwt":
        return _will(message)
    if kind in _ATTRIBUTES_ONLY:
        return _attributes(message, _time_ms(message), _HEAD)
    if kind in _NOTHING:
        return []
    raise WireError("unknown_type", f"_type {kind[:40]!r}: not one of OwnTracks")


def _location(message: Message) -> list[Said]:
    t_ms = _time_ms(message)
    said = [_position(message, t_ms)]
    told = _HEAD | _PLACE | {"batt"}
    battery_pct = _number(message, "batt")
    if battery_pct is not None and battery_pct >= 0:
        said.append(Said("status", timed(t_ms) | {"batt": battery_pct / 100}))
    for key in message:
        if probe := _PROBE.fullmatch(key):
            told.add(key)
            temp_c = _number(message, key)
            if temp_c is not None:
                said.append(Said("temp", timed(t_ms) | {"probe": probe[1], "c": temp_c}))
    return said + _attributes(message, t_ms, told)


def _transition(message: Message) -> list[Said]:
    """A region was entered or left: `enter Home`, and the position where it was noticed, when it is told."""
    t_ms = _time_ms(message)
    event, region = message.get("event"), message.get("desc")
    if not isinstance(event, str) or not isinstance(region, str | None):
        raise WireError("malformed", "transition: event is missing, or event or desc is not a text")
    said = [attribute(t_ms, "transition", f"{event} {region or ''}".strip())]
    told = _HEAD | {"event", "desc"}
    if message.get("lat") is not None or message.get("lon") is not None:
        said.append(_position(message, t_ms))
        told |= _PLACE
    return said + _attributes(message, t_ms, told)


def _will(message: Message) -> list[Said]:
    """The broker lost the app. `tst` is when it had connected, not when it was lost: that is when we hear of it."""
    connected_ms = _time_ms(message)
    said = [attribute(None, "lwt", "connection lost")]
    if connected_ms is not None:
        said.append(attribute(None, "connected_at", connected_ms / 1000))
    return said + _attributes(message, None, _HEAD)


def _position(message: Message, t_ms: float | None) -> Said:
    values: dict[str, Any] = {}
    for key, (native, unit, base) in _POSITION.items():
        number = _number(message, key)
        if number is None or (number < 0 and key in _UNKNOWN_BELOW_ZERO):
            continue
        values[native] = _finite(convert(number, unit, base), key)
    if "lat" not in values or "lon" not in values:
        raise WireError("malformed", "lat or lon: missing in a message about a place")
    ignition = message.get("ign")
    if ignition is not None:
        if ignition not in (0, 1):  # Queclink; True and False are among them
            raise WireError("malformed", "ign: not true or false")
        values["ign"] = bool(ignition)
    return Said("gps", timed(t_ms) | values)


def _attributes(message: Message, t_ms: float | None, told: set[str]) -> list[Said]:
    """What readings have not told."""
    left = ((key, value) for key, value in message.items() if key not in told and value is not None)
    return [attribute(t_ms, key, _note(key, value)) for key, value in left]


def _note(key: str, value: Any) -> Value:
    """A list of texts (`inregions`) is joined by commas; other structures are kept as JSON."""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ",".join(value)
    if not isinstance(value, list | dict):
        return value  # type: ignore[no-any-return]  # text, number or truth value
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # its limit of depth is lower for writing than for reading
        raise WireError("malformed", f"{key[:40]}: nested too deep") from None


def _time_ms(message: Message) -> float | None:
    seconds = _number(message, "tst")
    return None if seconds is None else _finite(seconds * 1000, "tst")


def _number(message: Message, key: str) -> float | None:
    value = message.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise WireError("malformed", f"{key[:40]}: not a number")
    return value


def _finite(value: float, key: str) -> float:
    if not math.isfinite(value):
        raise WireError("malformed", f"{key[:40]}: too large a number")
    return value
