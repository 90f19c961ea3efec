"""Moving or stopped: faster than walking pace, with hysteresis; the receiver's speed, or the way between fixes."""

from __future__ import annotations

import numpy as np

from domain.geo import distance_m
from domain.readings import F64, I64
from tracker.rules.scan import Carry, Runs, scan, segment_starts

VERSION = 1
MOVING_MPS = 1.5
STOPPED_MPS = 0.5
GAP_US = 600 * 1_000_000


def speeds(entity: I64, t_us: I64, lat: F64, lon: F64, reported_mps: F64, last: tuple[I64, F64, F64]) -> F64:
    """Speed per row, metres per second: the receiver's, else the way since the fix before (`last` for a first row)."""
    first = segment_starts(entity)
    t0, lat0, lon0 = np.roll(t_us, 1), np.roll(lat, 1), np.roll(lon, 1)
    t0[first], lat0[first], lon0[first] = (column[first] for column in last)
    seconds = (t_us - t0) / 1e6
    with np.errstate(invalid="ignore", divide="ignore"):
        derived = np.where((seconds > 0) & (seconds < 600), distance_m(lat0, lon0, lat, lon) / seconds, np.nan)
    return np.where(np.isnan(reported_mps), derived, reported_mps)


def step(carry: Carry, entity: I64, t_us: I64, speed_mps: F64) -> tuple[Carry, Runs]:
    """Runs of moving, of rows sorted by (entity, time)."""
    return scan(carry, entity, t_us, speed_mps - MOVING_MPS, h=MOVING_MPS - STOPPED_MPS, for_us=0, gap_us=GAP_US)
