"""What dispatch of the simulated fleet is planned from: places with hours, orders for tomorrow, compartments."""

from __future__ import annotations

import json
from datetime import datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from domain.times import to_us
from firmware_sim.model import World
from frostway.demo_ask import ACTOR, Ask
from frostway.demo_stock import CENTRE
from operations.orders.record import LineTold, OrderTold, add_order
from store.registry import Registry

CUSTOMER = ("city-stores", "City stores", 0.0)
PACKED = {
    "MILK-1L": (1.06, (70, 70, 240)), "YOG-500": (0.55, (95, 95, 90)), "CHEESE-400": (0.43, (160, 90, 40)),
    "SALMON-300": (0.36, (220, 140, 30)),
}  # fmt: skip
"""Gross mass in kg, size in mm; all are chilled."""
OPENING = [{"days": [1, 2, 3, 4, 5, 6, 7], "from": "06:00", "to": "20:00"}]
WANTED = ((8, 11, "MILK-1L", 4800), (9, 14, "YOG-500", 6000), (12, 17, "CHEESE-400", 6000))
"""From which hour to which of tomorrow a place wants how many pieces; places take turns."""
COOLED = 0.7
"""How much of a vehicle of the stores' fleet is kept cold; the rest is not."""


def bring_dispatch(registry: Registry, world: World, now: datetime, first: int) -> None:
    """Orders from number `first` on, to each place that is no centre; how goods travel, and what fits where."""
    skus = {p.sku for p in world.products} & PACKED.keys()
    places = [site for site in world.sites if site.kind != "dc"]
    if not skus or not places:
        return
    ask = Ask(registry)
    _furnish(ask, world, sorted(skus))
    code, label, days = CUSTOMER
    ask.rows("orders", "put_customer", id=code, label=label, min_life_days=days)
    for site in places:
        ask.rows(
            "orders", "put_ship_to", customer=code, id=site.id, label=site.label, address="", lat=site.lat,
            lon=site.lon, tz=site.tz, opening=json.dumps(OPENING), service_s=900, access="", contact="",
        )  # fmt: skip
    for n, site in enumerate(places):
        begin, end, sku, pieces = WANTED[n % len(WANTED)]
        if sku not in skus:
            continue
        day = now.astimezone(ZoneInfo(site.tz)).date() + timedelta(days=1)
        window = tuple(to_us(datetime.combine(day, time(hour), ZoneInfo(site.tz))) for hour in (begin, end))
        lines = (LineTold(sku, Decimal(pieces)),)
        told = OrderTold(
            f"DEMO-{first + n}", code, CENTRE, lines, site.id, "", 0, (window[0], window[1]), "for tomorrow"
        )
        ask.do(add_order(told, to_us(now), ACTOR))


def _furnish(ask: Ask, world: World, skus: list[str]) -> None:
    for sku in skus:
        mass, (length, width, height) = PACKED[sku]
        told = {"gross_mass_kg": mass, "length_mm": length, "width_mm": width, "height_mm": height}
        ask.rows(
            "registry", "pack_product", sku=sku, parts=[*told, "temp_class"], temp_class="chilled", apart=None, **told
        )
    for vehicle in world.vehicles:
        if vehicle.about is None or vehicle.about.fleet != "Stores":
            continue
        key = ask.rows("dispatch", "vehicle_locked", name=vehicle.id)[0]["id"]
        rooms = [
            {"name": name, "temp_class": of, "load_kg": round(vehicle.about.load_capacity_kg * part),
             "volume_m3": round(vehicle.about.volume_capacity_m3 * part, 1), "pallets": None}
            for name, of, part in (("front", "ambient", 1 - COOLED), ("rear", "chilled", COOLED))
        ]  # fmt: skip
        ask.rows("dispatch", "drop_compartments", vehicle=key)
        ask.rows("dispatch", "put_compartments", vehicle=key, rows=json.dumps(rooms))
