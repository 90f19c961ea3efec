"""Off route: a vehicle away from its planned line, beyond a corridor, for longer than allowed.

The quantity scanned is metres beyond the corridor, of the nearest point of the line itself, not of its vertices. The
line is what RFC 7946 says: straight between two vertices in longitude and latitude. A run ends well inside the
corridor, so that a road along its edge is one deviation, not many; one that has lasted long enough is told.

The scan goes on as long as a vehicle has the shipment. What of a run is told is what falls into the time the shipment
was under way (`told`), so that it does not matter when that became known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import shapely

from domain.folds.scan import Carry, Runs, scan, segment_starts
from domain.folds.table import among, previous, take
from domain.geo import EARTH_M
from domain.readings import F64, I64

VERSION = 1
HYSTERESIS_SHARE = 0.2
GAP_US = 600 * 1_000_000
PAIRS_MAX = 1_000_000
M_PER_DEG = np.radians(1.0) * EARTH_M
ROUGH_M = 20.0  # of a line that is looked at so often, a bend of this size is no matter
EVERY_US = 30 * 1_000_000  # the first fix of each half minute is looked at: deviations are of minutes


class Path(NamedTuple):
    """Vertices of a planned line, degrees; two at least."""

    lat: F64
    lon: F64

    def simplified(self) -> Path:
        """With the vertices that matter: nowhere further than `ROUGH_M` from what it was."""
        line = shapely.linestrings(np.column_stack([self.lon, self.lat]))
        kept = shapely.get_coordinates(shapely.simplify(line, ROUGH_M / M_PER_DEG, preserve_topology=False))
        return Path(kept[:, 1].copy(), kept[:, 0].copy())


class Limits(NamedTuple):
    """Half the width of the corridor, metres, and how long a vehicle is beyond it before that is told."""

    corridor_m: float = 500.0
    for_us: int = 300 * 1_000_000

    @classmethod
    def of(cls, corridor_m: float, minutes: float) -> Limits:
        """From the settings."""
        return cls(corridor_m, round(minutes * 60_000_000))


@dataclass(frozen=True, slots=True)
class Rows:
    """Fixes sorted by (entity, time); an entity is a shipment on its vehicle. NaN: accuracy unknown."""

    entity: I64
    t_us: I64
    lat: F64
    lon: F64
    accuracy_m: F64

    def take(self, index: I64) -> Rows:
        """Rows by index."""
        return take(self, index)


def distance_to_lines_m(lines: Mapping[int, Path], entity: I64, lat: F64, lon: F64) -> F64:
    """Distance of each row to its entity's line, metres; NaN where there is none.

    >>> lines = {7: Path(np.array([60.0, 60.0]), np.array([25.0, 25.2]))}
    >>> distance_to_lines_m(lines, np.array([7, 8]), np.array([60.001, 60.0]), np.array([25.1, 25.1])).round().tolist()
    [111.0, nan]
    """
    out = np.full(len(entity), np.nan)
    ids = np.array(sorted(lines), dtype=np.int64)
    rows = np.flatnonzero(among(entity, ids))
    if not len(rows):
        return out
    sizes = np.array([len(lines[int(i)].lat) - 1 for i in ids])
    ends = np.cumsum(sizes)
    lat1, lon1, lat2, lon2 = (
        np.concatenate([getattr(lines[int(i)], name)[part] for i in ids])
        for part in (slice(None, -1), slice(1, None))
        for name in ("lat", "lon")
    )
    of = np.searchsorted(ids, entity[rows])
    batch = np.cumsum(sizes[of]) // PAIRS_MAX
    for each in np.unique(batch):  # pairs of a row and a segment, a bounded number at a time
        some = rows[batch == each]
        line = of[batch == each]
        count = sizes[line]
        first = np.cumsum(count) - count
        segment = np.arange(count.sum()) - np.repeat(first, count) + np.repeat(ends[line] - count, count)
        row = np.repeat(some, count)
        off = _off_m(lat[row], lon[row], lat1[segment], lon1[segment], lat2[segment], lon2[segment])
        out[some] = np.minimum.reduceat(off, first)
    return out


def _off_m(lat: F64, lon: F64, lat1: F64, lon1: F64, lat2: F64, lon2: F64) -> F64:
    """Distance of points to segments, metres, in the plane that touches the sphere at the point."""
    scale = np.cos(np.radians(lat)) * M_PER_DEG
    ax, ay = ((lon1 - lon + 180.0) % 360.0 - 180.0) * scale, (lat1 - lat) * M_PER_DEG
    bx, by = ax + ((lon2 - lon1 + 180.0) % 360.0 - 180.0) * scale, (lat2 - lat) * M_PER_DEG
    dx, dy = bx - ax, by - ay
    along = np.clip(-(ax * dx + ay * dy) / np.maximum(dx * dx + dy * dy, 1e-9), 0.0, 1.0)
    return np.asarray(np.hypot(ax + along * dx, ay + along * dy))


def step(carry: Carry, lines: Mapping[int, Path], rows: Rows, limits: Limits) -> tuple[Carry, Runs]:
    """Runs beyond the corridor, of rows newer than the carry; those that have lasted may be deviations.

    Rows of an entity without a line decide nothing, nor do those that are less accurate than the corridor is wide. A
    run's extreme is in metres beyond the corridor.
    """
    rows = rows.take(_first_of_each_span(carry, rows))
    asked = {key: lines[key] for key in np.unique(rows.entity).tolist() if key in lines}
    x = distance_to_lines_m(asked, rows.entity, rows.lat, rows.lon) - limits.corridor_m
    x[rows.accuracy_m > limits.corridor_m] = np.nan
    h = HYSTERESIS_SHARE * limits.corridor_m
    return scan(carry, rows.entity, rows.t_us, x, h=h, for_us=limits.for_us, gap_us=GAP_US)


def _first_of_each_span(carry: Carry, rows: Rows) -> I64:
    span = rows.t_us // EVERY_US
    before = previous(span)
    first = np.flatnonzero(segment_starts(rows.entity))
    before[first] = -1
    if len(carry):
        at = np.searchsorted(carry.entity, rows.entity[first]).clip(0, len(carry) - 1)
        seen = carry.entity[at] == rows.entity[first]
        before[first[seen]] = carry.t_us[at[seen]] // EVERY_US
    return np.flatnonzero(span != before)


class Run(NamedTuple):
    """A run beyond the corridor that has lasted; `end_us` is `NEVER` while it goes on."""

    start_us: int
    end_us: int


def reported(runs: Sequence[Run], under_way: Run | None, now_us: int, for_us: int) -> list[Run]:
    """What of runs is told: the part while the shipment was under way (None: it never was), when that is long enough.

    >>> from domain.folds.scan import NEVER
    >>> reported([Run(0, 50), Run(60, NEVER)], Run(30, 95), 99, 20)
    [Run(start_us=30, end_us=50), Run(start_us=60, end_us=95)]
    """
    if under_way is None:
        return []
    parts = (Run(max(r.start_us, under_way.start_us), min(r.end_us, under_way.end_us)) for r in runs)
    return [part for part in parts if min(part.end_us, max(now_us, part.start_us)) - part.start_us >= for_us]
