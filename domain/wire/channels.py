"""Named values of formats that leave the names to the sender, to readings: by the device's profile, else by the name.

Values of one device and time belong together: latitude and longitude become one position, humidity goes with the
temperature of the same probe. What has no stream of its own is kept as an attribute.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from domain.profiles import Target
from domain.units import UnitError, convert
from domain.wire.said import ATTRIBUTE, Context, Measured, Said, Value, WireError

# Base unit of each native key that has one; `convert` brings the sender's unit to it.
BASES: dict[tuple[str, str], str] = {
    ("gps", "lat"): "deg",
    ("gps", "lon"): "deg",
    ("gps", "spd"): "mps",
    ("gps", "hdg"): "deg",
    ("gps", "acc"): "m",
    ("gps", "alt"): "m",
    ("gps", "odo"): "m",
    ("temp", "c"): "c",
    ("temp", "rh"): "pct",
    ("shelf", "kg"): "kg",
    ("shelf", "count"): "count",
    ("status", "batt"): "ratio",
    ("status", "rssi"): "dbm",
    ("status", "setpoint_c"): "c",
}
TRUTHS = {("gps", "ign"), ("door", "open"), ("status", "defrost")}
PARTS = {"temp": "probe", "shelf": "slot", "door": "door"}

# Names seen in the wild, without case, digits at the end and separators. A profile overrules each.
_NAMES: dict[str, Target] = {
    "latitude": Target("gps", "lat"),
    "lat": Target("gps", "lat"),
    "longitude": Target("gps", "lon"),
    "lon": Target("gps", "lon"),
    "lng": Target("gps", "lon"),
    "speed": Target("gps", "spd"),
    "heading": Target("gps", "hdg"),
    "course": Target("gps", "hdg"),
    "bearing": Target("gps", "hdg"),
    "accuracy": Target("gps", "acc"),
    "altitude": Target("gps", "alt"),
    "odometer": Target("gps", "odo"),
    "ignition": Target("gps", "ign"),
    "temperature": Target("temp", "c"),
    "temp": Target("temp", "c"),
    "tempc": Target("temp", "c"),
    "humidity": Target("temp", "rh"),
    "hum": Target("temp", "rh"),
    "relativehumidity": Target("temp", "rh"),
    "battery": Target("status", "batt", unit="%"),
    "batterylevel": Target("status", "batt", unit="%"),
    "setpoint": Target("status", "setpoint_c"),
    "defrost": Target("status", "defrost"),
    "rssi": Target("status", "rssi"),
    "door": Target("door", "open"),
    "dooropen": Target("door", "open"),
    "weight": Target("shelf", "kg"),
    "mass": Target("shelf", "kg"),
}
NAME_MAX = 64  # a longer name means nothing to us
_SEPARATORS = "_ .:-"
_DROP_SEPARATORS = str.maketrans("", "", _SEPARATORS)


def target_of(channel: str) -> Target | None:
    """The native place of a name by itself: `Temperature_2` is probe `2` of `temp`; None when it tells nothing.

    >>> target_of("Temperature_2")
    Target(stream='temp', key='c', part='2', unit='')
    >>> target_of("flux_capacitor") is None
    True
    """
    if len(channel) > NAME_MAX:
        return None
    word = channel.rstrip("0123456789")
    part = channel[len(word) :]
    found = _NAMES.get(word.translate(_DROP_SEPARATORS).lower())
    if found is None or (part and found.stream not in PARTS):
        return None
    return Target(found.stream, found.key, part, found.unit)


def readings(
    measured: Iterable[Measured], context: Context, defaults: Mapping[str, Target | None] | None = None
) -> list[Said]:
    """Readings of named values: the profile of the value's moment decides, then `defaults`, then the name itself.

    A value of another kind than its name seems to mean is kept as an attribute: the name was a guess.

    Raises:
        WireError: a declared unit that does not fit, or a value that is not what the profile or the format says.
    """
    together: dict[tuple[str, str, str, float | None, int], dict[str, Any]] = {}
    rest: list[Said] = []
    for each in measured:
        target = _target(each, context, defaults or {})
        if target is None:
            continue
        if target.stream == ATTRIBUTE:
            rest.append(attribute(each.t_ms, target.key, each.value, each.source, each.flags))
            continue
        part = target.part
        key = (each.source, target.stream, part, each.t_ms, each.flags)
        values = together.setdefault(key, {})
        values[target.key] = _value(each, target)
    return [*_spoken(together), *rest]


def _target(each: Measured, context: Context, defaults: Mapping[str, Target | None]) -> Target | None:
    channels = context.profile_at(each.source, each.t_ms).channels
    if each.channel in channels:
        return channels[each.channel]
    if each.channel in defaults:
        return defaults[each.channel]
    found = target_of(each.channel)
    if found is not None:
        try:
            _value(each, found)
        except WireError as error:
            if error.reason == "unit":
                raise  # a unit was declared: what it measures must not silently become a note
            found = None
    return found or Target(ATTRIBUTE, each.channel)


def _value(each: Measured, target: Target) -> Any:
    place = (target.stream, target.key)
    value = each.value
    if place in TRUTHS:
        if isinstance(value, bool):
            return value
        if value in (0, 1):
            return bool(value)
        raise WireError("invalid", f"{each.channel[:40]}: not true or false")
    base = BASES.get(place)
    if base is None:
        return value
    if isinstance(value, (bool, str)):
        raise WireError("invalid", f"{each.channel[:40]}: not a number")
    try:
        return convert(value, each.unit or target.unit, base)
    except UnitError as error:
        raise WireError("unit", f"{each.channel[:40]}: {error}") from None


def _spoken(together: Mapping[tuple[str, str, str, float | None, int], dict[str, Any]]) -> Iterable[Said]:
    for (source, stream, part, t_ms, flags), values in together.items():
        lacking = {"gps": ("lat", "lon"), "temp": ("c",), "door": ("open",)}.get(stream, ())
        if any(key not in values for key in lacking):  # a speed without a position, a humidity without a temperature
            yield from (attribute(t_ms, key, value, source, flags) for key, value in values.items())
            continue
        named = {PARTS[stream]: part} if part and stream in PARTS else {"slot": "main"} if stream == "shelf" else {}
        yield Said(stream, timed(t_ms) | named | values, source, flags)


def timed(t_ms: float | None) -> dict[str, Any]:
    """The time of a reading, when there is one."""
    return {} if t_ms is None else {"t": t_ms}


def attribute(t_ms: float | None, key: str, value: Value, source: str = "", flags: int = 0) -> Said:
    """A value that has no stream of its own. Text is cut to 64 printable characters; it is a note, not a key."""
    name = "".join(c if c.isprintable() else "?" for c in key)[:64] or "?"
    if isinstance(value, str):
        said: dict[str, Any] = {"txt": "".join(c if c.isprintable() else "?" for c in value)[:64] or "-"}
    elif math.isfinite(value):
        said = {"num": float(value)}
    else:
        said = {"txt": str(value)}
    return Said(ATTRIBUTE, timed(t_ms) | {"key": name} | said, source, flags)
