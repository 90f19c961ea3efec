"""Changes that the API makes itself, on their way into the change stream."""

from __future__ import annotations

from typing import Any

import orjson

from api.database import Session
from api.feed.changes import Change
from store.db import queries


async def emit(session: Session, **changes: list[Change]) -> None:
    """Writes changes of the API's own into the stream; the last statement of a transaction, for it locks the head."""
    q = queries("live")
    body = orjson.dumps({topic: found for topic, found in changes.items() if found})
    await session.run(q["emit"], body=body)
    await session.run(q["notify"])


def put(key: str, thing: Any) -> Change:
    """A change that replaces an object."""
    return {"id": key, "op": "put", "data": thing}


def merge(key: str, **parts: Any) -> Change:
    """A change that replaces some keys of an object."""
    return {"id": key, "op": "merge", "data": parts}


def delete(key: str) -> Change:
    """A change that removes an object."""
    return {"id": key, "op": "delete"}
