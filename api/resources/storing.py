"""Goods that have come in are put away, pick faces are filled: what is waiting, where to, and that it is done."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import Path, Query, Request
from pydantic import ConfigDict, Field
from typing_extensions import TypedDict

from api.database import Row, Session
from api.http.audit import audit
from api.http.auth import Reader, StockKeeper
from api.http.context import context_of
from api.http.inputs import Name, Strict, printable
from api.http.instants import Instant
from api.http.jsons import Json, Time, when
from api.http.paging import Cursor, Items, Limit, decode, shaped_page
from api.http.problems import Problem, not_found, refusing
from api.http.routes import resource
from api.resources.shared.handling import LotCode, UnitCode
from api.resources.shared.ledger import Amount, BinCode, Sku, StockPlace, UnitName, Word, shown_number, stock_place
from domain.stock.bins import Goods, Kind, Limits, broken, goods_of, limits_of, room
from domain.stock.moves import Place
from domain.stock.units import UnitError
from domain.times import to_us
from operations.stock.decide import Told, products_of
from operations.storing.record import carry
from planning.picking.block import Block
from planning.storing import putting_away as rule
from planning.storing import refills as filling
from store.db import queries

router = resource(tags=["stock"])
SiteName = Annotated[str, Path(max_length=64)]
BINS_MAX, FACES_MAX = 5_000, 500
TARGET_DAYS, DEMAND_DAYS = 14, 28


class PutAwayIn(Strict):
    """So much of a product is carried into a bin; `purpose` refill: into a pick face, from reserve.

    A bin that does not take it is refused, unless `reason` says why it lies there all the same.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "put-41-1",
                    "sku": "MILK-1L",
                    "quantity": 2,
                    "unit": "case",
                    "source": {"zone": "chiller", "bin": "IN-01"},
                    "bin": "R-04",
                }
            ]
        }
    )

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$")]
    sku: Sku
    quantity: Annotated[Amount, Field(gt=0)]
    unit: UnitName | None = None
    lot: LotCode | None = None
    handling_unit: UnitCode | None = None
    source: PutAwaySource
    bin: BinCode
    purpose: Literal["put_away", "refill"] = "put_away"
    reason: Word = ""
    at: Instant | None = None


class PutAwaySource(Strict):
    """Where it lies: a zone of the site, or a bin, or the site itself."""

    zone: Name | None = None
    bin: BinCode | None = None


PutAwayIn.model_rebuild()


class PutAway(TypedDict):
    """It lies there; `against`: limits that were broken, with a reason. `new` false: it was told before."""

    move: str
    bin: str
    new: bool
    against: list[str]


class PutAwayWaiting(TypedDict):
    """Goods that have come in and are to be put away."""

    sku: str
    label: str
    lot: str | None
    best_before: Time | None
    handling_unit: str | None
    quantity: float
    base_unit: str
    place: StockPlace
    since: Time | None


class PutAwayPlace(TypedDict):
    """A bin that takes `quantity` of it.

    `score_m`: the walk to it, and how far it is from where the product should lie and from its like; null: not known,
    and not counted.
    """

    bin: str
    zone: str
    quantity: float
    score_m: float
    walk_m: float | None
    target_m: float | None
    alike_m: float | None


class PutAwayRefused(TypedDict):
    """So many bins do not take it; why, of the first."""

    limit: str
    bins: int
    why: str


class PutAwayOrder(TypedDict):
    """An order that lacks it, and is due soon."""

    order: str
    quantity: float
    due: Time | None


class PutAwayProposal(TypedDict):
    """Where goods should lie. `stage`: bins to which `wanted` of it goes at once, as `orders` lack it.

    `places`, the best first; `refused`: what is against others. `not_counted`: of the product nobody has told its size,
    its mass or its temperature class, so that no such limit holds.
    """

    sku: str
    quantity: float
    base_unit: str
    wanted: float
    orders: list[PutAwayOrder]
    stage: list[str]
    target: str | None
    places: list[PutAwayPlace]
    refused: list[PutAwayRefused]
    not_counted: list[Literal["size", "mass", "temp_class"]]


class RefillSource(TypedDict):
    """So much of it, from where."""

    bin: str
    quantity: float
    lot: str | None
    handling_unit: str | None


class RefillTask(TypedDict):
    """A pick face to be filled with `quantity` from `sources`.

    There lie `lies`; released waves still want `released`, and `p90` is not exceeded nine times in ten until the next
    run. `short`: so much is nowhere, or does not go in.
    """

    bin: str
    zone: str
    sku: str
    label: str
    base_unit: str
    lies: float
    released: float
    p90: float
    quantity: float
    sources: list[RefillSource]
    short: float


class Refills(TypedDict):
    """Faces that are due, what running waves wait for first; of how many faces, until when demand is looked at."""

    items: list[RefillTask]
    faces: int
    hours: int


