"""Shipments on the move: arrival and departure at stops, and the arrival times of the stops still to come.

An arrival time is said, kept and pushed when it differs from what was said last (`predict`), graded when the vehicle
arrives (`grading`), and what its arrival teaches makes the next ones better (`learning`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import psycopg
from prometheus_client import Counter

from domain.digits import shown as figure
from domain.readings import I64, Bool
from domain.times import to_us
from store.tracking import TrackingStore
from tracker.arrival_times.grading import Grading
from tracker.arrival_times.learning import Learning
from tracker.arrival_times.plans import Plans, Road, unpacked
from tracker.arrival_times.predict import Here, Said, predict
from tracker.arrival_times.routing import Question, Router, pack, unpack
from tracker.engine.registry import Registry, Shipment
from tracker.engine.step import Outcome, RiskNews, VisitFact, known, text
from tracker.rules import forecast
from tracker.rules.calls import Limits
from tracker.rules.forecast import NO_TIME
from tracker.shipments.calls import Dispatch
from tracker.vehicles.family import Vehicles, Views

INTERVAL_US = 10_000_000  # a new prediction is due after this much event time
RISK_CALM = 0.2  # a risk is over when it is this much below what raised it

said_total = Counter("frostway_tracker_etas_total", "Arrival times said and kept")


class Journeys:
    """Progress of the shipments on our vehicles."""

    def __init__(
        self,
        store: TrackingStore,
        limits: Limits,
        late_risk: float = 0.8,
        *,
        driver_rest: bool = False,
        router: Router | None = None,
    ) -> None:
        self._store = store
        self._dispatch = Dispatch(store, limits)
        self.learning = Learning(store)
        self._grading = Grading(store, self.learning)
        self._late_risk = late_risk
        self._driver_rest = driver_rest
        self._router = router
        self._roads: dict[int, Road] = {}
        self._registry: Registry | None = None
        self._plans: Plans | None = None

    def step(
        self, registry: Registry, vehicles: Vehicles, touched: list[int], visits: list[VisitFact], out: Outcome
    ) -> None:
        """Calls that these visits make or change, then predictions for the touched vehicles that are due one."""
        self._hear(out)
        plans = self._planned(registry, out)
        told = {s.id: s for s in self._dispatch.step(registry, vehicles, touched, visits, out)}
        changed = [row for s in told.values() if (row := self._follow(plans, registry, s, out)) is not None]
        self._grading.step(registry, plans, told.values(), out)
        rows, views = self._due(plans, vehicles, touched)
        if len(rows):
            told |= self._predict(plans, registry, rows, views, out)
        moved = np.unique(np.concatenate([rows, np.array(changed, dtype=np.int64)]))
        out.journey_rows += plans.packed(moved)
        for shipment in told.values():
            self._announce(plans, registry, shipment, out)
        for vehicle_id in {s.vehicle_id for s in told.values()}:
            self._announce_next(plans, registry, vehicle_id, out)

    def teach(self, cursor: psycopg.Cursor, out: Outcome) -> None:
        """What the arrivals of a step teach, tenant by tenant. Call inside the transaction."""
        for tenant_id, lesson in sorted(out.lessons, key=lambda each: each[0]):
            self.learning.teach(cursor, tenant_id, lesson)

    # ------------------------------------------------------------ plans
    def _hear(self, out: Outcome) -> None:
        """Routes that have been found: plans are made anew with them."""
        for shipment_id, mark, route in self._router.answers() if self._router else ():
            self._roads[shipment_id] = Road(mark, route)
            out.route_rows.append((shipment_id, mark, pack(route)))
            self._registry = None

    @staticmethod
    def _ask(router: Router, plans: Plans, rows: I64, here: Here) -> None:
        """Asks for the roads of those who have none yet, and of those who have left theirs, from where they are."""
        off = (plans.line[rows] >= 0) & (plans.progress.line_us[rows] != here.t_us)
        for i in np.flatnonzero(off | ~plans.routed[rows]).tolist():
            row = int(rows[i])
            stops = np.arange(plans.start[row], plans.start[row + 1])
            stops = stops[plans.ahead[stops]] if off[i] else stops
            places = list(zip(plans.lat[stops].tolist(), plans.lon[stops].tolist(), strict=True))
            if off[i]:
                places.insert(0, (float(here.lat[i]), float(here.lon[i])))
            router.ask(Question(int(plans.shipment[row]), plans.mark[row], tuple(places)))

    def _planned(self, registry: Registry, out: Outcome) -> Plans:
        """The plans of this registry, with what was known of the same shipments."""
        if self._plans is not None and registry is self._registry:
            return self._plans
        if self._plans is None:
            rows = self._store.rows("routes")
            self._roads = {int(sid): Road(int(mark), unpack(bytes(body))) for sid, mark, body in rows}
        fresh = Plans(registry, self._roads)
        self._roads = {sid: self._roads[sid] for sid in fresh.shipment[fresh.routed].tolist()}
        if self._plans is not None:
            fresh.adopt(self._plans.progress, self._plans.shown)
        else:
            fresh.adopt(*unpacked(self._store.rows("journeys")))
        for stop_id in fresh.at_risk(int(stop) for (stop,) in self._store.rows("open_late_risks")):
            out.risks.append(RiskNews(0, stop_id, 0, "", out.now_us, raised=False))
        self._plans, self._registry = fresh, registry
        return fresh

    def _follow(self, plans: Plans, registry: Registry, shipment: Shipment, out: Outcome) -> int | None:
        """Something new is said of a shipment; returns its row while it is under way."""
        arrived = {stop.id: stop.arrived_us for stop in shipment.stops}
        for stop_id in plans.refresh(shipment):
            at_us = arrived.get(stop_id) or out.now_us
            out.risks.append(RiskNews(shipment.tenant_id, stop_id, 0, "", at_us, raised=False))
        plans.assign(registry, shipment.vehicle_id)
        on = registry.shipments.get(shipment.vehicle_id)
        if on is not None and plans.row(on.id) is None:
            self._registry = None  # it had been delivered when the plans were made: they are made anew
        if shipment.status == "delivered":
            out.journeys_over.append(shipment.id)
            return None
        return plans.row(shipment.id)

    # ------------------------------------------------------------ predictions
    @staticmethod
    def _due(plans: Plans, vehicles: Vehicles, touched: list[int]) -> tuple[I64, Views]:
        """Rows that are due a prediction, and the newest fixes they are made from."""
        moved = np.unique(np.array(touched, dtype=np.int64))
        seen = vehicles.seen(moved[plans.rows_of(moved) >= 0])
        rows = plans.rows_of(seen.entity)
        last = plans.progress.t_us[rows]
        due: Bool = seen.t_us >= np.where(last == NO_TIME, plans.since_us[rows], last + INTERVAL_US)
        return rows[due], Views(*(getattr(seen, name)[due] for name in Views.__dataclass_fields__))

    def _predict(self, plans: Plans, registry: Registry, rows: I64, views: Views, out: Outcome) -> dict[int, Shipment]:
        """Predicts; returns the shipments of which something new is said."""
        told: dict[int, Shipment] = {}
        for tenant_id in np.unique(plans.tenant[rows]).tolist():
            of = np.flatnonzero(plans.tenant[rows] == tenant_id)
            here = Here(views.t_us[of], views.lat[of], views.lon[of])
            said = predict(plans, rows[of], here, self.learning.of(tenant_id), rest=self._driver_rest)
            if self._router is not None:
                self._ask(self._router, plans, rows[of], here)
            say = said.say | self._judge(plans, registry, said, views, of, out)
            self._keep(plans, said, say, tenant_id, out)
            for vehicle_id in np.unique(views.entity[of[said.of[say]]]).tolist():
                if (shipment := registry.shipments.get(vehicle_id)) is not None:
                    told[shipment.id] = shipment
        return told

    @staticmethod
    def _keep(plans: Plans, said: Said, say: Bool, tenant_id: int, out: Outcome) -> None:
        """What is said is kept."""
        at, count = said.stop[say], int(say.sum())
        shown = plans.shown
        shown.at_us[at], shown.p10_us[at], shown.p50_us[at] = said.now_us[say], said.p10_us[say], said.p50_us[say]
        shown.p90_us[at], shown.remaining_m[at], shown.risk[at] = (
            said.p90_us[say],
            said.remaining_m[say],
            said.risk[say],
        )
        shown.decided_us[at] = out.now_us
        columns = (shown.stop, shown.at_us, shown.p10_us, shown.p50_us, shown.p90_us, shown.remaining_m, shown.risk)
        own = [[value] * count for value in (tenant_id, out.now_us, forecast.VERSION)]
        planned = said.planned[say].astype(int).tolist()
        out.eta_rows += zip(own[0], *(c[at].tolist() for c in columns), planned, *own[1:], strict=True)
        said_total.inc(count)

    def _judge(self, plans: Plans, registry: Registry, said: Said, views: Views, of: I64, out: Outcome) -> Bool:
        """Which stops have come to be at risk of missing their windows, or no longer are."""
        was = plans.risky[said.stop]
        is_now = np.where(was, said.risk >= self._late_risk - RISK_CALM, said.risk >= self._late_risk)
        plans.risky[said.stop] = is_now
        changed: Bool = np.asarray(was != is_now)
        for i in np.flatnonzero(changed).tolist():
            view = of[said.of[i]]
            shipment = registry.shipments[int(views.entity[view])]
            stop_id = int(plans.stop[said.stop[i]])
            stop = next(s for s in shipment.stops if s.id == stop_id)
            site = registry.sites.get(stop.site_id)
            title = f"{shipment.name} may miss its window at {site.name if site else stop.label or stop.name}"
            news = (shipment.tenant_id, stop_id, int(views.device[view]), title, int(said.now_us[i]))
            out.risks.append(RiskNews(*news, raised=bool(is_now[i])))
        return changed

    # ------------------------------------------------------------ words
    def _eta(self, plans: Plans, stop_id: int) -> dict[str, Any] | None:
        """The arrival time of a stop as it was last said."""
        at = plans.index.get(stop_id)
        shown = plans.shown
        if at is None or shown.at_us[at] == NO_TIME:
            return None
        return {
            "p10": text(int(shown.p10_us[at])),
            "p50": text(int(shown.p50_us[at])),
            "p90": text(int(shown.p90_us[at])),
            "remaining_m": round(float(shown.remaining_m[at])),
            "late_probability": figure("late_probability", known(float(shown.risk[at]))),
            "decided_at": text(int(shown.decided_us[at])),
        }

    def _announce(self, plans: Plans, registry: Registry, shipment: Shipment, out: Outcome) -> None:
        """Tells the shipment's stops."""
        stops = []
        for s in shipment.stops:
            site = registry.sites.get(s.site_id)
            stops.append(
                {
                    "seq": s.seq,
                    "stop_id": s.name,
                    "site": site.name if site else None,
                    "name": s.label,
                    "lat": s.lat,
                    "lon": s.lon,
                    "window_start": _instant(s.window_start),
                    "window_end": _instant(s.window_end),
                    "arrived_at": text(s.arrived_us),
                    "departed_at": text(s.departed_us),
                    "deviations": s.deviations,
                    "eta": self._eta(plans, s.id) if s.arrived_us is None else None,
                }
            )
        shape = {"id": shipment.name, "status": shipment.status, "stops": stops}
        out.change(shipment.tenant_id, "shipments", shipment.name, "merge", shape)

    def _announce_next(self, plans: Plans, registry: Registry, vehicle_id: int, out: Outcome) -> None:
        """Tells the shipment a vehicle is on, and when it is expected at the next stop."""
        vehicle, shipment = registry.vehicles.get(vehicle_id), registry.shipments.get(vehicle_id)
        if vehicle is None:
            return
        shape: dict[str, Any] | None = None
        if shipment is not None:
            stop = shipment.next_stop()
            where = registry.sites.get(stop.site_id) if stop else None
            times = (self._eta(plans, stop.id) if stop else None) or {}
            shape = {"id": shipment.name, "next_stop": where.name if where else stop.name if stop else None}
            shape |= {k: times.get(k) for k in ("p10", "p50", "p90")}
        out.change(vehicle.tenant_id, "vehicles", vehicle.name, "merge", {"shipment": shape})


def _instant(at: datetime | None) -> str | None:
    return text(to_us(at)) if at else None
