"""Orders from suppliers: drafted, sent, confirmed, cancelled, closed; what came of them is told by moves."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated
from uuid import uuid4

from fastapi import Path, Query, Request
from pydantic import AfterValidator, ConfigDict, Field, model_validator

from api.http.audit import audit
from api.http.auth import Buyer, Reader
from api.http.context import context_of
from api.http.inputs import Name, ShipmentName, Strict, each_once, printable
from api.http.jsons import Json
from api.http.paging import Cursor, Items, Limit, decode, shaped_page
from api.http.problems import OR_CHANGED, key_of, refusing
from api.http.routes import resource
from api.http.things import one
from api.resources.shared.exports import FILES, as_file
from api.resources.shared.ledger import Asked, Sku
from api.resources.shared.orders import Code
from api.resources.shared.purchasing import LIVE, PurchaseOrder, purchase_order, purchase_order_row
from domain.purchasing.states import Step
from operations.purchasing.record import LINES_MAX, LineTold, OrderTold, StepTold, put, tell
from store.db import queries

router = resource(tags=["purchasing"])
OrderName = Annotated[str, Path(max_length=64)]
Words = Annotated[str, AfterValidator(printable), Field(max_length=200)]
Day = Annotated[date, Field(ge=date(2000, 1, 1), le=date(2200, 1, 1), description="local day of the site")]


class PurchaseLineIn(Strict):
    """So much of a product, in base units; without a price that of the supplier's terms."""

    sku: Sku
    quantity: Annotated[Decimal, Field(gt=0, le=10**9, decimal_places=6)]
    price: Annotated[Decimal, Field(ge=0, le=10**9, decimal_places=6)] | None = None
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] | None = None
    expected_on: Day | None = None

    @model_validator(mode="after")
    def _both(self) -> PurchaseLineIn:
        if (self.price is None) != (self.currency is None):
            raise ValueError("price, currency: both or none of them")
        return self


class PurchaseOrderIn(Strict):
    """A draft. The same `id` again changes it, as long as it is one; receipts name it as their `reference`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "PO-4500017", "supplier": "dairy", "site": "dc-1", "note": "gate 3",
                    "lines": [{"sku": "MILK", "quantity": 480, "expected_on": "2036-12-03"}],
                }
            ]
        }
    )  # fmt: skip

    id: Code | None = None
    supplier: Code
    site: Name
    lines: Annotated[list[PurchaseLineIn], Field(min_length=1, max_length=LINES_MAX)]
    shipment: ShipmentName | None = None
    note: Words = ""
    version: Annotated[int, Field(ge=1, description="only if nobody has changed it since")] | None = None

    @model_validator(mode="after")
    def _each_once(self) -> PurchaseOrderIn:
        each_once("lines", [line.sku for line in self.lines])
        return self

    def told(self, name: str) -> OrderTold:
        """As operations are told."""
        lines = tuple(LineTold(**line.model_dump()) for line in self.lines)
        return OrderTold(name, self.supplier, self.site, lines, self.shipment, self.note, self.version)


class PurchaseStepIn(Strict):
    """What becomes of it: `send`, `confirm` what the supplier says of it, `cancel`, `close` what does not come.

    `expected_on` and `shipment` go with `send` and `confirm`; `close` needs a `reason`.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"step": "send", "expected_on": "2036-12-03"}]})

    step: Step
    expected_on: Day | None = None
    shipment: ShipmentName | None = None
    reason: Words = ""
    version: Annotated[int, Field(ge=1, description="only if nobody has changed it since")] | None = None

    @model_validator(mode="after")
    def _goes(self) -> PurchaseStepIn:
        if self.step in ("cancel", "close") and (self.expected_on or self.shipment):
            raise ValueError("expected_on, shipment: of what is sent or confirmed")
        return self


@router.get("/purchase-orders", response_model=Items[PurchaseOrder], responses=FILES)
@as_file("purchase-orders", PurchaseOrder)
async def list_purchase_orders(
    request: Request,
    caller: Reader,
    supplier: Asked = None,
    site: Asked = None,
    is_open: Annotated[bool | None, Query(alias="open", description="that something is expected of, or not")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Json:
    """Orders from suppliers, the newest first."""
    now = datetime.now(UTC)
    before = key_of(decode(cursor, (str,))[0]) if cursor else None
    asked = {"id": None, "supplier": supplier, "site": site, "open": is_open, "before": before, "limit": limit + 1}
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        rows = await session.rows(queries("purchasing")["purchase_orders"], **asked)
    return shaped_page(request, rows, limit, lambda row: [str(row["key"])], lambda row: purchase_order(row, now))


@router.get("/purchase-orders/{purchase_order_id}", response_model=PurchaseOrder)
async def get_purchase_order(request: Request, caller: Reader, purchase_order_id: OrderName) -> Json:
    """One order from a supplier."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        row = await purchase_order_row(session, purchase_order_id)
    return one(request, purchase_order(row, datetime.now(UTC)), live=LIVE)


@router.post("/purchase-orders", response_model=PurchaseOrder, status_code=201, responses=OR_CHANGED)
async def post_purchase_order(request: Request, caller: Buyer, given: PurchaseOrderIn) -> Json:
    """Drafts an order (201), or changes a draft (200). 409: it is no draft any more, or was changed since `version`."""
    name = given.id or f"PO-{uuid4().hex[:8]}"
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        with refusing():
            outcome = await session.perform(put(given.told(name), caller.user), queries("purchasing"))
        if outcome != "same":
            action = "purchase_order.create" if outcome == "created" else "purchase_order.change"
            await audit(session, caller, action, name, **given.model_dump(mode="json", exclude_none=True))
        row = await purchase_order_row(session, name)
    return one(request, purchase_order(row, datetime.now(UTC)), 201 if outcome == "created" else 200, live=LIVE)


@router.post("/purchase-orders/{purchase_order_id}/steps", response_model=PurchaseOrder)
async def tell_purchase_order(
    request: Request, caller: Buyer, purchase_order_id: OrderName, given: PurchaseStepIn
) -> Json:
    """Says what becomes of it; said again it changes nothing. 409: that cannot be, and what to do instead."""
    now, told = datetime.now(UTC), StepTold(**given.model_dump())
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        with refusing():
            is_new = await session.perform(tell(purchase_order_id, told, now, caller.user), queries("purchasing"))
        if is_new:
            detail = given.model_dump(mode="json", exclude_none=True)
            await audit(session, caller, f"purchase_order.{given.step}", purchase_order_id, **detail)
        row = await purchase_order_row(session, purchase_order_id)
    return one(request, purchase_order(row, now), live=LIVE)
