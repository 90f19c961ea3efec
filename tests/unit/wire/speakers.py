"""One reading or several as each format says them, and what becomes of it: decoded, checked, and as it would be stored.

A kind of fault is tried on all formats alike: `SPEAKERS[name](stream, values)` writes values under that format's names,
`heard` reads the message as ingest does.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple
from urllib.parse import quote

import cbor2
import msgspec
import numpy as np

from domain.profiles import NO_PROFILE, Profile
from domain.readings import Flag
from domain.wire.formats import FORMATS
from domain.wire.native import decode
from domain.wire.said import ATTRIBUTE, REFUSED, Context, Said, WireError

NOW_MS = 1_795_900_000_000
T_MS = NOW_MS - 60_000
EUI, MAC = "70B3D57ED0001234", "A4:C1:38:56:53:84"
URN = "urn:dev:mac:0024befffe804ff1"
NAMES = {
    "c": "temperature", "rh": "humidity", "lat": "latitude", "lon": "longitude", "spd": "speed", "hdg": "heading",
    "alt": "altitude", "acc": "accuracy", "ign": "ignition", "batt": "battery", "open": "door",
}  # fmt: skip


class Message(NamedTuple):
    """What goes over the wire, and where."""

    format: str
    payload: bytes
    stream: str = ""
    encoding: str = "json"
    topic: tuple[str, ...] = ()


@dataclass
class Heard:
    """What would be stored of a message, and what is told of it in quarantine."""

    readings: list[dict[str, Any]] = field(default_factory=list)
    attributes: dict[str, Any] = field(default_factory=dict)
    suspect: set[str] = field(default_factory=set)
    refused: list[tuple[str, str]] = field(default_factory=list)
    """Device and `reason: detail`."""

    def of(self, stream: str) -> list[dict[str, Any]]:
        """The readings of one stream."""
        return [each for each in self.readings if each["stream"] == stream]

    def why(self) -> str:
        """All that quarantine tells."""
        return "; ".join(detail for _, detail in self.refused)


def text(value: Any) -> bytes:
    """JSON as a device prints it, `NaN` and `Infinity` where a number is none."""
    return json.dumps(value).encode()


def named(values: Mapping[str, Any], names: Mapping[str, str] = NAMES) -> dict[str, Any]:
    return {names.get(key, key): value for key, value in values.items()}


def native(stream: str, values: Mapping[str, Any]) -> Message:
    return Message("", text({"t": T_MS, **values}), stream)


def native_msgpack(stream: str, values: Mapping[str, Any]) -> Message:
    return Message("", msgspec.msgpack.encode({"t": T_MS, **values}), stream, "msgpack")


def native_cbor(stream: str, values: Mapping[str, Any]) -> Message:
    return Message("", cbor2.dumps({"t": T_MS, **values}), stream, "cbor")


def native_batch(stream: str, values: Mapping[str, Any]) -> Message:
    arrays = {key: [value] for key, value in values.items()}
    return Message("", text({"t": [T_MS], **arrays}), stream)


def thingsboard(_stream: str, values: Mapping[str, Any]) -> Message:
    return Message("thingsboard", text({"ts": T_MS, "values": named(values)}))


def thingsboard_plain(_stream: str, values: Mapping[str, Any]) -> Message:
    return Message("thingsboard", text(named(values)))


def thingsboard_gateway(_stream: str, values: Mapping[str, Any]) -> Message:
    return Message("thingsboard", text({"Fridge": [{"ts": T_MS, "values": named(values)}]}))


def tts(_stream: str, values: Mapping[str, Any]) -> Message:
    up = {"f_port": 2, "f_cnt": 1, "decoded_payload": named(values), "received_at": "2026-11-28T21:05:40Z"}
    return Message("tts", text({"end_device_ids": {"dev_eui": EUI}, "uplink_message": up}))


def chirpstack(_stream: str, values: Mapping[str, Any]) -> Message:
    head = {"deviceInfo": {"devEui": EUI}, "time": "2026-11-28T21:05:40Z", "fPort": 2}
    return Message("chirpstack", text({**head, "object": named(values)}))


def senml_records(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    base = {"bn": f"{URN}:", "bt": T_MS // 1000}
    told = [{"n": name, _label(value): value} for name, value in named(values).items()]
    return [base, *told]


def _label(value: Any) -> str:
    return "vb" if isinstance(value, bool) else "vs" if isinstance(value, str) else "v"


def senml(_stream: str, values: Mapping[str, Any]) -> Message:
    return Message("senml", text(senml_records(values)))


def senml_cbor(_stream: str, values: Mapping[str, Any]) -> Message:
    labels = {"bn": -2, "bt": -3, "n": 0, "v": 2, "vs": 3, "vb": 4}
    return Message("senml", cbor2.dumps([{labels[k]: v for k, v in each.items()} for each in senml_records(values)]))


def ble(_stream: str, values: Mapping[str, Any]) -> Message:
    names = {**NAMES, "c": "tempc", "rh": "hum", "batt": "batt"}
    return Message("ble", text({"id": MAC, "model_id": "X1", "unixtime": T_MS // 1000, **named(values, names)}))


def owntracks(_stream: str, values: Mapping[str, Any]) -> Message:
    names = {"spd": "vel", "hdg": "cog"}
    return Message("owntracks", text({"_type": "location", "tst": T_MS // 1000, **named(values, names)}))


def osmand_json(_stream: str, values: Mapping[str, Any]) -> Message:
    coords = {NAMES[k]: v for k, v in values.items() if k not in ("ign", "batt")}
    location = {"timestamp": "2026-11-28T21:05:40Z", "coords": coords, "battery": {"level": values.get("batt")}}
    return Message("osmand", text({"location": location | {"ignition": values.get("ign")}}))


def osmand_query(_stream: str, values: Mapping[str, Any]) -> Message:
    names = {"spd": "speed", "hdg": "bearing", "alt": "altitude", "acc": "accuracy", "ign": "ignition"}
    told = {"timestamp": T_MS // 1000, **named(values, names)}
    return Message("osmand", "&".join(f"{key}={quote(str(value))}" for key, value in told.items()).encode())


def traccar(_stream: str, values: Mapping[str, Any]) -> Message:
    names = {**NAMES, "hdg": "course", "batt": "batteryLevel"}
    told = named(values, names)
    keys = ("latitude", "longitude", "altitude", "speed", "course", "accuracy")
    place = {key: told.pop(key) for key in keys if key in told}
    at = {"deviceTime": "2026-11-28T21:05:40.000+00:00", "fixTime": "2026-11-28T21:05:40.000+00:00", "valid": True}
    position = {"id": 1, "protocol": "gt06", **at, "outdated": False, **place, "attributes": told}
    return Message("traccar", text({"position": position, "device": {"id": 1, "uniqueId": "868120000000001"}}))


def flespi(_stream: str, values: Mapping[str, Any]) -> Message:
    names = {
        "c": "sensor.temperature.1", "rh": "sensor.humidity.1", "lat": "position.latitude", "lon": "position.longitude",
        "spd": "position.speed", "hdg": "position.direction", "alt": "position.altitude", "acc": "position.accuracy",
        "ign": "engine.ignition.status", "batt": "battery.level", "open": "door",
    }  # fmt: skip
    head = {"ident": "868120000000001", "timestamp": T_MS / 1000, "server.timestamp": T_MS / 1000, "channel.id": 7}
    return Message("flespi", text([{**head, **named(values, names)}]))


def telegraf(_stream: str, values: Mapping[str, Any]) -> Message:
    head = {"name": "reefer", "tags": {"host": "edge-1", "device_id": "868"}, "timestamp": T_MS // 1000}
    return Message("telegraf", text({"metrics": [{**head, "fields": named(values)}]}))


Speaker = Callable[[str, Mapping[str, Any]], Message]
NATIVE: dict[str, Speaker] = {
    "native": native, "native mp": native_msgpack, "native cbor": native_cbor, "native batch": native_batch,
}  # fmt: skip
BY_NAME: dict[str, Speaker] = {
    "thingsboard": thingsboard, "thingsboard plain": thingsboard_plain, "thingsboard gateway": thingsboard_gateway,
    "tts": tts, "chirpstack": chirpstack, "senml": senml, "senml cbor": senml_cbor,
    "telegraf": telegraf,
}  # fmt: skip
PHONES: dict[str, Speaker] = {"owntracks": owntracks, "osmand json": osmand_json, "osmand query": osmand_query}
GATEWAYS: dict[str, Speaker] = {"traccar": traccar, "flespi": flespi}
TEMPERATURE: dict[str, Speaker] = {**NATIVE, **BY_NAME, **GATEWAYS, "ble": ble}
POSITION: dict[str, Speaker] = {**NATIVE, **BY_NAME, **PHONES, **GATEWAYS}


def heard(message: Message, profile: Profile = NO_PROFILE, received_ms: int = NOW_MS) -> Heard:
    """Reads a message as ingest does."""
    out = Heard()
    if not message.format:
        _stored(out, message.stream, [(0, message.payload, message.encoding)], [], "")
        return out
    context = Context(received_ms, message.topic, profile_at=lambda _source, _t_ms: profile)
    try:
        said: Sequence[Said] = FORMATS[message.format]()(message.payload, context)
    except WireError as error:
        out.refused.append(("", f"{error.reason}: {error}"))
        return out
    for each in said:
        if each.stream == REFUSED:
            out.refused.append((each.source, f"{each.values['reason']}: {each.values['detail']}"))
        else:
            _stored(out, each.stream, [], [(0, each)], each.source)
    return out


def singly(said: list[Said]) -> list[Said]:
    """Several readings in one as one after the other."""
    return [
        replace(each, values={k: v[n] if type(v) is list else v for k, v in each.values.items()}, many=0)
        for each in said
        for n in range(each.count)
    ]


def _stored(out: Heard, stream: str, messages: Any, said: Any, source: str) -> None:
    rows = decode(stream, messages, said)
    out.refused += [(source, f"{reason}: {detail}") for _, reason, detail in rows.rejections]
    for row in np.flatnonzero(~rows.bad).tolist():
        found = {
            "stream": stream,
            "source": source,
            "flags": Flag(int(rows.flags[row])),
            "t_us": int(rows.time_us[row]),
        }
        for name, column in rows.columns.items():
            value = column[row].item()
            if not (isinstance(value, float) and math.isnan(value)) and not (column.dtype == np.int8 and value < 0):
                found[name] = value
        found |= {name: texts[row] for name, (_, texts) in rows.texts.items() if texts[row] is not None}
        if stream == ATTRIBUTE:
            out.attributes[str(found["name_id"])] = found.get("value", found.get("note_id"))
            out.suspect |= {str(found["name_id"])} if found["flags"] & Flag.SUSPECT else set()
        else:
            out.readings.append(found)
    for _, kept in rows.left_out:
        out.attributes[kept["key"]] = kept.get("num", kept.get("txt"))
        out.suspect.add(kept["key"])
