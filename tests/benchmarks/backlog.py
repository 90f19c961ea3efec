"""The database away under load: what ingest keeps on disk, how much memory that takes, and how fast it drains."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import psutil
from psycopg import sql

from store.db import connect
from tests.benchmarks.cores import start_us
from tests.benchmarks.figures import Figure
from tests.benchmarks.stack import ROOT, Databases, Pipeline
from tests.benchmarks.throughput import DEVICES, SINGLE, lost_or_doubled, publisher_command

NAME = "backlog"
MEMORY_GOAL_MIB = 256
STALL_S = 60.0
POLL_S = 0.05
SPOOLED = "frostway_ingest_spooled_messages_total"
COMMITTED = "frostway_tracker_readings_total"


def _let_in(server: Databases, *, everybody: bool) -> None:
    """Whether the database takes connections; those it has are ended when not."""
    with connect(server.server.dsn, "bench") as connection:
        allow = sql.SQL("alter database {} allow_connections {}")
        connection.execute(allow.format(sql.Identifier(NAME), sql.SQL(str(everybody).lower())))
        if not everybody:
            connection.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", (NAME,))


def _wait(what: str, parts: Pipeline, metric: str, program: str, want: float, seen: list[int]) -> None:
    """Until a metric is at least so much, with ingest's memory in bytes noted by the way."""
    process = psutil.Process(parts.programs["ingest"].process.pid)
    last, since = -1.0, time.monotonic()
    while (now := parts.programs[program].metric(metric)) < want or now != now:  # noqa: PLR0124  NaN
        seen.append(process.memory_info().rss)
        if now != last:
            last, since = now, time.monotonic()
        if time.monotonic() - since > STALL_S:
            raise TimeoutError(f"{what}: {now:.0f} of {want:.0f}")
        time.sleep(POLL_S)


def measure(server: Databases, folder: Path, *, each: int) -> list[Figure]:
    """`each` readings of every device come while the database is away; then it is back."""
    dsn, _ = server.world(DEVICES, NAME)
    count = each * DEVICES
    parts = Pipeline(folder / NAME, server, dsn)
    memory: list[int] = []
    try:
        parts.ready()
        _let_in(server, everybody=False)
        begin = ["--start-ms", str(start_us() // 1000), "--start-seq", "1"]
        subprocess.run(
            publisher_command(parts.publisher_url, SINGLE, count, *begin),
            cwd=ROOT, check=True, stdout=subprocess.PIPE,
        )  # fmt: skip
        # The group that the writer holds, and one that waits for it, are in memory, not on disk.
        _wait("messages kept", parts, SPOOLED, "ingest", count - 2 * 2_000 - 1, memory)
        kept = parts.programs["ingest"].metric("frostway_ingest_spool_bytes")
        since = time.monotonic()
        _let_in(server, everybody=True)
        _wait("readings stored", parts, COMMITTED, "tracker", count, memory)
        took_s = time.monotonic() - since
        lost, doubled = lost_or_doubled(dsn, count)
    finally:
        parts.stop()
    details = {"kept": count, "lost": lost, "doubled": doubled, "bytes each on disk": kept / count}
    name = f"{count:,} readings kept"
    return [
        Figure(
            f"memory of ingest, {name}", "MiB", [max(memory) / 2**20], goal=MEMORY_GOAL_MIB, smaller_is_better=True,
            details_are="readings", details=details,
        ),
        Figure(f"drain, {name}", "readings/s", [count / took_s]),
    ]  # fmt: skip
