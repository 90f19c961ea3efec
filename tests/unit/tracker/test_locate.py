"""Where a vehicle is that is met on the way: on lines that cross, return and repeat themselves; made by seeds."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from domain.geo import EARTH_M
from domain.readings import F64, I64
from tests import recorded
from tests.benchmarks import located
from tests.examples import examples
from tracker.arrival_times.arrivals import Journey, Stops
from tracker.rules import locate
from tracker.rules.forecast import NO_TIME

S = 1_000_000
M = 180 / np.pi / EARTH_M  # degrees of latitude
LAT, LON = 60.0, 25.0
GPS_M = 8.0
EVERY_S = 20.0


def circle(share: F64) -> tuple[F64, F64]:
    turn = 2 * np.pi * share
    return 2_000 * np.sin(turn), 2_000 * (1 - np.cos(turn))


def eight(share: F64) -> tuple[F64, F64]:
    turn = 2 * np.pi * share
    return 3_000 * np.sin(turn), 2_000 * np.sin(2 * turn)


def out_and_back(share: F64) -> tuple[F64, F64]:
    out = 1 - np.abs(1 - 2 * share)
    return 6_000 * out, 400 * np.sin(5 * out)


def round_twice(share: F64) -> tuple[F64, F64]:
    """Along a street, round a block of houses past the same stops again, and on."""
    turn = 2 * np.pi * np.clip(2.5 * share - 0.75, 0, 1) * 2
    return 8_000 * (share - 0.2 * np.clip(2.5 * share - 0.75, 0, 1)) + 900 * np.sin(turn), 900 * (1 - np.cos(turn))


LINES = [circle, eight, out_and_back, round_twice]
Shape = Callable[[F64], tuple[F64, F64]]


class Road(NamedTuple):
    """A line as it is driven, stops every so often along it, in turn."""

    x: F64
    y: F64
    way_m: F64
    stop_m: F64

    @classmethod
    def of(cls, shape: Shape, apart_m: float) -> Road:
        x, y = shape(np.linspace(0, 1, 2_001))
        way = np.append(0, np.cumsum(np.hypot(np.diff(x), np.diff(y))))
        return cls(x, y, way, np.linspace(0, way[-1], max(round(way[-1] / apart_m), 2) + 1))

    def degrees(self, way_m: F64) -> tuple[F64, F64]:
        x, y = np.interp(way_m, self.way_m, self.x), np.interp(way_m, self.way_m, self.y)
        return LAT + y * M, LON + x * M / np.cos(np.radians(LAT))

    def stops(self, planned_s: F64 | None = None) -> Stops:
        lat, lon = self.degrees(self.stop_m)
        n = len(lat)
        planned = np.full(n, NO_TIME) if planned_s is None else np.rint(planned_s * S).astype(np.int64)
        return Stops.of([f"s{i}" for i in range(n)], lat, lon, planned, np.arange(n))

    def drive(self, rng: np.random.Generator, begin_m: float, count: int, mps: float = 10.0) -> tuple[F64, F64, F64]:
        """Way, and what a receiver says of it."""
        step = mps * EVERY_S * rng.uniform(0.4, 1.3, count)
        way = begin_m + np.cumsum(step) - step[0]
        way = way[way < self.way_m[-1] - 100]
        lat, lon = self.degrees(way)
        return way, lat + rng.normal(0, GPS_M * M, len(way)), lon + rng.normal(0, 2 * GPS_M * M, len(way))


def ahead(road: Road, way_m: F64) -> I64:
    return np.searchsorted(road.stop_m, way_m)


def nexts(stops: Stops, lat: F64, lon: F64, begin_s: float = 0.0) -> I64:
    journey, found = Journey(stops), []
    for i, (a, o) in enumerate(zip(lat.tolist(), lon.tolist(), strict=True)):
        journey.move(round((begin_s + i * EVERY_S) * S), a, o)
        found.append(journey.next)
    return np.array(found)


# ---- lines that repeat themselves -----------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", LINES)
def test_the_stop_ahead_is_right_from_the_third_fix_on_wherever_the_recording_begins(shape: Shape) -> None:
    off: list[int] = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        road = Road.of(shape, rng.uniform(300, 700))
        way, lat, lon = road.drive(rng, rng.uniform(0, 0.85) * road.way_m[-1], 25)
        off += np.abs(nexts(road.stops(), lat, lon) - ahead(road, way))[2:].tolist()
    assert np.mean(np.array(off) <= 1) >= 0.97
    assert np.mean(off) < 0.5


@given(st.integers(0, 10_000), st.floats(0.05, 0.9), st.sampled_from([circle, eight, round_twice]))
@settings(deadline=None, max_examples=examples(80))
def test_where_a_line_comes_by_twice_the_way_it_goes_on_decides(seed: int, share: float, shape: Shape) -> None:
    rng = np.random.default_rng(seed)
    road = Road.of(shape, 500.0)
    x, y = shape(np.array([share]))
    assume(float(np.hypot(x, y)[0]) > 500)  # who begins where the line does may be about to begin
    way, lat, lon = road.drive(rng, share * road.way_m[-1], 5)
    assert abs(int(nexts(road.stops(), lat, lon)[-1]) - int(ahead(road, way)[-1])) <= 1


@given(st.integers(0, 10_000), st.floats(0.05, 0.25), st.booleans(), st.floats(10, 25))
@settings(deadline=None, max_examples=examples(80))
def test_on_one_road_out_and_back_the_direction_decides(seed: int, share: float, back: bool, mps: float) -> None:
    rng = np.random.default_rng(seed)
    road = Road.of(out_and_back, 600.0)
    way, lat, lon = road.drive(rng, (1 - 0.6 * share if back else share) * road.way_m[-1] - 1_500 * back, 4, mps)
    assert abs(int(nexts(road.stops(), lat, lon)[-1]) - int(ahead(road, way)[-1])) <= 1


@given(st.integers(0, 10_000), st.integers(0, 5), st.floats(-120, 600))
@settings(deadline=None, max_examples=examples(40))
def test_a_timetable_tells_which_round_a_vehicle_is_on_if_it_is_about_in_time(seed: int, leg: int, late_s: float):
    """Six times along one road; ten minutes early it would as well be on the one before."""
    rng = np.random.default_rng(seed)
    once = np.linspace(0, 9_000, 16)
    north = np.concatenate([once if i % 2 == 0 else once[::-1] for i in range(6)])
    planned = np.concatenate([i * 1_500 + np.linspace(0, 1_200, 16) for i in range(6)])
    n = len(north)
    stops = Stops.of(
        [str(i) for i in range(n)], LAT + north * M, np.full(n, LON), (planned * S).astype(np.int64), np.arange(n)
    )
    way = rng.uniform(1_500, 6_500) + 150.0 * np.arange(4)
    at_s = leg * 1_500 + way[0] / 7.5 + late_s
    lat = LAT + (way if leg % 2 == 0 else 9_000 - way) * M + rng.normal(0, GPS_M * M, 4)
    found = nexts(stops, lat, np.full(4, LON), at_s)[-1]
    assert abs(int(found) - (16 * leg + 1 + int(way[-1] // 600))) <= 1


def test_who_is_on_the_first_of_three_rounds_is_not_taken_for_one_on_a_later() -> None:
    """The timetable counts at the first fix only."""
    road = Road.of(lambda share: circle(3 * share % 1), 500.0)
    stops = road.stops(road.stop_m / 8.0)
    for seed in range(10):
        way, lat, lon = road.drive(np.random.default_rng(seed), 0.0, 60)
        course = locate.Course.of(
            np.append(lat[0], stops.lat), np.append(lon[0], stops.lon), np.append(NO_TIME, stops.planned_us)
        )
        belief = locate.begin(course, 0, lat[0], lon[0])
        for i in range(1, len(lat)):
            belief = locate.follow(course, belief, round(i * EVERY_S * S), lat[i], lon[i])
        assert belief.within(way[-1] - 600, way[-1] + 600) > 0.9


def test_a_shape_is_followed_past_its_crossing() -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        road = Road.of(eight, 500.0)
        way, lat, lon = road.drive(rng, rng.uniform(0, 0.85) * road.way_m[-1], 25)
        line_lat, line_lon = (
            np.append(at, each[::10]) for at, each in zip((lat[0], lon[0]), road.degrees(road.way_m), strict=True)
        )
        n = len(line_lat)
        course = locate.Course.of(line_lat, line_lon, np.full(n, NO_TIME), np.arange(1, n, 10))
        belief = locate.begin(course, 0, lat[0], lon[0])
        for i in range(1, len(lat)):
            belief = locate.follow(course, belief, round(i * EVERY_S * S), lat[i], lon[i])
            if i >= 2:
                best = int(belief.log.argmax())
                assert abs(belief.way_m[best] - course.way_m[1] - way[i]) < 100
                assert abs(int(course.ahead[belief.segment[best]]) - way[i] / road.way_m[-1] * (n - 2) / 10) < 1.5


# ---- what is known of it --------------------------------------------------------------------------------------------


@given(
    st.lists(st.tuples(st.floats(-9_000, 9_000), st.floats(-9_000, 9_000), st.integers(1, 4_000)), max_size=12),
    st.sampled_from(LINES),
    st.booleans(),
)
@settings(deadline=None, max_examples=examples(60))
def test_weights_add_up_to_one_whatever_the_fixes(fixes: list[tuple[float, float, int]], shape: Shape, late: bool):
    road = Road.of(shape, 800.0)
    stops = road.stops(road.stop_m / 8.0 if late else None)
    lat, lon = np.append(LAT, stops.lat), np.append(LON, stops.lon)
    course = locate.Course.of(lat, lon, np.append(NO_TIME, stops.planned_us))
    t_us = 0
    belief = locate.begin(course, t_us, LAT, LON)
    for north, east, seconds in fixes:
        t_us += seconds * S
        belief = locate.follow(course, belief, t_us, LAT + north * M, LON + east * M)
        assert np.exp(belief.log).sum() == pytest.approx(1.0)
        assert (np.diff(belief.segment) > 0).all()
        assert (np.diff(belief.way_m) >= 0).all()
        assert belief.between(0.8)[0] <= belief.between(0.8)[1]


def test_who_stands_shows_nothing_new_however_long() -> None:
    road = Road.of(eight, 500.0)
    stops = road.stops()
    course = locate.Course.of(np.append(LAT, stops.lat), np.append(LON, stops.lon), np.full(len(stops) + 1, NO_TIME))
    begun = locate.begin(course, 0, LAT, LON)
    rng, belief = np.random.default_rng(1), begun
    for i in range(1, 200):
        belief = locate.follow(course, belief, i * 30 * S, LAT + rng.normal(0, 9 * M), LON + rng.normal(0, 9 * M))
    assert belief.log.tolist() == begun.log.tolist()
    assert belief.t_us == 199 * 30 * S


def test_a_fix_that_is_wrong_by_a_kilometre_moves_nobody() -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        road = Road.of(round_twice, 500.0)
        way, lat, lon = road.drive(rng, rng.uniform(0, 0.7) * road.way_m[-1], 14)
        wrong = rng.uniform(0, 2 * np.pi)
        lat[7], lon[7] = lat[7] + 900 * M * np.sin(wrong), lon[7] + 2 * 900 * M * np.cos(wrong)
        assert (np.abs(nexts(road.stops(), lat, lon) - ahead(road, way))[8:] <= 1).all()


# ---- journeys that are met ------------------------------------------------------------------------------------------


def reached(stops: Stops, fixes: list[tuple[float, float, float]]):
    journey, found = Journey(stops), []
    for t_s, lat, lon in fixes:
        found += journey.move(round(t_s * S), lat, lon)
    return journey, found


@given(st.integers(0, 10_000), st.floats(0, 0.85), st.sampled_from(LINES))
@settings(deadline=None, max_examples=examples(60))
def test_no_arrival_is_made_up_for_what_lies_behind(seed: int, share: float, shape: Shape) -> None:
    rng = np.random.default_rng(seed)
    road = Road.of(shape, 600.0)
    _, lat, lon = road.drive(rng, share * road.way_m[-1], 25)
    fixes = [(i * EVERY_S, a, o) for i, (a, o) in enumerate(zip(lat.tolist(), lon.tolist(), strict=True))]
    journey, found = reached(road.stops(), fixes)
    stops = [each.stop for each in found]
    assert stops == sorted(set(stops))
    assert all(0 <= each.at_us <= fixes[-1][0] * S for each in found)
    for each in found:
        near = np.hypot(lat - journey.stops.lat[each.stop], (lon - journey.stops.lon[each.stop]) / 2) / M
        step = int(each.at_us // (EVERY_S * S))
        assert near[step : step + 2].min() < 400, "it is said to have been where it was"


def test_the_leg_a_vehicle_is_met_on_teaches_nothing_and_the_next_one_does() -> None:
    road = Road.of(circle, 1_000.0)
    lat, lon = road.degrees(np.arange(3_300.0, 6_300.0, 150.0))
    _, found = reached(road.stops(), [(20.0 * i, a, o) for i, (a, o) in enumerate(zip(lat, lon, strict=True))])
    assert [each.stop for each in found] == [4, 5, 6]
    assert [each.set_out_us != NO_TIME for each in found] == [False, True, True]


def test_a_round_begins_at_its_depot_though_it_ends_there_too() -> None:
    road = Road.of(circle, 1_000.0)
    whole = road.stops()
    stops = Stops.of(whole.name[2:], whole.lat[2:], whole.lon[2:], whole.planned_us[2:], whole.place[2:])
    stands = [(60.0 * i, float(whole.lat[-1]), float(whole.lon[-1])) for i in range(60)]
    journey, found = reached(stops, stands)
    assert journey.next == 0
    assert found == []
    lat, lon = road.degrees(np.arange(0.0, 2_200.0, 200.0))
    journey, found = reached(
        stops, [*stands, *((3_600 + 20.0 * i, a, o) for i, (a, o) in enumerate(zip(lat, lon, strict=True)))]
    )
    assert [each.stop for each in found] == [0]


def tour(rng: np.random.Generator, across_m: float, count: int, every_s: float):
    """A round from a depot to stops anywhere, on roads some 1.3 times the beelines, with stays; and its arrivals."""
    places = rng.uniform(-across_m / 2, across_m / 2, (count + 1, 2))
    here, t_s, arrivals = places[-1], float(rng.uniform(0, 1_800)), []
    known = [(0.0, *here), (t_s, *here)]
    mps = rng.uniform(6, 20)
    for place in places:
        ahead_m, aside = place - here, np.array([here[1] - place[1], place[0] - here[0]])
        shares = np.sort(rng.uniform(0.1, 0.9, rng.integers(1, 4)))
        bends = [here + s * ahead_m + rng.normal(0, 0.5) * np.sqrt(s * (1 - s)) * aside for s in shares]
        for spot in [*bends, place]:
            t_s += float(np.hypot(*(spot - here))) / mps
            known.append((t_s, *spot))
            here = spot
        arrivals.append(t_s)
        t_s += rng.uniform(60, 1_800)
        known.append((t_s, *here))
    at_s, x, y = np.array(known).T
    seen_s = np.arange(0, at_s[-1], every_s)
    lat, lon = (np.interp(seen_s, at_s, each) + rng.normal(0, 10, len(seen_s)) for each in (y, x))
    n = len(places)
    names = [str(i) for i in range(n)]
    stops = Stops.of(names, LAT + places[:, 1] * M, LON + 2 * places[:, 0] * M, np.full(n, NO_TIME), np.arange(n))
    fixes = zip(seen_s.tolist(), (LAT + lat * M).tolist(), (LON + 2 * lon * M).tolist(), strict=True)
    return stops, list(fixes), arrivals


@pytest.mark.parametrize(
    ("across_m", "count", "every_s", "least"),
    [(5_000, 15, 20, 0.94), (8_000, 20, 30, 0.99), (30_000, 12, 60, 0.97), (200_000, 7, 120, 1.0)],
)
def test_who_makes_its_stops_in_turn_loses_hardly_any_to_roads_that_lie_alike(
    across_m: float, count: int, every_s: float, least: float
) -> None:
    """On long legs nothing is seen of a stop for hours, and a road may well follow a later leg for a while.

    One tour of a dozen stops in fifteen may come by so many later stops that it is taken to be there.
    """
    made = planned = 0
    for seed in range(15):
        stops, fixes, arrivals = tour(np.random.default_rng(seed), across_m, count, every_s)
        _, found = reached(stops, fixes)
        made += sum(abs(each.at_us / S - arrivals[each.stop]) < 300 + every_s for each in found)
        planned += len(stops)
    assert made >= least * planned


def test_after_a_gap_it_is_found_again_past_the_stops_it_made_unseen() -> None:
    road = Road.of(out_and_back, 600.0)
    seen, unseen = np.arange(0.0, 1_800.0, 150.0), np.arange(9_600.0, 10_600.0, 150.0)
    at_s = np.concatenate([seen, 600 + unseen]) / 10.0
    lat, lon = road.degrees(np.concatenate([seen, unseen]))
    journey, found = reached(road.stops(), list(zip(at_s.tolist(), lat.tolist(), lon.tolist(), strict=True)))
    assert abs(journey.next - int(ahead(road, unseen)[-1])) <= 1
    made = [each.stop for each in found]
    assert not any(5 <= stop <= 12 for stop in made), "nobody saw those at the far end"


@given(
    st.lists(st.tuples(st.floats(-500, 6_500), st.floats(-600, 600), st.integers(10, 300)), min_size=1, max_size=25),
    st.booleans(),
)
@settings(deadline=None, max_examples=examples(150))
def test_whatever_the_fixes_stops_are_reached_once_and_in_turn(fixes: list[tuple[float, float, int]], planned: bool):
    road = Road.of(out_and_back, 600.0)
    at_s = np.cumsum([seconds for *_, seconds in fixes])
    where = [(LAT + north * M, LON + 2 * east * M) for east, north, _ in fixes]  # 2: at 60 degrees
    journey, found = reached(
        road.stops(road.stop_m / 8.0 if planned else None),
        [(float(t), lat, lon) for t, (lat, lon) in zip(at_s, where, strict=True)],
    )
    stops = [each.stop for each in found]
    assert stops == sorted(set(stops))
    assert journey.next > max(stops, default=-1)
    assert [each.at_us for each in found] == sorted(each.at_us for each in found)


# ---- recordings -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", ["5A", "3T"])
def test_a_recorded_bus_that_is_met_on_the_way_has_the_right_stop_ahead(shared_data, line: str) -> None:
    trips = [located.trip(line, recorded.bus(line))]
    found = located.locate(trips, located.cuts(trips, 60))
    assert 100 * np.mean(np.abs(found.off) <= 1) >= located.RIGHT_PERCENT
