"""What can be promised, and what is promised to orders. A POST makes what is new (201), changes what is there (200)."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

from fastapi import Query, Request
from pydantic import ConfigDict, Field
from starlette.responses import Response
from typing_extensions import TypedDict

from api.database import Row, Session
from api.http.audit import audit
from api.http.auth import Reader, StockKeeper
from api.http.context import context_of
from api.http.inputs import Name, Strict, Text
from api.http.instants import Instant
from api.http.jsons import Json, Time, when
from api.http.paging import Cursor, Items, Limit, decode, shaped_page
from api.http.problems import OR_CHANGED, Problem, not_found, refusing
from api.http.routes import resource
from api.http.things import one
from api.resources.shared.availability import Availability, availability_shown, read_available
from api.resources.shared.exports import FILES, as_file
from api.resources.shared.handling import LotCode
from api.resources.shared.ledger import Asked, Sku, UnitName, shown_number
from domain.stock.quantities import text_of
from domain.stock.units import UnitError
from operations.stock.decide import Product, product_and_lot
from store.db import queries

router = resource(tags=["stock"])


class ReservationIn(Strict):
    """So much of a product for an order: of any lot or one, at any site or one, by `needed_at` (now)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "ORDER-17-1",
                    "reference": "ORDER-17",
                    "sku": "MILK",
                    "quantity": 2,
                    "unit": "case",
                    "site": "dc-1",
                    "needed_at": "2026-11-23T06:00:00Z",
                    "expires_at": "2026-11-24T00:00:00Z",
                }
            ]
        }
    )

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$", description="chosen by who reserves")]
    reference: Text
    sku: Sku
    quantity: Annotated[Decimal, Field(gt=0, le=10**9, decimal_places=6)]
    unit: UnitName | None = None
    lot: LotCode | None = None
    site: Name | None = None
    needed_at: Instant | None = None
    expires_at: Instant | None = None


class Reservation(TypedDict):
    """Goods that are promised to an order, in base units; of the product its order was `delivered` so much since."""

    id: str
    reference: str
    sku: str
    lot: str | None
    site: str | None
    quantity: float
    base_unit: str
    needed_at: Time | None
    expires_at: Time | None
    reserved_at: Time | None
    reserved_by: str
    released_at: Time | None
    released_by: str | None
    delivered: float


def _shape(row: Row) -> Reservation:
    return {
        "id": row["id"],
        "reference": row["reference"],
        "sku": row["sku"],
        "lot": row["lot"],
        "site": row["site"],
        "quantity": shown_number(row["quantity"]),
        "base_unit": row["base_unit"],
        "needed_at": when(row["needed_at"]),
        "expires_at": when(row["expires_at"]),
        "reserved_at": when(row["reserved_at"]),
        "reserved_by": row["reserved_by"],
        "released_at": when(row["released_at"]),
        "released_by": row["released_by"],
        "delivered": shown_number(row["delivered"]),
    }


@router.get("/stock/availability", response_model=Items[Availability], responses=FILES)
@as_file("stock-availability", Availability)
async def list_availability(
    request: Request,
    caller: Reader,
    sku: Asked = None,
    site: Asked = None,
    at: Annotated[Instant | None, Query(description="when it is needed; now, when nothing is said")] = None,
    limit: Limit = 200,
    cursor: Cursor = None,
) -> Json:
    """By SKU what can be promised for a time: lots that are good then, less reservations, more what surely arrives."""
    after = decode(cursor, (str,))[0] if cursor else ""
    now = datetime.now(UTC)
    by = at or now
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        held = queries("availability")["products_held"]
        products = await session.rows(held, sku=sku, after=after, limit=limit + 1)
        found = await read_available(session, [p["key"] for p in products], now=now, at=by, site=site)
    return shaped_page(
        request, products, limit, lambda p: [p["sku"]], lambda p: availability_shown(p, found[p["key"]], site, by)
    )


