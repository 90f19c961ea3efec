"""What a driver needs of a shipment, in one answer that is kept for when there is no network."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from typing_extensions import TypedDict

from api.database import Row, Session
from api.http.jsons import Time, when
from api.http.problems import not_found
from api.resources.shared.ledger import shown_number
from api.resources.shared.proofs import ANY, Proof, proofs
from api.resources.shared.shipments import shipment_parts, shipment_rows
from domain.deliveries.proof import geo_uri
from store.db import queries

PROOFS_MAX = 500


class RunGoods(TypedDict):
    """Goods of a line to hand over. `stage`: loaded, or how far they had come; `open`: nobody has picked them."""

    order: str
    line: int
    sku: str
    label: str
    base_unit: str
    gtin: str | None
    quantity: float
    lot: str | None
    handling_unit: str | None
    stage: str


class RunOrder(TypedDict):
    """An order that a stop is for, and where and of whom it is asked for."""

    order: str
    customer: str
    customer_label: str
    reference: str
    note: str
    window_start: Time | None
    window_end: Time | None
    place: str
    address: str
    access: str
    contact: str
    opening: list[dict[str, Any]]
    tz: str
    goods: list[RunGoods]


class RunEta(TypedDict):
    """When it is expected there."""

    p10: Time | None
    p50: Time | None
    p90: Time | None


class RunStop(TypedDict):
    """A stop. `navigation` is a `geo:` address that a telephone's maps open."""

    seq: int
    stop_id: str
    name: str
    lat: float
    lon: float
    radius_m: float
    navigation: str
    window_start: Time | None
    window_end: Time | None
    eta: RunEta | None
    arrived_at: Time | None
    departed_at: Time | None
    orders: list[RunOrder]
    proofs: list[Proof]


class Run(TypedDict):
    """A shipment as its driver needs it; `now` is the server's time of this answer."""

    shipment: str
    reference: str
    status: str
    vehicle: str | None
    driver: str | None
    now: Time | None
    stops: list[RunStop]


async def run_of(
    session: Session, *, name: str | None = None, key: int | None = None, driver: str | None = None
) -> Run:
    """The run of a shipment.

    Raises:
        Problem: 404, there is none.
    """
    now = datetime.now(UTC)
    rows = await shipment_rows(session, name=name, key=key)
    if not rows:
        raise not_found()
    shipment = rows[0]
    stops, _ = await shipment_parts(session, shipment["key"], now)
    orders = await _orders(session, shipment["key"])
    asked = {**ANY, "shipment": shipment["id"], "limit": PROOFS_MAX}
    told = await proofs(session, await session.rows(queries("proofs")["proofs"], **asked))
    names = {
        row["key"]: row["stop_id"]
        for row in await session.rows(queries("proofs")["stop_keys"], shipment=shipment["key"])
    }
    by_stop: dict[str, list[RunOrder]] = {row["stop_id"]: [] for row in stops}
    for stop, order in orders:
        if names.get(stop) in by_stop:
            by_stop[names[stop]].append(order)
    return {
        "shipment": shipment["id"],
        "reference": shipment["reference"],
        "status": shipment["status"],
        "vehicle": shipment["vehicle"],
        "driver": driver,
        "now": when(now),
        "stops": [
            _stop(row, by_stop[row["stop_id"]], [p for p in told if p["stop"] == row["stop_id"]]) for row in stops
        ],
    }


def _stop(row: Row, orders: list[RunOrder], told: list[Proof]) -> RunStop:
    eta: RunEta | None = None
    if row["p50"] is not None:
        eta = {"p10": when(row["p10"]), "p50": when(row["p50"]), "p90": when(row["p90"])}
    return {
        "seq": row["seq"],
        "stop_id": row["stop_id"],
        "name": row["name"],
        "lat": row["lat"],
        "lon": row["lon"],
        "radius_m": row["radius_m"],
        "navigation": geo_uri(row["lat"], row["lon"], row["name"]),
        "window_start": when(row["window_start"]),
        "window_end": when(row["window_end"]),
        "eta": eta,
        "arrived_at": when(row["arrived_at"]),
        "departed_at": when(row["departed_at"]),
        "orders": orders,
        "proofs": told,
    }


