"""A tenant leaves: everything of it goes, and nothing of another, in portions that may be interrupted anywhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import psycopg
from psycopg import sql

from store import report
from store.db import queries
from store.registry import Registry
from store.tenancy import HISTORY, REGISTRY, TENANT, Owned
from store.tenants import FIRST, RegistryError

PORTION = 5_000
TRIES = 5


class Removed(NamedTuple):
    """A portion that is gone, and committed."""

    table: str
    rows: int


class Leaving:
    """The end of one tenant over one connection, which commits each statement by itself.

    Raises:
        UnknownTenantError: there is none of this name; it may be gone already.
        RegistryError: it is the first tenant, which every installation has.
    """

    def __init__(self, connection: psycopg.Connection, name: str, portion: int = PORTION) -> None:
        if name == FIRST:
            raise RegistryError(f"{FIRST} is the tenant that every installation has: it cannot be deleted")
        self._c, self._q, self._name, self._portion = connection, queries("tenancy"), name, portion
        self._registry = Registry(connection, name)
        self._values = {"tenant": self._registry.tenant_id, "name": name, "limit": portion}

    def counts(self) -> tuple[int, int, int]:
        """Devices, vehicles and people it has."""
        row = self._c.execute(self._q["counts"], self._values).fetchone() or (0, 0, 0)
        return int(row[0]), int(row[1]), int(row[2])

    def begin(self, actor: str) -> None:
        """Nobody and nothing of it gets in any more; ingest and tracker hear of it."""
        with self._c.transaction():
            self._c.execute(self._q["begin_end"], self._values)
            report.drop_login(self._c, self._registry.tenant_id)
            self._c.execute(queries("registry")["notify_registry"])
            Registry(self._c).audit(actor, "tenant.end", self._name)

    def positions(self) -> dict[int, tuple[int, int]]:
        """Of each partition of the log how far it is written, and how far it is read."""
        return {int(p): (int(head), int(read)) for p, head, read in self._c.execute(self._q["heads"]).fetchall()}

    def remove(self) -> Iterator[Removed]:
        """Removes it, portion by portion; the history first, as its rows are found by the registry's keys."""
        yield from self._until_empty(HISTORY)
        yield from self._until_empty((*HISTORY, *REGISTRY))

    def finish(self, actor: str) -> None:
        """The name is free; one line remains with the operator.

        Raises:
            RegistryError: somebody has written meanwhile: once more.
        """
        try:
            with self._c.transaction():
                rule = sql.SQL(TENANT.rule)
                self._c.execute(self._delete("delete_rows", TENANT.table, rule), self._values)
                Registry(self._c).audit(actor, "tenant.delete", self._name)
                self._c.execute(queries("registry")["notify_registry"])
        except psycopg.errors.ForeignKeyViolation as error:
            table = error.diag.table_name or "a table"
            raise RegistryError(f"something was written into {table} meanwhile: run the same command again") from error

    def _until_empty(self, tables: Sequence[Owned]) -> Iterator[Removed]:
        """Passes over the tables until one finds nothing: what was on its way is found by the next."""
        for _ in range(TRIES):
            found = 0
            for owned in tables:
                for rows in self._portions(owned):
                    found += rows
                    yield Removed(owned.table, rows)
            if not found:
                return
        raise RegistryError("something goes on writing: run the same command again, and see `frostway doctor`")

    def _portions(self, owned: Owned) -> Iterator[int]:
        if owned.table.startswith("reading_") and owned.table != "reading_summary":  # in partitions, and many
            query = self._delete("delete_readings", owned.table)
            for (device,) in self._c.execute(self._q["device_keys"], self._values).fetchall():
                while rows := self._c.execute(query, {**self._values, "device": device}).rowcount:
                    yield rows
            return
        query = self._delete("delete_rows", owned.table, sql.SQL(owned.rule))
        while rows := self._c.execute(query, self._values).rowcount:
            yield rows

    def _delete(self, query: str, table: str, rule: sql.Composable | None = None) -> sql.Composed:
        return sql.SQL(self._q[query]).format(table=sql.Identifier(table), rule=rule or sql.SQL(""))


def begin_anew(connection: psycopg.Connection, name: str) -> None:
    """A tenant that is made begins with nothing, whoever had its name before."""
    connection.execute(queries("tenancy")["begin_anew"], {"name": name})
