"""Orders of customers: taken in, changed, given goods, cancelled; and each step of their lines."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Path, Query, Request
from pydantic import ConfigDict, Field, model_validator
from starlette.responses import Response, StreamingResponse
from typing_extensions import TypedDict

from api.database import Row, Session
from api.http.audit import audit
from api.http.auth import OrderKeeper, OrderWorker, Reader
from api.http.caller import Caller
from api.http.context import context_of
from api.http.inputs import Name, Strict
from api.http.instants import Instant
from api.http.jsons import Json, Time, when
from api.http.paging import Cursor, Items, Limit, decode, shaped_page
from api.http.problems import OR_CHANGED, Problem, refusing
from api.http.routes import resource
from api.http.things import one
from api.resources.shared.exports import FILES, as_file
from api.resources.shared.handling import LotCode, UnitCode
from api.resources.shared.imports.bring import (
    ANSWER,
    SAME,
    Entry,
    Fault,
    Kind,
    Known,
    Settled,
    bring,
    documented,
)
from api.resources.shared.imports.bring import Asked as Way
from api.resources.shared.imports.order_lines import COLUMNS, gathered
from api.resources.shared.ledger import (
    Amount,
    Asked,
    StockPlace,
    StockPlaceIn,
    UnitName,
    Word,
    shown_number,
    stock_place,
)  # fmt: skip
from api.resources.shared.orders import (
    ANY,
    LIVE,
    Code,
    Order,
    OrderDetail,
    OrderLineIn,
    order_detail,
    order_row,
    tell_news,
    who_is,
    with_lines,
)
from api.resources.shared.picking import PickBy, PickEvidenceIn
from api.resources.shared.promises import PREPARE_MIN, question_of, say_first
from domain.orders.stages import ACTIVE, STAGES, StepKind
from domain.times import to_us
from operations.allocation.record import allocate
from operations.order_files.record import Judged, Wrong, judge_orders, write_orders
from operations.orders.decide import StepTold
from operations.orders.record import LineTold, OrderTold, add_order, cancel
from operations.picking.record import tell_picks
from store.db import queries

router = resource(tags=["orders"])
OrderName = Annotated[str, Path(max_length=64)]
LINES_MAX, STEPS_MAX = 1000, 500


class OrderIn(Strict):
    """An order. `site`: where it ships from; the window: when it is to be with the customer."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "SO-1001",
                    "customer": "ward-5",
                    "site": "dc-1",
                    "reference": "PO 77",
                    "window_end": "2026-12-01T12:00:00Z",
                    "lines": [{"sku": "MILK", "quantity": 2, "unit": "case"}],
                }
            ]
        }
    )

    id: Code
    customer: Code
    ship_to: Code | None = None
    site: Name
    reference: Word = ""
    priority: Annotated[int, Field(ge=-100, le=100)] = 0
    window_start: Instant | None = None
    window_end: Instant | None = None
    note: Word = ""
    ordered_at: Instant | None = None
    lines: Annotated[list[OrderLineIn], Field(min_length=1, max_length=LINES_MAX)]

    @model_validator(mode="after")
    def _in_order(self) -> OrderIn:
        _window(self.window_start, self.window_end)
        return self

    def told(self) -> OrderTold:
        """As operations are told."""
        window = tuple(None if at is None else to_us(at) for at in (self.window_start, self.window_end))
        lines = tuple(LineTold(each.sku, each.quantity, each.unit or "") for each in self.lines)
        return OrderTold(
            self.id, self.customer, self.site, lines, self.ship_to or "", self.reference, self.priority,
            (window[0], window[1]), self.note, None if self.ordered_at is None else to_us(self.ordered_at),
        )  # fmt: skip


class OrderNew(OrderIn):
    """One as a person takes it in. `promise_reason`: why its window is promised though it may not be kept."""

    promise_reason: Word = ""


def _window(start: datetime | None, end: datetime | None) -> None:
    if start and end and end < start:
        raise ValueError("window_end: it is before window_start")


