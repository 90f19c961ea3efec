"""Units of a product: what the ledger counts it in, its packs, and what one of it is worth."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Annotated

import orjson
from fastapi import Path, Request
from pydantic import ConfigDict, Field
from typing_extensions import TypedDict

from api.database import Row
from api.http.audit import audit
from api.http.auth import ProductKeeper, Reader
from api.http.context import context_of
from api.http.inputs import Strict
from api.http.jsons import Json
from api.http.problems import Problem, not_found
from api.http.routes import resource
from api.http.things import one
from api.resources.shared.ledger import UnitName
from domain.stock.quantities import number
from domain.stock.units import PIECE, Defined, UnitError, define, of_texts
from store.db import queries

router = resource(tags=["products"])
SkuPath = Annotated[str, Path(max_length=64)]
Factor = Annotated[Decimal, Field(gt=0, le=10**9, decimal_places=6)]


class PackIn(Strict):
    """One `name` is `quantity` of `of`; with `per`, so many of it are: three tins are a kilogram."""

    name: UnitName
    quantity: Factor
    of: UnitName = PIECE
    per: Factor = Decimal(1)


class UnitsIn(Strict):
    """The base unit that the ledger counts in, the packs, and the value of one base unit, in your currency."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "base_unit": "piece",
                    "unit_value": 1.15,
                    "units": [
                        {"name": "case", "quantity": 12, "of": "piece"},
                        {"name": "pallet", "quantity": 60, "of": "case"},
                    ],
                }
            ]
        }
    )

    base_unit: UnitName = PIECE
    unit_value: Annotated[Decimal, Field(ge=0, le=10**9, decimal_places=6)] | None = None
    units: list[PackIn] = Field([], max_length=50)


class PackOfProduct(TypedDict):
    """One of it is `numerator` / `denominator` base units, exactly; `quantity` is that as a number."""

    name: str
    quantity: float
    numerator: str
    denominator: str


class ProductUnits(TypedDict):
    """How a product is counted. `g`, `kg`, `t` and `ml`, `l`, `m3` are known of each other."""

    sku: str
    base_unit: str
    unit_value: float | None
    units: list[PackOfProduct]


def _shape(row: Row) -> ProductUnits:
    units = of_texts(row["units"])
    return {
        "sku": row["sku"],
        "base_unit": row["base_unit"],
        "unit_value": number(row["unit_value"]),
        "units": [
            {
                "name": name,
                "quantity": float(units[name]),
                "numerator": str(units[name].numerator),
                "denominator": str(units[name].denominator),
            }
            for name in sorted(units, key=lambda name: (units[name], name))
        ],
    }


@router.get("/products/{sku}/units", response_model=ProductUnits)
async def get_product_units(request: Request, caller: Reader, sku: SkuPath) -> Json:
    """The units of a product, the smallest first."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        row = await session.row(queries("ledger")["product_units"], sku=sku)
    if row is None:
        raise not_found()
    return one(request, _shape(row))


@router.put("/products/{sku}/units", response_model=ProductUnits)
async def put_product_units(request: Request, caller: ProductKeeper, sku: SkuPath, given: UnitsIn) -> Json:
    """Says how a product is counted, all of it; what was told before stays as it was reckoned.

    422: they contradict one another. 409: the base unit is another, and the ledger has moves in the one before.
    """
    q = queries("ledger")
    try:
        told = [Defined(each.name, Fraction(each.quantity) / Fraction(each.per), each.of) for each in given.units]
        units = define(given.base_unit, told)
    except UnitError as error:
        raise Problem(422, str(error)) from None
    rows = [
        {"name": name, "numerator": str(factor.numerator), "denominator": str(factor.denominator)}
        for name, factor in units.own.items()
    ]
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        row = await session.row(q["product_units"], sku=sku)
        if row is None:
            raise not_found()
        if row["moved"] and row["base_unit"] != given.base_unit:
            raise Problem(409, f"base_unit: the ledger counts {sku} in {row['base_unit']}; it has moves in it")
        await session.run(q["set_base_unit"], product=row["key"], base=given.base_unit, value=given.unit_value)
        await session.run(q["drop_units"], product=row["key"])
        await session.run(q["add_units"], product=row["key"], rows=orjson.dumps(rows).decode())
        await audit(session, caller, "product.units", sku, **given.model_dump(mode="json"))
        found = await session.row(q["product_units"], sku=sku)
    return one(request, _shape(found or {}))
