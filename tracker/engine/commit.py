"""The tracker's one transaction: readings, state, facts, alerts, changes and the log's position, all or nothing."""

from __future__ import annotations

from collections.abc import Mapping

import psycopg

from domain.digits import shown
from domain.readings import Batch
from domain.times import from_us, to_us
from store.tracking import TrackingStore
from tracker.alerts.risks import Risks
from tracker.alerts.shape import alert_shape, news
from tracker.engine.facts import Facts
from tracker.engine.registry import Registry
from tracker.engine.step import ExcursionFact, Outcome, VisitFact, instant, text
from tracker.rules.scan import NEVER
from tracker.temperatures.family import OpenExcursion, Series
from tracker.vehicles.family import OpenVisit, Vehicles
from tracker.vehicles.segments import OpenTrip

TITLES = {"above": "Too warm", "below": "Too cold"}


class Commit:
    """Writes outcomes; keeps the open facts of vehicles and series in step with the store."""

    def __init__(self, store: TrackingStore, vehicles: Vehicles, series: Series) -> None:
        self._store = store
        self._vehicles = vehicles
        self._series = series
        self._facts = Facts(store)
        self._risks = Risks(store)

    def write(self, cursor: psycopg.Cursor, registry: Registry, batches: Mapping[str, Batch], out: Outcome) -> None:
        """Everything but position and changes. Call inside the transaction."""
        store = self._store
        store.write_readings(cursor, batches)
        states = [("put_vehicle_states", c) for c in out.vehicle_columns]
        states += [("put_series_states", c) for c in out.series_columns]
        for query, columns in [*states, *(("put_vehicle_cells", c) for c in out.cell_columns)]:
            store.columns(cursor, query, columns)
        store.bulk(cursor, "put_vehicle_carries", out.carry_rows)
        store.bulk(cursor, "drop_vehicle_states", [(v,) for v in out.unknown_vehicles])
        store.bulk(cursor, "forget_unknown_cells", [(v,) for v in out.whole])
        for kind, entity, since in out.forgotten:
            store.checkpoints.forget_since(cursor, kind, entity, since)
        for rest in out.rests:
            store.checkpoints.put(cursor, *rest)
        store.bulk(cursor, "put_batteries", list(out.batteries.items()))
        store.bulk(cursor, "put_tag_states", out.tag_rows)
        store.bulk(cursor, "put_slot_states", out.slot_rows)
        store.bulk(cursor, "put_stock_levels", out.stock_rows)
        store.bulk(cursor, "put_stock_moves", out.move_rows)
        store.mark_dirty(cursor, out.dirty)
        for visit in out.visits:
            self.visit(cursor, registry, visit, out)
        self.trips(cursor, registry, out)
        for excursion in out.excursions:
            self.excursion(cursor, registry, excursion, out)
        for call in out.calls:
            self._facts.call(cursor, registry, call, out)
        for deviation in out.deviations:
            self._facts.deviation(cursor, registry, deviation, out)
        for stop in out.stop_times:
            times = {
                "id": stop.stop_id,
                "arrived_at": instant(stop.arrived_us),
                "departed_at": instant(stop.departed_us),
            }
            store.one(cursor, "put_stop_times", times)
        for status in out.shipment_status:
            times = {"started_at": instant(status.started_us), "delivered_at": instant(status.delivered_us)}
            store.one(cursor, "put_shipment_status", {"id": status.shipment_id, "status": status.status, **times})
        self._arrival_times(cursor, registry, out)

    def _arrival_times(self, cursor: psycopg.Cursor, registry: Registry, out: Outcome) -> None:
        """What was predicted, how good it was, and what it teaches."""
        store = self._store
        store.bulk(cursor, "put_etas", out.eta_rows)
        store.bulk(cursor, "put_journeys", out.journey_rows)
        store.bulk(cursor, "put_routes", out.route_rows)
        if out.journeys_over:
            for query in ("drop_journeys", "drop_routes"):
                cursor.execute(store.sql(query), (out.journeys_over,))
        if out.ungraded:
            cursor.execute(store.sql("drop_grades"), (out.ungraded,))
        store.bulk(cursor, "put_grades", out.grades)
        if out.learned:
            cursor.execute(store.sql("mark_learned"), (from_us(out.now_us), out.learned))
        for vehicle_id in self._risks.write(cursor, registry, out):
            self.count_alerts(cursor, registry, vehicle_id, out)

    def visit(self, cursor: psycopg.Cursor, registry: Registry, fact: VisitFact, out: Outcome) -> None:
        """A visit's newest word."""
        if fact.vehicle_id not in registry.vehicles or not registry.knows(fact.vehicle_id, fact.site_id):
            return
        fact_id = self._facts.visit(cursor, registry, fact, out)
        if fact.left_us == NEVER and not fact.retracted:
            self._vehicles.open[fact.key] = OpenVisit(fact_id, fact.revision, fact.entered_us)
        elif (still := self._vehicles.open.get(fact.key)) and still.id == fact_id:
            del self._vehicles.open[fact.key]

    def trips(self, cursor: psycopg.Cursor, registry: Registry, out: Outcome) -> None:
        """Newest words on trips, stops and gaps."""
        facts = [f for f in out.trips if f.vehicle_id in registry.vehicles]
        if not facts:
            return
        going = self._vehicles.open_trips
        for fact, fact_id in zip(facts, self._facts.trips(cursor, registry, facts, out), strict=True):
            if fact.end_us == NEVER and not fact.retracted:
                going[fact.vehicle_id] = OpenTrip(fact_id, fact.revision)
            elif (still := going.get(fact.vehicle_id)) and still.id == fact_id:
                del going[fact.vehicle_id]

    def excursion(self, cursor: psycopg.Cursor, registry: Registry, fact: ExcursionFact, out: Outcome) -> None:
        """An excursion's newest word, and its alert once it has lasted long enough."""
        probe = self._series.probes[fact.probe_id]
        device = registry.devices.get(probe.device_id)
        if device is None:
            return
        fact_id = self._facts.excursion(cursor, device, probe.name, fact, out) if fact.amends else fact.id
        key = (fact.probe_id, fact.kind)
        if fact.end_us == NEVER and not fact.retracted:
            self._series.open[key] = OpenExcursion(fact_id, fact.revision, fact.start_us, fact.alarm_us)
        elif (still := self._series.open.get(key)) and still.id == fact_id:
            del self._series.open[key]
        if fact.alarm_us != NEVER:
            self._alert(cursor, registry, fact, fact_id, out)
        elif fact.id and (told := self._store.one(cursor, "alert_of", {"fact_id": fact_id})):
            # It has not lasted long enough after all: what was said is taken back.
            taken_back = fact._replace(alarm_us=to_us(told["alarm_at"]), retracted=True)
            self._alert(cursor, registry, taken_back, fact_id, out)

    def _alert(
        self, cursor: psycopg.Cursor, registry: Registry, fact: ExcursionFact, fact_id: int, out: Outcome
    ) -> None:
        """The alert of an excursion; its history gets a line only when something else is decided than before."""
        probe = self._series.probes[fact.probe_id]
        device = registry.devices[probe.device_id]
        title = f"{TITLES[fact.kind]}: {fact.extreme_c:.1f} °C"
        cleared_us = min(fact.end_us, out.now_us) if fact.retracted else fact.end_us
        kept = self._store.one(
            cursor,
            "put_alert",
            {
                "tenant_id": device.tenant_id,
                "kind": "temperature",
                "severity": "critical",
                "fact_id": fact_id,
                "rule_key": fact.kind,
                "device_id": device.id,
                "probe_id": fact.probe_id,
                "title": title,
                "limit_c": fact.limit_c,
                "extreme_c": fact.extreme_c,
                "last_c": fact.last_c,
                "opened_at": from_us(fact.start_us),
                "alarm_at": from_us(fact.alarm_us),
                "decided_at": from_us(out.now_us),
                "cleared_at": instant(cleared_us),
            },
        )
        if kept is None:
            return
        if what := news(kept, retracted=fact.retracted):
            cursor.execute(self._store.sql("alert_event"), (kept["id"], from_us(out.now_us), what))
        self.count_alerts(cursor, registry, device.vehicle_id, out)
        if kept["resolved_at"] is not None:
            return  # somebody is done with it: it is off the lists
        figures = {
            "limit_c": fact.limit_c,
            "extreme_c": shown("extreme_c", fact.extreme_c),
            "last_c": shown("last_c", fact.last_c),
        }
        out.change(
            device.tenant_id,
            "alerts",
            str(kept["id"]),
            "put",
            alert_shape(
                registry,
                kept,
                device.id,
                kind="temperature",
                severity="critical",
                title=title,
                probe=probe.name,
                opened_us=fact.start_us,
                alarm=text(fact.alarm_us),
                cleared=text(cleared_us),
                figures=figures,
            ),
        )

    def count_alerts(self, cursor: psycopg.Cursor, registry: Registry, vehicle_id: int, out: Outcome) -> None:
        """Tells how many alerts of a vehicle are active."""
        vehicle = registry.vehicles.get(vehicle_id)
        if vehicle is None:
            return
        row = self._store.one(cursor, "active_alerts", {"vehicle_id": vehicle_id})
        out.change(vehicle.tenant_id, "vehicles", vehicle.name, "merge", {"alerts": row["count"] if row else 0})
