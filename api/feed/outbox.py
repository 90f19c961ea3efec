"""What waits to be sent to one websocket client: bounded, and shrunk instead of grown while the client is slow."""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from dataclasses import dataclass
from typing import Any

import orjson

from api.feed.changes import Change, coalesce
from api.http.jsons import dumps

MESSAGES_MAX = 256
BYTES_MAX = 3 * 2**18  # with what the socket holds, less than 1 MB for a client that does not read
COMPACT_AT = 64


@dataclass(slots=True)
class Message:
    """A message as text, shared by all clients that get it; `counted` against a client that is slow."""

    text: str
    kind: str
    cursor: str = ""
    counted: bool = True
    _frame: bytes = b""

    @property
    def frame(self) -> bytes:
        """The message as one unmasked text frame of a websocket (RFC 6455, 5.2), made once for all."""
        if not self._frame:
            self._frame = text_frame(self.text.encode())
        return self._frame

    @property
    def size_bytes(self) -> int:
        """What it takes while it waits: text of other alphabets has up to four bytes a letter."""
        return sys.getsizeof(self.text) if self.counted else 0


def text_frame(text: bytes) -> bytes:
    """One whole text frame as a server sends it.

    >>> text_frame(b"ab").hex(), text_frame(bytes(300))[:4].hex(), text_frame(bytes(70_000))[:10].hex()
    ('81026162', '817e012c', '817f0000000000011170')
    """
    size = len(text)
    if size < 126:
        return bytes((0x81, size)) + text
    return (b"\x81\x7e" + size.to_bytes(2) if size < 2**16 else b"\x81\x7f" + size.to_bytes(8)) + text


def message(kind: str, *, now: str = "", cursor: str = "", **parts: Any) -> Message:
    """A message that is not a delta. A snapshot's size is not held against the client that asked for it."""
    told = {name: text for name, text in (("now", now), ("cursor", cursor)) if text}
    body = {"type": kind, **told, **parts}
    return Message(dumps(body).decode(), kind, cursor, counted=kind != "snapshot")


def delta(changes: list[Change], cursor: str, now: str, *, counted: bool = True) -> Message:
    """A delta message. What a client asked for when it resumed is not counted, as a snapshot is not."""
    text = dumps({"type": "delta", "cursor": cursor, "now": now, "changes": changes}).decode()
    return Message(text, "delta", cursor, counted)


class Outbox:
    """A queue of messages with one reader."""

    def __init__(self, messages_max: int = MESSAGES_MAX, bytes_max: int = BYTES_MAX) -> None:
        self._messages_max, self._bytes_max = messages_max, bytes_max
        self._waiting: deque[Message] = deque()
        self._bytes = 0
        self._compacted = 0
        self._news = asyncio.Event()
        self.idle = True  # nothing waits, and what was taken out last has gone

    def __len__(self) -> int:
        return len(self._waiting)

    def push(self, item: Message) -> bool:
        """Adds a message; False when the client is too slow: even merged, too much is waiting."""
        self._waiting.append(item)
        self.idle = False
        self._bytes += item.size_bytes
        self._news.set()
        if len(self._waiting) - self._compacted >= COMPACT_AT or self._bytes > self._bytes_max:
            self._compact()
        return len(self._waiting) <= self._messages_max and self._bytes <= self._bytes_max

    async def pop(self) -> Message:
        """The next message, when there is one: the one before has gone."""
        while not self._waiting:
            self.idle = True
            self._news.clear()
            await self._news.wait()
        item = self._waiting.popleft()
        self._bytes -= item.size_bytes
        self._compacted = min(self._compacted, len(self._waiting))
        return item

    def _compact(self) -> None:
        """Merges neighbouring deltas and leaves out all pings: no state and no alert is lost."""
        kept: list[Message] = []
        run: list[Message] = []
        for item in [*self._waiting, None]:
            if item is not None and item.kind == "ping":
                continue
            if item is not None and item.kind == "delta":
                run.append(item)
                continue
            if run:
                kept.append(_merged(run))
                run = []
            if item is not None:
                kept.append(item)
        self._waiting = deque(kept)
        self._bytes = sum(item.size_bytes for item in kept)
        self._compacted = len(kept)


def _merged(run: list[Message]) -> Message:
    """One delta for several. They are read from their text: a client that is slow is no reason to keep more of them."""
    if len(run) == 1:
        return run[0]
    bodies = [orjson.loads(item.text) for item in run]
    changes = coalesce(change for body in bodies for change in body["changes"])
    return delta(changes, bodies[-1]["cursor"], bodies[-1]["now"], counted=all(item.counted for item in run))
