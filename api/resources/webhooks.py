"""Webhooks: where events are sent to, what was sent, and sending it again."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import Query, Request
from pydantic import AfterValidator, ConfigDict, Field
from starlette.responses import Response
from typing_extensions import TypedDict

from api.database import Row, Session
from api.http.audit import audit
from api.http.auth import WebhookKeeper
from api.http.context import context_of
from api.http.inputs import Name, Strict
from api.http.jsons import Json, when
from api.http.paging import Cursor, Items, Limit, decode, shaped_page
from api.http.problems import Problem, not_found
from api.http.routes import resource
from api.http.things import one
from api.resources.shared.deliveries import (
    LIVE,
    TIMES,
    Delivery,
    Events,
    Receivers,
    SentAgain,
)
from domain.webhooks import URL_CHARS_MAX, AddressError, parse_url, secret_text
from operations.deliver.decide import KEPT_SECRET
from store.db import queries

router = resource("/webhooks", tags=["webhooks"])
SECRET_OCTETS = 32
WEBHOOKS_MAX = 50


def _url(text: str) -> str:
    try:
        parse_url(text)
    except AddressError as error:
        raise ValueError(str(error).removeprefix("url: ")) from None
    return text


Url = Annotated[str, AfterValidator(_url), Field(max_length=URL_CHARS_MAX)]


class Webhook(TypedDict):
    """Where events are sent to.

    `failures` in a row; `paused_until`: it is left alone; `waiting`, `given_up`: events, 1000 are counted;
    `waiting_since`: the first of those that wait; `disabled_why`: who or what switched it off.
    """

    id: str
    url: str
    types: list[str]
    created_at: str
    created_by: str
    disabled_at: str | None
    disabled_why: str | None
    failures: int
    paused_until: str | None
    succeeded_at: str | None
    failed_at: str | None
    last_error: str | None
    former_secret_until: str | None
    waiting: int
    waiting_since: str | None
    given_up: int


class NewWebhook(Webhook):
    """A webhook with its secret, which is told once."""

    secret: str


class WebhookIn(Strict):
    """A new webhook."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"id": "erp", "url": "https://erp.example.org/frostway", "types": ["alert.*"]}],
        }
    )

    id: Name
    url: Url
    types: Events = Field(default=["*"])


class WebhookChangeIn(Strict):
    """What is to be different; what is not named stays. Switched on again, what waits is told at once."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"types": ["*"], "disabled": False}]})

    url: Url | None = None
    types: Events | None = None
    disabled: bool | None = None


def _shape(row: Row) -> dict[str, Any]:
    plain = ("id", "url", "types", "created_by", "disabled_why", "failures", "last_error", "waiting", "given_up")
    former = row["former_until"]
    kept = former if former is not None and former > datetime.now(UTC) else None
    return {
        **{key: row[key] for key in plain},
        **{key: when(row[key]) for key in (*TIMES, "waiting_since")},
        "former_secret_until": when(kept),
    }


async def _webhook(session: Session, name: str) -> Row:
    row = await session.row(queries("deliver")["webhooks"], after="", name=name, limit=1)
    if row is None:
        raise not_found()
    return row


RECEIVERS = Receivers("webhook", _webhook)


@router.get("", response_model=Items[Webhook])
async def list_webhooks(request: Request, caller: WebhookKeeper, limit: Limit = 200, cursor: Cursor = None) -> Json:
    """Webhooks by name, and how each is doing."""
    after = decode(cursor, (str,))[0] if cursor else ""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        found = await session.rows(queries("deliver")["webhooks"], after=after, name=None, limit=limit + 1)
    return shaped_page(request, found, limit, lambda w: [w["id"]], _shape)


@router.get("/{webhook_id}", response_model=Webhook)
async def get_webhook(request: Request, caller: WebhookKeeper, webhook_id: str) -> Json:
    """One webhook, and how it is doing."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        row = await _webhook(session, webhook_id)
    return one(request, _shape(row), live=LIVE)


