"""Bins of a site: where in a zone goods lie. A POST makes what is new (201) and changes what is there (200)."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Request
from pydantic import AfterValidator, ConfigDict, Field, model_validator
from starlette.responses import Response
from typing_extensions import TypedDict

from api.database import Row, Session
from api.http.audit import audit
from api.http.auth import Reader, StockKeeper
from api.http.context import context_of
from api.http.inputs import Name, Strict, printable
from api.http.jsons import Json, Time, when
from api.http.paging import Cursor, Items, Limit, decode, shaped_page
from api.http.problems import OR_CHANGED, Problem, not_found
from api.http.routes import resource
from api.http.things import one
from api.resources.shared.exports import FILES, as_file
from api.resources.shared.ledger import Asked, BinCode, Sku
from domain.stock.bins import Kind, Mixing
from domain.vehicles import TempClass
from store.db import queries

router = resource(tags=["stock"])
LIVE = {"lines", "lies_m3", "lies_kg", "lies_pallets", "unknown"}
SiteName = Annotated[str, Path(max_length=64)]
BinName = Annotated[str, Path(max_length=64)]


LIMITS = (
    "kind", "volume_m3", "load_kg", "pallets", "height_mm", "temp_class", "mixing", "face_of", "face_full",
)  # fmt: skip
"""What a bin takes; what is not named stays."""


class BinIn(Strict):
    """A bin: its code is one of the whole site's, so that a label on it says where it is.

    What it takes stays when it is not named; null is no limit. `temp_class` null: that of its zone. `mixing`: what may
    lie in it at once. `face_of`: of which product it is the pick face, which is full with `face_full` base units.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"id": "A-01-3", "zone": "chiller", "label": "Left, 3", "aisle": 0, "along_m": 4.5, "level": 3},
                {"id": "A-01-4", "zone": "chiller", "kind": "reserve", "volume_m3": 1.2, "load_kg": 800},
            ]
        }
    )

    id: BinCode
    zone: Name
    label: Annotated[str, AfterValidator(printable), Field(max_length=200)] = ""
    aisle: Annotated[int, Field(ge=0, le=999, description="from 0")] | None = None
    along_m: Annotated[float, Field(ge=0, le=10_000, description="from the front")] | None = None
    level: Annotated[int, Field(ge=0, le=99)] | None = None
    kind: Kind | None = None
    volume_m3: Annotated[float, Field(gt=0, le=10_000)] | None = None
    load_kg: Annotated[float, Field(gt=0, le=1_000_000)] | None = None
    pallets: Annotated[int, Field(ge=1, le=1000)] | None = None
    height_mm: Annotated[int, Field(ge=1, le=100_000)] | None = None
    temp_class: TempClass | None = None
    mixing: Mixing = "any"
    face_of: Sku | None = None
    face_full: Annotated[float, Field(gt=0, le=1e9)] | None = None

    @model_validator(mode="after")
    def _whole(self) -> BinIn:
        if (self.aisle is None) != (self.along_m is None):
            raise ValueError("aisle, along_m: both, or none")
        return self


class Bin(TypedDict):
    """A bin; `lines`: how many products and lots lie there by the ledger, and what those come to (`lies_…`).

    `unknown` of them are not counted in that, for nobody has said how large or heavy the product is. A limit that is
    null is none that anybody has said: as much as one likes goes in.
    """

    id: str
    site: str
    zone: str
    label: str
    aisle: int | None
    along_m: float | None
    level: int | None
    kind: Kind | None
    volume_m3: float | None
    load_kg: float | None
    pallets: int | None
    height_mm: int | None
    temp_class: TempClass | None
    mixing: Mixing
    face_of: str | None
    face_full: float | None
    lines: int
    lies_m3: float
    lies_kg: float
    lies_pallets: int
    unknown: int
    retired_at: Time | None


def _shape(row: Row) -> Bin:
    return {
        "id": row["code"],
        "site": row["site"],
        "zone": row["zone"],
        "label": row["label"],
        "aisle": row["aisle"],
        "along_m": row["along_m"],
        "level": row["level"],
        "kind": row["kind"],
        "volume_m3": row["volume_m3"],
        "load_kg": row["load_kg"],
        "pallets": row["pallets"],
        "height_mm": row["height_mm"],
        "temp_class": row["temp_class"],
        "mixing": row["mixing"],
        "face_of": row["face_of"],
        "face_full": None if row["face_full"] is None else float(row["face_full"]),
        "lines": row["lines"],
        "lies_m3": row["lies_m3"],
        "lies_kg": row["lies_kg"],
        "lies_pallets": row["lies_pallets"],
        "unknown": row["unknown"],
        "retired_at": when(row["retired_at"]),
    }


