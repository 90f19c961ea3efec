"""Shared fixtures: a real PostgreSQL (embedded) and, where there is one, a real TimescaleDB."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import httpx
import psycopg
import pytest
from hypothesis import settings
from psycopg import sql
from xdist.remote import Producer

from store.embedded import EmbeddedPostgres
from store.migrate import migrate
from tests.databases import copied, named, start_unkept
from tests.memory import in_memory
from tests.scheduling import LongFirst, chosen

# The tests of every day try some examples; `--hypothesis-profile=long` and `make fuzz` try many.
settings.register_profile("everyday", max_examples=25, deadline=None)
settings.load_profile("everyday")
settings.register_profile("long", max_examples=5_000, deadline=None, derandomize=False)

# Each client would read the world's certificates anew, which takes longer than most tests; nobody here asks the world.
httpx._transports.default.create_ssl_context = cache(httpx.create_ssl_context)
# Five seconds are too few for an answer on a loaded machine, and most tests name no time of their own.
for part in ("connect", "read", "write", "pool"):
    setattr(httpx._config.DEFAULT_TIMEOUT_CONFIG, part, 60.0)

# Not a module of ours: Python itself imports one of this name at its start, on some systems another one.
collect_ignore = ["compare/hook/sitecustomize.py"]

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
        start_unkept(server)
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="session")
def template(postgres: EmbeddedPostgres) -> str:
    """A migrated database that others are copied from."""
    with psycopg.connect(postgres.dsn, autocommit=True) as connection:
        connection.execute("create database frostway_template")
    migrate(named(postgres.dsn, "frostway_template"))
    return "frostway_template"


@pytest.fixture
def database(postgres: EmbeddedPostgres, template: str) -> Iterator[str]:
    """Address of a fresh, migrated, empty database."""
    with copied(postgres.dsn, template) as dsn:
        yield dsn


@pytest.fixture(scope="module")
def kept_database(postgres: EmbeddedPostgres, template: str) -> Iterator[str]:
    """Address of a migrated, empty database, for the tests of a file that leave it as it is."""
    with copied(postgres.dsn, template) as dsn:
        yield dsn


@pytest.fixture(scope="session")
def timescale() -> str:
    """Address of a server with TimescaleDB."""
    dsn = os.environ.get("FROSTWAY_TEST_TIMESCALE_DSN")
    if not dsn:
        pytest.skip(TIMESCALE_HINT)
    return dsn


@pytest.fixture
def timescale_empty(timescale: str) -> Iterator[str]:
    """Address of a fresh, empty database on a server with TimescaleDB."""
    with copied(timescale, "template0") as dsn:
        yield dsn


@pytest.fixture(scope="session")
def timescale_template(timescale: str) -> Iterator[str]:
    """A migrated database with TimescaleDB that others are copied from; closed to the extension's own workers."""
    with copied(timescale, "template0") as dsn:
        migrate(dsn)
        name = str(psycopg.conninfo.conninfo_to_dict(dsn)["dbname"])
        with psycopg.connect(timescale, autocommit=True) as connection:
            connection.execute(sql.SQL("alter database {} with allow_connections false").format(sql.Identifier(name)))
            connection.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", (name,))
        yield name


@pytest.fixture
def timescale_database(timescale: str, timescale_template: str) -> Iterator[str]:
    """Address of a fresh, migrated, empty database with TimescaleDB."""
    with copied(timescale, timescale_template) as dsn:
        yield dsn


@pytest.fixture(scope="module")
def kept_timescale_database(timescale: str, timescale_template: str) -> Iterator[str]:
    """Address of a migrated, empty database with TimescaleDB, for the tests of a file that leave it as it is."""
    with copied(timescale, timescale_template) as dsn:
        yield dsn


@pytest.fixture(scope="module", params=["postgres", "timescale"])
def any_kept_database(request: pytest.FixtureRequest) -> str:
    """A migrated database on each kind of server, for the tests of a file that leave it as it is."""
    name = "kept_database" if request.param == "postgres" else "kept_timescale_database"
    return str(request.getfixturevalue(name))


@pytest.fixture(params=["postgres", "timescale"])
def any_database(request: pytest.FixtureRequest) -> str:
    """A fresh migrated database on each kind of server."""
    return str(request.getfixturevalue("database" if request.param == "postgres" else "timescale_database"))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """What all files bring along stays to the end: nobody need look through it for garbage, now or later."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


def pytest_addoption(parser: pytest.Parser) -> None:
    """`make test` and `make long` share the tests between them; a file that is named by hand is run whole."""
    parser.addoption("--tests", choices=["all", "often", "seldom"], default="all", help="tests.scheduling.SELDOM")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what another run has."""
    kept = chosen((item.nodeid for item in items), config.getoption("tests"))
    config.hook.pytest_deselected(items=[item for item, keep in zip(items, kept, strict=True) if not keep])
    items[:] = [item for item, keep in zip(items, kept, strict=True) if keep]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LongFirst | None:
    """Long files first, when whole files are what is given out."""
    return LongFirst(config, log) if config.getoption("dist") == "loadfile" else None
