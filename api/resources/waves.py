"""Waves: orders that are given goods together and divided into rounds of a cart, which pickers take."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import Path, Query, Request
from pydantic import ConfigDict, Field, model_validator
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
from api.http.problems import not_found, refusing
from api.http.routes import resource
from api.http.things import one
from api.resources.shared.exports import FILES, as_file
from api.resources.shared.ledger import Asked, shown_number
from api.resources.shared.orders import Code, tell_news, who_is
from domain.permissions import Permission
from domain.times import to_us
from operations.waves.record import ORDERS_MAX, WaveTold, begin, divide, end, finish, give, plan, take
from planning.picking.block import Block
from planning.waves.rounds import Cart, Goods, Rounds, rounds_of
from store.db import queries

router = resource(tags=["orders"])
WaveName = Annotated[str, Path(max_length=64)]
Status = Literal["planned", "releasing", "released", "cancelled"]


class CartIn(Strict):
    """What a picker's cart takes."""

    orders: Annotated[int, Field(ge=1, le=100)] = 12
    lines: Annotated[int, Field(ge=1, le=2000)] = 120
    kg: Annotated[float, Field(gt=0, le=10_000)] = 300


class WaveIn(Strict):
    """Which orders are picked together: those that are named, or all of the site that are due by `due_by`.

    `by`: a wave for each shipment, carrier, customer or hour of the window's end, or one for all.
    `picking`: whole orders on a round, or zone by zone.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"site": "dc-1", "due_by": "2026-12-01T12:00:00Z", "by": "shipment"}]}
    )

    id: Code | None = None
    site: Name
    orders: Annotated[list[Code], Field(min_length=1, max_length=ORDERS_MAX)] | None = None
    due_by: Instant | None = None
    by: Literal["all", "shipment", "carrier", "customer", "due"] = "all"
    picking: Literal["orders", "zones"] = "orders"
    cart: CartIn = CartIn()

    @model_validator(mode="after")
    def _either(self) -> WaveIn:
        if self.orders and self.due_by:
            raise ValueError("orders, due_by: one of both")
        return self

    def told(self) -> WaveTold:
        """As operations are told."""
        due_by = None if self.due_by is None else self.due_by.isoformat()
        orders = tuple(dict.fromkeys(self.orders or ()))
        return WaveTold(self.site, self.by, self.picking, self.cart.model_dump(), orders, due_by, self.id or "")


class WaveSeen(Strict):
    """The wave as whoever asks has seen it; nothing is done where it has changed since."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"version": 1}]})

    version: Annotated[int, Field(ge=1)] | None = None


class WaveEnd(WaveSeen):
    """Cancels a wave; with `orders` only these are taken out of it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"version": 2, "orders": ["SO-1001"]}]})

    orders: Annotated[tuple[Code, ...], Field(max_length=ORDERS_MAX)] = ()


class RoundTake(Strict):
    """`back`: it is given back."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"back": False}]})

    back: bool = False


class WaveCart(TypedDict):
    """What a cart takes."""

    orders: int
    lines: int
    kg: float


class Wave(TypedDict):
    """A wave; `units` of its orders, of which `open` have no goods and `to_pick` lie at their places still.

    `walk_m`: how far its rounds are where zones have a layout; `as_came_m`: rounds of the same orders as they came.
    """

    id: str
    site: str
    status: Status
    why: str
    picking: str
    cart: WaveCart
    version: int
    orders: int
    given: int
    units: float
    open: float
    to_pick: float
    walk_m: float | None
    as_came_m: float | None
    created_at: Time | None
    created_by: str
    released_at: Time | None
    released_by: str | None


class WaveRound(TypedDict):
    """A round of a cart: its orders, the zone where it is of one only, who has it, how many picks are left."""

    round: int
    orders: list[str]
    site: str | None
    zone: str | None
    walk_m: float | None
    picker: str | None
    taken_at: Time | None
    left: int