class OrderChange(Strict):
    """What is said of an order; what is not named stays. With `version`: only if nobody has changed it since."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"priority": 5, "version": 3}]})

    priority: Annotated[int, Field(ge=-100, le=100)] | None = None
    window_start: Instant | None = None
    window_end: Instant | None = None
    note: Word | None = None
    version: Annotated[int, Field(ge=1)] | None = None


class OrderCancel(Strict):
    """Why an order is cancelled."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "ordered twice"}]})

    reason: Annotated[Word, Field(min_length=1)]


class OrderStepIn(Strict):
    """A step of a line. Steps that carry goods say whence (`from`) and to where (`to`), and are moves of the ledger.

    `late`: it has happened, and is told in whatever order it comes: what it rests on may be told later.
    """

    id: Code
    line: Annotated[int, Field(ge=1, le=LINES_MAX)]
    kind: StepKind
    quantity: Annotated[Amount, Field(gt=0)]
    unit: UnitName | None = None
    at: Instant | None = None
    lot: LotCode | None = None
    from_: StockPlaceIn | None = Field(None, alias="from")
    to: StockPlaceIn | None = None
    handling_unit: UnitCode | None = None
    reason: Word = ""
    allow_negative: bool = False
    evidence: PickEvidenceIn | None = None

    @model_validator(mode="after")
    def _of_pick(self) -> OrderStepIn:
        if self.evidence and self.kind != "pick":
            raise ValueError("evidence: of a pick only")
        return self

    def told(self) -> StepTold:
        """As operations are told."""
        return StepTold(
            self.id, self.line, self.kind, self.quantity, self.unit or "", None if self.at is None else to_us(self.at),
            self.lot or "", self.from_.place() if self.from_ else None, self.to.place() if self.to else None,
            self.handling_unit or "", self.reason, "person", self.allow_negative,
            self.evidence.kept() if self.evidence else None,
        )  # fmt: skip


