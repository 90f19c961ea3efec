"""Distances of three kinds, and how to come from one to another. Pure.

Transport work is told by the shortest feasible or the great-circle distance; who knows only what was driven multiplies
or divides by the distance adjustment factor: road 1.05, sea 1.15, air great circle + 95 km (ISO 14083, GLEC framework).
"""

from __future__ import annotations

from planning.emissions.factors import EmissionError

SHORTEST, GREAT_CIRCLE, ACTUAL = "shortest", "great_circle", "actual"
KINDS = (SHORTEST, GREAT_CIRCLE, ACTUAL)
DIRECT = (SHORTEST, GREAT_CIRCLE)
ADJUSTMENT = {"road": 1.05, "sea": 1.15}
AIR_KM = 95.0


def adjustment(mode: str, km: float, kind: str, per: str) -> float:
    """By what work of `km` of one kind is multiplied where the intensity is told per tkm of another.

    >>> adjustment("road", 300, "shortest", "actual")
    1.05
    >>> adjustment("road", 300, "shortest", "shortest")
    1.0

    Raises:
        EmissionError: nobody knows how the two kinds are related.
    """
    if kind == per:
        return 1.0
    if kind in DIRECT and per in DIRECT:
        raise EmissionError(f"the distance is {kind}, the intensity is per tkm of {per}; tell both in one kind")
    longer = per == ACTUAL
    if mode == "air":
        if km <= 0 or (not longer and km <= AIR_KM):
            raise EmissionError(f"{km:g} km is too short for a flight; tell distance and intensity in one kind")
        return (km + AIR_KM) / km if longer else (km - AIR_KM) / km
    if mode not in ADJUSTMENT:
        raise EmissionError(f"there is no distance adjustment for {mode}; tell distance and intensity in one kind")
    return ADJUSTMENT[mode] if longer else 1 / ADJUSTMENT[mode]
