"""Fences do not depend on one another: the answer of each is the same alone, in company and in any order."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.folds.scan import NEVER
from domain.geo import EARTH_M
from tests.examples import examples
from tracker.rules import geofence
from tracker.rules.geofence import Fence, Fences

S = 1_000_000
UNIT = {  # parts, each of rings, in a square of one by one
    "rectangle": [[[(0, 0), (1, 0), (1, 0.6), (0, 0.6)]]],
    "L": [[[(0, 0), (1, 0), (1, 0.4), (0.5, 0.4), (0.5, 1), (0, 1)]]],
    "U": [[[(0, 0), (1, 0), (1, 1), (0.7, 1), (0.7, 0.4), (0.3, 0.4), (0.3, 1), (0, 1)]]],
    "T": [[[(0, 0.7), (0, 1), (1, 1), (1, 0.7), (0.6, 0.7), (0.6, 0), (0.4, 0), (0.4, 0.7)]]],
    "hole": [[[(0, 0), (1, 0), (1, 1), (0, 1)], [(0.4, 0.4), (0.6, 0.4), (0.6, 0.6), (0.4, 0.6)]]],
    "parts": [[[(0, 0), (0.4, 0), (0.4, 1), (0, 1)]], [[(0.6, 0), (1, 0), (1, 1), (0.6, 1)]]],
}


class Yard:
    """A shape of so many metres, turned, its middle at a place; corners as a user would draw them."""

    def __init__(self, rng, lat, lon, decimals=7):
        kind = rng.choice(list(UNIT))
        self.lat, self.lon, self.size_m = lat, lon, rng.uniform(25, 500)
        self.angle = rng.uniform(0, 2 * np.pi)
        self.parts = [[self._turned(ring) for ring in part] for part in UNIT[kind]]
        self.plane = shapely.union_all([shapely.Polygon(part[0], part[1:]) for part in self.parts])
        self.rings = [[self._corners(ring, rng, decimals) for ring in part] for part in self.parts]
        if len(self.rings) == 1:
            self.rings = self.rings[0]

    def _turned(self, ring):
        x, y = (np.array(ring) - 0.5).T * self.size_m
        c, s = np.cos(self.angle), np.sin(self.angle)
        return np.column_stack([c * x - s * y, s * x + c * y])

    def _corners(self, ring, rng, decimals):
        lat, lon = self.at(*ring.T)
        points = [[round(float(a), decimals), round(float(b), decimals)] for a, b in zip(lon, lat, strict=True)]
        points = points if rng.random() < 0.5 else points[::-1]
        return [*points, points[0]]

    def at(self, east, north):
        """Places so many metres from the middle."""
        lat = self.lat + np.degrees(np.asarray(north) / EARTH_M)
        lon = self.lon + np.degrees(np.asarray(east) / EARTH_M / np.cos(np.radians(self.lat)))
        return lat, (lon + 180) % 360 - 180

    def fence(self, site):
        return Fence(site, self.lat, self.lon, 100.0, self.rings)


def yards(seed, n):
    """Yards anywhere, a tenth of them on 180 degrees."""
    rng = np.random.default_rng(seed)
    lon = np.where(rng.random(n) < 0.1, (180 + rng.normal(0, 0.001, n) + 180) % 360 - 180, rng.uniform(-180, 180, n))
    return [Yard(rng, a, b) for a, b in zip(rng.uniform(-65, 75, n), lon, strict=True)]


def stays(many):
    """A vehicle for each yard that comes, stands within for a minute and goes; sorted by vehicle and time."""
    columns = []
    for vehicle, yard in enumerate(many, 1):
        inside = yard.plane.representative_point()
        x = np.concatenate([[-2_000, -1_000], np.full(7, inside.x), [1_000, 2_000, 3_000]])
        y = np.full(len(x), inside.y)
        lat, lon = yard.at(x, y)
        columns.append((np.full(len(x), vehicle), np.arange(len(x)) * 10 * S, lat, lon, np.full(len(x), 5.0)))
    return geofence.Rows(*(np.concatenate(c) for c in zip(*columns, strict=True)))


def told(visits):
    return list(zip(visits.entity.tolist(), visits.start_us.tolist(), visits.end_us.tolist(), strict=True))


def test_three_thousand_yards_are_visited_alike_alone_and_together_in_any_order():
    many = yards(1, 3_000)
    fences = [yard.fence(site) for site, yard in enumerate(many, 1)]
    rows = stays(many)
    together = told(geofence.evaluate(Fences(fences), rows))
    shuffled = [fences[i] for i in np.random.default_rng(2).permutation(len(fences))]
    assert told(geofence.evaluate(Fences(shuffled), rows)) == together
    alone, ends = [], np.searchsorted(rows.vehicle, np.arange(1, 3_002))
    columns = (rows.vehicle, rows.t_us, rows.lat, rows.lon, rows.accuracy_m)
    for i, fence in enumerate(fences):
        mine = geofence.Rows(*(column[ends[i] : ends[i + 1]] for column in columns))
        alone += told(geofence.evaluate(Fences([fence]), mine))
    mine_keys = {int(geofence.pair(np.array([i]), np.array([i]))[0]) for i in range(1, 3_001)}
    assert {key for key, *_ in alone} == mine_keys
    assert [visit for visit in together if visit[0] in mine_keys] == alone  # some drive through a neighbour's too


@given(st.integers(0, 10**9))
@settings(deadline=None, max_examples=examples(30))
def test_how_far_inside_a_yard_a_fix_is_depends_on_no_other_yard_and_is_what_the_plane_says(seed):
    many = yards(seed, 12)
    rng = np.random.default_rng(seed)
    together = Fences([yard.fence(site) for site, yard in enumerate(many)])
    for i, yard in enumerate(many):
        east, north = rng.uniform(-600, 600, (2, 50))
        lat, lon = yard.at(east, north)
        found = together.metres_inside(np.full(50, i), lat, lon)
        alone = Fences([yard.fence(0)]).metres_inside(np.zeros(50, np.int64), lat, lon)
        assert found.tobytes() == alone.tobytes()
        points = shapely.points(east, north)
        off = shapely.distance(yard.plane.boundary, points)
        wanted = np.where(shapely.contains(yard.plane, points), off, -off)
        assert found == pytest.approx(wanted, abs=0.5)


@pytest.mark.parametrize("lon", [180.0, -180.0, 179.9, -179.9, 0.0])
@pytest.mark.parametrize("company", [0, 1, 300])
def test_a_ring_closes_whatever_stands_beside_it(lon, company):
    corners = [(-0.2, -0.1), (0.2, -0.1), (0.2, 0.1), (-0.2, 0.1), (-0.2, -0.1)]
    ring = [[(lon + x + 180) % 360 - 180, 10 + y] for x, y in corners]
    others = [yard.fence(site) for site, yard in enumerate(yards(company, company), 2)]
    fences = Fences([*others, Fence(1, 10.0, lon, 50.0, ring)])
    at = fences.index_of(np.array([1, 1, 1]))
    inside = fences.metres_inside(
        at, np.array([10.0, 10.09, 10.2]), (lon + np.array([0.0, -0.19, 0.0]) + 180) % 360 - 180
    )
    assert (inside > 0).tolist() == [True, True, False]


@pytest.mark.parametrize("pole", [90.0, -90.0])
def test_a_ring_around_a_pole_holds_it_in_any_company(pole):
    side = np.sign(pole)
    ring = [[float(lon), side * 80.0] for lon in (-180, -90, 0, 90, 180)]
    others = [yard.fence(site) for site, yard in enumerate(yards(5, 50), 2)]
    for made in (ring, ring[::-1]):
        fences = Fences([*others, Fence(1, pole, 0.0, 50.0, made)])
        at = fences.index_of(np.ones(3, np.int64))
        inside = fences.metres_inside(at, side * np.array([89.9, 85.0, 79.0]), np.array([10.0, -170.0, 40.0]))
        assert (inside > 0).tolist() == [True, True, False]


def test_a_ring_with_a_spur_or_a_double_corner_is_the_area_it_encloses():
    corners = [
        (24.0, 60.0),
        (24.01, 60.0),
        (24.01, 60.0),
        (24.01, 60.01),
        (24.01, 60.02),
        (24.01, 60.01),
        (24.0, 60.01),
    ]
    fences = Fences([Fence(1, 60.0, 24.0, 50.0, [*corners, corners[0]])])
    assert (
        fences.metres_inside(np.zeros(2, np.int64), np.array([60.005, 60.015]), np.array([24.005, 24.01])) > 0
    ).tolist() == [
        True,
        False,
    ]


# ------------------------------------------------------------------ passages
def passes(seed, n, *, noise_m=0.0, circles=False):
    """Straight ways of vehicle i through yard i (or a circle of its size), at any phase: fixes 10 to 30 s apart."""
    rng = np.random.default_rng(seed)
    fences, columns = [], []
    for vehicle in range(1, n + 1):
        yard = Yard(rng, rng.uniform(-60, 60), rng.choice([rng.uniform(-180, 180), 180.0, -179.999]))
        within, aside = yard.plane.representative_point(), rng.uniform(-0.9, 0.9) * yard.size_m
        if circles:
            fences.append(Fence(vehicle, yard.lat, yard.lon, yard.size_m))
        else:
            fences.append(yard.fence(vehicle))
        x0, y0, aside = (0.0, 0.0, aside) if circles else (within.x, within.y, 0.0)
        step_s, angle = rng.uniform(10, 30), rng.uniform(0, 2 * np.pi)
        step_m = step_s * rng.uniform(5, 27)
        along = np.arange(-3_000, 3_000, step_m) + rng.uniform(0, step_m)
        x = x0 + along * np.cos(angle) - aside * np.sin(angle) + rng.normal(0, noise_m, len(along))
        y = y0 + along * np.sin(angle) + aside * np.cos(angle) + rng.normal(0, noise_m, len(along))
        t_us = (np.arange(len(along)) * step_s * S).astype(np.int64)
        columns.append((np.full(len(along), vehicle), t_us, *yard.at(x, y), np.full(len(along), 5.0)))
    return fences, geofence.Rows(*(np.concatenate(c) for c in zip(*columns, strict=True)))


def own(visits):
    """The vehicles of visits to the yard of their number."""
    vehicle, site = geofence.unpair(visits.entity)
    return vehicle[vehicle == site]


@pytest.mark.parametrize("circles", [False, True])
@pytest.mark.parametrize("noise_m", [0.0, 3.0])
def test_a_straight_pass_at_any_phase_is_one_visit(circles, noise_m):
    fences, rows = passes(11, 1_000, noise_m=noise_m if circles is False else 0.0, circles=circles)
    count = np.bincount(own(geofence.evaluate(Fences(fences), rows)), minlength=1_001)[1:]
    assert (count > 1).sum() == 0
    assert (count == 0).sum() <= (1 if noise_m == 0 else 3)


@given(st.integers(0, 10**9))
@settings(deadline=None, max_examples=examples(20))
def test_passes_are_the_same_fix_by_fix(seed):
    fences, rows = passes(seed, 6, noise_m=5.0)
    made, carry, found = Fences(fences), geofence.Carry.empty(), []
    for at in np.unique(rows.t_us):
        now = rows.t_us == at
        some = geofence.Rows(rows.vehicle[now], rows.t_us[now], rows.lat[now], rows.lon[now], rows.accuracy_m[now])
        fresh, visits = geofence.step(made, carry, some)
        carry = carry.updated(fresh)
        found += [visit for visit in told(visits) if visit[2] != NEVER]
    whole = [visit for visit in told(geofence.evaluate(made, rows)) if visit[2] != NEVER]
    assert sorted(found) == sorted(whole)


@pytest.mark.parametrize("circles", [False, True])
@pytest.mark.parametrize(("off_m", "sigma_m", "glitches"), [(10, 5.0, 0.0), (24, 8.0, 0.003), (60, 15.0, 0.003)])
def test_a_vehicle_parked_beside_a_yard_makes_no_visit(circles, off_m, sigma_m, glitches):
    rng = np.random.default_rng(off_m)
    n, fences, columns = 10_800, [], []
    for vehicle in range(1, 11):  # 10 times 30 h
        yard = Yard(rng, rng.uniform(-60, 60), rng.uniform(-180, 180))
        edge = yard.plane.buffer(off_m).boundary
        place = edge.interpolate(rng.uniform(0, edge.length))
        x, y = (yard.size_m + off_m, 0.0) if circles else (place.x, place.y)
        fences.append(Fence(vehicle, yard.lat, yard.lon, yard.size_m) if circles else yard.fence(vehicle))
        wild, angle = 200.0 * (rng.random(n) < glitches), rng.uniform(0, 2 * np.pi, n)
        east = x + rng.normal(0, sigma_m, n) + wild * np.cos(angle)
        north = y + rng.normal(0, sigma_m, n) + wild * np.sin(angle)
        columns.append((np.full(n, vehicle), np.arange(n) * 10 * S, *yard.at(east, north), np.full(n, 5.0)))
    rows = geofence.Rows(*(np.concatenate(c) for c in zip(*columns, strict=True)))
    assert own(geofence.evaluate(Fences(fences), rows)).tolist() == []


def road(metres, aside_m, noise_m=0.0, seed=0):
    """Places along a road that runs north, so far east of 27 E."""
    noise = np.random.default_rng(seed).normal(0, noise_m, (2, len(metres)))
    lat = 61.0 + np.degrees((np.asarray(metres) + noise[0]) / EARTH_M)
    lon = 27.0 + np.degrees((aside_m + noise[1]) / EARTH_M / np.cos(np.radians(61.0)))
    n = len(lat)
    return geofence.Rows(
        np.ones(n, np.int64), np.arange(n) * 20 * S, lat, np.broadcast_to(lon, n) * 1.0, np.full(n, 5.0)
    )


@pytest.mark.parametrize("phase_m", range(0, 300, 15))
def test_a_fix_between_a_fence_and_its_outer_edge_hides_no_pass(phase_m):
    rows = road(np.arange(-3_000 + phase_m, 3_000, 300), 0.0)
    visits = geofence.evaluate(Fences([Fence(1, 61.0, 27.0, 150.0)]), rows)
    assert ((visits.end_us - visits.start_us) / S).tolist() == pytest.approx([20.0], abs=2.5)


@pytest.mark.parametrize("seed", range(20))
def test_driving_on_the_road_beside_a_fence_is_no_visit(seed):
    square = [(26.99, 60.99), (27.0, 60.99), (27.0, 61.01), (26.99, 61.01), (26.99, 60.99)]
    rows = road(np.arange(-3_000 + 10 * seed, 3_000, 300), 15.0, noise_m=3.0, seed=seed)
    assert len(geofence.evaluate(Fences([Fence(1, 61.0, 27.0, 150.0, square)]), rows)) == 0


def test_a_vehicle_that_turns_round_before_a_fence_was_not_there():
    rows = road([-900, -600, -300, -180, -300, -600, -900, -1_200], 0.0)
    assert len(geofence.evaluate(Fences([Fence(1, 61.0, 27.0, 150.0)]), rows)) == 0


# ------------------------------------------------------------------ fences that end
def commuter(rng, vehicle):
    """A day of a vehicle that goes to and fro past a yard, with stays of any length; fixes 10 to 60 s apart."""
    t_s = np.cumsum(rng.integers(10, 60, 900))
    north_m = 800 * np.cumsum(rng.normal(0, 0.12, 900)) + rng.normal(0, 4, 900)
    return np.full(900, vehicle), t_s * S, 60 + north_m / 111_195, np.full(900, 25.0), np.full(900, 5.0)


def without_end(fence):
    return fence._replace(until_us=NEVER)


@given(st.integers(0, 10**9), st.integers(2, 9))
@settings(deadline=None, max_examples=examples(40))
def test_a_fence_that_ends_is_visited_until_then_whatever_comes_at_once(seed, portions):
    """A visit that is open then ends with the vehicle's last fix before; the other fences know nothing of it."""
    rng = np.random.default_rng(seed)
    rows = geofence.Rows(*(np.concatenate(c) for c in zip(*(commuter(rng, v) for v in (1, 2, 3)), strict=True)))
    ends = np.sort(rng.integers(0, int(rows.t_us.max()), 3)).tolist()
    fences = [Fence(1, 60.0, 25.0, 300.0), Fence(2, 60.002, 25.0, 200.0, dwell_s=120)]
    fences += [Fence(3 + n, 60.0 + n / 1000, 25.0, 250.0, until_us=end) for n, end in enumerate(ends)]
    made = Fences(fences)
    whole = told(geofence.evaluate(made, rows))
    wanted = told(geofence.evaluate(Fences(fences[:2]), rows))
    for fence in fences[2:]:
        before = rows.take(rows.t_us < fence.until_us)
        for vehicle, site, start, end in _by_vehicle(geofence.evaluate(Fences([without_end(fence)]), before)):
            mine = rows.t_us[rows.vehicle == vehicle]
            is_over = end == NEVER and mine.max() >= fence.until_us
            last = int(mine[mine < fence.until_us].max())
            wanted.append(
                (int(geofence.pair(np.array([vehicle]), np.array([site]))[0]), start, last if is_over else end)
            )
    assert sorted(whole) == sorted(wanted)
    carry, found = geofence.Carry.empty(), {}
    for bounds in np.array_split(np.unique(rows.t_us), portions):
        fresh, visits = geofence.step(made, carry, rows.take(np.isin(rows.t_us, bounds)))
        carry = carry.updated(fresh) if len(carry.last) else fresh
        found |= {(key, start): end for key, start, end in told(visits)}
        begun = set(zip(visits.entity.tolist(), visits.start_us.tolist(), strict=True))
        assert len(begun) == len(visits)  # each is told once of a step
    assert sorted((key, start, end) for (key, start), end in found.items()) == sorted(whole)


def _by_vehicle(visits):
    vehicle, site = geofence.unpair(visits.entity)
    return zip(vehicle.tolist(), site.tolist(), visits.start_us.tolist(), visits.end_us.tolist(), strict=True)
