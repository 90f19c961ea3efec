"""The one who writes readings into their tables."""

from __future__ import annotations

import psycopg

from domain.readings import AttributeBatch, Batch
from store.copy import TABLE, batch_columns, copy_columns, spec_of
from store.values import ValueWriter


class ReadingWriter:
    """Writes batches into their tables."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._specs = {stream: spec_of(connection, table) for stream, table in TABLE.items() if stream != "attr"}
        self._values = ValueWriter(connection)

    def prepare(self, connection: psycopg.Connection, batch: Batch) -> None:
        """What is to be there before, outside the transaction that writes, since it is kept whatever happens."""
        if isinstance(batch, AttributeBatch):
            self._values.prepare(connection, batch)

    def write(self, cursor: psycopg.Cursor, batch: Batch) -> None:
        """COPY one batch. Sort it by device and time first: the index grows with less work."""
        if not len(batch):
            return
        if isinstance(batch, AttributeBatch):
            self._values.write(cursor, batch)
        else:
            copy_columns(cursor, TABLE[batch.STREAM], self._specs[batch.STREAM], *batch_columns(batch))
