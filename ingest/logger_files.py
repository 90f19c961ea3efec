"""Files of loggers that people brought are taken in: their readings go into the log like those of any device.

A file's readings and the mark that it is in are one transaction, so that it is taken once, whatever is killed; what
two files of one logger both have is dropped by the tracker as the repeat it is. They count as received when the file
was brought.
"""

from __future__ import annotations

import logging
import threading
import time
from datetime import datetime

import orjson

from domain.recordings import RecordingError
from domain.recordings.brought import inflated, look, messages
from domain.times import to_us
from ingest.background import BackgroundPart, Toolkit
from ingest.prepare import Prepared
from store.db import queries
from store.link import RETRY, Stopped
from store.log import PostgresLog

log = logging.getLogger(__name__)

LOOK_S = 10.0  # what nobody announced is seen at the latest after this long
WAIT_S = 0.5
PROBLEM_CHARACTERS_MAX = 1000


class LoggerFiles(BackgroundPart):
    """A thread that takes in the files that wait; several workers do not disturb each other."""

    def __init__(self, tools: Toolkit, stop: threading.Event) -> None:
        super().__init__("the import of loggers' files", tools, stop)
        self._log = PostgresLog(self._link)
        self._look_at = 0.0

    def _turn(self) -> None:
        self._link.run(self._look)

    def _look(self) -> None:
        connection = self._link.connection
        connection.execute(queries("loggers")["listen"])
        notices = list(connection.notifies(timeout=WAIT_S, stop_after=1))
        if notices or time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + LOOK_S
            self.work()

    def work(self) -> int:
        """Takes in everything that waits, by the registry as it is now; how many files."""
        done = 0
        while not self._stop.is_set() and self._next():
            done += 1
        return done

    def _next(self) -> bool:
        """The file that waits longest, in one transaction; False when none does."""
        connection, q = self._link.connection, queries("loggers")
        with connection.transaction():
            row = connection.execute(q["waiting"], binary=True).fetchone()
            if row is None:
                return False
            number, tenant, device, content, answers, created_at = row
            prepared, problem = self._read(number, tenant, device, bytes(content), answers, created_at)
            for frames in prepared.appends if prepared else ():
                self._log.append(frames)
            taken = prepared.readings if prepared else 0
            connection.execute(q["took"], {"id": number, "taken": taken, "problem": problem})
        log.info("logger file %d: %d readings", number, taken)
        return True

    def _read(
        self, number: int, tenant: str, device: str, content: bytes, answers: str, created_at: datetime
    ) -> tuple[Prepared | None, str | None]:
        """What the log is to get, and why something is not."""
        try:
            found = look(inflated(content), orjson.loads(answers))
            said = [(topic, payload, 0, False, False) for topic, payload in messages(tenant, device, found.readings)]
            self._directory.refresh()
            prepared = self._preparer.prepare(said, to_us(created_at))
        except (*RETRY, Stopped):
            raise
        except RecordingError as error:  # it was read when it was brought: another version of us reads it otherwise
            return None, str(error)[:PROBLEM_CHARACTERS_MAX]
        except Exception as error:  # a fault of ours: the files behind this one must not wait for ever
            log.exception("logger file %d cannot be taken in", number)
            return None, f"a fault while reading it: {type(error).__name__}"
        why = "; ".join(sorted({f"{each.reason}: {each.detail}" for each in prepared.quarantine}))
        return prepared, why[:PROBLEM_CHARACTERS_MAX] or None
