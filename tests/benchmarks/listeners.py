"""Many websocket clients of the feed in one process of their own: they read everything, a few of them understand it.

Each follows all vehicles. What most of them hear is counted in bytes only, so that the clients cost little; the first
few note for every change when it came.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import orjson

LISTENING = 20
LAST = -1  # the number of the change behind which there is none
PATIENCE_S = 60.0
TOGETHER = 50  # clients that sign in at once
PING = b"\x89\x04"  # neither octet is in any text


def _masked(text: bytes) -> bytes:
    """A short text frame as a client sends it, masked by zeros."""
    if len(text) >= 126:
        raise ValueError("too long for a short frame")
    return bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text


def frames(buffer: bytearray) -> list[bytes]:
    """The whole frames at the beginning of what has come, taken out of it: unmasked, as servers send them."""
    found = []
    while len(buffer) >= 2:
        size, at = buffer[1] & 0x7F, 2
        if size >= 126:
            at = 4 if size == 126 else 10
            size = int.from_bytes(buffer[2:at], "big")
        if len(buffer) < at + size:
            break
        found.append(bytes(buffer[at : at + size]))
        del buffer[: at + size]
    return found


class Listener(asyncio.Protocol):
    """One client: shakes hands, subscribes, reads. `ready` is done with its snapshot."""

    def __init__(self, token: str, heard: list[tuple[int, float]] | None) -> None:
        self._token, self._heard = token, heard
        self._buffer = bytearray()
        self._shaken = False
        self.octets = 0
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asks for a websocket and for all vehicles."""
        if not isinstance(transport, asyncio.Transport):
            raise TypeError("not a stream")
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(
            f"GET /ws/v1 HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            f"Authorization: Bearer {self._token}\r\n\r\n".encode()
        )
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Counts; the few that understand take the frames apart."""
        at_s = time.time()
        if self.ready.done():
            self.octets += len(data)
            if (at := data.rfind(PING)) >= 0:
                self._transport.write(bytes([0x8A, 0x84, 0, 0, 0, 0]) + data[at + 2 : at + 6])
            if self._heard is None:
                return
        self._buffer += data
        if not self._shaken:
            head, _, rest = bytes(self._buffer).partition(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 101") or not _:
                if _:
                    self.ready.set_exception(ConnectionError(head.decode(errors="replace")))
                return
            self._shaken, self._buffer = True, bytearray(rest)
            self._transport.write(_masked(b'{"type":"subscribe","topics":["vehicles"]}'))
        for text in frames(self._buffer):
            self._hear(text, at_s)

    def _hear(self, text: bytes, at_s: float) -> None:
        if not self.ready.done():
            if text.startswith(b'{"type":"snapshot"'):
                self.ready.set_result(None)
        elif self._heard is not None and text.startswith(b'{"type":"delta"'):
            numbers = [change["data"]["n"] for change in orjson.loads(text)["changes"]]
            self._heard += [(n, at_s) for n in numbers]
            if LAST in numbers and not self.ended.done():
                self.ended.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """A client that is sent away hears no more: what it missed is missing in the figures."""
        if not self.ready.done():
            self.ready.set_exception(exc or ConnectionError("sent away"))


async def listen(port: int, tokens: Sequence[str], out: Path) -> None:
    """Connects all, says so, and listens until those that understand have heard the last change.

    Raises:
        TimeoutError: it does not come.
    """
    loop = asyncio.get_running_loop()
    heard: list[list[tuple[int, float]]] = [[] for _ in tokens[:LISTENING]]
    clients: list[Listener] = []
    for at in range(0, len(tokens), TOGETHER):
        made = [
            loop.create_connection(
                lambda n=n, token=token: Listener(token, heard[n] if n < LISTENING else None),  # type: ignore[misc]
                "127.0.0.1",
                port,
            )
            for n, token in enumerate(tokens[at : at + TOGETHER], at)
        ]
        some = [protocol for _, protocol in await asyncio.gather(*made)]
        await asyncio.gather(*(each.ready for each in some))
        clients += some
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)  # the end of it: the last change has been told
    await asyncio.wait_for(asyncio.gather(*(client.ended for client in clients[:LISTENING])), PATIENCE_S)
    rows = [(client, n, at_s) for client, some_heard in enumerate(heard) for n, at_s in some_heard if n != LAST]
    np.save(out, np.array(rows, dtype=[("client", "i4"), ("n", "i8"), ("at_s", "f8")]))
    print(sum(client.octets for client in clients), flush=True)


def main() -> None:
    """The command line; tokens are lines of a file, one per client."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--tokens", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    asyncio.run(listen(options.port, options.tokens.read_text().split(), options.out))


if __name__ == "__main__":
    main()
