"""Whether the windows of orders can be kept: asked before one is taken in, and of one that is there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import Path, Query, Request
from pydantic import ConfigDict, Field, model_validator
from typing_extensions import TypedDict

from api.database import Row
from api.http.auth import Reader
from api.http.context import context_of
from api.http.inputs import Name, Strict
from api.http.instants import Instant
from api.http.jsons import Json, Time, when
from api.http.problems import Problem, refusing
from api.http.routes import resource
from api.resources.shared.orders import Code, OrderLineIn, order_row, with_lines
from api.resources.shared.promises import PREPARE_MIN, Promise, Question, WantedLine, promised, question_of
from domain.stock.units import UnitError
from operations.stock.decide import products_of
from planning.promises.verdict import grades
from store.db import queries

router = resource(tags=["orders"])
OrderName = Annotated[str, Path(max_length=64)]
Minutes = Annotated[float, Field(ge=0, le=10_080, description="to pick, pack and load")]
LINES_MAX, GRADED_MAX = 200, 20_000
ACTIVE = ("open", "allocated", "picked", "packed", "loaded")


class PromiseIn(Strict):
    """What would be ordered; nothing is kept or reserved by asking."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "customer": "ward-5",
                    "ship_to": "dock-2",
                    "site": "dc-1",
                    "window_end": "2026-12-01T12:00:00Z",
                    "lines": [{"sku": "MILK", "quantity": 2, "unit": "case"}],
                }
            ]
        }
    )

    customer: Code
    ship_to: Code | None = None
    site: Name
    window_start: Instant | None = None
    window_end: Instant | None = None
    lines: Annotated[list[OrderLineIn], Field(min_length=1, max_length=LINES_MAX)]
    prepare_min: Minutes = PREPARE_MIN

    @model_validator(mode="after")
    def _in_order(self) -> PromiseIn:
        if self.window_start and self.window_end and self.window_end < self.window_start:
            raise ValueError("window_end: it is before window_start")
        return self


class PromiseSaid(TypedDict):
    """What was said when the order was taken in, why it was promised anyway, and whether the window was `kept`.

    `kept` null: it has not come to that yet.
    """

    said_at: Time | None
    window_end: Time | None
    earliest: Time | None
    p90: Time | None
    chance: float | None
    code: str
    reason: str
    delivered_at: Time | None
    kept: bool | None


class OrderPromise(TypedDict):
    """`promise` null: nothing of the order has to be brought any more. `said` null: it had no window then."""

    order: str
    promise: Promise | None
    said: PromiseSaid | None


class PromiseGrade(TypedDict):
    """Of `orders` whose chance was said to be from `low` to `high`, `said` on average: which share was `kept`."""

    low: float
    high: float
    orders: int
    said: float
    kept: float


class PromiseGrades(TypedDict):
    """What came of promises since; an order whose window is over and that was not delivered is not kept."""

    since: Time | None
    grades: list[PromiseGrade]


@router.post("/promises", response_model=Promise)
async def ask_promise(request: Request, caller: Reader, given: PromiseIn) -> Json:
    """When what is wanted can be with the customer, and how likely its window is kept; others keep their goods."""
    now = datetime.now(UTC)
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        with refusing():
            products = await session.perform(products_of({line.sku for line in given.lines}), queries("stock"))
        lines = []
        for n, line in enumerate(given.lines, 1):
            units = products[line.sku].units
            try:
                base = units.to_base(line.quantity, line.unit or units.base)
            except UnitError as error:
                raise Problem(422, f"lines.{n}: {error}") from None
            lines.append(WantedLine(n, line.sku, float(base)))
        window = (given.window_start, given.window_end)
        asked = Question(now, given.customer, given.ship_to, given.site, window, tuple(lines), given.prepare_min)
        found, _ = await promised(session, asked)
    return Json(found)


@router.get("/promises/grades", response_model=PromiseGrades)
async def get_promise_grades(
    request: Request, caller: Reader, days: Annotated[int, Query(ge=1, le=730, description="said since")] = 90
) -> Json:
    """How often windows were kept, by the chance that was said when the order was taken in; the newest 20000 orders."""
    now = datetime.now(UTC)
    since = now - timedelta(days=days)
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        rows = await session.rows(queries("promises")["graded"], now=now, since=since, limit=GRADED_MAX)
    found = [each._asdict() for each in grades([(row["chance"], row["kept"]) for row in rows])]
    return Json({"since": when(since), "grades": found})


@router.get("/orders/{order_id}/promise", response_model=OrderPromise)
async def get_order_promise(
    request: Request,
    caller: Reader,
    order_id: OrderName,
    prepare_min: Annotated[float, Query(ge=0, le=10_080)] = PREPARE_MIN,
) -> Json:
    """Whether an order's window can be kept as things are now, what limits it, what was said first and what came."""
    now = datetime.now(UTC)
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        row = await order_row(session, order_id)
        promise = None
        if row["status"] in ACTIVE:
            order = (await with_lines(session, [row]))[row["key"]]
            asked = question_of(row, order["lines"], now, prepare_min, ahead=True)
            promise, _ = await promised(session, asked)
        said = await session.row(queries("promises")["said"], order=row["key"])
    return Json(OrderPromise(order=order_id, promise=promise, said=None if said is None else _said(said, now)))


def _said(row: Row, now: datetime) -> PromiseSaid:
    end, delivered = row["window_end"], row["delivered_at"]
    kept = delivered <= end if delivered else False if now > end else None
    times: dict[str, str | None] = {
        name: when(row[name]) for name in ("said_at", "window_end", "earliest", "p90", "delivered_at")
    }
    words = {name: row[name] for name in ("chance", "code", "reason")}
    return {**times, **words, "kept": kept}  # type: ignore[typeddict-item]
