"""Handling units and lots: what there is, where it is, what it has used of its budget."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import Query, Request
from pydantic import AfterValidator, ConfigDict, Field, model_validator
from typing_extensions import TypedDict

from api.database import Row, Session
from api.http.audit import audit
from api.http.auth import GoodsKeeper, Reader
from api.http.context import context_of
from api.http.inputs import Celsius, Name, Strict, Text, printable
from api.http.instants import Instant
from api.http.jsons import Json, Time, when
from api.http.paging import Cursor, Items, Limit, decode, shaped_page
from api.http.problems import OR_CHANGED, Problem, not_found
from api.http.routes import resource
from api.http.things import one
from api.resources.shared.exports import FILES, as_file
from api.resources.shared.handling import (
    HandlingUnit,
    LotCode,
    PlaceShown,
    as_text,
    place_shown,
    read_units,
    unit_shown,
)
from api.resources.shared.profiles import profile_id
from domain.cold_chain.budgets import BUDGETS
from store.db import queries

router = resource(tags=["goods"])
CHILDREN_MAX = 1000
Search = Annotated[str | None, Query(max_length=64, description="a part of a code or SKU")]


class KineticIn(Strict):
    """A budget in seconds at a storage temperature."""

    store_c: Celsius
    budget_s: Annotated[float, Field(gt=0, le=1e10)]
    before_s: Annotated[float, Field(ge=0, le=1e10)] = 0.0
    delta_h_kj_per_mol: Annotated[float, Field(ge=1, le=500)] = 83.144


class LotIn(Strict):
    """A lot, new or changed. `used_before`: seconds by band of its profile, used before it was seen; with a reason."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "L-2291",
                    "sku": "MILK",
                    "quantity": 480,
                    "made_at": "2026-11-20T06:00:00Z",
                    "best_before": "2027-05-20T00:00:00Z",
                },
                {
                    "id": "SER-8",
                    "sku": "SERUM-10",
                    "profile": "pharma-2-8",
                    "used_before": {"too warm": 3600},
                    "reason": "an hour at the filling line, by its protocol",
                },
            ]
        }
    )

    id: LotCode
    sku: Annotated[str, AfterValidator(printable), Field(min_length=1, max_length=64)]
    profile: Name | None = None
    quantity: Annotated[Decimal, Field(gt=0, le=10**9, decimal_places=6)] | None = None
    made_at: Instant | None = None
    best_before: Instant | None = None
    used_before: dict[str, Annotated[float, Field(gt=0, le=1e10)]] = Field({}, max_length=16)
    kinetic: KineticIn | None = None
    reason: Text | None = None

    @model_validator(mode="after")
    def _declared(self) -> LotIn:
        if self.made_at and self.best_before and self.made_at >= self.best_before:
            raise ValueError("made_at: not before best_before")
        if (self.used_before or (self.kinetic and self.kinetic.before_s)) and not self.reason:
            raise ValueError("reason: say where what was used before is known from")
        return self


class Lot(TypedDict):
    """A lot; `units` counts the open ones that hold some of it, `verdict` and `share` are those of the worst of all."""

    id: str
    sku: str
    label: str
    profile: str | None
    quantity: float | None
    made_at: Time | None
    best_before: Time | None
    used_before: dict[str, float]
    kinetic: dict[str, float] | None
    reason: str | None
    declared_by: str
    declared_at: Time | None
    recalled_at: Time | None
    units: int
    verdict: str | None
    share: float | None


def _lot(row: Row) -> Lot:
    return {
        "id": row["code"],
        "sku": row["sku"],
        "label": row["label"],
        "profile": row["profile"],
        "quantity": row["quantity"],
        "made_at": when(row["made_at"]),
        "best_before": when(row["best_before"]),
        "used_before": row["used_before"],
        "kinetic": row["kinetic"],
        "reason": row["reason"],
        "declared_by": row["declared_by"],
        "declared_at": when(row["declared_at"]),
        "recalled_at": when(row["recalled_at"]),
        "units": row["units"],
        "verdict": row["verdict"],
        "share": row["share"],
    }


LIVE = {"units", "verdict", "share", "declared_at", "declared_by", "recalled_at"}


@router.get("/lots", response_model=Items[Lot], responses=FILES)
@as_file("lots", Lot)
async def list_lots(
    request: Request, caller: Reader, search: Search = None, limit: Limit = 200, cursor: Cursor = None
) -> Json:
    """Lots by code."""
    after = decode(cursor, (str,))[0] if cursor else ""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        found = await session.rows(queries("handling")["lots"], after=after, name=None, search=search, limit=limit + 1)
    return shaped_page(request, found, limit, lambda row: [row["code"]], _lot)