class OrderStepsIn(Strict):
    """Steps, all of them or none."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "steps": [
                        {
                            "id": "pick-7",
                            "line": 1,
                            "kind": "pick",
                            "quantity": 12,
                            "from": {"site": "dc-1", "zone": "chiller"},
                            "to": {"site": "dc-1", "zone": "stage"},
                        }
                    ]
                }
            ]
        }
    )

    steps: Annotated[list[OrderStepIn], Field(min_length=1, max_length=STEPS_MAX)]
    late: bool = False


class OrderStepsDone(TypedDict):
    """The order as it is then, and which steps were not told before."""

    order: OrderDetail
    new: list[str]


class OrderStep(TypedDict):
    """What was told of a line. `waiting`: units that rest on what nobody has told yet; `by`: how a pick is known."""

    id: str
    line: int
    sku: str
    kind: str
    at: Time | None
    recorded_at: Time | None
    quantity: float
    lot: str | None
    place: StockPlace | None
    to: StockPlace | None
    handling_unit: str | None
    actor: str
    source: str
    reason: str
    waiting: float
    by: PickBy | None


def _named() -> dict[str, Any]:
    return {
        **queries("availability"),
        **queries("stock"),
        **queries("loading"),
        **queries("orders"),
        **queries("picking"),
    }


def _now_us() -> int:
    return to_us(datetime.now(UTC))


@router.get("/orders", response_model=Items[Order], responses=FILES)
@as_file("orders", Order)
async def list_orders(
    request: Request,
    caller: Reader,
    status: Annotated[str | None, Query(max_length=100, description="a stage, several with commas, or todo")] = None,
    customer: Asked = None,
    site: Asked = None,
    search: Annotated[str | None, Query(max_length=100, description="in name, reference, customer")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Json:
    """Orders: by priority, then by the end of their window."""
    statuses = list(ACTIVE) if status == "todo" else status.split(",") if status else None
    if wrong := [each for each in statuses or () if each not in STAGES]:
        raise Problem(422, f"status: {wrong[0]} is none of todo, {', '.join(STAGES)}")
    priority, due, after = decode(cursor, (int, str, int)) if cursor else (None, None, None)
    asked = {"statuses": statuses, "customer": customer, "site": site, "search": search}
    page = {"priority": priority, "due": due, "after": after, "limit": limit + 1}
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        rows = await session.rows(queries("orders")["orders"], **{**ANY, **asked, **page})
        found = await with_lines(session, rows)
    return shaped_page(request, rows, limit, _place_in_list, lambda row: found[row["key"]])


def _place_in_list(row: Row) -> list[Any]:
    end = row["window_end"]
    return [row["priority"], end.isoformat() if end else "infinity", row["key"]]


@router.get("/orders/{order_id}", response_model=OrderDetail)
async def get_order(request: Request, caller: Reader, order_id: OrderName) -> Json:
    """One order with its lines, stages and goods."""
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        found = await order_detail(session, order_id)
    return one(request, found, live=LIVE)


@router.post("/orders", response_model=OrderDetail, status_code=201, responses=OR_CHANGED)
async def post_order(request: Request, caller: OrderKeeper, given: OrderNew) -> Json:
    """Takes an order in. 200: the customer's `reference` is known, and that order is shown.

    409: its name is taken, or the order of that reference wants something else.
    """
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        known = await session.row(queries("orders")["orders"], **{**ANY, "id": given.id, "limit": 1})
        with refusing():
            name = await session.perform(add_order(given.told(), _now_us(), caller.user), _named())
        new = known is None and name == given.id
        if new:
            await audit(session, caller, "order.create", name, **given.model_dump(mode="json", exclude_none=True))
        found = await order_detail(session, name)
        if new:
            row = await order_row(session, name)
            asked = question_of(row, found["lines"], datetime.now(UTC), PREPARE_MIN, ahead=False)
            await say_first(session, asked, given.promise_reason)
            await tell_news(session, [name])
    return one(request, found, 201 if new else 200, live=LIVE)


@router.patch("/orders/{order_id}", response_model=OrderDetail)
async def change_order(request: Request, caller: OrderKeeper, order_id: OrderName, given: OrderChange) -> Json:
    """Changes what is said of an order. 409: somebody has changed it since `version`."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        row = await order_row(session, order_id)
        names = ("priority", "window_start", "window_end", "note")
        said = {name: getattr(given, name) for name in names if name in given.model_fields_set}
        values = {name: said.get(name, row[name]) for name in names}
        if values["window_start"] and values["window_end"] and values["window_end"] < values["window_start"]:
            raise Problem(422, "window_end: it is before window_start")
        put = {**values, "note": values["note"] or "", "priority": values["priority"] or 0}
        if await session.row(queries("orders")["change_order"], name=order_id, version=given.version, **put) is None:
            raise Problem(409, f"it is at version {row['version']} by now: look again")
        await audit(session, caller, "order.change", order_id, **given.model_dump(mode="json", exclude_unset=True))
        found = await order_detail(session, order_id)
        await tell_news(session, [order_id])
    return one(request, found, live=LIVE)


@router.post("/orders/{order_id}/allocation", response_model=OrderStepsDone)
async def allocate_order(request: Request, caller: OrderKeeper, order_id: OrderName) -> Json:
    """Gives all open units goods, those that expire first in front, none too short; what there is not stays open."""
    script = allocate(order_id, _now_us(), caller.user, who_is(caller))
    return await _done(request, caller, order_id, script, "order.allocate", {})


@router.post("/orders/{order_id}/cancellation", response_model=OrderStepsDone)
async def cancel_order(request: Request, caller: OrderKeeper, order_id: OrderName, given: OrderCancel) -> Json:
    """Takes back all that nobody has picked yet. 409: there is nothing of that any more."""
    script = cancel(order_id, given.reason, _now_us(), caller.user, who_is(caller))
    return await _done(request, caller, order_id, script, "order.cancel", given.model_dump())


@router.post("/orders/{order_id}/steps", response_model=OrderStepsDone)
async def tell_steps(request: Request, caller: OrderWorker, order_id: OrderName, given: OrderStepsIn) -> Json:
    """Moves units of lines on, all steps or none; one that is told again changes nothing.

    409: the units are not in that stage, are another order's, or are not there. 422: it names what is not there.
    """
    script = tell_picks(
        order_id, [each.told() for each in given.steps], _now_us(), caller.user, who_is(caller), late=given.late
    )
    detail = given.model_dump(mode="json", exclude_none=True, by_alias=True)
    return await _done(request, caller, order_id, script, "order.step", detail)


