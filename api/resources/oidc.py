"""Signing in with a provider: three addresses that a browser goes to, not a program. What fails is said on the page.

The sign-in is bound to the browser by a cookie that only these addresses are sent: state, nonce, PKCE's secret, and the
address the provider sends back to, to the letter. It is good once and for ten minutes. The session's cookie is not sent
along when another site has led here, so the answer is a page that leads on by itself.
"""

from __future__ import annotations

import base64
import hmac
import logging
import re
import secrets
import time
from html import escape
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlencode

import orjson
from fastapi import Query, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.database import DATABASE_ERRORS
from api.http.audit import audit_as
from api.http.auth import own_address
from api.http.context import address_of, context_of
from api.http.problems import not_found
from api.http.routes import outside
from api.oidc.claims import Person
from api.oidc.provider import Provider
from api.oidc.words import SignInError, Why, local_path
from api.resources.shared.signing import cookie_rules, signed_in
from domain.limits import network_of
from domain.names import ACCOUNT_PATTERN, NAME
from store.db import queries

log = logging.getLogger(__name__)
router = outside()

COOKIE = "fw_oidc"
PATH = "/oidc"
CALLBACK = f"{PATH}/callback"
FLOW_S = 600.0
FLOW_CHARS_MAX = 3000
CODE_CHARS_MAX = 4096
OUTCOMES: dict[str, Why] = {"none": "not_invited", "shut out": "shut_out", "taken": "taken"}
TOLD = {"linked": "account.link", "made": "account.create", "changed": "account.change"}
"""What is written into the audit trail of a sign-in that changes something."""
_NO_STORE = {"cache-control": "no-store"}
_ON = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Frostway</title>
<meta http-equiv="refresh" content="0;url={path}"></head><body><p><a href="{path}">Go on</a></p></body></html>
"""


class _Flow(NamedTuple):
    """One sign-in under way, as its browser keeps it."""

    state: str
    nonce: str
    verifier: str
    redirect: str
    next: str
    tenant: str
    begun_s: float


def _provider(request: Request) -> Provider:
    found = context_of(request).oidc
    if found is None:
        raise not_found()
    return found


@router.get(f"{PATH}/start")
async def start(
    request: Request,
    next_: Annotated[str, Query(alias="next", max_length=600)] = "/",
    tenant: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """Off to the provider. `next`: where to be when it is done, an address of our own pages."""
    provider = _provider(request)
    if request.headers.get("sec-fetch-site") in ("cross-site", "same-site"):
        return _said("again")  # who signs in begins here, not on another site's page
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    flow = _Flow(state, nonce, verifier, own_address(request) + CALLBACK, local_path(next_), tenant, time.time())
    try:
        where = await provider.address(flow.redirect, flow.state, flow.nonce, flow.verifier)
    except SignInError as error:
        return _failed(request, error)
    answer = RedirectResponse(where, 303, _NO_STORE)
    kept = base64.urlsafe_b64encode(orjson.dumps([*flow])).decode()
    answer.set_cookie(COOKIE, kept, max_age=int(FLOW_S), **_cookie_rules(request))
    return answer


@router.get(CALLBACK)
async def callback(request: Request) -> Response:
    """Back from the provider: signed in, or the page says why not."""
    provider, said = _provider(request), request.query_params
    try:
        flow = _flow(request, said.get("state", ""))
        answer = await _come_back(request, provider, flow)
    except SignInError as error:
        answer = _failed(request, error)
    except DATABASE_ERRORS:
        log.warning("a sign-in failed: the database cannot be reached", exc_info=True)
        answer = _said("away")
    answer.delete_cookie(COOKIE, **_cookie_rules(request))
    return answer


@router.get(f"{PATH}/logout")
async def leave(request: Request) -> Response:
    """Signing out at the provider too, where it has a page for that."""
    try:
        where = await _provider(request).leave(f"{own_address(request)}/")
    except SignInError as error:
        return _failed(request, error)
    return RedirectResponse(where or "/", 303, _NO_STORE)


async def _come_back(request: Request, provider: Provider, flow: _Flow) -> Response:
    context, said, network = context_of(request), request.query_params, network_of(address_of(request))
    provider.came_from(said.get("iss"), await provider.said())
    if "error" in said:
        raise SignInError("refused", f"the provider says {said['error'][:50]!r}")
    code = said.get("code", "")
    if not 0 < len(code) <= CODE_CHARS_MAX or context.doorman.wrong_codes_wait_s(network) > 0:
        raise SignInError("again", "no code, or too many that were wrong")
    try:
        person = await provider.person(code, flow.redirect, flow.nonce, flow.verifier)
    except SignInError as error:
        if error.why in ("again", "wrong"):  # made up, perhaps; who is only not invited guesses at nothing
            context.doorman.wrong_code(network)
        raise
    tenant_id, user = await _identified(
        request, provider, person, person.tenant or flow.tenant or context.config.tenant
    )
    log.info("%s has signed in with %s", user, provider.config.shown)
    return await signed_in(request, tenant_id, user, HTMLResponse(_ON.format(path=escape(flow.next)), 200, _NO_STORE))


async def _identified(request: Request, provider: Provider, person: Person, tenant: str) -> tuple[int, str]:
    """The tenant's key and the account's name.

    Raises:
        SignInError: they have none here.
    """
    database = context_of(request).database
    if not NAME.match(tenant):
        raise SignInError("not_invited", "no such tenant")
    called = person.name if re.match(ACCOUNT_PATTERN, person.name) else ""
    values = {"tenant_name": tenant, "issuer": provider.config.issuer, "subject": person.subject, "email": person.email}
    async with database.owner() as session:
        row = await session.row(
            queries("people")["identify"], **values, name=called, role=person.role if called else None
        )
    outcome = row["outcome"] if row else "none"
    if row is None or outcome in OUTCOMES:
        who, key = (person.email or person.name)[:100], row["tenant_id"] if row else None
        raise SignInError(OUTCOMES.get(outcome, "not_invited"), f"{who!r} in {tenant}: {outcome}", who, key)
    if outcome in TOLD:
        more: dict[str, Any] = {"role": person.role} if outcome != "linked" else {}
        async with database.tenant(row["tenant_id"]) as session:
            issuer, subject = provider.config.issuer, person.subject
            await audit_as(session, row["name"], TOLD[outcome], row["name"], issuer=issuer, by=subject, **more)
    return row["tenant_id"], row["name"]


def _flow(request: Request, state: str) -> _Flow:
    """What this browser has begun.

    Raises:
        SignInError: `again`, nothing, something else, or long ago.
    """
    kept = request.cookies.get(COOKIE, "")
    try:
        found = orjson.loads(base64.urlsafe_b64decode(kept)) if 0 < len(kept) <= FLOW_CHARS_MAX else None
        flow = _Flow(*found) if isinstance(found, list) and len(found) == len(_Flow._fields) else None
    except ValueError:
        flow = None
    if flow is None or not all(isinstance(each, str) for each in flow[:-1]) or not isinstance(flow.begun_s, float):
        raise SignInError("again", "no sign-in was begun in this browser")
    if not hmac.compare_digest(flow.state.encode(), state.encode()):
        raise SignInError("again", "another sign-in was begun in this browser")
    if not 0 <= time.time() - flow.begun_s <= FLOW_S or flow.redirect != own_address(request) + CALLBACK:
        raise SignInError("again", "the sign-in was begun long ago, or at another address")
    return flow._replace(next=local_path(flow.next))


def _failed(request: Request, error: SignInError) -> Response:
    """The page that says why; the operator's log says more."""
    context, address = context_of(request), address_of(request)
    log.warning("nobody was signed in (%s): %s", error.why, error)
    if error.why == "away":
        context.metrics.refused.labels("oidc_away").inc()
    else:
        context.refusals.saw("oidc", error.who or error.why, address, error.tenant)
    return _said(error.why)


def _said(why: Why) -> Response:
    return RedirectResponse(f"/?{urlencode({'sign_in': why})}", 303, _NO_STORE)


def _cookie_rules(request: Request) -> dict[str, Any]:
    return {**cookie_rules(request), "path": PATH, "samesite": "lax"}
