"""Readings per second from a device to a committed row, while the load goes on, and what stands in the way of more.

The publisher is a process that is always a fixed number of messages ahead of the committed rows, so the broker is
never empty and never swamped, and the load goes on until shortly before the end. The clock runs from the first
message to the last committed row.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psycopg

from domain.frames import decode
from domain.readings import PositionBatch, merge
from store.copy import batch_columns, copy_columns, spec_of
from store.db import connect
from tests.benchmarks.cores import start_us
from tests.benchmarks.figures import Figure
from tests.benchmarks.publisher import BATCH, Allowance
from tests.benchmarks.receive_ceiling import bare_paho
from tests.benchmarks.stack import ROOT, Databases, Pipeline, pipeline
from tests.contract.mosquitto import mosquitto
from tracker.engine.admit import sort

DEVICES = 1_000
COMMIT_ROWS = 5_000
POLL_S = 0.1
STALL_S = 20.0


@dataclass(frozen=True)
class Load:
    """What one kind of load sends, and how far ahead of the committed rows the publisher goes."""

    kind: str
    per_message: int
    ahead: int  # messages
    goal: float
    title: str


SINGLE = Load("single", 1, 12_000, 10_000, "single, end to end")
BATCHED = Load("batch60", BATCH, 3_000, 100_000, f"batched, {BATCH} per message, end to end")


@dataclass(frozen=True)
class Round:
    """One round: readings per second, and the CPU microseconds of every part per reading."""

    per_s: float
    cpu_us: Mapping[str, float]


def publisher_command(url: str, load: Load, count: int, *options: str) -> list[str]:
    """The publisher as a process."""
    command = [sys.executable, "-m", "tests.benchmarks.publisher", "--url", url, "--kind", load.kind]
    return [*command, "--count", str(count), "--devices", str(DEVICES), *options]


class Driver:
    """Rounds of load on a running pipeline; sequence numbers and times go on from round to round."""

    def __init__(self, parts: Pipeline, load: Load, folder: Path) -> None:
        self.parts, self.load = parts, load
        self._folder = folder
        self._seq = 1
        self._origin_ms = start_us() // 1000
        self.sent = 0

    def committed(self) -> int:
        """Readings the tracker has committed since it started."""
        found = self.parts.programs["tracker"].metric("frostway_tracker_readings_total")
        return 0 if np.isnan(found) else int(found)

    def round(self, messages_each: int) -> Round:
        """So many messages of every device. Raises TimeoutError when no row is committed for a while."""
        count = messages_each * DEVICES
        want = self.sent + count * self.load.per_message
        allowance = Allowance(self._folder / "allowance", create=True)
        begin = ["--start-ms", str(self._origin_ms), "--start-seq", str(self._seq)]
        command = publisher_command(
            self.parts.publisher_url, self.load, count, *begin, "--allowance", str(allowance.path)
        )
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as publisher:
            before = self.parts.cpu_s()
            base = done = self.sent
            since = time.monotonic()
            while done < want:
                allowance.grant((done - base) // self.load.per_message + self.load.ahead)
                time.sleep(POLL_S if want - done > self.load.ahead * self.load.per_message else POLL_S / 5)
                now = self.committed()
                if now > done:
                    done, since = now, time.monotonic()
                if time.monotonic() - since > STALL_S:
                    publisher.kill()
                    raise TimeoutError(f"{want - done} of {count} readings are not committed after {STALL_S:g} s")
            ended = time.monotonic()
            report = json.loads(publisher.communicate(timeout=30)[0])
        after = self.parts.cpu_s()
        self.sent, self._seq = want, self._seq + messages_each * self.load.per_message
        readings = count * self.load.per_message
        cpu = {name: (after[name] - before[name]) / readings * 1e6 for name in after}
        cpu["publisher"] = report["cpu_us_per_message"] / self.load.per_message
        return Round(readings / (ended - report["started_s"]), cpu)


def lost_or_doubled(dsn: str, sent: int) -> tuple[int, int]:
    """How many of the sent readings are not in the table, and how many stand there twice."""
    with connect(dsn, "bench") as connection:
        row = connection.execute(
            "select count(*), coalesce(sum(n), 0) from (select count(*) as n from reading_position "
            "group by device_id, boot_id, seq) g"
        ).fetchone()
    distinct, rows = (int(v) for v in row) if row else (0, 0)
    return sent - distinct, rows - distinct


def wal_octets(connection: psycopg.Connection) -> int:
    """What has been written to the write-ahead log of the server since it was made."""
    row = connection.execute("select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::int8").fetchone()
    return int(row[0]) if row else 0


def copy_ceiling(dsn: str, rows: int, rounds: int) -> tuple[list[float], float]:
    """Rows per second of a bare binary COPY of the same readings into a fresh copy of the same table, sorted.

    And the octets of the write-ahead log for a row of it.
    """
    with connect(dsn, "bench copy") as connection:
        found: list[float] = []
        octets = 0
        batch = logged(connection, rows)
        spec = spec_of(connection, "reading_position")
        for _ in range(rounds):
            for statement in (
                "drop table if exists bench_copy",
                "create table bench_copy (like reading_position) partition by range (time)",
                "create table bench_copy_all partition of bench_copy default",
                "create index on bench_copy (device_id, time)",
            ):
                connection.execute(statement)
            started, written = time.monotonic(), wal_octets(connection)
            for at in range(0, len(batch), COMMIT_ROWS):
                part = sort(batch.take(np.arange(at, min(at + COMMIT_ROWS, len(batch)))))
                columns, nulls = batch_columns(part)
                with connection.transaction(), connection.cursor() as cursor:
                    copy_columns(cursor, "bench_copy", spec, columns, nulls)
            found.append(len(batch) / (time.monotonic() - started))
            octets += wal_octets(connection) - written
        connection.execute("drop table bench_copy")
    return found, octets / len(batch) / rounds


def logged(connection: psycopg.Connection, rows: int) -> PositionBatch:
    """The newest readings that the log still has, in order of arrival."""
    bodies: list[bytes] = []
    have = 0
    for (body,) in connection.execute("select body from log_frame order by appended_at desc, partition limit 2000"):
        bodies.append(body)
        have += sum(len(b) for b in decode(body))
        if have >= rows:
            break
    merged = merge(decode(body) for body in reversed(bodies))["gps"]
    if not isinstance(merged, PositionBatch):
        raise TypeError("the log holds something else than positions")
    return merged.take(np.arange(min(rows, len(merged))))


def receive_ceiling(folder: Path, load: Load, count: int) -> float:
    """Readings per second of a bare paho loop that acknowledges each of the same messages while they are published."""
    folder.mkdir()
    with mosquitto(folder, log_type="error") as broker:
        publishers: list[subprocess.Popen[bytes]] = []

        def go() -> None:
            command = publisher_command(f"mqtt://publisher@127.0.0.1:{broker.port}", load, count)
            publishers.append(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL))

        seconds, _ = bare_paho(broker.url, count, go)
        if publishers[0].wait(30):
            raise RuntimeError("the publisher failed")
    return count * load.per_message / seconds


def measure(load: Load, server: Databases, folder: Path, *, rounds: int, each: int, paho: int) -> Figure:
    """The figure of one kind of load: `each` messages of every device per round, `paho` messages for the ceiling."""
    dsn, _ = server.world(DEVICES, f"load_{load.kind}")
    receiving = [receive_ceiling(folder / f"paho_{load.kind}{n}", load, paho) for n in range(rounds)]
    with pipeline(folder / load.kind, server, dsn) as parts:
        driver = Driver(parts, load, folder)
        driver.round(max(1, each // 10))  # the first sight of devices, partitions and pages
        with connect(dsn, "bench") as connection:
            sent, written = driver.sent, wal_octets(connection)
            found = [driver.round(each) for _ in range(rounds)]
            wal = (wal_octets(connection) - written) / (driver.sent - sent)
        copying, wal_copying = copy_ceiling(dsn, min(driver.sent, 60 * COMMIT_ROWS), rounds)
    lost, doubled = lost_or_doubled(dsn, driver.sent)
    cpu = {name: statistics.median(r.cpu_us[name] for r in found) for name in found[0].cpu_us}
    return Figure(
        load.title,
        "readings/s",
        [r.per_s for r in found],
        {
            "bare paho receive, manual acknowledgement": statistics.median(receiving),
            "bare binary COPY into the same indexed table": statistics.median(copying),
        },
        load.goal,
        details_are="CPU µs per reading",
        details=cpu,
        remarks=[
            f"{driver.sent:,} readings sent, {lost} lost, {doubled} doubled",
            f"{wal:.0f} octets of write-ahead log a reading, {wal_copying:.0f} by the bare COPY",
        ],
    )
