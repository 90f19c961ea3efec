"""Our own facts as events of EPCIS 2.0: moves of stock, arrivals and departures, excursions.

What has a code of GS1 is named by it: products by GTIN, lots by GTIN and lot, sites by GLN with the zone or bin behind
it, handling units by SSCC. What has none is a `urn:uuid:`, always the same one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from domain.biz_steps import AGGREGATION, ARRIVE, DEPART, MOVES, OBJECT, SENSE
from domain.epcis.uris import link
from domain.epcis.words import CONTEXT
from domain.evidence.epcis import identifier, probe_part
from domain.evidence.goods_events import lot_uri, unit_uri

NAMESPACE = "urn:frostway:epcis:"
OWN_CONTEXT = [CONTEXT, {"frostway": NAMESPACE}]
EXTENSION_MAX = 20
OURS = ("site", "vehicle")
GTIN_DIGITS = 14
UNITS = {"kg": "KGM", "g": "GRM", "t": "TNE", "l": "LTR", "ml": "MLT", "m": "MTR"}
"""Codes of UN/ECE Recommendation 20; pieces have none."""


class Place(NamedTuple):
    """Where goods are: `kind` as in the ledger, with the names that it has."""

    kind: str
    site: str | None = None
    gln: str | None = None
    zone: str | None = None
    bin: str | None = None
    vehicle: str | None = None


def site_uri(tenant: str, site: str, gln: str | None) -> str:
    """A site.

    >>> site_uri("main", "store-1", "4012345000054")
    'https://id.gs1.org/414/4012345000054'
    """
    return link("414", gln) if gln else identifier(tenant, "site", site)


def place_uri(tenant: str, place: Place) -> str | None:
    """A place of ours, as fine as it is known; None for places outside.

    >>> place_uri("main", Place("site", "store-1", "4012345000054", "chiller"))
    'https://id.gs1.org/414/4012345000054/254/chiller'
    """
    if place.kind == "vehicle":
        return identifier(tenant, "vehicle", place.vehicle or "")
    if place.kind != "site" or place.site is None:
        return None
    part = place.bin or place.zone
    if part is None:
        return site_uri(tenant, place.site, place.gln)
    if place.gln and len(part) <= EXTENSION_MAX:
        return link("414", place.gln, "254", part)
    return identifier(tenant, "bin" if place.bin else "zone", f"{place.site}/{part}")


def class_uri(tenant: str, sku: str, gtin: str | None, lot: str | None) -> str:
    """A lot of a product, or the product.

    >>> class_uri("main", "MILK", "6414123456789", None)
    'https://id.gs1.org/01/06414123456789'
    """
    if lot is not None:
        return lot_uri(tenant, lot, gtin)
    return link("01", gtin.zfill(GTIN_DIGITS)) if gtin else identifier(tenant, "product", sku)


def move_event(tenant: str, move: Mapping[str, Any], begins: Place, ends: Place) -> dict[str, Any]:
    """A move of stock. Equal moves are different events: each names itself."""
    step = MOVES[move["kind"]]
    amount: dict[str, Any] = {"epcClass": class_uri(tenant, move["sku"], move["gtin"], move["lot"])}
    amount["quantity"] = float(move["quantity"])
    if (code := UNITS.get(move["base_unit"])) is not None:
        amount["uom"] = code
    came_from, went_to = place_uri(tenant, begins), place_uri(tenant, ends)
    parent = {
        "pack": move["to_unit"] and unit_uri(tenant, move["to_unit"]),
        "unpack": move["from_unit"] and unit_uri(tenant, move["from_unit"]),
        "load": went_to,
        "unload": came_from,
    }.get(move["kind"])
    event = step.begun(move["at"])
    if step.type == AGGREGATION and parent:
        event |= {"parentID": parent, "childQuantityList": [amount]}
        if move["kind"] in ("load", "unload") and (unit := move["to_unit"] or move["from_unit"]):
            event["childEPCs"] = [unit_uri(tenant, unit)]
    else:
        event |= {"type": OBJECT, "action": "DELETE" if move["kind"] == "waste" else "OBSERVE"}
        event["quantityList"] = [amount]
    leaves = move["kind"] in ("pick", "load", "deliver", "waste")
    if (point := came_from if leaves else went_to or came_from) is not None:
        event["readPoint"] = {"id": point}
    if went_to is not None and ends.kind == "site":
        event["bizLocation"] = {"id": went_to}
    event["frostway:move"] = move["id"]
    if move["kind"] == "adjust":
        event["frostway:change"] = float(move["quantity"]) * (1 if ends.kind in OURS else -1)
    if move["reason"]:
        event["frostway:reason"] = move["reason"]
    return event


def call_events(tenant: str, call: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Arrival at a stop, and departure from it when there was one; `call` has times as RFC 3339 text or None."""
    where = site_uri(tenant, call["site"], call["gln"]) if call["site"] else identifier(tenant, "stop", call["stop"])
    told = []
    for what, step in (("arrived_at", ARRIVE), ("departed_at", DEPART)):
        if call[what] is not None:
            event = step.begun(call[what])
            event["epcList"] = [identifier(tenant, "shipment", call["shipment"])]
            event["readPoint"] = {"id": where}
            told.append(event | {"frostway:vehicle": call["vehicle"], "frostway:call": str(call["id"])})
    return told


def excursion_events(tenant: str, stay: Mapping[str, Any], where: Place | None) -> dict[str, dict[str, Any]]:
    """An excursion that lasted long enough for an alarm: `alarm` when it had, `end` when it was over.

    `stay` has times as RFC 3339 text or None. The place is where the device was when it began; goods are the shipments
    under way there. A device that was nowhere stands for its place.
    """
    if stay["alarm_at"] is None:
        return {}
    device = identifier(tenant, "device", stay["device"])
    point = (where and place_uri(tenant, where)) or device
    told = {}
    for what, at in (("alarm", stay["alarm_at"]), ("end", stay["ended_at"])):
        if at is None:
            continue
        report: dict[str, Any] = {"type": "Temperature", "exception": "ALARM_CONDITION", "uom": "CEL"}
        if stay["probe"]:
            report["deviceID"] = f"{device}#{probe_part(stay['probe'])}"
        if what == "end" and stay["extreme_c"] is not None:
            report["maxValue" if stay["kind"] == "above" else "minValue"] = stay["extreme_c"]
        metadata = {"deviceID": device, "startTime": stay["started_at"], "endTime": at}
        event = SENSE.begun(at)
        event |= {"epcList": [identifier(tenant, "shipment", name) for name in stay["shipments"] or ()]}
        event |= {"readPoint": {"id": point}, **({"bizLocation": {"id": point}} if where and where.site else {})}
        event["sensorElementList"] = [{"sensorMetadata": metadata, "sensorReport": [report]}]
        event |= {
            "frostway:excursion": str(stay["id"]),
            "frostway:side": stay["kind"],
            "frostway:limit": stay["limit_c"],
        }
        told[what] = event | {"frostway:band": stay["band"], "frostway:severity": stay["severity"]}
    return told


def declared_wrong(event: Mapping[str, Any], at: str, *, happened: bool, instead: list[str]) -> dict[str, Any]:
    """The event once more, with the declaration that it is wrong; `instead` are the events that are right."""
    reason = "incorrect_data" if happened else "did_not_occur"
    corrected = {"correctiveEventIDs": instead} if instead else {}
    return {**event, "errorDeclaration": {"declarationTime": at, "reason": reason, **corrected}}
