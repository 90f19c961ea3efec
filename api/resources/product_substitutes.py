"""Which products may be sent in the place of another one, and orders that are served so."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

import orjson
from fastapi import Path, Request
from pydantic import ConfigDict, Field, model_validator
from typing_extensions import TypedDict

from api.database import Row, Session
from api.http.audit import audit
from api.http.auth import OrderKeeper, ProductKeeper, Reader
from api.http.context import context_of
from api.http.inputs import Strict
from api.http.jsons import Json
from api.http.paging import Items, Page
from api.http.problems import OR_CHANGED, Problem, not_found, refusing
from api.http.routes import resource
from api.http.things import one
from api.resources.shared.ledger import Amount, Sku, UnitName, shown_number
from api.resources.shared.orders import LIVE, Code, OrderDetail, order_detail, tell_news, who_is
from domain.times import to_us
from operations.order_parts.record import PartTold
from operations.substitutes.record import substitute
from store.db import queries

router = resource(tags=["orders"])
OrderName = Annotated[str, Path(max_length=64)]
SkuPath = Annotated[str, Path(max_length=64)]
Factor = Annotated[Decimal, Field(gt=0, le=10**6, decimal_places=6)]
SUBSTITUTES_MAX, LINES_MAX = 50, 1000


class SubstituteIn(Strict):
    """A product that may be sent instead: `quantity` of its base units for `per` of the other's."""

    sku: Sku
    quantity: Factor = Decimal(1)
    per: Factor = Decimal(1)


class SubstitutesIn(Strict):
    """All that may be sent in the place of a product."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"substitutes": [{"sku": "MILK-05L", "quantity": 2, "per": 1}]}]}
    )

    substitutes: Annotated[list[SubstituteIn], Field(max_length=SUBSTITUTES_MAX)]

    @model_validator(mode="after")
    def _each_once(self) -> SubstitutesIn:
        if len({each.sku for each in self.substitutes}) < len(self.substitutes):
            raise ValueError("substitutes: each product once")
        return self


class Substitute(TypedDict):
    """A product that may be sent instead: `quantity` of its base units for `per` of the other's."""

    sku: str
    label: str
    base_unit: str
    quantity: float
    per: float


class SubstitutionIn(Strict):
    """Units of a line that are served by another product; `quantity` is of what was ordered. `id` is yours."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"id": "sub-7", "line": 1, "sku": "MILK-05L", "quantity": 4, "version": 3}]}
    )

    id: Code
    line: Annotated[int, Field(ge=1, le=LINES_MAX)]
    sku: Sku
    quantity: Annotated[Amount, Field(gt=0)]
    unit: UnitName | None = None
    version: Annotated[int, Field(ge=1)] | None = None


def _shape(row: Row) -> Substitute:
    return {
        "sku": row["sku"],
        "label": row["label"],
        "base_unit": row["base_unit"],
        "quantity": shown_number(row["numerator"]),
        "per": shown_number(row["denominator"]),
    }


async def _read(session: Session, sku: str) -> list[Substitute]:
    return [_shape(row) for row in await session.rows(queries("substitutes")["substitutes"], sku=sku)]


@router.get("/products/{sku}/substitutes", response_model=Items[Substitute])
async def list_substitutes(request: Request, caller: Reader, sku: SkuPath) -> Json:
    """What may be sent in the place of a product, by SKU."""
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        if await session.row(queries("substitutes")["substituted"], sku=sku) is None:
            raise not_found()
        found = await _read(session, sku)
    return Page(found)


@router.put("/products/{sku}/substitutes", response_model=Items[Substitute])
async def put_substitutes(request: Request, caller: ProductKeeper, sku: SkuPath, given: SubstitutesIn) -> Json:
    """Says what may be sent in the place of a product: these and no others."""
    q = queries("substitutes")
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        row = await session.row(q["substituted"], sku=sku)
        if row is None:
            raise not_found()
        before = await _read(session, sku)
        await session.run(q["drop_substitutes"], product=row["id"])
        rows = [{"sku": s.sku, "numerator": str(s.quantity), "denominator": str(s.per)} for s in given.substitutes]
        if any(each.sku == sku for each in given.substitutes):
            raise Problem(422, f"substitutes: {sku} does not stand for itself")
        made = {
            each["sku"]
            for each in await session.rows(q["put_substitutes"], product=row["id"], rows=orjson.dumps(rows).decode())
        }
        if missing := [each.sku for each in given.substitutes if each.sku not in made]:
            raise Problem(422, f"substitutes: there is no {missing[0]}; add it first")
        found = await _read(session, sku)
        if found != before:
            await audit(session, caller, "product.substitutes", sku, **given.model_dump(mode="json"))
    return Page(found)


def _named() -> dict[str, Any]:
    return {**queries("stock"), **queries("orders"), **queries("order_parts"), **queries("substitutes")}


@router.post("/orders/{order_id}/substitution", response_model=OrderDetail, status_code=201, responses=OR_CHANGED)
async def substitute_line(request: Request, caller: OrderKeeper, order_id: OrderName, given: SubstitutionIn) -> Json:
    """Units of a line that nobody has picked are served by a substitute, as a line of its own. 200: they were before.

    409: too few units that nobody has picked, another step has the id, or somebody has changed it since `version`.
    """
    told = PartTold(given.line, given.quantity, given.unit or "")
    now_us = to_us(datetime.now(UTC))
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        with refusing():
            script = substitute(
                order_id, given.id, told, given.sku, now_us, caller.user, who_is(caller), version=given.version
            )
            new = await session.perform(script, _named())
        if new:
            said = given.model_dump(mode="json", exclude_none=True)
            await audit(session, caller, "order.substitute", order_id, **said)
        found = await order_detail(session, order_id)
        if new:
            await tell_news(session, [order_id])
    return one(request, found, 201 if new else 200, live=LIVE)
