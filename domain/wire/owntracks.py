"""OwnTracks JSON, as its apps and the Queclink bridge send it over MQTT and HTTP.

Source of names and units: OwnTracks booklet, "JSON" and "HTTP" (owntracks.org/booklet/tech/json). Times are seconds
since 1970, speeds km/h, the odometer km, the battery per cent. `_type` tells what a message is, so the topic is not
looked at; who sent it is the credential's business, so `topic` inside the message is not looked at either.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from domain.profiles import Target
from domain.readings import Flag
from domain.wire.channels import attribute, readings
from domain.wire.clocks import milliseconds
from domain.wire.loading import loaded
from domain.wire.owntracks_commands import place_text
from domain.wire.said import Context, Measured, Said, WireError, refusal, settled
from domain.wire.words import as_number

Message = Mapping[str, Any]

_POSITION = {
    "lat": Target("gps", "lat"),
    "lon": Target("gps", "lon"),
    "vel": Target("gps", "spd", unit="km/h"),
    "cog": Target("gps", "hdg"),
    "acc": Target("gps", "acc"),
    "alt": Target("gps", "alt"),
    "odometer": Target("gps", "odo", unit="km"),
    "ign": Target("gps", "ign"),
}
_BATTERY = {"batt": Target("status", "batt", unit="%")}
_UNKNOWN_BELOW_ZERO = {"vel", "cog", "batt"}  # phones say -1
_HEAD = {"_type", "topic", "tst", "vac"}  # the accuracy of the altitude has no place with us
_PROBE = re.compile(r"temp_c-(.{1,32})", re.DOTALL)  # Queclink: temperature of one analogue input

_ATTRIBUTES_ONLY = {"steps", "beacon"}
# Settings and commands: they say nothing about where a device is or how it is.
_NOTHING = {"status", "card", "cmd", "dump", "configuration", "request"}


def decode(payload: bytes, context: Context) -> list[Said]:
    """Readings of one message, or of an array of them. An empty body and an empty array say nothing.

    A location gives `gps`, `status` (battery) and `temp`; a transition `gps` and the attribute `transition`; a will
    the attribute `lwt`; a place that was set, or that a list tells, the attribute `waypoint`. Everything else a message
    says is kept as attributes. A message of an array that cannot be read costs itself.

    Raises:
        WireError: `too_large`, `malformed`, `encrypted`, `unknown_type`, and what a lone message is refused for.
    """
    if not payload.strip(b" \t\r\n\0"):
        return []
    found = loaded(payload)
    if not isinstance(found, list):
        return settled(_message(found, context))
    said: list[Said] = []
    for at, message in enumerate(found):
        try:
            said += _message(message, context)
        except WireError as error:
            said.append(refusal("", error.reason, f"message {at}: {error}"))
    return settled(said)


def _message(message: Any, context: Context) -> list[Said]:
    if not isinstance(message, dict):
        raise WireError("malformed", "not an object with a _type")
    kind = message.get("_type")
    if not isinstance(kind, str):
        raise WireError("malformed", "_type: missing, or not a text")
    if kind == "encrypted":
        raise WireError("encrypted", "_type encrypted: take the encryption key out of the app's settings and use TLS")
    if kind in _ATTRIBUTES_ONLY:
        return _attributes(message, _time_ms(message), _HEAD, context)
    if kind in _NOTHING:
        return []
    if (reader := _READERS.get(kind)) is None:
        raise WireError("unknown_type", f"_type {kind[:40]!r}: not one of OwnTracks")
    return reader(message, context)


def _location(message: Message, context: Context) -> list[Said]:
    probes = {key: Target("temp", "c", probe[1]) for key in message if (probe := _PROBE.fullmatch(key))}
    places = _POSITION | _BATTERY | probes
    t_ms = _time_ms(message)
    said = readings(_placed(message, t_ms, places), context, places)
    return said + _attributes(message, t_ms, {*_HEAD, *places}, context)


def _transition(message: Message, context: Context) -> list[Said]:
    """A region was entered or left: `enter Home`, and the position where it was noticed, when it is told."""
    t_ms = _time_ms(message)
    event, region = message.get("event"), message.get("desc")
    if not isinstance(event, str) or not isinstance(region, str | None):
        raise WireError("malformed", "transition: event is missing, or event or desc is not a text")
    said = [attribute(t_ms, "transition", f"{event} {region or ''}".strip())]
    told = _HEAD | {"event", "desc"}
    if message.get("lat") is not None or message.get("lon") is not None:
        said += readings(_placed(message, t_ms, _POSITION), context, _POSITION)
        told |= _POSITION.keys()
    return said + _attributes(message, t_ms, told, context)


def _will(message: Message, context: Context) -> list[Said]:
    """The broker lost the app. `tst` is when it had connected, not when it was lost: that is when we hear of it."""
    connected_ms = _time_ms(message)
    said = [attribute(None, "lwt", "connection lost")]
    if connected_ms is not None:
        said.append(attribute(None, "connected_at", connected_ms / 1000))
    return said + _attributes(message, None, _HEAD, context)


def _waypoint(message: Any) -> Said:
    """A place that somebody has set in the app, when we hear of it: `tst` is its name, and may be years ago."""
    if not isinstance(message, dict) or (message.get("desc") is None and message.get("lat") is None):
        raise WireError("malformed", "waypoint: neither desc nor lat and lon")
    return attribute(None, "waypoint", place_text(message))


def _waypoints(message: Message, _: Context) -> list[Said]:
    """All that are set in the app. One that cannot be read costs itself."""
    places = message.get("waypoints")
    if not isinstance(places, list):
        raise WireError("malformed", "waypoints: not a list of waypoints")
    said: list[Said] = []
    for at, place in enumerate(places):
        try:
            said.append(_waypoint(place))
        except WireError as error:
            said.append(refusal("", error.reason, f"waypoint {at}: {error}"))
    return said


def _placed(message: Message, t_ms: float | None, places: Mapping[str, Target]) -> Iterator[Measured]:
    """The values of a message about a place, under its own names."""
    if message.get("lat") is None or message.get("lon") is None:
        raise WireError("malformed", "lat or lon: missing in a message about a place")
    # With an accuracy below zero a phone says that the position is none: it is kept, and no rule uses it.
    accuracy_m = as_number(message.get("acc"))
    no_fix = int(Flag.INACCURATE) if accuracy_m is not None and accuracy_m < 0 else 0
    for key, target in places.items():
        value = message.get(key)
        number = as_number(value)
        if number is None or not number < 0 or key not in _UNKNOWN_BELOW_ZERO:
            yield Measured(t_ms, key, value, flags=no_fix if target.stream == "gps" else 0)


def _attributes(message: Message, t_ms: float | None, told: set[str], context: Context) -> list[Said]:
    """What readings have not told."""
    return readings([Measured(t_ms, key, value) for key, value in message.items() if key not in told], context)


def _time_ms(message: Message) -> float | None:
    seconds = message.get("tst")
    return None if seconds is None else milliseconds(seconds, "seconds", "tst")


_READERS: Mapping[str, Callable[[Message, Context], list[Said]]] = {
    "location": _location,
    "transition": _transition,
    "lwt": _will,
    "waypoint": lambda message, _: [_waypoint(message)],
    "waypoints": _waypoints,
}
