"""What was done with goods: told, judged by all that is known, taken back. Nothing is deleted."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, Literal

from fastapi import Query, Request
from pydantic import AfterValidator, ConfigDict, Field, model_validator
from typing_extensions import TypedDict

from api.database import Row, Session
from api.http.audit import audit
from api.http.auth import GoodsKeeper, Reader
from api.http.context import context_of
from api.http.inputs import Name, ShipmentName, Strict, TellersName, Text, each_once, printable
from api.http.instants import Instant
from api.http.jsons import Json, Time, when
from api.http.paging import Cursor, Items, Limit, decode, instant, shaped_page
from api.http.problems import Problem, not_found, refusing
from api.http.routes import resource
from api.resources.shared.exports import FILES, as_file
from api.resources.shared.handling import LotCode, PlaceShown, UnitCode, place_shown
from domain.handling_units.movements import Content, RefusedError
from domain.handling_units.told import PLACES, movement_of
from domain.times import to_us
from operations.goods.record import Said, lock, take, take_back, why
from store.db import queries

router = resource(tags=["goods"])
BATCH_MAX = 500
AUDITED_MAX = 50

Quantity = Annotated[Decimal, Field(gt=0, le=10**9, decimal_places=6)]


class ContentIn(Strict):
    """So much of a lot."""

    lot: LotCode
    quantity: Quantity


class PlaceIn(Strict):
    """One of vehicle, shipment (on the vehicle that carries it), device (perhaps one probe of it), site (its zone)."""

    vehicle: Name | None = None
    shipment: ShipmentName | None = None
    device: Name | None = None
    probe: Annotated[str, AfterValidator(printable), Field(min_length=1, max_length=64)] | None = None
    site: Name | None = None
    zone: Name | None = None

    @model_validator(mode="after")
    def _one(self) -> PlaceIn:
        if sum(getattr(self, kind) is not None for kind in PLACES) != 1:
            raise ValueError("a place is one of vehicle, shipment, device, site")
        if self.probe and not self.device:
            raise ValueError("probe: needs its device")
        if self.zone and not self.site:
            raise ValueError("zone: needs its site")
        return self


class MovementIn(Strict):
    """Something that was done with `unit` at `at` (now, when nothing is said).

    `commission`: it begins, with `contents`, perhaps at a `place`. `place`: it is there from now on; without a place
    nobody knows where. `pack`: `others` into it. `unpack`: `others`, or all, out of it. `split`: `contents` of it
    into the new unit `others[0]`. `merge`: all of `others` into it; they end. `close`: it ends, with all in it.
    """

    id: TellersName
    kind: Literal["commission", "place", "pack", "unpack", "split", "merge", "close"]
    at: Instant | None = None
    unit: UnitCode
    others: list[UnitCode] = Field([], max_length=200)
    contents: list[ContentIn] = Field([], max_length=50)
    place: PlaceIn | None = None
    reason: Annotated[str, AfterValidator(printable), Field(max_length=200)] = ""

    @model_validator(mode="after")
    def _what_belongs_to_it(self) -> MovementIn:
        if self.others and self.kind in ("commission", "place", "close"):
            raise ValueError(f"others: {self.kind} is about one unit")
        if self.contents and self.kind not in ("commission", "split"):
            raise ValueError(f"contents: not of {self.kind}")
        if self.place and self.kind not in ("commission", "place"):
            raise ValueError(f"place: {self.kind} happens where the unit is; tell a movement of kind place after it")
        return self


class MovementsIn(Strict):
    """Movements, all of them or none; `dry_run`: only say whether they can have happened."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "movements": [
                        {
                            "id": "wms-771",
                            "kind": "commission",
                            "at": "2026-11-22T09:00:00Z",
                            "unit": "106141411928374657",
                            "contents": [{"lot": "L-2291", "quantity": 48}],
                            "place": {"site": "store-1", "zone": "chiller"},
                        },
                        {
                            "id": "wms-772",
                            "kind": "place",
                            "at": "2026-11-22T10:30:00Z",
                            "unit": "106141411928374657",
                            "place": {"shipment": "S-1042"},
                        },
                    ]
                }
            ]
        }
    )

    movements: Annotated[list[MovementIn], Field(min_length=1, max_length=BATCH_MAX)]
    dry_run: bool = False

    @model_validator(mode="after")
    def _each_once(self) -> MovementsIn:
        each_once("movements", [each.id for each in self.movements])
        return self


