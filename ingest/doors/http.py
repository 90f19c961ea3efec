"""The door for devices that speak HTTP: uvicorn in a thread of its own. What it answers stands in `http_app`."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from asyncio.transports import BaseTransport, Transport
from collections.abc import Callable
from typing import cast

import uvicorn
from prometheus_client import Counter, Gauge
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from ingest.directory import Holder
from ingest.doors.http_app import DURABLE_S, HttpApp
from ingest.doors.inbox import Inbox

log = logging.getLogger(__name__)

HEAD_BYTES_MAX = 64 * 1024  # an address may hold a whole message
IDLE_S = 30  # from the connection, or the last answer, to the whole head of a request
REQUEST_S = 60.0  # a request that is not over twice in a row after this long has a client that does not read
GRACE_S = 8  # for requests under way when the door closes
CLOSE_S = 5.0

connections_open = Gauge("frostway_device_http_connections", "HTTP connections of devices")
refused_total = Counter("frostway_device_http_refused_total", "Connections ended by the door", ["reason"])


class _Connection(H11Protocol):
    """uvicorn's connection with the limits it lacks: how many there are, how long a head or an answer may take."""

    _watch: asyncio.TimerHandle | None = None
    _lasting: RequestResponseCycle | None = None  # under way at the last look

    def connection_made(self, transport: BaseTransport) -> None:
        """Counts it in, or ends it at once."""
        super().connection_made(cast("Transport", transport))
        connections_open.inc()
        if self.limit_concurrency is not None and len(self.connections) >= self.limit_concurrency:
            self.connections.discard(self)
            refused_total.labels("too_many").inc()
            self.transport.abort()
        else:
            self._look_after(self.timeout_keep_alive)

    def connection_lost(self, exc: Exception | None) -> None:
        """Counts it out."""
        connections_open.dec()
        if self._watch is not None:
            self._watch.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """The next request's time begins."""
        super().on_response_complete()
        self._look_after(self.timeout_keep_alive)

    def _look_after(self, seconds: float) -> None:
        if self._watch is not None:
            self._watch.cancel()
        self._watch = self.loop.call_later(seconds, self._look)

    def _look(self) -> None:
        """Ends a connection without a request; one under way has time limits of its own, in the application."""
        under_way = self.cycle if self.cycle is not None and not self.cycle.response_complete else None
        if under_way is None or under_way is self._lasting:
            refused_total.labels("idle").inc()
            self.transport.abort()
        else:
            self._lasting = under_way
            self._look_after(REQUEST_S)


class HttpDoor:
    """Listens for devices from `start` to `stop`; `holder` and `knows` are those of `HttpApp`."""

    def __init__(
        self,
        host: str,
        port: int,
        inbox: Inbox,
        holder: Callable[[bytes], Holder | None],
        knows: Callable[[str], bool] | None = None,
        max_connections: int = 1000,
        idle_s: int = IDLE_S,
        durable_s: float = DURABLE_S,
        grace_s: int = GRACE_S,
    ) -> None:
        self.name = "http"
        self.port = port  # after `start`: where it listens, when 0 was asked for
        self._host = host
        app = HttpApp(inbox, holder, knows, durable_s)
        logging.getLogger("uvicorn.access").disabled = True  # addresses hold tokens
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # it warns at every bad request of a stranger
        config = uvicorn.Config(
            app,
            http=cast("type[asyncio.Protocol]", _Connection),
            ws="none",
            interface="asgi3",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            h11_max_incomplete_event_size=HEAD_BYTES_MAX,
            limit_concurrency=max_connections + 1,  # one less is let in, see _Connection
            timeout_keep_alive=idle_s,
            timeout_graceful_shutdown=grace_s,
        )
        self._server = uvicorn.Server(config)
        self._grace_s = grace_s
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Returns when it listens.

        Raises:
            OSError: the port cannot be had.
        """
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        listener = socket.create_server((self._host, self.port), family=family, backlog=256)
        self.port = listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, args=(listener,), name="http", daemon=True)
        self._thread.start()

    def is_alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def stop(self) -> None:
        """Lets nobody in, closes idle connections, gives requests under way their time to become durable."""
        if self._thread is not None:
            self._server.should_exit = True
            self._thread.join(self._grace_s + CLOSE_S)

    def _serve(self, listener: socket.socket) -> None:
        try:
            with listener:
                self._server.run(sockets=[listener])
        except Exception:
            log.exception("the door for HTTP failed")
