"""Signing in and out, and who one is."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response
from typing_extensions import TypedDict

from api.auth import COOKIE, Anybody, check_origin, own_address
from api.context import address_of, context_of
from api.jsons import Json
from api.problems import Problem
from store.db import queries
from store.secrets import new_token, password_fits, password_hash, token_hash

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

    model_config = ConfigDict(extra="forbid")

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
    address, now = address_of(request), time.monotonic()
    attempt = (tenant, given.user, address)
    wait_s = max(context.login_by_account.wait_s(attempt, now), context.login_by_address.wait_s(address, now))
    if wait_s > 0:
        raise Problem(429, "too many wrong passwords: wait a little", {"Retry-After": str(int(wait_s) + 1)})
    context.login_by_account.add(attempt, now)
    context.login_by_address.add(address, now)
    q = queries("api")
    async with context.database.owner() as session:
        row = await session.row(q["account"], tenant_name=tenant, user=given.user)
    async with context.hashing:  # as long for an unknown name as for a wrong password
        kept = row["password_hash"] if row else await asyncio.to_thread(_nobody, "")
        fits = await asyncio.to_thread(password_fits, given.password, kept)
    if row is None or not fits:
        raise Problem(401, "name or password is wrong")
    context.login_by_account.forgive(attempt)
    context.login_by_address.forgive(address)
    token, life = new_token(), timedelta(hours=context.config.session_hours)
    async with context.database.owner() as session:
        owner = {"tenant_id": row["tenant_id"], "subject": row["name"]}
        await session.run(q["drop_old_sessions"], **owner)
        await session.run(
            q["add_session"],
            **owner,
            role=row["role"],
            token_sha256=token_hash(token),
            expires_at=datetime.now(UTC) + life,
        )
    answer = Response(status_code=204)
    answer.set_cookie(COOKIE, token, max_age=int(life.total_seconds()), **_cookie_rules(request))
    return answer


@router.post("/logout", status_code=204)
async def logout(request: Request, caller: Anybody) -> Response:
    """Ends the session; its sockets close."""
    if caller.by_cookie:
        async with context_of(request).database.owner() as session:
            await session.run(queries("api")["end_session"], id=caller.token_id)
    answer = Response(status_code=204)
    answer.delete_cookie(COOKIE, **_cookie_rules(request))
    return answer


class _Rules(TypedDict):
    path: str
    secure: bool
    httponly: bool
    samesite: Literal["strict"]


def _cookie_rules(request: Request) -> _Rules:
    chosen = context_of(request).config.cookie_secure
    secure = own_address(request).startswith("https:") if chosen is None else chosen
    return {"path": "/", "secure": secure, "httponly": True, "samesite": "strict"}
