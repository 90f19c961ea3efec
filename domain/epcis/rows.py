"""Events as rows of the store."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from domain.epcis.model import Event
from domain.epcis.words import CONTEXT
from domain.times import rfc3339

_KIND = re.compile(r"(https://id\.gs1\.org/(01|8006|8010|8003|253|255)/[^/]+)/.*")
_BEHIND = {"8003": 14, "253": 13, "255": 13}
"""Length of keys that a serial number follows without a mark."""


def row_of(
    event: Event, context: Any = None, *, of_tenant: int | None = None, fact: str | None = None, effect: str = ""
) -> Mapping[str, Any]:
    """An event as a row; it keeps the names that its document gave to prefixes. `fact`: which of our own it tells."""
    body = dict(event.body)
    if "@context" not in body and _own_names(context):
        body["@context"] = context
    return {
        "of_tenant": of_tenant,
        "event_id": event.event_id,
        "event_hash": event.event_hash,
        "type": event.type,
        "event_at": rfc3339(event.event_us),
        "action": event.action,
        "biz_step": event.biz_step,
        "disposition": event.disposition,
        "read_point": event.read_point,
        "biz_location": event.biz_location,
        "parent": event.parent,
        "transformation": event.transformation,
        "epcs": event.epcs,
        "inputs": event.inputs,
        "outputs": event.outputs,
        "kinds": sorted({kind for each in (*event.epcs, *event.inputs, *event.outputs) if (kind := kind_of(each))}),
        "classes": event.classes,
        "transactions": event.transactions,
        "declared_at": rfc3339(event.declared_us) if event.declared_us is not None else None,
        "reason": event.reason,
        "body": body,
        "fact": fact,
        "effect": effect,
    }


def kind_of(link: str) -> str | None:
    """The class of an object by its canonical Digital Link.

    >>> kind_of("https://id.gs1.org/01/10614141073464/21/2017"), kind_of("https://id.gs1.org/8003/04012345555554987")
    ('https://id.gs1.org/01/10614141073464', 'https://id.gs1.org/8003/04012345555554')
    """
    if (found := _KIND.fullmatch(link)) is not None:
        return found[1]
    for ai, digits in _BEHIND.items():
        start = f"https://id.gs1.org/{ai}/"
        if link.startswith(start) and len(link) > len(start) + digits:
            return link[: len(start) + digits]
    return None


def _own_names(context: Any) -> bool:
    """Whether a context says more than the standard's own does."""
    found = context if isinstance(context, list) else [context]
    return any(each != CONTEXT for each in found if each is not None)
