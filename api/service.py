"""Runs the API under uvicorn until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any, cast

import uvicorn
from prometheus_client import start_http_server
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from api.app import create_app
from api.feed.socket import FRAMES
from api.http.context import ApiConfig, context_in
from serving import tls
from serving.connection import Limits, Room, guarded
from serving.files import connections_possible
from serving.origins import in_networks, trusted_networks

log = logging.getLogger(__name__)

MESSAGE_BYTES_MAX = 64 * 1024
HEAD_BYTES_MAX = 16 * 1024
PER_NETWORK_MAX = 256
PING_S = 20.0
GRACE_S = 3


class SocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's websocket protocol on a connection that has its place in the room, and a short way out for frames."""

    async def run_asgi(self) -> None:
        """Tells the application of the short way."""
        cast("dict[str, Any]", self.scope["extensions"])[FRAMES] = self.write_frame
        await super().run_asgi()

    def write_frame(self, frame: bytes) -> bool:
        """Writes a whole frame at once, past the application's task; False when the connection does not take it now."""
        if self.close_sent or not self.handshake_complete or self.disconnected or not self.writable.is_set():
            return False
        if self.transport.is_closing():
            return False
        self.transport.write(frame)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Gives the place back."""
        self.app_state["left"]()
        super().connection_lost(exc)


def make_server(
    config: ApiConfig,
    limits: Limits | None = None,
    certificate: tls.Certificate | None = None,
    secured: Sequence[socket.socket] = (),
) -> uvicorn.Server:
    """A server that has yet to be given its sockets; on the `secured` ones it speaks https.

    Raises:
        OriginError: a setting that names origins or networks does not.
    """
    logging.getLogger("uvicorn.access").disabled = True  # addresses of customers' pages hold their tokens
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # it warns at every bad request of a stranger
    app, proxies = create_app(config), trusted_networks(config.trusted_proxies)
    metrics = context_in(app).metrics
    room = Room(
        limits or Limits(connections=connections_possible(config.http_connections_max), per_network=PER_NETWORK_MAX),
        is_proxy=lambda address: in_networks(proxies, address),
        refused=lambda reason: metrics.refused.labels(reason).inc(),
        count=metrics.connections.inc,
    )
    settings = uvicorn.Config(
        app,
        http=guarded(room),
        ws=cast("type[asyncio.Protocol]", SocketProtocol),
        ws_max_size=MESSAGE_BYTES_MAX,
        ws_per_message_deflate=False,
        ws_ping_interval=PING_S,
        ws_ping_timeout=PING_S,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        h11_max_incomplete_event_size=HEAD_BYTES_MAX,
        forwarded_allow_ips=proxies,
        timeout_graceful_shutdown=GRACE_S,
    )
    return tls.Server(settings, certificate, secured, room) if certificate else uvicorn.Server(settings)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one.

    Raises:
        OSError: the port is taken, or the address is not ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=2048)


def _serve_metrics(app: Any, port: int) -> None:
    try:
        start_http_server(port, addr="127.0.0.1", registry=context_in(app).metrics.registry)
    except OSError as error:
        log.warning("metrics cannot be served on port %d: %s", port, error.strerror)


def run(
    config: ApiConfig, host: str, port: int, certificate: tls.Certificate | None = None, loopback_port: int = 0
) -> None:
    """Serves until SIGTERM or SIGINT, then closes all sockets and returns within five seconds.

    With a certificate by https; beside it in plain on a port of loopback, if there is one.

    Raises:
        OSError: the port is taken, or the address is not ours.
    """
    with ExitStack() as open_:
        listener = open_.enter_context(listen(host, port))
        bound = listener.getsockname()
        shown = f"[{bound[0]}]" if ":" in bound[0] else bound[0]
        log.info("api listens on %s://%s:%d", "https" if certificate else "http", shown, bound[1])
        plain = [] if certificate else [listener]
        if certificate and loopback_port:
            plain.append(open_.enter_context(listen("127.0.0.1", loopback_port)))
        server = make_server(config, certificate=certificate, secured=[listener] if certificate else [])
        # uvicorn raises the signal it was stopped by once more, for whoever was there before it: that is nobody.
        if config.metrics_port:
            _serve_metrics(server.config.app, config.metrics_port)
        before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            server.run(sockets=plain)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        log.info("api has stopped")
