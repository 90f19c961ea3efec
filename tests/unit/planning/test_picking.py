"""Walks through a block: exact against Held and Karp, never longer than a rule, and the known answers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planning.picking.block import Block, BlockError, Pick, lists_of
from planning.picking.lists import Place, routed
from planning.picking.rules import RULES
from planning.picking.shortest import lengths, shortest
from planning.picking.walk import Walk

KNOWN = Block(aisles=5, length_m=10, pitch_m=2, depot=2)
KNOWN_PICKS = [Pick(*p) for p in ((0, 9), (1, 2), (1, 5), (1, 6), (1, 9), (2, 8), (2, 9))]


def one(block, picks):
    """A list as columns."""
    aisle, y = np.array([p.aisle for p in picks], np.int64), np.array([p.y_m for p in picks], float)
    return lists_of(block, np.zeros(len(picks), np.int64), aisle, y, 1)


def way_m(block, a, b):
    """Between two places as (x in aisles, y, may go within an aisle)."""
    if a[0] == b[0] and a[2] and b[2]:
        return abs(a[1] - b[1])
    around = min(a[1] + b[1], 2 * block.length_m - a[1] - b[1])
    return abs(a[0] - b[0]) * block.pitch_m + around


def held_karp(block, picks):
    """The shortest round trip, by trying all subsets."""
    places = [(block.depot, 0.0, block.depot == int(block.depot) and 0 <= block.depot < block.aisles)]
    places += [(float(p.aisle), p.y_m, True) for p in sorted(set(picks))]
    n = len(places)
    far = [[way_m(block, a, b) for b in places] for a in places]
    best = {(1 << k, k): far[0][k] for k in range(1, n)}
    for size in range(2, n):
        for subset in itertools.combinations(range(1, n), size):
            bits = sum(1 << k for k in subset)
            for k in subset:
                best[bits, k] = min(best[bits & ~(1 << k), j] + far[j][k] for j in subset if j != k)
    every = (1 << n) - 2
    return min((best[every, k] + far[k][0] for k in range(1, n)), default=0.0)


def is_a_walk(block, picks, walk: Walk):
    """It starts and ends at the depot, goes along aisles and cross aisles only, and is as long as it says."""
    depot = (block.depot * block.pitch_m, 0.0)
    assert walk.path[0] == walk.path[-1] == depot
    total = 0.0
    for (x0, y0), (x1, y1) in itertools.pairwise(walk.path):
        along = y0 == y1 and y0 in (0.0, block.length_m)
        assert x0 == x1 or along
        total += abs(x0 - x1) + abs(y0 - y1)
    assert total == pytest.approx(walk.length_m)
    assert sorted(walk.order) == list(range(len(picks)))


BLOCKS = st.builds(
    Block,
    aisles=st.integers(1, 6),
    length_m=st.sampled_from([1.0, 7.0, 10.0, 40.0]),
    pitch_m=st.sampled_from([0.0, 1.0, 2.5, 5.0]),
    depot=st.sampled_from([-1.0, 0.0, 0.5, 1.0, 2.5, 3.0, 6.0]),
)


@st.composite
def asked(draw, most=7):
    block = draw(BLOCKS)
    places = st.tuples(st.integers(0, block.aisles - 1), st.integers(0, 20).map(lambda k: k * block.length_m / 20))
    return block, [Pick(*p) for p in draw(st.lists(places, max_size=most))]


def test_the_known_answer() -> None:
    walk = shortest(KNOWN, KNOWN_PICKS)
    assert walk.length_m == 30
    is_a_walk(KNOWN, KNOWN_PICKS, walk)
    lists = one(KNOWN, KNOWN_PICKS)
    assert {name: float(rule(KNOWN, lists)[0]) for name, rule in RULES.items()} == {
        "s_shape": 46, "largest_gap": 42, "combined": 44, "return": 62,
    }  # fmt: skip


def test_a_thousand_random_lists_are_walked_as_held_and_karp_would() -> None:
    rng = np.random.default_rng(7)
    for _ in range(1_000):
        aisles = int(rng.integers(1, 9))
        block = Block(
            aisles, float(rng.integers(5, 41)), float(rng.integers(1, 8)), float(rng.integers(0, 2 * aisles - 1) / 2)
        )
        picks = [
            Pick(int(rng.integers(aisles)), float(rng.uniform(0, block.length_m))) for _ in range(rng.integers(0, 8))
        ]
        walk = shortest(block, picks)
        assert walk.length_m == pytest.approx(held_karp(block, picks))


@given(asked())
def test_a_walk_is_the_shortest_and_may_be_walked(asked) -> None:
    block, picks = asked
    walk = shortest(block, picks)
    assert walk.length_m == pytest.approx(held_karp(block, picks))
    is_a_walk(block, picks, walk)


@given(asked(most=40))
def test_no_rule_is_shorter_and_many_at_once_are_the_same(asked) -> None:
    block, picks = asked
    walk, lists = shortest(block, picks), one(block, picks)
    assert lengths(block, lists)[0] == pytest.approx(walk.length_m)
    is_a_walk(block, picks, walk)
    for name, rule in RULES.items():
        assert rule(block, lists)[0] >= walk.length_m - 1e-9, name


@given(asked(most=20), st.data())
def test_doubles_and_a_mirror_change_nothing_and_one_more_never_shortens(asked, data) -> None:
    block, picks = asked
    length_m = shortest(block, picks).length_m
    assert shortest(block, picks + picks).length_m == length_m
    end = block.aisles - 1
    mirror = Block(block.aisles, block.length_m, block.pitch_m, end - block.depot)
    assert shortest(mirror, [Pick(end - a, y) for a, y in picks]).length_m == pytest.approx(length_m)
    more = data.draw(st.tuples(st.integers(0, end), st.just(block.length_m / 2)))
    assert shortest(block, [*picks, Pick(*more)]).length_m >= length_m - 1e-9


@pytest.mark.parametrize(
    ("picks", "why"),
    [
        ([(5, 1)], "there is no aisle 5"),
        ([(0, 11)], "11 is not in an aisle of 10"),
        ([(0, float("nan"))], "nan is not"),
    ],
)
def test_what_is_not_in_the_block_is_named(picks, why) -> None:
    with pytest.raises(BlockError, match=why):
        shortest(KNOWN, [Pick(*p) for p in picks])


def test_a_list_goes_zone_after_zone_and_those_nobody_knows_come_first() -> None:
    block = Block(3, 10, 2)
    places = [Place("b", 0, 9), Place("a", 2, 1), Place("b"), Place("a", 0, 1), Place("b", 7, 1), Place("c")]
    found = routed(places, {"a": block, "b": block})
    assert (found.order[:3], sorted(found.order[3:5]), found.order[5]) == ([2, 4, 0], [1, 3], 5)
    assert [(walk.zone, walk.length_m) for walk in found.walks] == [("b", 18), ("a", 12)]
    assert all(rule >= walk.length_m for walk in found.walks for rule in walk.rules.values())
