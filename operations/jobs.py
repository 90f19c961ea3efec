"""Deferred, periodic and retried work: jobs in PostgreSQL, done by procrastinate in a thread of the operations program.

Of a job's kind only one waits and only one is at work, however many programs run. One whose program was killed is done
again by another, so that a job must bear being done twice. One that fails is tried again later and later, then counted
as failed (metrics, `frostway doctor`) and forgotten after a week.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psycopg
from procrastinate import App, PsycopgConnector, RetryStrategy
from procrastinate.exceptions import ConnectorException
from procrastinate.manager import JobManager
from psycopg.types.json import Jsonb

from operations.allocation.work import mend_orders
from operations.counts.work import look
from operations.epcis.subscribe import tell_by_clock
from operations.milestones.work import tell_milestones
from operations.retention import GoOn, Keep, drop_old, drop_surplus
from operations.stock_alerts.decide import Rules
from operations.stock_alerts.work import watch_stock
from operations.summaries import summarise
from operations.waves.work import release_waves
from store.db import queries
from store.link import Link, Stopped

log = logging.getLogger(__name__)

QUEUE = "frostway"
EVERY_MINUTE = "* * * * *"
RETRY = RetryStrategy(max_attempts=5, exponential_wait=4)
FAILED_KEPT_H = 7 * 24
STOP_S = 0.2
AGAIN_S = 2.0
WRITE_AGAIN_S = 0.5


@dataclass(frozen=True)
class Periodic:
    """A job of another room: its name, when it is done (cron, UTC), and what it does, given the time."""

    name: str
    cron: str
    work: Callable[[Link, datetime], object]


@dataclass(frozen=True)
class JobsConfig:
    """Settings of the jobs. A program that has given no sign for `stalled_s` is taken for dead."""

    database_url: str
    keep: Keep = field(default_factory=Keep)
    stock: Rules = field(default_factory=Rules)
    heartbeat_s: float = 10.0
    stalled_s: float = 30.0
    more: tuple[Periodic, ...] = ()


class WrittenDown(JobManager):
    """Writes what became of a job until it is written, or the program ends.

    A write that is lost with its connection would leave the job at work for ever, and its lock with it: its worker
    lives, so nobody takes it for dead.
    """

    def __init__(self, connector: PsycopgConnector, stop: threading.Event) -> None:
        super().__init__(connector)
        self._stop = stop

    async def finish_job_by_id_async(self, *args: Any, **kwargs: Any) -> None:
        """As its parent's, but surely."""
        await self._surely(lambda: super(WrittenDown, self).finish_job_by_id_async(*args, **kwargs))

    async def retry_job_by_id_async(self, *args: Any, **kwargs: Any) -> None:
        """As its parent's, but surely."""
        await self._surely(lambda: super(WrittenDown, self).retry_job_by_id_async(*args, **kwargs))

    async def _surely(self, write: Callable[[], Awaitable[None]]) -> None:
        lost = False
        while True:
            try:
                return await write()
            except ConnectorException as error:
                if lost and isinstance(error.__cause__, psycopg.errors.RaiseException):
                    return None  # it no longer is at work: the write was lost on its way back
                if self._stop.is_set() or not isinstance(error.__cause__, psycopg.OperationalError):
                    raise
                if not lost:
                    log.warning("jobs: %s; writing it down again", error.__cause__)
                lost = True
            await asyncio.sleep(WRITE_AGAIN_S)


def defer(connection: psycopg.Connection, task: str) -> None:
    """Enqueues a job in the transaction of the connection: it is there when that commits, and not when it does not."""
    values = {"queue": QUEUE, "task": task, "lock": task, "args": Jsonb({"timestamp": 0})}
    connection.execute(queries("jobs")["defer"], values)


