"""When the database is away longer than a moment, groups go to the spool; when it is back, they come from there.

What comes live goes first: the drain hands a spooled group over only when the writer has nothing else to do, or when
that has taken long enough.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from prometheus_client import Counter, Gauge

from ingest.background import BackgroundPart, HandOver, Toolkit
from ingest.prepare import Prepared
from ingest.spool import Spool, Spooled

YIELD_S = 0.5  # a spooled group waits this long for a pause in what comes live
YIELD_STEP_S = 0.01
WAIT_S = 0.5

spool_bytes = Gauge("frostway_ingest_spool_bytes", "Bytes kept on disk while the database is away")
spooled_total = Counter("frostway_ingest_spooled_messages_total", "Messages kept on disk while the database was away")
spool_full = Gauge("frostway_ingest_spool_full", "1 while nothing more can be kept and nothing is acknowledged")


class Drain(BackgroundPart):
    """A thread that brings what was spooled to the writer, what an earlier run has left first."""

    def __init__(
        self, spool: Spool, tools: Toolkit, hand_over: HandOver, busy: Callable[[], bool], stop: threading.Event
    ) -> None:
        """`busy` says whether something that came live waits for the writer."""
        super().__init__("the drain of the spool", tools, stop)
        self._spool = spool
        self._hand_over = hand_over
        self._busy = busy
        self.away = threading.Event()
        """Set by the reader when the database does not answer, cleared here when it does."""

    def _turn(self) -> None:
        spool_bytes.set(self._spool.held_bytes)
        if self._spool.filled.wait(WAIT_S) and (group := self._spool.next()) is not None:
            self._bring(group)

    def _bring(self, group: Spooled) -> None:
        prepared = self._link.run(lambda: self._prepare(group))
        self.away.clear()
        until = time.monotonic() + YIELD_S
        while self._busy() and time.monotonic() < until and not self._stop.is_set():
            self._stop.wait(YIELD_STEP_S)
        durable = threading.Event()
        handed = self._hand_over(prepared, len(group.messages), durable.set)
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
