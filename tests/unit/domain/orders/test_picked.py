"""What a shelf says of a pick: laws of weight and said quantity."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from domain.orders.picked import Heard, Slot, Weighing, agreement, taken, weighed

SINCE = 10


def pick(lay: int, took: int, unit_kg: float, off: list[float]) -> list[Weighing]:
    """Eight weighings before and two after, each off by so much of a unit."""
    masses = [lay * unit_kg] * 8 + [(lay - took) * unit_kg] * 2
    return [
        Weighing(n if n < 8 else n + SINCE, m + o * unit_kg) for n, (m, o) in enumerate(zip(masses, off, strict=True))
    ]


@given(
    st.integers(0, 40), st.integers(0, 20), st.floats(0.05, 20),
    st.lists(st.floats(-0.02, 0.02), min_size=10, max_size=10), st.randoms(use_true_random=False),
)  # fmt: skip
def test_what_was_taken_agrees_and_what_was_not_does_not(
    took: int, left: int, unit_kg: float, off: list[float], random: object
) -> None:
    told = pick(took + left, took, unit_kg, off)
    shelf = weighed([Slot("A", True, tuple(told))], unit_kg, SINCE, shared=False)
    shuffled = sorted(told, key=lambda _: random.random())  # type: ignore[attr-defined]
    assert weighed([Slot("A", True, tuple(shuffled))], unit_kg, SINCE, shared=False) == shelf, "in whatever order"
    if shelf.cause:
        assert shelf.cause in ("too_coarse", "unsteady")
        assert shelf.quantity is None
        assert agreement(shelf, took) == "unknown", "what cannot count contradicts nobody"
        return
    assert shelf.quantity == took
    assert shelf.bound is not None
    assert shelf.bound < 0.5
    assert agreement(shelf, took + 2) == "differs"
    assert 0.5 <= shelf.sure <= 0.99


def test_a_shelf_that_cannot_tell_says_why() -> None:
    told = tuple(pick(10, 6, 0.5, [0.0] * 10))
    ways = {
        "no_sensor": ([], 0.5, False),
        "other_product": ([Slot("A", False, told)], 0.5, False),
        "shared": ([Slot("A", True, told)], 0.5, True),
        "silent": ([Slot("A", True, told[:8])], 0.5, False),
        "unsteady": ([Slot("A", True, told[:9])], 0.5, False),
        "no_unit_mass": ([Slot("A", True, told)], None, False),
        "too_coarse": ([Slot("A", True, told[5:])], 0.02, False),
        "more": ([Slot("A", True, tuple(pick(4, -6, 0.5, [0.0] * 10)))], 0.5, False),
    }
    assert {weighed(slots, unit, SINCE, shared=shared).cause for slots, unit, shared in ways.values()} == set(ways)
    counts = (Weighing(1, item_count=9), Weighing(20, item_count=7))
    assert weighed([Slot("A", True, counts)], None, SINCE, shared=False)[1:5] == (2, 2, 0, 0.99)
    two = [Slot("A", True, told), Slot("B", True, tuple(pick(8, 2, 0.5, [0.0] * 10)))]
    assert weighed(two, 0.5, SINCE, shared=False).quantity == 8, "two slots of a zone together"


def test_a_tag_that_is_heard_again_was_not_taken() -> None:
    before = [Heard(epoch, epc, True) for epoch in range(20) for epc in ("a", "b")]
    after = [Heard(epoch, "b", True) for epoch in range(20, 26)]
    since = 20 * 30 * 10**6
    assert [(tag.epc, tag.sure > 0.9) for tag in taken([*before, *after], since, 1)] == [("a", True), ("b", False)]
    done = taken([*before, *after], since, 1, since)
    assert done[1].sure < 0.1, "it says that it is there still"
    assert taken([*before, *after, *after], since, 1, since) == done, "heard twice is heard once"
    late = taken([*before, *after, *(each._replace(epc="a") for each in after)], since, 1, since)
    assert [tag.sure < 0.1 for tag in late] == [True, True], "late reads of it there"
