"""Positions and events that a Traccar server forwards: a fleet on any of its protocols, without touching a device.

Source of the shapes: Traccar's configuration `forward.type` and `event.forward.type` with the value `json`, and its
classes `Position`, `Event` and `Device`. A message is about one device, which `device.uniqueId` names:

    {"position": {"fixTime": "…", "latitude": 60.1, "speed": 12, "attributes": {…}}, "device": {"uniqueId": "868…"}}
    {"event": {"type": "alarm", "eventTime": "…"}, "position": {…}, "device": {…}}

Speed is in knots, the rest in metres and degrees; `batteryLevel` is per cent. What is `outdated` repeats the last place
because the device told none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from domain.profiles import Target
from domain.readings import Flag
from domain.wire.channels import readings
from domain.wire.clocks import milliseconds
from domain.wire.loading import loaded
from domain.wire.said import ATTRIBUTE, Context, Measured, Said, WireError, settled
from domain.wire.words import as_number, truth

NAME_MAX = 255
KEY_MAX = 128
_PLACE = {
    "latitude": Target("gps", "lat"),
    "longitude": Target("gps", "lon"),
    "altitude": Target("gps", "alt"),
    "speed": Target("gps", "spd", unit="knots"),
    "course": Target("gps", "hdg"),
    "accuracy": Target("gps", "acc"),
}
_ATTRIBUTES: Mapping[str, Target | None] = {
    "ignition": Target("gps", "ign"),
    "odometer": Target("gps", "odo"),
    "batteryLevel": Target("status", "batt", unit="%"),
    "battery": Target(ATTRIBUTE, "battery"),  # volts
    "rssi": Target(ATTRIBUTE, "rssi"),  # of each protocol in a scale of its own
    "raw": None,  # what the device sent, for Traccar's own developers
}
_DEFAULTS = {**_PLACE, **_ATTRIBUTES}
_BARE_OFFSET = re.compile(r"([+-]\d\d)(\d\d)\Z", re.ASCII)


def decode(payload: bytes, context: Context) -> list[Said]:
    """Readings of one forwarded position or event; `source` is the device's `uniqueId`.

    Raises:
        WireError: `too_large`, `malformed`, `time_out_of_range`.
    """
    found = loaded(payload)
    if not isinstance(found, dict):
        raise WireError("malformed", 'not an object with "device" and "position"; forward.type has to be json')
    source = _unique_id(found)
    position, event = (_part(found, key) for key in ("position", "event"))
    if not position and not event:
        raise WireError("malformed", 'neither a "position" nor an "event"; forward.type has to be json')
    measured = list(_position(position, source)) if position else []
    return settled(readings([*measured, *_event(event, source)], context, _DEFAULTS))


def _unique_id(found: Mapping[str, Any]) -> str:
    claimed = _part(found, "device").get("uniqueId")
    if not isinstance(claimed, str) or not 1 <= len(claimed) <= NAME_MAX or not claimed.isprintable():
        raise WireError("malformed", f"device.uniqueId: not a text of 1 to {NAME_MAX} characters")
    return claimed


def _part(found: Mapping[str, Any], key: str) -> dict[str, Any]:
    part = found.get(key)
    if not isinstance(part, dict | None):
        raise WireError("malformed", f"{key}: not an object")
    return part or {}


def _position(position: Mapping[str, Any], source: str) -> Iterator[Measured]:
    device_ms, fix_ms = (_instant_ms(position, key) for key in ("deviceTime", "fixTime"))
    is_new = truth(position.get("outdated")) is not True
    place_ms = device_ms if fix_ms is None else fix_ms
    # Without a fix a position is kept, and no rule uses it.
    flags = int(Flag.INACCURATE) if truth(position.get("valid")) is False else 0
    for key in _PLACE if is_new else ():
        value = position.get(key)
        if key != "accuracy" or as_number(value) != 0:  # 0 stands for unknown
            yield Measured(place_ms, key, value, source=source, flags=flags)
    for key, value in _part(position, "attributes").items():
        if not key or len(key) > KEY_MAX:
            raise WireError("malformed", f"attributes: {key[:40]!r} is not a key of 1 to {KEY_MAX} characters")
        target = _ATTRIBUTES.get(key)
        of_place = is_new and target is not None and target.stream == "gps"
        if target is not None and target.stream == "gps" and not is_new:
            continue  # goes with a place, and there is none
        at_ms, mark = (place_ms, flags) if of_place else (device_ms if device_ms is not None else fix_ms, 0)
        yield Measured(at_ms, key if key not in _PLACE else f"attributes_{key}", value, source=source, flags=mark)


def _event(event: Mapping[str, Any], source: str) -> Iterator[Measured]:
    if not event:
        return
    at_ms = _instant_ms(event, "eventTime")
    at_ms = _instant_ms(event, "serverTime") if at_ms is None else at_ms  # as it was called once
    yield Measured(at_ms, "event", event.get("type"), source=source)
    for key, value in _part(event, "attributes").items():
        yield Measured(at_ms, f"event_{key}"[:KEY_MAX], value, source=source)


def _instant_ms(part: Mapping[str, Any], key: str) -> float | None:
    """A time in milliseconds, of RFC 3339 or with the offset as Traccar once wrote it: `+0000`."""
    value = part.get(key)
    if value is None:
        return None
    if isinstance(value, str):
        value = _BARE_OFFSET.sub(r"\1:\2", value)
    return milliseconds(value, "milliseconds", key)
