"""Brokers: where events are published by MQTT, what was published, and publishing it again."""

from __future__ import annotations

import json
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
from api.http.links import pages_of
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
from domain.brokers import PREFIX_CHARS_MAX, URL_CHARS_MAX, check_prefix, parse_broker
from domain.home_assistant import DISCOVERY
from domain.webhooks import AddressError
from store.db import queries
from store.secrets import sealed

router = resource("/brokers", tags=["brokers"])
BROKERS_MAX = 20
LOGIN_CHARS_MAX = 256
ANNOUNCED = {"announced", "announced_at", "announce_error"}
"""What changes by itself."""


def _url(text: str) -> str:
    try:
        parse_broker(text)
    except AddressError as error:
        raise ValueError(str(error).removeprefix("url: ")) from None
    return text


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("visible characters")
    return text


Url = Annotated[str, AfterValidator(_url), Field(max_length=URL_CHARS_MAX)]
Prefix = Annotated[str, AfterValidator(check_prefix), Field(max_length=PREFIX_CHARS_MAX)]
User = Annotated[str, AfterValidator(_printable), Field(min_length=1, max_length=LOGIN_CHARS_MAX)]
Password = Annotated[
    str, AfterValidator(_printable), Field(max_length=LOGIN_CHARS_MAX, json_schema_extra={"writeOnly": True})
]


class Broker(TypedDict):
    """Where events are published.

    `signs_in`: it has a user and a password, which are never shown. `retained`: the last word stays there.
    `failures` in a row; `paused_until`: it is left alone; `waiting`, `given_up`: events, 1000 are counted;
    `waiting_since`: the first of those that wait; `disabled_why`: who or what switched it off. `home_assistant`: what
    there is and how each is now stands there for Home Assistant; `announced`: so many vehicles and devices, which are
    taken away when it is switched off; `announced_at`, `announce_error`: how the last round went.
    """

    id: str
    url: str
    prefix: str
    types: list[str]
    retained: bool
    signs_in: bool
    created_at: str
    created_by: str
    disabled_at: str | None
    disabled_why: str | None
    failures: int
    paused_until: str | None
    succeeded_at: str | None
    failed_at: str | None
    last_error: str | None
    waiting: int
    waiting_since: str | None
    given_up: int
    home_assistant: bool
    discovery_prefix: str
    announced: int
    announced_at: str | None
    announce_error: str | None


class BrokerIn(Strict):
    """A new broker. Its topics begin with `prefix`, `frostway/` and the tenant's name unless told."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "plant",
                    "url": "mqtts://broker.example.org",
                    "user": "frostway",
                    "password": "a-password",
                    "types": ["alert.*"],
                }
            ],
        }
    )

    id: Name
    url: Url
    user: User | None = None
    password: Password | None = None
    prefix: Prefix | None = None
    types: Events = Field(default=["*"])
    retained: bool = False
    home_assistant: bool = False
    discovery_prefix: Prefix = DISCOVERY


class BrokerChangeIn(Strict):
    """What is to be different; what is not named stays, but another address takes its login anew."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"retained": True, "disabled": False}]})

    url: Url | None = None
    user: User | None = None
    password: Password | None = None
    prefix: Prefix | None = None
    types: Events | None = None
    retained: bool | None = None
    home_assistant: bool | None = None
    discovery_prefix: Prefix | None = None
    disabled: bool | None = None


def _shape(row: Row) -> dict[str, Any]:
    plain = (
        *("id", "url", "prefix", "types", "retained", "signs_in", "created_by", "disabled_why", "failures"),
        *("last_error", "waiting", "given_up", "home_assistant", "discovery_prefix", "announced", "announce_error"),
    )
    times = (*TIMES, "waiting_since", "announced_at")
    return {**{key: row[key] for key in plain}, **{key: when(row[key]) for key in times}}


def _seal(request: Request, user: str | None, password: str | None) -> dict[str, Any]:
    """A login as it is kept.

    Raises:
        Problem: 422, a password of nobody; 409, nothing can be sealed.
    """
    if user is None:
        if password is not None:
            raise Problem(422, "user: whose password it is")
        return {"sealed": None, "signs_in": False}
    secret = context_of(request).config.sealing_secret
    if not secret:
        raise Problem(409, "logins of brokers cannot be kept: the operator sets FROSTWAY_SEALING_SECRET first")
    return {"sealed": sealed(secret, json.dumps([user, password or ""]).encode()), "signs_in": True}


async def _broker(session: Session, name: str) -> Row:
    row = await session.row(queries("deliver")["brokers"], after="", name=name, limit=1)
    if row is None:
        raise not_found()
    return row


async def _want(session: Session, name: str, discovery: str, *, wanted: bool) -> None:
    """Home Assistant is told there from now on, or what stands there is taken away."""
    q = queries("home")
    if wanted:
        await session.row(q["want"], name=name, discovery=discovery)
    else:
        await session.row(q["want_no_more"], name=name)


RECEIVERS = Receivers("broker", _broker)


@router.get("", response_model=Items[Broker])
async def list_brokers(request: Request, caller: WebhookKeeper, limit: Limit = 200, cursor: Cursor = None) -> Json:
    """Brokers by name, and how each is doing."""
    after = decode(cursor, (str,))[0] if cursor else ""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        found = await session.rows(queries("deliver")["brokers"], after=after, name=None, limit=limit + 1)
    return shaped_page(request, found, limit, lambda b: [b["id"]], _shape)


