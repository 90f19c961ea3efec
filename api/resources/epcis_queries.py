"""Questions about EPCIS events by name, and subscriptions: webhooks that are told what they find."""

from __future__ import annotations

import secrets
from typing import Annotated, Any

import orjson
from fastapi import Path, Request
from pydantic import AfterValidator, ConfigDict, Field, model_validator
from starlette.responses import Response
from typing_extensions import TypedDict

from api.database import Row, Session
from api.http.audit import audit
from api.http.auth import GoodsKeeper, Reader, WebhookKeeper
from api.http.context import context_of
from api.http.inputs import Strict
from api.http.instants import Instant
from api.http.jsons import Json, Time, when
from api.http.paging import Cursor, Items, Limit, decode, shaped_page
from api.http.problems import Problem, not_found
from api.http.routes import resource
from api.resources.shared.epcis import PAGES, VERSIONS, events_page
from domain.epcis.query import QueryError, asked_by_name
from domain.epcis.schedules import schedule_of
from domain.webhooks import EPCIS, URL_CHARS_MAX, AddressError, parse_url, secret_text
from store.db import queries

router = resource("/epcis/queries", tags=["epcis"])
QUERIES_MAX = 200
WEBHOOKS_MAX = 50
SECRET_OCTETS = 32
QueryName = Annotated[str, Path(max_length=64)]
SubscriptionName = Annotated[str, Path(max_length=64)]
Parameter = Annotated[str, Field(max_length=400)]
Asked = dict[str, Parameter | bool | Annotated[list[Parameter], Field(max_length=100)]]


def _can_be_asked(given: Asked) -> Asked:
    try:
        asked_by_name(given)
    except QueryError as error:
        raise ValueError(str(error)) from None
    return given


def _url(text: str) -> str:
    try:
        parse_url(text)
    except AddressError as error:
        raise ValueError(str(error).removeprefix("url: ")) from None
    return text


def _schedule(given: dict[str, str]) -> dict[str, str]:
    try:
        schedule_of(given)
    except QueryError as error:
        raise ValueError(str(error).removeprefix("schedule: ")) from None
    return given


class EpcisQueryIn(Strict):
    """A question with a name; its parameters are those of `GET /epcis/events`, each with a value or a list."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"name": "shipped", "query": {"eventType": ["ObjectEvent"], "EQ_bizStep": ["shipping"]}}]
        }
    )

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
    query: Annotated[Asked, AfterValidator(_can_be_asked), Field(max_length=40)]


class EpcisQuery(TypedDict):
    """A question with a name, and how many are told what it finds."""

    name: str
    query: dict[str, Any]
    createdAt: Time | None
    createdBy: str
    subscriptions: int


class EpcisSubscriptionIn(Strict):
    """Who is told: `dest`, as events come (`stream`), or by the clock (`schedule`: minute, hour, … in UTC)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"dest": "https://partner.example.org/epcis", "stream": True},
                {
                    "dest": "https://partner.example.org/epcis",
                    "schedule": {"minute": "0", "hour": "[6-22]", "dayOfWeek": "[1-5]"},
                    "reportIfEmpty": True,
                    "initialRecordTime": "2026-11-01T00:00:00Z",
                },
            ]
        }
    )

    dest: Annotated[str, AfterValidator(_url), Field(max_length=URL_CHARS_MAX)]
    stream: bool = False
    schedule: Annotated[dict[str, Annotated[str, Field(max_length=200)]], AfterValidator(_schedule)] | None = None
    report_if_empty: Annotated[bool, Field(alias="reportIfEmpty")] = False
    initial_record_time: Annotated[Instant | None, Field(alias="initialRecordTime")] = None

    @model_validator(mode="after")
    def _either(self) -> EpcisSubscriptionIn:
        if self.stream == (self.schedule is not None):
            raise ValueError("stream: true, or a schedule")
        if self.report_if_empty and self.stream:
            raise ValueError("reportIfEmpty: of a schedule; as events come there is always one")
        return self