@router.get("/sites/{site_id}/put-away", response_model=Items[PutAwayWaiting])
async def list_put_away(
    request: Request, caller: Reader, site_id: SiteName, limit: Limit = 100, cursor: Cursor = None
) -> Json:
    """What has come in at a site with bins and lies in none yet, or in one for what comes in; the oldest first."""
    moved, a, b, c, d = decode(cursor, (str, int, int, int, str)) if cursor else (None, 0, 0, 0, "")
    asked = {"site": site_id, "moved": moved, "a": a, "b": b, "c": c, "d": d, "limit": limit + 1}
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        await _known_site(session, site_id)
        found = await session.rows(queries("storing")["waiting"], **asked)
    return shaped_page(request, found, limit, _waiting_key, _waiting)


def _waiting_key(row: Row) -> list[Any]:
    return [row["moved_at"].isoformat(), row["place"], row["product"], row["lot_id"], row["unit"]]


def _waiting(row: Row) -> PutAwayWaiting:
    return {
        "sku": row["sku"],
        "label": row["label"],
        "lot": row["lot"],
        "best_before": when(row["best_before"]),
        "handling_unit": row["unit"] or None,
        "quantity": shown_number(row["quantity"]),
        "base_unit": row["base_unit"],
        "place": stock_place(row),
        "since": when(row["moved_at"]),
    }


async def _known_site(session: Session, site: str) -> None:
    if await session.row(queries("ledger")["zone_of_bins"], site=site, zone=None) is None:
        raise not_found()


@router.get("/sites/{site_id}/put-away/places", response_model=PutAwayProposal)
async def propose_places(
    request: Request,
    caller: Reader,
    site_id: SiteName,
    sku: Annotated[str, Query(max_length=64)],
    quantity: Annotated[Decimal, Query(gt=0, le=10**9, decimal_places=6)],
    unit: Annotated[str | None, Query(max_length=32)] = None,
    lot: Annotated[str | None, Query(max_length=64)] = None,
    hours: Annotated[int, Query(ge=0, le=168, description="orders due so soon get it at once")] = 24,
) -> Json:
    """Where so much of a product should lie: bins that take it, and why others do not."""
    now = datetime.now(UTC)
    for text in (sku, lot or "", unit or ""):
        _printable(text)
    q = queries("storing")
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        await _known_site(session, site_id)
        with refusing():
            product = (await session.perform(products_of([sku]), queries("stock")))[sku]
        try:
            base = product.units.to_base(quantity, unit or product.units.base)
        except UnitError as error:
            raise Problem(422, str(error)) from None
        row = (await session.rows(q["goods_told"], sku=sku))[0]
        bins = await session.rows(q["bins_told"], site=site_id, zone=None, codes=None, limit=BINS_MAX)
        lying = await session.rows(q["goods_in_bins"], bins=[each["key"] for each in bins])
        wanted = await session.rows(q["wanted_now"], site=site_id, sku=sku, until=now + timedelta(hours=hours))
        best = await session.row(q["picked_where"], site=site_id, sku=sku, since=now - timedelta(days=TARGET_DAYS))
    goods = goods_of({**row, "quantity": base, "lot": lot})
    return Json(_proposal(goods, row["base_unit"], bins, lying, wanted, best["code"] if best else None))


def _printable(text: str) -> None:
    try:
        printable(text)
    except ValueError as error:
        raise Problem(422, f"sku, lot, unit: {error}") from None


def _proposal(
    goods: Goods, base_unit: str, bins: Sequence[Row], lying: Sequence[Row], wanted: Sequence[Row], target: str | None
) -> PutAwayProposal:
    spots = _spots(bins, lying)
    found = rule.put_away(goods, spots, target)
    lacking = min(float(sum(row["quantity"] for row in wanted)), goods.quantity)
    at_once = goods._replace(quantity=lacking)
    stage = [s.limits.code for s in spots if s.limits.kind == "stage" and not broken(s.limits, at_once, s.goods)]
    known = (("size", goods.m3), ("mass", goods.kg), ("temp_class", goods.temp_class))
    return {
        "sku": goods.sku,
        "quantity": goods.quantity,
        "base_unit": base_unit,
        "wanted": lacking,
        "orders": [
            {"order": row["order"], "quantity": shown_number(row["quantity"]), "due": when(row["window_end"])}
            for row in wanted
        ],
        "stage": stage[: rule.TOLD_MAX] if lacking else [],
        "target": target,
        "places": [_place(each) for each in found.places],
        "refused": [{"limit": r.limit, "bins": r.bins, "why": r.why} for r in found.refused],
        "not_counted": [name for name, value in known if value is None],  # type: ignore[misc]
    }


def _place(each: rule.Place) -> PutAwayPlace:
    return {
        "bin": each.bin,
        "zone": each.zone,
        "quantity": each.quantity,
        "score_m": each.score_m,
        "walk_m": each.walk_m,
        "target_m": each.target_m,
        "alike_m": each.alike_m,
    }


def _spots(bins: Sequence[Row], lying: Sequence[Row]) -> list[rule.Spot]:
    goods = _by_bin(lying)
    blocks = {
        row["zone"]: Block(row["aisles"], row["aisle_length_m"], row["aisle_pitch_m"], row["depot"])
        for row in bins
        if row["aisles"] is not None
    }
    return [
        rule.Spot(
            limits_of(row), row["zone"], tuple(goods.get(row["key"], ())), blocks.get(row["zone"]), row["aisle"],
            row["along_m"],
        )
        for row in bins
    ]  # fmt: skip


