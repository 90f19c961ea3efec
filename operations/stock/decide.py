"""What somebody who tells a move means: names become keys, quantities base units, and what cannot be is refused.

Statements are those of `store/queries/stock.sql`. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from domain.refusal import CannotError
from domain.stock.moves import WITH_REASON, Move, MoveError, Place, ends, units_of
from domain.stock.quantities import Quantity
from domain.stock.units import UnitError, Units, of_texts
from operations.unit_of_work import Row, Script, Statement

CLOCKS_US = 300 * 10**6
"""A caller's clock may be ahead of ours by so much."""


@dataclass(frozen=True)
class Told:
    """A move as somebody tells it, with names; no time: now. A reason with `allow_negative` explains what is short."""

    id: str
    kind: str
    sku: str
    quantity: Quantity
    unit: str = ""
    at_us: int | None = None
    lot: str = ""
    source_place: Place | None = None
    target_place: Place | None = None
    handling_unit: str = ""
    reason: str = ""
    reference: str = ""
    source: str = "person"
    allow_negative: bool = False
    evidence: Mapping[str, Any] | None = None


class Entry(NamedTuple):
    """A move with keys, as somebody told it, and the key of the move that it corrects."""

    move: Move
    told: Told
    corrects: int | None = None


class Product(NamedTuple):
    """A product that a move names."""

    id: int
    units: Units
    unit_value: Quantity | None


def understood(given: Sequence[Told], now_us: int) -> Script[tuple[list[Entry], set[int]]]:
    """Moves with keys, and which places are our own.

    Raises:
        CannotError: what of which move, and how to mend it.
    """
    said = [_with_places(each) for each in given]
    products = yield from products_of({each.sku for each in said})
    lots = yield from lots_of({each.lot for each in said if each.lot})
    places = yield from places_of(
        place for each in said for place in (each.source_place, each.target_place) if place is not None
    )
    entries = []
    for each in said:
        product = products[each.sku]
        key, of = lots.get(each.lot, (0, product.id))
        if of != product.id:
            raise CannotError(f"lot: {each.lot} is of another product than {each.sku}")
        entries.append(_entry(each, product, key, places, now_us))
    return entries, {key for place, key in places.items() if place.inner}


def _with_places(each: Told) -> Told:
    try:
        source, target = ends(each.kind, each.source_place, each.target_place)
    except MoveError as error:
        raise CannotError(f"move {each.id}: {error}") from None
    return replace(each, source_place=source, target_place=target)


