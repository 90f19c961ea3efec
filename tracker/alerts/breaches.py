"""The alerts of forecasts: what will be beyond a limit for too long, told before it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import psycopg

from domain.folds.scan import NEVER
from tracker.breaches.family import BreachRows, Curve, Told
from tracker.engine.family import Engine
from tracker.engine.step import Step
from tracker.temperatures.family import Temperatures

WILL = {"above": "Will be too warm", "below": "Will be too cold"}
RENEWED = "renewed"
"""Pages hear of it, people do not: another time is expected."""
CAUSES = {
    "unknown": "cause not known",
    "door_open": "a door is open",
    "defrost": "defrosting",
    "set_point": "the set point is wrong",
    "cooling_off": "the cooling is off",
    "cooling_failed": "the cooling fails",
    "slow_drift": "the cooling grows weaker",
}


def breach_risks(cursor: psycopg.Cursor, engine: Engine, step: Step) -> Iterator[tuple[Mapping[str, Any], str, str]]:
    """What is kept of alerts that are raised, renewed or over, with their probe and what happened to them.

    Of a probe that has alarmed on that side nothing is foretold.
    """
    rows = step.part(BreachRows)
    written = rows.written
    probes = {told.id: told.probe for told in (*written, *(told for told, _ in rows.renewed))}
    over = [(t.id, t.fact.end_us) for t in written if t.fact.end_us != NEVER]
    alarmed = {(p, kind) for (p, kind, _), x in engine.family(Temperatures).tables.open.items() if x.alarm_us != NEVER}
    news = [t for t in written if _is_news(t, step.now_us) and (t.fact.probe_id, t.fact.kind) not in alarmed]
    raised = [_row(t, rows.curves.get((t.fact.probe_id, t.fact.kind)), step.now_us) for t in news]
    renewed = [(t.id, c.p10_us, c.p50_us, c.p90_us, *_curve(c)) for t, c in rows.renewed]
    store = engine.store
    for kept in store.returned(cursor, "raise_breach_risks", raised):
        yield kept, probes[int(kept["fact_id"])], "raised"
    for kept in store.returned(cursor, "renew_breach_risks", renewed):
        yield kept, probes[int(kept["fact_id"])], RENEWED
    for kept in store.returned(cursor, "clear_breach_risks", over):
        yield kept, probes[int(kept["fact_id"])], "cleared"


def _is_news(told: Told, now_us: int) -> bool:
    """What is over as soon as it is known, or was to have come by now, is told to nobody."""
    f = told.fact
    return f.revision == 1 and f.end_us == NEVER and f.p90_us > now_us


def _row(told: Told, curve: Curve | None, now_us: int) -> tuple[Any, ...]:
    f = told.fact
    title = f"{WILL[f.kind]}: {CAUSES[f.cause]}"
    times = (f.start_us, now_us, f.p10_us, f.p50_us, f.p90_us)
    return (told.tenant_id, told.id, told.device_id, f.probe_id, title, f.limit_c, *times, *_curve(curve))


def _curve(curve: Curve | None) -> tuple[int, float | None, float | None]:
    return (NEVER, None, None) if curve is None else (curve.at_us, curve.temp_c, curve.for_us / 1e6)
