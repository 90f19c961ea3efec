"""What doors and cooling units have said last, by where they are: what a rise of temperature may come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isnan

import numpy as np

from domain.folds.scan import NEVER
from domain.readings import I64, Batch, DoorBatch, StatusBatch
from store.tracking import TrackingStore
from tracker.engine.registry import Registry
from tracker.rules.breach import LONG_AGO

OFF = frozenset({"off", "standby", "alarm", "fault", "failed"})
Home = tuple[str, int]


@dataclass
class _Said:
    doors: dict[int, int] = field(default_factory=dict)
    """1 open, 0 shut."""
    door_us: int = LONG_AGO
    defrosting: bool = False
    defrost_us: int = LONG_AGO
    set_point_c: float = float("nan")
    cooling: int = -1


class Context:
    """The newest word of each vehicle and site."""

    def __init__(self) -> None:
        self._said: dict[Home, _Said] = {}
        self._words: dict[int, str] = {}

    def hear(self, batch: Batch, registry: Registry, store: TrackingStore) -> None:
        """What a batch says of doors or cooling units, in its order of time."""
        if not isinstance(batch, DoorBatch | StatusBatch):
            return
        order = np.argsort(batch.time_us, kind="stable")
        homes = [self._home(registry, d) for d in batch.device_id[order].tolist()]
        times = batch.time_us[order].tolist()
        if isinstance(batch, DoorBatch):
            doors = (batch.door_id[order].tolist(), batch.open[order].tolist())
            for home, t_us, door, open_now in zip(homes, times, *doors, strict=True):
                if home is not None:
                    self._door(home, t_us, door, open_now)
            return
        self._learn(np.unique(batch.reefer_id).tolist(), store)
        columns = (batch.reefer_id, batch.setpoint_c, batch.defrost)
        for home, t_us, *said in zip(homes, times, *(c[order].tolist() for c in columns), strict=True):
            if home is not None:
                self._status(home, t_us, *said)

    def _learn(self, reefers: Sequence[int], store: TrackingStore) -> None:
        unknown = [r for r in reefers if r and r not in self._words]
        if unknown:
            self._words |= store.labels(unknown)

    @staticmethod
    def _home(registry: Registry, device_id: int) -> Home | None:
        device = registry.devices.get(device_id)
        return device.home if device else None

    def _door(self, home: Home, t_us: int, door: int, open_now: int) -> None:
        """A door that says again and again that it is shut has not been opened meanwhile."""
        said = self._said.setdefault(home, _Said())
        if open_now not in (0, 1) or said.doors.get(door) == open_now:
            return
        said.doors[door] = open_now
        said.door_us = NEVER if 1 in said.doors.values() else t_us

    def _status(self, home: Home, t_us: int, reefer: int, set_point_c: float, defrost: int) -> None:
        said = self._said.setdefault(home, _Said())
        if defrost == 1:
            said.defrosting, said.defrost_us = True, NEVER
        elif defrost == 0 and said.defrosting:
            said.defrosting, said.defrost_us = False, t_us
        if not isnan(set_point_c):
            said.set_point_c = set_point_c
        if word := self._words.get(reefer):
            said.cooling = 0 if word.lower() in OFF else 1

    def at(self, registry: Registry, device: I64, t_us: I64) -> tuple[I64, I64, np.ndarray, I64]:
        """What is known at rows: when a door was last open, it last defrosted, the set point, whether it cools."""
        devices, inverse = np.unique(device, return_inverse=True)
        homes = (self._home(registry, d) for d in devices.tolist())
        nothing = _Said()
        of = [self._said.get(home, nothing) if home else nothing for home in homes]
        door, defrost = (np.array([getattr(s, n) for s in of], np.int64)[inverse] for n in ("door_us", "defrost_us"))
        set_point = np.array([s.set_point_c for s in of])[inverse]
        cooling = np.array([s.cooling for s in of], np.int64)[inverse]
        return np.minimum(door, t_us), np.minimum(defrost, t_us), set_point, cooling
