"""Shifts handed over: what is open now, and what whoever goes leaves to whoever comes; and kept views of pages."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Path, Query, Request
from psycopg.types.json import Jsonb
from pydantic import ConfigDict, Field
from starlette.responses import Response
from typing_extensions import TypedDict

from api.database import Row, Session
from api.http.audit import audit
from api.http.auth import OrderWorker, Reader
from api.http.context import context_of
from api.http.inputs import Name, Strict
from api.http.jsons import Json, Time, when
from api.http.paging import Cursor, Items, Limit, Page, decode, shaped_page
from api.http.problems import Problem, key_of, not_found
from api.http.routes import resource
from api.resources.shared.ledger import Asked
from store.db import queries

router = resource(tags=["collaboration"])
SHOWN = 20
VIEWS_MAX = 100
PageName = Annotated[str, Field(pattern=r"^/[a-z/-]{0,60}$")]


class HandOverIn(Strict):
    """What whoever goes leaves to whoever comes."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"site": "dc-1", "note": "Door 3 sticks; two pallets"}]})

    site: Name | None = None
    note: Annotated[str, Field(min_length=1, max_length=4000)]


class OpenThing(TypedDict):
    """Something that is open: an alert, an order, a shipment, a wave, a count."""

    id: str
    status: str
    what: str
    at: Time | None


class Section(TypedDict):
    """Things of one sort, 20 at most; `more`: there are others."""

    items: list[OpenThing]
    more: bool


class OpenNow(TypedDict):
    """What is open now."""

    alerts: Section
    orders: Section
    shipments: Section
    waves: Section
    counts: Section


class HandOver(TypedDict):
    """A shift that was handed over, with what was open then."""

    id: str
    site: str | None
    note: str
    open: OpenNow
    made_at: Time | None
    made_by: str


class ViewIn(Strict):
    """A view of a page: its address without the page. `shared`: others see it too."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"page": "/orders", "label": "Late ones", "query": "status=open", "shared": True}]
        }
    )

    page: PageName
    label: Annotated[str, Field(min_length=1, max_length=100)]
    query: Annotated[str, Field(max_length=2000)] = ""
    shared: bool = False


class KeptView(TypedDict):
    """A view of a page; `own`: of whoever asks."""

    id: str
    page: str
    label: str
    query: str
    shared: bool
    own: bool
    person: str


def _thing(row: Row) -> OpenThing:
    at: datetime | None = row["at"]
    return {"id": row["id"], "status": row["status"], "what": row["what"] or "", "at": when(at)}


async def _section(session: Session, query: str, site: str | None) -> Section:
    rows = await session.rows(queries("remarks")[query], site=site, limit=SHOWN + 1)
    return {"items": [_thing(row) for row in rows[:SHOWN]], "more": len(rows) > SHOWN}


async def _open(session: Session, site: str | None) -> OpenNow:
    return {
        "alerts": await _section(session, "open_alerts", site),
        "orders": await _section(session, "open_orders", site),
        "shipments": await _section(session, "open_shipments", site),
        "waves": await _section(session, "open_waves", site),
        "counts": await _section(session, "open_counts", site),
    }


@router.get("/open-work", response_model=OpenNow)
async def get_open(request: Request, caller: Reader, site: Asked = None) -> Json:
    """What is open: alerts and shipments of all sites, orders, waves and counts of one, or of all."""
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        return Json(await _open(session, site))


@router.get("/hand-overs", response_model=Items[HandOver])
async def list_hand_overs(
    request: Request, caller: Reader, site: Asked = None, limit: Limit = 10, cursor: Cursor = None
) -> Json:
    """Shifts that were handed over, the newest first."""
    before = decode(cursor, (int,))[0] if cursor else None
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        found = await session.rows(queries("remarks")["hand_overs"], site=site, before=before, limit=limit + 1)
    return shaped_page(request, found, limit, lambda row: [row["id"]], _hand_over)


def _hand_over(row: Row) -> HandOver:
    return {
        "id": str(row["id"]),
        "site": row["site"],
        "note": row["note"],
        "open": row["facts"],
        "made_at": when(row["made_at"]),
        "made_by": row["made_by"],
    }


@router.post("/hand-overs", response_model=HandOver, status_code=201)
async def post_hand_over(request: Request, caller: OrderWorker, given: HandOverIn) -> Json:
    """Hands a shift over: the note is kept with what is open now."""
    q = queries("remarks")
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        facts = await _open(session, given.site)
        values = {"site": given.site, "note": given.note, "facts": Jsonb(facts), "by": caller.user}
        if await session.row(q["add_hand_over"], **values) is None:
            raise Problem(422, f"site: there is no {given.site}; leave it away for all sites")
        (row, *_) = await session.rows(q["hand_overs"], site=given.site, before=None, limit=1)
        await audit(session, caller, "hand_over.make", str(row["id"]), site=given.site)
    return Json(_hand_over(row), 201)


@router.get("/kept-views", response_model=Items[KeptView])
async def list_views(request: Request, caller: Reader, page: Annotated[str, Query(max_length=64)]) -> Json:
    """Views of a page: one's own first, then those that others share."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        found = await session.rows(queries("remarks")["views"], page=page, person=caller.user)
    return Page([_view(row, caller.user) for row in found])


def _view(row: Row, person: str) -> KeptView:
    return {
        "id": str(row["id"]),
        "page": row["page"],
        "label": row["label"],
        "query": row["query"],
        "shared": row["shared"],
        "own": row["person"] == person,
        "person": row["person"],
    }


@router.post("/kept-views", response_model=KeptView, status_code=201)
async def post_view(request: Request, caller: OrderWorker, given: ViewIn) -> Json:
    """Keeps a view of a page; one's own of that name is replaced. 409: one keeps a hundred already."""
    q = queries("remarks")
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        known = await session.row(q["view_count"], person=caller.user)
        if known and known["count"] >= VIEWS_MAX:
            raise Problem(409, f"you keep {VIEWS_MAX} views already; drop one first")
        made = await session.row(q["put_view"], **given.model_dump(), person=caller.user)
        await audit(session, caller, "view.keep", f"{given.page} {given.label}", shared=given.shared)
        rows = await session.rows(q["views"], page=given.page, person=caller.user)
    row = next(row for row in rows if row["id"] == (made or {})["id"])
    return Json(_view(row, caller.user), 201)


@router.delete("/kept-views/{view_id}", status_code=204)
async def delete_view(request: Request, caller: OrderWorker, view_id: Annotated[str, Path(max_length=20)]) -> Response:
    """Keeps one's own view no more. 404: it is not one's own."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        key = key_of(view_id)
        if await session.row(queries("remarks")["drop_view"], id=key, person=caller.user) is None:
            raise not_found()
        await audit(session, caller, "view.drop", view_id)
    return Response(status_code=204)
