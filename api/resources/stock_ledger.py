"""Levels of the stock ledger: what should be where, beside what sensors saw; now, or as it was and was known."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import Query, Request
from typing_extensions import TypedDict

from api.database import Row
from api.http.auth import Reader
from api.http.context import context_of
from api.http.instants import Instant
from api.http.jsons import Json, Time, when
from api.http.paging import Cursor, Items, Limit, decode, shaped_page
from api.http.problems import Problem
from api.http.routes import resource
from api.resources.shared.exports import FILES, as_file
from api.resources.shared.ledger import (
    Asked,
    Evidence,
    StockPlace,
    evidence,
    keys_asked,
    places_asked,
    shown_number,
    stock_place,
)
from store.db import queries

router = resource(tags=["stock"])


class LedgerLevel(TypedDict):
    """So much of a product at a place, of a lot, in a handling unit, by the ledger.

    `counted_at` is when somebody counted last and saw `counted`, `changed_at` when we heard of another number last,
    `moved_at` when the last of its moves happened. `evidence` is of the whole zone, all lots together; null: nothing
    looks, or another moment than now is asked for.
    """

    id: str
    place: StockPlace
    sku: str
    label: str
    lot: str | None
    best_before: Time | None
    handling_unit: str | None
    quantity: float
    base_unit: str
    reorder_point: float | None
    moved_at: Time | None
    changed_at: Time | None
    counted_at: Time | None
    counted: float | None
    evidence: Evidence | None


def _line(row: Row) -> LedgerLevel:
    return {
        "id": f"{row['place_id']}.{row['product_id']}.{row['lot_id']}.{row['unit']}",
        "place": stock_place(row),
        "sku": row["sku"],
        "label": row["label"],
        "lot": row["lot"],
        "best_before": when(row["best_before"]),
        "handling_unit": row["unit"] or None,
        "quantity": shown_number(row["quantity"]),
        "base_unit": row["base_unit"],
        "reorder_point": row["reorder_point"],
        "moved_at": when(row["moved_at"]),
        "changed_at": when(row["changed_at"]),
        "counted_at": when(row["counted_at"]),
        "counted": None if row["counted"] is None else shown_number(row["counted"]),
        "evidence": evidence(row),
    }


def _zone(row: Row) -> LedgerLevel:
    nothing: dict[str, Any] = dict.fromkeys(("lot", "best_before", "counted"))
    name = "/".join((row["site"], row["zone"] or "", row["sku"]))
    return {**_line({**row, **nothing, "unit": "", "place_id": 0, "product_id": 0, "lot_id": 0}), "id": name}


@router.get("/stock/ledger", response_model=Items[LedgerLevel], responses=FILES)
@as_file("stock-ledger", LedgerLevel)
async def list_stock_ledger(
    request: Request,
    caller: Reader,
    by: Annotated[Literal["line", "zone"], Query(description="each lot, bin and unit; or zones, all of it")] = "line",
    sku: Asked = None,
    lot: Asked = None,
    site: Asked = None,
    zone: Asked = None,
    bin_code: Annotated[str | None, Query(alias="bin", max_length=64)] = None,
    vehicle: Asked = None,
    handling_unit: Asked = None,
    as_of: Annotated[Instant | None, Query(description="as it was at this time")] = None,
    known_at: Annotated[Instant | None, Query(description="by what had been told by this time")] = None,
    search: Annotated[
        str | None, Query(min_length=1, max_length=64, description="part of a SKU, name, GTIN, lot, bin or unit")
    ] = None,
    expires_by: Annotated[Instant | None, Query(description="only lots that are best before this time")] = None,
    low: Annotated[bool, Query(description="only what its site has no more of than its reorder point")] = False,  # noqa: FBT002
    empty: Annotated[bool, Query(description="also what is nothing")] = False,  # noqa: FBT002
    limit: Limit = 200,
    cursor: Cursor = None,
) -> Json:
    """Levels by place, product and lot, vehicles too; by zone also what sensors saw and the ledger knows nothing of."""
    then = as_of is not None or known_at is not None
    narrowed = bool(search or expires_by or low)
    if by == "zone" and (then or narrowed or lot or handling_unit or bin_code or vehicle):
        raise Problem(422, "by: zones are told of now, by site, zone and SKU; ask by=line for the rest")
    if then and narrowed:
        raise Problem(422, "search, expires_by, low: are of now; leave out as_of and known_at")
    q = queries("ledger")
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        keys = await keys_asked(session, sku, lot)
        places = await places_asked(session, site=site, zone=zone, bin=bin_code, vehicle=vehicle)
        asked: dict[str, Any] = {**keys, "places": places, "unit": handling_unit, "empty": empty, "limit": limit + 1}
        asked.update(search=search, expires_by=expires_by, low=low)
        if by == "zone":
            a, b, c = decode(cursor, (str, str, str)) if cursor else ("", "", "")
            asked.update(a=a, b=b, c=c, site=site, zone=zone)
            found = await session.rows(q["zone_levels"], **asked)
            return shaped_page(request, found, limit, lambda r: [r["site"], r["zone"] or "", r["sku"]], _zone)
        a, b, c, d = decode(cursor, (int, int, int, str)) if cursor else (0, 0, 0, "")
        asked.update(a=a, b=b, c=c, d=d)
        if then:
            latest = datetime.max.replace(tzinfo=UTC)
            asked.update(as_of=as_of or latest, known_at=known_at or latest)
        found = await session.rows(q["levels_then" if then else "levels"], **asked)
    return shaped_page(request, found, limit, lambda r: [r["place_id"], r["product_id"], r["lot_id"], r["unit"]], _line)
