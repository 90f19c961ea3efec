"""Visits: a vehicle inside a site's fence, from the crossing to leaving its outer edge; circles and polygons.

The quantity scanned is metres inside the fence (negative outside). A visit ends only beyond the fence by a margin that
grows with the fence and with the fix's reported accuracy, so that noise at the edge is one visit, not many. A single
fix inside is not a visit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import shapely

from domain.geo import EARTH_M, distance_m, local_m
from domain.readings import F64, I64
from tracker.rules.scan import Carry, Runs, no_runs, scan

VERSION = 1
MARGIN_M = 30.0
MARGIN_SHARE = 0.2
ACCURACY_M_MAX = 150.0
GAP_US = 600 * 1_000_000
SAMPLES_MIN = 2
CELL_DEG = 0.02
CELLS_PER_FENCE_MAX = 20_000
_ROWS = int(360 / CELL_DEG) + 2
SHIFT = 32


class Fence(NamedTuple):
    """A site's fence: a circle, or a polygon of (lon, lat) which then counts alone."""

    site_id: int
    lat: float
    lon: float
    radius_m: float
    polygon: Sequence[Sequence[float]] | None = None


@dataclass
class Fences:
    """Fences with a grid over them, so that a fix looks only at those near it: the cost is flat in their number."""

    fences: Sequence[Fence]
    site_id: I64 = field(init=False)
    _lat: F64 = field(init=False)
    _lon: F64 = field(init=False)
    _radius: F64 = field(init=False)
    _shape: dict[int, shapely.Polygon] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.site_id = np.array([f.site_id for f in self.fences], dtype=np.int64)
        self._lat = np.array([f.lat for f in self.fences], dtype=np.float64)
        self._lon = np.array([f.lon for f in self.fences], dtype=np.float64)
        self._radius = np.array([f.radius_m for f in self.fences], dtype=np.float64)
        self._index = {int(s): i for i, s in enumerate(self.site_id)}
        cells: list[I64] = []
        owners: list[I64] = []
        self._everywhere: list[int] = []
        for i, fence in enumerate(self.fences):
            reach = fence.radius_m
            if fence.polygon is not None:
                ring = np.asarray(fence.polygon, dtype=np.float64)
                east, north = local_m(ring[:, 1], ring[:, 0], fence.lat, fence.lon)
                self._shape[i] = shapely.make_valid(shapely.Polygon(np.column_stack([east, north])))
                shapely.prepare(self._shape[i])
                reach = float(np.hypot(east, north).max())
            found = self._cells_of(fence.lat, fence.lon, reach)
            if found is None:
                self._everywhere.append(i)
            else:
                cells.append(found)
                owners.append(np.full(len(found), i, dtype=np.int64))
        cell = np.concatenate(cells) if cells else np.empty(0, np.int64)
        owner = np.concatenate(owners) if owners else np.empty(0, np.int64)
        order = np.argsort(cell, kind="stable")
        self._cell, self._owner = cell[order], owner[order]

    def __len__(self) -> int:
        return len(self.fences)

    @staticmethod
    def _cells_of(lat: float, lon: float, reach_m: float) -> I64 | None:
        d_lat = np.degrees(reach_m / EARTH_M)
        d_lon = d_lat / max(np.cos(np.radians(min(abs(lat) + d_lat, 89.9))), 1e-3)
        rows = np.arange(np.floor((lat - d_lat) / CELL_DEG), np.floor((lat + d_lat) / CELL_DEG) + 1)
        cols = np.arange(np.floor((lon - d_lon) / CELL_DEG), np.floor((lon + d_lon) / CELL_DEG) + 1)
        if len(rows) * len(cols) > CELLS_PER_FENCE_MAX:
            return None
        wrapped = np.mod(cols, round(360 / CELL_DEG))
        return np.unique((rows[:, None] * _ROWS + wrapped[None, :]).astype(np.int64))

    def near(self, lat: F64, lon: F64) -> tuple[I64, I64]:
        """Pairs (row, fence index) of fixes and the fences whose cells they lie in."""
        code = (np.floor(lat / CELL_DEG) * _ROWS + np.mod(np.floor(lon / CELL_DEG), round(360 / CELL_DEG))).astype(
            np.int64
        )
        low, high = np.searchsorted(self._cell, code, "left"), np.searchsorted(self._cell, code, "right")
        count = high - low
        rows = np.repeat(np.arange(len(lat), dtype=np.int64), count)
        offset = np.arange(len(rows)) - np.repeat(np.cumsum(count) - count, count)
        fence = self._owner[np.repeat(low, count) + offset]
        for i in self._everywhere:
            rows = np.concatenate([rows, np.arange(len(lat), dtype=np.int64)])
            fence = np.concatenate([fence, np.full(len(lat), i, dtype=np.int64)])
        return rows, fence

    def index_of(self, site_ids: I64) -> I64:
        """Fence indices of sites; -1 for a site that has none any more."""
        return np.array([self._index.get(int(s), -1) for s in site_ids], dtype=np.int64)

    def metres_inside(self, fence: I64, lat: F64, lon: F64) -> F64:
        """How far inside its fence each fix is, metres; negative outside."""
        out = self._radius[fence] - distance_m(lat, lon, self._lat[fence], self._lon[fence])
        for i, shape in self._shape.items():
            rows = np.flatnonzero(fence == i)
            if len(rows):
                east, north = local_m(lat[rows], lon[rows], float(self._lat[i]), float(self._lon[i]))
                edge = shapely.distance(shapely.points(east, north), shape.boundary)
                out[rows] = np.where(shapely.contains_xy(shape, east, north), edge, -edge)
        return out

    def margin_m(self, fence: I64, accuracy_m: F64) -> F64:
        """How far outside a vehicle must be to have left."""
        accuracy = np.clip(np.nan_to_num(accuracy_m, nan=0.0), 0.0, ACCURACY_M_MAX)
        return np.maximum(MARGIN_M, MARGIN_SHARE * self._radius[fence]) + accuracy


