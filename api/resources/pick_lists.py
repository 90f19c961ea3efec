"""What is to be picked of orders, in the order of a walk; and how the aisles of a zone stand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import Path, Query, Request
from pydantic import ConfigDict, Field, model_validator
from typing_extensions import TypedDict

from api.database import Row
from api.http.audit import audit
from api.http.auth import Reader, StockKeeper
from api.http.context import context_of
from api.http.inputs import Strict
from api.http.jsons import Json
from api.http.problems import Problem, not_found
from api.http.routes import resource
from api.http.things import one
from api.resources.shared.ledger import StockPlace, shown_number, stock_place
from planning.picking.block import AISLES_MAX, Block
from planning.picking.lists import Place, routed
from store.db import queries

router = resource(tags=["orders"])
SiteName = Annotated[str, Path(max_length=64)]
ORDERS_MAX, PICKS_MAX = 100, 5000


class Layout(Strict):
    """How a zone's aisles stand between a front and a back cross aisle; all of it, or nothing: then nobody knows.

    `depot`: where walks begin and end along the front, in aisles from the first.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"aisles": 5, "aisle_length_m": 20, "aisle_pitch_m": 3, "depot": 2}]}
    )

    aisles: Annotated[int, Field(ge=1, le=AISLES_MAX)] | None = None
    aisle_length_m: Annotated[float, Field(gt=0, le=10_000)] | None = None
    aisle_pitch_m: Annotated[float, Field(ge=0, le=1_000)] | None = None
    depot: Annotated[float, Field(ge=-1_000, le=2_000)] | None = None

    @model_validator(mode="after")
    def _whole(self) -> Layout:
        said = [self.aisles, self.aisle_length_m, self.aisle_pitch_m, self.depot]
        if None in said and any(value is not None for value in said):
            raise ValueError("aisles, aisle_length_m, aisle_pitch_m, depot: all, or none")
        return self


class ZoneLayout(TypedDict):
    """How a zone's aisles stand; null where nobody has said."""

    site: str
    zone: str
    aisles: int | None
    aisle_length_m: float | None
    aisle_pitch_m: float | None
    depot: float | None


class PickOf(TypedDict):
    """So much to be picked at a place for a line of an order."""

    order: str
    line: int
    sku: str
    label: str
    place: StockPlace
    lot: str | None
    handling_unit: str | None
    quantity: float
    base_unit: str


class WalkOf(TypedDict):
    """The shortest walk through a zone, and what others would be."""

    site: str
    zone: str
    length_m: float
    method: str
    rules: dict[str, float]


class PickList(TypedDict):
    """What is to be picked in the order in which one comes by it, and the walks of zones whose layout is known."""

    picks: list[PickOf]
    walks: list[WalkOf]


@router.get("/pick-list", response_model=PickList)
async def get_pick_list(
    request: Request,
    caller: Reader,
    orders: Annotated[str, Query(max_length=6500, description=f"names with commas, {ORDERS_MAX} at most")],
    zone: Annotated[str | None, Query(max_length=64, description="only what lies in zones of this name")] = None,
) -> Json:
    """Goods of orders that nobody has picked yet: zone after zone, in each the shortest way."""
    names = list(dict.fromkeys(filter(None, orders.split(","))))
    if len(names) > ORDERS_MAX:
        raise Problem(422, f"orders: {len(names)} are more than {ORDERS_MAX}; divide them")
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        rows = await session.rows(queries("orders")["to_pick"], orders=names, zone=zone, limit=PICKS_MAX + 1)
    if len(rows) > PICKS_MAX:
        raise Problem(422, f"orders: they have more than {PICKS_MAX} picks; divide them")
    return Json(_pick_list(rows))


def _pick_list(rows: Sequence[Row]) -> PickList:
    keys = {f"{row['site']}/{row['zone']}": row for row in rows}
    blocks = {
        key: Block(row["aisles"], row["aisle_length_m"], row["aisle_pitch_m"], row["depot"])
        for key, row in keys.items()
        if row["aisles"] is not None
    }
    places = [Place(f"{row['site']}/{row['zone']}", row["aisle"], row["along_m"]) for row in rows]
    found = routed(places, blocks)
    walks: list[WalkOf] = [
        {
            "site": keys[walk.zone]["site"],
            "zone": keys[walk.zone]["zone"],
            "length_m": walk.length_m,
            "method": "optimal",
            "rules": dict(walk.rules),
        }
        for walk in found.walks
    ]
    return {"picks": [_pick(rows[n]) for n in found.order], "walks": walks}


def _pick(row: Row) -> PickOf:
    return {
        "order": row["order"],
        "line": row["seq"],
        "sku": row["sku"],
        "label": row["label"],
        "place": stock_place(row),
        "lot": row["lot"],
        "handling_unit": row["unit"] or None,
        "quantity": shown_number(row["quantity"]),
        "base_unit": row["base_unit"],
    }


def _layout(row: Row) -> ZoneLayout:
    return {
        "site": row["site"],
        "zone": row["zone"],
        "aisles": row["aisles"],
        "aisle_length_m": row["aisle_length_m"],
        "aisle_pitch_m": row["aisle_pitch_m"],
        "depot": row["depot"],
    }


@router.get("/sites/{site_id}/zones/{zone_id}/layout", response_model=ZoneLayout)
async def get_layout(request: Request, caller: Reader, site_id: SiteName, zone_id: SiteName) -> Json:
    """How a zone's aisles stand."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        row = await session.row(queries("ledger")["zone_layout"], site=site_id, zone=zone_id)
    if row is None:
        raise not_found()
    return one(request, _layout(row))


@router.put("/sites/{site_id}/zones/{zone_id}/layout", response_model=ZoneLayout)
async def put_layout(
    request: Request, caller: StockKeeper, site_id: SiteName, zone_id: SiteName, given: Layout
) -> Json:
    """Says how a zone's aisles stand; bins say where they are by `aisle` and `along_m`."""
    q = queries("ledger")
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        row = await session.row(q["zone_layout"], site=site_id, zone=zone_id)
        if row is None:
            raise not_found()
        await session.run(q["put_layout"], key=row["key"], **given.model_dump())
        await audit(session, caller, "zone.layout", f"{site_id}/{zone_id}", **given.model_dump())
        row = await session.row(q["zone_layout"], site=site_id, zone=zone_id)
    return one(request, _layout(row or {}))
