"""A customer's browser that is told of its shipment's milestones by web push: asked for on the page of the link."""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import Annotated

import orjson
from fastapi import Path, Query, Request
from pydantic import AfterValidator, ConfigDict, Field
from starlette.responses import Response
from typing_extensions import TypedDict

from api.database import Session
from api.http.audit import audit_as
from api.http.context import context_of
from api.http.inputs import Strict, zone_name
from api.http.jsons import Json
from api.http.links import pages_of
from api.http.problems import Problem, not_found
from api.http.routes import resource
from api.resources.shared.customers import LANGUAGES, CustomerLanguage, behind
from domain.channels import ADDRESS_CHARS_MAX, shown_of
from domain.web_push import SCHEME, subscription_of
from domain.webhooks import AddressError
from operations.milestones.decide import MILESTONES
from store.db import queries
from store.secrets import push_public_key, sealed

router = resource("/public/shipments/{token}/browsers", tags=["public"])
BROWSERS_MAX = 10  # of one link
CHANNEL = "customers-browsers"
ANY_BROWSER = f"{SCHEME}://{{to}}"
_SHA256 = r"^[0-9a-f]{64}$"
BrowserId = Annotated[str, Path(description="SHA-256 of the subscription's endpoint, hexadecimal")]
Zone = Annotated[str, AfterValidator(zone_name), Field(max_length=64)]


class Offered(TypedDict):
    """Whether browsers are told: `public_key` for `PushManager.subscribe`, null if not; `told`: the one asked about."""

    public_key: str | None
    told: bool


class BrowserIn(Strict):
    """A browser's subscription, `webpush://HOST/` and base64url of it as JSON, and how its reader reads."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "address": f"webpush://push.example.org/{'A' * 220}",
                    "language": "fi",
                    "tz": "Europe/Helsinki",
                }
            ]
        }
    )

    address: Annotated[str, Field(min_length=20, max_length=ADDRESS_CHARS_MAX)]
    language: CustomerLanguage = LANGUAGES[0]
    tz: Zone | None = None


class Told(TypedDict):
    """A browser that is told. `id`: SHA-256 of its subscription's endpoint."""

    id: str


@router.get("", response_model=Offered)
async def get_browsers(
    request: Request, token: str, browser: Annotated[str | None, Query(pattern=_SHA256)] = None
) -> Json:
    """What a browser needs to be told, and whether it is."""
    secret = context_of(request).config.sealing_secret
    async with behind(request, token) as (session, share):
        channel = await session.row(queries("milestones")["browsers_channel"])
        is_off = not secret or (channel is not None and channel["disabled_at"] is not None)
        digest = bytes.fromhex(browser) if browser else b""
        values = {"share": share["id"], "browser_sha256": digest}
        told = await session.row(queries("milestones")["browser"], **values) is not None
    return Json({"public_key": None if is_off else push_public_key(secret), "told": told and not is_off})


@router.post("", response_model=Told, status_code=201)
async def add_browser(request: Request, token: str, given: BrowserIn) -> Json:
    """This browser is told each milestone from now on, until the link ends; once more: in this language."""
    context = context_of(request)
    try:
        endpoint = subscription_of(given.address).endpoint
    except AddressError as error:
        raise Problem(422, str(error).replace("url:", "address:", 1)) from None
    digest = hashlib.sha256(endpoint.encode()).digest()
    async with behind(request, token) as (session, share):
        q, about = queries("milestones"), {"share": share["id"], "browser_sha256": digest}
        is_new = await session.row(q["browser"], **about) is None
        kept = orjson.dumps({"browser": given.address, "url": f"{pages_of(request)}/t/{token}"})
        values = {
            "channel": await _channel(request, session),
            "sealed": sealed(context.config.sealing_secret, kept),
            "shown": shown_of(given.address),
            "milestones": list(MILESTONES),
            "language": given.language,
            "tz": given.tz,
            "most": BROWSERS_MAX,
        }
        if await session.row(q["add_browser"], **about, **values) is None:
            raise Problem(409, f"this link tells {BROWSERS_MAX} browsers already")
        if is_new:
            await audit_as(session, "customer", "share.browser.add", str(share["id"]), to=values["shown"])
    return Json({"id": digest.hex()}, 201)


@router.delete("/{browser_id}", status_code=204)
async def remove_browser(request: Request, token: str, browser_id: BrowserId) -> Response:
    """This browser is told no more."""
    digest = bytes.fromhex(browser_id) if re.fullmatch(_SHA256, browser_id) else b""
    async with behind(request, token) as (session, share):
        about = {"share": share["id"], "browser_sha256": digest}
        if await session.row(queries("milestones")["remove_browser"], **about) is None:
            raise not_found()
        await audit_as(session, "customer", "share.browser.remove", str(share["id"]))
    return Response(status_code=204)


async def _channel(request: Request, session: Session) -> int:
    """The channel of customers' browsers, made for the first one: it can be looked at and switched off as any other.

    Raises:
        Problem: 409, it is switched off, or nothing can be sealed here.
    """
    secret = context_of(request).config.sealing_secret
    row = await session.row(queries("milestones")["browsers_channel"])
    if not secret or (row is not None and row["disabled_at"] is not None):
        raise Problem(409, "browsers are not told here")
    if row is not None:
        return int(row["key"])
    kept = {"sealed": sealed(secret, ANY_BROWSER.encode()), "shown": f"{SCHEME}://…", "types": []}
    about = {"language": LANGUAGES[0], "tz": "UTC", "for_customers": True, "pages": pages_of(request)}
    for name in (CHANNEL, f"{CHANNEL}-{secrets.token_hex(4)}"):
        made = await session.row(queries("deliver")["add_channel"], name=name, actor="customer", **kept, **about)
        row = made or await session.row(queries("milestones")["browsers_channel"])
        if row is not None:
            await audit_as(session, "customer", "channel.create", name, url=kept["shown"])
            return int(row["id"] if made else row["key"])
    raise Problem(409, "browsers are not told here: no name is free for their channel")
