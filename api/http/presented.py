"""What a request shows to be let in: a bearer token, the session's cookie, or the link that it is sent to."""

from __future__ import annotations

from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie

TOKEN_CHARS_MAX = 512
_LINKS = ("/t/", "/api/v1/public/shipments/", "/api/v1/public/runs/")


def token_of(headers: Mapping[bytes, bytes], cookie: str) -> str:
    """The token of a request, nothing when there is none.

    >>> token_of({b"authorization": b"Bearer abc"}, "c"), token_of({b"cookie": b"a=1; c=xyz"}, "c"), token_of({}, "c")
    ('abc', 'xyz', '')
    """
    scheme, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    try:
        found = SimpleCookie(headers.get(b"cookie", b"").decode("latin-1")).get(cookie)
    except CookieError:
        return ""
    return found.value if found is not None else ""


def link_of(path: str) -> str:
    """The token of a customer's or a driver's link that stands in an address.

    >>> link_of("/t/abc"), link_of("/api/v1/public/shipments/abc/temperatures.svg"), link_of("/api/v1/vehicles")
    ('abc', 'abc', '')
    """
    for prefix in _LINKS:
        if path.startswith(prefix):
            return path[len(prefix) :].partition("/")[0]
    return ""
