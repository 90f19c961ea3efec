"""Which fixes of a vehicle are jumps no vehicle makes. A jump is annotated, never deleted, never the reference.

A fix is a jump when the speed from the last good fix is impossible; two jumps in a row that agree with one another are
believed, so that a wrong reference mends itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from domain.geo import distance_m
from domain.readings import F64, I64, Bool
from tracker.rules.scan import segment_starts

SPEED_MAX_MPS = 90.0
JUMP_M_MIN = 300.0


@dataclass(frozen=True, slots=True)
class Fixes:
    """Last good fix of each entity (NaN: none yet), and a doubtful one behind it (NaN: none). Sorted by entity."""

    entity: I64
    t_us: I64
    lat: F64
    lon: F64
    doubt_t_us: I64
    doubt_lat: F64
    doubt_lon: F64


def _jumps(t0: F64 | I64, lat0: F64, lon0: F64, t1: F64 | I64, lat1: F64, lon1: F64) -> Bool:
    """True where getting from one fix to the other is impossible; False where either is unknown."""
    far = distance_m(lat0, lon0, lat1, lon1)
    with np.errstate(invalid="ignore"):
        return (far > JUMP_M_MIN) & (far > SPEED_MAX_MPS * np.maximum(np.abs(t1 - t0) / 1e6, 1.0))


def step(carry: Fixes, entity: I64, t_us: I64, lat: F64, lon: F64) -> tuple[Fixes, Bool]:
    """The carry after these rows (sorted by entity and time), and which rows are jumps.

    `carry` has one row for each entity in `entity`.
    """
    n = len(entity)
    start = segment_starts(entity)
    first = np.flatnonzero(start)
    row = np.searchsorted(carry.entity, entity[first])
    before_t, before_lat, before_lon = np.roll(t_us, 1), np.roll(lat, 1), np.roll(lon, 1)
    before_t[first], before_lat[first], before_lon[first] = carry.t_us[row], carry.lat[row], carry.lon[row]
    suspicious = _jumps(before_t, before_lat, before_lon, t_us, lat, lon)
    last = np.append(first[1:], n) - 1
    out = Fixes(
        entity[first],
        t_us[last].copy(),
        lat[last].copy(),
        lon[last].copy(),
        np.zeros(len(first), np.int64),
        np.full(len(first), np.nan),
        np.full(len(first), np.nan),
    )
    bad = np.zeros(n, dtype=np.bool_)
    odd = np.add.reduceat(suspicious, first) > 0
    odd |= ~np.isnan(carry.doubt_lat[row])
    for k in np.flatnonzero(odd):  # rare: only entities with a jump are walked row by row
        good = (carry.t_us[row[k]], carry.lat[row[k]], carry.lon[row[k]])
        doubt = (carry.doubt_t_us[row[k]], carry.doubt_lat[row[k]], carry.doubt_lon[row[k]])
        for i in range(first[k], last[k] + 1):
            here = (t_us[i], lat[i], lon[i])
            if _jumps(*good, *here) and (np.isnan(doubt[1]) or _jumps(*doubt, *here)):
                bad[i], doubt = True, here
            else:
                good, doubt = here, (np.int64(0), np.nan, np.nan)
        out.t_us[k], out.lat[k], out.lon[k] = good
        out.doubt_t_us[k], out.doubt_lat[k], out.doubt_lon[k] = doubt
    return out, bad
