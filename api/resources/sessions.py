"""Where one is signed in, and signing out there."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from starlette.responses import Response
from typing_extensions import TypedDict

from api.http.audit import audit
from api.http.auth import SignedIn
from api.http.context import context_of
from api.http.jsons import Json, when
from api.http.paging import Items, shaped_page
from api.http.problems import key_of, not_found
from api.http.routes import resource
from store.db import queries

router = resource("/sessions", tags=["session"])
SESSIONS_MAX = 200


class SessionOut(TypedDict):
    """A browser in which one is signed in; `used_at` to some minutes, `network` an address or 64 bits of IPv6."""

    id: str
    current: bool
    created_at: str
    used_at: str | None
    expires_at: str
    agent: str | None
    network: str | None


@router.get("", response_model=Items[SessionOut])
async def list_sessions(request: Request, caller: SignedIn) -> Json:
    """The browsers in which the caller is signed in, the newest first; none of a program's token."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        found = await session.rows(queries("people")["sessions"], name=caller.user, limit=SESSIONS_MAX)

    def shape(row: dict[str, Any]) -> dict[str, Any]:
        times = {key: when(row[key]) for key in ("created_at", "used_at", "expires_at")}
        place = {"agent": row["agent"], "network": row["network"]}
        return {"id": str(row["id"]), "current": caller.by_cookie and row["id"] == caller.token_id, **times, **place}

    return shaped_page(request, found, SESSIONS_MAX, lambda s: [s["id"]], shape)


@router.delete("", status_code=204)
async def end_sessions(request: Request, caller: SignedIn) -> Response:
    """Signs out everywhere but here; live pages elsewhere close within a second."""
    await _end(request, caller, None)
    return Response(status_code=204)


@router.delete("/{session_id}", status_code=204)
async def end_session(request: Request, caller: SignedIn, session_id: str) -> Response:
    """Signs out in one browser."""
    if not await _end(request, caller, key_of(session_id, digits=9)):
        raise not_found()
    return Response(status_code=204)


async def _end(request: Request, caller: SignedIn, only: int | None) -> int:
    but = caller.token_id if only is None and caller.by_cookie else None
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        ended = await session.rows(queries("people")["end_sessions"], name=caller.user, only=only, but=but)
        if ended:
            await audit(session, caller, "session.end", caller.user, sessions=len(ended))
    return len(ended)
