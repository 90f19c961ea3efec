"""Connections over which devices can be told something, between the thread that tells and the doors' event loops.

A device is told one thing at a time: an answer does not say to what it is one. Its connection is busy from the moment
it is given a command until it reports what became of it, which it does exactly once, also when it is lost.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Literal, NamedTuple, Protocol

ANSWER_S = 120.0  # a device that is connected and says nothing for so long has not understood

Outcome = Literal["answered", "lost", "silent", "unsent"]
"""`lost`: the connection ended before an answer; `unsent`: the command was never written."""


class Told(NamedTuple):
    """A command on its way: its number, and the bytes that are written."""

    id: int
    packet: bytes


class Report(NamedTuple):
    """What became of a command, and what the device said to it."""

    id: int
    outcome: Outcome
    text: str = ""
    at_s: float = 0.0
    """Unix time."""


class Line(Protocol):
    """A connection of a device."""

    def tell(self, told: Told) -> None:
        """Writes it, soon; from any thread. Ends in one `Lines.report`."""

    def hang_up(self, id_: int) -> None:
        """Ends the connection if it still waits for the answer to this; from any thread."""


class Lines:
    """The connections that are open, by their devices' foreign ids (IMEIs); from any thread."""

    def __init__(self, wall: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._wall, self._monotonic = wall, monotonic
        self._mutex = threading.Lock()
        self._open: dict[str, Line] = {}
        self._busy: dict[int, tuple[str, Line, float]] = {}  # by command: of whom, over what, until when
        self._reports: list[Report] = []
        self._has_news = False

    def open(self, name: str, line: Line) -> None:
        """A device is there; one that called before has lost its former connection, whether it is known or not."""
        with self._mutex:
            self._open[name] = line
            self._has_news = True

    def close(self, name: str, line: Line) -> None:
        """It is gone."""
        with self._mutex:
            if self._open.get(name) is line:
                del self._open[name]

    def free(self) -> list[str]:
        """Devices that can be told something now."""
        with self._mutex:
            busy = {name for name, _, _ in self._busy.values()}
            return [name for name in self._open if name not in busy]

    def tell(self, name: str, told: Told) -> None:
        """Tells a device something; the report says how that went."""
        with self._mutex:
            line = self._open.get(name)
            if line is None:
                self._reports.append(Report(told.id, "unsent"))
                return
            self._busy[told.id] = (name, line, self._monotonic() + ANSWER_S)
        line.tell(told)

    def report(self, id_: int, outcome: Outcome, text: str = "") -> None:
        """What became of a command."""
        with self._mutex:
            if self._busy.pop(id_, None) is not None:
                self._reports.append(Report(id_, outcome, text, self._wall()))
                self._has_news = True

    def under_way(self) -> list[int]:
        """Commands that no report was taken of yet."""
        with self._mutex:
            return [*self._busy, *(each.id for each in self._reports)]

    def has_news(self) -> bool:
        """Whether somebody came, or something was reported, since this was asked."""
        with self._mutex:
            found, self._has_news = self._has_news, False
            return found

    def reports(self) -> list[Report]:
        """Those there are, the oldest first; they stay until `taken`."""
        self._end_silent()
        with self._mutex:
            return list(self._reports)

    def taken(self, count: int) -> None:
        """So many of the reports are written down."""
        with self._mutex:
            del self._reports[:count]

    def _end_silent(self) -> None:
        """Who does not answer is hung up on, so that a late answer is not taken for one to the next command."""
        now = self._monotonic()
        with self._mutex:
            late = [(id_, line) for id_, (_, line, until) in self._busy.items() if until <= now]
        for id_, line in late:
            self.report(id_, "silent")
            line.hang_up(id_)
