"""Bearer tokens of programs: which there are, and the end of one. They are made by `frostway token create`."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from typing_extensions import TypedDict

from api.http.audit import audit
from api.http.auth import Admin
from api.http.context import context_of
from api.http.jsons import Json, when
from api.http.paging import Cursor, Items, Limit, decode, shaped_page
from api.http.problems import not_found
from store.db import queries

router = APIRouter(prefix="/tokens", tags=["tokens"])


class Token(TypedDict):
    """A bearer token, without what it is; `expires_at` null: never."""

    name: str
    role: str
    created_at: str
    expires_at: str | None
    revoked_at: str | None


def _shape(row: dict[str, Any]) -> dict[str, Any]:
    times = {key: when(row[key]) for key in ("created_at", "expires_at", "revoked_at")}
    return {"name": row["name"], "role": row["role"], **times}


@router.get("", response_model=Items[Token])
async def list_tokens(request: Request, caller: Admin, limit: Limit = 200, cursor: Cursor = None) -> Json:
    """Bearer tokens, the newest first, also those that are revoked or have expired."""
    before = decode(cursor, (int,))[0] if cursor else None
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        found = await session.rows(queries("api")["tokens"], before=before, name=None, limit=limit + 1)
    return shaped_page(request, found, limit, lambda t: [t["id"]], _shape)


@router.post("/{token_name}/revoke", response_model=Token)
async def revoke_token(request: Request, caller: Admin, token_name: str) -> Json:
    """The token opens nothing more, from the next request on; its sockets close. Repeating changes nothing."""
    q = queries("api")
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        if await session.rows(q["revoke_token"], name=token_name):
            await audit(session, caller, "token.revoke", f"token:{token_name}")
        row = await session.row(q["tokens"], before=None, name=token_name, limit=1)
    if row is None:
        raise not_found()
    return Json(_shape(row))
