"""Customers and where they are delivered to. A POST makes what is new (201) and changes what is there (200)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Query, Request
from psycopg.types.json import Jsonb
from pydantic import AfterValidator, ConfigDict, Field, model_validator
from starlette.responses import Response, StreamingResponse
from typing_extensions import TypedDict

from api.database import Row, Session
from api.http.audit import audit
from api.http.auth import OrderKeeper, Reader
from api.http.caller import Caller
from api.http.context import context_of
from api.http.inputs import Latitude, Longitude, Strict, printable, zone_name
from api.http.jsons import Json, Time, when
from api.http.paging import Cursor, Items, Limit, decode, shaped_page
from api.http.problems import OR_CHANGED, not_found
from api.http.routes import resource
from api.http.things import one
from api.resources.shared.exports import FILES, as_file
from api.resources.shared.imports import cells
from api.resources.shared.imports.bring import (
    ANSWER,
    SAME,
    Asked,
    Entry,
    Kind,
    Known,
    Settled,
    as_rows,
    bring,
    documented,
)
from api.resources.shared.imports.files import Columns
from api.resources.shared.orders import Code
from store.db import queries

router = resource(tags=["orders"])
CustomerName = Annotated[str, Path(max_length=64)]
PlaceName = Annotated[str, Path(max_length=64)]
Line = Annotated[str, AfterValidator(printable), Field(max_length=200)]
Clock = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", examples=["08:00"])]


class CustomerIn(Strict):
    """A customer. `min_life_days`: goods with an expiry must last so long when they arrive."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"id": "ward-5", "label": "Ward 5", "min_life_days": 5}]})

    id: Code
    label: Line = ""
    min_life_days: Annotated[float, Field(ge=0, le=3650)] = 0


class Customer(TypedDict):
    """A customer, with how many `orders` there ever were."""

    id: str
    label: str
    min_life_days: float
    orders: int
    retired_at: Time | None


class OpeningHours(Strict):
    """Open on `days` (1 Monday to 7 Sunday) from one time of day to another, in the place's zone."""

    days: Annotated[list[Annotated[int, Field(ge=1, le=7)]], Field(min_length=1, max_length=7)]
    from_: Annotated[Clock, Field(alias="from")]
    to: Clock

    @model_validator(mode="after")
    def _forward(self) -> OpeningHours:
        if self.to <= self.from_:
            raise ValueError("to: it closes before it opens; past midnight is another day's opening")
        return self


class ShipToIn(Strict):
    """Where a customer is delivered to: opening hours, how long a stop takes, what a driver has to know (`access`).

    `contact`: whom a driver asks for, and how.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "dock-2",
                    "label": "Ward 5, dock 2",
                    "address": "Hospital Road 1",
                    "lat": 60.19,
                    "lon": 24.9,
                    "tz": "Europe/Helsinki",
                    "opening": [{"days": [1, 2, 3, 4, 5], "from": "07:00", "to": "15:00"}],
                    "service_s": 900,
                    "access": "Ring twice",
                    "contact": "Anna, +358 40 123 4567",
                }
            ]
        }
    )

    id: Code
    label: Line = ""
    address: Line = ""
    lat: Latitude | None = None
    lon: Longitude | None = None
    tz: Annotated[str, AfterValidator(zone_name)] = "UTC"
    opening: Annotated[list[OpeningHours], Field(max_length=20, default_factory=list)]
    service_s: Annotated[float, Field(ge=0, le=86_400)] = 600
    access: Line = ""
    contact: Line = ""

    @model_validator(mode="after")
    def _whole(self) -> ShipToIn:
        if (self.lat is None) != (self.lon is None):
            raise ValueError("lat, lon: both, or none")
        return self


class ShipTo(TypedDict):
    """A place where a customer is delivered to."""

    id: str
    customer: str
    label: str
    address: str
    lat: float | None
    lon: float | None
    tz: str
    opening: list[dict[str, Any]]
    service_s: float
    access: str
    contact: str
    retired_at: Time | None


def _customer(row: Row) -> Customer:
    return {
        "id": row["id"], "label": row["label"], "min_life_days": row["min_life_days"], "orders": row["orders"],
        "retired_at": when(row["retired_at"]),
    }  # fmt: skip


def _ship_to(row: Row) -> ShipTo:
    names = ("id", "customer", "label", "address", "lat", "lon", "tz", "opening", "service_s", "access", "contact")
    return {**{name: row[name] for name in names}, "retired_at": when(row["retired_at"])}  # type: ignore[typeddict-item]


async def _one(session: Session, code: str) -> Row | None:
    return await session.row(queries("orders")["customers"], id=code, search=None, after="", limit=1)


async def _place(session: Session, customer: str, code: str) -> Row | None:
    return await session.row(queries("orders")["ship_tos"], customer=customer, id=code, after="", limit=1)


@router.get("/customers", response_model=Items[Customer], responses=FILES)
@as_file("customers", Customer)
async def list_customers(
    request: Request,
    caller: Reader,
    search: Annotated[str | None, Query(max_length=100, description="in code or label")] = None,
    limit: Limit = 200,
    cursor: Cursor = None,
) -> Json:
    """Customers by code, without retired ones."""
    after = decode(cursor, (str,))[0] if cursor else ""
    asked = {"id": None, "search": search, "after": after, "limit": limit + 1}
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        found = await session.rows(queries("orders")["customers"], **asked)
    return shaped_page(request, found, limit, lambda row: [row["id"]], _customer)


@router.get("/customers/{customer_id}", response_model=Customer)
async def get_customer(request: Request, caller: Reader, customer_id: CustomerName) -> Json:
    """One customer, a retired one too."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        row = await _one(session, customer_id)
    if row is None:
        raise not_found()
    return one(request, _customer(row), live={"orders"})


