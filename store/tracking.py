"""What the tracker reads and writes: its one transaction per step, and what it needs to begin."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, LiteralString

import numpy as np
import psycopg
from psycopg.rows import dict_row

from domain.names import STREAMS
from domain.readings import BY_STREAM, I32, I64, Batch
from domain.times import from_us, to_us
from store.arrays import Column, arrays, read_columns
from store.checkpoints import Checkpoints
from store.copy import TABLE
from store.db import queries
from store.link import Link
from store.log import NOTIFY_CHANGE
from store.partitions import Partitions
from store.summaries import Marks
from store.writer import ReadingWriter

HISTORY_GPS = (
    ("time", "timestamp with time zone"),
    ("received_at", "timestamp with time zone"),
    ("device_id", "integer"),
    ("flags", "integer"),
    ("lat", "double precision"),
    ("lon", "double precision"),
    ("speed_mps", "real"),
    ("heading_deg", "real"),
    ("accuracy_m", "real"),
    ("odometer_m", "double precision"),
    ("ignition", "integer"),
)
HISTORY_TEMP = (
    ("time", "timestamp with time zone"),
    ("received_at", "timestamp with time zone"),
    ("flags", "integer"),
    ("temp_c", "double precision"),
)
HISTORY_RFID = (
    ("time", "timestamp with time zone"),
    ("device_id", "integer"),
    ("flags", "integer"),
    ("antenna", "integer"),
    ("rssi_dbm", "real"),
)
HISTORY_SHELF = (
    ("time", "timestamp with time zone"),
    ("flags", "integer"),
    ("mass_kg", "double precision"),
    ("item_count", "double precision"),
)
HISTORY = {"gps": HISTORY_GPS, "temp": HISTORY_TEMP, "rfid": HISTORY_RFID, "shelf": HISTORY_SHELF}

_TYPES = {"i1": "integer", "i2": "integer", "i4": "integer", "i8": "bigint", "f4": "real", "f8": "double precision"}
STORED = {
    stream: (
        ("device_id", "integer"),
        ("time_us", "timestamp with time zone"),
        ("boot_id", "integer"),
        ("seq", "bigint"),
        ("flags", "integer"),
        *((name, _TYPES[dtype]) for name, dtype in kind.DTYPES.items() if name not in Batch.DTYPES),
    )
    for stream, kind in BY_STREAM.items()
}


class LostPartitionError(RuntimeError):
    """Another tracker has moved this partition on: this one must not write."""

    def __init__(self) -> None:
        super().__init__("another tracker has moved a partition of ours: stepping back")


class TrackingStore:
    """The tracker's side of the database, over one link."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._q = queries("tracker") | queries("corrections") | queries("facts") | queries("eta") | queries("alerts")
        self._q |= queries("presence")
        self._summaries = queries("summaries")
        self.checkpoints = Checkpoints(link)
        self._partitions: Partitions | None = None
        self._writer: ReadingWriter | None = None
        self._marks = Marks()

    @property
    def connection(self) -> psycopg.Connection:
        """The link's connection."""
        return self._link.connection

    def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """All rows of a named query."""
        return self.connection.execute(self._q[query], parameters or None, binary=True).fetchall()

    def asked(self, query: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """All rows of a named query, whose parameters have names."""
        return self.connection.execute(self._q[query], values, binary=True).fetchall()

    def sql(self, query: str) -> LiteralString:
        """The text of a named query."""
        return self._q[query]

    # ------------------------------------------------------------ beginning
    def own(self, partitions: Sequence[int]) -> list[int]:
        """Those of `partitions` that this connection owns now."""
        owned = [p for p in partitions if self.rows("try_own", p)[0][0]]
        self.connection.execute(self._q["create_positions"], (owned,))
        return owned

    def last_times(self) -> dict[str, list[tuple[int, datetime]]]:
        """Newest event time per stream and device."""
        return {stream: [(int(d), t) for d, t in self.rows(f"last_times_{stream}")] for stream in STREAMS}

    def labels(self, ids: Sequence[int]) -> dict[int, str]:
        """Texts of keys."""
        return {int(k): str(t) for k, t in self.rows("labels", list(ids))}

    def stored(self, stream: str, device: I64, since_us: I64, until_us: I64) -> Batch:
        """The readings stored in these spans of these devices."""
        if not len(device):
            return BY_STREAM[stream].empty()
        query = f"stored_{stream}"
        spans = arrays(self._q[query], (device, since_us, until_us))
        return self._batch(stream, query, (*spans, from_us(int(since_us.min())), from_us(int(until_us.max()))))

    def stored_unclocked(self, stream: str, device: I32, boot: I32, seq: I64, since_us: int) -> Batch:
        """Those with one of these numbers (device, boot, number) that are stored since then without their own time."""
        query = f"stored_unclocked_{stream}"
        return self._batch(stream, query, (*arrays(self._q[query], (device, boot, seq)), from_us(since_us)))

    def _batch(self, stream: str, query: str, parameters: Sequence[Any]) -> Batch:
        """Stored readings as they were measured; when they were received is not asked."""
        kind = BY_STREAM[stream]
        with self.connection.cursor() as cursor:
            cursor.execute(self._q[query], parameters, binary=True)
            found = read_columns(cursor, STORED[stream])
        return kind.build({**found, "received_us": np.zeros(len(found["seq"]), np.int64)})

    def history(self, stream: str, asked: Mapping[str, Any], most: int) -> tuple[dict[str, np.ndarray[Any, Any]], bool]:
        """Columns of the readings to be folded again, in order of time, about `most`; and whether there are more.

        Readings of one time are never separated.
        """
        with self.connection.cursor() as cursor:
            cursor.execute(self._q[f"history_{stream}"], {**asked, "most": most}, binary=True)
            found = read_columns(cursor, HISTORY[stream])
        if len(found["time"]) < most:
            return found, False
        whole = found["time"] < found["time"][-1]
        if not whole.any():
            return self.history(stream, asked, 4 * most)
        return {name: column[whole] for name, column in found.items()}, True

    # ------------------------------------------------------------ one step
    @contextmanager
    def transaction(self, positions: Mapping[int, int]) -> Iterator[psycopg.Cursor]:
        """The transaction of a step that begins at these positions.

        Raises:
            LostPartitionError: what it tells stands already, since somebody else has gone on from there.
        """
        try:
            with self.connection.transaction(), self.connection.cursor() as cursor:
                yield cursor
        except psycopg.errors.UniqueViolation as error:
            if {int(p): int(n) for p, n, _ in self.rows("positions", list(positions))} != positions:
                raise LostPartitionError from error
            raise

    def prepare_readings(self, batches: Mapping[str, Batch]) -> None:
        """Partitions and places for these readings; outside the step's transaction: they are kept whatever happens."""
        if self._partitions is None:
            self._partitions = Partitions(self.connection)
        if self._writer is None:
            self._writer = ReadingWriter(self.connection)
        for batch in batches.values():
            table = TABLE[batch.STREAM]
            if missing := self._partitions.missing(table, batch.time_us):
                self._partitions.create(self.connection, table, missing)
            self._writer.prepare(self.connection, batch)

    def write_readings(self, cursor: psycopg.Cursor, batches: Mapping[str, Batch]) -> None:
        """COPY of the readings."""
        if self._writer is None:
            self._writer = ReadingWriter(self.connection)
        for batch in batches.values():
            self._writer.write(cursor, batch)

    def mark_summaries(self, cursor: psycopg.Cursor, batches: Mapping[str, Batch]) -> None:
        """Ten minutes whose summary some of the readings just written come late to."""
        self._mark(cursor.connection, self._marks.late(batches.values()))

    def _mark(self, connection: psycopg.Connection, found: tuple[I64, I64]) -> None:
        if len(found[0]):
            statement = self._summaries["mark"]
            connection.execute(statement, arrays(statement, found))

    def bulk(self, cursor: psycopg.Cursor, query: str, rows: Sequence[Sequence[Any]]) -> None:
        """One statement for many rows, by `unnest`; times in microseconds, NULLs as `store.arrays` has them."""
        if rows:
            cursor.execute(self._q[query], arrays(self._q[query], list(zip(*rows, strict=True))))

    def columns(self, cursor: psycopg.Cursor, query: str, columns: Sequence[Column]) -> None:
        """The same from columns."""
        cursor.execute(self._q[query], arrays(self._q[query], columns))

    def returned(self, cursor: psycopg.Cursor, query: str, rows: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
        """One statement for many rows, as `bulk`; the rows it gives, by column name."""
        if not rows:
            return []
        with cursor.connection.cursor(row_factory=dict_row) as own:
            return own.execute(self._q[query], arrays(self._q[query], list(zip(*rows, strict=True)))).fetchall()

    def one(self, cursor: psycopg.Cursor, query: str, values: Mapping[str, Any]) -> dict[str, Any] | None:
        """One statement that gives rows; the first by column name, if there is any."""
        with cursor.connection.cursor(row_factory=dict_row) as own:
            return own.execute(self._q[query], values).fetchone()

    def mark_dirty(self, cursor: psycopg.Cursor, rows: Sequence[tuple[str, int, int, datetime]]) -> None:
        """Entities to fold again."""
        self.bulk(cursor, "mark_dirty", [(*row, to_us(since)) for *row, since in rows])

    def move(
        self,
        cursor: psycopg.Cursor,
        moves: Sequence[tuple[int, int, int, int]],
        changes: Sequence[tuple[int, int, int, bytes]],
    ) -> None:
        """Moves positions and puts changes, with a wake-up call for the API.

        Args:
            cursor: of the transaction.
            moves: partition, old position, new position, change sequence.
            changes: partition, sequence, tenant, body.

        Raises:
            LostPartitionError: somebody else has moved one of them.
        """
        if not moves:
            return
        statement = self._q["move_position"]
        moved = cursor.connection.execute(statement, arrays(statement, list(zip(*moves, strict=True))))
        if changes:
            statement = self._q["put_changes"]
            columns = arrays(statement, list(zip(*changes, strict=True)))
            cursor.connection.execute(statement, (*columns, NOTIFY_CHANGE, str(changes[0][0])))
        rows = moved.fetchall()
        if len(rows) != len(moves):
            raise LostPartitionError
        self._mark(cursor.connection, self._marks.unmarked(rows[0][1]))

    def keep_house(self, now: datetime) -> None:
        """Time partitions ahead."""
        if self._partitions is None:
            self._partitions = Partitions(self.connection)
        if self._partitions.native:
            self._partitions.keep_ahead(self.connection, now)
