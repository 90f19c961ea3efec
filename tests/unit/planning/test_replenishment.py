"""Replenishment: every known answer of the literature that the formulas stand on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planning.replenishment import formulas, lot_sizes
from planning.replenishment.normal import StockError, loss, poisson, quantile


def test_lots_have_the_known_sizes_and_costs() -> None:
    assert lot_sizes.backordered(8, 0.225, 5, 1300) == pytest.approx((310.8126, 0.043062, 66.9214), abs=5e-5)
    assert lot_sizes.produced(8, 0.225, 1300, 1700) == pytest.approx((626.8084, 33.1840), abs=1e-4)
    assert lot_sizes.discounted(8, 0.3, 1300, [0, 400, 800], [0.75, 0.72, 0.68]) == pytest.approx((800, 978.60))
    assert lot_sizes.varying(500, 2, [90, 120, 80, 70]) == ([210, 0, 150, 0], 1380)
    found = lot_sizes.joint(600, [120, 840, 300], [160, 20, 50], [1, 1, 1])
    assert (found.cycle, found.cost) == pytest.approx((3.10316, 837.8544), abs=5e-5)
    assert found.multiples == (1, 3, 1)
    quantity, cost = lot_sizes.economic(8, 0.225, 1300)
    assert cost == pytest.approx(quantity / 2 * 0.225 + 1300 / quantity * 8)


def test_levels_have_the_known_values() -> None:
    assert loss([0, 0.5, 1, 2]) == pytest.approx([0.398942, 0.197797, 0.083315, 0.008491], abs=5e-7)
    mean, deviation, safety, level = formulas.textbook(40, 15, 6, 2, 0.95)
    assert (mean, deviation, safety, level) == pytest.approx((240, 88.0341, 144.803, 384.803), abs=5e-4)
    assert formulas.textbook(40, 15, 6, 2, 0.95, review=7).level == pytest.approx(678.837, abs=5e-4)
    plain = formulas.textbook(30, 5, 10, 0, 0.95)
    assert (plain.safety_stock, plain.level) == pytest.approx((26.0097, 326.0097), abs=0.003)  # by z = 1.645
    assert formulas.fill_rate(50, quantile(0.95), [50, 200, 1000]) == pytest.approx([0.980, 0.9948, 0.9990], abs=5e-4)
    assert formulas.z_of_fill_rate(0.98, 50, 200) == pytest.approx(1.021, abs=5e-4)
    exact = formulas.levels_exact(5, 1, 4, poisson(6))
    assert exact == pytest.approx((4, 10, 8.0341), abs=5e-5)
    assert formulas.levels_approximate(2.5, 0.18, 0.7, 50, 8)[:2] == pytest.approx((40.1946, 74.2902), abs=5e-5)
    assert formulas.newsvendor_poisson(1, 4, 6) == pytest.approx((8, 3.5701), abs=5e-5)
    assert formulas.newsvendor_normal(1, 4, 50, 8).quantity == pytest.approx(50 + 8 * 0.841621, abs=1e-5)


def test_the_best_reorder_point_of_a_lot_costs_the_same_at_both_ends() -> None:
    """C(r) = C(r + Q) at the best r (Federgruen & Zheng), and the integral is the one that adds up numerically."""
    h, p, mean, spread, lot = 0.2, 3.0, 60.0, 20.0, 90.0

    def cost(level: float) -> float:
        z = (level - mean) / spread
        return spread * (h * float(loss(-z)) + p * float(loss(z)))

    points = np.linspace(0, 120, 1201)
    best = min(points, key=lambda r: formulas.lot_cost(50, h, p, 10, (mean, spread), lot, r))
    assert cost(best) == pytest.approx(cost(best + lot), rel=0.02)
    steps = np.linspace(best, best + lot, 2001)
    area = np.trapezoid([cost(y) for y in steps], steps)
    assert formulas.lot_cost(50, h, p, 10, (mean, spread), lot, best) == pytest.approx((500 + area) / lot, rel=1e-5)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=7), st.integers(1, 60), st.integers(1, 5))
def test_no_other_choice_of_periods_is_cheaper_than_the_one_told(demand, order_cost, holding) -> None:
    orders, cost = lot_sizes.varying(order_cost, holding, demand)
    assert sum(orders) == sum(demand)
    stock = np.cumsum(orders) - np.cumsum(demand)
    assert (stock >= 0).all()
    assert cost == pytest.approx(order_cost * np.count_nonzero(orders) + holding * stock.sum())
    for chosen in range(1 << len(demand)):
        held, last, fits = 0, None, True
        for n, wanted in enumerate(demand):
            last = n if chosen >> n & 1 else last
            fits &= last is not None or not wanted
            held += holding * wanted * (n - last) if last is not None else 0
        assert not fits or cost <= order_cost * chosen.bit_count() + held + 1e-9


def test_the_best_levels_are_those_that_trying_all_finds() -> None:
    rng = np.random.default_rng(4)
    for _ in range(4):
        chances = rng.dirichlet(np.full(6, 0.7))
        order_cost, short = rng.uniform(1, 20), rng.uniform(2, 9)
        found = formulas.levels_exact(order_cost, 1, short, chances)
        best = min(_renewal_cost(order_cost, short, chances, s, s + gap) for s in range(-8, 8) for gap in range(1, 30))
        assert found.cost == pytest.approx(best)
        assert _renewal_cost(order_cost, short, chances, int(found.reorder), int(found.up_to)) == pytest.approx(best)


def _renewal_cost(order_cost: float, short: float, chances: np.ndarray, reorder: int, up_to: int) -> float:
    """By the chain of positions itself: its stationary shares, what a period costs and how often one orders."""
    states = np.arange(reorder + 1, up_to + 1)
    move = np.zeros((len(states), len(states)))
    ordering = np.zeros(len(states))
    for n, state in enumerate(states):
        for size, chance in enumerate(chances):
            after = state - size
            ordering[n] += chance * (after <= reorder)
            move[n, (up_to if after <= reorder else after) - reorder - 1] += chance
    system = np.vstack((move.T - np.eye(len(states)), np.ones(len(states))))
    share = np.linalg.lstsq(system, np.r_[np.zeros(len(states)), 1.0], rcond=None)[0]
    gaps = states[:, None] - np.arange(len(chances))
    period = np.where(gaps > 0, gaps, -short * gaps) @ chances
    return float(share @ (period + order_cost * ordering))


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (lambda: lot_sizes.economic(8, 0, 1300), "holding_cost"),
        (lambda: lot_sizes.economic(-8, 1, 1300), "order_cost: -8"),
        (lambda: lot_sizes.produced(8, 1, 1300, 1300), "more slowly"),
        (lambda: lot_sizes.discounted(8, 0.3, 1300, [0, 800, 400], [3, 2, 1]), "they rise from 0"),
        (lambda: formulas.textbook(1, 1, 1, 1, 95), "service: 95"),
        (lambda: formulas.textbook(float("nan"), 1, 1, 1, 0.9), "demand: nan"),
        (lambda: formulas.levels_exact(5, 1, 4, [0.5, 0.4]), "1 together"),
        (lambda: formulas.newsvendor_poisson(0, 4, 6), "both more than 0"),
    ],
)
def test_what_cannot_be_is_named(asked, told) -> None:
    with pytest.raises(StockError, match=told):
        asked()
