"""A thread that works turn by turn until it is stopped; what goes wrong in one does not end it."""

from __future__ import annotations

import logging
import ssl
import threading
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from store.link import RETRY, Link, Stopped

log = logging.getLogger(__name__)
STUMBLE_WAIT_S = 1.0


class Worker(ABC):
    """Takes its turns one after the other, and rests when there is nothing to do; several hands help in each."""

    def __init__(self, name: str, link: Link, stop: threading.Event, *, hands: int, rest_s: float) -> None:
        self._stop, self._link, self._hands, self._rest_s = stop, link, hands, rest_s
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @abstractmethod
    def turn(self, pool: ThreadPoolExecutor, now: datetime) -> int:
        """Does a share of what is due; how much that was."""

    def start(self) -> None:
        """Begins to work."""
        self._thread.start()

    def join(self, timeout_s: float) -> None:
        """Waits for the turn it is in, once `stop` is set; what takes longer is done again by another program."""
        self._thread.join(timeout_s)

    def close(self) -> None:
        """Lets go of the database."""
        self._link.close()

    def _run(self) -> None:
        try:
            with ThreadPoolExecutor(self._hands, self._thread.name) as pool:
                while not self._stop.is_set():
                    try:
                        if not self._link.run(lambda: self.turn(pool, datetime.now(UTC))):
                            self._stop.wait(self._rest_s)
                    except RETRY:
                        raise
                    except Stopped:
                        return
                    except Exception:
                        log.exception("%s: a turn failed", self._thread.name)
                        self._stop.wait(STUMBLE_WAIT_S)
        finally:
            self.close()


def trusting(ca_file: Path | str | None) -> ssl.SSLContext:
    """Who is trusted: whom the system trusts, and the authority of a file."""
    tls = ssl.create_default_context()
    if ca_file:
        tls.load_verify_locations(ca_file)
    return tls