async def _orders(session: Session, shipment: int) -> list[tuple[int | None, RunOrder]]:
    """Orders with their goods, by the key of their stop."""
    q = queries("proofs")
    rows = await session.rows(q["run_orders"], shipment=shipment)
    keys = [row["key"] for row in rows]
    lines = await session.rows(q["run_lines"], orders=keys) if keys else []
    parts: dict[int, list[Row]] = {}
    for part in await session.rows(q["run_goods"], orders=keys) if keys else ():
        parts.setdefault(part["line"], []).append(part)
    goods: dict[int, list[RunGoods]] = {}
    names = {row["key"]: row["order"] for row in rows}
    for line in lines:
        goods.setdefault(line["order_id"], []).extend(
            goods_of(names[line["order_id"]], line, parts.get(line["key"], []))
        )
    return [(row["stop_id"], _order(row, goods.get(row["key"], []))) for row in rows]


def _order(row: Row, goods: list[RunGoods]) -> RunOrder:
    return {
        "order": row["order"],
        "customer": row["customer"],
        "customer_label": row["customer_label"] or row["customer"],
        "reference": row["reference"],
        "note": row["note"],
        "window_start": when(row["window_start"]),
        "window_end": when(row["window_end"]),
        "place": row["ship_to_label"] or "",
        "address": row["address"] or "",
        "access": row["access"] or "",
        "contact": row["contact"] or "",
        "opening": row["opening"] or [],
        "tz": row["tz"] or "UTC",
        "goods": goods,
    }


BACK = ("unload", "deliver", "refuse")
EARLIER = ("packed", "picked", "allocated")


def goods_of(order: str, line: Row, parts: list[Row]) -> list[RunGoods]:
    """What there is to hand over of a line: loaded goods by lot and unit, else as far as they have come.

    What was ordered and nobody has told of stands without lot and unit: it may be aboard for all that.
    """
    left: dict[tuple[str, str, str], Decimal] = {}
    for part in parts:
        stage = "loaded" if part["kind"] in ("load", *BACK) else part["kind"]
        sign = -1 if part["kind"] in BACK else 1
        key = stage, part["lot"] or "", part["unit"]
        left[key] = left.get(key, Decimal(0)) + sign * part["quantity"]
    for (stage, lot, unit), n in list(left.items()):  # handed over, though nobody has told that it was loaded
        for earlier in EARLIER if stage == "loaded" and n < 0 else ():
            if (earlier, lot, unit) in left:
                left[earlier, lot, unit] += n
    stages = {stage: Decimal(n) for stage, n in line["stages"].items()}
    found = [_goods(order, line, key, n) for key, n in sorted(left.items(), key=_rank) if n > 0]
    rest = stages.get("open", Decimal(0)) - sum((Decimal(n) for n in line["waiting"].values()), Decimal(0))
    if rest > 0:
        found.append(_goods(order, line, ("open", "", ""), rest))
    return found


def _rank(item: tuple[tuple[str, str, str], Decimal]) -> tuple[int, str, str]:
    (stage, lot, unit), _ = item
    return ("loaded", *EARLIER).index(stage), unit, lot


def _goods(order: str, line: Row, key: tuple[str, str, str], quantity: Decimal) -> RunGoods:
    stage, lot, unit = key
    return {
        "order": order,
        "line": line["line"],
        "sku": line["sku"],
        "label": line["label"] or line["sku"],
        "base_unit": line["base_unit"],
        "gtin": line["gtin"],
        "quantity": shown_number(quantity),
        "lot": lot or None,
        "handling_unit": unit or None,
        "stage": stage,
    }