class WaveOrder(TypedDict):
    """An order of a wave."""

    id: str
    customer: str
    status: str
    priority: int
    window_end: Time | None


class WaveDetail(Wave):
    """A wave with its orders and rounds."""

    of_orders: list[WaveOrder]
    rounds: list[WaveRound]


class WavesMade(TypedDict):
    """Waves that were made."""

    waves: list[WaveDetail]


def _named() -> dict[str, Any]:
    return {**queries("availability"), **queries("stock"), **queries("orders"), **queries("waves")}


def _wave(row: Row) -> Wave:
    return {
        "id": row["id"],
        "site": row["site"],
        "status": row["status"],
        "why": row["why"],
        "picking": row["picking"],
        "cart": row["cart"],
        "version": row["version"],
        "orders": row["orders"],
        "given": row["given"],
        "units": shown_number(row["units"]),
        "open": shown_number(row["open"]),
        "to_pick": shown_number(row["to_pick"]),
        "walk_m": row["walk_m"],
        "as_came_m": row["as_came_m"],
        "created_at": when(row["created_at"]),
        "created_by": row["created_by"],
        "released_at": when(row["released_at"]),
        "released_by": row["released_by"],
    }


def _round(row: Row) -> WaveRound:
    return {
        "round": row["seq"],
        "orders": row["orders"],
        "site": row["site"],
        "zone": row["zone"],
        "walk_m": row["walk_m"],
        "picker": row["picker"],
        "taken_at": when(row["taken_at"]),
        "left": row["left"],
    }


def _order(row: Row) -> WaveOrder:
    return {
        "id": row["id"],
        "customer": row["customer"],
        "status": row["status"],
        "priority": row["priority"],
        "window_end": when(row["window_end"]),
    }


ANY: dict[str, Any] = dict.fromkeys(("name", "site", "status", "after"))


async def _detail(session: Session, name: str) -> WaveDetail:
    q = queries("waves")
    row = await session.row(q["waves"], **{**ANY, "name": name, "limit": 1})
    if row is None:
        raise not_found()
    orders = await session.rows(q["orders_of_wave"], wave=row["key"])
    rounds = await session.rows(q["rounds"], wave=row["key"])
    return {**_wave(row), "of_orders": [_order(each) for each in orders], "rounds": [_round(each) for each in rounds]}


