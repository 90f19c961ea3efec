"""Calls of vehicles at the stops of their shipments: evaluated anew when a visit or a plan has changed, and compared.

The calls are a function of the current visits (`tracker/rules/calls.py`), so a visit that comes late or is taken back
amends them. A shipment is looked at when its vehicle's visits change, when its plan is new, and when its time has come.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from domain.folds.scan import NEVER
from domain.times import from_us, to_us
from store.tracking import TrackingStore
from tracker.engine.registry import Registry, Shipment, current, shipments_of
from tracker.engine.step import Step
from tracker.rules.calls import AFTER_US, BEFORE_US, MINUTE_US, Call, Course, Limits, Plan, Stay, evaluate
from tracker.shipments.facts import CALL, DEVIATION, CallFact, DeviationFact
from tracker.shipments.rows import ShipmentRows, ShipmentStatus, StopTime
from tracker.vehicles.facts import VisitFact

NewestOf = Callable[[Iterable[int]], dict[int, int]]
"""Event time of the newest good fix of each of some vehicles that has one."""
LOOK_BACK_US = 2 * AFTER_US  # a visit that changes may belong to a shipment delivered this long before it began
PICKUP_US = 7 * 24 * 60 * MINUTE_US  # a shipment registered longer than this after its pick-up has none


class ReportedCall(NamedTuple):
    """A current call in the store."""

    id: int
    revision: int
    vehicle_id: int
    turn: int
    call: Call


class ReportedDeviation(NamedTuple):
    """A current deviation in the store."""

    id: int
    revision: int
    start_us: int
    end_us: int


class Reported(NamedTuple):
    """What was said of a shipment: calls by stop, deviations by kind and stop."""

    calls: dict[int, ReportedCall]
    deviations: dict[tuple[str, int], ReportedDeviation]


class Calls:
    """Which shipments have to be looked at, and what was found."""

    def __init__(self, store: TrackingStore, limits: Limits) -> None:
        self._store = store
        self._limits = limits
        self._seen: dict[int, tuple[int, int]] = {}  # by shipment: its plan, and when it is due again
        self._registry: Registry | None = None

    def step(
        self,
        registry: Registry,
        newest_us_of: NewestOf,
        touched: Iterable[int],
        visits: Sequence[VisitFact],
        step: Step,
    ) -> list[Shipment]:
        """Evaluates what these vehicles' shipments need; returns those about which something new is said."""
        if registry is not self._registry:
            self._forget_all_but(s.id for aboard in registry.aboard.values() for s in aboard)
            self._registry = registry
        changed: dict[int, int] = {}
        for fact in visits:
            changed[fact.vehicle_id] = min(fact.entered_us, changed.get(fact.vehicle_id, NEVER))
        newest_us = newest_us_of({*touched, *changed} & registry.aboard.keys() | changed.keys())
        wanted = [
            shipment
            for vehicle_id, t_us in newest_us.items()
            for shipment in registry.aboard.get(vehicle_id, ())
            if vehicle_id in changed or self._due(shipment, t_us)
        ]
        if changed:
            here = {shipment.id for shipment in wanted}
            wanted += [s for s in self._delivered(changed) if s.id not in here and s.vehicle_id in newest_us]
        if not wanted:
            return []
        wanted.sort(key=lambda s: s.id)
        stays = self._stays(wanted, visits)
        reported = self._reported([s.id for s in wanted])
        announced = []
        for shipment in wanted:
            plan = _plan(shipment, reported[shipment.id])
            course = evaluate(plan, stays.get(shipment.vehicle_id, ()), newest_us[shipment.vehicle_id], self._limits)
            self._seen[shipment.id] = (shipment.signature, course.due_us)
            if _tell(shipment, course, reported[shipment.id], step):
                announced.append(shipment)
        for vehicle_id in {s.vehicle_id for s in announced}:
            on = current(registry.aboard.get(vehicle_id, ()))
            if on is not None:
                registry.shipments[vehicle_id] = on
            else:
                registry.shipments.pop(vehicle_id, None)
        return announced

    def _forget_all_but(self, shipments: Iterable[int]) -> None:
        self._seen = {shipment: self._seen[shipment] for shipment in shipments if shipment in self._seen}

    def _due(self, shipment: Shipment, t_us: int) -> bool:
        """Whether the plan is new to us, or time alone changes what is to be said."""
        seen = self._seen.get(shipment.id)
        return seen is None or t_us > seen[1] or seen[0] != shipment.signature

    def _delivered(self, changed: Mapping[int, int]) -> list[Shipment]:
        """Shipments that were delivered when these visits began, or shortly before, or later."""
        rows = self._bulk("delivered_since", [(v, t_us - LOOK_BACK_US) for v, t_us in changed.items()])
        return shipments_of(rows, self._store.rows("stops_of", [r[0] for r in rows])) if rows else []

    def _stays(self, shipments: Sequence[Shipment], visits: Sequence[VisitFact]) -> dict[int, list[Stay]]:
        """Stays of the shipments' vehicles: the store's current visits, with those of this step in their place."""
        since: dict[int, int] = {}
        for s in shipments:
            begins_us = min(s.since_us, max(s.planned[0].window[0], s.since_us - PICKUP_US)) if s.stops else s.since_us
            since[s.vehicle_id] = min(begins_us - BEFORE_US, since.get(s.vehicle_id, NEVER))
        rows = self._bulk("visits_after", list(since.items()))
        found = {r[0]: (r[1], Stay(r[2], to_us(r[3]), to_us(r[4]) if r[4] else NEVER)) for r in rows}
        for n, fact in enumerate(visits):
            if fact.retracted:
                found.pop(fact.id, None)
            else:
                found[fact.id or -1 - n] = (fact.vehicle_id, Stay(fact.site_id, fact.entered_us, fact.left_us))
        stays: dict[int, list[Stay]] = {}
        for vehicle_id, stay in found.values():
            stays.setdefault(vehicle_id, []).append(stay)
        return stays

    def _reported(self, shipments: Sequence[int]) -> dict[int, Reported]:
        reported = {shipment: Reported({}, {}) for shipment in shipments}
        rows = self._store.rows("calls_of", shipments)
        for sid, fact_id, revision, stop_id, vehicle_id, turn, arrived, departed in rows:
            call = Call(stop_id, to_us(arrived), to_us(departed) if departed else NEVER)
            reported[sid].calls[stop_id] = ReportedCall(fact_id, revision, vehicle_id, turn, call)
        for sid, fact_id, revision, stop_id, kind, start, end in self._store.rows("deviations_of", shipments):
            end_us = to_us(end) if end else NEVER
            reported[sid].deviations[kind, stop_id] = ReportedDeviation(fact_id, revision, to_us(start), end_us)
        return reported

    def _bulk(self, query: str, pairs: Sequence[tuple[int, int]]) -> list[tuple[Any, ...]]:
        """Rows of a query by vehicles and a time of each."""
        return self._store.rows(query, [v for v, _ in pairs], [from_us(t_us) for _, t_us in pairs])


