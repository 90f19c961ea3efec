"""Facts that change their mind: the facts of now matched with those told before, by overlap in event time.

The same are left alone, an overlapping one gets a revision, one that is no longer so is retracted, a new one is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from tracker.rules.scan import NEVER


class Told(NamedTuple):
    """A current fact in the store."""

    id: int
    revision: int
    group: int | str
    start_us: int
    end_us: int
    rest: tuple[Any, ...]


class Match(NamedTuple):
    """A fact of now (None: no longer so) and the one told before (None: never told)."""

    now: int | None
    before: Told | None


def match(now: Sequence[tuple[int | str, int, int]], before: Sequence[Told]) -> list[Match]:
    """Pairs facts `(group, start, end)` with those told before by overlap.

    Retractions come first, so that the place of an open fact is free before another takes it.

    >>> match([("a", 5, 9)], [Told(1, 1, "a", 4, 8, ()), Told(2, 1, "a", 20, 30, ())])
    [Match(now=None, before=Told(id=2, revision=1, group='a', start_us=20, end_us=30, rest=())), \
Match(now=0, before=Told(id=1, revision=1, group='a', start_us=4, end_us=8, rest=()))]
    """
    free = list(before)
    pairs: list[Match] = []
    for index, (group, start, end) in enumerate(now):
        best, overlap = None, -1
        for told in free:
            common = min(end, told.end_us) - max(start, told.start_us)
            if told.group == group and common >= 0 and common > overlap:
                best, overlap = told, common
        if best is not None:
            free.remove(best)
        pairs.append(Match(index, best))
    closing = [p for p in pairs if p.before is not None and now[p.now or 0][2] != NEVER]
    opening = [p for p in pairs if p not in closing]
    return [Match(None, told) for told in free] + closing + opening
