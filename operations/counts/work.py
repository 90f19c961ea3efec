"""The job that looks where the ledger and what sensors saw are two things, and asks for counts. It writes no move."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from psycopg.rows import dict_row

from domain.stock.counting import CONFIDENCE_MIN, PERSIST_S, differs, rank, seen
from domain.stock.quantities import text_of
from store.db import queries
from store.link import Link


def look(link: Link, now: datetime) -> int:
    """Opens, renews and dismisses tasks; how many were opened or renewed."""
    q, connection = queries("counts"), link.connection
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(q["compared"]).fetchall()
    two, one = [], []
    for row in rows:
        if not differs(row["ledger"], seen(row["evidence"])):
            one.append(_key(row))
        elif _speaks(row, now):
            two.append(_task(row))
    with connection.transaction():
        done = 0
        if two:
            connection.execute(q["add_zone_places"], {"rows": json.dumps([_only(row) for row in two])})
            done = len(connection.execute(q["put_differences"], {"rows": json.dumps(two)}).fetchall())
        if one:
            connection.execute(q["drop_differences"], {"rows": json.dumps(one)})
        connection.execute(q["drop_negatives"])
    return done


def _speaks(row: Mapping[str, Any], now: datetime) -> bool:
    """Whether the evidence is sure enough, newer than the ledger, and has been so for long enough."""
    if row["confidence"] < CONFIDENCE_MIN:
        return False
    changed = row["changed_at"]
    return changed is None or (row["last_evidence_at"] >= changed and (now - changed).total_seconds() >= PERSIST_S)


def _key(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"tenant": row["tenant_id"], "site": row["site_id"], "zone": row["zone_id"], "product": row["product_id"]}


def _only(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("tenant", "site", "zone")}


def _task(row: Mapping[str, Any]) -> dict[str, Any]:
    evidence = seen(row["evidence"])
    worth = rank(row["ledger"], evidence, row["unit_value"], row["confidence"])
    return {
        **_key(row),
        "ledger": text_of(row["ledger"]),
        "evidence": text_of(evidence),
        "confidence": row["confidence"],
        "evidence_at": row["last_evidence_at"].isoformat(),
        "value": text_of(worth.value),
        "doubt": worth.doubt,
    }
