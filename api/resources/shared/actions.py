"""What changes something: who may, what it leaves in the audit trail, whom it wakes."""

from __future__ import annotations

from typing import Any

import orjson

from api.database import Session
from api.feed.changes import Change
from api.http.auth import Caller
from store.db import queries


async def audit(session: Session, caller: Caller, action: str, subject: str, **detail: Any) -> None:
    """One entry: who did what to which object."""
    await session.run(
        queries("registry")["audit"],
        actor=caller.user,
        action=action,
        subject=subject,
        detail=orjson.dumps(detail).decode(),
    )


def put(key: str, thing: Any) -> Change:
    """A change that replaces an object."""
    return {"id": key, "op": "put", "data": thing}


def merge(key: str, **parts: Any) -> Change:
    """A change that replaces some keys of an object."""
    return {"id": key, "op": "merge", "data": parts}


def delete(key: str) -> Change:
    """A change that removes an object."""
    return {"id": key, "op": "delete"}
