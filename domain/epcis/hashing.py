"""The hash of an EPCIS event, by which anybody names it alike (CBV 2.0, section 8.9).

The same event hashes to the same name however its JSON is ordered, spaced or abbreviated. What it hashes is
`eventType=…` and then each property in the standard's order, absent ones left out, lists sorted, keys of GS1 as
canonical Digital Links, own properties last. Checked against the outcomes of epcis-event-hash-generator 1.9.3.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from domain.epcis.uris import canonical
from domain.epcis.words import ALERTS, MEASUREMENTS, NAMESPACES, OLD_NAMES, VOC, full

VERSION = "CBV2.0"
_NUMBER = re.compile(r"[+-]?\d{1,30}(\.\d{1,30})?([eE][+-]?\d{1,2})?")
_FRACTION = re.compile(r"\.(\d+)")
Namespaces = Mapping[str, str]


def namespaces(context: Any) -> dict[str, str]:
    """What the prefixes of a document stand for, by its `@context`."""
    found = dict(NAMESPACES)
    for each in context if isinstance(context, list) else [context]:
        if isinstance(each, dict):
            found.update({k: v for k, v in each.items() if isinstance(v, str) and not k.startswith("@")})
    return found


def event_hash(event: Mapping[str, Any], context: Any = None) -> str:
    """`ni:///sha-256;…?ver=CBV2.0` (RFC 6920) of an event; `context` is that of its document.

    `recordTime`, `eventID` and `errorDeclaration` do not count: a correction is about the event it repeats.
    """
    digest = hashlib.sha256(pre_hash(event, context).encode()).hexdigest()
    return f"ni:///sha-256;{digest}?ver={VERSION}"


def pre_hash(event: Mapping[str, Any], context: Any = None) -> str:
    """The text that is hashed."""
    known = namespaces(context) | (namespaces(event["@context"]) if "@context" in event else {})
    return "eventType=" + str(event.get("type", "")) + _ordered(event, _EVENT, known, ignored=_IGNORED)


def instant(text: str) -> str:
    """UTC with exactly milliseconds, halves up.

    >>> instant("2005-04-03T20:33:31.1165-06:00")
    '2005-04-04T02:33:31.117Z'
    """
    fraction = Decimal("0." + (m[1] if (m := _FRACTION.search(text)) else "0"))
    try:
        whole = datetime.fromisoformat(_FRACTION.sub("", text, count=1))
        millis = int(fraction * 1000 + Decimal("0.5"))
        time = (whole if whole.tzinfo else whole.replace(tzinfo=UTC)).astimezone(UTC) + timedelta(milliseconds=millis)
    except (ValueError, OverflowError):
        return text
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


# ------------------------------------------------------------------ values
def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).strip()


def _value(value: Any, known: Namespaces) -> str:
    text = _expanded(_plain(value), known)
    if _NUMBER.fullmatch(text):
        number = Decimal(text)
        whole = f"{number:f}"
        return (whole.rstrip("0").rstrip(".") if "." in whole else str(int(number))) or "0"
    for old, new in OLD_NAMES.items():
        text = text.replace(old, new)
    return canonical(text) or text


def _time(value: Any, _: Namespaces) -> str:
    return instant(_plain(value))


def _word(kind: str) -> Callable[[Any, Namespaces], str]:
    return lambda value, known: full(kind, _expanded(_plain(value), known))


def _measured(value: Any, known: Namespaces) -> str:
    text = _plain(value)
    return VOC + text if text in MEASUREMENTS or text in ALERTS else _expanded(text, known)


def _expanded(text: str, known: Namespaces) -> str:
    start, colon, rest = text.partition(":")
    return known[start] + rest if colon and start in known and not rest.startswith("//") else text


def _name(key: str, known: Namespaces) -> str:
    start, colon, rest = key.partition(":")
    return f"{{{known[start]}}}{rest}" if colon and start in known else key


# ------------------------------------------------------------------ properties
Writer = Callable[[str, Any, Namespaces], str]


def _one(value: Callable[[Any, Namespaces], str]) -> Writer:
    def write(key: str, found: Any, known: Namespaces) -> str:
        return "".join(sorted(f"{key}={text}" for each in _many(found) if (text := value(each, known))))

    return write


def _many(found: Any) -> Iterable[Any]:
    return found if isinstance(found, list) else [found]


def _list(member: str) -> Writer:
    def write(key: str, found: Any, known: Namespaces) -> str:
        members = sorted(f"{member}={_value(each, known)}" for each in _many(found))
        return key + "".join(members) if members else ""

    return write


def _objects(member: str, fields: Mapping[str, Writer]) -> Writer:
    def write(key: str, found: Any, known: Namespaces) -> str:
        members = sorted(member + _ordered(each, fields, known) for each in _many(found) if isinstance(each, dict))
        return (key if key != member else "") + "".join(members) if members else ""

    return write


def _object(fields: Mapping[str, Writer]) -> Writer:
    def write(key: str, found: Any, known: Namespaces) -> str:
        inner = _ordered(found, fields, known) if isinstance(found, dict) else ""
        return key + inner if inner else ""

    return write


def _ordered(
    found: Mapping[str, Any], fields: Mapping[str, Writer], known: Namespaces, ignored: frozenset[str] = frozenset()
) -> str:
    """Known properties in their order, then the others, sorted."""
    own = [part for key in found if key not in fields and key not in ignored for part in _own(key, found[key], known)]
    parts = [write(key, found[key], known) for key, write in fields.items() if found.get(key) is not None]
    return "".join(parts) + "".join(sorted(own))


def _own(key: str, found: Any, known: Namespaces) -> list[str]:
    """A property of somebody's own: one part for each value."""
    if key.startswith("@") or key == "rdfs:comment":
        return []
    if isinstance(found, list):
        return [part for each in found for part in _own(key, each, known)]
    name = _name(key, known)
    if isinstance(found, dict):
        return [name + "".join(sorted(part for inner in found for part in _own(inner, found[inner], known)))]
    text = "" if found is None else _value(found, known)
    return [f"{name}={text}" if text else name]


