"""The API's way to the database: a pool, and transactions that see one tenant only.

Transactions of tenants take turns (`api/turns.py`): one tenant never holds all connections, and whoever looks up a
token has two more.

Every query carries its tenant in a predicate; behind that stands row-level security, because a tenant's transaction
runs as the role `frostway_api`. The login itself (`frostway_web`) may see no table: sessions, share tokens and the
change stream come from functions (`store/functions.sql`).

A request may be cancelled at any await. A checkout that is cancelled half way would lose its connection, so taking and
giving back run in tasks of their own.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, LiteralString, TypeVar

import psycopg
from psycopg import AsyncConnection, AsyncServerCursor
from psycopg.rows import dict_row, tuple_row
from psycopg.sql import Composed
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from api.turns import Turns
from domain.readings import F64
from operations.unit_of_work import Script, Statement, run_async
from store.arrays import aggregated, column_stack
from store.db import queries

log = logging.getLogger(__name__)

T = TypeVar("T")
Row = dict[str, Any]
Connection = AsyncConnection[Row]

DATABASE_ERRORS = (psycopg.Error, PoolTimeout, OSError)
CHECKOUT_S = 3.0
STATEMENT_S = 20.0
IDLE_S = 60.0
TURN_S = 10.0
WAITING_MAX = 200  # of one tenant
OWNERS = 2  # connections that no tenant takes
OTHERS = 2  # places that are left when one tenant has all it may


class Session:
    """Queries inside one transaction. The tenant, when there is one, is given to every query as `tenant`."""

    def __init__(self, connection: Connection, tenant_id: int | None) -> None:
        self._connection = connection
        self.tenant_id = tenant_id

    async def rows(self, sql: LiteralString, **values: Any) -> list[Row]:
        """All rows of a query."""
        cursor = await self._connection.execute(sql, self._with_tenant(values))
        return await cursor.fetchall()

    async def table(self, sql: LiteralString, **values: Any) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Names of the columns and all rows, also when there are none."""
        async with self._connection.cursor(row_factory=tuple_row) as cursor:
            await cursor.execute(sql, self._with_tenant(values))
            return [column.name for column in cursor.description or ()], await cursor.fetchall()

    async def row(self, sql: LiteralString, **values: Any) -> Row | None:
        """The first row of a query, if there is one."""
        cursor = await self._connection.execute(sql, self._with_tenant(values))
        return await cursor.fetchone()

    async def run(self, sql: LiteralString, **values: Any) -> int:
        """Executes a statement; returns the number of rows it touched."""
        cursor = await self._connection.execute(sql, self._with_tenant(values))
        return cursor.rowcount

    async def perform(self, script: Script[T], named: Mapping[str, LiteralString]) -> T:
        """Runs a script of `operations`, whose statements are among these queries, in this transaction."""

        async def execute(statement: Statement) -> list[Row]:
            values = {"tenant": None, **self._with_tenant(dict(statement.values))}
            cursor = await self._connection.execute(named[statement.query], values)
            return await cursor.fetchall() if cursor.description else []

        return await run_async(script, execute)

    async def batches(self, sql: LiteralString, size: int, **values: Any) -> AsyncIterator[list[tuple[Any, ...]]]:
        """Rows of a long answer as tuples, `size` at a time, through a cursor on the server: memory stays bounded."""
        cursor: AsyncServerCursor[tuple[Any, ...]]
        async with self._connection.cursor(name="answer", row_factory=tuple_row) as cursor:
            await cursor.execute(sql, self._with_tenant(values))
            while found := await cursor.fetchmany(size):
                yield found

    async def arrays(self, sql: LiteralString, width: int, most: int, **values: Any) -> F64:
        """At most so many rows of a long answer of numbers as one array (n, width) of float64; null is NaN.

        The server makes an array of each column, which is read without an object for each number.
        """
        await self.run(queries("api")["sort_in_memory"])
        return await self.packed(aggregated(sql, width, most), width, **values)

    async def packed(self, sql: LiteralString | Composed, width: int, **values: Any) -> F64:
        """The same of a query that packs its rows itself, as `store.arrays.aggregated` would."""
        async with self._connection.cursor(binary=True, row_factory=tuple_row) as cursor:
            await cursor.execute(sql, self._with_tenant(values))
            return column_stack(cursor.pgresult, width)

    def _with_tenant(self, values: Row) -> Row:
        return values if self.tenant_id is None else {**values, "tenant": self.tenant_id}


