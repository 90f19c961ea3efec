"""The customer's link as JSON: one shipment, and the temperatures of its goods."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import Request
from starlette.responses import Response

from api.http.jsons import Json
from api.http.routes import resource
from api.resources.shared.curves import drawing
from api.resources.shared.customers import PublicCurve, PublicShipment, behind, curve, look, used

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
