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
from numpy.typing import ArrayLike

from domain.readings import F64

Z_95 = 1.959963984540054
SHRINK = 10
"""So many shipments of its own weigh as much as all of the parent."""


class LaneError(ValueError):
    """What of a lane cannot be."""


class Bounds(NamedTuple):
    """Of a share, from 0 to 1."""

    low: F64
    high: F64


def wilson(good: ArrayLike, total: ArrayLike, z: float = Z_95) -> Bounds:
    """Bounds of a share of which `good` of `total` were seen (Wilson 1927, JASA 22:209); 0 to 1 where nothing was.

    >>> low, high = wilson(3, 3)
    >>> round(float(low), 4), float(high)
    (0.4385, 1.0)

    Raises:
        LaneError: less than nothing, or more good ones than all.
    """
    good, total = np.asarray(good, float), np.asarray(total, float)
    if not ((good >= 0) & (good <= total)).all():
        raise LaneError("there are between none and all good ones")
    n = np.maximum(total, 1)
    share, z2 = good / n, z * z
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = z * np.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    low, high = np.where(good > 0, middle - half, 0.0), np.where(good < total, middle + half, 1.0)
    return Bounds(np.where(total > 0, low, 0.0), np.where(total > 0, high, 1.0))


def shrunk(own: ArrayLike, n: ArrayLike, parent: ArrayLike) -> F64:
    """A figure of a lane with `n` shipments, leaning on its parent's: own by n / (n + 10).

    >>> float(shrunk(1.0, 10, 0.8))
    0.9
    """
    n = np.asarray(n, float)
    weight = n / (n + SHRINK)
    own = np.where(n > 0, np.asarray(own, float), 0.0)
    return np.asarray(weight * own + (1 - weight) * np.asarray(parent, float))


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
