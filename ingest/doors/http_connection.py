"""A device's HTTP connection: plain requests are answered here, without a task; any other is left to uvicorn."""

from __future__ import annotations

import asyncio
from asyncio.transports import BaseTransport
from typing import ClassVar

import h11
from uvicorn.protocols.http.h11_impl import STATUS_PHRASES

from ingest.doors.http_app import CLOSING, NOT_DURABLE, Answer, Asked, HttpApp, rendered
from ingest.doors.inbox import Outcome
from ingest.doors.plain import PlainReader, Unfinished
from serving.connection import GuardedConnection

PIECES_S = 1.0  # a body that is not whole so long after its head is the server's to wait for
HELD_BYTES = 64 * 1024
LAST_SHARE = 0.9  # of the time at the end that a request may wait to become durable


class DeviceConnection(GuardedConnection):
    """Subclasses made by `guarded` know their room, their application, and the time that requests have at the end."""

    device_app: ClassVar[HttpApp]
    grace_s: ClassVar[float]
    _asked: Asked | None = None  # under way here
    _held = b""  # came meanwhile; or a request whose body is not whole
    _missing = 0  # bytes of that body
    _pieces: asyncio.TimerHandle | None = None
    _is_servers = False  # what comes now may belong to something that the server has the beginning of
    _is_last = False

    def connection_made(self, transport: BaseTransport) -> None:
        """Counts it in."""
        self._reader = PlainReader()
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Counts it out. What is under way becomes durable all the same, and will be sent again."""
        self._asked = None
        self._put_together(b"")
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """A plain request, or whatever else it is."""
        if self._asked is not None:
            self._held += data
            if len(self._held) > HELD_BYTES:
                self.flow.pause_reading()
        elif self._is_servers and not self._has_server_done():
            super().data_received(data)
        elif 0 < len(data) < self._missing:
            self._held += data
            self._missing -= len(data)
        else:
            self._read(self._put_together(data))

    def shutdown(self) -> None:
        """Idle ones are closed; a request under way has its time."""
        if self._asked is not None:
            self._is_last = True
            self._look_after(self.grace_s * LAST_SHARE)
            return
        self._give_up_waiting()
        super().shutdown()

    def _put_together(self, data: bytes) -> bytes:
        """All that is there, and nothing is waited for any more."""
        if self._pieces is not None:
            self._pieces.cancel()
            self._pieces = None
        whole, self._held, self._missing = self._held + data, b"", 0
        return whole

    def _give_up_waiting(self) -> None:
        if self._missing:
            self._give_to_server(self._put_together(b""))

    def _give_to_server(self, data: bytes) -> None:
        self._is_servers = True
        super().data_received(data)

    def _has_server_done(self) -> bool:
        """Whether the server has answered all that it was given, and waits for the first byte of a request."""
        idle = self._is_idle() and self.conn.our_state is h11.IDLE and self.conn.their_state is h11.IDLE
        self._is_servers = not idle or bool(self.conn.trailing_data[0])
        return not self._is_servers

    def _read(self, data: bytes) -> None:
        found = self._reader.read(data)
        if isinstance(found, Unfinished):
            self._held, self._missing = data, found.missing
            self._pieces = self.loop.call_later(PIECES_S, self._give_up_waiting)
            return
        if found is not None and not self.transport.is_closing():
            self._asked = self.device_app.ask(found, self.loop, self._settled)
        if self._asked is None:
            self._give_to_server(data)
            return
        self.room.busy(self)
        self._look_after(self.device_app.durable_s)

    def _settled(self, asked: Asked, outcome: Outcome) -> None:
        if self._asked is asked:  # else too late: it was answered, or is gone
            self._respond(self.device_app.answered(asked, outcome))

    def _look(self) -> None:
        if self._asked is not None:
            self._respond(CLOSING if self._is_last else NOT_DURABLE)
        else:
            super()._look()

    def _is_idle(self) -> bool:
        return self._asked is None and super()._is_idle()

    def _respond(self, answer: Answer) -> None:
        """Sends what the server would have sent, and waits for the next request as it would."""
        assert self._asked is not None  # noqa: S101  # only then is there something to answer
        self.device_app.count(self._asked.way, answer)
        self._asked = None
        pairs, body = rendered(answer)
        head = [b"%s: %s\r\n" % pair for pair in (*self.server_state.default_headers, *pairs)]
        status = b"HTTP/1.1 %d %s\r\n" % (answer.status, STATUS_PHRASES[answer.status])
        self.transport.write(b"".join([status, *head, b"\r\n", body]))
        self.server_state.total_requests += 1
        if self._is_last:
            self.transport.close()
            return
        self._await_next()
        self.flow.resume_reading()
        if held := self._put_together(b""):
            self._read(held)
