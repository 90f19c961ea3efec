"""The warehouse of the simulated fleet: two weeks of picks, advice that was followed then, and what is advised now.

What was picked came in before and has left since, so that as much lies there as without it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg

from domain.stock.moves import Place
from domain.times import to_us
from frostway.demo_ask import ACTOR, Ask
from operations.stock.decide import Told
from operations.stock.record import record
from planning.advice.work import advise_zone

CENTRE, ZONE = "dc-1", "chiller"
BINS: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("R-01", {"kind": "reserve", "pallets": 4, "load_kg": 2000}),
    ("R-02", {"kind": "reserve", "pallets": 4, "load_kg": 2000}),
    ("R-03", {"kind": "reserve", "pallets": 4, "load_kg": 2000}),
    ("R-04", {"kind": "reserve", "pallets": 4, "load_kg": 2000, "at": (1, 3.0)}),
    ("R-05", {"kind": "reserve", "pallets": 4, "load_kg": 2000, "at": (0, 12.0)}),
    ("P-01", {"kind": "pick_face", "face_of": "YOG-500", "face_full": 48, "at": (1, 1.0)}),
    ("IN-01", {"kind": "receiving"}),
    ("OUT-01", {"kind": "stage"}),
)
"""Bins, what they take, and where those stand that are new."""
CAME_IN = (("YOG-500", "P-01", 6), ("CHEESE-400", "IN-01", 24))
"""A pick face in which too little lies, and goods that nobody has put away yet."""
WANTED = {"YOG-500": (18, 10), "CHEESE-400": (11, 8), "MILK-1L": (8, 12)}
"""On how many lists of the last two weeks a product was, and how many pieces each time."""
DAYS = 14
MOVED: Mapping[str, Any] = {"from": "R-05", "to": "R-01", "skus": ["MILK-1L"], "trips": 1}
PROMISED_M, COST_M = 90.0, 28.0


def bring_picks(ask: Ask, connection: psycopg.Connection, skus: Sequence[str], now: datetime) -> None:
    """Picks of two weeks, what came of advice that was followed then, and what is advised now."""
    for code, said in BINS:
        _bin(ask, code, said)
    where = {row["sku"]: row["bin"] for row in _lying(ask) if row["sku"] in WANTED and row["sku"] in skus}
    told = sorted(_picks(where, now), key=lambda each: each.at_us or 0)
    if not told:
        return
    told += [
        Told(
            f"demo-{to_us(now) // 1_000_000}-{code}", "receive", sku, Decimal(pieces), "", to_us(now),
            target_place=Place("site", CENTRE, ZONE, code), reference="opening stock", source="program",
        )
        for sku, code, pieces in CAME_IN
        if sku in skus
    ]  # fmt: skip
    ask.do(record(told, to_us(now), ACTOR))
    zone = ask.rows("advice", "zones_laid_out", site=CENTRE, zone=ZONE)[0]
    begun = now - timedelta(days=DAYS, minutes=5)
    body = {"moves": [MOVED], "saved_m": PROMISED_M, "basis": {"lists": 20}}
    rows = json.dumps([{"body": body, "predicted": PROMISED_M - COST_M, "cost": COST_M}])
    made = {"site": zone["site_id"], "zone": zone["zone_id"], "days": DAYS, "by": ACTOR, "at": begun, "rows": rows}
    key = ask.rows("advice", "add_advice", **made)[0]["id"]
    done = {"status": "done", "by": ACTOR, "reason": "", "at": begun, "of": ["open"], "version": None}
    ask.rows("advice", "decide_advice", id=key, **done)
    advise_zone(connection, zone, now)


def _lying(ask: Ask) -> list[dict[str, str]]:
    codes = [code for code, _ in BINS]
    return ask.rows("advice", "lines_of_bins", site=CENTRE, codes=codes)


def _bin(ask: Ask, code: str, said: Mapping[str, Any]) -> None:
    keys = ask.rows("ledger", "zone_of_bins", site=CENTRE, zone=ZONE)[0]
    known = ask.rows("storing", "bins_told", site=CENTRE, zone=ZONE, codes=[code], limit=1)
    stood = (known[0]["aisle"], known[0]["along_m"]) if known else (None, None)
    aisle, along = said.get("at", stood)
    where = {"aisle": aisle, "along_m": along, "level": None, "label": ""}
    key = ask.rows("ledger", "put_bin", site=keys["site_id"], zone=keys["zone_id"], code=code, **where)[0]["id"]
    names = ("kind", "volume_m3", "load_kg", "pallets", "height_mm", "temp_class", "face_of", "face_full")
    ask.rows("ledger", "limit_bin", id=key, mixing="any", **{name: said.get(name) for name in names})


def _picks(where: dict[str, str], now: datetime) -> Iterator[Told]:
    name = f"demo-{to_us(now) // 1_000_000}"
    out = Place("site", CENTRE, ZONE, "OUT-01")
    begin = now - timedelta(days=DAYS)
    for sku, code in where.items():
        lists, pieces = WANTED[sku]
        place = Place("site", CENTRE, ZONE, code)
        more = Decimal(lists * pieces)
        yield Told(
            f"{name}-before-{sku}", "receive", sku, more, "", to_us(begin - timedelta(hours=1)), target_place=place,
            reference="opening stock", source="program",
        )  # fmt: skip
        for n in range(lists):
            at_us = to_us(begin + timedelta(days=DAYS) * (n + 0.5) / lists)
            alone = sku in MOVED["skus"]  # on lists of its own, as what came of its move is to be seen
            about = {"reference": f"{name}-{sku if alone else 'list'}-{n}", "source": "program"}
            step = f"{name}-{sku}-{n}"
            quantity = Decimal(pieces)
            yield Told(f"{step}-pick", "pick", sku, quantity, "", at_us, "", place, out, **about)  # type: ignore[arg-type]
            gone = at_us + 3600 * 10**6
            if gone < to_us(now):
                yield Told(f"{step}-out", "deliver", sku, quantity, "", gone, "", out, **about)  # type: ignore[arg-type]
