"""Orders of the simulated fleet: two customers, and what they want from the centre."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from domain.refusal import CannotError
from domain.times import to_us
from firmware_sim.model import World
from frostway.demo_ask import ACTOR, Ask
from frostway.demo_buying import bring_buying, take_buying_away
from frostway.demo_carriers import bring_carriers, take_carriers_away
from frostway.demo_delivery import bring_delivery, bring_dock
from frostway.demo_dispatch import CUSTOMER, bring_dispatch
from frostway.demo_docks import bring_docks, take_docks_away
from frostway.demo_packing import bring_packing, take_packing_away
from frostway.demo_stock import CENTRE, VALUES
from operations.allocation.record import allocate
from operations.orders.record import LineTold, OrderTold, add_order, cancel
from store.registry import Registry

CUSTOMERS = (("market-hall", "Market Hall", 2.0), ("north-cafe", "North Café", 0.0))
"""Code, name, how many days goods must last when they arrive."""
WANTED = (
    ("north-cafe", 5, 3.0, {"MILK-1L": 24, "YOG-500": 12}),
    ("market-hall", 0, 5.0, {"MILK-1L": 36, "CHEESE-400": 12, "SALMON-300": 24}),
    ("market-hall", 0, 26.0, {"SALMON-300": 400}),
)
"""Customer, priority, in how many hours it is due, pieces. Of the last there is less than is wanted."""
PLANNER = frozenset({"planner"})


def bring_orders(registry: Registry, world: World, now: datetime) -> None:
    """Orders that are taken in; the first two are given goods."""
    skus = {p.sku for p in world.products if p.sku in VALUES}
    if not skus or CENTRE not in {site.id for site in world.sites}:
        return
    ask = Ask(registry)
    for code, label, days in CUSTOMERS:
        ask.rows("orders", "put_customer", id=code, label=label, min_life_days=days)
    first = int(_next(ask).removeprefix("DEMO-"))
    for n, (customer, priority, hours, wanted) in enumerate(WANTED):
        lines = tuple(LineTold(sku, Decimal(pieces)) for sku, pieces in wanted.items() if sku in skus)
        if not lines:
            continue
        due = to_us(now + timedelta(hours=hours))
        name = f"DEMO-{first + n}"
        ask.do(add_order(OrderTold(name, customer, CENTRE, lines, "", "", priority, (None, due)), to_us(now), ACTOR))
        if n + 1 < len(WANTED):
            ask.do(allocate(name, to_us(now), ACTOR, PLANNER))
    bring_dispatch(registry, world, now, first + len(WANTED))
    bring_dock(registry, world)
    bring_carriers(ask, now)
    bring_docks(ask, world, now)
    bring_buying(ask, sorted(skus), now)
    bring_delivery(registry, world, CUSTOMER[0], now, _next(ask))
    bring_packing(ask, skus, now, _next(ask))


def _next(ask: Ask) -> str:
    """The name of the next order; those of a fleet before stay."""
    return f"DEMO-{101 + ask.rows('orders', 'count_made_by', by=ACTOR)[0]['count']}"


def take_orders_away(registry: Registry) -> None:
    """What nobody has picked of them is cancelled, and the customers are offered no more."""
    ask, now_us = Ask(registry), to_us(datetime.now(UTC))
    for row in ask.rows("orders", "orders_made_by", by=ACTOR):
        try:
            ask.do(cancel(row["name"], "the simulated fleet was removed", now_us, ACTOR, PLANNER))
        except CannotError:  # it was picked: it goes its way
            continue
    take_docks_away(ask)
    take_carriers_away(ask)
    take_buying_away(ask)
    take_packing_away(ask)
    for code, *_ in (*CUSTOMERS, CUSTOMER):
        ask.rows("orders", "retire_customer", id=code)
