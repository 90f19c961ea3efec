"""Handling units and their budgets, for the tracker."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from store.db import queries
from store.goods import UNUSED


def claim_stale(connection: psycopg.Connection, most: int) -> list[tuple[int, int]]:
    """Units whose budgets are to be looked at, and their tenants: ours until the end of the transaction."""
    return connection.execute(queries("handling")["claim_stale"], {"limit": most}).fetchall()


def are_stale(connection: psycopg.Connection) -> bool:
    """Whether there are any."""
    return connection.execute(queries("handling")["are_stale"]).fetchone() == (True,)


def beside(connection: psycopg.Connection, devices: Sequence[int], recent: datetime) -> None:
    """There is news of these devices: the budgets of units that ever were beside them are to be looked at."""
    connection.execute(queries("handling")["beside"], {"devices": list(devices), "recent": recent})


def overdue(connection: psycopg.Connection, before: datetime, most: int) -> None:
    """The budgets of open units that were looked at longest ago are to be looked at again."""
    connection.execute(queries("handling")["overdue"], {"before": before, "limit": most})


def shipments_of(connection: psycopg.Connection, tenant_id: int, units: Sequence[int]) -> list[int]:
    """Shipments with these units."""
    asked = {"tenant": tenant_id, "units": list(units)}
    return [row[0] for row in connection.execute(queries("handling")["shipments_of"], asked).fetchall()]


def of_shipments(
    connection: psycopg.Connection, tenant_id: int, shipments: Sequence[int]
) -> dict[int, list[dict[str, Any]]]:
    """The goods that were with shipments, and their budgets."""
    found: dict[int, list[dict[str, Any]]] = {}
    for row in Asked(connection, tenant_id).rows("of_shipments", shipments=list(shipments)):
        found.setdefault(row["id"], []).append(row)
    return found


class Asked:
    """Queries of one tenant inside a transaction."""

    def __init__(self, connection: psycopg.Connection, tenant_id: int) -> None:
        self._connection, self._tenant_id = connection, tenant_id
        connection.execute(queries("goods")["for_tenant"], {"tenant": tenant_id})

    def rows(self, query: str, **values: Any) -> list[dict[str, Any]]:
        """All rows of a query."""
        with self._connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(queries("handling")[query], {"tenant": self._tenant_id, **values}).fetchall()

    def run(self, query: str, **values: Any) -> None:
        """Executes a statement."""
        self._connection.execute(queries("handling")[query], {"tenant": self._tenant_id, **values})

    def measured(self, spans: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """What was measured in places and spans."""
        return self.rows("measured", spans=Jsonb(list(spans)), unused=UNUSED) if spans else []

    def put_budgets(self, rows: Sequence[dict[str, Any]], rule_version: int, now: datetime) -> None:
        """What units have used."""
        if rows:
            self.run("put_budgets", rows=Jsonb(list(rows)), rule_version=rule_version, now=now)
