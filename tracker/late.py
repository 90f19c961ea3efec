"""Late readings: which entities wait to be folded again, since when, and which of them are due."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from prometheus_client import Counter

from domain.readings import I64
from domain.times import from_us
from tracker.checkpoints import Again
from tracker.outcome import Outcome
from tracker.registry import Registry

QUIET_US = 1_000_000
"""So long no further late reading must have come, by the time the log was written."""
WAIT_US = 30_000_000
"""An entity whose late readings do not end is folded again after this time."""

too_late_total = Counter("frostway_tracker_too_late_total", "Late readings beyond the horizon")


def mark_late(registry: Registry, kind: str, entity: I64, t_us: I64, device: I64, newest_us: I64, out: Outcome) -> None:
    """Late readings came for these entities, whose newest ones are given: to be folded again from the earliest.

    A reading further back than the horizon is counted and decides nothing.
    """
    within = t_us > newest_us - out.horizon_us
    too_late_total.inc(int((~within).sum()))
    earliest: dict[int, tuple[int, int]] = {}
    rows = zip(entity[within].tolist(), t_us[within].tolist(), device[within].tolist(), strict=True)
    for e, t, d in rows:
        if e not in earliest or t < earliest[e][0]:
            earliest[e] = (t, d)
    out.dirty += [(kind, e, registry.devices[d].partition, from_us(t)) for e, (t, d) in sorted(earliest.items())]


@dataclass
class Mark:
    """An entity's earliest late reading; when the first and the last of them came, by the log."""

    since: datetime
    first_us: int
    last_us: int
    way: Again | None = None
    """How far it has been folded again; a further late reading lets it begin anew."""


class Late:
    """The entities that wait. A burst of late readings is folded once, when it is over, not message by message."""

    def __init__(self) -> None:
        self._marks: dict[tuple[str, int], Mark] = {}

    def __len__(self) -> int:
        return len(self._marks)

    def add(self, out: Outcome, log_us: int) -> None:
        """What a step found late."""
        for kind, entity, _, since in out.dirty:
            self.wait(kind, entity, since, log_us)

    def wait(self, kind: str, entity: int, since: datetime, log_us: int) -> None:
        """An entity is to be folded again from `since`."""
        mark = self._marks.setdefault((kind, entity), Mark(since, log_us, log_us))
        mark.since, mark.last_us, mark.way = min(since, mark.since), log_us, None

    def due(self, log_us: int, *, now: bool = False) -> list[tuple[tuple[str, int], Mark]]:
        """Those to be folded again at this time of the log, the longest waiting first; all of them for `now`."""
        found = [
            (key, mark)
            for key, mark in self._marks.items()
            if now or mark.way or log_us - mark.last_us >= QUIET_US or log_us - mark.first_us >= WAIT_US
        ]
        return sorted(found, key=lambda f: f[1].first_us)

    def begin_anew(self) -> None:
        """What was folded with another registry does not count."""
        for mark in self._marks.values():
            mark.way = None

    def done(self, kind: str, entity: int) -> None:
        """It has been folded again."""
        del self._marks[kind, entity]