def _entry(each: Told, product: Product, lot: int, places: Mapping[Place, int], now_us: int) -> Entry:
    """With keys in the place of names, its quantity in base units, its time to the millisecond."""
    at_us = now_us if each.at_us is None else each.at_us
    if at_us > now_us + CLOCKS_US:
        raise CannotError(f"at: move {each.id} is in the future; tell it when it has happened")
    if (each.kind in WITH_REASON or each.allow_negative) and not each.reason:
        why = "allow_negative" if each.allow_negative else each.kind
        raise CannotError(f"reason: move {each.id}: {why} needs one")
    if each.quantity == 0 and each.kind != "count":
        raise CannotError(f"quantity: move {each.id} moves nothing")
    unit = each.unit or product.units.base
    try:
        base = product.units.to_base(each.quantity, unit)
        taken, put = units_of(each.kind, each.handling_unit)
    except (UnitError, MoveError) as error:
        raise CannotError(f"move {each.id}: {error}") from None
    assert each.source_place is not None  # noqa: S101 - for the type checker
    assert each.target_place is not None  # noqa: S101 - for the type checker
    keys = places[each.source_place], places[each.target_place]
    if keys[0] == keys[1] and taken == put and each.kind != "count":
        raise CannotError(f"to: move {each.id} goes where it is")
    move = Move(each.id, each.kind, at_us // 1000 * 1000, product.id, lot, *keys, taken, put, base)
    return Entry(move, replace(each, unit=unit))


def products_of(skus: Iterable[str]) -> Script[dict[str, Product]]:
    """Products by SKU.

    Raises:
        CannotError: there is none.
    """
    wanted = sorted(set(skus))
    found = yield from products_known(wanted)
    if missing := [sku for sku in wanted if sku not in found]:
        raise CannotError(f"sku: there is no {missing[0]}; add it first")
    return found


def products_known(skus: Iterable[str]) -> Script[dict[str, Product]]:
    """Those products that there are, by SKU."""
    found = {}
    for row in (yield Statement("products_told", {"skus": sorted(set(skus))})):
        units = Units(row["base_unit"], of_texts(row["units"]))
        found[row["sku"]] = Product(row["id"], units, row["unit_value"])
    return found


def lots_of(codes: Iterable[str]) -> Script[dict[str, tuple[int, int]]]:
    """Keys of lots and of their products, by code.

    Raises:
        CannotError: there is none.
    """
    wanted = sorted(set(codes))
    if not wanted:
        return {}
    rows = yield Statement("lots_told", {"codes": wanted})
    found = {row["code"]: (row["id"], row["product_id"]) for row in rows}
    if missing := [code for code in wanted if code not in found]:
        raise CannotError(f"lot: there is no {missing[0]}; add it first")
    return found


def product_and_lot(sku: str, code: str) -> Script[tuple[Product, int]]:
    """A product, and the key of a lot of it (0: none is named).

    Raises:
        CannotError: there is no such product or lot, or the lot is of another one.
    """
    products = yield from products_of([sku])
    lots = yield from lots_of([code] if code else [])
    product = products[sku]
    key, of = lots.get(code, (0, product.id))
    if of != product.id:
        raise CannotError(f"lot: {code} is of another product than {sku}")
    return product, key


def product_at(sku: str, place: Place) -> Script[tuple[Product, int]]:
    """A product, and the key of a place.

    Raises:
        CannotError: there is no such product, site, zone, bin or vehicle.
    """
    products = yield from products_of([sku])
    places = yield from places_of([place])
    return products[sku], places[place]


def places_of(given: Iterable[Place]) -> Script[dict[Place, int]]:
    """Keys of places; one that nobody has named before gets one.

    Raises:
        CannotError: there is no such site, zone, bin or vehicle.
    """
    wanted = sorted(set(given))
    rows: list[dict[str, Any]] = []
    sites = yield from _sites([place for place in wanted if place.kind == "site"])
    vehicles = yield from _vehicles({place.vehicle for place in wanted if place.kind == "vehicle"})
    for n, place in enumerate(wanted):
        keys: dict[str, int | None] = dict.fromkeys(("site_id", "zone_id", "bin_id", "vehicle_id"))
        if place.kind == "site":
            keys.update(sites[place])
        if place.kind == "vehicle":
            keys["vehicle_id"] = vehicles[place.vehicle]
        rows.append({"n": n, "kind": place.kind, **keys})
    found = yield Statement("place_keys", {"rows": json.dumps(rows)})
    if len(found) < len(rows):
        yield Statement("add_places", {"rows": json.dumps(rows)})
        found = yield Statement("place_keys", {"rows": json.dumps(rows)})
    return {wanted[row["n"]]: row["id"] for row in found}


def _sites(wanted: Sequence[Place]) -> Script[dict[Place, dict[str, int | None]]]:
    if not wanted:
        return {}
    names = {
        part: sorted({getattr(place, part[:-1]) for place in wanted} - {""}) for part in ("sites", "zones", "bins")
    }
    rows = yield Statement("sites_told", names)
    return {place: _site(place, rows) for place in wanted}


def _site(place: Place, rows: Sequence[Row]) -> dict[str, int | None]:
    found = [row for row in rows if row["site"] == place.site]
    if not found:
        raise CannotError(f"site: there is no {place.site}; add it first")
    keys: dict[str, int | None] = {"site_id": found[0]["site_id"], "zone_id": None, "bin_id": None}
    if place.zone:
        found = [row for row in found if row["zone"] == place.zone]
        if not found:
            raise CannotError(f"zone: {place.site} has no {place.zone}; add it first")
        keys["zone_id"] = found[0]["zone_id"]
    if place.bin:
        found = [row for row in found if row["bin"] == place.bin]
        if not found:
            where = f"{place.site}/{place.zone}".rstrip("/")
            raise CannotError(f"bin: {where} has no {place.bin}; add it first")
        keys.update(zone_id=found[0]["zone_id"], bin_id=found[0]["bin_id"])
    return keys


def _vehicles(wanted: set[str]) -> Script[dict[str, int]]:
    if not wanted:
        return {}
    rows = yield Statement("vehicles_told", {"names": sorted(wanted)})
    found = {row["name"]: row["id"] for row in rows}
    if missing := sorted(wanted - found.keys()):
        raise CannotError(f"vehicle: there is no {missing[0]}; add it first")
    return found
