"""https: a certificate that may change under way, and a server that speaks TLS on some sockets and plain on others.

A connection is known to uvicorn only when its handshake is over. Until then it has a place in a room of its own, with a
time limit: who connects and says nothing has no claim here either.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import cast

import uvicorn

from serving.connection import Limits, Room

log = logging.getLogger(__name__)

HANDSHAKE_S = 10.0
SHUTDOWN_S = 5.0  # for the other side to say goodbye
LOOK_TICKS = 20  # of 0.1 s, between two looks at the certificate's files
ACCEPT_PAUSE_S = 0.5  # when there is no file left for a connection
_Protocols = Callable[[], asyncio.Protocol]


class Certificate:
    """Certificate and key from files, PEM; `context` shows who connects those that were there last and were good."""

    def __init__(self, certificate: str, key: str) -> None:
        """Raises OSError: they cannot be read, or are no pair."""
        self._files = (certificate, key)
        self._seen = self._stamp()
        self.context = _context(*self._files)

    def refresh(self) -> None:
        """Reads them anew when they have changed; to be called by the thread that does the handshakes."""
        try:
            found = self._stamp()
            if found != self._seen:
                self._seen = found
                _context(*self._files)  # a half of a new pair would spoil the one that is in use
                self.context.load_cert_chain(*self._files)
                log.info("a new certificate is in use")
        except OSError as error:
            log.warning("%s cannot be used, the one before still is: %s", self._files[0], error)

    def _stamp(self) -> list[tuple[int, int, int]]:
        return [(found.st_mtime_ns, found.st_ino, found.st_size) for found in map(os.stat, self._files)]


class Server(uvicorn.Server):
    """uvicorn that speaks TLS on `sockets`, beside those in plain that it is given as ever."""

    def __init__(
        self, config: uvicorn.Config, certificate: Certificate, sockets: Sequence[socket.socket], room: Room
    ) -> None:
        """`room` is the one of the connections: as many of a network, and a quarter of all, may be shaking hands."""
        super().__init__(config)
        self._certificate = certificate
        self._secured = sockets
        self._listeners: list[_Listener] = []
        limits = room.limits
        self._hands = Room(
            Limits(connections=max(16, limits.connections // 4), per_network=limits.per_network),
            is_proxy=room.is_proxy,
            refused=room.refused,
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begins to listen."""
        await super().startup(sockets or [])
        make = partial(
            cast("Callable[..., asyncio.Protocol]", self.config.http_protocol_class),
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
        )
        context = self._certificate.context
        self._listeners = [_Listener(each, context, make, self._hands) for each in self._secured]

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Lets nobody in any more, and ends as uvicorn does."""
        for each in self._listeners:
            await each.close()
        await super().shutdown(sockets)

    async def on_tick(self, counter: int) -> bool:
        """Looks after the certificate, too."""
        if counter % LOOK_TICKS == 0:
            self._certificate.refresh()
        return await super().on_tick(counter)


class _Listener:
    """Takes connections from a socket and shakes hands."""

    def __init__(self, listener: socket.socket, context: ssl.SSLContext, make: _Protocols, room: Room) -> None:
        listener.settimeout(0)
        self._listener, self._context, self._make, self._room = listener, context, make, room
        self._under_way: set[asyncio.Task[None]] = set()
        self._accepting = asyncio.create_task(self._accept())

    async def close(self) -> None:
        """Lets nobody in, nor those who are still shaking hands."""
        ending = [self._accepting, *self._under_way]
        for task in ending:
            task.cancel()
        await asyncio.wait(ending)
        self._listener.close()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, peer = await loop.sock_accept(self._listener)
            except ConnectionError:  # it has left before it came in
                continue
            except OSError as error:
                log.warning("cannot take a connection: %s", error.strerror)
                await asyncio.sleep(ACCEPT_PAUSE_S)
                continue
            task = asyncio.create_task(self._greet(connection, str(peer[0])))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def _greet(self, connection: socket.socket, address: str) -> None:
        loop = asyncio.get_running_loop()
        place = _Hands(connection)
        self._room.enter(place, address)
        try:
            await loop.connect_accepted_socket(
                self._make,
                connection,
                ssl=self._context,
                ssl_handshake_timeout=HANDSHAKE_S,
                ssl_shutdown_timeout=SHUTDOWN_S,
            )
        except (OSError, asyncio.CancelledError):
            connection.close()
        finally:
            self._room.leave(place)


class _Hands:
    """One who is shaking hands, as a room knows it."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def abort(self) -> None:
        """Ends it: the handshake fails."""
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)


def _context(certificate: str, key: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(certificate, key)
    return context
