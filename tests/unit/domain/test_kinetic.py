"""Mean kinetic temperature: known answers, and sums that are the same in any order and grouping."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.cold_chain.kinetic import Kinetic, b_kelvin, burn_s, factors, mkt_c, of_samples, of_series

B = b_kelvin()
HOUR = 3600


@pytest.mark.parametrize(
    ("stays", "expected_c"),
    [
        ([(25, 1)], 25.0),
        ([(20, 1), (30, 1)], 26.259887),
        ([(5, 23), (20, 1)], 6.550752),
        ([(5, 18), (14, 6)], 8.285216),
        ([(22, 717), (29, 3)], 22.043175),
        ([(24, 29 * 24), (40, 24)], 25.260230),
        ([(24, 29.5 * 24), (40, 12)], 24.651153),
    ],
)
def test_known_answers(stays: list[tuple[float, float]], expected_c: float) -> None:
    temp_c = np.array([float(c) for c, _ in stays])
    weight = np.array([round(hours * HOUR) for _, hours in stays])
    assert mkt_c(of_samples(temp_c, B, weight), B) == pytest.approx(expected_c, abs=1e-6)


def test_factors_and_burn_rates_known() -> None:
    assert factors(np.array([5.0, 25.0, 40.0]), B) == pytest.approx([0.08966630618565, 1, 4.98576169619218], rel=1e-13)
    rates = {2: 0.675712, 5: 1, 8: 1.467591, 15: 3.482246, 25: 11.152461}
    hour_us = np.array([0, HOUR * 1_000_000])
    for temp_c, rate in rates.items():
        state = of_series(hour_us, np.full(2, float(temp_c)), B, HOUR * 1_000_000)
        assert burn_s(state, B, 5.0) / HOUR == pytest.approx(rate, abs=1e-6)


def test_nothing_known_has_no_mean() -> None:
    assert np.isnan(mkt_c(Kinetic(), B))
    apart = of_series(np.array([0, 10_000_000]), np.array([5.0, 5.0]), B, 9_999_999)
    assert apart == Kinetic(0, 0)


def test_cold_goods_keep_their_digits() -> None:
    assert mkt_c(of_samples(np.full(1_000, -80.0), B), B) == pytest.approx(-80.0, abs=1e-6)


@given(
    st.lists(st.tuples(st.floats(-90, 90), st.integers(1, 100_000)), min_size=1, max_size=60),
    st.integers(0, 2**32 - 1),
    st.integers(0, 60),
)
def test_any_order_and_grouping_gives_one_state(rows: list[tuple[float, int]], seed: int, cut: int) -> None:
    temp_c, weight = np.array([c for c, _ in rows]), np.array([w for _, w in rows])
    whole = of_samples(temp_c, B, weight)
    order = np.random.default_rng(seed).permutation(len(rows))
    parts = [of_samples(temp_c[some], B, weight[some]) for some in (order[:cut], order[cut:])]
    assert parts[0].merge(parts[1]) == whole
    assert whole.without(parts[0]) == parts[1]


@given(
    st.lists(st.tuples(st.integers(1, 2_000_000_000), st.floats(-30, 60)), min_size=2, max_size=60), st.integers(1, 59)
)
def test_a_series_that_is_cut_adds_up(rows: list[tuple[int, float]], cut: int) -> None:
    t_us = np.cumsum([dt for dt, _ in rows])
    temp_c = np.array([c for _, c in rows])
    cut = min(cut, len(rows) - 1)
    whole = of_series(t_us, temp_c, B, 900_000_000)
    first = of_series(t_us[: cut + 1], temp_c[: cut + 1], B, 900_000_000)
    assert first.merge(of_series(t_us[cut:], temp_c[cut:], B, 900_000_000)) == whole


def test_warmest_goods_of_years_fit() -> None:
    t_us = np.arange(0, 2 * 365 * 86_400, 900, dtype=np.int64) * 1_000_000
    assert mkt_c(of_series(t_us, np.full(len(t_us), 99.0), B, 900_000_000), B) == pytest.approx(99.0, abs=1e-6)
