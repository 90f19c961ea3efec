"""Visits, trips and stops against what is known to have happened: peers' lessons, a parked truck, a generated day."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.folds.scan import NEVER
from domain.geo import EARTH_M, distance_m, near_m
from tests.examples import examples
from tests.unit.tracker.test_fold_laws import FENCES, random_fixes
from tracker.rules import geofence, trips
from tracker.rules.geofence import Fence, Fences

S = 1_000_000
DEG = 1 / 111_195.08  # of one metre to the north
DEPOT = Fence(7, 60.0, 25.0, 150)


def rows(t_s, north_m, east_m=0.0, accuracy_m=np.nan, vehicle=1):
    """Fixes by their distance from the depot."""
    t = np.asarray(t_s, np.int64) * S
    north, east = np.broadcast_to(north_m, t.shape), np.broadcast_to(east_m, t.shape)
    lon = 25.0 + east * DEG / np.cos(np.radians(60))
    return geofence.Rows(
        np.full(len(t), vehicle), t, 60.0 + north * DEG, lon, np.broadcast_to(accuracy_m, t.shape) * 1.0
    )


def visits(fixes, *fences):
    """(site, entered, left) in seconds; None: still there."""
    found = geofence.evaluate(Fences(fences or [DEPOT]), fixes)
    sites = geofence.unpair(found.entity)[1]
    return [
        (int(s), a / S, None if b == NEVER else b / S)
        for s, a, b in zip(sites, found.start_us.tolist(), found.end_us.tolist(), strict=True)
    ]


def driven(fixes, speed_mps=np.nan, ignition=-1, odometer_m=np.nan, limits=None):
    """Segments of fixes as `rows` makes them."""
    n = len(fixes.vehicle)
    speed, odometer = np.broadcast_to(speed_mps, n) * 1.0, np.broadcast_to(odometer_m, n) * 1.0
    columns = (fixes.vehicle, fixes.t_us, fixes.lat, fixes.lon, fixes.accuracy_m)
    ignition = np.broadcast_to(np.asarray(ignition, np.int8), n)
    return trips.evaluate(trips.Rows(*columns, speed, ignition, odometer), limits)


def spans(segments, kind):
    """(start, end) in seconds of the segments of a kind; None: still going on."""
    chosen = segments.take(segments.kind == kind)
    ends = (None if end == NEVER else end / S for end in chosen.end_us.tolist())
    return list(zip((chosen.start_us / S).tolist(), ends, strict=True))


# ------------------------------------------------------------------ lessons from peers: fences
def test_a_truck_parked_well_inside_with_a_poor_fix_now_and_then_stays_inside():
    rng = np.random.default_rng(1)
    t = np.arange(0, 36_000, 10)
    poor = rng.random(len(t)) < 0.1
    north = np.where(poor, rng.normal(0, 120, len(t)), rng.normal(0, 10, len(t)))
    ((_, entered, left),) = visits(rows(t, north, accuracy_m=np.where(poor, 120.0, 8.0)))
    assert (entered, left) == (0, None)


def test_one_fix_far_away_that_claims_to_be_accurate_neither_closes_nor_opens_a_visit():
    t = np.arange(0, 1_000, 10)
    inside, outside = np.zeros(100), np.full(100, 1_000.0)
    inside[50], outside[50] = 1_000.0, 0.0
    assert visits(rows(t, inside, accuracy_m=1.7)) == [(7, 0, None)]
    assert visits(rows(t, outside, accuracy_m=1.7)) == []


def test_two_glitches_running_do_not_close_a_visit_either():
    north = np.zeros(100)
    north[50:52] = 250.0, -260.0
    assert visits(rows(np.arange(0, 1_000, 10), north)) == [(7, 0, None)]


def test_the_end_of_a_visit_is_the_first_crossing_although_it_takes_more_fixes_to_be_sure():
    t, north = np.arange(0, 200, 10), np.concatenate([np.zeros(10), np.arange(1, 11) * 100.0])
    found = geofence.evaluate(Fences([DEPOT]), rows(t, north))
    assert visits(rows(t[:12], north[:12])) == [(7, 0, None)]
    assert found.end_us[0] / S == pytest.approx(90 + 10 * 1.8, abs=0.1)  # the outer edge is at 180 m


def test_a_vehicle_that_goes_straight_through_between_two_fixes_was_there():
    ((site, entered, left),) = visits(rows([0, 60, 120, 180], [-1_500, -500, 500, 1_500]))
    assert site == 7
    assert (entered, left) == pytest.approx((60 + 60 * 0.35, 60 + 60 * 0.65), abs=0.1)


def test_a_vehicle_that_goes_straight_through_with_one_fix_inside_was_there():
    ((_, entered, left),) = visits(rows([0, 60, 120, 180, 240], [-1_500, -500, 0, 500, 1_500]))
    assert (entered, left) == pytest.approx((60 + 60 * 0.7, 120 + 60 * 0.3), abs=0.1)


@pytest.mark.parametrize(
    ("t", "north"),
    [
        ([0, 60, 120, 180, 240], [-500, -500, 500, -500, -500]),  # a glitch on the other side
        ([0, 60, 120, 180, 240], [-500, -500, 0, -500, -500]),  # a glitch into the fence
        ([0, 60, 120, 180, 240], [-500, -500, 0, 250, 0]),  # arriving, with a glitch beyond
        ([0, 60, 660, 720], [-1_500, -500, 500, 1_500]),  # ten minutes: who knows which way
        ([0, 60, 120, 180], [-900, -700, -500, -300]),  # not there yet
    ],
)
def test_what_only_looks_like_a_passage_is_none(t, north):
    assert [v for v in visits(rows(t, north)) if v[2] is not None] == []


def test_a_passage_needs_the_straight_way_to_lead_through_the_fence():
    for east, count in ((100, 1), (200, 0)):
        assert len(visits(rows([0, 60, 120, 180], [-1_500, -500, 500, 1_500], east))) == count


def test_a_vehicle_that_appears_inside_is_inside_since_its_first_fix_there():
    assert visits(rows([0, 10, 20], 0.0)) == [(7, 0, None)]
    assert visits(rows([0, 10, 9_000, 9_010], [5_000, 5_000, 0, 0])) == [(7, 9_000, None)]


def test_leaving_one_place_comes_before_entering_the_next():
    there = Fence(9, 60.0 + 400 * DEG, 25.0, 150)
    t, north = np.arange(0, 600, 10), np.interp(np.arange(0, 600, 10), [200, 230], [0, 400])
    (_, _, left), (_, entered, _) = visits(rows(t, north), DEPOT, there)
    assert left <= entered


def test_a_visit_counts_only_from_when_it_lasted_the_dwell_time():
    t, north = np.arange(0, 600, 10), np.interp(np.arange(0, 600, 10), [100, 200, 300, 400], [2_000, 0, 0, 2_000])
    ((_, entered, left),) = visits(rows(t, north))
    for dwell_s, count in ((left - entered - 1, 1), (left - entered + 1, 0)):
        assert len(visits(rows(t, north), DEPOT._replace(dwell_s=dwell_s))) == count
    kept, early = geofence.step(Fences([DEPOT._replace(dwell_s=60)]), geofence.Carry.empty(), rows([0, 10, 20], 0.0))
    _, late = geofence.step(Fences([DEPOT._replace(dwell_s=60)]), kept, rows([40, 60, 80], 0.0))
    assert (len(early), late.start_us.tolist(), late.began_here.tolist()) == (0, [0], [True])


def test_a_vehicle_near_no_fence_keeps_nothing_but_its_last_two_fixes():
    kept, found = geofence.step(Fences([DEPOT]), geofence.Carry.empty(), rows([0, 10, 20], 5_000.0))
    assert (len(kept.last), len(kept.pairs), len(found)) == (1, 0, 0)


def test_a_fence_that_is_no_more_ends_its_visits():
    kept, _ = geofence.step(Fences([DEPOT]), geofence.Carry.empty(), rows([0, 10, 20], 0.0))
    kept, found = geofence.step(Fences([Fence(8, 10.0, 10.0, 100)]), kept, rows([30, 40], 0.0))
    assert (found.end_us.tolist(), found.began_here.tolist(), len(kept.pairs)) == ([20 * S], [False], 0)


def test_off_a_corridor_is_off_the_line_and_not_off_its_corners():
    line = [[25.0, 60.0], [25.0, 60.0 + 10_000 * DEG]]
    lane = Fence(3, 0.0, 0.0, 50, None, line)
    t = np.arange(0, 1_000, 10)
    north, east = t * 10.0, np.where((t > 400) & (t < 600), 300.0, 20.0)
    (first, second) = visits(rows(t, north, east), lane)
    assert first[2] == pytest.approx(405, abs=6)
    assert second[1:] == (pytest.approx(595, abs=6), None)


def test_a_hole_is_outside():
    outer = [(-500, -500), (500, -500), (500, 500), (-500, 500), (-500, -500)]
    shape = [[(25 + x * 2 * DEG, 60 + y * DEG) for x, y in np.array(outer) * size] for size in (1.0, 0.6)]
    inside = Fences([Fence(3, 60.0, 25.0, 1, shape)]).metres_inside(*both([0.0, 0.0035], [0.0, 0.0]))
    assert inside == pytest.approx([-300, 0.0035 / DEG - 300], abs=3)


def test_the_altitude_of_a_corner_is_left_aside():
    flat = [(24.99, 59.99), (25.01, 59.99), (25.01, 60.01), (24.99, 60.01), (24.99, 59.99)]
    high = [(lon, lat, 120.0) for lon, lat in flat]
    low, up = (Fences([Fence(3, 60.0, 25.0, 1, ring)]).metres_inside(*both([0.005], [0.0])) for ring in (flat, high))
    assert low == up > 500


def both(north_deg, east_deg):
    n = len(north_deg)
    return np.zeros(n, np.int64), 60.0 + np.array(north_deg), 25.0 + np.array(east_deg)


# ------------------------------------------------------------------ the round earth
@pytest.mark.parametrize("lon", [179.9999, -179.9999, 180.0])
def test_a_drive_across_the_antimeridian_is_a_drive(lon):
    ring = [(179.99, -0.01), (-179.99, -0.01), (-179.99, 0.01), (179.99, 0.01), (179.99, -0.01)]
    lane = [[179.99, 0.0], [-179.99, 0.0]]
    t = np.arange(0, 600, 10)
    x = (lon + np.interp(t, [100, 300, 320, 500], [-0.05, 0, 0, 0.05]) + 180) % 360 - 180
    fixes = geofence.Rows(np.ones(len(t), np.int64), t * S, np.zeros(len(t)), x, np.full(len(t), 5.0))
    for fence in (Fence(1, 0.0, lon, 1_112), Fence(1, 0.0, lon, 1, ring), Fence(1, 0.0, 0.0, 50, None, lane)):
        ((_, entered, left),) = visits(fixes, fence)
        assert entered == pytest.approx(260, abs=2)
        assert left == pytest.approx(360, abs=15)
    segments = driven(fixes)
    assert (segments.distance_mm[segments.kind == trips.TRIP] / 1e6).tolist() == pytest.approx([11.1], abs=0.4)


def test_fences_at_and_around_the_pole_hold_what_is_near_it():
    arctic = [(lon, 80.0) for lon in range(-180, 181, 30)]
    for fence in (Fence(1, 89.99, 0.0, 5_000), Fence(1, 0.0, 0.0, 1, arctic)):
        fences = Fences([fence])
        lat, lon = np.array([89.99, 89.99, 89.99, 75.0]), np.array([0.0, 120.0, 180.0, 60.0])
        row, found, _ = fences.near(lat, lon, lat, lon)
        assert row.tolist() == [0, 1, 2]
        assert (fences.metres_inside(found, lat[row], lon[row]) > 0).all()


def test_the_plane_is_as_good_as_the_sphere_where_it_is_used():
    rng = np.random.default_rng(1)
    lat, lon = rng.uniform(-70, 70, 1_000), rng.uniform(-180, 180, 1_000)
    lat1, lon1 = lat + rng.uniform(-1, 1, 1_000), lon + rng.uniform(-1, 1, 1_000)
    assert near_m(lat, lon, lat1, lon1) == pytest.approx(distance_m(lat, lon, lat1, lon1), rel=1e-3)


# ------------------------------------------------------------------ the definition
def decided(x, h, t, sure, moved_m, onward):
    """Visits of one vehicle at one fence by a plain loop, without passages: entered, left, how long for certain."""
    sign = [1 if a > 0 else -1 if a <= -b else 0 for a, b in zip(x, h, strict=True)]
    inside, entered, out, first, crossed, seen = False, 0, [], 0, 0, 0
    for i, s in enumerate(sign):
        if i == 0 or s != sign[i - 1]:
            first, crossed = i, t[i]
            edge = 0.0 if s > 0 else -h[i]
            if i and s and t[i] - t[i - 1] <= geofence.GAP_US and x[i] != x[i - 1]:
                share = min(max((edge - x[i - 1]) / (x[i] - x[i - 1]), 0.0), 1.0)
                crossed = t[i] - round((t[i] - t[i - 1]) * (1 - share))
        fixes, since = i - first + 1, t[i] - t[first]
        if not inside and s == 1 and since > 0:
            step_us = t[i] - t[i - 1]
            deep = x[i] >= sure[i] and x[i - 1] >= sure[i - 1]
            still = moved_m[i - 1] <= geofence.STILL_M + geofence.STILL_MPS * step_us / S
            many = fixes >= geofence.ENTER_FIXES and since >= geofence.LEAVE_US
            if (deep and (still or onward[i] or fixes >= 3)) or many or step_us >= geofence.PASS_US:
                inside, entered = True, crossed
        deep = since > 0 and x[i] <= -h[i] - geofence.DEEP_M
        long = fixes >= 3 and since >= geofence.LEAVE_US
        if inside and s == -1 and (deep or long or fixes >= geofence.LEAVE_FIXES):
            inside = False
            out.append((entered, crossed, crossed - entered))
        seen = t[i] if s >= 0 else seen
    return out + ([(entered, NEVER, seen - entered)] if inside else [])


@given(st.integers(0, 10**9), st.sampled_from(sorted(FENCES)))
@settings(deadline=None, max_examples=examples(60))
def test_visits_are_those_of_a_plain_loop_over_all_fences_and_fixes(seed, lon):
    fixes, fences = random_fixes(seed, 160, lon), FENCES[lon]
    found = geofence.evaluate(fences, geofence.Rows(*fixes[:5]))
    told = {row[:3] for row in zip(found.entity.tolist(), found.start_us.tolist(), found.end_us.tolist(), strict=True)}
    wanted = set()
    for vehicle in np.unique(fixes.vehicle):
        mine = fixes.take(fixes.vehicle == vehicle)
        for index, site in enumerate(fences.site_id):
            at = np.full(len(mine.vehicle), index)
            x = fences.metres_inside(at, mine.lat, mine.lon).tolist()
            h, t = fences.margin_m(at, mine.accuracy_m).tolist(), mine.t_us.tolist()
            key = int(geofence.pair(np.array([vehicle]), np.array([site]))[0])
            sure = fences.sure_m(at, mine.accuracy_m).tolist()
            north = np.diff(mine.lat)
            east = (np.diff(mine.lon) + 180) % 360 - 180
            moved_m = (np.hypot(north, east) * np.radians(1) * EARTH_M).tolist()  # these are at the equator
            onward = [False, False, *(north[:-1] * north[1:] + east[:-1] * east[1:] > 0).tolist()]
            lasting = [v for v in decided(x, h, t, sure, moved_m, onward) if v[2] >= fences.dwell_us[index]]
            wanted |= {(key, entered, left) for entered, left, _ in lasting}
    assert wanted <= told
    assert all(left - entered <= geofence.PASS_US for _, entered, left in told - wanted)


# ------------------------------------------------------------------ parked for 1 000 hours
def parked(seed, metres_off, glitches=0.01):
    """1 000 h, a fix every 10 s: 15 m of jitter each way, one fix in a hundred 200 m away in any direction."""
    rng = np.random.default_rng(seed)
    n = 360_000
    north, east = metres_off + rng.normal(0, 15, n), rng.normal(0, 15, n)
    wild, angle = rng.random(n) < glitches, rng.uniform(0, 2 * np.pi, n)
    north[wild] += 200 * np.cos(angle[wild])
    east[wild] += 200 * np.sin(angle[wild])
    return rows(np.arange(n) * 10, north, east, accuracy_m=5.0)


@pytest.mark.parametrize(("metres_off", "there"), [(0, 1), (100, 1), (150, 1), (400, 0)])
def test_a_truck_parked_for_a_thousand_hours_makes_no_false_visit_and_no_trip(metres_off, there):
    fixes = parked(metres_off, metres_off)
    assert len(visits(fixes)) == there
    segments = driven(fixes)
    assert segments.kind.tolist() == [trips.STOP]
    assert segments.distance_mm[0] < 300_000_000  # less than 300 km of jitter taken for a way, of some 10 000 there are
    assert driven(fixes, speed_mps=0.3, ignition=0).distance_mm.tolist() == [0]


# ------------------------------------------------------------------ lessons from peers: trips and stops
def there(seconds, *legs):
    """Metres north at each second: `legs` are (second, metres)."""
    t, metres = zip(*legs, strict=True)
    return np.interp(seconds, t, metres)


def test_the_fix_in_which_a_truck_stops_ends_its_trip_and_a_traffic_light_does_not():
    t = np.arange(0, 3_000, 10)
    north = there(t, (300, 0), (900, 8_000), (990, 8_000), (1_500, 16_000))
    speed = np.where(np.gradient(north) > 10, 14.0, 0.0)
    segments = driven(rows(t, north), speed)
    ((start, end),) = spans(segments, trips.TRIP)
    assert (start, end) == (pytest.approx(300, abs=10), pytest.approx(1_500, abs=10))
    assert spans(segments, trips.STOP) == [(0, start), (end, None)]
    trip = segments.take(segments.kind == trips.TRIP)
    assert trip.distance_mm[0] / 1e6 == pytest.approx(16, rel=0.05)
    assert trip.moving_us[0] / S == pytest.approx(1_110, abs=45)
    assert trip.speed_max_mps[0] == 14
    assert (trip.start_lat[0], trip.end_lat[0]) == pytest.approx((60.0, 60.0 + 16_000 * DEG), abs=150 * DEG)


def test_idling_is_the_engine_running_while_the_truck_stands():
    t = np.arange(0, 3_600, 10)
    ignition = np.where((t >= 600) & (t < 900), 1, 0)
    (stop,) = driven(rows(t, 0.0), 0.0, ignition).idle_us.tolist()
    assert stop / S == 300
    assert driven(rows(t, 0.0), 0.0).idle_us.tolist() == [0], "nobody said that the engine runs"


def test_a_ferry_with_the_ignition_off_is_carried():
    """Of an engine that nobody has ever said to be on, nobody can tell: see test_beliefs."""
    t = np.arange(0, 3_600, 10)
    aboard = driven(rows(t, t * 8.0), 8.0, np.where(t < 600, 1, 0))
    assert len(spans(aboard, trips.TRIP)) == 1
    assert aboard.carried_mm.sum() / 1e6 == pytest.approx(3_000 * 0.008, rel=0.05)
    assert driven(rows(t, t * 8.0), 8.0, 1).carried_mm.tolist() == [0]


def test_a_device_that_sleeps_while_parked_still_makes_a_stop():
    t = np.concatenate([np.arange(0, 600, 10), np.arange(7_800, 8_400, 10)])
    north = there(t, (0, 0), (595, 8_000), (7_800, 8_030), (8_400, 16_000))
    segments = driven(rows(t, north), 13.0)
    assert spans(segments, trips.TRIP) == [(0, 590), (7_800, None)]
    ((start, end),) = spans(segments, trips.STOP)
    assert (start, end) == (590, 7_800)
    assert segments.unknown_us[segments.kind == trips.STOP].tolist() == [7_210 * S]


def test_what_was_driven_in_a_dead_zone_is_a_gap_and_no_distance():
    t = np.concatenate([np.arange(0, 600, 10), np.arange(1_500, 2_100, 10)])
    trip = driven(rows(t, t * 14.0), 14.0)
    assert spans(trip, trips.TRIP) == [(0, None)]
    assert trip.gap_mm[0] / 1e6 == pytest.approx(910 * 0.014, rel=0.01)
    assert trip.distance_mm[0] / 1e6 == pytest.approx(1_180 * 0.014, rel=0.01)
    assert trip.unknown_us[0] == 910 * S


def test_a_truck_found_elsewhere_hours_later_has_an_unknown_time_between():
    t = np.concatenate([np.arange(0, 600, 10), np.arange(9_000, 9_600, 10)])
    segments = driven(rows(t, np.where(t < 600, 0.0, 90_000.0)), 0.0)
    assert [trips.KINDS[k] for k in segments.kind] == ["stop", "unknown", "stop"]
    assert spans(segments, trips.UNKNOWN) == [(590, 9_000)]
    assert segments.gap_mm.tolist() == [0, pytest.approx(90e6, rel=0.001), 0]
    assert segments.distance_mm.tolist() == [0, 0, 0]


def test_a_shift_in_the_yard_is_no_trip():
    t = np.arange(0, 3_000, 10)
    north = there(t, (1_000, 0), (1_060, 200))
    segments = driven(rows(t, north), np.where(np.gradient(north) > 10, 3.0, 0.0))
    assert spans(segments, trips.STOP) == [(0, None)]
    assert len(spans(driven(rows(t, north), 3.0, limits=trips.Limits(trip_m=100)), trips.TRIP)) == 1


def test_the_devices_own_odometer_is_taken_and_carried_on_where_it_says_nothing():
    t = np.arange(0, 1_000, 10)
    given = np.full(len(t), np.nan)
    given[10] = 123_000.0
    odometer = driven(rows(t, t * 10.0), 10.0, odometer_m=given).odometer_mm
    assert odometer[-1] / 1e3 == pytest.approx(123_000 + 890 * 10, rel=0.001)


# ------------------------------------------------------------------ a generated day
STOPS = 6


def a_day(rng, vehicle, step_s, *, speed):
    """A round of six customers 3 to 9 km apart, ten minutes at each, lights on the way; and what happened."""
    t, at, happened = 600.0, np.zeros(2), []
    corners = [(0.0, at), (t, at)]
    for _ in range(STOPS):
        goal = at + rng.uniform(3_000, 9_000) * np.array([np.cos(a := rng.uniform(-0.7, 0.7)), np.sin(a)])
        half, took = (at + goal) / 2, np.hypot(*(goal - at)) / rng.uniform(9, 20)
        light = rng.uniform(20, 110)
        corners += [(t + took / 2, half), (t + took / 2 + light, half), (t + took + light, goal)]
        happened.append((t, t + took + light, goal))
        t, at = t + took + light + rng.uniform(420, 900), goal
        corners.append((t, at))
    times, places = np.array([c[0] for c in corners]), np.array([c[1] for c in corners])
    fixed = np.arange(0, t, step_s) + rng.integers(0, step_s)
    fixed = fixed[rng.random(len(fixed)) < 0.97]  # some are lost
    north, east = (np.interp(fixed, times, places[:, i]) for i in (0, 1))
    ahead = [np.interp(fixed + 1, times, places[:, i]) for i in (0, 1)]
    said = np.hypot(ahead[0] - north, ahead[1] - east) + rng.normal(0, 0.1, len(fixed))
    wild = rng.random(len(fixed)) < 0.005
    angle = rng.uniform(0, 2 * np.pi, len(fixed))
    north = north + rng.normal(0, 8, len(fixed)) + 200 * np.cos(angle) * wild
    east = east + rng.normal(0, 8, len(fixed)) + 200 * np.sin(angle) * wild
    fixes = rows(fixed, north, east, 8.0, vehicle)
    return fixes, said.clip(0) if speed else np.nan, happened


@pytest.mark.parametrize(("step_s", "speed"), [(10, True), (10, False), (30, True), (30, False), (60, False)])
def test_of_a_generated_day_no_visit_and_no_trip_is_missed_and_none_invented(step_s, speed):
    rng = np.random.default_rng(step_s)
    slack_s = 3 * step_s if speed else 2 * step_s + 130
    for vehicle in range(12):
        fixes, said, happened = a_day(rng, vehicle, step_s, speed=speed)
        segments = driven(fixes, said)
        found = spans(segments, trips.TRIP)
        assert len(found) == STOPS
        for (start, end), (left, came, _) in zip(found, happened, strict=True):
            assert start == pytest.approx(left, abs=slack_s)
            assert end == pytest.approx(came, abs=slack_s)
        fences = [Fence(i, 60 + at[0] * DEG, 25 + at[1] * DEG / 0.5, 150) for i, (*_, at) in enumerate(happened)]
        there = sorted(visits(fixes, *fences), key=lambda v: v[1])
        assert [site for site, *_ in there] == list(range(STOPS))
        for (_, entered, _), (_, came, _) in zip(there, happened, strict=True):
            assert entered == pytest.approx(came, abs=35 + 2 * step_s)  # a fix may be lost just then
        if speed:
            goals = np.array([np.zeros(2), *(goal for *_, goal in happened)])
            way = np.hypot(*np.diff(goals, axis=0).T).sum()
            total = segments.distance_mm[segments.kind == trips.TRIP].sum() / 1e3
            assert total == pytest.approx(way, rel=0.06)
