"""Where devices were at the time of a reading: intervals in event time, looked up for many readings at once.

Most devices have never been moved, and most readings of those that were are newer than the move: these cost one
comparison. The others are looked up in the intervals of their devices, all at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from domain.readings import I32, I64

EVER = int(np.iinfo(np.int64).min)
FOR_EVER = int(np.iinfo(np.int64).max)


class Place(NamedTuple):
    """A vehicle, or a site and perhaps a zone of it; 0 stands for none."""

    vehicle_id: int = 0
    site_id: int = 0
    zone_id: int = 0


NOWHERE = Place()


@dataclass
class Whereabouts:
    """Vehicle, site and zone of each device now, by its id, and the intervals of those that were moved."""

    vehicle_of: I32
    site_of: I32
    zone_of: I32
    _holds_us: I64
    """By device: what is said of now holds for readings from then on."""
    _first: I64
    """By device: where its intervals begin in the columns below; one more than there are devices."""
    _since_us: I64
    _until_us: I64
    _places: NDArray[np.int32]
    """Vehicle, site, zone: a row an interval."""

    @classmethod
    def of(cls, now: Iterable[tuple[int, Place]], rows: Sequence[tuple[int, int, int, int, int, int]]) -> Whereabouts:
        """From where devices are now, and the intervals of those that were moved.

        `rows` are (device, vehicle, site, zone, since_us, until_us), sorted by device and begin.
        """
        places = dict(now)
        size = max(places, default=0) + 2
        columns = np.zeros((3, size), dtype=np.int32)
        for device, place in places.items():
            columns[:, device] = place
        table = np.array([r[:4] for r in rows if r[0] < size], dtype=np.int32).reshape(-1, 4)
        since_us, until_us = (np.array([r[i] for r in rows if r[0] < size], dtype=np.int64) for i in (4, 5))
        first = np.searchsorted(table[:, 0], np.arange(size + 1))
        holds_us = np.full(size, EVER)
        moved = np.flatnonzero(np.diff(first))
        last = first[moved + 1] - 1
        holds_us[moved] = np.where(until_us[last] == FOR_EVER, since_us[last], until_us[last])
        return cls(columns[0], columns[1], columns[2], holds_us, first, since_us, until_us, table[:, 1:])

    def vehicles(self, device: I32 | I64, t_us: I64) -> I64:
        """The vehicle each reading is of; 0: of none."""
        at = np.minimum(device, len(self.vehicle_of) - 1)
        found = self.vehicle_of[at].astype(np.int64)
        old = np.flatnonzero(t_us < self._holds_us[at])
        if len(old):
            row = self._rows(at[old], t_us[old])
            found[old] = np.where(row >= 0, self._places[row, 0], 0)
        return found

    def zones(self, device: I32 | I64, t_us: I64) -> I64:
        """The zone each reading was taken in; 0: in none."""
        at = np.minimum(device, len(self.zone_of) - 1)
        found = self.zone_of[at].astype(np.int64)
        old = np.flatnonzero(t_us < self._holds_us[at])
        if len(old):
            row = self._rows(at[old], t_us[old])
            found[old] = np.where(row >= 0, self._places[row, 2], 0) if len(self._places) else 0
        return found

    def at(self, device: int, t_us: int) -> Place:
        """Where a device was at a time."""
        if device >= len(self.vehicle_of):
            return NOWHERE
        if t_us >= self._holds_us[device]:
            return Place(int(self.vehicle_of[device]), int(self.site_of[device]), int(self.zone_of[device]))
        row = int(self._rows(np.array([device]), np.array([t_us]))[0])
        return Place(*self._places[row].tolist()) if row >= 0 else NOWHERE

    def _rows(self, device: I32 | I64, t_us: I64) -> I64:
        """The interval that holds each time; -1: none. Binary search in the intervals of each device, all at once."""
        low, high = self._first[device], self._first[device + 1]
        begin = low
        while (low < high).any():
            middle = np.minimum((low + high) // 2, len(self._since_us) - 1)
            behind = (low < high) & (self._since_us[middle] <= t_us)
            high = np.where((low < high) & ~behind, middle, high)
            low = np.where(behind, middle + 1, low)
        row = low - 1
        inside = (row >= begin) & (t_us < self._until_us[np.maximum(row, 0)])
        return np.where(inside, row, -1)
