"""The late lane: an entity whose past got a reading is folded again from the store, and its facts are revised.

Old and new facts are matched by overlap in event time: the same are left alone, an overlapping one gets a revision, one
that is no longer so is retracted, a new one is told. The history of an entity within the horizon is read at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np

from domain.readings import F64, I64
from domain.times import to_us
from store.tracking import TrackingStore
from tracker import carries
from tracker.outcome import ExcursionFact, Outcome, VisitFact
from tracker.registry import Profile, Registry
from tracker.rules import geofence, temperature
from tracker.rules.scan import NEVER, Carry, Runs
from tracker.series import NOT_USED as NOT_USED_TEMP
from tracker.series import Series, absolute, limits_of
from tracker.vehicles import NOT_USED as NOT_USED_GPS
from tracker.vehicles import Rows, Vehicles, VehicleState, fold


class Told(NamedTuple):
    """A current fact in the store."""

    id: int
    revision: int
    group: int | str
    start_us: int
    end_us: int
    rest: tuple[Any, ...]


class Match(NamedTuple):
    """A fact of now (None: no longer so) and the one told before (None: never told)."""

    now: int | None
    before: Told | None


def match(now: Sequence[tuple[int | str, int, int]], before: Sequence[Told]) -> list[Match]:
    """Pairs facts `(group, start, end)` with those told before by overlap.

    Retractions come first, so that the place of an open fact is free before another takes it.

    >>> match([("a", 5, 9)], [Told(1, 1, "a", 4, 8, ()), Told(2, 1, "a", 20, 30, ())])
    [Match(now=None, before=Told(id=2, revision=1, group='a', start_us=20, end_us=30, rest=())), \
Match(now=0, before=Told(id=1, revision=1, group='a', start_us=4, end_us=8, rest=()))]
    """
    free = list(before)
    pairs: list[Match] = []
    for index, (group, start, end) in enumerate(now):
        best, overlap = None, -1
        for told in free:
            common = min(end, told.end_us) - max(start, told.start_us)
            if told.group == group and common >= 0 and common > overlap:
                best, overlap = told, common
        if best is not None:
            free.remove(best)
        pairs.append(Match(index, best))
    closing = [p for p in pairs if p.before is not None and now[p.now or 0][2] != NEVER]
    opening = [p for p in pairs if p not in closing]
    return [Match(None, told) for told in free] + closing + opening


def refold_vehicle(
    registry: Registry, store: TrackingStore, vehicles: Vehicles, vehicle_id: int, since: datetime, out: Outcome
) -> None:
    """A vehicle's visits and state from its positions since a time."""
    devices = [d.id for d in registry.devices.values() if d.vehicle_id == vehicle_id]
    found = store.history("gps", (devices, since))
    keep = found["flags"] & NOT_USED_GPS == 0
    c = {name: column[keep] for name, column in found.items()}
    if not len(c["time"]):
        return
    n = len(c["time"])
    rows = Rows(
        np.full(n, vehicle_id, np.int64),
        c["time"],
        c["received_at"],
        c["device_id"].astype(np.int64),
        c["lat"],
        c["lon"],
        c["speed_mps"].astype(np.float64),
        c["heading_deg"].astype(np.float64),
        c["accuracy_m"].astype(np.float64),
        c["flags"].astype(np.int64),
    )
    folded = fold(registry, VehicleState(), rows)
    runs = folded.visit_runs
    sure = runs.take(runs.samples >= geofence.SAMPLES_MIN)
    _, sites = geofence.unpair(sure.entity)
    now = [(int(s), int(a), int(b)) for s, a, b in zip(sites, sure.start_us, sure.end_us, strict=True) if s > 0]
    keys = [int(k) for k, s in zip(sure.entity, sites, strict=True) if s > 0]
    before = [
        Told(r[0], r[1], int(r[2]), to_us(r[3]), to_us(r[4]) if r[4] else NEVER, ())
        for r in store.rows("visits_since", vehicle_id, since)
    ]
    for pair in match(now, before):
        out.visits += _visit(pair, now, keys, vehicle_id)
    _replace(vehicles, folded.state, vehicle_id)
    vehicles.describe(registry, folded, out)


