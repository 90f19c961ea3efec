"""Where vehicles are along their planned lines: many lines in flat arrays, each fix against a few segments of its own.

No routing service is asked per fix. A fix is first held against the segments from the vehicle's last one on; only where
none of these is near is the rest of the line searched. Progress never goes back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from domain.folds.scan import segment_starts
from domain.geo import EARTH_M, distance_m
from domain.readings import F64, I64

WINDOWS = (4, 24)  # segments looked at first, and where that is not enough; then the whole line
NEAR_M = 100.0  # a fix further off than this may be elsewhere on the line
ALIKE_M = 50.0  # passages that differ less than this are told apart by order: the first counts
GROUP = 8  # segments that are looked at, or left out, together
LONG = 3 * GROUP
CELLS_MAX = 2_000_000  # fix x segment at once while searching whole lines
M_PER_DEG = np.pi / 180 * EARTH_M


class Place(NamedTuple):
    """Where each vehicle is: its segment (index into all vertices), way from the line's start and distance off it."""

    segment: I64
    way_m: F64
    off_m: F64


@dataclass(frozen=True, slots=True)
class Line:
    """A planned line: vertices in degrees, and the way from its start to each, metres."""

    lat: F64
    lon: F64
    way_m: F64

    @classmethod
    def of(cls, coordinates: Sequence[Sequence[float]] | F64) -> Line:
        """A line from GeoJSON coordinates `[lon, lat]`."""
        points = np.asarray(coordinates, dtype=np.float64)[:, :2]
        lon, lat = points[:, 0].copy(), points[:, 1].copy()
        legs = distance_m(lat[:-1], lon[:-1], lat[1:], lon[1:])
        return cls(lat, lon, np.concatenate([[0.0], np.cumsum(legs)]))


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines end to end; line i owns the vertices `start[i]:start[i + 1]`, at least two.

    `way_m` is the way from the line's own start to each vertex, `time_s` the planned driving time to it (NaN: unknown).
    """

    lat: F64
    lon: F64
    way_m: F64
    time_s: F64
    start: I64
    reach_m: F64  # running sum of segments on the plane at the beginning of their line

    def __len__(self) -> int:
        return len(self.start) - 1

    @classmethod
    def of(cls, lines: Sequence[F64], times_s: Sequence[F64 | None] | None = None) -> Lines:
        """Lines from arrays of GeoJSON positions `[lon, lat]`; `times_s` per vertex where a route came with durations.

        Raises:
            ValueError: a line has fewer than two positions, or not as many times.
        """
        given = times_s if times_s is not None else [None] * len(lines)
        ways, times = [], []
        for line, time in zip(lines, given, strict=True):
            if len(line) < 2 or (time is not None and len(time) != len(line)):
                raise ValueError("a line has two positions at least, and a time for each or none")
            legs = distance_m(line[:-1, 1], line[:-1, 0], line[1:, 1], line[1:, 0])
            ways.append(np.concatenate([[0.0], np.cumsum(legs)]))
            times.append(np.full(len(line), np.nan) if time is None else np.maximum.accumulate(time))
        flat = np.concatenate([np.empty((0, 2)), *(line[:, :2] for line in lines)])
        start = np.cumsum([0, *(len(line) for line in lines)]).astype(np.int64)
        empty = np.empty(0)
        lat, lon = flat[:, 1].copy(), flat[:, 0].copy()
        way, time = np.concatenate([empty, *ways]), np.concatenate([empty, *times])
        return cls(lat, lon, way, time, start, _reach(lat, lon, start))

    @classmethod
    def join(cls, lines: Sequence[Line], times_s: Sequence[F64 | None]) -> Lines:
        """Lines that are known one by one, with their times where there are any."""
        empty = np.empty(0)
        lat, lon, way = (
            np.concatenate([empty, *(getattr(line, c) for line in lines)]) for c in ("lat", "lon", "way_m")
        )
        start = np.cumsum([0, *(len(line.lat) for line in lines)]).astype(np.int64)
        times = [
            np.full(len(line.lat), np.nan) if time is None else time for line, time in zip(lines, times_s, strict=True)
        ]
        return cls(lat, lon, way, np.concatenate([empty, *times]), start, _reach(lat, lon, start))

    def begin(self, line: I64) -> Place:
        """The start of each of these lines."""
        return Place(self.start[line].copy(), np.zeros(len(line)), np.zeros(len(line)))

    def length_m(self, line: I64) -> F64:
        """Whole way of each of these lines."""
        return np.asarray(self.way_m[self.start[line + 1] - 1])

    def project(self, line: I64, lat: F64, lon: F64, last: Place, ahead_m: F64 | float = np.inf) -> Place:
        """Where these fixes are on their lines, not before `last`; `off_m` says whether to believe it.

        A fix whose whole remaining line is far away is put at its nearest point: the caller judges by `off_m`. It is
        not looked for further ahead than `ahead_m`, what can have been driven since: a line may come back near itself.
        """
        until = last.way_m + ahead_m
        left = self.start[line + 1] - 1 - last.segment
        end = np.minimum(self.start[line + 1] - 1, last.segment + WINDOWS[0])
        found = self._nearest(last.segment, end, lat, lon, last.way_m, until)
        for width, wider in zip(WINDOWS, (*WINDOWS[1:], int(left.max(initial=0))), strict=True):
            unsure = (found.off_m > NEAR_M) | (found.segment - last.segment >= width - 1)
            self._search(line, lat, lon, last, until, wider, found, np.flatnonzero(unsure & (left > width)))
        return found

    def find(self, line: I64, lat: F64, lon: F64, last: Place) -> Place:
        """Where these places are on the whole of what is left of their lines, however far ahead: for stops."""
        found = Place(last.segment.copy(), last.way_m.copy(), np.full(len(line), np.inf))
        wide = int((self.start[line + 1] - 1 - last.segment).max(initial=1))
        self._search(line, lat, lon, last, np.full(len(line), np.inf), wide, found, np.arange(len(line)))
        return found

    def _search(
        self, line: I64, lat: F64, lon: F64, last: Place, until_m: F64, width: int, found: Place, rows: I64
    ) -> None:
        """`_nearest` for some rows, not too many cells at once; `found` is changed in place."""
        step = max(CELLS_MAX // max(width, 1), 1)
        for part in (rows[at : at + step] for at in range(0, len(rows), step)):
            about = self._about(line[part], lat[part], lon[part], last.segment[part], until_m[part], width)
            long = np.diff(about, axis=0)[0] > LONG
            for some in (np.flatnonzero(~long), np.flatnonzero(long)):  # a few long ones do not widen them all
                if not len(some):
                    continue
                of, (begin, end) = part[some], about[:, some]
                seen = self._nearest(begin, end, lat[of], lon[of], last.way_m[of], until_m[of])
                found.segment[of], found.way_m[of], found.off_m[of] = seen

    def _about(self, line: I64, lat: F64, lon: F64, segment: I64, until_m: F64, width: int) -> I64:
        """From where to where each line, `width` segments from one on, has its nearest point and all about as near.

        Some segments in turn are left out where the ways to their ends are longer than the line between allows.
        """
        last = np.minimum(self.start[line + 1] - 1, segment + width)
        groups = np.maximum(-((segment - last) // GROUP), 1)
        row, first = np.repeat(np.arange(len(line)), groups), np.cumsum(groups) - groups
        begin = segment[row] + GROUP * (np.arange(len(row)) - first[row])
        end = np.minimum(begin + GROUP, last[row])
        scale = np.cos(np.radians(lat))
        longer = np.maximum(scale / np.cos(np.radians(self.lat[self.start[line]])), 1.0)[row]  # on the plane at the fix
        lat, lon, scale = lat[row], lon[row], (scale * M_PER_DEG)[row]

        def off_m(vertex: I64) -> F64:
            x, y = self.lon[vertex] - lon, (self.lat[vertex] - lat) * M_PER_DEG
            x = _wrapped(x) * scale
            return np.sqrt(x * x + y * y)

        to_begin = np.where((self.way_m[begin] <= until_m[row]) | (begin == segment[row]), off_m(begin), np.inf)
        least = np.minimum.reduceat(to_begin, first)[row] + ALIKE_M + 1.0
        near = to_begin + off_m(end) - longer * (self.reach_m[end] - self.reach_m[begin]) <= 2.0 * least
        row, begin, end = row[near], begin[near], end[near]
        new = np.flatnonzero(segment_starts(row))
        return np.stack([begin[new], np.maximum.reduceat(end, new)])

    def _nearest(self, begin: I64, end: I64, lat: F64, lon: F64, way_m: F64, until_m: F64) -> Place:
        """The nearest point on the segments from `begin` to `end`; of passages about as near, the first.

        None is before `way_m`, none begins after `until_m` but the first.
        """
        width = int((end - begin).max(initial=1))
        vertex = np.minimum(begin + np.arange(width + 1)[:, None], end)
        x, y, way = self.lon[vertex] - lon, (self.lat[vertex] - lat) * M_PER_DEG, self.way_m[vertex]
        x = _wrapped(x)
        x *= np.cos(np.radians(lat)) * M_PER_DEG
        dx, dy = np.diff(x, axis=0), np.diff(y, axis=0)
        share = -(x[:-1] * dx + y[:-1] * dy) / np.maximum(dx * dx + dy * dy, 1e-9)
        share = np.minimum(np.maximum(share, 0.0), 1.0)
        dx *= share
        dy *= share
        off = np.sqrt((x[:-1] + dx) ** 2 + (y[:-1] + dy) ** 2)
        off[1:][(vertex[1:-1] == end) | (way[1:-1] > until_m)] = np.inf
        alike = off <= off.min(axis=0) + ALIKE_M
        first, ahead = alike.argmax(axis=0), np.arange(width)[:, None]
        gap = ~alike & (ahead > first)
        passage = alike & (ahead < np.where(gap.any(axis=0), gap.argmax(axis=0), width))
        best = np.where(passage, off, np.inf).argmin(axis=0)
        row = np.arange(len(begin))
        at = way[best, row] + share[best, row] * (way[best + 1, row] - way[best, row])
        at = np.maximum(np.minimum(at, until_m), way_m)
        return Place(begin + best, at, off[best, row])

    def time_of_s(self, place: Place) -> F64:
        """Planned driving time to places that were found; NaN where none is known."""
        after = np.minimum(place.segment + 1, len(self.way_m) - 1)
        low, high = self.way_m[place.segment], self.way_m[after]
        share = np.clip((place.way_m - low) / np.maximum(high - low, 1e-9), 0.0, 1.0)
        return np.asarray(self.time_s[place.segment] + share * (self.time_s[after] - self.time_s[place.segment]))


def _wrapped(degrees: F64) -> F64:
    return (degrees + 180.0) % 360.0 - 180.0 if (np.abs(degrees) > 180.0).any() else degrees


def _reach(lat: F64, lon: F64, start: I64) -> F64:
    scale = np.repeat(np.cos(np.radians(lat[start[:-1]])), np.diff(start))
    north, east = np.diff(lat, prepend=lat[:1]), np.diff(lon, prepend=lon[:1])
    return np.cumsum(np.hypot(north, _wrapped(east) * scale) * M_PER_DEG)
