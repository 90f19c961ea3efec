"""Who has spoken, and who has gone silent: alerts raised by the clock and cleared by the next reading."""

from __future__ import annotations

import numpy as np
import psycopg

from domain.digits import shown
from domain.readings import I64, Batch, StatusBatch
from domain.times import from_us, to_us
from store.tracking import TrackingStore
from tracker.alerts.shape import alert_shape
from tracker.engine.registry import Registry
from tracker.engine.step import Outcome, known, text
from tracker.rules import silence

SAVE_S = 2.0


class Speech:
    """Newest event and receipt time per device."""

    def __init__(self, listening_since_us: int) -> None:
        self._since_us = listening_since_us
        self._last: I64 = np.zeros(1024, np.int64)
        self._received: I64 = np.zeros(1024, np.int64)
        self._battery: dict[int, float] = {}
        self._touched: set[int] = set()
        self._silent: set[int] = set()
        self._speaking: dict[int, int] = {}
        self._saved_at = 0.0

    def load(self, store: TrackingStore) -> None:
        """Reads when devices last spoke and which are silent."""
        for device, last, received in store.rows("device_states"):
            self._room(device)
            self._last[device], self._received[device] = to_us(last), to_us(received)
        self._silent = {int(r[0]) for r in store.rows("open_silences")}

    def _room(self, device: int) -> None:
        if device >= len(self._last):
            more = np.zeros(max(device + 1 - len(self._last), len(self._last)), np.int64)
            self._last, self._received = np.concatenate([self._last, more]), np.concatenate([self._received, more])

    def heard(self, registry: Registry, batch: Batch, out: Outcome) -> None:
        """These devices have spoken."""
        if not len(batch):
            return
        self._room(int(batch.device_id.max()))
        np.maximum.at(self._last, batch.device_id, batch.time_us)
        np.maximum.at(self._received, batch.device_id, batch.received_us)
        devices = np.unique(batch.device_id).tolist()
        self._touched.update(devices)
        for device in self._silent.intersection(devices):
            self._speaking[device] = int(self._received[device])
        if isinstance(batch, StatusBatch):
            self._batteries(registry, batch, out)

    def _batteries(self, registry: Registry, batch: StatusBatch, out: Outcome) -> None:
        for device_id, ratio in zip(batch.device_id.tolist(), batch.battery_ratio.tolist(), strict=True):
            if known(ratio) is None:
                continue
            self._battery[device_id] = ratio
            device = registry.devices.get(device_id)
            vehicle = registry.vehicles.get(device.vehicle_id) if device else None
            if device and vehicle and device.kind in ("tracker", "phone"):
                out.batteries[device.vehicle_id] = ratio
                out.change(
                    device.tenant_id,
                    "vehicles",
                    vehicle.name,
                    "merge",
                    {"battery_ratio": shown("battery_ratio", ratio)},
                )

    def unsaved(self, monotonic_s: float) -> bool:
        """Whether it is time to write what was heard."""
        if not (self._touched or self._speaking) or (not self._speaking and monotonic_s - self._saved_at < SAVE_S):
            return False
        self._saved_at = monotonic_s
        return True

    def due(self, registry: Registry, now_us: int, silence_us: int) -> list[int]:
        """Devices that have gone silent by now and have not been told."""
        spoken = np.flatnonzero(self._received > 0)
        quiet = spoken[silence.silent(self._received[spoken], now_us, silence_us, self._since_us)]
        found = [int(d) for d in quiet if int(d) not in self._silent and int(d) in registry.devices]
        return [d for d in found if not registry.devices[d].revoked]

    def retired(self, registry: Registry) -> list[int]:
        """Silent devices that nobody waits for any more: revoked, or no longer registered."""
        return [d for d in self._silent if d not in registry.devices or registry.devices[d].revoked]

    def write(
        self, cursor: psycopg.Cursor, registry: Registry, store: TrackingStore, silent: list[int], out: Outcome
    ) -> list[int]:
        """Saves what was heard; raises and clears silence alerts. Returns the vehicles whose alerts changed."""
        self._speaking |= dict.fromkeys(self.retired(registry), out.now_us)
        changed = [*self._speaking, *silent]
        touched = sorted(d for d in self._touched if d in registry.devices)
        tenants = (registry.devices[d].tenant_id for d in touched)
        times = self._last[touched].tolist(), self._received[touched].tolist()
        store.bulk(
            cursor,
            "put_device_states",
            list(zip(touched, tenants, *times, map(self._battery.get, touched), strict=True)),
        )
        self._touched.clear()
        for device_id, spoke_us in self._speaking.items():
            self._clear(cursor, registry, store, device_id, spoke_us, out)
        self._speaking.clear()
        for device_id in silent:
            self._raise(cursor, registry, store, device_id, out)
        return sorted({registry.devices[d].vehicle_id for d in changed if d in registry.devices} - {0})

    def _clear(
        self,
        cursor: psycopg.Cursor,
        registry: Registry,
        store: TrackingStore,
        device_id: int,
        spoke_us: int,
        out: Outcome,
    ) -> None:
        self._silent.discard(device_id)
        device = registry.devices.get(device_id)
        kept = store.one(cursor, "clear_silence", {"device_id": device_id, "cleared_at": from_us(spoke_us)})
        if kept is None or device is None:
            return
        cursor.execute(store.sql("alert_event"), (kept["id"], from_us(out.now_us), "cleared"))
        out.change(
            device.tenant_id,
            "alerts",
            str(kept["id"]),
            "put",
            alert_shape(
                registry,
                kept,
                device_id,
                kind="silence",
                severity=kept["severity"],
                title=kept["title"],
                probe=None,
                opened_us=to_us(kept["opened_at"]),
                alarm=text(to_us(kept["alarm_at"])),
                cleared=text(spoke_us),
            ),
        )

    def _raise(
        self, cursor: psycopg.Cursor, registry: Registry, store: TrackingStore, device_id: int, out: Outcome
    ) -> None:
        self._silent.add(device_id)
        device = registry.devices[device_id]
        last_us = int(self._received[device_id])
        title = f"No news from {device.name}"
        values = {
            "tenant_id": device.tenant_id,
            "device_id": device_id,
            "title": title,
            "opened_at": from_us(last_us),
            "alarm_at": from_us(out.now_us),
            "decided_at": from_us(out.now_us),
        }
        made = store.one(cursor, "put_silence", values)
        if made is None:
            return
        cursor.execute(store.sql("alert_event"), (made["id"], from_us(out.now_us), "raised"))
        kept = {
            "id": made["id"],
            "revision": 1,
            "decided_at": from_us(out.now_us),
            "acknowledged_at": None,
            "acknowledged_by": None,
            "note": None,
            "resolved_at": None,
            "resolved_by": None,
        }
        out.change(
            device.tenant_id,
            "alerts",
            str(made["id"]),
            "put",
            alert_shape(
                registry,
                kept,
                device_id,
                kind="silence",
                severity="warning",
                title=title,
                probe=None,
                opened_us=last_us,
                alarm=text(out.now_us),
                cleared=None,
            ),
        )
