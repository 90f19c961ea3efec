"""The background parts of ingest: threads with a connection and a view of the registry of their own."""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple

from ingest.directory import Directory
from ingest.prepare import Prepared, Preparer
from store.link import Link, Stopped

log = logging.getLogger(__name__)

JOIN_S = 15.0
HandOver = Callable[[Prepared, int, Callable[[], object]], bool]
"""Gives the writer something prepared, of so many messages, and what to do once it is durable; False: not taken."""


class PartError(RuntimeError):
    """A part of ingest cannot begin, or has failed: ingest ends, so that whoever supervises it starts it again."""


class Toolkit(NamedTuple):
    """What a background part reads messages with. Belongs to its thread."""

    link: Link
    directory: Directory
    preparer: Preparer


class BackgroundPart(ABC):
    """A thread that takes turns until `stop` is set. When it fails it ends: see `is_alive` and `failure`."""

    def __init__(self, name: str, tools: Toolkit, stop: threading.Event) -> None:
        self.name = name
        self._link, self._directory, self._preparer = tools
        self._stop = stop
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.failure: Exception | None = None

    def start(self) -> None:
        """Begins."""
        self._thread.start()

    def is_alive(self) -> bool:
        """Whether it works."""
        return self._thread.is_alive()

    def join(self) -> None:
        """Waits for what is under way."""
        self._thread.join(JOIN_S)

    @abstractmethod
    def _turn(self) -> None:
        """What it does again and again; waits by itself when there is nothing to do."""

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._turn()
        except Stopped:
            pass
        except Exception as error:
            log.exception("%s failed", self.name)
            self.failure = error
        finally:
            self._link.close()