async def _done(request: Request, caller: Any, name: str, script: Any, action: str, detail: dict[str, Any]) -> Json:
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        with refusing():
            done = await session.perform(script, _named())
        if done.new or action == "order.allocate":  # asked for, though there may be nothing
            await audit(session, caller, action, name, **detail)
        found = await order_detail(session, name)
        if done.new:
            await tell_news(session, [name])
    return Json(OrderStepsDone(order=found, new=list(done.new)))


@router.get("/orders/{order_id}/steps", response_model=Items[OrderStep], responses=FILES)
@as_file("order-steps", OrderStep)
async def list_steps(
    request: Request, caller: Reader, order_id: OrderName, limit: Limit = 200, cursor: Cursor = None
) -> Json:
    """What was told of an order, the newest first."""
    after = decode(cursor, (int,))[0] if cursor else None
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        row = await order_row(session, order_id)
        found = await session.rows(queries("orders")["steps_of"], order=row["key"], after=after, limit=limit + 1)
    return shaped_page(request, found, limit, lambda each: [each["key"]], _step)


def _step(row: Row) -> OrderStep:
    return {
        "id": row["id"],
        "line": row["seq"],
        "sku": row["sku"],
        "kind": row["kind"],
        "at": when(row["at"]),
        "recorded_at": when(row["recorded_at"]),
        "quantity": shown_number(row["quantity"]),
        "lot": row["lot"],
        "place": stock_place(row, "from_") if row["from_kind"] else None,
        "to": stock_place(row, "to_") if row["to_kind"] else None,
        "handling_unit": row["handling_unit"] or None,
        "actor": row["actor"],
        "source": row["source"],
        "reason": row["reason"],
        "waiting": float(row["waiting"] or 0),
        "by": (row["evidence"] or {}).get("by"),
    }


async def _none_known(session: Session, names: list[str]) -> dict[str, Known]:
    """An order is not changed by a file: whether it is there, and says the same, is judged whole."""
    del session, names
    return {}


def fault_of(wrong: Wrong, at: int, parts: list[int]) -> Fault:
    """What is wrong with an order, told of the line of the file that is meant."""
    if wrong.line and not parts:  # an object on one line
        return Fault(at, f"lines.{wrong.line - 1}.{wrong.column}", wrong.problem)
    return Fault(parts[wrong.line - 1] if wrong.line else at, wrong.column, wrong.problem)


async def _settle(session: Session, entries: list[Entry]) -> Settled:
    found: Settled = {}
    judged = await session.perform(judge_orders([entry.body.told() for entry in entries]), _named())
    for entry, each in zip(entries, judged, strict=True):
        entry.more = {"judged": each}
        if each.outcome == "same":
            found[entry.key] = SAME
        elif each.wrong:
            found[entry.key] = [fault_of(wrong, entry.at, entry.parts) for wrong in each.wrong]
    return found


async def _put(session: Session, caller: Caller, entries: list[Entry]) -> None:
    judged: list[Judged] = [entry.more["judged"] for entry in entries]
    await session.perform(write_orders(judged, _now_us(), caller.user), _named())


async def _tell(session: Session, entries: list[Entry]) -> None:
    await tell_news(session, [entry.key for entry in entries])


KIND = Kind("order", "id", OrderIn, COLUMNS, _none_known, _put, _tell, _settle, gathered)


@router.post(
    "/orders/import",
    response_class=StreamingResponse,
    responses=ANSWER,
    openapi_extra=documented(
        "order,customer,site,sku,quantity,unit\r\nSO-1001,ward-5,dc-1,MILK,2,case\r\nSO-1001,,,TEA,4,\r\n"
    ),
)
async def import_orders(request: Request, caller: OrderKeeper, way: Way) -> Response:
    """Orders of a file: a line to each order line as CSV or workbook, or one order as JSON on each line; see the guide.

    An order comes in whole or not at all. One that is there (its name, or the customer's reference) is not changed.
    """
    return await bring(request, caller, KIND, way)
