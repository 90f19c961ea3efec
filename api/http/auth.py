"""Who is asking: a session cookie or a bearer token, its role, and whether a browser sent it from our own pages."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyCookie, HTTPBearer
from starlette.requests import HTTPConnection

from api.http.caller import Caller
from api.http.context import Context, address_of, context_of
from api.http.middleware import AT_END
from api.http.presented import TOKEN_CHARS_MAX
from api.http.problems import Problem
from api.http.things import hold
from domain.permissions import Permission, granted, roles_with
from serving.origins import Origin, host_of, is_loopback
from store.secrets import token_hash

COOKIE = "fw_session"
_SAFE = ("GET", "HEAD", "OPTIONS")
MEND = "if that is the address of these pages, name it in FROSTWAY_PUBLIC_ORIGIN"

_cookie = APIKeyCookie(name=COOKIE, auto_error=False, description="set by POST /api/v1/login")
_bearer = HTTPBearer(auto_error=False, description="from `frostway token create`")


async def who(context: Context, token: str, *, by_cookie: bool) -> Caller | None:
    """The holder of a token; None when the token is unknown, revoked or expired."""
    if not token or len(token) > TOKEN_CHARS_MAX:
        return None
    digest = token_hash(token)
    row = await context.callers.find(digest, by_cookie=by_cookie)
    if row is None:
        context.rates.forgets(digest)
        return None
    context.rates.knows(digest, (row["tenant_id"], row["subject"]))
    may = granted(row["role"], row["scope"])
    return Caller(row["id"], row["tenant_id"], row["tenant"], row["subject"], row["role"], by_cookie, may)


def bearer_of(connection: HTTPConnection) -> str | None:
    """The bearer token of a request or handshake."""
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def same_origin(connection: HTTPConnection, origin: str) -> bool:
    """Whether an `Origin` is that of our own pages: a public one, or the address the request itself was sent to."""
    found, host = Origin.parse(origin), host_of(connection.headers.get("host", ""))
    return found is not None and host is not None and context_of(connection).hosts.is_ours(found, *host)


def own_address(connection: HTTPConnection) -> str:
    """The address by which the caller has reached us: `https://fleet.example`.

    Behind a proxy that keeps both Host and scheme to itself, it is what the browser says, or the first public origin.
    """
    hosts = context_of(connection).hosts
    said, host = Origin.parse(connection.headers.get("origin", "")), host_of(connection.headers.get("host", ""))
    if said is not None and said in hosts.origins:
        return str(said)
    for origin in hosts.origins:
        if host is None or origin.host == host[0]:
            return str(origin)
    scheme = "https" if connection.url.scheme in ("https", "wss") else "http"
    if hosts.origins and (host is None or is_loopback(host[0])) and "x-forwarded-for" in connection.headers:
        return str(hosts.origins[0])
    return f"{scheme}://{connection.headers.get('host', '')}"


def check_origin(request: Request) -> None:
    """Refuses what a foreign page makes a browser send. A program that is no browser says nothing about where it is."""
    origin = request.headers.get("origin")
    site = request.headers.get("sec-fetch-site")
    foreign = (origin is not None and not same_origin(request, origin)) or site in ("cross-site", "same-site")
    if foreign:
        context_of(request).metrics.refused.labels("origin").inc()
        raise Problem(403, f"this request comes from another site's page; {MEND}")


async def caller(
    request: Request, _c: Annotated[str | None, Security(_cookie)], _b: Annotated[Any, Security(_bearer)]
) -> Caller:
    """The holder of the request's token.

    Raises:
        Problem: 401 without a good token, 403 for a change that a foreign page asks for, 429 for too much at once.
    """
    bearer = bearer_of(request)
    token = request.cookies.get(COOKIE, "") if bearer is None else bearer
    found = await who(context_of(request), token, by_cookie=bearer is None)
    if found is None:
        if bearer:
            context_of(request).refusals.saw("token", "bearer token", address_of(request))
        raise Problem(401, "sign in first, or send a bearer token", {"WWW-Authenticate": "Bearer"})
    if found.by_cookie and request.method not in _SAFE:
        check_origin(request)
    turn = context_of(request).shares.share((found.tenant_id, found.user))
    await request.scope[AT_END].enter_async_context(turn)
    return found


class Needs:
    """A dependency that lets in who has a permission; a route of the API has exactly one."""

    def __init__(self, permission: Permission) -> None:
        self.permission = permission

    async def __call__(self, request: Request, found: Annotated[Caller, Depends(caller)]) -> Caller:
        """The caller.

        Raises:
            Problem: 403, the role or the scope of the token does not have it; 412, a condition is not met.
        """
        if self.permission in found.may:
            if request.method not in _SAFE:
                await hold(request, found)
            return found
        roles = roles_with(self.permission)
        allowed = " or ".join(filter(None, (", ".join(roles[:-1]), roles[-1])))
        if found.role in roles:
            raise Problem(403, f"this token's scope does not hold {self.permission}")
        raise Problem(403, f"your role is {found.role}; this needs {allowed}")


class NeedsPerson(Needs):
    """The same of a person who is signed in: what is signed is signed by somebody, not in somebody's name."""

    async def __call__(self, request: Request, found: Annotated[Caller, Depends(caller)]) -> Caller:
        """The caller.

        Raises:
            Problem: 403, it is a token, whose holder may be anybody; else as for any permission.
        """
        if self.permission in found.may and not found.by_cookie:
            raise Problem(403, "a signature is a person's: sign in; a token cannot give it")
        return await super().__call__(request, found)


