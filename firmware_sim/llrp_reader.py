"""A simulated RFID reader that speaks LLRP, with the ways in which real ones and their networks differ.

`Reader` is the device without I/O and clock; `serve` listens, one client at a time.
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from domain.wire import llrp

EPC_96_BYTES = 12
ANSWERED = (llrp.SET_READER_CONFIG, llrp.DELETE_ROSPEC, llrp.ADD_ROSPEC, llrp.ENABLE_ROSPEC, llrp.START_ROSPEC)


class Ways(NamedTuple):
    """How it differs. `uptime`: it has no clock but one that counts from its start; `refuses`: a request's type."""

    piece_bytes: int = 0
    uptime: bool = False
    refuses: int = 0
    is_taken: bool = False
    garbage: bytes = b""
    version: int = 1


class Tag(NamedTuple):
    """A tag in front of an antenna."""

    epc: str
    antenna: int = 1
    rssi_dbm: int = -55


class Reader:
    """One reader; what it was told outlasts no connection."""

    def __init__(self, ways: Ways = Ways()) -> None:  # noqa: B008 - a tuple
        self.ways = ways
        self.is_started = False
        self.asked: list[int] = []
        self.acknowledged = 0
        self._framer = llrp.Framer()
        self._number = 1000

    def _message(self, kind: int, body: bytes = b"", number: int | None = None) -> bytes:
        self._number += 1
        return llrp.message(kind, self._number if number is None else number, body, self.ways.version)

    def _clock(self, now_us: int) -> bytes:
        return llrp.tlv(llrp.UPTIME if self.ways.uptime else llrp.UTC, now_us.to_bytes(8, "big"))

    def hello(self, now_us: int) -> bytes:
        """What it says first over a connection."""
        self.is_started, self._framer = False, llrp.Framer()
        if self.ways.garbage:
            return self.ways.garbage
        attempt = llrp.tlv(llrp.CONNECTION_ATTEMPT, struct.pack(">H", 2 if self.ways.is_taken else 0))
        event = llrp.tlv(llrp.EVENT_DATA, self._clock(now_us) + attempt)
        return self._message(llrp.READER_EVENT_NOTIFICATION, event)

    def hear(self, data: bytes) -> bytes:
        """What it answers."""
        said = b""
        for each in self._framer.feed(data):
            self.asked.append(each.type)
            if each.type == llrp.KEEPALIVE_ACK:
                self.acknowledged += 1
            elif each.type in ANSWERED:
                code, text = (100, b"too many inventories") if each.type == self.ways.refuses else (0, b"")
                status = llrp.tlv(llrp.STATUS, struct.pack(">HH", code, len(text)) + text)
                said += self._message(each.type + llrp.RESPONSE, status, each.id)
                self.is_started |= each.type == llrp.START_ROSPEC and not code
            elif each.type == llrp.CLOSE_CONNECTION:
                said += self._message(llrp.CLOSE_CONNECTION_RESPONSE, llrp.tlv(llrp.STATUS, bytes(4)), each.id)
        return said

    def keepalive(self) -> bytes:
        """A sign of life."""
        return self._message(llrp.KEEPALIVE)

    def report(self, tags: Sequence[Tag], now_us: int) -> bytes:
        """Tags as they were just read."""
        first, last = (3, 5) if self.ways.uptime else (2, 4)
        told = b""
        for tag in tags:
            code = bytes.fromhex(tag.epc)
            epc = llrp.tv(llrp.EPC_96, code)
            if len(code) != EPC_96_BYTES:
                epc = llrp.tlv(llrp.EPC_DATA, struct.pack(">H", 8 * len(code)) + code)
            seen = llrp.tv(1, struct.pack(">H", tag.antenna)) + llrp.tv(6, struct.pack(">b", tag.rssi_dbm))
            times = llrp.tv(first, (now_us - 1000).to_bytes(8, "big")) + llrp.tv(last, now_us.to_bytes(8, "big"))
            told += llrp.tlv(llrp.TAG_REPORT_DATA, epc + seen + times + llrp.tv(8, struct.pack(">H", 1)))
        return self._message(llrp.RO_ACCESS_REPORT, told)


class Server:
    """A reader on a port of this machine; `tell` sends a report to whom it is connected to."""

    def __init__(self, reader: Reader, started_s: float | None = None) -> None:
        self.reader = reader
        self.started = threading.Event()
        self._since_s = time.time() if started_s is None else started_s
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._line: socket.socket | None = None
        self._mutex = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def now_us(self) -> int:
        """By the reader's clock."""
        return round((time.time() - (self._since_s if self.reader.ways.uptime else 0)) * 1e6)

    def tell(self, *reports: Sequence[Tag]) -> None:
        """Reports in one segment, or in as small pieces as its ways are."""
        self.send(b"".join(self.reader.report(tags, self.now_us()) for tags in reports))

    def send(self, data: bytes) -> None:
        """Bytes, to whom it is connected to."""
        size = self.reader.ways.piece_bytes or len(data) or 1
        with self._mutex:
            assert self._line is not None  # noqa: S101 - somebody is connected
            for at in range(0, len(data), size):
                self._line.sendall(data[at : at + size])

    def drop(self) -> None:
        """Loses the connection, as a cable does that is pulled and put back."""
        with self._mutex:
            self.started.clear()
            if self._line is not None:
                with suppress(OSError):
                    self._line.shutdown(socket.SHUT_RDWR)

    def _serve(self) -> None:
        while not self._stop.is_set():
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with line, suppress(OSError, llrp.LlrpError):
                self._line = line
                self.send(self.reader.hello(self.now_us()))
                while data := line.recv(4096):
                    if said := self.reader.hear(data):
                        self.send(said)
                    if self.reader.is_started:
                        self.started.set()
            self.started.clear()

    def close(self) -> None:
        """Ends it."""
        self._stop.set()
        self.drop()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
