"""Around every answer: is it for us, headers, limits on bodies and patience, metrics. Plain ASGI: unbuffered."""

from __future__ import annotations

import logging
import re
import time
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.metrics import Metrics
from api.http.problems import Problem, answer
from api.http.rates import Rates, Said
from serving.front import Fault, framing_fault, host_fault
from serving.origins import Hosts, host_of
from serving.pace import Stalled, TooLarge, TooSlow, in_pieces, timely

log = logging.getLogger(__name__)

AT_END = "frostway.at_end"  # an exit stack of the request: what is let go when its answer is out
BODY_BYTES_MAX = 2**20
BODY_S = 20.0  # from the head to the whole body
FILE_BYTES_MAX = 512 * 2**20  # what is brought as a file
FILES = ("/import", "/logger-files")
FILE_BYTES_S_MIN = 20_000  # as fast as it comes at least
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]")
_NOWHERE = answer(404, "there is nothing here")


def _too_large(scope: Scope) -> tuple[int, str, dict[str, str]]:
    words = "a file may have 512 MiB: send it in parts" if brings_file(scope) else "a body may have 1 MiB"
    return 413, words, {"Connection": "close"}


def brings_file(scope: Scope) -> bool:
    """Whether the body of a request is a file, which is read as it comes.

    >>> brings_file({"method": "POST", "path": "/api/v1/products/import"})
    True
    """
    return bool(scope["method"] == "POST" and scope["path"].startswith("/api/") and scope["path"].endswith(FILES))


def _bytes_max(scope: Scope) -> int:
    return FILE_BYTES_MAX if brings_file(scope) else BODY_BYTES_MAX


def content_security_policy(map_style: str) -> str:
    """What our pages may load: our own files, and the style's server when a map style is set."""
    parts = urlsplit(map_style)
    other = f" {parts.scheme}://{parts.netloc}" if parts.scheme in ("http", "https") else ""
    return (
        "default-src 'self'; script-src 'self'; worker-src 'self'; "
        f"img-src 'self' data: blob:{other}; style-src 'self' 'unsafe-inline'; connect-src 'self'{other}; "
        "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )


class Guard:
    """Wraps the app; refuses what is not for us, measures, limits and adds headers."""

    def __init__(self, app: ASGIApp, metrics: Metrics, map_style: str, hosts: Hosts, rates: Rates) -> None:
        self._app, self._metrics, self._hosts, self._rates = app, metrics, hosts, rates
        self._secure_hosts = frozenset(o.host for o in hosts.origins if o.scheme == "https")
        self._headers = {
            "content-security-policy": content_security_policy(map_style),
            "x-content-type-options": "nosniff",
            "x-frame-options": "DENY",
            "cross-origin-opener-policy": "same-origin",
            "cross-origin-resource-policy": "same-origin",
            "permissions-policy": "camera=(self), microphone=(), geolocation=(self)",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request or socket."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        fault = framing_fault(scope) or host_fault(scope, self._hosts)
        said = self._rates.take(scope) if fault is None else Said(0.0, {})
        if said.wait_s > 0:
            self._metrics.refused.labels("rate").inc()
        if scope["type"] == "http":
            await self._request(scope, receive, send, fault, said)
        elif fault is None and said.wait_s > 0:
            await receive()
            await _too_often(said)(scope, receive, send)
        elif fault is None:
            await self._app(scope, receive, send)
        else:
            self._metrics.refused.labels("host" if fault.status == 421 else "framing").inc()
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": fault.detail})

    async def _request(self, scope: Scope, receive: Receive, send: Send, fault: Fault | None, said: Said) -> None:
        started, status = time.perf_counter(), 500
        patient = in_pieces(scope, send)

        async def measured(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._add_headers(scope, MutableHeaders(scope=message), said)
            await patient(message)

        try:
            if fault is not None:
                self._metrics.refused.labels("host" if fault.status == 421 else "framing").inc()
                await answer(*fault, {"Connection": "close"})(scope, receive, measured)
            elif said.wait_s > 0:
                await _too_often(said)(scope, receive, measured)
            elif _declared_length(scope) > _bytes_max(scope):
                await answer(*_too_large(scope))(scope, receive, measured)
            elif _UNPRINTABLE.search(scope["path"]):  # no name has one, and some routes would not even see it
                await _NOWHERE(scope, receive, measured)
            else:
                async with AsyncExitStack() as scope[AT_END]:
                    await self._app(scope, _limited(scope, receive), measured)
        except Exception as error:
            if not _is_stalled(error):
                raise
            self._metrics.refused.labels("stalled").inc()
            log.info("%s: a client did not read its answer", getattr(scope.get("route"), "path", "other"))
        finally:
            route = getattr(scope.get("route"), "path", "other")
            self._metrics.requests.labels(scope["method"], route, status).inc()
            self._metrics.request_s.labels(route).observe(time.perf_counter() - started)
            log.debug("%s %s %d", scope["method"], route, status)  # the route, not the path: that may hold a token

    def _add_headers(self, scope: Scope, headers: MutableHeaders, said: Said) -> None:
        for name, value in (*self._headers.items(), *said.headers.items()):
            headers.setdefault(name, value)
        path: str = scope["path"]
        customer = path.startswith(("/t/", "/api/v1/public/"))
        headers.setdefault("referrer-policy", "no-referrer" if customer else "same-origin")
        if customer:
            headers["x-robots-tag"] = "noindex, nofollow, noarchive"
        if path.startswith("/api/"):
            headers.setdefault("cache-control", "no-store")
        if scope["scheme"] == "https" or _host_name(scope) in self._secure_hosts:
            headers.setdefault("strict-transport-security", "max-age=31536000")


def _too_often(said: Said) -> Response:
    return answer(429, "too many requests: wait as long as Retry-After says", said.headers)


def _declared_length(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else FILE_BYTES_MAX + 1
    return 0


def _limited(scope: Scope, receive: Receive) -> Receive:
    """A body that grows too large, or does not come, becomes an answer."""
    timed = timely(receive, _bytes_max(scope), BODY_S, FILE_BYTES_S_MIN if brings_file(scope) else 0.0)

    async def take() -> Any:
        try:
            return await timed()
        except TooLarge:
            raise Problem(*_too_large(scope)) from None
        except TooSlow:
            raise Problem(408, f"the body was not there after {BODY_S:.0f} s", {"Connection": "close"}) from None

    return take


def _host_name(scope: Scope) -> str:
    value = next((value for name, value in scope["headers"] if name == b"host"), b"")
    return (host_of(value.decode("latin-1")) or ("", None))[0]


def _is_stalled(error: BaseException) -> bool:
    """Whether an error, or all of a group, is that the client does not read."""
    if isinstance(error, BaseExceptionGroup):
        return all(_is_stalled(each) for each in error.exceptions)
    return isinstance(error, Stalled)
