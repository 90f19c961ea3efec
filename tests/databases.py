"""Databases for tests: copies of a template on a server whose data nobody keeps."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import psycopg
from psycopg import sql

from store import embedded
from store.embedded import EmbeddedPostgres

NOT_KEPT = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "128MB",
    "autovacuum": "off",
}


def start_unkept(server: EmbeddedPostgres) -> None:
    """Starts a server that writes nothing for good."""
    with patch.dict(embedded._SETTINGS, NOT_KEPT):
        server.start()


def named(dsn: str, name: str) -> str:
    """Address of another database of the same server."""
    return psycopg.conninfo.make_conninfo(dsn, dbname=name)


@contextmanager
def copied(dsn: str, template: str) -> Iterator[str]:
    """Address of a copy of a database that is gone in the end."""
    name = "t" + uuid.uuid4().hex[:12]
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            sql.SQL("create database {} template {} strategy file_copy").format(  # much quicker than the default
                sql.Identifier(name), sql.Identifier(template)
            )
        )
    try:
        yield named(dsn, name)
    finally:
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
