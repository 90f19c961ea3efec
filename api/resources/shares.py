"""Links that show one shipment to one recipient: made, listed, revoked, and when each was opened."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, NotRequired, cast

import orjson
from fastapi import Query, Request
from pydantic import AfterValidator, ConfigDict, Field
from starlette.responses import Response
from typing_extensions import TypedDict

from api.database import Row, Session
from api.http.audit import audit
from api.http.auth import LinkKeeper, Reader
from api.http.context import context_of
from api.http.inputs import Strict, Text, printable, zone_name
from api.http.instants import Instant
from api.http.jsons import Json, when
from api.http.links import link_to, pages_of
from api.http.paging import Cursor, Items, Limit, decode, page
from api.http.problems import Problem, key_of, not_found
from api.http.routes import resource
from api.resources.shared.customers import OPENINGS_MAX, CustomerLanguage
from api.resources.shared.orders import Code
from api.resources.shared.shipments import shipment_rows
from domain.channels import KINDS, check_recipient, recipient_shown
from domain.webhooks import AddressError
from operations.milestones.decide import MILESTONES
from store.db import queries
from store.secrets import new_token, sealed, token_hash

router = resource(tags=["shipments"])
SHARES_MAX = 200
SHARE_MAX = timedelta(days=366)


def _milestone(text: str) -> str:
    if text not in MILESTONES:
        raise ValueError(f"one of {', '.join(MILESTONES)}")
    return text


Milestone = Annotated[str, AfterValidator(_milestone), Field(json_schema_extra={"enum": list(MILESTONES)})]


Sought = Annotated[
    str | None, AfterValidator(lambda text: text and printable(text)),
    Query(max_length=100, description="in the recipient, the shipment or its reference"),
]  # fmt: skip


class TellIn(Strict):
    """Whom milestones are told: by a channel for customers, at an e-mail address or a number; all if none is named."""

    channel: str = Field(max_length=64)
    to: str = Field(max_length=200)
    milestones: Annotated[list[Milestone], Field(min_length=1, max_length=len(MILESTONES))] | None = None


class ShareIn(Strict):
    """Whom a customer's link is for, and how long it is good: two weeks when nothing is said.

    `customer`: of several with orders on the shipment the one who sees it: their stop, and their proofs alone.
    `language` and `tz` are those of its page where the recipient's browser does not tell better.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "recipient": "Anna, Harbour store",
                    "customer": "harbour-store",
                    "language": "fi",
                    "tz": "Europe/Helsinki",
                    "expires_at": "2026-12-01T00:00:00Z",
                },
                {
                    "recipient": "Anna, Harbour store",
                    "tell": {
                        "channel": "customers-mail",
                        "to": "anna@example.org",
                        "milestones": ["departed", "moved", "delivered"],
                    },
                },
            ]
        }
    )

    recipient: Text | None = None
    customer: Code | None = None
    language: CustomerLanguage | None = None
    tz: Annotated[str, AfterValidator(zone_name), Field(max_length=64)] | None = None
    expires_at: Instant | None = None
    tell: TellIn | None = None


class Telling(TypedDict):
    """Whom a link tells, and how far that has come. `to` as it may be shown; `muted_at`: they want no more.

    `channel` is null when it is gone; `messages`: how many there were, `told_at` when the last arrived.
    """

    channel: str | None
    to: str
    milestones: list[str]
    muted_at: str | None
    messages: int
    told_at: str | None
    last_error: str | None


class CustomerChannel(TypedDict):
    """A channel that customers can be told by: `group` says what an address is, `mail`, `sms` or another."""

    id: str
    group: str
    language: str


class Share(TypedDict):
    """A customer's link without its token. `opened`: how often, first and last; `browsers`: how many it tells."""

    id: str
    recipient: str | None
    customer: str | None
    language: str | None
    tz: str | None
    state: Literal["active", "expired", "revoked"]
    created_at: str | None
    created_by: str
    expires_at: str | None
    revoked_at: str | None
    last_used_at: str | None
    opened: int
    first_opened_at: str | None
    last_opened_at: str | None
    tell: Telling | None
    browsers: int


class ShipmentShare(Share):
    """A customer's link, and the shipment it shows."""

    shipment: str
    reference: str
    status: str


