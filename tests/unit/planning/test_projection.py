"""Stock ahead: the closed form where all is normal, laws of lots and loads, and what a late truck does."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planning.replenishment.normal import StockError, above
from planning.replenishment.projection import Inbound, Lot, projected, surplus


def test_where_all_is_normal_it_is_the_closed_form() -> None:
    demand = np.maximum(np.random.default_rng(7).normal(20, 4, (4_000, 10)), 0)
    found = projected([Lot(150)], [], demand)
    days = np.arange(1, 11)
    middle, spread = 150 - 20 * days, 4 * np.sqrt(days)
    for n, z in enumerate((-1.2816, 0, 1.2816)):
        assert found.available[:, n] == pytest.approx(middle + z * spread, abs=1.2)
    assert found.out_by_day == pytest.approx(above(middle / spread), abs=0.02)
    assert found.out_day.tolist() == [6, 7, 8]
    assert found.out_before_next == pytest.approx(found.out_by_day[-1])


def test_a_late_truck_and_a_warm_one_lower_what_can_be_promised_and_are_named() -> None:
    demand = np.random.default_rng(7).poisson(10, (2_000, 10)).astype(float)
    in_time = projected([Lot(40)], [Inbound("truck 7", 100, 2, 2.5, 3)], demand)
    late = projected([Lot(40)], [Inbound("truck 7", 100, 4, 5, 7)], demand)
    warm = projected([Lot(40)], [Inbound("truck 7", 100, 2, 2.5, 3, accepted=0.6)], demand)
    assert in_time.out_before_next < 0.05
    assert late.out_before_next > 0.5
    assert late.late == {"truck 7": late.out_before_next}
    assert warm.out_by_day[6] == pytest.approx(0.4, abs=0.06)
    assert (late.promise <= in_time.promise + 1e-9).all()
    assert warm.promise[3] == 0 < in_time.promise[3]
    assert late.out_day[1] < in_time.out_day[1]


def test_what_expires_before_it_is_sold_is_no_stock_and_is_counted() -> None:
    demand = np.full((5, 6), 10.0)
    lots = [Lot(30, days_left=1), Lot(40, days_left=inf)]
    found = projected(lots, [], demand)
    assert found.expired == 10
    assert found.available[:, 1].tolist() == [60, 50, 30, 20, 10, 0]
    expired_on_the_way = projected([], [Inbound("old", 50, 3, 3, 3, days_left=2)], demand)
    assert expired_on_the_way.expired == 50
    assert expired_on_the_way.available[-1, 1] == -60
    told = surplus(200, demand, quiet_days=200, expired=found.expired, price=2.5)
    assert told == (140, True, 25)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 8)), max_size=4),
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 6), st.integers(0, 9)), max_size=3),
    st.integers(0, 20),
)
def test_nothing_is_lost_and_more_never_harms(lots, loads, wanted) -> None:
    demand = np.full((3, 8), float(wanted))
    there = [Lot(q, d) for q, d in lots]
    coming = [Inbound(f"load {n}", q, at, at, at, days_left=d) for n, (q, at, d) in enumerate(loads)]
    found = projected(there, coming, demand, owed=5, allocated=3)
    total = sum(q for q, _ in lots) + sum(q for q, _, _ in loads)
    end = total - found.expired - 5 - 3 - 8 * wanted
    assert found.available[-1] == pytest.approx(np.full(3, end))
    assert (np.diff(found.available, axis=1) >= -1e-9).all()
    assert (np.diff(found.out_by_day) >= 0).all()
    more = projected([*there, Lot(10)], coming, demand, owed=5, allocated=3)
    assert (more.available >= found.available - 1e-9).all()
    assert more.out_before_next <= found.out_before_next


def test_what_cannot_be_is_named() -> None:
    with pytest.raises(StockError, match="truck 7: p10, p50 and p90 rise"):
        Inbound("truck 7", 1, 3, 2, 4)
    with pytest.raises(StockError, match="quantity: -1"):
        Lot(-1)
    with pytest.raises(StockError, match="worlds, days"):
        projected([], [], np.empty((0, 3)))
