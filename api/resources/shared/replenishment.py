"""What to order, read and reckoned: all of a site's products at once, from one moment."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from api.database import Row, Session
from api.http.problems import Problem
from planning.demand.history import adjusted
from planning.replenishment.live import STALE_DAYS, USUAL, Coming, Goals, Known, Seen, Terms, expected_from, seen
from planning.replenishment.projection import Lot
from store.db import queries

PRODUCTS_MAX = 1_000
DAY_S = 86_400.0
_RECKONER = ThreadPoolExecutor(1, "replenishment")


class _Known(NamedTuple):
    """What is known of a product, which shipment brings what, which orders are drafts, what is there and unusable."""

    known: Known
    shipments: Mapping[str, str | None]
    drafts: frozenset[str]
    failed: float


class Item(NamedTuple):
    """A product at a site: its row, what is known of it, what is seen ahead, and the rest."""

    row: Row
    known: Known
    seen: Seen
    more: _Known


class Site(NamedTuple):
    """A site, and its products."""

    row: Row
    today: date
    items: list[Item]


class Read(NamedTuple):
    """What was read of a site, before anything is reckoned."""

    row: Row
    today: date
    items: list[tuple[Row, _Known]]


async def read_site(
    session: Session, site: str, now: datetime, *, sku: str | None = None, supplier: str | None = None
) -> Read:
    """Reads what is known of a site's products.

    Raises:
        Problem: 422, there is no such site, or it has more products than are looked at together.
    """
    q = queries("replenishment")
    place = await session.row(q["site"], site=site)
    if place is None:
        raise Problem(422, f"site: there is no {site}")
    today = now.astimezone(ZoneInfo(place["tz"])).date()
    asked = {"sku": sku, "supplier": supplier, "limit": PRODUCTS_MAX + 1}
    rows = await session.rows(q["items"], site_id=place["site_id"], **asked)
    if len(rows) > PRODUCTS_MAX:
        raise Problem(422, f"supplier: {site} has more than {PRODUCTS_MAX} products; ask for those of one supplier")
    given = await _given(session, place, rows)
    return Read(place, today, [(row, _known(row, given, now, today, place["site"])) for row in rows])


async def look(read: Read, days: int, *, ordered: bool = False) -> Site:
    """What is proposed and ahead; one site after the other, beside what else is asked."""

    def reckon() -> list[Item]:
        return [Item(row, each.known, seen(each.known, days, ordered=ordered), each) for row, each in read.items]

    return Site(read.row, read.today, await asyncio.get_running_loop().run_in_executor(_RECKONER, reckon))


class _Given(NamedTuple):
    """Rows by product, and lead times by supplier and product."""

    held: Mapping[int, list[Row]]
    arrivals: Mapping[int, Row]
    orders: Mapping[int, list[Row]]
    wanted: Mapping[int, list[Row]]
    leads: Mapping[tuple[int, int], tuple[float, ...]]
    general: Mapping[int, tuple[float, ...]]


async def _given(session: Session, place: Row, rows: Sequence[Row]) -> _Given:
    q, products = queries("replenishment"), [row["product_id"] for row in rows]
    asked: dict[str, Any] = {"site_id": place["site_id"], "products": products}
    held = await session.rows(queries("availability")["held"], products=products, site=place["site"], lot=None)
    vehicles = sorted({row["vehicle_id"] for row in held if row["vehicle_id"]})
    arrivals = await session.rows(queries("availability")["arrivals"], vehicles=vehicles) if vehicles else []
    leads: defaultdict[tuple[int, int], list[float]] = defaultdict(list)
    general: defaultdict[int, list[float]] = defaultdict(list)
    suppliers = sorted({row["supplier_id"] for row in rows if row["supplier_id"]})
    for row in await session.rows(q["lead_times"], site_id=place["site_id"], suppliers=suppliers):
        leads[row["supplier_id"], row["product_id"]].append(row["days"])
        general[row["supplier_id"]].append(row["days"])
    return _Given(
        _by_product(held),
        {row["vehicle_id"]: row for row in arrivals},
        _by_product(await session.rows(q["on_order"], **asked)),
        _by_product(await session.rows(q["wanted"], **asked, tz=place["tz"])),
        {key: tuple(days) for key, days in leads.items()},
        {key: tuple(days) for key, days in general.items()},
    )


def _by_product(rows: Sequence[Row]) -> dict[int, list[Row]]:
    found: defaultdict[int, list[Row]] = defaultdict(list)
    for row in rows:
        found[row["product_id"]].append(row)
    return found


def _known(row: Row, given: _Given, now: datetime, today: date, site: str) -> _Known:
    key = row["product_id"]
    lots, coming, vehicles, failed = _held(given.held.get(key, []), given.arrivals, now, site)
    if not row["told"] and row["seen"]:
        lots.append(Lot(float(row["seen"])))
    drafts = set()
    for order in given.orders.get(key, []):
        eta = None if order["p50"] is None else _eta(order, now)
        due = None if order["expected_on"] is None else float((order["expected_on"] - today).days)
        sent = None if order["sent_at"] is None else max((now - order["sent_at"]).total_seconds() / DAY_S, 0.0)
        coming.append(Coming(order["name"], order["quantity"], sent, due, eta))
        vehicles[order["name"]] = order["shipment"]
        if order["sent_at"] is None:
            drafts.add(order["name"])
    wanted: defaultdict[int, float] = defaultdict(float)
    for each in given.wanted.get(key, []):
        wanted[-1 if each["day"] is None else max((each["day"] - today).days, -1)] += each["quantity"]
    known = Known(
        lots, coming, dict(wanted), _expected(row, today),
        None if row["supplier"] is None
        else Terms(row["lead_days"], row["pack"], row["least"], None if row["price"] is None else float(row["price"])),
        USUAL if row["goal"] is None
        else Goals(row["goal"], row["service"], row["review_days"], row["cover_days"], row["most"]),
        given.leads.get((row["supplier_id"], key), ()), given.general.get(row["supplier_id"], ()),
    )  # fmt: skip
    return _Known(known, vehicles, frozenset(drafts), failed)


def _held(
    rows: Sequence[Row], arrivals: Mapping[int, Row], now: datetime, site: str
) -> tuple[list[Lot], list[Coming], dict[str, str | None], float]:
    """Lots that may be used, what vehicles bring here, of which shipment, and what is there and not to be used."""
    lots, failed = [], 0.0
    brought: dict[str, Coming] = {}
    vehicles: dict[str, str | None] = {}
    for row in rows:
        quantity = float(row["quantity"])
        left = float("inf") if row["best_before"] is None else (row["best_before"] - now).total_seconds() / DAY_S
        if row["vehicle_id"]:
            stop = arrivals.get(row["vehicle_id"])
            if stop is None or stop["site"] != site or stop["p50"] is None or row["failed"] or quantity <= 0:
                continue
            before = brought.get(row["vehicle"])
            more = before.quantity if before else 0.0
            brought[row["vehicle"]] = Coming(row["vehicle"], quantity + more, eta=_eta(stop, now), days_left=left)
            vehicles[row["vehicle"]] = stop["shipment"]
        elif row["failed"] or left <= 0:
            failed += quantity
        elif quantity > 0:
            lots.append(Lot(quantity, float("inf") if left == float("inf") else float(int(left))))
    return lots, list(brought.values()), vehicles, failed


def _eta(row: Row, now: datetime) -> tuple[float, float, float]:
    p10, p50, p90 = ((row[name] - now).total_seconds() / DAY_S for name in ("p10", "p50", "p90"))
    return p10, p50, p90


def _expected(row: Row, today: date) -> Any:
    if row["begins"] is None:
        return None
    changes = row["adjustments"] or ()
    mean = adjusted(row["mean"], row["begins"], changes)
    bounds = [None if row[n] is None else adjusted(row[n], row["begins"], changes) for n in ("p10", "p50", "p90")]
    return expected_from(row["begins"], today, mean, bounds)


def stale(row: Row, today: date) -> int | None:
    """How many days ago the forecast was made, where that is too long."""
    age = (today - row["begins"]).days if row["begins"] else 0
    return age if age >= STALE_DAYS else None
