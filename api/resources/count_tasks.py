"""Count tasks: what is to be counted first, counts, and what they settle."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import Query, Request
from pydantic import ConfigDict, Field, model_validator
from typing_extensions import TypedDict

from api.database import Row, Session
from api.http.audit import audit
from api.http.auth import Reader, StockKeeper
from api.http.context import context_of
from api.http.inputs import Name, Strict, Text
from api.http.instants import Instant
from api.http.jsons import Json, Time, when
from api.http.paging import Cursor, Items, Limit, decode, shaped_page
from api.http.problems import OR_CHANGED, Problem, key_of, not_found, refusing
from api.http.routes import resource
from api.resources.shared.exports import FILES, as_file
from api.resources.shared.handling import LotCode, UnitCode
from api.resources.shared.ledger import (
    Amount,
    Asked,
    BinCode,
    Sku,
    StockPlace,
    UnitName,
    Word,
    shown_number,
    stock_place,
)
from domain.stock.moves import Place
from domain.times import to_us
from operations.counts.record import Seen, count, settle_count
from operations.stock.decide import product_at
from store.db import queries

router = resource(tags=["stock"])
OPEN = ["open", "assigned", "counted"]
State = Literal["open", "assigned", "counted", "settled", "dismissed"]


class CountAskedIn(Strict):
    """Where somebody is to count which product."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"site": "store-1", "zone": "chiller", "sku": "MILK"}]})

    site: Name
    zone: Name | None = None
    bin: BinCode | None = None
    sku: Sku


class SeenIn(Strict):
    """How many there are: in which bin, of which lot, in which handling unit, where that is known."""

    quantity: Amount
    unit: UnitName | None = None
    bin: BinCode | None = None
    lot: LotCode | None = None
    handling_unit: UnitCode | None = None


class CountIn(Strict):
    """What somebody saw at `at` (now), each line that the ledger has there spoken of, 0 for what is not there.

    `settle`: the ledger is to say so now; else it waits for somebody who settles it.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"lines": [{"quantity": 17}]},
                {
                    "at": "2026-11-22T09:00:00Z",
                    "lines": [{"lot": "L-2291", "quantity": 1, "unit": "case"}, {"lot": "L-2290", "quantity": 0}],
                    "settle": False,
                },
            ]
        }
    )

    lines: Annotated[list[SeenIn], Field(min_length=1, max_length=200)]
    at: Instant | None = None
    settle: bool = True
    reason: Word = ""


class CountTaskIn(Strict):
    """One thing at a time: who is to count (null: anybody), or that it is `settled` as counted, or `dismissed`, why."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"assignee": "ann"}, {"state": "dismissed", "reason": "the shelf is being rebuilt"}]
        }
    )

    assignee: Text | None = None
    state: Literal["settled", "dismissed"] | None = None
    reason: Word = ""

    @model_validator(mode="after")
    def _one_thing(self) -> CountTaskIn:
        if ("assignee" in self.model_fields_set) == (self.state is not None):
            raise ValueError("say assignee or state, one at a time")
        if self.state == "dismissed" and not self.reason:
            raise ValueError("reason: say why nobody is to count")
        return self


class CountLine(TypedDict):
    """What was counted in one line, and what the ledger said of that moment."""

    bin: str | None
    lot: str | None
    handling_unit: str | None
    counted: float
    ledger: float
    difference: float


class CountTask(TypedDict):
    """Somebody is to count a product at a place. `rank` is `value` (of what differs) times `doubt` (of the ledger).

    `cause`: difference (sensors say another number), negative (the ledger says less than nothing), asked.
    """

    id: int
    state: str
    cause: str
    place: StockPlace
    sku: str
    label: str
    base_unit: str
    ledger_quantity: float
    evidence_quantity: float | None
    confidence: float | None
    evidence_at: Time | None
    value: float
    doubt: float
    rank: float
    opened_at: Time | None
    opened_by: str
    assignee: str | None
    counted_at: Time | None
    counted_by: str | None
    lines: list[CountLine] | None
    ended_at: Time | None
    ended_by: str | None
    reason: str


class CountDone(TypedDict):
    """The task as it is then, and the moves that were written."""

    task: CountTask
    moves: list[str]


def _counted(line: Row) -> CountLine:
    return {
        "bin": line["bin"] or None,
        "lot": line["lot"] or None,
        "handling_unit": line["handling_unit"] or None,
        "counted": float(line["counted"]),
        "ledger": float(line["ledger"]),
        "difference": float(line["difference"]),
    }


def _shape(row: Row) -> CountTask:
    return {
        "id": row["id"],
        "state": row["state"],
        "cause": row["cause"],
        "place": stock_place(row),
        "sku": row["sku"],
        "label": row["label"],
        "base_unit": row["base_unit"],
        "ledger_quantity": shown_number(row["ledger_quantity"]),
        "evidence_quantity": None if row["evidence_quantity"] is None else shown_number(row["evidence_quantity"]),
        "confidence": row["confidence"],
        "evidence_at": when(row["evidence_at"]),
        "value": shown_number(row["value"]),
        "doubt": row["doubt"],
        "rank": shown_number(row["rank"]),
        "opened_at": when(row["opened_at"]),
        "opened_by": row["opened_by"],
        "assignee": row["assignee"],
        "counted_at": when(row["counted_at"]),
        "counted_by": row["counted_by"],
        "lines": None if row["counts"] is None else [_counted(line) for line in row["counts"]],
        "ended_at": when(row["ended_at"]),
        "ended_by": row["ended_by"],
        "reason": row["reason"],
    }


