"""What the goods of shipments have seen, for the tracker: the API asks the same query."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row

from store.db import queries


def carried_by(
    connection: psycopg.Connection,
    devices: Sequence[int],
    vehicles: Sequence[int],
    shipments: Sequence[int],
    recent: datetime,
) -> list[tuple[int, int, str, bool]]:
    """Id, tenant, name and whether delivered of the shipments these speak of, but those delivered before `recent`."""
    asked = {"devices": list(devices), "vehicles": list(vehicles), "shipments": list(shipments), "recent": recent}
    return connection.execute(queries("goods")["carried_by"], asked).fetchall()


def temperatures(
    connection: psycopg.Connection, tenant_id: int, shipments: Iterable[int], now: datetime
) -> dict[int, dict[str, Any]]:
    """Rows of `shipment_temperatures` by shipment; none of those without a reading. Inside a transaction."""
    q, asked = queries("goods"), {"tenant": tenant_id, "shipments": list(shipments), "now": now}
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(q["for_tenant"], asked)
        cursor.execute(q["shipment_temperatures"], asked)
        return {row["id"]: row for row in cursor}
