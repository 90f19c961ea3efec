"""Fences: circles, polygons with holes, corridors along a line; and a grid that finds those near a piece of way.

Everything is built and asked in arrays, so that 100 000 fences are there within a second or two and a fix costs the
same among ten fences or a hundred thousand: a fence lies in at most four cells of the grid whose cells are as large as
itself. Longitudes wrap; a ring around a pole is closed over it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

from domain.folds.scan import NEVER, segment_starts
from domain.geo import EARTH_M, distance_m, local_m, near_m
from domain.readings import F64, I64, Bool

MARGIN_M = 30.0
MARGIN_SHARE = 0.2
ACCURACY_M_MAX = 150.0
SURE_M, SURE_M_MIN, SURE_M_MAX = 15.0, 10.0, 50.0  # inside by so much is inside: of unknown accuracy, at least, at most
COLUMNS = (*(65_536 >> 2 * k for k in range(8)), 1)  # of each level around the globe, 610 m upwards
CELLS_MAX = 64  # of one piece of way on one level; of a longer one only the end is looked at
PLANE_M = 50_000.0  # up to here the plane is as good as the sphere
PLANE_DEG = 70.0
BEYOND_POLE_DEG = 270.0
CIRCLE, POLYGON, CORRIDOR = 0, 1, 2
Ring = Sequence[Sequence[float]]


class Fence(NamedTuple):
    """A fence: `radius_m` around a point; or a polygon, which then counts alone; or `radius_m` on both sides of a line.

    Coordinates are `[lon, lat]`; a polygon is one ring, rings as in a GeoJSON Polygon, holes behind the first, or the
    parts of a MultiPolygon. A visit counts when it lasted `dwell_s`. From `until_us` on there is no fence any more.
    """

    site_id: int
    lat: float
    lon: float
    radius_m: float
    polygon: Ring | Sequence[Ring] | Sequence[Sequence[Ring]] | None = None
    line: Ring | None = None
    dwell_s: float = 0.0
    until_us: int = NEVER


def _parts(polygon: Any) -> Sequence[Sequence[Ring]]:
    """The parts of a polygon, each with its rings."""
    if not isinstance(polygon[0][0], Sequence):
        return [[polygon]]
    return polygon if isinstance(polygon[0][0][0], Sequence) else [polygon]


class _Paths:
    """Rings and lines of many shapes as flat columns, longitudes without jumps."""

    def __init__(self, shapes: Sequence[Sequence[Sequence[Ring]]], closed: Bool) -> None:
        """`shapes` are lists of parts, those of rings (a line is one of one); `closed` tells which are polygons."""
        parts = list(chain.from_iterable(shapes))
        self.part = np.repeat(np.arange(len(parts)), [len(rings) for rings in parts])
        self.shape_of_part = np.repeat(np.arange(len(shapes)), [len(each) for each in shapes])
        self.of = self.shape_of_part[self.part]
        rings = list(chain.from_iterable(parts))
        self.count = np.array([len(ring) for ring in rings], dtype=np.int64)
        flat = np.fromiter(chain.from_iterable(chain.from_iterable(rings)), np.float64)
        if len(flat) != 2 * self.count.sum():  # some have an altitude
            flat = np.fromiter((v for point in chain.from_iterable(rings) for v in point[:2]), np.float64)
        points = flat.reshape(-1, 2)
        self.lon, self.lat = points[:, 0].copy(), points[:, 1].copy()
        self._unwrap()
        self._close_over_poles(closed)
        outer = np.flatnonzero(np.concatenate([[True], self.of[1:] != self.of[:-1]]))
        begin = np.cumsum(self.count) - self.count
        on_earth = self.lat.clip(-90, 90)
        south, north = (f.reduceat(on_earth, begin) for f in (np.minimum, np.maximum))
        west, east = (f.reduceat(self.lon, begin) for f in (np.minimum, np.maximum))
        middle = (west + east) / 2
        shift = 360 * np.rint((middle - middle[outer][self.of]) / 360)  # all rings of a shape to its first
        self.lon -= np.repeat(shift, self.count)
        south, north = np.minimum.reduceat(south, outer), np.maximum.reduceat(north, outer)
        west, east = np.minimum.reduceat(west - shift, outer), np.maximum.reduceat(east - shift, outer)
        self.lat0, self.lon0 = (south + north) / 2, (west + east) / 2
        self.half_lat, self.half_lon = (north - south) / 2, (east - west) / 2

    def _unwrap(self) -> None:
        """Whole turns are counted and added, never summed with degrees: a ring's numbers are its own, and it closes."""
        begin = np.cumsum(self.count) - self.count
        turn = -np.rint(np.diff(self.lon, prepend=self.lon[:1]) / 360).astype(np.int64)
        turn[begin] = 0
        turns = np.cumsum(turn)
        self.lon += 360.0 * (turns - np.repeat(turns[begin], self.count))

    def _close_over_poles(self, closed: Bool) -> None:
        end = np.cumsum(self.count)
        around = closed[self.of] & (np.abs(self.lon[end - 1] - self.lon[end - self.count]) > 180)
        for i in np.flatnonzero(around)[::-1]:  # three times around, so that no edge of ours is near
            low, high = int(end[i] - self.count[i]), int(end[i])
            lon, lat = self.lon[low:high], self.lat[low:high]
            turn, pole = lon[-1] - lon[0], np.copysign(BEYOND_POLE_DEG, lat.mean())
            lon = np.concatenate([lon - turn, lon, lon + turn, [lon[-1] + turn, lon[0] - turn, lon[0] - turn]])
            lat = np.concatenate([np.tile(lat, 3), [pole, pole, lat[0]]])
            self.lon = np.concatenate([self.lon[:low], lon, self.lon[high:]])
            self.lat = np.concatenate([self.lat[:low], lat, self.lat[high:]])
            self.count[i] = len(lon)

    def geometries(self, closed: Bool) -> NDArray[Any]:
        """Polygons and lines on the plane around each shape's middle, metres east and north."""
        shape = np.repeat(self.of, self.count)
        east = np.radians(self.lon - self.lon0[shape]) * np.cos(np.radians(self.lat0))[shape] * EARTH_M
        north = np.radians(self.lat - self.lat0[shape]) * EARTH_M
        xy, path = np.column_stack([east, north]), np.repeat(np.arange(len(self.count)), self.count)
        out = np.empty(len(closed), dtype=object)
        rows, rings = closed[shape], closed[self.of]
        if rings.any():
            made = shapely.linearrings(xy[rows], indices=(np.cumsum(rings) - 1)[path[rows]])
            which, areas = np.flatnonzero(closed), closed[self.shape_of_part]
            parts = shapely.polygons(made, indices=(np.cumsum(areas) - 1)[self.part[rings]])
            of = self.shape_of_part[areas]
            out[of] = parts
            several = np.bincount(of, minlength=len(closed))[of] > 1
            if several.any():
                many, index = np.unique(of[several], return_inverse=True)
                out[many] = shapely.multipolygons(parts[several], indices=index)
            odd = which[~shapely.is_valid(out[which])]
            out[odd] = shapely.make_valid(out[odd], method="structure", keep_collapsed=False)
        if not rings.all():
            out[~closed] = shapely.linestrings(xy[~rows], indices=(np.cumsum(~rings) - 1)[path[~rows]])
        return out


