"""Where vehicles are along their planned lines: many lines in flat arrays, each fix against a few segments of its own.

No routing service is asked per fix. A fix is first held against the segments from the vehicle's last one on; only where
none of these is near is the rest of the line searched. Progress never goes back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from domain.geo import EARTH_M, distance_m
from domain.readings import F64, I64

WINDOWS = (4, 24)  # segments looked at first, and where that is not enough; then the whole line
NEAR_M = 100.0  # a fix further off than this may be elsewhere on the line
ALIKE_M = 50.0  # passages that differ less than this are told apart by order: the first counts
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
        return cls(
            flat[:, 1].copy(), flat[:, 0].copy(), np.concatenate([empty, *ways]), np.concatenate([empty, *times]), start
        )

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
        return cls(lat, lon, way, np.concatenate([empty, *times]), start)

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
        found = self._nearest(line, lat, lon, last, until, WINDOWS[0])
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
            before = Place(last.segment[part], last.way_m[part], last.off_m[part])
            seen = self._nearest(line[part], lat[part], lon[part], before, until_m[part], width)
            found.segment[part], found.way_m[part], found.off_m[part] = seen

    def _nearest(self, line: I64, lat: F64, lon: F64, last: Place, until_m: F64, width: int) -> Place:
        """The nearest point within `width` segments from the last one on; of passages about as near, the first."""
        end = self.start[line + 1] - 1
        vertex = np.minimum(last.segment + np.arange(width + 1)[:, None], end)
        x, y, way = self.lon[vertex] - lon, (self.lat[vertex] - lat) * M_PER_DEG, self.way_m[vertex]
        if (np.abs(x) > 180.0).any():
            x = (x + 180.0) % 360.0 - 180.0
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
        row = np.arange(len(line))
        at = way[best, row] + share[best, row] * (way[best + 1, row] - way[best, row])
        at = np.maximum(np.minimum(at, until_m), last.way_m)
        return Place(last.segment + best, at, off[best, row])

    def time_of_s(self, place: Place) -> F64:
        """Planned driving time to places that were found; NaN where none is known."""
        after = np.minimum(place.segment + 1, len(self.way_m) - 1)
        low, high = self.way_m[place.segment], self.way_m[after]
        share = np.clip((place.way_m - low) / np.maximum(high - low, 1e-9), 0.0, 1.0)
        return np.asarray(self.time_s[place.segment] + share * (self.time_s[after] - self.time_s[place.segment]))
