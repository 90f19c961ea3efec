"""Shipments, and the links that show one of them to a customer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Query, Request
from starlette.responses import Response
from typing_extensions import TypedDict

from api.database import Session
from api.feed.hub import emit
from api.http.auth import Anybody, Dispatcher
from api.http.context import context_of
from api.http.inputs import ShareIn, ShipmentIn, stop_values
from api.http.jsons import Json, when
from api.http.paging import Cursor, Items, Limit, decode, page
from api.http.problems import Problem, key_of, not_found
from api.resources.shared import reads, shapes
from api.resources.shared.actions import audit, put
from api.resources.temperature_profiles import profile_id
from store.db import queries
from store.secrets import new_token, token_hash

router = APIRouter(tags=["shipments"])
SHARES_MAX = 200
SHARE_MAX = timedelta(days=366)


class NewShare(TypedDict):
    """A customer's link; the token is shown here only."""

    id: str
    token: str
    url: str
    expires_at: str | None


class Share(TypedDict):
    """A customer's link without its token."""

    id: str
    created_at: str | None
    created_by: str
    expires_at: str | None
    revoked_at: str | None
    last_used_at: str | None


@router.get("/shipments", response_model=Items[shapes.Shipment])
async def list_shipments(
    request: Request,
    caller: Anybody,
    status: Literal["planned", "in_transit", "delivered"] | None = None,
    vehicle: Annotated[str | None, Query(max_length=64)] = None,
    limit: Limit = 200,
    cursor: Cursor = None,
) -> Json:
    """Shipments by name with stops, estimates and temperature verdict."""
    after = decode(cursor, (str,))[0] if cursor else ""
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        found = await reads.shipments(
            session, datetime.now(UTC), after=after, status=status, vehicle=vehicle, limit=limit + 1
        )
    return page(request, found, limit, lambda s: [s["id"]])


@router.get("/shipments/{shipment_id}", response_model=shapes.Shipment)
async def get_shipment(request: Request, caller: Anybody, shipment_id: str) -> Json:
    """One shipment."""
    async with context_of(request).database.tenant(caller.tenant_id, snapshot=True) as session:
        found = await reads.shipments(session, datetime.now(UTC), name=shipment_id)
    if not found:
        raise not_found()
    return Json(found[0])


@router.post("/shipments", response_model=shapes.Shipment, status_code=201)
async def post_shipment(request: Request, caller: Dispatcher, given: ShipmentIn) -> Json:
    """Makes (201) or changes (200) a shipment; what has happened to it stays."""
    q = queries("registry")
    now = datetime.now(UTC)
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        old = await reads.shipment_rows(session, name=given.id)
        vehicle = None
        if given.vehicle:
            vehicle = await session.row(q["put_vehicle"], name=given.vehicle, label=given.vehicle)
        shipment = await session.row(
            q["put_shipment"],
            name=given.id,
            reference=given.reference,
            customer=given.customer,
            vehicle=vehicle["id"] if vehicle else None,
            profile=await profile_id(session, given.profile) if given.profile else None,
            planned_line=orjson.dumps(given.planned_line.model_dump()).decode() if given.planned_line else None,
            status="planned",
            since=given.since,
        )
        await _put_stops(session, given, (shipment or {})["id"])
        await audit(session, caller, "shipment.change" if old else "shipment.create", given.id, **given.model_dump())
        await session.run(q["notify_registry"])
        found = (await reads.shipments(session, now, name=given.id))[0]
        names = {given.vehicle, *(row["vehicle"] for row in old)} - {None}
        vehicles = [v for name in names for v in await reads.vehicles(session, name=name)]
        await emit(session, shipments=[put(given.id, found)], vehicles=[put(v["id"], v) for v in vehicles])
    return Json(found, 200 if old else 201)


async def _put_stops(session: Session, given: ShipmentIn, shipment: int) -> None:
    sites: dict[str, Any] = {}
    for name in {stop.site for stop in given.stops if stop.site}:
        sites[name] = await session.row(queries("api")["sites"], after="", name=name, retired=True, limit=1)
        if sites[name] is None:
            raise Problem(422, f"site: there is no {name}; add it first")
    values = [stop_values(s, n, given.id, sites.get(s.site or "")) for n, s in enumerate(given.stops, 1)]
    await session.run(queries("api")["trim_stops"], shipment=shipment, seqs=[v["seq"] for v in values])
    for stop in values:
        await session.row(queries("registry")["put_stop"], shipment=shipment, **stop)


@router.post("/shipments/{shipment_id}/share", response_model=NewShare, status_code=201)
async def share_shipment(request: Request, caller: Dispatcher, shipment_id: str, given: ShareIn | None = None) -> Json:
    """A new, independent link for a customer; whoever has it sees this shipment, nothing else."""
    context, now = context_of(request), datetime.now(UTC)
    expires_at = (given.expires_at if given else None) or now + timedelta(days=context.config.share_days)
    if not now < expires_at <= now + SHARE_MAX:
        raise Problem(422, "expires_at: within a year from now")
    token = new_token()
    async with context.database.tenant(caller.tenant_id) as session:
        shipment = await _shipment_key(session, shipment_id)
        share = await session.row(
            queries("api")["add_share"],
            shipment=shipment,
            token_sha256=token_hash(token),
            actor=caller.user,
            expires_at=expires_at,
        )
        share_id = str((share or {})["id"])
        await audit(session, caller, "share.create", shipment_id, share=share_id, expires_at=expires_at)
    origins = context.hosts.origins
    url = f"{origins[0] if origins else ''}/t/{token}"
    return Json({"id": share_id, "token": token, "url": url, "expires_at": when(expires_at)}, 201)


@router.get("/shipments/{shipment_id}/shares", response_model=Items[Share])
async def list_shares(request: Request, caller: Anybody, shipment_id: str) -> Json:
    """Links of a shipment, newest first, the last 200."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        shipment = await _shipment_key(session, shipment_id)
        found = await session.rows(queries("api")["shares"], shipment=shipment, limit=SHARES_MAX)
    return page(request, [_share(row) for row in found], SHARES_MAX, lambda s: [s["id"]])


@router.delete("/shipments/{shipment_id}/shares/{share_id}", status_code=204)
async def revoke_share(request: Request, caller: Dispatcher, shipment_id: str, share_id: str) -> Response:
    """Takes a link back at once."""
    number = key_of(share_id, digits=9)
    q = queries("api")
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        shipment, key = await _shipment_key(session, shipment_id), number
        now = datetime.now(UTC)
        if await session.row(q["revoke_share"], shipment=shipment, id=key, now=now) is not None:
            await audit(session, caller, "share.revoke", shipment_id, share=share_id)
        elif not _has(await session.rows(q["shares"], shipment=shipment, limit=None), key):
            raise not_found()
    return Response(status_code=204)


async def _shipment_key(session: Session, name: str) -> int:
    rows = await reads.shipment_rows(session, name=name)
    if not rows:
        raise not_found()
    return int(rows[0]["key"])


def _has(shares: Sequence[dict[str, Any]], key: int) -> bool:
    return any(row["id"] == key for row in shares)


def _share(row: dict[str, Any]) -> Share:
    return {
        "id": str(row["id"]),
        "created_at": when(row["created_at"]),
        "created_by": row["created_by"],
        "expires_at": when(row["expires_at"]),
        "revoked_at": when(row["revoked_at"]),
        "last_used_at": when(row["last_used_at"]),
    }
