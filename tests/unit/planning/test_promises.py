"""Promises by available to promise: more stock is never later, nobody is robbed, order does not matter."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from domain.orders.allocate import promised
from domain.stock.quantities import Quantity
from planning.dispatch.travel import Travel, Ways
from planning.promises.supply import Claim, Lot, Receipt, Supply, earliest, middle, pooled
from planning.promises.verdict import Asked, Line, grades, verdict

WHOLE = st.integers(0, 30)
CLAIMS = st.lists(st.builds(Claim, WHOLE, WHOLE, st.integers(0, 9)), max_size=6)
LOTS = st.lists(st.builds(Lot, WHOLE, st.one_of(st.integers(1, 40), st.just(np.inf))), max_size=5)
RECEIPTS = st.lists(st.tuples(st.integers(1, 30), WHOLE), max_size=5)


def when(on_hand: float, receipts: list[tuple[int, int]], claims: list[Claim], wanted: int) -> float:
    quantities, comes = np.array([q for _, q in receipts], float), np.array([[t for t, _ in receipts]], float)
    return float(earliest(on_hand, quantities, comes, claims, wanted, 0)[0])


@given(WHOLE, RECEIPTS, CLAIMS, st.integers(1, 30))
def test_it_is_the_first_moment_of_what_can_be_promised(
    on_hand: int, receipts: list[tuple[int, int]], claims: list[Claim], wanted: int
) -> None:
    gives = [(at, Quantity(quantity)) for at, quantity in receipts]
    takes = [(int(each.at_s), Quantity(int(each.quantity))) for each in claims]
    moments = [t for t in range(31) if promised(Quantity(on_hand), gives, takes, t) >= wanted]
    assert when(on_hand, receipts, claims, wanted) == (moments[0] if moments else np.inf)
    assert when(on_hand, receipts[::-1], claims[::-1], wanted) == when(on_hand, receipts, claims, wanted)


@given(WHOLE, RECEIPTS, st.lists(st.tuples(WHOLE, st.integers(1, 30)), max_size=5))
def test_all_that_is_promised_in_turn_is_there_when_it_is_given(
    on_hand: int, receipts: list[tuple[int, int]], asked: list[tuple[int, int]]
) -> None:
    claims: list[Claim] = []
    for at, wanted in asked:
        given_at = max(when(on_hand, receipts, claims, wanted), at)
        if given_at < np.inf:
            claims.append(Claim(wanted, given_at))
    for moment in range(31):
        there = on_hand + sum(quantity for at, quantity in receipts if at <= moment)
        assert sum(each.quantity for each in claims if each.at_s <= moment) <= there


@given(LOTS, RECEIPTS, CLAIMS, st.integers(1, 30), st.builds(Lot, WHOLE, st.integers(1, 40)), st.integers(0, 9))
def test_more_stock_makes_it_never_later(
    lots: list[Lot], receipts: list[tuple[int, int]], claims: list[Claim], wanted: int, more: Lot, life: int
) -> None:
    def asked(there: list[Lot]) -> float:
        on_hand, left = pooled(Supply(tuple(there), (), tuple(claims)), 10, life)
        return when(on_hand, receipts, left, wanted)

    assert asked([*lots, more]) <= asked(lots)
    assert asked(lots[::-1]) == asked(lots)


HOUR = 3600.0


def order(**more: object) -> Asked:
    ways = Ways(Travel(), np.array([60.0, 60.0]), np.array([25.0, 25.5]))
    given_more: dict[str, object] = {
        "lines": (Line(1, 7, 5.0),), "supplies": {7: Supply((Lot(9),))}, "spans": ((0, 10**9),), "ways": ways, **more
    }  # fmt: skip
    return Asked(now_s=0.0, prepare_s=2 * HOUR, **given_more)  # type: ignore[arg-type]


def test_what_limits_is_said_with_its_figures() -> None:
    plain = verdict(order(window_s=(None, 9 * HOUR)))
    assert (plain.ready_s, plain.source, plain.chance) == (2 * HOUR, "default", 1.0)
    assert plain.limit.code == "prepare"
    late = Receipt("PO-1", 20, 20 * HOUR, 24 * HOUR, 30 * HOUR)
    waits = verdict(order(supplies={7: Supply((Lot(9),), (late,), (Claim(6, HOUR),))}, window_s=(None, 28 * HOUR)))
    assert (waits.limit.code, waits.limit.receipt, waits.limit.at_s) == ("receipt", "PO-1", 24 * HOUR)
    assert waits.chance is not None
    assert 0.5 < waits.chance < 0.95
    short = verdict(order(lines=(Line(1, 7, 5.0), Line(2, 7, 5.0)), window_s=(None, 9 * HOUR)))
    assert (short.limit.code, short.limit.line, short.limit.quantity, short.chance) == ("short", 2, 1.0, 0.0)
    closed = verdict(order(spans=((int(30 * HOUR), int(40 * HOUR)),)))
    assert (closed.limit.code, closed.earliest_s, closed.chance) == ("hours", 30 * HOUR, None)
    assert verdict(order(ways=None)).limit.code == "no_place"
    spoils = verdict(order(supplies={7: Supply((Lot(9, 3 * HOUR), Lot(4)))}, min_life_s=HOUR))
    assert spoils.limit.code == "short", "what would be too short when it is there is not counted"
    assert middle([Receipt("old", 1, -9, -8, -7)], 0.0)[0, 0] == 24 * HOUR, "what is overdue is not here"
    assert [(each.low, each.orders, each.kept) for each in grades([(1.0, True), (0.3, False)])] == [
        (0.2, 1, 0.0),
        (0.95, 1, 1.0),
    ]
