"""Where folds begin again: carries kept at intervals of an entity's own time, and the one to begin from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

import numpy as np

from domain.readings import I64
from store.tracking import TrackingStore
from tracker.carries import Table
from tracker.outcome import Outcome, Rest

EVERY_US = 6 * 3_600_000_000


@dataclass
class _Newest:
    entity: I64
    at_us: I64


class Rests:
    """When each entity of a kind was kept last."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._newest = Table(_Newest(np.empty(0, np.int64), np.empty(0, np.int64)))

    def load(self, store: TrackingStore) -> None:
        """Reads the newest times."""
        found = np.array(sorted(store.checkpoints.newest(self.kind)), dtype=np.int64).reshape(-1, 2)
        self._newest.put(_Newest(found[:, 0], found[:, 1]))

    def due(self, entity: I64, at_us: I64, carry: Sequence[bytes], out: Outcome) -> None:
        """Keeps the carries of the entities (sorted) that are further on than an interval since they were kept."""
        known = self._newest.of(entity)
        last = np.full(len(entity), np.iinfo(np.int64).min // 2)
        last[np.searchsorted(entity, known.entity)] = known.at_us
        rows = np.flatnonzero(at_us - last >= EVERY_US)
        if len(rows):
            out.rests.append(
                Rest(self.kind, entity[rows].tolist(), at_us[rows].tolist(), [carry[i] for i in rows.tolist()])
            )
            self._newest.put(_Newest(entity[rows], at_us[rows]))

    def again(self, entity: int, kept: Sequence[tuple[int, bytes]], begun_us: int, out: Outcome) -> None:
        """An entity was folded again from the checkpoint at `begun_us`: these carries stand behind that one now."""
        if kept:
            out.rests.append(Rest(self.kind, [entity] * len(kept), [at for at, _ in kept], [c for _, c in kept]))
        self._newest.put(_Newest(np.array([entity]), np.array([kept[-1][0] if kept else begun_us])))


def begin_from(
    store: TrackingStore, kind: str, entity: int, since: datetime, horizon: datetime, knows: Callable[[bytes], bool]
) -> tuple[int, bytes] | None:
    """The newest checkpoint before a late reading that this version can read."""
    found = store.checkpoints.before(kind, entity, since, horizon)
    return next(((at, carry) for at, carry in found if knows(carry)), None)


def portions(t_us: I64) -> list[slice]:
    """Slices of sorted times, each within one interval of the clock: after each a carry is kept.

    >>> hour = 3_600_000_000
    >>> portions(np.array([0, 1, 6 * hour, 13 * hour]))
    [slice(0, 2, None), slice(2, 3, None), slice(3, 4, None)]
    """
    cuts = np.flatnonzero(np.diff(t_us // EVERY_US)) + 1
    edges = [0, *cuts.tolist(), len(t_us)]
    return [slice(a, b) for a, b in pairwise(edges) if b > a]
