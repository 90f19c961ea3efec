"""Uplinks as two LoRaWAN network servers hand them on: The Things Stack v3 and ChirpStack v4, both JSON.

Sources: thethingsindustries.com/docs, "Data Formats"; chirpstack.io/docs, "Events" (integration.proto). Both are
protobuf turned to JSON, so a field that is 0, "" or false is left out. A device is known by its DevEUI, in capitals.
LoRaWAN devices seldom tell the time: that of the gateway that heard them stands in, and is marked as not theirs.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import orjson

from domain.names import PAYLOAD_BYTES_MAX
from domain.profiles import Target
from domain.readings import Flag
from domain.times import parse_rfc3339
from domain.wire.channels import attribute, readings
from domain.wire.lorawan_codecs import CODECS
from domain.wire.said import ATTRIBUTE, READINGS_MAX, Context, Measured, Said, Value, WireError

Message = Mapping[str, Any]

_EUI = re.compile(r"[0-9A-Fa-f]{16}\Z")
_NESTED_MAX = 8
# A gateway's clock is believed when it is this near to the server's, which hears of the uplink at once.
_GATEWAY_EARLY_MS, _GATEWAY_LATE_MS = 3_600_000, 10_000

_TTS_OTHERS = {"join_accept", "service_data", "uplink_normalized"} | {  # the last repeats the uplink in other words
    f"downlink_{what}" for what in ("ack", "nack", "sent", "failed", "queued", "queue_invalidated")
}
_CHIRPSTACK_OTHERS = {"join", "ack", "txack", "log", "integration"}
# What tells an event of ChirpStack without its topic: the first that has one of its keys.
_CHIRPSTACK_SHAPES: Mapping[str, tuple[str, ...]] = {
    "up": ("fPort", "data", "object", "rxInfo", "fCnt"),
    "status": ("margin", "batteryLevel", "batteryLevelUnavailable", "externalPowerSource"),
    "location": ("location",),
    "ack": ("acknowledged", "queueItemId", "fCntDown"),
    "log": ("level", "code"),
    "integration": ("integrationName",),
    "join": ("devAddr",),
}

# Names of common codecs that do not tell their stream, or have another unit than ours. A profile overrules each.
_NAMES: Mapping[str, Target] = {
    "TempC_SHT": Target("temp", "c"),
    "Hum_SHT": Target("temp", "rh"),
    "TempC_DS": Target("temp", "c", "ds"),
    "BatV": Target(ATTRIBUTE, "BatV"),  # V; how full that is depends on the battery
    "batV": Target(ATTRIBUTE, "BatV"),
    "latitudeDeg": Target("gps", "lat"),
    "longitudeDeg": Target("gps", "lon"),
    "speedKmph": Target("gps", "spd", unit="km/h"),
    "headingDeg": Target("gps", "hdg"),
    "air.temperature": Target("temp", "c"),
    "air.relativeHumidity": Target("temp", "rh"),
    "magnet": Target("door", "open"),
    "magnet_status": Target("door", "open"),
    "DOOR_OPEN_STATUS": Target("door", "open"),
}
_PLACE = {"latitude": Target("gps", "lat"), "longitude": Target("gps", "lon"), "altitude": Target("gps", "alt")}
# Cayenne LPP as The Things Stack (and our codec) and as ChirpStack name it; the number is the channel.
_LPP_PLACE = re.compile(r"(?:gps_|gpsLocation\.)\d{1,3}\.(latitude|longitude|altitude)\Z")
_LPP_SENSOR = re.compile(r"(temperature|humidity)Sensor\.(\d{1,3})\Z")
_OPEN = {"open": True, "close": False, "closed": False}
_ERRORS_C = {"TempC_SHT": 327.67, "TempC_DS": 327.67}  # Dragino: the probe is missing or broken


class _Uplink(NamedTuple):
    source: str
    t_ms: float
    f_port: int
    f_cnt: int
    data: Any  # base64
    decoded: Message
    radio: list[Message]


def decode_tts(payload: bytes, context: Context) -> list[Said]:
    """Readings of a message of The Things Stack: uplinks, and positions that a service has solved.

    `uplink_message.locations` is not read: the stack repeats there whatever position it last knew.

    Raises:
        WireError: `too_large`, `malformed`, `unknown_event`, `no_codec`, and what a codec or a channel raises.
    """
    message = _json(payload)
    if not message.keys() & {"uplink_message", "location_solved"}:
        if _TTS_OTHERS.isdisjoint(message):
            raise WireError("unknown_event", "neither uplink_message nor another message of The Things Stack v3")
        return []
    source = _eui(_object(message, "end_device_ids"), "dev_eui")
    received_ms = _time_ms(message, "received_at") or context.received_ms
    if "location_solved" in message:
        solved = _object(message, "location_solved")
        told = solved.get("service") == "frm-payload"  # taken from the uplink, which has told it already
        return [] if told else _place(_object(solved, "location"), source, received_ms)
    up = _object(message, "uplink_message")
    heard = _objects(up, "rx_metadata")
    t_ms = _heard_ms((_time_ms(rx, "time") for rx in heard), _time_ms(up, "received_at") or received_ms)
    port, count, decoded = _whole(up, "f_port"), _whole(up, "f_cnt"), _object(up, "decoded_payload")
    return _uplink(_Uplink(source, t_ms, port, count, up.get("frm_payload"), decoded, heard), context)


def decode_chirpstack(payload: bytes, context: Context) -> list[Said]:
    """Readings of an event of ChirpStack: `up`, `status` (battery) and `location`; others say nothing of a device.

    The last level of the topic names the event; without a topic its shape does.

    Raises:
        WireError: `too_large`, `malformed`, `unknown_event`, `no_codec`, and what a codec or a channel raises.
    """
    message = _json(payload)
    event = context.topic[-1] if context.topic else _shape(message)
    if event in _CHIRPSTACK_OTHERS:
        return []
    source = _eui(_object(message, "deviceInfo"), "devEui")
    told_ms = _time_ms(message, "time") or context.received_ms
    if event == "status":
        return _chirpstack_status(message, source, told_ms)
    if event == "location":
        return _place(_object(message, "location"), source, told_ms)
    if event != "up":
        raise WireError("unknown_event", f"{event[:40]!r} is no event of ChirpStack v4")
    heard = _objects(message, "rxInfo")
    # `time` may be a gateway's: the server's own word comes first.
    server_ms = min((ms for rx in heard if (ms := _time_ms(rx, "nsTime"))), default=told_ms)
    t_ms = _heard_ms((_time_ms(rx, "gwTime") or _time_ms(rx, "time") for rx in heard), server_ms)
    port, count, decoded = _whole(message, "fPort"), _whole(message, "fCnt"), _object(message, "object")
    return _uplink(_Uplink(source, t_ms, port, count, message.get("data"), decoded, heard), context)


def _shape(message: Message) -> str:
    for event, keys in _CHIRPSTACK_SHAPES.items():
        if not message.keys().isdisjoint(keys):
            return event
    raise WireError("unknown_event", "no event of ChirpStack by its shape: put its name into the topic")


def _chirpstack_status(message: Message, source: str, t_ms: float) -> list[Said]:
    """Battery and link margin. A missing level is 0 %, unless there is none to tell."""
    said = [attribute(t_ms, "margin_db", _number(message, "margin") or 0, source, Flag.SERVER_TIME)]
    if message.get("externalPowerSource") is True:
        said.append(attribute(t_ms, "external_power", value=True, source=source, flags=Flag.SERVER_TIME))
    elif message.get("batteryLevelUnavailable") is not True:
        battery_pct = _number(message, "batteryLevel") or 0
        said.insert(0, Said("status", {"t": t_ms, "batt": battery_pct / 100}, source, Flag.SERVER_TIME))
    return said


def _place(location: Message, source: str, t_ms: float) -> list[Said]:
    """A position the network has worked out; a coordinate that is left out is 0, but not both."""
    lat, lon = _number(location, "latitude"), _number(location, "longitude")
    if lat is None and lon is None:
        raise WireError("malformed", "location: neither latitude nor longitude")
    values: dict[str, Any] = {"t": t_ms, "lat": lat or 0, "lon": lon or 0}
    for key, native in (("accuracy", "acc"), ("altitude", "alt")):
        if number := _number(location, key):
            values[native] = number
    return [Said("gps", values, source, Flag.SERVER_TIME)]


def _uplink(up: _Uplink, context: Context) -> list[Said]:
    named = [Measured(None, *pair) for pair in _flat(up.decoded)] if up.decoded else _raw(up, context)
    measured = [_of(up, each) for each in named]
    if len(measured) > READINGS_MAX:
        raise WireError("too_large", f"{len(measured)} values, at most {READINGS_MAX}")
    said = readings(measured, context, {m.channel: target for m in measured if (target := _default(m))})
    return [*_with_radio(said, up), attribute(up.t_ms, "f_cnt", up.f_cnt, up.source, Flag.SERVER_TIME)]


def _raw(up: _Uplink, context: Context) -> list[Measured]:
    """Values of a payload the server has not decoded, by the codec the device's profile names."""
    if not up.data:
        return []  # an empty frame: heard, and that is all
    try:
        data = base64.b64decode(up.data, validate=True)
    except (binascii.Error, ValueError, TypeError):
        raise WireError("malformed", "the payload is not base64") from None
    name = context.profile_at(up.source, up.t_ms).options.get("codec")
    codec = CODECS.get(name) if isinstance(name, str) else None
    if codec is None:
        known = ", ".join(CODECS)
        raise WireError(
            "no_codec", f"{up.source}: decode on the server, or set the profile's `codec` to one of {known}"
        )
    return codec(data, up.f_port)


