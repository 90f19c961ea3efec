"""What doors and cooling units have said, by where they are: what a rise of temperature may come from.

A word that comes late changes what is known now as far as it is news: a door that was open later than was known. What
it says of forecasts that have been told already is handed back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isnan
from typing import Any, NamedTuple

import numpy as np

from domain.folds.scan import NEVER
from domain.readings import I64, Batch, DoorBatch, StatusBatch
from store.tracking import TrackingStore
from tracker.engine.registry import Registry
from tracker.rules.breach import LONG_AGO

OFF = frozenset({"off", "standby", "alarm", "fault", "failed"})
Home = tuple[str, int]


class Was(NamedTuple):
    """A door was open there, or it defrosted, at a moment before others that were known already."""

    home: Home
    what: str
    at_us: int


@dataclass
class _Said:
    doors: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Newest time, and 1 open, 0 shut."""
    door_us: int = LONG_AGO
    defrosting: bool = False
    defrost_us: int = LONG_AGO
    set_point_c: float = float("nan")
    cooling: int = -1
    status_us: int = LONG_AGO

    def kept(self) -> dict[str, Any]:
        """What of it is kept over a restart."""
        known = {**vars(self), "doors": [[door, *word] for door, word in sorted(self.doors.items())]}
        return {**known, "set_point_c": None if isnan(self.set_point_c) else self.set_point_c}

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> _Said:
        """From what was kept; what another version kept beside it is left aside."""
        said = cls(**{name: value for name, value in kept.items() if name in cls.__dataclass_fields__})
        said.doors = {door: (at_us, is_open) for door, at_us, is_open in kept["doors"]}
        said.set_point_c = float("nan") if kept["set_point_c"] is None else kept["set_point_c"]
        return said

    @property
    def _gist(self) -> tuple[Any, ...]:
        doors = tuple((door, is_open) for door, (_, is_open) in sorted(self.doors.items()))
        return (doors, self.door_us, self.defrosting, self.defrost_us, str(self.set_point_c), self.cooling)

    def changes(self, told: Callable[[_Said], int | None]) -> tuple[bool, int | None]:
        """Whether what `told` tells it is more than the time of the newest word; and what that returns."""
        before = self._gist
        late = told(self)
        return self._gist != before, late

    def door(self, t_us: int, door: int, is_open: int) -> int | None:
        """A door that says again and again that it is shut has not been opened meanwhile. Late: when it was open."""
        if is_open not in (0, 1):
            return None
        newest_us, was = self.doors.get(door, (LONG_AGO, -1))
        if t_us < newest_us:
            if is_open and self.door_us != NEVER:
                self.door_us = max(self.door_us, t_us)
            return t_us if is_open else None
        self.doors[door] = (t_us, is_open)
        if was != is_open:
            self.door_us = NEVER if any(word[1] for word in self.doors.values()) else t_us
        return None

    def status(self, t_us: int, set_point_c: float, defrost: int, cooling: int | None) -> int | None:
        """What a unit says; late: when it defrosted."""
        if isnan(set_point_c) and defrost not in (0, 1) and cooling is None:
            return None
        if t_us < self.status_us:
            if defrost == 1 and self.defrost_us != NEVER:
                self.defrost_us = max(self.defrost_us, t_us)
            return t_us if defrost == 1 else None
        self.status_us = t_us
        if defrost == 1:
            self.defrosting, self.defrost_us = True, NEVER
        elif defrost == 0 and self.defrosting:
            self.defrosting, self.defrost_us = False, t_us
        if not isnan(set_point_c):
            self.set_point_c = set_point_c
        if cooling is not None:
            self.cooling = cooling
        return None


class Context:
    """The newest word of each vehicle and site."""

    def __init__(self) -> None:
        self._said: dict[Home, _Said] = {}
        self._words: dict[int, str] = {}
        self._changed: dict[Home, int] = {}

    def load(self, rows: Iterable[tuple[str, int, Mapping[str, Any]]]) -> None:
        """From what was kept."""
        self._said |= {(kind, home): _Said.of(kept) for kind, home, kept in rows}

    def changed(self) -> list[tuple[str, int, int, dict[str, Any]]]:
        """What is to be kept since the last time: kind and id of a home, its tenant, what was said there."""
        found = [(*home, tenant, self._said[home].kept()) for home, tenant in sorted(self._changed.items())]
        self._changed = {}
        return found

    def hear(self, batch: Batch, registry: Registry, store: TrackingStore) -> list[Was]:
        """What a batch says of doors or cooling units, in its order of time; what of it came late."""
        if not isinstance(batch, DoorBatch | StatusBatch):
            return []
        order = np.argsort(batch.time_us, kind="stable")
        what, columns = "door", tuple[Any, ...]()
        if isinstance(batch, DoorBatch):
            columns = (batch.door_id, batch.open)
        else:
            self._learn(np.unique(batch.reefer_id).tolist(), store)
            what, columns = "defrost", (batch.reefer_id, batch.setpoint_c, batch.defrost)
        late = []
        rows = (c[order].tolist() for c in (batch.device_id, batch.time_us, *columns))
        for device_id, t_us, *said in zip(*rows, strict=True):
            device = registry.devices.get(device_id)
            if device is not None and device.home is not None:
                known = self._said.setdefault(device.home, _Said())
                told = self._door_word(t_us, *said) if what == "door" else self._unit_word(t_us, *said)
                is_news, at_us = known.changes(told)
                if is_news:
                    self._changed[device.home] = device.tenant_id
                if at_us is not None:
                    late.append(Was(device.home, what, at_us))
        return late

    @staticmethod
    def _door_word(t_us: int, door: int, is_open: int) -> Callable[[_Said], int | None]:
        return lambda said: said.door(t_us, door, is_open)

    def _unit_word(self, t_us: int, reefer: int, set_point_c: float, defrost: int) -> Callable[[_Said], int | None]:
        word = self._words.get(reefer)
        cooling = None if not word else 0 if word.lower() in OFF else 1
        return lambda said: said.status(t_us, set_point_c, defrost, cooling)

    def _learn(self, reefers: Sequence[int], store: TrackingStore) -> None:
        unknown = [r for r in reefers if r and r not in self._words]
        if unknown:
            self._words |= store.labels(unknown)

    @staticmethod
    def _home(registry: Registry, device_id: int) -> Home | None:
        device = registry.devices.get(device_id)
        return device.home if device else None

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
