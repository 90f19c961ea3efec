"""Suppliers, on what terms they deliver, and what sites promise of products.

A POST makes what is new (201), changes what is there (200).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from fastapi import Path, Request
from pydantic import AfterValidator, ConfigDict, Field, model_validator
from starlette.responses import Response
from typing_extensions import TypedDict

from api.database import Row, Session
from api.http.audit import audit
from api.http.auth import Buyer, Reader
from api.http.context import context_of
from api.http.inputs import Name, Strict, printable
from api.http.jsons import Json, Time, when
from api.http.paging import Cursor, Items, Limit, decode, shaped_page
from api.http.problems import OR_CHANGED, Problem, not_found
from api.http.routes import resource
from api.http.things import one
from api.resources.shared.exports import FILES, as_file
from api.resources.shared.ledger import Asked, Sku
from api.resources.shared.orders import Code
from domain.stock.quantities import number
from store.db import queries

router = resource(tags=["purchasing"])
Part = Annotated[str, Path(max_length=64)]
Words = Annotated[str, AfterValidator(printable), Field(max_length=200)]
Units = Annotated[Decimal, Field(gt=0, le=10**9, decimal_places=6, description="base units")]
Price = Annotated[Decimal, Field(ge=0, le=10**9, decimal_places=6, description="of a base unit")]
Currency = Annotated[str, Field(pattern="^[A-Z]{3}$")]


class SupplierIn(Strict):
    """Somebody who delivers. `contact`: how an order reaches them."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"id": "dairy", "label": "Valley Dairy", "contact": "orders@dairy.example"}]}
    )

    id: Code
    label: Words = ""
    contact: Words = ""


class Supplier(TypedDict):
    """A supplier; of how many `products` there are terms, and how many `orders` were neither cancelled nor closed."""

    id: str
    label: str
    contact: str
    products: int
    orders: int
    retired_at: Time | None


class TermsIn(Strict):
    """How a supplier delivers a product: in how many days, in multiples of `pack`, `least` of a line, at what price."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"sku": "MILK", "lead_days": 2, "pack": 12, "least": 24, "price": "0.62", "currency": "EUR"}]
        }
    )

    sku: Sku
    lead_days: Annotated[float, Field(ge=0, le=400, description="promised, from sending to receipt")]
    pack: Units = Decimal(1)
    least: Annotated[Decimal, Field(ge=0, le=10**9, decimal_places=6, description="base units")] = Decimal(0)
    price: Price | None = None
    currency: Currency | None = None

    @model_validator(mode="after")
    def _both(self) -> TermsIn:
        if (self.price is None) != (self.currency is None):
            raise ValueError("price, currency: both or none of them")
        return self


class SupplierTerms(TypedDict):
    """Terms of a product, all in base units."""

    id: str
    supplier: str
    sku: str
    label: str
    base_unit: str
    lead_days: float
    pack: float
    least: float
    price: float | None
    currency: str | None
    set_at: Time | None
    set_by: str


class GoalIn(Strict):
    """What a site promises: `cycle`, share of order cycles without anybody waiting, or `fill`, share there at once.

    One looks every `review_days`; an order lasts `cover_days` beyond the reorder point; there is room for `most`.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"site": "m-site", "sku": "M-SKU", "goal": "fill", "service": 0.98, "review_days": 7, "cover_days": 7}
            ]
        }
    )

    site: Name
    sku: Sku
    goal: Literal["cycle", "fill"] = "cycle"
    service: Annotated[float, Field(ge=0.5, le=0.999)] = 0.95
    review_days: Annotated[int, Field(ge=1, le=90)] = 1
    cover_days: Annotated[float, Field(ge=0, le=365)] = 7
    most: Units | None = None
    supplier: Code | None = None


class StockGoal(TypedDict):
    """What a site promises of a product; `supplier` null: the cheapest of those who have it."""

    id: str
    site: str
    sku: str
    goal: Literal["cycle", "fill"]
    service: float
    review_days: int
    cover_days: float
    most: float | None
    supplier: str | None
    set_at: Time | None
    set_by: str


def _supplier(row: Row) -> Supplier:
    return {
        "id": row["id"],
        "label": row["label"],
        "contact": row["contact"],
        "products": row["products"],
        "orders": row["orders"],
        "retired_at": when(row["retired_at"]),
    }


def _terms(row: Row) -> SupplierTerms:
    return {
        "id": f"{row['supplier']}/{row['sku']}",
        "supplier": row["supplier"],
        "sku": row["sku"],
        "label": row["label"],
        "base_unit": row["base_unit"],
        "lead_days": row["lead_days"],
        "pack": float(row["pack"]),
        "least": float(row["least"]),
        "price": number(row["price"]),
        "currency": row["currency"],
        "set_at": when(row["set_at"]),
        "set_by": row["set_by"],
    }


def _goal(row: Row) -> StockGoal:
    return {
        "id": f"{row['site']}/{row['sku']}",
        "site": row["site"],
        "sku": row["sku"],
        "goal": row["goal"],
        "service": row["service"],
        "review_days": row["review_days"],
        "cover_days": row["cover_days"],
        "most": number(row["most"]),
        "supplier": row["supplier"],
        "set_at": when(row["set_at"]),
        "set_by": row["set_by"],
    }


@router.get("/suppliers", response_model=Items[Supplier], responses=FILES)
@as_file("suppliers", Supplier)
async def list_suppliers(request: Request, caller: Reader, limit: Limit = 200, cursor: Cursor = None) -> Json:
    """Suppliers by code."""
    after = decode(cursor, (str,))[0] if cursor else ""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        found = await session.rows(queries("purchasing")["suppliers"], id=None, after=after, limit=limit + 1)
    return shaped_page(request, found, limit, lambda row: [row["id"]], _supplier)


