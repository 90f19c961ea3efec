"""A database connection that comes back: long-running programs hold a `Link`, not a connection."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from typing import TypeVar

import psycopg

from store.db import connect

log = logging.getLogger(__name__)
T = TypeVar("T")

RETRY = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.DeadlockDetected,
    psycopg.errors.SerializationFailure,
)
BACKOFF_S = (0.05, 5.0)


class Stopped(Exception):  # noqa: N818  not an error: the program is asked to end
    """The program was asked to stop while it waited for the database."""


class Link:
    """One connection, made when first needed and again after it was lost. Belongs to one thread."""

    def __init__(self, dsn: str, name: str, stop: threading.Event | None = None) -> None:
        self._dsn = dsn
        self._name = name
        self._stop = stop or threading.Event()
        self._connection: psycopg.Connection | None = None
        self.healthy = False

    @property
    def connection(self) -> psycopg.Connection:
        """The connection; raises psycopg.OperationalError when the database is away."""
        if self._connection is None or self._connection.closed:
            self._connection = connect(self._dsn, self._name)
        return self._connection

    def run(self, work: Callable[[], T], patience_s: float | None = None) -> T:
        """Does `work`, again and again while the database is away or refuses for a passing reason.

        `work` must be repeatable: a commit whose answer was lost is done once more. With `patience_s` it is not tried
        again after so many seconds, and the last error is raised (one of `RETRY`).

        Raises:
            Stopped: asked to stop while the database is away.
        """
        wait, until = BACKOFF_S[0], None if patience_s is None else time.monotonic() + patience_s
        while True:
            try:
                result = work()
            except RETRY as error:
                if self.healthy or wait == BACKOFF_S[0]:
                    log.warning("%s: database: %s; trying again", self._name, str(error).strip().split("\n")[0])
                self.healthy = False
                self.close()
                if until is not None and time.monotonic() >= until:
                    raise
                if self._stop.wait(random.uniform(wait / 2, wait)):
                    raise Stopped from error
                wait = min(wait * 2, BACKOFF_S[1])
            else:
                self.healthy = True
                return result

    def close(self) -> None:
        """Closes the connection, whatever state it is in."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