def _by_bin(lying: Sequence[Row]) -> dict[int, list[Goods]]:
    found: dict[int, list[Goods]] = {}
    for row in lying:
        found.setdefault(row["bin_key"], []).append(goods_of(row))
    return found


@router.post("/sites/{site_id}/put-away", response_model=PutAway, status_code=201)
async def post_put_away(request: Request, caller: StockKeeper, site_id: SiteName, given: PutAwayIn) -> Json:
    """Goods lie in a bin now; told again by its id it changes nothing (200).

    409: the bin is full or does not take them (say `reason` to put them there all the same), or there is not so much.
    """
    now_us = to_us(datetime.now(UTC))
    kind, reference = ("put_away", "") if given.purpose == "put_away" else ("move", "refill")
    told = Told(
        given.id, kind, given.sku, given.quantity, given.unit or "", None if given.at is None else to_us(given.at),
        given.lot or "", Place("site", site_id, given.source.zone or "", given.source.bin or ""),
        Place("site", site_id, "", given.bin), given.handling_unit or "", given.reason, reference,
    )  # fmt: skip
    named = {**queries("stock"), **queries("storing")}
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        await _known_site(session, site_id)
        with refusing():
            done = await session.perform(carry(told, now_us, caller.user), named)
        new = bool(done.recorded.new)
        if new:
            detail = given.model_dump(mode="json", exclude_unset=True)
            await audit(session, caller, "stock.put_away", f"{site_id}/{given.bin}", **detail)
    answer: PutAway = {"move": given.id, "bin": given.bin, "new": new, "against": list(done.against)}
    return Json(answer, 201 if new else 200)


@router.get("/sites/{site_id}/refills", response_model=Refills)
async def list_refills(
    request: Request,
    caller: Reader,
    site_id: SiteName,
    hours: Annotated[int, Query(ge=1, le=168, description="until the next run")] = 24,
) -> Json:
    """Pick faces that are due, with what they are filled from: what expires first, whole cases."""
    now, q = datetime.now(UTC), queries("storing")
    spans = DEMAND_DAYS * 24 // hours
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        await _known_site(session, site_id)
        faces = await session.rows(q["faces"], site=site_id, limit=FACES_MAX)
        products = sorted({row["product_key"] for row in faces})
        asked = {"site": site_id, "products": products, "now": now}
        since = now - timedelta(hours=spans * hours)
        picked = await session.rows(q["picked_in_spans"], **asked, since=since, span_s=hours * 3600)
        reserve = await session.rows(q["reserve"], **asked)
        limits = await session.rows(
            q["bins_told"], site=site_id, zone=None, codes=[row["code"] for row in faces], limit=FACES_MAX
        )
        lying = await session.rows(q["goods_in_bins"], bins=[row["key"] for row in faces])
        of = {row["sku"]: (await session.rows(q["goods_told"], sku=row["sku"]))[0] for row in faces}
    demand = {(row["sku"], row["span"]): float(row["quantity"]) for row in picked}
    there = _by_bin(lying)
    by_code = {row["code"]: limits_of(row) for row in limits}
    known = [_face(row, by_code[row["code"]], of[row["sku"]], there.get(row["key"], []), demand, spans)
             for row in faces]  # fmt: skip
    found = filling.refills(known, [_lying(row) for row in reserve])
    named = {row["code"]: row for row in faces}
    answer: Refills = {"items": [_refill(each, named[each.bin]) for each in found], "faces": len(faces), "hours": hours}
    return Json(answer)


def _face(
    row: Row, limits: Limits, of: Row, there: Sequence[Goods], demand: Mapping[tuple[str, int], float], spans: int
) -> filling.Face:
    goods = goods_of({**of, "quantity": 1, "lot": None})
    kind: Kind = "pick_face"
    loose = limits._replace(kind=kind, mixing="product" if limits.mixing == "lot" else limits.mixing)
    case = of["per_case"]
    return filling.Face(
        row["code"], row["sku"], float(row["lies"]), room(loose, goods, there), float(row["released"]),
        tuple(demand.get((row["sku"], n), 0.0) for n in range(spans)), None if case is None else float(case),
    )  # fmt: skip


def _lying(row: Row) -> filling.Lying:
    ends = row["best_before"]
    return filling.Lying(
        row["code"], row["sku"], float(row["quantity"]), row["lot"] or "", row["unit"],
        None if ends is None else to_us(ends),
    )  # fmt: skip


def _refill(each: filling.Refill, row: Row) -> RefillTask:
    return {
        "bin": each.bin,
        "zone": row["zone"],
        "sku": each.sku,
        "label": row["label"],
        "base_unit": row["base_unit"],
        "lies": each.lies,
        "released": each.released,
        "p90": each.p90,
        "quantity": each.quantity,
        "sources": [
            {"bin": s.bin, "quantity": s.quantity, "lot": s.lot or None, "handling_unit": s.unit or None}
            for s in each.sources
        ],
        "short": each.short if math.isfinite(each.short) else 0.0,
    }
