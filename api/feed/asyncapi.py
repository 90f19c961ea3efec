"""MQTT and the websocket as an AsyncAPI 3.0 document, written by hand and small enough to stay true."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from api.feed.changes import TOPICS
from api.feed.wanted import NAMED_MAX
from domain.facts import AnyKind
from domain.names import ENCODINGS, NAME, PAYLOAD_BYTES_MAX, STREAMS

_TIME = {"description": "Unix time in ms, or RFC 3339 text", "oneOf": [{"type": "integer"}, {"type": "string"}]}
_NUMBER = {"type": "number"}
_TEXT = {"type": "string"}
_READINGS: dict[str, dict[str, Any]] = {
    "gps": dict.fromkeys(("lat", "lon", "spd", "hdg", "acc", "alt", "odo"), _NUMBER) | {"ign": {"type": "boolean"}},
    "temp": {"probe": _TEXT, "c": _NUMBER, "rh": _NUMBER},
    "rfid": {"ant": {"type": "integer"}, "epc": _TEXT, "rssi": _NUMBER},
    "shelf": {"slot": _TEXT, "kg": _NUMBER, "count": _NUMBER},
    "door": {"door": _TEXT, "open": {"type": "boolean"}},
    "status": {
        "batt": _NUMBER,
        "rssi": _NUMBER,
        "reefer": _TEXT,
        "setpoint_c": _NUMBER,
        "defrost": {"type": "boolean"},
    },
    "attr": {"key": _TEXT, "num": _NUMBER, "txt": _TEXT},
}
_REQUIRED = {
    "gps": ["lat", "lon"],
    "temp": ["probe", "c"],
    "rfid": ["epc"],
    "shelf": ["slot"],
    "door": ["door", "open"],
    "status": [],
    "attr": ["key"],
}


def _reading(stream: str) -> dict[str, Any]:
    """Every value may also be an array: a batch is a struct of equally long arrays."""
    values = {"t": _TIME, **_READINGS[stream], "boot": _TEXT, "seq": {"type": "integer", "minimum": 0}}
    return {
        "name": stream,
        "contentType": "application/json",
        "payload": {
            "type": "object",
            "required": ["t", *_REQUIRED[stream]],
            "properties": {k: {"anyOf": [v, {"type": "array", "items": v}]} for k, v in values.items()},
        },
    }


def _frame(kind: str, required: list[str], **properties: Any) -> dict[str, Any]:
    return {
        "name": kind,
        "contentType": "application/json",
        "payload": {
            "type": "object",
            "required": ["type", *required],
            "properties": {"type": {"const": kind}, **properties},
        },
    }


_NOW = {"type": "string", "format": "date-time"}
_OBJECTS = {topic: {"type": "array", "items": {"type": "object"}} for topic in TOPICS}
_CHANGE = {
    "type": "object",
    "required": ["topic", "id", "op"],
    "properties": {
        "topic": {"enum": list(TOPICS)},
        "id": _TEXT,
        "op": {"enum": ["put", "merge", "delete", "tell"]},
        "data": {
            "type": "object",
            "description": "put: the whole object; merge: the top-level keys that changed; tell: news, a new "
            "word on a fact, or an order that is new or has changed (id, customer, site, reference, priority, status, "
            "version, window_end), or the check of a shipment's load that says something else (id, revision, wrong, "
            "missing, departed). Objects are those of REST; an alert's `kind` is temperature, sensor_fault, "
            "breach_risk, exposure, silence, late_risk, wrong_load, or of stock at a site low_stock, stock_out or "
            "expiry, "
            "a stop's `eta` has p10, p50, p90, remaining_m, late_probability, few_trips and decided_at.",
            "anyOf": [{"type": "object"}, {"$ref": "#/components/schemas/factNews"}],
        },
    },
}
_WORD = {"type": ["string", "null"]}


def _fact_news(kinds: Sequence[AnyKind]) -> dict[str, Any]:
    told = dict.fromkeys(name for kind in kinds for name in kind.told if name != "what")
    return {
        "type": "object",
        "description": "A fact is new (revision 1), amended (a later revision of the same id), or retracted: it is no "
        "longer so. All words on it: GET /facts/{kind}/{id}/history.",
        "required": ["kind", "id", "revision", "retracted", "decided_at", "rule_version", "about", "start", "end"],
        "properties": {
            "kind": {"enum": [kind.name for kind in kinds]},
            "id": _TEXT,
            "revision": {"type": "integer", "minimum": 1},
            "retracted": {"type": "boolean"},
            "decided_at": _NOW,
            "rule_version": {"type": "integer"},
            "about": {
                "type": "object",
                "description": "names, as far as they apply; `what`: trip, stop or unknown, above or below, or the "
                "kind of deviation",
                "properties": dict.fromkeys((*told, "what"), _WORD),
            },
            "start": _NOW,
            "end": {"type": ["string", "null"], "format": "date-time", "description": "null while it lasts"},
        },
    }


_NAMED = {"type": "array", "items": _TEXT, "maxItems": NAMED_MAX}
_FROM_CLIENT = {
    "auth": _frame("auth", ["token"], token=_TEXT),
    "subscribe": _frame(
        "subscribe",
        ["topics"],
        topics={"type": "array", "items": {"enum": list(TOPICS)}},
        bbox={
            "type": "array",
            "items": _NUMBER,
            "minItems": 4,
            "maxItems": 4,
            "description": "west, south, east, north: only vehicles in it",
        },
        vehicles=_NAMED | {"description": "names: only what is about these"},
        shipments=_NAMED | {"description": "names: only what is about these, and the vehicles that carry them"},
        cursor=_TEXT | {"description": "goes on where one was, when topics and all else are the same as then"},
    ),
}
_FROM_SERVER = {
    "snapshot": _frame("snapshot", ["cursor", "now"], cursor=_TEXT, now=_NOW, **_OBJECTS),
    "delta": _frame(
        "delta", ["cursor", "now", "changes"], cursor=_TEXT, now=_NOW, changes={"type": "array", "items": _CHANGE}
    ),
    "resync": _frame("resync", []),
    "ping": _frame("ping", ["now"], now=_NOW, cursor=_TEXT),
    "error": _frame("error", ["detail"], detail=_TEXT),
}


def _operation(action: str, channel: str, messages: list[str], summary: str) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": [{"$ref": f"#/channels/{channel}/messages/{name}"} for name in messages],
        "summary": summary,
    }


def document(version: str, facts: Sequence[AnyKind]) -> dict[str, Any]:
    """The whole document. `receive` is what Frostway takes, `send` what it gives."""
    names = {"description": f"matches {NAME.pattern}"}
    receipt = {"boot": _TEXT, "seq": {"type": "integer"}}
    command = {"id": {"type": "integer"}, "cmd": _TEXT, "arg": {"type": "object"}, "exp": {"type": "integer"}}
    app_command = {"_type": {"const": "cmd"}, "action": _TEXT}
    answer = {"id": {"type": "integer"}, "ok": {"type": "boolean"}, "text": _TEXT}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Frostway", "version": version},
        "channels": {
            "readings": {
                "address": "fw/v1/{tenant}/{device}/{stream}",
                "description": f"QoS 1; a payload has at most {PAYLOAD_BYTES_MAX} bytes. Encodings by the end of the "
                f"topic: {', '.join(f'{end or chr(34) * 2} {name}' for end, name in ENCODINGS.items())}.",
                "parameters": {"tenant": names, "device": names, "stream": {"enum": list(STREAMS)}},
                "messages": {stream: _reading(stream) for stream in STREAMS},
            },
            "receipt": {
                "address": "fw/v1/{tenant}/{device}/receipt",
                "description": "Everything up to `seq` of that boot is safe; the device may forget it.",
                "parameters": {"tenant": names, "device": names},
                "messages": {"receipt": {"name": "receipt", "payload": {"type": "object", "properties": receipt}}},
            },
            "command": {
                "address": "fw/v1/{tenant}/{device}/cmd",
                "description": "What the device is to do before `exp` (Unix ms). It may come more than once.",
                "parameters": {"tenant": names, "device": names},
                "messages": {"command": {"name": "command", "payload": {"type": "object", "properties": command}}},
            },
            "owntracksCommand": {
                "address": "owntracks/{tenant}/{device}/cmd",
                "description": "What an OwnTracks app is to do, in the app's own words.",
                "parameters": {"tenant": names, "device": names},
                "messages": {"cmd": {"name": "cmd", "payload": {"type": "object", "properties": app_command}}},
            },
            "answer": {
                "address": "fw/v1/{tenant}/{device}/cmd/answer",
                "description": "What the device says to a command of its own, by its id.",
                "parameters": {"tenant": names, "device": names},
                "messages": {"answer": {"name": "answer", "payload": {"type": "object", "properties": answer}}},
            },
            "live": {
                "address": "/ws/v1",
                "description": "Close codes: 1008 not allowed, 1009 too big, 1013 too slow or not ready: resume with "
                "the cursor. 40 s of silence mean that nobody is there.",
                "messages": {**_FROM_CLIENT, **_FROM_SERVER},
            },
            "link": {
                "address": "/ws/v1/link",
                "description": "For a page that shows a customer's link: it names the token within 10 s and says no "
                "more. 1008: the link does not work, or has just ended, within a second; 1013: 50 pages have it open.",
                "messages": {"auth": _FROM_CLIENT["auth"], "open": _frame("open", [])},
            },
        },
        "components": {"schemas": {"factNews": _fact_news(facts)}},
        "operations": {
            "publishReadings": _operation("receive", "readings", list(STREAMS), "a device publishes readings"),
            "confirmReadings": _operation("send", "receipt", ["receipt"], "data are durable"),
            "tellDevice": _operation("send", "command", ["command"], "a device is to do something"),
            "tellApp": _operation("send", "owntracksCommand", ["cmd"], "an OwnTracks app is to do something"),
            "deviceAnswers": _operation("receive", "answer", ["answer"], "a device answers a command"),
            "follow": _operation("receive", "live", list(_FROM_CLIENT), "a client signs in and subscribes"),
            "openLink": _operation("receive", "link", ["auth"], "a customer's page names its link"),
            "linkIsOpen": _operation("send", "link", ["open"], "the link is good"),
            "push": _operation("send", "live", list(_FROM_SERVER), "snapshot, then what changes"),
        },
    }
