"""Quarantine and the waiting list of one tenant, for programs beside the stack."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.rows import dict_row

from store.db import queries
from store.tenants import tenant_key

MANY_MAX = 10_000
"""Messages asked for at once."""


class Quarantine:
    """Messages of a tenant that were set aside, over one connection.

    Raises:
        UnknownTenantError: there is no such tenant.
    """

    def __init__(self, connection: psycopg.Connection, tenant: str) -> None:
        self._c = connection
        self._q = queries("quarantine")
        self._tenant = tenant
        tenant_key(connection, tenant)

    def _rows(self, query: str, **values: Any) -> list[dict[str, Any]]:
        with self._c.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(self._q[query], {"tenant_name": self._tenant, **values}).fetchall()

    def messages(
        self, *, device: str | None = None, reason: str | None = None, waiting: bool = False, limit: int = 50
    ) -> list[dict[str, Any]]:
        """The newest messages; `waiting`: only those that have not been read again since."""
        return self._rows("list", after=None, device=device, reason=reason, waiting=waiting, limit=limit)

    def message(self, number: int) -> dict[str, Any] | None:
        """One message, None when there is none of this number."""
        found = self._rows("one", id=number)
        return found[0] if found else None

    def ask(self, number: int, actor: str, *, payload: bytes | None = None, topic: str | None = None) -> bool:
        """One message is to be read again, mended when a payload or topic is given; False: it was read already."""
        asked = self._rows("ask", id=number, actor=actor, payload=payload, topic=topic)
        self._c.execute(self._q["notify"])
        return bool(asked)

    def ask_many(self, actor: str, *, device: str | None, reason: str | None) -> int:
        """Messages are to be read again, at most `MANY_MAX`; how many."""
        values = {"tenant_name": self._tenant, "actor": actor, "device": device, "reason": reason, "limit": MANY_MAX}
        asked = self._c.execute(self._q["ask_many"], values).rowcount
        self._c.execute(self._q["notify"])
        return asked

    def newest(self) -> int:
        """Number of the newest message: what comes later is not meant by who looks now."""
        return int(self._rows("newest")[0]["id"])

    def to_mend(
        self, *, device: str | None, reason: str | None, until: int, after: int = 0, limit: int = 100
    ) -> list[dict[str, Any]]:
        """Messages that wait, with number, topic and payload, the oldest first; the next ones with `after`."""
        return self._rows("to_mend", device=device, reason=reason, until=until, after=after, limit=limit)

    def mend(self, actor: str, number: int, topic: str, payload: bytes) -> bool:
        """A message is to be read as this; False: it was read already. `notify` when all are asked for."""
        values = {"tenant_name": self._tenant, "id": number, "actor": actor, "topic": topic, "payload": payload}
        return self._c.execute(self._q["mend"], values).rowcount > 0

    def notify(self) -> None:
        """Wakes whoever reads messages again."""
        self._c.execute(self._q["notify"])

    def ask_for_device(self, name: str, foreign_id: str | None) -> int:
        """What waited for a device to be registered is to be read again; how many messages."""
        values = {"tenant_name": self._tenant, "device": name, "foreign_id": foreign_id}
        asked = self._c.execute(self._q["ask_for_device"], values).rowcount
        if asked:
            self._c.execute(self._q["notify"])
        return asked

    def pending(self) -> int:
        """How many messages are still to be read again."""
        return int(self._rows("pending")[0]["count"])

    def strangers(self, limit: int = 200) -> list[dict[str, Any]]:
        """Devices that speak and nobody has registered, those heard of last first."""
        return self._rows("strangers", limit=limit)
