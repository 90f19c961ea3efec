"""How the simulated fleet's goods are told: queries and scripts of one tenant, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg.rows import dict_row

from operations.unit_of_work import Script, Statement, T, run
from store.db import queries
from store.registry import Registry

ACTOR = "demo"
FILES = ("stock", "orders", "availability")
"""Where statements of scripts stand."""


class Ask:
    """Queries of stock, of one tenant, inside the caller's transaction."""

    def __init__(self, registry: Registry) -> None:
        self._connection, self._tenant = registry.connection, registry.tenant_id

    def rows(self, file: str, query: str, **values: Any) -> list[dict[str, Any]]:
        """What a query of a file gives."""
        with self._connection.cursor(row_factory=dict_row) as cursor:
            cursor.execute(queries(file)[query], {"tenant": self._tenant, **values})
            return cursor.fetchall() if cursor.description else []

    def do(self, script: Script[T], files: Sequence[str] = FILES) -> T:
        """Runs a script of the operations; `files`: where its statements stand."""

        def execute(statement: Statement) -> Sequence[Mapping[str, Any]]:
            file = next(name for name in files if statement.query in queries(name))
            return self.rows(file, statement.query, **statement.values)

        return run(script, execute)
