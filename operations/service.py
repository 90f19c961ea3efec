"""The operations program: followers of what the tracker decides, in turn over one connection, and jobs beside them."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field

import psycopg
from prometheus_client import Counter, Gauge, start_http_server

from operations.audit.follow import ENTRIES
from operations.cases.follow import REPORTS
from operations.deliver.address import Network
from operations.deliver.follow import CALLS, CASES, ORDERS, PROOFS, STEPS
from operations.deliver.home import Homes
from operations.deliver.service import Deliveries
from operations.deliver.settings import DeliverConfig
from operations.deliver.worker import Worker
from operations.epcis import follow as epcis
from operations.epcis import subscribe
from operations.escalation.work import Escalations
from operations.follower import Follower, OvertakenError
from operations.jobs import Jobs, JobsConfig, Periodic
from operations.loading.work import Loads
from operations.retention import Keep
from operations.stock_alerts.decide import Rules
from store.db import queries
from store.forward import listed
from store.link import RETRY, Link, Stopped

log = logging.getLogger(__name__)

SOURCES = (REPORTS, CASES, CALLS, ORDERS, STEPS, PROOFS, ENTRIES, *epcis.SOURCES, subscribe.EVENTS)
POLL_S = 0.5  # a wake-up comes at once; what an older transaction holds back is looked for after so long
GIVE_WAY_S = 0.1
STUMBLE_WAIT_S = 0.5
MEASURE_S = 5.0
END_S = 10.0

rows_total = Counter("frostway_operations_rows_total", "Rows that were taken in", ["source"])
stumbles_total = Counter("frostway_operations_stumbles_total", "Steps that failed for a fault of ours")
unread_rows = Gauge("frostway_operations_unread_rows", "Rows that are not taken in yet; 10000 are counted", ["source"])
lag_seconds = Gauge(
    "frostway_operations_lag_seconds", "Age of the oldest row that is not taken in, seconds", ["source"]
)
jobs_waiting = Gauge("frostway_operations_jobs_waiting", "Jobs that have been due for more than a minute", ["task"])
jobs_failed = Gauge("frostway_operations_jobs_failed", "Jobs of the last week that failed for good", ["task"])
summaries_behind = Gauge("frostway_operations_summaries_behind_seconds", "Age of what is summarised last, seconds")
summaries_due = Gauge(
    "frostway_operations_summaries_due", "Ten minutes of devices to be summarised again; 10000 are counted"
)
summaries_since = Gauge(
    "frostway_operations_summaries_since_seconds", "Unix time of the oldest reading that is summarised; 0: all are"
)
forward_lag_seconds = Gauge(
    "frostway_forward_lag_seconds", "How long ago everything had been forwarded, seconds", ["name"]
)


@dataclass(frozen=True)
class OperationsConfig:
    """Settings of the operations program."""

    database_url: str
    metrics_port: int = 0
    keep: Keep = field(default_factory=Keep)
    webhook_networks: tuple[Network, ...] = ()
    webhook_ca_file: str = ""
    sealing_secret: str = field(default="", repr=False)
    stock: Rules = field(default_factory=Rules)
    more: tuple[Periodic, ...] = ()


class Operations:
    """The followers and their loop."""

    def __init__(self, config: OperationsConfig, stop: threading.Event) -> None:
        self._stop = stop
        self._link = Link(config.database_url, "operations", stop)
        self._followers = [Follower(source) for source in SOURCES]
        self._begun: psycopg.Connection | None = None
        self._measure_due = 0.0

    def run(self) -> None:
        """Works until stopped."""
        try:
            while not self._stop.is_set():
                self._link.run(self._turn)
        except Stopped:
            pass
        finally:
            self._link.close()

    def _turn(self) -> None:
        """One turn of the loop. Nothing is kept in memory: whatever fails is done again from where the store stands."""
        connection = self._link.connection
        try:
            if connection is not self._begun:
                self._begin(connection)
            if not sum(self._step(follower, connection) for follower in self._followers):
                self._measure(connection)
                list(connection.notifies(timeout=POLL_S, stop_after=1))
        except (OvertakenError, psycopg.errors.LockNotAvailable):
            self._stop.wait(GIVE_WAY_S)
        except RETRY:
            raise
        except Exception:
            log.exception("a step failed")
            stumbles_total.inc()
            self._stop.wait(STUMBLE_WAIT_S)

    def _begin(self, connection: psycopg.Connection) -> None:
        connection.execute(queries("live")["listen"])
        for follower in self._followers:
            if follower.begin(connection):
                log.warning("%s: the database was brought in from elsewhere: reading anew", follower.source.name)
        self._begun = connection

    def _step(self, follower: Follower, connection: psycopg.Connection) -> int:
        taken = follower.step(connection)
        rows_total.labels(follower.source.name).inc(taken)
        return taken

    def _measure(self, connection: psycopg.Connection) -> None:
        if time.monotonic() < self._measure_due:
            return
        self._measure_due = time.monotonic() + MEASURE_S
        for name, unread, age_s in connection.execute(queries("operations")["lag"]).fetchall():
            unread_rows.labels(name).set(unread)
            lag_seconds.labels(name).set(age_s)
        for gauge in (jobs_waiting, jobs_failed, forward_lag_seconds):
            gauge.clear()
        for forwarder in listed(connection):
            forward_lag_seconds.labels(forwarder["name"]).set(forwarder["lag_s"])
        for behind_s, due, since_s in connection.execute(queries("summaries")["progress"]).fetchall():
            summaries_behind.set(behind_s)
            summaries_due.set(due)
            summaries_since.set(since_s)
        for task, waiting, failed in connection.execute(queries("jobs")["counts"]).fetchall():
            jobs_waiting.labels(task).set(waiting)
            jobs_failed.labels(task).set(failed)


def run(config: OperationsConfig, stop: threading.Event) -> None:
    """Runs the operations until `stop` is set."""
    if config.metrics_port:
        try:
            start_http_server(config.metrics_port, addr="127.0.0.1")
        except OSError as error:
            log.warning("no metrics: port %d: %s", config.metrics_port, error.strerror)
    jobs = Jobs(JobsConfig(config.database_url, config.keep, config.stock, more=config.more), stop)
    told = DeliverConfig(config.database_url, config.webhook_networks, config.webhook_ca_file, config.sealing_secret)
    workers = (
        Deliveries(told, stop),
        Homes(told, stop),
        Escalations(config.database_url, stop),
        Loads(config.database_url, stop),
    )
    threads: tuple[Jobs | Worker, ...] = (jobs, *workers)
    for thread in threads:
        thread.start()
    Operations(config, stop).run()
    for thread in threads:
        thread.join(END_S)
