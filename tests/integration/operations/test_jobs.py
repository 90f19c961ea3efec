"""Jobs: their tables are procrastinate's, one of a kind runs at once, and none is lost with the program that had it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from procrastinate import App, PsycopgConnector, RetryStrategy
from procrastinate.exceptions import ConnectorException
from psycopg import sql

from frostway.doctor import _operations
from operations.jobs import QUEUE, Jobs, JobsConfig, WrittenDown, defer, make_app
from operations.retention import Keep, drop_old, drop_surplus
from store import jobs
from store.db import connect, queries
from store.link import Link
from store.migrate import migrate
from store.partitions import Partitions
from tests.connections import cut
from tests.integration.api.seed import rows
from tests.logins import of_operations
from tests.stack import wait_for

ROOT = Path(__file__).resolve().parents[3]
CATALOGUE = {
    "columns": "select table_name, column_name, data_type, is_nullable, column_default from information_schema.columns "
    "where table_schema = %s order by 1, 2",
    "constraints": "select conrelid::regclass::text, pg_get_constraintdef(oid) from pg_constraint "
    "where connamespace = %s::regnamespace order by 1, 2",
    "indexes": "select tablename, indexdef from pg_indexes where schemaname = %s order by 1, 2",
    "functions": "select oid::regprocedure::text, prosrc, proconfig::text from pg_proc "
    "where pronamespace = %s::regnamespace order by 1",
    "triggers": "select pg_get_triggerdef(t.oid) from pg_trigger t join pg_class c on c.oid = t.tgrelid "
    "where c.relnamespace = %s::regnamespace and not t.tgisinternal order by 1",
    "words": "select t.typname, e.enumlabel from pg_enum e join pg_type t on t.oid = e.enumtypid "
    "where t.typnamespace = %s::regnamespace order by 1, 2",
}
DOOMED = """
import os, signal, sys, threading
from frostway.doctor import _operations
from operations.jobs import QUEUE, Jobs, JobsConfig, make_app
def app(config, stop):
    made = make_app(config, stop)
    @made.task(name="doomed", queue=QUEUE, lock="doomed")
    def doomed(timestamp):
        os.kill(os.getpid(), signal.SIGKILL)
    return made
Jobs(JobsConfig(sys.argv[1], heartbeat_s=0.2, stalled_s=1.0), threading.Event(), app).start()
threading.Event().wait()
"""


def catalogue(connection: psycopg.Connection, schema: str) -> dict[str, Any]:
    connection.execute("select set_config('search_path', %s, false)", (schema,))
    found = {name: connection.execute(query, (schema,)).fetchall() for name, query in CATALOGUE.items()}  # type: ignore[arg-type]
    plain = {name: [tuple(" ".join(str(v).split()) for v in row) for row in kept] for name, kept in found.items()}
    return {
        name: [tuple(v.replace(f"{schema}.", "").replace(f"={schema},", "=,") for v in row) for row in kept]
        for name, kept in plain.items()
    }


def test_the_jobs_tables_from_scratch_are_those_of_all_migrations(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = jobs.steps()
    with connect(database, "test") as connection:
        jobs.apply(connection, "whole")
        monkeypatch.setattr(jobs, "_whole", lambda: known[0].text)
        monkeypatch.setattr(jobs, "steps", lambda: known[:1])
        jobs.apply(connection, "grown")
        monkeypatch.setattr(jobs, "steps", lambda: known)
        jobs.apply(connection, "grown")
        jobs.apply(connection, "grown")
        whole, grown = (catalogue(connection, schema) for schema in ("whole", "grown"))
    assert {name: [r for r in grown[name] if r not in whole[name]] for name in whole} == {name: [] for name in whole}
    assert {name: [r for r in whole[name] if r not in grown[name]] for name in whole} == {name: [] for name in whole}
    assert len(whole["functions"]) > 15


def test_tables_of_a_newer_procrastinate_are_refused(database: str) -> None:
    with connect(database, "test") as connection:
        connection.execute("comment on schema procrastinate is '99.00.00_01_something'")
    with pytest.raises(RuntimeError, match="newer procrastinate"):
        migrate(database)


def waiting(dsn: str) -> list[tuple[Any, ...]]:
    return rows(dsn, "select task_name from procrastinate.procrastinate_jobs where status = 'todo' order by id")


def test_a_job_is_enqueued_with_the_transaction_that_causes_it_or_not_at_all(database: str) -> None:
    with connect(of_operations(database), "test") as connection:
        with connection.transaction(force_rollback=True):
            defer(connection, "retention")
        assert waiting(database) == []
        with connection.transaction():
            defer(connection, "retention")
    assert waiting(database) == [("retention",)]


@contextmanager
def working(dsn: str, add: Callable[[App], None], workers: int = 1) -> Iterator[None]:
    """Workers with jobs of the test's own beside the others."""

    def app(config: JobsConfig, stop: threading.Event) -> App:
        made = make_app(config, stop)
        add(made)
        return made

    stop = threading.Event()
    config = JobsConfig(of_operations(dsn), heartbeat_s=0.2, stalled_s=1.0)
    started = [Jobs(config, stop, app) for _ in range(workers)]
    for each in started:
        each.start()
    try:
        yield
    finally:
        stop.set()
        for each in started:
            each.join(30)


