"""Conversations of the store (`store.lifecycle.Talk`), held in a transaction of the API."""

from __future__ import annotations

from typing import cast

from api.database import Session
from store.lifecycle import T, Talk


async def converse(session: Session, talk: Talk[T]) -> T:
    """Does what the talk is about; its errors are the caller's to put into words."""
    try:
        ask = next(talk)
        while True:
            ask = talk.send(await session.rows(ask.query, **ask.values))
    except StopIteration as done:
        return cast("T", done.value)
