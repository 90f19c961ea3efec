"""Shipments: calls at their stops, what went otherwise than planned, and what their goods have seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import psycopg

from domain.facts import AnyKind, Fact, Word
from domain.readings import Batch
from tracker.config import TrackerConfig
from tracker.engine import facts
from tracker.engine.family import Engine, Family
from tracker.engine.step import Step
from tracker.rules import off_route
from tracker.rules.calls import MINUTE_US, Limits
from tracker.shipments.calls import Calls
from tracker.shipments.facts import CALL, DEVIATION, CallFact, DeviationFact
from tracker.shipments.goods import Goods
from tracker.shipments.off_route import OffRoute
from tracker.shipments.rows import ShipmentRows
from tracker.temperatures.rows import TemperatureRows
from tracker.vehicles.facts import VISIT
from tracker.vehicles.family import Vehicles, corridor
from tracker.vehicles.rows import VehicleRows


def stays(config: TrackerConfig) -> Limits:
    """What is expected of a stay at a stop."""
    return Limits(round(config.stop_dwell_minutes * MINUTE_US), round(config.prolonged_stop_minutes * MINUTE_US))


class Shipments(Family):
    """Shipments on vehicles of the partitions we own."""

    name: ClassVar[str] = "shipments"
    after: ClassVar[tuple[str, ...]] = ("vehicles", "temperatures")
    kinds: ClassVar[tuple[AnyKind, ...]] = (CALL, DEVIATION)

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.goods = Goods()
        self._calls = Calls(engine.store, stays(engine.config))
        self._off_route = OffRoute(engine.store, corridor(engine.config))

    def registry_read(self) -> bool:
        """Limits, devices or shipments may be others than before: whatever is under way with us is looked at."""
        registry = self.engine.registry
        self.goods.observe(vehicles=(v for v in registry.shipments if registry.vehicle_owned[v]))
        return False

    # ------------------------------------------------------------ readings
    def step(self, batches: dict[str, Batch], step: Step) -> None:
        """Calls and deviations that moves and visits make or change."""
        del batches
        self.goods.observe(step.part(TemperatureRows).devices)
        moved = step.part(VehicleRows).moved
        if moved is None:
            return
        registry, vehicles = self.engine.registry, self.engine.family(Vehicles).tables
        rows = step.part(ShipmentRows)
        rows.reported = self._calls.step(registry, vehicles.newest_us, moved, step.facts(VISIT), step)
        self._off_route.step(registry, step.part(VehicleRows).off_route, vehicles.off_route_now, step)

    # ------------------------------------------------------------ the clock
    def due(self, now_us: int, monotonic_s: float, *, now: bool = False) -> bool:
        """Whether there is something to tell of goods."""
        return self.goods.due(self.engine.store.connection, now_us, monotonic_s, now=now)

    def tick(self, step: Step) -> bool:
        """What goods have seen is told as it is written: it is asked of the store, for a few at a time."""
        step.part(ShipmentRows).goods = True
        return True

    def spent(self, monotonic_s: float, seconds: float) -> None:
        """The next goods wait for their share of the time."""
        self.goods.spent(monotonic_s, seconds)

    # ------------------------------------------------------------ what is written
    def write(self, cursor: psycopg.Cursor, step: Step) -> None:
        """Calls, deviations, and what the pages show of stops and shipments."""
        store, rows = self.engine.store, step.part(ShipmentRows)
        facts.put(cursor, CALL, [self._call(f, rows) for f in step.facts(CALL)], step)
        facts.put(cursor, DEVIATION, [self._deviation(f, rows) for f in step.facts(DEVIATION)], step)
        store.bulk(cursor, "put_stop_times", list({t.stop_id: t for t in rows.stop_times}.values()))
        store.bulk(cursor, "put_shipment_status", list({s.shipment_id: s for s in rows.status}.values()))
        self.goods.observe(shipments=[s.shipment_id for s in rows.status])
        if rows.goods:
            self.goods.tell(store.connection, self.engine.registry, step)

    def _call(self, f: CallFact, rows: ShipmentRows) -> Word:
        values = (f.shipment_id, f.stop_id, f.vehicle_id, f.turn, f.arrived_us, f.departed_us)
        return self._word(f, values, None, (f.arrived_us, f.departed_us), rows)

    def _deviation(self, f: DeviationFact, rows: ShipmentRows) -> Word:
        values = (f.shipment_id, f.stop_id, f.vehicle_id, f.kind, f.start_us, f.end_us)
        word = self._word(f, values, f.kind, (f.start_us, f.end_us), rows)
        return word._replace(rule_version=off_route.VERSION) if f.kind == "off_route" else word

    def _word(
        self,
        f: CallFact | DeviationFact,
        values: tuple[int | str | None, ...],
        what: str | None,
        span_us: tuple[int, int],
        rows: ShipmentRows,
    ) -> Word:
        tenant_id, shipment = rows.names[f.shipment_id]
        vehicle = self.engine.registry.vehicles.get(f.vehicle_id)
        about = (shipment, vehicle.name if vehicle else None, what)
        return Word(f.id, f.revision, tenant_id, values, about, *span_us, f.retracted)

    # ------------------------------------------------------------ proof
    def check(self, step: Step) -> None:
        """Ways off the line of a vehicle that was derived again."""
        runs = step.part(VehicleRows).off_route
        step.facts(DEVIATION).extend(self._off_route.compare(self.engine.registry, runs))

    def title(self, kind: AnyKind, fact: Fact) -> str:
        """A deviation in a few words."""
        if not isinstance(fact, DeviationFact):
            return kind.name
        lined: Sequence[str] = [
            s.name for s in self.engine.registry.lined.shipments.values() if s.id == fact.shipment_id
        ]
        return f"off route of shipment {lined[0] if lined else fact.shipment_id}"
