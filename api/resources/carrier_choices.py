"""What carriers offer for a shipment, and who was chosen, by whom and why."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from datetime import time as Clock  # noqa: N812 -- a time of day
from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import Path, Request
from psycopg.types.json import Jsonb
from pydantic import AfterValidator, ConfigDict, Field, model_validator
from typing_extensions import TypedDict

from api.database import Row, Session
from api.http.audit import audit
from api.http.auth import Planner, Reader
from api.http.context import context_of
from api.http.inputs import Strict, printable
from api.http.instants import Instant
from api.http.jsons import Json, Time, when
from api.http.paging import Items, Page
from api.http.problems import Problem, not_found
from api.http.routes import resource
from api.resources.shared.orders import Code
from api.resources.shared.rate_cards import CardIn, card_of
from domain.geo import distance_m
from planning.carriers.choice import CRITERIA, Wanted, table
from planning.carriers.offers import Asked, Offer, Service, Transit, offers
from planning.carriers.rates import Shipment
from store.db import queries

router = resource(tags=["carriers"])
Line = Annotated[str, AfterValidator(printable), Field(max_length=200)]
TempClass = Literal["ambient", "chilled", "frozen"]
ShipmentId = Annotated[str, Path(max_length=64)]
MEASURED_DAYS = 365
DETOUR = 1.3
"""Kilometres of road of one as the crow flies, where nobody says more."""


class OptionsIn(Strict):
    """What is to be carried, and from when it is ready. Without `km` it is 1.3 times the way as the crow flies."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "origin_postal_code": "01530",
                    "destination_postal_code": "33100",
                    "kg": 420,
                    "pallets": 2,
                    "temp_class": "chilled",
                    "currency": "EUR",
                    "fuel_price": 1.6,
                }
            ]
        }
    )

    origin_postal_code: Annotated[str, Field(max_length=16)] = ""
    destination_postal_code: Annotated[str, Field(max_length=16)] = ""
    kg: Annotated[Decimal, Field(gt=0, le=1_000_000)]
    m3: Annotated[Decimal, Field(ge=0, le=10_000)] = Decimal(0)
    pallets: Annotated[int, Field(ge=0, le=1000)] = 0
    km: Annotated[Decimal, Field(gt=0, le=50_000)] | None = None
    extras: Annotated[list[Annotated[str, Field(max_length=40)]], Field(max_length=20, default_factory=list)]
    temp_class: TempClass | None = None
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "EUR"
    fuel_price: Annotated[Decimal, Field(gt=0, le=1000)] | None = None
    ready: Instant | None = None
    in_window_min: Annotated[float, Field(ge=0, le=1)] = 0.9
    weights: dict[Literal["cost", "arrival_p90", "reliability", "co2e_kg"], Annotated[float, Field(ge=0, le=100)]] = {}  # noqa: RUF012 -- pydantic copies it


