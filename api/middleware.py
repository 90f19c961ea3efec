"""Around every answer: security headers, a limit on bodies, metrics. Plain ASGI, so that nothing is buffered."""

from __future__ import annotations

import logging
import time
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.metrics import Metrics
from api.problems import Problem, answer

log = logging.getLogger(__name__)

BODY_BYTES_MAX = 2**20


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
    """Wraps the app; measures, limits and adds headers."""

    def __init__(self, app: ASGIApp, metrics: Metrics, map_style: str) -> None:
        self._app, self._metrics = app, metrics
        self._headers = {
            "content-security-policy": content_security_policy(map_style),
            "x-content-type-options": "nosniff",
            "x-frame-options": "DENY",
            "cross-origin-opener-policy": "same-origin",
            "cross-origin-resource-policy": "same-origin",
            "permissions-policy": "camera=(), microphone=(), geolocation=()",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def measured(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._add_headers(scope, MutableHeaders(scope=message))
            await send(message)

        try:
            if _declared_length(scope) > BODY_BYTES_MAX:
                await answer(413, "a body may have 1 MiB", {"Connection": "close"})(scope, receive, measured)
            else:
                await self._app(scope, _limited(receive), measured)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            self._metrics.requests.labels(scope["method"], route, status).inc()
            self._metrics.request_s.labels(route).observe(time.perf_counter() - started)
            log.debug("%s %s %d", scope["method"], route, status)  # the route, not the path: that may hold a token

    def _add_headers(self, scope: Scope, headers: MutableHeaders) -> None:
        for name, value in self._headers.items():
            headers.setdefault(name, value)
        path: str = scope["path"]
        customer = path.startswith(("/t/", "/api/v1/public/"))
        headers.setdefault("referrer-policy", "no-referrer" if customer else "same-origin")
        if customer:
            headers["x-robots-tag"] = "noindex, nofollow, noarchive"
        if path.startswith("/api/"):
            headers.setdefault("cache-control", "no-store")
        if scope["scheme"] == "https":
            headers.setdefault("strict-transport-security", "max-age=31536000")


def _declared_length(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else BODY_BYTES_MAX + 1
    return 0


def _limited(receive: Receive) -> Receive:
    """A body without a declared length is cut off where it grows too large."""
    seen = 0

    async def take() -> Message:
        nonlocal seen
        message = await receive()
        if message["type"] == "http.request":
            seen += len(message.get("body", b""))
            if seen > BODY_BYTES_MAX:
                raise Problem(413, "a body may have 1 MiB", {"Connection": "close"})
        return message

    return take
