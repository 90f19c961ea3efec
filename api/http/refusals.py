"""Who was refused, from where, how often: counted, logged and written into the audit trail, many as one line.

A first refusal is written down within seconds. While they go on, lines come less and less often, and never more than
`LINES_MAX` at once: what is beyond becomes one line for all others.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

import orjson

from api.database import DATABASE_ERRORS, Database
from api.http.jsons import when
from api.http.metrics import Metrics
from domain.limits import network_of
from store.db import queries

log = logging.getLogger(__name__)

FIRST_S = 2.0
PAUSE_S_MAX = 300.0
LINES_MAX = 50
SUBJECT_CHARS_MAX = 100


class Key(NamedTuple):
    """What is counted together. `tenant` None: of no tenant that we know."""

    tenant: int | None
    action: str
    subject: str
    network: str


@dataclass
class Count:
    """How often, and when."""

    times: int
    first: datetime
    last: datetime


class Refusals:
    """Collects refusals and writes them down beside the requests."""

    def __init__(self, database: Database, metrics: Metrics, tenant: str) -> None:
        self._database, self._metrics, self._tenant = database, metrics, tenant
        self._counts: dict[Key, Count] = {}
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def saw(self, reason: str, subject: str, address: str, tenant: int | None = None) -> None:
        """A password, link or token that was not good; `subject` says whose, as far as it is known."""
        self._metrics.refused.labels(reason).inc()
        now = datetime.now(UTC)
        shown = "".join(c if c.isprintable() else "?" for c in subject)[:SUBJECT_CHARS_MAX]
        key = Key(tenant, f"{reason}.refused", shown, network_of(address))
        if key not in self._counts and len(self._counts) >= LINES_MAX:
            key = Key(None, f"{reason}.refused", "others", "many networks")
        count = self._counts.setdefault(key, Count(0, now, now))
        count.times, count.last = count.times + 1, now
        self._news.set()

    def start(self) -> None:
        """Begins to write down."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Writes down what is left."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        with contextlib.suppress(*DATABASE_ERRORS):
            await self.write()

    async def _run(self) -> None:
        pause_s = FIRST_S
        while True:
            await self._news.wait()
            await asyncio.sleep(pause_s)
            self._news.clear()
            try:
                await self.write()
            except DATABASE_ERRORS as error:
                log.warning("refusals could not be written down: %s", type(error).__name__)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._news.wait()
            pause_s = min(pause_s * 2, PAUSE_S_MAX) if self._news.is_set() else FIRST_S

    async def write(self) -> None:
        """One line of the log and of the audit trail for each that was counted.

        Raises:
            DATABASE_ERRORS: the database is away; the log has them.
        """
        counts, self._counts = self._counts, {}
        for key, count in counts.items():
            log.warning("%s: %r from %s, %d times", key.action, key.subject, key.network, count.times)
        q = queries("registry")
        for key, count in counts.items():
            tenant = key.tenant if key.tenant is not None else await self._first_tenant()
            if tenant is None:
                continue
            detail = {"times": count.times, "first": when(count.first), "last": when(count.last)}
            async with self._database.tenant(tenant) as session:
                await session.run(
                    q["audit"],
                    actor=f"network {key.network}",
                    action=key.action,
                    subject=key.subject,
                    detail=orjson.dumps(detail).decode(),
                )

    async def _first_tenant(self) -> int | None:
        async with self._database.owner() as session:
            row = await session.row(queries("api")["tenant_key"], tenant_name=self._tenant)
        return int(row["id"]) if row else None
