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
IN_UNITS: frozenset[Stage] = frozenset({"picked", "packed", "loaded", "returning"})
"""Stages of goods that are in our hands: which unit they are in matters."""
_RANK = {kind: n for n, kind in enumerate(STEPS)}


class StageError(ValueError):
    """A step cannot be, and what can be done instead."""


class Told(NamedTuple):
    """A step as somebody told it; `id` is theirs: told again it is the same one.

    Attributes:
        at_us: when it happened.
        quantity: in base units of the product, more than nothing.
        unit: the handling unit that goods are in, go into or come out of; empty: they are loose, or nobody said.
    """

    id: str
    kind: str
    at_us: int
    quantity: Quantity
    unit: str = ""

    @property
    def units(self) -> tuple[str, str]:
        """The unit in which its goods were, and that in which they are then."""
        return "" if self.kind == "pack" else self.unit, "" if self.kind == "unpack" else self.unit


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
        units: of goods that were picked and are not with the customer, how many are in which unit, by stage.
    """

    stages: Mapping[Stage, Quantity]
    shifts: tuple[Shift, ...] = ()
    waiting: Mapping[str, Quantity] = field(default_factory=dict)
    units: Mapping[tuple[Stage, str], Quantity] = field(default_factory=dict)

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
    now = _Fold(at_start(ordered))
    for each in sorted(
        {told.id: told for told in told}.values(), key=lambda step: (step.at_us, _RANK[step.kind], step.id)
    ):
        now.rest[each] = each.quantity
        now.take()
        if each.kind not in HAPPENED:
            del now.rest[each]
    return Line(now.stages, tuple(now.shifts), {each.id: left for each, left in now.rest.items() if left}, now.units)


@dataclass
class _Fold:
    """A line while it is folded."""

    stages: dict[Stage, Quantity]
    rest: dict[Told, Quantity] = field(default_factory=dict)
    shifts: list[Shift] = field(default_factory=list)
    units: dict[tuple[Stage, str], Quantity] = field(default_factory=dict)

    def take(self) -> None:
        """All that can be taken now; what comes of one may be what another waits for."""
        moved = True
        while moved:
            moved = False
            for each in self.rest:
                for source, most in self._sources(each) if self.rest[each] else ():
                    quantity = min(self.rest[each], most, self.stages[source])
                    if quantity > 0:
                        self._shift(each, source, quantity)
                        moved = True

    def _sources(self, told: Told) -> list[tuple[Stage, Quantity]]:
        """Stages that it may take from: first where its unit is, then wherever there are some."""
        sources, unit = STEPS[told.kind].sources, told.units[0]
        own = [(source, self.units.get((source, unit), NONE)) for source in sources if source in IN_UNITS]
        return [*own, *((source, self.stages[source]) for source in sources)]

    def _shift(self, told: Told, source: Stage, quantity: Quantity) -> None:
        target, (before, after) = STEPS[told.kind].target, told.units
        self.stages[source] -= quantity
        self.stages[target] += quantity
        self.shifts.append(Shift(told.id, told.kind, told.at_us, source, target, quantity))
        self.rest[told] -= quantity
        left = quantity
        for key in sorted((key for key in self.units if key[0] == source), key=lambda key: (key[1] != before, key)):
            taken = min(left, self.units[key])
            self.units[key] -= taken
            left -= taken
        if target in IN_UNITS:
            self.units[target, after] = self.units.get((target, after), NONE) + quantity


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
