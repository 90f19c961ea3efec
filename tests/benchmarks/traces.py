"""A trace through five transformations beside 100 000 events: `--only traces`."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import psycopg
from psycopg.rows import dict_row

from domain.epcis.model import event_of
from domain.epcis.rows import row_of
from domain.tracing.trace import Trace, Tracing
from store.db import connect, queries
from store.registry import Registry
from tests.benchmarks.figures import Figure
from tests.benchmarks.stack import Databases

EVENTS, LEVELS, HOPS, ASKED, SEED = 100_000, 6, 5, 40, 5
START = datetime(2026, 1, 1, tzinfo=UTC)
BATCH = 2_000


def measure(server: Databases, *, events: int = EVENTS) -> list[Figure]:
    """How long traces of lots at the beginning, in the middle and at the end take."""
    with connect(server.create("traces", "empty"), "bench") as connection:
        tenant = Registry(connection).tenant_id
        lots = _load(connection, tenant, events)
        connection.execute("vacuum analyze")
        rng = np.random.default_rng(SEED)
        spent, sizes = [], []
        for n in range(ASKED):
            level = (0, LEVELS // 2, LEVELS - 1)[n % 3]
            start = lots[level][int(rng.integers(len(lots[level])))]
            began = time.monotonic()
            found = _traced(connection, tenant, start)
            spent.append(time.monotonic() - began)
            sizes.append(len(found.events))
            if not found.whole or max(map(abs, found.levels.values())) > HOPS:
                raise AssertionError("a trace is not whole, or goes too far")
    details = {"worst s": max(spent), "events of a trace": float(np.mean(sizes)), "at most": max(sizes)}
    return [
        Figure("a trace through five transformations", "s", [float(np.median(spent))], details_are="traces",
               details=details, smaller_is_better=True)
    ]  # fmt: skip


def _lot(level: int, n: int) -> str:
    return f"https://id.gs1.org/01/0641412345{level:04d}/10/L{n}"


def _events(each: int) -> list[dict[str, Any]]:
    """Lots of each level are made of three of the level before; each is packed, seen five times and unpacked."""
    rng = np.random.default_rng(SEED)
    told: list[dict[str, Any]] = []

    def tell(kind: str, hour: float, **said: Any) -> None:
        when = {"eventTime": (START + timedelta(hours=hour)).isoformat(), "eventTimeZoneOffset": "+00:00"}
        told.append({"type": kind, "eventID": f"urn:bench:{len(told)}", **when, **said})

    for level in range(LEVELS):
        for n in range(each):
            hour, lot = level * 100.0, [{"epcClass": _lot(level, n), "quantity": 10}]
            pallet = f"urn:bench:pallet:{level}:{n}"
            if level:
                before = rng.choice(each, 3, replace=False)
                came = [{"epcClass": _lot(level - 1, int(k)), "quantity": 3} for k in before]
                tell("TransformationEvent", hour, inputQuantityList=came, outputQuantityList=lot)
            tell("AggregationEvent", hour + 1, action="ADD", parentID=pallet, childQuantityList=lot)
            for seen in range(5):
                tell("ObjectEvent", hour + 2 + seen, action="OBSERVE", bizStep="storing", epcList=[pallet])
            tell("AggregationEvent", hour + 10, action="DELETE", parentID=pallet, childQuantityList=lot)
    return told


def _load(connection: psycopg.Connection, tenant: int, events: int) -> list[list[str]]:
    each = events // (LEVELS * 8)
    told = [row_of(event_of(body)) for body in _events(each)]
    put = queries("epcis")["put_events"]
    for n in range(0, len(told), BATCH):
        rows = json.dumps(told[n : n + BATCH])
        connection.execute(put, {"tenant": tenant, "capture": None, "events": rows})
    return [[_lot(level, n) for n in range(each)] for level in range(LEVELS)]


def _traced(connection: psycopg.Connection, tenant: int, start: str) -> Trace:
    """As `GET /lots/{lot_id}/trace` asks."""
    q, tracing = queries("tracing"), Tracing(start, HOPS)
    while any(wanted := tracing.wanted()):
        things, runs = wanted
        asked = {"tenant": tenant, "things": things, "runs": runs, "limit": 100_000}
        with connection.cursor(row_factory=dict_row) as cursor:
            if things:
                tracing.tell(cursor.execute(q["events_of_things"], asked).fetchall())
            if runs:
                tracing.tell(cursor.execute(q["events_of_runs"], asked).fetchall())
    return tracing.found()
