"""Devices: who reported when, who has gone silent, and how charged they are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import psycopg

from domain.digits import shown
from domain.names import STREAMS
from domain.readings import I64, Batch, StatusBatch
from domain.times import to_us
from tracker.engine.family import Engine, Family
from tracker.engine.registry import Registry
from tracker.engine.step import Step, known
from tracker.rules import silence

SAVE_S = 2.0


@dataclass
class DeviceRows:
    """What a step decides of devices."""

    batteries: dict[int, float] = field(default_factory=dict)
    """Battery of the tracker on each vehicle that was reported."""
    silent: dict[int, int] = field(default_factory=dict)
    """Devices that have gone silent, and when they last reported."""
    reported: dict[int, int] = field(default_factory=dict)
    """Devices that were silent and have reported, or that nobody waits for any more, and when."""
    saves: bool = False
    """It is time to write when devices reported."""


class Devices(Family):
    """Newest event and receipt time per device. Silence is decided by the clock, not by a message."""

    name: ClassVar[str] = "devices"
    streams: ClassVar[tuple[str, ...]] = STREAMS

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._last: I64 = np.zeros(1024, np.int64)
        self._received: I64 = np.zeros(1024, np.int64)
        self._battery: dict[int, float] = {}
        self._touched: set[int] = set()
        self._silent: set[int] = set()
        self._reporting: dict[int, int] = {}
        self._saved_at = 0.0

    def load(self) -> None:
        """Reads when devices last reported and which are silent."""
        store = self.engine.store
        for device, last, received in store.rows("device_states"):
            self._room(device)
            self._last[device], self._received[device] = to_us(last), to_us(received)
        self._silent = {int(r[0]) for r in store.rows("open_silences")}

    def _room(self, device: int) -> None:
        if device >= len(self._last):
            more = np.zeros(max(device + 1 - len(self._last), len(self._last)), np.int64)
            self._last, self._received = np.concatenate([self._last, more]), np.concatenate([self._received, more])

    def step(self, batches: dict[str, Batch], step: Step) -> None:
        """These devices have reported."""
        for batch in batches.values():
            if len(batch):
                self._observe(self.engine.registry, batch, step)

    def _observe(self, registry: Registry, batch: Batch, step: Step) -> None:
        self._room(int(batch.device_id.max()))
        np.maximum.at(self._last, batch.device_id, batch.time_us)
        np.maximum.at(self._received, batch.device_id, batch.received_us)
        devices = np.unique(batch.device_id).tolist()
        self._touched.update(devices)
        for device in self._silent.intersection(devices):
            self._reporting[device] = int(self._received[device])
        if isinstance(batch, StatusBatch):
            self._batteries(registry, batch, step)

    def _batteries(self, registry: Registry, batch: StatusBatch, step: Step) -> None:
        for device_id, ratio in zip(batch.device_id.tolist(), batch.battery_ratio.tolist(), strict=True):
            if known(ratio) is None:
                continue
            self._battery[device_id] = ratio
            device = registry.devices.get(device_id)
            vehicle = registry.vehicles.get(device.vehicle_id) if device else None
            if device and vehicle and device.kind in ("tracker", "phone"):
                step.part(DeviceRows).batteries[device.vehicle_id] = ratio
                charge = {"battery_ratio": shown("battery_ratio", ratio)}
                step.change(device.tenant_id, "vehicles", vehicle.name, "merge", charge)

    # ------------------------------------------------------------ by the clock
    def due(self, now_us: int, monotonic_s: float, *, now: bool = False) -> bool:
        """Whether a device has gone silent or reported again, or it is time to write when they reported."""
        del now
        return bool(self._gone_silent(now_us) or self._retired()) or self._unsaved(monotonic_s)

    def _unsaved(self, monotonic_s: float) -> bool:
        if not (self._touched or self._reporting) or (not self._reporting and monotonic_s - self._saved_at < SAVE_S):
            return False
        self._saved_at = monotonic_s
        return True

    def _gone_silent(self, now_us: int) -> list[int]:
        """Devices that have gone silent by now and of which nobody was told."""
        registry, silence_us = self.engine.registry, round(self.engine.config.silence_s * 1e6)
        observe = np.flatnonzero(self._received > 0)
        quiet = observe[silence.silent(self._received[observe], now_us, silence_us, self.engine.listening_since_us)]
        found = [int(d) for d in quiet if int(d) not in self._silent and int(d) in registry.devices]
        return [d for d in found if not registry.devices[d].revoked]

    def _retired(self) -> list[int]:
        """Silent devices that nobody waits for any more: revoked, or no longer registered."""
        devices = self.engine.registry.devices
        return [d for d in self._silent if d not in devices or devices[d].revoked]

    def tick(self, step: Step) -> bool:
        """Who has gone silent, and who has reported again."""
        rows = step.part(DeviceRows)
        rows.saves = True
        rows.reported = self._reporting | dict.fromkeys(self._retired(), step.now_us)
        rows.silent = {d: int(self._received[d]) for d in self._gone_silent(step.now_us)}
        self._silent = (self._silent - rows.reported.keys()) | rows.silent.keys()
        self._reporting = {}
        return False

    # ------------------------------------------------------------ what is written
    def write(self, cursor: psycopg.Cursor, step: Step) -> None:
        """Batteries; and when devices reported, if that is due."""
        store, rows = self.engine.store, step.part(DeviceRows)
        store.bulk(cursor, "put_batteries", list(rows.batteries.items()))
        if not rows.saves:
            return
        devices = self.engine.registry.devices
        touched = sorted(d for d in self._touched if d in devices)
        tenants = (devices[d].tenant_id for d in touched)
        times = self._last[touched].tolist(), self._received[touched].tolist()
        states = zip(touched, tenants, *times, map(self._battery.get, touched), strict=True)
        store.bulk(cursor, "put_device_states", list(states))
        self._touched.clear()
