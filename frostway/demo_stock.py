"""Stock of the simulated fleet: what lay on its shelves and in its centre when it began, by the ledger."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from domain.stock.moves import Place
from domain.times import to_us
from firmware_sim.model import World
from frostway.demo_ask import ACTOR, Ask
from frostway.demo_warehouse import bring_picks
from operations.stock.decide import Told
from operations.stock.record import record
from store.registry import Registry

CENTRE, ZONE, BINS = "dc-1", "chiller", 3
LAYOUT = {"aisles": BINS, "aisle_length_m": 20.0, "aisle_pitch_m": 3.0, "depot": 1.0}
ALONG_M = (6.0, 14.0, 17.0)
"""How far down its aisle each of the bins of the centre stands."""
CASES, ABOARD = 20, 4
CASE = {"name": "case", "numerator": "12", "denominator": "1"}
VALUES = {"MILK-1L": "1.15", "YOG-500": "1.90", "CHEESE-400": "4.50", "SALMON-300": "7.80"}
"""What one piece is worth."""
ENDING = ("SALMON-300", "SAL-52", timedelta(days=5))
"""A lot of which too much lies in the centre: nobody takes it there."""


def bring_stock(registry: Registry, world: World, now: datetime) -> None:
    """Opening stock on shelves and in the centre, and some on the first truck that is under way."""
    skus = [p.sku for p in world.products if p.sku in VALUES]
    if not any(d.slots for d in world.devices) or not skus:
        return
    ask = Ask(registry)
    for sku in skus:
        _units(ask, sku)
    sku, lot, days = ENDING
    if sku in skus:
        ends = (now + days).isoformat()
        ask.rows("inventory", "bring_lots", rows=json.dumps([{"lot": lot, "sku": sku, "best_before": ends}]), by=ACTOR)
    told = list(_opening(ask, world, skus, f"demo-{to_us(now) // 1_000_000}"))
    ask.do(record(told, to_us(now), ACTOR))
    bring_picks(ask, registry.connection, skus, now)


def take_stock_away(registry: Registry, world: World) -> None:
    """What the ledger has left of products of the simulated fleet goes."""
    ask, now_us = Ask(registry), to_us(datetime.now(UTC))
    told: list[Told] = []
    for product in world.products:
        keys = ask.rows("ledger", "keys_asked", sku=product.sku, lot=None)[0]
        every = {"unit": None, "search": None, "expires_by": None, "low": False, "empty": False}
        page = {**every, "places": None, "a": 0, "b": 0, "c": 0, "d": "", "limit": 1000}
        for row in ask.rows("ledger", "levels", **keys, **page):
            there = Place("vehicle", vehicle=row["vehicle"]) if row["vehicle"] else Place(
                "site", row["site"], row["zone"] or "", row["bin"] or ""
            )  # fmt: skip
            more, less = (None, there) if row["quantity"] < 0 else (there, None)
            told.append(
                Told(
                    f"demo-end-{now_us}-{len(told)}", "adjust", product.sku, abs(row["quantity"]), "", None,
                    row["lot"] or "", more, less, row["unit"], "the simulated fleet was removed", source="program",
                )
            )  # fmt: skip
    if told:
        ask.do(record(told, now_us, ACTOR))


def _opening(ask: Ask, world: World, skus: Sequence[str], name: str) -> Iterator[Told]:
    shelves = [(d, slot) for d in world.devices if d.site and d.zone for slot in d.slots if slot.sku in skus]
    for n, (device, slot) in enumerate(shelves):
        _bin(ask, device.site or "", device.zone or "", slot.slot)
        place = Place("site", device.site or "", device.zone or "", slot.slot)
        yield _received(f"{name}-shelf-{n}", slot.sku, slot.start_count, "", place)
    zone = ask.rows("ledger", "zone_layout", site=CENTRE, zone=ZONE)[0]
    ask.rows("ledger", "put_layout", key=zone["key"], **LAYOUT)
    for n, sku in enumerate(skus):
        code = f"R-{n % BINS + 1:02d}"
        _bin(ask, CENTRE, ZONE, code, (n % BINS, ALONG_M[n % BINS]))
        lot = ENDING[1] if sku == ENDING[0] else ""
        yield _received(f"{name}-centre-{n}", sku, CASES, "case", Place("site", CENTRE, ZONE, code), lot)
    under_way = next((s for s in world.shipments if s.status == "in_transit"), None)
    if under_way is not None:
        bay = Place("site", CENTRE, ZONE, "R-01")
        yield Told(
            f"{name}-load", "load", skus[0], Decimal(ABOARD), "case", None, "", bay,
            Place("vehicle", vehicle=under_way.vehicle), reference=under_way.id, source="program",
        )  # fmt: skip


def _received(name: str, sku: str, quantity: int, unit: str, place: Place, lot: str = "") -> Told:
    return Told(
        name, "receive", sku, Decimal(quantity), unit, lot=lot, target_place=place, reference="opening stock",
        source="program",
    )  # fmt: skip


def _units(ask: Ask, sku: str) -> None:
    row = ask.rows("ledger", "product_units", sku=sku)[0]
    if row["units"] or row["unit_value"] is not None:
        return
    ask.rows("ledger", "set_base_unit", product=row["key"], base="piece", value=VALUES[sku])
    ask.rows("ledger", "add_units", product=row["key"], rows=json.dumps([CASE]))


def _bin(ask: Ask, site: str, zone: str, code: str, at: tuple[int, float] | None = None) -> None:
    keys = ask.rows("ledger", "zone_of_bins", site=site, zone=zone)[0]
    where = {"aisle": at[0] if at else None, "along_m": at[1] if at else None, "level": None}
    ask.rows("ledger", "put_bin", site=keys["site_id"], zone=keys["zone_id"], code=code, label="", **where)
