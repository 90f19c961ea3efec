"""What one core of the tracker and of ingest's preparation can do, measured in this process by its own CPU time."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import orjson

from domain.frames import decode
from domain.readings import PositionBatch, merge
from ingest.directory import Directory
from ingest.prepare import Preparer
from store.copy import ReadingWriter
from store.db import connect
from store.labels import Labels
from store.link import Link
from store.log import PostgresLog
from store.partitions import Partitions
from tests.benchmarks.fleet import batches, messages
from tests.benchmarks.publisher import BATCH
from tests.benchmarks.world import Fleet, frames, register
from tracker.admit import sort
from tracker.service import Tracker, TrackerConfig

PARTITIONS = 4
BACKLOG, LIVE = 50_000, 2_000  # readings of one step: behind (the tracker's default), and keeping up
GROUP = 2_000  # messages


class Work(NamedTuple):
    """Readings done, the CPU seconds of this process, and seconds on the wall."""

    readings: int
    cpu_s: float
    wall_s: float

    @property
    def per_core(self) -> float:
        """Readings per second of CPU."""
        return self.readings / self.cpu_s


@contextlib.contextmanager
def timed(found: list[float]) -> Iterator[None]:
    """Appends the CPU and wall seconds of the block."""
    cpu, wall = time.process_time(), time.monotonic()
    yield
    found += [time.process_time() - cpu, time.monotonic() - wall]


def start_us(ago_h: float = 6.0) -> int:
    """A whole second some hours ago, so that nothing a benchmark sends lies in the future."""
    return (int(time.time() - ago_h * 3600) // 60) * 60 * 1_000_000


def fill(dsn: str, fleet: Fleet, readings: int, begin_us: int, *, first_second: int = 0) -> int:
    """Appends frames of at least so many readings to the log; returns the second behind them."""
    link = Link(dsn, "bench fill")
    log, last = PostgresLog(link), first_second
    try:
        with link.connection.transaction():
            for found in frames(fleet, readings, begin_us, first_second=first_second):
                log.append(found)
                last = max(int(b.time_us[-1]) for body in found.values() for b in decode(body))
    finally:
        link.close()
    return (last - begin_us) // 1_000_000 + 1


def track(dsn: str, step_readings: int, around: Callable[[Callable[[], None]], None] | None = None) -> Work:
    """The tracker over everything in the log, turn by turn as it runs itself. `around` may wrap the loop (a profiler)."""
    stop = threading.Event()
    tracker = Tracker(TrackerConfig(dsn, PARTITIONS, batch_readings=step_readings), stop)
    tracker.load()
    heads = tracker._log.heads()
    stored = "select count(*) from reading_position union all select count(*) from reading_temperature"
    before = sum(r[0] for r in tracker.store.connection.execute(stored).fetchall())

    def loop() -> None:
        while any(tracker._positions[p] < head for p, head in heads.items()):
            tracker._turn()

    found: list[float] = []
    with timed(found):
        (around or (lambda work: work()))(loop)
    after = sum(r[0] for r in tracker.store.connection.execute(stored).fetchall())
    tracker._link.close()
    return Work(after - before, *found)


def store_only(dsn: str, after: dict[int, int], readings: int) -> Work:
    """The ceiling of the tracker: the same frames read, decoded, sorted and copied, nothing decided."""
    link = Link(dsn, "bench store")
    log, connection = PostgresLog(link), link.connection
    writer, known = ReadingWriter(connection), Partitions(connection)
    positions, done, found = dict(after), 0, list[float]()
    with timed(found):
        while done < readings and (got := log.read(positions, 1024 * 1024)):
            merged = merge(decode(frame.body) for frame in got)
            with connection.transaction(), connection.cursor() as cursor:
                for batch in merged.values():
                    known.create(connection, f"reading_{_table(batch)}", known.missing(_table(batch), batch.time_us))
                    writer.write(cursor, sort(batch))
                    done += len(batch)
            positions.update({frame.partition: frame.position for frame in got})
    link.close()
    return Work(done, *found)