@router.post("", response_model=NewWebhook, status_code=201)
async def post_webhook(request: Request, caller: WebhookKeeper, given: WebhookIn) -> Json:
    """A new webhook, told what happens from now on; its secret is in the answer, once."""
    secret = secrets.token_bytes(SECRET_OCTETS)
    q = queries("deliver")
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        if len(await session.rows(q["webhooks"], after="", name=None, limit=WEBHOOKS_MAX)) >= WEBHOOKS_MAX:
            raise Problem(409, f"there are {WEBHOOKS_MAX} webhooks already: remove one first")
        values = {"name": given.id, "url": given.url, "types": given.types, "secret": secret, "actor": caller.user}
        if await session.row(q["add_webhook"], **values) is None:
            raise Problem(409, f"id: there is a {given.id} already")
        await audit(session, caller, "webhook.create", given.id, url=given.url, types=given.types)
        row = await _webhook(session, given.id)
    return Json({**_shape(row), "secret": secret_text(secret)}, 201)


@router.patch("/{webhook_id}", response_model=Webhook)
async def change_webhook(request: Request, caller: WebhookKeeper, webhook_id: str, given: WebhookChangeIn) -> Json:
    """Another address, other events, off or on again."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        old = await _webhook(session, webhook_id)
        values = {
            "url": given.url or old["url"],
            "types": given.types or old["types"],
            "disabled": (old["disabled_at"] is not None) if given.disabled is None else given.disabled,
        }
        await session.row(
            queries("deliver")["change_webhook"], name=webhook_id, why=f"switched off by {caller.user}", **values
        )
        await audit(session, caller, "webhook.change", webhook_id, **given.model_dump(exclude_unset=True))
        row = await _webhook(session, webhook_id)
    return Json(_shape(row))


@router.delete("/{webhook_id}", status_code=204)
async def delete_webhook(request: Request, caller: WebhookKeeper, webhook_id: str) -> Response:
    """It is gone, with all that waits for it."""
    return await RECEIVERS.delete(request, caller, webhook_id)


@router.post("/{webhook_id}/rotate", response_model=NewWebhook)
async def rotate_webhook(request: Request, caller: WebhookKeeper, webhook_id: str) -> Json:
    """Another secret, told once; for a day the former one signs too, so that the receiver can change over."""
    secret, until = secrets.token_bytes(SECRET_OCTETS), datetime.now(UTC) + KEPT_SECRET
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        values = {"name": webhook_id, "secret": secret, "until": until}
        if await session.row(queries("deliver")["rotate_webhook"], **values) is None:
            raise not_found()
        await audit(session, caller, "webhook.rotate", webhook_id)
        row = await _webhook(session, webhook_id)
    return Json({**_shape(row), "secret": secret_text(secret)})


@router.post("/{webhook_id}/test", response_model=Delivery, status_code=202)
async def try_webhook(request: Request, caller: WebhookKeeper, webhook_id: str) -> Json:
    """Sends an event of the type `test` now; its delivery says within seconds what came of it."""
    return await RECEIVERS.attempt(request, caller, webhook_id)


@router.get("/{webhook_id}/deliveries", response_model=Items[Delivery])
async def list_deliveries(
    request: Request,
    caller: WebhookKeeper,
    webhook_id: str,
    state: Annotated[Literal["waiting", "done", "gave up"] | None, Query()] = None,
    limit: Limit = 200,
    cursor: Cursor = None,
) -> Json:
    """What it was told and is to be told, the newest first, of the last 30 days."""
    return await RECEIVERS.page(request, caller, webhook_id, state, limit, cursor)


@router.get("/{webhook_id}/deliveries/{delivery_id}", response_model=Delivery)
async def get_delivery(request: Request, caller: WebhookKeeper, webhook_id: str, delivery_id: str) -> Json:
    """One delivery with its attempts."""
    return await RECEIVERS.one(request, caller, webhook_id, delivery_id)


@router.post("/{webhook_id}/deliveries/{delivery_id}/redeliver", response_model=Delivery, status_code=202)
async def redeliver(request: Request, caller: WebhookKeeper, webhook_id: str, delivery_id: str) -> Json:
    """Sends it once more from the beginning, under the same `webhook-id`: a receiver that has it knows it."""
    return await RECEIVERS.again(request, caller, webhook_id, delivery_id)


@router.post("/{webhook_id}/redeliver", response_model=SentAgain, status_code=202)
async def redeliver_all(request: Request, caller: WebhookKeeper, webhook_id: str) -> Json:
    """Sends all that was given up once more, in its order, each under its own `webhook-id`."""
    return await RECEIVERS.all_again(request, caller, webhook_id)