def test_of_a_periodic_job_one_runs_at_a_time_and_once_for_each_time(database: str) -> None:
    done: list[int] = []
    at_work = threading.Lock()
    together: list[int] = []

    def add(app: App) -> None:
        @app.periodic(cron="* * * * * *")
        @app.task(name="tick", queue=QUEUE, lock="tick", queueing_lock="tick")
        def tick(timestamp: int) -> None:
            if not at_work.acquire(blocking=False):
                together.append(timestamp)
                return
            done.append(timestamp)
            at_work.release()

    with working(database, add, workers=2):
        wait_for(lambda: len(done) >= 4, "four ticks", 60)
    assert len(done) == len(set(done))
    assert together == []


def test_a_job_that_fails_is_tried_again_and_then_counted_as_failed(database: str) -> None:
    tried: list[str] = []

    def add(app: App) -> None:
        @app.task(name="hopeless", queue=QUEUE, retry=RetryStrategy(max_attempts=2))
        def hopeless(timestamp: int) -> None:
            tried.append("hopeless")
            raise ValueError(timestamp)

        @app.task(name="lucky", queue=QUEUE, retry=RetryStrategy(max_attempts=2))
        def lucky(timestamp: int) -> None:
            tried.append("lucky")
            if tried.count("lucky") == 1:
                raise ValueError(timestamp)

    with connect(of_operations(database), "test") as connection:
        defer(connection, "hopeless")
        defer(connection, "lucky")
        with working(database, add):
            wait_for(
                lambda: rows(database, "select task_name, status::text from procrastinate.procrastinate_jobs "
                                       "where task_name in ('hopeless', 'lucky')") == [("hopeless", "failed")],
                "one to be done and the other to be given up",
            )  # fmt: skip
        failed = {task: n for task, _, n in connection.execute(queries("jobs")["counts"]).fetchall() if n}
    assert failed == {"hopeless": 1}
    assert (tried.count("hopeless"), tried.count("lucky")) == (3, 2)


def test_a_job_whose_program_was_killed_is_done_by_another(database: str) -> None:
    done: list[int] = []

    def add(app: App) -> None:
        @app.task(name="doomed", queue=QUEUE, lock="doomed")
        def doomed(timestamp: int) -> None:
            done.append(timestamp)

    with connect(of_operations(database), "test") as connection:
        defer(connection, "doomed")
        killed = subprocess.run(
            [sys.executable, "-c", DOOMED, of_operations(database)],
            env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False,
        )  # fmt: skip
        assert killed.returncode == -signal.SIGKILL
        state = "select status::text from procrastinate.procrastinate_jobs where task_name = 'doomed'"
        assert rows(database, state) == [("doing",)]

        def looked_for() -> bool:
            if ("jobs",) not in waiting(database):
                defer(connection, "jobs")
            return bool(done)

        with working(database, add):
            wait_for(looked_for, "the job to be done again")
            wait_for(lambda: rows(database, state) == [], "it to be finished")
    assert done == [0]


def test_workers_come_back_with_the_database(database: str) -> None:
    done: list[int] = []

    def add(app: App) -> None:
        @app.task(name="once", queue=QUEUE)
        def once(timestamp: int) -> None:
            done.append(timestamp)

    with working(database, add), connect(of_operations(database), "test") as connection:
        defer(connection, "once")
        wait_for(lambda: len(done) == 1, "the first")
        assert cut(database, "frostway jobs") > 0
        defer(connection, "once")
        wait_for(lambda: len(done) == 2, "the second, over new connections")


CUT_ONCE = """
    create sequence procrastinate.cuts;
    create function procrastinate.cut() returns trigger language plpgsql security definer as $$
    begin
        if old.status = 'doing' and old.task_name = 'once' and nextval('procrastinate.cuts') = 1 then
            perform pg_terminate_backend(pg_backend_pid());
        end if;
        return coalesce(new, old);
    end $$;
    create trigger cut before update or delete on procrastinate.procrastinate_jobs
        for each row execute function procrastinate.cut();
"""