def make_app(config: JobsConfig, stop: threading.Event) -> App:
    """The jobs by name; `stop` ends the patience of their writes."""
    options = {"application_name": "frostway jobs", "options": "-c search_path=procrastinate -c timezone=UTC"}
    connector = PsycopgConnector(conninfo=config.database_url, min_size=1, max_size=4, kwargs=options)
    app = App(connector=connector)
    app.job_manager = WrittenDown(connector, stop)

    def often(name: str, work: Callable[[Link, GoOn], object], cron: str = EVERY_MINUTE) -> None:
        """A job of every minute, or of another time, one at a time."""

        @app.periodic(cron=cron)
        @app.task(name=name, queue=QUEUE, lock=name, queueing_lock=name, retry=RETRY)
        def job(timestamp: int) -> None:
            del timestamp
            link = Link(config.database_url, f"job {name}")
            try:
                work(link, lambda connection: defer(connection, name))
            finally:
                link.close()

    often("retention", lambda link, go_on: drop_old(link, config.keep, datetime.now(UTC), go_on))
    often("quarantine", drop_surplus)
    often("summaries", summarise)
    often("counts", lambda link, _go_on: look(link, datetime.now(UTC)))
    often("orders", lambda link, _go_on: mend_orders(link, datetime.now(UTC)))
    often("waves", lambda link, _go_on: release_waves(link, datetime.now(UTC)))
    often("epcis subscriptions", lambda link, _go_on: tell_by_clock(link, datetime.now(UTC)))
    often("stock_alerts", lambda link, _go_on: watch_stock(link, datetime.now(UTC), config.stock))
    often("milestones", lambda link, _go_on: tell_milestones(link, datetime.now(UTC)))
    for each in config.more:
        often(each.name, lambda link, _go_on, work=each.work: work(link, datetime.now(UTC)), each.cron)  # type: ignore[misc]

    @app.periodic(cron=EVERY_MINUTE)
    @app.task(name="jobs", queue=QUEUE, queueing_lock="jobs", retry=RETRY)
    async def jobs(timestamp: int) -> None:
        """Jobs of programs that were killed are done again; those that failed long ago are forgotten."""
        del timestamp
        for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=config.stalled_s):
            log.warning("job %s was left by a program that is gone: once more", job.task_name)
            await app.job_manager.retry_job(job)
        await app.job_manager.delete_old_jobs(
            nb_hours=FAILED_KEPT_H, include_failed=True, include_cancelled=True, include_aborted=True
        )

    return app


class Jobs:
    """The worker and its thread. Whatever ends it (the database away, most often), it begins again until stopped."""

    def __init__(
        self, config: JobsConfig, stop: threading.Event, app: Callable[[JobsConfig, threading.Event], App] = make_app
    ) -> None:
        self._config = config
        self._stop = stop
        self._make = app
        self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)

    def start(self) -> None:
        """Begins to work."""
        self._thread.start()

    def join(self, timeout_s: float) -> None:
        """Waits until the job at work is done, once `stop` is set; one that takes longer is done again by another."""
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._stop.is_set():
            link = Link(self._config.database_url, "jobs", self._stop)
            try:
                link.run(lambda link=link: link.connection.execute(queries("jobs")["counts"]))  # type: ignore[misc]
                asyncio.run(self._work())
            except Stopped:
                return
            except Exception as error:
                log.warning("jobs: %s; beginning again", error, exc_info=log.isEnabledFor(logging.DEBUG))
            finally:
                link.close()
            self._stop.wait(AGAIN_S)

    async def _work(self) -> None:
        app = self._make(self._config, self._stop)
        async with app.open_async():
            worker = asyncio.create_task(
                app.run_worker_async(
                    concurrency=2,
                    install_signal_handlers=False,
                    delete_jobs="successful",
                    update_heartbeat_interval=self._config.heartbeat_s,
                    stalled_worker_timeout=self._config.stalled_s,
                )
            )
            while not (self._stop.is_set() or worker.done()):
                await asyncio.wait({worker}, timeout=STOP_S)
            worker.cancel()
            with suppress(asyncio.CancelledError):
                await worker
