"""Stages of a line: units are conserved, any order and repetition ends alike, nobody delivers what was not loaded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from domain.orders.stages import ACTIVE, HAPPENED, STAGES, STEPS, StageError, Told, fold, may, status
from domain.stock.quantities import Quantity

Q = Quantity
KNOWN = [
    ("pick", 8), ("pack", 8), ("load", 7), ("deliver", 6), ("refuse", 1), ("bring_back", 1),
]  # fmt: skip
TOLD = st.lists(
    st.builds(
        Told, st.text("abcdefgh", min_size=1, max_size=3), st.sampled_from(sorted(STEPS)), st.integers(0, 20),
        st.integers(1, 8).map(Quantity),
    ),
    max_size=14, unique_by=lambda told: told.id,
)  # fmt: skip


def some(line):
    return {stage: int(n) for stage, n in line.stages.items() if n}


@given(st.permutations([Told(str(n), kind, n, Q(k)) for n, (kind, k) in enumerate(KNOWN)] * 2))
def test_the_known_answer_in_any_order_and_doubled(told) -> None:
    line = fold(Q(10), told)
    assert some(line) == {"open": 2, "packed": 1, "delivered": 6, "returned": 1}
    assert line.waiting == {}


@given(st.permutations([Told(str(n), kind, n % 2, Q(k)) for n, (kind, k) in enumerate(KNOWN)]))
def test_clocks_that_disagree_change_nothing(told) -> None:
    assert some(fold(Q(10), told)) == {"open": 2, "packed": 1, "delivered": 6, "returned": 1}


@given(st.integers(1, 20).map(Quantity), TOLD, st.randoms())
def test_units_are_conserved_and_any_order_is_the_same(ordered, told, random) -> None:
    line = fold(ordered, told)
    assert sum(line.stages.values()) == ordered
    assert min(line.stages.values()) >= 0
    mixed = told + random.sample(told, len(told) // 2)
    random.shuffle(mixed)
    assert fold(ordered, mixed) == line
    moved = {each.id: sum(s.quantity for s in line.shifts if s.step == each.id) for each in told}
    for each in told:
        unmet = each.quantity - moved[each.id]
        assert line.waiting.get(each.id, 0) == (unmet if each.kind in HAPPENED else 0)


@given(st.integers(1, 20).map(Quantity), TOLD)
def test_nothing_goes_on_that_has_not_come_so_far(ordered, told) -> None:
    stages = dict.fromkeys(STAGES, Q(0)) | {"open": ordered}
    for shift in fold(ordered, told).shifts:
        assert shift.source in STEPS[shift.kind].sources
        stages[shift.source] -= shift.quantity
        stages[shift.target] += shift.quantity
        assert min(stages.values()) >= 0, "taken before it was there"


class Commands(RuleBasedStateMachine):
    """People who may only do what can be done."""

    def __init__(self):
        super().__init__()
        self.told: list[Told] = []

    @property
    def line(self):
        return fold(Q(12), self.told)

    @rule(kind=st.sampled_from(sorted(STEPS)), quantity=st.integers(-1, 13).map(Quantity), at=st.integers(0, 9))
    def do(self, kind, quantity, at):
        before, who = self.line, frozenset({min(STEPS[kind].who)})
        there = sum(before.stages[source] for source in STEPS[kind].sources)
        try:
            may(before, kind, quantity, who)
        except StageError:
            assert quantity <= 0 or quantity > there
        else:
            self.told.append(Told(f"{len(self.told):02}", kind, len(self.told), quantity))

    @precondition(lambda self: self.told)
    @rule()
    def again(self):
        self.told.append(self.told[0])

    @invariant()
    def holds(self):
        line = self.line
        assert sum(line.stages.values()) == 12
        assert line.waiting == {}, "what may be done is done"
        done = {kind: sum(s.quantity for s in line.shifts if s.kind == kind) for kind in STEPS}
        assert done["deliver"] + done["refuse"] <= done["load"] - done["unload"] <= done["pick"] - done["put_back"]


TestCommands = Commands.TestCase


def test_who_may_what_is_said() -> None:
    line = fold(Q(5), [])
    with pytest.raises(StageError, match="deliver is for driver, program, not for picker"):
        may(line, "deliver", Q(1), frozenset({"picker"}))
    with pytest.raises(StageError, match=r"load of 2: 0 are packed or picked \(there are 5 open\)"):
        may(line, "load", Q(2), frozenset({"loader"}))
    with pytest.raises(StageError, match="fly is none of"):
        may(line, "fly", Q(1), frozenset({"driver"}))


def test_an_order_is_as_far_as_what_is_furthest_behind() -> None:
    whole = fold(Q(2), [Told("p", "pick", 0, Q(2)), Told("l", "load", 1, Q(2)), Told("d", "deliver", 2, Q(2))])
    assert (whole.stage, status([whole, fold(Q(3), [])])) == ("delivered", "open")
    assert status([whole, fold(Q(1), [Told("c", "cancel", 0, Q(1))])]) == "delivered"
    assert set(ACTIVE) < set(STAGES)