@pytest.mark.parametrize("fails", [False, True])
def test_what_became_of_a_job_is_written_although_its_connection_is_cut(database: str, fails: bool) -> None:
    done: list[int] = []

    def add(app: App) -> None:
        @app.task(name="once", queue=QUEUE, lock="once", retry=RetryStrategy(max_attempts=1))
        def once(timestamp: int) -> None:
            done.append(timestamp)
            if fails and len(done) == 1:
                raise ValueError(timestamp)

    at_work = "select task_name from procrastinate.procrastinate_jobs where task_name = 'once'"
    with connect(database, "test") as connection:
        connection.execute(CUT_ONCE)
    with working(database, add), connect(of_operations(database), "test") as connection:
        defer(connection, "once")
        wait_for(lambda: rows(database, at_work) == [], "the job to be written down as done")
        assert len(done) == 1 + fails
        assert rows(database, "select last_value >= 2 from procrastinate.cuts") == [(True,)]
        defer(connection, "once")
        wait_for(lambda: len(done) == 2 + fails, "the next, which takes the same lock")


def test_a_write_whose_answer_was_lost_is_not_a_failure_and_a_wrong_one_is() -> None:
    manager = WrittenDown(PsycopgConnector(), threading.Event())
    causes: list[Exception] = [psycopg.OperationalError("gone"), psycopg.errors.RaiseException("not at work")]

    async def write() -> None:
        raise ConnectorException from causes.pop(0)

    asyncio.run(manager._surely(write))
    assert causes == []
    causes = [psycopg.errors.RaiseException("not at work")]
    with pytest.raises(ConnectorException):
        asyncio.run(manager._surely(write))


def test_retention_drops_what_is_old_and_processed_and_nothing_else(database: str) -> None:
    now = datetime(2026, 11, 28, 12, tzinfo=UTC)
    with connect(database, "test") as c:
        Partitions(c).keep_ahead(c, now - timedelta(weeks=30))
        Partitions(c).keep_ahead(c, now)
        c.execute("insert into tracker_position (partition, position) values (0, 2)")
        for position, hours in ((1, 5), (2, 0), (3, 5)):
            appended = now - timedelta(hours=hours)
            c.execute(
                "insert into log_frame (partition, position, appended_at, body) values (0, %s, %s, '')",
                (position, appended),
            )
        for seq, minutes in enumerate((300, 61, 59, 0)):
            c.execute(
                "insert into change (partition, seq, tenant_id, at, body) values (0, %s, 1, %s, '')",
                (seq, now - timedelta(minutes=minutes)),
            )
    with closing(Link(of_operations(database), "test")) as link:
        drop_old(link, Keep(retention_days=70), now, lambda connection: defer(connection, "retention"))
    assert rows(database, "select position from log_frame order by 1") == [(2,), (3,)]
    assert rows(database, "select seq from change order by 1") == [(2,), (3,)]
    kept = [
        name
        for (name,) in rows(database, "select relname from pg_class where relispartition and relkind = 'r' order by 1")
    ]
    assert kept
    assert all(name.rsplit("_", 1)[1] > "202609" for name in kept)
    assert waiting(database) == []


def test_a_backlog_goes_on_as_a_job_of_the_transaction_that_left_it(database: str) -> None:
    now = datetime.now(UTC)
    with connect(database, "test") as c:
        c.execute(
            "insert into change (partition, seq, tenant_id, at, body) "
            "select 0, n, 1, now() - interval '1 day', '' from generate_series(1, 25) n"
        )
        c.execute(
            "insert into stranger (tenant, name, topic, first_seen, last_seen) "
            "select 'main', 's' || n, 't', now(), now() from generate_series(1, 3) n"
        )
    with closing(Link(of_operations(database), "test")) as link:
        left = []
        for _ in range(3):
            drop_old(link, Keep(), now, lambda connection: defer(connection, "retention"), portion=10)
            left.append((rows(database, "select count(*) from change")[0][0], len(waiting(database))))
        assert left == [(15, 1), (5, 2), (0, 2)]
        drop_surplus(link, lambda connection: defer(connection, "quarantine"))
    assert rows(database, "select count(*) from stranger") == [(3,)]


def test_jobs_cannot_be_seen_by_the_other_programs(database: str) -> None:
    with connect(database, "test") as connection:
        for role in ("frostway_api", "frostway_web", "frostway_ingest", "frostway_tracker", "frostway_broker"):
            query = sql.SQL("select has_schema_privilege(%s, 'procrastinate', 'usage')")
            assert connection.execute(query, (role,)).fetchone() == (False,)


def test_doctor_tells_of_jobs_that_failed_and_of_a_program_that_is_not_there(database: str) -> None:
    with connect(database, "test") as connection:
        with connection.transaction():
            defer(connection, "retention")
        connection.execute("update procrastinate.procrastinate_jobs set status = 'failed'")
        found = {finding.what: finding.well for finding in _operations(connection)}
    assert found == {
        "operations is at work": False,
        "jobs retention: 1 failed in the last week, 0 due for more than a minute": False,
    }
