"""Cartons and pallets: the known answers, and that nothing overlaps, sticks out, floats or is forgotten."""

from __future__ import annotations

import itertools
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planning.packing.cartons import SUPPORT_MIN, pack
from planning.packing.goods import Carton, Item, PackingError, volume
from planning.packing.layers import layer, most_in_rows, stack
from planning.packing.proposal import Goods, Packaging, propose
from tests.examples import examples


def overlap(one, other, ends):
    """In all directions at once."""
    return all(one[k] < other[k + ends] and other[k] < one[k + ends] for k in range(ends))


def corners(placed):
    return (*placed.at_mm, *(a + d for a, d in zip(placed.at_mm, placed.size_mm, strict=True)))


def carried(placed, others):
    """Share of the base on the bottom or on tops, counted cell by cell."""
    x0, y0, z0, x1, y1, _ = corners(placed)
    if z0 == 0:
        return 1.0
    tops = [c for c in map(corners, others) if c[5] == z0]
    cells = [(x, y) for x in range(x0, x1) for y in range(y0, y1)]
    return sum(any(c[0] <= x < c[3] and c[1] <= y < c[4] for c in tops) for x, y in cells) / len(cells)


SIDES = st.integers(1, 9)
ITEMS = st.lists(
    st.builds(
        Item, st.just("a"), st.tuples(SIDES, SIDES, SIDES), st.integers(0, 40), st.sampled_from(["", "cold"]),
        st.frozensets(st.sampled_from(["food", "acid", "glass"]), max_size=2), st.booleans(),
    ),
    max_size=14,
)  # fmt: skip
CARTONS = [
    Carton("small", (4, 5, 6), 60),
    Carton("long", (8, 4, 4), 80, fill_max=0.8),
    Carton("big", (8, 8, 7), 100, temperatures=frozenset({""})),
]
APART = [frozenset({"food", "acid"}), frozenset({"glass"})]


@settings(max_examples=examples(150))
@given(ITEMS)
def test_all_is_packed_within_limits_or_said_why_not(items) -> None:
    found = pack(items, CARTONS, APART)
    inside = [placed.item for packed in found.cartons for placed in packed.placed]
    assert sorted(inside + [each.item for each in found.left]) == list(range(len(items)))
    assert all(each.why for each in found.left)
    for packed in found.cartons:
        carton, here = CARTONS[packed.carton], [items[placed.item] for placed in packed.placed]
        assert packed.mass_g == sum(item.mass_g for item in here) <= carton.mass_max_g
        assert packed.volume_mm3 == sum(volume(item.size_mm) for item in here)
        assert packed.volume_mm3 <= carton.fill_max * volume(carton.size_mm)
        assert len({item.temperature for item in here}) == 1
        assert carton.temperatures is None or here[0].temperature in carton.temperatures
        for one, other in itertools.combinations(here, 2):
            assert not ({"food", "acid"} <= one.kinds | other.kinds and one.kinds & {"food", "acid"}
                        and other.kinds & {"food", "acid"})  # fmt: skip
            assert not ("glass" in one.kinds and "glass" in other.kinds)
        for n, placed in enumerate(packed.placed):
            item, box = items[placed.item], corners(placed)
            assert sorted(placed.size_mm) == sorted(item.size_mm)
            assert not item.upright or placed.size_mm[2] == item.size_mm[2]
            assert min(box[:3]) >= 0
            assert all(box[3 + k] <= carton.size_mm[k] for k in range(3))
            assert not any(overlap(box, corners(other), 3) for other in packed.placed[:n])
            assert carried(placed, packed.placed[:n]) >= SUPPORT_MIN


def test_the_known_answer_of_cartons() -> None:
    items = [Item(f"thin {n}", (2, 8, 12), 1) for n in range(4)] + [Item("cube", (8, 8, 8), 1)]
    found = pack(items, [Carton("box", (8, 8, 12), 1_000)])
    assert sorted(len(each.placed) for each in found.cartons) == [1, 4]
    assert not found.left


def test_the_smallest_carton_that_holds_all_is_taken() -> None:
    items = [Item("a", (4, 5, 3), 1)] * 2
    assert [CARTONS[each.carton].name for each in pack(items, CARTONS).cartons] == ["small"]


@pytest.mark.parametrize(
    ("item", "why"),
    [
        (Item("a", (9, 1, 1), 1), "too big"),
        (Item("a", (1, 1, 1), 101), "heavier"),
        (Item("a", (8, 4, 4), 61, temperature="cold"), "more than it may be filled"),
    ],
)
def test_what_is_left_is_told_why(item, why) -> None:
    found = pack([item], CARTONS)
    assert why in found.left[0].why
    assert not found.cartons
    assert pack([item], []).left[0].cause == "no_packaging"
    only = Carton("c", (9, 9, 9), 9, temperatures=frozenset({"cold"}))
    assert pack([Item("a", (1, 1, 1), 1, "frozen")], [only]).left[0].why == "no carton is for frozen"