class Fences:
    """Many fences as columns."""

    def __init__(self, fences: Sequence[Fence]) -> None:
        self.fences = fences
        n = len(fences)
        self.site_id = np.array([f.site_id for f in fences], dtype=np.int64)
        self._by_site = np.argsort(self.site_id, kind="stable")
        self._sites = self.site_id[self._by_site]
        self._lat = np.array([f.lat for f in fences], dtype=np.float64)
        self._lon = np.array([f.lon for f in fences], dtype=np.float64)
        self._radius = np.array([f.radius_m for f in fences], dtype=np.float64)
        self.dwell_us = np.array([f.dwell_s * 1e6 for f in fences]).astype(np.int64)
        self.until_us = np.array([f.until_us for f in fences], dtype=np.int64)
        self.ends_us = distinct(self.until_us[self.until_us != NEVER])
        self._margin = np.maximum(MARGIN_M, MARGIN_SHARE * self._radius)
        kinds = [POLYGON if f.polygon is not None else CORRIDOR if f.line is not None else CIRCLE for f in fences]
        self._kind = np.array(kinds, dtype=np.int8)
        self._sure = self._radius / 4
        self._geometry, self._edge = np.empty(n, dtype=object), np.empty(n, dtype=object)
        half_lat, half_lon = np.zeros(n), np.zeros(n)
        which = np.flatnonzero(self._kind != CIRCLE)
        if len(which):
            closed = self._kind[which] == POLYGON
            shapes: list[Sequence[Sequence[Ring]]] = []
            for i in which.tolist():
                polygon, line = fences[i].polygon, fences[i].line
                shapes.append(_parts(polygon) if polygon is not None else [[line or []]])
            paths = _Paths(shapes, closed)
            self._lat[which], self._lon[which] = paths.lat0, paths.lon0
            half_lat[which], half_lon[which] = paths.half_lat, paths.half_lon
            self._geometry[which] = geometry = paths.geometries(closed)
            self._edge[which] = np.where(closed, shapely.boundary(geometry), geometry)
            shapely.prepare(self._geometry[which])
            around = np.maximum(shapely.length(geometry), 1e-9)  # of a square, area by length is half of how deep it is
            self._sure[which] = np.where(closed, shapely.area(geometry) / around / 2, self._sure[which])
        self._simple = not len(which)
        self._fine = (self._radius < PLANE_M) & (np.abs(self._lat) < PLANE_DEG)
        self._bound(half_lat, half_lon)
        self._fill_grid()

    def __len__(self) -> int:
        return len(self.fences)

    def _bound(self, half_lat: F64, half_lon: F64) -> None:
        """The box around each fence and its margin; beyond it every fix is outside, whatever its accuracy."""
        pad_m = self._margin + ACCURACY_M_MAX + 1.0 + np.where(self._kind == POLYGON, 0.0, self._radius)
        self._half_lat, self._half_lon = _widened(self._lat, half_lat, half_lon, pad_m)
        own_m = np.where(self._kind == POLYGON, 0.0, self._radius) + 1.0
        self._own_lat, self._own_lon = _widened(self._lat, half_lat, half_lon, own_m)

    def _fill_grid(self) -> None:
        """Cells of each level, sorted, and the fences in them."""
        size = 360.0 / np.array(COLUMNS)
        level = np.searchsorted(size, 2 * np.maximum(self._half_lat, self._half_lon)).clip(0, len(COLUMNS) - 1)
        self._levels: list[tuple[int, I64, I64, I64]] = []
        for k in np.unique(level).tolist():
            i = np.flatnonzero(level == k)
            row, cell = cells_of(
                k,
                self._lat[i] - self._half_lat[i],
                self._lat[i] + self._half_lat[i],
                self._lon[i] - self._half_lon[i],
                self._lon[i] + self._half_lon[i],
            )
            order = np.argsort(cell, kind="stable")
            cell, owner = cell[order], i[row[order]]
            first = np.flatnonzero(np.concatenate([[True], cell[1:] != cell[:-1]]))
            self._levels.append((k, cell[first], np.append(first, len(cell)), owner))

    def boxes(self) -> tuple[F64, F64, F64, F64]:
        """South, north, west and east of the box around each fence and its margin; west and east may be beyond 180."""
        high, wide = self._half_lat, self._half_lon
        return self._lat - high, self._lat + high, self._lon - wide, self._lon + wide

    def near(self, lat0: F64, lon0: F64, lat1: F64, lon1: F64) -> tuple[I64, I64, Bool]:
        """Pairs (row, fence) whose boxes meet: that of a way from one place to another, and that of a fence's margin.

        The third column tells whether the way's box meets that of the fence itself.
        """
        east = lon1 - lon0
        east -= 360.0 * np.rint(east / 360.0)
        west = np.minimum(lon0, lon0 + east)
        wide, south, north = np.abs(east), np.minimum(lat0, lat1), np.maximum(lat0, lat1)
        found: list[I64] = [np.empty(0, np.int64)]
        for k, cells, first, owner in self._levels:
            row, cell = cells_of(k, south, north, west, west + wide, lat1, lon1)
            at = np.searchsorted(cells, cell)
            hit = np.flatnonzero(np.take(cells, at, mode="clip") == cell)
            row, at = row[hit], at[hit]
            count = first[at + 1] - first[at]
            which = np.repeat(first[at] - (np.cumsum(count) - count), count) + np.arange(count.sum())
            row, fence = np.repeat(row, count), owner[which]
            meets, touches = self._meet(fence, south[row], north[row], west[row], wide[row])
            found.append(distinct(row[meets] * 2 * len(self) + 2 * fence[meets] + touches[meets]))
        both = np.concatenate(found)
        row, fence = both // max(2 * len(self), 1), both % max(2 * len(self), 1)
        return row, fence >> 1, (fence & 1) == 1

    def _meet(self, fence: I64, south: F64, north: F64, west: F64, wide: F64) -> tuple[Bool, Bool]:
        """Whether boxes meet those of margins, and of the fences themselves."""
        off = self._lon[fence] - (west + wide / 2)
        off = np.abs(off - 360.0 * np.rint(off / 360.0)) - wide / 2
        up = np.abs(self._lat[fence] - (south + north) / 2) - (north - south) / 2
        meets = (off <= self._half_lon[fence]) & (up <= self._half_lat[fence])
        return meets, (off <= self._own_lon[fence]) & (up <= self._own_lat[fence])

    def index_of(self, site_ids: I64) -> I64:
        """Fence indices of sites; -1 for a site that has none any more."""
        if not len(self):
            return np.full(len(site_ids), -1)
        at = np.searchsorted(self._sites, site_ids).clip(0, len(self) - 1)
        return np.where(self._sites[at] == site_ids, self._by_site[at], -1)

    def metres_inside(self, fence: I64, lat: F64, lon: F64) -> F64:
        """How far inside its fence each fix is, metres; negative outside."""
        lat0, lon0 = self._lat[fence], self._lon[fence]
        out = self._radius[fence] - near_m(lat, lon, lat0, lon0)
        rough = np.flatnonzero(~self._fine[fence])
        if len(rough):
            away = distance_m(lat[rough], lon[rough], lat0[rough], lon0[rough])
            out[rough] = self._radius[fence[rough]] - away
        if self._simple:
            return out
        i = np.flatnonzero((self._kind[fence] != CIRCLE) & ~np.isnan(lat))
        east, north = local_m(lat[i], lon[i], lat0[i], lon0[i])
        off = shapely.distance(self._edge[fence[i]], shapely.points(east, north))
        within = shapely.contains_xy(self._geometry[fence[i]], east, north)
        area = self._kind[fence[i]] == POLYGON
        out[i] = np.where(area, np.where(within, off, -off), self._radius[fence[i]] - off)
        return out

    def margin_m(self, fence: I64, accuracy_m: F64) -> F64:
        """How far outside a vehicle must be to have left."""
        accuracy = np.clip(np.nan_to_num(accuracy_m, nan=0.0), 0.0, ACCURACY_M_MAX)
        return self._margin[fence] + accuracy

    def sure_m(self, fence: I64, accuracy_m: F64) -> F64:
        """How far inside a fix must be to be taken for inside at once; at most a share of the fence."""
        accuracy = np.clip(np.nan_to_num(accuracy_m, nan=SURE_M), SURE_M_MIN, SURE_M_MAX)
        return np.minimum(accuracy, self._sure[fence])

    def crossing(self, fence: I64, lat0: F64, lon0: F64, lat1: F64, lon1: F64) -> tuple[F64, F64]:
        """Where the straight way between two places enters and leaves a fence, shares of it; NaN where it does not."""
        x0, y0 = local_m(lat0, lon0, self._lat[fence], self._lon[fence])
        x1, y1 = local_m(lat1, lon1, self._lat[fence], self._lon[fence])
        dx, dy = x1 - x0, y1 - y0
        length = np.maximum(np.hypot(dx, dy), 1e-9)
        nearest = -(x0 * dx + y0 * dy) / length
        off2 = x0 * x0 + y0 * y0 - nearest * nearest
        with np.errstate(invalid="ignore"):
            half = np.sqrt(self._radius[fence] ** 2 - off2)
        enters, leaves = (nearest - half) / length, (nearest + half) / length
        i = np.flatnonzero(self._kind[fence] != CIRCLE)
        if len(i):
            enters[i], leaves[i] = np.nan, np.nan
            lines = shapely.linestrings(np.stack([np.stack([x0, y0], 1)[i], np.stack([x1, y1], 1)[i]], 1))
            area = self._geometry[fence[i]]
            lane = self._kind[fence[i]] == CORRIDOR
            area[lane] = shapely.buffer(area[lane], self._radius[fence[i]][lane])
            cut, of = shapely.get_coordinates(shapely.intersection(lines, area), return_index=True)
            along = (cut[:, 0] - x0[i[of]]) * dx[i[of]] + (cut[:, 1] - y0[i[of]]) * dy[i[of]]
            along /= length[i[of]] ** 2
            first = np.flatnonzero(segment_starts(of))
            if len(first):
                met = i[of[first]]
                enters[met], leaves[met] = np.minimum.reduceat(along, first), np.maximum.reduceat(along, first)
        with np.errstate(invalid="ignore"):
            meets = (leaves > 0) & (enters < 1) & (leaves > enters)
        return np.where(meets, enters.clip(0, 1), np.nan), np.where(meets, leaves.clip(0, 1), np.nan)

    def cuts(self, fence: I64, lat0: F64, lon0: F64, lat1: F64, lon1: F64) -> Bool:
        """Whether the straight way between two places leads through a fence; less work than where."""
        out = np.zeros(len(fence), np.bool_)
        round_ = self._kind[fence] == CIRCLE
        which = np.flatnonzero(round_)
        ends = lat0, lon0, lat1, lon1
        out[which] = ~np.isnan(self.crossing(fence[which], *(each[which] for each in ends))[0])
        i = np.flatnonzero(~round_)
        if len(i):
            mine = fence[i]
            begin, end = (
                local_m(lat[i], lon[i], self._lat[mine], self._lon[mine]) for lat, lon in (ends[:2], ends[2:])
            )
            lines = shapely.linestrings(np.stack([np.stack(begin, 1), np.stack(end, 1)], 1))
            area = self._kind[mine] == POLYGON
            shapes = self._geometry[mine]
            out[i[area]] = shapely.intersects(shapes[area], lines[area])
            out[i[~area]] = shapely.dwithin(shapes[~area], lines[~area], self._radius[mine[~area]])
        return out