class NewShare(TypedDict):
    """A customer's link; the token is shown here only."""

    id: str
    token: str
    url: str
    expires_at: str | None
    recipient: NotRequired[str | None]


class Opening(TypedDict):
    """When a link was opened, and by what sort of client; no address is kept."""

    at: str | None
    client: str


@router.post("/shipments/{shipment_id}/share", response_model=NewShare, status_code=201)
async def share_shipment(request: Request, caller: LinkKeeper, shipment_id: str, given: ShareIn | None = None) -> Json:
    """A new, independent link for a recipient; whoever has it sees this shipment, nothing else."""
    context, now = context_of(request), datetime.now(UTC)
    given = given or ShareIn()
    expires_at = given.expires_at or now + timedelta(days=context.config.share_days)
    if not now < expires_at <= now + SHARE_MAX:
        raise Problem(422, "expires_at: within a year from now")
    token = new_token()
    async with context.database.tenant(caller.tenant_id) as session:
        shipment = await _shipment_key(session, shipment_id)
        customer = await _customer_key(session, given.customer)
        share = await session.row(
            queries("shares")["add_share"],
            shipment=shipment,
            token_sha256=token_hash(token),
            actor=caller.user,
            expires_at=expires_at,
            recipient=given.recipient,
            language=given.language,
            tz=given.tz,
            customer=customer,
        )
        share_id = str((share or {})["id"])
        about: dict[str, Any] = {"share": share_id, "recipient": given.recipient, "expires_at": expires_at}
        if given.customer:
            about["customer"] = given.customer
        if given.tell is not None:
            about["tell"] = await _tell(request, session, int(share_id), given.tell, token)
        await audit(session, caller, "share.create", shipment_id, **about)
    url = link_to(context, f"/t/{token}")
    made = NewShare(id=share_id, token=token, url=url, expires_at=when(expires_at), recipient=given.recipient)
    return Json(made, 201)


@router.get("/shipments/{shipment_id}/shares", response_model=Items[Share])
async def list_shares(request: Request, caller: Reader, shipment_id: str) -> Json:
    """Links of a shipment, newest first, the last 200."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        shipment = await _shipment_key(session, shipment_id)
        found = await session.rows(queries("shares")["shares"], shipment=shipment, id=None, limit=SHARES_MAX)
        shown = await _told(session, found)
    return page(request, shown, SHARES_MAX, lambda s: [s["id"]])


@router.get("/shares", response_model=Items[ShipmentShare])
async def list_all_shares(
    request: Request,
    caller: Reader,
    state: Literal["active", "expired", "revoked"] | None = None,
    q: Sought = None,
    limit: Limit = 200,
    cursor: Cursor = None,
) -> Json:
    """Links of all shipments, newest first."""
    before = decode(cursor, (int,))[0] if cursor else None
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        values = {"state": state, "word": (q or "").strip() or None, "before": before, "limit": limit + 1}
        found = await session.rows(queries("shares")["all_shares"], **values)
        shown = await _told(session, found)
    told = [
        {**link, "shipment": row["shipment"], "reference": row["reference"] or row["shipment"], "status": row["status"]}
        for link, row in zip(shown, found, strict=True)
    ]
    return page(request, told, limit, lambda s: [int(s["id"])])


@router.get("/customer-channels", response_model=Items[CustomerChannel])
async def list_customer_channels(request: Request, caller: LinkKeeper) -> Json:
    """Channels by which a link can tell its recipient."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        found = await session.rows(queries("milestones")["customer_channels"], name=None)
    shown = [{"id": row["id"], "group": _group(row), "language": row["language"]} for row in found]
    return page(request, shown, SHARES_MAX, lambda c: [c["id"]])


@router.get("/shipments/{shipment_id}/shares/{share_id}/openings", response_model=Items[Opening])
async def list_openings(request: Request, caller: Reader, shipment_id: str, share_id: str) -> Json:
    """When a link was opened, newest first, the last 200."""
    q = queries("shares")
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        key = await _share_key(session, shipment_id, share_id)
        found = await session.rows(q["openings"], id=key, limit=OPENINGS_MAX)
    shown: list[Opening] = [{"at": when(row["at"]), "client": row["client"]} for row in found]
    return page(request, shown, OPENINGS_MAX, lambda o: [o["at"]])


