"""Which goods of an order go into which packaging, as a proposal for who packs it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Path, Request
from typing_extensions import TypedDict

from api.database import Row
from api.http.auth import Reader
from api.http.context import context_of
from api.http.jsons import Json
from api.http.routes import resource
from api.resources.shared.ledger import StockPlace, shown_number, stock_place
from api.resources.shared.orders import order_row
from domain.vehicles import TempClass
from planning.packing.goods import ITEMS_MAX, Carton
from planning.packing.proposal import Cause, Filled, Goods, Packaging, Proposal, propose
from store.db import queries

router = resource(tags=["orders"])
OrderName = Annotated[str, Path(max_length=64)]
KINDS_MAX = 50
WHY: dict[Cause, str] = {
    "no_size": "nobody has told its size: tell length_mm, width_mm and height_mm of the product",
    "no_mass": "nobody has told its mass: tell gross_mass_kg of the product",
    "part": "it is a part of a piece",
    "many": f"{ITEMS_MAX} single pieces are laid at once: it has its turn when others are packed",
    "no_packaging": "there is no packaging: tell what goods are packed into",
    "no_class": "no packaging is for its temperature class",
    "too_big": "it is too big for every packaging",
    "too_heavy": "it is heavier than what a packaging that is big enough takes",
    "too_full": "it fills a packaging more than it may be filled",
}


class PickedGoods(TypedDict):
    """Goods of a line that lie together, picked and loose."""

    line: int
    sku: str
    label: str
    place: StockPlace
    lot: str | None
    quantity: float
    base_unit: str


class ProposedCarton(TypedDict):
    """A packaging and what goes into it. `fill`, `load`: shares of its volume, and of what it may carry.

    `layers`: of one product, in how many equal layers it stands; `temp_class` null: its goods have none.
    """

    packaging: str
    label: str
    kind: str
    temp_class: TempClass | None
    goods: list[PickedGoods]
    goods_kg: float
    gross_kg: float
    fill: float
    load: float
    layers: int | None


class LeftGoods(PickedGoods):
    """Goods that are not put anywhere; `cause` in a word, `why` with what mends it."""

    cause: Cause
    why: str


class ApartGoods(TypedDict):
    """Words that may not stand together and did matter, with the products that have them."""

    words: list[str]
    skus: list[str]


class OrderCartons(TypedDict):
    """A proposal for what is picked of an order and loose. `packagings`: how many kinds it was made from."""

    order: str
    version: int
    packagings: int
    cartons: list[ProposedCarton]
    apart: list[ApartGoods]
    left: list[LeftGoods]


@router.get("/orders/{order_id}/cartons", response_model=OrderCartons)
async def get_cartons(request: Request, caller: Reader, order_id: OrderName) -> Json:
    """Proposes which of its picked goods go into which cartons, totes and pallets; nothing is done with them."""
    q = queries("packing")
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        order = await order_row(session, order_id)
        rows = await session.rows(q["to_pack"], order=order_id)
        kinds = await session.rows(q["packagings"], id=None, after="", limit=KINDS_MAX)
        rules = await session.rows(q["packing_rules"])
    apart = [frozenset((each["one"], each["other"])) for each in rules]
    goods, packagings = [_goods(row) for row in rows], [_packaging(row) for row in kinds]
    found = await asyncio.to_thread(propose, goods, packagings, apart)
    return Json(_shape(order, rows, kinds, found))


def _grams(kg: float) -> int:
    """Rounded up: never lighter than it is."""
    return math.ceil(round(kg * 1000, 6))


def _goods(row: Row) -> Goods:
    size = None if row["length_mm"] is None else (row["length_mm"], row["width_mm"], row["height_mm"])
    mass = None if row["mass_kg"] is None else _grams(row["mass_kg"])
    return Goods(row["sku"], row["quantity"], size, mass, row["temp_class"] or "", row["apart"])


def _packaging(row: Row) -> Packaging:
    """What has no temperature class may lie anywhere."""
    classes = frozenset((*row["temp_classes"], "")) if row["temp_classes"] else None
    size = (row["length_mm"], row["width_mm"], row["height_mm"])
    carton = Carton(row["id"], size, math.floor(round(row["load_kg"] * 1000, 6)), row["fill_max"], classes)
    return Packaging(carton, row["kind"] == "pallet")


def _shape(order: Row, rows: Sequence[Row], kinds: Sequence[Row], found: Proposal) -> OrderCartons:
    return {
        "order": order["id"],
        "version": order["version"],
        "packagings": len(kinds),
        "cartons": [_carton(rows, kinds, each) for each in found.filled],
        "apart": [
            {"words": sorted(rule), "skus": sorted({row["sku"] for row in rows if row["apart"] in rule})}
            for rule in found.apart
        ],
        "left": [
            {**_picked(rows[each.goods], each.quantity), "cause": each.cause, "why": WHY[each.cause]}
            for each in found.left
        ],
    }


def _carton(rows: Sequence[Row], kinds: Sequence[Row], filled: Filled) -> ProposedCarton:
    kind, grams = kinds[filled.packaging], filled.mass_g
    first = next(iter(filled.pieces))
    return {
        "packaging": kind["id"],
        "label": kind["label"] or kind["id"],
        "kind": kind["kind"],
        "temp_class": rows[first]["temp_class"],
        "goods": [_picked(rows[n], pieces) for n, pieces in filled.pieces.items()],
        "goods_kg": grams / 1000,
        "gross_kg": round(grams / 1000 + kind["tare_kg"], 3),
        "fill": round(filled.volume_mm3 / (kind["length_mm"] * kind["width_mm"] * kind["height_mm"]), 4),
        "load": round(grams / 1000 / kind["load_kg"], 4),
        "layers": filled.layers or None,
    }


def _picked(row: Row, quantity: Any) -> PickedGoods:
    return {
        "line": row["seq"],
        "sku": row["sku"],
        "label": row["label"],
        "place": stock_place(row),
        "lot": row["lot"],
        "quantity": shown_number(quantity),
        "base_unit": row["base_unit"],
    }