def distinct(values: I64) -> I64:
    """The values sorted, each once; faster than `np.unique` for what is short or nearly sorted.

    >>> distinct(np.array([3, 1, 3])).tolist()
    [1, 3]
    """
    found = np.sort(values, kind="stable")
    return found[segment_starts(found)]


def _widened(lat: F64, half_lat: F64, half_lon: F64, by_m: F64) -> tuple[F64, F64]:
    """Half the height and width of boxes around latitudes, degrees, with so many metres more on all sides."""
    by = np.degrees(by_m / EARTH_M)
    high = half_lat + by
    furthest = np.abs(lat) + high
    wide = np.degrees(np.arcsin(np.minimum(np.sin(np.radians(by)) / np.cos(np.radians(furthest.clip(0, 89.9))), 1)))
    return high, np.where((furthest >= 89.9) | (by >= 90), 180.0, np.minimum(half_lon + wide, 180.0))


def cells_of(
    level: int, south: F64, north: F64, west: F64, east: F64, lat: F64 | None = None, lon: F64 | None = None
) -> tuple[I64, I64]:
    """Pairs (row, cell) of boxes and the cells of a level they cover; of a box over too many, the one of (lat, lon)."""
    columns = COLUMNS[level]
    scale = columns / 360.0
    bottom, top = (np.floor((each + 90) * scale).astype(np.int64) for each in (south, north))
    left, right = (np.floor((each + 180) * scale).astype(np.int64) for each in (west, east))
    high, wide = top - bottom + 1, np.minimum(right - left + 1, columns)
    count = high * wide
    if lat is not None and lon is not None and (count > CELLS_MAX).any():
        long = count > CELLS_MAX
        bottom[long] = np.floor((lat[long] + 90) * scale)
        left[long] = np.floor((lon[long] + 180) * scale)
        high[long], wide[long], count[long] = 1, 1, 1
    row = np.arange(len(count))
    if (count > 1).any():
        row = np.repeat(row, count)
        number = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
        high_of, wide = number // wide[row], wide[row]
        bottom, left = bottom[row] + high_of, left[row] + number - high_of * wide
    return row, bottom * columns + np.mod(left, columns)
