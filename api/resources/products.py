"""Products. A POST makes what is new (201) and changes what is there (200)."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Request
from pydantic import AfterValidator, ConfigDict, Field, model_validator
from starlette.responses import Response, StreamingResponse
from typing_extensions import TypedDict

from api.database import Row, Session
from api.feed.emit import emit, put
from api.http.audit import audit
from api.http.auth import ProductKeeper, Reader
from api.http.caller import Caller
from api.http.context import context_of
from api.http.inputs import Celsius, Name, Strict, Text, printable
from api.http.jsons import Json
from api.http.paging import Cursor, Items, Limit, decode, shaped_page
from api.http.problems import OR_CHANGED, not_found
from api.http.routes import resource
from api.http.things import one
from api.resources.shared.exports import FILES, as_file
from api.resources.shared.imports import cells
from api.resources.shared.imports.bring import (
    ANSWER,
    Asked,
    Entry,
    Kind,
    Known,
    Settled,
    alike,
    as_rows,
    bring,
    documented,
)
from api.resources.shared.imports.files import Columns
from api.resources.shared.profiles import profile_id, profile_ids
from api.resources.shared.stock import read_stock
from domain.vehicles import TempClass
from store.db import queries

router = resource(tags=["products"])
Search = Annotated[str | None, Query(max_length=64, description="a part of an SKU, a name or a GTIN")]
Side = Annotated[int, Field(ge=1, le=100_000)]
PACKED = ("gross_mass_kg", "length_mm", "width_mm", "height_mm", "temp_class", "apart")
"""What is told of how a product travels."""


class ProductIn(Strict):
    """A product, new or changed.

    `expiry_days`: so long before a lot's end it is told what will be left of it; null: as the programs are set.
    Mass, size (of a base unit as it is shipped), `temp_class` (null: it lies anywhere) and `apart` (a word of what may
    not stand beside some others) stay when they are not named.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "sku": "MILK-1L",
                    "label": "Milk 1 l",
                    "unit_mass_kg": 1.03,
                    "low_c": 2,
                    "high_c": 6,
                    "reorder_point": 40,
                    "expiry_days": 3,
                    "gtin": "06414123456789",
                    "gross_mass_kg": 1.06,
                    "temp_class": "chilled",
                },
                {"sku": "SERUM-10", "label": "Serum, 10 ml", "profile": "chilled"},
            ]
        }
    )

    sku: Annotated[str, AfterValidator(printable), Field(min_length=1, max_length=64)]
    label: Text
    unit_mass_kg: Annotated[float, Field(gt=0, le=100_000)] | None = None
    low_c: Celsius | None = None
    high_c: Celsius | None = None
    reorder_point: Annotated[float, Field(ge=0, le=1e9)] | None = None
    expiry_days: Annotated[float, Field(gt=0, le=3650)] | None = None
    gtin: Annotated[str, Field(pattern=r"^([0-9]{8}|[0-9]{12,14})$")] | None = None
    profile: Name | None = None
    gross_mass_kg: Annotated[float, Field(gt=0, le=100_000)] | None = None
    length_mm: Side | None = None
    width_mm: Side | None = None
    height_mm: Side | None = None
    temp_class: TempClass | None = None
    apart: Annotated[str, AfterValidator(printable), Field(max_length=40)] | None = None

    @model_validator(mode="after")
    def _some_room(self) -> ProductIn:
        if self.low_c is not None and self.high_c is not None and self.low_c >= self.high_c:
            raise ValueError("low_c: not below high_c")
        if len({side is None for side in (self.length_mm, self.width_mm, self.height_mm)}) > 1:
            raise ValueError("length_mm: a size has length_mm, width_mm and height_mm")
        return self


class Product(TypedDict):
    """A product."""

    sku: str
    label: str
    unit_mass_kg: float | None
    low_c: float | None
    high_c: float | None
    reorder_point: float | None
    expiry_days: float | None
    gtin: str | None
    profile: str | None
    gross_mass_kg: float | None
    length_mm: int | None
    width_mm: int | None
    height_mm: int | None
    temp_class: TempClass | None
    apart: str | None


def _shape(row: Row) -> Product:
    """From a row of `products`."""
    return {
        "sku": row["sku"],
        "label": row["label"],
        "unit_mass_kg": row["unit_mass_kg"],
        "low_c": row["low_c"],
        "high_c": row["high_c"],
        "reorder_point": row["reorder_point"],
        "expiry_days": row["expiry_days"],
        "gtin": row["gtin"],
        "profile": row["profile"],
        "gross_mass_kg": row["gross_mass_kg"],
        "length_mm": row["length_mm"],
        "width_mm": row["width_mm"],
        "height_mm": row["height_mm"],
        "temp_class": row["temp_class"],
        "apart": row["apart"] or None,
    }