class ChoiceIn(OptionsIn):
    """Who carries it: a service, or nobody else (`carrier` null: our own vehicle), with the reason."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"carrier": "nordic", "service": "next-day", "reason": "surest", "kg": 420, "temp_class": "chilled"}
            ]
        }
    )

    carrier: Code | None = None
    service: Code | None = None
    reason: Annotated[Line, Field(min_length=1)]

    @model_validator(mode="after")
    def _both(self) -> ChoiceIn:
        if (self.carrier is None) != (self.service is None):
            raise ValueError("carrier, service: both, or none")
        return self


class PriceLine(TypedDict):
    """A part of a price."""

    name: str
    amount: str
    why: str


class CarrierOption(TypedDict):
    """A service for a shipment. `outcome`: `stands`, `beaten` (by another in all four), `out` (`whys` say why).

    `reliability`: the lower bound (Wilson, 95 %) of the share on time of the lane's shipments; `lane_n` are all of
    them, `service_n` those of the service anywhere. `in_window`: the chance to be in time.
    """

    carrier: str
    service: str
    mode: str
    outcome: Literal["stands", "beaten", "out"]
    best_in: list[str]
    by: str | None
    whys: list[str]
    cost: str | None
    currency: str
    card_revision: int | None
    price: list[PriceLine]
    leaves_at: Time | None
    arrival_p50: Time | None
    arrival_p90: Time | None
    in_window: float
    reliability: float
    lane_n: int
    lane_on_time: int
    service_n: int
    service_on_time: int
    cold_chain_failed: int
    co2e_kg: float | None
    co2e_grade: str


class CarrierOptions(TypedDict):
    """What there is to choose between; those that stand come first."""

    shipment: str
    lane: str
    km: float
    options: list[CarrierOption]


class CarrierChoice(TypedDict):
    """Who was chosen, by whom and why, with what there was to choose between then."""

    id: str
    carrier: str | None
    service: str | None
    reason: str
    asked: dict[str, Any]
    options: list[dict[str, Any]]
    chosen_at: Time | None
    chosen_by: str


async def _offered(session: Session, shipment: str, given: OptionsIn, now: datetime) -> CarrierOptions:
    q = queries("carriers")
    lane = await session.row(q["lane_of"], id=shipment)
    if lane is None:
        raise not_found()
    ready = given.ready or now
    day = ready.date()
    crow_km = float(distance_m(lane["from_lat"], lane["from_lon"], lane["to_lat"], lane["to_lon"])) / 1000
    km = given.km if given.km is not None else Decimal(str(round(crow_km * DETOUR, 1)))
    services = [_described(row) for row in await session.rows(queries("carriers")["services"], carrier=None, id=None)]
    cards = {
        row["service_id"]: card_of(str(row["service_id"]), row["revision"], CardIn.model_validate(row["body"]))
        for row in await session.rows(q["cards_of_day"], day=day)
    }
    transits = [
        Transit(r["service_id"], (r["origin"], r["destination"]), r["transit_h"], r["on_time"], r["cold_chain_failed"])
        for r in await session.rows(q["transits"], since=now - timedelta(days=MEASURED_DAYS))
    ]
    extras = frozenset(given.extras)
    what = Shipment(
        day, given.origin_postal_code, given.destination_postal_code, given.kg, given.m3, given.pallets, km, extras,
        given.fuel_price,
    )  # fmt: skip
    between = (lane["origin"] or "", lane["destination"])
    found = offers(services, cards, transits, Asked(what, between, ready, lane["window_end"], lane["tz"]))
    wanted = Wanted(given.currency, ready, given.temp_class or "", given.in_window_min)
    return {
        "shipment": shipment,
        "lane": " → ".join(between),
        "km": float(km),
        "options": _options(found, wanted, {k: v for k, v in given.weights.items() if k in CRITERIA}),
    }


def _described(row: Row) -> Service:
    return Service(
        row["key"], row["carrier"], row["id"], row["mode"], frozenset(row["temp_classes"]),
        None if row["cut_off"] is None else Clock.fromisoformat(row["cut_off"]), row["transit_h"], row["transit_h_p90"],
        row["co2e_g_per_tkm"], row["co2e_grade"],
    )  # fmt: skip


def _options(found: Sequence[Offer], wanted: Wanted, weights: dict[str, float]) -> list[CarrierOption]:
    by_option = {id(each.option): each for each in found}
    divided = table([each.option for each in found], wanted, weights)
    stands = [_option(by_option[id(r.option)], "stands", best_in=list(r.best_in)) for r in divided.rows]
    beaten = [_option(by_option[id(b.option)], "beaten", by=f"{b.by.carrier}/{b.by.service}") for b in divided.beaten]
    out = [_option(by_option[id(f.option)], "out", whys=list(f.whys)) for f in divided.filtered]
    return [*stands, *beaten, *out]


def _option(offer: Offer, outcome: Literal["stands", "beaten", "out"], **more: Any) -> CarrierOption:
    option, quote = offer.option, offer.quote
    return {
        "carrier": option.carrier,
        "service": option.service,
        "mode": option.mode,
        "outcome": outcome,
        "best_in": more.get("best_in", []),
        "by": more.get("by"),
        "whys": more.get("whys", []),
        "cost": None if quote is None else str(quote.total),
        "currency": option.currency,
        "card_revision": quote.revision if quote else None,
        "price": [{"name": e.name, "amount": str(e.amount), "why": e.why} for e in quote.lines] if quote else [],
        "leaves_at": when(offer.leaves),
        "arrival_p50": when(offer.arrival_p50),
        "arrival_p90": when(option.arrival_p90),
        "in_window": round(option.in_window, 3),
        "reliability": round(option.reliability, 4),
        **offer.measured._asdict(),  # type: ignore[typeddict-item]
        "co2e_kg": None if option.co2e_kg is None else round(option.co2e_kg, 3),
        "co2e_grade": offer.service.co2e_grade,
    }


@router.post("/shipments/{shipment_id}/carrier-options", response_model=CarrierOptions)
async def carrier_options(request: Request, caller: Reader, shipment_id: ShipmentId, given: OptionsIn) -> Json:
    """What carriers offer for a shipment: cost, p90 arrival, how sure, CO2e; what nothing beats comes first."""
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        return Json(await _offered(session, shipment_id, given, datetime.now(UTC)))


@router.post("/shipments/{shipment_id}/carrier-choices", response_model=CarrierChoice, status_code=201)
async def choose_carrier(request: Request, caller: Planner, shipment_id: ShipmentId, given: ChoiceIn) -> Json:
    """Says who carries a shipment and why; what there was to choose between is kept. 409: it is over."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        lane = await session.row(queries("carriers")["lane_of"], id=shipment_id)
        if lane is None:
            raise not_found()
        if lane["status"] in ("delivered", "cancelled"):
            raise Problem(409, f"{shipment_id} is {lane['status']}: who carried it stays")
        found = await _offered(session, shipment_id, given, datetime.now(UTC))
        key = None
        if given.carrier is not None:
            rows = [
                row
                for row in await session.rows(queries("carriers")["services"], carrier=given.carrier, id=given.service)
                if not row["retired_at"]
            ]
            if not rows:
                raise Problem(422, f"service: {given.carrier} offers no {given.service}; add it first")
            key = rows[0]["key"]
        asked = given.model_dump(mode="json", exclude={"carrier", "service", "reason"}, exclude_none=True)
        options = Jsonb([_plain(each) for each in found["options"]])
        values = {"service": key, "reason": given.reason, "asked": Jsonb(asked), "options": options}
        await session.row(queries("carriers")["add_choice"], shipment=shipment_id, **values, by=caller.user)
        detail = {"carrier": given.carrier, "service": given.service, "reason": given.reason}
        await audit(session, caller, "shipment.carrier", shipment_id, **detail)
        (row, *_) = await session.rows(queries("carriers")["choices"], shipment=shipment_id)
    return Json(_choice(row), 201)


def _plain(option: CarrierOption) -> dict[str, Any]:
    """As it is kept: times as they are told."""
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in option.items()}


def _choice(row: Row) -> CarrierChoice:
    return {
        "id": str(row["key"]),
        "carrier": row["carrier"],
        "service": row["service"],
        "reason": row["reason"],
        "asked": row["asked"],
        "options": row["options"],
        "chosen_at": when(row["chosen_at"]),
        "chosen_by": row["chosen_by"],
    }


@router.get("/shipments/{shipment_id}/carrier-choices", response_model=Items[CarrierChoice])
async def list_choices(request: Request, caller: Reader, shipment_id: ShipmentId) -> Json:
    """Who was chosen for a shipment, the newest first: that one holds."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        if await session.row(queries("carriers")["lane_of"], id=shipment_id) is None:
            raise not_found()
        found = await session.rows(queries("carriers")["choices"], shipment=shipment_id)
    return Page([_choice(row) for row in found])
