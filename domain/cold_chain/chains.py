"""Which excursions are one alert: those of one side of a probe that overlap, or follow one another shortly. Pure.

Steps of severity are bands of their own, so a box that grows warmer and warmer is in several of them at a time, and one
that flaps around a limit is in one of them again and again: people hear of it once. The alert is as severe as the worst
of them that lasts, once all are over as the worst there was.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from domain.folds.scan import NEVER

REOPEN_US = 600_000_000
"""What returns so soon is the same alert."""
RANK = {"info": 0, "warning": 1, "critical": 2}
TITLES = {"above": "Too warm", "below": "Too cold"}


class Alarmed(NamedTuple):
    """An excursion that has alarmed, as it is known now; the extreme of an open one may not be known here."""

    id: int
    probe_id: int
    kind: str
    severity: str
    limit_c: float
    start_us: int
    end_us: int
    alarm_us: int
    extreme_c: float | None

    @property
    def outermost(self) -> tuple[int, float]:
        """What decides: the severity, then how far out the limit is."""
        return RANK[self.severity], self.limit_c if self.kind == "above" else -self.limit_c


class Standing(NamedTuple):
    """An alert that stands in the store."""

    fact_id: int
    opened_us: int
    cleared_us: int
    alarm_us: int
    resolved_us: int = NEVER


class Chain(NamedTuple):
    """What one alert says, and the fact it stood for before (0: it is new)."""

    members: tuple[Alarmed, ...]
    fact_id: int
    was_of: int = 0

    @property
    def start_us(self) -> int:
        """When the first began."""
        return min(m.start_us for m in self.members)

    @property
    def end_us(self) -> int:
        """When the last ended."""
        return max(m.end_us for m in self.members)

    @property
    def alarm_us(self) -> int:
        """When the first alarmed."""
        return min(m.alarm_us for m in self.members)

    @property
    def lead(self) -> Alarmed:
        """The member that decides: the outermost of those that last, else of all."""
        lasting = [m for m in self.members if m.end_us == NEVER]
        return max(lasting or self.members, key=lambda m: m.outermost)

    @property
    def extreme_c(self) -> float | None:
        """The furthest that is known."""
        known = [m.extreme_c for m in self.members if m.extreme_c is not None]
        worst = max if self.lead.kind == "above" else min
        return worst(known) if known else None

    @property
    def title(self) -> str:
        """In a few words."""
        found = self.extreme_c
        return f"{TITLES[self.lead.kind]}: {self.lead.limit_c if found is None else found:.1f} °C"


def chains(alarmed: Iterable[Alarmed], standing: Sequence[Standing]) -> tuple[list[Chain], list[Standing]]:
    """The alerts of one side of a probe, and those standing that are of nothing any more.

    An alert that stands goes on with the chain that its fact is in, else with one that it overlaps. What begins after
    somebody was done with an alert is another one.
    """
    members = sorted(alarmed, key=lambda m: (m.start_us, m.id))
    done = {s.fact_id: s.resolved_us for s in standing if s.resolved_us != NEVER}
    groups: list[list[Alarmed]] = []
    for m in members:
        last = groups[-1] if groups else None
        resolved_us = min((done[x.id] for x in last or () if x.id in done), default=NEVER)
        if last and m.start_us <= max(x.end_us for x in last) + REOPEN_US and m.start_us <= resolved_us:
            last.append(m)
        else:
            groups.append([m])
    free = sorted(standing, key=lambda s: (s.opened_us, s.fact_id))
    of: dict[int, Standing] = {}
    for how in (_has_its_fact, _overlaps):
        for i, group in enumerate(groups):
            if i not in of and (found := next((s for s in free if how(s, group)), None)) is not None:
                of[i] = found
                free.remove(found)
    return [_chain(group, of.get(i)) for i, group in enumerate(groups)], free


def _has_its_fact(alert: Standing, group: Sequence[Alarmed]) -> bool:
    return any(m.id == alert.fact_id for m in group)


def _overlaps(alert: Standing, group: Sequence[Alarmed]) -> bool:
    """Whether an alert whose fact is gone is about these: nobody was done with it before they began."""
    begin, end = min(m.start_us for m in group), max(m.end_us for m in group)
    return begin <= alert.cleared_us and alert.opened_us <= end and begin <= alert.resolved_us


def _chain(group: Sequence[Alarmed], alert: Standing | None) -> Chain:
    first = min(group, key=lambda m: (m.alarm_us, m.id)).id
    if alert is None:
        return Chain(tuple(group), first)
    stays = any(m.id == alert.fact_id for m in group)
    return Chain(tuple(group), alert.fact_id if stays else first, alert.fact_id)
