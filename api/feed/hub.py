"""The live feed: one hub per process follows the change stream and passes it on to all subscriptions.

Register, then snapshot, then deltas: a subscription is registered before its snapshot is read, rows that arrive
meanwhile wait, and those that the snapshot holds already are dropped by their position. So nothing is lost and nothing
is seen twice, whatever the order in which snapshot and rows arrive. A position is one number per partition.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import logging
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, cast

import orjson
import psycopg
from fastapi import FastAPI
from starlette.requests import HTTPConnection

from api.database import DATABASE_ERRORS, Database, Session, connection_options
from api.feed.changes import TOPICS, Box, Change, apply, coalesce, flatten
from api.feed.cursors import Vector, encode_cursor
from api.feed.given import Given
from api.feed.outbox import Message, Outbox, delta, message
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
MISSED_MAX = 5_000  # a client that missed more gets a snapshot
WAITING_MAX = 20_000  # rows kept for a subscription whose snapshot is being read
AWAY_S = 30.0


ReadTopics = Callable[[Session, Iterable[str]], Awaitable[dict[str, list[Any]]]]
"""All objects of some topics, of the tenant of a transaction."""


class ChangeRow(NamedTuple):
    """One committed row of the change stream, its body decoded when somebody wants it."""

    partition: int
    seq: int
    tenant_id: int
    at: datetime
    body: Any


class Client:
    """One socket: what waits for it, what it has subscribed, and when it has to go."""

    def __init__(self, token_id: int, tenant_id: int, role: str) -> None:
        self.token_id, self.tenant_id, self.role = token_id, tenant_id, role
        self.outbox = Outbox()
        self.topics: frozenset[str] = frozenset()
        self.box: Box | None = None
        self.inside: set[str] = set()
        self.waiting: list[ChangeRow] | None = None  # rows since registration, until the snapshot is there
        self.floor: Vector = {}
        self.closing: asyncio.Future[tuple[int, str]] = asyncio.get_running_loop().create_future()

    def close(self, code: int, reason: str) -> None:
        """Asks the socket to close; the first reason counts."""
        if not self.closing.done():
            self.closing.set_result((code, reason))


class Mirror:
    """All vehicles of a tenant as clients see them: what a client needs when a vehicle comes into its viewport."""

    def __init__(self, vehicles: Sequence[Mapping[str, Any]], floor: Vector) -> None:
        self.vehicles: dict[str, Any] = {v["id"]: v for v in vehicles}
        self._floor = floor

    def follow(self, rows: Sequence[ChangeRow]) -> None:
        """Applies rows that the snapshot did not hold."""
        for row in rows:
            if row.seq > self._floor.get(row.partition, 0):
                for change in flatten(row.body, ("vehicles",)):
                    apply(self.vehicles, change)


class Hub:
    """Follows the change stream of all tenants; fans out by tenant and topic."""

    def __init__(self, database: Database, metrics: Metrics, read_topics: ReadTopics) -> None:
        self._database, self._metrics, self._read_topics = database, metrics, read_topics
        self._q = queries("live")
        self._vector: Vector | None = None
        self._clients: dict[int, set[Client]] = defaultdict(set)
        self._mirrors: dict[int, Mirror] = {}
        self._given: dict[int, Given] = defaultdict(Given)
        self._news, self._begun = asyncio.Event(), asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._snapshots = asyncio.Semaphore(4)
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
        self._metrics.sockets.inc()

    def leave(self, client: Client) -> None:
        """Forgets a socket."""
        clients = self._clients[client.tenant_id]
        clients.discard(client)
        if not any(c.box for c in clients):
            self._mirrors.pop(client.tenant_id, None)
        if not clients:
            del self._clients[client.tenant_id]
            self._given.pop(client.tenant_id, None)
        self._metrics.sockets.dec()

    async def subscribe(
        self, client: Client, topics: frozenset[str], box: Box | None = None, cursor: Vector | None = None
    ) -> None:
        """Gives a client what it wants: the changes since its cursor, or a snapshot; from then on deltas.

        Raises:
            psycopg.Error, PoolTimeout: the database is away.
        """
        client.topics, client.box, client.inside, client.floor = topics, box, set(), {}
        client.waiting = []
        await self._begun.wait()  # what is committed before the hub's first look must be in the snapshot
        async with self._snapshots:
            if cursor is not None and (box is not None or not await self._resume(client, cursor)):
                client.outbox.push(message("resync"))
                cursor = None
            if cursor is None:
                await self._snapshot(client)

    async def _snapshot(self, client: Client) -> None:
        async with self._database.owner(snapshot=True) as owner:
            vector = await self._heads(owner)
            found = await self._read_topics(await self._database.become(owner, client.tenant_id), client.topics)
        vehicles = found.get("vehicles")
        if client.box is not None and vehicles is not None:
            rows = client.waiting or []
            if client.tenant_id not in self._mirrors:
                self._mirrors[client.tenant_id] = Mirror(vehicles, vector)
                self._mirrors[client.tenant_id].follow(rows)
            found["vehicles"] = [v for v in vehicles if client.box.holds(v)]
            client.inside = {v["id"] for v in found["vehicles"]}
        self._metrics.snapshots.labels("whole" if client.box is None else "box").inc()
        client.outbox.push(message("snapshot", now=now_text(), cursor=encode_cursor(vector), **found))
        self._begin(client, vector)

    async def _resume(self, client: Client, cursor: Vector) -> bool:
        """Sends what a client has missed; False when that is not all there any more."""
        async with self._database.owner(snapshot=True) as owner:
            heads = await self._heads(owner)
            behind = {p: cursor.get(p, 0) for p, head in heads.items() if cursor.get(p, 0) < head}
            if any(p not in heads or seq > heads[p] for p, seq in cursor.items()):
                return False
            if sum(heads[p] - seq for p, seq in behind.items()) > MISSED_MAX:
                return False
            oldest = await owner.rows(self._q["oldest"], partitions=list(behind))
            if any(row["seq"] is None or row["seq"] > behind[row["partition"]] + 1 for row in oldest):
                return False
            found = await owner.rows(
                self._q["missed"],
                partitions=list(behind),
                seqs=list(behind.values()),
                heads=[heads[p] for p in behind],
                tenant=client.tenant_id,
            )
        rows = [row._replace(body=orjson.loads(row.body)) for row in _in_order([_change_row(row) for row in found])]
        if any(ANEW in row.body for row in rows):
            return False
        changes = coalesce(c for row in rows for c in flatten(row.body, client.topics))
        self._metrics.snapshots.labels("resumed").inc()
        client.outbox.push(delta(changes, encode_cursor(heads), now_text(), counted=False))
        self._begin(client, heads)
        return True

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
            self._pass_on_tenant(tenant_id, [row._replace(body=orjson.loads(row.body)) for row in found])

    def _pass_on_tenant(self, tenant_id: int, rows: list[ChangeRow]) -> None:
        if any(ANEW in row.body for row in rows):
            self._begin_anew(tenant_id)
            return
        mirror = self._mirrors.get(tenant_id)
        if mirror is not None:
            mirror.follow(rows)
        followers = self._followers(tenant_id, rows)
        changes = coalesce(change for row in rows for change in flatten(row.body, TOPICS))
        news = self._given[tenant_id].news(changes, time.monotonic())
        cursor, now = encode_cursor(self._vector or {}), now_text()
        whole: dict[frozenset[str], Message | None] = {}
        for client in followers:
            topics = client.topics
            if client.box is None and topics in whole:
                item = whole[topics]
            else:
                theirs = self._in_box(client, [change for change in news if change["topic"] in topics])
                item = delta(theirs, cursor, now) if theirs else None
                if client.box is None:
                    whole[topics] = item
            if item is not None:
                self._push(client, item)

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
        self._mirrors.pop(tenant_id, None)
        self._given.pop(tenant_id, None)
        for client in self._clients[tenant_id]:
            client.close(1013, "things were renamed, retired or deleted: connect again")

    def _ahead(self, client: Client, rows: Sequence[ChangeRow] = ()) -> bool:
        """Whether a client's snapshot is newer than some of these rows, or than what the hub has read up to them.

        Once it is not, its floor is of no more use.
        """
        vector, floor = self._vector or {}, client.floor
        if any(row.seq <= floor.get(row.partition, 0) for row in rows):
            return True
        if all(vector.get(p, 0) >= seq for p, seq in floor.items()):
            client.floor = {}
        return bool(client.floor)

    def _send_singly(self, client: Client, rows: Sequence[ChangeRow]) -> None:
        """Rows for one client: without those its snapshot holds, and only what lies in its viewport."""
        new = [row for row in rows if row.seq > client.floor.get(row.partition, 0)]
        changes = coalesce(change for row in new for change in flatten(row.body, client.topics))
        changes = self._in_box(client, changes)
        if changes:
            vector = dict(self._vector or {})
            for partition, seq in client.floor.items():
                vector[partition] = max(seq, vector.get(partition, 0))
            self._push(client, delta(changes, encode_cursor(vector), now_text()))

    def _in_box(self, client: Client, changes: list[Change]) -> list[Change]:
        """What lies in a client's viewport: entering it is a put of the whole, leaving it a delete."""
        if (box := client.box) is None:
            return changes
        mirror = self._mirrors.get(client.tenant_id)
        found = []
        for change in changes:
            if change["topic"] != "vehicles":
                found.append(change)
                continue
            key, whole = change["id"], mirror.vehicles.get(change["id"]) if mirror else None
            was, is_in = key in client.inside, box.holds(whole)
            if is_in and not was:
                client.inside.add(key)
                found.append({"topic": "vehicles", "id": key, "op": "put", "data": whole})
            elif is_in:
                found.append(change)
            elif was:
                client.inside.discard(key)
                found.append({"topic": "vehicles", "id": key, "op": "delete"})
        return found

    def _push(self, client: Client, item: Any) -> None:
        if client.closing.done():
            return
        self._metrics.messages.inc()
        if not client.outbox.push(item):
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
        rows = _in_order([_change_row(row) for row in found])
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
            now = now_text()
            plain, followed = (
                message("ping", now=now),
                message("ping", now=now, cursor=encode_cursor(self._vector or {})),
            )
            for clients in self._clients.values():
                for client in clients:
                    current = client.topics and client.waiting is None and not self._ahead(client)
                    self._push(client, followed if current else plain)

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
            for row in ended:
                self._out(row["id"], "the role has changed: connect again" if row["good"] else "signed out")

    def _out(self, token_id: int, reason: str) -> None:
        for clients in self._clients.values():
            for client in clients:
                if client.token_id == token_id:
                    client.close(1008, reason)


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


def _change_row(row: Mapping[str, Any]) -> ChangeRow:
    return ChangeRow(row["partition"], row["seq"], row["tenant_id"], row["at"], row["body"])


def _in_order(rows: Sequence[ChangeRow]) -> list[ChangeRow]:
    """Rows of all partitions by time, each partition's own order kept."""
    lanes: dict[int, list[ChangeRow]] = defaultdict(list)
    for row in rows:
        lanes[row.partition].append(row)
    return list(heapq.merge(*lanes.values(), key=lambda row: row.at))
