"""The late lane of vehicles: a vehicle whose past got a reading is folded again from the store, and its visits revised.

Reading begins at the newest checkpoint before the late reading.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from domain.times import from_us, to_us
from store.tracking import TrackingStore
from tracker.checkpoints import begin_from, portions
from tracker.outcome import Outcome, VisitFact
from tracker.positions import NOT_USED, PACKER, Folded, Rows, VehicleState, fold
from tracker.registry import Registry
from tracker.revisions import Match, Told, match
from tracker.rules import geofence
from tracker.rules.scan import NEVER, Runs, last_words
from tracker.vehicles import Vehicles


@dataclass
class Again:
    """A vehicle folded again: from when, what was open then, each portion, and the carries to keep between them."""

    begun_us: int
    open_then: set[tuple[int, int]]
    portions: list[Folded]
    kept: list[tuple[int, bytes]]

    @property
    def visits(self) -> Runs:
        """The visits of at least two fixes."""
        runs = last_words([f.visit_runs for f in self.portions])
        return runs.take(runs.samples >= geofence.SAMPLES_MIN)


def again(
    registry: Registry, store: TrackingStore, vehicle_id: int, since: datetime, horizon: datetime
) -> Again | None:
    """Folds a vehicle's positions since the checkpoint before a time; None when there are none."""
    start = begin_from(store, "vehicle", vehicle_id, since, horizon, PACKER.knows)
    begun_us = start[0] if start else to_us(horizon)
    state = VehicleState(*PACKER.unpack([start[1]])) if start else VehicleState()
    open_then = set(zip(state.visits.entity.tolist(), state.visits.start_us.tolist(), strict=True))
    rows = _positions(registry, store, vehicle_id, begun_us)
    if not len(rows.vehicle):
        return None
    found = Again(begun_us, open_then, [], [])
    one = np.array([vehicle_id], dtype=np.int64)
    for part in portions(rows.t_us):
        folded = fold(registry, state, rows.take(np.arange(part.start, part.stop)))
        state = folded.state
        found.portions.append(folded)
        newest_us = int(max(state.fixes.t_us[0], state.fixes.doubt_t_us[0]))
        found.kept.append((newest_us, PACKER.pack(one, (state.fixes, state.motion, state.visits))[0]))
    return found


def revised(registry: Registry, store: TrackingStore, vehicle_id: int, found: Again) -> list[VisitFact]:
    """What is to be said of a vehicle's visits that was not said before."""
    runs = found.visits
    _, sites = geofence.unpair(runs.entity)
    spans = zip(sites.tolist(), runs.start_us.tolist(), runs.end_us.tolist(), runs.entity.tolist(), strict=True)
    of_sites = [(s, a, b, key) for s, a, b, key in spans if registry.knows(vehicle_id, s)]
    before = [
        Told(r[0], r[1], int(r[2]), to_us(r[3]), to_us(r[4]) if r[4] else NEVER, ())
        for r in store.rows("visits_since", vehicle_id, from_us(found.begun_us))
        if registry.knows(vehicle_id, r[2])  # the fence of a stop goes with its shipment
    ]
    before = [
        t
        for t in before
        if t.end_us > found.begun_us or (_key(vehicle_id, int(t.group)), t.start_us) in found.open_then
    ]
    now = [(s, a, b) for s, a, b, _ in of_sites]
    keys = [key for *_, key in of_sites]
    return [fact for pair in match(now, before) for fact in _visit(pair, now, keys, vehicle_id)]


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
    found = again(registry, store, vehicle_id, since, horizon)
    if found is None:
        return
    out.visits += revised(registry, store, vehicle_id, found)
    last = found.portions[-1]
    vehicles.keep(last.state, np.array([vehicle_id], dtype=np.int64))
    motion_runs = last_words([f.motion_runs for f in found.portions])
    vehicles.describe(registry, replace(last, motion_runs=motion_runs), out)
    out.forgotten.append(("vehicle", vehicle_id, since))
    vehicles.rests.again(vehicle_id, found.kept[:-1], found.begun_us, out)


def _positions(registry: Registry, store: TrackingStore, vehicle_id: int, after_us: int) -> Rows:
    """The usable positions of a vehicle after a time."""
    devices = [d.id for d in registry.devices.values() if d.vehicle_id == vehicle_id]
    found = store.history("gps", (devices, from_us(after_us)))
    keep = found["flags"] & NOT_USED == 0
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
