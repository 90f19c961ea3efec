"""How often one may ask: a token bucket for each account, token, link and address, in memory and bounded.

Whose a request is, is known before the database is asked: by a credential that was good lately. Until then, and of who
has none, the network counts that it comes from. Those who keep within their own bucket never wait for others.
"""

from __future__ import annotations

import logging
import math
import time
from collections import OrderedDict
from collections.abc import Hashable
from typing import NamedTuple

from starlette.types import Scope

from api.http.presented import TOKEN_CHARS_MAX, link_of, token_of
from domain.limits import Buckets, RateLimit, network_of
from store.secrets import token_hash

log = logging.getLogger(__name__)

BURST_S = 10.0
KEYS_MAX = 20_000
TELL_S = 60.0
POLICY = "requests"
EXEMPT = ("/healthz", "/readyz")  # whoever looks after us must not take us for dead

Headers = dict[str, str]


class Said(NamedTuple):
    """What is said of a request: how long to wait (0: it may go on), and the headers that tell it."""

    wait_s: float
    headers: Headers


class Rates:
    """The buckets of one process; `rate_per_s` 0: no limit."""

    def __init__(self, rate_per_s: float, cookie: str) -> None:
        self._buckets = Buckets(rate_per_s, max(1.0, rate_per_s * BURST_S), KEYS_MAX)
        self._cookie = cookie
        self._known: OrderedDict[bytes, Hashable] = OrderedDict()
        self._told = RateLimit(1, TELL_S)

    def knows(self, digest: bytes, who: Hashable) -> None:
        """A credential was good: from now on its requests are those of `who`."""
        self._known[digest] = who
        self._known.move_to_end(digest)
        while len(self._known) > KEYS_MAX:
            self._known.popitem(last=False)

    def forgets(self, digest: bytes) -> None:
        """A credential opens nothing any more: it takes no turns from who held it, and counts like an unknown one."""
        self._known.pop(digest, None)

    def of(self, scope: Scope) -> Hashable:
        """Whose a request is."""
        headers = dict(scope["headers"])
        presented = token_of(headers, self._cookie) or link_of(scope["path"])
        if presented and len(presented) <= TOKEN_CHARS_MAX:
            known = self._known.get(token_hash(presented))
            if known is not None:
                return known
        client = scope.get("client")
        return ("address", network_of(client[0] if client else ""))

    def take(self, scope: Scope) -> Said:
        """Counts a request."""
        if not self._buckets.rate_per_s or scope["path"] in EXEMPT:
            return Said(0.0, {})
        return self.take_of(self.of(scope), time.monotonic())

    def take_of(self, who: Hashable, now_s: float) -> Said:
        """Counts a request of somebody at a monotonic second."""
        if not self._buckets.rate_per_s:
            return Said(0.0, {})
        wait_s = self._buckets.take(who, now_s)
        left, rate, burst = self._buckets.left(who, now_s), self._buckets.rate_per_s, self._buckets.burst
        headers = {
            "RateLimit-Policy": f'"{POLICY}";q={int(burst)};w={math.ceil(burst / rate)}',
            "RateLimit": f'"{POLICY}";r={int(left)};t={math.ceil((burst - left) / rate)}',
        }
        if wait_s > 0:
            headers["Retry-After"] = str(math.ceil(wait_s))
            if self._told.wait_s(who, now_s) <= 0:
                self._told.add(who, now_s)
                log.warning("%s asks more than %g times a second: refused", _shown(who), rate)
        return Said(wait_s, headers)


def _shown(who: Hashable) -> str:
    """Somebody, as the log may name them.

    >>> _shown(("address", "203.0.113.9")), _shown((3, "token:till"))
    ("address '203.0.113.9'", "3 'token:till'")
    """
    first, second = who if isinstance(who, tuple) and len(who) == 2 else ("somebody", who)
    return f"{first} {second!r}"
