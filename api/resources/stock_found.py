"""What a code is that somebody scanned or typed: a product, a lot, a place, a handling unit."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import Query, Request
from typing_extensions import TypedDict

from api.database import Row
from api.http.auth import Reader
from api.http.context import context_of
from api.http.jsons import Json
from api.http.routes import resource
from domain.stock.scanned import scanned
from store.db import queries

router = resource(tags=["stock"])
Kind = Literal["product", "lot", "site", "zone", "bin", "handling_unit"]


class FoundThing(TypedDict):
    """Something that has the code; `link` is the page of the console that shows it."""

    kind: Kind
    sku: str | None
    label: str | None
    lot: str | None
    site: str | None
    zone: str | None
    bin: str | None
    handling_unit: str | None
    link: str


class Found(TypedDict):
    """What a code says (`names`, in words), and what has it; `problem`: why nothing has.

    `made_on` and `best_before` (or when it expires, whichever is first) are days, `contains` is how many it stands for.
    """

    code: str
    names: str
    gtin: str | None
    lot: str | None
    serial: str | None
    sscc: str | None
    gln: str | None
    made_on: str | None
    best_before: str | None
    contains: int | None
    found: list[FoundThing]
    problem: str


@router.get("/stock/found", response_model=Found)
async def find_scanned(
    request: Request,
    caller: Reader,
    code: Annotated[
        str,
        Query(
            min_length=1,
            max_length=400,
            description="element string, GTIN, SSCC, GLN, GS1 Digital Link, EPC (hexadecimal, URI), a code of your own",
            examples=["(01)06414123456783(10)L-2291"],
        ),
    ],
) -> Json:
    """What has this code. A lot is looked for among lots of the product that the code names with it."""
    said = scanned(code.replace("\x00", ""))
    q = queries("found")
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        products = await session.rows(q["products_of_code"], code=said.text, gtin=said.gtin)
        skus = [row["sku"] for row in products] if said.gtin else None
        lots = await session.rows(q["lots_of_code"], code=said.text, lot=said.lot, skus=skus)
        place = {"code": said.text, "gln": said.gln, "part": said.part}
        sites = await session.rows(q["sites_of_code"], **place)
        zones = await session.rows(q["zones_of_code"], **place)
        bins = await session.rows(q["bins_of_code"], **place)
        units = await session.rows(q["units_of_code"], code=said.sscc or said.text)
    found = [
        *(_thing("lot", row) for row in lots),
        *(_thing("product", row) for row in products),
        *(_thing("site", row) for row in sites),
        *(_thing("zone", row) for row in zones),
        *(_thing("bin", row) for row in bins),
        *(_thing("handling_unit", row) for row in units),
    ]
    problem = "" if found else said.problem or f"nothing here has the code {said.names}"
    return Json(
        Found(
            code=said.text,
            names=said.names,
            gtin=said.gtin or None,
            lot=said.lot or None,
            serial=said.serial or None,
            sscc=said.sscc or None,
            gln=said.gln or None,
            made_on=said.made_on or None,
            best_before=said.best_before or None,
            contains=said.contains or None,
            found=found,
            problem=problem,
        )
    )


def _thing(kind: Kind, row: Row) -> FoundThing:
    told = {name: row.get(name) for name in ("sku", "lot", "site", "zone", "bin", "handling_unit")}
    named = {"unit": told["handling_unit"]} if kind == "handling_unit" else told
    page = "/goods" if kind == "handling_unit" else "/stock"
    link = f"{page}?{urlencode({name: value for name, value in named.items() if value})}"
    return {"kind": kind, "label": row.get("label"), "link": link, **told}  # type: ignore[typeddict-item]
