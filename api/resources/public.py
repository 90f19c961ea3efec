"""The customer's link as JSON: one shipment, and the temperatures of its goods."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import APIRouter, Request

from api.http.jsons import Json
from api.resources.shared.customers import PublicCurve, PublicShipment, behind, curve, look, used

router = APIRouter(tags=["public"])


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
