"""Admission: a reading that is stored already is dropped, exactly; every other goes on, whatever is odd about it.

A reading newer than its device's newest on that stream can only be new. The others are looked up in the store by
device and time, and compared: by boot and sequence number when given, else by content. A numbered reading that came
without a time has another one each time it is sent (when it was received), so it is looked up by its numbers alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from domain.readings import I64, Batch, Bool, Flag
from domain.times import to_us
from store.tracking import TrackingStore

_CONTENT = {
    "gps": ("lat", "lon"),
    "temp": ("probe_id", "temp_c"),
    "rfid": ("tag_id", "antenna"),
    "shelf": ("slot_id", "mass_kg"),
    "door": ("door_id", "open"),
    "status": ("reefer_id", "battery_ratio"),
    "attr": ("name_id", "value"),
}
SPAN_GAP_US = 30_000_000
_NEVER = np.iinfo(np.int64).min
UNCLOCKED_LOOK_BACK_US = 35 * 86_400_000_000  # a reading without a time is known again for this long


def _identities(batch: Batch) -> list[tuple[Any, ...]]:
    """Identity of each reading: what two deliveries of one reading share."""
    one, two = (getattr(batch, name) for name in _CONTENT[batch.STREAM])
    if batch.STREAM == "shelf":
        two = np.where(np.isnan(two), batch.item_count, two)  # type: ignore[attr-defined]
    elif batch.STREAM == "temp":
        two = two - np.nan_to_num(batch.correction_c)  # type: ignore[attr-defined]
    rows = zip(
        batch.device_id.tolist(),
        batch.time_us.tolist(),
        batch.boot_id.tolist(),
        batch.seq.tolist(),
        batch.flags.tolist(),
        one.tolist(),
        two.tolist(),
        strict=True,
    )
    return [_identity(*row) for row in rows]


def _identity(device: int, time_us: int, boot: int, seq: int, flags: int, one: Any, two: Any) -> tuple[Any, ...]:
    if boot > 0 and seq >= 0:
        return (device, None if flags & Flag.SERVER_TIME else time_us, boot, seq)
    if two is None or two != two:  # noqa: PLR0124  NaN
        return (device, time_us, one, None)
    return (device, time_us, one, round(two, 9))  # taking a correction off leaves a trace in the last digits


def sort(batch: Batch) -> Batch:
    """Rows by device, then time: how they are stored, and how repeats come to stand side by side."""
    return batch.take(np.lexsort((batch.seq, batch.time_us, batch.device_id)))


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
        unclocked = (batch.flags & Flag.SERVER_TIME != 0) & (batch.boot_id > 0) & (batch.seq >= 0)
        look = np.flatnonzero(old | twin | unclocked)
        if not len(look):
            return repeat
        some = batch.take(look)
        seen = self._stored(stream, some, old[look], unclocked[look])
        if not seen and not (twin | unclocked).any():
            return repeat
        for row, identity in zip(look.tolist(), _identities(some), strict=True):
            if identity in seen:
                repeat[row] = True
            seen.add(identity)
        return repeat

    def _stored(self, stream: str, batch: Batch, old: Bool, unclocked: Bool) -> set[tuple[Any, ...]]:
        asked = spans(batch.take(old & ~unclocked))
        rows = self._store.stored(stream, *asked)
        seen = {_identity(d, to_us(t), boot, seq, 0, one, two) for d, t, boot, seq, one, two in rows}
        if unclocked.any():
            some = batch.take(unclocked)
            since_us = int(some.time_us.min()) - UNCLOCKED_LOOK_BACK_US
            found = self._store.stored_unclocked(stream, some.device_id, some.boot_id, some.seq, since_us)
            seen.update((device, None, boot, seq) for device, boot, seq in found)
        return seen
