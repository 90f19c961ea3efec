"""Sensors that cannot be believed: probes whose newest readings are error codes, or have stood still for hours.

One such reading is nothing: many sensors send one when they get power. Late readings change nothing here; what is told
is whether a sensor can be believed now.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from domain.readings import Bool, Flag, TemperatureBatch

FAULTY = int(Flag.SENTINEL | Flag.STUCK)
READINGS_MIN = 3


class SensorFault(NamedTuple):
    """A sensor cannot be believed since a time, or (`over`) can again."""

    probe_id: int
    device_id: int
    at_us: int
    what: str
    over: bool


class _Doubt(NamedTuple):
    since_us: int
    newest_us: int
    readings: int


class SensorFaults:
    """Probes that are in doubt, and those of which somebody was told."""

    def __init__(self) -> None:
        self._doubt: dict[int, _Doubt] = {}
        self._told: set[int] = set()

    def load(self, told: Iterable[int]) -> None:
        """What stands in the store."""
        self._doubt, self._told = {}, set(told)

    def step(self, batch: TemperatureBatch) -> list[SensorFault]:
        """What the readings of a batch say."""
        bad = batch.flags & FAULTY != 0
        concerned = np.array(sorted(self._told | self._doubt.keys() | set(np.unique(batch.probe_id[bad]).tolist())))
        if not len(concerned):
            return []
        rows = np.flatnonzero(np.isin(batch.probe_id, concerned))
        rows = rows[np.lexsort((batch.seq[rows], batch.time_us[rows], batch.probe_id[rows]))]
        first = np.flatnonzero(np.diff(batch.probe_id[rows], prepend=-1))
        found = (self._of(batch.take(some), bad[some]) for some in np.split(rows, first[1:]) if len(some))
        return [fault for fault in found if fault is not None]

    def _of(self, mine: TemperatureBatch, bad: Bool) -> SensorFault | None:
        """What the readings of one probe say, in order of time."""
        probe, device = int(mine.probe_id[0]), int(mine.device_id[0])
        doubt = self._doubt.get(probe)
        fresh = np.flatnonzero(mine.time_us > (doubt.newest_us if doubt else -1))
        if not len(fresh):
            return None
        good = fresh[~bad[fresh]]
        tail = fresh[fresh > good[-1]] if len(good) else fresh
        newest_us = int(mine.time_us[fresh[-1]])
        if not len(tail):
            self._doubt.pop(probe, None)
            if probe not in self._told:
                return None
            self._told.discard(probe)
            wrong = fresh[bad[fresh]]
            back = fresh[fresh > wrong[-1]][0] if len(wrong) else fresh[0]
            return SensorFault(probe, device, int(mine.time_us[back]), "", over=True)
        before = doubt if doubt and not len(good) else _Doubt(int(mine.time_us[tail[0]]), 0, 0)
        now = self._doubt[probe] = _Doubt(before.since_us, newest_us, before.readings + len(tail))
        stuck = bool(mine.flags[tail[-1]] & Flag.STUCK)
        if probe in self._told or not (stuck or now.readings >= READINGS_MIN):
            return None
        self._told.add(probe)
        value = f"{mine.temp_c[tail[-1]]:g} °C"
        return SensorFault(
            probe, device, now.since_us, f"stands still at {value}" if stuck else f"says {value}", over=False
        )
