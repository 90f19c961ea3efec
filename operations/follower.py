"""Following an append-only table of the tracker's: what is read, what comes of it and the position are one transaction.

Rows are read in the order of the transactions that wrote them, and only of those below which none is still going. A
number of a row is drawn before its transaction commits, so in the order of numbers alone a row that becomes visible
late would be passed over. See docs/adr/0017.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import psycopg
from psycopg.rows import dict_row

from operations.unit_of_work import Row, Script, Statement, run
from store.db import queries

PORTION = 500  # rows of one transaction


class Source(NamedTuple):
    """What a follower reads, by the name under which its position is kept.

    `read` is the query of the rows behind a position, each with its `written_in` and `id`; `take` does what follows.
    Statements are those of `operations.sql`, and of `file` besides.
    """

    name: str
    read: str
    take: Callable[[Sequence[Row]], Script[int]]
    file: str = "operations"


class OvertakenError(RuntimeError):
    """Another follower has moved this position on: what this one was about to write stands already."""


class Follower:
    """One source, followed over a connection. It keeps nothing in memory: the store alone says how far it is."""

    def __init__(self, source: Source, portion: int = PORTION) -> None:
        self.source = source
        self._portion = portion
        self._q = {**queries("operations"), **queries(source.file)}

    def begin(self, connection: psycopg.Connection) -> bool:
        """Makes the position if there is none. True when it has gone back to the start.

        Transactions of a database that was brought in from elsewhere may be counted from lower than those that the
        position is of. What has been taken in already is found there and not taken in again.
        """
        with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
            self._execute(cursor, Statement("make_position", {"name": self.source.name}))
            return bool(self._execute(cursor, Statement("rewind_position", {"name": self.source.name})))

    def step(self, connection: psycopg.Connection) -> int:
        """Takes in the next rows; returns how many there were.

        Raises:
            OvertakenError: another follower was quicker; nothing is written.
            psycopg.errors.LockNotAvailable: somebody is at work there; nothing is written.
        """
        name, q = self.source.name, Statement
        with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:

            def execute(statement: Statement) -> Sequence[Row]:
                return self._execute(cursor, statement)

            execute(q("give_way", {}))
            (at,) = execute(q("position", {"name": name}))
            rows = execute(q(self.source.read, {**at, "limit": self._portion}))
            if rows:
                run(self.source.take(rows), execute)
                last = {"to_written_in": rows[-1]["written_in"], "to_row_id": rows[-1]["id"]}
                if not execute(q("move_position", {"name": name, **at, **last})):
                    raise OvertakenError(name)
        return len(rows)

    def _execute(self, cursor: psycopg.Cursor[dict[str, Any]], statement: Statement) -> Sequence[Row]:
        cursor.execute(self._q[statement.query], {"tenant": None, **statement.values})
        return cursor.fetchall() if cursor.description else []
