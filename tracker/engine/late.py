"""Late readings: which entities wait to be folded again, since when, and which of them are due."""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

import numpy as np
from prometheus_client import Counter

from domain.folds.scan import segment_starts
from domain.readings import I64, Batch, Bool, Flag
from domain.times import from_us, to_us
from tracker.engine.checkpoints import Refold
from tracker.engine.registry import Registry
from tracker.engine.step import Late, Step

B = TypeVar("B", bound=Batch)
QUIET_US = 1_000_000
"""So long no further late reading must have come, by the time the log was written."""
WAIT_SHARE, WAIT_US_MIN, WAIT_US_MAX = 0.01, 5_000_000, 300_000_000
"""An entity whose late readings do not end is folded again after this share of the time they reach back."""

too_late_total = Counter("frostway_tracker_too_late_total", "Late readings beyond the horizon")


def mark_late(
    step: Step, lane: str, entity: I64, t_us: I64, of: I64, newest_us: I64 | None, partition_of: Callable[[int], int]
) -> Bool:
    """Late readings came for these entities, whose newest ones are given: to be folded again from the earliest.

    `partition_of` gives the partition from what the reading is `of`. Returns which of them are further back than the
    horizon: they are counted, and decide nothing, now or later. Without `newest_us` nobody knows here.
    """
    within = np.ones(len(t_us), np.bool_) if newest_us is None else t_us > newest_us - step.horizon_us
    too_late_total.inc(int((~within).sum()))
    order = np.lexsort((t_us[within], entity[within]))
    entity, t_us, of = entity[within][order], t_us[within][order], of[within][order]
    first = np.flatnonzero(segment_starts(entity))
    for e, t, key in zip(entity[first].tolist(), t_us[first].tolist(), of[first].tolist(), strict=True):
        step.late.append(Late(lane, e, partition_of(key), from_us(t)))
    return ~within


def undecided(batch: B, row: I64) -> B:
    """A batch with these rows flagged, so that no fold takes them up later."""
    if not len(row):
        return batch
    flags = batch.flags.copy()
    flags[row] |= Flag.UNDECIDED
    return replace(batch, flags=flags)


@dataclass
class Mark:
    """An entity's earliest late reading; when the first and the last of them came, by the log."""

    since: datetime
    first_us: int
    last_us: int
    reaches_us: int = 0
    refold: Refold | None = None
    """How far it has been folded again; a further late reading of where it has been lets it begin anew."""
    behind: bool = False
    """It waits for what the registry corrected, perhaps from its first reading on: bursts of others go before."""

    @property
    def patience_us(self) -> int:
        """How long the end of the burst is waited for: the longer it reaches back, the dearer it is."""
        return int(min(max(self.reaches_us * WAIT_SHARE, WAIT_US_MIN), WAIT_US_MAX))


class LateWork:
    """The entities that wait. A burst of late readings is folded once, when it is over, not message by message."""

    def __init__(self) -> None:
        self._marks: dict[tuple[str, int], Mark] = {}
        self._anew: dict[str, set[int]] = {}

    def __len__(self) -> int:
        return len(self._marks)

    def add(self, step: Step, log_us: int, owned: Container[int]) -> None:
        """What a step found late of entities of these partitions."""
        for lane, entity, partition, since in step.late:
            if partition in owned:
                self.wait(lane, entity, since, log_us)

    def known(self, lane: str, entity: int) -> bool:
        """Whether it waits already."""
        return (lane, entity) in self._marks

    def wait(self, lane: str, entity: int, since: datetime, log_us: int, *, behind: bool = False) -> None:
        """An entity is to be folded again from `since`; `behind` those that wait for late readings."""
        mark = self._marks.setdefault((lane, entity), Mark(since, log_us, log_us, behind=behind))
        mark.reaches_us = max(mark.reaches_us, log_us - to_us(since))
        mark.since, mark.last_us, mark.behind = min(since, mark.since), log_us, mark.behind or behind
        if mark.refold is not None and (since < mark.refold.since or to_us(since) <= mark.refold.reached_us):
            mark.refold = None

    def read_anew(self, lane: str, entity: int) -> None:
        """An entity whose carry cannot be read: nothing of it is decided live before it has been folded again."""
        self._anew.setdefault(lane, set()).add(entity)
        self.wait(lane, entity, from_us(0), 0)

    def unreadable(self, lane: str, entity: I64) -> Bool:
        """Which of these wait to be read anew: what comes of them is late, whenever it was measured."""
        anew = self._anew.get(lane)
        return np.isin(entity, list(anew)) if anew else np.zeros(len(entity), np.bool_)

    def due(self, log_us: int, *, now: bool = False) -> list[tuple[tuple[str, int], Mark]]:
        """Those to be folded again at this time of the log, late ones and the longest waiting first; all for `now`."""
        found = [
            (key, mark)
            for key, mark in self._marks.items()
            if now or mark.refold or log_us - mark.last_us >= QUIET_US or log_us - mark.first_us >= mark.patience_us
        ]
        return sorted(found, key=lambda f: (f[1].behind, f[1].first_us))

    def go_on(self, registry: Registry) -> None:
        """With another registry: ways on which it says the same go on, the others begin anew."""
        for mark in self._marks.values():
            if mark.refold is not None and not mark.refold.goes_on(registry):
                mark.refold = None

    def done(self, lane: str, entity: int) -> None:
        """It has been folded again."""
        del self._marks[lane, entity]
        self._anew.get(lane, set()).discard(entity)
