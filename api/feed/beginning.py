"""How clients begin: with a snapshot, or with what they have missed since their cursor.

Whoever asks while others wait for their turn is served with them: when thousands come back at once, what they are to be
given is read and written as text once for all that want the same. All of them were registered before it is read.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from api.database import Database, Session
from api.feed.changes import Change, coalesce, flatten
from api.feed.client import Client
from api.feed.cursors import Vector, later
from api.feed.outbox import Message, delta, message
from api.feed.rows import ChangeRow, in_order
from api.feed.views import TABLES, Mirror, View
from api.http.jsons import now_text
from api.http.metrics import Metrics
from api.together import Together
from api.turns import Turns
from store.db import queries
from store.lifecycle import ANEW

SNAPSHOTS = 4  # read at once
WAITING_MAX = 200  # of one tenant
MISSED_MAX = 5_000  # a client that missed more gets a snapshot

ReadTopics = Callable[[Session, Iterable[str]], Awaitable[dict[str, list[Any]]]]
"""All objects of some topics, of the tenant of a transaction."""


class Beginnings:
    """Gives clients of the hub what they begin with.

    `there` says how far the hub has passed on; `begin` is told of each client from where on it gets deltas.
    """

    def __init__(
        self,
        database: Database,
        metrics: Metrics,
        read_topics: ReadTopics,
        there: Callable[[], Vector],
        begin: Callable[[Client, Vector], None],
    ) -> None:
        self._database, self._metrics, self._read_topics = database, metrics, read_topics
        self._there, self._begin = there, begin
        self._q = queries("live")
        busy = metrics.refused.labels("busy").inc
        self._turns = Turns(SNAPSHOTS, SNAPSHOTS // 2, patience_s=None, waiting=WAITING_MAX, refused=busy)
        self._whole = Together(self._give_whole, lambda key: self._turn(key[0]))
        self._views = Together(self._give_views, lambda key: self._turn(key[0]))
        self._missed = Together(self._give_missed, self._turn)
        self.mirrors: dict[int, Mirror] = {}

    async def stop(self) -> None:
        """Ends what is being read."""
        for each in (self._whole, self._views, self._missed):
            await each.stop()

    async def give(self, client: Client, cursor: Vector | None) -> None:
        """What a registered client has missed since its cursor, or a snapshot.

        Raises:
            psycopg.Error, PoolTimeout: the database is away.
        """
        if cursor is not None:
            resuming = Resuming(client, cursor)
            await self._missed.ask(client.tenant_id, resuming)
            if resuming.done:
                return
            client.outbox.push(message("resync"))
        if client.view is None:
            await self._whole.ask((client.tenant_id, client.topics), client)
        else:
            await self._views.ask((client.tenant_id, client.topics), client)

    @asynccontextmanager
    async def _turn(self, tenant_id: int) -> AsyncIterator[None]:
        async with self._turns.turn(tenant_id), self._database.turn(tenant_id):
            yield

    async def _heads(self, owner: Session) -> Vector:
        return {row["partition"]: row["seq"] for row in await owner.rows(self._q["heads"])}

    # ------------------------------------------------------------ snapshots
    async def _give_whole(self, key: tuple[int, frozenset[str]], clients: list[Client]) -> None:
        tenant_id, topics = key
        async with self._database.owner(snapshot=True) as owner:
            vector = await self._heads(owner)
            found = await self._read_topics(await self._database.become(owner, tenant_id), topics)
        here = [client for client in clients if client.here]
        if here:
            item = _snapshot(here[0], vector, found)
            for client in here:
                self._give_snapshot(client, item, vector, "whole")

    async def _give_views(self, key: tuple[int, frozenset[str]], clients: list[Client]) -> None:
        tenant_id, topics = key
        mirror, rest = self.mirrors.get(tenant_id), dict[str, list[Any]]()
        if mirror is None or topics - {*TABLES, "facts"} or mirror.is_old(time.monotonic()):
            async with self._database.owner(snapshot=True) as owner:
                vector = await self._heads(owner)
                session = await self._database.become(owner, tenant_id)
                found = await self._read_topics(session, topics.union(TABLES))
            mirror = self._mirrored(tenant_id, Mirror(found, vector, time.monotonic()), clients)
            rest = {topic: found[topic] for topic in topics if topic not in TABLES}
        else:
            vector = later(mirror.floor, self._there())
        for client in clients:
            if client.view is not None and client.here:
                shown = {topic: [] for topic in topics} | rest | client.view.begin(mirror.tables, topics)
                self._give_snapshot(client, _snapshot(client, vector, shown), vector, "view")

    def _mirrored(self, tenant_id: int, mirror: Mirror, clients: Sequence[Client]) -> Mirror:
        """Keeps a mirror, with the rows that came since it was read: those that one of the clients waits with."""
        first = next((client for client in clients if client.here), None)
        if first is not None:
            mirror.follow(first.waiting or [])
            self.mirrors[tenant_id] = mirror
        return mirror

    def _give_snapshot(self, client: Client, item: Message, vector: Vector, kind: str) -> None:
        self._metrics.snapshots.labels(kind).inc()
        client.outbox.push(item)
        self._begin(client, vector)

    # ------------------------------------------------------------ what was missed
    async def _give_missed(self, tenant_id: int, some: list[Resuming]) -> None:
        async with self._database.owner(snapshot=True) as owner:
            heads = await self._heads(owner)
            near = [each for each in some if each.is_near(heads)]
            if not near:
                return
            floor = {p: min(each.cursor.get(p, 0) for each in near) for p in heads}
            behind = {p: seq for p, seq in floor.items() if seq < heads[p]}
            oldest = await owner.rows(self._q["oldest"], partitions=list(behind))
            kept_from = {row["partition"]: row["seq"] for row in oldest}
            near = [each for each in near if each.is_kept(heads, kept_from)]
            found = await owner.rows(
                self._q["missed"],
                partitions=list(behind),
                seqs=list(behind.values()),
                heads=[heads[p] for p in behind],
                tenant=tenant_id,
            )
            if any(each.client.view is not None for each in near) and tenant_id not in self.mirrors:
                session = await self._database.become(owner, tenant_id)
                mirror = Mirror(await self._read_topics(session, TABLES), heads, time.monotonic())
                self._mirrored(tenant_id, mirror, [each.client for each in some])
        rows = [row.read() for row in in_order(found)]
        written: dict[Hashable, Message] = {}
        for each in near:
            if not each.client.here:
                continue
            missed = [row for row in rows if row.seq > each.cursor.get(row.partition, 0)]
            if any(ANEW in row.body for row in missed):
                continue
            if each.client.view is not None:
                each.done = self._catch_up(each.client, each.client.view, missed, heads, each.cursor)
                continue
            same = each.client.topics, each.client.mark, tuple(sorted(each.cursor.items()))
            if same not in written:
                changes = coalesce(change for row in missed for change in flatten(row.body, each.client.topics))
                written[same] = _missed(each.client, changes, heads)
            self._resume(each.client, written[same], heads)
            each.done = True

    def _catch_up(self, client: Client, view: View, missed: Sequence[ChangeRow], heads: Vector, cursor: Vector) -> bool:
        """Resumes a view up to where the mirror is; what was read beyond that comes again, as a delta."""
        mirror = self.mirrors.get(client.tenant_id)
        if mirror is None:  # all begins anew
            return False
        there = later(mirror.floor, self._there())
        rows = [row for row in missed if row.seq <= there.get(row.partition, 0)]
        rows += [row for row in client.waiting or [] if row.seq > heads.get(row.partition, 0)]
        topics = client.topics.union(TABLES)
        changes = coalesce(c for row in rows for c in flatten(row.body, topics))
        if view.has_turned(changes):
            return False
        floor = later(there, cursor)
        self._resume(client, _missed(client, view.catch_up(changes, mirror.tables, client.topics), floor), floor)
        return True

    def _resume(self, client: Client, item: Message, floor: Vector) -> None:
        self._metrics.snapshots.labels("resumed").inc()
        client.outbox.push(item)
        self._begin(client, floor)


class Resuming:
    """A client that comes back with a cursor; `done` when it was given what it has missed."""

    def __init__(self, client: Client, cursor: Vector) -> None:
        self.client, self.cursor, self.done = client, cursor, False

    def is_near(self, heads: Vector) -> bool:
        """Whether its cursor is one of this stream, and not too far behind."""
        if any(p not in heads or seq > heads[p] for p, seq in self.cursor.items()):
            return False
        return sum(head - self.cursor.get(p, 0) for p, head in heads.items()) <= MISSED_MAX

    def is_kept(self, heads: Vector, kept_from: Mapping[int, int | None]) -> bool:
        """Whether all that it has missed is still there."""
        for p, head in heads.items():
            seq, oldest = self.cursor.get(p, 0), kept_from.get(p)
            if seq < head and (oldest is None or oldest > seq + 1):
                return False
        return True


def _snapshot(client: Client, vector: Vector, found: Mapping[str, Sequence[Any]]) -> Message:
    return message("snapshot", now=now_text(), cursor=client.cursor(vector), **found)


def _missed(client: Client, changes: list[Change], floor: Vector) -> Message:
    return delta(changes, client.cursor(floor), now_text(), counted=False)
