"""How much of what lies where."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Request

from api.http.auth import Reader
from api.http.context import context_of
from api.http.jsons import Json
from api.http.paging import Cursor, Items, Limit, decode, page
from api.http.routes import resource
from api.resources.shared.exports import FILES, as_file
from api.resources.shared.stock import Stock, read_stock

router = resource(tags=["stock"])
Filter = Annotated[str | None, Query(max_length=64)]


@router.get("/stock", response_model=Items[Stock], responses=FILES)
@as_file("stock", Stock)
async def list_stock(
    request: Request,
    caller: Reader,
    site: Filter = None,
    zone: Filter = None,
    sku: Filter = None,
    limit: Limit = 200,
    cursor: Cursor = None,
) -> Json:
    """Stock levels by site, zone and SKU with their confidence and last evidence."""
    a, b, c = decode(cursor, (str, str, str)) if cursor else ("", "", "")
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        found = await read_stock(session, after=(a, b, c), site=site, zone=zone, sku=sku, limit=limit + 1)
    return page(request, found, limit, lambda s: [s["site"], s["zone"], s["sku"]])