class EpcisSubscription(TypedDict):
    """Who is told what a question finds. `webhook`: where its deliveries are, what failed and is sent again."""

    subscriptionID: str
    queryName: str
    dest: str
    stream: bool
    schedule: dict[str, str] | None
    reportIfEmpty: bool
    initialRecordTime: Time | None
    createdAt: Time | None
    createdBy: str
    webhook: str
    disabledWhy: str | None
    lastError: str | None


class NewEpcisSubscription(EpcisSubscription):
    """A subscription with the secret of its webhook, which is told once."""

    secret: str


def _query(row: Row) -> EpcisQuery:
    return {
        "name": row["name"],
        "query": row["asked"],
        "createdAt": when(row["created_at"]),
        "createdBy": row["created_by"],
        "subscriptions": row["subscriptions"],
    }


def _subscription(row: Row) -> EpcisSubscription:
    return {
        "subscriptionID": row["name"],
        "queryName": row["query"],
        "dest": row["url"],
        "stream": row["schedule"] is None,
        "schedule": row["schedule"],
        "reportIfEmpty": row["report_if_empty"],
        "initialRecordTime": when(row["since"]),
        "createdAt": when(row["created_at"]),
        "createdBy": row["created_by"],
        "webhook": f"/api/v1/webhooks/{row['name']}",
        "disabledWhy": row["disabled_why"],
        "lastError": row["last_error"],
    }


async def _named(session: Session, name: str) -> Row:
    row = await session.row(queries("epcis")["named_queries"], after="", name=name, limit=1)
    if row is None:
        raise not_found()
    return row


async def _told(session: Session, query: str, name: str) -> Row:
    row = await session.row(queries("epcis")["subscriptions_of"], query=query, name=name, after="", limit=1)
    if row is None:
        raise not_found()
    return row


@router.get("", response_model=Items[EpcisQuery])
async def list_epcis_queries(request: Request, caller: Reader, limit: Limit = 200, cursor: Cursor = None) -> Json:
    """Questions by name."""
    after = decode(cursor, (str,))[0] if cursor else ""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        found = await session.rows(queries("epcis")["named_queries"], after=after, name=None, limit=limit + 1)
    return shaped_page(request, found, limit, lambda row: [row["name"]], _query)


@router.post("", response_model=EpcisQuery, status_code=201)
async def post_epcis_query(request: Request, caller: GoodsKeeper, given: EpcisQueryIn) -> Json:
    """Gives a question a name. 409: another one has it."""
    q = queries("epcis")
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        if len(await session.rows(q["named_queries"], after="", name=None, limit=QUERIES_MAX)) >= QUERIES_MAX:
            raise Problem(409, f"there are {QUERIES_MAX} queries already: remove one first")
        values = {"name": given.name, "asked": orjson.dumps(given.query).decode(), "actor": caller.user}
        if await session.row(q["add_query"], **values) is None:
            raise Problem(409, f"name: there is a {given.name} already")
        await audit(session, caller, "epcis_query.create", given.name, query=given.query)
        row = await _named(session, given.name)
    return Json(_query(row), 201, {**VERSIONS, "Location": f"{request.url.path}/{given.name}"})


@router.get("/{query_name}", response_model=EpcisQuery)
async def get_epcis_query(request: Request, caller: Reader, query_name: QueryName) -> Json:
    """One question."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        row = await _named(session, query_name)
    return Json(_query(row), headers=VERSIONS)


@router.delete("/{query_name}", status_code=204)
async def delete_epcis_query(request: Request, caller: GoodsKeeper, query_name: QueryName) -> Response:
    """Takes the name away. 409: somebody is told what it finds; end the subscriptions first."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        row = await _named(session, query_name)
        if row["subscriptions"]:
            raise Problem(409, f"{row['subscriptions']} are told what it finds: end their subscriptions first")
        await session.row(queries("epcis")["drop_query"], id=row["id"])
        await audit(session, caller, "epcis_query.delete", query_name)
    return Response(status_code=204)


