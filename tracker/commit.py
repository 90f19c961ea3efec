"""The tracker's one transaction: readings, state, facts, alerts, changes and the log's position, all or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg

from domain.readings import Batch
from domain.times import from_us, to_us
from store.tracking import TrackingStore
from tracker.outcome import ExcursionFact, Outcome, VisitFact, instant, text
from tracker.registry import Registry
from tracker.rules import geofence, temperature
from tracker.rules.scan import NEVER
from tracker.series import OpenExcursion, Series
from tracker.vehicles import OpenVisit, Vehicles

TITLES = {"above": "Too warm", "below": "Too cold"}


class Commit:
    """Writes outcomes; keeps the open facts of vehicles and series in step with the store."""

    def __init__(self, store: TrackingStore, vehicles: Vehicles, series: Series) -> None:
        self._store = store
        self._vehicles = vehicles
        self._series = series

    def write(self, cursor: psycopg.Cursor, registry: Registry, batches: Mapping[str, Batch], out: Outcome) -> None:
        """Everything but position and changes. Call inside the transaction."""
        store = self._store
        store.write_readings(cursor, batches)
        for columns in out.vehicle_columns:
            store.columns(cursor, "put_vehicle_states", columns)
        store.bulk(cursor, "put_vehicle_carries", out.carry_rows)
        for kind, entity, since in out.forgotten:
            store.checkpoints.forget_since(cursor, kind, entity, since)
        for rest in out.rests:
            store.checkpoints.put(cursor, *rest)
        store.bulk(cursor, "put_batteries", list(out.batteries.items()))
        store.bulk(cursor, "put_series_states", out.series_rows)
        store.bulk(cursor, "put_tag_states", out.tag_rows)
        store.bulk(cursor, "put_slot_states", out.slot_rows)
        store.bulk(cursor, "put_stock_levels", out.stock_rows)
        store.bulk(cursor, "put_stock_moves", out.move_rows)
        store.bulk(cursor, "put_etas", out.eta_rows)
        store.mark_dirty(cursor, out.dirty)
        for visit in out.visits:
            self.visit(cursor, registry, visit, out)
        for excursion in out.excursions:
            self.excursion(cursor, registry, excursion, out)
        for stop in out.stop_times:
            store.one(
                cursor,
                "put_stop_times",
                {"id": stop.stop_id, "arrived_at": instant(stop.arrived_us), "departed_at": instant(stop.departed_us)},
            )
        for status in out.shipment_status:
            at = from_us(status.at_us)
            store.one(
                cursor,
                "put_shipment_status",
                {
                    "id": status.shipment_id,
                    "status": status.status,
                    "started_at": at,
                    "delivered_at": at if status.status == "delivered" else None,
                },
            )

    def visit(self, cursor: psycopg.Cursor, registry: Registry, fact: VisitFact, out: Outcome) -> None:
        """A visit's newest word."""
        vehicle = registry.vehicles.get(fact.vehicle_id)
        if vehicle is None or fact.site_id < 0:
            return  # a stop without a site has an arrival, not a visit
        values = {
            "id": fact.id,
            "revision": fact.revision,
            "tenant_id": vehicle.tenant_id,
            "vehicle_id": fact.vehicle_id,
            "site_id": fact.site_id,
            "entered_at": from_us(fact.entered_us),
            "left_at": instant(fact.left_us),
            "decided_at": from_us(out.now_us),
            "rule_version": geofence.VERSION,
            "retracted": fact.retracted,
        }
        fact_id = self._put(cursor, "visit", fact.id, values)
        if fact.left_us == NEVER and not fact.retracted:
            self._vehicles.open[fact.key] = OpenVisit(fact_id, fact.revision, fact.entered_us)
        elif (still := self._vehicles.open.get(fact.key)) and still.id == fact_id:
            del self._vehicles.open[fact.key]

    def excursion(self, cursor: psycopg.Cursor, registry: Registry, fact: ExcursionFact, out: Outcome) -> None:
        """An excursion's newest word, and its alert once it has lasted long enough."""
        probe = self._series.probes[fact.probe_id]
        device = registry.devices.get(probe.device_id)
        if device is None:
            return
        values = {
            "id": fact.id,
            "revision": fact.revision,
            "tenant_id": device.tenant_id,
            "probe_id": fact.probe_id,
            "device_id": device.id,
            "kind": fact.kind,
            "limit_c": fact.limit_c,
            "started_at": from_us(fact.start_us),
            "ended_at": instant(fact.end_us),
            "alarm_at": instant(fact.alarm_us),
            "extreme_c": fact.extreme_c,
            "samples": fact.samples,
            "decided_at": from_us(out.now_us),
            "rule_version": temperature.VERSION,
            "retracted": fact.retracted,
        }
        fact_id = self._put(cursor, "excursion", fact.id, values) if fact.amends else fact.id
        key = (fact.probe_id, fact.kind)
        if fact.end_us == NEVER and not fact.retracted:
            self._series.open[key] = OpenExcursion(fact_id, fact.revision, fact.start_us, fact.alarm_us, fact.extreme_c)
        elif (still := self._series.open.get(key)) and still.id == fact_id:
            del self._series.open[key]
        if fact.alarm_us != NEVER:
            self._alert(cursor, registry, fact, fact_id, out)

    def _put(self, cursor: psycopg.Cursor, kind: str, fact_id: int, values: Mapping[str, Any]) -> int:
        """A new fact, or a new revision of one: the older word stays, marked as superseded."""
        if fact_id:
            self._store.one(cursor, f"supersede_{kind}", values)
            self._store.one(cursor, f"revise_{kind}", values)
            return fact_id
        made = self._store.one(cursor, f"new_{kind}", values)
        return int(made["id"]) if made else 0

    def _alert(
        self, cursor: psycopg.Cursor, registry: Registry, fact: ExcursionFact, fact_id: int, out: Outcome
    ) -> None:
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
        what = (
            "retracted"
            if fact.retracted
            else "raised"
            if kept["fresh"]
            else "cleared"
            if cleared_us != NEVER
            else "amended"
        )
        if kept["fresh"] or fact.amends:
            cursor.execute(self._store.sql("alert_event"), (kept["id"], from_us(out.now_us), what))
        self.count_alerts(cursor, registry, device.vehicle_id, out)
        if kept["resolved_at"] is not None:
            return  # somebody is done with it: it is off the lists
        figures = {"limit_c": fact.limit_c, "extreme_c": round(fact.extreme_c, 2), "last_c": round(fact.last_c, 2)}
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
                opened=text(fact.start_us),
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


