"""When each reading was received: every message of a group has a moment of its own, and so has each of its readings.

What has no clock gets its moment for its time, so order of arrival is order of time, and no two readings of a device
share one. The moments of a message depend on nothing but the moment of its group and what stands before it there, or,
when it is read again from quarantine, on its own: read twice, its readings have the same times twice.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable

import numpy as np

from domain.readings import I64

log = logging.getLogger(__name__)

STEP_BACK_US = 60_000_000  # a clock that is set back by more is believed
UNREAD_US_MAX = 100_000  # kept free behind messages that nobody has decoded yet


class Steady:
    """A clock of receipt, microseconds: no moment twice, and none before another, also when it is set back a little."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._mutex = threading.Lock()
        self._last_us = 0

    def __call__(self) -> int:
        """A moment later than every other."""
        now_us = self._clock()
        with self._mutex:
            if self._last_us - now_us > STEP_BACK_US:
                log.warning("the clock was set back by %d s", (self._last_us - now_us) // 1_000_000)
            elif now_us <= self._last_us:
                now_us = self._last_us + 1
            self._last_us = now_us
            return now_us

    def reserve(self, until_us: int) -> None:
        """Moments up to this one are taken."""
        with self._mutex:
            if until_us - self._last_us < STEP_BACK_US:
                self._last_us = max(self._last_us, until_us)


def readings_max(payload: bytes) -> int:
    """At least so many readings as a payload can hold: nothing has been decoded yet."""
    return payload.count(b",") + 1 if payload[:1] in (b"{", b"[") else max(len(payload), 1)


def unread_us(payloads: Iterable[bytes]) -> int:
    """Room for the moments of messages that nobody has decoded yet."""
    return min(sum(map(readings_max, payloads)), UNREAD_US_MAX)


def places(entry: I64, entries: int) -> tuple[I64, I64]:
    """The place of each row among the rows of its entry, and how many rows each entry has.

    >>> places(np.array([0, 0, 2, 1, 2]), 4)
    (array([0, 1, 0, 0, 1]), array([2, 1, 2, 0]))
    """
    counts = np.bincount(entry, minlength=entries)
    begins = np.cumsum(counts) - counts
    if (entry[1:] >= entry[:-1]).all():
        return np.arange(len(entry)) - begins[entry], counts
    order = np.argsort(entry, kind="stable")
    found = np.empty(len(entry), np.int64)
    found[order] = np.arange(len(entry)) - begins[entry[order]]
    return found, counts


def of_messages(received_us: int, room: I64) -> I64:
    """The moment of each message of a group, each with room for so many readings.

    >>> of_messages(1000, np.array([1, 3, 1]))
    array([1000, 1001, 1004])
    """
    return received_us + np.cumsum(room) - room