@router.get("/waves", response_model=Items[Wave], responses=FILES)
@as_file("waves", Wave)
async def list_waves(
    request: Request,
    caller: Reader,
    site: Asked = None,
    status: Annotated[Status | None, Query()] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Json:
    """Waves, the newest first, with how far their picking is."""
    after = decode(cursor, (int,))[0] if cursor else None
    asked = {"site": site, "status": status, "after": after, "limit": limit + 1}
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        found = await session.rows(queries("waves")["waves"], **{**ANY, **asked})
    return shaped_page(request, found, limit, lambda row: [row["key"]], _wave)


@router.get("/waves/{wave_id}", response_model=WaveDetail)
async def get_wave(request: Request, caller: Reader, wave_id: WaveName) -> Json:
    """One wave with its orders and rounds."""
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        return one(request, await _detail(session, wave_id))


@router.post("/waves", response_model=WavesMade, status_code=201)
async def post_waves(request: Request, caller: OrderKeeper, given: WaveIn) -> Json:
    """Makes waves of orders that have something left to be picked and are in no other one.

    409: an order is in another wave, or the name is taken. 422: nothing fits.
    """
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        with refusing():
            names = await session.perform(plan(given.told(), caller.user), _named())
        for name in names:
            await audit(session, caller, "wave.create", name, **given.model_dump(mode="json", exclude_none=True))
        return Json(WavesMade(waves=[await _detail(session, name) for name in names]), 201)


@router.post("/waves/{wave_id}/release", response_model=WaveDetail)
async def release_wave(request: Request, caller: OrderKeeper, wave_id: WaveName, given: WaveSeen) -> Json:
    """Gives all orders of a wave goods, the most urgent first, and divides what they have into rounds of a cart.

    What is not there stays open. One whose releasing was broken off goes on. 409: it is released or cancelled, or
    somebody has changed it.
    """
    database = context_of(request).database
    async with database.tenant(caller.tenant_id) as session:
        with refusing():
            await session.perform(begin(wave_id, given.version, caller.user), _named())
        await audit(session, caller, "wave.release", wave_id, **given.model_dump(exclude_none=True))
    while True:
        async with database.tenant(caller.tenant_id) as session:
            now_us = to_us(datetime.now(UTC))
            with refusing():
                names = await session.perform(give(wave_id, now_us, caller.user, who_is(caller)), _named())
            if not names:
                await session.perform(finish(wave_id), _named())
                break
            await tell_news(session, names)
    return await _divided(request, caller, wave_id, released=True)


@router.post("/waves/{wave_id}/rounds", response_model=WaveDetail)
async def divide_wave(request: Request, caller: OrderKeeper, wave_id: WaveName) -> Json:
    """Divides what orders of a released wave have now into rounds anew. 409: somebody has taken one."""
    return await _divided(request, caller, wave_id)


async def _divided(request: Request, caller: Caller, name: str, *, released: bool = False) -> Json:
    """Rounds anew; as a part of the release they are no entry of their own in the trail."""
    database = context_of(request).database
    async with database.tenant(caller.tenant_id) as session:
        rows = await session.rows(queries("waves")["wave_goods"], name=name)
    found = await asyncio.to_thread(_rounds, rows)
    values = [
        {
            "seq": n,
            "site": (each.zone or "/").split("/")[0],
            "zone": (each.zone or "/").split("/")[1],
            "walk_m": each.walk_m,
            "orders": each.orders,
        }
        for n, each in enumerate(found.rounds, 1)
    ]
    async with database.tenant(caller.tenant_id) as session:
        with refusing():
            script = divide(name, values, found.walk_m, found.as_came_m, released=released)
            await session.perform(script, _named())
        if not released:
            await audit(session, caller, "wave.divide", name, rounds=len(values))
        return Json(await _detail(session, name))


def _rounds(rows: Sequence[Row]) -> Rounds:
    if not rows:
        return Rounds((), 0.0, 0.0)
    blocks = {
        row["zone"]: Block(row["aisles"], row["aisle_length_m"], row["aisle_pitch_m"], row["depot"])
        for row in rows
        if row["aisles"] is not None
    }
    goods = [Goods(row["order"], row["zone"], row["aisle"], row["along_m"], row["kg"]) for row in rows]
    cart = rows[0]["cart"]
    taken = Cart(int(cart["orders"]), int(cart["lines"]), float(cart["kg"]))
    return rounds_of(goods, blocks, taken, by_zone=rows[0]["picking"] == "zones")


@router.post("/waves/{wave_id}/rounds/{seq}/take", response_model=WaveDetail)
async def take_round(
    request: Request,
    caller: OrderWorker,
    wave_id: WaveName,
    seq: Annotated[int, Path(ge=1, le=10_000)],
    given: RoundTake,
) -> Json:
    """A picker takes a round, or gives it back. 409: somebody else has it."""
    keeper = Permission.ORDERS in caller.may
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        with refusing():
            await session.perform(take(wave_id, seq, caller.user, back=given.back, keeper=keeper), _named())
        await audit(session, caller, "wave.take", wave_id, round=seq, back=given.back)
        return Json(await _detail(session, wave_id))


@router.post("/waves/{wave_id}/cancellation", response_model=WaveDetail)
async def end_wave(request: Request, caller: OrderKeeper, wave_id: WaveName, given: WaveEnd) -> Json:
    """Cancels a wave, or takes `orders` out of it; what they were given stays. 409: it is over or changed."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        with refusing():
            await session.perform(end(wave_id, given.version, given.orders), _named())
        await audit(session, caller, "wave.end", wave_id, **given.model_dump(exclude_none=True))
        return Json(await _detail(session, wave_id))