@router.delete("/shipments/{shipment_id}/shares/{share_id}", status_code=204)
async def revoke_share(request: Request, caller: LinkKeeper, shipment_id: str, share_id: str) -> Response:
    """Takes a link back at once: pages that it has opened say so within a second."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        key = await _share_key(session, shipment_id, share_id)
        shipment, now = await _shipment_key(session, shipment_id), datetime.now(UTC)
        revoked = await session.row(queries("shares")["revoke_share"], shipment=shipment, id=key, now=now)
        if revoked is not None:
            await audit(session, caller, "share.revoke", shipment_id, share=share_id)
    return Response(status_code=204)


async def _told(session: Session, found: list[Row]) -> list[Share]:
    """Links with whom they tell."""
    telling = await session.rows(queries("milestones")["recipients"], shares=[row["id"] for row in found])
    tells = {row["share_id"]: _telling(row) for row in telling if not row["is_browser"]}
    browsers = Counter(row["share_id"] for row in telling if row["is_browser"] and row["muted_at"] is None)
    return [_share(row, tells.get(row["id"]), browsers[row["id"]]) for row in found]


async def _shipment_key(session: Session, name: str) -> int:
    rows = await shipment_rows(session, name=name)
    if not rows:
        raise not_found()
    return int(rows[0]["key"])


async def _customer_key(session: Session, code: str | None) -> int | None:
    """Whose the link is, when it is not of the whole shipment.

    Raises:
        Problem: 422, there is no such customer.
    """
    if code is None:
        return None
    row = await session.row(queries("proofs")["customer_key"], code=code)
    if row is None:
        raise Problem(422, f"customer: there is no {code}; add it first")
    return int(row["id"])


async def _share_key(session: Session, shipment_id: str, share_id: str) -> int:
    number = key_of(share_id, digits=9)
    shipment = await _shipment_key(session, shipment_id)
    if not await session.rows(queries("shares")["shares"], shipment=shipment, id=number, limit=1):
        raise not_found()
    return number


async def _tell(request: Request, session: Session, share: int, given: TellIn, token: str) -> dict[str, Any]:
    """Writes down whom a link tells; what of it the audit trail has.

    Raises:
        Problem: 422, there is no such channel, or the address is none of its kind.
    """
    channel = next(iter(await session.rows(queries("milestones")["customer_channels"], name=given.channel)), None)
    if channel is None:
        raise Problem(422, "tell.channel: no channel for customers of this name")
    try:
        to = check_recipient(given.to.strip(), _group(channel))
    except AddressError as error:
        raise Problem(422, f"tell.{error}") from None
    kept = orjson.dumps({"to": to, "url": f"{pages_of(request)}/t/{token}"})
    shown = {"channel": given.channel, "to": recipient_shown(to), "milestones": given.milestones or list(MILESTONES)}
    await session.run(
        queries("milestones")["add_recipient"],
        share=share,
        channel=channel["key"],
        sealed=sealed(context_of(request).config.sealing_secret, kept),
        shown=shown["to"],
        milestones=shown["milestones"],
    )
    return shown


def _group(row: Row) -> str:
    kind = KINDS.get(row["shown"].partition("://")[0])
    return kind.group if kind else "own"


def _telling(row: Row) -> Telling:
    return {
        "channel": row["channel"],
        "to": row["shown"],
        "milestones": row["milestones"],
        "muted_at": when(row["muted_at"]),
        "messages": row["told_count"],
        "told_at": when(row["told_at"]),
        "last_error": row["last_error"],
    }


def _share(row: Row, telling: Telling | None, browsers: int) -> Share:
    state: Literal["active", "expired", "revoked"] = "active"
    if row["revoked_at"] is not None:
        state = "revoked"
    elif row["expired"]:
        state = "expired"
    times: dict[str, Any] = {
        name: when(row[name])
        for name in ("created_at", "expires_at", "revoked_at", "last_used_at", "first_opened_at", "last_opened_at")
    }
    shape = {
        "id": str(row["id"]),
        "recipient": row["recipient"],
        "customer": row["customer"],
        "language": row["language"],
        "tz": row["tz"],
        "state": state,
        "created_by": row["created_by"],
        "opened": row["opened_count"],
        "tell": telling,
        "browsers": browsers,
        **times,
    }
    return cast("Share", shape)
