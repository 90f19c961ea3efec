"""What `frostway epcis capture` does in a stack."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from domain.epcis.check import events_of
from domain.epcis.model import event_of
from domain.times import to_us
from frostway.failure import Failure
from frostway.settings import Settings
from frostway.stack import WHO, find
from operations.epcis.record import CaptureError, capture
from operations.unit_of_work import Statement, run
from store.db import connect, queries
from store.registry import Registry


def captured(
    data: Path | None, settings: Settings, tenant: str, documents: Sequence[tuple[str, Mapping[str, Any]]]
) -> Iterator[str]:
    """Takes in checked documents, each in a transaction of its own; what became of each.

    Raises:
        Failure: an event's id is another event's.
    """
    with connect(find(data, settings).database_url, "epcis capture") as connection:
        tenant_id = Registry(connection, tenant).tenant_id
        named = {**queries("stock"), **queries("epcis")}

        def execute(statement: Statement) -> Sequence[Mapping[str, Any]]:
            with connection.cursor(row_factory=dict_row) as cursor:
                cursor.execute(named[statement.query], {"tenant": tenant_id, **statement.values})
                return cursor.fetchall() if cursor.description else []

        for name, document in documents:
            context = document.get("@context")
            told = [(path, event_of(body, context)) for path, body in events_of(document)]
            with connection.transaction():
                try:
                    made = run(capture(told, context, WHO, of=len(told), now_us=to_us(datetime.now(UTC))), execute)
                except CaptureError as error:
                    raise Failure(f"{name}: {error}; nothing of it was taken in") from None
                detail = Jsonb({"file": name, "taken": made.taken, "known": made.known})
                audit = {"tenant": tenant_id, "actor": WHO, "action": "epcis.capture", "subject": str(made.id)}
                connection.execute(queries("lifecycle")["audit"], {**audit, "detail": detail})
            yield f"{name}: {made.taken} events taken in, {made.known} known before"
