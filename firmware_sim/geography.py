"""A hand-made road graph of the Helsinki region, smooth routes on it and plane geometry in metres.

A simulated truck must look like a truck: it follows roads that bend where the real ones bend. The graph holds the
ring roads and the radial motorways as a person would sketch them from memory; it is good to some hundred metres and
is no map. Routes are shortest in time; a Catmull-Rom spline through the way points takes the corners off.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]

M_PER_DEG_LAT = 111_195.0
REFERENCE_LAT_DEG = 60.24
M_PER_DEG_LON = M_PER_DEG_LAT * float(np.cos(np.radians(REFERENCE_LAT_DEG)))

MOTORWAY_MPS = 80 / 3.6  # lorries may drive 80 km/h
RING_MPS = 70 / 3.6
STREET_MPS = 40 / 3.6
YARD_MPS = 20 / 3.6
STEP_M = 20.0  # spacing of the points of a route
SPLINE_POINTS = 24  # points per span before the spacing is made even

# Junctions and gates of the sites: name -> (latitude, longitude).
NODES: dict[str, tuple[float, float]] = {
    "dc-1": (60.2952, 24.9035),
    "store-1": (60.1688, 24.9325),
    "store-2": (60.1767, 24.8062),
    "store-3": (60.2105, 25.0790),
    "customer-1": (60.1908, 24.9048),
    "customer-2": (60.2217, 24.6873),
    "customer-3": (60.4035, 25.1040),
    "muurala": (60.2215, 24.6560),
    "jorvi": (60.2170, 24.6950),
    "juvanmalmi": (60.2590, 24.7480),
    "vantaankoski": (60.2850, 24.8480),
    "viinikkala": (60.2905, 24.8960),
    "tammisto": (60.2830, 24.9560),
    "kuninkaanmaki": (60.2930, 25.0960),
    "lansisalmi": (60.2570, 25.1480),
    "karhusaari": (60.1735, 24.7990),
    "leppavaara": (60.2120, 24.8060),
    "konala": (60.2360, 24.8500),
    "kannelmaki": (60.2395, 24.8870),
    "pakila": (60.2420, 24.9450),
    "malmi": (60.2440, 25.0270),
    "itakeskus": (60.2110, 25.0830),
    "ruoholahti": (60.1650, 24.9080),
    "kamppi": (60.1690, 24.9310),
    "munkkiniemi": (60.2000, 24.8790),
    "meilahti": (60.1890, 24.9075),
    "ruskeasuo": (60.2060, 24.9060),
    "kapyla": (60.2150, 24.9470),
    "koskela": (60.2170, 24.9720),
    "viikki": (60.2270, 25.0050),
    "sornainen": (60.1890, 24.9650),
    "kulosaari": (60.1880, 25.0080),
    "herttoniemi": (60.1960, 25.0350),
    "kerava-exit": (60.3900, 25.1270),
    "kerava": (60.4040, 25.1050),
}

Via = tuple[tuple[float, float], ...]

# Roads, both directions: from, to, speed limit, way points between them.
ROADS: tuple[tuple[str, str, float, Via], ...] = (
    # Ring III
    ("muurala", "juvanmalmi", MOTORWAY_MPS, ((60.2310, 24.6680), (60.2425, 24.6930), (60.2510, 24.7200))),
    ("juvanmalmi", "vantaankoski", MOTORWAY_MPS, ((60.2640, 24.7720), (60.2720, 24.8000), (60.2800, 24.8260))),
    ("vantaankoski", "viinikkala", MOTORWAY_MPS, ((60.2880, 24.8640), (60.2895, 24.8800))),
    ("viinikkala", "tammisto", MOTORWAY_MPS, ((60.2900, 24.9150), (60.2868, 24.9380))),
    (
        "tammisto",
        "kuninkaanmaki",
        MOTORWAY_MPS,
        ((60.2815, 24.9800), (60.2805, 25.0150), (60.2830, 25.0480), (60.2885, 25.0760)),
    ),
    ("kuninkaanmaki", "lansisalmi", MOTORWAY_MPS, ((60.2880, 25.1150), (60.2760, 25.1310), (60.2660, 25.1420))),
    # Ring I
    ("karhusaari", "leppavaara", RING_MPS, ((60.1830, 24.8060), (60.1930, 24.8085), (60.2030, 24.8030))),
    ("leppavaara", "konala", RING_MPS, ((60.2190, 24.8150), (60.2260, 24.8290), (60.2320, 24.8400))),
    ("konala", "kannelmaki", RING_MPS, ((60.2380, 24.8680),)),
    ("kannelmaki", "pakila", RING_MPS, ((60.2405, 24.9080), (60.2400, 24.9270))),
    ("pakila", "malmi", RING_MPS, ((60.2455, 24.9680), (60.2475, 24.9950), (60.2460, 25.0130))),
    ("malmi", "itakeskus", RING_MPS, ((60.2405, 25.0420), (60.2320, 25.0600), (60.2215, 25.0745))),
    # Lansivayla and Turunvayla, from the west
    (
        "karhusaari",
        "ruoholahti",
        MOTORWAY_MPS,
        ((60.1700, 24.8200), (60.1670, 24.8460), (60.1655, 24.8700), (60.1645, 24.8900)),
    ),
    ("ruoholahti", "kamppi", STREET_MPS, ((60.1662, 24.9170), (60.1680, 24.9240))),
    ("muurala", "jorvi", MOTORWAY_MPS, ((60.2192, 24.6700),)),
    ("jorvi", "leppavaara", MOTORWAY_MPS, ((60.2150, 24.7350), (60.2165, 24.7700), (60.2140, 24.7920))),
    ("leppavaara", "munkkiniemi", RING_MPS, ((60.2075, 24.8270), (60.2050, 24.8510), (60.2020, 24.8680))),
    ("munkkiniemi", "meilahti", STREET_MPS, ((60.1985, 24.8900), (60.1930, 24.9000))),
    # Hameenlinnanvayla, Tuusulanvayla, Lahdenvayla, from the north
    ("ruskeasuo", "kannelmaki", RING_MPS, ((60.2140, 24.8990), (60.2230, 24.8930), (60.2320, 24.8895))),
    ("kannelmaki", "vantaankoski", MOTORWAY_MPS, ((60.2500, 24.8820), (60.2620, 24.8760), (60.2740, 24.8620))),
    ("kapyla", "pakila", RING_MPS, ((60.2230, 24.9480), (60.2330, 24.9475))),
    ("pakila", "tammisto", MOTORWAY_MPS, ((60.2520, 24.9440), (60.2640, 24.9470), (60.2740, 24.9540))),
    ("koskela", "viikki", RING_MPS, ((60.2200, 24.9880),)),
    ("viikki", "malmi", MOTORWAY_MPS, ((60.2330, 25.0130), (60.2390, 25.0205))),
    ("malmi", "kuninkaanmaki", MOTORWAY_MPS, ((60.2540, 25.0450), (60.2660, 25.0650), (60.2800, 25.0830))),
    (
        "kuninkaanmaki",
        "kerava-exit",
        MOTORWAY_MPS,
        ((60.3080, 25.1050), (60.3280, 25.1140), (60.3500, 25.1180), (60.3720, 25.1250)),
    ),
    ("kerava-exit", "kerava", STREET_MPS, ((60.3960, 25.1200), (60.4015, 25.1130))),
    # Itavayla and the way to Ring III in the east
    ("sornainen", "kulosaari", STREET_MPS, ((60.1865, 24.9760), (60.1868, 24.9920))),
    ("kulosaari", "herttoniemi", RING_MPS, ((60.1905, 25.0230),)),
    ("herttoniemi", "itakeskus", RING_MPS, ((60.2010, 25.0500), (60.2065, 25.0690))),
    ("itakeskus", "lansisalmi", RING_MPS, ((60.2200, 25.0990), (60.2350, 25.1180), (60.2470, 25.1370))),
    # Streets of the inner city
    ("meilahti", "ruskeasuo", STREET_MPS, ((60.1985, 24.9090),)),
    ("meilahti", "kamppi", STREET_MPS, ((60.1840, 24.9130), (60.1765, 24.9190), (60.1715, 24.9260))),
    ("ruskeasuo", "kapyla", STREET_MPS, ((60.2090, 24.9180), (60.2120, 24.9330))),
    ("kapyla", "koskela", STREET_MPS, ((60.2160, 24.9590),)),
    ("kamppi", "sornainen", STREET_MPS, ((60.1730, 24.9420), (60.1790, 24.9510), (60.1840, 24.9600))),
    ("sornainen", "koskela", STREET_MPS, ((60.1970, 24.9670), (60.2080, 24.9720))),
    # Ways to the gates
    ("viinikkala", "dc-1", YARD_MPS, ((60.2922, 24.8972), (60.2938, 24.9000), (60.2946, 24.9028))),
    ("kamppi", "store-1", YARD_MPS, ((60.1692, 24.9318),)),
    ("karhusaari", "store-2", YARD_MPS, ((60.1752, 24.8010), (60.1765, 24.8035))),
    ("itakeskus", "store-3", YARD_MPS, ((60.2113, 25.0812),)),
    ("meilahti", "customer-1", YARD_MPS, ((60.1899, 24.9060),)),
    ("jorvi", "customer-2", YARD_MPS, ((60.2188, 24.6925), (60.2206, 24.6888))),
    ("kerava", "customer-3", YARD_MPS, ((60.4040, 25.1046),)),
)


@dataclass(frozen=True)
class Route:
    """A driven line: points about `STEP_M` apart, metres from its start, and the speed limit at each point."""

    lat: F64
    lon: F64
    along_m: F64
    limit_mps: F64
    bearing_deg: F64

    @property
    def length_m(self) -> float:
        """Length in metres."""
        return float(self.along_m[-1])

    def line(self, spacing_m: float = 120.0) -> tuple[tuple[float, float], ...]:
        """The route thinned to about `spacing_m`, as (longitude, latitude) pairs with both ends kept."""
        stride = max(1, round(spacing_m / STEP_M))
        index = np.unique(np.append(np.arange(0, len(self.lat), stride), len(self.lat) - 1))
        return tuple((round(float(self.lon[i]), 6), round(float(self.lat[i]), 6)) for i in index)


def to_xy(lat: F64, lon: F64) -> tuple[F64, F64]:
    """Metres east and north of (reference latitude, 0 E); good to 1 % within 30 km of the reference latitude."""
    return lon * M_PER_DEG_LON, (lat - REFERENCE_LAT_DEG) * M_PER_DEG_LAT


def to_lat_lon(x: F64, y: F64) -> tuple[F64, F64]:
    """Inverse of `to_xy`."""
    return y / M_PER_DEG_LAT + REFERENCE_LAT_DEG, x / M_PER_DEG_LON


@cache
def _graph() -> dict[str, tuple[tuple[str, float, float, Via], ...]]:
    """Neighbours of every node: (other node, seconds, limit, way points in driving order)."""
    out: dict[str, list[tuple[str, float, float, Via]]] = {name: [] for name in NODES}
    for a, b, limit_mps, via in ROADS:
        points = np.array([NODES[a], *via, NODES[b]])
        x, y = to_xy(points[:, 0], points[:, 1])
        seconds = float(np.hypot(np.diff(x), np.diff(y)).sum()) / limit_mps
        out[a].append((b, seconds, limit_mps, via))
        out[b].append((a, seconds, limit_mps, tuple(reversed(via))))
    return {name: tuple(edges) for name, edges in out.items()}


def path(start: str, goal: str) -> list[str]:
    """Nodes of the fastest way from `start` to `goal` at the speed limits.

    Raises:
        KeyError: no such node, or no way.
    """
    graph = _graph()
    best: dict[str, float] = {start: 0.0}
    came: dict[str, str] = {}
    heap = [(0.0, start)]
    while heap:
        cost, node = heapq.heappop(heap)
        if node == goal:
            nodes = [goal]
            while nodes[-1] != start:
                nodes.append(came[nodes[-1]])
            return nodes[::-1]
        if cost > best[node]:
            continue
        for other, seconds, _, _ in graph[node]:
            total = cost + seconds
            if total < best.get(other, float("inf")):
                best[other], came[other] = total, node
                heapq.heappush(heap, (total, other))
    raise KeyError(f"no way from {start} to {goal}")


@cache
def route(start: str, goal: str) -> Route:
    """Smooth fastest route between two nodes of the graph; the same object for the same pair."""
    graph = _graph()
    points: list[tuple[float, float]] = [NODES[start]]
    limits: list[float] = []
    for a, b in pairwise(path(start, goal)):
        _, _, limit_mps, via = min((e for e in graph[a] if e[0] == b), key=lambda e: e[1])
        points += [*via, NODES[b]]
        limits += [limit_mps] * (len(via) + 1)
    corners = np.array(points)
    x, y = to_xy(corners[:, 0], corners[:, 1])
    fine_x, fine_y, span = _spline(x, y)
    along = np.concatenate(([0.0], np.cumsum(np.hypot(np.diff(fine_x), np.diff(fine_y)))))
    even = np.linspace(0.0, along[-1], max(2, round(along[-1] / STEP_M) + 1))
    even_x, even_y = np.interp(even, along, fine_x), np.interp(even, along, fine_y)
    limit = np.asarray(limits)[np.minimum(np.interp(even, along, span).astype(int), len(limits) - 1)]
    lat, lon = to_lat_lon(even_x, even_y)
    dx, dy = np.gradient(even_x), np.gradient(even_y)
    bearing = np.degrees(np.arctan2(dx, dy)) % 360.0
    return Route(lat, lon, even, np.minimum(limit, _corner_limit(even_x, even_y)), bearing)


def _spline(x: F64, y: F64) -> tuple[F64, F64, F64]:
    """Centripetal Catmull-Rom spline through the points (Barry-Goldman form), and the index of the span."""
    p = np.column_stack((x, y))
    p = np.vstack((2 * p[0] - p[1], p, 2 * p[-1] - p[-2]))
    knots = np.concatenate(([0.0], np.cumsum(np.sqrt(np.hypot(*np.diff(p, axis=0).T)))))
    parts, spans = [], []
    for i in range(1, len(p) - 2):
        t0, t1, t2, t3 = knots[i - 1 : i + 3]
        t = np.linspace(t1, t2, SPLINE_POINTS, endpoint=i == len(p) - 3)[:, None]
        a1 = (t1 - t) / (t1 - t0) * p[i - 1] + (t - t0) / (t1 - t0) * p[i]
        a2 = (t2 - t) / (t2 - t1) * p[i] + (t - t1) / (t2 - t1) * p[i + 1]
        a3 = (t3 - t) / (t3 - t2) * p[i + 1] + (t - t2) / (t3 - t2) * p[i + 2]
        b1 = (t2 - t) / (t2 - t0) * a1 + (t - t0) / (t2 - t0) * a2
        b2 = (t3 - t) / (t3 - t1) * a2 + (t - t1) / (t3 - t1) * a3
        parts.append((t2 - t) / (t2 - t1) * b1 + (t - t1) / (t2 - t1) * b2)
        spans.append(i - 1 + (t[:, 0] - t1) / (t2 - t1))
    curve = np.vstack(parts)
    return curve[:, 0], curve[:, 1], np.concatenate(spans)


LATERAL_MPS2 = 1.8  # comfortable for a loaded lorry
CORNER_MPS_MIN = 3.0


def _corner_limit(x: F64, y: F64) -> F64:
    """Speed at which the lateral acceleration stays within `LATERAL_MPS2`: v = sqrt(a / curvature)."""
    dx, dy = np.gradient(x), np.gradient(y)
    ddx, ddy = np.gradient(dx), np.gradient(dy)
    speed2 = np.maximum(dx * dx + dy * dy, 1e-9)
    curvature = np.abs(dx * ddy - dy * ddx) / speed2**1.5
    limit: F64 = np.maximum(np.sqrt(LATERAL_MPS2 / np.maximum(curvature, 1e-6)), CORNER_MPS_MIN)
    return limit
