"""A link by which a person chooses a password. It stands behind `#` in its address, so that no log holds it."""

from __future__ import annotations

import asyncio

from fastapi import Request
from pydantic import ConfigDict, Field
from starlette.responses import Response
from typing_extensions import TypedDict

from api.database import Row
from api.http.audit import audit_as
from api.http.auth import check_origin
from api.http.context import Context, address_of, context_of
from api.http.inputs import Strict
from api.http.jsons import Json, when
from api.http.links import wrong_link
from api.http.presented import TOKEN_CHARS_MAX
from api.http.problems import Problem
from api.http.routes import resource
from api.resources.shared.signing import by_password, signed_in
from store.db import queries
from store.secrets import PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN, password_hash, password_problem, token_hash

router = resource("/join", tags=["session"])
EXAMPLE = "Gh2Zx0m3e1b6yJ0n5m0lqk3c1yQm7r9s8t6u4v2w0x8"


class Joining(TypedDict):
    """Whom a link is for; `is_new`: they have no password yet."""

    user: str
    tenant: str
    role: str
    is_new: bool
    expires_at: str


class LinkIn(Strict):
    """What stands behind `#` in the link."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"token": EXAMPLE}]})

    token: str = Field(min_length=1, max_length=TOKEN_CHARS_MAX)


class JoinIn(LinkIn):
    """The link, and the password that was chosen."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"token": EXAMPLE, "password": "another long sentence"}]})

    password: str = Field(min_length=PASSWORD_CHARS_MIN, max_length=PASSWORD_CHARS_MAX)


@router.post("/look", response_model=Joining)
async def look(request: Request, given: LinkIn) -> Json:
    """Whom a link is for; needs no sign-in. One that is unknown, used or has ended is 404."""
    row = await _invitation(context_of(request), given.token, address_of(request))
    found = {"user": row["name"], "tenant": row["tenant"], "role": row["role"], "is_new": row["is_new"]}
    return Json({**found, "expires_at": when(row["expires_at"])})


@router.post("", status_code=204)
async def join(request: Request, given: JoinIn) -> Response:
    """Chooses a password and signs in, once for each link; other sessions of the person end."""
    check_origin(request)
    context, address = context_of(request), address_of(request)
    row = await _invitation(context, given.token, address)
    by_password(request, row["tenant"], row["name"])
    if problem := password_problem(given.password, row["name"]):
        raise Problem(422, f"password: {problem}")
    async with context.hashing:
        kept = await asyncio.to_thread(password_hash, given.password)
    async with context.database.owner() as session:
        done = await session.row(queries("people")["accept"], token_sha256=token_hash(given.token), password_hash=kept)
    if done is None:
        raise wrong_link(context, address, "invitation")
    async with context.database.tenant(done["tenant_id"]) as session:
        await audit_as(session, done["name"], "account.password", done["name"], by="link")
    return await signed_in(request, done["tenant_id"], done["name"])


async def _invitation(context: Context, token: str, address: str) -> Row:
    async with context.database.owner() as session:
        row = await session.row(queries("people")["invitation"], token_sha256=token_hash(token))
    if row is None:
        raise wrong_link(context, address, "invitation")
    return row
