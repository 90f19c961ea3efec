"""Shared fixtures: a real PostgreSQL (embedded) and, where there is one, a real TimescaleDB."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import settings
from psycopg import sql

from store.embedded import EmbeddedPostgres
from store.migrate import migrate
from tests.memory import in_memory

# The tests of every day try some examples; `--hypothesis-profile=long` and `make fuzz` try many.
settings.register_profile("everyday", max_examples=50, deadline=None)
settings.load_profile("everyday")
settings.register_profile("long", max_examples=5_000, deadline=None, derandomize=False)

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
TIMESCALE_HINT = "no TimescaleDB: set FROSTWAY_TEST_TIMESCALE_DSN (`.ci/timescaledb.sh prepare` and `start` bring one)"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real recordings, which are not part of this repository."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"the recordings are not at {SHARED_DATA}")
    return SHARED_DATA


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """One embedded server for the whole run; it need not outlive a power cut."""
    with in_memory() as memory:
        base = memory or tmp_path_factory.mktemp("pg")
        server = EmbeddedPostgres(base / "pg", log_dir=base, sync_initdb=False)
        server.start()
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            connection.execute("alter system set fsync = off")
            connection.execute("alter system set max_wal_size = '128MB'")
            connection.execute("select pg_reload_conf()")
        try:
            yield server
        finally:
            server.stop()


def _with_database(dsn: str, name: str) -> str:
    return psycopg.conninfo.make_conninfo(dsn, dbname=name)


@pytest.fixture(scope="session")
def template(postgres: EmbeddedPostgres) -> str:
    """A migrated database that others are copied from."""
    with psycopg.connect(postgres.dsn, autocommit=True) as connection:
        connection.execute("create database frostway_template")
    migrate(_with_database(postgres.dsn, "frostway_template"))
    return "frostway_template"


@pytest.fixture
def database(postgres: EmbeddedPostgres, template: str) -> Iterator[str]:
    """Address of a fresh, migrated, empty database."""
    yield from _copied(postgres, template)


@pytest.fixture(scope="module")
def kept_database(postgres: EmbeddedPostgres, template: str) -> Iterator[str]:
    """Address of a migrated, empty database, for the tests of a file that leave it as it is."""
    yield from _copied(postgres, template)


def _copied(postgres: EmbeddedPostgres, template: str) -> Iterator[str]:
    name = "t" + uuid.uuid4().hex[:12]
    with psycopg.connect(postgres.dsn, autocommit=True) as connection:
        connection.execute(
            sql.SQL("create database {} template {} strategy file_copy").format(  # half the time of the default
                sql.Identifier(name), sql.Identifier(template)
            )
        )
    yield _with_database(postgres.dsn, name)
    with psycopg.connect(postgres.dsn, autocommit=True) as connection:
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture
def timescale_empty() -> Iterator[str]:
    """Address of a fresh, empty database on a server with TimescaleDB."""
    dsn = os.environ.get("FROSTWAY_TEST_TIMESCALE_DSN")
    if not dsn:
        pytest.skip(TIMESCALE_HINT)
    name = "t" + uuid.uuid4().hex[:12]
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {} template template0").format(sql.Identifier(name)))
    yield _with_database(dsn, name)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture(params=["postgres", "timescale"])
def any_database(request: pytest.FixtureRequest) -> str:
    """A fresh migrated database on each kind of server."""
    if request.param == "postgres":
        return str(request.getfixturevalue("database"))
    dsn = str(request.getfixturevalue("timescale_empty"))
    migrate(dsn)
    return dsn
