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
from domain.readings import merge
from ingest.directory import Directory
from ingest.prepare import Preparer
from store.copy import TABLE, ReadingWriter
from store.labels import Labels
from store.link import Link
from store.log import PostgresLog
from store.partitions import Partitions
from tests.benchmarks.fleet import batches, messages
from tests.benchmarks.publisher import BATCH
from tests.benchmarks.world import Fleet, frames
from tracker.admit import sort
from tracker.service import Tracker, TrackerConfig

PARTITIONS = 4
GROUP = 2_000  # messages


Around = Callable[[Callable[[], object]], object]
"""Runs the work it is given; a profiler can."""


def plainly(work: Callable[[], object]) -> object:
    """Runs the work."""
    return work()


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


def track(dsn: str, around: Around = plainly) -> Work:
    """The tracker over a log that is full: it catches up, turn by turn, as it runs itself."""
    tracker = Tracker(TrackerConfig(dsn, PARTITIONS), threading.Event())
    tracker.load()
    heads, before = tracker._log.heads(), _stored(tracker)

    def catch_up() -> None:
        while any(tracker._positions[p] < head for p, head in heads.items()):
            tracker._turn()

    found: list[float] = []
    with timed(found):
        around(catch_up)
    done = _stored(tracker) - before
    tracker._link.close()
    return Work(done, *found)


def keep_up(dsn: str, fleet: Fleet, readings: int, around: Around = plainly) -> Work:
    """The tracker that keeps up: one turn for every group of GROUP readings that comes singly."""
    link = Link(dsn, "bench fill")
    log = PostgresLog(link)
    tracker = Tracker(TrackerConfig(dsn, PARTITIONS), threading.Event())
    tracker.load()
    before, cpu_s, wall_s = _stored(tracker), 0.0, 0.0
    for group in frames(fleet, readings, start_us()):
        log.append(group)
        found: list[float] = []
        with timed(found):
            around(tracker._turn)
        cpu_s, wall_s = cpu_s + found[0], wall_s + found[1]
    done = _stored(tracker) - before
    tracker._link.close()
    link.close()
    return Work(done, cpu_s, wall_s)


def _stored(tracker: Tracker) -> int:
    counts = "select (select count(*) from reading_position) + (select count(*) from reading_temperature)"
    return int(tracker.store.connection.execute(counts).fetchone()[0])  # type: ignore[index]


def store_only(dsn: str) -> Work:
    """The ceiling of the tracker: the same frames read, decoded, sorted and copied, nothing checked or decided."""
    link = Link(dsn, "bench store")
    log, connection = PostgresLog(link), link.connection
    writer, known = ReadingWriter(connection), Partitions(connection)
    positions, done, found = dict.fromkeys(range(PARTITIONS), 0), 0, list[float]()
    with timed(found):
        while got := log.read(positions, 1024 * 1024):
            merged = merge(decode(frame.body) for frame in got)
            for stream, batch in merged.items():
                known.create(connection, TABLE[stream], known.missing(TABLE[stream], batch.time_us))
            with connection.transaction(), connection.cursor() as cursor:
                for batch in merged.values():
                    writer.write(cursor, sort(batch))
                    done += len(batch)
            positions.update({frame.partition: frame.position for frame in got})
    link.close()
    return Work(done, *found)


def prepare(dsn: str, kind: str, readings: int) -> Work:
    """Ingest's preparation of messages that are in memory, group by group, to frames."""
    link = Link(dsn, "bench prepare")
    directory = Directory(link, PARTITIONS, time.monotonic)
    preparer = Preparer(directory, Labels(link), 730 * 86_400_000_000)
    now_us = time.time_ns() // 1000
    groups = _groups(kind, readings)
    preparer.prepare(groups[0], now_us)  # the first sight of a device costs a query
    found: list[float] = []
    done = 0
    with timed(found):
        for group in groups:
            out = preparer.prepare(group, now_us)
            done += out.readings
            if out.quarantine:
                raise RuntimeError(f"set aside: {out.quarantine[0]}")
    link.close()
    return Work(done, *found)


def parse_only(kind: str, readings: int) -> Work:
    """The ceiling of the preparation: the same messages parsed by orjson and put into six columns, nothing checked."""
    keys = ("t", "lat", "lon", "spd", "hdg", "acc")
    groups = _groups(kind, readings)
    found: list[float] = []
    done = 0
    with timed(found):
        for group in groups:
            parsed = [orjson.loads(payload) for _, payload, *_ in group]
            if kind == "single":
                columns = [np.array([each[key] for each in parsed], dtype=np.float64) for key in keys]
            else:
                flat: list[list[float]] = [[] for _ in keys]
                for each in parsed:
                    n = len(each["t"])
                    for column, key in zip(flat, keys, strict=True):
                        value = each[key]
                        column.extend(value if type(value) is list else [value] * n)
                columns = [np.array(column, dtype=np.float64) for column in flat]
            done += len(columns[0])
    return Work(done, *found)


def _groups(kind: str, readings: int) -> list[list[tuple[bytes, bytes, int, bool, bool]]]:
    """Groups of messages as the receiver hands them out; as many as come in a group at full load."""
    origin = start_us() // 1000
    if kind == "single":
        found, size = list(messages(1_000, readings, origin)), GROUP
    else:
        found, size = list(batches(1_000, readings // BATCH, origin, BATCH)), GROUP // 20
    rows = [(topic, payload, 1, False, False) for topic, payload in found]
    return [rows[at : at + size] for at in range(0, len(rows), size)]
