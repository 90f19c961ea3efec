"""What the goods of shipments have seen, for the tracker: the API asks the same query."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from domain.readings import WRONG_TIME, Flag
from store.db import queries

UNUSED = int(WRONG_TIME | Flag.UNDECIDED | Flag.STUCK)


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


def held_to(connection: psycopg.Connection, tenant_id: int, shipments: Iterable[int]) -> list[dict[str, Any]]:
    """Which profile the readings of each device with these shipments count for, since when, and their phases."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            queries("goods")["held_to"], {"tenant": tenant_id, "shipments": list(shipments)}
        ).fetchall()


def readings(
    connection: psycopg.Connection, tenant_id: int, shipments: Iterable[int], now: datetime
) -> list[dict[str, Any]]:
    """What each probe measured with these shipments. Inside a transaction."""
    q, asked = queries("goods"), {"tenant": tenant_id, "shipments": list(shipments), "now": now, "unused": UNUSED}
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(q["for_tenant"], asked)
        return cursor.execute(q["shipment_readings"], asked).fetchall()


def put_exposures(
    connection: psycopg.Connection, tenant_id: int, shipments: Sequence[int], rows: Sequence[Sequence[Any]]
) -> None:
    """What these shipments were exposed to, by probe, in the place of what was said before; `now` is last in a row."""
    q = queries("goods")
    with connection.cursor() as cursor:
        if rows:
            cursor.executemany(q["put_exposures"], [(*row[:5], Jsonb(row[5]), *row[6:]) for row in rows])
        now = rows[0][-1] if rows else datetime.max.replace(tzinfo=UTC)
        cursor.execute(q["drop_exposures"], {"tenant": tenant_id, "shipments": list(shipments), "now": now})
