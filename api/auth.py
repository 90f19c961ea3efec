"""Who is asking: a session cookie or a bearer token, its role, and whether a browser sent it from our own pages."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyCookie, HTTPBearer
from starlette.requests import HTTPConnection

from api.context import Context, context_of
from api.problems import Problem
from store.db import queries
from store.secrets import token_hash

COOKIE = "fw_session"
_SAFE = ("GET", "HEAD", "OPTIONS")
TOKEN_CHARS_MAX = 512

_cookie = APIKeyCookie(name=COOKIE, auto_error=False, description="set by POST /api/v1/login")
_bearer = HTTPBearer(auto_error=False, description="from `frostway token create`")


@dataclass(frozen=True)
class Caller:
    """The holder of a good token."""

    token_id: int
    tenant_id: int
    tenant: str
    user: str
    role: str
    by_cookie: bool


async def who(context: Context, token: str, *, by_cookie: bool) -> Caller | None:
    """The holder of a token; None when the token is unknown, revoked or expired."""
    if not token or len(token) > TOKEN_CHARS_MAX:
        return None
    async with context.database.owner() as session:
        row = await session.row(queries("api")["caller"], token_sha256=token_hash(token))
    if row is None or by_cookie != (row["kind"] == "session"):
        return None
    return Caller(row["id"], row["tenant_id"], row["tenant"], row["subject"], row["role"], by_cookie)


def bearer_of(connection: HTTPConnection) -> str | None:
    """The bearer token of a request or handshake."""
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def same_origin(connection: HTTPConnection, origin: str) -> bool:
    """Whether an `Origin` is that of our own pages."""
    expected = context_of(connection).config.public_origin
    if expected:
        return origin.rstrip("/").lower() == expected.rstrip("/").lower()
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError:
        return False
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return False
    host = urlsplit(f"//{connection.headers.get('host', '')}")
    try:
        own_port = host.port
    except ValueError:
        return False
    default = 443 if parts.scheme == "https" else 80
    return parts.hostname == host.hostname and (port or default) == (own_port or default)


def check_origin(request: Request) -> None:
    """Refuses what a foreign page makes a browser send. A program that is no browser says nothing about where it is."""
    origin = request.headers.get("origin")
    site = request.headers.get("sec-fetch-site")
    foreign = (origin is not None and not same_origin(request, origin)) or site in ("cross-site", "same-site")
    if foreign:
        raise Problem(403, "this request comes from another site's page")


async def caller(
    request: Request, _c: Annotated[str | None, Security(_cookie)], _b: Annotated[Any, Security(_bearer)]
) -> Caller:
    """The holder of the request's token.

    Raises:
        Problem: 401 without a good token, 403 for a change that a foreign page asks for.
    """
    bearer = bearer_of(request)
    token = request.cookies.get(COOKIE, "") if bearer is None else bearer
    found = await who(context_of(request), token, by_cookie=bearer is None)
    if found is None:
        raise Problem(401, "sign in first, or send a bearer token", {"WWW-Authenticate": "Bearer"})
    if found.by_cookie and request.method not in _SAFE:
        check_origin(request)
    return found


def one_of(*roles: str) -> Callable[..., Coroutine[Any, Any, Caller]]:
    """A dependency that lets in some roles; `admin` may do everything."""

    async def check(found: Annotated[Caller, Depends(caller)]) -> Caller:
        if found.role != "admin" and found.role not in roles:
            allowed = " or ".join(("admin", *roles))
            raise Problem(403, f"your role is {found.role}; this needs {allowed}")
        return found

    return check


Anybody = Annotated[Caller, Depends(caller)]
Admin = Annotated[Caller, Depends(one_of())]
Dispatcher = Annotated[Caller, Depends(one_of("dispatcher"))]
Watcher = Annotated[Caller, Depends(one_of("dispatcher", "coldchain"))]
