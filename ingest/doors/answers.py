"""From the writer's thread back into a door's event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from ingest.doors.inbox import Outcome


def answering(loop: asyncio.AbstractEventLoop, then: Callable[[Outcome], None]) -> Callable[[Outcome], None]:
    """`then` in the loop's own thread, whoever calls; after the door has closed nothing happens."""

    def done(outcome: Outcome) -> None:
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(then, outcome)

    return done


def resolve(answer: asyncio.Future[Outcome], outcome: Outcome) -> None:
    """Gives the outcome to whoever still waits; the connection may have gone meanwhile."""
    if not answer.done():
        answer.set_result(outcome)
