"""The Sparkplug soak: nodes reborn with other numbers, births lost and doubled, workers that stall and begin anew.

Real preparation, real database, real redrive of quarantine. An oracle knows what each value is: a value says by its
thousands which metric it is of. Short in every run; 50 nodes for longer by `make chaos` (`FROSTWAY_CHAOS_SECONDS`).
"""

from __future__ import annotations

import itertools
import os
import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import pytest

from domain.frames import decode
from ingest.background import Toolkit
from ingest.directory import Directory
from ingest.prepare import Prepared, Preparer
from ingest.quarantine import quarantine_rows
from ingest.redrive import Redriver
from store.db import connect, queries
from store.labels import Labels
from store.link import Link
from store.log import PostgresLog
from store.registry import DeviceSpec, Registry
from tests.unit.wire.test_sparkplug import INT64, encode_metric, encode_payload

LONG = float(os.environ.get("FROSTWAY_CHAOS_SECONDS", "0")) > 0
NODES, STEPS = (50, 240) if LONG else (10, 60)
METRICS = {"Alpha": 1_000, "Beta": 2_000, "Gamma": 3_000, "Delta": 4_000}
STEP_US = 1_000_000

Key = tuple[str, float]
numbers = itertools.count(1)


class Message(NamedTuple):
    """What a node publishes, and which values it means by it."""

    topic: str
    payload: bytes
    keys: tuple[Key, ...] = ()


@dataclass
class EdgeNode:
    """What a node does: it counts its messages, gives its metrics other numbers in each session, answers commands."""

    name: str
    random: random.Random
    skew_ms: int
    bd_seq: int = 0
    seq: int = 255
    aliases: dict[str, int] = field(default_factory=dict)

    def message(self, kind: str, *metrics: bytes, ms: int, keys: Sequence[Key] = (), seq: bool = True) -> Message:
        if seq:
            self.seq = (self.seq + 1) % 256
        payload = encode_payload(*metrics, seq=self.seq if seq else None, t=ms + self.skew_ms)
        return Message(f"spBv1.0/main/{kind}/{self.name}", payload, tuple(keys))

    def birth(self, ms: int) -> Message:
        keys = {m: METRICS[m] + next(numbers) / 65_536 for m in self.aliases}
        metrics = [encode_metric(m, keys[m], alias=a) for m, a in self.aliases.items()]
        bd_seq = encode_metric("bdSeq", self.bd_seq, INT64)
        return self.message("NBIRTH", bd_seq, *metrics, ms=ms, keys=list(keys.items()))

    def begin(self, ms: int) -> list[Message]:
        """A new session, with the will of the one before when there was one."""
        will = encode_metric("bdSeq", self.bd_seq, INT64)
        death = [self.message("NDEATH", will, ms=ms, seq=False)] if self.aliases else []
        self.bd_seq += 1
        self.seq = self.random.choice([255, 255, self.random.randrange(256)])
        numbers = self.random.sample(range(6), len(METRICS))
        self.aliases = dict(zip(METRICS, numbers, strict=True))
        return [*death, self.birth(ms + 1)]

    def data(self, ms: int) -> Message:
        metric = self.random.choice(list(METRICS))
        value = METRICS[metric] + next(numbers) / 65_536
        bare = encode_metric(alias=self.aliases[metric], value=value, typed=False)
        return self.message("NDATA", bare, ms=ms, keys=[(metric, value)])


