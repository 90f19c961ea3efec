"""The door for Teltonika devices, TCP and UDP on one port: one thread with an event loop, apart from everything else.

A packet is acknowledged when its parcel is durable and not before, so a device keeps what we have not stored. One
packet of a connection is under way at a time; what else a device sends waits in its own socket.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import cast

from prometheus_client import Counter, Gauge

from domain.wire.said import WireError
from domain.wire.teltonika import count
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
from ingest.doors.answers import answering, resolve
from ingest.doors.inbox import Inbox, Outcome, Parcel

log = logging.getLogger(__name__)

FORMAT = "teltonika"
HANDSHAKE_S = 30.0  # from the connection to the whole IMEI
DURABLE_S = 60.0  # a device gives up sooner and sends again
RETRY_S = 0.05  # between two looks at a full inbox
READ_BYTES = 4096
CLOSE_S = 5.0

connections_open = Gauge("frostway_teltonika_connections", "TCP connections of Teltonika devices")
packets_total = Counter("frostway_teltonika_packets_total", "Packets of Teltonika devices", ["outcome"])
refused_total = Counter("frostway_teltonika_refused_total", "Connections ended by the door", ["reason"])


class _Refused(Exception):  # noqa: N818  # an outcome, not a fault of ours
    """A connection that is to be closed; the argument is a short reason for counting."""


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
    ) -> None:
        self._host = host
        self.name = "teltonika"
        self.port = self.udp_port = port  # after `start`: where it listens, when 0 was asked for
        self._inbox = inbox
        self._known = known
        self._max_connections = max_connections
        self._idle_timeout_s = idle_timeout_s
        self._full_wait_s = full_wait_s
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop
        self._stopping: asyncio.Event
        self._connections: set[asyncio.Task[None]] = set()
        self._under_way: set[asyncio.Task[None]] = set()  # connections that wait for a parcel of theirs

    def start(self) -> None:
        """Returns when it listens.

        Raises:
            OSError: the port cannot be had.
        """
        listening: Future[None] = Future()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._main(listening)), name="teltonika", daemon=True
        )
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
            self._loop.call_soon_threadsafe(self._cancel, self._connections)
            self._thread.join(CLOSE_S)

    async def _main(self, listening: Future[None]) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        try:
            server = await asyncio.start_server(self._connected, self._host, self.port, limit=READ_BYTES)
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
        self._cancel(self._connections - self._under_way)
        while self._connections:
            await asyncio.wait(self._connections)
        datagrams.close()
        await asyncio.sleep(0)  # transports close in the next turn of the loop

    async def _datagrams(self) -> asyncio.DatagramTransport:
        receiver = partial(_Datagrams, self._inbox, self._known)
        try:
            transport, _ = await self._loop.create_datagram_endpoint(receiver, (self._host, self.port))
        except OSError:
            if self.udp_port:  # asked for; else any port will do when the twin of the TCP port is taken
                raise
            transport, _ = await self._loop.create_datagram_endpoint(receiver, (self._host, 0))
        self.udp_port = transport.get_extra_info("sockname")[1]
        return transport

    @staticmethod
    def _cancel(tasks: set[asyncio.Task[None]]) -> None:
        for task in list(tasks):
            task.cancel()

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._connections) >= self._max_connections or self._stopping.is_set():
            refused_total.labels("too_many").inc()
            writer.transport.abort()
            return
        task = self._loop.create_task(self._guarded(reader, writer))
        self._connections.add(task)
        connections_open.inc()
        task.add_done_callback(self._connections.discard)
        task.add_done_callback(lambda _: connections_open.dec())

    async def _guarded(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection from beginning to end; whatever happens in it stays in it."""
        peer = writer.get_extra_info("peername")
        try:
            await self._serve(reader, writer)
        except WireError as error:
            log.info("teltonika %s: %s", peer, error)
            refused_total.labels(error.reason).inc()
        except _Refused as error:
            refused_total.labels(str(error)).inc()
        except TimeoutError:
            refused_total.labels("idle").inc()
        except OSError as error:
            log.debug("teltonika %s: %s", peer, error)
        except Exception:
            log.exception("teltonika %s: the connection failed", peer)
            refused_total.labels("error").inc()
        finally:
            writer.close()
            try:
                await asyncio.wait_for(writer.wait_closed(), CLOSE_S)
            except (OSError, TimeoutError, asyncio.CancelledError):
                writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        framer = Framer()
        imei = ""
        deadline = self._loop.time() + min(HANDSHAKE_S, self._idle_timeout_s)
        while not self._stopping.is_set():
            # Until the next whole event: a device that only ever sends single bytes does not keep its place.
            async with asyncio.timeout_at(deadline):
                events = framer.feed(await reader.read(READ_BYTES))
            if not events and reader.at_eof():
                return
            for event in events:
                imei = await self._answer(event, imei, writer)
                async with asyncio.timeout(self._idle_timeout_s):
                    await writer.drain()
                deadline = self._loop.time() + self._idle_timeout_s

    async def _answer(self, event: Event, imei: str, writer: asyncio.StreamWriter) -> str:
        """Does what the event asks for. Returns whose connection it is."""
        if isinstance(event, Imei):
            known = self._known(event.text)
            writer.write(accept(known))
            if not known:
                raise _Refused("unknown_imei")
            return event.text
        if isinstance(event, Packet):
            if not event.crc_ok:
                packets_total.labels("bad_crc").inc()
                writer.write(acknowledge(0))
            elif (taken := await self._deliver(imei, event.block)) is not None:
                writer.write(acknowledge(taken))
        return imei

    async def _deliver(self, imei: str, block: bytes) -> int | None:
        """Records to acknowledge once the block is durable; None: nothing is expected for this kind of block."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  # we are called from one
        answer: asyncio.Future[Outcome] = self._loop.create_future()
        parcel = Parcel(FORMAT, imei, block, answering(self._loop, lambda outcome: resolve(answer, outcome)))
        self._under_way.add(task)
        try:
            await self._put(parcel)
            async with asyncio.timeout(DURABLE_S):
                outcome = await answer
        except TimeoutError:
            packets_total.labels("not_durable").inc()
            raise _Refused("not_durable") from None
        finally:
            self._under_way.discard(task)
        if not outcome.durable:
            log.info("teltonika %s: not taken: %s", imei, outcome.why)
            packets_total.labels("not_taken").inc()
            raise _Refused("not_taken")
        packets_total.labels("durable").inc()
        return _records(block)

    async def _put(self, parcel: Parcel) -> None:
        """Waits a little for room, so that a whole fleet does not hang up and call again at once."""
        until = self._loop.time() + self._full_wait_s
        while not self._inbox.offer(parcel):
            if self._loop.time() >= until or self._stopping.is_set():
                packets_total.labels("full").inc()
                raise _Refused("full")
            await asyncio.sleep(RETRY_S)


class _Datagrams(asyncio.DatagramProtocol):
    """Each datagram for itself. What is not understood, not known or not taken gets no answer and is sent again."""

    def __init__(self, inbox: Inbox, known: Callable[[str], bool]) -> None:
        self._inbox = inbox
        self._known = known
        self._loop = asyncio.get_running_loop()
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
        if not self._known(datagram.imei):
            return "unknown_imei"
        done = answering(self._loop, lambda outcome: self._answer(datagram, addr, outcome))
        taken = self._inbox.offer(Parcel(FORMAT, datagram.imei, datagram.block, done))
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
