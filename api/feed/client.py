"""One listener of the live feed, whatever carries its messages: what waits for it, and what it wants."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from api.feed.cursors import Vector, encode_cursor
from api.feed.outbox import Message, Outbox
from api.feed.rows import ChangeRow
from api.feed.views import View, mark_of


class Client:
    """What waits for a listener, what it has subscribed, and when it has to go."""

    def __init__(
        self,
        token_id: int,
        tenant_id: int,
        role: str,
        user: str = "",
        write: Callable[[bytes], bool] | None = None,
    ) -> None:
        self.token_id, self.tenant_id, self.role = token_id, tenant_id, role
        self.who = (tenant_id, user)
        self.outbox = Outbox()
        self._write = write
        self.here = False
        self.topics: frozenset[str] = frozenset()
        self.view: View | None = None
        self.mark = ""
        self.waiting: list[ChangeRow] | None = None  # rows since registration, until the snapshot is there
        self.floor: Vector = {}
        self.closing: asyncio.Future[tuple[int, str]] = asyncio.get_running_loop().create_future()

    def want(self, topics: frozenset[str], view: View | None) -> None:
        """What it follows from now on; rows wait until it has been given what there is."""
        self.topics, self.view, self.mark = topics, view, mark_of(topics, view)
        self.floor, self.waiting = {}, []

    def cursor(self, vector: Vector) -> str:
        """A position as this client's cursor."""
        return encode_cursor(vector, self.mark)

    def tell(self, item: Message) -> bool:
        """Passes a message on: at once when nothing waits and its connection takes it; False when it is too slow."""
        if self._write is not None and self.outbox.idle and self._write(item.frame):
            return True
        return self.outbox.push(item)

    def close(self, code: int, reason: str) -> None:
        """Asks whoever carries the messages to close; the first reason counts."""
        if not self.closing.done():
            self.closing.set_result((code, reason))