def _of(up: _Uplink, each: Measured) -> Measured:
    """A value of this uplink: its device, its time unless the device told one, and whether it is an error code."""
    flags = each.flags | (Flag.SERVER_TIME if each.t_ms is None else 0)
    if each.value == _ERRORS_C.get(each.channel):
        flags |= Flag.SENTINEL
    t_ms = up.t_ms if each.t_ms is None else each.t_ms
    return each._replace(t_ms=t_ms, source=up.source, flags=int(flags))


def _default(each: Measured) -> Target | None:
    """Where a name belongs that the profile does not know; None when `domain.wire.channels` knows as much as we."""
    if isinstance(each.value, str):
        return Target(ATTRIBUTE, each.channel)
    if place := _LPP_PLACE.match(each.channel):
        return _PLACE[place[1]]
    if sensor := _LPP_SENSOR.match(each.channel):
        return Target("temp", "c" if sensor[1] == "temperature" else "rh", sensor[2])
    return _NAMES.get(each.channel)


def _flat(found: Message, prefix: str = "", depth: int = 1) -> Iterator[tuple[str, Value]]:
    """Values of nested objects under dotted names. A list is kept as its JSON; `open` and `closed` are a door's."""
    if depth > _NESTED_MAX:
        raise WireError("malformed", f"{prefix[:40]}: nested deeper than {_NESTED_MAX}")
    for key, value in found.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.", depth + 1)
        elif isinstance(value, list):
            yield prefix + key, _text(value, prefix + key)
        elif isinstance(value, str) and key.lower() in ("door", "magnet", "magnet_status"):
            yield prefix + key, _OPEN.get(value.lower(), value)
        elif value is not None:
            yield prefix + key, value


