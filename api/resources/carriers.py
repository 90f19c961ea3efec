"""Carriers: their services, and their rate cards by revision."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Path, Request
from psycopg.types.json import Jsonb
from pydantic import AfterValidator, ConfigDict, Field, model_validator
from starlette.responses import Response
from typing_extensions import TypedDict

from api.database import Row, Session
from api.http.audit import audit
from api.http.auth import Planner, Reader
from api.http.context import context_of
from api.http.inputs import Strict, printable
from api.http.jsons import Json, Time, when
from api.http.paging import Cursor, Items, Limit, Page, decode, shaped_page
from api.http.problems import OR_CHANGED, not_found
from api.http.routes import resource
from api.http.things import one
from api.resources.shared.exports import FILES, as_file
from api.resources.shared.orders import Code
from api.resources.shared.rate_cards import CardIn, card_of
from store.db import queries

router = resource(tags=["carriers"])
CarrierName = Annotated[str, Path(max_length=64)]
ServiceName = Annotated[str, Path(max_length=64)]
Line = Annotated[str, AfterValidator(printable), Field(max_length=200)]
TempClass = Literal["ambient", "chilled", "frozen"]
Mode = Literal["road", "rail", "sea", "air", "inland_waterway"]


class CarrierIn(Strict):
    """Somebody who carries goods for others."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"id": "nordic", "label": "Nordic Freight"}]})

    id: Code
    label: Line = ""


class Carrier(TypedDict):
    """A carrier, with how many services it offers."""

    id: str
    label: str
    services: int
    retired_at: Time | None


class ServiceIn(Strict):
    """A service. `transit_h`, `transit_h_p90`: as the carrier says, half of them and nine of ten; `cut_off`: of a day.

    `co2e_g_per_tkm`: well to wheel, with how good the figure is.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "next-day",
                    "mode": "road",
                    "temp_classes": ["chilled"],
                    "cut_off": "15:00",
                    "transit_h": 14,
                    "transit_h_p90": 20,
                    "co2e_g_per_tkm": 85,
                }
            ]
        }
    )

    id: Code
    label: Line = ""
    mode: Mode = "road"
    temp_classes: Annotated[list[TempClass], Field(max_length=3, default_factory=list)]
    cut_off: Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")] | None = None
    transit_h: Annotated[float, Field(gt=0, le=2400)]
    transit_h_p90: Annotated[float, Field(gt=0, le=2400)]
    co2e_g_per_tkm: Annotated[float, Field(ge=0, le=100_000)] | None = None
    co2e_grade: Literal["primary", "modelled", "default"] = "default"

    @model_validator(mode="after")
    def _in_order(self) -> ServiceIn:
        if self.transit_h_p90 < self.transit_h:
            raise ValueError("transit_h_p90: nine of ten take at least as long as half of them")
        return self


class CarrierService(TypedDict):
    """A service; `rate_card` is the revision of its newest card."""

    carrier: str
    carrier_label: str
    id: str
    label: str
    mode: str
    temp_classes: list[str]
    cut_off: str | None
    transit_h: float
    transit_h_p90: float
    co2e_g_per_tkm: float | None
    co2e_grade: str
    rate_card: int | None
    retired_at: Time | None


class RateCard(TypedDict):
    """A revision of a rate card, as it was given."""

    revision: int
    valid_from: str
    valid_to: str
    card: dict[str, Any]
    added_at: Time | None
    added_by: str


def _carrier(row: Row) -> Carrier:
    return {
        "id": row["id"],
        "label": row["label"],
        "services": row["services"],
        "retired_at": when(row["retired_at"]),
    }


def _service(row: Row) -> CarrierService:
    return {
        "carrier": row["carrier"],
        "carrier_label": row["carrier_label"],
        "id": row["id"],
        "label": row["label"],
        "mode": row["mode"],
        "temp_classes": row["temp_classes"],
        "cut_off": row["cut_off"],
        "transit_h": row["transit_h"],
        "transit_h_p90": row["transit_h_p90"],
        "co2e_g_per_tkm": row["co2e_g_per_tkm"],
        "co2e_grade": row["co2e_grade"],
        "rate_card": row["rate_card"],
        "retired_at": when(row["retired_at"]),
    }


@router.get("/carriers", response_model=Items[Carrier], responses=FILES)
@as_file("carriers", Carrier)
async def list_carriers(request: Request, caller: Reader, limit: Limit = 200, cursor: Cursor = None) -> Json:
    """Carriers by code."""
    after = decode(cursor, (str,))[0] if cursor else ""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        found = await session.rows(queries("carriers")["carriers"], id=None, after=after, limit=limit + 1)
    return shaped_page(request, found, limit, lambda row: [row["id"]], _carrier)


@router.post("/carriers", response_model=Carrier, status_code=201, responses=OR_CHANGED)
async def post_carrier(request: Request, caller: Planner, given: CarrierIn) -> Json:
    """Makes or changes a carrier; a retired one is taken up again."""
    q = queries("carriers")
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        known = await session.row(q["carriers"], id=given.id, after="", limit=1)
        await session.row(q["put_carrier"], **given.model_dump())
        await audit(session, caller, "carrier.change" if known else "carrier.create", given.id, **given.model_dump())
        row = await session.row(q["carriers"], id=given.id, after="", limit=1)
    return one(request, _carrier(row or {}), 200 if known else 201, live={"services"})


@router.delete("/carriers/{carrier_id}", status_code=204)
async def delete_carrier(request: Request, caller: Planner, carrier_id: CarrierName) -> Response:
    """Offers a carrier no more; what it carried stays."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        if await session.row(queries("carriers")["retire_carrier"], id=carrier_id) is None:
            raise not_found()
        await audit(session, caller, "carrier.delete", carrier_id)
    return Response(status_code=204)


