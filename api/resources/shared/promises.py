"""When orders can be with their customers: what is known of goods and ways, read and judged."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from typing_extensions import TypedDict

from api.database import Row, Session
from api.http.jsons import Time, when
from api.http.problems import Problem
from api.resources.shared.dispatch.gather import travel_of
from planning.dispatch.opening import open_spans
from planning.dispatch.travel import Ways
from planning.promises.supply import Claim, Lot, Receipt, Supply
from planning.promises.verdict import Asked, Code, Given, Limit, Line, Verdict, verdict
from store.db import queries

DAY_S = 86_400.0
PREPARE_MIN = 120
"""To pick, pack and load, where nobody says another time."""
AHEAD_S = DAY_S
"""So long before the end of their windows others are to be given their goods."""
HORIZON_S = 120 * DAY_S
LEADS_MIN = 5
"""Fewer lead times of a product are not its own: those of its supplier stand in for them."""


class PromiseLimit(TypedDict):
    """What makes it no earlier. `short`: nothing known brings so much of the line; `receipt`: it has to come first;
    `shipment`: that leaves later; `hours` of the place; `prepare`, `transport`: how long they take; `no_place`: where
    site or place lies nobody has told.
    """  # noqa: D205 - a list

    code: Code
    line: int | None
    sku: str | None
    quantity: float | None
    receipt: str | None
    at: Time | None
    minutes: float | None


class PromiseLine(TypedDict):
    """When a line can be given: half of the times, and nine times in ten; null: nothing known brings so much.

    `receipt`: what it waits for; `missing`: so much is neither there nor expected.
    """

    line: int
    sku: str
    label: str
    base_unit: str
    quantity: float
    earliest: Time | None
    p90: Time | None
    receipt: str | None
    missing: float


class PromiseWay(TypedDict):
    """The way from the site; `source`: it rests on `trips` that were driven, or on what is usual (`default`)."""

    km: float
    minutes: float
    source: str


class Promise(TypedDict):
    """When an order can be with its customer, as things are known `as_of`.

    `ready`: picked, packed and loaded; `earliest`, `p90`: with the customer; null: never, or nobody can say (`limit`).
    `chance`: that the window is kept; null: it has no end, or nobody can say. `undated`: purchase orders that are not
    counted, as nobody says when they come.
    """

    as_of: Time | None
    customer: str
    ship_to: str | None
    site: str
    window_start: Time | None
    window_end: Time | None
    lines: list[PromiseLine]
    prepare_min: float
    ready: Time | None
    earliest: Time | None
    p90: Time | None
    chance: float | None
    limit: PromiseLimit
    travel: PromiseWay | None
    undated: list[str]


class WantedLine(NamedTuple):
    """So much of a product, in base units."""

    line: int
    sku: str
    quantity: float


@dataclass(frozen=True)
class Question:
    """What is asked of the world. `order`: name, key and rank of one that is there; `ahead`: only more urgent ones go
    before it, as goods are given; else all others do.
    """  # noqa: D205 - one thing

    now: datetime
    customer: str
    ship_to: str | None
    site: str
    window: tuple[datetime | None, datetime | None]
    lines: tuple[WantedLine, ...]
    prepare_min: float = PREPARE_MIN
    order: Row | None = None
    ahead: bool = False


async def promised(session: Session, asked: Question) -> tuple[Promise, Verdict]:
    """Reads what is known and judges.

    Raises:
        Problem: 422, it names what is not there.
    """
    q = queries("orders")
    customer = await session.row(q["customers"], id=asked.customer, search=None, after="", limit=1)
    if customer is None:
        raise Problem(422, f"customer: there is no {asked.customer}; add it first")
    place = None
    if asked.ship_to:
        place = await session.row(q["ship_tos"], customer=asked.customer, id=asked.ship_to, after="", limit=1)
        if place is None:
            raise Problem(422, f"ship_to: {asked.customer} has no {asked.ship_to}; add it first")
    site = await session.row(queries("promises")["site"], site=asked.site)
    if site is None:
        raise Problem(422, f"site: there is no {asked.site}; add it first")
    skus = sorted({line.sku for line in asked.lines})
    products = {row["sku"]: row for row in await session.rows(queries("promises")["products"], skus=skus)}
    supplies, undated = await _supplies(session, asked, site, list(products.values()), customer["min_life_days"])
    ways = await _ways(session, site, place, asked.now)
    shipment = None
    if asked.order is not None:
        shipment = await session.row(queries("promises")["shipment_of"], order=asked.order["key"])
    now_s = asked.now.timestamp()
    start, end = (None if at is None else at.timestamp() for at in asked.window)
    until = int(max(now_s, end or now_s) + HORIZON_S)
    spans = open_spans(place["opening"] or (), place["tz"], int(now_s), until) if place else ((int(now_s), until),)
    eta = shipment if shipment and shipment["p50"] is not None else None
    given = Asked(
        now_s, tuple(Line(each.line, products[each.sku]["id"], each.quantity) for each in asked.lines), supplies,
        asked.prepare_min * 60, ways, spans, customer["min_life_days"] * DAY_S, (start, end),
        shipment["leaves"].timestamp() if shipment and shipment["leaves"] else None,
        (eta["p10"].timestamp(), eta["p50"].timestamp(), eta["p90"].timestamp()) if eta else None,
    )  # fmt: skip
    found = await asyncio.to_thread(verdict, given)
    return _shape(asked, products, found, undated), found


async def _ways(session: Session, site: Row, place: Row | None, now: datetime) -> Ways | None:
    if place is None or place["lat"] is None or site["lat"] is None:
        return None
    travel = await travel_of(session, site["tz"], now)
    return Ways(travel, np.array([site["lat"], place["lat"]]), np.array([site["lon"], place["lon"]]))


async def _supplies(
    session: Session, asked: Question, site: Row, products: Sequence[Row], min_life_days: float
) -> tuple[dict[int, Supply], list[str]]:
    """What there is of each product and who wants it, and what comes without a date."""
    keys, q = [row["id"] for row in products], queries("promises")
    expires = {row["id"]: row["expires"] for row in products}
    lots: defaultdict[int, list[Lot]] = defaultdict(list)
    for row in await session.rows(queries("orders")["goods_there"], site=site["id"], products=keys):
        until = row["best_before"]
        if row["quantity"] > 0 and not row["barred"] and (until is not None or not expires[row["product"]]):
            lots[row["product"]].append(Lot(float(row["quantity"]), until.timestamp() if until else np.inf))
    too_short = {row["id"] for row in products if row["expiry_days"] is not None and row["expiry_days"] < min_life_days}
    receipts, undated = await _receipts(session, site, keys)
    for key, more in (await _carried(session, asked, keys)).items():
        receipts[key] += more
    order = asked.order
    rank = {
        "key": order and order["key"],
        "priority": order and order["priority"],
        "due": order and order["window_end"],
    }
    claims: defaultdict[int, list[Claim]] = defaultdict(list)
    name = order["id"] if order else ""
    said = {"site_id": site["id"], "products": keys, "now": asked.now, "order": name, "ahead": asked.ahead}
    for row in await session.rows(q["claims"], **said, **rank):
        due = row["due"].timestamp() - AHEAD_S if row["due"] else asked.now.timestamp()
        claims[row["product_id"]].append(Claim(row["quantity"], due, row["min_life_days"] * DAY_S))
    return {
        key: Supply(tuple(lots[key]), () if key in too_short else tuple(receipts[key]), tuple(claims[key]))
        for key in keys
    }, undated


async def _receipts(session: Session, site: Row, keys: list[int]) -> tuple[defaultdict[int, list[Receipt]], list[str]]:
    """What was ordered from suppliers, spread as their lead times were; and what nobody says when it comes."""
    found: defaultdict[int, list[Receipt]] = defaultdict(list)
    rows = await session.rows(queries("replenishment")["on_order"], site_id=site["id"], products=keys)
    rows = [row for row in rows if row["sent_at"] is not None]  # a draft is nobody's promise
    suppliers = sorted({row["supplier_id"] for row in rows if row["p50"] is None})
    own: defaultdict[Any, list[float]] = defaultdict(list)
    asked = {"site_id": site["id"], "suppliers": suppliers}
    for row in await session.rows(queries("replenishment")["lead_times"], **asked) if suppliers else ():
        own[row["supplier_id"], row["product_id"]].append(row["days"])
        own[row["supplier_id"]].append(row["days"])
    undated = []
    for row in rows:
        if row["p50"] is not None:
            times = (row["p10"].timestamp(), row["p50"].timestamp(), row["p90"].timestamp())
        else:
            if row["expected_on"] is not None:  # by the end of that day
                due = datetime.combine(row["expected_on"], time(), ZoneInfo(site["tz"])) + timedelta(days=1)
            elif row["lead_days"] is not None:
                due = row["sent_at"] + timedelta(days=row["lead_days"])
            else:
                undated.append(row["name"])
                continue
            times = _spread(due.timestamp(), own[row["supplier_id"], row["product_id"]], own[row["supplier_id"]])
        found[row["product_id"]].append(Receipt(row["name"], row["quantity"], *times))
    return found, sorted(set(undated))


def _spread(due_s: float, own: Sequence[float], general: Sequence[float]) -> tuple[float, float, float]:
    """p10, p50 and p90 around a date, as lead times lay around their median; the date alone, while few are known."""
    days = own if len(own) >= LEADS_MIN else general
    if len(days) < LEADS_MIN:
        return due_s, due_s, due_s
    low, mid, high = (float(each) * DAY_S for each in np.quantile(days, (0.1, 0.5, 0.9)))
    return due_s + low - mid, due_s, due_s + high - mid


async def _carried(session: Session, asked: Question, keys: list[int]) -> dict[int, list[Receipt]]:
    """What vehicles whose next stop is the site bring, and is no order's."""
    q = queries("availability")
    held = [
        row for row in await session.rows(q["held"], products=keys, site=asked.site, lot=None)
        if row["vehicle_id"] and not row["failed"] and row["quantity"] > 0
    ]  # fmt: skip
    if not held:
        return {}
    vehicles = sorted({row["vehicle_id"] for row in held})
    stops = {row["vehicle_id"]: row for row in await session.rows(q["arrivals"], vehicles=vehicles)}
    sums: defaultdict[tuple[int, int], float] = defaultdict(float)
    for row in held:
        sums[row["product_id"], row["vehicle_id"]] += float(row["quantity"])
    for row in await session.rows(queries("promises")["carried_claims"], products=keys):
        sums[row["product_id"], row["vehicle_id"]] -= row["quantity"]
    names = {row["vehicle_id"]: row["vehicle"] for row in held}
    found: defaultdict[int, list[Receipt]] = defaultdict(list)
    for (product, vehicle), quantity in sums.items():
        stop = stops.get(vehicle)
        if stop and stop["site"] == asked.site and stop["p50"] is not None and quantity > 0:
            times = (stop["p10"].timestamp(), stop["p50"].timestamp(), stop["p90"].timestamp())
            found[product].append(Receipt(names[vehicle], quantity, *times))
    return found


