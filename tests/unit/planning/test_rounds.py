"""Rounds of a cart: all is in one, none is more than a cart takes, they are walked less than as orders came."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planning.picking.block import Block
from planning.waves.rounds import Cart, Goods, rounds_of

BLOCK = Block(10, 40.0, 5.0, 4.5)
PLACES = st.tuples(st.integers(0, 9), st.floats(0, 40))
SOMEWHERE = st.one_of(st.just((None, None)), PLACES)


@given(
    st.lists(st.tuples(st.integers(0, 12), st.sampled_from("ab"), SOMEWHERE, st.floats(0, 40)), max_size=40),
    st.booleans(),
)
def test_all_goods_are_in_one_round_and_none_is_more_than_a_cart_takes(
    lines: list[tuple[int, str, tuple[int | None, float | None], float]], by_zone: bool
) -> None:
    goods = [Goods(f"SO-{n}", zone, *where, kg) for n, zone, where, kg in sorted(lines, key=lambda each: each[0])]
    cart = Cart(3, 6, 60.0)
    found = rounds_of(goods, {"a": BLOCK}, cart, by_zone=by_zone)
    seen = [(name, each.zone) for each in found.rounds for name in each.orders]
    assert len(seen) == len(set(seen))
    wanted = {(each.order, each.zone if by_zone else None) for each in goods}
    assert set(seen) == wanted
    for each in found.rounds:
        inside = [g for g in goods if g.order in each.orders and (not by_zone or g.zone == each.zone)]
        fits = len(each.orders) <= 3 and len(inside) <= 6 and sum(g.kg or 0 for g in inside) <= 60.000001
        assert fits or (each.over and len(each.orders) == 1)


def test_orders_that_lie_near_one_another_are_picked_together() -> None:
    rng = np.random.default_rng(3)
    goods = [
        Goods(f"SO-{n}", "a", int(rng.integers(10)), float(rng.uniform(0, 40))) for n in range(80) for _ in range(4)
    ]
    found = rounds_of(goods, {"a": BLOCK}, Cart(8, 100, 1000.0))
    assert len(found.rounds) == 10
    assert found.walk_m == pytest.approx(sum(each.walk_m or 0 for each in found.rounds))
    assert found.walk_m < 0.85 * found.as_came_m


def test_without_a_layout_orders_come_as_they_are_and_no_walk_is_told() -> None:
    goods = [Goods(f"SO-{n}", "b") for n in range(5)]
    found = rounds_of(goods, {}, Cart(2, 10, 10.0))
    assert [each.orders for each in found.rounds] == [("SO-0", "SO-1"), ("SO-2", "SO-3"), ("SO-4",)]
    assert {each.walk_m for each in found.rounds} == {None}
    assert (found.walk_m, found.as_came_m) == (0.0, 0.0)
