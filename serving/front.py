"""What is wrong with a request before anybody looks at what it asks for: its framing, and for whom it was meant."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, NamedTuple

from serving.origins import Hosts, host_of

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Fault(NamedTuple):
    """Why a request is refused: status, and a sentence for the one who sent it. Its connection ends."""

    status: int
    detail: str


def framing_fault(scope: Scope) -> Fault | None:
    """What two programs in a row could read differently, so that one hides a request from the other in it.

    Content-Length beside Transfer-Encoding, two different lengths, a chunked body of HTTP/1.0 (RFC 9112, 6.1 and 6.3).
    """
    lengths = {value.strip() for name, value in scope["headers"] if name == b"content-length"}
    codings = [value for name, value in scope["headers"] if name == b"transfer-encoding"]
    if codings and lengths:
        return Fault(400, "Content-Length and Transfer-Encoding exclude one another")
    if len(lengths) > 1 or any(not length.isdigit() for length in lengths):
        return Fault(400, "Content-Length: one number")
    if codings and scope.get("http_version") == "1.0":
        return Fault(400, "Transfer-Encoding is not of HTTP/1.0")
    return None


def host_fault(scope: Scope, hosts: Hosts) -> Fault | None:
    """A request that was meant for somebody else: by a name that somebody points at us (DNS rebinding), or forged."""
    values = [value for name, value in scope["headers"] if name == b"host"]
    if not values and scope.get("http_version") == "1.0":
        return None  # no browser
    found = host_of(values[0].decode("latin-1")) if len(values) == 1 else None
    if found is None:
        return Fault(400, "Host: one name or address")
    server = scope.get("server")
    if hosts.accepts(found[0], str(server[0]) if server else ""):
        return None
    return Fault(421, f"this is not {found[0]}; if it is, set FROSTWAY_PUBLIC_ORIGIN, or FROSTWAY_ALLOWED_HOSTS")
