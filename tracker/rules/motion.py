"""Limits of motion by class of vehicle: what makes a stop, a trip, a gap.

A lorry's stop is a delivery at a ramp, a courier's a doorstep: what is a light on the way to the one is half a round to
the other. The class is what the operator says of the vehicle; without one it has the lorry's limits. Which class its
fixes speak for is suggested (`domain.vehicles.suggested`) and decides nothing: limits that followed from the readings
would say of one day this or that by the order in which they come (docs/adr/0020).

Origins: `truck` is what counted before there were classes. `courier` is tuned on the even ones of 400 recorded rounds,
by accuracy per fix over a grid (`tests/benchmarks/stops.py`); the odd ones are only measured. A `van` lies between the
two. A `bus` waits on its line and at its end: of 23 recorded trips of one line, 240 s confuses the two least.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from domain.readings import I8, I64
from domain.vehicles import CLASSES

MOVING_MPS, STANDING_MPS = 1.5, 0.5
PACE_MOVING_MPS, PACE_STANDING_MPS = 2.0, 0.6  # the courier carries the device: walking is not driving
S = 1_000_000


class Limits(NamedTuple):
    """Limits of all vehicles, or columns of them: one value per vehicle, in the order of the rows' vehicles.

    With `by_pace` a fix without a speed is judged by the step to it, where that is no longer than a stop and longer
    than the error of a fix; otherwise, and without it, by the way over some minutes.
    """

    stop_us: Any = 180 * S
    trip_m: Any = 300.0
    interval_us: Any = 300 * S
    harsh_us: Any = 1_800 * S
    moving_mps: Any = MOVING_MPS
    standing_mps: Any = STANDING_MPS
    by_pace: Any = False

    def over(self, of: I64) -> Limits:
        """Columns by vehicle as columns by row, `of` being each row's vehicle; what is one for all stays so.

        >>> Limits(np.array([1, 2])).over(np.array([0, 0, 1])).stop_us.tolist()
        [1, 1, 2]
        """
        return Limits(*(column[of] if isinstance(column, np.ndarray) else column for column in self))


ORDINARY = Limits()
OF_CLASS = {
    "truck": ORDINARY,
    "van": Limits(90 * S, 150.0, moving_mps=PACE_MOVING_MPS, standing_mps=PACE_STANDING_MPS, by_pace=True),
    "courier": Limits(30 * S, 30.0, moving_mps=PACE_MOVING_MPS, standing_mps=PACE_STANDING_MPS, by_pace=True),
    "bus": Limits(240 * S),
}
"""By the word of the class."""
_TABLE = [np.array(column) for column in zip(ORDINARY, *(OF_CLASS[name] for name in CLASSES), strict=True)]


def limits_of(code: I8 | NDArray[Any]) -> Limits:
    """The limits of vehicles by the codes of their classes (`domain.vehicles.code_of`).

    >>> limits_of(np.array([0, 3])).stop_us.tolist(), limits_of(np.array([0, 0])) == Limits()
    ([180000000, 30000000], True)
    """
    if not code.any():
        return ORDINARY
    return Limits(*(column[code] for column in _TABLE))
