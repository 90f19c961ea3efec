"""What can be promised, by the one function that all ask."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from typing_extensions import TypedDict

from api.database import Row, Session
from api.http.jsons import Time, when
from api.resources.shared.ledger import shown_number
from domain.stock.availability import Available, Held, available
from domain.stock.moves import NOTHING
from domain.times import to_us
from store.db import queries

CUSTOMERS = "customer"


class Arrival(TypedDict):
    """What a vehicle brings: where and when it is next; `in_time`: it is there by then, nine times in ten.

    Null times: nobody can say. What goes to a customer comes to nobody else.
    """

    vehicle: str
    shipment: str | None
    site: str | None
    quantity: float
    p50: Time | None
    p90: Time | None
    in_time: bool


class Availability(TypedDict):
    """Of a product: `available` is `usable` (on hand, neither expired nor failed) less `reserved`, more `arriving`."""

    sku: str
    label: str
    base_unit: str
    site: str | None
    at: Time | None
    on_hand: float
    expired: float
    failed: float
    usable: float
    reserved: float
    in_transit: float
    arriving: float
    available: float
    arrivals: list[Arrival]


async def read_available(
    session: Session,
    products: Sequence[int],
    *,
    now: datetime,
    at: datetime,
    site: str | None = None,
    lot: int | None = None,
    but: str | None = None,
) -> dict[int, tuple[Available, list[Arrival]]]:
    """Of each product what can be promised for `at`, at a site or at all; reservation `but` aside."""
    q = queries("availability")
    asked: dict[str, Any] = {"products": list(products), "site": site, "lot": lot}
    rows = await session.rows(q["held"], **asked)
    vehicles = sorted({row["vehicle_id"] for row in rows if row["vehicle_id"]})
    coming = (
        {row["vehicle_id"]: row for row in await session.rows(q["arrivals"], vehicles=vehicles)} if vehicles else {}
    )
    promised = {
        row["product_id"]: row["quantity"] for row in await session.rows(q["reserved"], **asked, now=now, but=but)
    }
    held: defaultdict[int, list[Held]] = defaultdict(list)
    arrivals: defaultdict[int, list[Arrival]] = defaultdict(list)
    for row in rows:
        stop = coming.get(row["vehicle_id"])
        if row["vehicle_id"] and site is not None and (stop is None or stop["site"] != site):
            continue
        held[row["product_id"]].append(_held(row, stop))
        if row["vehicle_id"]:
            arrivals[row["product_id"]].append(_arrival(row, stop, at))
    at_us = to_us(at)
    return {
        key: (available(held[key], promised.get(key, NOTHING), at_us), _together(arrivals[key])) for key in products
    }


def availability_shown(
    product: Row, found: tuple[Available, list[Arrival]], site: str | None, at: datetime
) -> Availability:
    """From a row of `products_held` and what can be promised."""
    figures, arrivals = found
    numbers: dict[str, Any] = {name: shown_number(value) for name, value in figures._asdict().items()}
    names = {"sku": product["sku"], "label": product["label"], "base_unit": product["base_unit"]}
    return {**names, "site": site, "at": when(at), **numbers, "arrivals": arrivals}  # type: ignore[typeddict-item]


def _ours(stop: Row | None) -> bool:
    return stop is not None and stop["site_kind"] != CUSTOMERS


def _held(row: Row, stop: Row | None) -> Held:
    best_before_us = None if row["best_before"] is None else to_us(row["best_before"])
    by = stop["p90"] if stop is not None and _ours(stop) else None
    arrives_by_us = None if by is None else to_us(by)
    return Held(row["quantity"], best_before_us, row["failed"], arrives_by_us, in_transit=row["vehicle_id"] is not None)


def _arrival(row: Row, stop: Row | None, at: datetime) -> Arrival:
    found = stop or {}
    return {
        "vehicle": row["vehicle"],
        "shipment": found.get("shipment"),
        "site": found.get("site"),
        "quantity": shown_number(row["quantity"]),
        "p50": when(found.get("p50")),
        "p90": when(found.get("p90")),
        "in_time": _ours(stop) and found.get("p90") is not None and found["p90"] <= at,
    }


def _together(arrivals: list[Arrival]) -> list[Arrival]:
    """Lots of one vehicle as one."""
    found: dict[str, Arrival] = {}
    for each in arrivals:
        before = found.get(each["vehicle"])
        quantity = each["quantity"] + (before["quantity"] if before else 0.0)
        found[each["vehicle"]] = {**each, "quantity": quantity}
    return sorted(found.values(), key=lambda each: (each["p90"] is None, each["p90"] or "", each["vehicle"]))