def _text(value: list[Any], name: str) -> str:
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # its limit of depth is lower for writing than for reading
        raise WireError("malformed", f"{name[:40]}: nested too deep") from None


def _with_radio(said: list[Said], up: _Uplink) -> list[Said]:
    """The best any gateway heard: strength with the battery, when there is one; the ratio to noise as an attribute."""
    heard = [(rssi, _number(rx, "snr") or 0) for rx in up.radio if (rssi := _number(rx, "rssi"))]
    if not heard:
        return said
    rssi_dbm, snr_db = max(rssi for rssi, _ in heard), max(snr for _, snr in heard)
    status = next((s for s in said if s.stream == "status" and s.values["t"] == up.t_ms), None)
    if status is None:
        status = Said("status", {"t": up.t_ms}, up.source, Flag.SERVER_TIME)
        said = [*said, status]
    status.values.setdefault("rssi", rssi_dbm)
    return [*said, attribute(up.t_ms, "snr", snr_db, up.source, Flag.SERVER_TIME)]


def _heard_ms(gateways: Iterable[float | None], server_ms: float) -> float:
    """The earliest time at which a gateway says it heard the uplink, of those that can be true; else the server's."""
    early, late = server_ms - _GATEWAY_EARLY_MS, server_ms + _GATEWAY_LATE_MS
    return min((ms for ms in gateways if ms is not None and early <= ms <= late), default=server_ms)


def _json(payload: bytes) -> Message:
    if len(payload) > PAYLOAD_BYTES_MAX:
        raise WireError("too_large", f"{len(payload)} bytes, at most {PAYLOAD_BYTES_MAX}")
    try:
        found = orjson.loads(payload)
    except ValueError as error:
        raise WireError("malformed", f"not JSON: {error}"[:300]) from None
    if not isinstance(found, dict):
        raise WireError("malformed", "not an object")
    return found


def _eui(message: Message, key: str) -> str:
    value = message.get(key)
    if not isinstance(value, str) or not _EUI.match(value):
        raise WireError("malformed", f"{key}: missing, or not 16 hexadecimal digits")
    return value.upper()


def _object(message: Message, key: str) -> Message:
    value = message.get(key)
    if value is not None and not isinstance(value, dict):
        raise WireError("malformed", f"{key}: not an object")
    return value or {}


def _objects(message: Message, key: str) -> list[Message]:
    value = message.get(key)
    if value is not None and (not isinstance(value, list) or not all(isinstance(each, dict) for each in value)):
        raise WireError("malformed", f"{key}: not a list of objects")
    return value or []


def _number(message: Message, key: str) -> float | None:
    value = message.get(key)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise WireError("malformed", f"{key}: not a number")
    return value


def _whole(message: Message, key: str) -> int:
    value = message.get(key, 0)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**32:
        raise WireError("malformed", f"{key}: not a whole number of 32 bits")
    return value


def _time_ms(message: Message, key: str) -> float | None:
    value = message.get(key)
    if value is None:
        return None
    try:
        return parse_rfc3339(value) / 1000
    except (ValueError, TypeError, OverflowError):
        raise WireError("malformed", f"{key}: not an RFC 3339 time with an offset") from None
