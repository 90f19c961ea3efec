"""Where folds begin again: carries kept at intervals of an entity's own time, and the one to begin from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from domain.readings import I64
from store.tracking import TrackingStore
from tracker.engine.carries import Table
from tracker.engine.registry import Registry
from tracker.engine.step import Checkpoint, Step

EVERY_US = 6 * 3_600_000_000


@dataclass
class _Newest:
    entity: I64
    at_us: I64


class CheckpointsDue:
    """When each entity of a lane was kept last."""

    def __init__(self, lane: str, every_us: int = EVERY_US) -> None:
        self.lane, self.every_us = lane, every_us
        self._newest = Table(_Newest(np.empty(0, np.int64), np.empty(0, np.int64)))

    def load(self, store: TrackingStore) -> None:
        """Reads the newest times."""
        found = np.array(sorted(store.checkpoints.newest(self.lane)), dtype=np.int64).reshape(-1, 2)
        self._newest.put(_Newest(found[:, 0], found[:, 1]))

    def overdue(self, entity: I64, at_us: I64) -> I64:
        """Which of the entities (sorted) are further on than an interval since they were kept."""
        known = self._newest.of(entity)
        last = np.full(len(entity), np.iinfo(np.int64).min // 2)
        last[np.searchsorted(entity, known.entity)] = known.at_us
        return np.flatnonzero(at_us - last >= self.every_us)

    def keep(self, entity: I64, at_us: I64, carry: Sequence[bytes], step: Step) -> None:
        """Keeps the carries of the entities (sorted) that are further on than an interval since they were kept."""
        rows = self.overdue(entity, at_us)
        if len(rows):
            kept = [carry[i] for i in rows.tolist()]
            step.checkpoints.append(Checkpoint(self.lane, entity[rows].tolist(), at_us[rows].tolist(), kept))
            self._newest.put(_Newest(entity[rows], at_us[rows]))

    def last(self, entity: int, at_us: int) -> None:
        """The newest checkpoint of an entity is another one now."""
        self._newest.put(_Newest(np.array([entity]), np.array([at_us])))


PORTION = 2_160
"""Readings of an entity that are folded again at once: the live ones wait no longer than that."""


class Refold(ABC):
    """The way of an entity from the checkpoint before a late reading to the present, portion by portion."""

    def __init__(self, lane: str, entity: int, since: datetime, begun_us: int) -> None:
        self.lane, self.entity, self.since = lane, entity, since
        self.begun_us = self.reached_us = begun_us
        self._kept: list[tuple[int, bytes]] = []

    @abstractmethod
    def advance(self) -> bool:
        """Folds the next portion; False when the present is reached."""

    @abstractmethod
    def goes_on(self, registry: Registry) -> bool:
        """Whether what was folded so far would be the same with this registry, which holds from here on."""

    @abstractmethod
    def finish(self, step: Step) -> None:
        """Arrived: what its family holds of the entity is what was found on the way, and its facts are revised."""

    every_us = EVERY_US

    def keep(self, at_us: int, carry: bytes) -> None:
        """Keeps a carry on the way, when the one before is an interval old."""
        last_us = self._kept[-1][0] if self._kept else self.begun_us
        if at_us - last_us >= self.every_us:
            self._kept.append((at_us, carry))

    def arrived(self, due: CheckpointsDue, step: Step) -> None:
        """The carries kept stand in the place of those since the late reading."""
        step.forgotten.append((self.lane, self.entity, self.since))
        if self._kept:
            at_us, carry = zip(*self._kept, strict=True)
            step.checkpoints.append(Checkpoint(self.lane, [self.entity] * len(at_us), at_us, carry))
        due.last(self.entity, self._kept[-1][0] if self._kept else self.begun_us)


def begin_from(
    store: TrackingStore, lane: str, entity: int, since: datetime, knows: Callable[[bytes], bool]
) -> tuple[int, bytes] | None:
    """The newest checkpoint before a late reading that this version can read, however old it is.

    What stands from before the horizon is not to be cut there: a gap or a stay may reach over it.
    """
    found = store.checkpoints.before(lane, entity, since)
    return next(((at, carry) for at, carry in found if knows(carry)), None)