SignedIn = Annotated[Caller, Depends(caller)]
"""Whoever it is: for what concerns the caller alone."""
Reader = Annotated[Caller, Depends(Needs(Permission.READ))]
AuditReader = Annotated[Caller, Depends(Needs(Permission.AUDIT))]
Disposer = Annotated[Caller, Depends(NeedsPerson(Permission.DISPOSE))]
AlertHandler = Annotated[Caller, Depends(Needs(Permission.ALERTS))]
DeviceKeeper = Annotated[Caller, Depends(Needs(Permission.DEVICES))]
DeviceCommander = Annotated[Caller, Depends(Needs(Permission.COMMANDS))]
DriverKeeper = Annotated[Caller, Depends(Needs(Permission.DRIVERS))]
LoggerReader = Annotated[Caller, Depends(Needs(Permission.LOGGERS))]
GoodsKeeper = Annotated[Caller, Depends(Needs(Permission.GOODS))]
LinkKeeper = Annotated[Caller, Depends(Needs(Permission.LINKS))]
Mender = Annotated[Caller, Depends(Needs(Permission.MESSAGES))]
Planner = Annotated[Caller, Depends(Needs(Permission.SHIPMENTS))]
ProductKeeper = Annotated[Caller, Depends(Needs(Permission.PRODUCTS))]
ProfileKeeper = Annotated[Caller, Depends(Needs(Permission.PROFILES))]
SiteKeeper = Annotated[Caller, Depends(Needs(Permission.SITES))]
OrderKeeper = Annotated[Caller, Depends(Needs(Permission.ORDERS))]
OrderWorker = Annotated[Caller, Depends(Needs(Permission.ORDER_STEPS))]
Buyer = Annotated[Caller, Depends(Needs(Permission.PURCHASES))]
StockKeeper = Annotated[Caller, Depends(Needs(Permission.STOCK))]
TokenKeeper = Annotated[Caller, Depends(Needs(Permission.TOKENS))]
VehicleKeeper = Annotated[Caller, Depends(Needs(Permission.VEHICLES))]
PeopleKeeper = Annotated[Caller, Depends(Needs(Permission.PEOPLE))]
WebhookKeeper = Annotated[Caller, Depends(Needs(Permission.WEBHOOKS))]
ChannelKeeper = Annotated[Caller, Depends(Needs(Permission.CHANNELS))]
DisplayKeeper = Annotated[Caller, Depends(Needs(Permission.DISPLAY))]
DemoKeeper = Annotated[Caller, Depends(Needs(Permission.DEMO))]
