"""The live feed: one hub per process follows the change stream and passes it on to all subscriptions.

Register, then snapshot, then deltas: a subscription is registered before its snapshot is read, rows that arrive
meanwhile wait, and those that the snapshot holds already are dropped by their position. So nothing is lost and nothing
is seen twice, whatever the order in which snapshot and rows arrive. A position is one number per partition.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import cast

import psycopg
from fastapi import FastAPI
from starlette.requests import HTTPConnection

from api.database import DATABASE_ERRORS, Database, Session, connection_options
from api.feed.beginning import Beginnings, ReadTopics
from api.feed.changes import TOPICS, coalesce, flatten
from api.feed.client import Client
from api.feed.cursors import Vector, later
from api.feed.given import Given
from api.feed.outbox import Message, delta, message
from api.feed.rows import ChangeRow, in_order
from api.feed.views import View
from api.http.jsons import now_text
from api.http.metrics import Metrics
from store.db import queries
from store.lifecycle import ANEW

log = logging.getLogger(__name__)

PACE_S, PACE_S_MAX = 0.02, 0.25  # rows of this long go out together
PACE_S_PER_CLIENT = 120e-6  # about twice what a message to one client costs: half of the time is left for all else
POLL_S = 2.0
HEARTBEAT_S = 15.0
TOKEN_CHECK_S = 0.6  # who has lost a right is out within a second
ROWS_MAX = 500  # of one partition at once
WAITING_MAX = 20_000  # rows kept for a subscription whose snapshot is being read
AWAY_S = 30.0


class Hub:
    """Follows the change stream of all tenants; fans out by tenant and topic."""

    def __init__(self, database: Database, metrics: Metrics, read_topics: ReadTopics) -> None:
        self._database, self._metrics = database, metrics
        self._q = queries("live")
        self._vector: Vector | None = None
        self._clients: dict[int, set[Client]] = defaultdict(set)
        self._given: dict[int, Given] = defaultdict(Given)
        self._news, self._begun = asyncio.Event(), asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._beginnings = Beginnings(database, metrics, read_topics, lambda: self._vector or {}, self._begin)
        self._read_at = 0.0

    # ------------------------------------------------------------ life
    def start(self) -> None:
        """Begins to follow."""
        work = (self._listen(), self._follow(), self._beat(), self._watch_tokens())
        self._tasks = [asyncio.get_running_loop().create_task(w) for w in work]

    async def stop(self) -> None:
        """Closes all sockets and stops."""
        self._close_all(1012, "the server stops")
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._beginnings.stop()

    def healthy(self) -> bool:
        """Whether the change stream was read lately."""
        alive = bool(self._tasks) and not any(task.done() for task in self._tasks)
        return alive and self._vector is not None and time.monotonic() - self._read_at < 3 * POLL_S

    def sockets(self, tenant_id: int | None = None) -> int:
        """Number of clients."""
        return sum(len(c) for t, c in self._clients.items() if tenant_id in (None, t))

    def _close_all(self, code: int, reason: str) -> None:
        self._given.clear()
        for clients in self._clients.values():
            for client in clients:
                client.close(code, reason)

    # ------------------------------------------------------------ clients
    def join(self, client: Client) -> None:
        """Registers a socket."""
        self._clients[client.tenant_id].add(client)
        client.here = True
        self._metrics.sockets.inc()

    def leave(self, client: Client) -> None:
        """Forgets a socket."""
        clients = self._clients[client.tenant_id]
        clients.discard(client)
        client.here = False
        if not any(c.view for c in clients):
            self._beginnings.mirrors.pop(client.tenant_id, None)
        if not clients:
            del self._clients[client.tenant_id]
            self._given.pop(client.tenant_id, None)
        self._metrics.sockets.dec()

    async def subscribe(
        self, client: Client, topics: frozenset[str], view: View | None = None, cursor: Vector | None = None
    ) -> None:
        """Gives a client what it wants: the changes since its cursor, or a snapshot; from then on deltas.

        Raises:
            psycopg.Error, PoolTimeout: the database is away.
        """
        client.want(topics, view)
        await self._begun.wait()  # what is committed before the hub's first look must be in the snapshot
        await self._beginnings.give(client, cursor)

    def _begin(self, client: Client, floor: Vector) -> None:
        """From here on a client gets deltas; those that came meanwhile go first."""
        rows, client.waiting, client.floor = client.waiting or [], None, floor
        self._send_singly(client, rows)

    # ------------------------------------------------------------ passing on
    def _pass_on(self, rows: Sequence[ChangeRow]) -> None:
        by_tenant: dict[int, list[ChangeRow]] = defaultdict(list)
        for row in rows:
            if row.tenant_id in self._clients and row.body is not None:  # None: nobody of it was there when we read
                by_tenant[row.tenant_id].append(row)
        for tenant_id, found in by_tenant.items():
            self._pass_on_tenant(tenant_id, [row.read() for row in found])

    def _pass_on_tenant(self, tenant_id: int, rows: list[ChangeRow]) -> None:
        if any(ANEW in row.body for row in rows):
            self._begin_anew(tenant_id)
            return
        mirror = self._beginnings.mirrors.get(tenant_id)
        if mirror is not None:
            mirror.follow(rows)
        followers = self._followers(tenant_id, rows)
        changes = coalesce(change for row in rows for change in flatten(row.body, TOPICS))
        news = self._given[tenant_id].news(changes, time.monotonic())
        vector, now = self._vector or {}, now_text()
        whole: dict[frozenset[str], Message | None] = {}
        told = 0
        for client in followers:
            topics = client.topics
            if client.view is None and topics in whole:
                item = whole[topics]
            else:
                theirs = [change for change in news if change["topic"] in topics]
                if client.view is not None and mirror is not None:
                    theirs = client.view.pass_on(theirs, mirror.tables, topics)
                item = delta(theirs, client.cursor(vector), now) if theirs else None
                if client.view is None:
                    whole[topics] = item
            if item is not None:
                self._tell(client, item)
                told += 1
        self._metrics.messages.inc(told)

    def _followers(self, tenant_id: int, rows: Sequence[ChangeRow]) -> list[Client]:
        """Clients that have had all rows before these; the others get theirs singly, or wait for their snapshot."""
        found = []
        for client in self._clients[tenant_id]:
            if client.waiting is not None:
                client.waiting.extend(rows)
                if len(client.waiting) > WAITING_MAX:
                    client.close(1013, "too many changes during the snapshot")
            elif self._ahead(client, rows):
                self._send_singly(client, rows)
            else:
                found.append(client)
        return found

    def _begin_anew(self, tenant_id: int) -> None:
        """All clients come again, and get a snapshot, as their cursors stand before what has changed all."""
        self._beginnings.mirrors.pop(tenant_id, None)
        self._given.pop(tenant_id, None)
        for client in self._clients[tenant_id]:
            client.close(1013, "things were renamed, retired or deleted: connect again")

    def _ahead(self, client: Client, rows: Sequence[ChangeRow] = ()) -> bool:
        """Whether a client's snapshot is newer than some of these rows, or than what the hub has read up to them.

        Once it is not, its floor is of no more use.
        """
        vector, floor = self._vector or {}, client.floor
        if not floor:
            return False
        if any(row.seq <= floor.get(row.partition, 0) for row in rows):
            return True
        if all(vector.get(p, 0) >= seq for p, seq in floor.items()):
            client.floor = {}
        return bool(client.floor)

    def _send_singly(self, client: Client, rows: Sequence[ChangeRow]) -> None:
        """Rows for one client: without those its snapshot holds, and only what its view shows."""
        new = [row for row in rows if row.seq > client.floor.get(row.partition, 0)]
        changes = coalesce(change for row in new for change in flatten(row.body, client.topics))
        mirror = self._beginnings.mirrors.get(client.tenant_id)
        if client.view is not None and mirror is not None:
            changes = client.view.pass_on(changes, mirror.tables, client.topics)
        if changes:
            vector = later(self._vector or {}, client.floor)
            self._push(client, delta(changes, client.cursor(vector), now_text()))

    def _push(self, client: Client, item: Message) -> None:
        self._metrics.messages.inc()
        self._tell(client, item)

    def _tell(self, client: Client, item: Message) -> None:
        if not client.closing.done() and not client.tell(item):
            self._metrics.too_slow.inc()
            client.close(1013, "too slow: resume with the cursor")

    # ------------------------------------------------------------ following
    async def _listen(self) -> None:
        """Wakes the reader at once; when this connection is away, the reader still polls."""
        while True:
            with contextlib.suppress(*DATABASE_ERRORS):
                connection = await psycopg.AsyncConnection.connect(
                    self._database.dsn, **connection_options("api listener")
                )
                try:
                    await connection.execute(self._q["listen"])
                    async for _ in connection.notifies():
                        self._news.set()
                finally:
                    await connection.close()
            await asyncio.sleep(1.0)

    async def _follow(self) -> None:
        while True:
            started = time.monotonic()
            try:
                more = await self._read()
            except DATABASE_ERRORS as error:
                log.warning("the change stream cannot be read: %s", type(error).__name__)
                await asyncio.sleep(1.0)
                continue
            except Exception:  # a malformed row must not end the feed of all tenants
                log.exception("changes could not be passed on")
                self._close_all(1013, "changes were lost: resume with the cursor")
                more = False
            if self._read_at and started - self._read_at > AWAY_S:
                self._close_all(1013, "the change stream was away: resume with the cursor")
            self._read_at = time.monotonic()
            await asyncio.sleep(pace_s(self.sockets()))
            if not more:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._news.wait(), POLL_S)
                self._news.clear()

    async def _heads(self, owner: Session) -> Vector:
        return {row["partition"]: row["seq"] for row in await owner.rows(self._q["heads"])}

    async def _read(self) -> bool:
        """Reads and passes on the next rows; True when there may be more."""
        async with self._database.owner() as owner:
            heads = await self._heads(owner)
            if self._vector is None:
                self._vector = heads
                self._begun.set()
                return False
            if any(heads.get(p, 0) < seq for p, seq in self._vector.items()):
                log.error("the change stream has gone back: was the database restored?")
                self._vector = heads
                self._close_all(1013, "the change stream has gone back")
                return False
            behind = {p: self._vector.get(p, 0) for p, head in heads.items() if head > self._vector.get(p, 0)}
            if not behind:
                return False
            found = await owner.rows(
                self._q["after"],
                partitions=list(behind),
                seqs=list(behind.values()),
                limit=ROWS_MAX,
                tenants=list(self._clients),
            )
        rows = in_order(found)
        counts: dict[int, int] = defaultdict(int)
        for row in rows:
            counts[row.partition] += 1
            self._vector[row.partition] = row.seq
        for partition in behind:
            if not counts[partition]:  # the rows are older than what is kept
                self._vector[partition] = heads[partition]
        if rows:
            self._metrics.hub_rows.inc(len(rows))
            self._metrics.hub_lag_s.set(max(0.0, (datetime.now(UTC) - rows[-1].at).total_seconds()))
            self._pass_on(rows)
        return any(n >= ROWS_MAX for n in counts.values())

    # ------------------------------------------------------------ heartbeat and rights
    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            now, vector = now_text(), self._vector or {}
            pings = {"": message("ping", now=now)}
            for clients in self._clients.values():
                for client in clients:
                    current = client.topics and client.waiting is None and not self._ahead(client)
                    mark = client.mark if current else ""
                    if mark not in pings:
                        pings[mark] = message("ping", now=now, cursor=client.cursor(vector))
                    self._push(client, pings[mark])

    async def _watch_tokens(self) -> None:
        while True:
            await asyncio.sleep(TOKEN_CHECK_S)
            roles = {(client.token_id, client.role) for clients in self._clients.values() for client in clients}
            if not roles:
                continue
            ids, names = zip(*roles, strict=True)
            try:
                async with self._database.owner() as owner:
                    ended = await owner.rows(self._q["ended_tokens"], ids=list(ids), roles=list(names))
            except DATABASE_ERRORS:
                continue
            self._out({row["id"]: row["good"] for row in ended})

    def _out(self, ended: Mapping[int, bool]) -> None:
        for clients in self._clients.values() if ended else ():
            for client in clients:
                if (good := ended.get(client.token_id)) is not None:
                    client.close(1008, "the role has changed: connect again" if good else "signed out")


def pace_s(clients: int) -> float:
    """How long changes are gathered before they go out: the longer the more clients each message goes to.

    >>> pace_s(1), pace_s(500), pace_s(10_000)
    (0.02012, 0.08, 0.25)
    """
    return min(PACE_S + clients * PACE_S_PER_CLIENT, PACE_S_MAX)


def hub_in(app: FastAPI) -> Hub:
    """The hub of an app."""
    return cast("Hub", app.state.hub)


def hub_of(connection: HTTPConnection) -> Hub:
    """The hub of the app that serves a request or socket."""
    return cast("Hub", connection.app.state.hub)