class Database:
    """A pool of connections, and the two kinds of transaction the API uses."""

    def __init__(self, dsn: str, *, connections_max: int = 10, refused: Callable[[], None] = lambda: None) -> None:
        """`refused` is called for each transaction that was not begun because too many wait."""
        self.dsn = dsn
        places = max(1, connections_max - OWNERS)
        self._turns = Turns(places, max(1, places - OTHERS), patience_s=TURN_S, waiting=WAITING_MAX, refused=refused)
        self._q = queries("api")
        self._background: set[asyncio.Task[Any]] = set()
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            dsn,
            connection_class=AsyncConnection,
            kwargs=connection_options("api"),
            min_size=1,
            max_size=connections_max,
            timeout=CHECKOUT_S,
            check=AsyncConnectionPool.check_connection,
            open=False,
            name="api",
        )

    async def open(self) -> None:
        """Begins to connect; does not wait, so that the API can say itself that the database is away."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        """Gives all connections back to the server."""
        if self._background:
            await asyncio.wait(self._background, timeout=1.0)
        await self._pool.close(timeout=1.0)

    @asynccontextmanager
    async def owner(self, *, snapshot: bool = False) -> AsyncIterator[Session]:
        """A transaction of no tenant: sessions, share tokens, the change stream."""
        async with self._transaction(snapshot=snapshot) as connection:
            yield Session(connection, None)

    @asynccontextmanager
    async def tenant(self, tenant_id: int, *, snapshot: bool = False) -> AsyncIterator[Session]:
        """A transaction that sees one tenant; with `snapshot` all its queries see one moment."""
        async with self.turn(tenant_id), self._transaction(snapshot=snapshot) as connection:
            yield await self.become(Session(connection, None), tenant_id)

    def turn(self, tenant_id: int) -> AbstractAsyncContextManager[None]:
        """A tenant's place among all: for what begins as `owner` and is of a tenant that is known. Not inside another.

        Raises:
            Busy: too many wait.
        """
        return self._turns.turn(tenant_id)

    async def become(self, session: Session, tenant_id: int) -> Session:
        """Narrows a transaction of no tenant to one, for the rest of it."""
        await session.run(
            self._q["become_tenant"],
            tenant=tenant_id,
            timeout_ms=int(STATEMENT_S * 1000),
            idle_ms=int(IDLE_S * 1000),
        )
        return Session(session._connection, tenant_id)  # noqa: SLF001 - the same class of the same module

    @asynccontextmanager
    async def _transaction(self, *, snapshot: bool) -> AsyncIterator[Connection]:
        connection = await self._checkout()
        try:
            async with connection.transaction():
                if snapshot:
                    await connection.execute(self._q["repeatable_read"])
                yield connection
        finally:
            await self.finish(self._pool.putconn(connection))

    async def finish(self, work: Coroutine[Any, Any, None]) -> None:
        """Work that is done to its end even when the caller is cancelled."""
        await asyncio.shield(self._task(work))

    async def _checkout(self) -> Connection:
        task = self._task(self._pool.getconn())
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(self._give_back)
            raise

    def _give_back(self, task: asyncio.Task[Connection]) -> None:
        if not task.cancelled() and task.exception() is None:
            self._task(self._pool.putconn(task.result()))

    def _task(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task


def connection_options(name: str) -> Row:
    """How the API's connections are set up: UTC, dictionaries, explicit transactions."""
    return {
        "autocommit": True,
        "row_factory": dict_row,
        "application_name": f"frostway {name}",
        "connect_timeout": 10,
        "options": "-c timezone=UTC",
    }
