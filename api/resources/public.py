"""The customer's link as JSON: one shipment, the temperatures of its goods, their proofs of delivery."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import Request
from starlette.responses import Response

from api.http.jsons import Json
from api.http.problems import key_of, not_found
from api.http.routes import resource
from api.resources.shared.curves import drawing
from api.resources.shared.customers import PublicCurve, PublicShipment, behind, curve, look, own_proofs, used
from api.resources.shared.proof_sheet import PDF, proof_sheet
from api.resources.shared.proofs import PictureId, digest_of
from store.db import queries

router = resource(tags=["public"])


@router.get("/public/shipments/{token}", response_model=PublicShipment)
async def get_public_shipment(request: Request, token: str) -> Json:
    """One shipment for whoever holds its link."""
    now = datetime.now(UTC)
    async with behind(request, token) as (session, share):
        found = await look(session, share, now)
        await used(request, session, share, now, opened=False)
    return Json(found)


@router.get("/public/shipments/{token}/temperatures", response_model=PublicCurve)
async def get_public_temperatures(request: Request, token: str) -> Json:
    """What its goods saw under way, in 96 steps at most."""
    async with behind(request, token) as (session, share):
        found = await curve(session, share, datetime.now(UTC))
    return Json(found)


@router.get(
    "/public/shipments/{token}/temperatures.svg",
    response_class=Response,
    responses={200: {"content": {"image/svg+xml": {"schema": {"type": "string"}}}}},
)
async def get_public_drawing(request: Request, token: str) -> Response:
    """The same as a small drawing, for the page and for print."""
    async with behind(request, token) as (session, share):
        found = await curve(session, share, datetime.now(UTC))
    return Response(drawing(found), media_type="image/svg+xml")


@router.get(
    "/public/shipments/{token}/pictures/{sha256}",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}, "image/png": {}}}},
)
async def get_public_picture(request: Request, token: str, sha256: PictureId) -> Response:
    """A picture that a proof of the link's own goods names."""
    async with behind(request, token) as (session, share):
        keys = [row["key"] for row in await own_proofs(session, share)]
        row = await session.row(queries("proofs")["picture_of"], digest=digest_of(sha256), proofs=keys)
    if row is None:
        raise not_found()
    return Response(row["content"], media_type=row["media_type"], headers={"cache-control": "private, no-cache"})


@router.get(
    "/public/shipments/{token}/proofs/{proof_id}/proof.pdf",
    response_class=Response,
    responses={200: {"content": {PDF: {}}}},
)
async def print_public_proof(request: Request, token: str, proof_id: str) -> Response:
    """A proof of the link's own goods as a page."""
    async with behind(request, token) as (session, share):
        key = key_of(proof_id)
        if key not in {row["key"] for row in await own_proofs(session, share)}:
            raise not_found()
        return await proof_sheet(session, key, None)
