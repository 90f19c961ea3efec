"""The late lane: an entity whose past got a reading is folded again from the store, and its facts are revised.

Old and new facts are matched by overlap in event time: the same are left alone, an overlapping one gets a revision, one
that is no longer so is retracted, a new one is told. Reading begins at the newest checkpoint before the late reading.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np

from domain.times import from_us, to_us
from store.tracking import TrackingStore
from tracker.checkpoints import begin_from, portions
from tracker.outcome import ExcursionFact, Outcome, VisitFact
from tracker.positions import NOT_USED as NOT_USED_GPS
from tracker.positions import PACKER, Folded, Rows, VehicleState, fold
from tracker.registry import Profile, Registry
from tracker.rules import geofence, temperature
from tracker.rules.scan import NEVER, Carry, Runs, last_words
from tracker.series import NOT_USED as NOT_USED_TEMP
from tracker.series import PACKER as PACKER_TEMP
from tracker.series import Series, absolute, limits_of
from tracker.vehicles import Vehicles


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
    registry: Registry,
    store: TrackingStore,
    vehicles: Vehicles,
    vehicle_id: int,
    since: datetime,
    horizon: datetime,
    out: Outcome,
) -> None:
    """A vehicle's visits and state from its positions since the checkpoint before a late one."""
    one = np.array([vehicle_id], dtype=np.int64)
    start = begin_from(store, "vehicle", vehicle_id, since, horizon, PACKER.knows)
    begun_us = start[0] if start else to_us(horizon)
    state = VehicleState(*PACKER.unpack([start[1]])) if start else VehicleState()
    told = set(zip(state.visits.entity.tolist(), state.visits.start_us.tolist(), strict=True))
    rows = _positions(registry, store, vehicle_id, begun_us)
    if not len(rows.vehicle):
        return
    again: list[Folded] = []
    kept: list[tuple[int, bytes]] = []
    for part in portions(rows.t_us):
        again.append(fold(registry, state, rows.take(np.arange(part.start, part.stop))))
        state = again[-1].state
        newest_us = int(max(state.fixes.t_us[0], state.fixes.doubt_t_us[0]))
        kept.append((newest_us, PACKER.pack(one, (state.fixes, state.motion, state.visits))[0]))
    runs = last_words([f.visit_runs for f in again])
    sure = runs.take(runs.samples >= geofence.SAMPLES_MIN)
    _, sites = geofence.unpair(sure.entity)
    spans = zip(sites.tolist(), sure.start_us.tolist(), sure.end_us.tolist(), sure.entity.tolist(), strict=True)
    found = [(s, a, b, key) for s, a, b, key in spans if s > 0]
    before = [
        Told(r[0], r[1], int(r[2]), to_us(r[3]), to_us(r[4]) if r[4] else NEVER, ())
        for r in store.rows("visits_since", vehicle_id, from_us(begun_us))
    ]
    before = [t for t in before if t.end_us > begun_us or (_key(vehicle_id, int(t.group)), t.start_us) in told]
    now = [(s, a, b) for s, a, b, _ in found]
    for pair in match(now, before):
        out.visits += _visit(pair, now, [key for *_, key in found], vehicle_id)
    vehicles.keep(state, one)
    newest = replace(again[-1], motion_runs=last_words([f.motion_runs for f in again]))
    vehicles.describe(registry, newest, out)
    out.forgotten.append(("vehicle", vehicle_id, since))
    vehicles.rests.again(vehicle_id, kept[:-1], begun_us, out)


def _positions(registry: Registry, store: TrackingStore, vehicle_id: int, after_us: int) -> Rows:
    """The usable positions of a vehicle after a time."""
    devices = [d.id for d in registry.devices.values() if d.vehicle_id == vehicle_id]
    found = store.history("gps", (devices, from_us(after_us)))
    keep = found["flags"] & NOT_USED_GPS == 0
    c = {name: column[keep] for name, column in found.items()}
    return Rows(
        np.full(len(c["time"]), vehicle_id, np.int64),
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


def _key(vehicle_id: int, site_id: int) -> int:
    return int(geofence.pair(np.array([vehicle_id]), np.array([site_id]))[0])


def _visit(
    pair: Match, now: Sequence[tuple[int | str, int, int]], keys: Sequence[int], vehicle_id: int
) -> list[VisitFact]:
    told = pair.before
    if pair.now is None:
        if told is None:
            return []
        site = int(told.group)
        return [
            VisitFact(
                told.id,
                told.revision + 1,
                _key(vehicle_id, site),
                vehicle_id,
                site,
                told.start_us,
                told.end_us,
                retracted=True,
            )
        ]
    group, start, end = now[pair.now]
    site = int(group)
    if told is None:
        return [VisitFact(0, 1, keys[pair.now], vehicle_id, site, start, end)]
    if (told.start_us, told.end_us) == (start, end):
        return []
    return [VisitFact(told.id, told.revision + 1, keys[pair.now], vehicle_id, site, start, end)]


def refold_series(
    registry: Registry,
    store: TrackingStore,
    series: Series,
    probe_id: int,
    since: datetime,
    horizon: datetime,
    out: Outcome,
) -> None:
    """A probe's excursions and carry from its temperatures since the checkpoint before a late one."""
    probe = series.probes[probe_id]
    one = np.array([probe_id], dtype=np.int64)
    start = begin_from(store, "series", probe_id, since, horizon, PACKER_TEMP.knows)
    begun_us = start[0] if start else to_us(horizon)
    carry: Carry = PACKER_TEMP.unpack([start[1]])[0] if start else Carry.empty()
    told_before = {
        (temperature.KINDS[e % 2], begin)
        for e, begin, inside in zip(carry.entity.tolist(), carry.start_us.tolist(), carry.inside.tolist(), strict=True)
        if inside
    }
    history = store.history("temp", (probe.device_id, from_us(begun_us), probe_id))
    keep = history["flags"] & NOT_USED_TEMP == 0
    t_us, temp_c = history["time"][keep], history["temp_c"][keep]
    if not len(t_us):
        return
    parts: list[Runs] = []
    kept: list[tuple[int, bytes]] = []
    for part in portions(t_us):
        t, c = t_us[part], temp_c[part]
        limits = limits_of(registry, np.full(len(t), probe.device_id, np.int64))
        carry, some = temperature.step(carry, np.full(len(t), probe_id, np.int64), t, c, limits)
        parts.append(some)
        kept.append((int(t[-1]), PACKER_TEMP.pack(one, (carry,))[0]))
    runs = last_words(parts)
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
        for r in store.rows("excursions_since", probe_id, from_us(begun_us))
    ]
    before = [t for t in before if t.end_us > begun_us or (t.group, t.start_us) in told_before]
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
    series.keep(carry)
    series.describe_carry(registry, probe_id, carry, int(history["received_at"].max()), out)
    out.forgotten.append(("series", probe_id, since))
    series.rests.again(probe_id, kept[:-1], begun_us, out)


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
