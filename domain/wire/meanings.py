"""What a name of a value means by itself: names seen in the wild, without case, digits at the end and separators."""

from __future__ import annotations

from functools import lru_cache

from domain.profiles import Target

PARTS = {"temp": "probe", "shelf": "slot", "door": "door"}
NAMES_KEPT = 4_096
NAME_MAX = 64  # a longer name means nothing to us

_PER_CENT = Target("status", "batt", unit="%")
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
    "airtemperature": Target("temp", "c"),
    "humidity": Target("temp", "rh"),
    "hum": Target("temp", "rh"),
    "relativehumidity": Target("temp", "rh"),
    "airhumidity": Target("temp", "rh"),
    "battery": _PER_CENT,
    "batterylevel": _PER_CENT,
    "batterypercent": _PER_CENT,
    "batterypercentage": _PER_CENT,
    "setpoint": Target("status", "setpoint_c"),
    "defrost": Target("status", "defrost"),
    "rssi": Target("status", "rssi"),
    "door": Target("door", "open"),
    "dooropen": Target("door", "open"),
    "weight": Target("shelf", "kg"),
    "mass": Target("shelf", "kg"),
}
_DROP_SEPARATORS = str.maketrans("", "", "_ .:-")

# What an object of values is called when that says nothing of them (`data.temperature`), nor where they are from
# (`location.lat`). Other objects are probes, doors or slots of their name.
_CONTAINERS = frozenset(
    {
        *("data", "values", "value", "payload", "object", "decoded", "state", "status", "attributes", "params"),
        *("measurement", "measurements", "reading", "readings", "telemetry", "sensor", "sensors", "metrics", "fields"),
        *("message", "messages", "uplink", "env", "environment", "environmental", "ambient", "air"),
    }
)
_PLACES = _CONTAINERS | {
    *("position", "location", "gps", "gnss", "coords", "coordinates", "coordinate", "fix", "geo", "point"),
}
# The temperature of a thing itself is not that of goods, and a limit is no measurement.
_INSIDES = frozenset(
    {
        *("battery", "batt", "cpu", "mcu", "chip", "soc", "board", "device", "internal", "modem", "radio", "tx", "rx"),
        *("module", "system", "processor", "core", "engine", "oil", "coolant", "motor", "transmission", "fuel", "tank"),
        *("gateway", "target", "setpoint", "set", "limit", "limits", "threshold", "thresholds", "alarm", "alarms"),
        *("min", "max", "avg", "mean", "average", "calibration", "config", "cached", "forecast", "weather"),
    }
)
# Of an object that is called like a value, the key that is the value itself, and its unit.
_ITSELF = {"value": "", "val": "", "current": "", "actual": "", "celsius": "Cel", "fahrenheit": "F"}


@lru_cache(NAMES_KEPT)
def target_of(channel: str) -> Target | None:
    """The native place of a name by itself: `Temperature_2` is probe `2` of `temp`; None when it tells nothing.

    Of a dotted name the last part is the value; what stands before it is the probe, the slot or the door.

    >>> target_of("Temperature_2"), target_of("data.fridge.temperature")
    (Target(stream='temp', key='c', part='2', unit=''), Target(stream='temp', key='c', part='fridge', unit=''))
    >>> target_of("flux_capacitor"), target_of("battery.temperature"), target_of("destination.lat")
    (None, None, None)
    """
    if len(channel) > NAME_MAX:
        return None
    if (whole := _named(channel)) is not None or "." not in channel:
        return whole
    path, _, leaf = channel.rpartition(".")
    if leaf.lower() in _ITSELF:
        of = target_of(path)
        unit = _ITSELF[leaf.lower()]
        return None if of is None or of.stream not in PARTS else Target(of.stream, of.key, of.part, unit or of.unit)
    found = _named(leaf)
    return None if found is None else _below(path.split("."), found)


def _below(path: list[str], found: Target) -> Target | None:
    """A known name within objects of these names."""
    words = [part.rstrip("0123456789").translate(_DROP_SEPARATORS).lower() for part in path]
    if not _INSIDES.isdisjoint(words):
        return None
    if found.stream not in PARTS:
        return found if all(word in _PLACES for word in words) else None
    parts = [part for part in path if part.lower() not in _CONTAINERS]
    return Target(found.stream, found.key, ".".join([*parts, *filter(None, [found.part])]), found.unit)


def _named(channel: str) -> Target | None:
    word = channel.rstrip("0123456789")
    part = channel[len(word) :]
    found = _NAMES.get(word.translate(_DROP_SEPARATORS).lower())
    if found is None or (part and found.stream not in PARTS):
        return None
    return Target(found.stream, found.key, part, found.unit)
