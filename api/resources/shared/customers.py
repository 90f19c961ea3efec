"""What a customer sees behind a link: one shipment, its last stop, and nothing of anybody else.

An unknown, an expired and a revoked token get the same answer by the same query. Other stops and the planned line
between them are not shown, for they are other customers' places. Where the vehicle is, is shown from pick-up to
delivery; before, only in the time agreed for the pick-up, and only roughly.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import AfterValidator
from starlette.requests import Request
from typing_extensions import TypedDict

from api.database import Row, Session
from api.http.agents import sort_of_client
from api.http.context import address_of, context_of
from api.http.jsons import when
from api.http.links import wrong_link
from api.http.presented import TOKEN_CHARS_MAX
from api.resources.shared.proofs import ANY, leg_rows, proofs
from api.resources.shared.shipments import shipment_parts, shipment_rows
from domain import goods
from domain.deliveries.leg import Leg, leg_of
from domain.digits import shown
from store.db import queries
from store.secrets import token_hash

LANGUAGES = ("en", "fi", "de")
OPENINGS_MAX = 200
PROOFS_MAX = 50
OPENED_AGAIN = timedelta(minutes=30)
ARRIVING = timedelta(minutes=15)
ARRIVING_M = 2000.0
COARSE_DIGITS = 1
CURVE_STEPS = 96
OWN_PLACES = ("dc", "depot")
TIMES = ("delivered_at", "cancelled_at", "started_at", "planned_at")
STEPS = {
    "planned": "Planned",
    "picked_up": "Picked up",
    "in_transit": "On the way",
    "arriving": "Arriving",
    "delivered": "Delivered",
}


class Step(TypedDict):
    """A step of the journey: `done`, `current` or `todo`."""

    key: str
    label: str
    at: str | None
    state: str


class PublicEta(TypedDict):
    """The arrival window; a `guess` while few trips are known."""

    p10: str | None
    p50: str | None
    p90: str | None
    guess: bool


class PublicStop(TypedDict):
    """Where it goes."""

    name: str
    lat: float
    lon: float
    arrived_at: str | None
    window_start: str | None
    window_end: str | None


class PublicPosition(TypedDict):
    """Where it is; `coarse`: to about ten kilometres, of a vehicle that has yet to pick it up."""

    t: str | None
    lat: float
    lon: float
    heading_deg: float | None
    coarse: bool


class PublicTemperature(TypedDict):
    """How cold it was kept."""

    verdict: str
    min_c: float | None
    max_c: float | None
    last_c: float | None
    last_at: str | None
    low_c: float | None
    high_c: float | None


class PublicLine(TypedDict):
    """What became of goods of the customer's own."""

    order: str
    label: str
    base_unit: str
    accepted: float
    short: float
    damaged: float
    refused: float
    reason: str


class PublicProof(TypedDict):
    """What was told when goods were handed over. `signature` and `photos` name pictures, once they have come."""

    id: str
    revision: int
    outcome: str
    at: str | None
    receiver: str
    signature: str | None
    photos: list[str]
    unsigned: str
    lines: list[PublicLine]
    temperature: Leg


class PublicShipment(TypedDict):
    """What the customer's page shows; `proofs` of their own goods alone."""

    reference: str
    status: str
    steps: list[Step]
    updated_at: str | None
    now: str | None
    eta: PublicEta | None
    stop: PublicStop | None
    position: PublicPosition | None
    planned_line: dict[str, Any] | None
    temperature: PublicTemperature | None
    proofs: list[PublicProof]


class PublicCurve(TypedDict):
    """What the goods saw under way: lowest and highest of each step of time, with the limits."""

    times: list[str | None]
    min_c: list[float | None]
    max_c: list[float | None]
    low_c: float | None
    high_c: float | None


def _language(text: str) -> str:
    """One of those customers are told in.

    Raises:
        ValueError: it is none.
    """
    if text not in LANGUAGES:
        raise ValueError(f"one of {', '.join(LANGUAGES)}")
    return text


CustomerLanguage = Annotated[str, AfterValidator(_language)]


def accepted(header: str) -> str:
    """The language that a browser likes best of those there are.

    >>> accepted("sv, fi-FI;q=0.8, de;q=0.9;x, en;q=nonsense"), accepted("*"), accepted("de-AT, en;q=0.5")
    ('de', 'en', 'de')
    """
    found = []
    for n, part in enumerate(header[:500].split(",")):
        name, _, weight = part.strip().partition(";")
        digits = weight.strip().removeprefix("q=").partition(";")[0]
        share = float(digits) if digits.replace(".", "", 1).isdecimal() else 1.0 if not weight else 0.0
        if (language := name.strip().lower().partition("-")[0]) in LANGUAGES and share > 0:
            found.append((-share, n, language))
    return min(found)[2] if found else LANGUAGES[0]


