"""Traccar Client and OsmAnd over HTTP: a JSON body, or a query string or form body.

Source of names and units: traccar.org/osmand and Traccar's `OsmAndProtocolDecoder`. JSON has m/s, a battery from 0 to 1
and RFC 3339; the query has knots, per cent, and seconds or milliseconds since 1970 or a text that may lack its zone.
Who sent a message is decided by the caller: `device_id` says whom it claims to come from.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from domain.names import PAYLOAD_BYTES_MAX
from domain.readings import Flag
from domain.times import to_us
from domain.units import convert
from domain.wire.channels import attribute, timed
from domain.wire.said import READINGS_MAX, Context, Said, Value, WireError

PAIRS_MAX = 256  # of a query; an app sends about twenty

_ESCAPE, _STRAY = re.compile(rb"%([0-9A-Fa-f]{2})"), re.compile(rb"%(?![0-9A-Fa-f]{2})")
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_DATED = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d", re.ASCII)
_LOST_PLUS = re.compile(r" (?=\d\d:?\d\d\Z)", re.ASCII)
_TRUTHS: dict[Any, bool] = {True: True, False: False, "true": True, "false": False, "1": True, "0": False}

_NEVER_NEGATIVE = {"spd", "hdg"}  # -1 stands for unknown
# their key -> ours
_JSON = {"latitude": "lat", "longitude": "lon", "speed": "spd", "heading": "hdg", "accuracy": "acc", "altitude": "alt"}
_QUERY = {"lat": "lat", "lon": "lon", "bearing": "hdg", "heading": "hdg", "accuracy": "acc", "altitude": "alt"}
_ONCE = {*_QUERY, "id", "deviceid", "location", "timestamp", "speed", "batt", "ignition", "valid"}


def decode(payload: bytes, context: Context) -> list[Said]:
    """Readings of one message: `gps` when it has a place, `status` when it has a battery, the rest as attributes.

    The option `zone` (an IANA name such as `Europe/Helsinki`) is needed for times without an offset. The hour that
    comes twice in autumn is taken as its first coming.

    Raises:
        WireError: `too_large`, `malformed`, `no_zone`.
    """
    if len(payload) > PAYLOAD_BYTES_MAX:
        raise WireError("too_large", f"{len(payload)} bytes, at most {PAYLOAD_BYTES_MAX}")
    if not _is_json(payload, context.content_type):
        return _query(_pairs(payload), context)
    found = _object(payload).get("location")
    locations = found if isinstance(found, list) else [found]
    said = [each for location in locations for each in _location(location, context)]
    if len(said) > READINGS_MAX:
        raise WireError("too_large", f"{len(said)} readings, at most {READINGS_MAX}: send fewer in one message")
    return said


def device_id(payload: bytes, content_type: str) -> str | None:
    """The id the sender claims to have; None when there is none, or the message cannot be read.

    >>> device_id(b"id=868%2D1&lat=60.1", "")
    '868-1'
    """
    if len(payload) > PAYLOAD_BYTES_MAX:
        return None
    try:
        if _is_json(payload, content_type):
            claimed = _object(payload).get("device_id")
        else:
            found = _pairs(payload)
            claimed = found.get("id") or found.get("deviceid")
    except WireError:
        return None
    claimed = str(claimed) if type(claimed) is int else claimed
    return claimed if isinstance(claimed, str) and claimed else None


def _is_json(payload: bytes, content_type: str) -> bool:
    return content_type.lower().startswith("application/json") or payload.lstrip().startswith(b"{")


def _object(payload: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(payload)
    except ValueError as error:
        raise WireError("malformed", f"not JSON: {error}"[:300]) from None
    return _part({"message": found}, "message")


def _location(location: Any, context: Context) -> list[Said]:
    """One position of the JSON form."""
    if not isinstance(location, dict):
        raise WireError("malformed", "location: missing, or not an object")
    told = {"timestamp", "coords", "battery", "activity", "extras", "odometer", "ignition", "_"}  # `_`: all of it again
    timestamp = location.get("timestamp")
    t_ms = None if timestamp is None else _instant_ms(timestamp, context)
    coords, battery, activity, extras = (_part(location, k) for k in ("coords", "battery", "activity", "extras"))
    place = {native: _number(coords, key) for key, native in _JSON.items()} | {"odo": _number(location, "odometer")}
    said = _place(place, location.get("ignition", extras.get("ignition")), t_ms)
    level = _number(battery, "level")
    if level is not None and level >= 0:
        said.append(Said("status", timed(t_ms) | {"batt": level}))
    notes: list[tuple[str, Any]] = [(key, value) for key, value in location.items() if key not in told]
    # -1 stands for unknown, but there is a floor -1
    notes += [(key, value) for key, value in coords.items() if key not in _JSON and (value != -1 or key == "floor")]
    notes += [(key, value) for key, value in battery.items() if key != "level"]
    notes += [("activity" if key == "type" else f"activity_{key}", value) for key, value in activity.items()]
    notes += [(key, value) for key, value in extras.items() if key != "ignition"]
    return said + [attribute(t_ms, key, _note(key, value)) for key, value in notes if value is not None]


def _query(found: dict[str, str], context: Context) -> list[Said]:
    """The position of the query form."""
    if not found:
        raise WireError("malformed", "empty: wanted id=...&lat=...&lon=...")
    t_ms = _timestamp_ms(found["timestamp"], context) if "timestamp" in found else None
    if "location" in found:
        if "lat" in found or "lon" in found:
            raise WireError("malformed", "location and lat or lon: only one of both")
        found = found | dict(zip(("lat", "lon"), found["location"].split(",", 1), strict=False))
    numbers = {key: _parsed(found[key], key) for key in (*_QUERY, "speed", "batt") if key in found}
    place: dict[str, float | None] = {native: numbers[key] for key, native in _QUERY.items() if key in numbers}
    if "speed" in numbers:
        place["spd"] = convert(numbers["speed"], "knots", "mps")
    # `valid=false`: the receiver had no fix. The position is kept, and no rule uses it.
    flags = 0 if _truth(found.get("valid", "true"), "valid") else int(Flag.INACCURATE)
    said = _place(place, found.get("ignition"), t_ms, flags)
    if numbers.get("batt", -1) >= 0:
        said.append(Said("status", timed(t_ms) | {"batt": numbers["batt"] / 100}))
    rest = ((key, text) for key, text in found.items() if key not in _ONCE)  # the driver's id may begin with zeros
    return said + [attribute(t_ms, key, text if key == "driverUniqueId" else _typed(text)) for key, text in rest]


def _place(place: Mapping[str, float | None], ignition: Any, t_ms: float | None, flags: int = 0) -> list[Said]:
    """A `gps` reading of numbers in native units; without a place what else there is becomes attributes."""
    unknown = {key for key, value in place.items() if value is None or (value < 0 and key in _NEVER_NEGATIVE)}
    values: dict[str, Any] = {key: value for key, value in place.items() if key not in unknown}
    if ignition is not None:
        values["ign"] = _truth(ignition, "ignition")
    if "lat" in values and "lon" in values:
        return [Said("gps", timed(t_ms) | values, flags=flags)]
    if "lat" in values or "lon" in values:
        raise WireError("malformed", "latitude without longitude, or the other way round")
    return [attribute(t_ms, key, value) for key, value in values.items()]


def _part(whole: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = whole.get(key)
    if not isinstance(found, dict | None):
        raise WireError("malformed", f"{key}: not an object")
    return found or {}


def _number(part: Mapping[str, Any], key: str) -> float | None:
    value = part.get(key)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise WireError("malformed", f"{key}: not a number")
    return value


def _truth(value: Any, key: str) -> bool:
    known = _TRUTHS.get(value.lower() if isinstance(value, str) else value) if isinstance(value, str | int) else None
    if known is None:
        raise WireError("malformed", f"{key}: not true or false")
    return known


def _note(key: str, value: Any) -> Value:
    if not isinstance(value, list | dict):
        return value  # type: ignore[no-any-return]  # text, number or truth value
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # its limit of depth is lower for writing than for reading
        raise WireError("malformed", f"{key[:40]}: nested too deep") from None


def _typed(text: str) -> Value:
    """A text of the query as what it looks like."""
    if _NUMBER.fullmatch(text) and math.isfinite(float(text)):
        return float(text)
    return {"true": True, "false": False}.get(text, text)


def _parsed(text: str, key: str) -> float:
    number = _typed(text)
    if not isinstance(number, float):
        raise WireError("malformed", f"{key}: not a number")
    return number


def _timestamp_ms(text: str, context: Context) -> float:
    """Event time of the query form: seconds (below 2**31) or milliseconds since 1970, or a text."""
    if "T" in text:
        text = _LOST_PLUS.sub("+", text)  # the plus of an offset, when it was not written as %2B, has become a space
    number = _typed(text)
    if not isinstance(number, float):
        return _instant_ms(text, context)
    return number * 1000 if 0 <= number < 2**31 else number


def _instant_ms(text: Any, context: Context) -> float:
    try:
        found = datetime.fromisoformat(text if isinstance(text, str) and _DATED.match(text) else "")
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
    pieces = payload.strip().split(b"&")
    if len(pieces) > PAIRS_MAX:
        raise WireError("too_large", f"{len(pieces)} values, at most {PAIRS_MAX}")
    found: dict[str, str] = {}
    count: dict[str, int] = {}
    for piece in pieces:
        key, text = (_unescaped(part) for part in piece.partition(b"=")[::2])
        if not key or not text:
            continue
        count[key] = count.get(key, 0) + 1
        if count[key] > 1 and key in _ONCE:
            raise WireError("malformed", f"{key}: given more than once")
        found[key if count[key] == 1 else f"{key}_{count[key]}"] = text
    return found


def _unescaped(raw: bytes) -> str:
    if _STRAY.search(raw):
        raise WireError("malformed", "a % without two hexadecimal digits behind it")
    try:
        return _ESCAPE.sub(lambda found: bytes.fromhex(found[1].decode()), raw.replace(b"+", b" ")).decode()
    except UnicodeDecodeError:
        raise WireError("malformed", "not UTF-8 after decoding the percent signs") from None
