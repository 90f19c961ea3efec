"""What an event of somebody else did to our stock: moves of the ledger, or why it changes nothing.

Only events that say at which of our places so much of which of our products came, left or was counted change stock. One
that says where something lies (`storing`, `stocking`) is evidence of a place, not a move: whence it came is not told.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple
from urllib.parse import unquote

from domain.epcis.facts import UNITS
from domain.epcis.model import Event, uri

KINDS: Mapping[str, tuple[str, str]] = {
    "receiving": ("receive", "to"),
    "commissioning": ("receive", "to"),
    "shipping": ("deliver", "from"),
    "departing": ("deliver", "from"),
    "retail_selling": ("deliver", "from"),
    "dispensing": ("deliver", "from"),
    "destroying": ("waste", "from"),
    "decommissioning": ("waste", "from"),
    "cycle_counting": ("count", "at"),
    "stock_taking": ("count", "at"),
}
"""Kind of move by business step, and on which end our place is."""
MOVES_MAX = 100
_TRADE = re.compile(r"https://id\.gs1\.org/01/(\d{14})(?:/(10|21)/([^/]+))?")
_OF_CODE = {code: unit for unit, code in UNITS.items()}


class Amount(NamedTuple):
    """So much of a product, by GTIN-14; of a lot, or of none that is named. `unit`: "" is the product's own."""

    gtin: str
    lot: str
    quantity: Decimal
    unit: str


class Effect(NamedTuple):
    """Moves that an event is about: what, how much, and at which place."""

    kind: str
    end: str
    place: str
    amounts: tuple[Amount, ...]


def effect_of(event: Event) -> Effect | str:
    """What an event did to stock, by its own words; or why it did nothing."""
    if event.type != "ObjectEvent":
        return f"{event.type} changes no level of ours"
    step = event.biz_step or "no step"
    if step not in KINDS:
        return f"{step} changes no level"
    kind, end = KINDS[step]
    if event.disposition == "returned" and kind == "receive":
        kind = "return"
    place = event.biz_location or event.read_point if end == "to" else event.read_point or event.biz_location
    if place is None:
        return "it says no place"
    amounts = _amounts(event.body)
    if isinstance(amounts, str):
        return amounts
    return Effect(kind, end, place, amounts)


class _NotOursError(ValueError):
    """What it names cannot be counted; says why."""


def _amounts(body: Mapping[str, Any]) -> tuple[Amount, ...] | str:
    found: dict[tuple[str, str, str], Decimal] = {}
    try:
        for epc in body.get("epcList") or ():
            key = _item(epc), "", ""
            found[key] = found.get(key, Decimal(0)) + 1
        for each in body.get("quantityList") or ():
            key, quantity = _quantity(each)
            found[key] = found.get(key, Decimal(0)) + quantity
    except _NotOursError as error:
        return str(error)
    if not found or len(found) > MOVES_MAX:
        return f"it names more than {MOVES_MAX} products and lots" if found else "it names no goods"
    return tuple(Amount(gtin, lot, quantity, unit) for (gtin, lot, unit), quantity in sorted(found.items()))


def _item(epc: str) -> str:
    item = _TRADE.fullmatch(uri(epc))
    if item is None or item[2] != "21":
        raise _NotOursError(f"it names {epc[:80]}, which is no item with a serial number")
    return item[1]


def _quantity(each: Mapping[str, Any]) -> tuple[tuple[str, str, str], Decimal]:
    item = _TRADE.fullmatch(uri(each["epcClass"]))
    if item is None or item[2] == "21":
        raise _NotOursError(f"it names {each['epcClass'][:80]}, which is no product or lot")
    if each.get("quantity", -1) < 0:
        raise _NotOursError("it says no quantity" if "quantity" not in each else "it names less than nothing")
    unit = _OF_CODE.get(each["uom"]) if "uom" in each else ""
    if unit is None:
        raise _NotOursError(f"its unit {each['uom']} is none of {', '.join(sorted(_OF_CODE))}")
    return (item[1], unquote(item[3] or ""), unit), Decimal(str(each["quantity"]))


def move_id(event_id: str, n: int) -> str:
    """By which the ledger knows the nth move of an event.

    >>> move_id("urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6", 0)
    'epcis-880df1880e837da421ff1b34-0'
    """
    return f"epcis-{hashlib.sha256(event_id.encode()).hexdigest()[:24]}-{n}"