def pair(vehicle: I64, site: I64) -> I64:
    """One key of a vehicle and a site; sites may be negative (a stop without a site)."""
    return (vehicle << SHIFT) | (site & 0xFFFFFFFF)


def unpair(key: I64) -> tuple[I64, I64]:
    """Vehicle and site of a key.

    >>> [int(v[0]) for v in unpair(pair(np.array([7]), np.array([-3])))]
    [7, -3]
    """
    site = (key & 0xFFFFFFFF).astype(np.int64)
    return key >> SHIFT, np.where(site >= 2**31, site - 2**32, site)


def site_in(key: int) -> int:
    """Site of one key; see `unpair`."""
    site = key & 0xFFFFFFFF
    return site - 2**32 if site >= 2**31 else site


def step(
    fences: Fences,
    carry: Carry,
    last: tuple[I64, I64, F64, F64],
    vehicle: I64,
    t_us: I64,
    lat: F64,
    lon: F64,
    accuracy_m: F64,
) -> tuple[Carry, Runs]:
    """Visits of rows sorted by (vehicle, time); entity of runs and carry is `pair(vehicle, site)`.

    Args:
        fences: the fences.
        carry: open visits only, sorted by entity.
        last: vehicle (sorted), time, latitude, longitude of each vehicle's fix before these rows, where there is one.
        vehicle: the rows' vehicles, sorted.
        t_us: event times.
        lat: degrees.
        lon: degrees.
        accuracy_m: reported accuracy, NaN when not given.

    Returns:
        The open visits of these vehicles, and all visits touched.
    """
    if not len(vehicle) or not len(fences):
        return Carry.empty(), no_runs()
    rows, fence = fences.near(lat, lon)
    wanted = np.unique(np.concatenate([pair(vehicle[rows], fences.site_id[fence]), carry.entity]))
    of_vehicle, of_site = unpair(wanted)
    here = np.isin(of_vehicle, vehicle)
    wanted, of_vehicle, of_site = wanted[here], of_vehicle[here], of_site[here]
    index = fences.index_of(of_site)
    gone = index < 0
    wanted, of_vehicle, index = wanted[~gone], of_vehicle[~gone], index[~gone]
    low, high = np.searchsorted(vehicle, of_vehicle, "left"), np.searchsorted(vehicle, of_vehicle, "right")
    count = high - low
    if not count.sum():
        return Carry.empty(), no_runs()
    pick = np.repeat(low, count) + np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    fence_of = np.repeat(index, count)
    x = fences.metres_inside(fence_of, lat[pick], lon[pick])
    begun = _with_last(fences, carry, last, wanted, of_vehicle, index)
    after, runs = scan(
        begun,
        np.repeat(wanted, count),
        t_us[pick],
        x,
        h=fences.margin_m(fence_of, accuracy_m[pick]),
        for_us=0,
        gap_us=GAP_US,
    )
    return after.take(after.inside), runs


def _with_last(
    fences: Fences, carry: Carry, last: tuple[I64, I64, F64, F64], wanted: I64, of_vehicle: I64, index: I64
) -> Carry:
    """The carry with a row outside for each pair that has none, from the vehicle's fix before: crossings need it."""
    fresh = ~np.isin(wanted, carry.entity) & np.isin(of_vehicle, last[0])
    row = np.searchsorted(last[0], of_vehicle[fresh])
    x = fences.metres_inside(index[fresh], last[2][row], last[3][row])
    n = len(row)
    zero = np.zeros(n, np.int64)
    made = Carry(
        wanted[fresh],
        last[1][row],
        np.minimum(x, 0.0),
        np.zeros(n, np.bool_),
        zero,
        zero,
        np.full(n, -np.inf),
        zero,
        np.full(n, np.iinfo(np.int64).max),
    )
    return join(carry, made)


def join(a: Carry, b: Carry) -> Carry:
    """Both carries, sorted by entity; they share none."""
    names = Carry.__dataclass_fields__
    order = np.argsort(np.concatenate([a.entity, b.entity]), kind="stable")
    return Carry(*(np.concatenate([getattr(a, n), getattr(b, n)])[order] for n in names))
