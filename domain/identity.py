"""What makes two deliveries one reading: the same device, stream, time, boot, number and content, all of it.

The content is what was measured: what is added while a reading is stored (flags, the moment of receipt, the correction
of a probe) may differ between two deliveries of it. A numbered reading that came without a time has another one each
time it is sent (when it was received), so its time does not count.
"""

from __future__ import annotations

import numpy as np

from domain.readings import BY_STREAM, I64, Batch, Bool, Flag

NOT_MEASURED = frozenset({"correction_c"})
CONTENT = {
    stream: tuple(name for name in kind.DTYPES if name not in Batch.DTYPES and name not in NOT_MEASURED)
    for stream, kind in BY_STREAM.items()
}
STEPS_PER_C = 1e7  # taking a correction off leaves a trace in the last digits of a temperature
_NO_TIME = np.iinfo(np.int64).min
_ODD = np.uint64(0x9E3779B97F4A7C15)


def numbered(batch: Batch) -> Bool:
    """Readings with a boot and a number of it."""
    found: Bool = (batch.boot_id > 0) & (batch.seq >= 0)
    return found


def unclocked(batch: Batch) -> Bool:
    """Numbered readings without a time of their own: known again by numbers and content alone."""
    found: Bool = (batch.flags & Flag.SERVER_TIME != 0) & numbered(batch)
    return found


def content(batch: Batch) -> list[I64]:
    """The measured columns as whole numbers: equal where they say the same, unknown (NaN) equal to unknown."""
    return [_bits(batch, name) for name in CONTENT[batch.STREAM]]


def _bits(batch: Batch, name: str) -> I64:
    column = getattr(batch, name)
    if name == "temp_c":
        column = np.rint((column - np.nan_to_num(getattr(batch, "correction_c"))) * STEPS_PER_C)  # noqa: B009
    if column.dtype.kind != "f":
        whole: I64 = column.astype(np.int64)
        return whole
    column = np.where(np.isnan(column), np.nan, column) + 0.0  # one NaN, one zero
    bits: I64 = column.astype(np.float64).view(np.int64)
    return bits


def keys(batch: Batch) -> list[bytes]:
    """The identity of each reading among those of its stream."""
    time_us = np.where(unclocked(batch), _NO_TIME, batch.time_us)
    columns = [batch.device_id, time_us, batch.boot_id, batch.seq, *content(batch)]
    table = np.empty((len(batch), len(columns)), np.int64)
    for place, column in enumerate(columns):
        table[:, place] = column
    raw, width = table.tobytes(), table.itemsize * len(columns)
    return [raw[at : at + width] for at in range(0, len(raw), width)]


def digests(batch: Batch) -> I64:
    """A number of 64 bits for what each reading says and when, without its device, boot and number; never 0."""
    time_us = np.where(unclocked(batch), _NO_TIME, batch.time_us)
    found = np.full(len(batch), list(BY_STREAM).index(batch.STREAM) + 1, np.uint64)
    for column in (time_us, *content(batch)):
        found = (found ^ column.view(np.uint64)) * _ODD
        found ^= found >> np.uint64(29)
    return np.where(found == 0, 1, found).astype(np.uint64).view(np.int64)
