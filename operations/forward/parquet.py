"""Parquet, by pyarrow, which is there when it was asked for: `pip install 'frostway[parquet]'`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

import pyarrow as pa
from pyarrow import parquet

from domain.forwarding import Family, Item

GROUP_ROWS = 20_000
TYPES = {
    "text": pa.string(),
    "int": pa.int64(),
    "float": pa.float64(),
    "single": pa.float32(),
    "bool": pa.bool_(),
    "time": pa.timestamp("us", "UTC"),
    "texts": pa.list_(pa.string()),
}


class ParquetWriter:
    """A table with the types of the family's fields, in groups of rows that compress well."""

    def __init__(self, file: BinaryIO, family: Family) -> None:
        self._file = file
        self._schema = pa.schema([(field.name, TYPES[field.type]) for field in family.fields])
        self._writer = parquet.ParquetWriter(file, self._schema, compression="zstd")
        self._rows: list[Item] = []

    def write(self, items: Sequence[Item]) -> None:
        """See `files.Writer.write`."""
        self._rows += items
        if len(self._rows) >= GROUP_ROWS:
            self._put()

    def size(self) -> int:
        """See `files.Writer.size`."""
        return self._file.tell()

    def close(self) -> None:
        """See `files.Writer.close`."""
        self._put()
        self._writer.close()

    def _put(self) -> None:
        if self._rows:
            columns = zip(*(item.values for item in self._rows), strict=True)
            arrays = [pa.array(column, kind) for column, kind in zip(columns, self._schema.types, strict=True)]
            self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))
            self._rows = []
