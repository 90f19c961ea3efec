"""What somebody changed, in the audit trail."""

from __future__ import annotations

from typing import Any

import orjson

from api.database import Session
from api.http.caller import Caller
from store.db import queries


async def audit(session: Session, caller: Caller, action: str, subject: str, **detail: Any) -> None:
    """One entry: who did what to which object."""
    await audit_as(session, caller.user, action, subject, **detail)


async def audit_as(session: Session, actor: str, action: str, subject: str, **detail: Any) -> None:
    """One entry of somebody who is not signed in yet."""
    await session.run(
        queries("registry")["audit"],
        actor=actor,
        action=action,
        subject=subject,
        detail=orjson.dumps(detail, default=str).decode(),
    )