async def _one(session: Session, site: str, code: str) -> Row | None:
    return await session.row(queries("ledger")["bins"], site=site, zone=None, code=code, after="", limit=1)


@router.get("/sites/{site_id}/bins", response_model=Items[Bin], responses=FILES)
@as_file("bins", Bin)
async def list_bins(
    request: Request, caller: Reader, site_id: SiteName, zone: Asked = None, limit: Limit = 200, cursor: Cursor = None
) -> Json:
    """Bins of a site by code, without retired ones."""
    after = decode(cursor, (str,))[0] if cursor else ""
    q = queries("ledger")
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        if await session.row(q["zone_of_bins"], site=site_id, zone=None) is None:
            raise not_found()
        found = await session.rows(q["bins"], site=site_id, zone=zone, code=None, after=after, limit=limit + 1)
    return shaped_page(request, found, limit, lambda row: [row["code"]], _shape)


@router.get("/sites/{site_id}/bins/{bin_id}", response_model=Bin)
async def get_bin(request: Request, caller: Reader, site_id: SiteName, bin_id: BinName) -> Json:
    """One bin, a retired one too."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        row = await _one(session, site_id, bin_id)
    if row is None:
        raise not_found()
    return one(request, _shape(row), live=LIVE)


@router.post("/sites/{site_id}/bins", response_model=Bin, status_code=201, responses=OR_CHANGED)
async def post_bin(request: Request, caller: StockKeeper, site_id: SiteName, given: BinIn) -> Json:
    """Makes or changes a bin; a retired one is taken up again. 409: its zone is another, and moves have named it."""
    q = queries("ledger")
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        keys = await session.row(q["zone_of_bins"], site=site_id, zone=given.zone)
        if keys is None:
            raise not_found()
        if keys["zone_id"] is None:
            raise Problem(422, f"zone: {site_id} has no {given.zone}; add it first")
        known = await _one(session, site_id, given.id)
        said = given.model_dump(exclude={"id", "zone", *LIMITS})
        put = {"site": keys["site_id"], "zone": keys["zone_id"], "code": given.id, **said}
        made = await session.row(q["put_bin"], **put)
        if made is None:
            raise Problem(409, f"zone: moves have named {given.id} in its zone; make a bin with another code there")
        await _limit(session, made["id"], known, given)
        action = "bin.create" if known is None else "bin.change"
        await audit(session, caller, action, f"{site_id}/{given.id}", **given.model_dump(exclude_unset=True))
        row = await _one(session, site_id, given.id)
    return one(request, _shape(row or {}), 201 if known is None else 200, live=LIVE)


async def _limit(session: Session, key: int, known: Row | None, given: BinIn) -> None:
    """Keeps what it takes as it is told; what is not named stays."""
    told = given.model_dump(include=set(LIMITS) & given.model_fields_set)
    before = {name: known[name] for name in LIMITS} if known else {**dict.fromkeys(LIMITS), "mixing": "any"}
    values = {**before, **told}
    if values["face_of"] is not None and values["kind"] != "pick_face":
        if "face_of" in told:
            raise Problem(422, "face_of: only a bin of kind pick_face is one; say kind too")
        values["face_of"] = values["face_full"] = None
    row = await session.row(queries("ledger")["limit_bin"], id=key, **values)
    if row is not None and values["face_of"] is not None and row["face_product_id"] is None:
        raise Problem(422, f"face_of: there is no product {values['face_of']}; add it first")


@router.delete("/sites/{site_id}/bins/{bin_id}", status_code=204)
async def delete_bin(request: Request, caller: StockKeeper, site_id: SiteName, bin_id: BinName) -> Response:
    """Deletes a bin that no move has named, retires another one. 409: something lies there."""
    q = queries("ledger")
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        row = await _one(session, site_id, bin_id)
        if row is None or row["retired_at"]:
            raise not_found()
        if await session.row(q["drop_bin"], id=row["key"]) is None and (
            await session.row(q["retire_bin"], id=row["key"]) is None
        ):
            raise Problem(409, f"{bin_id} is not empty: {row['lines']} lines lie there; move them first")
        await audit(session, caller, "bin.delete", f"{site_id}/{bin_id}")
    return Response(status_code=204)
