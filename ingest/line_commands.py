"""Commands over the connections of a door: each is given to a device once, and what became of it is written down.

Over a connection nothing is sent again by itself: a device may have done what it was told when its connection is lost
before the answer, and people are told so. While a command is on a connection it is held by a lease; what nobody holds
any more was on a connection of an ingest that has ended.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import psycopg
from prometheus_client import Counter

from domain.wire.teltonika_commands import spoken, told
from ingest.doors.lines import Lines, Report, Told
from store.db import queries

LEASE_S = 60.0
sent_total = Counter("frostway_ingest_line_commands_sent_total", "Commands written to connections of devices")
ended_total = Counter("frostway_ingest_line_commands_ended_total", "What became of those", ["outcome"])


class LineCommands:
    """Between the table of commands and `Lines`; belongs to one thread."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines

    def has_news(self) -> bool:
        """Whether there is something to do at once."""
        return self._lines.has_news()

    def work(self, connection: psycopg.Connection) -> None:
        """Writes down what was reported, then tells whoever can be told something."""
        for report in self._lines.reports():
            self._write(connection, report)
            self._lines.taken(1)
        q = queries("commands")
        if held := self._lines.under_way():
            connection.execute(q["keep"], {"ids": held, "lease_s": LEASE_S})
        connection.execute(q["abandon"])
        if not (free := self._lines.free()):
            return
        for number, name, command, argument in connection.execute(
            q["due_on_lines"], {"free": free, "lease_s": LEASE_S}
        ).fetchall():
            self._lines.tell(name, Told(number, told(spoken(command, argument))))
            sent_total.inc()

    @staticmethod
    def _write(connection: psycopg.Connection, report: Report) -> None:
        ended_total.labels(report.outcome).inc()
        if report.outcome == "unsent":
            connection.execute(queries("commands")["put_back"], {"id": report.id})
            return
        is_answered = report.outcome == "answered"
        values: dict[str, Any] = {"id": report.id, "at": datetime.fromtimestamp(report.at_s, UTC)}
        values |= {"state": "answered" if is_answered else "failed", "answer": report.text if is_answered else None}
        connection.execute(
            queries("commands")["answer_on_line"], values | {"failure": None if is_answered else report.outcome}
        )
