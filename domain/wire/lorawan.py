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

from domain.profiles import Target
from domain.readings import Flag
from domain.times import parse_rfc3339
from domain.wire.channels import attribute, readings
from domain.wire.clocks import believable
from domain.wire.loading import loaded
from domain.wire.lorawan_codecs import CODECS
from domain.wire.said import ATTRIBUTE, READINGS_MAX, Context, Measured, Said, WireError, refusal
from domain.wire.words import as_number

Message = Mapping[str, Any]

_EUI = re.compile(r"[0-9A-Fa-f]{16}\Z")
_NO_SEPARATORS = str.maketrans("", "", ":- ")
_SIMULATED = "made in a console, not measured: nothing of it is stored as a reading"
# A gateway's clock is believed when it is this near to the server's, which hears of the uplink at once.
_GATEWAY_EARLY_MS, _GATEWAY_LATE_MS = 3_600_000, 10_000

_TTS_OTHERS = {"join_accept", "service_data", "uplink_normalized"} | {  # the last repeats the uplink in other words
    f"downlink_{what}" for what in ("ack", "nack", "sent", "failed", "queued", "queue_invalidated")
}
_CHIRPSTACK_3 = frozenset({"applicationID", "applicationName", "devEUI", "deviceName", "objectJSON"})
# Messages of other servers, by the keys that tell them.
_STRANGERS: Mapping[str, frozenset[str]] = {
    "an event of ChirpStack 4: send it to the format `chirpstack`": frozenset({"deviceInfo"}),
    "an event of ChirpStack version 3: version 4 is read, by the format `chirpstack`": frozenset({"applicationID"}),
    "a message of The Things Stack: send it to the format `tts`": frozenset({"end_device_ids"}),
    "an uplink of The Things Network v2, which is no more: v3 is read": frozenset({"app_id", "dev_id"}),
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
_ERRORS_C = {"TempC_SHT": 327.67, "TempC_DS": 327.67}  # Dragino: the probe is missing or broken


class _Uplink(NamedTuple):
    source: str
    t_ms: float
    f_port: Any
    f_cnt: Any
    data: Any  # base64
    decoded: Any
    radio: list[Message]


def decode_tts(payload: bytes, context: Context) -> list[Said]:
    """Readings of a message of The Things Stack: uplinks, and positions that a service has solved.

    `uplink_message.locations` is not read: the stack repeats there whatever position it last knew.

    Raises:
        WireError: `too_large`, `malformed`, `unknown_event`, `no_codec`, and what a codec or a channel raises.
    """
    message = _message(payload)
    if not message.keys() & {"uplink_message", "location_solved"}:
        if _TTS_OTHERS.isdisjoint(message):
            raise _foreign(message, "neither uplink_message nor another message of The Things Stack v3")
        return []
    source = _eui(_object(message, "end_device_ids"), "dev_eui")
    if message.get("simulated") is True:
        return [refusal(source, "simulated", _SIMULATED)]
    received_ms = _server_ms(message, "received_at", context)
    if "location_solved" in message:
        solved = _object(message, "location_solved")
        told = solved.get("service") == "frm-payload"  # taken from the uplink, which has told it already
        return [] if told else _place(_object(solved, "location"), source, received_ms, context)
    up = _object(message, "uplink_message")
    heard = _objects(up, "rx_metadata")
    server_ms = believable(_time_ms(up, "received_at"), context.received_ms) or received_ms
    t_ms = _heard_ms((_time_ms(rx, "time") for rx in heard), server_ms)
    said = up.get("f_port", 0), up.get("f_cnt", 0), up.get("frm_payload"), up.get("decoded_payload")
    return _uplink(_Uplink(source, t_ms, *said, heard), context)


def decode_chirpstack(payload: bytes, context: Context) -> list[Said]:
    """Readings of an event of ChirpStack: `up`, `status` (battery) and `location`; others say nothing of a device.

    The last level of the topic names the event; without a topic its shape does.

    Raises:
        WireError: `too_large`, `malformed`, `unknown_event`, `no_codec`, and what a codec or a channel raises.
    """
    message = _message(payload)
    if "deviceInfo" not in message and not _CHIRPSTACK_3.isdisjoint(message):
        raise WireError("unsupported", "the JSON of ChirpStack version 3: what is read here is that of version 4")
    event = context.topic[-1] if context.topic else _shape(message)
    if event in _CHIRPSTACK_OTHERS:
        return []
    if event not in _CHIRPSTACK_SHAPES:
        raise WireError("unknown_event", f"{event[:40]!r} is no event of ChirpStack v4")
    source = _eui(_object(message, "deviceInfo"), "devEui")
    if message.get("simulated") is True:
        return [refusal(source, "simulated", _SIMULATED)]
    told_ms = _server_ms(message, "time", context)
    if event == "status":
        return _chirpstack_status(message, source, told_ms, context)
    if event == "location":
        return _place(_object(message, "location"), source, told_ms, context)
    heard = _objects(message, "rxInfo")
    # `time` may be a gateway's: the server's own word comes first.
    told = (believable(_time_ms(rx, "nsTime"), context.received_ms) for rx in heard)
    server_ms = min((ms for ms in told if ms), default=told_ms)
    t_ms = _heard_ms((_time_ms(rx, "gwTime") or _time_ms(rx, "time") for rx in heard), server_ms)
    said = message.get("fPort", 0), message.get("fCnt", 0), message.get("data"), message.get("object")
    return _uplink(_Uplink(source, t_ms, *said, heard), context)


def _shape(message: Message) -> str:
    for event, keys in _CHIRPSTACK_SHAPES.items():
        if not message.keys().isdisjoint(keys):
            return event
    raise _foreign(message, "no event of ChirpStack by its shape: put its name into the topic")


def _foreign(message: Message, otherwise: str) -> WireError:
    """Why a message is not one of this server, when it is told by its shape whose it is."""
    for what, keys in _STRANGERS.items():
        if keys <= message.keys():
            return WireError("unknown_event", f"{what}")
    return WireError("unknown_event", otherwise)


def _chirpstack_status(message: Message, source: str, t_ms: float, context: Context) -> list[Said]:
    """Battery and link margin. A missing level is 0 %, unless there is none to tell."""
    flags = int(Flag.SERVER_TIME)
    told = [Measured(t_ms, "margin_db", message.get("margin") or 0, source=source, flags=flags)]
    if message.get("externalPowerSource") is True:
        told.append(Measured(t_ms, "external_power", value=True, source=source, flags=flags))
    elif message.get("batteryLevelUnavailable") is not True:
        told.append(Measured(t_ms, "batteryLevel", message.get("batteryLevel") or 0, "%", source, flags))
    return readings(told, context)


def _place(location: Message, source: str, t_ms: float, context: Context) -> list[Said]:
    """A position the network has worked out; a coordinate that is left out is 0, but not both."""
    if location.get("latitude") is None and location.get("longitude") is None:
        raise WireError("malformed", "location: neither latitude nor longitude")
    values = {"latitude": location.get("latitude") or 0, "longitude": location.get("longitude") or 0}
    values |= {key: location[key] for key in ("accuracy", "altitude") if location.get(key)}
    flags = int(Flag.SERVER_TIME)
    return readings([Measured(t_ms, key, value, "", source, flags) for key, value in values.items()], context)


def _uplink(up: _Uplink, context: Context) -> list[Said]:
    """What an uplink says; what cannot be read of it is refused in the device's name, and the rest goes on."""
    named: list[Measured] = []
    refused: list[Said] = []
    try:
        named = _decoded(up, context)
    except WireError as error:
        refused = [refusal(up.source, error.reason, str(error))]
    measured = [_of(up, each) for each in named]
    if len(measured) > READINGS_MAX:
        raise WireError("too_large", f"{len(measured)} values, at most {READINGS_MAX}")
    said = _with_radio(readings(measured, context, _DEFAULTS), up)
    count = readings([Measured(up.t_ms, "f_cnt", up.f_cnt, "", up.source, int(Flag.SERVER_TIME))], context)
    return [*said, *count, *refused]


def _decoded(up: _Uplink, context: Context) -> list[Measured]:
    """The values of an uplink under their names, decoded by the server or here."""
    if not up.decoded:
        return _raw(up, context)
    if not isinstance(up.decoded, dict):
        raise WireError("malformed", "the decoded payload is not an object of values by name")
    return [Measured(None, key, value) for key, value in up.decoded.items()]


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
    return codec(data, _port(up.f_port))


def _of(up: _Uplink, each: Measured) -> Measured:
    """A value of this uplink: its device, its time unless the device told one, and whether it is an error code."""
    flags = each.flags | (Flag.SERVER_TIME if each.t_ms is None else 0)
    if each.value == _ERRORS_C.get(each.channel):
        flags |= Flag.SENTINEL
    t_ms = up.t_ms if each.t_ms is None else each.t_ms
    return each._replace(t_ms=t_ms, source=up.source, flags=int(flags))


class _Defaults(Mapping[str, Target | None]):
    """Where names belong that are those of common codecs, and not only by what they say."""

    def __getitem__(self, channel: str) -> Target | None:
        if place := _LPP_PLACE.match(channel):
            return _PLACE[place[1]]
        if sensor := _LPP_SENSOR.match(channel):
            return Target("temp", "c" if sensor[1] == "temperature" else "rh", sensor[2])
        return _NAMES[channel]

    def __iter__(self) -> Iterator[str]:
        return iter(_NAMES)

    def __len__(self) -> int:
        return len(_NAMES)


_DEFAULTS = _Defaults()


def _with_radio(said: list[Said], up: _Uplink) -> list[Said]:
    """The best any gateway heard: strength with the battery, when there is one; the ratio to noise as an attribute."""
    heard = [(rssi, as_number(rx.get("snr")) or 0) for rx in up.radio if (rssi := as_number(rx.get("rssi")))]
    if not heard:
        return said
    rssi_dbm, snr_db = max(rssi for rssi, _ in heard), max(snr for _, snr in heard)
    status = next((s for s in said if s.stream == "status" and s.values.get("t") == up.t_ms), None)
    if status is None:
        status = Said("status", {"t": up.t_ms}, up.source, Flag.SERVER_TIME)
        said = [*said, status]
    status.values.setdefault("rssi", rssi_dbm)
    return [*said, attribute(up.t_ms, "snr", snr_db, up.source, Flag.SERVER_TIME)]


def _heard_ms(gateways: Iterable[float | None], server_ms: float) -> float:
    """The earliest time at which a gateway says it heard the uplink, of those that can be true; else the server's."""
    early, late = server_ms - _GATEWAY_EARLY_MS, server_ms + _GATEWAY_LATE_MS
    return min((ms for ms in gateways if ms is not None and early <= ms <= late), default=server_ms)


def _message(payload: bytes) -> Message:
    found = loaded(payload)
    if not isinstance(found, dict):
        raise WireError("malformed", "not an object")
    return found


def _eui(message: Message, key: str) -> str:
    value = message.get(key)
    plain = value.translate(_NO_SEPARATORS) if isinstance(value, str) else ""
    if not _EUI.match(plain):
        raise WireError("malformed", f"{key}: missing, or not 16 hexadecimal digits")
    return plain.upper()


def _object(message: Message, key: str) -> Message:
    value = message.get(key)
    if value is not None and not isinstance(value, dict):
        raise WireError("malformed", f"{key}: not an object")
    return value or {}


def _objects(message: Message, key: str) -> list[Message]:
    """The objects of a list; whatever else stands in it costs itself."""
    value = message.get(key)
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _port(value: Any) -> int:
    port = as_number(value)
    if port is None or not 0 <= port < 256 or port != int(port):
        raise WireError("malformed", f"port {value!r:.40}: not a whole number from 0 to 255")
    return int(port)


def _server_ms(message: Message, key: str, context: Context) -> float:
    """When the server heard of it: its own word, unless its clock cannot be right."""
    return believable(_time_ms(message, key), context.received_ms) or context.received_ms


def _time_ms(message: Message, key: str) -> float | None:
    """A time, None without one that can be read: another stands in, and is marked as not the device's."""
    try:
        return parse_rfc3339(message[key]) / 1000
    except (KeyError, ValueError, TypeError, OverflowError):
        return None