_text, _instant = _one(_value), _one(_time)
_QUANTITY = {"epcClass": _text, "quantity": _text, "uom": _text}
_PLACE = _object({"id": _text})
_METADATA = {
    "time": _instant, "startTime": _instant, "endTime": _instant, "deviceID": _text, "deviceMetadata": _text,
    "rawData": _text, "dataProcessingMethod": _text, "bizRules": _text,
}  # fmt: skip
_REPORT: dict[str, Writer] = {
    "type": _one(_measured), "exception": _one(_measured), "deviceID": _text, "deviceMetadata": _text,
    "rawData": _text, "dataProcessingMethod": _text, "time": _instant, "microorganism": _text,
    "chemicalSubstance": _text, "value": _text, "component": _one(_word("component")), "stringValue": _text,
    "booleanValue": _text, "hexBinaryValue": _text, "uriValue": _text, "minValue": _text, "maxValue": _text,
    "meanValue": _text, "sDev": _text, "percRank": _text, "percValue": _text, "uom": _text,
    "coordinateReferenceSystem": _text,
}  # fmt: skip
_SENSOR = {"sensorMetadata": _object(_METADATA), "sensorReport": _objects("sensorReport", _REPORT)}
_disposition = _one(_word("disposition"))
_IGNORED = frozenset({"type", "recordTime", "eventID", "errorDeclaration", "@context"})
_EVENT: dict[str, Writer] = {
    "eventTime": _instant,
    "eventTimeZoneOffset": _text,
    "certificationInfo": _text,
    "parentID": _text,
    "epcList": _list("epc"),
    "inputEPCList": _list("epc"),
    "childEPCs": _list("epc"),
    "quantityList": _objects("quantityElement", _QUANTITY),
    "childQuantityList": _objects("quantityElement", _QUANTITY),
    "inputQuantityList": _objects("quantityElement", _QUANTITY),
    "outputEPCList": _list("epc"),
    "outputQuantityList": _objects("quantityElement", _QUANTITY),
    "action": _text,
    "transformationID": _text,
    "bizStep": _one(_word("bizStep")),
    "disposition": _disposition,
    "persistentDisposition": _object({"set": _disposition, "unset": _disposition}),
    "readPoint": _PLACE,
    "bizLocation": _PLACE,
    "bizTransactionList": _objects("", {"type": _one(_word("bizTransaction")), "bizTransaction": _text}),
    "sourceList": _objects("", {"type": _one(_word("party")), "source": _text}),
    "destinationList": _objects("", {"type": _one(_word("party")), "destination": _text}),
    "sensorElementList": _objects("sensorElement", _SENSOR),
    "ilmd": _object({}),
}