@router.get("/products", response_model=Items[Product], responses=FILES)
@as_file("products", Product)
async def list_products(
    request: Request, caller: Reader, search: Search = None, limit: Limit = 200, cursor: Cursor = None
) -> Json:
    """Products by SKU, perhaps those whose SKU, name or GTIN has some text in it; retired ones are left out."""
    after = decode(cursor, (str,))[0] if cursor else ""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        found = await session.rows(queries("api")["products"], after=after, name=None, search=search, limit=limit + 1)
    return shaped_page(request, found, limit, lambda p: [p["sku"]], _shape)


@router.get("/products/{sku}", response_model=Product)
async def get_product(request: Request, caller: Reader, sku: str) -> Json:
    """One product, a retired one too."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        row = await session.row(queries("api")["products"], after="", name=sku, search=None, limit=1)
    if row is None:
        raise not_found()
    return one(request, _shape(row))


@router.post("/products", response_model=Product, status_code=201, responses=OR_CHANGED)
async def post_product(request: Request, caller: ProductKeeper, given: ProductIn) -> Json:
    """Makes or changes a product."""
    q = queries("api")
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        new = not await session.rows(q["products"], after="", name=given.sku, search=None, limit=1)
        profile = await profile_id(session, given.profile) if given.profile else None
        await session.row(queries("registry")["put_product"], **{**given.model_dump(), "profile": profile})
        if parts := [part for part in PACKED if part in given.model_fields_set]:
            values = {part: getattr(given, part) for part in PACKED}
            await session.run(queries("registry")["pack_product"], sku=given.sku, parts=parts, **values)
        await audit(session, caller, "product.create" if new else "product.change", given.sku, **given.model_dump())
        await session.run(queries("registry")["notify_registry"])
        row = await session.row(q["products"], after="", name=given.sku, search=None, limit=1)
        if levels := await read_stock(session, sku=given.sku):
            await emit(session, stock=[put(level["id"], level) for level in levels])
    return one(request, _shape(row or {}), 201 if new else 200)


async def _there(session: Session, names: list[str]) -> dict[str, Known]:
    rows = await session.rows(queries("imports")["products_there"], names=names)
    retired = "it is retired: restore it first"
    return {row["sku"]: Known(dict(_shape(row)), retired if row["retired"] else "") for row in rows}


async def _put(session: Session, caller: Caller, entries: list[Entry]) -> None:
    del caller
    rows = [{**entry.values, "profile": entry.more["profile"]} for entry in entries]
    await session.run(queries("imports")["put_products"], rows=as_rows(rows))


async def _settle(session: Session, entries: list[Entry]) -> Settled:
    """Those that change nothing, and those whose profile there is none of."""
    found = await alike(session, entries)
    profiles = await profile_ids(session, (entry.values["profile"] for entry in entries if entry.key not in found))
    for entry in entries:
        profile = profiles.get(entry.values["profile"])
        if isinstance(profile, str):
            found[entry.key] = profile
        entry.more = {"profile": profile}
    return found


async def _tell(session: Session, entries: list[Entry]) -> None:
    changed = [entry.key for entry in entries if entry.known is not None]
    if changed and (levels := await read_stock(session, skus=changed)):
        await emit(session, stock=[put(level["id"], level) for level in levels])


KIND = Kind(
    "product",
    "sku",
    ProductIn,
    Columns(
        {
            "sku": cells.text,
            "label": cells.text,
            "unit_mass_kg": cells.number,
            "low_c": cells.number,
            "high_c": cells.number,
            "reorder_point": cells.number,
            "expiry_days": cells.number,
            "gtin": cells.text,
            "profile": cells.text,
            "gross_mass_kg": cells.number,
            **dict.fromkeys(("length_mm", "width_mm", "height_mm"), cells.number),
            "temp_class": cells.text,
            "apart": cells.text,
        },
        needed=("sku",),
        aliases={"id": "sku", "name": "label", "title": "label", "ean": "gtin", "mass_kg": "unit_mass_kg"},
    ),
    _there,
    _put,
    _tell,
    _settle,
)


@router.post(
    "/products/import",
    response_class=StreamingResponse,
    responses=ANSWER,
    openapi_extra=documented("sku,label,low_c,high_c\r\nMILK-1L,Milk 1 l,2,6\r\n"),
)
async def import_products(request: Request, caller: ProductKeeper, way: Asked) -> Response:
    """Products of a file: CSV, a workbook, or JSON on each line; what is told of them as it goes, see the guide."""
    return await bring(request, caller, KIND, way)
