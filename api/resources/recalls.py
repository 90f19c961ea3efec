"""Recalls of lots: nothing of one is sent any more, and who has some of it is told."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Path, Query, Request
from pydantic import ConfigDict, Field
from starlette.responses import Response
from typing_extensions import TypedDict

from api.database import Row, Session
from api.http.audit import audit
from api.http.auth import GoodsKeeper, Reader
from api.http.context import context_of
from api.http.inputs import Strict, Text
from api.http.jsons import Json, Time, when
from api.http.problems import not_found, refusing
from api.http.routes import resource
from api.resources.shared.ledger import StockPlace, shown_number, stock_place
from api.resources.shared.orders import tell_news
from domain.times import to_us
from operations.recalls.record import lift, recall
from store.db import queries

router = resource(tags=["goods"])
LotName = Annotated[str, Path(max_length=64)]
SHOWN_MAX = 1000


class RecallIn(Strict):
    """Why a lot is recalled."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "supplier: a foreign body in filling 3"}]})

    reason: Annotated[Text, Field(min_length=1, max_length=400)]


class WhoHas(TypedDict):
    """An order that has or had some of it: delivered, come back, on a vehicle, still with us for it; in base units."""

    order: str
    reference: str
    customer: str
    customer_label: str
    ship_to: str | None
    shipment: str | None
    delivered: float
    returned: float
    aboard: float
    held: float
    delivered_at: Time | None


class RecallSpot(TypedDict):
    """Where some of it lies."""

    place: StockPlace
    handling_unit: str | None
    quantity: float


class Recall(TypedDict):
    """A lot and who has some of it, those who have most in front; `recalled_at` null: it is not recalled.

    `reservations`, `orders`: only in the answer to the recall: what was reserved by name and ended, and orders that
    were given some and got other goods, as far as there are some.
    """

    lot: str
    sku: str
    label: str
    base_unit: str
    recalled_at: Time | None
    recalled_by: str | None
    reason: str | None
    who_has: list[WhoHas]
    on_hand: list[RecallSpot]
    reservations: list[str]
    orders: list[str]


def _named() -> dict[str, Any]:
    return {**queries("availability"), **queries("orders"), **queries("recalls")}


async def _shown(session: Session, lot: str) -> Recall:
    q = queries("recalls")
    row = await session.row(q["recall"], code=lot)
    if row is None:
        raise not_found()
    who = await session.rows(q["who_has"], lot=row["key"], limit=SHOWN_MAX)
    spots = await session.rows(q["where_is"], lot=row["key"], limit=SHOWN_MAX)
    return {
        "lot": row["lot"],
        "sku": row["sku"],
        "label": row["label"],
        "base_unit": row["base_unit"],
        "recalled_at": when(row["recalled_at"]),
        "recalled_by": row["recalled_by"],
        "reason": row["reason"],
        "who_has": [_who(each) for each in who],
        "on_hand": [
            {
                "place": stock_place(each, ""),
                "handling_unit": each["unit"] or None,
                "quantity": shown_number(each["quantity"]),
            }
            for each in spots
        ],
        "reservations": [],
        "orders": [],
    }


def _who(row: Row) -> WhoHas:
    return {
        "order": row["order"],
        "reference": row["reference"],
        "customer": row["customer"],
        "customer_label": row["customer_label"],
        "ship_to": row["ship_to"],
        "shipment": row["shipment"],
        "delivered": shown_number(row["delivered"]),
        "returned": shown_number(row["returned"]),
        "aboard": shown_number(row["aboard"]),
        "held": shown_number(row["held"]),
        "delivered_at": when(row["delivered_at"]),
    }


@router.get("/lots/{lot_id}/recall", response_model=Recall)
async def get_recall(request: Request, caller: Reader, lot_id: LotName) -> Json:
    """Whether a lot is recalled, who has some of it, and where the rest lies."""
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        return Json(await _shown(session, lot_id))


@router.post("/lots/{lot_id}/recall", response_model=Recall)
async def post_recall(request: Request, caller: GoodsKeeper, lot_id: LotName, given: RecallIn) -> Json:
    """Recalls a lot: nothing of it is given, picked or promised any more, and orders that were given some get others.

    Asked again it changes nothing. Who has some of it is told.
    """
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        script = recall(lot_id, given.reason, to_us(datetime.now(UTC)), caller.user)
        with refusing():
            done = await session.perform(script, _named())
        found = await _shown(session, lot_id)
        found |= {"reservations": list(done.reservations), "orders": list(done.orders)}
        if done.new:
            detail = {"orders": len(done.orders), "reservations": len(done.reservations)}
            await audit(session, caller, "lot.recall", lot_id, reason=given.reason, **detail)
        if done.orders:
            await tell_news(session, list(done.orders))
    return Json(found)


@router.delete("/lots/{lot_id}/recall", status_code=204)
async def delete_recall(
    request: Request,
    caller: GoodsKeeper,
    lot_id: LotName,
    reason: Annotated[Text, Query(min_length=1, max_length=400, description="why it may be sent again")],
) -> Response:
    """Lifts a recall: it may be sent again. What orders got instead stays theirs."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        with refusing():
            lifted = await session.perform(lift(lot_id), _named())
        if lifted:
            await audit(session, caller, "lot.recall-lift", lot_id, reason=reason)
    return Response(status_code=204)
