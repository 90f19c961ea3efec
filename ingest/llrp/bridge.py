"""From a reader to the spool: connected again and again, reads put together, nothing lost while the broker is away."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import orjson

from domain.wire.llrp import LlrpError, RefusedError
from domain.wire.llrp_session import Session
from ingest.mqtt.receiver import Backoff
from ingest.spool import Spool, SpoolError

log = logging.getLogger(__name__)

PORT = 5084
READS_MAX = 200
"""Of one message."""
LINGER_S = 1.0
SLICE_S = 0.2
STATUS_S = 30.0
"""A reader that is alive says so once an epoch: then its silence is known from one that is off."""
CONNECT_S = 10.0
FIRST_S, MOST_S = 1.0, 60.0
FULL_S = 1.0


class Reader(NamedTuple):
    """Where a reader listens."""

    host: str
    port: int = PORT

    @classmethod
    def of(cls, text: str) -> Reader:
        """From `HOST`, `HOST:PORT` or `[ADDRESS]:PORT`.

        Raises:
            ValueError: it is none of them.
        """
        host, colon, port = text.rpartition(":")
        if not colon or text.endswith("]") or (text.count(":") > 1 and not text.startswith("[")):
            host, port = text, str(PORT)
        if not host.strip("[]") or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
            raise ValueError(f"{text}: write HOST or HOST:PORT, such as 10.0.0.20:{PORT}")
        return cls(host.strip("[]"), int(port))

    @property
    def address(self) -> str:
        """For people."""
        return f"{self.host}:{self.port}"


class Bridge:
    """One reader, whose reads go into a spool as messages below a topic."""

    def __init__(
        self,
        reader: Reader,
        topic: str,
        spool: Spool,
        stop: threading.Event,
        keepalive_s: float = 10.0,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._reader, self._spool, self._stop = reader, spool, stop
        self._topic, self._status = f"{topic}/reads".encode(), f"{topic}/status".encode()
        self._keepalive_s, self._wall = keepalive_s, wall
        self._backoff = Backoff(FIRST_S, MOST_S)
        self._said = ""
        self._held: list[dict[str, Any]] = []
        self._since_s = 0.0
        self.reads = 0
        """Reads that lie in the spool or went through it."""

    def run(self) -> None:
        """Until it is stopped."""
        while not self._stop.is_set():
            why = ""
            try:
                with socket.create_connection((self._reader.host, self._reader.port), timeout=CONNECT_S) as line:
                    self._listen(line)
            except (OSError, LlrpError, RefusedError) as error:
                why = str(error) or type(error).__name__
            self._flush()
            if why and why != self._said:
                log.error("%s: %s; it is tried again", self._reader.address, why)
            self._said = why or self._said
            self._stop.wait(self._backoff.draw())

    def _listen(self, line: socket.socket) -> None:
        session = Session(round(self._keepalive_s * 1000))
        line.settimeout(SLICE_S)
        heard_s, status_s = time.monotonic(), -STATUS_S
        while not self._stop.is_set():
            data = None
            with contextlib.suppress(TimeoutError):
                data = line.recv(65536)
                if not data:
                    raise LlrpError("it has closed the connection")
            now_s = time.monotonic()
            if data:
                heard_s = now_s
                was_reading = session.is_reading
                self._keep(session.feed(data, self._wall() * 1000))
                if session.is_reading and not was_reading:
                    self._said = ""
                    self._backoff.reset()
                    log.info("%s: reads tags", self._reader.address)
                    if not session.clock.is_set():
                        log.warning("%s: its clock is not set; its reads have our time", self._reader.address)
            elif now_s - heard_s > 3 * self._keepalive_s:
                why = "nothing was heard of it" if session.is_reading else "it has not greeted as readers do"
                raise LlrpError(f"{why} for {now_s - heard_s:.0f} s")
            if data and session.is_reading and now_s - status_s >= STATUS_S:
                status_s = now_s
                self._put(self._status, {"t": round(self._wall() * 1000), "batt": 1})
            if self._held and now_s - self._since_s >= LINGER_S:
                self._flush()
            if session.out:
                line.settimeout(CONNECT_S)
                line.sendall(session.out)
                line.settimeout(SLICE_S)
                session.out.clear()
        with contextlib.suppress(OSError):
            line.sendall(session.goodbye())

    def _keep(self, reads: list[dict[str, Any]]) -> None:
        if reads and not self._held:
            self._since_s = time.monotonic()
        self._held += reads
        if len(self._held) >= READS_MAX:
            self._flush()

    def _flush(self) -> None:
        """What is held goes into the spool."""
        while self._held:
            some = self._held[:READS_MAX]
            if not self._put(self._topic, some):
                log.error("%s: %d reads could not be kept", self._reader.address, len(self._held))
                return
            self._held = self._held[len(some) :]
            self.reads += len(some)

    def _put(self, topic: bytes, said: Any) -> bool:
        """Into the spool. Where that is full the reader waits, which keeps its own reads. False: stopped before."""
        why = ""
        while True:
            try:
                self._spool.append([(topic, orjson.dumps(said), 0, False, False)], round(self._wall() * 1e6))
            except SpoolError as error:
                full = str(error)
            else:
                return True
            if full != why:
                log.error("%s: %s; the reader waits until the broker takes some of it", self._reader.address, full)
            why = full
            if self._stop.wait(FULL_S):
                return False
