"""Devices at the doors, and the barest program that could let them in: what `tests.benchmarks.doors` measures with.

    python -m tests.benchmarks.door_guests teltonika|http

listens as such a program, on a port that it prints, and answers everything at once: it reads the same bytes, takes a
record or a request apart as far as nobody can avoid, and keeps nothing.
"""

from __future__ import annotations

import asyncio
import re
import struct
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from domain.wire.teltonika_frames import crc16

RECORD = struct.Struct(">QBiihHBH")
HELLO = struct.Struct(">H15s")
# What an FMB920 sends as it is shipped: id → value, by size in bytes.
SHIPPED = {
    1: {239: 1, 240: 1, 80: 0, 21: 4, 200: 0, 69: 1},
    2: {181: 12, 182: 8, 66: 13_870, 24: 54, 67: 4_060, 205: 34_311, 206: 40_002},
    4: {241: 24_412, 199: 1_250, 16: 128_004_331},
    8: {},
}
# The documentation's example of the codec.
EXAMPLE = {1: {21: 3, 1: 1}, 2: {66: 24_079}, 4: {241: 24_602}, 8: {78: 0}}
_LETTERS = {1: "B", 2: "H", 4: "I", 8: "Q"}
_LENGTH = re.compile(rb"content-length: (\d+)\r\n")


@dataclass(frozen=True)
class Guest:
    """One device: what it says first, what it says then, one after the other, and how it knows an answer.

    `answered` tells how many bytes of what came are an answer; 0: it is not whole yet.
    """

    hello: bytes
    says: Sequence[bytes]
    answered: Callable[[bytes], int]


def record(t_ms: int, lat: float, lon: float, elements: dict[int, dict[int, int]]) -> bytes:
    """A record of Codec 8: a fix of nine satellites, and elements."""
    raw = RECORD.pack(t_ms, 0, round(lon * 1e7), round(lat * 1e7), 12, 270, 9, 54) + bytes([0, 0])
    for size, group in elements.items():
        raw += bytes([len(group)]) + b"".join(struct.pack(f">B{_LETTERS[size]}", *each) for each in group.items())
    return raw


def packet(records: Sequence[bytes]) -> bytes:
    """A packet over TCP."""
    block = bytes([8, len(records)]) + b"".join(records) + bytes([len(records)])
    return bytes(4) + len(block).to_bytes(4, "big") + block + crc16(block).to_bytes(4, "big")


def acknowledged(held: bytes) -> int:
    """Four bytes, a number of records."""
    if len(held) >= 4 and held[:4] == bytes(4):
        raise AssertionError("a packet was refused")
    return 4 if len(held) >= 4 else 0


def responded(held: bytes) -> int:
    """A response of status 200 with its body."""
    end = held.find(b"\r\n\r\n")
    if end < 0:
        return 0
    if not held.startswith(b"HTTP/1.1 200"):
        raise AssertionError(held[:200].decode("latin-1"))
    found = _LENGTH.search(held)
    whole = end + 4 + (int(found[1]) if found else 0)
    return whole if len(held) >= whole else 0


class _Visit(asyncio.Protocol):
    """Says the next thing when the last one has been answered, as the devices do."""

    def __init__(self, guest: Guest, done: asyncio.Future[None]) -> None:
        self._guest, self._done = guest, done
        self._left = iter(guest.says)
        self._held = b""
        self._greeted = not guest.hello
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if self._greeted:
            self._next()
        else:
            transport.write(self._guest.hello)

    def data_received(self, data: bytes) -> None:
        self._held += data
        if not self._greeted:
            self._greeted, self._held = True, self._held[1:]
            self._next()
            return
        try:
            while size := self._guest.answered(self._held):
                self._held = self._held[size:]
                self._next()
        except AssertionError as error:
            self._fail(error)

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(exc or ConnectionResetError("the door has closed the connection"))

    def _next(self) -> None:
        said = next(self._left, None)
        if said is not None:
            self._transport.write(said)
        elif not self._done.done():
            self._done.set_result(None)
            self._transport.close()

    def _fail(self, error: BaseException) -> None:
        if not self._done.done():
            self._done.set_exception(error)
            self._transport.close()


async def visit(port: int, guests: Sequence[Guest]) -> None:
    """All guests at once, until each has said everything and been answered."""
    loop = asyncio.get_running_loop()
    ends = []
    for guest in guests:
        done: asyncio.Future[None] = loop.create_future()
        ends.append(done)
        await loop.create_connection(lambda guest=guest, done=done: _Visit(guest, done), "127.0.0.1", port)  # type: ignore[misc]
    await asyncio.gather(*ends)


class _BareTeltonika(asyncio.Protocol):
    """Reads a whole packet at once, unpacks the head of its first record, and acknowledges."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if len(data) == HELLO.size:
            self._transport.write(b"\x01")
        else:
            RECORD.unpack_from(data, 10)
            self._transport.write(data[9:10].rjust(4, b"\x00"))


class _BareHttp(asyncio.Protocol):
    """Reads a whole request at once, splits its head into lines, and answers."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        head, _, _ = data.partition(b"\r\n\r\n")
        dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
        self._transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")


async def _listen(kind: type[asyncio.Protocol]) -> None:
    server = await asyncio.get_running_loop().create_server(kind, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def main(arguments: Iterator[str]) -> None:
    """The command line."""
    asyncio.run(_listen({"teltonika": _BareTeltonika, "http": _BareHttp}[next(arguments)]))


if __name__ == "__main__":
    main(iter(sys.argv[1:]))