@pytest.mark.parametrize(
    ("pallet", "box", "boxes", "in_rows"),
    [((1200, 1000), (400, 300), 10, 9), ((1200, 800), (350, 250), 10, 9), ((22, 16), (5, 3), 23, 21)],
)
def test_the_known_answers_of_layers(pallet, box, boxes, in_rows) -> None:
    assert len(layer(*pallet, box)) == len(layer(*pallet[::-1], box[::-1])) == boxes
    assert most_in_rows(*pallet, box) == in_rows


@settings(max_examples=examples(30))
@given(st.integers(1, 30), st.integers(1, 30), st.integers(2, 9), st.integers(2, 9))
def test_boxes_of_a_layer_lie_on_it_apart_and_never_fewer_than_in_rows(length, width, one, other) -> None:
    found = layer(length, width, (one, other))
    boxes = [(x, y, x + dx, y + dy) for x, y, dx, dy in found]
    assert all(sorted(each[2:]) == sorted((one, other)) for each in found)
    assert all(min(b) >= 0 and b[2] <= length and b[3] <= width for b in boxes)
    assert not any(overlap(a, b, 2) for a, b in itertools.combinations(boxes, 2))
    assert most_in_rows(length, width, (one, other)) <= len(found) <= length * width // (one * other)


def test_many_small_boxes_are_laid_as_well() -> None:
    assert 1200 * 800 // (97 * 61) >= len(layer(1200, 800, (97, 61))) >= most_in_rows(1200, 800, (97, 61)) + 1


def test_a_pallet_is_as_high_and_as_heavy_as_it_may_be() -> None:
    box = Item("box", (400, 300, 250), 8_000, upright=True)
    full = stack(box, 1200, 1000, 1_600, 1_000_000)
    assert (len(full.layer), full.layers, full.boxes, full.mass_g) == (10, 6, 60, 480_000)
    light = stack(box, 1200, 1000, 1_600, 250_000)
    assert (light.layers, light.boxes) == (3, 30)
    with pytest.raises(PackingError, match="not one fits"):
        stack(box, 1200, 1000, 200, 1_000_000)
    with pytest.raises(PackingError, match="is no size"):
        Item("flat", (1, 1, 0), 1)


KINDS = [*map(Packaging, CARTONS), Packaging(Carton("pallet", (20, 12, 10), 900), pallet=True)]
GOODS = st.lists(
    st.builds(
        Goods, st.sampled_from("ab"), st.decimals(0, 40, places=1), st.none() | st.tuples(SIDES, SIDES, SIDES),
        st.none() | st.integers(1, 120), st.sampled_from(["", "cold"]), st.sampled_from(["", "food", "acid", "glass"]),
    ),
    max_size=4,
)  # fmt: skip


@settings(max_examples=examples(40), deadline=None)
@given(GOODS)
def test_each_piece_of_an_order_is_in_one_packaging_or_left_with_the_reason(goods) -> None:
    found = propose(goods, KINDS, APART)
    for n, each in enumerate(goods):
        put = sum(filled.pieces.get(n, 0) for filled in found.filled)
        assert put + sum(left.quantity for left in found.left if left.goods == n) == each.quantity
    for filled in found.filled:
        carton, here = KINDS[filled.packaging].carton, [goods[n] for n in filled.pieces]
        assert filled.mass_g == sum(goods[n].mass_g * many for n, many in filled.pieces.items()) <= carton.mass_max_g
        assert filled.volume_mm3 <= carton.fill_max * carton.volume_mm3
        assert len({each.temperature for each in here}) == 1
        assert not {"food", "acid"} <= {each.apart for each in here}
        assert sum(many for n, many in filled.pieces.items() if goods[n].apart == "glass") <= 1


def test_what_fills_a_packaging_goes_alone_the_rest_together_and_nothing_is_guessed() -> None:
    kinds = [
        Packaging(Carton("box", (400, 300, 250), 15_000)),
        Packaging(Carton("pallet", (1200, 800, 1000), 600_000), pallet=True),
    ]
    milk, tea = Goods("milk", Decimal(31), (100, 100, 250), 1_000), Goods("tea", Decimal(3), (100, 100, 100), 100)
    keg, cask = Goods("keg", Decimal(1), (500, 500, 500), 50_000), Goods("cask", Decimal(1), (900, 900, 900), 1)
    dark = Goods("dark", Decimal("2.5"), (10, 10, 10), None)
    found = propose([milk, tea, keg, dark, cask, milk._replace(name="half", quantity=Decimal("0.5"))], kinds)
    assert [(each.packaging, each.pieces, each.layers) for each in found.filled] == [
        (0, {0: 12}, 1), (0, {0: 12}, 1), (0, {0: 7, 1: 3}, 0), (1, {2: 1}, 0),
    ]  # fmt: skip
    assert [(each.goods, each.quantity, each.cause) for each in found.left] == [
        (3, Decimal("2.5"), "no_mass"), (5, Decimal("0.5"), "part"), (4, 1, "too_big"),
    ]  # fmt: skip
    assert [each.packaging for each in propose([milk._replace(quantity=Decimal(400))], kinds).filled] == [1] + [0] * 2
    apart = propose([tea._replace(apart="food"), tea._replace(apart="acid")], kinds, APART)
    assert (len(apart.filled), apart.apart) == (2, [APART[0]])
