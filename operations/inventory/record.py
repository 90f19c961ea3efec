"""Brings an inventory in: products, places, lots and opening stock of one file, all of it or nothing.

What is wrong is found line by line before anything is written, so that all of it is told at once. Statements are those
of `store/queries/inventory.sql` and `stock.sql`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from domain.faults import fault, fault_of
from domain.refusal import CannotError
from domain.stock.inventory import BIN_COLUMNS, Line, opening_id, plain, units_known
from domain.stock.moves import Place
from domain.stock.units import PIECE
from operations.stock.decide import Told
from operations.stock.record import record
from operations.unit_of_work import Row, Script, Statement

PRODUCT = (
    "label", "gtin", "base_unit", "case_pieces", "pallet_cases", "unit_value", "unit_mass_kg", "low_c", "high_c",
    "reorder_point",
)  # fmt: skip
SITE = ("site_label", "site_kind", "lat", "lon")
LOT = ("made_at", "best_before")
FAULTS_MAX = 1000


class Wrong(NamedTuple):
    """What is wrong with a line, and in which column."""

    line: int
    column: str
    problem: str


class InventoryError(Exception):
    """Nothing is brought in: what is wrong, line by line."""

    def __init__(self, faults: Sequence[Wrong]) -> None:
        super().__init__(f"{len(faults)} things are wrong")
        self.faults = tuple(faults)


class Brought(NamedTuple):
    """How many there are of each in the file, and how many of those are new."""

    lines: int
    products: int
    products_new: int
    sites_new: int
    zones_new: int
    bins_new: int
    lots: int
    lots_new: int
    moves: int
    moves_new: int


@dataclass
class _Sheet:
    """What all lines together say of each thing, and what is wrong."""

    products: dict[str, dict[str, Any]] = field(default_factory=dict)
    sites: dict[str, dict[str, Any]] = field(default_factory=dict)
    lots: dict[str, dict[str, Any]] = field(default_factory=dict)
    bins: dict[str, dict[str, Any]] = field(default_factory=dict)
    faults: list[Wrong] = field(default_factory=list)
    first: dict[tuple[str, str, str], int] = field(default_factory=dict)

    def wrong(self, line: int, column: str, problem: str) -> None:
        if len(self.faults) < FAULTS_MAX:
            self.faults.append(Wrong(line, column, problem))

    def say(self, kind: str, name: str, line: Line, columns: Iterable[str], things: dict[str, dict[str, Any]]) -> None:
        """What a line says of a thing; two lines that say otherwise are wrong."""
        thing = things.setdefault(name, {})
        for column in columns:
            value = line[column]
            if value is None:
                continue
            before = thing.setdefault(column, value)
            at = self.first.setdefault((kind + name, column, ""), line.at)
            if before != value:
                self.wrong(line.at, column, fault("other_before", name=name, line=at, before=before))


def bring_in(lines: Sequence[Line], now_us: int, by: str, reference: str = "opening") -> Script[Brought]:
    """Brings lines in. Opening stock is `receive` from outside, each line once by what it is about and `reference`.

    Raises:
        InventoryError: something is wrong; nothing is to be kept of this transaction.
    """
    sheet = _gathered(lines)
    products = yield from _products(sheet, lines)
    places = yield from _places(sheet, lines)
    lots = yield from _lots(sheet, lines)
    if sheet.faults:
        raise InventoryError(sheet.faults)
    yield from _write_products(sheet)
    zones, bins = yield from _write_places(sheet, lines, places)
    yield from _write_lots(sheet, by)
    moves, new = yield from _move(lines, now_us, by, reference)
    known_sites = set(places)
    return Brought(
        len(lines), len(sheet.products), len(sheet.products.keys() - products), len(sheet.sites.keys() - known_sites),
        zones, bins, len(sheet.lots), len(sheet.lots.keys() - lots), moves, new,
    )  # fmt: skip


def _gathered(lines: Sequence[Line]) -> _Sheet:
    sheet = _Sheet()
    there: dict[tuple[Any, ...], int] = {}
    for line in lines:
        for column, problem in line.faults.items():
            sheet.wrong(line.at, column, problem)
        if line.faults:
            continue
        if line["sku"]:
            sheet.say("product ", line["sku"], line, PRODUCT, sheet.products)
            if line.own:
                sheet.products[line["sku"]].setdefault("attributes", {}).update(line.own)
        if line["site"]:
            sheet.say("site ", line["site"], line, SITE, sheet.sites)
        if line["lot"]:
            sheet.say("lot ", line["lot"], line, ("sku", *LOT), sheet.lots)
        _say_bin(sheet, line)
        if line["quantity"] is not None:
            key = tuple(line[name] for name in ("sku", "lot", "site", "zone", "bin"))
            before = there.setdefault(key, line.at)
            if before != line.at:
                sheet.wrong(line.at, "quantity", fault("told_before", line=before))
    return sheet


def _say_bin(sheet: _Sheet, line: Line) -> None:
    if line["bin"]:
        name = f"{line['site']}/{line['bin']}"
        sheet.say("bin ", name, line, BIN_COLUMNS, sheet.bins)
        sheet.bins[name] |= {part: line[part] for part in ("site", "zone", "bin")}


def _products(sheet: _Sheet, lines: Sequence[Line]) -> Script[set[str]]:
    rows = yield Statement("products_there", {"skus": sorted(sheet.products)})
    there = {row["sku"]: row for row in rows}
    gtins = {said["gtin"]: sku for sku, said in sheet.products.items() if said.get("gtin")}
    rows = yield Statement("gtins_there", {"gtins": sorted(gtins)})
    whose = {row["gtin"]: row["sku"] for row in rows}
    seen: dict[str, str] = {}
    for line in _each(lines, "sku"):
        sku, gtin = line["sku"], line["gtin"]
        known = there.get(sku)
        if known is not None and known["retired"]:
            sheet.wrong(line.at, "sku", fault("retired", name=sku))
        if gtin and whose.get(gtin, sku) != sku:
            sheet.wrong(line.at, "gtin", fault("gtin_taken", gtin=gtin, sku=whose[gtin]))
        elif gtin and seen.setdefault(gtin, sku) != sku:
            sheet.wrong(line.at, "gtin", fault("gtin_twice", gtin=gtin, sku=seen[gtin]))
        _check_units(sheet, line, sheet.products[sku], known)
    return set(there)


def _check_units(sheet: _Sheet, line: Line, said: Mapping[str, Any], known: Row | None) -> None:
    base = said.get("base_unit") or (known["base_unit"] if known else PIECE)
    if known is not None and known["moved"] and base != known["base_unit"] and line["base_unit"]:
        sheet.wrong(line.at, "base_unit", fault("base_unit_stays", sku=line["sku"], unit=known["base_unit"]))
    packs = [name for name, column in (("case", "case_pieces"), ("pallet", "pallet_cases")) if column in said]
    units = units_known(base, [*packs, *(known["units"] if known else ())])
    if line["unit"] and line["unit"] not in units:
        said = {"sku": line["sku"], "unit": line["unit"], "units": ", ".join(sorted(units))}
        sheet.wrong(line.at, "unit", fault("case_unknown" if line["unit"] == "case" else "unit_unknown", **said))


def _places(sheet: _Sheet, lines: Sequence[Line]) -> Script[dict[str, Row]]:
    bins = sorted({line["bin"] for line in _each(lines, "bin")})
    rows = yield Statement("places_there", {"sites": sorted(sheet.sites), "bins": bins})
    there = {row["site"]: row for row in rows}
    zone_of: dict[tuple[str, str], str] = {(r["site"], code): zone for r in rows for code, zone in r["bins"].items()}
    for line in _each(lines, "site"):
        site, known = line["site"], there.get(line["site"])
        if known is None and not {"lat", "lon"} <= sheet.sites[site].keys():
            sheet.wrong(line.at, "site", fault("no_site", site=site))
        elif known is not None and known["retired"]:
            sheet.wrong(line.at, "site", fault("retired", name=site))
        if line["bin"] and zone_of.setdefault((site, line["bin"]), line["zone"]) != line["zone"]:
            other = zone_of[site, line["bin"]]
            sheet.wrong(line.at, "bin", fault("bin_elsewhere", bin=line["bin"], site=site, zone=other))
    return there


def _lots(sheet: _Sheet, lines: Sequence[Line]) -> Script[set[str]]:
    rows = yield Statement("lots_there", {"codes": sorted(sheet.lots)})
    there = {row["code"]: row["sku"] for row in rows}
    for line in _each(lines, "lot"):
        if there.get(line["lot"], line["sku"]) != line["sku"]:
            sheet.wrong(line.at, "lot", fault("lot_of_other", lot=line["lot"], sku=there[line["lot"]]))
    return set(there)


def _each(lines: Sequence[Line], column: str) -> Iterable[Line]:
    return (line for line in lines if not line.faults and line[column])


# ------------------------------------------------------------------ written
def _write_products(sheet: _Sheet) -> Script[None]:
    if not sheet.products:
        return
    rows = [{"sku": sku, **said} for sku, said in sheet.products.items()]
    yield Statement("bring_products", {"rows": _json(rows)})
    packs = []
    for sku, said in sheet.products.items():
        case = said.get("case_pieces")
        if case is not None:
            packs.append({"sku": sku, "name": "case", "quantity": case})
            if (pallet := said.get("pallet_cases")) is not None:
                packs.append({"sku": sku, "name": "pallet", "quantity": case * pallet})
    if packs:
        yield Statement("bring_units", {"rows": _json(packs)})


def _write_places(sheet: _Sheet, lines: Sequence[Line], there: Mapping[str, Row]) -> Script[tuple[int, int]]:
    new = [
        {"site": site, "label": said.get("site_label", site), "kind": said.get("site_kind", "store"), **_where(said)}
        for site, said in sheet.sites.items()
        if site not in there
    ]
    if new:
        yield Statement("bring_sites", {"rows": _json(new)})
    zones = {(line["site"], line["zone"]) for line in _each(lines, "zone")}
    zones -= {(site, zone) for site, row in there.items() for zone in row["zones"]}
    if zones:
        yield Statement("bring_zones", {"rows": _json([{"site": s, "zone": z} for s, z in sorted(zones)])})
    bins = {(line["site"], line["zone"], line["bin"]) for line in _each(lines, "bin")}
    new_bins = {each for each in bins if each[0] not in there or each[2] not in there[each[0]]["bins"]}
    told = [said for _, said in sorted(sheet.bins.items()) if _new_or_more(said, new_bins)]
    if told:
        yield Statement("bring_bins", {"rows": _json(told)})
    return len(zones), len(new_bins)


def _new_or_more(said: Mapping[str, Any], new: set[tuple[str, str, str]]) -> bool:
    return (said["site"], said["zone"], said["bin"]) in new or not said.keys().isdisjoint(BIN_COLUMNS)


def _where(said: Mapping[str, Any]) -> Mapping[str, float]:
    return {"lat": float(said["lat"]), "lon": float(said["lon"])}


def _write_lots(sheet: _Sheet, by: str) -> Script[None]:
    if sheet.lots:
        rows = [{"lot": lot, **said} for lot, said in sheet.lots.items()]
        yield Statement("bring_lots", {"rows": _json(rows), "by": by})


def _move(lines: Sequence[Line], now_us: int, by: str, reference: str) -> Script[tuple[int, int]]:
    """Opening stock as moves; all at one time."""
    told, at = [], {}
    for line in lines:
        if not line["quantity"]:
            continue
        place = Place("site", line["site"], line["zone"] or "", line["bin"] or "")
        name = opening_id(reference, line["sku"], line["lot"] or "", str(place))
        at[name] = line.at
        told.append(
            Told(
                name, "receive", line["sku"], line["quantity"], line["unit"] or "", lot=line["lot"] or "",
                target_place=place, reason="opening stock", reference=reference, source="import",
            )
        )  # fmt: skip
    if not told:
        return 0, 0
    try:
        done = yield from record(told, now_us, by)
    except CannotError as error:
        name = next((name for name in at if name in str(error)), "")
        why = fault("opened_before") if error.conflict else fault_of(error)
        raise InventoryError([Wrong(at.get(name, 0), "quantity", why)]) from None
    return len(told), len(done.new)


def _json(rows: Sequence[Mapping[str, Any]]) -> str:
    return json.dumps(rows, default=plain)
