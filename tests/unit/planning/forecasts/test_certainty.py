"""How sure forecasts are: bounds that hold as often as they say, sums that add up, demand behind stock-outs."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from planning.forecasts import intervals
from planning.forecasts.censored import expected_above, fitted, mended
from planning.forecasts.hierarchy import reconciled
from planning.forecasts.panel import ForecastError, Panel
from planning.forecasts.race import COMBINED, LEVELS, MEAN, MODELS, NAIVE, RATE, run
from planning.forecasts.scores import covered


def test_each_series_has_a_model_and_bounds_that_hold_as_often_as_they_say() -> None:
    rng = np.random.default_rng(11)
    t = np.arange(280)
    base = rng.uniform(5, 60, 80)[:, None] * (1 + 0.3 * np.sin(2 * np.pi * (t + rng.integers(0, 7, 80)[:, None]) / 7))
    dense = rng.negative_binomial(4, 4 / (4 + base)).astype(float)
    rare = (rng.random((40, 280)) < rng.uniform(0.05, 0.5, 40)[:, None]) * (1.0 + rng.poisson(3, (40, 280)))
    young = np.full((1, 280), np.nan)
    young[0, 270:] = 3.0
    values = np.vstack([dense, rare, young])
    shares: list[float] = []
    found = run(Panel(values[:, :252], 7), 28, told=shares.append)
    assert [MODELS[m] for m in (found.model[0], found.model[80])] == ["mean_of_three", "tsb"]
    assert set(found.model[:80]) <= {COMBINED, NAIVE}
    assert set(found.model[80:120]) == {RATE}
    assert np.isnan(found.mean[120]).all()  # it has not begun
    assert shares[-1] == 1.0
    assert (np.diff(found.quantiles[:, :120], axis=0) >= 0).all()
    assert found.quantiles[:, :120].min() >= 0
    for (low, high), bounds in (((1, 3), (0.75, 0.85)), ((0, 4), (0.91, 0.98))):
        within, of = covered(values[:80, 252:], found.quantiles[low, :80], found.quantiles[high, :80])
        assert bounds[0] <= within / of <= bounds[1]
    assert np.nanmean(found.mase[COMBINED, :, :80]) < 0.9 * np.nanmean(found.mase[NAIVE, :, :80])
    assert run(Panel(values[:, :280], 7), 7).model[120] == MEAN


def test_a_model_that_loses_to_the_naive_forecast_each_time_is_switched_off() -> None:
    rng = np.random.default_rng(4)
    steps = np.repeat(rng.permutation(np.arange(20, 60)), 4)[:160].astype(float)  # stays, then leaps
    found = run(Panel(steps[None], 1), 1, origins=6)
    assert found.switched_off.tolist() == [bool((found.mase[COMBINED, :, 0] > found.mase[NAIVE, :, 0]).all())]
    season = np.tile(rng.gamma(2, 20, 7), 30)
    season[::7] += rng.permutation(30) * 3
    assert not run(Panel(season[None], 7), 7).switched_off[0]


def test_errors_make_bounds_by_class_that_widen_with_distance() -> None:
    errors = np.arange(-60.0, 60)[:, None, None] * np.array([1.0, 0.5, 2.0]) / 10
    spread = intervals.spread(np.tile(errors, (1, 2, 1)), np.array([0, 1]), (0.1, 0.9))
    assert (np.diff(spread[0], axis=1) <= 0).all()
    assert (np.diff(spread[1], axis=1) >= 0).all()
    told = intervals.quantiles(np.full((2, 3), 4.0), spread, np.array([1.0, 0.1]), np.array([0, 1]))
    assert told.min() == 0.0
    assert (told[1, 1] < told[1, 0]).all()
    nothing = intervals.spread(np.full((2, 1, 1), np.nan), np.array([0]), LEVELS)
    assert np.isnan(nothing).all()


def test_a_series_that_stands_still_has_a_scale() -> None:
    assert intervals.scales(np.array([[5.0] * 10, [1.0, 2] * 5]), 1).tolist() == [1.0, 1.0]
    assert intervals.scales(np.array([[5.0] * 10]), 7).tolist() == [1.0]


def test_sums_hold_and_what_is_surer_moves_less() -> None:
    sums = np.array([[1, 1, 1], [1, 1, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], float)
    base = np.array([[100.0, 5], [50, 4], [30, 3], [30, 3], [30, 3]])
    found = reconciled(sums, base, np.array([0.01, 4, 4, 4, 4]))
    np.testing.assert_allclose(found, sums @ found[2:], atol=1e-9)
    assert found[0, 0] == pytest.approx(100, abs=0.1)
    assert reconciled(sums, base, np.array([400.0, 4, 4, 4, 4]))[0, 0] < 90
    assert reconciled(sums, np.array([[1.0], [1], [-5], [6], [0]]), np.ones(5)).min() == 0.0
    with pytest.raises(ForecastError):
        reconciled(sums, base[:3], np.ones(5))
    with pytest.raises(ForecastError):
        reconciled(np.array([[1.0, 0], [1, 0]]), np.ones((2, 1)), np.ones(2))


@pytest.mark.parametrize(("mean", "shape"), [(20.0, 4.0), (3.0, 1.5), (0.6, 0.5)])
def test_demand_behind_stock_outs_is_found(mean: float, shape: float) -> None:
    rng = np.random.default_rng(7)
    off, off_sold = [], []
    for _ in range(12):
        demand, stock = rng.negative_binomial(shape, shape / (shape + mean), (2, 365))
        stock = np.where(rng.random(365) < 0.4, stock, 10**6)
        sold = np.minimum(demand, stock).astype(float)
        off.append(fitted(sold, demand >= stock).mean / mean - 1)
        off_sold.append(sold.mean() / mean - 1)
    assert abs(np.mean(off)) < 0.08
    assert np.mean(off_sold) < -0.08
    assert fitted(np.zeros(9), np.zeros(9, bool)).mean == 0.0


def test_a_day_that_sold_out_counts_for_what_was_asked_for_on_average() -> None:
    sold = np.array([[4.0, 5, 6, 5, 4, 2, np.nan, 5]])
    short = np.array([[False] * 5 + [True] * 2 + [False]])
    told = mended(sold, short)
    assert told[0, 5] > 4
    assert np.isnan(told[0, 6])
    np.testing.assert_array_equal(told[0, :5], sold[0, :5])
    np.testing.assert_array_equal(mended(sold, np.ones_like(short)), sold)  # nothing but bounds: no figure in them
    assert (expected_above(fitted(sold[0], short[0]), np.array([1e6])) >= 1e6).all()


@pytest.fixture(scope="module")
def tourism(shared_data: Path) -> np.ndarray:
    with (shared_data / "demand" / "australian_tourism.csv").open() as file:
        return np.array([[float(x) for x in row] for row in list(csv.reader(file))[1:]]).T


def test_of_96_real_series_none_is_lost_to_the_naive_forecast_and_bounds_hold(tourism: np.ndarray) -> None:
    found = run(Panel(tourism, 4), 4)
    ratio = np.nanmean(found.mase[COMBINED]) / np.nanmean(found.mase[NAIVE])
    assert ratio < 0.9
    assert 0.75 <= np.nanmean(found.coverage[0.8][2:]) <= 0.85
    assert 0.91 <= np.nanmean(found.coverage[0.95][2:]) <= 0.98
