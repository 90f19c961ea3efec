"""What changed most in a week, and what changed beside it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from planning.kpis.board import Board, Figure, Told
from planning.kpis.catalogue import Kpi

CHANGES = 3
RANGES_MIN = 3
Parts = Mapping[str | None, Figure]


class Change(NamedTuple):
    """A figure of a week against the newest one before; `size`: how many usual changes from week to week that is."""

    kpi: Kpi
    before: float
    value: float
    size: float
    told: Told | None

    @property
    def better(self) -> bool:
        """Whether it went the way that is wanted."""
        return (self.value > self.before) == (self.kpi.better == "more")


class Beside(NamedTuple):
    """What a part has to do with a change: parts of all of one dimension add up to it (of a mean, where it is one)."""

    by: str
    part: str | None
    change: float
    facts: int


def change_of(kpi: Kpi, drawn: Board) -> Change | None:
    """The change of the last period of a board; None: it, or one before it, has no figure, or nothing changed."""
    if not drawn.points or drawn.points[-1].figure.value is None:
        return None
    known = [p.figure.value for p in drawn.points[:-1] if p.figure.value is not None]
    value = drawn.points[-1].figure.value
    if not known or value == known[-1]:
        return None
    ranges = [abs(b - a) for a, b in pairwise(known)]
    usual = sum(ranges) / len(ranges) if len(ranges) >= RANGES_MIN else abs(known[-1])
    size = abs(value - known[-1]) / usual if usual > 0 else float("inf")
    return Change(kpi, known[-1], value, size, drawn.points[-1].told)


def largest(changes: Sequence[Change | None], most: int = CHANGES) -> list[Change]:
    """Those that are no chance first, then those that are largest against what is usual."""
    found = [each for each in changes if each is not None]
    return sorted(found, key=lambda each: (each.told is None, -each.size))[:most]


def beside(by: str, before: Parts, after: Parts) -> list[Beside]:
    """What each part has to do with the change of sums good ÷ total, the most first; together they are the change.

    >>> half, none, all_of_it = Figure(0.5, 5, 10), Figure(0, 0, 10), Figure(1, 10, 10)
    >>> [(e.part, e.change) for e in beside("site", {"a": half, "b": all_of_it}, {"a": none, "b": all_of_it})]
    [('a', -0.25), ('b', 0.0)]
    """
    totals = [sum(figure.total for figure in parts.values()) for parts in (before, after)]
    if min(totals) <= 0:
        return []
    mean = sum(figure.good for figure in before.values()) / totals[0]
    nothing = Figure(None)

    def weight(figure: Figure, total: float) -> float:
        return (figure.good - mean * figure.total) / total

    found = [
        Beside(
            by,
            part,
            weight(after.get(part, nothing), totals[1]) - weight(before.get(part, nothing), totals[0]),
            after.get(part, nothing).facts,
        )
        for part in {**before, **after}
    ]
    return sorted(found, key=lambda each: -abs(each.change))


def telling(found: Sequence[list[Beside]], most: int = CHANGES) -> list[Beside]:
    """Parts of the dimension in which the change lies most with one of several; none where all have one part."""
    several = [parts for parts in found if len(parts) > 1]
    return max(several, key=_weight)[:most] if several else []


def _weight(parts: list[Beside]) -> float:
    return abs(parts[0].change)