@router.get("/lots/{lot_id}", response_model=Lot)
async def get_lot(request: Request, caller: Reader, lot_id: str) -> Json:
    """One lot."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        row = await session.row(queries("handling")["lots"], after="", name=lot_id, search=None, limit=1)
    if row is None:
        raise not_found()
    return one(request, _lot(row), live=LIVE)


@router.post("/lots", response_model=Lot, status_code=201, responses=OR_CHANGED)
async def post_lot(request: Request, caller: GoodsKeeper, given: LotIn) -> Json:
    """Makes (201) or changes (200) a lot; the budgets of all its goods are looked at anew."""
    q = queries("handling")
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        product = await session.row(q["product_of_lot"], sku=given.sku)
        if product is None or product["retired_at"]:
            raise Problem(422, f"sku: there is no {given.sku}; add it first")
        profile = await profile_id(session, given.profile) if given.profile else None
        await _check_bands(session, given, profile or product["profile_id"])
        new = await session.row(q["lots"], after="", name=given.id, search=None, limit=1) is None
        row = await session.row(
            q["put_lot"],
            id=given.id,
            product=product["id"],
            profile=profile,
            quantity=given.quantity,
            made_at=given.made_at,
            best_before=given.best_before,
            used_before=as_text(given.used_before),
            kinetic=as_text(given.kinetic.model_dump()) if given.kinetic else None,
            reason=given.reason,
            by=caller.user,
        )
        await session.run(q["stale_by_lot"], lot=(row or {})["id"])
        await audit(session, caller, "lot.create" if new else "lot.change", given.id, **given.model_dump(mode="json"))
        row = await session.row(q["lots"], after="", name=given.id, search=None, limit=1)
    return one(request, _lot(row or {}), 201 if new else 200, live=LIVE)


async def _check_bands(session: Session, given: LotIn, profile: int | None) -> None:
    """What was used before is of bands that sum up."""
    if not given.used_before:
        return
    row = await session.row(queries("handling")["bands_now"], profile=profile) if profile else None
    sums = [b["name"] for b in (row or {}).get("bands") or () if b["mode"] == "cumulative" and b["reset"] in BUDGETS]
    for name in given.used_before:
        if name not in sums:
            known = ", ".join(sums) or "none: give the lot or its product a profile with a cumulative band"
            raise Problem(422, f"used_before: no band {name!r} sums up in its profile; those that do: {known}")


class UnitStay(TypedDict):
    """Where a unit was: `to` null: still; `place` null: nobody knows."""

    since: Time | None
    until: Time | None
    parent: str | None
    place: PlaceShown | None


class UnitHistory(HandlingUnit):
    """A unit with all places it was in, and what is packed in it."""

    places: list[UnitStay]
    children: list[str]


@router.get("/handling-units", response_model=Items[HandlingUnit], responses=FILES)
@as_file("handling-units", HandlingUnit)
async def list_handling_units(
    request: Request,
    caller: Reader,
    search: Search = None,
    lot: Annotated[str | None, Query(max_length=64)] = None,
    parent: Annotated[str | None, Query(max_length=64)] = None,
    shipment: Annotated[str | None, Query(max_length=64, description="with it, or on its vehicle meanwhile")] = None,
    verdict: Literal["pass", "fail", "indeterminate"] | None = None,
    is_open: Annotated[bool | None, Query(alias="open")] = None,
    limit: Limit = 200,
    cursor: Cursor = None,
) -> Json:
    """Units, that whose budget is nearest its end first."""
    rank, after = decode(cursor, (float, str)) if cursor else (-1.0, "")
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        found = await read_units(
            session,
            search=search,
            lot=lot,
            parent=parent,
            shipment=shipment,
            verdict=verdict,
            open=is_open,
            after_rank=rank,
            after=after,
            limit=limit + 1,
        )
    return shaped_page(request, found, limit, lambda row: [row["rank"], row["code"]], unit_shown)


@router.get("/handling-units/{unit_id}", response_model=UnitHistory)
async def get_handling_unit(request: Request, caller: Reader, unit_id: str) -> Json:
    """One unit: its budget, the places it was in, what it is packed in and what is packed in it."""
    q = queries("handling")
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        rows = await read_units(session, name=unit_id)
        if not rows:
            raise not_found()
        stays = await session.rows(q["stays"], unit=rows[0]["key"])
        children = await session.rows(q["children"], unit=rows[0]["key"], limit=CHILDREN_MAX)
    places = [
        {"since": when(s["since"]), "until": when(s["until"]), "parent": s["parent"], "place": place_shown(s)}
        for s in stays
    ]
    more: dict[str, Any] = {"places": places, "children": [child["code"] for child in children]}
    return one(request, {**unit_shown(rows[0]), **more}, live={"budget"})
