"""What `frostway goods recall` does in a stack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from domain.refusal import CannotError
from domain.stock.quantities import text_of
from domain.times import to_us
from frostway.failure import Failure
from frostway.settings import Settings
from frostway.stack import WHO, find
from operations.recalls.record import recall
from operations.unit_of_work import Statement, run
from store.db import connect, queries
from store.registry import Registry

SHOWN_MAX = 1000


def recalled(data: Path | None, settings: Settings, tenant: str, lot: str, reason: str) -> str:
    """Recalls a lot; who has some of it.

    Raises:
        Failure: there is no such lot.
    """
    named = {**queries("availability"), **queries("orders"), **queries("recalls")}
    with connect(find(data, settings).database_url, "goods recall") as connection, connection.transaction():
        tenant_id = Registry(connection, tenant).tenant_id

        def execute(statement: Statement) -> Sequence[Mapping[str, Any]]:
            with connection.cursor(row_factory=dict_row) as cursor:
                cursor.execute(named[statement.query], {"tenant": tenant_id, **statement.values})
                return cursor.fetchall() if cursor.description else []

        try:
            done = run(recall(lot, reason, to_us(datetime.now(UTC)), WHO), execute)
        except CannotError as error:
            raise Failure(str(error)) from None
        if done.new:
            detail = Jsonb({"reason": reason, "orders": len(done.orders), "reservations": len(done.reservations)})
            audit = {"tenant": tenant_id, "actor": WHO, "action": "lot.recall", "subject": lot, "detail": detail}
            connection.execute(queries("lifecycle")["audit"], audit)
        (row,) = execute(Statement("recall", {"code": lot}))
        who = execute(Statement("who_has", {"lot": row["key"], "limit": SHOWN_MAX}))
    head = f"{lot} is recalled" if done.new else f"{lot} was recalled before ({row['reason']})"
    ended = f"{len(done.orders)} orders got other goods, {len(done.reservations)} reservations ended"
    lines = [
        f"{each['order']}: {each['customer']}, delivered {text_of(each['delivered'])}, returned "
        f"{text_of(each['returned'])}, on a vehicle {text_of(each['aboard'])}, with us {text_of(each['held'])}"
        for each in who
    ]
    return "\n".join([f"{head}; {ended}", *(lines or ["nobody has any of it"])])
