"""Returns of customers: announced from what was delivered, received on hold, decided by people."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import Path, Request
from pydantic import ConfigDict, Field
from typing_extensions import TypedDict

from api.database import Row, Session
from api.http.audit import audit
from api.http.auth import OrderKeeper, OrderWorker, Reader, StockKeeper
from api.http.caller import Caller
from api.http.context import context_of
from api.http.inputs import Name, Strict
from api.http.instants import Instant
from api.http.jsons import Json, Time, when
from api.http.paging import Cursor, Items, Limit, decode, shaped_page
from api.http.problems import not_found, refusing
from api.http.routes import resource
from api.resources.shared.handling import LotCode, UnitCode
from api.resources.shared.ledger import Amount, Asked, StockPlace, StockPlaceIn, Word, shown_number, stock_place
from api.resources.shared.orders import Code, tell_news
from domain.times import to_us
from operations.returns.record import LineBack, Receipt, announce, cancel, decide, receive
from store.db import queries

router = resource(tags=["deliveries"])
ReturnName = Annotated[str, Path(max_length=64)]
ReturnCode = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$")]
Condition = Literal["unopened", "opened", "damaged", "unknown"]
State = Literal["announced", "received", "decided", "cancelled"]


class ReturnLineIn(Strict):
    """Goods of an order's line that come back, in base units: `delivered`, or those that ride back (`returning`)."""

    line: Annotated[int, Field(ge=1, le=1000)]
    quantity: Annotated[Amount, Field(gt=0)]
    reason: Annotated[Word, Field(min_length=1)]
    origin: Literal["delivered", "returning"] = "delivered"
    condition: Condition = "unknown"


class ReturnIn(Strict):
    """A return of an order; never more than was delivered and has not come back."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "RMA-7",
                    "order": "SO-1001",
                    "lines": [{"line": 1, "quantity": 2, "reason": "too much", "condition": "unopened"}],
                }
            ]
        }
    )

    id: ReturnCode
    order: Code
    note: Word = ""
    lines: Annotated[list[ReturnLineIn], Field(min_length=1, max_length=200)]


class ReceiptIn(Strict):
    """What came of a line of a return (`seq`), and where it lies now. Refused goods name their `vehicle` and unit."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"seq": 1, "quantity": 2, "to": {"site": "dc-1"}, "lot": "L-2291"}]}
    )

    seq: Annotated[int, Field(ge=1, le=200)]
    quantity: Annotated[Amount, Field(gt=0)]
    to: StockPlaceIn
    at: Instant | None = None
    lot: LotCode | None = None
    vehicle: Name | None = None
    handling_unit: UnitCode | None = None
    condition: Condition | None = None


class DecisionIn(Strict):
    """What becomes of goods on hold, and why: back to where they are sold from (`to`), worked on, or destroyed."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"seq": 1, "decision": "destroy", "reason": "nobody knows how warm it was"}]}
    )

    seq: Annotated[int, Field(ge=1, le=200)]
    decision: Literal["restock", "rework", "destroy"]
    reason: Annotated[Word, Field(min_length=1)]
    to: StockPlaceIn | None = None


class CancellationIn(Strict):
    """Why nothing comes back after all."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "the customer keeps it"}]})

    reason: Annotated[Word, Field(min_length=1)]


class ReturnLine(TypedDict):
    """A line of a return; `unit` is the one under which its goods lie on hold.

    `custody` of the cold chain while the customer had them: unbroken, indeterminate, not_needed.
    """

    seq: int
    line: int
    sku: str
    label: str
    base_unit: str
    origin: str
    quantity: float
    condition: str
    reason: str
    state: str
    custody: str | None
    received: float | None
    received_at: Time | None
    received_by: str | None
    lot: str | None
    unit: str | None
    place: StockPlace | None
    decision: str | None
    decided_at: Time | None
    decided_by: str | None
    decided_why: str | None


class GoodsReturn(TypedDict):
    """A return."""

    id: str
    order: str
    customer: str
    customer_label: str
    note: str
    created_at: Time | None
    created_by: str
    lines: list[ReturnLine]


def _named() -> dict[str, Any]:
    return {**queries("availability"), **queries("stock"), **queries("orders"), **queries("returns")}


