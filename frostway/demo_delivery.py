"""Deliveries of the simulated fleet: an order with its proof, what comes back of it, doors of a dock."""

from __future__ import annotations

import hashlib
import struct
import zlib
from datetime import datetime
from decimal import Decimal
from math import sin

from domain.deliveries.proof import Said
from domain.stock.moves import Place
from domain.times import to_us
from firmware_sim.model import Shipment, World
from frostway.demo_ask import ACTOR, Ask
from frostway.demo_stock import CENTRE, VALUES, ZONE
from operations.orders.decide import StepTold
from operations.orders.record import LineTold, OrderTold, add_order, tell
from operations.proofs.record import Key, ProofTold, prove
from operations.returns.record import LineBack, announce
from operations.shipment_orders.record import carry
from store.registry import Registry

DOORS = (("door-1", "Door 1", "door"), ("door-2", "Door 2", "door"), ("staging", "Staging", "staging"))
PIECES, BACK = 12, 3
BAY = "R-01"
CARRYING, PROVING, RETURNING = (
    ("shipment_orders",),
    ("proofs", "orders", "stock"),
    ("returns", "orders"),
)
"""Where statements of each script stand: some of them have the same names."""
DOCK_HANDS = frozenset({"picker", "loader"})
MS_US = 1000
OPEN = ("planned", "in_transit")


def bring_dock(registry: Registry, world: World) -> None:
    """Doors and a staging zone at the centre."""
    if CENTRE not in {site.id for site in world.sites}:
        return
    ask = Ask(registry)
    for name, label, dock in DOORS:
        registry.put_zone(CENTRE, name, label)
        (zone,) = ask.rows("loading", "zone_dock", site=CENTRE, zone=name)
        ask.rows("loading", "put_zone_dock", key=zone["key"], dock=dock)


def bring_delivery(registry: Registry, world: World, customer: str, now: datetime, name: str) -> None:
    """An order `name` that a driver has handed over, signed, and of which some is to come back."""
    ask = Ask(registry)
    sku = next((p.sku for p in world.products if p.sku in VALUES), None)
    shipment = _carrier(ask, world)
    if sku is None or shipment is None:
        return
    stop, now_us = shipment.stops[0], to_us(now)
    order = OrderTold(name, customer, CENTRE, (LineTold(sku, Decimal(PIECES)),), stop.site)
    ask.do(add_order(order, now_us, ACTOR))
    ask.do(carry(shipment.id, {name: stop.seq}, ACTOR), CARRYING)
    bay, truck = Place("site", CENTRE, ZONE, BAY), Place("vehicle", vehicle=shipment.vehicle)
    stage = Place("site", CENTRE, DOORS[-1][0])
    ways = (("pick", bay, stage), ("load", stage, truck))
    steps = [
        StepTold(
            f"{name}-{kind}", 1, kind, Decimal(PIECES), "", now_us + n * MS_US, "", source, target, source="program"
        )
        for n, (kind, source, target) in enumerate(ways, 1)
    ]
    ask.do(tell(name, steps, now_us, ACTOR, DOCK_HANDS))
    picture = signature()
    digest = hashlib.sha256(picture).digest()
    ask.rows("proofs", "put_picture", digest=digest, media_type="image/png", content=picture, by=ACTOR)
    body = {"receiver": "Anna Virtanen", "signature": digest.hex(), "unsigned": "", "photos": [], "temperature_c": 4.1,
            "seal": "", "note": "", "exception": ""}  # fmt: skip
    told = ProofTold(Key("demo-phone", name, 1), now_us + 3 * MS_US, (Said(name, 1, Decimal(PIECES)),), body=body)
    proved = prove(shipment.id, stop.stop_id, told, hashlib.sha256(name.encode()).digest(), now_us + 3 * MS_US, ACTOR)
    ask.do(proved, PROVING)
    back = LineBack(1, Decimal(BACK), "too much was ordered", condition="unopened")
    ask.do(announce(f"{name}-R1", name, [back], "", ACTOR), RETURNING)


def _carrier(ask: Ask, world: World) -> Shipment | None:
    """The last shipment that is under way and still is what it was at first."""
    for shipment in reversed(world.shipments):
        rows = ask.rows("shipment_orders", "shipments_locked", names=[shipment.id])
        if shipment.status == "in_transit" and shipment.stops and rows and rows[0]["status"] in OPEN:
            return shipment
    return None


def signature(width: int = 220, height: int = 80) -> bytes:
    """A line as of a pen, as PNG; the same each time."""
    rows = [bytearray(b"\xff" * width) for _ in range(height)]
    for step in range(width * 8):
        x = step / 8
        y = int(height / 2 + height * 0.3 * sin(x / 9) * sin(x / 31 + 1))
        for dy in (0, 1, 2):
            if 10 <= x < width - 10:
                rows[min(height - 1, y + dy)][int(x)] = 0x20
    raw = b"".join(b"\0" + bytes(row) for row in rows)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