def alert_shape(
    registry: Registry,
    kept: Mapping[str, Any],
    device_id: int,
    *,
    kind: str,
    severity: str,
    title: str,
    probe: str | None,
    opened: str | None,
    alarm: str | None,
    cleared: str | None,
    figures: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """An alert as people see it."""
    device = registry.devices[device_id]
    if device.vehicle_id:
        subject = {"kind": "vehicle", "id": registry.vehicles[device.vehicle_id].name}
    elif device.site_id:
        subject = {"kind": "site", "id": registry.sites[device.site_id].name}
    else:
        subject = {"kind": "device", "id": device.name}
    empty = {"limit_c": None, "extreme_c": None, "last_c": None}
    return {
        "id": str(kept["id"]),
        "kind": kind,
        "severity": severity,
        "subject": subject,
        "device": device.name,
        "probe": probe,
        "title": title,
        **(figures or empty),
        "opened_at": opened,
        "alarm_at": alarm,
        "decided_at": _when(kept["decided_at"]),
        "cleared_at": cleared,
        "state": "cleared" if cleared else "active",
        "revision": kept["revision"],
        "acknowledged_at": _when(kept["acknowledged_at"]),
        "acknowledged_by": kept["acknowledged_by"],
        "note": kept["note"],
        "resolved_at": _when(kept["resolved_at"]),
        "resolved_by": kept["resolved_by"],
    }


def _when(at: Any) -> str | None:
    return text(to_us(at)) if at else None
