"""Runs of vehicles beyond the corridors of their shipments' lines, as far as they have lasted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from domain.folds.scan import NEVER, Carry, Runs
from domain.readings import I64
from tracker.rules.off_route import Run


class OffRouteRuns(NamedTuple):
    """Runs of a vehicle beyond the corridor of its shipment's line that have lasted.

    `key` is `geofence.pair`. What was told of the time since `since_us` is to give way to them.
    """

    key: int
    runs: tuple[Run, ...]
    since_us: int
    now_us: int


def touched(runs: Runs, carry: Carry) -> list[OffRouteRuns]:
    """Runs that have lasted, of a step that goes on from what was told."""
    lasted = runs.take(runs.lasted_at_us != NEVER)
    return [_runs(lasted, key, carry, None) for key in np.unique(lasted.entity).tolist()]


def anew(runs: Runs, keys: Sequence[int], begun: Carry, carry: Carry, begun_us: int) -> list[OffRouteRuns]:
    """Runs of a vehicle folded again from a carry, of each of its shipments with a line."""
    lasted = runs.take(runs.lasted_at_us != NEVER)
    open_then = dict(zip(begun.entity[begun.inside].tolist(), begun.start_us[begun.inside].tolist(), strict=True))
    return [_runs(lasted, key, carry, open_then.get(key, begun_us)) for key in keys]


def going_on(carry: Carry, key: int) -> OffRouteRuns:
    """The run that is open in the carry of one shipment, if it has lasted."""
    lasting = carry.take(carry.inside & (carry.lasted_at_us != NEVER))
    if not len(lasting):
        return OffRouteRuns(key, (), NEVER, int(carry.t_us[0]) if len(carry) else 0)
    start_us = int(lasting.start_us[0])
    return OffRouteRuns(key, (Run(start_us, NEVER),), start_us, int(lasting.t_us[0]))


def _runs(lasted: Runs, key: int, carry: Carry, since_us: int | None) -> OffRouteRuns:
    mine = lasted.take(lasted.entity == key)
    found = tuple(Run(a, b) for a, b in zip(mine.start_us.tolist(), mine.end_us.tolist(), strict=True))
    at: I64 = np.flatnonzero(carry.entity == key)
    now_us = int(carry.t_us[at[0]]) if len(at) else 0
    return OffRouteRuns(key, found, found[0].start_us if since_us is None else since_us, now_us)
