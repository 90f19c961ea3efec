"""Many websocket clients of the feed in one process of their own, which come back by themselves when they are cut off.

    python -m tests.benchmarks.crowd.clients --port 8080 --tokens FILE --out FILE.npy

Each follows all vehicles and keeps its cursor; the first few understand every change and keep the state. Told what
to do by lines on stdin, they answer each with a line of JSON:

- `settled`: all are connected and have been given what they missed
- `octets`: how many have come so far, and messages
- `drop`: all connections are cut; `cut N`: so many, by chance, a hundred a second
- `order`: what was heard twice, backwards or not at all
- `state`: of those that understand; `heard`: their rows into the file
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import numpy as np
import orjson
from frostway_client import apply, backoff_s

CUT_EVERY_S = 0.01
AT_ONCE = 50  # clients that begin together, so that the first connecting is no storm
PING = 0x89
TEXT = 0x81
KINDS = (b'{"type":"snapshot"', b'{"type":"delta"', b'{"type":"resync"')
CURSOR = b'"cursor":"'
HEARD = np.dtype([("client", "i4"), ("device", "i4"), ("t_ms", "i8"), ("at_s", "f8")])


@dataclass
class Crowd:
    """What the clients of a process have in common."""

    port: int
    octets: int = 0
    messages: int = 0
    snapshots: int = 0
    resumed: int = 0
    refused: int = 0
    missing: int = 0
    there: asyncio.Event = field(default_factory=asyncio.Event)
    lost_at_s: float = 0.0
    back_s: list[float] = field(default_factory=list)
    stay: bool = True

    def here(self) -> None:
        """One more is back."""
        self.missing -= 1
        self.back_s.append(time.monotonic() - self.lost_at_s)
        if not self.missing:
            self.there.set()

    def away(self) -> None:
        """One more is cut off."""
        if not self.missing:
            self.lost_at_s, self.back_s = time.monotonic(), []
        self.missing += 1
        self.there.clear()


class Follower(asyncio.Protocol):
    """One client over all its connections."""

    def __init__(self, crowd: Crowd, token: str, number: int, *, understands: bool) -> None:
        self._crowd, self._token, self._number = crowd, token, number
        self._understands = understands
        self._cursor, self._tries = b"", 0
        self._transport: asyncio.Transport | None = None
        self._buffer, self._shaken, self._ready = bytearray(), False, False
        self.state: dict[str, Any] = {}
        self.heard: list[tuple[int, int, int, float]] = []
        self.news: Counter[tuple[str, bytes]] = Counter()
        self.doubled = self.backwards = 0
        self._newest: dict[str, int] = {}
        crowd.away()

    async def connect(self) -> None:
        """Connects, and again until it is connected."""
        while self._crowd.stay:
            try:
                await asyncio.get_running_loop().create_connection(lambda: self, "127.0.0.1", self._crowd.port)
            except OSError:
                self._crowd.refused += 1
                await asyncio.sleep(backoff_s(self._tries))
                self._tries += 1
            else:
                return

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asks for a websocket."""
        self._transport = stream = cast("asyncio.Transport", transport)  # uvloop's is none by its class
        key = base64.b64encode(os.urandom(16)).decode()
        stream.write(
            f"GET /ws/v1 HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            f"Authorization: Bearer {self._token}\r\n\r\n".encode()
        )
        self._buffer, self._shaken, self._ready = bytearray(), False, False

    def drop(self) -> bool:
        """The network goes, without a word; False when it had gone before."""
        if self._transport is None or not self._ready:
            return False
        self._transport.abort()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Comes back as the published client does."""
        del exc
        if self._ready:
            self._crowd.away()
        self._ready, self._transport = False, None
        if self._crowd.stay:
            loop = asyncio.get_running_loop()
            loop.call_later(backoff_s(self._tries), lambda: loop.create_task(self.connect()))
            self._tries += 1

    def data_received(self, data: bytes) -> None:
        """Takes frames apart; few are read."""
        at_s = time.time()
        self._crowd.octets += len(data)
        self._buffer += data
        if not self._shaken:
            head, found, rest = bytes(self._buffer).partition(b"\r\n\r\n")
            if not found:
                return
            if not head.startswith(b"HTTP/1.1 101"):
                self._crowd.refused += 1
                if self._transport is not None:
                    self._transport.abort()
                return
            self._shaken, self._buffer = True, bytearray(rest)
            wanted = {"type": "subscribe", "topics": ["vehicles", "facts"]}
            if self._cursor:
                wanted["cursor"] = self._cursor.decode()
            self._say(TEXT, orjson.dumps(wanted))
        self._frames(at_s)

    def _say(self, kind: int, text: bytes) -> None:
        if self._transport is not None:
            size = bytes([0x80 | len(text)]) if len(text) < 126 else b"\xfe" + len(text).to_bytes(2, "big")
            self._transport.write(bytes([kind]) + size + bytes(4) + text)

    def _frames(self, at_s: float) -> None:
        buffer, begin = self._buffer, 0
        while len(buffer) >= begin + 2:
            size, at = buffer[begin + 1] & 0x7F, begin + 2
            if size >= 126:
                at = begin + (4 if size == 126 else 10)
                size = int.from_bytes(buffer[begin + 2 : at], "big")
            if len(buffer) < at + size:
                break
            if buffer[begin] == PING:
                self._say(0x8A, bytes(buffer[at : at + size]))
            elif buffer[begin] == TEXT:
                self._hear(memoryview(buffer)[at : at + size].tobytes() if self._understands or not self._ready
                           else bytes(buffer[at : at + min(size, 256)]), at_s)  # fmt: skip
            begin = at + size
        if begin:
            del buffer[:begin]

    def _hear(self, text: bytes, at_s: float) -> None:
        kind = next((kind for kind in KINDS if text.startswith(kind)), None)
        if kind is None:
            return
        self._crowd.messages += 1
        if (at := text.find(CURSOR, 0, 256)) >= 0:
            at += len(CURSOR)
            self._cursor = text[at : text.index(b'"', at)]
        if kind == KINDS[2]:
            self._cursor = b""
            return
        if not self._ready:
            self._ready, self._tries = True, 0
            if kind == KINDS[0]:
                self._crowd.snapshots += 1
            else:
                self._crowd.resumed += 1
            self._crowd.here()
        if self._understands:
            self._understand(orjson.loads(text), at_s)

    def _understand(self, body: dict[str, Any], at_s: float) -> None:
        if body["type"] == "snapshot":
            self.state = {each["id"]: each for each in body["vehicles"]}
            return
        for change in body["changes"]:
            if change["topic"] == "facts":
                self.news[change["id"], orjson.dumps(change["data"])] += 1
                continue
            apply(self.state, change)
            if (t := change.get("data", {}).get("t")) is not None:
                t_ms = round(datetime.fromisoformat(t).timestamp() * 1000)
                self._in_order(change["id"], t_ms)
                self.heard.append((self._number, int(change["id"][6:]), t_ms, at_s))

    def _in_order(self, name: str, t_ms: int) -> None:
        newest = self._newest.get(name, t_ms - 1)
        self.doubled += t_ms == newest
        self.backwards += t_ms < newest
        self._newest[name] = max(newest, t_ms)


def order(followers: Sequence[Follower]) -> dict[str, int]:
    """What was heard as it should not be, of all of them. The last word of a fact may stand for those before."""
    heard = [{name for name, _ in each.news} for each in followers]
    told = set().union(*heard)
    return {
        "doubled": sum(each.doubled for each in followers),
        "backwards": sum(each.backwards for each in followers),
        "news": len(told),
        "news_doubled": sum(n - 1 for each in followers for n in each.news.values()),
        "news_missed": sum(len(told) - len(each) for each in heard),
    }


async def serve(port: int, tokens: Sequence[str], out: Path, listening: int) -> None:
    """Connects all and does what it is told until stdin ends."""
    crowd = Crowd(port)
    followers: list[Follower] = []
    for at in range(0, len(tokens), AT_ONCE):
        some = [
            Follower(crowd, token, n, understands=n < listening)
            for n, token in enumerate(tokens[at : at + AT_ONCE], at)
        ]
        await asyncio.gather(*(each.connect() for each in some))
        await crowd.there.wait()
        followers += some
    while word := (await asyncio.to_thread(sys.stdin.readline)).strip():
        answer: dict[str, Any] = {}
        if word == "settled":
            await crowd.there.wait()
            back = crowd.back_s
            answer = {"last_back_s": max(back), "median_back_s": float(np.median(back)), "n": len(back)}
            answer |= {"snapshots": crowd.snapshots, "resumed": crowd.resumed, "refused": crowd.refused}
            crowd.snapshots = crowd.resumed = crowd.refused = 0
        elif word == "octets":
            answer = {"octets": crowd.octets, "messages": crowd.messages}
        elif word == "drop":
            for each in followers:
                each.drop()
        elif word.startswith("cut "):
            left = int(word[4:])
            while left:
                left -= random.choice(followers).drop()
                await asyncio.sleep(CUT_EVERY_S)
        elif word == "order":
            answer = dict(order(followers[:listening]))
        elif word == "state":
            answer = {str(n): each.state for n, each in enumerate(followers[:listening])}
        elif word == "heard":
            np.save(out, np.array([row for each in followers[:listening] for row in each.heard], HEARD))
        print(json.dumps(answer), flush=True)
    crowd.stay = False


def main() -> None:
    """The command line; tokens are lines of a file, one per client."""
    parser = argparse.ArgumentParser(description="many clients of the live feed")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--tokens", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--listening", type=int, default=20, help="so many understand what they hear")
    options = parser.parse_args()
    import uvloop  # noqa: PLC0415  of the clients alone

    uvloop.run(serve(options.port, options.tokens.read_text().split(), options.out, options.listening))


if __name__ == "__main__":
    main()
