"""What the simulated fleet's centre buys: two suppliers with terms, what was sold, and orders that are under way."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from domain.refusal import CannotError
from frostway.demo_ask import ACTOR, Ask
from frostway.demo_stock import CENTRE
from operations.purchasing.record import LineTold, OrderTold, StepTold, put, tell

FILES = ("purchasing",)
SUPPLIERS = (("valley-dairy", "Valley Dairy"), ("fjord-fish", "Fjord Fish"))
TERMS = {
    "MILK-1L": ("valley-dairy", 2, 12, 48, "0.62"), "YOG-500": ("valley-dairy", 2, 12, 24, "1.05"),
    "CHEESE-400": ("valley-dairy", 3, 12, 12, "2.40"), "SALMON-300": ("fjord-fish", 1, 6, 12, "4.90"),
}  # fmt: skip
"""Supplier, days promised, pack, minimum and price of one."""
SOLD = {"MILK-1L": 66, "YOG-500": 30, "CHEESE-400": 9, "SALMON-300": 24}
"""A day, on average."""
WEEK = (1.0, 0.9, 0.9, 1.0, 1.25, 1.35, 0.6)
SWAY = (0.04, -0.09, 0.02, 0.11, -0.05, -0.12, 0.08, 0.0, 0.06, -0.03, -0.02)
"""By how much days differ from their kind; eleven of them, so that they are no rhythm of weeks."""
BOUNDS = (("mean", 1.0), ("p10", 0.88), ("p50", 1.0), ("p90", 1.12))
HISTORY_DAYS, HORIZON_DAYS = 84, 56
ORDERED = (("YOG-500", 72, 1.0), ("CHEESE-400", 24, 5.0))
"""Product, pieces, how many days ago it was sent: one is on its way, one should be there."""


def bring_buying(ask: Ask, skus: Sequence[str], now: datetime) -> None:
    """Suppliers and terms of these products, sales of twelve weeks, forecasts of them as of today, orders under way."""
    for code, label in SUPPLIERS:
        ask.rows("purchasing", "put_supplier", id=code, label=label, contact="")
    sold = [sku for sku in TERMS if sku in skus]
    for sku in sold:
        supplier, lead, pack, least, price = TERMS[sku]
        terms = {"lead_days": lead, "pack": pack, "least": least, "price": Decimal(price), "currency": "EUR"}
        ask.rows("purchasing", "put_terms", supplier=supplier, sku=sku, by=ACTOR, **terms)
    _sales(ask, sold, now.date())
    first = 101 + ask.rows("purchasing", "count_made_by", by=ACTOR)[0]["count"]
    for n, (sku, pieces, days) in enumerate(ORDERED, first):
        if sku not in sold:
            continue
        name, at = f"DEMO-PO-{n}", now - timedelta(days=days)
        ask.do(put(OrderTold(name, TERMS[sku][0], CENTRE, (LineTold(sku, Decimal(pieces)),)), ACTOR), FILES)
        ask.do(tell(name, StepTold("send"), at, ACTOR), FILES)


def _sales(ask: Ask, skus: Sequence[str], today: date) -> None:
    asked = [{"n": n, "site": CENTRE, "sku": sku} for n, sku in enumerate(skus)]
    keys = {skus[row["n"]]: row for row in ask.rows("demand", "keys", rows=json.dumps(asked))}
    sales, forecasts = [], []
    for sku in skus:
        of = {"site_id": keys[sku]["site_id"], "product_id": keys[sku]["product_id"]}
        for n in range(HISTORY_DAYS, 0, -1):
            day = today - timedelta(days=n)
            quantity = round(SOLD[sku] * WEEK[day.weekday()] * (1 + SWAY[n % len(SWAY)]))
            sales.append({**of, "day": day.isoformat(), "quantity": quantity, "short": False})
        mean = [SOLD[sku] * WEEK[(today + timedelta(days=n)).weekday()] for n in range(HORIZON_DAYS)]
        known = {"model": "mean_of_three", "class": "smooth", "history_days": HISTORY_DAYS, "short_days": 0}
        bounds = {name: [round(v * f, 2) for v in mean] for name, f in BOUNDS}
        forecasts.append({**of, **known, **bounds, "begins": today.isoformat(), "switched_off": False})
    ask.rows("demand", "put_sales", rows=json.dumps(sales), by=ACTOR)
    ask.rows("demand", "put_forecasts", rows=json.dumps(forecasts))
    ask.rows("demand", "ran", now=datetime.now(UTC), made=len(forecasts))


def take_buying_away(ask: Ask) -> None:
    """What has not come is cancelled, and nothing more is ordered from the suppliers."""
    now = datetime.now(UTC)
    for row in ask.rows("purchasing", "orders_made_by", by=ACTOR):
        for step in ("cancel", "close"):
            try:
                ask.do(tell(row["name"], StepTold(step, reason="the simulated fleet was removed"), now, ACTOR), FILES)
            except CannotError:  # some of it has come: it is closed; or all has
                continue
            break
    for code, _ in SUPPLIERS:
        ask.rows("purchasing", "retire_supplier", id=code)
