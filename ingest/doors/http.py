"""The door for devices that speak HTTP: uvicorn in a thread of its own. What it answers stands in `http_app`."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable

import uvicorn
from prometheus_client import Counter, Gauge

from ingest.directory import Holder
from ingest.doors.http_app import DURABLE_S, HttpApp
from ingest.doors.http_connection import DeviceConnection
from ingest.doors.inbox import Inbox
from serving import tls
from serving.connection import Limits, Room, guarded
from serving.files import connections_possible
from serving.origins import LOOPBACK, in_networks, trusted_networks

log = logging.getLogger(__name__)

HEAD_BYTES_MAX = 64 * 1024  # an address may hold a whole message
IDLE_S = 15.0  # from the connection, or the last answer, to the whole head of a request
PER_NETWORK_MAX = 200  # connections; many phones may be behind one address
REQUEST_S = 60.0  # a request that is not over twice in a row after this long has a client that does not read
GRACE_S = 8  # for requests under way when the door closes
CLOSE_S = 5.0

connections_open = Gauge("frostway_device_http_connections", "HTTP connections of devices")
refused_total = Counter("frostway_device_http_refused_total", "Connections ended by the door", ["reason"])


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
        idle_s: float = IDLE_S,
        durable_s: float = DURABLE_S,
        grace_s: int = GRACE_S,
        trusted_proxies: str = LOOPBACK,
        certificate: tuple[str, str] | None = None,
    ) -> None:
        """`certificate`: files of one and of its key, PEM, to speak https; none: in plain.

        Raises:
            OSError: they cannot be used.
        """
        self.name = "http"
        self.port = port  # after `start`: where it listens, when 0 was asked for
        self._host = host
        app = HttpApp(inbox, holder, knows, durable_s)
        proxies = trusted_networks(trusted_proxies)
        limits = Limits(connections_possible(max_connections), PER_NETWORK_MAX, idle_s, idle_s, REQUEST_S)
        room = Room(
            limits,
            is_proxy=lambda address: in_networks(proxies, address),
            refused=lambda reason: refused_total.labels(reason).inc(),
            count=connections_open.inc,
        )
        logging.getLogger("uvicorn.access").disabled = True  # addresses hold tokens
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # it warns at every bad request of a stranger
        config = uvicorn.Config(
            app,
            http=guarded(room, DeviceConnection, device_app=app, grace_s=grace_s),
            ws="none",
            interface="asgi3",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            h11_max_incomplete_event_size=HEAD_BYTES_MAX,
            forwarded_allow_ips=proxies,
            timeout_graceful_shutdown=grace_s,
        )
        self._config, self._room = config, room
        self._certificate = tls.Certificate(*certificate) if certificate else None
        self._server: uvicorn.Server | None = None
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
        certificate = self._certificate
        secured = tls.Server(self._config, certificate, [listener], self._room) if certificate else None
        self._server = secured or uvicorn.Server(self._config)
        self._thread = threading.Thread(target=self._serve, args=(self._server, listener), name="http", daemon=True)
        self._thread.start()

    def is_alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def stop(self) -> None:
        """Lets nobody in, closes idle connections, gives requests under way their time to become durable."""
        if self._thread is not None and self._server is not None:
            self._server.should_exit = True
            self._thread.join(self._grace_s + CLOSE_S)

    def _serve(self, server: uvicorn.Server, listener: socket.socket) -> None:
        try:
            with listener:
                server.run(sockets=[] if self._certificate else [listener])
        except Exception:
            log.exception("the door for HTTP failed")
