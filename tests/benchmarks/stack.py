"""The real parts of a benchmark: embedded PostgreSQL with a database per measurement, and our programs as processes."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil
import psycopg
from psycopg import sql

from store.db import connect
from store.embedded import EmbeddedPostgres
from store.migrate import migrate
from tests.benchmarks.world import Fleet, register
from tests.contract.mosquitto import Mosquitto, free_port

ROOT = Path(__file__).resolve().parents[2]
READY_S = 60.0


class Databases:
    """An embedded server; databases are made as copies of others, so that a world is registered once."""

    def __init__(self, folder: Path) -> None:
        self.server = EmbeddedPostgres(folder / "pg", log_dir=folder, sync_initdb=False)
        self._worlds: dict[int, Fleet] = {}

    def start(self) -> None:
        self.server.start()
        self.create("empty")
        migrate(self.dsn("empty"))

    def dsn(self, name: str) -> str:
        return psycopg.conninfo.make_conninfo(self.server.dsn, dbname=name)

    def create(self, name: str, template: str = "template1") -> str:
        """A database, in place of the one that had its name; returns its address."""
        with connect(self.server.dsn, "bench") as connection:
            connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
            connection.execute(
                sql.SQL("create database {} template {}").format(sql.Identifier(name), sql.Identifier(template))
            )
        return self.dsn(name)

    def drop(self, name: str) -> None:
        with connect(self.server.dsn, "bench") as connection:
            connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))

    def world(self, vehicles: int, name: str) -> tuple[str, Fleet]:
        """A fresh database with so many vehicles registered."""
        template = f"world_{vehicles}"
        if vehicles not in self._worlds:
            with connect(self.create(template, "empty"), "bench") as connection:
                self._worlds[vehicles] = register(connection, vehicles)
        return self.create(name, template), self._worlds[vehicles]

    def cpu_s(self) -> float:
        """CPU seconds of the server and all its processes, those that have ended too."""
        return tree_cpu_s(self.server.pid)


def tree_cpu_s(pid: int | None) -> float:
    """CPU seconds of a process, its children, and the children that it has seen end."""
    if pid is None:
        return 0.0
    process = psutil.Process(pid)
    total = 0.0
    for each in [process, *process.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            times = each.cpu_times()
            total += times.user + times.system
    ended = process.cpu_times()
    return total + ended.children_user + ended.children_system


class Program:
    """One of the `frostway` programs as a process of its own."""

    def __init__(self, name: str, folder: Path, settings: Mapping[str, str]) -> None:
        self.name = name
        self.metrics = free_port()
        clean = {key: value for key, value in os.environ.items() if not key.startswith("FROSTWAY_")}
        environment = {
            **clean,
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            "FROSTWAY_DATA_DIR": str(folder / "data"),
            "FROSTWAY_METRICS_PORT": str(self.metrics),
            **settings,
        }
        self.log = folder / f"{name}.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "frostway", name], cwd=folder, env=environment, stdout=log, stderr=log,
                stdin=subprocess.DEVNULL,
            )  # fmt: skip

    def metric(self, name: str) -> float:
        """The newest value of one of its metrics; NaN when it does not answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics}/metrics", timeout=5) as answer:
                text = answer.read().decode()
        except (urllib.error.URLError, OSError):
            return float("nan")
        line = next((x for x in text.splitlines() if x.startswith(name + " ")), None)
        return float(line.split()[1]) if line else float("nan")

    def wait_for(self, metric: str, value: float) -> None:
        """Waits until a metric is at least so much; raises RuntimeError when the program ends, TimeoutError later."""
        self.wait_until(lambda: self.metric(metric) >= value)

    def wait_until(self, condition) -> None:  # type: ignore[no-untyped-def]
        deadline = time.monotonic() + READY_S
        while not condition():
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended: {self.log.read_text()[-1000:]}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.name} is not ready: {self.log.read_text()[-1000:]}")
            time.sleep(0.05)

    def cpu_s(self) -> float:
        return tree_cpu_s(self.process.pid) if self.process.poll() is None else 0.0

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Pipeline:
    """Broker, ingest and tracker on one database, and the API when asked for."""

    def __init__(
        self, folder: Path, databases: Databases, dsn: str, *, api: bool = False, extra: Mapping[str, str] | None = None
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.databases = databases
        self.dsn = dsn
        self.http_port = free_port()
        self.broker = Mosquitto(folder, log_type="error").start()
        self._folder = folder
        self._settings = {
            "FROSTWAY_DATABASE_URL": dsn,
            "FROSTWAY_MQTT_URL": self.broker.url_for("ingest"),
            "FROSTWAY_HTTP_PORT": str(self.http_port),
            **(extra or {}),
        }
        names = ["ingest", "tracker", *(["api"] if api else [])]
        self.programs = {name: Program(name, folder, self._settings) for name in names}

    def ready(self) -> None:
        """Waits until all have connected."""
        self.programs["ingest"].wait_for("frostway_ingest_broker_up", 1)
        self.programs["tracker"].wait_for("frostway_tracker_readings_total", 0)
        if api := self.programs.get("api"):
            api.wait_until(lambda: answers(f"http://127.0.0.1:{self.http_port}/readyz"))

    def start_again(self, name: str) -> None:
        """A program that was killed, as its supervisor would start it again."""
        self.programs[name] = Program(name, self._folder, self._settings)

    @property
    def publisher_url(self) -> str:
        return f"mqtt://publisher@127.0.0.1:{self.broker.port}"

    def cpu_s(self) -> dict[str, float]:
        """CPU seconds so far of each part."""
        found = {name: program.cpu_s() for name, program in self.programs.items()}
        return {**found, "postgres": self.databases.cpu_s(), "broker": tree_cpu_s(self.broker.pid)}

    def stop(self) -> None:
        for program in self.programs.values():
            program.stop()
        self.broker.stop()


def answers(url: str) -> bool:
    """Whether a page answers 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@contextlib.contextmanager
def databases(folder: Path) -> Iterator[Databases]:
    """A running server, ended with the block."""
    found = Databases(folder)
    try:
        found.start()
        yield found
    finally:
        found.server.stop()


@contextlib.contextmanager
def pipeline(
    folder: Path, server: Databases, dsn: str, *, api: bool = False, extra: Mapping[str, str] | None = None
) -> Iterator[Pipeline]:
    """Running parts with these settings beside their usual ones, ended with the block."""
    found = Pipeline(folder, server, dsn, api=api, extra=extra)
    try:
        found.ready()
        yield found
    finally:
        found.stop()
