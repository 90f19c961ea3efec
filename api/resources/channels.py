"""Channels: by what people are told, a test of each, what they were told, and telling it again."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Query, Request
from pydantic import AfterValidator, ConfigDict, Field
from starlette.responses import Response
from typing_extensions import TypedDict

from api.database import Row, Session
from api.http.audit import audit
from api.http.auth import ChannelKeeper
from api.http.context import context_of
from api.http.inputs import Name, Strict, zone_name
from api.http.jsons import Json, when
from api.http.links import pages_of
from api.http.paging import Cursor, Items, Limit, decode, shaped_page
from api.http.problems import Problem, not_found
from api.http.routes import resource
from api.http.things import one
from api.resources.shared.deliveries import LIVE, TIMES, Delivery, Receivers, SentAgain
from domain import web_push
from domain.channels import ADDRESS_CHARS_MAX, KINDS, LANGUAGES, check_address, check_recipient, shown_of
from domain.webhooks import AddressError
from operations.deliver.decide import ALERTS, CLEARED
from store.db import queries
from store.secrets import sealed

router = resource("/channels", tags=["channels"])
CHANNELS_MAX = 50


def _language(text: str) -> str:
    if text not in LANGUAGES:
        raise ValueError(f"one of {', '.join(LANGUAGES)}")
    return text


Address = Annotated[str, Field(max_length=ADDRESS_CHARS_MAX, json_schema_extra={"writeOnly": True})]
Language = Annotated[str, AfterValidator(_language), Field(json_schema_extra={"enum": list(LANGUAGES)})]
Zone = Annotated[str, AfterValidator(zone_name), Field(max_length=64)]
Alerts = Literal["none", "critical", "all"]


class Channel(TypedDict):
    """By what people are told; its address is shown without what is secret.

    `kind` is how the address begins, `alerts` those it tells of when they are raised, `cleared` whether it also tells
    when they are over. One that is `for_customers` tells those whose links name it. `failures` in a row;
    `paused_until`: it is left alone; `waiting`, `given_up`: messages, 1000 are counted; `waiting_since`: the first of
    those that wait; `disabled_why`: who or what switched it off.
    """

    id: str
    kind: str
    group: str
    url: str
    alerts: Alerts
    cleared: bool
    for_customers: bool
    language: str
    tz: str
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


class ChannelIn(Strict):
    """A new channel. `url` as Apprise has it; in one for customers `{to}` stands where their address is put in."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "night-shift",
                    "url": "mailtos://frostway:a-password@smtp.example.org?from=frostway@example.org&to=night@example.org",
                    "alerts": "critical",
                    "cleared": True,
                    "language": "en",
                    "tz": "Europe/Helsinki",
                }
            ],
        }
    )

    id: Name
    url: Address
    alerts: Alerts | None = None
    cleared: bool = False
    for_customers: bool = False
    language: Language = "en"
    tz: Zone = "UTC"


class ChannelChangeIn(Strict):
    """What is to be different; what is not named stays. Switched on again, what waits is told at once."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"alerts": "all", "disabled": False}]})

    url: Address | None = None
    alerts: Alerts | None = None
    cleared: bool | None = None
    language: Language | None = None
    tz: Zone | None = None
    disabled: bool | None = None


def _shape(row: Row) -> dict[str, Any]:
    plain = (
        *("id", "for_customers", "language", "tz", "created_by", "disabled_why", "failures", "last_error"),
        *("waiting", "given_up"),
    )
    kind = row["shown"].partition("://")[0]
    return {
        **{key: row[key] for key in plain},
        **{key: when(row[key]) for key in (*TIMES, "waiting_since")},
        "kind": kind,
        "group": KINDS[kind].group if kind in KINDS else "own",
        "url": row["shown"],
        "alerts": _alerts(row),
        "cleared": CLEARED in row["types"],
    }


def _alerts(row: Row) -> str:
    return next((word for word, types in ALERTS.items() if types and set(types) <= set(row["types"])), "none")


def _types(alerts: str, *, cleared: bool) -> list[str]:
    return [*ALERTS[alerts], *([CLEARED] if cleared and alerts != "none" else [])]


def _seal(request: Request, address: str, *, for_customers: bool) -> dict[str, Any]:
    """An address as it is kept.

    Raises:
        Problem: 422, it is none that is used here; 409, nothing can be sealed.
    """
    secret = context_of(request).config.sealing_secret
    if not secret:
        raise Problem(409, "addresses of channels cannot be kept: the operator sets FROSTWAY_SEALING_SECRET first")
    try:
        check_address(address, for_customers=for_customers)
    except AddressError as error:
        raise Problem(422, str(error)) from None
    return {"sealed": sealed(secret, address.encode()), "shown": shown_of(address)}


async def _channel(session: Session, name: str) -> Row:
    row = await session.row(queries("deliver")["channels"], after="", name=name, limit=1)
    if row is None:
        raise not_found()
    return row


RECEIVERS = Receivers("channel", _channel)


@router.get("", response_model=Items[Channel])
async def list_channels(request: Request, caller: ChannelKeeper, limit: Limit = 200, cursor: Cursor = None) -> Json:
    """Channels by name, and how each is doing."""
    after = decode(cursor, (str,))[0] if cursor else ""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        found = await session.rows(queries("deliver")["channels"], after=after, name=None, limit=limit + 1)
    return shaped_page(request, found, limit, lambda c: [c["id"]], _shape)


@router.get("/{channel_id}", response_model=Channel)
async def get_channel(request: Request, caller: ChannelKeeper, channel_id: str) -> Json:
    """One channel, and how it is doing."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        row = await _channel(session, channel_id)
    return one(request, _shape(row), live=LIVE)


