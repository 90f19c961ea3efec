"""`/ws/v1`: one socket from handshake to close. What it sends comes from the hub; what it may ask is little."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import partial
from typing import Any, TypeVar, cast

import orjson
from fastapi import WebSocket
from starlette.websockets import WebSocketDisconnect, WebSocketState

from api.database import DATABASE_ERRORS
from api.feed.client import Client
from api.feed.hub import Hub, hub_of
from api.feed.outbox import message
from api.feed.wanted import Refused, Subscribe, subscription
from api.http.auth import COOKIE, bearer_of, same_origin, who
from api.http.caller import Caller
from api.http.context import address_of, context_of
from api.http.problems import answer
from api.http.routes import outside
from domain.limits import RateLimit, network_of
from domain.permissions import Permission

log = logging.getLogger(__name__)
router = outside()

STRANGERS_MAX = 200
STRANGERS_PER_NETWORK_MAX = 50
AUTH_S = 10.0
FRAMES = "frostway.frames"  # of the scope: writes a frame at once, if the server has such a way
STALL_S = 30.0
CLOSE_S = 2.0
MESSAGES_PER_10S_MAX = 100

Closing = tuple[int, str]
T = TypeVar("T")


class Doors:
    """Who stands where: open sockets by user and by tenant, and those that have not said yet who they are.

    A stranger has a place for as long as nobody else needs it: the oldest of the network that has the most goes first.
    """

    def __init__(self) -> None:
        self.by_user: Counter[tuple[int, str]] = Counter()
        self.by_tenant: Counter[int] = Counter()
        self._strangers: dict[str, dict[asyncio.Future[None], None]] = {}

    @contextlib.contextmanager
    def stranger(self, network: str) -> Iterator[asyncio.Future[None]]:
        """A place until it is known who it is; the future is done when it has to be given up."""
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        own = self._strangers.setdefault(network, {})
        own[place] = None
        if len(own) > STRANGERS_PER_NETWORK_MAX:
            self._dismiss(network)
        elif sum(map(len, self._strangers.values())) > STRANGERS_MAX:
            self._dismiss(max(self._strangers, key=lambda each: len(self._strangers[each])))
        try:
            yield place
        finally:
            self._forget(network, place)

    @contextlib.contextmanager
    def guest(self, caller: Caller, per_user: int, per_tenant: int) -> Iterator[str]:
        """A place for a socket of somebody known; the text says why there is none."""
        user = (caller.tenant_id, caller.user)
        if self.by_user[user] >= per_user:
            yield f"more than {per_user} sockets of one user: try again later"
            return
        if self.by_tenant[caller.tenant_id] >= per_tenant:
            yield f"more than {per_tenant} sockets of one tenant: try again later"
            return
        self.by_user[user] += 1
        self.by_tenant[caller.tenant_id] += 1
        try:
            yield ""
        finally:
            self.by_user[user] -= 1
            self.by_tenant[caller.tenant_id] -= 1
            self.by_user, self.by_tenant = +self.by_user, +self.by_tenant

    def _dismiss(self, network: str) -> None:
        place = next(iter(self._strangers[network]))
        self._forget(network, place)
        if not place.done():
            place.set_result(None)

    def _forget(self, network: str, place: asyncio.Future[None]) -> None:
        own = self._strangers.get(network, {})
        own.pop(place, None)
        if not own:
            self._strangers.pop(network, None)


@router.websocket("/ws/v1")
async def live(socket: WebSocket) -> None:
    """Snapshot, then deltas, of the topics a client subscribes."""
    origin = socket.headers.get("origin")
    token = bearer_of(socket)
    if origin is not None and not same_origin(socket, origin):
        await socket.close(1008)
        return
    cookie = socket.cookies.get(COOKIE, "") if token is None else ""
    if cookie and origin is None:  # only a browser keeps cookies, and a browser says where it is
        await socket.close(1008)
        return
    try:
        caller = await who(context_of(socket), token or cookie, by_cookie=bool(cookie))
    except DATABASE_ERRORS:
        await socket.send_denial_response(
            answer(503, "the database cannot be reached: try again", {"Retry-After": "2"})
        )
        return
    if caller is None and (token or cookie):
        if not cookie:  # sessions end every day
            context_of(socket).refusals.saw("token", "bearer token", address_of(socket))
        await socket.close(1008)
        return
    await socket.accept()
    with contextlib.suppress(WebSocketDisconnect):
        known = partial(who, context_of(socket), by_cookie=False)
        caller = caller or await introduced(socket, known, "sign in first")
        if caller is not None:
            await _serve(socket, caller)


async def introduced(socket: WebSocket, find: Callable[[str], Awaitable[T | None]], reason: str) -> T | None:
    """Waits for `{"type":"auth","token":…}`; closes when it does not come, or with the reason when it is not good."""
    doors: Doors = socket.app.state.doors
    found, code = None, 1008
    with doors.stranger(network_of(address_of(socket))) as dismissed:
        said = asyncio.ensure_future(socket.receive())
        waited: list[asyncio.Future[Any]] = [said, dismissed]
        try:
            await asyncio.wait(waited, timeout=AUTH_S, return_when=asyncio.FIRST_COMPLETED)
            if not said.done() and dismissed.done():
                code, reason = 1013, "too many sockets wait to sign in"
            elif not said.done():
                reason = "nobody signed in"
            elif (body := _json(said.result())).get("type") == "auth" and isinstance(body.get("token"), str):
                found = await find(body["token"])
        except Refused as refused:
            reason = str(refused)
        except DATABASE_ERRORS:
            code, reason = 1013, "the database cannot be reached: try again"
        finally:
            said.cancel()
    if found is None:
        context_of(socket).refusals.saw("socket", reason, address_of(socket))
        await close(socket, code, reason)
    return found


async def _serve(socket: WebSocket, caller: Caller) -> None:
    context = context_of(socket)
    doors = cast("Doors", socket.app.state.doors)
    limits = context.config
    if Permission.READ not in caller.may:
        await close(socket, 1008, f"this token's scope does not hold {Permission.READ}")
        return
    with doors.guest(caller, limits.sockets_per_user_max, limits.sockets_per_tenant_max) as refusal:
        if refusal:
            await close(socket, 1013, refusal)
            return
        write = socket.scope.get("extensions", {}).get(FRAMES)
        client = Client(caller.token_id, caller.tenant_id, caller.role, caller.user, write)
        await _follow(socket, client, hub_of(socket))


async def _follow(socket: WebSocket, client: Client, hub: Hub) -> None:
    hub.join(client)
    work = [asyncio.ensure_future(w) for w in (_send(socket, client), _receive(socket, client), client.closing)]
    try:
        done, _ = await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
        ending = client.closing if client.closing.done() else done.pop()
        code, reason = ending.result() or (1000, "")
    finally:
        hub.leave(client)
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
    await close(socket, code, reason)


async def _send(socket: WebSocket, client: Client) -> Closing:
    """Sends what waits in the outbox; a client that takes nothing for `STALL_S` has to go."""
    while True:
        item = await client.outbox.pop()
        try:
            async with asyncio.timeout(STALL_S):
                await socket.send({"type": "websocket.send", "text": item.text})
        except TimeoutError:
            return 1013, "too slow: resume with the cursor"
        except (WebSocketDisconnect, RuntimeError, OSError):
            return 1006, ""


async def _receive(socket: WebSocket, client: Client) -> Closing:
    """Takes subscriptions until the client goes."""
    hub, context = hub_of(socket), context_of(socket)
    flood = RateLimit(MESSAGES_PER_10S_MAX, 10.0)
    while True:
        event = await socket.receive()
        if event["type"] == "websocket.disconnect":
            return 1006, ""
        flood.add("", time.monotonic())
        try:
            wanted = subscription(Subscribe, _json(event, flooded=flood.wait_s("", time.monotonic()) > 0))
            if context.rates.take_of(client.who, time.monotonic()).wait_s > 0:
                context.metrics.refused.labels("rate").inc()
                return 1013, "too many requests: come back in a while"
            await hub.subscribe(client, wanted.chosen(), wanted.view(), wanted.position())
        except Refused as refused:
            with contextlib.suppress(WebSocketDisconnect, RuntimeError):
                await socket.send_text(message("error", detail=str(refused)).text)
            return 1008, str(refused)
        except DATABASE_ERRORS:
            log.warning("a snapshot failed", exc_info=True)
            return 1013, "the database cannot be reached: try again"


def _json(event: Mapping[str, Any], *, flooded: bool = False) -> dict[str, Any]:
    if event["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(event.get("code", 1006))
    if flooded:
        raise Refused("too many messages")
    text = event.get("text")
    if text is None:
        raise Refused("text messages only")
    try:
        body = orjson.loads(text)
    except ValueError:
        raise Refused("not JSON") from None
    if not isinstance(body, dict):
        raise Refused("not a JSON object")
    return body


async def close(socket: WebSocket, code: int, reason: str) -> None:
    """Closes politely, or, when the client does not even read that, by force."""
    if code == 1006 or socket.client_state is WebSocketState.DISCONNECTED:
        return
    abort: Callable[[], None] | None = socket.scope.get("state", {}).get("abort")
    try:
        async with asyncio.timeout(CLOSE_S):
            await socket.close(code, reason[:120])
    except TimeoutError:
        if abort is not None:
            abort()
    except (WebSocketDisconnect, RuntimeError, OSError):
        pass
