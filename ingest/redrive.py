"""What was set aside is read again when somebody asks for it: mended, or because its device is registered by now.

A message is read as of the moment it came, so that a reading without a time gets the one it would have had. What it
says goes into the log in the same transaction in which it leaves quarantine; readings that were stored at the first
time are dropped by the tracker as the repeats they are.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from domain.frames import decode
from domain.readings import Flag
from domain.times import to_us
from ingest.background import BackgroundPart, Toolkit
from ingest.prepare import Prepared
from store.db import queries
from store.link import RETRY, Stopped
from store.log import PostgresLog

log = logging.getLogger(__name__)

LOOK_S = 10.0  # what nobody announced is seen at the latest after this long
WAIT_S = 0.5


class Asked(NamedTuple):
    """A message to be read again."""

    id: int
    asked_at: datetime
    received_at: datetime
    topic: str
    payload: bytes
    device: str | None
    also_received: Sequence[datetime]
    """When the same message came again."""


class Refusal(NamedTuple):
    """Why a message was refused again."""

    reason: str
    detail: str
    more_reasons: Sequence[str] = []


class Redriver(BackgroundPart):
    """A thread that reads again what was asked for; several workers do not disturb each other."""

    def __init__(self, tools: Toolkit, stop: threading.Event) -> None:
        super().__init__("the redrive of quarantine", tools, stop)
        self._log = PostgresLog(self._link)
        self._look_at = 0.0

    def _turn(self) -> None:
        self._link.run(self._look)

    def _look(self) -> None:
        connection, q = self._link.connection, queries("quarantine")
        connection.execute(q["listen"])
        notices = list(connection.notifies(timeout=WAIT_S, stop_after=1))
        if time.monotonic() >= self._look_at:
            connection.execute(queries("births")["ask_unanswered"])
        if notices or time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + LOOK_S
            self.work()

    def work(self) -> int:
        """Reads everything that was asked for, by the registry as it is now; how many messages are in now."""
        done, is_fresh = 0, False
        while not self._stop.is_set() and (rows := self._asked()):
            if not is_fresh:
                self._directory.refresh()
                is_fresh = True
            done += sum(self._again(asked) for asked in rows)
        return done

    def _asked(self) -> list[Asked]:
        rows = self._link.connection.execute(queries("quarantine")["asked"], binary=True).fetchall()
        return [Asked(*row) for row in rows]

    def _again(self, asked: Asked) -> bool:
        """One message; True when nothing of it was refused this time."""
        appends: list[Mapping[int, bytes]] = []
        refused: Refusal | None = None
        try:
            for received_at in (asked.received_at, *asked.also_received):
                prepared = self._read(asked, received_at)
                appends += prepared.appends
                refused = refused or _refusal(prepared, asked.device)
                if not any(map(_is_unclocked, prepared.appends)):
                    break  # it says itself when it was: later deliveries are repeats
        except (*RETRY, Stopped):
            raise
        except Exception as error:  # a fault of ours: the messages behind this one must not wait for ever
            log.exception("message %d cannot be read again", asked.id)
            return self._finish(asked, (), Refusal("malformed", f"a fault while reading it: {type(error).__name__}"))
        return self._finish(asked, appends, refused)

    def _read(self, asked: Asked, received_at: datetime) -> Prepared:
        message = (asked.topic.encode(), bytes(asked.payload), 0, False, False)
        return self._preparer.prepare([message], to_us(received_at))

    def _finish(self, asked: Asked, appends: Sequence[Mapping[int, bytes]], refused: Refusal | None) -> bool:
        """The message's row and its readings in one transaction."""
        reason, detail, more_reasons = refused or (None, None, None)
        now = None if refused else datetime.now(UTC)
        values = {"id": asked.id, "asked_at": asked.asked_at, "redriven_at": now, "again": len(asked.also_received)}
        values |= {"reason": reason, "detail": detail, "more_reasons": more_reasons}
        connection = self._link.connection
        with connection.transaction():
            if connection.execute(queries("quarantine")["redriven"], values).fetchone() is None:
                return False  # another worker was first, or it was asked for once more meanwhile
            for frames in appends:
                self._log.append(frames)
        return refused is None


def _refusal(prepared: Prepared, device: str | None) -> Refusal | None:
    """Why a message is still refused. Each device that it speaks of has a row of its own, and an answer of its own."""
    mine = [each for each in prepared.quarantine if device is None or each.device in (device, None)]
    return Refusal(mine[0].reason, mine[0].detail, list(mine[0].more_reasons)) if mine else None


def _is_unclocked(frames: Mapping[int, bytes]) -> bool:
    """Whether a reading in them has the time at which its message was received."""
    return any(bool((b.flags & Flag.SERVER_TIME).any()) for frame in frames.values() for b in decode(frame))
