"""Readings of a device, however many, page by page."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from api.http.caller import Caller
from api.http.context import Context
from store.db import queries

T = TypeVar("T")
BATCH = 2000
PIECES_MAX = 8


async def pages(
    context: Context,
    caller: Caller,
    query: str,
    *,
    encode: Callable[[Sequence[Sequence[Any]]], T],
    values: dict[str, str | int | datetime],
    head: T | None = None,
) -> AsyncGenerator[T, None]:
    """Readings of a device by `query`, a page in a transaction of its own: who reads slowly holds nothing.

    A page ends between two times, so nothing is left out or sent twice. A failure half way breaks the connection off,
    so that nobody takes a part for the whole.
    """
    if head is not None:
        yield head
    after: datetime | None = None
    while True:
        count = 0
        pieces = []
        async with context.database.tenant(caller.tenant_id) as session:
            async for rows in session.batches(queries("api")[query], BATCH, after=after, most=BATCH, **values):
                pieces.append(await asyncio.to_thread(encode, rows))
                after, count = rows[-1][0], count + len(rows)
                if len(pieces) > PIECES_MAX:  # a great many readings of one time: better a held connection than memory
                    yield pieces.pop(0)
        for piece in pieces:
            yield piece
        if count < BATCH:
            return
