"""What people must act on: excursions that have lasted, sensors, silence, and windows that may be missed.

Everything is written many at a time: a yard of a thousand reefers that loses power is one step.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import psycopg

from domain.digits import shown
from domain.times import to_us
from tracker.alerts.breaches import RENEWED, breach_risks
from tracker.alerts.exposures import exposures
from tracker.alerts.shape import alert_shape
from tracker.alerts.temperatures import ExcursionAlerts, sensor_faults
from tracker.arrival_times.rows import ArrivalRows, Risk
from tracker.devices.family import DeviceRows
from tracker.engine.family import Engine, Family
from tracker.engine.step import Step, each_once, text

Kept = Mapping[str, Any]


class Alerts(Family):
    """Alerts of facts, of silent devices and of late risks."""

    name: ClassVar[str] = "alerts"
    after: ClassVar[tuple[str, ...]] = ("devices", "temperatures", "breaches", "shipments", "arrival_times")

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._excursions = ExcursionAlerts(engine)

    def write(self, cursor: psycopg.Cursor, step: Step) -> None:
        """The alerts of a step, what happened to them, and how many are active on each vehicle."""
        events: list[tuple[int, int, str]] = []
        vehicles: dict[int, None] = {}
        self._excursions.write(cursor, step, events, vehicles)
        self._of_sensors(cursor, step, events, vehicles)
        self._of_breaches(cursor, step, events, vehicles)
        self._of_exposures(cursor, step, events, vehicles)
        self._of_risks(cursor, step, events, vehicles)
        self._of_silence(cursor, step, events, vehicles)
        self.engine.store.bulk(cursor, "events", events)
        self._count(vehicles, step)

    def _count(self, vehicles: Iterable[int], step: Step) -> None:
        """Tells how many alerts of these vehicles are active."""
        known = self.engine.registry.vehicles
        wanted = [v for v in vehicles if v in known]
        if not wanted:
            return
        store = self.engine.store
        active = store.rows("active_alerts", wanted)
        counts = {int(v): int(n) for v, n in active}
        for v in wanted:
            step.change(known[v].tenant_id, "vehicles", known[v].name, "merge", {"alerts": counts.get(v, 0)})

    # ------------------------------------------------------------ sensors
    def _of_sensors(
        self, cursor: psycopg.Cursor, step: Step, events: list[tuple[int, int, str]], vehicles: dict[int, None]
    ) -> None:
        """The alerts of sensors that are not to be believed."""
        for kept, probe, device_id in sensor_faults(cursor, self.engine, step, events):
            vehicles[self.engine.registry.devices[device_id].vehicle_id] = None
            self._tell(kept, "sensor_fault", step, probe)

    # ------------------------------------------------------------ breaches
    def _of_breaches(
        self, cursor: psycopg.Cursor, step: Step, events: list[tuple[int, int, str]], vehicles: dict[int, None]
    ) -> None:
        """One alert per forecast, over when the alarm has come or will not."""
        for kept, probe, what in breach_risks(cursor, self.engine, step):
            if what != RENEWED:
                events.append((kept["id"], step.now_us, what))
                vehicles[self.engine.registry.devices[kept["device_id"]].vehicle_id] = None
            at = kept["expected_at"]
            expected = {name: text(to_us(kept[f"expected_{name}"])) for name in ("p10", "p50", "p90")}
            expected |= {"at": text(to_us(at)) if at else None}
            expected |= {"temp_c": kept["expected_from_c"], "for_s": kept["expected_for_s"]}
            figures = {"limit_c": kept["limit_c"], "extreme_c": None, "last_c": None}
            self._tell(kept, "breach_risk", step, probe, figures=figures, expected=expected)

    # ------------------------------------------------------------ goods
    def _of_exposures(
        self, cursor: psycopg.Cursor, step: Step, events: list[tuple[int, int, str]], vehicles: dict[int, None]
    ) -> None:
        """The alerts of goods that fail by what no excursion tells."""
        for kept, probe, what in exposures(cursor, self.engine, step):
            events.append((kept["id"], step.now_us, what))
            vehicles[self.engine.registry.devices[kept["device_id"]].vehicle_id] = None
            extreme_c = shown("extreme_c", kept["extreme_c"])
            figures = {"limit_c": kept["limit_c"], "extreme_c": extreme_c, "last_c": None}
            self._tell(kept, "exposure", step, probe, figures=figures)

    # ------------------------------------------------------------ windows
    def _of_risks(
        self, cursor: psycopg.Cursor, step: Step, events: list[tuple[int, int, str]], vehicles: dict[int, None]
    ) -> None:
        """One alert per stop, cleared and opened again as its risk goes."""
        changed: dict[int, None] = {}
        for risks in each_once(step.part(ArrivalRows).risks, lambda risk: risk.stop_id):
            kept = self._put_risks(cursor, risks, step.now_us)
            for risk in risks:
                if (k := kept.get(risk.stop_id)) is None:
                    continue  # it was told already
                again = "raised" if k["revision"] == 1 else "reopened"
                events.append((k["id"], step.now_us, again if risk.raised else "cleared"))
                device = self.engine.registry.devices.get(k["device_id"])
                if device is not None:
                    changed[device.vehicle_id] = None
                    self._tell(k, "late_risk", step)
        vehicles |= dict.fromkeys(sorted(v for v in changed if v))

    def _put_risks(self, cursor: psycopg.Cursor, risks: Sequence[Risk], now_us: int) -> dict[int, Kept]:
        store = self.engine.store
        over = [(r.stop_id, r.at_us) for r in risks if not r.raised]
        raised = [(r.tenant_id, r.stop_id, r.device_id, r.title, r.at_us, now_us) for r in risks if r.raised]
        kept = store.returned(cursor, "clear_late_risks", over) + store.returned(cursor, "raise_late_risks", raised)
        return {int(k["fact_id"]): k for k in kept}

    # ------------------------------------------------------------ silence
    def _of_silence(
        self, cursor: psycopg.Cursor, step: Step, events: list[tuple[int, int, str]], vehicles: dict[int, None]
    ) -> None:
        """Raised when a device has gone silent, cleared by its next reading."""
        registry, store, rows = self.engine.registry, self.engine.store, step.part(DeviceRows)
        over = {int(k["device_id"]): k for k in store.returned(cursor, "clear_silences", list(rows.reported.items()))}
        for device_id in rows.reported:
            if (k := over.get(device_id)) is not None and device_id in registry.devices:
                events.append((k["id"], step.now_us, "cleared"))
                self._tell(k, "silence", step)
        silent = []
        for device_id, last_us in rows.silent.items():
            device = registry.devices[device_id]
            silent.append((device.tenant_id, device_id, f"No news from {device.name}", last_us, step.now_us))
        raised = {int(k["device_id"]): k for k in store.returned(cursor, "raise_silences", silent)}
        for device_id in rows.silent:
            if (k := raised.get(device_id)) is not None:
                events.append((k["id"], step.now_us, "raised"))
                self._tell(k, "silence", step)
        changed = {registry.devices[d].vehicle_id for d in (*rows.reported, *rows.silent) if d in registry.devices}
        vehicles |= dict.fromkeys(sorted(changed - {0}))

    def _tell(self, kept: Kept, kind: str, step: Step, probe: str | None = None, **more: Any) -> None:
        """An alert that is about no excursion, unless somebody is done with it."""
        if kind in ("late_risk", "breach_risk", "exposure") and kept["resolved_at"] is not None:
            return
        device = self.engine.registry.devices[kept["device_id"]]
        cleared = kept["cleared_at"]
        shape = alert_shape(
            self.engine.registry,
            kept,
            device.id,
            kind=kind,
            severity=kept["severity"],
            title=kept["title"],
            probe=probe,
            opened_us=to_us(kept["opened_at"]),
            alarm=text(to_us(kept["alarm_at"])),
            cleared=text(to_us(cleared)) if cleared else None,
            **more,
        )
        step.change(device.tenant_id, "alerts", str(kept["id"]), "put", shape)
