"""Arrival times of many shipments at once: the same as one by one, in order, and only said when they differ."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.folds.scan import NEVER
from domain.geo import EARTH_M
from domain.times import from_us
from tests.examples import examples
from tracker.arrival_times.grading import Made, _Notes
from tracker.arrival_times.plans import PACKER, Plans, unpacked
from tracker.arrival_times.predict import Position, predict
from tracker.engine.registry import Shipment, Stop
from tracker.rules.calls import MINUTE_US
from tracker.rules.forecast import NO_TIME, SWIFTEST_MPS, Knowledge
from tracker.rules.lines import Line
from tracker.rules.ranges import Settled
from tracker.rules.rest import BREAK_S, DRIVE_S

T0 = 1_750_000_000_000_000
LONS = (25.0, 25.1, 25.2, 25.3)


def shipment(number: int, *, lined: bool, closes_s: float | None = 3600.0, served: int = 1) -> Shipment:
    """East along 60 degrees, bent a little; vehicle and shipment have the same number. The first stops are served."""
    bend = 60.0 + 0.001 * number
    window = from_us(T0 + round(closes_s * 1e6)) if closes_s is not None else None
    stops = [
        Stop(
            10 * number + i, i + 1, f"s{i}", "", i + 1, bend, lon, 150.0, None, window if i else None,
            T0 + i if i < served else None, T0 + i + 1 if i < served else None,
        )
        for i, lon in enumerate(LONS)
    ]  # fmt: skip
    line = (
        Line.of([[lon, bend + 0.01 * (k % 2)] for k, lon in enumerate(np.linspace(25.0, 25.3, 61))]) if lined else None
    )
    return Shipment(number, 1, f"S-{number}", "in_transit", number, line, stops=stops)


def registry(*shipments: Shipment) -> Any:
    aboard = {s.vehicle_id: [s] for s in shipments}
    return SimpleNamespace(
        aboard=aboard, shipments={v: s[0] for v, s in aboard.items()}, vehicles=dict.fromkeys(aboard)
    )


def here(lons: list[float], seconds: float = 0.0, north: float = 0.0) -> Position:
    n = len(lons)
    return Position(np.full(n, T0 + round(seconds * 1e6)), np.full(n, 60.0 + north), np.array(lons))


@given(
    st.lists(st.tuples(st.floats(25.0, 25.3), st.booleans(), st.integers(0, 4)), min_size=1, max_size=6), st.booleans()
)
@settings(deadline=None, max_examples=examples(60))
def test_many_at_once_are_what_each_is_alone_and_in_order(rows: list[tuple[float, bool, int]], rest: bool) -> None:
    going = [shipment(n + 1, lined=lined, served=served) for n, (_, lined, served) in enumerate(rows)]
    together = Plans(registry(*going))
    alone = [Plans(registry(s)) for s in going]
    known = Knowledge.none()
    for second in (0.0, 20.0, 3000.0):
        lons = [min(lon + second * 1e-5, 25.3) for lon, _, _ in rows]
        said = predict(together, np.arange(len(rows)), here(lons, second), known, rest=rest)
        assert (said.now_us <= said.p10_us).all()
        assert (said.p10_us <= said.p50_us).all()
        assert (said.p50_us <= said.p90_us).all()
        assert (np.isnan(said.risk) == (together.closes_us[said.stop] == NEVER)).all()
        assert ((np.nan_to_num(said.risk) >= 0) & (np.nan_to_num(said.risk) <= 1)).all()
        for n, plans in enumerate(alone):
            one = predict(plans, np.array([0]), here(lons[n : n + 1], second), known, rest=rest)
            of = said.of == n
            assert together.stop[said.stop[of]].tolist() == plans.stop[one.stop].tolist()
            assert said.announce[of].tolist() == one.announce.tolist()
            for name, alike in (("p10_us", 2), ("p50_us", 2), ("p90_us", 2), ("remaining_m", 1e-6), ("risk", 0.001)):
                found, wanted = getattr(said, name)[of], getattr(one, name)
                np.testing.assert_allclose(found, wanted, rtol=0, atol=alike + 1e-9, err_msg=name)
            assert (np.diff(one.p50_us) >= 0).all()
            metres = np.radians(np.diff(plans.lon[one.stop])) * np.cos(np.radians(60.01)) * EARTH_M
            for in_turn in (one.p10_us, one.p50_us, one.p90_us):
                assert (np.diff(in_turn) >= metres / SWIFTEST_MPS * 1e6).all(), "a plausible drive apart"


def test_who_is_on_its_line_has_the_way_of_the_line_to_go_and_who_is_not_goes_straight() -> None:
    plans = Plans(registry(shipment(1, lined=True), shipment(2, lined=False)))
    said = predict(plans, np.array([0, 1]), here([25.05, 25.05]), Knowledge.none(), rest=False)
    by_line, straight = said.remaining_m[:3], said.remaining_m[3:]
    assert by_line[-1] == pytest.approx(float(plans.lines.way_m[-1]) * 5 / 6, rel=0.02)
    assert straight[-1] == pytest.approx(1.3 * 55_597 * 0.25, rel=0.02)
    lost = predict(plans, np.array([0]), here([25.05], 600.0, north=0.1), Knowledge.none(), rest=False)
    assert lost.remaining_m[0] == pytest.approx(1.3 * np.hypot(0.099 * 111_195, 0.05 * 55_597), rel=0.02)
    assert plans.progress.way_m[0] == pytest.approx(float(plans.lines.way_m[-1]) / 6, rel=0.1)  # stays where it was


@pytest.mark.parametrize(("served", "to_go"), [(1, 1.75), (2, 0.25)])
def test_a_vehicle_that_is_new_on_a_line_out_and_back_is_beyond_the_stops_that_are_behind_it(
    served: int, to_go: float
) -> None:
    there_and_back = shipment(1, lined=False, served=served)
    there_and_back.line = Line.of([[lon, 60.0] for lon in (25.0, 25.1, 25.2, 25.1, 25.0)])
    there_and_back.stops[1].lon, there_and_back.stops[2].lon = 25.2, 25.0
    del there_and_back.stops[3]
    said = predict(Plans(registry(there_and_back)), np.array([0]), here([25.05]), Knowledge.none(), rest=False)
    assert said.remaining_m[-1] == pytest.approx(to_go * 0.2 * 55_597, rel=0.01)


def test_a_vehicle_that_waits_at_its_first_stop_leaves_when_that_is_planned() -> None:
    waits, leaves = shipment(1, lined=True), shipment(2, lined=True)
    for each in (waits, leaves):
        each.stops[0].departed_us = None
    waits.stops[0].window_end = from_us(T0 + 7200 * 1_000_000)
    plans = Plans(registry(waits, leaves))
    said = predict(plans, np.array([0, 1]), here([25.0, 25.0]), Knowledge.none(), rest=False)
    later = (said.p50_us[:3] - said.p50_us[3:]) / 1e6
    assert (later > 6000).all()
    assert (later <= 7200).all()


def test_what_came_of_a_prediction_is_held_against_it_without_the_breaks() -> None:
    """A driver who rested as foreseen was as quick as foreseen: nothing is learned of roads."""
    plans = Plans(registry(shipment(1, lined=True)))
    plans.progress.driven_s[:] = DRIVE_S
    said = predict(plans, np.array([0]), here([25.02]), Knowledge.none(), rest=True)
    assert (said.p50_us - T0 > BREAK_S * 1e6).all()
    mixed, rest, *experts = said.said_s[-1]
    assert rest == BREAK_S > 0.1 * mixed
    notes, one = _Notes(), np.array([T0])
    made = Made(one, one, one, one, said.state[-1:], said.said_s[-1:])
    notes.settled(made, 1, 7, T0 + round((mixed + rest) * 1e6))
    lesson = notes.lesson()
    assert lesson.observed_s == pytest.approx(lesson.predicted_s)
    assert lesson.said_s.tolist() == pytest.approx(experts, nan_ok=True)


def test_a_prediction_says_on_how_few_trips_its_range_rests() -> None:
    plans, known = Plans(registry(shipment(1, lined=True))), Knowledge.none()
    for trips in range(12):
        said = predict(plans, np.array([0]), here([25.02], 60.0 * trips), known, rest=False)
        assert (said.few_trips == (trips if trips < 9 else -1)).all()
        to_go = said.said_s[:, 0]
        settled = Settled(*(np.full(3, trips),) * 2, to_go, said.state, np.arange(3), said.said_s[:, 2:], to_go)
        known = known.settle(settled)


def test_a_time_is_said_when_it_has_moved_or_a_while_has_passed() -> None:
    plans = Plans(registry(shipment(1, lined=True)))

    def said(second: float, lon: float) -> bool:
        found = predict(plans, np.array([0]), here([lon], second), Knowledge.none(), rest=False)
        at = found.stop[found.announce]
        plans.shown.at_us[at], plans.shown.p50_us[at] = found.now_us[found.announce], found.p50_us[found.announce]
        return bool(found.announce[0])

    assert said(0, 25.02)
    speed = 0.08 / 530  # about as expected
    assert [said(s, 25.02 + s * speed) for s in (10, 20, 30)] == [False] * 3
    assert [said(s, 25.02 + 30 * speed) for s in (60, 90, 120)].count(True) > 0  # it stands


def test_what_is_kept_of_a_journey_is_taken_up_again_only_for_the_same_line_vehicle_and_stop() -> None:
    going = [shipment(1, lined=True), shipment(2, lined=False), shipment(3, lined=True)]
    plans = Plans(registry(*going))
    predict(plans, np.arange(3), here([25.05, 25.15, 25.25]), Knowledge.none(), rest=False)
    kept = plans.packed(np.arange(3))
    going[2].vehicle_id = 9
    going[1].stops[2].id = 77
    again = Plans(registry(*going))
    again.adopt(*unpacked(kept))
    assert again.progress.way_m[0] == plans.progress.way_m[0] > 0
    assert again.progress.t_us.tolist() == [T0, T0, NO_TIME]
    assert (again.shown.calm_us != NO_TIME).tolist() == [
        False, True, True, True, False, True, False, True, False, True, True, True
    ]  # fmt: skip
    assert again.packed(np.array([0])) == kept[:1]
    assert not PACKER.knows(b"\0" * 99)
    assert len(unpacked([(1, b"\0" * 99)])[0].entity) == 0


def test_a_stop_that_is_no_longer_ahead_is_no_longer_at_risk() -> None:
    going = shipment(1, lined=True)
    plans = Plans(registry(going))
    assert plans.at_risk([11, 10, 99]) == [10, 99]  # served, and nobody's
    going.stops[1].arrived_us = T0 + 5 * MINUTE_US
    assert plans.refresh(going) == [11]
    assert plans.refresh(going) == []
