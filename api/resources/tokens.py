"""Bearer tokens of programs: made, listed, ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import Request
from pydantic import ConfigDict, Field
from typing_extensions import TypedDict

from api.http.audit import audit
from api.http.auth import TokenKeeper
from api.http.context import context_of
from api.http.inputs import Name, Strict
from api.http.jsons import Json, when
from api.http.paging import Cursor, Items, Limit, decode, shaped_page
from api.http.problems import Problem, not_found
from api.http.routes import resource
from api.resources.shared.roles import Role
from domain.permissions import Permission, granted
from store.db import queries
from store.secrets import new_token, token_hash

router = resource("/tokens", tags=["tokens"])


class Token(TypedDict):
    """A bearer token, without what it is; `expires_at` null: never; `scope` null: all that its role may.

    `used_at` is to some minutes.
    """

    name: str
    role: str
    scope: list[str] | None
    created_at: str
    expires_at: str | None
    revoked_at: str | None
    used_at: str | None


class NewToken(Token):
    """A new token; what it is, is told once."""

    token: str


class TokenIn(Strict):
    """A token for a program: a role, of its permissions perhaps only some, and perhaps an end."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "till-7", "role": "viewer", "days": 90}]})

    name: Name
    role: Role
    scope: list[Permission] | None = Field(default=None, min_length=1, max_length=len(Permission))
    days: int | None = Field(default=None, ge=1, le=36_500, description="until it expires; null: never")


def _shape(row: dict[str, Any]) -> dict[str, Any]:
    times = {key: when(row[key]) for key in ("created_at", "expires_at", "revoked_at", "used_at")}
    return {"name": row["name"], "role": row["role"], "scope": row["scope"], **times}


@router.get("", response_model=Items[Token])
async def list_tokens(request: Request, caller: TokenKeeper, limit: Limit = 200, cursor: Cursor = None) -> Json:
    """Bearer tokens, the newest first, also those that are revoked or have expired."""
    before = decode(cursor, (int,))[0] if cursor else None
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        found = await session.rows(queries("api")["tokens"], before=before, name=None, limit=limit + 1)
    return shaped_page(request, found, limit, lambda t: [t["id"]], _shape)


@router.post("", response_model=NewToken, status_code=201)
async def post_token(request: Request, caller: TokenKeeper, given: TokenIn) -> Json:
    """A new token; what it is, is in the answer, once. Nobody gives away what they may not do themselves."""
    scope = None if given.scope is None else [str(each) for each in given.scope]
    if beyond := granted(given.role, scope) - caller.may:
        raise Problem(403, f"you may not give what you do not have: {', '.join(sorted(beyond))}")
    if scope is not None and (empty := set(scope) - granted(given.role)):
        raise Problem(422, f"scope: a {given.role} has no {', '.join(sorted(empty))}")
    token = new_token()
    expires_at = datetime.now(UTC) + timedelta(days=given.days) if given.days else None
    values = {"name": given.name, "role": given.role, "scope": scope, "expires_at": expires_at}
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        if await session.row(queries("people")["add_token"], **values, token_sha256=token_hash(token)) is None:
            raise Problem(409, f"name: there is a good token {given.name} already")
        about = {"role": given.role, "scope": scope, "expires_at": expires_at}
        await audit(session, caller, "token.create", f"token:{given.name}", **about)
        row = await session.row(queries("api")["tokens"], before=None, name=given.name, limit=1)
    return Json({**_shape(row or {}), "token": token}, 201)


@router.post("/{token_name}/revoke", response_model=Token)
async def revoke_token(request: Request, caller: TokenKeeper, token_name: str) -> Json:
    """The token opens nothing more, from the next request on; its sockets close. Repeating changes nothing."""
    q = queries("api")
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        if await session.rows(q["revoke_token"], name=token_name):
            await audit(session, caller, "token.revoke", f"token:{token_name}")
        row = await session.row(q["tokens"], before=None, name=token_name, limit=1)
    if row is None:
        raise not_found()
    return Json(_shape(row))
