"""Signing a person in: the session and its cookie."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal

from fastapi import Request
from starlette.responses import Response
from typing_extensions import TypedDict

from api.http.auth import COOKIE, own_address
from api.http.context import address_of, context_of
from api.http.inputs import printable_part
from api.http.problems import Problem
from domain.limits import network_of
from store.db import queries
from store.secrets import new_token, token_hash

AGENT_CHARS_MAX = 200


async def signed_in(request: Request, tenant_id: int, user: str, answer: Response | None = None) -> Response:
    """The answer with which a person is signed in: 204, or the one that is given, with the session's cookie."""
    context = context_of(request)
    token, life = new_token(), timedelta(hours=context.config.session_hours)
    async with context.database.owner() as session:
        await session.run(
            queries("api")["add_session"],
            tenant_id=tenant_id,
            subject=user,
            token_sha256=token_hash(token),
            expires_at=datetime.now(UTC) + life,
            agent=printable_part(request.headers.get("user-agent", ""), AGENT_CHARS_MAX),
            network=network_of(address_of(request)),
        )
    answer = answer or Response(status_code=204)
    answer.set_cookie(COOKIE, token, max_age=int(life.total_seconds()), **cookie_rules(request))
    return answer


class _Rules(TypedDict):
    path: str
    secure: bool
    httponly: bool
    samesite: Literal["strict"]


def cookie_rules(request: Request) -> _Rules:
    """What the browser is told of the session's cookie."""
    chosen = context_of(request).config.cookie_secure
    secure = own_address(request).startswith("https:") if chosen is None else chosen
    return {"path": "/", "secure": secure, "httponly": True, "samesite": "strict"}


ADMIN = "admin"


def by_password(request: Request, tenant: str, user: str) -> None:
    """Whether somebody may sign in by password: all, unless they sign in with the provider alone.

    The account `admin` of the first tenant always may: somebody must be able to get in when the provider is away.

    Raises:
        Problem: 403, they may not.
    """
    context = context_of(request)
    oidc = context.config.oidc
    if oidc is not None and oidc.only and (tenant, user) != (context.config.tenant, ADMIN):
        raise Problem(403, f"people sign in with {oidc.shown} here, not by password")
