"""Key data elements of critical tracking events as FSMA 204 asks for them (21 CFR 1 subpart S). Pure.

Receiving by section 1.1345; shipping (1.1340) and transformation (1.1350) alike. What a distributor does not do
(harvest, cooling, initial packing, landing) is none of it. An element that nobody has told is left empty and counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from domain.epcis.model import uri
from domain.times import rfc3339, to_us
from domain.tracing.names import Thing

Event = Literal["receiving", "shipping", "transformation"]


class Element(NamedTuple):
    """A column: what the rule calls it, and whether the rule asks for it."""

    title: str
    key: str
    needed: bool = True


_GOODS = (
    Element("Traceability lot code", "lot"),
    Element("Product description", "label"),
    Element("SKU", "sku", needed=False),
    Element("GTIN", "gtin", needed=False),
    Element("Quantity", "quantity"),
    Element("Unit of measure", "unit"),
)
_PAPERS = (
    Element("Traceability lot code source", "lot_source"),
    Element("Reference document type", "document_type"),
    Element("Reference document number", "document"),
    Element("Record", "record", needed=False),
)
ELEMENTS: Mapping[Event, tuple[Element, ...]] = {
    "receiving": (
        *_GOODS,
        Element("Immediate previous source", "other"),
        Element("Location received", "here"),
        Element("Location received GLN", "here_gln", needed=False),
        Element("Date received", "day"),
        Element("Received at", "at", needed=False),
        *_PAPERS,
    ),
    "shipping": (
        *_GOODS,
        Element("Immediate subsequent recipient", "other"),
        Element("Recipient location", "there"),
        Element("Location shipped from", "here"),
        Element("Location shipped from GLN", "here_gln", needed=False),
        Element("Date shipped", "day"),
        Element("Shipped at", "at", needed=False),
        *_PAPERS,
    ),
    "transformation": (
        Element("Input traceability lot code", "input_lot"),
        Element("Input product", "input_label", needed=False),
        Element("Input quantity", "input_quantity"),
        Element("Input unit of measure", "input_unit"),
        Element("New traceability lot code", "lot"),
        Element("New product description", "label"),
        Element("New quantity", "quantity"),
        Element("New unit of measure", "unit"),
        Element("Location of transformation", "here"),
        Element("Date of transformation", "day"),
        Element("Transformed at", "at", needed=False),
        Element("Reference document type", "document_type"),
        Element("Reference document number", "document"),
        Element("Record", "record", needed=False),
    ),
}
Record = Mapping[str, Any]
Named = Callable[[str], Thing]
"""From an identifier to what it is."""


def record_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """A receipt or a shipping by its row: `event`, goods, `here`, whom it is from or for, `moved_at`, `tz`."""
    other = row["supplier_label"] or row["supplier"] or row["customer_label"] or row["customer"]
    there = ", ".join(part for part in (row["ship_to"], row["ship_to_address"]) if part)
    document = row["order_reference"] or row["reference"]
    kind = "Purchase order" if row["supplier"] else "Sales order" if row["customer"] else "Reference"
    return {
        **{name: row[name] for name in ("lot", "label", "sku", "gtin", "quantity", "here", "here_gln")},
        "unit": row["base_unit"],
        "other": other,
        "there": there or None,
        **_when(row["moved_at"], row["tz"]),
        "lot_source": None,
        "document_type": kind if document else None,
        "document": document or None,
        "record": row["client_id"],
    }


def _when(at: datetime, zone: str) -> dict[str, str]:
    there = at.astimezone(ZoneInfo(zone))
    return {"day": there.date().isoformat(), "at": rfc3339(to_us(at))}


def transformed(row: Mapping[str, Any], named: Named, place: Callable[[str], str]) -> Iterator[dict[str, Any]]:
    """A record for each lot that went in and each that came out of it."""
    body = row["body"]
    papers = body.get("bizTransactionList") or []
    where = row["biz_location"] or row["read_point"]
    told = {
        **_when(row["event_at"], "UTC"),
        "here": place(where) if where else None,
        "document_type": papers[0].get("type") if papers else None,
        "document": papers[0].get("bizTransaction") if papers else None,
        "record": row["event_id"],
    }
    for came in _amounts(body, "input", named):
        for made in _amounts(body, "output", named):
            went_in = {f"input_{name}": came[name] for name in ("lot", "sku", "label", "quantity", "unit")}
            yield {**told, **made, **went_in}


def _amounts(body: Mapping[str, Any], side: str, named: Named) -> list[dict[str, Any]]:
    quantities = body.get(f"{side}QuantityList") or ()
    told = [(each.get("epcClass"), each.get("quantity"), each.get("uom") or "piece") for each in quantities]
    told += [(each, 1, "piece") for each in body.get(f"{side}EPCList") or ()]
    found = []
    for name, quantity, unit in told:
        of = named(uri(name)) if name else Thing("other", "")
        lot = None if of.kind == "other" else of.code  # a product as such is no lot
        goods = {"lot": lot, "sku": of.sku or None, "label": of.label or None}
        found.append({**goods, "quantity": quantity, "unit": unit})
    return found


def cells(event: Event, record: Record) -> list[Any]:
    """A record as a row of its sheet."""
    return [record.get(element.key) for element in ELEMENTS[event]]


def missing(event: Event, records: Iterable[Record]) -> Sequence[tuple[str, int]]:
    """Of which elements that the rule asks for how many records have none, in the order of the columns.

    >>> told = {element.key: "x" for element in ELEMENTS["receiving"]}
    >>> missing("receiving", [told | {"other": None, "document": ""}, told])
    [('Immediate previous source', 1), ('Reference document number', 1)]
    """
    lacking = Counter[str]()
    for record in records:
        lacking.update(e.title for e in ELEMENTS[event] if e.needed and record.get(e.key) in (None, ""))
    return [(e.title, lacking[e.title]) for e in ELEMENTS[event] if lacking[e.title]]
