"""Links that open something for whoever holds them: their address, and the answer to one that opens nothing."""

from __future__ import annotations

from api.http.context import Context
from api.http.doorman import too_many
from api.http.problems import Problem, not_found
from domain.limits import network_of


def link_to(context: Context, path: str) -> str:
    """The address of a link: whole where it is known what users type, else to be completed by the page."""
    origins = context.hosts.origins
    return f"{origins[0] if origins else ''}{path}"


def wrong_link(context: Context, address: str, what: str = "customer link") -> Problem:
    """The answer to a link that opens nothing; a good one is never kept waiting for others' wrong ones."""
    context.refusals.saw("link", what, address)
    wait_s = context.doorman.wrong_link(network_of(address))
    return too_many(wait_s, "wrong links") if wait_s > 0 else not_found()