@router.get("/{query_name}/events", response_model=dict[str, Any], openapi_extra={"parameters": PAGES})
async def run_epcis_query(request: Request, caller: Reader, query_name: QueryName) -> Json:
    """What a question finds now, as an EPCISQueryDocument; the newest first."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        row = await _named(session, query_name)
    return await events_page(request, caller, asked_by_name(row["asked"]), query_name)


@router.get("/{query_name}/subscriptions", response_model=Items[EpcisSubscription])
async def list_epcis_subscriptions(
    request: Request, caller: WebhookKeeper, query_name: QueryName, limit: Limit = 200, cursor: Cursor = None
) -> Json:
    """Who is told what a question finds."""
    after = decode(cursor, (str,))[0] if cursor else ""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        await _named(session, query_name)
        asked = {"query": query_name, "name": None, "after": after, "limit": limit + 1}
        found = await session.rows(queries("epcis")["subscriptions_of"], **asked)
    return shaped_page(request, found, limit, lambda row: [row["name"]], _subscription)


@router.post("/{query_name}/subscriptions", response_model=NewEpcisSubscription, status_code=201)
async def post_epcis_subscription(
    request: Request, caller: WebhookKeeper, query_name: QueryName, given: EpcisSubscriptionIn
) -> Json:
    """Tells a webhook what a question finds, from now on or from `initialRecordTime`; its secret is told once."""
    secret, name = secrets.token_bytes(SECRET_OCTETS), f"epcis-{secrets.token_hex(6)}"
    hooks, q = queries("deliver"), queries("epcis")
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        query = await _named(session, query_name)
        if len(await session.rows(hooks["webhooks"], after="", name=None, limit=WEBHOOKS_MAX)) >= WEBHOOKS_MAX:
            raise Problem(409, f"there are {WEBHOOKS_MAX} webhooks already: remove one first")
        hook = {"name": name, "url": given.dest, "types": [EPCIS], "secret": secret, "actor": caller.user}
        made = await session.row(hooks["add_webhook"], **hook)
        schedule = None if given.schedule is None else orjson.dumps(given.schedule).decode()
        told = {"query": query["id"], "receiver": (made or {})["id"], "schedule": schedule, "actor": caller.user}
        since = given.initial_record_time
        await session.run(q["subscribe"], **told, empty=given.report_if_empty, since=since)
        about = given.model_dump(mode="json", by_alias=True, exclude_none=True)
        await audit(session, caller, "epcis_subscription.create", f"{query_name}/{name}", **about)
        row = await _told(session, query_name, name)
    where = f"{request.url.path}/{name}"
    return Json({**_subscription(row), "secret": secret_text(secret)}, 201, {**VERSIONS, "Location": where})


@router.get("/{query_name}/subscriptions/{subscription_id}", response_model=EpcisSubscription)
async def get_epcis_subscription(
    request: Request, caller: WebhookKeeper, query_name: QueryName, subscription_id: SubscriptionName
) -> Json:
    """One subscription."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        row = await _told(session, query_name, subscription_id)
    return Json(_subscription(row), headers=VERSIONS)


@router.delete("/{query_name}/subscriptions/{subscription_id}", status_code=204)
async def delete_epcis_subscription(
    request: Request, caller: WebhookKeeper, query_name: QueryName, subscription_id: SubscriptionName
) -> Response:
    """Tells it no more: its webhook is gone, with what waits for it."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        await _told(session, query_name, subscription_id)
        await session.row(queries("deliver")["remove_receiver"], kind="webhook", name=subscription_id)
        await audit(session, caller, "epcis_subscription.delete", f"{query_name}/{subscription_id}")
    return Response(status_code=204)