@router.post("", response_model=Channel, status_code=201)
async def post_channel(request: Request, caller: ChannelKeeper, given: ChannelIn) -> Json:
    """A new channel, told what happens from now on. Its address is sealed and never shown again."""
    q = queries("deliver")
    kept = _seal(request, given.url, for_customers=given.for_customers)
    alerts = given.alerts or ("none" if given.for_customers else "critical")
    if given.for_customers and alerts != "none":
        raise Problem(422, "alerts: none, for it is for customers")
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        if len(await session.rows(q["channels"], after="", name=None, limit=CHANNELS_MAX)) >= CHANNELS_MAX:
            raise Problem(409, f"there are {CHANNELS_MAX} channels already: remove one first")
        about = {"types": _types(alerts, cleared=given.cleared), "language": given.language, "tz": given.tz}
        values = {**about, "for_customers": given.for_customers, "pages": pages_of(request), "actor": caller.user}
        if await session.row(q["add_channel"], name=given.id, **kept, **values) is None:
            raise Problem(409, f"id: there is a {given.id} already")
        await audit(session, caller, "channel.create", given.id, url=kept["shown"], **about)
        row = await _channel(session, given.id)
    return Json(_shape(row), 201)


@router.patch("/{channel_id}", response_model=Channel)
async def change_channel(request: Request, caller: ChannelKeeper, channel_id: str, given: ChannelChangeIn) -> Json:
    """Another address, other alerts, another language, off or on again."""
    q = queries("deliver")
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        old = await _channel(session, channel_id)
        alerts = given.alerts or _alerts(old)
        if old["for_customers"] and alerts != "none":
            raise Problem(422, "alerts: none, for it is for customers")
        changes = given.model_dump(exclude_unset=True, exclude={"url"})
        if given.url is not None:
            kept = _seal(request, given.url, for_customers=old["for_customers"])
            await session.row(q["seal_channel"], name=channel_id, **kept)
            changes["url"] = kept["shown"]
        values = {
            "types": _types(alerts, cleared=CLEARED in old["types"] if given.cleared is None else given.cleared),
            "language": given.language or old["language"],
            "tz": given.tz or old["tz"],
            "pages": pages_of(request),
            "disabled": (old["disabled_at"] is not None) if given.disabled is None else given.disabled,
        }
        await session.row(q["change_channel"], name=channel_id, why=f"switched off by {caller.user}", **values)
        await audit(session, caller, "channel.change", channel_id, **changes)
        row = await _channel(session, channel_id)
    return Json(_shape(row))


@router.delete("/{channel_id}", status_code=204)
async def delete_channel(request: Request, caller: ChannelKeeper, channel_id: str) -> Response:
    """It is gone, with all that waits for it; not while a route tells by it."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        naming = await session.rows(queries("escalation")["naming"], channel=channel_id)
    if naming:
        raise Problem(409, f"the route {naming[0]['name']} tells by it: take it out there first")
    return await RECEIVERS.delete(request, caller, channel_id)


class TryIn(Strict):
    """Whom the test of a customers' channel goes to: an e-mail address or a telephone number."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"to": "anna@example.org"}]})

    to: Annotated[str, Field(max_length=200)] | None = None


@router.post("/{channel_id}/test", response_model=Delivery, status_code=202)
async def try_channel(request: Request, caller: ChannelKeeper, channel_id: str, given: TryIn | None = None) -> Json:
    """Sends a message now; its delivery says within seconds what came of it."""
    return await RECEIVERS.attempt(request, caller, channel_id, lambda row: _recipient(row, given or TryIn()))


def _recipient(row: Row, given: TryIn) -> str | None:
    if row["for_customers"] and row["shown"].startswith(f"{web_push.SCHEME}://"):
        raise Problem(409, "customers' browsers are told by their links only: open one, and have that browser told")
    if row["for_customers"] != (given.to is not None):
        raise Problem(422, "to: whom the test of a customers' channel goes to, and of no other")
    if given.to is None:
        return None
    try:
        return check_recipient(given.to, str(_shape(row)["group"]))
    except AddressError as error:
        raise Problem(422, str(error)) from None


@router.get("/{channel_id}/deliveries", response_model=Items[Delivery])
async def list_notices(
    request: Request,
    caller: ChannelKeeper,
    channel_id: str,
    state: Annotated[Literal["waiting", "done", "gave up"] | None, Query()] = None,
    limit: Limit = 200,
    cursor: Cursor = None,
) -> Json:
    """What it told and is to tell, the newest first, of the last 30 days."""
    return await RECEIVERS.page(request, caller, channel_id, state, limit, cursor)


@router.get("/{channel_id}/deliveries/{notice_id}", response_model=Delivery)
async def get_notice(request: Request, caller: ChannelKeeper, channel_id: str, notice_id: str) -> Json:
    """One message with its attempts."""
    return await RECEIVERS.one(request, caller, channel_id, notice_id)


@router.post("/{channel_id}/deliveries/{notice_id}/redeliver", response_model=Delivery, status_code=202)
async def send_notice_again(request: Request, caller: ChannelKeeper, channel_id: str, notice_id: str) -> Json:
    """Sends a message once more from the beginning."""
    return await RECEIVERS.again(request, caller, channel_id, notice_id)


@router.post("/{channel_id}/redeliver", response_model=SentAgain, status_code=202)
async def send_all_notices_again(request: Request, caller: ChannelKeeper, channel_id: str) -> Json:
    """Sends all that was given up once more, in its order; what came too late for customers is given up again."""
    return await RECEIVERS.all_again(request, caller, channel_id)