def _plan(shipment: Shipment, reported: Reported) -> Plan:
    """The plan; calls of another vehicle, of before, and those nobody spoke of as facts stand as they are."""
    settled: dict[int, Call] = {}
    for stop in shipment.stops:
        earlier = reported.calls.get(stop.id)
        if earlier is not None:
            if _stands(earlier, shipment):
                settled[stop.id] = earlier.call
        elif stop.arrived_us is not None:
            departed_us = stop.departed_us if stop.departed_us is not None else NEVER
            settled[stop.id] = Call(stop.id, stop.arrived_us, departed_us)
    return replace(shipment.plan, settled=settled)


def _stands(earlier: ReportedCall, shipment: Shipment) -> bool:
    """Whether a call is of another vehicle, or told before this one was given the shipment, of a time before that."""
    before = earlier.turn < shipment.turn and earlier.call.departed_us <= shipment.since_us
    return before or earlier.vehicle_id != shipment.vehicle_id


def _tell(shipment: Shipment, course: Course, reported: Reported, step: Step) -> bool:
    """Facts that differ from what was told, into the step; the shipment in memory follows."""
    facts = [*_calls(shipment, course, reported), *_deviations(shipment, course, reported)]
    rows = step.part(ShipmentRows)
    step.facts(CALL).extend(f for f in facts if isinstance(f, CallFact))
    step.facts(DEVIATION).extend(f for f in facts if isinstance(f, DeviationFact))
    rows.names[shipment.id] = (shipment.tenant_id, shipment.name)
    stops = {stop.id: stop for stop in shipment.stops}
    for fact in facts:
        if isinstance(fact, CallFact) and fact.stop_id in stops:
            stop = stops[fact.stop_id]
            stop.arrived_us = None if fact.retracted else fact.arrived_us
            stop.departed_us = None if fact.retracted or fact.departed_us == NEVER else fact.departed_us
            rows.stop_times.append(StopTime(stop.id, stop.arrived_us, stop.departed_us))
    for stop in shipment.stops:
        stop.deviations = sorted(d.kind for d in course.deviations if d.stop_id == stop.id)
    before = (shipment.status, shipment.started_us, shipment.delivered_us)
    started_us, delivered_us = (None if t == NEVER else t for t in (course.started_us, course.delivered_us))
    if before == (course.status, started_us, delivered_us):
        return bool(facts)
    shipment.status, shipment.started_us, shipment.delivered_us = course.status, started_us, delivered_us
    rows.status.append(ShipmentStatus(shipment.id, course.status, course.started_us, course.delivered_us))
    return True


def _calls(shipment: Shipment, course: Course, reported: Reported) -> Iterable[CallFact]:
    on, now = (shipment.id, shipment.vehicle_id, shipment.turn), {call.stop_id: call for call in course.calls}
    planned = {s.id for s in shipment.stops}
    for stop_id, earlier in reported.calls.items():
        call = now.pop(stop_id, None)
        if call is None and not (stop_id in planned and _stands(earlier, shipment)):
            of = (earlier.vehicle_id, earlier.turn)
            yield CallFact(earlier.id, earlier.revision + 1, on[0], stop_id, *of, *earlier.call[1:], retracted=True)
        elif call is not None and call != earlier.call:
            yield CallFact(earlier.id, earlier.revision + 1, on[0], stop_id, *on[1:], *call[1:])
    for call in now.values():
        yield CallFact(0, 1, on[0], call.stop_id, *on[1:], *call[1:])


def _deviations(shipment: Shipment, course: Course, reported: Reported) -> Iterable[DeviationFact]:
    on, now = (shipment.id, shipment.vehicle_id), {(d.kind, d.stop_id): d for d in course.deviations}
    for (kind, stop_id), earlier in reported.deviations.items():
        new, next_revision = now.pop((kind, stop_id), None), earlier.revision + 1
        span = (earlier.start_us, earlier.end_us)
        if new is None:
            yield DeviationFact(earlier.id, next_revision, on[0], stop_id, on[1], kind, *span, retracted=True)
        elif (new.start_us, new.end_us) != span:
            yield DeviationFact(earlier.id, next_revision, on[0], stop_id, on[1], kind, new.start_us, new.end_us)
    for d in now.values():
        yield DeviationFact(0, 1, on[0], d.stop_id, on[1], d.kind, d.start_us, d.end_us)
