"""The late lane of vehicles: a vehicle whose past got a reading is folded again from the store, and its facts revised.

Reading begins at the newest checkpoint before the late reading.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np

from domain.folds.scan import NEVER, last_words, no_runs
from domain.times import from_us, to_us
from store.tracking import TrackingStore
from tracker.engine.checkpoints import PORTION, Refold, begin_from
from tracker.engine.registry import Registry
from tracker.engine.revisions import Match, Reported, match
from tracker.engine.step import Step
from tracker.rules import cells, geofence
from tracker.rules.stretches import Segments
from tracker.vehicles import off_route as off_line
from tracker.vehicles import segments
from tracker.vehicles.facts import TRIP, VISIT, TripFact, VisitFact
from tracker.vehicles.positions import NOT_USED, PACKER, Folded, Rows, VehicleState, fold
from tracker.vehicles.rows import LANE, VehicleRows
from tracker.vehicles.state import VehicleTables, been_in


class VehicleRefold(Refold):
    """A vehicle on its way to the present."""

    def __init__(
        self,
        vehicles: VehicleTables,
        registry: Registry,
        store: TrackingStore,
        vehicle_id: int,
        since: datetime,
        horizon: datetime,
    ) -> None:
        start = begin_from(store, LANE, vehicle_id, since, PACKER.knows)
        super().__init__(LANE, vehicle_id, since, start[0] if start else to_us(horizon))
        self._vehicles, self._registry, self._store = vehicles, registry, store
        self._state = VehicleState(*PACKER.unpack([start[1]])) if start else VehicleState()
        self._begun = self._state
        visits = self._state.visits
        self._open_then = set(zip(visits.entity.tolist(), visits.entered_us.tolist(), strict=True))
        self._folded: list[Folded] = []
        self._last: Folded | None = None
        self._is_new = start is None

    @property
    def gone(self) -> bool:
        """It has no reading at all: what it had was another vehicle's."""
        return self._is_new and not self._folded

    def advance(self) -> bool:
        """Folds the next portion; False when the present is reached."""
        found, more = self._store.history("gps", {"vehicle": self.entity, "since": from_us(self.reached_us)}, PORTION)
        if not len(found["time"]):
            return False
        self.reached_us = int(found["time"][-1])
        rows = _rows(self.entity, found)
        if len(rows.vehicle):
            folded = fold(self._registry, self._state, rows, self._vehicles.corridor)
            self._state = folded.state
            if self._last is None or len(folded.rows.vehicle):
                self._last = folded
            nothing = folded.rows.take(np.empty(0, np.int64))
            self._folded.append(replace(folded, rows=nothing, state=self._begun))  # of years: only what was found
            fixes = self._state.fixes
            one = np.array([self.entity], dtype=np.int64)
            packed = PACKER.pack(one, self._state.parts())[0]
            self.keep(int(max(fixes.t_us[0], fixes.doubt_t_us[0])), packed)
        return more

    def goes_on(self, registry: Registry) -> bool:
        """Whether its class and the fences of its tenant are the same, and its shipments as far as they matter here."""
        before, self._registry = self._registry, registry
        vehicle, one = registry.vehicles.get(self.entity), np.array([self.entity])
        if vehicle is None or vehicle.tenant_id in self._vehicles.refenced:
            return False
        if registry.class_of(one) != before.class_of(one):
            return False
        return registry.planned_for(self.entity) == before.planned_for(self.entity)

    def revised(self) -> list[VisitFact]:
        """What is to be said of the vehicle's visits that was not said before."""
        if not self._folded and not self.gone:
            return []
        runs = last_words([f.visit_runs for f in self._folded] or [geofence.Visits.empty()])
        _, sites = geofence.unpair(runs.entity)
        spans = zip(sites.tolist(), runs.start_us.tolist(), runs.end_us.tolist(), runs.entity.tolist(), strict=True)
        knows = self._registry.knows  # the fence of a stop goes with its shipment
        of_sites = [(s, a, b, key) for s, a, b, key in spans if knows(self.entity, s)]
        before = [
            Reported(r[0], r[1], int(r[2]), to_us(r[3]), to_us(r[4]) if r[4] else NEVER, ())
            for r in self._store.rows("visits_since", self.entity, from_us(self.begun_us))
            if knows(self.entity, r[2])
        ]
        before = [t for t in before if t.end_us > self.begun_us or self._was_open(t)]
        now = [(s, a, b) for s, a, b, _ in of_sites]
        keys = [key for *_, key in of_sites]
        return [fact for pair in match(now, before) for fact in _visit(pair, now, keys, self.entity)]

    def trips(self) -> list[TripFact]:
        """What is to be said of its trips and stops."""
        if not self._folded and not self.gone:
            return []
        found = last_words([f.segments for f in self._folded] or [Segments.empty()])
        since_us = segments.reach(self._begun.trips, self.begun_us)
        reported = self._store.rows("trips_since", self.entity, from_us(since_us))
        return segments.revised(self.entity, found, reported, self._begun.trips, self.begun_us)

    def off_route(self) -> list[off_line.OffRouteRuns]:
        """Where it was off the lines of its shipments: all of them, also where it no longer was."""
        if not self._folded and not self.gone:
            return []
        runs = last_words([f.off_runs for f in self._folded] or [no_runs()])
        keys = self._registry.lined.of_vehicle(self.entity)
        return off_line.anew(runs, keys, self._begun.off, self._state.off, self.begun_us)

    def _was_open(self, reported: Reported) -> bool:
        return (_key(self.entity, int(reported.group)), reported.start_us) in self._open_then

    def finish(self, step: Step) -> None:
        """Arrived: the vehicle's facts, its state and its checkpoints are what was found on the way."""
        step.part(VehicleRows).moved = [self.entity]
        if self._last is None and not self.gone:
            return
        step.facts(VISIT).extend(self.revised())
        step.facts(TRIP).extend(self.trips())
        rows = step.part(VehicleRows)
        rows.off_route += self.off_route()
        if self._last is None:
            self._vehicles.forget(self._registry, self.entity, step)
            step.forgotten.append((self.lane, self.entity, self.since))
            return
        self._vehicles.keep(self._state, np.array([self.entity], dtype=np.int64))
        self._vehicles.describe(self._registry, replace(self._last, state=self._state), step)
        been_in(self._registry, cells.earliest([f.cells for f in self._folded]), step)
        if self._is_new and self.begun_us <= 0:
            rows.whole.append(self.entity)
        self.arrived(self._vehicles.checkpoints, step)


def _rows(vehicle_id: int, found: Mapping[str, np.ndarray[Any, Any]]) -> Rows:
    """The usable positions of a vehicle."""
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
        c["odometer_m"].astype(np.float64),
        c["ignition"].astype(np.int8),
    )


def _key(vehicle_id: int, site_id: int) -> int:
    return int(geofence.pair(np.array([vehicle_id]), np.array([site_id]))[0])


def _visit(
    pair: Match, now: Sequence[tuple[int | str, int, int]], keys: Sequence[int], vehicle_id: int
) -> list[VisitFact]:
    reported = pair.before
    if pair.now is None:
        if reported is None:
            return []
        site = int(reported.group)
        return [
            VisitFact(
                reported.id,
                reported.revision + 1,
                _key(vehicle_id, site),
                vehicle_id,
                site,
                reported.start_us,
                reported.end_us,
                retracted=True,
            )
        ]
    group, start, end = now[pair.now]
    site = int(group)
    if reported is None:
        return [VisitFact(0, 1, keys[pair.now], vehicle_id, site, start, end)]
    if (reported.start_us, reported.end_us) == (start, end):
        return []
    return [VisitFact(reported.id, reported.revision + 1, keys[pair.now], vehicle_id, site, start, end)]
