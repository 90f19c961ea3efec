"""A PostgreSQL array that is ready to be sent, and how psycopg hands it over; whoever connects needs no more of it."""

from __future__ import annotations

from typing import Any, NamedTuple

from psycopg.adapt import Dumper
from psycopg.pq import Format


class PgArray(NamedTuple):
    """An array ready to be sent."""

    data: bytes
    oid: int


class PgArrayDumper(Dumper):
    """Hands a `PgArray` to the server as it is."""

    format = Format.BINARY

    def dump(self, obj: PgArray) -> bytes:
        """The bytes of the array."""
        return obj.data

    def get_key(self, obj: PgArray, format: Any) -> Any:  # noqa: A002, ARG002  the signature is psycopg's
        """One dumper per type of array."""
        return (self.cls, obj.oid)

    def upgrade(self, obj: PgArray, format: Any) -> PgArrayDumper:  # noqa: A002, ARG002
        """A dumper that tells the type."""
        dumper = type(self)(self.cls)
        dumper.oid = obj.oid
        return dumper
