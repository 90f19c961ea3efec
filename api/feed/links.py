"""`/ws/v1/link`: open pages of customers' links. Each is closed within a second of the link's end.

Nothing of a shipment goes through here: a page asks for that by REST. What it learns here is that it may not ask any
more.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Iterator
from typing import cast

from fastapi import FastAPI, WebSocket
from starlette.requests import HTTPConnection
from starlette.websockets import WebSocketDisconnect

from api.database import DATABASE_ERRORS, Database, Row
from api.feed.hub import TOKEN_CHECK_S
from api.feed.outbox import message
from api.feed.socket import close, introduced
from api.http.auth import same_origin
from api.http.context import address_of, context_of
from api.http.links import wrong_link
from api.http.presented import TOKEN_CHARS_MAX
from api.http.routes import outside
from store.db import queries
from store.secrets import token_hash

router = outside()
PAGES_MAX = 50
ENDED = "this link does not work"
SAYS_MAX = 20


class Links:
    """Who has which link open."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._open: dict[int, set[asyncio.Future[None]]] = defaultdict(set)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to look which links have ended."""
        self._task = asyncio.get_running_loop().create_task(self._watch())

    async def stop(self) -> None:
        """Looks no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @contextlib.contextmanager
    def place(self, share_id: int) -> Iterator[asyncio.Future[None] | None]:
        """A page of a link: the future is done when the link has ended; None: too many are open."""
        if len(self._open.get(share_id, ())) >= PAGES_MAX:
            yield None
            return
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._open[share_id].add(ended)
        try:
            yield ended
        finally:
            self._open[share_id].discard(ended)
            if not self._open[share_id]:
                del self._open[share_id]

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(TOKEN_CHECK_S)
            if not self._open:
                continue
            try:
                async with self._database.owner() as owner:
                    ended = await owner.rows(queries("live")["ended_shares"], ids=list(self._open))
            except DATABASE_ERRORS:
                continue
            for row in ended:
                for page in self._open.get(row["id"], ()):
                    if not page.done():
                        page.set_result(None)


def links_in(app: FastAPI) -> Links:
    """The open links of an app."""
    return cast("Links", app.state.links)


@router.websocket("/ws/v1/link")
async def link(socket: WebSocket) -> None:
    """Says `open` to whoever names a good link, and closes with 1008 when it has ended."""
    origin = socket.headers.get("origin")
    if origin is not None and not same_origin(socket, origin):
        await socket.close(1008)
        return
    await socket.accept()

    async def find(token: str) -> Row | None:
        return await _share(socket, token)

    with contextlib.suppress(WebSocketDisconnect):
        share = await introduced(socket, find, ENDED)
        if share is None:
            return
        with links_in(cast("FastAPI", socket.app)).place(share["id"]) as ended:
            if ended is None:
                await close(socket, 1013, f"more than {PAGES_MAX} pages of one link: try again later")
                return
            await socket.send_text(message("open").text)
            await _hold(socket, ended)


async def _share(connection: HTTPConnection, token: str) -> Row | None:
    context = context_of(connection)
    async with context.database.owner() as owner:
        digest = token_hash(token[:TOKEN_CHARS_MAX])
        share = await owner.row(queries("shares")["share_by_token"], token_sha256=digest)
    if share is None:
        wrong_link(context, address_of(connection))  # counted: who guesses here is slowed down at REST too
    return share


async def _hold(socket: WebSocket, ended: asyncio.Future[None]) -> None:
    """Until the link has ended or the page goes; a page has nothing to say here."""
    said = asyncio.ensure_future(_listen(socket))
    try:
        await asyncio.wait([said, ended], return_when=asyncio.FIRST_COMPLETED)
    finally:
        said.cancel()
        await asyncio.gather(said, return_exceptions=True)
    await close(socket, 1008, ENDED if ended.done() else "there is nothing to say here")


async def _listen(socket: WebSocket) -> None:
    for _ in range(SAYS_MAX):
        if (await socket.receive())["type"] == "websocket.disconnect":
            return
