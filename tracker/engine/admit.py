"""Admission: a reading that is stored already is dropped, exactly; every other goes on, whatever is odd about it.

A reading newer than its device's newest on that stream can only be new. The others are looked up in the store by
device and time, and compared as `domain.identity` has it: by boot, number and content, all of it. A numbered reading
that came without a time has another one each time it is sent (when it was received), so it is looked up by its number.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from domain.identity import keys, unclocked
from domain.readings import I64, Batch, Bool
from domain.times import to_us
from store.tracking import TrackingStore

SPAN_GAP_US = 30_000_000
_NEVER = np.iinfo(np.int64).min
UNCLOCKED_LOOK_BACK_US = 35 * 86_400_000_000  # a reading without a time is known again for this long


def sort(batch: Batch) -> Batch:
    """Rows by device, then time: how they are stored, and how repeats come to stand side by side.

    Of one time the lower number comes first, and without numbers what was received first.
    """
    return batch.take(np.lexsort((batch.received_us, batch.seq, batch.time_us, batch.device_id)))


def spans(batch: Batch) -> tuple[I64, I64, I64]:
    """Spans of time that hold the readings (sorted by device and time): device, first and last time of each.

    Readings close to one another are looked up as one span, so that a burst costs a look per message, not per reading.
    """
    device, t = batch.device_id.astype(np.int64), batch.time_us
    if not len(device):
        return device, t, t
    begins = np.append(True, (device[1:] != device[:-1]) | (t[1:] - t[:-1] > SPAN_GAP_US))
    first = np.flatnonzero(begins)
    last = np.append(first[1:], len(t)) - 1
    return device[first], t[first], t[last]


class Admission:
    """Newest event time per stream and device, and the check of what is not newer."""

    def __init__(self, store: TrackingStore) -> None:
        self._store = store
        self._newest: dict[str, I64] = {}

    def load(self) -> None:
        """Reads the newest times from the store."""
        for stream, rows in self._store.last_times().items():
            newest = np.full(max((d for d, _ in rows), default=0) + 1024, _NEVER)
            for device, time in rows:
                newest[device] = to_us(time)
            self._newest[stream] = newest

    def admit(self, batches: Mapping[str, Batch]) -> tuple[dict[str, Batch], int]:
        """The readings that are new, sorted, and how many repeats there were. Changes nothing: see `committed`."""
        out: dict[str, Batch] = {}
        repeats = 0
        for stream, raw in batches.items():
            batch = sort(raw)
            repeat = self._repeats(stream, batch)
            repeats += int(repeat.sum())
            out[stream] = batch.take(~repeat) if repeat.any() else batch
        return out, repeats

    def committed(self, batches: Mapping[str, Batch]) -> None:
        """These readings are stored now."""
        for stream, batch in batches.items():
            if len(batch):
                self._room(stream, int(batch.device_id.max()))
                np.maximum.at(self._newest[stream], batch.device_id, batch.time_us)

    def _room(self, stream: str, device: int) -> None:
        newest = self._newest.setdefault(stream, np.full(1024, _NEVER))
        if device >= len(newest):
            more = np.full(max(device + 1 - len(newest), len(newest)), _NEVER)
            self._newest[stream] = np.concatenate([newest, more])

    def _repeats(self, stream: str, batch: Batch) -> Bool:
        """True for readings that are stored, or stand earlier in this very batch."""
        n = len(batch)
        repeat = np.zeros(n, dtype=np.bool_)
        if not n:
            return repeat
        self._room(stream, int(batch.device_id.max()))
        old = batch.time_us <= self._newest[stream][batch.device_id]
        twin = np.zeros(n, dtype=np.bool_)
        twin[1:] = (batch.device_id[1:] == batch.device_id[:-1]) & (batch.time_us[1:] == batch.time_us[:-1])
        twin[:-1] |= twin[1:]
        known_by_number = unclocked(batch)
        look = np.flatnonzero(old | twin | known_by_number)
        if not len(look):
            return repeat
        some = batch.take(look)
        seen = self._stored(stream, some, old[look], known_by_number[look])
        if not seen and not (twin | known_by_number).any():
            return repeat
        for row, identity in zip(look.tolist(), keys(some), strict=True):
            if identity in seen:
                repeat[row] = True
            seen.add(identity)
        return repeat

    def _stored(self, stream: str, batch: Batch, old: Bool, known_by_number: Bool) -> set[bytes]:
        """Identities of what is stored and might be the same."""
        seen = set(keys(self._store.stored(stream, *spans(batch.take(old & ~known_by_number)))))
        if known_by_number.any():
            some = batch.take(known_by_number)
            since_us = int(some.time_us.min()) - UNCLOCKED_LOOK_BACK_US
            seen.update(keys(self._store.stored_unclocked(stream, some.device_id, some.boot_id, some.seq, since_us)))
        return seen
