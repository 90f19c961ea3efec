"""The alerts of goods that fail by what no excursion of a single probe tells: the MKT, several probes taken as one.

Each is about a shipment's goods beside a probe, or a device. It is told once, over when the shipment is, and taken back
when later readings say that it was not so; one that somebody was done with is not told again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import psycopg

from tracker.engine.family import Engine
from tracker.engine.step import Step
from tracker.shipments.rows import Failing, ShipmentRows


def exposures(
    cursor: psycopg.Cursor, engine: Engine, step: Step
) -> Iterator[tuple[Mapping[str, Any], str | None, str]]:
    """What is kept of alerts that are raised, over or taken back, with their probe and what happened to them."""
    rows, store, devices = step.part(ShipmentRows), engine.store, engine.registry.devices
    failing = [f for f in rows.failing if f.device_id in devices]
    if not rows.judged:
        return
    keys = " ".join(f.rule_key for f in failing)
    gone = [(tenant, f"exposure/{shipment}/", keys, step.now_us) for shipment, tenant in rows.judged.items()]
    raised = [(*_about(f), f.start_us, f.alarm_us, step.now_us) for f in failing]
    over = [(f.rule_key, f.over_us) for f in failing if f.over_us is not None]
    found: list[tuple[Mapping[str, Any], str]] = []
    for query, values, what in (
        ("take_back_exposures", gone, "retracted"),
        ("raise_exposures", raised, "raised"),
        ("end_exposures", over, "cleared"),
    ):
        found += [(kept, what) for kept in store.returned(cursor, query, values) if kept["device_id"] in devices]
    names = store.labels([int(kept["probe_id"]) for kept, _ in found if kept["probe_id"]]) if found else {}
    for kept, what in found:
        yield kept, names.get(int(kept["probe_id"] or 0)), what


def _about(f: Failing) -> tuple[Any, ...]:
    return f.tenant_id, f.rule_key, f.device_id, f.probe_id or None, f.title, f.limit_c, f.extreme_c
