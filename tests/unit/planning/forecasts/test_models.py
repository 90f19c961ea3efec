"""Models on series whose future is known by hand."""

from __future__ import annotations

import numpy as np
import pytest

from planning.forecasts.intermittent import classes, drawn, sba, tsb
from planning.forecasts.naive import mean, seasonal_naive
from planning.forecasts.panel import ForecastError, Panel, filled
from planning.forecasts.smoothing import holt_winters
from planning.forecasts.theta import theta

WEEK = np.array([10.0, 12, 14, 16, 11, 13, 15])


def planted(weeks: int, *, level: float = 0.0, slope: float = 0.0) -> np.ndarray:
    t = np.arange(7 * weeks)
    return np.tile(WEEK, weeks) + level + slope * t


@pytest.mark.parametrize("model", [seasonal_naive, holt_winters, theta])
def test_what_repeats_itself_is_forecast_exactly(model: object) -> None:
    panel = Panel(np.stack([planted(5), 3 * planted(5)]), 7)
    told = model(panel, (21, 35), 9)  # type: ignore[operator]
    expected = np.resize(WEEK, 9)
    assert told.shape == (2, 2, 9)
    np.testing.assert_allclose(
        told, np.broadcast_to(expected * [[[1.0]], [[1.0]]] * [[[1.0], [3.0]]], told.shape), 1e-6
    )


def test_a_trend_goes_on_and_is_damped() -> None:
    panel = Panel(planted(20, level=100, slope=1.0)[None], 7)
    told = holt_winters(panel, (140,), 7)[0, 0]
    truth = WEEK + 100 + np.arange(140, 147)
    assert (np.abs(told - truth) < 3).all()
    line = Panel(np.arange(1.0, 41)[None], 1)
    assert theta(line, (40,), 3)[0, 0] == pytest.approx([41, 42, 43], abs=0.7)


def test_only_what_lies_before_an_origin_counts() -> None:
    rng = np.random.default_rng(1)
    values = rng.gamma(5, 4, (6, 60))
    later = values.copy()
    later[:, 40:] = 999.0
    for model in (seasonal_naive, mean, holt_winters, theta):
        one, other = (model(Panel(v, 7), (30, 40), 5) for v in (values, later))
        np.testing.assert_array_equal(one, other)
    for one, other in zip(tsb(Panel(values, 7), (40,)), tsb(Panel(later, 7), (40,)), strict=True):
        np.testing.assert_array_equal(one, other)


def test_series_that_began_later_are_as_they_would_be_alone() -> None:
    rng = np.random.default_rng(2)
    values = rng.gamma(5, 4, (3, 70))
    values[1, :21] = np.nan
    values[2, :68] = np.nan
    for model in (seasonal_naive, mean, holt_winters, theta):
        told = model(Panel(values, 7), (70,), 7)
        alone = model(Panel(values[1:2, 21:], 7), (49,), 7)
        np.testing.assert_allclose(told[0, 1], alone[0, 0])
        assert np.isnan(told[0, 2]).all() == (model is not mean)


def test_unknown_periods_are_filled_from_their_season() -> None:
    values = planted(3)[None].copy()
    values[0, [1, 8]] = np.nan
    values[0, 20] = np.nan
    assert filled(Panel(values, 7))[0, [1, 8, 20]].tolist() == [12.0, 12.0, 15.0]


def test_rates_of_what_is_asked_for_now_and_then() -> None:
    values = np.array([[0.0, 4, 0, 4] * 20, [0.0] * 80, [np.nan] * 40 + [0.0, 2.0] * 20])
    rates = tsb(Panel(values, 1), (80,))
    assert rates.chance[0] == pytest.approx([0.5, 0.0, 0.5], abs=0.05)
    assert rates.size[0] == pytest.approx([4.0, 0.0, 2.0])
    assert sba(Panel(values[:1], 1), (80,))[0, 0] == pytest.approx(0.95 * 4 / 2)
    dying = np.concatenate([np.tile([0.0, 5.0], 60), np.zeros(120)])[None]
    rate = tsb(Panel(dying, 1), (120, 240))
    assert rate.chance[1, 0] < 0.15 < rate.chance[0, 0]
    assert sba(Panel(dying, 1), (240,))[0, 0] > 2  # Croston's never learns of it


def test_demand_of_a_horizon_is_drawn_from_sizes_that_were() -> None:
    values = np.array([[0.0, 4, 0, 8] * 30])
    rates = tsb(Panel(values, 1), (120,))
    found = drawn(values, type(rates)(rates.chance[0], rates.size[0]), 10, 4_000, np.random.default_rng(5))
    assert found.shape == (1, 4_000)
    assert found.mean() == pytest.approx(10 * 0.5 * 6, rel=0.05)
    assert classes(values) == ["intermittent"]


def test_what_no_model_can_answer_is_refused() -> None:
    for values, season, origins, horizon in (
        (np.ones(5), 1, (5,), 1),
        (np.ones((1, 5)), 0, (5,), 1),
        (np.ones((1, 5)), 1, (6,), 1),
        (np.ones((1, 5)), 1, (), 1),
        (-np.ones((1, 5)), 1, (5,), 1),
        (np.full((1, 5), np.inf), 1, (5,), 1),
    ):
        with pytest.raises(ForecastError):
            mean(Panel(values, season), origins, horizon)
