"""Facts that change their mind: the facts of now matched with those told before, by overlap in event time.

The same are left alone, an overlapping one gets a revision, one that is no longer so is retracted, a new one is told.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Container, Sequence
from typing import Any, NamedTuple

from domain.folds.scan import NEVER


class Reported(NamedTuple):
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
    before: Reported | None


def match(now: Sequence[tuple[int | str, int, int]], before: Sequence[Reported]) -> list[Match]:
    """Pairs facts `(group, start, end)` with those told before by overlap.

    Retractions come first, so that the place of an open fact is free before another takes it.

    >>> match([("a", 5, 9)], [Reported(1, 1, "a", 4, 8, ()), Reported(2, 1, "a", 20, 30, ())])
    [Match(now=None, before=Reported(id=2, revision=1, group='a', start_us=20, end_us=30, rest=())), \
Match(now=0, before=Reported(id=1, revision=1, group='a', start_us=4, end_us=8, rest=()))]
    """
    groups: dict[int | str, _Group] = {}
    for place in sorted(range(len(before)), key=lambda i: before[i].start_us):
        groups.setdefault(before[place].group, _Group()).add(place, before[place])
    taken: set[int] = set()
    closing: list[Match] = []
    opening: list[Match] = []
    for index, (group, start, end) in enumerate(now):
        best = groups[group].best(start, end, taken) if group in groups else None
        if best is None:
            opening.append(Match(index, None))
            continue
        taken.add(best)
        (closing if end != NEVER else opening).append(Match(index, before[best]))
    return [Match(None, reported) for place, reported in enumerate(before) if place not in taken] + closing + opening


class _Group:
    """What was told of one group, by begin: a year of it is matched in the time of a day for each day."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._reported: list[tuple[int, Reported]] = []
        self._ends: list[int] = []
        """The last end up to each."""

    def add(self, place: int, reported: Reported) -> None:
        """The next by begin."""
        self._starts.append(reported.start_us)
        self._reported.append((place, reported))
        self._ends.append(max(reported.end_us, self._ends[-1]) if self._ends else reported.end_us)

    def best(self, start: int, end: int, taken: Container[int]) -> int | None:
        """Place of the one that overlaps most and is not taken; the first of several."""
        found: tuple[int, int] | None = None
        for k in range(bisect_right(self._starts, end) - 1, -1, -1):
            if self._ends[k] < start:
                break
            place, reported = self._reported[k]
            common = min(end, reported.end_us) - max(start, reported.start_us)
            if place not in taken and common >= 0 and (found is None or (common, -place) > found):
                found = common, -place
        return -found[1] if found else None
