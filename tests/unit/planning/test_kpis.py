"""Each KPI by a worked example, and charts that tell signal from noise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planning.kpis import measures
from planning.kpis.control import changed, chart, limits_of
from planning.kpis.flow import Stay, blame, critical_path
from planning.kpis.measures import Lines, Otif

H = 3600.0


def lines(**columns: list[float]) -> Lines:
    given = {
        "order": [1, 1, 2, 3], "window_start_s": [0] * 4, "window_end_s": [10 * H] * 4,
        "arrived_s": [9 * H, 9 * H, 11 * H, np.nan], "ordered": [10, 10, 5, 4], "delivered": [10, 8, 5, 0],
    }  # fmt: skip
    columns = {**given, **columns}
    return Lines(
        **{name: np.array(value, float) for name, value in columns.items()}, cause=np.array(["", "", "customer", ""])
    )


def test_on_time_in_full_is_what_its_definition_says() -> None:
    told = measures.otif(lines(), Otif())
    assert (told.good, told.total, told.missed.tolist()) == (1, 4, [False, True, True, True])
    assert measures.otif(lines(), Otif(late_s=H)).good == 2
    assert measures.otif(lines(), Otif(late_s=H, short=0.2)).good == 3
    assert measures.otif(lines(), Otif(excluded=("customer",))).good == 2
    assert measures.otif(lines(), Otif(late_s=H, short=0.2, level="order"))[:2] == (2, 3)
    assert measures.otif(lines(), Otif(level="order"))[:2] == (0, 3)
    units = measures.otif(lines(), Otif(level="unit"))
    assert (units.good, units.total) == (18, 29)
    assert measures.otif(lines(arrived_s=[-2 * H, 1, 1, 1]), Otif(early_s=H, short=1)).good == 3
    assert measures.otif(lines(delivered=[12, 10, 5, 4], arrived_s=[1] * 4), Otif(over=0.1)).good == 3


def test_each_measure_by_hand() -> None:
    yes, some = np.ones(4, bool), np.array([True, True, True, False])
    assert measures.perfect_orders(yes, some, yes, some[::-1]).good == 2
    assert measures.share(yes, np.zeros(4, bool)).value is None
    assert measures.turns(3_650.0, np.array([100.0, 300.0])) == pytest.approx(18.25)
    assert measures.turns(1.0, np.zeros(2)) is None
    assert measures.days_of_cover(30.0, 4.0) == 7.5
    assert measures.days_of_cover(30.0, 0.0) is None
    assert measures.fill_rate(np.zeros(0), np.zeros(0)) is None
    load, room = np.array([[np.nan, 5.0], [np.nan, np.nan]]), np.array([[1000.0, 10.0]] * 2)
    assert measures.utilisation(load, room, np.array([10.0, 90.0])) == 0.5
    assert measures.utilisation(load[1:], room[1:], np.array([90.0])) is None
    counts = measures.record_accuracy(np.array([100.0, 100, 0]), np.array([101.0, 104, 0]), 0.02)
    assert (counts.good, counts.total) == (2, 3)
    assert measures.alarm_precision(np.array(["true", "false", "", "true"])).value == pytest.approx(2 / 3)
    assert measures.spread(np.array([np.nan])).p50 is None


def test_a_chart_tells_a_change_from_chance() -> None:
    rng = np.random.default_rng(3)
    calm = rng.normal(50, 2, 24)
    assert chart(calm[:11]).limits == []
    told = chart(np.concatenate([calm, [70.0], rng.normal(50, 2, 5), rng.normal(55, 1, 12)]))
    assert len(told.limits) == 1
    assert told.limits[0].centre == pytest.approx(calm.mean())  # what comes later moves no limits
    assert (24, "outside", "above") in told.signals
    assert {s.rule for s in told.signals if s.point > 30} >= {"run"}
    again = chart(np.concatenate([calm, rng.normal(60, 2, 24)]), changes=[24])
    assert [each.begins for each in again.limits] == [0, 24]
    assert all(s.rule != "outside" for s in again.signals)
    gaps = np.where(np.arange(24) % 5 == 0, np.nan, calm)
    assert not np.isnan(limits_of(gaps).low)


def test_three_of_four_nearer_a_limit_are_a_signal() -> None:
    calm = np.tile([9.0, 11.0], 12)
    limits = limits_of(calm)
    near = limits.centre + 0.7 * (limits.high - limits.centre)
    told = chart(np.concatenate([calm, [near, near, 10.0, near]]))
    assert [(s.point, s.rule, s.side) for s in told.signals] == [(27, "near_limit", "above")]


def test_the_effect_of_an_action_is_judged_by_limits_of_before() -> None:
    before = np.tile([9.0, 11.0], 12)
    assert changed(before, [9.0, 11.0, 10.0]) == "same"
    assert changed(before, [19.0] * 3) == "higher"
    assert changed(before, [1.0] * 3) == "lower"
    assert changed(before[:5], [1.0]) == "better_known_later"
    assert changed(before, [1.0, 30.0]) == "same"


@given(st.lists(st.integers(-1000, 1000), min_size=12, max_size=60))
def test_signals_do_not_depend_on_the_unit(values: list[int]) -> None:
    whole = np.array(values, float)
    one, other = chart(whole), chart(whole * 4 + 64)
    assert [s.point for s in one.signals] == [s.point for s in other.signals]


def test_a_late_order_waited_for_what_ended_last() -> None:
    stays = [
        Stay("o", "picked", 0, 10), Stay("o", "packed", 10, 20), Stay("o", "waiting for papers", 5, 45, "theirs"),
        Stay("o", "driven", 50, 80),
    ]  # fmt: skip
    path = critical_path(stays, 80)
    assert [(s.state, seconds) for s, seconds in path] == [
        ("picked", 5.0),
        ("waiting for papers", 40.0),
        ("driven", 35.0),
    ]
    assert sum(seconds for _, seconds in path) == 80
    told = blame([path, path])
    assert list(told.items())[:2] == [(("waiting for papers", "theirs"), 80.0), (("driven", ""), 70.0)]
