"""Goods for orders: first expired first, none too short, none promised twice."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from domain.orders.allocate import Goods, Need, first_expired_first, promised, usable
from domain.stock.quantities import Quantity

Q, DAY = Quantity, 86_400 * 10**6


def until(day):
    """Good through the end of a day of June."""
    return (day + 1) * DAY


def test_the_known_answer() -> None:
    lots = [(9, until(10)), (9, until(14)), (8, until(30)), (7, until(20)), (9, None), (9, until(31))]
    there = [Goods(1, n, "", Q(k), good, barred=n == 3) for n, (k, good) in enumerate(lots, 1)]
    taken = first_expired_first(Need(Q(12), arrives_us=12 * DAY, min_life_us=5 * DAY, expires=True), there)
    assert [(each.goods.lot, each.quantity) for each in taken] == [(4, 7), (6, 5)]


def test_whole_units_first_and_as_few_broken_as_can_be() -> None:
    there = [
        Goods(1, 1, "PAL", Q(60)),
        Goods(2, 1, "CASE", Q(12)),
        Goods(3, 1, "", Q(5)),
        Goods(4, 1, "", Q(5), walk_m=9),
    ]
    assert [(t.goods.place, t.quantity) for t in first_expired_first(Need(Q(15), 0), there)] == [(2, 12), (3, 3)]
    assert [t.goods.place for t in first_expired_first(Need(Q(10), 0), there)] == [3, 4]


GOODS = st.lists(
    st.builds(
        Goods, st.integers(1, 3), st.integers(0, 3), st.sampled_from(["", "PAL"]), st.integers(-2, 9).map(Quantity),
        st.none() | st.integers(0, 9), st.booleans(),
    ),
    max_size=8,
)  # fmt: skip


@given(GOODS, st.integers(1, 20).map(Quantity), st.integers(0, 9), st.integers(0, 4), st.booleans(), st.randoms())
def test_all_that_is_usable_is_taken_in_order_and_no_more(there, wanted, at, life, expires, random) -> None:
    need = Need(wanted, at, life, expires)
    taken = first_expired_first(need, there)
    fit = [g for g in there if g.quantity > 0
           and usable(g.good_until_us, at, life, barred=g.barred, expires=expires)]  # fmt: skip
    assert sum(t.quantity for t in taken) == min(wanted, sum(g.quantity for g in fit))
    assert all(t.goods in fit and 0 < t.quantity <= t.goods.quantity for t in taken)
    days = [t.goods.good_until_us or 99 for t in taken]
    assert days == sorted(days)
    left = [g for g in fit if g not in [t.goods for t in taken if t.quantity == t.goods.quantity]]
    assert not left or not days or max(days) <= min(g.good_until_us or 99 for g in left)
    mixed = random.sample(there, len(there))
    assert sorted(first_expired_first(need, mixed)) == sorted(taken)


def test_nothing_is_promised_that_a_later_promise_needs() -> None:
    gives, takes = [(3, Q(50)), (7, Q(100))], [(2, Q(80)), (5, Q(60))]
    assert [promised(Q(100), gives, takes, t) for t in (0, 3, 7)] == [10, 10, 110]
