"""Moves of stock: told, corrected by others, never changed; and the history behind each number."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Query, Request
from pydantic import ConfigDict, Field, model_validator
from typing_extensions import TypedDict

from api.database import Row, Session
from api.http.audit import audit
from api.http.auth import Reader, StockKeeper
from api.http.context import context_of
from api.http.inputs import Strict, TellersName, Text, each_once
from api.http.instants import Instant
from api.http.jsons import Json, Time, when
from api.http.paging import Cursor, Items, Limit, decode, instant, shaped_page
from api.http.problems import refusing
from api.http.routes import resource
from api.resources.shared.exports import FILES, as_file
from api.resources.shared.handling import LotCode, UnitCode
from api.resources.shared.ledger import (
    Amount,
    Asked,
    Sku,
    StockPlace,
    StockPlaceIn,
    UnitName,
    Word,
    keys_asked,
    places_asked,
    shown_number,
    stock_place,
)
from api.resources.shared.new_lots import NewLotIn, add_lots
from domain.stock.moves import Kind, Source
from domain.times import to_us
from operations.stock.decide import Told
from operations.stock.record import correct
from operations.storing.record import take_in
from store.db import queries

router = resource(tags=["stock"])
BATCH_MAX = 500
AUDITED_MAX = 50


class StockMoveIn(Strict):
    """So much of a product that left one place and came to another, at `at` (now, when nothing is said).

    `receive` comes from suppliers, `deliver` goes to customers, `waste` to nowhere; `return` comes back from a customer
    (`to`) or goes back to a supplier (`from`); `adjust` with `to` finds some, with `from` misses some; `waste` and
    `adjust` need a `reason`. `put_away`, `move`, `pick` go from place to place, `load` onto a vehicle, `unload` off it.
    `pack` puts loose goods into `handling_unit`, `unpack` takes them out; of all others it says what they are in.
    `count` says how many were seen and changes no number. `quantity` is in `unit`, the product's base unit when nothing
    is said. What takes more than there is is refused, or explained: `allow_negative` with a `reason`. `new_lot`, of
    what is received: there may be no such lot yet; then it is added.
    """

    id: TellersName
    kind: Kind
    at: Instant | None = None
    sku: Sku
    lot: LotCode | None = None
    quantity: Amount
    unit: UnitName | None = None
    from_: StockPlaceIn | None = Field(None, alias="from")
    to: StockPlaceIn | None = None
    handling_unit: UnitCode | None = None
    reason: Word = ""
    reference: Word = ""
    source: Source = "person"
    allow_negative: bool = False
    new_lot: NewLotIn | None = None

    @model_validator(mode="after")
    def _lot_comes_in(self) -> StockMoveIn:
        if self.new_lot is not None and (self.kind != "receive" or not self.lot):
            raise ValueError("new_lot: of a lot that is received")
        return self

    def told(self) -> Told:
        """As the ledger is told."""
        return Told(
            self.id, self.kind, self.sku, self.quantity, self.unit or "", None if self.at is None else to_us(self.at),
            self.lot or "", self.from_.place() if self.from_ else None, self.to.place() if self.to else None,
            self.handling_unit or "", self.reason, self.reference, self.source, self.allow_negative,
        )  # fmt: skip


class StockMovesIn(Strict):
    """Moves, all of them or none."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "moves": [
                        {
                            "id": "grn-41-1",
                            "kind": "receive",
                            "at": "2026-11-22T09:00:00Z",
                            "sku": "MILK",
                            "quantity": 48,
                            "to": {"site": "store-1", "zone": "chiller"},
                            "reference": "PO 4500017",
                        },
                        {
                            "id": "pick-7",
                            "kind": "pick",
                            "sku": "MILK",
                            "quantity": 2,
                            "from": {"site": "store-1", "zone": "chiller"},
                            "to": {"site": "store-1"},
                            "reference": "ORDER-17",
                        },
                    ]
                }
            ]
        }
    )

    moves: Annotated[list[StockMoveIn], Field(min_length=1, max_length=BATCH_MAX)]

    @model_validator(mode="after")
    def _each_once(self) -> StockMovesIn:
        each_once("moves", [each.id for each in self.moves])
        return self


