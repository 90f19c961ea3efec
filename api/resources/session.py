"""Signing in and out, and who one is."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response
from typing_extensions import TypedDict

from api.database import Row
from api.http.audit import audit
from api.http.auth import COOKIE, Anybody, check_origin, own_address
from api.http.context import Context, address_of, context_of
from api.http.jsons import Json
from api.http.problems import Problem
from domain.limits import network_of
from store.db import queries
from store.secrets import (
    PASSWORD_CHARS_MAX,
    PASSWORD_CHARS_MIN,
    new_token,
    password_fits,
    password_hash,
    password_problem,
    token_hash,
)

router = APIRouter(tags=["session"])
_nobody = cache(password_hash)


class Me(TypedDict):
    """The caller."""

    user: str
    role: str
    tenant: str


class Settings(TypedDict):
    """What the pages have to know; null: the bundled base map."""

    map_style: str | None
    version: str
    demo: bool


class Credentials(BaseModel):
    """A person's name and password; the tenant is the installation's first when none is named."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"user": "ann", "password": "correct horse battery staple", "tenant": "main"}]},
    )

    user: str = Field(min_length=1, max_length=128)
    password: str = Field(min_length=1, max_length=1024)
    tenant: str | None = Field(default=None, max_length=64)


@router.get("/me", response_model=Me)
async def me(caller: Anybody) -> Json:
    """Who the caller is."""
    return Json({"user": caller.user, "role": caller.role, "tenant": caller.tenant})


@router.get("/config", response_model=Settings)
async def config(request: Request) -> Json:
    """Settings of the pages; needs no sign-in."""
    found = context_of(request).config
    return Json({"map_style": found.map_style or None, "version": found.version, "demo": found.demo})


@router.post("/login", status_code=204)
async def login(request: Request, given: Credentials) -> Response:
    """Signs in: sets the session cookie. Five wrong passwords a minute, then 429."""
    check_origin(request)
    context = context_of(request)
    tenant = given.tenant or context.config.tenant
    row = await _checked(context, (tenant, given.user), address_of(request), given.password)
    q = queries("api")
    token, life = new_token(), timedelta(hours=context.config.session_hours)
    async with context.database.owner() as session:
        owner = {"tenant_id": row["tenant_id"], "subject": row["name"]}
        await session.run(
            q["add_session"],
            **owner,
            token_sha256=token_hash(token),
            expires_at=datetime.now(UTC) + life,
        )
    answer = Response(status_code=204)
    answer.set_cookie(COOKIE, token, max_age=int(life.total_seconds()), **_cookie_rules(request))
    return answer


async def _checked(context: Context, account: tuple[str, str], address: str, password: str) -> Row:
    """The account whose password this is.

    Raises:
        Problem: 401, it is not; 429, there were too many wrong ones.
    """
    network = network_of(address)
    try:
        async with context.doorman.attempt(account, network):
            row = await _compared(context, account, address, password)
    except Problem as problem:
        if problem.status_code == 429:
            context.refusals.saw("throttled", account[1], address)
        raise
    context.doorman.passed(account, network)
    return row


async def _compared(context: Context, account: tuple[str, str], address: str, password: str) -> Row:
    async with context.database.owner() as session:
        row = await session.row(queries("api")["account"], tenant_name=account[0], user=account[1])
    async with context.hashing:  # as long for an unknown name as for a wrong password
        kept = row["password_hash"] if row else await asyncio.to_thread(_nobody, "")
        fits = await asyncio.to_thread(password_fits, password, kept)
    if row is not None and fits:
        return row
    context.doorman.failed(account, network_of(address))
    context.refusals.saw("password", account[1], address, row["tenant_id"] if row else None)
    raise Problem(401, "name or password is wrong")


@router.post("/logout", status_code=204)
async def logout(request: Request, caller: Anybody) -> Response:
    """Ends the session; its sockets close."""
    if caller.by_cookie:
        async with context_of(request).database.owner() as session:
            await session.run(queries("api")["end_session"], id=caller.token_id)
    answer = Response(status_code=204)
    answer.delete_cookie(COOKIE, **_cookie_rules(request))
    return answer


class NewPassword(BaseModel):
    """A person's password, and the one that takes its place."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"old": "correct horse battery staple", "new": "another long sentence"}]},
    )

    old: str = Field(min_length=1, max_length=PASSWORD_CHARS_MAX)
    new: str = Field(min_length=PASSWORD_CHARS_MIN, max_length=PASSWORD_CHARS_MAX)


@router.post("/password", status_code=204)
async def change_password(request: Request, caller: Anybody, given: NewPassword) -> Response:
    """Another password for oneself; all other sessions of the account end, with their sockets."""
    if not caller.by_cookie:
        raise Problem(403, "only somebody who has signed in with a password can change it")
    context = context_of(request)
    if problem := password_problem(given.new, caller.user):
        raise Problem(422, f"new: {problem}")
    await _checked(context, (caller.tenant, caller.user), address_of(request), given.old)
    async with context.hashing:
        kept = await asyncio.to_thread(password_hash, given.new)
    q, who = queries("api"), {"tenant_id": caller.tenant_id, "subject": caller.user}
    async with context.database.owner() as session:
        await session.run(q["change_password"], **who, password_hash=kept, id=caller.token_id)
    async with context.database.tenant(caller.tenant_id) as session:
        await audit(session, caller, "account.password", caller.user)
    return Response(status_code=204)


class _Rules(TypedDict):
    path: str
    secure: bool
    httponly: bool
    samesite: Literal["strict"]


def _cookie_rules(request: Request) -> _Rules:
    chosen = context_of(request).config.cookie_secure
    secure = own_address(request).startswith("https:") if chosen is None else chosen
    return {"path": "/", "secure": secure, "httponly": True, "samesite": "strict"}
