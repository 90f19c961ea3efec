"""How long a vehicle stands at a door: a fixed part and one for each pallet, learned from those that stood there. Pure.

The slope is the median of all slopes between two dockings (Theil 1950, Sen 1968): a truck that was parked at a door
over night moves it by nothing. Few dockings lean on what is taken before anything is known, by n / (n + 10).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

FIXED_MIN, PER_PALLET_MIN, SPREAD = 15.0, 2.0, 0.3
"""Before anything is known: minutes, minutes a pallet, and the spread as a share of what is expected."""
LEAN = 10
"""So many dockings weigh as much as what was taken before."""
MOST = 400
"""So many of the newest are looked at: slopes grow with their square."""


@dataclass(frozen=True, slots=True)
class Service:
    """Minutes at a door; `spread_min` is the standard deviation around it, `n` how many dockings say so."""

    fixed_min: float = FIXED_MIN
    per_pallet_min: float = PER_PALLET_MIN
    spread_min: float = SPREAD * FIXED_MIN
    n: int = 0

    def minutes(self, pallets: int | None) -> float:
        """What is expected of so many pallets; of nobody knows how many: the fixed part and ten.

        >>> Service(12.0, 3.0).minutes(20)
        72.0
        """
        return self.fixed_min + self.per_pallet_min * (10 if pallets is None else pallets)


def learned(stood: Sequence[tuple[int, float]]) -> Service:
    """From (pallets, minutes) of dockings, the newest first; of neither is anything negative.

    >>> learned([]).n
    0
    """
    if not stood:
        return Service()
    pallets, minutes = (np.asarray(each, float) for each in zip(*stood[:MOST], strict=True))
    n = len(pallets)
    first, second = np.triu_indices(n, 1)
    run = pallets[second] - pallets[first]
    slopes = (minutes[second] - minutes[first])[run != 0] / run[run != 0]
    each = max(0.0, float(np.median(slopes))) if len(slopes) else PER_PALLET_MIN
    fixed = max(0.0, float(np.median(minutes - each * pallets)))
    off = np.abs(minutes - fixed - each * pallets)
    spread = 1.4826 * float(np.median(off))  # of a normal spread the median says as much, and a parked truck nothing
    weight = n / (n + LEAN)
    return Service(
        weight * fixed + (1 - weight) * FIXED_MIN,
        weight * each + (1 - weight) * PER_PALLET_MIN,
        weight * spread + (1 - weight) * SPREAD * FIXED_MIN,
        n,
    )
