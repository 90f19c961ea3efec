"""Bodies that come and answers that go: bounded in size and time, whatever pace the client has in mind."""

from __future__ import annotations

import asyncio
from typing import Any

from serving.front import Receive, Scope, Send

PIECE_BYTES = 64 * 1024
SEND_S = 15.0  # for one piece of an answer to be taken: 4 KiB/s at least


class Stalled(Exception):  # noqa: N818 - an outcome, not a fault of ours
    """The client does not read its answer; its connection was cut."""


class TooLarge(Exception):  # noqa: N818
    """The body has more bytes than allowed."""


class TooSlow(Exception):  # noqa: N818
    """The body was not there in time."""


def timely(receive: Receive, bytes_max: int, seconds: float, bytes_s_min: float = 0.0) -> Receive:
    """A body is there `seconds` after its head, and has no more than `bytes_max`.

    With `bytes_s_min` it may take longer as long as it comes that fast.

    Raises, when it is read:
        TooLarge, TooSlow.
    """
    seen, whole = 0, False
    deadline: float | None = None

    async def take() -> Any:
        nonlocal seen, whole, deadline
        if whole:
            return await receive()
        loop = asyncio.get_running_loop()
        deadline = deadline or loop.time() + seconds
        try:
            async with asyncio.timeout_at(deadline + (seen / bytes_s_min if bytes_s_min else 0.0)):
                message = await receive()
        except TimeoutError:
            raise TooSlow from None
        if message["type"] == "http.request":
            seen += len(message.get("body", b""))
            whole = not message.get("more_body", False)
            if seen > bytes_max:
                raise TooLarge
        return message

    return take


def in_pieces(scope: Scope, send: Send, seconds: float | None = None) -> Send:
    """A large body goes out piece by piece; a client that does not take one in time is cut off.

    Raises, when something is sent:
        Stalled: it was.
    """

    async def give(message: Any) -> None:
        body = message.get("body", b"") if message["type"] == "http.response.body" else b""
        if len(body) <= PIECE_BYTES:
            await once(message)
            return
        view = memoryview(body)
        for start in range(0, len(body), PIECE_BYTES):
            last = start + PIECE_BYTES >= len(body)
            more = message.get("more_body", False) or not last
            await once({**message, "body": bytes(view[start : start + PIECE_BYTES]), "more_body": more})

    async def once(message: Any) -> None:
        try:
            async with asyncio.timeout(SEND_S if seconds is None else seconds):
                await send(message)
        except TimeoutError:
            cut(scope)
            await asyncio.sleep(0)  # the connection learns that it is lost
            raise Stalled from None

    return give


def cut(scope: Scope) -> None:
    """Ends the connection of a request at once, whatever has not been sent."""
    abort = scope.get("state", {}).get("abort")
    if abort is not None:
        abort()
