"""Whose tokens are: asked of the database at every request, once for all that come at the same moment."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from api.database import Database, Row
from api.together import Together
from store.db import queries

SEEN_EVERY = timedelta(minutes=5)
LOOKUPS = 2  # at once


@dataclass
class Asked:
    """A token by its digest, of a session or not; `row` is its holder, once it was looked up."""

    digest: bytes
    by_cookie: bool
    row: Row | None = None


class Callers:
    """Looks tokens up: when thousands come back at once they wait for a few questions, not each for a connection."""

    def __init__(self, database: Database) -> None:
        self._database = database
        turns = asyncio.Semaphore(LOOKUPS)
        self._together = Together(self._look_up, lambda _: turns)

    async def find(self, digest: bytes, *, by_cookie: bool) -> Row | None:
        """The holder of a token that is good, if it is one of a session when it came as a cookie, and else none of one.

        Raises:
            psycopg.Error, PoolTimeout: the database is away.
        """
        asked = Asked(digest, by_cookie)
        await self._together.ask("", asked)
        return asked.row

    async def _look_up(self, _key: str, some: list[Asked]) -> None:
        now = datetime.now(UTC)
        async with self._database.owner() as session:
            found = await session.rows(queries("api")["callers"], token_sha256s=[each.digest for each in some])
            by_digest = {bytes(row["token_sha256"]): row for row in found}
            for each in some:
                row = by_digest.get(each.digest)
                if row is not None and each.by_cookie == (row["kind"] == "session"):
                    each.row = row
            unseen = {
                each.row["id"]
                for each in some
                if each.row is not None and (each.row["used_at"] is None or now - each.row["used_at"] > SEEN_EVERY)
            }
            if unseen:
                await session.run(queries("people")["seen"], ids=sorted(unseen))
