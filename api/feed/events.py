"""`GET /api/v1/live`: the live feed as server-sent events, for whom a proxy or a program leaves no websocket."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Annotated, Any, cast

import orjson
from fastapi import Header, Query, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.feed.client import Client
from api.feed.hub import hub_of
from api.feed.outbox import Message
from api.feed.socket import Doors
from api.feed.wanted import CURSOR_MAX, NAMED_MAX, Refused, Wanted, subscription
from api.http.auth import Reader
from api.http.context import context_of
from api.http.middleware import AT_END
from api.http.problems import Problem
from api.http.routes import resource

router = resource(tags=["live"])
RETRY_MS = 2_000
_AGAIN_S = "10"


class EventStream(Response):
    """What waits for a client, as it comes, until it goes or has to go."""

    media_type = "text/event-stream"

    def __init__(self, client: Client) -> None:
        super().__init__(headers={"x-accel-buffering": "no"})  # a proxy that gathers would hold it back
        del self.headers["content-length"]
        self._client = client

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends events; whoever takes none is cut off as with every answer."""
        del scope
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await _give(send, f"retry: {RETRY_MS}\n\n")
        gone = asyncio.ensure_future(_gone(receive))
        closing, news = self._client.closing, asyncio.ensure_future(self._client.outbox.pop())
        try:
            while True:
                waited: list[asyncio.Future[Any]] = [news, gone, closing]
                await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
                if closing.done() or gone.done():
                    break
                await _give(send, _event(news.result()))
                news = asyncio.ensure_future(self._client.outbox.pop())
        finally:
            for task in (gone, news):
                task.cancel()
            await asyncio.gather(gone, news, return_exceptions=True)
        if closing.done():
            code, reason = closing.result()
            await _give(send, f"event: close\ndata: {orjson.dumps({'code': code, 'reason': reason}).decode()}\n\n")
        with contextlib.suppress(OSError):
            await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _give(send: Send, text: str) -> None:
    await send({"type": "http.response.body", "body": text.encode(), "more_body": True})


def _event(item: Message) -> str:
    """A message as an event: its kind, its cursor as the id by which a client comes again, itself as data."""
    place = f"id: {item.cursor}\n" if item.cursor else ""
    return f"event: {item.kind}\n{place}data: {item.text}\n\n"


@router.get(
    "/live",
    response_class=Response,
    responses={
        200: {
            "description": "events `snapshot`, `delta`, `resync`, `ping` and `close`",
            "content": {"text/event-stream": {}},
        },
        429: {"description": "more listeners than one user or tenant may have"},
    },
)
async def follow(
    request: Request,
    caller: Reader,
    topics: Annotated[str, Query(max_length=200, description="names with commas between them")],
    bbox: Annotated[
        str | None, Query(max_length=100, description="west,south,east,north in degrees: vehicles in it")
    ] = None,
    vehicle: Annotated[list[str] | None, Query(max_length=NAMED_MAX, description="what is about these")] = None,
    shipment: Annotated[list[str] | None, Query(max_length=NAMED_MAX, description="what is about these")] = None,
    cursor: Annotated[str | None, Query(max_length=CURSOR_MAX)] = None,
    last_event_id: Annotated[str | None, Header(max_length=CURSOR_MAX)] = None,
) -> Response:
    """The messages of `/ws/v1` as server-sent events: a snapshot, then what changes, with its cursor as id.

    `Last-Event-ID`, which a browser sends by itself, or `cursor` goes on where one was. An event `close` says why the
    stream ends: with 1013 come again, with 1008 not.
    """
    asked: dict[str, Any] = {
        "topics": topics.split(","),
        "bbox": bbox.split(",") if bbox else None,
        "vehicles": vehicle,
        "shipments": shipment,
        "cursor": last_event_id or cursor,
    }
    try:
        wanted = subscription(Wanted, asked)
    except Refused as refused:
        raise Problem(422, str(refused)) from None
    limits, doors = context_of(request).config, cast("Doors", request.app.state.doors)
    at_end: contextlib.AsyncExitStack = request.scope[AT_END]
    refusal = at_end.enter_context(doors.guest(caller, limits.sockets_per_user_max, limits.sockets_per_tenant_max))
    if refusal:
        raise Problem(429, refusal, {"Retry-After": _AGAIN_S})
    hub, client = hub_of(request), Client(caller.token_id, caller.tenant_id, caller.role, caller.user)
    hub.join(client)
    at_end.callback(hub.leave, client)
    await hub.subscribe(client, wanted.chosen(), wanted.view(), wanted.position())
    return EventStream(client)
