"""What was done with handling units as events of EPCIS 2.0 (GS1, JSON-LD): commissioning, aggregation, observation.

An SSCC is told as a GS1 Digital Link, which needs no length of the company's prefix; a lot by the GTIN of its product.
What has no code of GS1 is a `urn:uuid:`, always the same one. One that was taken back is told with `errorDeclaration`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from domain.biz_steps import LOAD, MOVEMENTS
from domain.evidence.epcis import identifier, probe_part
from domain.handling_units.codes import is_sscc

LINK = "https://id.gs1.org"
GTIN_DIGITS = 14


def unit_uri(tenant: str, code: str) -> str:
    """A handling unit.

    >>> unit_uri("main", "106141411928374657")
    'https://id.gs1.org/00/106141411928374657'
    """
    return f"{LINK}/00/{code}" if is_sscc(code) else identifier(tenant, "unit", code)


def lot_uri(tenant: str, lot: str, gtin: str | None) -> str:
    """A lot of a product.

    >>> lot_uri("main", "L.1", "6414123456789")
    'https://id.gs1.org/01/06414123456789/10/L.1'
    """
    return f"{LINK}/01/{gtin.zfill(GTIN_DIGITS)}/10/{probe_part(lot)}" if gtin else identifier(tenant, "lot", lot)


def events_of(tenant: str, movement: Mapping[str, Any], gtins: Mapping[str, str | None]) -> Iterator[dict[str, Any]]:
    """The events of a movement, as a record of a pack has it; `gtins` by lot."""
    unit = unit_uri(tenant, movement["unit"])
    others = [unit_uri(tenant, code) for code in movement["others"]]
    amounts = [
        {"epcClass": lot_uri(tenant, c["lot"], gtins.get(c["lot"])), "quantity": c["quantity"]}
        for c in movement["contents"]
    ]
    event = _begun(tenant, movement, 0)
    if event["type"] == "ObjectEvent":
        event |= {"epcList": [unit], **({"quantityList": amounts} if amounts else {})}
        yield {**event, **_place(tenant, movement["place"])}
    elif movement["kind"] == "split":
        yield {**event, "action": "DELETE", "bizStep": "unpacking", "parentID": unit, "childQuantityList": amounts}
        yield {**_begun(tenant, movement, 1), "parentID": others[0], "childQuantityList": amounts}
    else:
        yield {**event, "parentID": unit, "childEPCs": others}
        if movement["kind"] == "merge":
            ended = {"type": "ObjectEvent", "action": "DELETE", "bizStep": "decommissioning", "epcList": others}
            yield {k: v for k, v in _begun(tenant, movement, 1).items() if k != "disposition"} | ended


def _begun(tenant: str, movement: Mapping[str, Any], n: int) -> dict[str, Any]:
    step = MOVEMENTS[movement["kind"]]
    if movement["kind"] == "place" and {"vehicle", "shipment"} & (movement["place"] or {}).keys():
        step = step._replace(biz_step=LOAD.biz_step, disposition=LOAD.disposition)
    name = f"{movement['id']}/{n}" if n else movement["id"]
    event = {"eventID": identifier(tenant, "movement", name), **step.begun(movement["at"])}
    event["recordTime"] = movement["recorded_at"]
    if movement["voided_at"]:
        event["errorDeclaration"] = {"declarationTime": movement["voided_at"], "reason": "did_not_occur"}
    return event


def _place(tenant: str, place: Mapping[str, str] | None) -> dict[str, Any]:
    """Where it happened: the part of a site, or what carried it."""
    if not place:
        return {}
    if "site" in place:
        site = identifier(tenant, "site", place["site"])
        point = identifier(tenant, "zone", f"{place['site']}/{place['zone']}") if "zone" in place else site
        return {"readPoint": {"id": point}, "bizLocation": {"id": site}}
    kind = next(kind for kind in ("shipment", "vehicle", "device") if kind in place)
    return {"readPoint": {"id": identifier(tenant, kind, place[kind])}}


def codes_of(movements: Sequence[Mapping[str, Any]]) -> set[str]:
    """The lots that movements name."""
    return {c["lot"] for m in movements for c in m["contents"]}
