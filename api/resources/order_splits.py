"""Orders split in two: some of the units go to an order of their own, with its own place and date."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Path, Request
from pydantic import ConfigDict, Field, model_validator
from typing_extensions import TypedDict

from api.http.audit import audit
from api.http.auth import OrderKeeper
from api.http.context import context_of
from api.http.inputs import Strict
from api.http.instants import Instant
from api.http.jsons import Json
from api.http.problems import OR_CHANGED, refusing
from api.http.routes import resource
from api.resources.shared.ledger import Amount, UnitName, Word
from api.resources.shared.orders import Code, OrderDetail, order_detail, tell_news, who_is
from domain.times import to_us
from operations.order_parts.record import PartTold, SplitTold, split
from store.db import queries

router = resource(tags=["orders"])
OrderName = Annotated[str, Path(max_length=64)]
LINES_MAX = 1000


class OrderPartIn(Strict):
    """So much of a line, in `unit`; in its base unit when nothing is said."""

    line: Annotated[int, Field(ge=1, le=LINES_MAX)]
    quantity: Annotated[Amount, Field(gt=0)]
    unit: UnitName | None = None


class OrderSplitIn(Strict):
    """An order `id` of units of another; what is not named is as there. With `version`: only if nobody changed it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "SO-1001-2",
                    "lines": [{"line": 1, "quantity": 12}],
                    "window_end": "2026-12-04T12:00:00Z",
                    "version": 3,
                }
            ]
        }
    )

    id: Code
    lines: Annotated[list[OrderPartIn], Field(min_length=1, max_length=LINES_MAX)]
    ship_to: Code | None = None
    priority: Annotated[int, Field(ge=-100, le=100)] | None = None
    window_start: Instant | None = None
    window_end: Instant | None = None
    note: Word | None = None
    version: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _in_order(self) -> OrderSplitIn:
        if self.window_start and self.window_end and self.window_end < self.window_start:
            raise ValueError("window_end: it is before window_start")
        return self

    def told(self) -> SplitTold:
        """As operations are told."""
        window = {"window_start": self.window_start, "window_end": self.window_end}
        said = {name: None if at is None else to_us(at) for name, at in window.items() if name in self.model_fields_set}
        parts = tuple(PartTold(each.line, each.quantity, each.unit or "") for each in self.lines)
        return SplitTold(self.id, parts, self.ship_to, said, self.priority, self.note, self.version)


class OrderSplit(TypedDict):
    """The order as it is then, and the one that has the rest."""

    order: OrderDetail
    split: OrderDetail


def _named() -> dict[str, Any]:
    return {**queries("availability"), **queries("stock"), **queries("orders"), **queries("order_parts")}


@router.post("/orders/{order_id}/split", response_model=OrderSplit, status_code=201, responses=OR_CHANGED)
async def split_order(request: Request, caller: OrderKeeper, order_id: OrderName, given: OrderSplitIn) -> Json:
    """Units that nobody has picked go to a new order, and are cancelled here. 200: they did so before.

    409: too few units that nobody has picked, another order has the name, or somebody has changed it since `version`.
    """
    now_us = to_us(datetime.now(UTC))
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        with refusing():
            script = split(order_id, given.told(), now_us, caller.user, who_is(caller))
            new = await session.perform(script, _named())
        if new:
            said = given.model_dump(mode="json", exclude_none=True)
            await audit(session, caller, "order.split", order_id, **said)
        found: OrderSplit = {
            "order": await order_detail(session, order_id),
            "split": await order_detail(session, given.id),
        }
        if new:
            await tell_news(session, [order_id, given.id])
    return Json(found, 201 if new else 200)