class VoidIn(Strict):
    """Why it did not happen."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "scanned the wrong pallet"}]})

    reason: Text


class GoodsMovement(TypedDict):
    """A movement as it was told; `voided_at` when somebody took it back."""

    id: str
    kind: str
    at: Time | None
    unit: str
    others: list[str]
    contents: list[dict[str, Any]]
    place: PlaceShown | None
    reason: str
    recorded_at: Time | None
    recorded_by: str
    voided_at: Time | None
    voided_by: str | None
    void_reason: str | None


class MovementsTaken(TypedDict):
    """The movements as they are kept, and the units that are otherwise than before."""

    movements: list[GoodsMovement]
    units: list[str]
    dry_run: bool


def _shape(row: Row) -> GoodsMovement:
    probe = (row["body"].get("place") or {}).get("probe")
    return {
        "id": row["id"],
        "kind": row["kind"],
        "at": when(row["at"]),
        "unit": row["units"][0],
        "others": row["units"][1:],
        "contents": row["body"].get("contents", []),
        "place": place_shown({**row, "probe": probe}),
        "reason": row["reason"],
        "recorded_at": when(row["recorded_at"]),
        "recorded_by": row["recorded_by"],
        "voided_at": when(row["voided_at"]),
        "voided_by": row["voided_by"],
        "void_reason": row["void_reason"],
    }


async def _read(session: Session, **conditions: Any) -> list[Row]:
    asked = {"unit": None, "name": None, "names": None, "before": None, "before_id": None, "limit": BATCH_MAX}
    return await session.rows(queries("handling")["movements"], **{**asked, **conditions})


@router.get("/goods-movements", response_model=Items[GoodsMovement], responses=FILES)
@as_file("goods-movements", GoodsMovement)
async def list_goods_movements(
    request: Request,
    caller: Reader,
    unit: Annotated[str | None, Query(max_length=64, description="only those that name it")] = None,
    limit: Limit = 200,
    cursor: Cursor = None,
) -> Json:
    """Movements, the newest first, those taken back too."""
    before, before_id = decode(cursor, (str, int)) if cursor else (None, None)
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        at = instant(before) if before else None
        found = await _read(session, unit=unit, before=at, before_id=before_id, limit=limit + 1)
    return shaped_page(request, found, limit, lambda row: [row["at"].isoformat(), row["key"]], _shape)


@router.post("/goods-movements", response_model=MovementsTaken, status_code=201)
async def post_goods_movements(request: Request, caller: GoodsKeeper, given: MovementsIn) -> Json:
    """Takes movements in, all or none, at whatever time they happened: all that is known after them follows anew.

    One that is told again by its `id` changes nothing. 409: it cannot have happened, or another one has its `id`.
    """
    now_us = to_us(datetime.now(UTC))
    said = [_said(each) for each in given.movements]
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        with refusing():
            script = take(said, now_us, caller.user, dry_run=given.dry_run)
            taken = await session.perform(script, queries("handling"))
        if taken.new and not given.dry_run:
            told = [m.model_dump(mode="json", exclude_none=True) for m in given.movements[:AUDITED_MAX]]
            first = next(m.unit for m in said if m.id == taken.new[0])
            await audit(session, caller, "goods.move", first, movements=told, count=len(taken.new))
        names = [m.id for m in said]
        found = {row["id"]: _shape(row) for row in await _read(session, names=names)}
    kept = [found[name] for name in names if name in found]
    return Json(MovementsTaken(movements=kept, units=list(taken.units), dry_run=given.dry_run), 201)


@router.post("/goods-movements/{movement_id}/void", response_model=GoodsMovement)
async def void_goods_movement(request: Request, caller: GoodsKeeper, movement_id: str, given: VoidIn) -> Json:
    """It did not happen: it stays with the reason, and all after it follows anew. 409: what came after rests on it."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        await session.perform(lock(), queries("handling"))
        rows = await _read(session, name=movement_id, limit=1)
        if not rows:
            raise not_found()
        if rows[0]["voided_at"]:
            raise Problem(409, f"{movement_id} was taken back by {rows[0]['voided_by']} before")
        movement = movement_of({**rows[0], "client_id": movement_id})
        try:
            await session.perform(take_back(movement, given.reason, caller.user), queries("handling"))
        except RefusedError as error:
            raise Problem(409, why(error)) from None
        await audit(session, caller, "goods.void", movement_id, reason=given.reason, units=rows[0]["units"])
        found = (await _read(session, name=movement_id, limit=1))[0]
    return Json(_shape(found))


def _said(each: MovementIn) -> Said:
    contents = tuple(Content(c.lot, Fraction(c.quantity)) for c in each.contents)
    place = None
    if each.place is not None:
        kind = next(kind for kind in PLACES if getattr(each.place, kind) is not None)
        place = kind, getattr(each.place, kind), each.place.zone or each.place.probe or ""
    at_us = None if each.at is None else to_us(each.at)
    return Said(each.id, each.kind, at_us, each.unit, tuple(each.others), contents, place, each.reason)
