"""What identifiers are called here: lots, units, sites, zones, bins. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from domain.epcis.facts import GTIN_DIGITS, Place, place_uri, site_uri
from domain.evidence.epcis import identifier
from domain.evidence.goods_events import lot_uri, unit_uri

Kind = Literal["lot", "unit", "item", "other"]
_LOT = re.compile(r"https://id\.gs1\.org/01/(\d{14})/10/([^/]+)")
_ITEM = re.compile(r"https://id\.gs1\.org/01/(\d{14})/21/([^/]+)")
_UNIT = re.compile(r"https://id\.gs1\.org/00/(\d{18})")


class Thing(NamedTuple):
    """What an identifier is: its kind, the code by which people know it, and of a lot or item the product."""

    kind: Kind
    code: str
    sku: str = ""
    label: str = ""


@dataclass
class Names:
    """Names of a tenant's own things by their identifiers; what is of others is told by what it says itself."""

    things: dict[str, Thing] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    products: dict[str, tuple[str, str]] = field(default_factory=dict)

    def thing(self, name: str) -> Thing:
        """What something is.

        >>> Names().thing("https://id.gs1.org/01/06414123456789/10/L1").code
        'L1'
        """
        if (known := self.things.get(name)) is not None:
            return known
        if found := _LOT.fullmatch(name):
            return Thing("lot", found[2], *self.products.get(found[1], ("", f"GTIN {found[1]}")))
        if found := _ITEM.fullmatch(name):
            return Thing("item", found[2], *self.products.get(found[1], ("", f"GTIN {found[1]}")))
        if found := _UNIT.fullmatch(name):
            return Thing("unit", found[1])
        return Thing("other", name)

    def place(self, name: str) -> str:
        """Where something is, as people say it; the identifier itself where nobody knows."""
        return self.places.get(name, name)


def names_of(
    tenant: str,
    lots: Iterable[Mapping[str, Any]],
    units: Iterable[Mapping[str, Any]],
    places: Iterable[Mapping[str, Any]],
    carriers: Iterable[Mapping[str, Any]] = (),
    products: Iterable[Mapping[str, Any]] = (),
) -> Names:
    """Names by rows of the store; of two with one identifier the first one counts."""
    found = Names()
    for row in products:
        found.products.setdefault(row["gtin"].zfill(GTIN_DIGITS), (row["sku"], row["label"]))
    for row in lots:
        thing = Thing("lot", row["lot"], row["sku"], row["label"])
        found.things.setdefault(lot_uri(tenant, row["lot"], row["gtin"]), thing)
    for row in units:
        found.things.setdefault(unit_uri(tenant, row["code"]), Thing("unit", row["code"]))
    for row in places:
        found.places.setdefault(site_uri(tenant, row["site"], row["gln"]), row["label"])
        if row["part"]:
            part = {row["kind"]: row["part"]}
            at = place_uri(tenant, Place("site", row["site"], row["gln"], **part))
            found.places.setdefault(at or "", f"{row['label']}, {row['part_label']}")
    for row in carriers:
        at = identifier(tenant, row["kind"], row["name"])
        found.places.setdefault(at, row["name"])
        found.things.setdefault(at, Thing("other", row["name"]))
    return found
