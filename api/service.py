"""Runs the API under uvicorn until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from asyncio.transports import BaseTransport, Transport
from typing import cast

import uvicorn
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from api.app import create_app
from api.context import ApiConfig

log = logging.getLogger(__name__)

MESSAGE_BYTES_MAX = 64 * 1024
GRACE_S = 3


class SocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's websocket protocol, plus a way to drop a client that does not read: `state["abort"]`."""

    def connection_made(self, transport: BaseTransport) -> None:
        """Hands the app the transport's abort."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, "abort": cast("Transport", transport).abort}


def make_server(config: ApiConfig) -> uvicorn.Server:
    """A server that has yet to be given its sockets."""
    logging.getLogger("uvicorn.access").disabled = True  # addresses of customers' pages hold their tokens
    return uvicorn.Server(
        uvicorn.Config(
            create_app(config),
            ws=cast("type[asyncio.Protocol]", SocketProtocol),
            ws_max_size=MESSAGE_BYTES_MAX,
            ws_per_message_deflate=False,
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE_S,
            timeout_keep_alive=30,
        )
    )


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one.

    Raises:
        OSError: the port is taken, or the address is not ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=2048)


def run(config: ApiConfig, host: str, port: int) -> None:
    """Serves until SIGTERM or SIGINT, then closes all sockets and returns within five seconds.

    Raises:
        OSError: the port is taken, or the address is not ours.
    """
    with listen(host, port) as listener:
        bound = listener.getsockname()
        shown = f"[{bound[0]}]" if ":" in bound[0] else bound[0]
        log.info("api listens on http://%s:%d", shown, bound[1])
        # uvicorn raises the signal it was stopped by once more, for whoever was there before it: that is nobody.
        before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            make_server(config).run(sockets=[listener])
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        log.info("api has stopped")
