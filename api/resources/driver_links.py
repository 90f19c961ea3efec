"""Links for drivers: whoever has one sees one shipment as its driver does, and tells what came of its stops."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal

from fastapi import Request
from pydantic import ConfigDict
from starlette.responses import Response
from typing_extensions import TypedDict

from api.database import Row, Session
from api.http.audit import audit
from api.http.auth import LinkKeeper, Reader
from api.http.context import context_of
from api.http.inputs import Strict, Text
from api.http.instants import Instant
from api.http.jsons import Json, Time, when
from api.http.links import link_to
from api.http.paging import Items, page
from api.http.problems import Problem, key_of, not_found
from api.http.routes import resource
from api.resources.shared.shipments import shipment_rows
from store.db import queries
from store.secrets import new_token, token_hash

router = resource(tags=["deliveries"])
LINKS_SHOWN, LINKS_MAX = 200, 20
USUAL, LONGEST = timedelta(days=3), timedelta(days=31)


class DriverLinkIn(Strict):
    """Whom the link is for, as proofs will name them, and how long it is good: three days when nothing is said."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"driver": "Mika Laine"}]})

    driver: Text
    expires_at: Instant | None = None


class DriverLink(TypedDict):
    """A driver's link without its token."""

    id: str
    driver: str
    state: Literal["active", "expired", "revoked"]
    created_at: Time | None
    created_by: str
    expires_at: Time | None
    revoked_at: Time | None
    last_used_at: Time | None


class NewDriverLink(TypedDict):
    """A driver's link; the token is shown here only. It stands behind the `#` of the address, which no server logs."""

    id: str
    token: str
    url: str
    driver: str
    expires_at: Time | None


@router.post("/shipments/{shipment_id}/driver-links", response_model=NewDriverLink, status_code=201)
async def add_driver_link(request: Request, caller: LinkKeeper, shipment_id: str, given: DriverLinkIn) -> Json:
    """A new link to a shipment for its driver; 20 of a shipment may be good at once (409)."""
    context, now = context_of(request), datetime.now(UTC)
    expires_at = given.expires_at or now + USUAL
    if not now < expires_at <= now + LONGEST:
        raise Problem(422, "expires_at: within 31 days from now")
    token = new_token()
    async with context.database.tenant(caller.tenant_id) as session:
        await _shipment(session, shipment_id)
        row = await session.row(
            queries("proofs")["add_driver_link"],
            shipment=shipment_id,
            token_sha256=token_hash(token),
            driver=given.driver,
            by=caller.user,
            expires_at=expires_at,
            most=LINKS_MAX,
        )
        if row is None:
            raise Problem(409, f"{LINKS_MAX} links to this shipment are good already: revoke one")
        link_id = str(row["id"])
        await audit(session, caller, "driver_link.create", shipment_id, link=link_id, driver=given.driver)
    url = link_to(context, f"/drive#{token}")
    return Json(NewDriverLink(id=link_id, token=token, url=url, driver=given.driver, expires_at=when(expires_at)), 201)


@router.get("/shipments/{shipment_id}/driver-links", response_model=Items[DriverLink])
async def list_driver_links(request: Request, caller: Reader, shipment_id: str) -> Json:
    """Drivers' links to a shipment, the newest first, the last 200."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        key = await _shipment(session, shipment_id)
        rows = await session.rows(queries("proofs")["driver_links"], shipment=key, limit=LINKS_SHOWN)
    return page(request, [_shape(row) for row in rows], LINKS_SHOWN, lambda each: [each["id"]])


@router.delete("/shipments/{shipment_id}/driver-links/{link_id}", status_code=204)
async def revoke_driver_link(request: Request, caller: LinkKeeper, shipment_id: str, link_id: str) -> Response:
    """Takes a link back at once; what was told by it stays."""
    number = key_of(link_id, digits=9)
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        key = await _shipment(session, shipment_id)
        found = await session.rows(queries("proofs")["driver_links"], shipment=key, limit=LINKS_SHOWN)
        if number not in {row["id"] for row in found}:
            raise not_found()
        if await session.row(queries("proofs")["revoke_driver_link"], shipment=key, id=number) is not None:
            await audit(session, caller, "driver_link.revoke", shipment_id, link=link_id)
    return Response(status_code=204)


async def _shipment(session: Session, name: str) -> int:
    rows = await shipment_rows(session, name=name)
    if not rows:
        raise not_found()
    return int(rows[0]["key"])


def _shape(row: Row) -> DriverLink:
    state: Literal["active", "expired", "revoked"] = "active"
    if row["revoked_at"] is not None:
        state = "revoked"
    elif row["expired"]:
        state = "expired"
    return {
        "id": str(row["id"]),
        "driver": row["driver"],
        "state": state,
        "created_at": when(row["created_at"]),
        "created_by": row["created_by"],
        "expires_at": when(row["expires_at"]),
        "revoked_at": when(row["revoked_at"]),
        "last_used_at": when(row["last_used_at"]),
    }