@router.get("/{broker_id}", response_model=Broker)
async def get_broker(request: Request, caller: WebhookKeeper, broker_id: str) -> Json:
    """One broker, and how it is doing."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        row = await _broker(session, broker_id)
    return one(request, _shape(row), live=LIVE | ANNOUNCED)


@router.post("", response_model=Broker, status_code=201)
async def post_broker(request: Request, caller: WebhookKeeper, given: BrokerIn) -> Json:
    """A new broker, told what happens from now on. Its login is sealed and never shown again."""
    q = queries("deliver")
    kept = _seal(request, given.user, given.password)
    about = {
        "url": given.url,
        "prefix": given.prefix or f"frostway/{caller.tenant}",
        "types": given.types,
        "retained": given.retained,
    }
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        if len(await session.rows(q["brokers"], after="", name=None, limit=BROKERS_MAX)) >= BROKERS_MAX:
            raise Problem(409, f"there are {BROKERS_MAX} brokers already: remove one first")
        values = {**about, **kept, "actor": caller.user, "pages": pages_of(request)}
        if await session.row(q["add_broker"], name=given.id, **values) is None:
            raise Problem(409, f"id: there is a {given.id} already")
        home: dict[str, Any] = {"home_assistant": given.home_assistant}
        if given.home_assistant:
            home |= {"discovery_prefix": given.discovery_prefix}
            await _want(session, given.id, given.discovery_prefix, wanted=True)
        await audit(session, caller, "broker.create", given.id, signs_in=kept["signs_in"], **about, **home)
        row = await _broker(session, given.id)
    return Json(_shape(row), 201)


@router.patch("/{broker_id}", response_model=Broker)
async def change_broker(request: Request, caller: WebhookKeeper, broker_id: str, given: BrokerChangeIn) -> Json:
    """Another address or login, other topics or events, off or on again."""
    q = queries("deliver")
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        old = await _broker(session, broker_id)
        changes = given.model_dump(exclude_unset=True, exclude={"user", "password"})
        says_login = {"user", "password"} & given.model_fields_set
        if given.url not in (None, old["url"]) and old["signs_in"] and not says_login:
            raise Problem(422, "user: its login goes to another address only when it is given once more")
        if says_login:
            kept = _seal(request, given.user, given.password)
            await session.row(q["seal_broker"], name=broker_id, **kept)
            changes["signs_in"] = kept["signs_in"]
        values = {
            "url": given.url or old["url"],
            "prefix": given.prefix or old["prefix"],
            "types": given.types or old["types"],
            "retained": old["retained"] if given.retained is None else given.retained,
            "disabled": (old["disabled_at"] is not None) if given.disabled is None else given.disabled,
            "pages": pages_of(request),
        }
        wanted = old["home_assistant"] if given.home_assistant is None else given.home_assistant
        if wanted or old["home_assistant"]:
            await _want(session, broker_id, given.discovery_prefix or old["discovery_prefix"], wanted=wanted)
        await session.row(q["change_broker"], name=broker_id, why=f"switched off by {caller.user}", **values)
        await audit(session, caller, "broker.change", broker_id, **changes)
        row = await _broker(session, broker_id)
    return Json(_shape(row))


@router.delete("/{broker_id}", status_code=204)
async def delete_broker(request: Request, caller: WebhookKeeper, broker_id: str) -> Response:
    """It is gone, with all that waits for it."""
    return await RECEIVERS.delete(request, caller, broker_id)


@router.post("/{broker_id}/test", response_model=Delivery, status_code=202)
async def try_broker(request: Request, caller: WebhookKeeper, broker_id: str) -> Json:
    """Publishes an event of the type `test` now; its delivery says within seconds what came of it."""
    return await RECEIVERS.attempt(request, caller, broker_id)


@router.get("/{broker_id}/deliveries", response_model=Items[Delivery])
async def list_published(
    request: Request,
    caller: WebhookKeeper,
    broker_id: str,
    state: Annotated[Literal["waiting", "done", "gave up"] | None, Query()] = None,
    limit: Limit = 200,
    cursor: Cursor = None,
) -> Json:
    """What was published there and is to be, the newest first, of the last 30 days."""
    return await RECEIVERS.page(request, caller, broker_id, state, limit, cursor)


@router.get("/{broker_id}/deliveries/{event_id}", response_model=Delivery)
async def get_published(request: Request, caller: WebhookKeeper, broker_id: str, event_id: str) -> Json:
    """One event with its attempts."""
    return await RECEIVERS.one(request, caller, broker_id, event_id)


@router.post("/{broker_id}/deliveries/{event_id}/redeliver", response_model=Delivery, status_code=202)
async def publish_again(request: Request, caller: WebhookKeeper, broker_id: str, event_id: str) -> Json:
    """Publishes it once more from the beginning, with the same `id`: who has it knows it."""
    return await RECEIVERS.again(request, caller, broker_id, event_id)


@router.post("/{broker_id}/redeliver", response_model=SentAgain, status_code=202)
async def publish_all_again(request: Request, caller: WebhookKeeper, broker_id: str) -> Json:
    """Publishes all that was given up once more, in its order."""
    return await RECEIVERS.all_again(request, caller, broker_id)
