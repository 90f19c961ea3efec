"""When the database is away longer than a moment, groups go to the spool; when it is back, they come from there.

What comes live goes first: the drain hands a spooled group over only when the writer has nothing else to do, or when
that has taken long enough.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from prometheus_client import Counter, Gauge

from ingest.directory import Directory
from ingest.prepare import Prepared, Preparer
from ingest.spool import Spool, Spooled
from store.link import Link, Stopped

log = logging.getLogger(__name__)

YIELD_S = 0.5  # a spooled group waits this long for a pause in what comes live
YIELD_STEP_S = 0.01
WAIT_S = 0.5
JOIN_S = 15.0

spool_bytes = Gauge("frostway_ingest_spool_bytes", "Bytes kept on disk while the database is away")
spooled_total = Counter("frostway_ingest_spooled_messages_total", "Messages kept on disk while the database was away")
spool_full = Gauge("frostway_ingest_spool_full", "1 while nothing more can be kept and nothing is acknowledged")

Hand = Callable[[Prepared, int, Callable[[], object]], bool]
"""Gives the writer something prepared, of so many messages, and what to do once it is durable; False: not taken."""


class Drain:
    """A thread that brings what was spooled to the writer."""

    def __init__(
        self,
        spool: Spool,
        link: Link,
        directory: Directory,
        preparer: Preparer,
        hand: Hand,
        busy: Callable[[], bool],
        stop: threading.Event,
    ) -> None:
        self._spool = spool
        self._link = link
        self._directory = directory
        self._preparer = preparer
        self._hand = hand
        self._busy = busy
        self._stop = stop
        self.away = threading.Event()
        """Set by the reader when the database does not answer, cleared here when it does."""
        self._thread = threading.Thread(target=self._run, name="drain", daemon=True)

    def start(self) -> None:
        """Begins with what an earlier run has left."""
        self._thread.start()

    def join(self) -> None:
        """Waits for the group that is under way."""
        self._thread.join(JOIN_S)

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                spool_bytes.set(self._spool.held_bytes)
                if self._spool.filled.wait(WAIT_S) and (group := self._spool.next()) is not None:
                    self._bring(group)
        except Stopped:
            pass
        except Exception:
            log.exception("the spool cannot be drained; what is in it stays")
        finally:
            self._link.close()

    def _bring(self, group: Spooled) -> None:
        prepared = self._link.run(lambda: self._prepare(group))
        self.away.clear()
        until = time.monotonic() + YIELD_S
        while self._busy() and time.monotonic() < until and not self._stop.is_set():
            self._stop.wait(YIELD_STEP_S)
        durable = threading.Event()
        handed = self._hand(prepared, len(group.messages), durable.set)
        while handed and not durable.wait(WAIT_S):
            handed = not self._stop.is_set()
        if handed or durable.is_set():
            self._spool.done(group)
        else:
            self._stop.wait(WAIT_S)  # the next run brings it once more

    def _prepare(self, group: Spooled) -> Prepared:
        self._link.connection.execute("select")  # it answers again
        self._directory.refresh_when_old()
        return self._preparer.prepare(group.messages, group.received_us)
