"""Which ten minutes are to be summarised again: what the writer of readings says of those that come late.

The line is the newest moment of which the server has said that what is older may be summarised already (`closing`). A
step marks what is older than ten minutes past the line it knows, and hears at its end where the line is now; when that
is further than it has marked, it marks all it wrote, in the same transaction. No clock of ours has a part in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import numpy as np

from domain.readings import I64, Batch
from domain.times import to_us

BUCKET_US = 600_000_000
SUMMARISED = ("gps", "attr")
NEVER = int(np.iinfo(np.int64).min)


def buckets(batches: Iterable[Batch], before_us: int | None = None) -> tuple[I64, I64]:
    """Devices and beginnings of the ten minutes that these readings are of, each once; of those before a moment.

    >>> buckets([])
    (array([], dtype=int64), array([], dtype=int64))
    """
    parts = []
    for batch in batches:
        if batch.STREAM in SUMMARISED:
            at, device = batch.time_us // BUCKET_US, batch.device_id
            if before_us is not None:
                late = batch.time_us < before_us
                if not late.any():
                    continue
                at, device = at[late], device[late]
            parts.append((at << 32) | device)
    found = np.unique(np.concatenate(parts)) if parts else np.empty(0, np.int64)
    return found & 0xFFFFFFFF, (found >> 32) * BUCKET_US


class Marks:
    """What of a step's readings is marked."""

    def __init__(self) -> None:
        self._known_us = NEVER
        self._marked_us = NEVER
        self._written: Sequence[Batch] = ()

    def late(self, written: Iterable[Batch]) -> tuple[I64, I64]:
        """Of the readings just written, the ten minutes to be marked."""
        self._written = list(written)
        self._marked_us = self._known_us
        return buckets(self._written, self._marked_us)

    def unmarked(self, closing: datetime | None) -> tuple[I64, I64]:
        """What is to be marked in addition, as the line turns out to be there."""
        written, self._written = self._written, ()
        if closing is None:
            return buckets(())
        line_us = to_us(closing)
        self._known_us = line_us + BUCKET_US
        return buckets(written) if line_us > self._marked_us else buckets(())
