"""Stops and trips by class of vehicle: short stops without a speed, and what a courier's limits must not invent."""

from __future__ import annotations

import numpy as np
import pytest

from domain.habits import habits, suggested
from domain.vehicles import CLASSES, code_of
from tests.benchmarks import stops as recorded_rounds
from tests.unit.tracker.test_positions import STOPS, a_day, driven, rows, spans
from tracker.rules import motion, trips

BY_PACE = sorted(name for name, limits in motion.OF_CLASS.items() if limits.by_pace)


def a_round(rng, step_s, noise_m, stay_s=(45, 150)):
    """Forty doorsteps 80 to 600 m apart, so long at each, and a light on the way of each: fixes, stays."""
    t, at, stays, corners = 300.0, 0.0, [], [(0.0, 0.0), (300.0, 0.0)]
    for _ in range(40):
        way_m, light_s = rng.uniform(80, 600), rng.uniform(5, 20)
        half_s = way_m / 2 / rng.uniform(5, 11)
        corners += [(t + half_s, at + way_m / 2), (t + half_s + light_s, at + way_m / 2)]
        t, at = t + 2 * half_s + light_s, at + way_m
        corners.append((t, at))
        stays.append((t, t + rng.uniform(*stay_s)))
        t = stays[-1][1]
        corners.append((t, at))
    times, places = np.array(corners).T
    fixed = np.arange(0, t, step_s)
    north = np.interp(fixed, times, places) + rng.normal(0, noise_m, len(fixed))
    return rows(fixed, north, rng.normal(0, noise_m, len(fixed)), max(noise_m, 3.0)), stays


def found(stays, stops):
    """How many stays a stop covers for more than half of their time."""
    ends = [(a, np.inf if b is None else b) for a, b in stops]
    return sum(any(min(b, till) - max(a, since) > (till - since) / 2 for a, b in ends) for since, till in stays)


@pytest.mark.parametrize("step_s", [2, 5, 10])
def test_a_couriers_doorsteps_are_found_without_a_speed_and_its_lights_are_none(step_s):
    fixes, stays = a_round(np.random.default_rng(step_s), step_s, 0.5)
    stops = spans(driven(fixes, limits=motion.OF_CLASS["courier"]), trips.STOP)
    assert found(stays, stops) == 40
    assert len(stops) <= 43  # where it set off, and a light that lasted with the fixes around it
    assert found(stays, spans(driven(fixes), trips.STOP)) < 20


def test_a_couriers_doorsteps_are_found_with_a_speed_too():
    fixes, stays = a_round(np.random.default_rng(1), 5, 0.0)
    way = np.hypot(np.diff(fixes.lat), np.diff(fixes.lon) / 2) * 111_195
    speed = np.append(way / np.diff(fixes.t_us / 1e6), 0.0)
    assert found(stays, spans(driven(fixes, speed, limits=motion.OF_CLASS["courier"]), trips.STOP)) == 40


@pytest.mark.parametrize("name", BY_PACE)
@pytest.mark.parametrize("step_s", [1, 5, 10, 30, 60])
@pytest.mark.parametrize("noise_m", [2.0, 5.0])
def test_a_parked_vehicle_of_any_class_makes_no_trip_by_the_errors_of_its_fixes(name, step_s, noise_m):
    rng = np.random.default_rng(step_s)
    t = np.arange(0, 6 * 3_600, step_s)
    north, east = rng.normal(0, noise_m, (2, len(t)))
    for accuracy_m in (noise_m, np.nan):
        assert spans(driven(rows(t, north, east, accuracy_m), limits=motion.OF_CLASS[name]), trips.TRIP) == []


@pytest.mark.parametrize("step_s", [5, 10, 20])
def test_a_vans_stops_of_two_minutes_are_found_without_a_speed(step_s):
    fixes, stays = a_round(np.random.default_rng(step_s), step_s, 1.0, (120, 300))
    stops = spans(driven(fixes, limits=motion.OF_CLASS["van"]), trips.STOP)
    assert found(stays, stops) >= 30  # who is less than 150 m further on has not left
    assert found(stays, spans(driven(fixes), trips.STOP)) < found(stays, stops)


