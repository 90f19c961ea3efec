"""Traccar Client, OsmAnd and GPSLogger over HTTP: a JSON body, or a query string or form body.

Source of names and units: traccar.org/osmand and Traccar's `OsmAndProtocolDecoder`. JSON has m/s, a battery from 0 to 1
and RFC 3339; the query has per cent, and seconds or milliseconds since 1970 or a text that may lack its zone. Its speed
is in knots from Traccar Client and m/s from OsmAnd and GPSLogger, see `_speed_unit`. Who sent a message is decided by
the caller: `device_id` says whom it claims to come from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from domain.names import PAYLOAD_BYTES_MAX
from domain.numbers import decimal
from domain.profiles import Target
from domain.readings import Flag
from domain.times import to_us, unit_advice, unit_since_1970, written
from domain.wire.channels import readings
from domain.wire.loading import json_value, tidy
from domain.wire.said import Context, Measured, Said, WireError, refusal, settled
from domain.wire.words import as_number, truth

PAIRS_MAX = 256  # of a query; an app sends about twenty

_ESCAPES = (b"%", b"\\", b"\0")  # something may be written in other bytes than its own
_ESCAPE, _STRAY = re.compile(rb"%([0-9A-Fa-f]{2})"), re.compile(rb"%(?![0-9A-Fa-f]{2})")
_DATED = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d", re.ASCII)
_LOST_PLUS = re.compile(r" (?=\d\d:?\d\d\Z)", re.ASCII)

_PLACE = {
    "lat": Target("gps", "lat"),
    "lon": Target("gps", "lon"),
    "speed": Target("gps", "spd", unit="m/s"),
    "bearing": Target("gps", "hdg"),
    "heading": Target("gps", "hdg"),
    "accuracy": Target("gps", "acc"),
    "altitude": Target("gps", "alt"),
    "odometer": Target("gps", "odo"),
    "ignition": Target("gps", "ign"),
}
_JSON = {
    **{key: target for key, target in _PLACE.items() if key not in ("lat", "lon", "bearing")},
    "latitude": _PLACE["lat"],
    "longitude": _PLACE["lon"],
    "battery_level": Target("status", "batt", unit="ratio"),
}
_QUERY = {**_PLACE, "batt": Target("status", "batt", unit="%")}
_BY_UNIT = {unit: {**_QUERY, "speed": Target("gps", "spd", unit=unit)} for unit in ("knots", "m/s")}
_COORDS = {"latitude", "longitude", "speed", "heading", "accuracy", "altitude"}
_UNKNOWN_BELOW_ZERO = {"speed", "heading", "bearing", "batt", "battery_level"}  # -1 stands for unknown
_ONCE = {*_QUERY, "id", "deviceid", "location", "timestamp", "valid"} - {"odometer"}
_NO_ATTRIBUTE = {"id", "deviceid", "location", "timestamp", "valid"}
_TRACCAR = frozenset({"charge", "driverUniqueId", "ignition", "valid", "cell", "wifi"})
_TOLD = {"timestamp", "coords", "battery", "activity", "extras", "_"}  # of a location; `_`: all of it again


def decode(payload: bytes, context: Context) -> list[Said]:
    """Readings of one message: `gps` when it has a place, `status` when it has a battery, the rest as attributes.

    The option `zone` (an IANA name such as `Europe/Helsinki`) is needed for times without an offset. The hour that
    comes twice in autumn is taken as its first coming. A location of several that cannot be read costs itself.

    Raises:
        WireError: `too_large`, `malformed`, `no_zone`, and what a lone location is refused for.
    """
    if len(payload) > PAYLOAD_BYTES_MAX:
        raise WireError("too_large", f"{len(payload)} bytes, at most {PAYLOAD_BYTES_MAX}")
    if not is_json(payload, context.content_type):
        return settled(_query(_pairs(payload), context))
    found = _object(payload).get("location")
    if not isinstance(found, list):
        return settled(_location(found, context))
    said: list[Said] = []
    for at, location in enumerate(found):
        try:
            said += _location(location, context)
        except WireError as error:
            said.append(refusal("", error.reason, f"location {at}: {error}"))
    return settled(said)


def device_id(payload: bytes, content_type: str) -> str | None:
    """The id the sender claims to have; None when there is none, or the message cannot be read.

    >>> device_id(b"id=868%2D1&lat=60.1", "")
    '868-1'
    """
    if len(payload) > PAYLOAD_BYTES_MAX:
        return None
    if b"id" not in payload and not any(escape in payload for escape in _ESCAPES):
        return None  # as it is when a token says who it is
    try:
        if is_json(payload, content_type):
            claimed = _object(payload).get("device_id")
        else:
            found = _pairs(payload)
            claimed = found.get("id") or found.get("deviceid")
    except WireError:
        return None
    claimed = str(claimed) if type(claimed) is int else claimed
    return claimed if isinstance(claimed, str) and claimed else None


def is_json(payload: bytes, content_type: str) -> bool:
    """Whether a body is the JSON form."""
    return content_type.lower().startswith("application/json") or tidy(payload[:64]).lstrip().startswith(b"{")


def _object(payload: bytes) -> dict[str, Any]:
    try:
        found = json_value(payload)
    except ValueError as error:
        raise WireError("malformed", f"not JSON: {error}"[:300]) from None
    return _part({"message": found}, "message")


def _location(location: Any, context: Context) -> list[Said]:
    """One position of the JSON form."""
    if not isinstance(location, dict):
        raise WireError("malformed", "location: missing, or not an object")
    timestamp = location.get("timestamp")
    t_ms = None if timestamp is None else _instant_ms(timestamp, context)
    coords, battery, activity, extras = (_part(location, k) for k in ("coords", "battery", "activity", "extras"))
    named: list[tuple[str, Any]] = [(key, value) for key, value in coords.items() if key in _COORDS]
    named += [("odometer", location.get("odometer")), ("ignition", location.get("ignition", extras.get("ignition")))]
    named += [("battery_level", battery.get("level"))]
    named += [(key, value) for key, value in location.items() if key not in _TOLD | {"odometer", "ignition"}]
    # -1 stands for unknown, but there is a floor -1
    named += [(key, value) for key, value in coords.items() if key not in _COORDS and (value != -1 or key == "floor")]
    named += [(key, value) for key, value in battery.items() if key != "level"]
    named += [("activity" if key == "type" else f"activity_{key}", value) for key, value in activity.items()]
    named += [(key, value) for key, value in extras.items() if key != "ignition"]
    no_fix = location.get("mock") is True or coords.get("mock") is True
    return _read(_measured(named, t_ms), context, _JSON, no_fix=no_fix)


def _query(found: dict[str, str], context: Context) -> list[Said]:
    """The position of the query form."""
    if not found:
        raise WireError("malformed", "empty: wanted id=...&lat=...&lon=...")
    t_ms = _timestamp_ms(found["timestamp"], context) if "timestamp" in found else None
    if "location" in found:
        if "lat" in found or "lon" in found:
            raise WireError("malformed", "location and lat or lon: only one of both")
        found = found | dict(zip(("lat", "lon"), found["location"].split(",", 1), strict=False))
    defaults = _BY_UNIT[_speed_unit(found)]
    named = [(key, text) for key, text in found.items() if key in defaults]
    # the driver's id may begin with zeros
    named += [
        (key, text if key == "driverUniqueId" else _typed(text))
        for key, text in found.items()
        if key not in defaults and key not in _NO_ATTRIBUTE
    ]
    # Without a fix, and of an app that makes positions up, a position is kept, and no rule uses it.
    is_valid = {"A": True, "V": False}.get(found.get("valid", "A"), truth(found.get("valid")))
    measured = _measured(named, t_ms)
    if is_valid is None:
        measured.append(Measured(t_ms, "valid", found["valid"]))
    return _read(measured, context, defaults, no_fix=is_valid is False or truth(found.get("mock")) is True)


def _speed_unit(found: Mapping[str, str]) -> str:
    """The unit of a query's speed, which it does not tell: what its sender is known to use.

    OsmAnd sends m/s, with `hdop` and the time in milliseconds; GPSLogger m/s, and as its address is written `hdop` or
    the time as text with a zone. Traccar Client sends knots, the time in seconds, and no `hdop`; so does whoever uses
    keys that only Traccar's documentation has. A profile that gives the channel `speed` a unit is asked before.
    """
    if not _TRACCAR.isdisjoint(found):
        return "knots"
    number = decimal(found.get("timestamp", ""))
    is_text = number is None and "T" in found.get("timestamp", "")
    is_ms = number is not None and unit_since_1970(number) == "milliseconds"
    return "m/s" if "hdop" in found or is_ms or is_text else "knots"


def _measured(named: list[tuple[str, Any]], t_ms: float | None) -> list[Measured]:
    """Values under their names, without those that stand for unknown."""
    return list(_known(named, t_ms))


def _known(named: list[tuple[str, Any]], t_ms: float | None) -> Iterator[Measured]:
    for key, value in named:
        number = as_number(value)
        if number is None or not number < 0 or key not in _UNKNOWN_BELOW_ZERO:
            yield Measured(t_ms, key, value)


def _read(measured: list[Measured], context: Context, places: Mapping[str, Target], *, no_fix: bool) -> list[Said]:
    there = {"lat": False, "lon": False}
    for each in measured:
        target = places.get(each.channel)
        if target and target.key in there and each.value is not None:
            there[target.key] = True
        if target and target.key == "acc" and (accuracy_m := as_number(each.value)) is not None and accuracy_m < 0:
            no_fix = True  # phones say so that the position is none
    if there["lat"] != there["lon"]:
        raise WireError("malformed", "latitude without longitude, or the other way round")
    if not no_fix:
        return readings(measured, context, places)
    flag = int(Flag.INACCURATE)
    of_place = {key for key, target in places.items() if target.stream == "gps"}
    mended = [each._replace(flags=flag) if each.channel in of_place else each for each in measured]
    return readings(mended, context, places)


def _part(whole: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = whole.get(key)
    if not isinstance(found, dict | None):
        raise WireError("malformed", f"{key}: not an object")
    return found or {}


def _typed(text: str) -> Any:
    """A text of the query as what it looks like."""
    number = decimal(text)
    return {"true": True, "false": False}.get(text, text) if number is None else number


def _timestamp_ms(text: str, context: Context) -> float:
    """Event time of the query form: seconds (below 2**31) or milliseconds since 1970, or a text."""
    if "T" in text:
        text = _LOST_PLUS.sub("+", text)  # the plus of an offset, when it was not written as %2B, has become a space
    return _instant_ms(text, context)


def _instant_ms(told: Any, context: Context) -> float:
    """A time as text, or a number of seconds or milliseconds since 1970, told apart by its size."""
    if isinstance(told, str) and (number := decimal(told)) is not None:
        told = number
    if isinstance(told, int | float) and not isinstance(told, bool):
        if unit_since_1970(told) in ("microseconds", "nanoseconds"):
            raise WireError("time_out_of_range", unit_advice(told, "seconds or milliseconds", "timestamp"))
        return told * 1000 if 0 <= told < 2**31 else told
    try:
        found = written(told if isinstance(told, str) and _DATED.match(told) else "")
    except ValueError:
        raise WireError("malformed", "timestamp: not a time such as 2025-06-15T13:45:12Z") from None
    if found.tzinfo is None:
        found = found.replace(tzinfo=_zone(context))
    return to_us(found) / 1000


def _zone(context: Context) -> ZoneInfo:
    name = context.options().get("zone")
    if not isinstance(name, str) or not name:
        raise WireError("no_zone", "timestamp: without an offset; set the device's option `zone` or send an offset")
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown; no such name is possible; a folder of zones such as `Europe`
        raise WireError("no_zone", f"zone {name[:40]!r}: no zone we know, set one such as Europe/Helsinki") from None


def _pairs(payload: bytes) -> dict[str, str]:
    """Key and text of a query, decoded. What was left empty is not said; what may come often is numbered: `cell_2`."""
    pieces = tidy(payload).strip().split(b"&")
    if len(pieces) > PAIRS_MAX:
        raise WireError("too_large", f"{len(pieces)} values, at most {PAIRS_MAX}")
    found: dict[str, str] = {}
    count: dict[str, int] = {}
    for piece in pieces:
        if b"%" in piece:
            raw_key, _, raw_text = piece.partition(b"=")
            key, text = _unescaped(raw_key), _unescaped(raw_text)
        else:
            key, _, text = _unescaped(piece).partition("=")
        if not key or not text:
            continue
        count[key] = count.get(key, 0) + 1
        if count[key] > 1 and key in _ONCE:
            raise WireError("malformed", f"{key}: given more than once")
        found[key if count[key] == 1 else f"{key}_{count[key]}"] = text
    return found


def _unescaped(raw: bytes) -> str:
    try:
        if b"%" not in raw:
            return raw.replace(b"+", b" ").decode()
        if _STRAY.search(raw):
            raise WireError("malformed", "a % without two hexadecimal digits behind it")
        return _ESCAPE.sub(lambda found: bytes.fromhex(found[1].decode()), raw.replace(b"+", b" ")).decode()
    except UnicodeDecodeError:
        raise WireError("malformed", "not UTF-8 after decoding the percent signs") from None
