"""What was set aside is read again when somebody asks for it: mended, or because its device is registered by now.

A message is read as of the moment it came, so that a reading without a time gets the one it would have had. What it
says goes into the log in the same transaction in which it leaves quarantine; readings that were stored at the first
time are dropped by the tracker as the repeats they are.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from domain.times import to_us
from ingest.directory import Directory
from ingest.prepare import Preparer
from store.db import queries
from store.link import RETRY, Link, Stopped
from store.log import PostgresLog

log = logging.getLogger(__name__)

LOOK_S = 10.0  # what nobody announced is seen at the latest after this long
WAIT_S = 0.5
JOIN_S = 10.0


class Asked(NamedTuple):
    """A message to be read again."""

    id: int
    asked_at: datetime
    received_at: datetime
    topic: str
    payload: bytes


class Redriver:
    """A thread with its own connection and its own view of the registry; several workers do not disturb each other."""

    def __init__(self, link: Link, directory: Directory, preparer: Preparer, stop: threading.Event) -> None:
        self._link = link
        self._directory = directory
        self._preparer = preparer
        self._log = PostgresLog(link)
        self._stop = stop
        self._look_at = 0.0
        self._thread = threading.Thread(target=self._run, name="redrive", daemon=True)

    def start(self) -> None:
        """Begins to look."""
        self._thread.start()

    def join(self) -> None:
        """Waits for the message that is being read."""
        self._thread.join(JOIN_S)

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._link.run(self._turn)
        except Stopped:
            pass
        finally:
            self._link.close()

    def _turn(self) -> None:
        connection, q = self._link.connection, queries("quarantine")
        connection.execute(q["listen"])
        notices = list(connection.notifies(timeout=WAIT_S, stop_after=1))
        if not notices and time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + LOOK_S
        self.work()

    def work(self) -> int:
        """Reads everything that was asked for; returns how many messages are in now."""
        done = 0
        self._directory.refresh()
        while not self._stop.is_set():
            rows = self._link.connection.execute(queries("quarantine")["asked"], binary=True).fetchall()
            if not rows:
                break
            done += sum(self._again(Asked(*row)) for row in rows)
        return done

    def _again(self, asked: Asked) -> bool:
        """One message; True when nothing of it was refused this time."""
        message = (asked.topic.encode(), bytes(asked.payload), 0, False, False)
        try:
            prepared = self._preparer.prepare([message], to_us(asked.received_at))
        except (*RETRY, Stopped):
            raise
        except Exception as error:  # a fault of ours: the messages behind this one must not wait for ever
            log.exception("message %d cannot be read again", asked.id)
            return self._finish(asked, {}, ("malformed", f"a fault while reading it: {type(error).__name__}"))
        refused = prepared.quarantine[0] if prepared.quarantine else None
        return self._finish(asked, prepared.frames, (refused.reason, refused.detail) if refused else None)

    def _finish(self, asked: Asked, frames: Mapping[int, bytes], refused: tuple[str, str] | None) -> bool:
        """The message's row and its readings in one transaction."""
        reason, detail = refused or (None, None)
        now = None if refused else datetime.now(UTC)
        values = {"id": asked.id, "asked_at": asked.asked_at, "redriven_at": now, "reason": reason, "detail": detail}
        connection = self._link.connection
        with connection.transaction():
            if connection.execute(queries("quarantine")["redriven"], values).fetchone() is None:
                return False  # another worker was first, or it was asked for once more meanwhile
            if frames:
                self._log.append(frames)
        return refused is None
