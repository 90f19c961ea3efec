"""The job that looks whether goods of orders are there and good still, and gives orders others."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from psycopg.rows import dict_row

from domain.orders.news import news
from domain.times import to_us
from operations.allocation.record import mend
from operations.unit_of_work import Row, Statement, run
from store.db import queries
from store.link import Link

BY = "rule"


def mend_orders(link: Link, now: datetime) -> int:
    """Takes back what is gone or no more good, order by order; how many were changed."""
    pages = {name: queries("operations")[name] for name in ("speak_for", "tell_pages")}
    named = {**queries("availability"), **queries("stock"), **queries("orders"), **pages}
    connection = link.connection
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(named["orders_to_mend"]).fetchall()
    changed = 0
    for row in found:
        with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:

            def execute(statement: Statement, tenant: int = row["tenant"]) -> Sequence[Row]:
                cursor.execute(named[statement.query], {**statement.values, "tenant": tenant})
                return cursor.fetchall() if cursor.description else []

            if not run(mend(row["name"], to_us(now), BY), execute).new:
                continue
            changed += 1
            execute(Statement("speak_for", {"of_tenant": row["tenant"]}))
            told = [news(each) for each in execute(Statement("told", {"names": [row["name"]]}))]
            body = json.dumps({"orders": told}, separators=(",", ":")).encode()
            execute(Statement("tell_pages", {"body": body}))
    return changed
