"""What people say to one another about orders, shipments, waves and counts, and whom they follow."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Path, Request
from pydantic import ConfigDict, Field
from starlette.responses import Response
from typing_extensions import TypedDict

from api.database import Row, Session
from api.http.audit import audit
from api.http.auth import OrderWorker, Reader
from api.http.context import context_of
from api.http.inputs import Strict
from api.http.jsons import Json, Time, when
from api.http.paging import Cursor, Items, Limit, decode, shaped_page
from api.http.problems import Problem, key_of, not_found
from api.http.routes import resource
from api.resources.shared.alerts import people
from domain.cases import mentioned
from store.db import queries

router = resource(tags=["collaboration"])
About = Literal["order", "shipment", "wave", "count_task"]
Kind = Annotated[About, Path(description="order, shipment, wave or count_task")]
Name = Annotated[str, Path(max_length=64)]


class RemarkIn(Strict):
    """What somebody says; `@name` speaks to a person."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "@ann the second pallet is wet"}]})

    text: Annotated[str, Field(min_length=1, max_length=2000)]


class SeenIn(Strict):
    """Up to which remark it was read."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"upto": "12"}]})

    upto: Annotated[str, Field(pattern=r"^[0-9]{1,18}$")]


class Remark(TypedDict):
    """What somebody said; `text` is empty when it was taken back."""

    id: str
    kind: str
    about: str
    text: str
    mentions: list[str]
    made_at: Time | None
    made_by: str
    withdrawn_at: Time | None


class RemarkForMe(Remark):
    """What others said to one, or of what one follows."""

    seen: bool


class Watched(TypedDict):
    """Whether one follows a thing."""

    watched: bool


def _remark(row: Row) -> Remark:
    return {
        "id": str(row["id"]),
        "kind": row["kind"],
        "about": row["about"],
        "text": row["text"],
        "mentions": row["mentions"],
        "made_at": when(row["made_at"]),
        "made_by": row["made_by"],
        "withdrawn_at": when(row["withdrawn_at"]),
    }


async def _there(session: Session, kind: str, about: str) -> dict[str, Any]:
    row = await session.row(queries("remarks")["there"], kind=kind, about=about)
    if not row or not row["there"]:
        raise not_found()
    return {"kind": kind, "about": about}


@router.get("/remarks/{kind}/{about}", response_model=Items[Remark])
async def list_remarks(
    request: Request, caller: Reader, kind: Kind, about: Name, limit: Limit = 50, cursor: Cursor = None
) -> Json:
    """What was said of a thing, the newest first."""
    before = decode(cursor, (int,))[0] if cursor else None
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        asked = await _there(session, kind, about)
        found = await session.rows(queries("remarks")["remarks"], **asked, before=before, limit=limit + 1)
    return shaped_page(request, found, limit, lambda row: [row["id"]], _remark)


@router.post("/remarks/{kind}/{about}", response_model=Remark, status_code=201)
async def post_remark(request: Request, caller: OrderWorker, kind: Kind, about: Name, given: RemarkIn) -> Json:
    """Says something. Whoever says something follows the thing from then on. 422: an `@name` is nobody's."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        asked = await _there(session, kind, about)
        known, unknown = mentioned(given.text, {row["name"] for row in await people(session)})
        if unknown:
            raise Problem(422, f"text: there is nobody called {', '.join(unknown)} here; @ speaks of a person")
        q = queries("remarks")
        row = await session.row(q["add_remark"], **asked, text=given.text, mentions=known, by=caller.user)
        await session.run(q["watch"], **asked, person=caller.user)
        await audit(session, caller, "remark.make", f"{kind}/{about}", mentions=known)
    return Json(_remark(row or {}), 201)


@router.delete("/remarks/{remark_id}", status_code=204)
async def delete_remark(request: Request, caller: OrderWorker, remark_id: str) -> Response:
    """Takes one's own words back: that something was said stays. 404: it is not one's own."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        key = key_of(remark_id)
        if await session.row(queries("remarks")["withdraw_remark"], id=key, by=caller.user) is None:
            raise not_found()
        await audit(session, caller, "remark.withdraw", remark_id)
    return Response(status_code=204)


@router.get("/remarks", response_model=Items[RemarkForMe])
async def remarks_for_me(request: Request, caller: Reader, limit: Limit = 50, cursor: Cursor = None) -> Json:
    """What others said to whoever asks, or of what they follow, the newest first."""
    before = decode(cursor, (int,))[0] if cursor else None
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        asked = {"person": caller.user, "before": before, "limit": limit + 1}
        found = await session.rows(queries("remarks")["remarks_for"], **asked)
    return shaped_page(request, found, limit, lambda row: [row["id"]], lambda r: {**_remark(r), "seen": r["seen"]})


@router.post("/remarks/seen", status_code=204)
async def set_seen(request: Request, caller: OrderWorker, given: SeenIn) -> Response:
    """What is for whoever asks was read up to here; never back."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        await session.run(queries("remarks")["set_seen"], person=caller.user, upto=int(given.upto))
    return Response(status_code=204)


@router.get("/watches/{kind}/{about}", response_model=Watched)
async def get_watch(request: Request, caller: Reader, kind: Kind, about: Name) -> Json:
    """Whether whoever asks follows a thing."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        asked = await _there(session, kind, about)
        row = await session.row(queries("remarks")["watched"], **asked, person=caller.user)
    return Json(Watched(watched=bool(row and row["watched"])))


@router.put("/watches/{kind}/{about}", response_model=Watched)
async def put_watch(request: Request, caller: OrderWorker, kind: Kind, about: Name) -> Json:
    """Whoever asks follows a thing: what is said of it from now on is among their remarks."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        asked = await _there(session, kind, about)
        await session.run(queries("remarks")["watch"], **asked, person=caller.user)
    return Json(Watched(watched=True))


@router.delete("/watches/{kind}/{about}", status_code=204)
async def delete_watch(request: Request, caller: OrderWorker, kind: Kind, about: Name) -> Response:
    """Whoever asks follows it no more."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        await session.run(queries("remarks")["unwatch"], kind=kind, about=about, person=caller.user)
    return Response(status_code=204)
