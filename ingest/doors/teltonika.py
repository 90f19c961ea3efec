"""The door for Teltonika devices, TCP and UDP on one port: one thread with an event loop, apart from everything else.

A packet is acknowledged when its parcel is durable and not before, so a device keeps what we have not stored. One
packet of a connection is under way at a time; what else a device sends waits, at last in its own socket. Over its
connection a device is told what `lines` gives (Codec 12), at any time; its answer comes among its packets.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import cast

from prometheus_client import Counter, Gauge

from domain.wire.said import WireError
from domain.wire.teltonika import count
from domain.wire.teltonika_commands import answer, is_command_block
from domain.wire.teltonika_frames import (
    Datagram,
    Event,
    Framer,
    Imei,
    Packet,
    accept,
    acknowledge,
    datagram_answer,
    parse_datagram,
)
from ingest.doors.answers import Answers
from ingest.doors.inbox import Inbox, Outcome, Parcel
from ingest.doors.lines import Lines, Told
from ingest.doors.loops import new_loop

log = logging.getLogger(__name__)

FORMAT = "teltonika"
HANDSHAKE_S = 30.0  # from the connection to the whole IMEI
DURABLE_S = 60.0  # a device gives up sooner and sends again
RETRY_S = 0.05  # between two looks at a full inbox
HELD_BYTES = 8192  # that a device may be ahead of its acknowledgements before its socket is no longer read
CLOSE_S = 5.0

connections_open = Gauge("frostway_teltonika_connections", "TCP connections of Teltonika devices")
packets_total = Counter("frostway_teltonika_packets_total", "Packets of Teltonika devices", ["outcome"])
refused_total = Counter("frostway_teltonika_refused_total", "Connections ended by the door", ["reason"])
durable_total = packets_total.labels("durable")


class TeltonikaDoor:
    """Listens for devices from `start` to `stop`. `known` says whether an IMEI may come in; it must not wait."""

    def __init__(
        self,
        host: str,
        port: int,
        inbox: Inbox,
        known: Callable[[str], bool],
        max_connections: int = 2000,
        idle_timeout_s: float = 600,
        full_wait_s: float = 2.0,
        lines: Lines | None = None,
    ) -> None:
        self.lines = lines or Lines()
        self._host = host
        self.name = "teltonika"
        self.port = self.udp_port = port  # after `start`: where it listens, when 0 was asked for
        self.inbox = inbox
        self.known = known
        self._max_connections = max_connections
        self.idle_timeout_s = idle_timeout_s
        self.full_wait_s = full_wait_s
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop
        self._stopping: asyncio.Event
        self._empty: asyncio.Event
        self._connections: set[_Connection] = set()

    def start(self) -> None:
        """Returns when it listens.

        Raises:
            OSError: the port cannot be had.
        """
        listening: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, args=(listening,), name="teltonika", daemon=True)
        self._thread.start()
        listening.result()

    def is_alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def stop(self, timeout: float = 10.0) -> None:
        """Lets nobody in, closes idle connections, gives packets under way `timeout` seconds to be acknowledged."""
        if self._thread is None or not self._thread.is_alive():
            return
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(timeout)
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._end_all)
            self._thread.join(CLOSE_S)

    def _run(self, listening: Future[None]) -> None:
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(self._main(listening))

    async def _main(self, listening: Future[None]) -> None:
        self._loop, self._stopping, self._empty = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
        self.answers = Answers(self._loop)
        try:
            server = await self._loop.create_server(partial(_Connection, self), self._host, self.port)
        except OSError as error:
            listening.set_exception(error)
            return
        try:
            self.port = server.sockets[0].getsockname()[1]
            datagrams = await self._datagrams()
        except OSError as error:
            server.close()
            listening.set_exception(error)
            return
        listening.set_result(None)
        await self._stopping.wait()
        server.close()
        for each in [each for each in self._connections if not each.is_under_way]:
            each.close()
        while self._connections:
            self._empty.clear()
            await self._empty.wait()
        datagrams.close()
        await asyncio.sleep(0)  # transports close in the next turn of the loop

    async def _datagrams(self) -> asyncio.DatagramTransport:
        receiver = partial(_Datagrams, self)
        try:
            transport, _ = await self._loop.create_datagram_endpoint(receiver, (self._host, self.port))
        except OSError:
            if self.udp_port:  # asked for; else any port will do when the twin of the TCP port is taken
                raise
            transport, _ = await self._loop.create_datagram_endpoint(receiver, (self._host, 0))
        self.udp_port = transport.get_extra_info("sockname")[1]
        return transport

    def _end_all(self) -> None:
        for each in list(self._connections):
            each.abort()

    @property
    def is_stopping(self) -> bool:
        """Whether nobody is let in any more. In the loop's thread."""
        return self._stopping.is_set()

    def enter(self, connection: _Connection) -> bool:
        """Lets a connection in, if there is room."""
        if len(self._connections) >= self._max_connections or self.is_stopping:
            return False
        self._connections.add(connection)
        connections_open.inc()
        return True

    def leave(self, connection: _Connection) -> None:
        """It is gone."""
        if connection in self._connections:
            self._connections.remove(connection)
            connections_open.dec()
        if not self._connections:
            self._empty.set()


