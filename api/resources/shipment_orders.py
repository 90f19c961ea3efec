"""Orders that a shipment carries, put on it by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Path, Request
from pydantic import ConfigDict, Field, model_validator

from api.feed.emit import emit, put
from api.http.audit import audit
from api.http.auth import Planner
from api.http.context import context_of
from api.http.inputs import Strict
from api.http.jsons import Json
from api.http.problems import refusing
from api.http.routes import resource
from api.resources.shared.orders import Code
from api.resources.shared.shipments import Shipment, read_shipments
from domain.orders.news import news
from operations.despatch.record import issue
from operations.shipment_orders.record import carry
from store.db import queries

router = resource(tags=["shipments"])
ORDERS_MAX = 500


class CarriedIn(Strict):
    """An order, and the number of the stop where it leaves the shipment; null: nobody has said."""

    order: Code
    stop: Annotated[int, Field(ge=1, le=200)] | None = None


class CarriedOrdersIn(Strict):
    """All orders that a shipment carries."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"orders": [{"order": "SO-1001", "stop": 2}, {"order": "SO-1002", "stop": 3}]}]}
    )

    orders: Annotated[list[CarriedIn], Field(max_length=ORDERS_MAX)]

    @model_validator(mode="after")
    def _each_once(self) -> CarriedOrdersIn:
        if len({each.order for each in self.orders}) < len(self.orders):
            raise ValueError("orders: each order once")
        return self


@router.put("/shipments/{shipment_id}/orders", response_model=Shipment)
async def put_orders(
    request: Request, caller: Planner, shipment_id: Annotated[str, Path(max_length=64)], given: CarriedOrdersIn
) -> Json:
    """A shipment carries these orders and no others; told again it changes nothing.

    409: it is over, an order is on another shipment or has nothing to carry, or goods of one are on the vehicle and
    would be left without a shipment.
    """
    wanted = {each.order: each.stop for each in given.orders}
    q = queries("shipment_orders")
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        with refusing():
            changed = await session.perform(carry(shipment_id, wanted, caller.user), q)
        if changed.put or changed.dropped:
            await audit(session, caller, "shipment.orders", shipment_id, **given.model_dump())
            await session.perform(issue(shipment_id, datetime.now(UTC), first=False), queries("loading"))
        found = (await read_shipments(session, datetime.now(UTC), name=shipment_id))[0]
        if names := [*changed.put, *changed.dropped]:
            orders = await session.rows(queries("orders")["told"], names=names)
            await emit(session, shipments=[put(shipment_id, found)], orders=[news(row) for row in orders])
    return Json(found)
