"""The thread that tells by routes. All it knows is in the store: what is told and how far it is are one transaction."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from domain.alert_routes import GROUP_MAX_S, routes_of
from operations.cases.record import end_mute
from operations.deliver.message import LINES_MAX
from operations.deliver.worker import Worker
from operations.escalation.decide import Item, State, after, fire, look_at, moved, plan
from operations.escalation.record import alert_of, kept_of, state_of
from operations.unit_of_work import Statement, run
from store.db import queries
from store.link import Link

POLL_S = 1.0
GROUP_MAX = timedelta(seconds=GROUP_MAX_S)
Row = Mapping[str, Any]


class Escalations(Worker):
    """Tells what is due by routes until stopped."""

    def __init__(self, database_url: str, stop: threading.Event) -> None:
        super().__init__("escalations", Link(database_url, "escalations", stop), stop, hands=1, rest_s=POLL_S)

    def turn(self, _pool: ThreadPoolExecutor, now: datetime) -> int:
        """What is due of every tenant; how many messages that are."""
        end_mutes(self._link.connection, now)
        return tell_due(self._link.connection, now)


def end_mutes(connection: psycopg.Connection, now: datetime) -> int:
    """Mutes whose time is over are taken back, and what is still so is told by whoever tells; how many there were."""
    q = queries("operations")
    with connection.cursor(row_factory=dict_row) as cursor:

        def execute(statement: Statement) -> Sequence[Row]:
            cursor.execute(q[statement.query], {"tenant": None, **statement.values})
            return cursor.fetchall() if cursor.description else []

        ended = 0
        for row in cursor.execute(q["mutes_over"], {"now": now}).fetchall():
            with connection.transaction():
                ended += run(end_mute(row["id"], now), execute)
    return ended


def tell_due(connection: psycopg.Connection, now: datetime) -> int:
    """Writes down what is to be told now; how many messages that are."""
    tenants = connection.execute(queries("escalation")["due_tenants"], {"now": now}).fetchall()
    return sum(_tell(connection, tenant, now) for (tenant,) in tenants)


def _tell(connection: psycopg.Connection, tenant: int, now: datetime) -> int:
    q, told = queries("escalation"), 0
    with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        kept = cursor.execute(q["take_routes"], {"tenant": tenant}).fetchone()
        if kept is None:
            return 0
        routes = routes_of(kept["routes"])
        able = {row["name"] for row in cursor.execute(q["able"], {"tenant": tenant}).fetchall()}
        wanted = {"tenant": tenant, "now": now, "until": now + GROUP_MAX, "alert": None}
        rows = cursor.execute(q["escalating"], wanted).fetchall()
        alerts = [alert_of(row) for row in rows]
        states = [moved(state_of(row["state"]), alert, now) for row, alert in zip(rows, alerts, strict=True)]
        plans = [plan(state, alert, routes) for state, alert in zip(states, alerts, strict=True)]
        fired = fire(plans, able, now)
        states = [after(state, items, now) for state, items in zip(states, fired, strict=True)]
        for channel, found in _by_channel(rows, states, fired).items():
            message = {"tenant": tenant, "now": now, "channel": channel, **_message(found)}
            told += cursor.execute(q["tell"], message).fetchone() is not None
        dues = [look_at(plan(state, alert, routes), able, now) for state, alert in zip(states, alerts, strict=True)]
        cursor.execute(
            q["put_states"],
            {
                "tenant": tenant,
                "alerts": [row["alert_id"] for row in rows],
                "states": [json.dumps(kept_of(state)) for state in states],
                "dues": dues,
            },
        )
    return told


Found = tuple[Row, State, Item]


def _by_channel(
    rows: Sequence[Row], states: Sequence[State], fired: Sequence[Sequence[Item]]
) -> Mapping[str, list[Found]]:
    found: dict[str, list[Found]] = defaultdict(list)
    for row, state, items in zip(rows, states, fired, strict=True):
        for item in items:
            for channel in item.channels:
                found[channel].append((row, state, item))
    return found


def _message(found: Sequence[Found]) -> dict[str, Any]:
    """One message of all that a channel is told at once: an alert that several routes tell of stands in it once."""
    keys = [[row["alert_id"], state.round, item.route, item.step, item.nth] for row, state, item in found]
    alerts = {row["alert_id"]: (row, item) for row, _, item in reversed(found)}
    ids = sorted(alerts)
    first = [{**alerts[each][0]["data"], "what": alerts[each][1].what} for each in ids[:LINES_MAX]]
    data = {"n": len(ids), "alerts": first, "ids": [str(each) for each in ids]}
    cause = hashlib.sha256(json.dumps(keys).encode()).hexdigest()[:24]
    return {
        "cause": f"routes/{cause}",
        "subject": f"alerts/{ids[0]}" if len(ids) == 1 else "alerts",
        "data": Jsonb({**data, "routes": sorted({item.route for _, _, item in found})}),
    }
