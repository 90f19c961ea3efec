"""An EPCIS event as it is asked for: when, what, where and why, beside the event as it was told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from domain.epcis.hashing import event_hash
from domain.epcis.uris import canonical
from domain.epcis.words import bare
from domain.times import parse_rfc3339

EPC_LISTS = ("epcList", "childEPCs", "inputEPCList", "outputEPCList")
QUANTITY_LISTS = ("quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList")


@dataclass(frozen=True, slots=True)
class Event:
    """One event with what is asked about it.

    `event_id`     its own, or the hash of what it says
    `event_us`     microseconds since 1970
    `biz_step`     and `disposition`: the bare word where it is one of the standard's
    `epcs`         of objects and children, `parent`, `inputs`, `outputs`: canonical, or as told where they have no
                   canonical form
    `declared_us`  when it was declared wrong; None for an event that is not a correction
    """

    event_id: str
    event_hash: str
    type: str
    event_us: int
    action: str | None
    biz_step: str | None
    disposition: str | None
    read_point: str | None
    biz_location: str | None
    parent: str | None
    transformation: str | None
    epcs: tuple[str, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    classes: tuple[str, ...]
    transactions: tuple[str, ...]
    declared_us: int | None
    reason: str | None
    corrected_by: tuple[str, ...]
    body: Mapping[str, Any]


def event_of(body: Mapping[str, Any], context: Any = None) -> Event:
    """The event that a checked body tells; `context` is that of its document."""
    told = event_hash(body, context)
    wrong = body.get("errorDeclaration") or {}
    word = body.get
    return Event(
        event_id=str(body.get("eventID") or told),
        event_hash=told,
        type=str(body["type"]),
        event_us=parse_rfc3339(body["eventTime"]),
        action=word("action"),
        biz_step=bare("bizStep", body["bizStep"]) if word("bizStep") else None,
        disposition=bare("disposition", body["disposition"]) if word("disposition") else None,
        read_point=_place(body, "readPoint"),
        biz_location=_place(body, "bizLocation"),
        parent=uri(body["parentID"]) if body.get("parentID") else None,
        transformation=word("transformationID"),
        epcs=_uris(body, "epcList", "childEPCs"),
        inputs=_uris(body, "inputEPCList"),
        outputs=_uris(body, "outputEPCList"),
        classes=_distinct(
            uri(each["epcClass"]) for key in QUANTITY_LISTS for each in body.get(key) or () if "epcClass" in each
        ),
        transactions=_distinct(uri(each["bizTransaction"]) for each in body.get("bizTransactionList") or ()),
        declared_us=parse_rfc3339(wrong["declarationTime"]) if wrong else None,
        reason=bare("reason", wrong["reason"]) if wrong.get("reason") else None,
        corrected_by=tuple(wrong.get("correctiveEventIDs") or ()),
        body=body,
    )


def uri(text: str) -> str:
    """Canonical where it names a key of GS1, else as it is."""
    return canonical(text) or text


def _place(body: Mapping[str, Any], key: str) -> str | None:
    found = body.get(key)
    return uri(found["id"]) if found else None


def _uris(body: Mapping[str, Any], *keys: str) -> tuple[str, ...]:
    return _distinct(uri(each) for key in keys for each in body.get(key) or ())


def _distinct(found: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(found))