@pytest.mark.parametrize("name", ["truck", "bus"])
@pytest.mark.parametrize(("step_s", "speed"), [(10, True), (10, False), (30, False), (60, False)])
def test_trips_of_a_round_with_lights_are_found_as_a_truck_and_as_a_bus(name, step_s, speed):
    rng = np.random.default_rng(step_s)
    for vehicle in range(4):
        fixes, said, happened = a_day(rng, vehicle, step_s, speed=speed)
        mine = spans(driven(fixes, said, limits=motion.OF_CLASS[name]), trips.TRIP)
        assert len(mine) == STOPS
        for (start, end), (left, came, _) in zip(mine, happened, strict=True):
            assert start == pytest.approx(left, abs=3 * step_s + 130)
            assert end == pytest.approx(came, abs=3 * step_s + 130)


def test_a_bus_that_waits_on_its_line_for_three_and_a_half_minutes_goes_on_with_its_trip():
    t = np.arange(0, 3_000, 10)
    north = np.interp(t, [0, 600, 1_200, 1_410, 2_010, 3_000], [0, 0, 5_000, 5_000, 10_000, 10_000])
    fixes, speed = rows(t, north), np.where(np.gradient(north) > 1, 8.0, 0.0)
    assert len(spans(driven(fixes, speed, limits=motion.OF_CLASS["bus"]), trips.TRIP)) == 1
    assert len(spans(driven(fixes, speed), trips.TRIP)) == 2


def test_a_truck_has_the_limits_of_who_is_told_no_class():
    assert motion.OF_CLASS["truck"] == motion.Limits()
    fixes, said, _ = a_day(np.random.default_rng(1), 1, 10, speed=False)
    one = driven(fixes, said, limits=motion.limits_of(np.array([code_of("truck")])))
    assert repr(one) == repr(driven(fixes, said))


def test_every_class_has_limits_and_a_code_of_its_own():
    assert set(motion.OF_CLASS) == set(CLASSES)
    codes = [code_of(name) for name in (None, *CLASSES)]
    assert codes == list(range(len(CLASSES) + 1))
    columns = motion.limits_of(np.array(codes))
    for i, name in enumerate(CLASSES, start=1):
        assert [column[i] for column in columns] == list(motion.OF_CLASS[name])


@pytest.mark.skipif(not recorded_rounds.here(), reason=f"no recording {recorded_rounds.FILE}")
def test_of_recorded_rounds_that_nothing_was_tuned_on_stops_are_told_better_than_by_a_plain_threshold():
    courier, truck = motion.OF_CLASS["courier"], motion.OF_CLASS["truck"]
    even, odd = recorded_rounds.rounds(0), recorded_rounds.rounds(1)
    assert recorded_rounds.accuracy(even, courier) > 0.87
    assert recorded_rounds.accuracy(odd, courier) > max(0.87, recorded_rounds.plain(odd, 2.1))
    assert recorded_rounds.accuracy(odd, truck) < 0.7


@pytest.mark.skipif(not recorded_rounds.here(), reason=f"no recording {recorded_rounds.FILE}")
def test_recorded_rounds_speak_for_a_courier():
    fixes = recorded_rounds.rounds(1).fixes
    apart_us = 1_000_000_000 * fixes.entity  # one after the other, as if one vehicle had made them all
    assert suggested(habits(fixes.t_us + apart_us, fixes.lat, fixes.lon)) == "courier"


def test_a_round_by_its_halts_speaks_for_a_courier_a_bus_a_van_or_a_truck():
    rng = np.random.default_rng(1)
    for every_m, stay_s, name in ((400, 80, "courier"), (700, 35, "bus"), (3_000, 90, "van"), (50_000, 900, "truck")):
        way_m = np.arange(0, 120_000, every_m)
        t, north = [0.0], [0.0]
        for here in way_m:
            t += [t[-1] + stay_s, t[-1] + stay_s + every_m / 11.0]
            north += [here, here + every_m]
        fixed = np.arange(0, t[-1], 5)
        metres = np.interp(fixed, t, north) + rng.normal(0, 0.5, len(fixed))
        fixes = rows(fixed, metres)
        assert suggested(habits(fixes.t_us, fixes.lat, fixes.lon)) == name
        dense = rows(np.arange(0, t[-1]), np.interp(np.arange(0, t[-1]), t, north))
        assert suggested(habits(dense.t_us, dense.lat, dense.lon)) == name