class CorrectionIn(Strict):
    """Why a move was not so, and what was instead; nothing: it did not happen. Its time is the first one's, or `at`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"reason": "the pallet was not for us"},
                {
                    "reason": "46 came, two were missing",
                    "right": {
                        "id": "grn-41-1-right",
                        "kind": "receive",
                        "sku": "MILK",
                        "quantity": 46,
                        "to": {"site": "store-1", "zone": "chiller"},
                    },
                },
            ]
        }
    )

    reason: Text
    right: StockMoveIn | None = None


class LedgerMove(TypedDict):
    """A move of the ledger. `entry`: move, reversal (takes `corrects` back), replacement (stands in its place).

    `change` and `balance` are there when places are asked for: what it did to what is there, and how much was there
    after it (of one product, by the time of the moves).
    """

    id: str
    kind: str
    entry: str
    corrects: str | None
    taken_back_by: str | None
    corrected_by: str | None
    at: Time | None
    recorded_at: Time | None
    sku: str
    label: str
    lot: str | None
    source_place: StockPlace
    target_place: StockPlace
    from_handling_unit: str | None
    to_handling_unit: str | None
    quantity: float
    base_unit: str
    entered_quantity: float
    entered_unit: str
    actor: str
    source: str
    reason: str
    reference: str
    evidence: dict[str, Any] | None
    change: float | None
    balance: float | None


class MovesTaken(TypedDict):
    """The moves as they are kept; `count_tasks` that they opened, because less than nothing is there now."""

    moves: list[LedgerMove]
    count_tasks: list[int]


def _shape(row: Row) -> LedgerMove:
    return {
        "id": row["id"],
        "kind": row["kind"],
        "entry": row["entry"],
        "corrects": row["corrects"],
        "taken_back_by": row["taken_back_by"],
        "corrected_by": row["corrected_by"],
        "at": when(row["moved_at"]),
        "recorded_at": when(row["recorded_at"]),
        "sku": row["sku"],
        "label": row["label"],
        "lot": row["lot"],
        "source_place": stock_place(row, "from_"),
        "target_place": stock_place(row, "to_"),
        "from_handling_unit": row["from_unit"] or None,
        "to_handling_unit": row["to_unit"] or None,
        "quantity": shown_number(row["quantity"]),
        "base_unit": row["base_unit"],
        "entered_quantity": shown_number(row["entered_quantity"]),
        "entered_unit": row["entered_unit"],
        "actor": row["actor"],
        "source": row["source"],
        "reason": row["reason"],
        "reference": row["reference"],
        "evidence": row["evidence"],
        "change": None if row["change"] is None else shown_number(row["change"]),
        "balance": None if row.get("balance") is None else shown_number(row["balance"]),
    }


_ANY: dict[str, Any] = dict.fromkeys(
    ("product", "lot", "places", "unit", "kind", "reference", "since", "until", "names", "before", "before_id")
)


async def _named(session: Session, names: Sequence[str]) -> list[LedgerMove]:
    rows = await session.rows(queries("ledger")["moves"], **{**_ANY, "names": list(names), "limit": len(names)})
    found = {row["id"]: _shape(row) for row in rows}
    return [found[name] for name in names if name in found]


@router.get("/stock/moves", response_model=Items[LedgerMove], responses=FILES)
@as_file("stock-moves", LedgerMove)
async def list_stock_moves(
    request: Request,
    caller: Reader,
    sku: Asked = None,
    lot: Asked = None,
    site: Asked = None,
    zone: Asked = None,
    bin_code: Annotated[str | None, Query(alias="bin", max_length=64)] = None,
    vehicle: Asked = None,
    handling_unit: Asked = None,
    kind: Kind | None = None,
    reference: Annotated[str | None, Query(max_length=200)] = None,
    since: Instant | None = None,
    until: Instant | None = None,
    limit: Limit = 200,
    cursor: Cursor = None,
) -> Json:
    """Moves, the newest first, corrections too; with places of one product also how much was there after each."""
    before, before_id = decode(cursor, (str, int)) if cursor else (None, None)
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        keys = await keys_asked(session, sku, lot)
        places = await places_asked(session, site=site, zone=zone, bin=bin_code, vehicle=vehicle)
        asked = {**_ANY, **keys, "places": places, "unit": handling_unit, "kind": kind, "reference": reference}
        at = instant(before) if before else None
        page = {"since": since, "until": until, "before": at, "before_id": before_id, "limit": limit + 1}
        found = await session.rows(queries("ledger")["moves"], **{**asked, **page})
        if found and places is not None and sku is not None:
            ids = [row["key"] for row in found]
            running = await session.rows(queries("ledger")["running"], **asked, ids=ids)
            balances = {row["id"]: row["balance"] for row in running}
            found = [{**row, "balance": balances[row["key"]]} for row in found]
    return shaped_page(request, found, limit, lambda row: [row["moved_at"].isoformat(), row["key"]], _shape)


@router.post("/stock/moves", response_model=MovesTaken, status_code=201)
async def post_stock_moves(request: Request, caller: StockKeeper, given: StockMovesIn) -> Json:
    """Takes moves in, all or none, at whatever time they happened; one that is told again by its `id` changes nothing.

    409: more is taken than is there, another move has its `id`, a `new_lot` is known with another day, or a bin does
    not take what goes in now (say `reason` to put it there all the same). What sensors and EPCIS tell may come out of
    order: it is taken in and opens a count task.
    """
    now_us = to_us(datetime.now(UTC))
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        script = take_in([each.told() for each in given.moves], now_us, caller.user)
        await add_lots(session, caller, given.moves)
        with refusing():
            done = await session.perform(script, {**queries("stock"), **queries("storing")})
        if done.new:
            told = [m.model_dump(mode="json", by_alias=True, exclude_defaults=True) for m in given.moves[:AUDITED_MAX]]
            await audit(session, caller, "stock.move", done.new[0], moves=told, count=len(done.new))
        kept = await _named(session, [each.id for each in given.moves])
    return Json(MovesTaken(moves=kept, count_tasks=list(done.count_tasks)), 201)


@router.post("/stock/moves/{move_id}/correction", response_model=MovesTaken, status_code=201)
async def correct_stock_move(request: Request, caller: StockKeeper, move_id: str, given: CorrectionIn) -> Json:
    """A move was not so: one that takes it back, and perhaps the right one, are written beside it; it stays.

    404: there is none. 409: it was corrected before, is a count, or what came after it rests on it (say
    `allow_negative` in `right`).
    """
    now_us = to_us(datetime.now(UTC))
    right = given.right.told() if given.right else None
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        await add_lots(session, caller, [given.right] if given.right else [])
        with refusing():
            done = await session.perform(correct(move_id, given.reason, right, now_us, caller.user), queries("stock"))
        told = given.right.model_dump(mode="json", by_alias=True, exclude_defaults=True) if given.right else None
        await audit(session, caller, "stock.correct", move_id, reason=given.reason, right=told)
        kept = await _named(session, [move_id, *done.new])
    return Json(MovesTaken(moves=kept, count_tasks=list(done.count_tasks)), 201)
