"""Where the units of an order line are, and what moves them on: one state machine, and the only one.

A line is never copied or split: its units are in stages, and all stages together are what was ordered. A step moves
units from one stage to another. What nobody may command can still be told, late and in any order, by who was there: a
step that finds no units to move waits until there are some, so that any order of telling ends in the same stages. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from domain.stock.quantities import Quantity, text_of

Stage = Literal[
    "open", "allocated", "picked", "packed", "loaded", "delivered", "returning", "returned", "short", "cancelled"
]
STAGES: tuple[Stage, ...] = (
    "open", "allocated", "picked", "packed", "loaded", "delivered", "returning", "returned", "short", "cancelled",
)  # fmt: skip
ACTIVE: tuple[Stage, ...] = ("open", "allocated", "picked", "packed", "loaded", "returning")
"""Somebody still has to do something with units there, the furthest behind first."""

StepKind = Literal[
    "allocate", "deallocate", "pick", "put_back", "pack", "unpack", "load", "unload", "deliver", "refuse", "bring_back",
    "return", "close_short", "reopen", "cancel",
]  # fmt: skip
Who = Literal["planner", "picker", "loader", "driver", "service", "rule", "program"]


class Step(NamedTuple):
    """What moves units on.

    Attributes:
        sources: stages they may come from, those that are tried first in front.
        target: stage they come to.
        move: kind of the stock move that goes with it; empty: nothing is carried.
        who: may say it.
        words: what it is.
    """

    sources: tuple[Stage, ...]
    target: Stage
    move: str
    who: frozenset[str]
    words: str


def _step(sources: str, target: Stage, move: str, who: str, words: str) -> Step:
    return Step(tuple(sources.split()), target, move, frozenset(who.split()), words)  # type: ignore[arg-type]


STEPS: Mapping[str, Step] = {
    "allocate": _step("open", "allocated", "", "planner rule program", "goods are promised to it, by lot and place"),
    "deallocate": _step("allocated", "open", "", "planner rule program", "they are promised to it no more"),
    "pick": _step("allocated open", "picked", "pick", "picker rule program", "they are taken from where they lie"),
    "put_back": _step("picked", "open", "put_away", "picker program", "what was picked lies at its place again"),
    "pack": _step("picked", "packed", "pack", "picker loader program", "they are in a handling unit"),
    "unpack": _step("packed", "picked", "unpack", "picker loader program", "they are out of it again"),
    "load": _step("packed picked", "loaded", "load", "loader driver rule program", "they are on the vehicle"),
    "unload": _step("loaded", "packed", "unload", "loader driver program", "they are off it again, and not delivered"),
    "deliver": _step("loaded", "delivered", "deliver", "driver program", "the customer has them"),
    "refuse": _step("loaded", "returning", "", "driver program", "the customer does not take them, they ride back"),
    "bring_back": _step(
        "returning", "returned", "unload", "driver loader program", "what was refused is with us again"
    ),
    "return": _step("delivered", "returned", "return", "service driver program", "the customer has sent them back"),
    "close_short": _step("open", "short", "", "planner rule program", "nobody will send the rest"),
    "reopen": _step("short", "open", "", "planner program", "the rest is to be sent after all"),
    "cancel": _step("open allocated", "cancelled", "", "planner service program", "the customer does not want them"),
}
"""Every transition there is."""


HAPPENED: frozenset[str] = frozenset(kind for kind, step in STEPS.items() if step.move) | {"refuse"}
"""What was done with goods, and is true whenever it is told. The others are decisions: they take what they find."""
_RANK = {kind: n for n, kind in enumerate(STEPS)}


class StageError(ValueError):
    """A step cannot be, and what can be done instead."""


class Told(NamedTuple):
    """A step as somebody told it; `id` is theirs: told again it is the same one.

    Attributes:
        at_us: when it happened.
        quantity: in base units of the product, more than nothing.
    """

    id: str
    kind: str
    at_us: int
    quantity: Quantity


NONE = Quantity(0)


def at_start(ordered: Quantity) -> dict[Stage, Quantity]:
    """Stages of a line that nobody has done anything with."""
    return {stage: ordered if stage == "open" else NONE for stage in STAGES}


class Shift(NamedTuple):
    """Units that went from one stage to another."""

    step: str
    kind: str
    at_us: int
    source: Stage
    target: Stage
    quantity: Quantity


@dataclass(frozen=True)
class Line:
    """What a line has come to.

    Attributes:
        stages: how many units are in each; together they are what was ordered.
        shifts: what was moved, in order.
        waiting: of which steps how many units are not explained yet: nobody has told what they rest on. What a
            decision did not find is not among them.
    """

    stages: Mapping[Stage, Quantity]
    shifts: tuple[Shift, ...] = ()
    waiting: Mapping[str, Quantity] = field(default_factory=dict)

    @property
    def stage(self) -> Stage:
        """Of those units that somebody still has to do something with the furthest behind; else where most are."""
        for stage in ACTIVE:
            if self.stages[stage]:
                return stage
        return max(("delivered", "returned", "short", "cancelled"), key=lambda stage: self.stages[stage])


def fold(ordered: Quantity, told: Iterable[Told]) -> Line:
    """What all that was told comes to, in whatever order and however often it was told.

    Steps are taken in the order in which they happened. One that finds too few units takes those there are; of what
    happened the rest is tried again after every other one that gives it some.

    >>> line = fold(Quantity(10), [Told("d", "deliver", 4, Quantity(6)), Told("l", "load", 3, Quantity(7)),
    ...             Told("p", "pick", 1, Quantity(8)), Told("k", "pack", 2, Quantity(8))])
    >>> {stage: str(n) for stage, n in line.stages.items() if n}
    {'open': '2', 'packed': '1', 'loaded': '1', 'delivered': '6'}
    """
    stages = at_start(ordered)
    rest: dict[Told, Quantity] = {}
    shifts: list[Shift] = []
    for each in sorted(
        {told.id: told for told in told}.values(), key=lambda step: (step.at_us, _RANK[step.kind], step.id)
    ):
        rest[each] = each.quantity
        _take(stages, rest, shifts)
        if each.kind not in HAPPENED:
            del rest[each]
    return Line(stages, tuple(shifts), {each.id: left for each, left in rest.items() if left})


def _take(stages: dict[Stage, Quantity], rest: dict[Told, Quantity], shifts: list[Shift]) -> None:
    """All that can be taken now; what comes of one may be what another waits for."""
    moved = True
    while moved:
        moved = False
        for each, left in rest.items():
            step = STEPS[each.kind]
            for source in step.sources if left else ():
                quantity = min(left, stages[source])
                if quantity <= 0:
                    continue
                stages[source] -= quantity
                stages[step.target] += quantity
                shifts.append(Shift(each.id, each.kind, each.at_us, source, step.target, quantity))
                left -= quantity  # noqa: PLW2901 - what is left of this one
                moved = True
            rest[each] = left


def may(line: Line, kind: str, quantity: Quantity, who: frozenset[str]) -> None:
    """Whether somebody who is all of `who` may command a step now.

    Raises:
        StageError: they may not, or there are not so many; with what there is.
    """
    step = STEPS.get(kind)
    if step is None:
        raise StageError(f"{kind} is none of {', '.join(STEPS)}")
    if not who & step.who:
        raise StageError(f"{kind} is for {', '.join(sorted(step.who))}, not for {', '.join(sorted(who)) or 'you'}")
    if quantity <= 0:
        raise StageError(f"{kind} of {quantity} moves nothing")
    there = sum((line.stages[source] for source in step.sources), NONE)
    if quantity > there:
        found = ", ".join(f"{text_of(line.stages[stage])} {stage}" for stage in STAGES if line.stages[stage])
        raise StageError(f"{kind} of {quantity}: {text_of(there)} are {' or '.join(step.sources)} (there are {found})")


def status(lines: Iterable[Line]) -> Stage:
    """Of an order: the furthest behind of its lines that are not through; else what became of most units."""
    found = list(lines)
    for stage in ACTIVE:
        if any(line.stages[stage] for line in found):
            return stage
    ends: tuple[Stage, ...] = ("delivered", "returned", "short", "cancelled")
    totals = {stage: sum((line.stages[stage] for line in found), NONE) for stage in ends}
    return max(ends, key=lambda stage: totals[stage])
