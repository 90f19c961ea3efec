"""Arrival times of the stops still to come, for the shipments on our vehicles.

An arrival time is announced, kept and pushed when it differs from what was announced last (`predict`), graded when the
vehicle arrives (`grading`), and what its arrival teaches makes the next ones better (`learning`).
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import ClassVar

import numpy as np
import psycopg
from prometheus_client import Counter

from domain.readings import I64, Batch, Bool
from domain.times import from_us
from tracker.arrival_times.grading import Grading
from tracker.arrival_times.learning import Learning
from tracker.arrival_times.plans import PlannedRoute, Plans, unpacked
from tracker.arrival_times.predict import Position, Prediction, predict
from tracker.arrival_times.routing import Question, Router, pack, unpack
from tracker.arrival_times.rows import ArrivalRows, Risk
from tracker.arrival_times.words import announce
from tracker.engine.family import Engine, Family
from tracker.engine.registry import Registry, Shipment
from tracker.engine.step import Step
from tracker.rules import forecast
from tracker.rules.forecast import NO_TIME
from tracker.shipments.rows import ShipmentRows
from tracker.vehicles.family import Vehicles
from tracker.vehicles.rows import VehicleRows
from tracker.vehicles.state import VehicleTables, Views

INTERVAL_US = 10_000_000  # a new prediction is due after this much event time
RISK_CALM = 0.2  # a risk is over when it is this much below what raised it

announced_total = Counter("frostway_tracker_etas_total", "Arrival times announced and kept")


class ArrivalTimes(Family):
    """Progress of the shipments on our vehicles."""

    name: ClassVar[str] = "arrival_times"
    after: ClassVar[tuple[str, ...]] = ("vehicles", "shipments")

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.learning = Learning(engine.store)
        self._grading = Grading(engine.store, self.learning)
        self._routes: dict[int, PlannedRoute] = {}
        self._registry: Registry | None = None
        self._plans: Plans | None = None
        url = engine.config.routing_url
        self._router = Router(url) if url else None

    def close(self) -> None:
        """Asks for no more routes."""
        if self._router is not None:
            self._router.close()

    # ------------------------------------------------------------ readings
    def prepare(self, streams: Collection[str], step: Step) -> None:
        """The plans as they are before the calls of this step."""
        if "gps" in streams:
            self._take_routes(step)
            self._planned(self.engine.registry, step)

    def step(self, batches: dict[str, Batch], step: Step) -> None:
        """What calls mean for the stops ahead, then predictions for the vehicles that have moved and are due one."""
        del batches
        moved, told_of = step.part(VehicleRows).moved, step.part(ShipmentRows).reported
        if moved is None or told_of is None:
            return
        registry, vehicles = self.engine.registry, self.engine.family(Vehicles).tables
        plans = self._planned(registry, step)
        reported = {s.id: s for s in told_of}
        changed = [row for s in reported.values() if (row := self._follow(plans, registry, s, step)) is not None]
        self._grading.step(registry, plans, reported.values(), step)
        rows, views = self._due(plans, vehicles, moved)
        if len(rows):
            reported |= self._predict(plans, registry, rows, views, step)
        touched = np.unique(np.concatenate([rows, np.array(changed, dtype=np.int64)]))
        step.part(ArrivalRows).journeys += plans.packed(touched)
        announce(plans, registry, reported.values(), step)

    def keep_house(self, now: datetime) -> None:
        """What other trackers have taught is learned."""
        del now
        self.learning.look_around()

    # ------------------------------------------------------------ what is written
    def write(self, cursor: psycopg.Cursor, step: Step) -> None:
        """What was predicted, how good it was, and what it teaches, tenant by tenant."""
        store, rows = self.engine.store, step.part(ArrivalRows)
        store.bulk(cursor, "put_etas", rows.etas)
        store.bulk(cursor, "put_journeys", rows.journeys)
        store.bulk(cursor, "put_routes", rows.routes)
        if rows.over:
            for query in ("drop_journeys", "drop_routes"):
                cursor.execute(store.sql(query), (rows.over,))
        if rows.ungraded:
            cursor.execute(store.sql("drop_grades"), (rows.ungraded,))
        store.bulk(cursor, "put_grades", rows.grades)
        if rows.learned:
            cursor.execute(store.sql("mark_learned"), (from_us(step.now_us), rows.learned))
        for tenant_id, lesson in sorted(rows.lessons, key=lambda each: each[0]):
            self.learning.teach(cursor, tenant_id, lesson)

    # ------------------------------------------------------------ plans
    def _take_routes(self, step: Step) -> None:
        """Routes that have been found: plans are made anew with them."""
        for shipment_id, mark, route in self._router.answers() if self._router else ():
            self._routes[shipment_id] = PlannedRoute(mark, route)
            step.part(ArrivalRows).routes.append((shipment_id, mark, pack(route)))
            self._registry = None

    @staticmethod
    def _ask(router: Router, plans: Plans, rows: I64, here: Position) -> None:
        """Asks for the routes of those who have none yet, and of those who have left theirs, from where they are."""
        off = (plans.line[rows] >= 0) & (plans.progress.line_us[rows] != here.t_us)
        for i in np.flatnonzero(off | ~plans.routed[rows]).tolist():
            row = int(rows[i])
            stops = np.arange(plans.start[row], plans.start[row + 1])
            stops = stops[plans.ahead[stops]] if off[i] else stops
            places = list(zip(plans.lat[stops].tolist(), plans.lon[stops].tolist(), strict=True))
            if off[i]:
                places.insert(0, (float(here.lat[i]), float(here.lon[i])))
            router.ask(Question(int(plans.shipment[row]), plans.mark[row], tuple(places)))

    def _planned(self, registry: Registry, step: Step) -> Plans:
        """The plans of this registry, with what was known of the same shipments."""
        if self._plans is not None and registry is self._registry:
            return self._plans
        if self._plans is None:
            rows = self.engine.store.rows("routes")
            self._routes = {int(sid): PlannedRoute(int(mark), unpack(bytes(body))) for sid, mark, body in rows}
        fresh = Plans(registry, self._routes)
        self._routes = {sid: self._routes[sid] for sid in fresh.shipment[fresh.routed].tolist()}
        if self._plans is not None:
            fresh.adopt(self._plans.progress, self._plans.shown)
        else:
            fresh.adopt(*unpacked(self.engine.store.rows("journeys")))
        for stop_id in fresh.at_risk(int(stop) for (stop,) in self.engine.store.rows("open_late_risks")):
            step.part(ArrivalRows).risks.append(Risk(0, stop_id, 0, "", step.now_us, raised=False))
        self._plans, self._registry = fresh, registry
        return fresh

    def _follow(self, plans: Plans, registry: Registry, shipment: Shipment, step: Step) -> int | None:
        """Something new is known of a shipment; returns its row while it is under way."""
        arrived = {stop.id: stop.arrived_us for stop in shipment.stops}
        for stop_id in plans.refresh(shipment):
            at_us = arrived.get(stop_id) or step.now_us
            step.part(ArrivalRows).risks.append(Risk(shipment.tenant_id, stop_id, 0, "", at_us, raised=False))
        plans.assign(registry, shipment.vehicle_id)
        on = registry.shipments.get(shipment.vehicle_id)
        if on is not None and plans.row(on.id) is None:
            self._registry = None  # it had been delivered when the plans were made: they are made anew
        if shipment.status == "delivered":
            step.part(ArrivalRows).over.append(shipment.id)
            return None
        return plans.row(shipment.id)

    # ------------------------------------------------------------ predictions
    @staticmethod
    def _due(plans: Plans, vehicles: VehicleTables, touched: list[int]) -> tuple[I64, Views]:
        """Rows that are due a prediction, and the newest fixes they are made from."""
        moved = np.unique(np.array(touched, dtype=np.int64))
        seen = vehicles.seen(moved[plans.rows_of(moved) >= 0])
        rows = plans.rows_of(seen.entity)
        last = plans.progress.t_us[rows]
        due: Bool = seen.t_us >= np.where(last == NO_TIME, plans.since_us[rows], last + INTERVAL_US)
        return rows[due], Views(*(getattr(seen, name)[due] for name in Views.__dataclass_fields__))

    def _predict(self, plans: Plans, registry: Registry, rows: I64, views: Views, step: Step) -> dict[int, Shipment]:
        """Predicts; returns the shipments of which something new is announced."""
        reported: dict[int, Shipment] = {}
        for tenant_id in np.unique(plans.tenant[rows]).tolist():
            of = np.flatnonzero(plans.tenant[rows] == tenant_id)
            here = Position(views.t_us[of], views.lat[of], views.lon[of])
            made = predict(plans, rows[of], here, self.learning.of(tenant_id), rest=self.engine.config.driver_rest)
            if self._router is not None:
                self._ask(self._router, plans, rows[of], here)
            announce = made.announce | self._judge(plans, registry, made, views, of, step)
            self._keep(plans, made, announce, tenant_id, step)
            for vehicle_id in np.unique(views.entity[of[made.of[announce]]]).tolist():
                if (shipment := registry.shipments.get(vehicle_id)) is not None:
                    reported[shipment.id] = shipment
        return reported

    @staticmethod
    def _keep(plans: Plans, made: Prediction, chosen: Bool, tenant_id: int, step: Step) -> None:
        """What is announced is kept."""
        at, count = made.stop[chosen], int(chosen.sum())
        shown = plans.shown
        shown.at_us[at] = made.now_us[chosen]
        for name in ("p10_us", "p50_us", "p90_us", "remaining_m", "risk", "few_trips"):
            getattr(shown, name)[at] = getattr(made, name)[chosen]
        shown.decided_us[at] = step.now_us
        names = ("stop", "at_us", "p10_us", "p50_us", "p90_us", "remaining_m", "risk")
        few = [each if each >= 0 else None for each in made.few_trips[chosen].tolist()]
        own = [[value] * count for value in (tenant_id, step.now_us, forecast.VERSION)]
        state = made.state[chosen].tolist()
        packed = np.ascontiguousarray(made.said_s[chosen], dtype="<f4")
        said = packed.view(f"V{packed.shape[1] * packed.itemsize}").ravel().tolist()
        columns = [getattr(shown, name)[at].tolist() for name in names]
        step.part(ArrivalRows).etas += zip(own[0], *columns, few, state, said, *own[1:], strict=True)
        announced_total.inc(count)

    def _judge(self, plans: Plans, registry: Registry, made: Prediction, views: Views, of: I64, step: Step) -> Bool:
        """Which stops have come to be at risk of missing their windows, or no longer are."""
        was = plans.risky[made.stop]
        raised_at = self.engine.config.late_risk
        is_now = np.where(was, made.risk >= raised_at - RISK_CALM, made.risk >= raised_at)
        plans.risky[made.stop] = is_now
        changed: Bool = np.asarray(was != is_now)
        for i in np.flatnonzero(changed).tolist():
            view = of[made.of[i]]
            shipment = registry.shipments[int(views.entity[view])]
            stop_id = int(plans.stop[made.stop[i]])
            stop = next(s for s in shipment.stops if s.id == stop_id)
            site = registry.sites.get(stop.site_id)
            title = f"{shipment.name} may miss its window at {site.name if site else stop.label or stop.name}"
            news = (shipment.tenant_id, stop_id, int(views.device[view]), title, int(made.now_us[i]))
            step.part(ArrivalRows).risks.append(Risk(*news, raised=bool(is_now[i])))
        return changed
