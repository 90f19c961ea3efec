"""Bearer tokens of a tenant: which there are, and the end of one. What they are is known to their holders only."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import psycopg
from psycopg.rows import class_row

from store.db import queries
from store.registry import RegistryError


class Token(NamedTuple):
    """A bearer token as it may be shown; without a time of expiry it lasts for ever."""

    id: int
    name: str
    role: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

    def state(self, now: datetime) -> str:
        """`good`, `expired` or `revoked`."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "good"


def tokens(connection: psycopg.Connection, tenant_id: int, name: str | None = None) -> list[Token]:
    """All bearer tokens of a tenant, or those of one name, the newest first."""
    with connection.cursor(row_factory=class_row(Token)) as cursor:
        return cursor.execute(queries("registry")["tokens"], {"tenant": tenant_id, "name": name}).fetchall()


def revoke_token(connection: psycopg.Connection, tenant_id: int, name: str) -> bool:
    """The token of this name is good no more; False: it was revoked before.

    Raises:
        RegistryError: there never was one of this name.
    """
    if connection.execute(queries("registry")["revoke_token"], {"tenant": tenant_id, "name": name}).fetchall():
        return True
    if not tokens(connection, tenant_id, name):
        raise RegistryError(f"no token {name!r}: `frostway token list` shows them")
    return False
