"""Whether a document or event is EPCIS 2.0: each fault with its place in the document.

Follows the JSON schema of GS1 (EPCIS 2.0, section 10). Own properties are free, as long as their names carry a
namespace.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from domain.epcis.words import (
    ACTIONS,
    ALERTS,
    BIZ_STEPS,
    COMPONENTS,
    DISPOSITIONS,
    MEASUREMENTS,
    PARTIES,
    REASONS,
    TRANSACTIONS,
)  # fmt: skip
from domain.times import parse_rfc3339

FAULTS_MAX = 50
DEPTH_MAX = 24
URI_MAX = 1024
TYPES = ("ObjectEvent", "AggregationEvent", "TransactionEvent", "TransformationEvent", "AssociationEvent")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:[^\s\x00-\x1f\x7f<>\"{}|\\^`]+")
_OFFSET = re.compile(r"[+-]((0\d|1[0-3]):[0-5]\d|14:00)")
_UOM = re.compile(r"[A-Z0-9]{2,3}")
_VERSION = re.compile(r"\d+(\.\d+)*")
_HEX = re.compile(r"[0-9A-Fa-f]+")


class Fault(NamedTuple):
    """What is wrong, and where: a path such as `epcisBody.eventList[2].action`."""

    path: str
    why: str

    def __str__(self) -> str:
        return f"{self.path}: {self.why}" if self.path else self.why


class _TooManyError(Exception):
    """More faults than anybody reads."""


class Faults:
    """Faults as they are found, at most `FAULTS_MAX`."""

    def __init__(self) -> None:
        self.found: list[Fault] = []

    def add(self, path: str, why: str) -> None:
        """One more."""
        self.found.append(Fault(path, why))
        if len(self.found) >= FAULTS_MAX:
            raise _TooManyError


Check = Callable[[Any, str, Faults], None]


def document_faults(document: Any) -> list[Fault]:
    """Faults of an EPCISDocument, an EPCISQueryDocument or a bare event; empty when it is right."""
    faults = Faults()
    with suppress(_TooManyError):
        _document(document, faults)
    return faults.found


def event_faults(event: Any, path: str = "") -> list[Fault]:
    """Faults of one event."""
    faults = Faults()
    with suppress(_TooManyError):
        _event(event, path, faults)
    return faults.found


def events_of(document: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Events of a document with their paths; the document has no faults in what surrounds them."""
    if document.get("type") == "EPCISDocument":
        path, found = "epcisBody.eventList", document["epcisBody"]["eventList"]
    elif document.get("type") == "EPCISQueryDocument":
        path = "epcisBody.queryResults.resultsBody.eventList"
        found = document["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
    else:
        return [("", document)]
    return [(f"{path}[{n}]", event) for n, event in enumerate(found)]


# ------------------------------------------------------------------ single values
def _text(value: Any, path: str, faults: Faults) -> None:
    if not isinstance(value, str):
        faults.add(path, f"{_kind(value)} where a text is wanted")


def _boolean(value: Any, path: str, faults: Faults) -> None:
    if not isinstance(value, bool):
        faults.add(path, f"{_kind(value)} where true or false is wanted")


def _number(value: Any, path: str, faults: Faults) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        faults.add(path, f"{_kind(value)} where a number is wanted")


def _uri(value: Any, path: str, faults: Faults) -> None:
    if not isinstance(value, str):
        faults.add(path, f"{_kind(value)} where a URI is wanted")
    elif len(value) > URI_MAX or not _URI.fullmatch(value):
        faults.add(path, f"{value[:60]!r} is no URI of at most {URI_MAX} characters, such as urn:epc:id:… or https://…")


def _like(pattern: re.Pattern[str], wanted: str) -> Check:
    def check(value: Any, path: str, faults: Faults) -> None:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            faults.add(path, f"{_shown(value)} is not {wanted}")

    return check


def _time(value: Any, path: str, faults: Faults) -> None:
    if not isinstance(value, str):
        faults.add(path, f"{_kind(value)} where a time is wanted")
        return
    try:
        parse_rfc3339(value)
    except ValueError as error:
        faults.add(path, f"{value[:40]!r} is no time with its offset, as 2026-11-30T02:00:00Z: {error}")


def _one_of(words: Collection[str]) -> Check:
    def check(value: Any, path: str, faults: Faults) -> None:
        if value not in words if isinstance(value, str) else True:
            faults.add(path, f"{_shown(value)} is not one of {', '.join(sorted(words))}")

    return check


def _word(words: Collection[str], what: str) -> Check:
    """A bare word of the standard, or a URI of somebody's own."""

    def check(value: Any, path: str, faults: Faults) -> None:
        if isinstance(value, str) and (value in words or _URI.fullmatch(value)):
            return
        near = [w for w in sorted(words) if isinstance(value, str) and w[:4].lower() == value[:4].lower()]
        hint = f"; did you mean {', '.join(near[:3])}?" if near else ""
        faults.add(path, f"{_shown(value)} is no {what} of CBV 2.0 and no URI of your own{hint}")

    return check


# ------------------------------------------------------------------ lists and objects
def _list(check: Check, *, at_least: int = 0, distinct: bool = False) -> Check:
    def checked(value: Any, path: str, faults: Faults) -> None:
        if not isinstance(value, list):
            faults.add(path, f"{_kind(value)} where a list is wanted")
            return
        if len(value) < at_least:
            faults.add(path, "is empty: at least one is wanted")
        for n, each in enumerate(value):
            check(each, f"{path}[{n}]", faults)
        if distinct and len({repr(each) for each in value}) < len(value):
            faults.add(path, "names something twice")

    return checked


def _one_or_more(check: Check) -> Check:
    many = _list(check)
    return lambda value, path, faults: (many if isinstance(value, list) else check)(value, path, faults)


def _object(
    fields: Mapping[str, Check], needed: Collection[str] = (), *, own: bool = True, strange: bool = False
) -> Check:
    """An object with these fields and those that it needs; `own`: and others with a namespace, `strange`: any."""

    def check(value: Any, path: str, faults: Faults) -> None:
        if not isinstance(value, dict):
            faults.add(path, f"{_kind(value)} where an object is wanted")
            return
        for key in needed:
            if key not in value:
                faults.add(_joined(path, key), "is missing")
        for key, each in value.items():
            at = _joined(path, key)
            if key in fields:
                fields[key](each, at, faults)
            elif not strange and (not own or not _URI.fullmatch(key)):
                faults.add(at, "is not known here; a property of your own needs a namespace, as in example:name")

    return check


def _joined(path: str, key: str) -> str:
    return f"{path}.{key[:80]}" if path else key[:80]


def _kind(value: Any) -> str:
    if value is None:
        return "nothing"
    names = {bool: "true or false", int: "a number", float: "a number", str: "a text", list: "a list"}
    return names.get(type(value), "an object")


def _shown(value: Any) -> str:
    return repr(value[:60]) if isinstance(value, str) else _kind(value)


# ------------------------------------------------------------------ events
_quantities = _list(
    _object(
        {"epcClass": _uri, "quantity": _number, "uom": _like(_UOM, "a unit of UN/ECE Recommendation 20, such as KGM")},
        ("epcClass",),
        own=False,
    )
)
_epcs = _list(_uri, distinct=True)
_place = _object({"id": _uri}, ("id",), strange=True)
_disposition = _word(DISPOSITIONS, "disposition")
_dispositions = _list(_disposition, at_least=1, distinct=True)
_party = _word(PARTIES, "kind of source or destination")
_transaction = _object(
    {"type": _word(TRANSACTIONS, "kind of business transaction"), "bizTransaction": _uri},
    ("bizTransaction",),
    own=False,
)
_metadata = _object(
    {
        "time": _time, "startTime": _time, "endTime": _time, "deviceID": _uri, "deviceMetadata": _uri, "rawData": _uri,
        "dataProcessingMethod": _uri, "bizRules": _uri,
    }
)  # fmt: skip
_report = _object(
    {
        "type": _word(MEASUREMENTS, "measurement type"), "exception": _word(ALERTS, "alert type"), "deviceID": _uri,
        "deviceMetadata": _uri, "rawData": _uri, "dataProcessingMethod": _uri, "bizRules": _uri, "time": _time,
        "microorganism": _uri, "chemicalSubstance": _uri, "coordinateReferenceSystem": _uri, "value": _number,
        "component": _word(COMPONENTS, "component"), "stringValue": _text, "booleanValue": _boolean,
        "hexBinaryValue": _like(_HEX, "hexadecimal"), "uriValue": _uri, "minValue": _number, "maxValue": _number,
        "meanValue": _number, "sDev": _number, "percRank": _number, "percValue": _number, "uom": _text,
    },
    ("type",),
)  # fmt: skip
_sensor = _object({"sensorMetadata": _metadata, "sensorReport": _list(_report, at_least=1)}, ("sensorReport",))


def _free(value: Any, path: str, faults: Faults) -> None:
    """Somebody's own: anything, but not deeper than can be handled."""
    level = [value]
    for _ in range(DEPTH_MAX):
        level = [
            inner
            for each in level
            for inner in (each.values() if isinstance(each, dict) else each if isinstance(each, list) else ())
        ]
        if not level:
            return
    faults.add(path, f"is deeper than {DEPTH_MAX} levels")


def _context(value: Any, path: str, faults: Faults) -> None:
    for n, each in enumerate(value if isinstance(value, list) else [value]):
        at = f"{path}[{n}]" if isinstance(value, list) else path
        if isinstance(each, dict):
            _free(each, at, faults)
        else:
            _uri(each, at, faults)


_COMMON: dict[str, Check] = {
    "@context": _context,
    "type": _text,
    "eventTime": _time,
    "recordTime": _time,
    "eventTimeZoneOffset": _like(_OFFSET, "an offset such as +01:00"),
    "eventID": _uri,
    "certificationInfo": _one_or_more(_uri),
    "errorDeclaration": _object(
        {"declarationTime": _time, "reason": _word(REASONS, "reason"), "correctiveEventIDs": _list(_uri)},
        ("declarationTime",),
    ),
}
_WHERE: dict[str, Check] = {
    "action": _one_of(ACTIONS),
    "bizStep": _word(BIZ_STEPS, "business step"),
    "disposition": _disposition,
    "readPoint": _place,
    "bizLocation": _place,
    "bizTransactionList": _list(_transaction),
    "sourceList": _list(_object({"type": _party, "source": _uri}, ("type", "source"), own=False)),
    "destinationList": _list(_object({"type": _party, "destination": _uri}, ("type", "destination"), own=False)),
    "sensorElementList": _list(_sensor),
}


def _persistent(value: Any, path: str, faults: Faults) -> None:
    _object({"set": _dispositions, "unset": _dispositions}, own=False)(value, path, faults)
    if value == {}:
        faults.add(path, "sets nothing and unsets nothing")


_ILMD = _object({})
_CHILDREN: dict[str, Check] = {"parentID": _uri, "childEPCs": _list(_uri), "childQuantityList": _quantities}
_OBJECTS: dict[str, Check] = {"epcList": _epcs, "quantityList": _quantities}
_EVENTS: dict[str, tuple[dict[str, Check], tuple[str, ...]]] = {
    "ObjectEvent": ({**_OBJECTS, **_WHERE, "persistentDisposition": _persistent, "ilmd": _ILMD}, ("action",)),
    "AggregationEvent": ({**_CHILDREN, **_WHERE}, ("action",)),
    "AssociationEvent": ({**_CHILDREN, **_WHERE}, ("action", "parentID")),
    "TransactionEvent": (
        {"parentID": _uri, **_OBJECTS, **_WHERE, "bizTransactionList": _list(_transaction, at_least=1)},
        ("action", "bizTransactionList"),
    ),
    "TransformationEvent": (
        {
            "inputEPCList": _epcs, "inputQuantityList": _quantities, "outputEPCList": _epcs,
            "outputQuantityList": _quantities, "transformationID": _uri, "persistentDisposition": _persistent,
            "ilmd": _ILMD, **{key: check for key, check in _WHERE.items() if key != "action"},
        },
        (),
    ),
}  # fmt: skip
_CHECKS = {
    kind: _object({**_COMMON, **fields}, ("eventTime", "eventTimeZoneOffset", *needed))
    for kind, (fields, needed) in _EVENTS.items()
}
_OWN_EVENT = _object(_COMMON, ("eventTime", "eventTimeZoneOffset"))
_KNOWN_WHERE = frozenset(key for fields, _ in _EVENTS.values() for key in fields)


def _event(event: Any, path: str, faults: Faults) -> None:
    if not isinstance(event, dict):
        faults.add(path, f"{_kind(event)} where an event is wanted")
        return
    kind = event.get("type")
    if not isinstance(kind, str):
        faults.add(_joined(path, "type"), f"is missing: one of {', '.join(TYPES)}")
        return
    if kind not in _CHECKS:
        if not _URI.fullmatch(kind):
            faults.add(_joined(path, "type"), f"{kind[:60]!r} is not one of {', '.join(TYPES)} and no URI of your own")
            return
        own = {key: each for key, each in event.items() if key not in _KNOWN_WHERE}
        _OWN_EVENT(own, path, faults)
        return
    _CHECKS[kind](event, path, faults)
    _free(event, path, faults)
    _whole(kind, event, path, faults)


def _has(event: Mapping[str, Any], *keys: str) -> bool:
    return any(event.get(key) for key in keys)


def _whole(kind: str, event: Mapping[str, Any], path: str, faults: Faults) -> None:
    """What an event of this kind is about has to stand in it."""
    action = event.get("action")
    if kind == "ObjectEvent":
        sensed = _has(event, "sensorElementList") and "readPoint" in event
        if "epcList" not in event and not _has(event, "quantityList") and not sensed:
            faults.add(path, "names no objects: epcList, quantityList, or sensorElementList with a readPoint")
        if event.get("ilmd") is not None and action != "ADD":
            faults.add(_joined(path, "ilmd"), "stands only with action ADD")
    elif kind == "TransactionEvent":
        if action != "DELETE" and "epcList" not in event and not _has(event, "quantityList"):
            faults.add(path, "names no objects: epcList or quantityList")
    elif kind in ("AggregationEvent", "AssociationEvent"):
        if action != "DELETE" and not _has(event, "childEPCs", "childQuantityList"):
            faults.add(path, "names no children: childEPCs or childQuantityList")
        if kind == "AggregationEvent" and action in ("ADD", "DELETE") and "parentID" not in event:
            faults.add(_joined(path, "parentID"), f"is missing: {action} is about a parent")
    else:
        goes_in = _has(event, "inputEPCList", "inputQuantityList")
        comes_out = _has(event, "outputEPCList", "outputQuantityList")
        if not (goes_in and comes_out) and not ("transformationID" in event and (goes_in or comes_out)):
            faults.add(path, "names no input and output; one of them is enough beside a transformationID")


# ------------------------------------------------------------------ documents
def _events(value: Any, path: str, faults: Faults) -> None:
    _list(_event)(value, path, faults)


_HEADER = _object({"epcisMasterData": _free})
_ENVELOPE: dict[str, Check] = {
    "@context": _context, "id": _uri, "type": _text, "creationDate": _time,
    "schemaVersion": _like(_VERSION, "a version such as 2.0"),
}  # fmt: skip
_DOCUMENT = _object(
    {
        **_ENVELOPE, "instanceIdentifier": _text, "sender": _text, "receiver": _text, "epcisHeader": _HEADER,
        "epcisBody": _object({"eventList": _events}, ("eventList",), strange=True),
    },
    ("@context", "schemaVersion", "creationDate", "epcisBody"),
)  # fmt: skip
_RESULTS = _object({"eventList": _events, "vocabularyList": _free}, ("eventList",))
_QUERY_RESULTS = _object(
    {"queryName": _text, "subscriptionID": _text, "resultsBody": _RESULTS}, ("queryName", "resultsBody")
)
_QUERY_DOCUMENT = _object(
    {**_ENVELOPE, "epcisBody": _object({"queryResults": _QUERY_RESULTS}, ("queryResults",))},
    ("@context", "epcisBody"),
)


def _document(document: Any, faults: Faults) -> None:
    if not isinstance(document, dict):
        faults.add("", f"{_kind(document)} where an EPCIS document or event is wanted")
    elif document.get("type") == "EPCISDocument":
        _DOCUMENT(document, "", faults)
    elif document.get("type") == "EPCISQueryDocument":
        _QUERY_DOCUMENT(document, "", faults)
    else:
        if "@context" not in document and isinstance(document.get("type"), str):
            faults.add("@context", "is missing: it says what the names in the event stand for")
        _event(document, "", faults)
