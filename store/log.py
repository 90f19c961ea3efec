"""The log: a small contract, and its implementation in PostgreSQL.

Frames of a partition have positions 1, 2, 3 … in the order in which they became durable. The head row of a partition
is locked while a frame is appended, so a reader never sees position n before n - 1 is there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

import psycopg

from store.arrays import arrays
from store.db import queries
from store.link import Link

LATE_LANE = 1 << 16
"""Partition p's lane of late readings has the number p + LATE_LANE: what is live never waits behind what is late."""

NOTIFY_LOG = "frostway_log"
NOTIFY_CHANGE = "frostway_change"


class Frame(NamedTuple):
    """One appended frame."""

    partition: int
    position: int
    body: bytes


class Log(Protocol):
    """What ingest and tracker need of a log; one contract suite runs on every implementation."""

    def append(self, frames: Mapping[int, bytes]) -> dict[int, int]:
        """Appends one frame to each partition; returns their positions. All are durable on return, or none."""

    def read(self, after: Mapping[int, int], limit_bytes: int) -> list[Frame]:
        """Frames behind the given positions, in order within each partition, about `limit_bytes` at most."""

    def heads(self) -> dict[int, int]:
        """Position of the newest frame of each partition that has any."""

    def trim(self, upto: Mapping[int, int], before: datetime) -> int:
        """Drops frames at or below these positions that were appended before `before`; returns how many."""


class PostgresLog:
    """The log in PostgreSQL. `append` joins the caller's transaction when one is open."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._q = queries("log")

    def append(self, frames: Mapping[int, bytes]) -> dict[int, int]:
        """See `Log.append`."""
        return {int(p): int(position) for p, position in self.put(frames).fetchall()}

    def put(self, frames: Mapping[int, bytes]) -> psycopg.Cursor:
        """As `append`, for who does not wait for the positions: they are the rows of the cursor."""
        partitions = sorted(frames)
        columns = arrays(self._q["append"], (partitions, [frames[p] for p in partitions]))
        told = (NOTIFY_LOG, ",".join(map(str, partitions)))
        return self._link.connection.execute(self._q["append"], (*columns, *told), binary=True)

    def read(self, after: Mapping[int, int], limit_bytes: int) -> list[Frame]:
        """See `Log.read`."""
        partitions: Sequence[int] = sorted(after)
        rows = self._link.connection.execute(
            self._q["read"], (list(partitions), [after[p] for p in partitions], limit_bytes), binary=True
        ).fetchall()
        return [Frame(int(p), int(position), bytes(body)) for p, position, body in rows]

    def heads(self) -> dict[int, int]:
        """See `Log.heads`."""
        return {int(p): int(n) for p, n in self._link.connection.execute(self._q["heads"]).fetchall() if n}

    def trim(self, upto: Mapping[int, int], before: datetime) -> int:
        """See `Log.trim`."""
        partitions = sorted(upto)
        return self._link.connection.execute(
            self._q["trim"], (partitions, [upto[p] for p in partitions], before)
        ).rowcount
