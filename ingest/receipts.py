"""Receipts: how far a device's readings are durable without a hole, per boot.

Sequence numbers of a boot begin at 0 or 1. What stands above a hole is remembered as spans and joins when the hole is
filled; a device resends what has no receipt, so forgetting a span costs a repeat, never a reading.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from ingest.prepare import Seen
from store.arrays import arrays
from store.db import queries
from store.link import Link

SPANS_MAX = 256
SPANS_SHARED_MAX = 8192  # between two joins: what other workers take makes holes in ours
_Key = tuple[int, int]


class Mark(NamedTuple):
    """Everything up to `contiguous` is durable (-1: nothing yet), and these spans (first, last) above it."""

    contiguous: int = -1
    spans: tuple[tuple[int, int], ...] = ()


def advance(mark: Mark, runs: Iterable[tuple[int, int]], spans_max: int = SPANS_MAX) -> Mark:
    """The mark after runs (first, last) of numbers have become durable.

    >>> advance(Mark(), [(1, 3), (6, 7)])
    Mark(contiguous=3, spans=((6, 7),))
    >>> advance(Mark(3, ((6, 7),)), [(4, 5)])
    Mark(contiguous=7, spans=())
    """
    contiguous = mark.contiguous
    spans: list[tuple[int, int]] = []
    for first, last in sorted((*mark.spans, *runs)):
        if first <= max(contiguous + 1, 1):
            contiguous = max(contiguous, last)
        elif spans and first <= spans[-1][1] + 1:
            spans[-1] = (spans[-1][0], max(spans[-1][1], last))
        else:
            spans.append((first, last))
    return Mark(contiguous, tuple(spans[:spans_max]))


def runs_of(seen: Seen) -> dict[_Key, list[tuple[int, int]]]:
    """Runs of consecutive numbers per device and boot, found for all of them at once."""
    order = np.lexsort((seen.seq, seen.boot_id, seen.device_id))
    device, boot, seq = seen.device_id[order], seen.boot_id[order], seen.seq[order]
    start = np.ones(len(seq), dtype=np.bool_)
    start[1:] = (device[1:] != device[:-1]) | (boot[1:] != boot[:-1]) | (seq[1:] > seq[:-1] + 1)
    first = np.flatnonzero(start)
    last = np.append(first[1:], len(seq)) - 1
    out: dict[_Key, list[tuple[int, int]]] = {}
    for d, b, low, high in zip(
        device[first].tolist(), boot[first].tolist(), seq[first].tolist(), seq[last].tolist(), strict=True
    ):
        out.setdefault((d, b), []).append((low, high))
    return out


class ReceiptBook:
    """Marks of all boots seen lately, over the table `receipt`. A mark is stored before its receipt is sent."""

    CACHE_MAX = 50_000

    def __init__(self, link: Link, *, shared: bool = False) -> None:
        """`shared`: other workers have readings of the same boots, so marks are joined with theirs."""
        self._link = link
        self._shared = shared
        self._q = queries("ingest")
        self._marks: OrderedDict[_Key, Mark] = OrderedDict()
        self._changed: set[_Key] = set()

    def durable(self, seen: Seen) -> None:
        """These numbers are in the log now."""
        runs = runs_of(seen)
        self._load(key for key in runs if key not in self._marks)
        for key, found in runs.items():
            before = self._marks[key]
            self._marks[key] = advance(before, found, SPANS_SHARED_MAX if self._shared else SPANS_MAX)
            self._marks.move_to_end(key)
            self._changed.add(key)  # a repeat is receipted again: the device missed the first one

    def _load(self, keys: Iterable[_Key]) -> None:
        wanted = list(keys)
        if not wanted:
            return
        columns = arrays(self._q["receipts"], list(zip(*wanted, strict=True)))
        rows = self._link.connection.execute(self._q["receipts"], columns).fetchall()
        self._marks.update(dict.fromkeys(wanted, Mark()))
        for device, boot, contiguous, spans in rows:
            self._marks[device, boot] = Mark(contiguous, tuple(zip(spans[::2], spans[1::2], strict=True)))

    def _join(self, keys: list[_Key]) -> None:
        """Takes over what other workers have stored, and keeps them from storing until we have."""
        columns = list(zip(*keys, strict=True))
        self._link.connection.execute(self._q["new_receipts"], arrays(self._q["new_receipts"], columns))
        rows = self._link.connection.execute(self._q["lock_receipts"], arrays(self._q["lock_receipts"], columns))
        for device, boot, contiguous, flat in rows.fetchall():
            mine = self._marks[device, boot]
            theirs = tuple(zip(flat[::2], flat[1::2], strict=True))
            both = Mark(max(contiguous, mine.contiguous))
            self._marks[device, boot] = advance(both, (*mine.spans, *theirs), SPANS_SHARED_MAX)

    @property
    def pending(self) -> int:
        """Boots whose receipt is due."""
        return len(self._changed)

    def store(self) -> list[tuple[int, str, int]]:
        """Stores the changed marks; returns `(device id, boot, contiguous)` of the receipts that may now be sent."""
        keys = sorted(self._changed)
        if not keys:
            return []
        with self._link.connection.transaction():
            if self._shared:
                self._join(keys)
            marks = [self._marks[key] for key in keys]
            spans = ["{" + ",".join(f"{a},{b}" for a, b in m.spans) + "}" for m in marks]
            columns = (*zip(*keys, strict=True), [m.contiguous for m in marks], spans)
            rows = self._link.connection.execute(
                self._q["put_receipts"], arrays(self._q["put_receipts"], columns)
            ).fetchall()
        self._changed.clear()
        while len(self._marks) > self.CACHE_MAX:
            self._marks.popitem(last=False)
        boots = {int(key): str(text) for key, text in rows}
        return [
            (d, boots[b], m.contiguous)
            for (d, b), m in zip(keys, marks, strict=True)
            if m.contiguous >= 0 and b in boots
        ]
