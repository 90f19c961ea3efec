"""Signing in and out, and who one is."""

from __future__ import annotations

import asyncio
import contextlib
from functools import cache

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response
from typing_extensions import TypedDict

from api.database import DATABASE_ERRORS, Row
from api.http.audit import audit
from api.http.auth import COOKIE, SignedIn, check_origin
from api.http.context import Context, address_of, context_of
from api.http.jsons import Json
from api.http.problems import Problem
from api.http.routes import resource
from api.resources.shared.signing import by_password, cookie_rules, signed_in
from domain.limits import network_of
from domain.permissions import Permission
from store.db import queries
from store.secrets import (
    PASSWORD_CHARS_MAX,
    PASSWORD_CHARS_MIN,
    password_fits,
    password_hash,
    password_is_outdated,
    password_problem,
)

router = resource(tags=["session"])
_nobody = cache(password_hash)


class Me(TypedDict):
    """The caller, and what it may do."""

    user: str
    role: str
    tenant: str
    permissions: list[Permission]


class SignIn(TypedDict):
    """The provider with which people sign in, by `/oidc/start`; `only`: not by password."""

    name: str
    only: bool


class Settings(TypedDict):
    """What the pages have to know; `map_style` null: the bundled base map."""

    map_style: str | None
    version: str
    demo: bool
    sign_in: SignIn | None


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
async def me(caller: SignedIn) -> Json:
    """Who the caller is."""
    found = {"user": caller.user, "role": caller.role, "tenant": caller.tenant}
    return Json({**found, "permissions": [each for each in Permission if each in caller.may]})


@router.get("/config", response_model=Settings)
async def config(request: Request) -> Json:
    """Settings of the pages; needs no sign-in."""
    context = context_of(request)
    found, demo = context.config, context.config.demo
    with contextlib.suppress(*DATABASE_ERRORS):  # the pages are there without it
        async with context.database.owner() as session:
            row = await session.row(queries("demo")["is_simulated"])
        demo = demo or bool(row and row["simulated"])
    told = {"map_style": found.map_style or None, "version": found.version, "demo": demo}
    oidc = found.oidc
    return Json({**told, "sign_in": {"name": oidc.shown, "only": oidc.only} if oidc else None})


@router.post("/login", status_code=204)
async def login(request: Request, given: Credentials) -> Response:
    """Signs in: sets the session cookie. Five wrong passwords a minute, then 429."""
    check_origin(request)
    context = context_of(request)
    tenant = given.tenant or context.config.tenant
    by_password(request, tenant, given.user)
    row = await _checked(context, (tenant, given.user), address_of(request), given.password)
    return await signed_in(request, row["tenant_id"], row["name"])


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
        await _kept_anew(context, row, password)
        return row
    context.doorman.failed(account, network_of(address))
    context.refusals.saw("password", account[1], address, row["tenant_id"] if row else None)
    raise Problem(401, "name or password is wrong")


async def _kept_anew(context: Context, row: Row, password: str) -> None:
    """A password that was kept as passwords once were is kept as they are today."""
    if not password_is_outdated(row["password_hash"]):
        return
    async with context.hashing:
        kept = await asyncio.to_thread(password_hash, password)
    who = {"tenant_id": row["tenant_id"], "subject": row["name"]}
    async with context.database.owner() as session:
        await session.run(queries("people")["rehash"], **who, old=row["password_hash"], new=kept)


@router.post("/logout", status_code=204)
async def logout(request: Request, caller: SignedIn) -> Response:
    """Ends the session; its sockets close."""
    if caller.by_cookie:
        async with context_of(request).database.owner() as session:
            await session.run(queries("api")["end_session"], id=caller.token_id)
    answer = Response(status_code=204)
    answer.delete_cookie(COOKIE, **cookie_rules(request))
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
async def change_password(request: Request, caller: SignedIn, given: NewPassword) -> Response:
    """Another password for oneself; all other sessions of the account end, with their sockets."""
    if not caller.by_cookie:
        raise Problem(403, "only somebody who has signed in with a password can change it")
    by_password(request, caller.tenant, caller.user)
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
