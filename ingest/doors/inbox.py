"""What came in by a door and waits to be stored: bounded, so that a flood stays outside."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import NamedTuple


class Fate(Enum):
    """What has become of a parcel. The first two are durable."""

    STORED = "stored"
    QUARANTINED = "set_aside"
    """It, or a part of it, is in quarantine: sent again it would go there again."""
    UNKNOWN = "unknown"
    """No registered device stands behind its sender, or no longer."""
    LATER = "not_taken"
    """It cannot be taken now; the sender will come again."""


class Outcome(NamedTuple):
    """The fate of a parcel, and in one line the reason when it is not stored."""

    fate: Fate
    why: str = ""
    words: bytes = b""
    """What its sender is to hear with the answer, in its own format."""

    @property
    def durable(self) -> bool:
        """Whether we have it, and the sender may forget it."""
        return self.fate in (Fate.STORED, Fate.QUARANTINED)


class Parcel(NamedTuple):
    """One message of a device that waits for an answer."""

    format: str
    """Name of the decoder."""
    sender: str | bytes
    """Who said it: a foreign id (an IMEI), or the SHA-256 of a token."""
    payload: bytes
    done: Callable[[Outcome], None]
    """To be called once, from any thread."""
    source: str = ""
    """Foreign id of the device behind the sender that the parcel is of; empty: the sender itself."""


class Inbox:
    """A queue of parcels between doors and the writer, for any number of threads on both sides."""

    def __init__(self, parcels_max: int = 10_000, bytes_max: int = 64 * 1024 * 1024) -> None:
        self._parcels_max = parcels_max
        self._bytes_max = bytes_max
        self._waiting: deque[Parcel] = deque()
        self._bytes = 0
        self._closed = False
        self._mutex = threading.Lock()
        self._first = threading.Condition(self._mutex)  # something has come into an empty inbox
        self._more = threading.Condition(self._mutex)  # as much has come as somebody lingers for
        self._enough = parcels_max

    def offer(self, parcel: Parcel) -> bool:
        """Takes the parcel in, or says False: full, or closed. Never waits; an empty inbox takes any size."""
        size = len(parcel.payload)
        with self._mutex:
            full = len(self._waiting) >= self._parcels_max or self._bytes + size > self._bytes_max
            if self._closed or (full and self._waiting):
                return False
            self._waiting.append(parcel)
            self._bytes += size
            if len(self._waiting) == 1:
                self._first.notify()
            if len(self._waiting) >= self._enough:
                self._more.notify_all()
            return True

    def take(self, max_parcels: int, linger_s: float, timeout_s: float) -> list[Parcel]:
        """Up to `max_parcels`, oldest first: waits `timeout_s` for the first and `linger_s` more for others.

        Empty when nothing came, and at once when closed and emptied.
        """
        with self._mutex:
            if not self._first.wait_for(lambda: self._waiting or self._closed, timeout_s):
                return []
            if linger_s and len(self._waiting) < max_parcels:
                self._enough = min(self._enough, max_parcels)
                self._more.wait_for(lambda: len(self._waiting) >= max_parcels or self._closed, linger_s)
                self._enough = self._parcels_max
            taken = [self._waiting.popleft() for _ in range(min(max_parcels, len(self._waiting)))]
            self._bytes -= sum(len(each.payload) for each in taken)
            if self._waiting:
                self._first.notify()  # for the next taker
            return taken

    def close(self) -> None:
        """Nothing more comes in; what waits can still be taken."""
        with self._mutex:
            self._closed = True
            self._first.notify_all()
            self._more.notify_all()

    def __len__(self) -> int:
        with self._mutex:
            return len(self._waiting)
