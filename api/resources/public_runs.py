"""A driver's link: the run of one shipment, what came of its stops, and pictures of that. No account, nothing else.

An unknown, an expired and a revoked token get the same answer by the same query, and count as wrong links.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Request
from starlette.responses import Response

from api.database import Row, Session
from api.http.audit import audit_as
from api.http.context import address_of, context_of
from api.http.jsons import Json
from api.http.links import wrong_link
from api.http.presented import TOKEN_CHARS_MAX
from api.http.routes import resource
from api.resources.shared.proofs import (
    KNOWN,
    PICTURE,
    PictureId,
    ProofIn,
    ProofTaken,
    StopId,
    keep_picture,
    take_proof,
    told_on,
)
from api.resources.shared.runs import Run, run_of
from api.resources.shared.shipments import shipment_rows
from store.db import queries
from store.secrets import token_hash

router = resource("/public/runs/{token}", tags=["public"])


@asynccontextmanager
async def _behind(request: Request, token: str) -> AsyncIterator[tuple[Session, Row]]:
    """A transaction of the tenant whose link this is, and the link: `id`, `shipment_id`, `driver`.

    Raises:
        Problem: it opens nothing.
    """
    context = context_of(request)
    digest = token_hash(token[:TOKEN_CHARS_MAX])
    async with context.database.owner() as owner:
        link = await owner.row(queries("proofs")["driver_link_by_token"], token_sha256=digest)
    if link is None:
        context.rates.forgets(digest)
        raise wrong_link(context, address_of(request), "driver link")
    context.rates.knows(digest, ("driver", link["id"]))
    async with context.database.tenant(link["tenant_id"]) as session:
        await session.run(queries("proofs")["driver_link_used"], id=link["id"])
        yield session, link


def _actor(link: Row) -> str:
    return f"driver:{link['driver']}"


@router.get("", response_model=Run)
async def get_public_run(request: Request, token: str) -> Json:
    """The run of the shipment behind a driver's link."""
    async with _behind(request, token) as (session, link):
        return Json(await run_of(session, key=link["shipment_id"], driver=link["driver"]))


@router.post(
    "/stops/{stop_id}/deliveries",
    response_model=ProofTaken,
    status_code=201,
    responses=KNOWN,
)
async def tell_public_delivery(request: Request, token: str, stop_id: StopId, given: ProofIn) -> Json:
    """What came of a stop, told by its driver; as `POST /shipments/{shipment_id}/stops/{stop_id}/deliveries`."""
    async with _behind(request, token) as (session, link):
        name = (await shipment_rows(session, key=link["shipment_id"]))[0]["id"]
        kept, taken = await take_proof(session, name, stop_id, given, _actor(link), link["shipment_id"])
        if kept.new:
            await audit_as(
                session, _actor(link), "proof.tell", name, stop=stop_id, proof=taken["id"], outcome=kept.outcome
            )
        await told_on(session, kept)
    return Json(taken, 201 if kept.new else 200)


@router.put("/pictures/{sha256}", status_code=201, response_class=Response, openapi_extra=PICTURE)
async def put_public_picture(request: Request, token: str, sha256: PictureId) -> Response:
    """Keeps a picture that the driver's proofs name."""
    async with _behind(request, token) as (session, link):
        return Response(status_code=await keep_picture(request, session, sha256, _actor(link)))
