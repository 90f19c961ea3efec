"""What events are answered with: a document of EPCIS with what a query found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from domain.epcis.facts import OWN_CONTEXT
from domain.times import rfc3339, to_us

SIMPLE = "SimpleEventQuery"


def answer(
    events: Sequence[Mapping[str, Any]], made_at: str, query: str = SIMPLE, subscription: str = ""
) -> dict[str, Any]:
    """A document with events as they are shown."""
    results: dict[str, Any] = {"queryName": query, **({"subscriptionID": subscription} if subscription else {})}
    return {
        "@context": OWN_CONTEXT,
        "type": "EPCISQueryDocument",
        "schemaVersion": "2.0",
        "creationDate": made_at,
        "epcisBody": {"queryResults": {**results, "resultsBody": {"eventList": list(events)}}},
    }


def event_shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """An event of a row: as it was told, with its name, when it was recorded, and what it did to our stock."""
    told = {**row["body"], "eventID": row["event_id"], "recordTime": rfc3339(to_us(row["recorded_at"]))}
    return {**told, "frostway:effect": row["effect"]} if row["effect"] else told
