"""All doors and the feed behind them: opened together, watched together, closed together."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Protocol

from ingest.background import PartError
from ingest.doors.feed import Feed

STOP_S = 10.0


class Door(Protocol):
    """A way in beside the broker."""

    name: str

    def start(self) -> None:
        """Returns when it listens; OSError when it cannot."""

    def is_alive(self) -> bool:
        """Whether it works."""

    def stop(self) -> None:
        """Lets nobody in, finishes what is under way, and returns."""


class DoorSupervisor:
    """The doors that have a port; without one nothing runs."""

    def __init__(self, feed: Feed, doors: Sequence[Door]) -> None:
        self._feed = feed
        self._doors = doors

    def open(self) -> None:
        """Begins to listen. Raises PartError when a port cannot be had."""
        if self._doors:
            self._feed.start()
        for door in self._doors:
            try:
                door.start()
            except OSError as error:
                raise PartError(f"the door {door.name} cannot listen: {error.strerror or error}") from error

    def check(self) -> None:
        """Raises PartError when one of them, or the feed, is dead."""
        dead = [door.name for door in self._doors if not door.is_alive()]
        if self._doors and not self._feed.is_alive():
            dead.append("the feed behind them")
        if dead:
            raise PartError(f"doors have failed: {', '.join(dead)}") from self._feed.failure

    def close(self) -> None:
        """What has come in is still handed over."""
        closing = [threading.Thread(target=door.stop) for door in self._doors]  # side by side: each takes its time
        for thread in closing:
            thread.start()
        for thread in closing:
            thread.join()
        if self._doors:
            self._feed.stop(STOP_S)
