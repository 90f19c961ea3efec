"""From the writer's thread back into a door's event loop."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from ingest.doors.inbox import Outcome

log = logging.getLogger(__name__)
Then = Callable[[Outcome], None]


class Answers:
    """What the outcomes of a loop's parcels lead to, in the loop's own thread: it is woken once for a whole group."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._told: deque[tuple[Then, Outcome]] = deque()
        self._is_woken = False

    def to(self, then: Then) -> Then:
        """`then` in the loop's thread, whoever calls what this returns; after the door has closed nothing happens."""
        return partial(self._tell, then)

    def _tell(self, then: Then, outcome: Outcome) -> None:
        self._told.append((then, outcome))
        if not self._is_woken:
            self._is_woken = True
            with suppress(RuntimeError):
                self.loop.call_soon_threadsafe(self._hand_out)

    def _hand_out(self) -> None:
        self._is_woken = False  # first: what is told from now on wakes the loop again
        while self._told:
            then, outcome = self._told.popleft()
            try:
                then(outcome)
            except Exception:
                log.exception("an answer failed")


def resolve(answer: asyncio.Future[Outcome], outcome: Outcome) -> None:
    """Gives the outcome to whoever still waits; the connection may have gone meanwhile."""
    if not answer.done():
        answer.set_result(outcome)
