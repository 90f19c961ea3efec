"""How well a carrier does on a lane, from few or many shipments. Pure.

What is known of a lane leans on its parent (the carrier's service, the mode) the more the fewer shipments it has had,
and carriers are ranked by what is certain of them, not by their mean: three of three on time is worth less than ninety
of a hundred.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from planning.shares import shrunk, wilson


class LaneError(ValueError):
    """What of a lane cannot be."""


@dataclass(frozen=True)
class Facts:
    """What calls say of the shipments of one lane, carrier and service."""

    transit_h: tuple[float, ...]
    on_time: int
    damaged: int = 0
    cold_chain_failed: int = 0

    def __post_init__(self) -> None:
        for name in ("on_time", "damaged", "cold_chain_failed"):
            if not 0 <= getattr(self, name) <= self.n:
                raise LaneError(f"{name}: {getattr(self, name)} of {self.n} shipments cannot be")
        if not all(np.isfinite(each) and each >= 0 for each in self.transit_h):
            raise LaneError("transit_h: a time is less than nothing or not known")

    @property
    def n(self) -> int:
        """How many shipments."""
        return len(self.transit_h)


class Expected(NamedTuple):
    """What to expect of a lane: shares from 0 to 1, hours in transit, and how many shipments of its own say so."""

    on_time: float
    damaged: float
    cold_chain_failed: float
    transit_h_p50: float
    transit_h_p90: float
    n: int


def expected(levels: Sequence[Facts]) -> Expected:
    """From the most general level (all of a mode) to the lane itself, each leaning on the one before it.

    Raises:
        LaneError: the most general level has no shipment.
    """
    if not levels or not levels[0].n:
        raise LaneError("nothing is known of the parent lane; give a more general level that has shipments")
    found = _own(levels[0])
    for facts in levels[1:]:
        if facts.n:
            own, parent = np.array(_own(facts)[:5]), np.array(found[:5])
            on_time, damaged, failed, p50, p90 = shrunk(own, facts.n, parent).tolist()
            found = Expected(on_time, damaged, failed, p50, p90, facts.n)
        else:
            found = found._replace(n=0)
    return found


def _own(facts: Facts) -> Expected:
    n = facts.n
    p50, p90 = np.quantile(facts.transit_h, (0.5, 0.9))
    return Expected(facts.on_time / n, facts.damaged / n, facts.cold_chain_failed / n, float(p50), float(p90), n)


class Ranked(NamedTuple):
    """A carrier with the bounds of its share on time, and how many shipments they rest on."""

    name: str
    low: float
    high: float
    n: int


def ranked(counts: Mapping[str, tuple[int, int]]) -> list[Ranked]:
    """Carriers by (on time, all), the surest first: by the lower bound, then by the upper one, then by name."""
    found = []
    for name, (good, total) in counts.items():
        low, high = wilson(good, total)
        found.append(Ranked(name, float(low), float(high), total))
    return sorted(found, key=lambda each: (-each.low, -each.high, each.name))