# ------------------------------------------------------------ as it is shown
def moment_of(at_s: float | None) -> datetime | None:
    """A time of the rule as one of the database; null: never, or nobody can say."""
    return None if at_s is None or not np.isfinite(at_s) else datetime.fromtimestamp(round(at_s), UTC)


def _number(value: float) -> float:
    return round(value, 6)


def _shape(asked: Question, products: dict[str, Row], found: Verdict, undated: list[str]) -> Promise:
    skus = {line.line: line.sku for line in asked.lines}
    return {
        "as_of": when(asked.now),
        "customer": asked.customer,
        "ship_to": asked.ship_to,
        "site": asked.site,
        "window_start": when(asked.window[0]),
        "window_end": when(asked.window[1]),
        "lines": [_line(each, products[skus[each.line.line]]) for each in found.lines],
        "prepare_min": asked.prepare_min,
        "ready": when(moment_of(found.ready_s)),
        "earliest": when(moment_of(found.earliest_s)),
        "p90": when(moment_of(found.p90_s)),
        "chance": None if found.chance is None else round(found.chance, 3),
        "limit": _limit(found.limit, skus),
        "travel": None if found.km is None or found.travel_s is None or found.source is None else {
            "km": round(found.km, 1), "minutes": round(found.travel_s / 60, 1), "source": found.source,
        },
        "undated": undated,
    }  # fmt: skip