async def _services(session: Session, carrier: str | None, service: str | None) -> list[Row]:
    return await session.rows(queries("carriers")["services"], carrier=carrier, id=service)


@router.get("/carriers/{carrier_id}/services", response_model=Items[CarrierService])
async def list_services(request: Request, caller: Reader, carrier_id: CarrierName) -> Json:
    """Services of a carrier by code, 500 at most."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        if await session.row(queries("carriers")["carriers"], id=carrier_id, after="", limit=1) is None:
            raise not_found()
        found = await _services(session, carrier_id, None)
    return Page([_service(row) for row in found])


@router.post("/carriers/{carrier_id}/services", response_model=CarrierService, status_code=201, responses=OR_CHANGED)
async def post_service(request: Request, caller: Planner, carrier_id: CarrierName, given: ServiceIn) -> Json:
    """Makes or changes a service; a retired one is taken up again."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        known = await _services(session, carrier_id, given.id)
        if await session.row(queries("carriers")["put_service"], carrier=carrier_id, **given.model_dump()) is None:
            raise not_found()
        action = "carrier_service.change" if known else "carrier_service.create"
        await audit(session, caller, action, f"{carrier_id}/{given.id}", **given.model_dump())
        (row,) = await _services(session, carrier_id, given.id)
    return one(request, _service(row), 200 if known else 201)


@router.delete("/carriers/{carrier_id}/services/{service_id}", status_code=204)
async def delete_service(
    request: Request, caller: Planner, carrier_id: CarrierName, service_id: ServiceName
) -> Response:
    """Offers a service no more; choices that name it stay."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        if await session.row(queries("carriers")["retire_service"], carrier=carrier_id, id=service_id) is None:
            raise not_found()
        await audit(session, caller, "carrier_service.delete", f"{carrier_id}/{service_id}")
    return Response(status_code=204)


def _card(row: Row) -> RateCard:
    return {
        "revision": row["revision"],
        "valid_from": row["valid_from"].isoformat(),
        "valid_to": row["valid_to"].isoformat(),
        "card": row["body"],
        "added_at": when(row["added_at"]),
        "added_by": row["added_by"],
    }


@router.get("/carriers/{carrier_id}/services/{service_id}/rate-cards", response_model=Items[RateCard])
async def list_cards(
    request: Request,
    caller: Reader,
    carrier_id: CarrierName,
    service_id: ServiceName,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Json:
    """Revisions of a service's rate card, the newest first."""
    before = decode(cursor, (int,))[0] if cursor else None
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        if not await _services(session, carrier_id, service_id):
            raise not_found()
        asked = {"carrier": carrier_id, "id": service_id, "before": before, "limit": limit + 1}
        found = await session.rows(queries("carriers")["cards"], **asked)
    return shaped_page(request, found, limit, lambda row: [row["revision"]], _card)


@router.post("/carriers/{carrier_id}/services/{service_id}/rate-cards", response_model=RateCard, status_code=201)
async def post_card(
    request: Request, caller: Planner, carrier_id: CarrierName, service_id: ServiceName, given: CardIn
) -> Json:
    """Adds a revision of a rate card; those of before stay, so that old quotes reckon anew."""
    q, body = queries("carriers"), given.model_dump(mode="json", by_alias=True)
    card_of(service_id, 1, given)
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        values = {"carrier": carrier_id, "id": service_id, "valid_from": given.valid_from, "valid_to": given.valid_to}
        made = await session.row(q["add_card"], **values, body=Jsonb(body), by=caller.user)
        if made is None:
            raise not_found()
        await audit(session, caller, "rate_card.add", f"{carrier_id}/{service_id}", revision=made["revision"])
        asked = {"carrier": carrier_id, "id": service_id, "before": made["revision"] + 1, "limit": 1}
        (row,) = await session.rows(q["cards"], **asked)
    return Json(_card(row), 201)
