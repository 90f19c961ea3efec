"""Values of before are moved into sets: a few pages at a time while everything runs, resumed when interrupted.

What is moved goes from its old row to the new one in one transaction, so that everybody sees it once. The partitions
to be gone through are remembered until they are done; one that was begun is begun again: its empty pages cost little.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple

import psycopg
from psycopg import sql

from domain.readings import AttributeBatch
from domain.times import to_us
from store.arrays import read_columns
from store.db import connect, queries
from store.indexing import BUSY
from store.partitions import LOCK_TIMEOUT, Partitions
from store.places import Places
from store.values import SET, messages, wanted

PAGES = 128  # of one transaction: some ten thousand values
_COLUMNS = (
    ("device_id", "integer"),
    ("time_us", "timestamp with time zone"),
    ("boot_id", "integer"),
    ("seq", "bigint"),
    ("flags", "integer"),
    ("received_us", "timestamp with time zone"),
    ("name_id", "integer"),
    ("value", "double precision"),
    ("note_id", "integer"),
)
log = logging.getLogger(__name__)


class Old(NamedTuple):
    """A partition or chunk with values of before; `pages` is None when it was dropped."""

    schema: str
    name: str
    pages: int | None


def move_values(
    dsn: str,
    told: Callable[[str], None] = log.info,
    pause: Callable[[float], bool] = lambda _: False,
    pages: int = PAGES,
) -> int:
    """Moves values of before into sets, newest partition first; returns from how many.

    Args:
        dsn: of the owner of the tables.
        told: gets a line for each partition that is done.
        pause: is given the seconds that a slice took, and returns whether to leave the rest for next time.
        pages: of the disk that one transaction goes through.
    """
    q, done = queries("values"), 0
    with connect(dsn, "moving") as connection:
        row = connection.execute(q["lock_moving"]).fetchone()
        if not (row and row[0]):
            return 0
        found = [Old(*row) for row in connection.execute(q["to_move"]).fetchall()]
        for nth, old in enumerate(found, 1):
            try:
                count = _move(connection, old, pause, pages)
            except BUSY:
                log.info("%s is busy: its values are left for next time", old.name)
                continue
            if count is None:
                break
            if count:
                done += 1
                told(f"values of {old.name} stand together now, {count} rows of them: {nth} of {len(found)} partitions")
        with contextlib.suppress(*BUSY), _no_waiting(connection):  # next time it is tried again
            connection.execute(q["all_moved"])
        connection.execute(q["unlock_moving"])
    return done


def move_meanwhile(dsn: str) -> None:
    """`move_values` beside whatever else a program does, half of the time at most; it ends when the server does."""

    def rest(seconds: float) -> bool:
        time.sleep(seconds)
        return False

    try:
        move_values(dsn, pause=rest)
    except psycopg.Error as error:
        log.info("values of before are left for next time: %s", " ".join(str(error).split()))


def _move(connection: psycopg.Connection, old: Old, pause: Callable[[float], bool], pages: int) -> int | None:
    """One partition; returns how many rows were written, None when it was left."""
    q, places, count = queries("values"), Places(), 0
    names = {"partition": sql.Identifier(old.schema, old.name)}
    if old.pages:
        _make_room(connection, old.name)
    for since in range(0, old.pages or 0, pages):
        began = time.monotonic()
        span = {"since": f"({since},0)", "until": f"({since + pages},0)"}
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL(q["without_place"]).format(**names), span, binary=True)
            found = read_columns(cursor, _COLUMNS)
        if len(found["seq"]):
            batch = AttributeBatch.build(found)
            places.of(connection, wanted(batch), partial(messages, batch))
        count += connection.execute(sql.SQL(q["move"]).format(**names), span).rowcount
        if pause(time.monotonic() - began):
            return None
    if old.pages is not None:
        connection.execute(sql.SQL(q["tidy"]).format(**names))
        connection.execute(sql.SQL(q["smaller_indexes"]).format(**names))  # now nobody's view is older than the move
    connection.execute(q["moved"], (old.schema, old.name))
    return count


def _make_room(connection: psycopg.Connection, name: str) -> None:
    """The week of a native partition among the sets."""
    partitions = Partitions(connection)
    if partitions.native:
        start = datetime.strptime(name.rsplit("_", 1)[1], "%Y%m%d").replace(tzinfo=UTC)
        with _no_waiting(connection):
            partitions.create(connection, SET, [to_us(start)])


@contextlib.contextmanager
def _no_waiting(connection: psycopg.Connection) -> Iterator[None]:
    """What locks a table out gives up soon, so that nobody waits behind it."""
    connection.execute(sql.SQL("set lock_timeout = {}").format(sql.Literal(LOCK_TIMEOUT)))
    try:
        yield
    finally:
        connection.execute("reset lock_timeout")
