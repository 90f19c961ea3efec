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
from api.resources.shared.ledger import Asked, BinCode
from store.db import queries

router = resource(tags=["stock"])
SiteName = Annotated[str, Path(max_length=64)]
BinName = Annotated[str, Path(max_length=64)]


class BinIn(Strict):
    """A bin: its code is one of the whole site's, so that a label on it says where it is."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"id": "A-01-3", "zone": "chiller", "label": "Left, 3", "aisle": 0, "along_m": 4.5, "level": 3}
            ]
        }
    )

    id: BinCode
    zone: Name
    label: Annotated[str, AfterValidator(printable), Field(max_length=200)] = ""
    aisle: Annotated[int, Field(ge=0, le=999, description="from 0")] | None = None
    along_m: Annotated[float, Field(ge=0, le=10_000, description="from the front")] | None = None
    level: Annotated[int, Field(ge=0, le=99)] | None = None

    @model_validator(mode="after")
    def _whole(self) -> BinIn:
        if (self.aisle is None) != (self.along_m is None):
            raise ValueError("aisle, along_m: both, or none")
        return self


class Bin(TypedDict):
    """A bin; `lines`: how many products and lots lie there by the ledger."""

    id: str
    site: str
    zone: str
    label: str
    aisle: int | None
    along_m: float | None
    level: int | None
    lines: int
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
        "lines": row["lines"],
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
    return one(request, _shape(row), live={"lines"})


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
        said = given.model_dump(exclude={"id", "zone"})
        put = {"site": keys["site_id"], "zone": keys["zone_id"], "code": given.id, **said}
        if await session.row(q["put_bin"], **put) is None:
            raise Problem(409, f"zone: moves have named {given.id} in its zone; make a bin with another code there")
        action = "bin.create" if known is None else "bin.change"
        await audit(session, caller, action, f"{site_id}/{given.id}", **given.model_dump())
        row = await _one(session, site_id, given.id)
    return one(request, _shape(row or {}), 201 if known is None else 200, live={"lines"})


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
