"""How long stock lasts: against simulated demand that nothing was fitted to, and at its edges."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite

import numpy as np
import pytest

from domain.stock.outlook import Demand, LotLeft, expiring, out_in

DAY = 86_400.0
Draw = Callable[[np.random.Generator, int], np.ndarray]
KINDS: dict[str, Draw] = {
    "smooth": lambda rng, n: rng.poisson(12, n),
    "erratic": lambda rng, n: rng.negative_binomial(2, 2 / 14, n),
    "intermittent": lambda rng, n: rng.binomial(1, 0.4, n) * rng.poisson(9, n),
    "lumpy": lambda rng, n: rng.binomial(1, 0.3, n) * rng.negative_binomial(1, 0.08, n),
}


def of(history: np.ndarray) -> Demand:
    return Demand(len(history), DAY, float(history.sum()), float((history.astype(float) ** 2).sum()))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cover", [5, 20])
def test_the_range_holds_as_often_as_it_says(kind: str, cover: int) -> None:
    """Four times in five within p10 to p90, half a day's step allowed at either end; and not by being endless."""
    rng, draw, inside, wide, tried = np.random.default_rng(41), KINDS[kind], 0, [], 0
    for _ in range(600):
        history, future = draw(rng, 28), draw(rng, 2000)
        if history.sum() == 0:
            continue
        quantity = max(round(history.mean() * cover), 1)
        found = out_in(quantity, of(history))
        assert found is not None
        truth = (int(np.argmax(np.cumsum(future) >= quantity)) + 1) * DAY
        tried += 1
        inside += found.p10_s - DAY / 2 <= truth - DAY / 2 <= found.p90_s + DAY / 2
        if isfinite(found.p90_s):
            wide.append((found.p90_s - found.p10_s) / found.p50_s)
    share = inside / tried
    assert 0.74 <= share <= 0.95, share
    assert np.median(wide) < 5.0


def test_nothing_is_said_where_nothing_is_known() -> None:
    assert out_in(10, Demand(5, DAY, 30, 200)) is None
    assert out_in(10, Demand(28, DAY, 0, 0)) is None
    assert out_in(0, Demand(28, DAY, 30, 200)) == (0, 0, 0)
    assert out_in(-3, Demand(28, DAY, 30, 200)) == (0, 0, 0)


def test_more_stock_and_less_demand_last_longer() -> None:
    last = 0.0
    for quantity in (1, 5, 50, 500, 5000):
        found = out_in(quantity, Demand(28, DAY, 140, 900))
        assert found is not None
        assert last < found.p50_s == pytest.approx(quantity / 5 * DAY, rel=0.02)
        assert found.p10_s < found.p50_s < found.p90_s
        last = found.p50_s


def test_what_was_seen_hardly_ever_may_last_for_ever() -> None:
    found = out_in(1000, Demand(28, DAY, 1, 1))
    assert found is not None
    assert not isfinite(found.p90_s)


def test_what_expires_first_goes_first_and_what_is_over_is_left() -> None:
    demand = Demand(28, DAY, 280, 3000)  # ten a day
    lots = [LotLeft("C", 100, None), LotLeft("B", 50, 6 * DAY), LotLeft("A", 30, 2 * DAY), LotLeft("Z", 7, -DAY)]
    assert expiring(lots, demand, 30 * DAY) == [("Z", 7), ("A", 10), ("B", 10)]
    assert expiring(lots, demand, DAY) == [("Z", 7)]
    assert expiring(lots, Demand(28, DAY, 0, 0), 3 * DAY) == [("Z", 7), ("A", 30)]