_ANY: dict[str, Any] = dict.fromkeys(("id", "states", "assignee", "site", "zone", "sku", "rank", "after"))


async def _one(session: Session, task_id: int) -> CountTask:
    row = await session.row(queries("counts")["tasks"], **{**_ANY, "id": task_id, "limit": 1})
    if row is None:
        raise not_found()
    return _shape(row)


def _named() -> dict[str, Any]:
    return {**queries("stock"), **queries("counts")}


@router.get("/stock/count-tasks", response_model=Items[CountTask], responses=FILES)
@as_file("count-tasks", CountTask)
async def list_count_tasks(
    request: Request,
    caller: Reader,
    state: Annotated[State | Literal["todo", "all"], Query(description="todo: neither settled nor dismissed")] = "todo",
    site: Asked = None,
    zone: Asked = None,
    sku: Asked = None,
    assignee: Asked = None,
    limit: Limit = 200,
    cursor: Cursor = None,
) -> Json:
    """What is to be counted, that first which is worth most and least believed."""
    states = OPEN if state == "todo" else None if state == "all" else [state]
    rank, after = decode(cursor, (str, int)) if cursor else (None, None)
    try:
        ranked = None if rank is None else Decimal(rank)
    except ArithmeticError:
        raise Problem(422, "cursor: from the Link of the page before") from None
    asked = {"states": states, "assignee": assignee, "site": site, "zone": zone, "sku": sku}
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        page = {"rank": ranked, "after": after, "limit": limit + 1}
        found = await session.rows(queries("counts")["tasks"], **{**_ANY, **asked, **page})
    return shaped_page(request, found, limit, lambda row: [f"{row['rank']:f}", row["id"]], _shape)


@router.get("/stock/count-tasks/{task_id}", response_model=CountTask)
async def get_count_task(request: Request, caller: Reader, task_id: str) -> Json:
    """One task."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        return Json(await _one(session, key_of(task_id)))


@router.post("/stock/count-tasks", response_model=CountTask, status_code=201, responses=OR_CHANGED)
async def ask_count(request: Request, caller: StockKeeper, given: CountAskedIn) -> Json:
    """Asks for a count; 200: one is open of that place and product."""
    place = Place("site", given.site, given.zone or "", given.bin or "")
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        with refusing():
            product, key = await session.perform(product_at(given.sku, place), queries("stock"))
        values = {"place": key, "product": product.id}
        new = await session.row(queries("counts")["ask_count"], **values, by=caller.user)
        row = new or await session.row(queries("counts")["open_task_of"], **values)
        if row is None:
            raise Problem(409, "the count that was open is over just now; ask again")
        if new:
            await audit(session, caller, "count.ask", str(row["id"]), **given.model_dump(exclude_none=True))
        return Json(await _one(session, row["id"]), 201 if new else 200)


@router.post("/stock/count-tasks/{task_id}/count", response_model=CountDone)
async def count_task(request: Request, caller: StockKeeper, task_id: str, given: CountIn) -> Json:
    """What somebody saw: kept as an observation, and settled by adjusting moves unless `settle` is false.

    422: the ledger has lines there that are not spoken of. 409: it is settled or dismissed.
    """
    key = key_of(task_id)
    seen = [
        Seen(each.quantity, each.unit or "", each.bin or "", each.lot or "", each.handling_unit or "")
        for each in given.lines
    ]
    at_us = None if given.at is None else to_us(given.at)
    now_us = to_us(datetime.now(UTC))
    script = count(key, seen, at_us, now_us, caller.user, settle=given.settle, reason=given.reason)
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        with refusing():
            done = await session.perform(script, _named())
        detail = {"lines": list(done.lines), "settled": given.settle}
        await audit(session, caller, "count.count", task_id, **detail)
        return Json(CountDone(task=await _one(session, key), moves=list(done.moves)))


@router.patch("/stock/count-tasks/{task_id}", response_model=CountDone)
async def change_count_task(request: Request, caller: StockKeeper, task_id: str, given: CountTaskIn) -> Json:
    """Gives it to somebody, settles what was counted, or dismisses it with a reason. 409: it is over or not counted."""
    q, key = queries("counts"), key_of(task_id)
    moves: tuple[str, ...] = ()
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        await _one(session, key)
        if given.state == "settled":
            script = settle_count(key, to_us(datetime.now(UTC)), caller.user, given.reason)
            with refusing():
                moves = (await session.perform(script, _named())).moves
            row: Row | None = {"id": key}
        elif given.state == "dismissed":
            row = await session.row(q["dismissed"], id=key, by=caller.user, reason=given.reason)
        else:
            row = await session.row(q["assigned"], id=key, to=given.assignee)
        if row is None:
            raise Problem(409, "it is settled or dismissed; ask for another count")
        await audit(session, caller, f"count.{given.state or 'assign'}", task_id, **given.model_dump())
        return Json(CountDone(task=await _one(session, key), moves=list(moves)))
