"""The job that goes on with waves whose releasing nobody has finished: whoever began it was killed.

It gives their orders goods; rounds of carts are planning's, and are divided when somebody asks for them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from psycopg.rows import dict_row

from domain.orders.news import news
from domain.times import to_us
from operations.unit_of_work import Row, Script, Statement, T, run
from operations.waves.record import finish, give
from store.db import queries
from store.link import Link

RULE = frozenset({"rule"})


def release_waves(link: Link, now: datetime) -> int:
    """Goes on with waves that have been at it for a while; how many were finished."""
    pages = {name: queries("operations")[name] for name in ("speak_for", "tell_pages")}
    named = {**queries("availability"), **queries("stock"), **queries("orders"), **queries("waves"), **pages}
    connection = link.connection

    def perform(script: Script[T], tenant: int) -> T:
        with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:

            def execute(statement: Statement) -> Sequence[Row]:
                cursor.execute(named[statement.query], {**statement.values, "tenant": tenant})
                return cursor.fetchall() if cursor.description else []

            return run(script, execute)

    with connection.cursor(row_factory=dict_row) as cursor:
        left = cursor.execute(named["waves_left"]).fetchall()
    done = 0
    for row in left:
        while perform(_given(row["name"], row["tenant"], to_us(now), row["released_by"]), row["tenant"]):
            pass
        done += perform(finish(row["name"]), row["tenant"])
    return done


def _given(name: str, tenant: int, now_us: int, by: str) -> Script[list[str]]:
    names = yield from give(name, now_us, by, RULE)
    if names:
        yield Statement("speak_for", {"of_tenant": tenant})
        told = [news(each) for each in (yield Statement("told", {"names": names}))]
        yield Statement("tell_pages", {"body": json.dumps({"orders": told}, separators=(",", ":")).encode()})
    return names