@router.post("/customers", response_model=Customer, status_code=201, responses=OR_CHANGED)
async def post_customer(request: Request, caller: OrderKeeper, given: CustomerIn) -> Json:
    """Makes or changes a customer; a retired one is taken up again."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        known = await _one(session, given.id)
        await session.row(queries("orders")["put_customer"], **given.model_dump())
        action = "customer.create" if known is None else "customer.change"
        await audit(session, caller, action, given.id, **given.model_dump())
        row = await _one(session, given.id)
    return one(request, _customer(row or {}), 201 if known is None else 200, live={"orders"})


@router.delete("/customers/{customer_id}", status_code=204)
async def delete_customer(request: Request, caller: OrderKeeper, customer_id: CustomerName) -> Response:
    """Offers a customer no more; its orders stay."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        if await session.row(queries("orders")["retire_customer"], id=customer_id) is None:
            raise not_found()
        await audit(session, caller, "customer.delete", customer_id)
    return Response(status_code=204)


@router.get("/customers/{customer_id}/ship-tos", response_model=Items[ShipTo], responses=FILES)
@as_file("ship-tos", ShipTo)
async def list_ship_tos(
    request: Request, caller: Reader, customer_id: CustomerName, limit: Limit = 200, cursor: Cursor = None
) -> Json:
    """Where a customer is delivered to, by code."""
    after = decode(cursor, (str,))[0] if cursor else ""
    asked = {"customer": customer_id, "id": None, "after": after, "limit": limit + 1}
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        if await _one(session, customer_id) is None:
            raise not_found()
        found = await session.rows(queries("orders")["ship_tos"], **asked)
    return shaped_page(request, found, limit, lambda row: [row["id"]], _ship_to)


@router.get("/customers/{customer_id}/ship-tos/{ship_to_id}", response_model=ShipTo)
async def get_ship_to(request: Request, caller: Reader, customer_id: CustomerName, ship_to_id: PlaceName) -> Json:
    """One place where a customer is delivered to, a retired one too."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        row = await _place(session, customer_id, ship_to_id)
    if row is None:
        raise not_found()
    return one(request, _ship_to(row))


@router.post("/customers/{customer_id}/ship-tos", response_model=ShipTo, status_code=201, responses=OR_CHANGED)
async def post_ship_to(request: Request, caller: OrderKeeper, customer_id: CustomerName, given: ShipToIn) -> Json:
    """Makes or changes a place where a customer is delivered to."""
    values = given.model_dump(by_alias=True)
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        known = await _place(session, customer_id, given.id)
        put = {**values, "opening": Jsonb(values["opening"]), "customer": customer_id}
        if await session.row(queries("orders")["put_ship_to"], **put) is None:
            raise not_found()
        action = "ship_to.create" if known is None else "ship_to.change"
        await audit(session, caller, action, f"{customer_id}/{given.id}", **values)
        row = await _place(session, customer_id, given.id)
    return one(request, _ship_to(row or {}), 201 if known is None else 200)


@router.delete("/customers/{customer_id}/ship-tos/{ship_to_id}", status_code=204)
async def delete_ship_to(
    request: Request, caller: OrderKeeper, customer_id: CustomerName, ship_to_id: PlaceName
) -> Response:
    """Nobody is delivered to there any more; orders that name it stay."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        if await session.row(queries("orders")["retire_ship_to"], customer=customer_id, id=ship_to_id) is None:
            raise not_found()
        await audit(session, caller, "ship_to.delete", f"{customer_id}/{ship_to_id}")
    return Response(status_code=204)


async def _there(session: Session, names: list[str]) -> dict[str, Known]:
    rows = await session.rows(queries("orders")["customers_there"], names=names)
    values = ("id", "label", "min_life_days")
    return {row["id"]: Known({name: row[name] for name in values}, about={"retired": row["retired"]}) for row in rows}


async def _settle(session: Session, entries: list[Entry]) -> Settled:
    """Those that are as they were; a retired one is taken up again."""
    del session
    return {entry.key: SAME for entry in entries if entry.values == entry.known and not entry.about["retired"]}


async def _put(session: Session, caller: Caller, entries: list[Entry]) -> None:
    del caller
    await session.run(queries("orders")["put_customers"], rows=as_rows(entry.values for entry in entries))


COLUMNS = Columns(
    {"id": cells.text, "label": cells.text, "min_life_days": cells.number},
    needed=("id",),
    aliases={"customer": "id", "code": "id", "name": "label", "title": "label"},
)
KIND = Kind("customer", "id", CustomerIn, COLUMNS, _there, _put, settle=_settle)


@router.post(
    "/customers/import",
    response_class=StreamingResponse,
    responses=ANSWER,
    openapi_extra=documented("id,label,min_life_days\r\nward-5,Ward 5,5\r\n"),
)
async def import_customers(request: Request, caller: OrderKeeper, way: Asked) -> Response:
    """Customers of a file: CSV, a workbook, or JSON on each line; what is told of them as it goes, see the guide."""
    return await bring(request, caller, KIND, way)
