"""Answers that last: each takes a place, and gives it back, also when its client goes half way."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from time import monotonic

from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from api.http.context import Context
from api.http.places import Downloads, Place

NDJSON = "application/x-ndjson"


class Lasting(StreamingResponse):
    """An answer that is made while it is sent."""

    def __init__(
        self,
        context: Context,
        places: Downloads,
        place: Place,
        body: AsyncGenerator[bytes, None],
        media_type: str,
        headers: dict[str, str] | None = None,
        *,
        after: Callable[[], None] = lambda: None,
    ) -> None:
        """`after` is called when it is over, however it ended."""
        super().__init__(body, media_type=media_type, headers=headers)
        self._context, self._places, self._place, self._body, self._after = context, places, place, body, after

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends all of it."""

        async def watched(message: Message) -> None:
            self._place.waiting_since = monotonic()
            await send(message)
            self._place.waiting_since = None

        try:
            await super().__call__(scope, receive, watched)
        finally:
            self._places.give_back(self._place)
            await self._context.database.finish(self._end())

    async def _end(self) -> None:
        try:
            await self._body.aclose()
        finally:
            self._after()