@asynccontextmanager
async def behind(request: Request, token: str) -> AsyncIterator[tuple[Session, Row]]:
    """A transaction of the tenant whose link this is, and the link: `id`, `shipment_id`, `language`, `tz`.

    Raises:
        Problem: it opens nothing.
    """
    context = context_of(request)
    digest = token_hash(token[:TOKEN_CHARS_MAX])
    async with context.database.owner() as owner:
        share = await owner.row(queries("shares")["share_by_token"], token_sha256=digest)
    if share is None:
        context.rates.forgets(digest)
        raise wrong_link(context, address_of(request))
    context.rates.knows(digest, ("link", share["id"]))
    async with context.database.tenant(share["tenant_id"]) as session:
        yield session, share


async def look(session: Session, share: Row, now: datetime) -> PublicShipment:
    """The shipment behind a link."""
    shipment = (await shipment_rows(session, key=share["shipment_id"]))[0]
    stops, temperatures = await shipment_parts(session, shipment["key"], now)
    shipment, stops = await _of_customer(session, share, shipment, stops)
    position = None
    if shipment["vehicle_id"] is not None and _is_shown(shipment, stops, now):
        position = await session.row(queries("api")["last_position"], vehicle=shipment["vehicle_id"])
    found = build(shipment, stops, temperatures, position, now)
    return {**found, "proofs": await _proofs(session, await own_proofs(session, share))}


async def own_proofs(session: Session, share: Row) -> list[Row]:
    """Rows of the proofs that a link shows, the newest first.

    Those of its customer; of a link that is of no customer those of the last stop, which is all it shows, and
    only where all goods of the shipment are one customer's.
    """
    customers = await session.rows(queries("proofs")["customers_of_shipment"], shipment=share["shipment_id"])
    (shipment,) = await shipment_rows(session, key=share["shipment_id"])
    asked = {**ANY, "shipment": shipment["id"], "limit": PROOFS_MAX}
    if share["customer_id"] is not None:
        return await session.rows(queries("proofs")["proofs"], **{**asked, "customer": share["customer_id"]})
    if len(customers) != 1:
        return []
    stops, _ = await shipment_parts(session, shipment["key"], datetime.now(UTC))
    rows = await session.rows(queries("proofs")["proofs"], **{**asked, "customer": customers[0]["customer_id"]})
    return [row for row in rows if stops and row["stop"] == stops[-1]["stop_id"]]


async def _proofs(session: Session, rows: list[Row]) -> list[PublicProof]:
    shown: list[PublicProof] = []
    for row, each in zip(rows, await proofs(session, rows), strict=True):
        shown.append(
            {
                "id": each["id"],
                "revision": each["revision"],
                "outcome": each["outcome"],
                "at": each["at"],
                "receiver": each["receiver"],
                "signature": None if each["signature"] in each["missing"] else each["signature"],
                "photos": [photo for photo in each["photos"] if photo not in each["missing"]],
                "unsigned": each["unsigned"],
                "lines": [
                    {
                        "order": line["order"],
                        "label": line["label"] or line["sku"],
                        "base_unit": line["base_unit"],
                        "accepted": line["accepted"],
                        "short": line["short"],
                        "damaged": line["damaged"],
                        "refused": line["refused"],
                        "reason": line["reason"],
                    }
                    for line in each["lines"]
                ],
                "temperature": leg_of(await leg_rows(session, row)),
            }
        )
    return shown


async def _of_customer(session: Session, share: Row, shipment: Row, stops: list[Row]) -> tuple[Row, list[Row]]:
    """A shipment as far as it is a customer's: to their last stop, and over when the vehicle has left that."""
    if share["customer_id"] is None:
        return shipment, stops
    customers = await session.rows(queries("proofs")["customers_of_shipment"], shipment=shipment["key"])
    seq = next((row["seq"] for row in customers if row["customer_id"] == share["customer_id"]), None)
    own = [stop for stop in stops if seq is not None and stop["seq"] <= seq]
    if not own or len(own) == len(stops):
        return {**shipment, "planned_line": shipment["planned_line"] if own else None}, own
    over = own[-1]["departed_at"] is not None and shipment["status"] == "in_transit"
    return {**shipment, "planned_line": None, **({"status": "delivered"} if over else {})}, own


async def curve(session: Session, share: Row, now: datetime) -> PublicCurve:
    """Temperatures of the shipment behind a link, from pick-up to delivery or now."""
    key = share["shipment_id"]
    rows = await session.rows(queries("goods")["shipment_curve"], shipment=key, now=now, steps=CURVE_STEPS)
    shipment = (await shipment_rows(session, key=key))[0]
    stops, _ = await shipment_parts(session, key, now)
    _, own = await _of_customer(session, share, shipment, stops)
    if len(own) < len(stops) and own and own[-1]["departed_at"]:
        rows = [row for row in rows if row["time"] <= own[-1]["departed_at"]]
    _, found = await shipment_parts(session, key, now)
    limits = found if found is not None else shipment
    return {
        "times": [when(row["time"]) for row in rows],
        "min_c": [shown("min_c", row["min_c"]) for row in rows],
        "max_c": [shown("max_c", row["max_c"]) for row in rows],
        "low_c": limits["low_c"],
        "high_c": limits["high_c"],
    }


