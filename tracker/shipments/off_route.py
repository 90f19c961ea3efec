"""Vehicles away from the planned lines of their shipments, as deviations: as far as the shipments were under way.

Runs are found by the fold whatever the shipment's status (`tracker/rules/off_route.py`); status and times of it follow
from the visits of the same step. So this comes last, and again when a shipment's times have changed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from domain.folds.scan import NEVER
from domain.times import to_us
from store.tracking import TrackingStore
from tracker.engine.registry import Registry, Shipment
from tracker.engine.revisions import Reported, match
from tracker.engine.step import Step
from tracker.rules.off_route import Limits, Run, reported
from tracker.shipments.facts import DEVIATION, DeviationFact
from tracker.shipments.rows import ShipmentRows
from tracker.vehicles.off_route import OffRouteRuns

OpenRuns = Callable[[int], OffRouteRuns]


class OffRoute:
    """Compares runs with what was told of them."""

    def __init__(self, store: TrackingStore, limits: Limits) -> None:
        self._store = store
        self._limits = limits
        self._last: dict[int, tuple[list[Run], int]] = {}  # by key: what was compared last
        self._registry: Registry | None = None

    def step(self, registry: Registry, runs: Sequence[OffRouteRuns], open_runs: OpenRuns, step: Step) -> None:
        """Says what the step's runs, and the new times of shipments, change."""
        if registry is not self._registry:
            self._registry, self._last = registry, {}
        rows = step.part(ShipmentRows)
        found = {s.key: s for s in runs if s.key in registry.lined.shipments}
        moved = {change.shipment_id for change in rows.status}
        again = [key for key, s in registry.lined.shipments.items() if s.id in moved] if moved else []
        found |= {key: open_runs(key) for key in again if key not in found}
        wanted = [s for s in found.values() if s.key in again or self._differs(registry, s)]
        step.facts(DEVIATION).extend(self.compare(registry, wanted))
        for key in {s.key for s in wanted}:
            shipment = registry.lined.shipments[key]
            rows.names[shipment.id] = (shipment.tenant_id, shipment.name)

    def _differs(self, registry: Registry, runs: OffRouteRuns) -> bool:
        """Whether something else may be said than the last time."""
        now = (self._parts(registry.lined.shipments[runs.key], runs.runs, runs.now_us), runs.since_us)
        before = self._last.get(runs.key)
        self._last[runs.key] = now
        return now != before

    def compare(self, registry: Registry, all_runs: Sequence[OffRouteRuns]) -> list[DeviationFact]:
        """What is to be said of these that was not said before."""
        if not all_runs:
            return []
        shipments = registry.lined.shipments
        before: dict[tuple[int, int], list[Reported]] = {}
        for sid, fact_id, revision, vehicle, start, end in self._store.rows(
            "off_route_of", sorted({shipments[s.key].id for s in all_runs})
        ):
            end_us = to_us(end) if end else NEVER
            before.setdefault((sid, vehicle), []).append(Reported(fact_id, revision, "", to_us(start), end_us, ()))
        facts = []
        for runs in all_runs:
            shipment = shipments[runs.key]
            facts += self._compared(shipment, runs, before.get((shipment.id, shipment.vehicle_id), []))
        return facts

    def _compared(self, shipment: Shipment, runs: OffRouteRuns, before: Sequence[Reported]) -> list[DeviationFact]:
        stands = [Run(t.start_us, t.end_us) for t in before if t.end_us <= runs.since_us]
        now = self._parts(shipment, [*stands, *runs.runs], runs.now_us)
        facts = []
        for pair in match([("", *run) for run in now], before):
            was = pair.before
            number = (was.id, was.revision + 1) if was else (0, 1)
            if pair.now is not None:
                if was is None or now[pair.now] != (was.start_us, was.end_us):
                    facts.append(_fact(number, shipment, now[pair.now]))
            elif was is not None:
                facts.append(_fact(number, shipment, Run(was.start_us, was.end_us), gone=True))
        return facts

    def _parts(self, shipment: Shipment, runs: Sequence[Run], now_us: int) -> list[Run]:
        """What of some runs was while the shipment was under way."""
        started_us = shipment.started_us
        under_way = None
        if shipment.status != "planned" and started_us is not None:
            under_way = Run(started_us, NEVER if shipment.delivered_us is None else shipment.delivered_us)
        return reported(runs, under_way, now_us, self._limits.for_us)


def _fact(number: tuple[int, int], shipment: Shipment, run: Run, *, gone: bool = False) -> DeviationFact:
    return DeviationFact(*number, shipment.id, None, shipment.vehicle_id, "off_route", *run, retracted=gone)
