"""What one core of the tracker and of ingest's preparation can do, measured in this process by its own CPU time."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import orjson

from domain.frames import decode
from domain.readings import merge
from ingest.directory import Directory
from ingest.prepare import Preparer
from store.copy import TABLE
from store.db import connect
from store.labels import Labels
from store.link import Link
from store.log import PostgresLog
from store.partitions import Partitions
from store.writer import ReadingWriter
from tests.benchmarks.fleet import batches, messages
from tests.benchmarks.publisher import BATCH
from tests.benchmarks.world import Fleet, frames
from tracker.engine.admit import sort
from tracker.service import Tracker, TrackerConfig, calm_collector

PARTITIONS = 4
GROUP = 2_000  # messages
LIVE_PER_S = 50_000.0  # readings: the tracker's goal


Around = Callable[[Callable[[], object]], object]
"""Runs the work it is given; a profiler can."""


def plainly(work: Callable[[], object]) -> object:
    """Runs the work."""
    return work()


class Work(NamedTuple):
    """Readings done, the CPU seconds of this process, seconds on the wall.

    `delays_s`: of each turn, from the coming of its first reading to its end.
    """

    readings: int
    cpu_s: float
    wall_s: float
    delays_s: Sequence[float] = ()

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


def fill(dsn: str, fleet: Fleet, readings: int) -> None:
    """Appends frames of at least so many readings to the log."""
    link = Link(dsn, "bench fill")
    log = PostgresLog(link)
    with link.connection.transaction():
        for group in frames(fleet, readings, start_us()):
            log.append(group)
    link.close()


class Bare:
    """The ceiling of the tracker: frames read, decoded, sorted and copied; nothing checked, nothing decided."""

    def __init__(self, dsn: str) -> None:
        self._link = Link(dsn, "bench bare")
        self._log, self._connection = PostgresLog(self._link), self._link.connection
        self._writer, self._partitions = ReadingWriter(self._connection), Partitions(self._connection)
        self._positions = dict.fromkeys(range(PARTITIONS), 0)

    def turn(self) -> bool:
        """The next frames of every partition; False when there are none."""
        found = self._log.read(self._positions, 1024 * 1024)
        merged = merge(decode(frame.body) for frame in found)
        for stream, batch in merged.items():
            table = TABLE[stream]
            self._partitions.create(self._connection, table, self._partitions.missing(table, batch.time_us))
        with self._connection.transaction(), self._connection.cursor() as cursor:
            for batch in merged.values():
                self._writer.write(cursor, sort(batch))
        self._positions.update({frame.partition: frame.position for frame in found})
        return bool(found)

    def close(self) -> None:
        """Leaves the database."""
        self._link.close()


class Real:
    """The tracker itself, turn by turn as it runs itself."""

    def __init__(self, dsn: str) -> None:
        calm_collector()
        self._tracker = Tracker(TrackerConfig(dsn, PARTITIONS), threading.Event())
        self._tracker.load()

    def turn(self) -> bool:
        """One turn of its loop; False when it has come to the end of the log as it was before."""
        heads = self._tracker._log.heads()
        self._tracker._turn()
        return any(self._tracker._positions[p] < head for p, head in heads.items())

    def close(self) -> None:
        """Leaves the database."""
        self._tracker._link.close()


Worker = Callable[[str], Real | Bare]


def catch_up(dsn: str, kind: Worker, around: Around = plainly) -> Work:
    """A worker on a log that is full."""
    before, worker, found = stored(dsn), kind(dsn), list[float]()

    def work() -> None:
        while worker.turn():
            pass

    with timed(found):
        around(work)
    worker.close()
    return Work(stored(dsn) - before, *found)


def keep_up(
    dsn: str, fleet: Fleet, readings: int, kind: Worker, around: Around = plainly, *, per_s: float = LIVE_PER_S
) -> Work:
    """A worker that keeps up: readings come singly, in group commits, `per_s` of them in a second of its own CPU time.

    Each turn takes what has come during the turn before, so that a worker which is too slow falls behind and takes
    more at once, as it would in life. One that has nothing to do is given the next group at once.
    """
    link, worker = Link(dsn, "bench fill"), kind(dsn)
    log = PostgresLog(link)
    before, cpu_s, wall_s, come, now_s = stored(dsn), 0.0, 0.0, 0, 0.0
    delays_s: list[float] = []
    groups, more = frames(fleet, readings, start_us()), True
    while more:
        now_s, first_s = max(now_s, come / per_s), come / per_s
        while come / per_s <= now_s:
            if (group := next(groups, None)) is None:
                more = False
                break
            log.append(group)
            come += sum(len(batch) for body in group.values() for batch in decode(body))
        found: list[float] = []
        with timed(found):
            around(worker.turn)
        cpu_s, wall_s, now_s = cpu_s + found[0], wall_s + found[1], now_s + found[0]
        delays_s.append(now_s - first_s)
    worker.close()
    link.close()
    return Work(stored(dsn) - before, cpu_s, wall_s, delays_s)


def stored(dsn: str) -> int:
    """Positions and temperatures in the database."""
    with connect(dsn, "bench") as connection:
        row = connection.execute(
            "select (select count(*) from reading_position) + (select count(*) from reading_temperature)"
        ).fetchone()
    return int(row[0]) if row else 0


def prepare(dsn: str, kind: str, readings: int, around: Around = plainly) -> Work:
    """Ingest's preparation of messages that are in memory, group by group, to frames."""
    link = Link(dsn, "bench prepare")
    directory = Directory(link, PARTITIONS, time.monotonic)
    preparer = Preparer(directory, Labels(link), 730 * 86_400_000_000)
    now_us = time.time_ns() // 1000
    groups = _groups(kind, readings)
    preparer.prepare(groups[0], now_us)  # the first sight of a device costs a query
    found: list[float] = []
    done = 0

    def work() -> None:
        nonlocal done
        for group in groups:
            out = preparer.prepare(group, now_us)
            done += out.readings
            if out.quarantine:
                raise RuntimeError(f"set aside: {out.quarantine[0]}")

    with timed(found):
        around(work)
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