class Yard:
    """Nodes, workers, the spool, and what came of it."""

    def __init__(self, dsn: str, seed: int) -> None:
        self.dsn, self.random = dsn, random.Random(seed)
        self.now_us = time.time_ns() // 1000
        self.links: list[Link] = []
        with connect(dsn, "test") as c, c.transaction():
            for n in range(NODES):
                Registry(c).put_device(DeviceSpec(f"edge-{n}", "connector", vehicle=f"v-{n}"))
        skews = [0, 0, 0, 5_000, -3_600_000]
        self.nodes = [
            EdgeNode(f"edge-{n}", random.Random(seed * 1000 + n), skews[n % len(skews)]) for n in range(NODES)
        ]
        self.workers = [self.worker() for _ in range(2)]
        self.drains = [self.worker() for _ in range(2)]
        self.queues: list[list[Message]] = [[], []]
        self.stalled = [0, 0]
        self.spools: list[list[Message]] = [[], []]
        self.asked: set[str] = set()
        self.delivered: dict[Key, bytes] = {}
        self.log = PostgresLog(self.link())

    def link(self) -> Link:
        self.links.append(Link(self.dsn, "test soak"))
        return self.links[-1]

    def worker(self) -> Preparer:
        link = self.link()
        made = Preparer(Directory(link, 1, time.monotonic), Labels(link), 10**17)
        made._births._clock = lambda: self.now_us / 1e6
        return made

    def commit(self, prepared: Prepared) -> None:
        for frames in prepared.appends:
            self.log.append(frames)
        with self.links[0].connection.cursor() as cursor:
            if prepared.quarantine:
                cursor.executemany(queries("quarantine")["put"], quarantine_rows(prepared))
        self.asked |= {topic.decode().rsplit("/", 1)[1] for topic, _ in prepared.replies}

    def hear(self, preparer: Preparer, messages: list[Message]) -> None:
        if messages:
            group = [(m.topic.encode(), m.payload, 0, False, False) for m in messages]
            self.commit(preparer.prepare(group, self.now_us))

    def redrive(self) -> None:
        link = self.link()
        preparer = Preparer(Directory(link, 1, time.monotonic), Labels(link), 10**17)
        preparer._births._clock = lambda: self.now_us / 1e6
        Redriver(Toolkit(link, Directory(link, 1, time.monotonic), preparer), threading.Event()).work()
        self.links.remove(link)
        link.close()

    def step(self, step: int) -> None:
        away = step % 30 in (11, 12, 13)  # the database: all is spooled, and what comes then goes behind it
        for node in self.nodes:
            ms = self.now_us // 1000 + self.random.randrange(400)
            said: list[Message] = []
            if not node.aliases or self.random.random() < 0.04:
                said += node.begin(ms)
            elif node.name in self.asked:
                said.append(node.birth(ms))
            said += [node.data(ms + 10 + 40 * i) for i in range(self.random.randrange(4))]
            for message in said:
                self.send(message)
        self.asked.clear()
        for w in self.random.sample((0, 1), 2):
            if self.random.random() < 0.06:
                self.stalled[w] = 4  # killed: what it had not taken is brought again, to its next life
            if self.stalled[w]:
                self.stalled[w] -= 1
                if not self.stalled[w]:
                    self.workers[w] = self.worker()
                continue
            taken, self.queues[w] = self.queues[w], []
            self.spools[w] += taken if away or self.spools[w] else []
            if away:
                continue
            if self.spools[w]:
                taken, self.spools[w] = self.spools[w], []
                self.hear(self.drains[w], taken)
            else:
                self.hear(self.workers[w], taken)
        if step % 5 == 4:
            self.redrive()
        self.now_us += STEP_US

    def send(self, message: Message) -> None:
        """The broker: both hear all of it in order; births are lost and doubled, data too, wills are not lost."""
        kind = message.topic.split("/")[2]
        if kind != "NDEATH" and self.random.random() < (0.15 if kind == "NBIRTH" else 0.02):
            return
        self.delivered.update(dict.fromkeys(message.keys, message.payload))
        for queue in self.queues:
            queue.extend([message] * (1 + (self.random.random() < 0.05)))

    def waiting(self) -> set[int]:
        """Messages that wait for a birth."""
        query = "select id from quarantine where redriven_at is null and reason = 'no_birth'"
        return {row[0] for row in self.links[0].connection.execute(query)}

    def close(self) -> None:
        for link in self.links:
            link.close()


def stored(yard: Yard) -> set[Key]:
    with connect(yard.dsn, "test") as c:
        frames = [bytes(row[0]) for row in c.execute("select body from log_frame order by partition, position")]
        names = dict(c.execute("select id, text from label").fetchall())
    found: set[Key] = set()
    for batch in (batch for frame in frames for batch in decode(frame) if batch.STREAM == "attr"):
        for name, value in zip(batch.name_id.tolist(), batch.value.tolist(), strict=True):  # type: ignore[attr-defined]
            if names[name] in METRICS:
                found.add((names[name], value))
    return found


@pytest.mark.parametrize("seed", [1, 2, 3] if LONG else [1])
def test_no_value_stands_under_a_wrong_name_and_nothing_waits_for_ever(database: str, seed: int) -> None:
    yard = Yard(database, seed)
    try:
        for step in range(STEPS):
            yard.step(step)
        yard.stalled = [1, 1]
        yard.step(0)
        then = yard.waiting()
        for step in range(400):  # the nodes go on, and lose messages as before
            yard.step(step % 5)
            if not (still := then & yard.waiting()):
                break
        rows = (
            yard.links[0]
            .connection.execute("select reason, payload from quarantine where redriven_at is null")
            .fetchall()
        )
    finally:
        yard.close()
    found = stored(yard)
    aside = {bytes(payload): reason for reason, payload in rows}
    queued = {m.payload for m in (*yard.queues[0], *yard.queues[1], *yard.spools[0], *yard.spools[1])}
    missing = {key: aside.get(payload) for key, payload in yard.delivered.items() if key not in found}
    lost = [key for key, reason in missing.items() if reason is None and yard.delivered[key] not in queued]
    untold = sum(reason == "lost_birth" for reason in missing.values())
    wrong = found - yard.delivered.keys()
    said = f"delivered {len(yard.delivered)}, stored {len(found)}, under a wrong name {len(wrong)}, lost {len(lost)}, "
    print(said + f"told as lost {untold}, of {len(then)} that waited {len(still)} wait on")
    assert wrong == set()
    assert lost == []
    assert still == set()
    assert untold <= 0.05 * len(yard.delivered)