async def stop_zone(session: Session, share: Row) -> str | None:
    """The time zone of the last site that it goes to."""
    row = await session.row(queries("shares")["last_stop_zone"], shipment=share["shipment_id"])
    return row["tz"] if row else None


async def used(request: Request, session: Session, share: Row, now: datetime, *, opened: bool) -> None:
    """Remembers that a link is in use. A page that asks again after a rest has been `opened` again."""
    q = queries("shares")
    if opened or share["last_used_at"] is None or now - share["last_used_at"] > OPENED_AGAIN:
        await session.run(
            q["share_opened"], id=share["id"], client=sort_of_client(request.headers.get("user-agent", ""))
        )
        await session.run(q["trim_openings"], id=share["id"], most=OPENINGS_MAX)
    else:
        await session.run(q["share_used"], id=share["id"])


def _is_shown(shipment: Row, stops: Sequence[Row], now: datetime) -> bool:
    """Whether it may be seen where the vehicle is."""
    agreed = stops[0]["window_start"] if stops else None
    return shipment["status"] == "in_transit" or (
        shipment["status"] == "planned" and agreed is not None and now >= agreed
    )


def build(
    shipment: Row, stops: Sequence[Row], temperatures: Row | None, position: Row | None, now: datetime
) -> PublicShipment:
    """The page's object from rows of `shipments`, `stops`, `shipment_temperatures` and `last_position`."""
    stop = stops[-1] if stops else None
    eta = stop if stop is not None and stop["p50"] is not None and shipment["status"] == "in_transit" else None
    alone = all(s["site_kind"] in OWN_PLACES for s in stops[:-1])
    heard = [position["time"]] if position else []
    heard += [temperatures["last_at"]] if temperatures else []
    heard += [eta["decided_at"]] if eta else []
    heard += [stop["arrived_at"]] if stop else []
    return {
        "reference": shipment["reference"] or shipment["id"],
        "status": shipment["status"],
        "steps": steps(shipment, stop, eta, now),
        "updated_at": when(_latest(*heard, *(shipment[at] for at in TIMES))),
        "now": when(now),
        "eta": _eta(eta) if eta else None,
        "stop": _stop(stop) if stop else None,
        "position": _position(position, coarse=shipment["status"] == "planned") if position else None,
        "planned_line": shipment["planned_line"] if alone else None,
        "temperature": _temperature(shipment, temperatures),
        "proofs": [],
    }


def steps(shipment: Row, stop: Row | None, eta: Row | None, now: datetime) -> list[Step]:
    """The journey in five steps; exactly one is current until all are done, none of one that was called off."""
    near = eta is not None and (eta["p50"] - now <= ARRIVING or eta["remaining_m"] <= ARRIVING_M)
    cancelled = 2 if shipment["started_at"] else 1
    reached = {"planned": 0, "in_transit": 3 if near else 2, "delivered": 5, "cancelled": cancelled}[shipment["status"]]
    delivered_at = shipment["delivered_at"] or (stop["arrived_at"] if stop else None)
    times = {
        "planned": shipment["planned_at"],
        "picked_up": shipment["started_at"],
        "in_transit": shipment["started_at"],
        "delivered": delivered_at if shipment["status"] == "delivered" else None,
    }
    found: list[Step] = []
    for place, (key, label) in enumerate(STEPS.items()):
        here = place == reached and shipment["status"] != "cancelled"
        state = "done" if place < reached else "current" if here else "todo"
        found.append({"key": key, "label": label, "at": when(times.get(key)), "state": state})
    return found


def _eta(row: Row) -> PublicEta:
    guess = row["few_trips"] is not None
    return {"p10": when(row["p10"]), "p50": when(row["p50"]), "p90": when(row["p90"]), "guess": guess}


def _stop(row: Row) -> PublicStop:
    return {
        "name": row["name"],
        "lat": row["lat"],
        "lon": row["lon"],
        "arrived_at": when(row["arrived_at"]),
        "window_start": when(row["window_start"]),
        "window_end": when(row["window_end"]),
    }


def _position(row: Row, *, coarse: bool) -> PublicPosition:
    lat, lon, heading = row["lat"], row["lon"], row["heading_deg"]
    if coarse:
        lat, lon, heading = round(lat, COARSE_DIGITS), round(lon, COARSE_DIGITS), None
    return {"t": when(row["time"]), "lat": lat, "lon": lon, "heading_deg": heading, "coarse": coarse}


def _temperature(shipment: Row, found: Row | None) -> PublicTemperature | None:
    """Null where nobody measures and nothing was promised."""
    limits = found if found is not None else shipment
    if found is None and limits["low_c"] is None and limits["high_c"] is None:
        return None
    verdict = goods.verdict(found)
    return {
        "verdict": verdict["verdict"],
        "min_c": verdict["min_c"],
        "max_c": verdict["max_c"],
        "last_c": verdict["last_c"],
        "last_at": verdict["last_at"],
        "low_c": limits["low_c"],
        "high_c": limits["high_c"],
    }


def _latest(*instants: datetime | None) -> datetime | None:
    """The newest of some instants."""
    known: Iterable[datetime] = (i for i in instants if i is not None)
    return max(known, default=None)
