"""What goods are packed into, and what may not stand together. A POST makes what is new (201) or changes it (200)."""

from __future__ import annotations

from typing import Annotated, Literal

import orjson
from fastapi import Path, Request
from pydantic import AfterValidator, ConfigDict, Field
from starlette.responses import Response
from typing_extensions import TypedDict

from api.database import Row, Session
from api.http.audit import audit
from api.http.auth import Reader, StockKeeper
from api.http.context import context_of
from api.http.inputs import Strict, printable
from api.http.jsons import Json
from api.http.paging import Cursor, Items, Limit, decode, shaped_page
from api.http.problems import OR_CHANGED, Problem, not_found
from api.http.routes import resource
from api.http.things import one
from api.resources.shared.exports import FILES, as_file
from api.resources.shared.orders import Code
from domain.vehicles import TempClass
from store.db import queries

router = resource(tags=["orders"])
PackagingName = Annotated[str, Path(max_length=64)]
PackagingKind = Literal["carton", "tote", "pallet"]
Line = Annotated[str, AfterValidator(printable), Field(max_length=200)]
Side = Annotated[int, Field(ge=1, le=100_000)]
ApartWord = Annotated[str, AfterValidator(printable), Field(min_length=1, max_length=40)]
PACKAGINGS_MAX, RULES_MAX = 50, 200


class PackagingIn(Strict):
    """A kind of packaging by its inside; of a pallet, how far goods may reach on it.

    `load_kg`: most that may be in it; `fill_max`: which share of it may be goods; `temp_classes`: those it is for,
    none: all.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "box-m",
                    "label": "Box M",
                    "kind": "carton",
                    "length_mm": 400,
                    "width_mm": 300,
                    "height_mm": 250,
                    "load_kg": 15,
                    "tare_kg": 0.4,
                    "fill_max": 0.9,
                    "temp_classes": ["ambient"],
                }
            ]
        }
    )

    id: Code
    label: Line = ""
    kind: PackagingKind
    length_mm: Side
    width_mm: Side
    height_mm: Side
    load_kg: Annotated[float, Field(ge=0.001, le=100_000)]
    tare_kg: Annotated[float, Field(ge=0, le=10_000)] = 0
    fill_max: Annotated[float, Field(ge=0.01, le=1)] = 1
    temp_classes: Annotated[list[TempClass], Field(max_length=3, default_factory=list)]


class Packaging(TypedDict):
    """A kind of packaging."""

    id: str
    label: str
    kind: PackagingKind
    length_mm: int
    width_mm: int
    height_mm: int
    load_kg: float
    tare_kg: float
    fill_max: float
    temp_classes: list[TempClass]


class PackingRulesIn(Strict):
    """What may not stand together: two words of products (`apart`), or one: then not two pieces of it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"apart": [["food", "acid"], ["glass"]]}]})

    apart: Annotated[list[Annotated[list[ApartWord], Field(min_length=1, max_length=2)]], Field(max_length=RULES_MAX)]


class PackingRules(TypedDict):
    """What may not stand together in one packaging."""

    apart: list[list[str]]


def _shape(row: Row) -> Packaging:
    return {
        "id": row["id"],
        "label": row["label"],
        "kind": row["kind"],
        "length_mm": row["length_mm"],
        "width_mm": row["width_mm"],
        "height_mm": row["height_mm"],
        "load_kg": row["load_kg"],
        "tare_kg": row["tare_kg"],
        "fill_max": row["fill_max"],
        "temp_classes": row["temp_classes"],
    }


@router.get("/packagings", response_model=Items[Packaging], responses=FILES)
@as_file("packagings", Packaging)
async def list_packagings(request: Request, caller: Reader, limit: Limit = 200, cursor: Cursor = None) -> Json:
    """Kinds of packaging by code."""
    after = decode(cursor, (str,))[0] if cursor else ""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        found = await session.rows(queries("packing")["packagings"], id=None, after=after, limit=limit + 1)
    return shaped_page(request, found, limit, lambda row: [row["id"]], _shape)


@router.post("/packagings", response_model=Packaging, status_code=201, responses=OR_CHANGED)
async def post_packaging(request: Request, caller: StockKeeper, given: PackagingIn) -> Json:
    """Makes or changes a kind of packaging. 409: there are as many as one proposal tries."""
    q = queries("packing")
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        known = await session.row(q["packagings"], id=given.id, after="", limit=1)
        (kinds,) = await session.rows(q["count_packagings"])
        if known is None and kinds["count"] >= PACKAGINGS_MAX:
            raise Problem(409, f"there are {PACKAGINGS_MAX} kinds of packaging already: delete one first")
        await session.row(q["put_packaging"], **given.model_dump())
        action = "packaging.change" if known else "packaging.create"
        await audit(session, caller, action, given.id, **given.model_dump())
        row = await session.row(q["packagings"], id=given.id, after="", limit=1)
    return one(request, _shape(row or {}), 200 if known else 201)


@router.delete("/packagings/{packaging_id}", status_code=204)
async def delete_packaging(request: Request, caller: StockKeeper, packaging_id: PackagingName) -> Response:
    """Proposes a kind of packaging no more; what is packed stays packed."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        if await session.row(queries("packing")["drop_packaging"], id=packaging_id) is None:
            raise not_found()
        await audit(session, caller, "packaging.delete", packaging_id)
    return Response(status_code=204)


async def _rules(session: Session) -> PackingRules:
    rows = await session.rows(queries("packing")["packing_rules"])
    return {"apart": [list(dict.fromkeys((row["one"], row["other"]))) for row in rows]}


@router.get("/packing-rules", response_model=PackingRules)
async def get_packing_rules(request: Request, caller: Reader) -> Json:
    """What may not stand together in one packaging."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        found = await _rules(session)
    return one(request, found)


@router.put("/packing-rules", response_model=PackingRules)
async def put_packing_rules(request: Request, caller: StockKeeper, given: PackingRulesIn) -> Json:
    """Says what may not stand together: these and no others."""
    rows = sorted({(min(words), max(words)) for words in given.apart})
    q = queries("packing")
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        before = await _rules(session)
        await session.run(q["drop_packing_rules"])
        await session.run(q["put_packing_rules"], rows=orjson.dumps([{"one": a, "other": b} for a, b in rows]).decode())
        found = await _rules(session)
        if found != before:
            await audit(session, caller, "packing.rules", "apart", **given.model_dump())
    return one(request, found)
