"""Subscriptions to named queries: what is found becomes what a webhook is told, as events come or by the clock.

What a subscription was told of moves in the transaction in which the message to its receiver is written: nothing is
left out, nothing is told twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson
import psycopg
from psycopg.rows import dict_row

from domain.epcis.answers import answer, event_shown
from domain.epcis.query import asked_by_name
from domain.epcis.schedules import schedule_of
from domain.times import rfc3339, to_us
from operations.follower import Source
from operations.unit_of_work import Row, Script, Statement, run
from store.db import queries
from store.link import Link

EVENTS_MAX = 100
"""Of one message."""
MESSAGES_MAX = 50
"""Of one turn of a schedule; the next ones come a minute later."""


def tell_subscribers(rows: Sequence[Row]) -> Script[int]:
    """New events, to all that want them as they come."""
    newest = {row["tenant_id"]: row for row in rows}
    found = yield Statement("subscriptions", {"tenants": list(newest), "by_clock": False})
    for each in found:
        upto = newest[each["tenant_id"]]
        yield from _advance(each, upto["written_in"], upto["id"], upto["recorded_at"])
    return len(rows)


def _advance(each: Row, upto: str | None, upto_id: int | None, now: datetime) -> Script[bool]:
    """Tells what is behind its place, up to another; whether all of it was told."""
    conditions = asked_by_name(each["asked"])
    since = conditions["recorded_from"]
    conditions["recorded_from"] = each["since"] if since is None else max(since, each["since"])
    asked: dict[str, Any] = {**conditions, "by_record": True, "ascending": True, "after": None, "after_id": None}
    asked |= {"tenant": each["tenant_id"], "upto": upto, "upto_id": upto_id, "limit": EVENTS_MAX}
    behind, behind_id, told = each["written_in"], each["row_id"], 0
    for _ in range(MESSAGES_MAX):
        events = yield Statement("events", {**asked, "behind": behind, "behind_id": behind_id})
        if not events:
            break
        behind, behind_id = events[-1]["written_in"], events[-1]["id"]
        yield _message(each, events, f"{behind}/{behind_id}", now)
        told += 1
    is_all = told < MESSAGES_MAX
    if is_all and not told and each["report_if_empty"] and each["schedule"]:
        yield _message(each, [], f"empty/{rfc3339(to_us(now))}", now)
    if is_all and upto is not None:
        behind, behind_id = upto, upto_id
    place = {"id": each["id"], "written_in": behind, "row_id": behind_id, "now": now if is_all else None}
    yield Statement("move_subscription", place)
    return is_all


def _message(each: Row, events: Sequence[Row], cause: str, now: datetime) -> Statement:
    shown = answer([event_shown(row) for row in events], rfc3339(to_us(now)), each["query"], each["name"])
    values = {"of_tenant": each["tenant_id"], "receiver": each["receiver_id"], "at": now}
    subject = f"epcis/queries/{each['query']}"
    data = orjson.dumps(shown).decode()
    return Statement("tell_subscriber", {**values, "cause": f"epcis/{cause}", "subject": subject, "data": data})


def tell_by_clock(link: Link, now: datetime) -> int:
    """What schedules that are due find; how many of them there were."""
    done, q = 0, queries("epcis")
    connection = link.connection
    with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:

        def execute(statement: Statement) -> Sequence[Row]:
            return _rows(cursor, q[statement.query], statement)

        for each in execute(Statement("subscriptions", {"tenants": None, "by_clock": True})):
            if schedule_of(each["schedule"]).is_due(each["looked_at"], now):
                run(_advance(each, None, None, now), execute)
                done += 1
    return done


def _rows(cursor: psycopg.Cursor[dict[str, Any]], query: str, statement: Statement) -> Sequence[Row]:
    cursor.execute(query, {"tenant": None, **statement.values})
    return cursor.fetchall() if cursor.description else []


EVENTS = Source("epcis subscriptions", "events_behind", tell_subscribers, "epcis")