class _Refused(Exception):  # noqa: N818  # an outcome, not a fault of ours
    """A connection that is to be closed; the argument is a short reason for counting."""


class _Connection(asyncio.Protocol):
    """A device over TCP. One timer watches it, which looks again when the deadline has been put off meanwhile."""

    def __init__(self, door: TeltonikaDoor) -> None:
        self._door = door
        self._loop = asyncio.get_running_loop()
        self._framer = Framer()
        self._events: deque[Event] = deque()
        self._held = bytearray()  # came while a packet was under way, or while answers are not taken
        self._imei = ""
        self._block: bytes | None = None  # under way
        self._told: Told | None = None  # a command that is to be answered
        self._full_until = 0.0
        self._waits_for_room = self._is_choked = self._is_paused = self._is_at_end = self._is_closed = False
        self._transport: asyncio.Transport
        self._timer: asyncio.TimerHandle | None = None
        self._deadline = 0.0

    @property
    def is_under_way(self) -> bool:
        """Whether a packet waits to become durable."""
        return self._block is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Counts it in."""
        self._transport = cast("asyncio.Transport", transport)
        if not self._door.enter(self):
            refused_total.labels("too_many").inc()
            self._is_closed = True
            self._transport.abort()
            return
        self._within(min(HANDSHAKE_S, self._door.idle_timeout_s))

    def connection_lost(self, exc: Exception | None) -> None:
        """Counts it out. A packet under way becomes durable all the same, and the device will send it again."""
        if exc is not None:
            log.debug("teltonika %s: %s", self._imei, exc)
        self._is_closed = True
        self._leave_line()
        if self._timer is not None:
            self._timer.cancel()
        self._door.leave(self)

    def data_received(self, data: bytes) -> None:
        """Takes it apart, or keeps it for when the packet under way is durable."""
        if self._is_closed:
            return
        if self._is_busy:
            self._held += data
            if len(self._held) > HELD_BYTES and not self._is_paused:
                self._is_paused = True
                self._transport.pause_reading()
            return
        self._guarded(self._take, data)

    def eof_received(self) -> bool:
        """Whoever has said all that it has to say is still answered."""
        self._is_at_end = True
        if not self._is_busy:
            self._guarded(self._take, b"")
        return not self._is_closed

    def pause_writing(self) -> None:
        """The device does not take our answers: nothing more is done for it, and it is idle."""
        self._is_choked = True

    def resume_writing(self) -> None:
        """It does again."""
        self._is_choked = False
        if not self._is_busy:
            self._guarded(self._go_on)

    @property
    def _is_busy(self) -> bool:
        return self._block is not None or self._is_choked

    def _guarded(self, step: Callable[..., None], *what: bytes) -> None:
        """Whatever happens in a connection stays in it."""
        try:
            step(*what)
        except WireError as error:
            log.info("teltonika %s: %s", self._transport.get_extra_info("peername"), error)
            self._refuse(error.reason)
        except _Refused as error:
            self._refuse(str(error))
        except Exception:
            log.exception("teltonika %s: the connection failed", self._imei)
            self._refuse("error")

    def _take(self, data: bytes) -> None:
        # The deadline is for the next whole event: a device that only ever sends single bytes does not keep its place.
        self._events.extend(self._framer.feed(data))
        self._go_on()

    def _go_on(self) -> None:
        """Does what the events that have come ask for, until one has to become durable."""
        while not self._is_busy and not self._is_closed:
            if self._events:
                self._answer(self._events.popleft())
            elif self._held:
                data, self._held = bytes(self._held), bytearray()
                self._events.extend(self._framer.feed(data))
            else:
                break
        if self._is_busy or self._is_closed:
            return
        if self._is_at_end or self._door.is_stopping:
            self.close()
        elif self._is_paused:
            self._is_paused = False
            self._transport.resume_reading()

    def _answer(self, event: Event) -> None:
        if isinstance(event, Packet):
            if event.crc_ok:
                if not self._has_answered(event.block):
                    self._deliver(event.block)
                    return
                self._within(self._door.idle_timeout_s)
                return
            packets_total.labels("bad_crc").inc()
            self._transport.write(acknowledge(0))
        elif isinstance(event, Imei):
            known = self._door.known(event.text)
            self._transport.write(accept(known))
            if not known:
                raise _Refused("unknown_imei")
            self._imei = event.text
            self._door.lines.open(event.text, self)
        self._within(self._door.idle_timeout_s)

    def _deliver(self, block: bytes) -> None:
        self._block = block
        self._full_until = 0.0
        self._within(DURABLE_S)
        self._put()

    def _put(self) -> None:
        """Waits a little for room, so that a whole fleet does not hang up and call again at once."""
        if self._block is None or self._is_closed:
            return
        if self._door.inbox.offer(Parcel(FORMAT, self._imei, self._block, self._door.answers.to(self._settled))):
            return
        now = self._loop.time()
        self._full_until = self._full_until or now + self._door.full_wait_s
        if now >= self._full_until or self._door.is_stopping:
            packets_total.labels("full").inc()
            self._refuse("full")
            return
        self._loop.call_later(RETRY_S, self._put)

    def _settled(self, outcome: Outcome) -> None:
        """What has become of the packet under way."""
        block, self._block = self._block, None
        if block is None:  # too late: the connection has been given up
            return
        if not outcome.durable:
            log.info("teltonika %s: not taken: %s", self._imei, outcome.why)
            packets_total.labels("not_taken").inc()
            self._refuse("not_taken")
            return
        durable_total.inc()
        if self._is_closed:
            return
        if (taken := _records(block)) is not None:
            self._transport.write(acknowledge(taken))
        self._within(self._door.idle_timeout_s)
        self._guarded(self._go_on)

    # ------------------------------------------------------------ what it is told
    def tell(self, told: Told) -> None:
        """From any thread: writes a command."""
        self._in_loop(self._tell, told, else_unsent=told.id)

    def hang_up(self, id_: int) -> None:
        """From any thread: it has not answered this for too long."""
        self._in_loop(self._hang_up, id_)

    def _in_loop(self, step: Callable[..., None], what: Told | int, else_unsent: int = 0) -> None:
        try:
            self._loop.call_soon_threadsafe(step, what)
        except RuntimeError:  # the door is closed
            self._door.lines.report(else_unsent, "unsent")

    def _tell(self, told: Told) -> None:
        if self._is_closed or self._is_choked or self._is_at_end or self._door.is_stopping or self._told is not None:
            self._door.lines.report(told.id, "unsent")
            return
        self._told = told
        self._transport.write(told.packet)

    def _hang_up(self, id_: int) -> None:
        if self._told is not None and self._told.id == id_:
            self._refuse("unanswered")

    def _has_answered(self, block: bytes) -> bool:
        """Whether a block is the answer that is waited for. Any other goes the way of all packets, and is kept."""
        if self._told is None or not is_command_block(block):
            return False
        try:
            text = answer(block)
        except WireError:
            return False
        told, self._told = self._told, None
        self._door.lines.report(told.id, "answered", text)
        return True

    def _leave_line(self) -> None:
        """Nothing more is told over this connection; what was told last is not answered any more."""
        self._door.lines.close(self._imei, self)
        if self._told is not None:
            told, self._told = self._told, None
            self._door.lines.report(told.id, "lost")

    # ------------------------------------------------------------ its time
    def _within(self, seconds: float) -> None:
        """What is waited for now has to happen within so long."""
        self._deadline = self._loop.time() + seconds
        if self._timer is not None:
            if self._timer.when() <= self._deadline:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(self._deadline, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._loop.time() < self._deadline:
            self._timer = self._loop.call_at(self._deadline, self._look)
        elif self._is_closed:
            self._transport.abort()  # it does not take its last answers either
        elif self._block is not None:
            packets_total.labels("not_durable").inc()
            self._refuse("not_durable")
        else:
            self._refuse("idle")

    def _refuse(self, reason: str) -> None:
        if not self._is_closed:
            refused_total.labels(reason).inc()
            self.close()

    def close(self) -> None:
        """Ends it when its answers have been taken, or soon."""
        self._is_closed, self._block = True, None
        self._leave_line()
        self._events.clear()
        self._held.clear()
        self._transport.close()
        self._within(CLOSE_S)

    def abort(self) -> None:
        """Ends it at once."""
        self._is_closed = True
        self._leave_line()
        self._transport.abort()


class _Datagrams(asyncio.DatagramProtocol):
    """Each datagram for itself. What is not understood, not known or not taken gets no answer and is sent again."""

    def __init__(self, door: TeltonikaDoor) -> None:
        self._door = door
        self._transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        try:
            packets_total.labels(self._received(data, addr)).inc()
        except WireError as error:
            packets_total.labels(error.reason).inc()
        except Exception:
            log.exception("teltonika %s: the datagram failed", addr)
            packets_total.labels("error").inc()

    def _received(self, data: bytes, addr: tuple[str, int]) -> str:
        datagram = parse_datagram(data)
        if not self._door.known(datagram.imei):
            return "unknown_imei"
        done = self._door.answers.to(partial(self._answer, datagram, addr))
        taken = self._door.inbox.offer(Parcel(FORMAT, datagram.imei, datagram.block, done))
        return "received" if taken else "full"

    def _answer(self, datagram: Datagram, addr: tuple[str, int], outcome: Outcome) -> None:
        records = _records(datagram.block)
        packets_total.labels("durable" if outcome.durable else "not_taken").inc()
        if outcome.durable and records is not None and not self._transport.is_closing():
            self._transport.sendto(datagram_answer(datagram.packet_id, datagram.avl_packet_id, records), addr)


def _records(block: bytes) -> int | None:
    try:
        return count(block)
    except WireError:  # answers to commands (codecs 12 to 14) and the like are not acknowledged
        return None