@router.get("/returns", response_model=Items[GoodsReturn])
async def list_returns(
    request: Request,
    caller: Reader,
    state: State | None = None,
    order: Asked = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Json:
    """Returns, the newest first; those with a line in a state."""
    before = decode(cursor, (int,))[0] if cursor else None
    asked = {"id": None, "state": state, "order": order, "before": before, "limit": limit + 1}
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        rows = await session.rows(queries("returns")["returns"], **asked)
        found = await _returns(session, rows)
    return shaped_page(request, rows, limit, lambda row: [row["key"]], lambda row: found[row["key"]])


@router.get("/returns/{return_id}", response_model=GoodsReturn)
async def get_return(request: Request, caller: Reader, return_id: ReturnName) -> Json:
    """One return."""
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        return Json(await _one(session, return_id))


@router.post("/returns", response_model=GoodsReturn, status_code=201)
async def post_return(request: Request, caller: OrderKeeper, given: ReturnIn) -> Json:
    """Goods are to come back. 409: more than was delivered and has not come back, or its name is taken."""
    lines = [LineBack(each.line, each.quantity, each.reason, each.origin, each.condition) for each in given.lines]
    script = announce(given.id, given.order, lines, given.note, caller.user)
    return await _done(request, caller, given.id, script, "return.create", given.model_dump(mode="json"), 201)


@router.post("/returns/{return_id}/receipts", response_model=GoodsReturn)
async def receive_return(request: Request, caller: OrderWorker, return_id: ReturnName, given: ReceiptIn) -> Json:
    """Goods of a line are with us again, on hold until somebody has decided. 409: they came before, or are too many."""
    now_us = to_us(datetime.now(UTC))
    got = Receipt(
        given.seq, given.quantity, given.to.place(), min(to_us(given.at), now_us) if given.at else now_us,
        given.lot or "", given.vehicle or "", given.handling_unit or "", given.condition or "",
    )  # fmt: skip
    script = receive(return_id, got, now_us, caller.user)
    return await _done(request, caller, return_id, script, "return.receive", given.model_dump(mode="json"))


@router.post("/returns/{return_id}/cancellation", response_model=GoodsReturn)
async def cancel_return(request: Request, caller: OrderKeeper, return_id: ReturnName, given: CancellationIn) -> Json:
    """Nothing of it is to come back any more. 409: some of it has come, or it is cancelled already."""
    detail = given.model_dump(mode="json")
    return await _done(request, caller, return_id, cancel(return_id), "return.cancel", detail)


@router.post("/returns/{return_id}/decisions", response_model=GoodsReturn)
async def decide_return(request: Request, caller: StockKeeper, return_id: ReturnName, given: DecisionIn) -> Json:
    """What becomes of goods on hold; the ledger follows. 409: they have not come, or it is decided."""
    to = given.to.place() if given.to else None
    script = decide(return_id, given.seq, given.decision, given.reason, to, to_us(datetime.now(UTC)), caller.user)
    return await _done(request, caller, return_id, script, "return.decide", given.model_dump(mode="json"))


async def _done(
    request: Request, caller: Caller, name: str, script: Any, action: str, detail: dict[str, Any], status: int = 200
) -> Json:
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        with refusing():
            await session.perform(script, _named())
        await audit(session, caller, action, name, **detail)
        found = await _one(session, name)
        await tell_news(session, [found["order"]])
    return Json(found, status)


async def _one(session: Session, name: str) -> GoodsReturn:
    asked = {"id": name, "state": None, "order": None, "before": None, "limit": 1}
    rows = await session.rows(queries("returns")["returns"], **asked)
    if not rows:
        raise not_found()
    return (await _returns(session, rows))[rows[0]["key"]]


async def _returns(session: Session, rows: list[Row]) -> dict[int, GoodsReturn]:
    keys = [row["key"] for row in rows]
    lines: dict[int, list[ReturnLine]] = {key: [] for key in keys}
    for line in await session.rows(queries("returns")["return_lines"], returns=keys) if keys else ():
        lines[line["return_id"]].append(_line(line))
    return {
        row["key"]: {
            "id": row["id"],
            "order": row["order"],
            "customer": row["customer"],
            "customer_label": row["customer_label"],
            "note": row["note"],
            "created_at": when(row["created_at"]),
            "created_by": row["created_by"],
            "lines": lines[row["key"]],
        }
        for row in rows
    }


def _line(row: Row) -> ReturnLine:
    return {
        "seq": row["seq"],
        "line": row["line"],
        "sku": row["sku"],
        "label": row["label"],
        "base_unit": row["base_unit"],
        "origin": row["origin"],
        "quantity": shown_number(row["quantity"]),
        "condition": row["condition"],
        "reason": row["reason"],
        "state": row["state"],
        "custody": row["custody"],
        "received": None if row["received"] is None else shown_number(row["received"]),
        "received_at": when(row["received_at"]),
        "received_by": row["received_by"],
        "lot": row["lot"],
        "unit": row["unit"] or None,
        "place": stock_place(row) if row["site"] else None,
        "decision": row["decision"],
        "decided_at": when(row["decided_at"]),
        "decided_by": row["decided_by"],
        "decided_why": row["decided_why"],
    }
