"""What handling units have used of their budgets, from the stored readings of all places they were in.

Asked for a few units at a time, whenever there is news of a place or of a movement; right for late data too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import psycopg

from domain.cold_chain.budgets import VERSION, Kinetic, Measured, budget
from domain.cold_chain.profile import TemperatureProfile, plain
from domain.cold_chain.sensors import faults
from domain.handling_units.budget_words import Told, told, without_profile, worst
from domain.handling_units.history import Span, Stay, places_of
from domain.handling_units.told import columns_of, place_of
from domain.times import from_us, rfc3339, to_us
from store import handling
from tracker.engine.registry import Registry

FEW = 16
"""Units at once."""
OVERDUE = timedelta(minutes=10)
"""Time passes: a unit without news is looked at again."""
OVERDUE_S = 60.0
CLOSED = timedelta(days=7)
"""Late readings are looked at so long after a unit has ended."""
FOR_S, HYSTERESIS_C, INTERVAL_S = 600.0, 0.3, 900.0
"""Of a product that has two limits and no profile."""


def assess(connection: psycopg.Connection, registry: Registry, now: datetime) -> list[int]:
    """Looks at a few units of which there is news; the shipments they are with. Inside the transaction."""
    by_tenant: dict[int, list[int]] = {}
    for unit, tenant_id in handling.claim_stale(connection, FEW):
        by_tenant.setdefault(tenant_id, []).append(unit)
    shipments: list[int] = []
    for tenant_id, units in by_tenant.items():
        _assess(connection, registry, tenant_id, units, now)
        shipments += handling.shipments_of(connection, tenant_id, units)
    return shipments


def _assess(
    connection: psycopg.Connection, registry: Registry, tenant_id: int, units: Sequence[int], now: datetime
) -> None:
    ask = handling.Asked(connection, tenant_id)
    family = ask.rows("with_parents", units=list(units))
    parts = ask.rows("parts", units=[row["id"] for row in family])
    found = _parts(ask, registry, parts, now)
    rows, empty = [], []
    within: dict[int, list[Told]] = {}
    renewed = {row["id"] for row in family}
    for row in ask.rows("budgets_within", units=list(renewed), but=list(renewed)):
        within.setdefault(row["parent_id"], []).append(Told(row["verdict"], row["share"], row["body"]))
    for unit in family:  # the innermost first
        one = worst([*found.get(unit["id"], []), *within.get(unit["id"], [])])
        if one is None:
            empty.append(unit["id"])
            continue
        rows.append({"unit_id": unit["id"], "verdict": one.verdict, "share": one.share, "body": one.body})
        if unit["parent_id"] is not None:
            within.setdefault(unit["parent_id"], []).append(one)
    ask.put_budgets(rows, VERSION, now)
    ask.run("drop_budgets", units=empty)
    ask.run("looked_at", units=list(units))


def _parts(
    ask: handling.Asked, registry: Registry, parts: Sequence[Mapping[str, Any]], now: datetime
) -> dict[int, list[Told]]:
    """The budget of each part, by unit."""
    ways = [[Span(unit, since, until) for unit, since, until in part["way"]] for part in parts]
    stays = _stays(ask, {span.unit for way in ways for span in way})
    now_us = to_us(now)
    places = [
        [stay._replace(until_us=min(stay.until_us or now_us, now_us)) for stay in places_of(way, stays)] for way in ways
    ]
    readings = _readings(ask, {stay for some in places for stay in some if stay.place is not None})
    found: dict[int, list[Told]] = {}
    for part, way, some in zip(parts, ways, places, strict=True):
        since = way[0].since_us
        profile, version = _profile(registry, part, since)
        if profile is None:
            one = without_profile(part["unit"], part["lot"])
        else:
            until = max(min(way[-1].until_us or now_us, now_us), since)
            measured = [Measured(s.since_us, s.until_us or until, readings[s]) for s in some if readings.get(s)]
            before = {name: float(seconds) for name, seconds in part["used_before"].items()}
            kinetic = Kinetic(**part["kinetic"]) if part["kinetic"] else None
            judged = budget(profile, measured, since, until, before, kinetic)
            one = told(judged, part["unit"], part["lot"], part["profile"], version)
        found.setdefault(part["unit_id"], []).append(one)
    return found


def _profile(
    registry: Registry, part: Mapping[str, Any], since_us: int
) -> tuple[TemperatureProfile | None, int | None]:
    """What goods are held to: the version that was in force when they began, else the limits of the product."""
    if part["profile_id"] is not None and part["profile_id"] in registry.histories:
        version = registry.histories[part["profile_id"]].at(since_us)
        return version.profile, version.number
    if part["low_c"] is None and part["high_c"] is None:
        return (TemperatureProfile(), None) if part["kinetic"] else (None, None)
    return plain(part["low_c"], part["high_c"], FOR_S, HYSTERESIS_C, INTERVAL_S), None


def _stays(ask: handling.Asked, codes: Iterable[str]) -> dict[str, list[Stay]]:
    found: dict[str, list[Stay]] = {}
    for row in ask.rows("ways", codes=sorted(codes)):
        stay = Stay(row["since_us"], row["until_us"], place_of(row), None)
        found.setdefault(row["code"], []).append(stay)
    return found


def _readings(ask: handling.Asked, stays: Iterable[Stay]) -> dict[Stay, list[tuple[Any, Any]]]:
    """What was measured in these places, without faults of the sensors."""
    asked = list(stays)
    spans = [
        {"n": n, "since": rfc3339(s.since_us), "until": from_us(s.until_us or 0).isoformat(), **columns_of(s.place)}
        for n, s in enumerate(asked)
    ]
    found: dict[Stay, list[tuple[Any, Any]]] = {}
    for row in ask.measured(spans):
        t, c = np.array(row["time_us"], np.int64), np.array(row["temp_c"], np.float64)
        out, _ = faults(t, c)
        if (~out).any():
            found.setdefault(asked[row["n"]], []).append((t[~out], c[~out]))
    return found
