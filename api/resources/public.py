"""What a customer sees behind a link: one shipment, its last stop, and nothing of anybody else.

An unknown, an expired and a revoked token get the same answer by the same query. Other stops and the planned line
between them are not shown, for they are other customers' places.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request
from typing_extensions import TypedDict

from api.database import Row
from api.http.auth import TOKEN_CHARS_MAX
from api.http.context import address_of, context_of
from api.http.jsons import Json, when
from api.http.links import wrong_link
from api.resources.shared.shipments import shipment_parts, shipment_rows
from domain import goods
from store.db import queries
from store.secrets import token_hash

router = APIRouter(tags=["public"])

ARRIVING = timedelta(minutes=15)
ARRIVING_M = 2000.0
OWN_PLACES = ("dc", "depot")
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
    """Where it is."""

    t: str | None
    lat: float
    lon: float
    heading_deg: float | None


class PublicTemperature(TypedDict):
    """How cold it was kept."""

    verdict: str
    min_c: float | None
    max_c: float | None
    last_c: float | None
    last_at: str | None
    low_c: float | None
    high_c: float | None


class PublicShipment(TypedDict):
    """What the customer's page shows."""

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


@router.get("/public/shipments/{token}", response_model=PublicShipment)
async def get_public_shipment(request: Request, token: str) -> Json:
    """One shipment for whoever holds its link."""
    context, now = context_of(request), datetime.now(UTC)
    q = queries("api")
    async with context.database.owner(snapshot=False) as owner:
        share = await owner.row(q["share_by_token"], token_sha256=token_hash(token[:TOKEN_CHARS_MAX]))
        if share is None:
            raise wrong_link(context, address_of(request))
        session = await context.database.become(owner, share["tenant_id"])
        shipment = (await shipment_rows(session, key=share["shipment_id"]))[0]
        stops, temperatures = await shipment_parts(session, shipment["key"], now)
        position = None
        if shipment["status"] == "in_transit" and shipment["vehicle_id"] is not None:
            position = await session.row(q["last_position"], vehicle=shipment["vehicle_id"])
        await session.run(q["share_used"], id=share["id"])
    return Json(build(shipment, stops, temperatures, position, now))


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
        "updated_at": when(_latest(*heard, shipment["delivered_at"], shipment["started_at"], shipment["planned_at"])),
        "now": when(now),
        "eta": _eta(eta) if eta else None,
        "stop": _stop(stop) if stop else None,
        "position": _position(position) if position else None,
        "planned_line": shipment["planned_line"] if alone else None,
        "temperature": _temperature(shipment, temperatures),
    }


def steps(shipment: Row, stop: Row | None, eta: Row | None, now: datetime) -> list[Step]:
    """The journey in five steps; exactly one is current until all are done."""
    near = eta is not None and (eta["p50"] - now <= ARRIVING or eta["remaining_m"] <= ARRIVING_M)
    reached = {"planned": 0, "in_transit": 3 if near else 2, "delivered": 5}[shipment["status"]]
    delivered_at = shipment["delivered_at"] or (stop["arrived_at"] if stop else None)
    times = {
        "planned": shipment["planned_at"],
        "picked_up": shipment["started_at"],
        "in_transit": shipment["started_at"],
        "delivered": delivered_at if shipment["status"] == "delivered" else None,
    }
    found: list[Step] = []
    for place, (key, label) in enumerate(STEPS.items()):
        state = "done" if place < reached else "current" if place == reached else "todo"
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


def _position(row: Row) -> PublicPosition:
    return {"t": when(row["time"]), "lat": row["lat"], "lon": row["lon"], "heading_deg": row["heading_deg"]}


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
