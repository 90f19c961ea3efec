"""Keeps the summaries of ten minutes: those that have ended, those that something came late to, and history.

How nothing falls between is told in docs/adr/0024. Each piece is one transaction that holds the span's row, so that two
programs never summarise at a time; one that finds it held has nothing to do.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

import psycopg

from store.db import queries
from store.link import Link

BUCKET = timedelta(minutes=10)
SLICE, SLICE_MAX, EMPTY_MAX = timedelta(hours=1), timedelta(days=1), timedelta(days=64)
QUICK_S, SLOW_S = 0.5, 2.0  # a slice that took less is followed by a longer one, one that took more by a shorter
DUE_MAX = 2_000  # ten minutes of devices that are summarised again in one transaction
BUDGET_S = 20.0

GoOn = Callable[[psycopg.Connection], None]


class Span(NamedTuple):
    """What is summarised, [since, until), and how far that may go on; see the query `span`."""

    since: datetime | None  # None: from the first reading on, or nothing yet
    until: datetime | None  # None: nothing yet
    closing: datetime | None
    asked: bool
    kept_from: datetime | None
    closed: bool
    elsewhere: bool
    """It was asked of another server, of which this database is a copy."""
    target: datetime


def summarise(link: Link, go_on: GoOn, *, now: datetime | None = None, budget_s: float = BUDGET_S) -> None:
    """Summarises what there is; what takes longer than the budget is gone on with by a job of its own.

    Args:
        link: to the database.
        go_on: enqueues that job in the transaction of the connection.
        now: the database's clock where none is given.
        budget_s: after so many seconds no further piece is begun.
    """
    work, ends = Summaries(link.connection, now), time.monotonic() + budget_s
    work.close()
    while any([work.forward(), work.mend(), work.backward()]):
        if time.monotonic() >= ends:
            with link.connection.transaction():
                go_on(link.connection)
            return


class Summaries:
    """The pieces of the work; each says whether there may be more of it."""

    def __init__(self, connection: psycopg.Connection, now: datetime | None = None) -> None:
        self._connection, self._now = connection, now
        self._q = queries("summaries")
        self._ahead = self._back = SLICE

    def close(self) -> None:
        """Says up to where is summarised next, and then, in another transaction, who may not have heard of it."""
        with self._connection.transaction():
            span = self._span()
            if span and (span.closing is None or (span.until == span.closing and span.target > span.closing)):
                self._connection.execute(self._q["publish"], {"closing": span.target})
        with self._connection.transaction():
            span = self._span()
            if span and span.closing and (not span.asked or span.elsewhere):
                self._connection.execute(self._q["close"])

    def forward(self) -> bool:
        """Summarises a slice of what has ended, once nobody can add to it without saying so."""
        with self._connection.transaction():
            span = self._span()
            if span is None or span.closing is None or not span.closed or span.until == span.closing:
                return False
            if span.until is None:
                self._connection.execute(self._q["begin"])
                return True
            until = min(span.until + self._ahead, span.closing)
            _, took_s = self._slice(span.until, until)
            self._connection.execute(self._q["reach"], {"until": until})
        self._ahead = _next(self._ahead, took_s, SLICE_MAX)
        return True

    def mend(self, most: int = DUE_MAX) -> bool:
        """Summarises again what something came late to."""
        with self._connection.transaction():
            if self._span() is None:
                return False
            marks = self._connection.execute(self._q["claim"], {"most": most}).fetchall()
            if marks:
                due = {"device": [int(device) for device, _ in marks], "time": [at for _, at in marks]}
                self._connection.execute(self._q["forget"], due)
                self._connection.execute(self._q["summarise_again"], due)
        return len(marks) >= most

    def backward(self) -> bool:
        """Summarises a slice of history, the newest first."""
        with self._connection.transaction():
            span = self._span()
            if span is None or span.since is None or (span.kept_from and span.since <= span.kept_from):
                return False
            before = {"since": span.kept_from, "until": span.since}
            if not self._any(before):
                self._connection.execute(self._q["reach_back"], {"since": span.kept_from})
                return True
            since = max(span.since - self._back, span.kept_from or span.since - self._back)
            if self._back > SLICE_MAX and self._any({"since": since, "until": span.since}):
                self._back = SLICE  # the silence has ended
                return True
            rows, took_s = self._slice(since, span.since)
            self._connection.execute(self._q["reach_back"], {"since": since})
        self._back = _next(self._back, took_s, SLICE_MAX if rows else EMPTY_MAX)
        return True

    def _span(self) -> Span | None:
        """How far everything is; None while another program is at it."""
        row = self._connection.execute(self._q["span"], {"now": self._now}).fetchone()
        return Span(*row) if row else None

    def _any(self, between: dict[str, datetime | None]) -> bool:
        row = self._connection.execute(self._q["any_between"], between).fetchone()
        return bool(row and row[0])

    def _slice(self, since: datetime, until: datetime) -> tuple[int, float]:
        """Rows made of a slice, and how long it took."""
        began = time.monotonic()
        rows = self._connection.execute(self._q["summarise"], {"since": since, "until": until}).rowcount
        return rows, time.monotonic() - began


def _next(length: timedelta, took_s: float, most: timedelta) -> timedelta:
    """How long the slice after one of this length is.

    >>> _next(timedelta(hours=1), 0.1, SLICE_MAX), _next(timedelta(hours=1), 9.0, SLICE_MAX)
    (datetime.timedelta(seconds=7200), datetime.timedelta(seconds=1800))
    """
    if took_s < QUICK_S:
        return min(2 * length, most)
    return max(length // 2 // BUCKET * BUCKET, BUCKET) if took_s > SLOW_S else length
