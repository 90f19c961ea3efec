"""Which orders are picked together, and what should lie where: laws, and what both save on lists not seen before."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planning.picking.batches import by_savings, first_come
from planning.picking.block import Block, BlockError
from planning.picking.orders import Orders, together, walks
from planning.picking.rules import RULES
from planning.picking.shortest import lengths
from planning.picking.slotting import Demand, Places, advise, near_first, walked_m
from tests.examples import examples
from tests.unit.planning.floors import lists_of_products, orders_of

SMALL = st.tuples(st.integers(0, 10_000), st.integers(0, 25), st.integers(6, 20))


@settings(max_examples=examples(25))
@given(SMALL, st.sampled_from([lengths, RULES["s_shape"]]))
def test_every_order_is_in_one_batch_that_a_cart_takes_and_less_is_walked_than_one_by_one(drawn, walk) -> None:
    seed, count, capacity = drawn
    block, orders, sizes = orders_of(seed, count, 1, 6, aisles=4)
    batch = by_savings(block, orders, sizes, np.array([float(capacity)]), walk)
    assert batch.shape == (count,)
    assert (np.bincount(batch, sizes[:, 0]) <= capacity).all()
    assert set(batch.tolist()) == set(range(batch.max(initial=-1) + 1))
    alone = walks(block, orders, walk).sum()
    assert walks(block, together(orders, batch), walk).sum() <= alone + 1e-6


@pytest.mark.parametrize("name", ["optimal", "s_shape"])
@pytest.mark.parametrize(("count", "low", "high", "capacity"), [(60, 1, 9, 30), (60, 1, 5, 20), (200, 10, 10, 40)])
def test_batches_are_walked_fifteen_percent_less_than_first_come(name, count, low, high, capacity) -> None:
    walk, saved = RULES.get(name, lengths), []
    for seed in (701, 702):
        block, orders, sizes = orders_of(seed, count, low, high)
        cart = np.array([float(capacity)])
        both = first_come(sizes, cart), by_savings(block, orders, sizes, cart, walk)
        before, after = (walks(block, together(orders, batch), walk).sum() for batch in both)
        saved.append(1 - after / before)
    assert np.mean(saved) >= 0.15


def test_two_orders_of_one_aisle_go_together_in_each_of_two_dimensions() -> None:
    block = Block(9, 10.0, 5.0, 4.0)
    orders = Orders(np.arange(4), np.array([0, 8, 0, 8]), np.array([5.0, 5.0, 6.0, 6.0]), 4)
    sizes = np.array([[1.0, 10.0]] * 4)
    assert by_savings(block, orders, sizes, np.array([2.0, 40.0])).tolist() == [0, 1, 0, 1]
    assert len(set(by_savings(block, orders, sizes, np.array([4.0, 10.0])).tolist())) == 4


def test_an_order_that_no_cart_takes_is_named() -> None:
    block, orders, _ = orders_of(1, 2, 1, 1)
    with pytest.raises(BlockError, match="order 1: it is more than a cart takes"):
        by_savings(block, orders, np.array([[1.0], [9.0]]), np.array([5.0]))
    with pytest.raises(BlockError, match="order 0: a size is less than nothing"):
        first_come(np.array([[-1.0]]), np.array([5.0]))


def test_what_is_saved_is_what_the_lists_are_shorter_by_and_the_swaps_lead_there() -> None:
    block, places, learn, _, now = lists_of_products(711, 120, skus=80, aisles=4)
    advice = advise(block, places, now, np.ones(80), learn, swaps_max=20)
    assert advice.before_m == pytest.approx(walked_m(block, places, now, learn))
    assert advice.after_m == pytest.approx(walked_m(block, places, advice.place_of, learn))
    assert sum(each.saved_m for each in advice.swaps) == pytest.approx(advice.before_m - advice.after_m)
    assert all(each.saved_m > 0 for each in advice.swaps)
    place_of = now.copy()
    for each in advice.swaps:
        assert place_of[each.other] == each.place
        place_of[[each.sku, each.other]] = place_of[[each.other, each.sku]]
    assert place_of.tolist() == advice.place_of.tolist()


def test_a_product_that_all_want_comes_to_an_empty_place_by_the_depot_if_it_fits() -> None:
    block = Block(1, 10.0, 1.0)
    places = Places(np.zeros(3, np.int64), np.array([1.0, 5.0, 9.0]), np.array([1.0, 2.0, 3.0]))
    demand = Demand(np.arange(4), np.zeros(4, np.int64), 4)
    swap = advise(block, places, np.array([2]), np.array([1.0]), demand).swaps
    assert [(each.sku, each.other, each.place, each.moves, each.saved_m) for each in swap] == [(0, -1, 0, 1, 64.0)]
    big = advise(block, places, np.array([2]), np.array([2.0]), demand)
    assert big.place_of.tolist() == [1]
    with pytest.raises(BlockError, match="fit in no place"):
        near_first(block, places, np.array([4.0]), np.zeros(1))
    with pytest.raises(BlockError, match="two products lie in one place"):
        advise(block, places, np.array([1, 1]), np.ones(2), demand)


@pytest.mark.parametrize("walk", [lengths, RULES["s_shape"]])
def test_fifty_swaps_save_fifteen_percent_of_lists_they_were_not_learned_from(walk) -> None:
    block, places, learn, judge, now = lists_of_products(721, 800)
    advice = advise(block, places, now, np.ones(400), learn, walk, 50)
    assert walked_m(block, places, advice.place_of, judge, walk) <= 0.85 * walked_m(block, places, now, judge, walk)


def test_where_products_are_wanted_together_advice_beats_abc_by_frequency() -> None:
    block, places, learn, judge, now = lists_of_products(731, 800, shared=0.8)
    abc = near_first(block, places, np.ones(400), -np.bincount(learn.sku, minlength=400).astype(float))
    advice = advise(block, places, now, np.ones(400), learn, RULES["s_shape"], 400)
    before, after = (walked_m(block, places, place_of, judge, RULES["s_shape"]) for place_of in (abc, advice.place_of))
    assert after <= 0.85 * before
