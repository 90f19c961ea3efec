"""Off route: a vehicle away from its planned line, beyond a corridor, for longer than allowed.

The quantity scanned is metres beyond the corridor, of the nearest point of the line itself, not of its vertices. The
line is what RFC 7946 says: straight between two vertices in longitude and latitude. A run ends well inside the
corridor, so that a road along its edge is one deviation, not many; one that has lasted long enough is told.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from domain.geo import EARTH_M
from domain.readings import F64, I64
from tracker.rules.lines import Line
from tracker.rules.scan import Carry, Runs, scan

VERSION = 1
HYSTERESIS_SHARE = 0.2
GAP_US = 600 * 1_000_000
PAIRS_MAX = 1_000_000


def distance_to_lines_m(lines: Mapping[int, Line], entity: I64, lat: F64, lon: F64) -> F64:
    """Distance of each row to its entity's line, metres; NaN where there is none.

    >>> lines = {7: Line.of([[25.0, 60.0], [25.2, 60.0]])}
    >>> distance_to_lines_m(lines, np.array([7, 8]), np.array([60.001, 60.0]), np.array([25.1, 25.1])).round().tolist()
    [111.0, nan]
    """
    out = np.full(len(entity), np.nan)
    ids = np.array(sorted(lines), dtype=np.int64)
    rows = np.flatnonzero(np.isin(entity, ids))
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
    m_per_deg = np.radians(1.0) * EARTH_M
    scale = np.cos(np.radians(lat)) * m_per_deg
    ax, ay = ((lon1 - lon + 180.0) % 360.0 - 180.0) * scale, (lat1 - lat) * m_per_deg
    bx, by = ax + ((lon2 - lon1 + 180.0) % 360.0 - 180.0) * scale, (lat2 - lat) * m_per_deg
    dx, dy = bx - ax, by - ay
    along = np.clip(-(ax * dx + ay * dy) / np.maximum(dx * dx + dy * dy, 1e-9), 0.0, 1.0)
    return np.asarray(np.hypot(ax + along * dx, ay + along * dy))


def step(
    carry: Carry,
    lines: Mapping[int, Line],
    entity: I64,
    t_us: I64,
    lat: F64,
    lon: F64,
    *,
    corridor_m: float,
    for_us: int,
) -> tuple[Carry, Runs]:
    """Runs beyond the corridor, of rows sorted by (entity, time); those that have lasted are deviations.

    An entity is a shipment on its vehicle; rows of one without a line decide nothing. A run's extreme is in metres
    beyond the corridor.
    """
    x = distance_to_lines_m(lines, entity, lat, lon) - corridor_m
    return scan(carry, entity, t_us, x, h=HYSTERESIS_SHARE * corridor_m, for_us=for_us, gap_us=GAP_US)
