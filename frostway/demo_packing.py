"""What the simulated fleet packs into, and an order of it that is picked and waits to be packed."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from domain.stock.moves import Place
from domain.times import to_us
from frostway.demo_ask import ACTOR, Ask
from frostway.demo_delivery import DOORS
from frostway.demo_stock import CENTRE
from operations.allocation.record import allocate
from operations.orders.decide import StepTold
from operations.orders.record import LineTold, OrderTold, add_order, tell

KINDS: tuple[tuple[str, str, str, tuple[int, int, int], dict[str, Any]], ...] = (
    ("demo-box-s", "Box S", "carton", (300, 200, 150), {"load_kg": 8, "tare_kg": 0.2}),
    ("demo-box-m", "Box M", "carton", (400, 300, 250), {"load_kg": 15, "tare_kg": 0.4, "fill_max": 0.95}),
    ("demo-tote", "Cool tote", "tote", (560, 360, 300),
     {"load_kg": 20, "tare_kg": 2.4, "fill_max": 0.9, "temp_classes": ["chilled", "frozen"]}),
    ("demo-pallet", "Euro pallet", "pallet", (1200, 800, 1500), {"load_kg": 800, "tare_kg": 25}),
)  # fmt: skip
"""Code, name, kind, inside in mm, what it takes and weighs."""
CUSTOMER, WANTED = "north-cafe", {"MILK-1L": 30, "YOG-500": 36, "CHEESE-400": 20}
PICKER = frozenset({"picker", "planner"})


def bring_packing(ask: Ask, skus: Collection[str], now: datetime, name: str) -> None:
    """Kinds of packaging, and an order `name` that is picked."""
    for code, label, kind, (length, width, height), more in KINDS:
        size = {"length_mm": length, "width_mm": width, "height_mm": height}
        told = {"fill_max": 1, "temp_classes": [], **size, **more}
        ask.rows("packing", "put_packaging", id=code, label=label, kind=kind, **told)
    lines = tuple(LineTold(sku, Decimal(pieces)) for sku, pieces in WANTED.items() if sku in skus)
    if not lines:
        return
    now_us = to_us(now)
    due = to_us(now + timedelta(hours=4))
    ask.do(add_order(OrderTold(name, CUSTOMER, CENTRE, lines, window=(None, due)), now_us, ACTOR))
    ask.do(allocate(name, now_us, ACTOR, PICKER))
    stage = Place("site", CENTRE, DOORS[-1][0])
    steps = [
        StepTold(
            f"{name}-pick-{n}", row["seq"], "pick", row["quantity"], lot=row["lot"] or "",
            source_place=Place("site", CENTRE, row["zone"] or "", row["bin"] or ""), target_place=stage,
            source="program",
        )
        for n, row in enumerate(ask.rows("orders", "to_pick", orders=[name], zone=None, limit=100))
        if not row["unit"]
    ]  # fmt: skip
    if steps:
        ask.do(tell(name, steps, now_us, ACTOR, PICKER))


def take_packing_away(ask: Ask) -> None:
    """Its packaging is proposed no more."""
    for code, *_ in KINDS:
        ask.rows("packing", "drop_packaging", id=code)
