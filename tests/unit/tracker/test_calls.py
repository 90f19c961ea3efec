"""Calls at stops: a function of the stops and the stays, in whatever order the stays are told."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.folds.scan import NEVER
from tracker.rules.calls import (
    AFTER_US,
    MINUTE_US,
    PASSING_US,
    Call,
    Course,
    Deviation,
    Limits,
    Plan,
    Planned,
    Stay,
    evaluate,
)

LATE_US = 100_000 * MINUTE_US
ROUTE = [Planned(1, 10), Planned(2, 20), Planned(3, 30), Planned(4, 40)]


def course(*stays, stops=ROUTE, now=LATE_US // MINUTE_US, since=0, loaded=False, given=False, settled=None):
    """Stays `(fence, entered, left)` and times in minutes; `left` None while there."""
    made = [Stay(f, a * MINUTE_US, NEVER if b is None else b * MINUTE_US) for f, a, b in stays]
    return evaluate(Plan(stops, since * MINUTE_US, loaded, given, settled or {}), made, now * MINUTE_US, Limits())


def calls(found: Course):
    return [
        (c.stop_id, c.arrived_us // MINUTE_US, None if c.departed_us == NEVER else c.departed_us // MINUTE_US)
        for c in found.calls
    ]


def deviations(found: Course):
    return [(d.kind, d.stop_id) for d in found.deviations]


def test_a_tour_in_order_calls_everywhere_and_is_delivered_at_the_last_stop():
    found = course((10, 5, 30), (20, 60, 70), (30, 80, 90), (40, 120, None), now=125)
    assert calls(found) == [(1, 5, 30), (2, 60, 70), (3, 80, 90), (4, 120, None)]
    assert found.deviations == []
    assert (found.status, found.started_us, found.delivered_us) == ("delivered", 30 * MINUTE_US, 120 * MINUTE_US)


def test_nothing_is_delivered_before_it_is_loaded_unless_it_is_aboard_already():
    stays = ((20, 5, 30), (30, 60, 70))
    assert (calls(course(*stays)), course(*stays).status) == ([], "planned")
    aboard = course(*stays, loaded=True, since=1)
    assert (calls(aboard), aboard.status, aboard.started_us) == ([(2, 5, 30), (3, 60, 70)], "in_transit", MINUTE_US)


def test_what_the_vehicle_did_before_is_not_this_shipments_but_where_it_stands_is():
    assert calls(course((10, 5, 30), (10, 90, 120), since=100)) == [(1, 90, 120)]
    assert calls(course((10, 5, 30), (20, 50, 60), since=60)) == []


def test_driving_past_a_later_stop_is_no_call_and_staying_there_is():
    past = course((10, 5, 30), (30, 50, 51), (20, 60, 70))
    assert calls(past) == [(1, 5, 30), (2, 60, 70)]
    assert past.deviations == []
    standing = course((10, 5, 30), (30, 50, None), now=51)
    assert (calls(standing), standing.due_us) == ([(1, 5, 30)], 50 * MINUTE_US + PASSING_US - 1)
    assert calls(course((10, 5, 30), (30, 50, None), now=54)) == [(1, 5, 30), (3, 50, None)]


def test_a_stop_left_out_is_skipped_until_it_is_served_out_of_sequence():
    skipped = course((10, 5, 30), (30, 50, 60))
    assert skipped.deviations == [Deviation("skipped", 2, 50 * MINUTE_US, NEVER)]
    assert skipped.status == "in_transit"
    later = course((10, 5, 30), (30, 50, 60), (20, 80, 90))
    assert calls(later) == [(1, 5, 30), (2, 80, 90), (3, 50, 60)]
    assert deviations(later) == [("out_of_sequence", 2)]
    too_late = (20, 101 + AFTER_US // MINUTE_US, 300 + AFTER_US // MINUTE_US)
    assert deviations(course((10, 5, 30), (30, 50, 60), (40, 100, 110), too_late)) == [("skipped", 2)]


def test_a_late_departure_is_measured_against_the_window_and_the_stay_expected_there():
    stops = [Planned(1, 10, 0, 20 * MINUTE_US), Planned(2, 20, 0, 60 * MINUTE_US), Planned(3, 30)]
    assert deviations(course((10, 5, 20), (20, 55, 70), stops=stops)) == []
    found = course((10, 5, 21), (20, 55, 71), stops=stops)
    assert found.deviations == [
        Deviation("late_departure", 1, 20 * MINUTE_US, 21 * MINUTE_US),
        Deviation("late_departure", 2, 70 * MINUTE_US, 71 * MINUTE_US),
    ]


def test_a_prolonged_stop_is_told_while_it_lasts_and_says_when_to_look_again():
    waiting = course((10, 5, None), now=45)
    assert (waiting.deviations, waiting.due_us) == ([], 45 * MINUTE_US)
    lasting = course((10, 5, None), now=46)
    assert lasting.deviations == [Deviation("prolonged_stop", 1, 45 * MINUTE_US, NEVER)]
    assert course((10, 5, 90)).deviations == [Deviation("prolonged_stop", 1, 45 * MINUTE_US, 90 * MINUTE_US)]
    opens = [Planned(1, 10, 60 * MINUTE_US), *ROUTE[1:]]
    assert course((10, 5, 90), stops=opens).deviations == []  # it waited for the window to open


def test_resting_at_home_after_the_tour_is_nobodys_concern():
    tour = [Planned(1, 10), Planned(2, 20), Planned(3, 10)]
    found = course((10, 5, 30), (20, 60, 70), (10, 90, None), stops=tour)
    assert (calls(found)[2], found.status, found.deviations) == ((3, 90, None), "delivered", [])


def test_coming_back_at_once_prolongs_a_call_and_later_loads_anew():
    tour = [Planned(1, 10), Planned(2, 20), Planned(3, 10)]
    flap = course((10, 5, 30), (10, 40, 50), (20, 60, 70), (20, 75, 80), (20, 200, 210), stops=tour)
    assert calls(flap) == [(1, 5, 50), (2, 60, 80)]
    anew = course((10, 5, 30), (10, 300, 330), (20, 400, 410), (10, 500, None), stops=tour)
    assert calls(anew) == [(1, 300, 330), (2, 400, 410), (3, 500, None)]


def test_a_place_on_the_tour_several_times_is_served_behind_the_last_stop_first():
    tour = [Planned(1, 10), Planned(2, 20), Planned(3, 10), Planned(4, 30), Planned(5, 10)]
    found = course((10, 5, 30), (30, 60, 70), (10, 90, 100), stops=tour)
    assert calls(found) == [(1, 5, 30), (4, 60, 70), (5, 90, 100)]
    assert (deviations(found), found.status) == ([("skipped", 2), ("skipped", 3)], "delivered")


stays = st.lists(
    st.tuples(st.sampled_from([10, 20, 30, 40, 99]), st.integers(0, 400), st.integers(1, 120)), max_size=14
).map(lambda rows: [Stay(f, a * MINUTE_US, (a + d) * MINUTE_US) for f, a, d in rows])
routes = st.lists(st.sampled_from([10, 20, 30, 40]), min_size=1, max_size=6).map(
    lambda fences: [Planned(i, f, 0, 200 * MINUTE_US) for i, f in enumerate(fences, 1)]
)


# ---- stops in a row at one place ------------------------------------------------------------------------------------

DC, SHOP, SHOP_TOO, FAR = Planned(1, 10), Planned(2, 20), Planned(3, 20), Planned(4, 30)


@pytest.mark.parametrize(
    ("stops", "told", "found", "status"),
    [
        ([DC, SHOP, SHOP_TOO], [(10, 0, 10), (20, 40, 60)], [(1, 0, 10), (2, 40, 60), (3, 40, 60)], "delivered"),
        ([DC, SHOP, SHOP_TOO], [(10, 0, 10), (20, 40, 41)], [(1, 0, 10), (2, 40, 41), (3, 40, 41)], "delivered"),
        (
            [DC, SHOP, SHOP_TOO, Planned(5, 20), FAR],
            [(10, 0, 10), (20, 40, 60), (30, 90, None)],
            [(1, 0, 10), (2, 40, 60), (3, 40, 60), (5, 40, 60), (4, 90, None)],
            "delivered",
        ),
        (
            [DC, Planned(5, 10), SHOP],
            [(10, 0, 10), (20, 40, 60)],
            [(1, 0, 10), (5, 0, 10), (2, 40, 60)],
            "delivered",
        ),
        ([DC, Planned(5, 10), SHOP], [(10, 0, 10), (10, 90, 99)], [(1, 90, 99), (5, 90, 99)], "in_transit"),
        (  # the other stop is a place of its own, which the yard of the first holds, or the other way round
            [DC, SHOP, Planned(3, -3, place_id=20), FAR],
            [(10, 0, 10), (20, 40, 60), (-3, 41, 59)],
            [(1, 0, 10), (2, 40, 60), (3, 40, 60)],
            "in_transit",
        ),
        (
            [DC, SHOP, Planned(3, -3, place_id=20), FAR],
            [(10, 0, 10), (-3, 39, 61), (20, 40, 60)],
            [(1, 0, 10), (2, 39, 61), (3, 39, 61)],
            "in_transit",
        ),
        (  # one fence was never entered: the receiver stood at its edge
            [DC, SHOP, Planned(3, -3, place_id=20)],
            [(10, 0, 10), (20, 40, 60)],
            [(1, 0, 10), (2, 40, 60), (3, 40, 60)],
            "delivered",
        ),
        (  # coming back at once prolongs both
            [DC, SHOP, SHOP_TOO, FAR],
            [(10, 0, 10), (20, 40, 60), (20, 65, 80)],
            [(1, 0, 10), (2, 40, 80), (3, 40, 80)],
            "in_transit",
        ),
        (  # later is another visit: what was delivered was delivered
            [DC, SHOP, SHOP_TOO, FAR],
            [(10, 0, 10), (20, 40, 60), (20, 200, 230)],
            [(1, 0, 10), (2, 40, 60), (3, 40, 60)],
            "in_transit",
        ),
        (  # unless it is the one that was planned for then
            [DC, SHOP, Planned(3, 20, 210 * MINUTE_US, 240 * MINUTE_US)],
            [(10, 0, 10), (20, 40, 60), (20, 200, 230)],
            [(1, 0, 10), (2, 40, 60), (3, 200, 230)],
            "delivered",
        ),
        (  # another place between: not the same
            [DC, SHOP, FAR, Planned(5, 20)],
            [(10, 0, 10), (20, 40, 60)],
            [(1, 0, 10), (2, 40, 60)],
            "in_transit",
        ),
        (
            [DC, SHOP, FAR, Planned(5, 20)],
            [(10, 0, 10), (20, 40, 60), (30, 90, 95), (20, 120, 130)],
            [(1, 0, 10), (2, 40, 60), (4, 90, 95), (5, 120, 130)],
            "delivered",
        ),
    ],
)
def test_stops_in_a_row_at_one_place_are_served_by_the_stay(stops, told, found, status):
    made = course(*told, stops=stops)
    assert (calls(made), made.status) == (found, status)
    assert "skipped" not in [kind for kind, _ in deviations(made)]
    assert "out_of_sequence" not in [kind for kind, _ in deviations(made)]


def test_a_stay_for_two_orders_may_take_as_long_as_two_and_is_told_once():
    closes = [Planned(i, 20, closes_us=60 * MINUTE_US) for i in (2, 3)]
    two = [DC, *closes, FAR]
    assert deviations(course((10, 0, 10), (20, 40, 80), stops=two)) == []
    found = course((10, 0, 10), (20, 40, 91), stops=two)
    assert found.deviations == [
        Deviation("late_departure", 3, 80 * MINUTE_US, 91 * MINUTE_US),
        Deviation("prolonged_stop", 3, 90 * MINUTE_US, 91 * MINUTE_US),
    ]


@given(
    st.lists(st.sampled_from([10, 20, 30, 40]), min_size=1, max_size=5),
    st.lists(st.integers(1, 3), min_size=5, max_size=5),
    st.lists(st.tuples(st.sampled_from([10, 20, 30, 40, 99]), st.integers(0, 400), st.integers(1, 120)), max_size=14),
    st.booleans(),
    st.integers(0, 100),
)
def test_a_stop_planned_several_times_in_a_row_fares_as_one(fences, times, told, loaded, since):
    """Whatever the tour: each copy has the call of the stop, and status, start and delivery are the same."""
    route = [f for i, f in enumerate(fences) if not i or f != fences[i - 1]]
    once = [Planned(100 * i, f) for i, f in enumerate(route)]
    often = [s._replace(id=s.id + n) for s, k in zip(once, times, strict=False) for n in range(k)]
    made = [Stay(f, a * MINUTE_US, (a + d) * MINUTE_US) for f, a, d in told]
    one, many = (evaluate(Plan(s, since * MINUTE_US, loaded), made, LATE_US, Limits()) for s in (once, often))
    assert {c.stop_id // 100 * 100: c[1:] for c in many.calls} == {c.stop_id: c[1:] for c in one.calls}
    assert len(many.calls) == sum(times[c.stop_id // 100] for c in one.calls)
    assert many[2:5] == one[2:5]
    for kind in ("skipped", "out_of_sequence"):
        assert {d.stop_id // 100 * 100 for d in many.deviations if d.kind == kind} == {
            d.stop_id for d in one.deviations if d.kind == kind
        }


# ---- registered under way -------------------------------------------------------------------------------------------

TOUR = ((10, 5, 30), (20, 60, 70), (30, 80, 90), (40, 120, 140))
WINDOWED = [Planned(1, 10, 0, 40 * MINUTE_US), *ROUTE[1:]]


@given(st.integers(0, 700), st.booleans(), st.integers(0, 28), st.integers(1, 60))
def test_whenever_it_is_registered_the_shipment_has_the_course_it_has_had(since, loaded, opens, lasts):
    """Before, at, between and after the stops; the planned time of the pick-up tells it from an earlier tour."""
    stops = [Planned(1, 10, opens * MINUTE_US, (opens + lasts) * MINUTE_US), *ROUTE[1:]]
    earlier = [(10, -900, -860), (20, -800, -790), (40, -760, -750)]
    found = course(*earlier, *TOUR, stops=stops, since=since, loaded=loaded and since > 30)
    assert calls(found) == [(1, 5, 30), (2, 60, 70), (3, 80, 90), (4, 120, 140)]
    assert (found.status, found.started_us, found.delivered_us) == ("delivered", 30 * MINUTE_US, 120 * MINUTE_US)
    assert "skipped" not in [kind for kind, _ in deviations(found)]


def test_what_a_vehicle_will_have_later_is_not_under_way():
    found = course((10, 5, 30), (20, 60, 70), stops=WINDOWED, since=80, now=75, given=True)
    assert (found.calls, found.status, found.due_us) == ([], "planned", 80 * MINUTE_US)


def test_who_says_since_when_the_vehicle_has_it_says_that_nothing_before_was_a_pick_up():
    found = course((10, 5, 30), (20, 60, 70), (10, 300, 330), (20, 400, 410), stops=WINDOWED, since=200, given=True)
    assert (calls(found), found.started_us) == ([(1, 300, 330), (2, 400, 410)], 330 * MINUTE_US)


def test_while_the_window_of_the_first_stop_lasts_the_vehicle_may_still_come_for_the_goods():
    stops = [Planned(1, 10, 0, 100 * MINUTE_US), *ROUTE[1:]]
    waits = course((10, 5, 30), (20, 60, 70), stops=stops, since=50, now=80)
    assert (waits.calls, waits.status, waits.due_us) == ([], "planned", 100 * MINUTE_US)
    gone = course((10, 5, 30), (20, 60, 70), stops=stops, since=50, now=101)
    assert (calls(gone), gone.started_us) == ([(1, 5, 30), (2, 60, 70)], 30 * MINUTE_US)
    back = course((10, 5, 30), (20, 60, 70), (10, 90, 95), (20, 130, 140), stops=stops, since=50, now=200)
    assert (calls(back), back.started_us) == ([(1, 90, 95), (2, 130, 140)], 95 * MINUTE_US)


@pytest.mark.parametrize(
    ("told", "since", "loaded", "started"),
    [
        ([(20, 60, 70)], 50, False, 50),  # nobody saw the pick-up: since the vehicle has it
        ([(20, 60, 70), (10, 300, 330)], 50, False, 50),  # home again is no pick-up
        ([(10, 55, 58), (20, 60, 70)], 50, False, 58),  # late: it comes for it now
        ([(99, 10, 48), (40, 90, None)], 95, False, 48),  # at the customer's already: where it stood last
        ([(40, 60, None)], 70, False, 40),  # stood nowhere: as it was planned
        ([(20, 60, 70), (40, 90, None)], 50, True, 50),
        ([], 50, True, 50),
        ([], 50, False, 50),
    ],
)
def test_goods_of_which_nobody_saw_the_pick_up_have_a_start(told, since, loaded, started):
    found = course(*told, stops=WINDOWED, since=since, loaded=loaded)
    assert found.status != "planned"
    assert found.started_us == started * MINUTE_US
    assert "skipped" not in [kind for kind, stop in deviations(found) if stop == 1]


def test_goods_with_no_stop_before_their_delivery_set_out_where_the_vehicle_stood_last():
    only = [Planned(1, 40)]
    assert course((40, 120, 130), stops=only, since=50).started_us == 50 * MINUTE_US
    assert course((99, 60, 90), (40, 120, 130), stops=only, since=50).started_us == 90 * MINUTE_US
    assert course((40, 20, 130), stops=only, since=50).started_us == NEVER, "nobody can know"
    assert course(stops=only, since=50).status == "planned"


windows = st.tuples(st.integers(0, 300), st.integers(1, 100))


@given(routes, stays, st.booleans(), st.integers(0, 500), windows)
def test_no_shipment_is_picked_up_when_it_is_delivered(stops, told, loaded, since, window):
    opens, lasts = window
    stops = [stops[0]._replace(opens_us=opens * MINUTE_US, closes_us=(opens + lasts) * MINUTE_US), *stops[1:]]
    found = evaluate(Plan(stops, since * MINUTE_US, loaded), told, LATE_US, Limits())
    if found.status == "delivered":
        assert found.started_us == NEVER or found.started_us < found.delivered_us
    if found.status == "in_transit":
        assert found.started_us < NEVER
    assert (found.status == "planned") <= (found.started_us == NEVER)


def test_calls_of_another_vehicle_stand_and_the_tour_goes_on_behind_them():
    settled = {1: Call(1, 5 * MINUTE_US, 30 * MINUTE_US), 2: Call(2, 60 * MINUTE_US, NEVER)}
    found = course((20, 100, 110), (30, 140, 150), since=90, settled=settled)
    assert calls(found) == [(3, 140, 150)]
    assert (found.status, found.started_us, found.deviations) == ("in_transit", 30 * MINUTE_US, [])


@given(routes, stays, st.booleans(), st.integers(0, 100), st.randoms())
def test_any_order_and_repetition_of_the_stays_gives_the_same_course(stops, told, loaded, since, random):
    plan = Plan(stops, since * MINUTE_US, loaded)
    mixed = [*told, *told[:3]]
    random.shuffle(mixed)
    assert evaluate(plan, mixed, LATE_US, Limits()) == evaluate(plan, told, LATE_US, Limits())


@given(routes, stays, st.booleans())
def test_every_course_is_sound(stops, told, loaded):
    found = evaluate(Plan(stops, 0, loaded), told, LATE_US, Limits())
    places = {s.id: s.fence_id for s in stops}
    spans = {(t.fence_id, t.entered_us) for t in told}
    assert len({c.stop_id for c in found.calls}) == len(found.calls)
    assert all((places[c.stop_id], c.arrived_us) in spans and c.arrived_us < c.departed_us for c in found.calls)
    assert len({d[:2] for d in found.deviations}) == len(found.deviations)
    assert all(d.start_us <= d.end_us for d in found.deviations)
    served = {c.stop_id for c in found.calls}
    assert {d.stop_id for d in found.deviations if d.kind == "skipped"} == {
        s.id for i, s in enumerate(stops) if s.id not in served and any(t.id in served for t in stops[i:])
    }
    out_of_turn = {d.stop_id for d in found.deviations if d.kind == "out_of_sequence"}
    arrived = [c.arrived_us for c in found.calls if c.stop_id not in out_of_turn]
    assert all(a <= b for a, b in pairwise(arrived))
    assert (found.status == "delivered") == (stops[-1].id in served)


@given(routes, stays, st.lists(st.integers(0, 600), max_size=6).map(sorted), st.integers(0, 200), st.integers(1, 400))
def test_looking_again_when_due_misses_nothing(stops, told, looks, since, closes):
    """A course holds until a stay changes or its due time is over: between two looks nothing else can be new."""

    def known(at_us):
        return [t._replace(left_us=NEVER) if t.left_us > at_us else t for t in told if t.entered_us <= at_us]

    plan = Plan(stops, since * MINUTE_US)
    stops[0] = stops[0]._replace(opens_us=0, closes_us=closes * MINUTE_US)
    for first, then in pairwise(m * MINUTE_US for m in looks):
        if known(first) == known(then):
            before = evaluate(plan, known(first), first, Limits())
            if then <= before.due_us:
                assert evaluate(plan, known(then), then, Limits())[:5] == before[:5]
