"""What a recording comes to: shares of time with interpolated crossings, means, and the device's figures beside it."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.recordings.reported import Alarm, Day, Extreme, Reported
from tracker.temperatures.beside import figures
from tracker.temperatures.report import Series, is_fixed, mean_by_time, means_of, shares_of

MINUTE_US, HOUR_S = 60_000_000, 3600


def every(minutes: float, temps: list[float]) -> Series:
    return Series.of([round(i * minutes * MINUTE_US) for i in range(len(temps))], temps)


def test_crossings_are_interpolated_and_the_limits_themselves_are_within() -> None:
    assert shares_of(every(10, [6.0, 10.0, 6.0]), 2.0, 8.0, 900) == (0, 600, 600, 0)
    assert shares_of(every(10, [2.0, 0.0, 8.0, 8.0]), 2.0, 8.0, 900) == (600 + 150, 0, 1050, 0)
    assert shares_of(every(10, [9.0, 9.0]), None, None, 900) == (0, 0, 600, 0)


def test_a_hole_is_neither_in_nor_out() -> None:
    series = Series.of([0, 10 * MINUTE_US, 40 * MINUTE_US, 50 * MINUTE_US], [9.0, 9.0, 5.0, 5.0])
    assert shares_of(series, 2.0, 8.0, 900) == (0, 600, 600, 1800)


@given(
    st.lists(st.tuples(st.integers(0, 3600), st.floats(-40, 60)), min_size=1, max_size=60),
    st.floats(-20, 20),
    st.floats(0, 30),
)
def test_the_shares_are_all_of_the_time(steps: list[tuple[int, float]], low_c: float, width_c: float) -> None:
    t_us = np.cumsum([seconds * 1_000_000 for seconds, _ in steps])
    series = Series.of(t_us.tolist(), [temp for _, temp in steps])
    shares = shares_of(series, low_c, low_c + width_c, 900)
    assert min(shares) >= 0
    assert sum(shares) == pytest.approx((t_us[-1] - t_us[0]) / 1e6, abs=1e-6)


@pytest.mark.parametrize(
    ("series", "mkt_c"),
    [
        (every(60, [5.0] * 23 + [20.0]), 6.550752),
        (every(60, [5.0] * 18 + [14.0] * 6), 8.285216),
        (every(60, [22.0] * 717 + [29.0] * 3), 22.043175),
        (every(60, [24.0] * 29 * 24 + [40.0] * 24), 25.260230),
        (every(60, [24.0] * 708 + [40.0] * 12), 24.651153),
        (every(10, [20.0, 30.0]), 26.259887),
    ],
)
def test_the_kinetic_mean_of_a_fixed_interval_is_the_known_one(series: Series, mkt_c: float) -> None:
    means = means_of(series, 83.144, 900)
    assert (round(means.mkt_c, 6), means.weighting) == (mkt_c, "equal")


def test_a_live_stream_is_weighted_by_time_and_its_holes_weigh_nothing() -> None:
    minutes = [0, 1, 2, 12, 13, 113, 123]
    series = Series.of([m * MINUTE_US for m in minutes], [5.0, 5.0, 5.0, 25.0, 25.0, 5.0, 5.0])
    means = means_of(series, 83.144, 900)
    assert not is_fixed(series)
    assert means.weighting == "time"
    assert means.mean_c == pytest.approx((2 * 5 + 10 * 15 + 25 + 10 * 5) / 23)


def test_a_part_ends_on_the_straight_line_between_two_readings() -> None:
    series = every(10, [0.0, 10.0, 20.0])
    part = series.between(5 * MINUTE_US, 15 * MINUTE_US, 15 * MINUTE_US)
    assert (part.t_us // MINUTE_US).tolist() == [5, 10, 15]
    assert part.temp_c.tolist() == [5.0, 10.0, 15.0]
    assert mean_by_time(part, 900) == 10.0
    assert len(series.between(5 * MINUTE_US, 15 * MINUTE_US, MINUTE_US)) == 1, "nothing is said within a hole"


def test_a_devices_figures_stand_beside_ours_with_truncation_in_mind() -> None:
    day_ms = 24 * HOUR_S * 1000
    series = every(5, [7.0 + 2.0 * (i >= 144) for i in range(289)])
    said = Reported(
        "x",
        interval_s=300,
        mean_c=8.0,
        alarms=(Alarm("1", ">", 8.0, 3600, "consecutive", ((12 * 60 + 57) * 60_000,)),),
        days=(Day(date(1970, 1, 1), 0, day_ms, Extreme(0, 7.0), Extreme(day_ms // 2, 9.4), 7.9, (("1", 724),)),),
    )
    rows = {row.what: row for row in figures(said, series, series, 900)}
    assert rows["mean"].agrees is True
    assert rows["1970-01-01 mean"].agrees is False, "8.003 cut is 8.0, not 7.9"
    assert rows["1970-01-01 > 8 °C"].agrees is True
    assert rows["1970-01-01 highest"].agrees is False
    assert rows["1970-01-01 highest"].note == "measured between two readings it kept"
    raised = rows["device alarm 1: > 8 °C for 60 min, raised"]
    assert (raised.agrees, raised.difference) == (True, pytest.approx(0.5))


def test_figures_of_a_day_without_readings_are_not_compared() -> None:
    day_ms = 24 * HOUR_S * 1000
    day = Day(date(1970, 1, 2), day_ms, 2 * day_ms, None, None, 5.0, (("1", 30),))
    said = Reported("x", alarms=(Alarm("1", ">", 8.0, 3600, "consecutive"),), days=(day,))
    rows = figures(said, every(5, [5.0, 5.0]), every(5, [5.0, 5.0]), 900)
    assert {row.agrees for row in rows} == {None}
    assert all("0 of 1440 minutes" in row.note for row in rows)