@router.get("/stock/reservations", response_model=Items[Reservation], responses=FILES)
@as_file("stock-reservations", Reservation)
async def list_reservations(
    request: Request,
    caller: Reader,
    sku: Asked = None,
    reference: Annotated[str | None, Query(max_length=200)] = None,
    gone: Annotated[bool, Query(description="released and expired ones too")] = False,  # noqa: FBT002
    limit: Limit = 200,
    cursor: Cursor = None,
) -> Json:
    """Reservations that stand, by id."""
    after = decode(cursor, (str,))[0] if cursor else ""
    asked = {"id": None, "sku": sku, "reference": reference, "all": gone, "after": after, "limit": limit + 1}
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        found = await session.rows(queries("availability")["reservations"], **asked)
    return shaped_page(request, found, limit, lambda row: [row["id"]], _shape)


async def _one(session: Session, name: str) -> Row | None:
    asked = {"id": name, "sku": None, "reference": None, "all": True, "after": "", "limit": 1}
    return await session.row(queries("availability")["reservations"], **asked)


@router.post("/stock/reservations", response_model=Reservation, status_code=201, responses=OR_CHANGED)
async def post_reservation(request: Request, caller: StockKeeper, given: ReservationIn) -> Json:
    """Promises goods to an order, or changes what was promised. 409: there is not so much to promise."""
    now = datetime.now(UTC)
    if given.expires_at is not None and given.expires_at <= now:
        raise Problem(422, "expires_at: it is over already")
    q = queries("availability")
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        with refusing():
            product, lot = await session.perform(product_and_lot(given.sku, given.lot or ""), queries("stock"))
        try:
            quantity = product.units.to_base(given.quantity, given.unit or product.units.base)
        except UnitError as error:
            raise Problem(422, str(error)) from None
        site = await session.row(q["site_key"], site=given.site) if given.site else None
        if given.site and site is None:
            raise Problem(422, f"site: there is no {given.site}; add it first")
        await session.run(q["lock_product"], product=product.id)
        for of in (None, lot) if lot else (None,):
            await _check(session, given, product, of, quantity, now)
        known = await _one(session, given.id)
        keys: dict[str, Any] = {"product": product.id, "lot": lot, "site": site["id"] if site else None}
        told = {"id": given.id, "reference": given.reference, "needed_at": given.needed_at}
        await session.row(
            q["put_reservation"], **told, **keys, quantity=quantity, expires_at=given.expires_at, by=caller.user
        )
        action = "reservation.create" if known is None else "reservation.change"
        await audit(session, caller, action, given.id, **given.model_dump(mode="json", exclude_none=True))
        row = await _one(session, given.id)
    return one(request, _shape(row or {}), 201 if known is None else 200)


async def _check(
    session: Session, given: ReservationIn, product: Product, lot: int | None, quantity: Decimal, now: datetime
) -> None:
    by = max(given.needed_at or now, now)
    found = await read_available(session, [product.id], now=now, at=by, site=given.site, lot=lot, but=given.id)
    figures, _ = found[product.id]
    if figures.available < quantity:
        of = f"{given.sku} of lot {given.lot}" if lot else given.sku
        raise Problem(
            409,
            f"quantity: of {of} there are {text_of(figures.available)} {product.units.base} to promise by then, not "
            f"{text_of(quantity)}: {text_of(figures.usable)} usable, {text_of(figures.reserved)} reserved, "
            f"{text_of(figures.arriving)} arriving; release another reservation, or ask for later",
        )


@router.get("/stock/reservations/{reservation_id}", response_model=Reservation)
async def get_reservation(request: Request, caller: Reader, reservation_id: str) -> Json:
    """One reservation, a released one too."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        row = await _one(session, reservation_id)
    if row is None:
        raise not_found()
    return one(request, _shape(row))


@router.delete("/stock/reservations/{reservation_id}", status_code=204)
async def delete_reservation(request: Request, caller: StockKeeper, reservation_id: str) -> Response:
    """Releases what was promised: goods were taken, or are not wanted."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        if await session.row(queries("availability")["release"], id=reservation_id, by=caller.user) is None:
            raise not_found()
        await audit(session, caller, "reservation.release", reservation_id)
    return Response(status_code=204)