def _line(each: Given, product: Row) -> PromiseLine:
    return {
        "line": each.line.line,
        "sku": product["sku"],
        "label": product["label"],
        "base_unit": product["base_unit"],
        "quantity": _number(each.line.quantity),
        "earliest": when(moment_of(each.p50_s)),
        "p90": when(moment_of(each.p90_s)),
        "receipt": each.receipt,
        "missing": _number(each.missing),
    }


def _limit(limit: Limit, skus: dict[int, str]) -> PromiseLimit:
    return {
        "code": limit.code,
        "line": limit.line,
        "sku": None if limit.line is None else skus[limit.line],
        "quantity": None if limit.quantity is None else _number(limit.quantity),
        "receipt": limit.receipt,
        "at": when(moment_of(limit.at_s)),
        "minutes": None if limit.seconds is None else round(limit.seconds / 60, 1),
    }


# ------------------------------------------------------------ what is said of a new order
async def say_first(session: Session, asked: Question, reason: str) -> None:
    """Keeps what is said of a new order's window, so that it can be graded; nothing, where it has no end."""
    if asked.window[1] is None or asked.order is None:
        return
    _, found = await promised(session, asked)
    await session.run(
        queries("promises")["say"], order=asked.order["id"], said_at=asked.now, window_end=asked.window[1],
        earliest=moment_of(found.earliest_s), p90=moment_of(found.p90_s), chance=found.chance, code=found.limit.code,
        reason=reason,
    )  # fmt: skip


def question_of(row: Row, lines: Sequence[Any], now: datetime, prepare_min: float, *, ahead: bool) -> Question:
    """What is asked of an order that is there: of its units that nobody has goods for yet."""
    wanted = tuple(
        WantedLine(each["line"], each["sku"], each["stages"]["open"]) for each in lines if each["stages"].get("open")
    )
    ready = not any(each["stages"].get(stage) for each in lines for stage in ("open", "allocated", "picked"))
    return Question(
        now, row["customer"], row["ship_to"], row["site"], (row["window_start"], row["window_end"]), wanted,
        0 if ready else prepare_min, row, ahead,
    )  # fmt: skip
