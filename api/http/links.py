"""Links that open something for whoever holds them: their address, and the answer to one that opens nothing."""

from __future__ import annotations

from starlette.requests import Request

from api.http.auth import own_address
from api.http.context import Context, context_of
from api.http.doorman import too_many
from api.http.problems import Problem, not_found
from domain.limits import network_of


def link_to(context: Context, path: str) -> str:
    """The address of a link: whole where it is known what users type, else to be completed by the page."""
    origins = context.hosts.origins
    return f"{origins[0] if origins else ''}{path}"


def pages_of(request: Request) -> str:
    """The address of our pages for a message: what users type, or where the caller has found them."""
    origins = context_of(request).hosts.origins
    return str(origins[0]) if origins else own_address(request)


def wrong_link(context: Context, address: str, what: str = "customer link") -> Problem:
    """The answer to a link that opens nothing; a good one is never kept waiting for others' wrong ones."""
    context.refusals.saw("link", what, address)
    wait_s = context.doorman.wrong_link(network_of(address))
    return too_many(wait_s, "wrong links") if wait_s > 0 else not_found()
