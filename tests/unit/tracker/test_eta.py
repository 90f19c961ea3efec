"""The parts of arrival times by themselves: residuals, ranges, rest, grades, forecasts."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tracker.rules import experts, grades, residuals, rest
from tracker.rules.forecast import NO_TIME, SWIFTEST_MPS, Driven, Knowledge, Legs, calm, in_turn, left_of_leg_s
from tracker.rules.ranges import ENOUGH, LEVELS, Ranges, Settled
from tracker.rules.residuals import Curve, Lane, Level, Residuals

HOUR_US = 3_600_000_000


def lane(*number):
    i = np.array(number, dtype=np.int64)
    return Lane(i, i // 2, i // 3, np.zeros(len(i)))


def legs(base_s, *, vehicle=None, now_us=0, planned_us=None, **columns):
    n = len(base_s)
    base, none = np.asarray(base_s, float), np.full(n, NO_TIME)
    own = {
        "vehicle": np.zeros(n, np.int64) if vehicle is None else np.asarray(vehicle),
        "now_us": np.full(n, now_us),
        "way_m": np.full(n, 10_000.0),
        "straight_m": np.zeros(n),
        "bearing_rad": np.zeros(n),
        "base_s": base,
        "timetabled": ~np.isnan(base),
        "lane": lane(*range(n)),
        "place": np.arange(n),
        "stood_s": np.zeros(n),
        "planned_us": none if planned_us is None else np.asarray(planned_us),
        "leaves_us": none,
        "not_before_us": none,
        "terminal": np.zeros(n, bool),
        "pace": np.zeros(n),
        "driven_s": np.zeros(n),
        "today_s": np.zeros(n),
    }
    return Legs(**(own | columns))


def outlook(known, ask, **options):
    return known.outlook(ask, ask.now_us, np.zeros(len(ask), np.int64), **options)


def told(known, ask):
    """What each expert says."""
    return outlook(known, ask).said_s


def expected(known, ask):
    """Seconds to the end of each leg."""
    return outlook(known, ask).mixed_s


# ---- residuals ------------------------------------------------------------------------------------------------------


def test_a_mean_is_believed_more_the_more_often_it_was_seen_and_forgotten_with_time() -> None:
    key, level, believed = np.array([7]), Level.empty(), []
    for n in (1, 10, 1000):
        for _ in range(n):
            level = level.learn(key, np.array([0.5]), np.ones(1), 0)
        believed.append(level.mean(key, np.zeros(1, np.int64), 8.0, 0.0)[0])
    assert believed == sorted(believed)
    assert believed[0] == pytest.approx(0.5 / 9)
    assert believed[-1] == pytest.approx(0.5, abs=0.01)
    later = level.mean(key, np.array([200 * residuals.DAY_US]), 8.0, 0.0)[0]
    assert later < 0.1 * believed[-1] + 0.05
    assert level.mean(np.array([8]), np.zeros(1, np.int64), 8.0, 1.5)[0] == 1.5


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 15), st.floats(0.2, 5)), min_size=1, max_size=20), st.randoms()
)
def test_what_is_learned_at_one_moment_does_not_depend_on_its_order(seen, random):
    shuffled = random.sample(seen, len(seen))
    found = []
    for rows in (seen, shuffled):
        number, part, value = (np.array(c) for c in zip(*rows, strict=True))
        known = Residuals.empty().learn(lane(*number), part, value, np.ones(len(part)), 5 * HOUR_US)
        asked = np.arange(16)
        found.append(known.ratio(lane(*asked % 6), asked, np.full(16, 6 * HOUR_US)))
    assert found[0].tolist() == found[1].tolist()


def test_a_slow_lane_is_told_from_a_slow_hour() -> None:
    rng, known = np.random.default_rng(1), Residuals.empty()
    for day in range(40):
        number, part = rng.integers(0, 10, 60), rng.integers(0, 8, 60)
        seen = np.exp(0.3 * (number == 3) + 0.2 * (part == 2) + rng.normal(0, 0.05, 60))
        known = known.learn(lane(*number), part, seen, np.ones(60), day * residuals.DAY_US)
    ask = lane(3, 5, 3, 5)
    found = np.log(known.ratio(ask, np.array([2, 2, 6, 6]), np.full(4, 40 * residuals.DAY_US)))
    assert found == pytest.approx([0.5, 0.2, 0.3, 0.0], abs=0.1)


@pytest.mark.parametrize("seed", range(5))
def test_expected_times_add_up_over_many_legs(seed) -> None:
    """Skewed legs of many lengths, also on lanes that are not known yet: the sums are right, not the medians."""
    rng, known = np.random.default_rng(seed), Residuals.empty()
    base, factor = rng.uniform(30, 900, 60), rng.uniform(0.7, 1.6, 60)
    expected = observed = 0.0
    for day in range(30):
        number = rng.integers(0, 60, 20)
        taken = base[number] * factor[number] * rng.lognormal(-0.125, 0.5, 20)
        at, part = np.full(20, day * residuals.DAY_US), rng.integers(0, 8, 20)
        if day >= 15:  # 300 legs
            expected += float((base[number] * known.ratio(lane(*number), part, at)).sum())
            observed += float(taken.sum())
        seen, weight = taken / base[number], residuals.weight_of(base[number])
        known = known.learn(lane(*number), part, seen, weight, day * residuals.DAY_US)
    assert 0.93 < expected / observed < 1.07


def test_keys_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(residuals, "KEYS_MAX", 10)
    level = Level.empty()
    for day in range(30):
        level = level.learn(np.array([day, 3]), np.ones(2), np.ones(2), day * residuals.DAY_US)
    assert len(level.key) == 10
    assert 3 in level.key, "the best known stay"
    assert (np.diff(level.key) > 0).all()


def test_the_curve_learns_way_and_direction() -> None:
    rng = np.random.default_rng(2)
    way, bearing = rng.uniform(500, 8_000, 2_000), rng.uniform(-np.pi, np.pi, 2_000)
    taken = (
        900
        * (way / 5_000) ** 0.6
        * np.exp(-0.3 * np.cos(2 * bearing) * np.exp(-way / 5_000) + rng.normal(0, 0.1, 2_000))
    )
    curve = Curve.prior()
    for at in range(0, 2_000, 100):
        rows = slice(at, at + 100)
        curve = curve.learn(way[rows], bearing[rows], taken[rows])
    ask = np.array([1_000.0, 1_000.0, 5_000.0])
    expected = 900 * (ask / 5_000) ** 0.6 * np.exp(-0.3 * np.array([1, -1, 0]) * np.exp(-ask / 5_000))
    assert curve.travel_s(ask, np.array([0, np.pi / 2, np.nan])) == pytest.approx(expected, rel=0.06)


# ---- ranges ---------------------------------------------------------------------------------------------------------


def settled(predicted, observed, *, arrival=None, trip=None, state=2, said=None, place=7):
    n = len(predicted)
    arrival = np.arange(n) if arrival is None else np.full(n, arrival)
    predicted, observed = np.asarray(predicted, float), np.asarray(observed, float)
    said = np.repeat(predicted[:, None], len(experts.NAMES), axis=1) if said is None else np.asarray(said, float)
    trips = arrival if trip is None else np.full(n, trip)
    return Settled(arrival, trips, predicted, np.full(n, state), np.full(n, place), said, observed)


@given(
    st.lists(st.tuples(st.floats(0, 1e5), st.floats(0, 1e5), st.integers(0, 3)), min_size=1, max_size=60),
    st.lists(st.floats(0, 1e6), min_size=1, max_size=20),
)
def test_quantiles_are_in_order_whatever_was_learned(rows, asked):
    known = Ranges.prior()
    for i, (predicted, observed, state) in enumerate(rows):
        known = known.learn(settled([predicted], [observed], arrival=i, state=state))
    for state in range(4):
        low, middle, high = known.around(np.array(asked), np.full(len(asked), state))
        assert (low >= 0).all()
        assert (low <= middle).all()
        assert (middle <= high).all()


@pytest.mark.parametrize("spread", [0.05, 0.5])
@pytest.mark.parametrize("early", [0.05, 0.7])
def test_four_of_five_arrivals_come_to_lie_within_the_range_around_its_middle(spread, early) -> None:
    rng, known, inside, before = np.random.default_rng(3), Ranges.prior(), [], []
    for i in range(1_500):
        predicted = np.array([3_000.0])
        observed = predicted * np.exp(rng.normal(early, spread))
        low, middle, high = known.around(predicted, np.full(1, 2))
        inside.append(bool(low[0] <= observed[0] <= high[0]))
        before.append(bool(observed[0] <= middle[0]))
        known = known.learn(settled(predicted, observed, arrival=i))
    assert 0.77 < np.mean(inside[500:]) < 0.83
    assert 0.4 < np.mean(before[500:]) < 0.6


def test_predictions_of_one_arrival_count_once() -> None:
    one = Ranges.prior().learn(settled([3e3], [4e3]))
    many = Ranges.prior().learn(settled([3e3] * 50, [4e3] * 50, arrival=0, trip=0))
    assert one.ends.tolist() == many.ends.tolist()


def test_the_arrivals_of_one_trip_count_as_one_trip() -> None:
    """Fifty stops that were all late on one trip say no more than two: it was late once."""
    few, many = Ranges.prior(), Ranges.prior()
    for i in range(50):
        each = settled([3e3], [4e3], arrival=i, trip=1)
        few = few.learn(each) if i < 2 else few
        many = many.learn(each)
    assert few.ends == pytest.approx(many.ends, abs=0.02)
    apart = Ranges.prior()
    for i in range(50):
        apart = apart.learn(settled([3e3], [4e3], arrival=i, trip=i))
    assert (apart.ends[:, 1] - many.ends[:, 1]).max() > 0.1


def test_a_range_says_on_how_many_trips_it_rests() -> None:
    known, state = Ranges.prior(), np.full(2, 2)
    asked = np.array([3e3, 6e4])
    for trip in range(12):
        assert known.experience(asked, state).tolist() == [trip, 0], "of this time to go; nothing is known further out"
        for stop in range(3):
            known = known.learn(settled([3e3, 3e3], [4e3, 4e3], arrival=3 * trip + stop, trip=trip))
    assert known.experience(asked, np.full(2, 0)).tolist() == [0, 0], "nor by way alone"


def test_with_enough_trips_the_ends_of_a_range_lie_within_what_was_seen() -> None:
    """Trips in any order: the next one is beyond all before it once in as many as there are, and the one after."""
    rng = np.random.default_rng(5)
    seen = rng.normal(0, 1, (4_000, ENOUGH + 1))
    for trips, beyond in ((ENOUGH, 0.1), (ENOUGH - 1, 1 / ENOUGH)):
        low = (seen[:, trips] < seen[:, :trips].min(axis=1)).mean()
        assert low == pytest.approx(beyond, abs=0.012)
    assert 1 / (ENOUGH + 1) <= LEVELS[0] < 1 / ENOUGH


# ---- experts --------------------------------------------------------------------------------------------------------


def replayed(observed, said):
    """Errors of the mixture and of each expert, each prediction settled before the next."""
    known, ranges, found = experts.Experts.none(), Ranges.prior(), []
    for i, (at, told) in enumerate(zip(observed, said, strict=True)):
        mixed = known.mixed(told[None, :], np.full(1, 1), np.full(1, 7))
        found.append(np.abs(np.append(mixed, told) - at))
        known = known.learn(settled(mixed, [at], arrival=i, said=told[None, :]), ranges)
    return np.array(found)


@given(st.integers(0, 2**32 - 1), st.lists(st.floats(-0.4, 0.4), min_size=5, max_size=5))
@settings(deadline=None, max_examples=examples(20))
def test_the_mixture_is_hardly_worse_than_the_best_expert(seed, bias):
    rng = np.random.default_rng(seed)
    observed = rng.uniform(2_000, 3_400, 200)
    said = observed[:, None] * np.exp(np.array(bias) + rng.normal(0, 0.1, (200, 5)))
    errors = replayed(observed, said)
    best = errors[:, 1:].mean(axis=0).min()
    regret = np.sqrt(200 * np.log(5) / 2) / 200 * errors[:, 1:].max(axis=1).mean()
    assert errors[:, 0].mean() <= best + regret + 1


def test_the_mixture_follows_when_another_expert_becomes_the_best() -> None:
    rng = np.random.default_rng(5)
    observed = rng.uniform(2_000, 3_400, 400)
    off = np.where(np.arange(400)[:, None] < 200, [0.0, 0.4, 0.4, 0.4, 0.4], [0.4, 0.0, 0.4, 0.4, 0.4])
    errors = replayed(observed, observed[:, None] * np.exp(off + rng.normal(0, 0.05, (400, 5))))
    assert errors[150:200, 0].mean() < 1.2 * errors[150:200, 1].mean()
    assert errors[350:, 0].mean() < 1.5 * errors[350:, 2].mean()


def test_an_expert_that_says_nothing_is_left_out_of_the_mean() -> None:
    said = np.array([[100.0, np.nan, 300.0, np.nan, np.nan], [np.nan, np.nan, np.nan, np.nan, 50.0]])
    mixed = experts.Experts.none().mixed(said, np.ones(2, int), np.zeros(2, int))
    assert mixed == pytest.approx([(2 * 100 + 3 * 300) / 5, 50.0])


# ---- rest -----------------------------------------------------------------------------------------------------------


@given(st.floats(0, 60), st.floats(0, 60), st.floats(0, 4.5), st.floats(0, 9))
def test_more_driving_never_needs_less_rest(hours, more, since, today):
    since = min(since, today)
    less, longer = rest.rest_s(np.array([hours, hours + more]) * 3600, since * 3600, today * 3600)
    assert 0 <= less <= longer


def test_rest_follows_the_regulation() -> None:
    assert rest.rest_s(np.array([4.0]), 4.49 * 3600, 4.49 * 3600)[0] == 0
    assert rest.rest_s(np.array([3600.0]), 4 * 3600.0, 4 * 3600.0)[0] == 45 * 60
    assert rest.rest_s(np.array([3600.0]), 4 * 3600.0, 8.5 * 3600)[0] >= 11 * 3600
    two_days = rest.rest_s(np.array([18.0 * 3600]))[0]
    assert two_days == 11 * 3600 + 2 * 45 * 60


# ---- grades ---------------------------------------------------------------------------------------------------------


def test_grades_say_what_happened() -> None:
    hour = HOUR_US
    made = np.array([0, hour, 0, hour])
    p50 = np.array([2 * hour, 2 * hour, 3 * hour, int(3.5 * hour)])
    arrived = np.array([2 * hour, 2 * hour, 4 * hour, 4 * hour])
    found = grades.grade(made, p50 - hour // 4, p50, p50 + hour // 2, arrived, np.array([1, 1, 2, 2]))
    all_ = found[0]
    assert (all_.n, all_.mae_min, all_.coverage, all_.width_min) == (4, 22.5, 0.75, 45.0)
    assert all_.mape == pytest.approx((0 + 0 + 1 / 4 + 0.5 / 3) / 4)
    assert (all_.within_15, all_.within_30, all_.jitter_min) == (0.5, 0.75, 15.0)
    assert sum(g.n for g in found[1:]) == 4
    assert [g.hours_out for g in found[1:]] == ["1-2 h", "2-4 h"]


@given(
    st.lists(st.integers(0, 10**11), min_size=3, max_size=3), st.lists(st.integers(0, 10**11), min_size=2, max_size=8)
)
def test_a_later_window_is_missed_less_likely(ends, windows):
    p10, p50, p90 = (np.int64(end) for end in sorted(ends))
    risk = grades.late_risk(p10, p50, p90, np.array(sorted(windows)))
    assert all(0 <= later <= earlier <= 1 for earlier, later in pairwise(risk.tolist()))


# ---- forecasts ------------------------------------------------------------------------------------------------------


@given(
    st.lists(st.tuples(st.integers(0, 3), st.floats(0, 2e4), st.booleans()), min_size=1, max_size=20),
    st.booleans(),
)
def test_stops_are_reached_in_turn(rows, resting):
    rows = sorted(rows, key=lambda row: row[0])
    base = np.array([s if known else np.nan for _, s, known in rows])
    vehicle = np.array([v for v, _, _ in rows])
    made = outlook(Knowledge.none(), legs(base, vehicle=vehicle), rest=resting)
    found = made.mixed_s + made.rest_s
    assert (found >= 0).all()
    same = vehicle[1:] == vehicle[:-1]
    assert (np.diff(found)[same] >= -1e-3).all()


def test_a_break_is_known_time_that_no_range_moves_or_widens() -> None:
    known = Knowledge.none()
    for trip in range(40):
        each = settled([1.2e4] * 3, [1.2e4 * (0.6 + 0.002 * trip)] * 3, arrival=trip, trip=trip)
        known = known.settle(each)
    ask = legs([1.2e4], driven_s=np.full(1, 4.4 * 3600))
    plain, rested = (outlook(known, ask, rest=resting) for resting in (False, True))
    assert plain.middle_s[0] < 0.97 * plain.mixed_s[0], "it is moved"
    for name in ("low_s", "middle_s", "high_s"):
        assert getattr(rested, name) - getattr(plain, name) == pytest.approx(rest.BREAK_S)
    assert (rested.rest_s[0], rested.mixed_s[0]) == (rest.BREAK_S, plain.mixed_s[0])
    assert rested.said_s == pytest.approx(plain.said_s, nan_ok=True)


def test_vehicles_do_not_disturb_one_another() -> None:
    base = np.array([100.0, 200.0, 300.0, 50.0])
    together = expected(Knowledge.none(), legs(base, vehicle=[0, 0, 1, 1]))
    assert together == pytest.approx([100, 300, 300, 350])


def test_a_leg_does_not_end_before_its_time_and_those_after_it_wait() -> None:
    hold = np.array([NO_TIME, 1_000_000_000, NO_TIME])
    assert expected(Knowledge.none(), legs([100, 100, 100], not_before_us=hold)) == pytest.approx([100, 1000, 1100])


def test_a_delay_against_the_timetable_goes_on_and_melts() -> None:
    hours = np.arange(4) * HOUR_US
    said = told(Knowledge.none(), legs([600, 3600, 3600, 3600], planned_us=hours))
    late = said - hours[:, None] / 1e6
    recovering, going_on, plan = (late[:, experts.NAMES.index(n)] for n in ("recovering", "plan_and_delay", "plan"))
    assert recovering[0] == 600
    assert (np.diff(recovering) < 0).all()
    assert recovering[-1] > 0
    assert going_on.tolist() == [600] * 4
    assert plan.tolist() == [0] * 4


@pytest.mark.parametrize("delay_h", [0.5, 1.5, 3, 30])
def test_a_long_delay_leaves_later_stops_a_drive_apart(delay_h) -> None:
    """Whoever is late by hours makes up some minutes of an hour: the stops do not fall on one moment."""
    hours = ((np.arange(4) - delay_h) * HOUR_US).astype(np.int64)
    found = told(Knowledge.none(), legs([600, 3600, 3600, 3600], planned_us=hours))
    assert (np.diff(found[:, experts.NAMES.index("recovering")]) >= 0.8 * 3600).all()


def test_who_waits_for_its_time_leaves_then_and_as_late_as_is_usual_there() -> None:
    known = Knowledge.none()
    for day in range(30):
        known = known.learn_late(np.array([3]), np.array([day * residuals.DAY_US]), np.array([240.0]))
    now = 30 * residuals.DAY_US
    leaves, here = np.array([now + 900 * 1_000_000, NO_TIME]), np.array([True, False])
    ask = legs([100, 100], now_us=now, leaves_us=leaves, terminal=here, place=np.array([3, 4]))
    assert expected(known, ask)[0] == pytest.approx(900 + 240 + 100, abs=100)
    assert told(known, ask)[:, 0] == pytest.approx([900 + 240 + 100, 900 + 240 + 200], abs=25)


@given(st.lists(st.tuples(st.floats(0, 1e4), st.integers(-(10**6), 10**6)), min_size=1, max_size=12))
def test_a_strange_timetable_does_not_turn_stops_round(rows):
    base, planned = zip(*rows, strict=True)
    hold = np.where(np.array(planned) > 9 * 10**5, np.array(planned) * 10**6, NO_TIME)
    found = expected(Knowledge.none(), legs(base, planned_us=np.array(planned) * 10**6, not_before_us=hold))
    assert (np.diff(found, prepend=0.0) >= -1e-3).all()


late = st.one_of(st.floats(-6, 0), st.floats(0, 0.5), st.floats(0, 72))


@given(st.lists(st.tuples(st.integers(0, 2), st.floats(0, 9e4), st.floats(0, 7200)), min_size=1, max_size=12), late)
def test_a_stop_is_at_least_a_plausible_drive_after_the_one_before_however_late_the_vehicle_is(rows, late_h):
    """Early, in time, or with a plan that is days past; also with a timetable that nobody can keep."""
    rows = sorted(rows, key=lambda row: row[0])
    vehicle, way, takes = (np.array([row[i] for row in rows]) for i in range(3))
    starts = np.append(True, vehicle[1:] != vehicle[:-1])
    due = np.cumsum(takes) - takes[0] - late_h * 3600
    ask = legs(takes, vehicle=vehicle, planned_us=(due * 1e6).astype(np.int64), straight_m=way, way_m=1.3 * way)
    found = expected(Knowledge.none(), ask)
    least = way / SWIFTEST_MPS
    assert (np.diff(found, prepend=0.0) >= least - 1e-3)[~starts].all()
    assert (found >= least - 1e-3)[starts].all()
    shown = in_turn(ask, np.random.default_rng(len(rows)).integers(-(10**10), 10**10, len(rows)))
    assert (np.diff(shown, prepend=0) >= least * 1e6)[~starts].all()
    assert (shown >= least * 1e6)[starts].all()
    assert (in_turn(ask, shown) == shown).all()


def test_what_was_driven_is_expected_again_and_a_stay_too() -> None:
    known, n = Knowledge.none(), 8
    for day in range(20):
        t_us = np.full(n, day * residuals.DAY_US)
        driven = Driven(
            t_us, np.full(n, 1e4), np.zeros(n), np.full(n, 1e3), np.zeros(n, bool), lane(*range(n)), np.full(n, 1.5e3)
        )
        known = known.learn_driven(driven)
        known = known.learn_stays(np.arange(n), t_us, np.full(n, 1_800.0), np.full(n, 1e3))
    ask = legs([1_000.0, 1_000.0], now_us=20 * residuals.DAY_US, timetabled=np.zeros(2, bool))
    found = told(known, replace(ask, stood_s=np.array([np.nan, 0.0])))[:, 0]
    assert found[0] == pytest.approx(1_500, rel=0.1)
    assert found[1] - found[0] == pytest.approx(1_500 + 1_800, rel=0.15)


@given(st.floats(1, 1e4), st.floats(0, 1.5), st.floats(0, 1e4))
def test_what_is_left_of_a_leg_is_nothing_at_its_end_and_never_negative(leg, left, gone):
    assert left_of_leg_s(leg, left, gone) >= 0
    assert left_of_leg_s(leg, 0.0, gone) <= 1e-9
    assert left_of_leg_s(leg, 1.0, 0.0) == pytest.approx(leg)


@given(st.integers(-(10**10), 10**10), st.floats(0, 1e5), st.floats(0, 1e4))
def test_the_shown_time_lies_between_the_last_one_and_the_computed(off, remaining, elapsed):
    shown = calm(np.array([10**12]), np.array([10**12 + off]), np.array([remaining]), np.array([elapsed]))[0]
    assert min(0, off) - 1 <= shown - 10**12 <= max(0, off) + 1
    assert calm(np.array([NO_TIME]), np.array([5]), np.array([9.0]), np.array([0.0]))[0] == 5
