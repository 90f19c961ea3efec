"""Alerts as they are told: to a request and to pages alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from domain.cases import case_parts
from domain.digits import shown

STOCK = ("low_stock", "stock_out", "expiry")
"""Kinds that are about a product at a site."""

When = Callable[[datetime | None], str | None]


def shape(row: Mapping[str, Any], when: When) -> Any:
    """From a row of `alerts`; `when` writes a time."""
    subject = {"kind": "device", "id": row["device"] or ""}
    for kind in ("vehicle", "site"):
        if row[kind] is not None:
            subject = {"kind": kind, "id": row[kind]}
    return {
        "id": str(row["id"]),
        "kind": row["kind"],
        "severity": row["severity"],
        "subject": subject,
        "device": row["device"],
        "probe": row["probe"],
        "title": row["title"],
        "limit_c": row["limit_c"],
        "extreme_c": shown("extreme_c", row["extreme_c"]),
        "last_c": shown("last_c", row["last_c"]),
        "expected": _expected(row, when),
        "stock": _stock(row["stock"]),
        "load": row["load"],
        "opened_at": when(row["opened_at"]),
        "alarm_at": when(row["alarm_at"]),
        "decided_at": when(row["decided_at"]),
        "cleared_at": when(row["cleared_at"]),
        "state": "active" if row["cleared_at"] is None else "cleared",
        "revision": row["revision"],
        "acknowledged_at": when(row["acknowledged_at"]),
        "acknowledged_by": row["acknowledged_by"],
        "note": row["note"],
        "resolved_at": when(row["resolved_at"]),
        "resolved_by": row["resolved_by"],
        **case_parts(row, when),
    }


def _expected(row: Mapping[str, Any], when: When) -> dict[str, Any] | None:
    if row["expected_p50"] is None:
        return None
    return {
        "p10": when(row["expected_p10"]),
        "p50": when(row["expected_p50"]),
        "p90": when(row["expected_p90"]),
        "at": when(row["expected_at"]),
        "temp_c": row["expected_from_c"],
        "for_s": row["expected_for_s"],
    }


def _stock(kept: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What was figured of stock, with its times as they were written."""
    if kept is None:
        return None
    names = ("reorder_point", "basis", "confidence", "doubt", "count_task", "out")
    return {
        "sku": kept["sku"],
        "label": kept["label"],
        "base_unit": kept["base_unit"],
        "quantity": kept["quantity"],
        **{name: kept.get(name) for name in names},
        "expiring": kept.get("expiring", []),
    }