def _visit(
    pair: Match, now: Sequence[tuple[int | str, int, int]], keys: Sequence[int], vehicle_id: int
) -> list[VisitFact]:
    told = pair.before
    if pair.now is None:
        if told is None:
            return []
        site = int(told.group)
        key = int(geofence.pair(np.array([vehicle_id]), np.array([site]))[0])
        return [
            VisitFact(told.id, told.revision + 1, key, vehicle_id, site, told.start_us, told.end_us, retracted=True)
        ]
    group, start, end = now[pair.now]
    site = int(group)
    if told is None:
        return [VisitFact(0, 1, keys[pair.now], vehicle_id, site, start, end)]
    if (told.start_us, told.end_us) == (start, end):
        return []
    return [VisitFact(told.id, told.revision + 1, keys[pair.now], vehicle_id, site, start, end)]


def _replace(vehicles: Vehicles, fresh: VehicleState, vehicle_id: int) -> None:
    """Puts a vehicle's new carries in place of the old ones."""
    state, one = vehicles.state, np.array([vehicle_id])
    mine = state.visits.entity[geofence.unpair(state.visits.entity)[0] == vehicle_id]
    vehicles.state = VehicleState(
        carries.updated_fixes(state.fixes, fresh.fixes),
        carries.updated(state.motion, fresh.motion, one),
        carries.updated(state.visits, fresh.visits, mine),
    )


def refold_series(
    registry: Registry, store: TrackingStore, series: Series, probe_id: int, since: datetime, out: Outcome
) -> None:
    """A probe's excursions and carry from its temperatures since a time."""
    probe = series.probes[probe_id]
    found = store.history("temp", (probe.device_id, since, probe_id))
    keep = found["flags"] & NOT_USED_TEMP == 0
    t_us: I64 = found["time"][keep]
    temp_c: F64 = found["temp_c"][keep]
    if not len(t_us):
        return
    limits = limits_of(registry, np.full(len(t_us), probe.device_id, np.int64))
    carry, runs = temperature.step(Carry.empty(), np.full(len(t_us), probe_id, np.int64), t_us, temp_c, limits)
    profile = registry.profile_of(probe.device_id)
    now = [
        (temperature.KINDS[int(e) % 2], int(a), int(b))
        for e, a, b in zip(runs.entity, runs.start_us, runs.end_us, strict=True)
    ]
    before = [
        Told(
            r[0],
            r[1],
            str(r[2]),
            to_us(r[3]),
            to_us(r[4]) if r[4] else NEVER,
            (to_us(r[5]) if r[5] else NEVER, r[6], r[7], r[8]),
        )
        for r in store.rows("excursions_since", probe_id, since)
    ]
    for pair in match(now, before):
        told = pair.before
        if pair.now is not None:
            fact = _excursion(pair.now, now, runs, told, profile, probe_id, probe.temp_c)
            out.excursions += (
                [fact] if told is None or told.rest[:3] != _rest(fact) or _span(told) != _span(fact) else []
            )
        elif told is not None:
            alarm, extreme, samples, limit = told.rest
            out.excursions.append(
                ExcursionFact(
                    told.id,
                    told.revision + 1,
                    probe_id,
                    str(told.group),
                    limit,
                    told.start_us,
                    told.end_us,
                    alarm,
                    extreme,
                    samples,
                    probe.temp_c,
                    retracted=True,
                )
            )
    series.carry = carries.updated(series.carry, carry, carry.entity)
    series.describe_carry(registry, probe_id, carry, int(found["received_at"].max()), out)


def _excursion(
    index: int,
    now: Sequence[tuple[int | str, int, int]],
    runs: Runs,
    told: Told | None,
    profile: Profile,
    probe_id: int,
    last_c: float,
) -> ExcursionFact:
    """One run as a fact: a new one, or the next revision of what was told before."""
    kind, start, end = now[index]
    limit, extreme = absolute(profile, int(runs.entity[index]) % 2, float(runs.extreme[index]))
    return ExcursionFact(
        told.id if told else 0,
        told.revision + 1 if told else 1,
        probe_id,
        str(kind),
        limit,
        start,
        end,
        int(runs.lasted_at_us[index]),
        extreme,
        int(runs.samples[index]),
        last_c,
    )


def _span(fact: Told | ExcursionFact) -> tuple[int, int]:
    return fact.start_us, fact.end_us


def _rest(fact: ExcursionFact) -> tuple[int, float, int]:
    return fact.alarm_us, fact.extreme_c, fact.samples
