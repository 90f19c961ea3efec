"""Which fixes of a vehicle are jumps no vehicle makes. A jump is annotated, never deleted, never the reference.

A fix is a jump when the speed from the last good fix is impossible; two jumps in a row that agree with one another are
believed, so that a wrong reference mends itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from domain.folds.scan import segment_starts
from domain.folds.table import following, previous
from domain.geo import EARTH_M
from domain.readings import F64, I64, Bool

SPEED_MAX_MPS = 90.0
JUMP_M_MIN = 300.0
Point = tuple[int, float, float, float]
UNKNOWN: Point = (0, float("nan"), 0.0, 0.0)


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


class _Places:
    """Fixes as points of space, metres from the middle of the earth: a jump is judged on the straight way through it.

    Sums and products alone, so that columns and single numbers agree to the last bit.
    """

    def __init__(self, t_us: I64, lat: F64, lon: F64) -> None:
        phi, lam = np.radians(lat), np.radians(lon)
        flat = np.cos(phi) * EARTH_M
        self.t_us, self.x, self.y, self.z = t_us, flat * np.cos(lam), flat * np.sin(lam), np.sin(phi) * EARTH_M

    def points(self) -> list[Point]:
        """Plain numbers, for a walk."""
        return list(zip(self.t_us.tolist(), self.x.tolist(), self.y.tolist(), self.z.tolist(), strict=True))

    def take(self, index: I64) -> _Places:
        """Some of them."""
        out = object.__new__(_Places)
        out.t_us, out.x, out.y, out.z = self.t_us[index], self.x[index], self.y[index], self.z[index]
        return out

    def before(self, first: I64, carry: _Places) -> _Places:
        """For each row the one before it, for a first row the carry's."""
        out = object.__new__(_Places)
        for name in ("t_us", "x", "y", "z"):
            column = previous(getattr(self, name))
            column[first] = getattr(carry, name)
            setattr(out, name, column)
        return out

    def jumps_from(self, other: _Places) -> Bool:
        """True where getting here from the other is impossible; False where either is unknown."""
        dx, dy, dz = self.x - other.x, self.y - other.y, self.z - other.z
        limit = np.maximum(JUMP_M_MIN, SPEED_MAX_MPS * np.maximum(np.abs(self.t_us - other.t_us) / 1e6, 1.0))
        return np.asarray(dx * dx + dy * dy + dz * dz > limit * limit)


def _jump(a: Point, b: Point) -> bool:
    """`jumps_from` for two fixes."""
    dx, dy, dz = b[1] - a[1], b[2] - a[2], b[3] - a[3]
    limit = max(JUMP_M_MIN, SPEED_MAX_MPS * max(abs(b[0] - a[0]) / 1e6, 1.0))
    return dx * dx + dy * dy + dz * dz > limit * limit


def step(carry: Fixes, entity: I64, t_us: I64, lat: F64, lon: F64) -> tuple[Fixes, Bool]:
    """The carry after these rows (sorted by entity and time), and which rows are jumps.

    `carry` has one row for each entity in `entity`.
    """
    n = len(entity)
    start = segment_starts(entity)
    first = np.flatnonzero(start)
    row = np.searchsorted(carry.entity, entity[first])
    here = _Places(t_us, lat, lon)
    good = _Places(carry.t_us[row], carry.lat[row], carry.lon[row])
    odd = here.jumps_from(here.before(first, good))
    doubtful = ~np.isnan(carry.doubt_lat[row])
    odd[first[doubtful]] = True
    last = np.append(first[1:], n) - 1
    none = np.zeros(len(first), np.int64), np.full(len(first), np.nan), np.full(len(first), np.nan)
    out = Fixes(entity[first], t_us[last], lat[last], lon[last], *none)
    bad = np.zeros(n, dtype=np.bool_)
    lone = _lone(here, odd, start)
    bad[lone] = True
    odd[lone], odd[(lone + 1).clip(max=n - 1)] = False, False
    if odd.any():
        doubt = _Places(carry.doubt_t_us[row], carry.doubt_lat[row], carry.doubt_lon[row])
        near = np.flatnonzero(odd | previous(odd) | following(odd))  # a row that is not odd is good: walks end there
        of = (np.cumsum(start) - 1)[near]
        begins = segment_starts(of)
        some = of[begins]
        known = here.take(near).points(), good.take(some).points(), doubt.take(some).points()
        wrong, ends = _walk(*known, np.flatnonzero(begins), np.flatnonzero(odd[near]).tolist())
        bad[near[wrong]] = True
        for k, at in ends:  # the last fix of this entity is in doubt
            i = some[k]
            out.doubt_t_us[i], out.doubt_lat[i], out.doubt_lon[i] = t_us[last[i]], lat[last[i]], lon[last[i]]
            source = (t_us, lat, lon, near[at]) if at >= 0 else (carry.t_us, carry.lat, carry.lon, row[i])
            out.t_us[i], out.lat[i], out.lon[i] = (column[source[3]] for column in source[:3])
    return out, bad


def _lone(here: _Places, odd: Bool, start: Bool) -> I64:
    """Jumps after a good fix that the next fix settles: it lies where the good one does, or where the jump led to.

    A row that is not odd is good. What has more odd rows running, or ends in doubt, is left for a walk.
    """
    odd, start = np.append(odd, [False, False]), np.append(start, [True, True])
    i = np.flatnonzero(odd & ~start)
    i = i[~odd[i - 1] & ~start[i + 1]]
    back = ~here.take(i + 1).jumps_from(here.take(i - 1))
    return i[~odd[i + 1] | (back & ~(odd[i + 2] & ~start[i + 2]))]


def _walk(
    here: list[Point], good: list[Point], doubt: list[Point], starts: I64, odd: list[int]
) -> tuple[list[int], list[tuple[int, int]]]:
    """Rows that are jumps, and the entities that end in doubt with the row of their last good fix (-1: the carry's).

    Goes from each odd row as far as there is doubt; all others follow from the one before them.
    """
    wrong: list[int] = []
    ends: list[tuple[int, int]] = []
    first, last = starts.tolist(), (np.append(starts[1:], len(here)) - 1).tolist()
    of = (np.searchsorted(starts, odd, "right") - 1).tolist()
    done = -1
    for i, k in zip(odd, of, strict=True):
        if i <= done:
            continue
        begins = i == first[k]
        at = -1 if begins else i - 1
        sure = good[k] if begins else here[i - 1]
        doubted = doubt[k] if begins else UNKNOWN
        done = i
        while done <= last[k]:
            fix = here[done]
            if not _jump(sure, fix) or (doubted[1] == doubted[1] and not _jump(doubted, fix)):  # NaN: none
                break
            wrong.append(done)
            doubted = fix
            done += 1
        else:
            ends.append((k, at))
            done -= 1
    return wrong, ends