async def _one(session: Session, name: str) -> Row | None:
    return await session.row(queries("purchasing")["suppliers"], id=name, after="", limit=1)


@router.post("/suppliers", response_model=Supplier, status_code=201, responses=OR_CHANGED)
async def post_supplier(request: Request, caller: Buyer, given: SupplierIn) -> Json:
    """Makes or changes a supplier; a retired one is taken up again."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        known = await _one(session, given.id)
        await session.row(queries("purchasing")["put_supplier"], **given.model_dump())
        await audit(session, caller, "supplier.change" if known else "supplier.create", given.id, **given.model_dump())
        row = await _one(session, given.id)
    return one(request, _supplier(row or {}), 200 if known else 201, live={"products", "orders"})


@router.delete("/suppliers/{supplier_id}", status_code=204)
async def delete_supplier(request: Request, caller: Buyer, supplier_id: Part) -> Response:
    """Orders nothing more from a supplier; what was ordered stays."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        if await session.row(queries("purchasing")["retire_supplier"], id=supplier_id) is None:
            raise not_found()
        await audit(session, caller, "supplier.delete", supplier_id)
    return Response(status_code=204)


@router.get("/suppliers/{supplier_id}/terms", response_model=Items[SupplierTerms])
async def list_terms(
    request: Request, caller: Reader, supplier_id: Part, limit: Limit = 200, cursor: Cursor = None
) -> Json:
    """What a supplier delivers and how, by SKU."""
    asked = {"supplier": supplier_id, "sku": None, "after": decode(cursor, (str,))[0] if cursor else ""}
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        if await _one(session, supplier_id) is None:
            raise not_found()
        found = await session.rows(queries("purchasing")["terms"], **asked, limit=limit + 1)
    return shaped_page(request, found, limit, lambda row: [row["sku"]], _terms)


@router.post(
    "/suppliers/{supplier_id}/terms", response_model=SupplierTerms, status_code=201, responses=OR_CHANGED
)  # fmt: skip
async def post_terms(request: Request, caller: Buyer, supplier_id: Part, given: TermsIn) -> Json:
    """Makes or changes the terms of a product; orders that were made keep theirs. 422: there is no such product."""
    q = queries("purchasing")
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        supplier = await _one(session, supplier_id)
        if supplier is None or supplier["retired_at"] is not None:
            raise not_found()
        values = {"supplier": supplier_id, **given.model_dump()}
        made = await session.row(q["put_terms"], **values, by=caller.user)
        if made is None:
            raise Problem(422, f"sku: there is no {given.sku}; add it first")
        action = "supplier_terms.create" if made["created"] else "supplier_terms.change"
        await audit(session, caller, action, f"{supplier_id}/{given.sku}", **given.model_dump(mode="json"))
        row = await session.row(q["terms"], supplier=supplier_id, sku=given.sku, after="", limit=1)
    return one(request, _terms(row or {}), 201 if made["created"] else 200)


@router.delete("/suppliers/{supplier_id}/terms/{sku}", status_code=204)
async def delete_terms(request: Request, caller: Buyer, supplier_id: Part, sku: Part) -> Response:
    """The supplier has the product no more."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        if await session.row(queries("purchasing")["drop_terms"], supplier=supplier_id, sku=sku) is None:
            raise not_found()
        await audit(session, caller, "supplier_terms.delete", f"{supplier_id}/{sku}")
    return Response(status_code=204)


@router.get("/stock-goals", response_model=Items[StockGoal], responses=FILES)
@as_file("stock-goals", StockGoal)
async def list_goals(
    request: Request, caller: Reader, site: Asked = None, sku: Asked = None, limit: Limit = 200, cursor: Cursor = None
) -> Json:
    """What sites promise of products, by name; of others 95 % of cycles are promised, with 7 days of cover."""
    a, b = decode(cursor, (str, str)) if cursor else ("", "")
    asked = {"site": site, "sku": sku, "a": a, "b": b, "limit": limit + 1}
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        found = await session.rows(queries("purchasing")["goals"], **asked)
    return shaped_page(request, found, limit, lambda row: [row["site"], row["sku"]], _goal)


@router.post("/stock-goals", response_model=StockGoal, status_code=201, responses=OR_CHANGED)
async def post_goal(request: Request, caller: Buyer, given: GoalIn) -> Json:
    """Says what a site promises of a product. 422: site, product or supplier is not there."""
    q, values = queries("purchasing"), given.model_dump()
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        keys = await session.row(q["goal_names"], site=given.site, sku=given.sku, supplier=given.supplier) or {}
        for name, key in (("site", "site_id"), ("sku", "product_id"), ("supplier", "supplier_id")):
            if values[name] is not None and keys[key] is None:
                raise Problem(422, f"{name}: there is no {values[name]}; add it first")
        made = await session.row(q["put_goal"], **values, **keys, by=caller.user) or {"created": False}
        action = "stock_goal.create" if made["created"] else "stock_goal.change"
        await audit(session, caller, action, f"{given.site}/{given.sku}", **given.model_dump(mode="json"))
        row = await session.row(q["goals"], site=given.site, sku=given.sku, a="", b="", limit=1)
    return one(request, _goal(row or {}), 201 if made["created"] else 200)


@router.delete("/stock-goals/{site_id}/{sku}", status_code=204)
async def delete_goal(request: Request, caller: Buyer, site_id: Part, sku: Part) -> Response:
    """Promises nothing of its own any more: what is usual holds."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        if await session.row(queries("purchasing")["drop_goal"], site=site_id, sku=sku) is None:
            raise not_found()
        await audit(session, caller, "stock_goal.delete", f"{site_id}/{sku}")
    return Response(status_code=204)
