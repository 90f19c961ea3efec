"""A non-blocking broker connection that one thread reads and several may write to.

Shared by both receivers: the fast one reads it too, the paho one only writes its acknowledgements here.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Sequence

from ingest.mqtt.codec import encode_publish
from ingest.mqtt.receiver import SEND_TIMEOUT_S, Endpoint, ReceiverError

RECEIVE_BYTES = 256 * 1024
DRAIN_TIMEOUT_S = 2.0
IDLE_SLICE_S = 0.25
"""The longest sleep without looking whether `close` was called or a write has failed."""
FIRST_PUBLISH_ID = 100
"""Lower packet ids are left to subscriptions."""

_WOULD_BLOCK = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


def open_socket(endpoint: Endpoint, timeout_s: float, tls_context: ssl.SSLContext | None) -> socket.socket:
    """A connected non-blocking socket, with TLS if the endpoint says so. Raises ReceiverError."""
    raw: socket.socket | None = None
    try:
        raw = socket.create_connection((endpoint.host, endpoint.port), timeout=timeout_s)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if endpoint.tls:
            context = tls_context or ssl.create_default_context()
            raw = context.wrap_socket(raw, server_hostname=endpoint.host)
        raw.settimeout(0)
    except OSError as error:
        if raw is not None:
            raw.close()
        reason = error.strerror or str(error)
        raise ReceiverError(f"cannot reach the broker at {endpoint.address}: {reason}") from None
    return raw


class Wire:
    """A non-blocking socket that one thread reads while others write whole packets.

    Two locks: `_order` keeps packets whole, `io` keeps two threads out of one TLS object; nobody waits for the network
    while holding `io`.
    """

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.last_sent_s = time.monotonic()
        self.failure = ""  # why a write failed; the reader first takes what is still there, then gives up
        self._order = threading.Lock()
        self.io = threading.Lock()
        self._closed = False
        self._readable = select.poll()
        self._readable.register(sock, select.POLLIN)
        self._writable = select.poll()
        self._writable.register(sock, select.POLLOUT)

    def read(self) -> bytes | None:
        """What has arrived, at most RECEIVE_BYTES; None if nothing is there. Raises OSError when the other end left."""
        try:
            with self.io:
                data = self.sock.recv(RECEIVE_BYTES)
        except _WOULD_BLOCK:
            if self.failure:
                raise ConnectionError(self.failure) from None
            return None
        if not data:
            raise ConnectionError("the broker closed the connection")
        return data

    def wait(self, timeout_s: float) -> bool:
        """Whether there is something to read, now or within `timeout_s`."""
        if isinstance(self.sock, ssl.SSLSocket) and self.sock.pending():
            return True
        return bool(self._readable.poll(max(timeout_s, 0.0) * 1000))

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[None]:
        """While somebody else (paho) writes to the socket."""
        with self._order, self.io:
            yield

    def send(self, data: bytes) -> bool:
        """Writes all of `data`; False if the connection is lost or takes nothing for SEND_TIMEOUT_S."""
        with self._order:
            if self._closed or self.failure:
                return False
            view = memoryview(data)
            deadline = time.monotonic() + SEND_TIMEOUT_S
            try:
                while view:
                    try:
                        with self.io:
                            view = view[self.sock.send(view) :]
                    except _WOULD_BLOCK:
                        if time.monotonic() > deadline:
                            raise TimeoutError(f"the broker took nothing for {SEND_TIMEOUT_S:g} s") from None
                        self._writable.poll(IDLE_SLICE_S * 1000)
            except OSError as error:
                self.failure = error.strerror or str(error)
                return False
            self.last_sent_s = time.monotonic()
            return True

    def close(self, farewell: bytes = b"", *, drain: bool = False) -> None:
        """Sends `farewell` and closes.

        With `drain` first reads to the end of the stream (DRAIN_TIMEOUT_S at most): closing with unread input would
        reset the connection, and a reset can overtake what we wrote last.
        """
        if farewell and self.send(farewell) and drain:
            deadline = time.monotonic() + DRAIN_TIMEOUT_S
            with contextlib.suppress(OSError):
                self.sock.shutdown(socket.SHUT_WR)
                while time.monotonic() < deadline:
                    if self.read() is None:
                        self.wait(deadline - time.monotonic())
        with self._order, self.io:
            self._closed = True
            self.sock.close()


class PublishIds:
    """Packet ids of our own publications, in turn.

    Nobody waits for their answers: an id returns 65 000 publications later, when the broker has long answered it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next = 0

    def encode(self, items: Sequence[tuple[bytes, bytes]], qos: int) -> bytes:
        """PUBLISH packets of all (topic, payload), one after the other."""
        if not qos:
            return b"".join([encode_publish(topic, payload) for topic, payload in items])
        span = 65_536 - FIRST_PUBLISH_ID
        with self._lock:
            start = self._next
            self._next = (start + len(items)) % span
        return b"".join(
            [
                encode_publish(topic, payload, qos=1, packet_id=FIRST_PUBLISH_ID + (start + index) % span)
                for index, (topic, payload) in enumerate(items)
            ]
        )
