"""What somebody changed, in the audit trail."""

from __future__ import annotations

from typing import Any

import orjson

from api.database import Session
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
