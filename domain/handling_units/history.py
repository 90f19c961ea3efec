"""Where movements have brought goods: one fold over all of them by event time, the same whatever order they came in.

A unit has stays (where it was, in which other unit). What it holds are parts: so much of a lot that has been together
all the way, with the units it went through; a split copies that way to both sides, a merge keeps the ways apart. When a
unit holds several parts of one lot, nobody knows which of them were taken out: each gives its share.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

from domain.handling_units.movements import Content, Movement, Place, in_order, refuse

DEPTH_MAX = 8  # units in units
PARTS_MAX = 200  # of one unit


class Stay(NamedTuple):
    """Since when, until when (None: now) a unit was where, and in which other unit; no place: nobody knows where."""

    since_us: int
    until_us: int | None
    place: Place | None
    parent: str | None


class Span(NamedTuple):
    """As long goods were in a unit."""

    unit: str
    since_us: int
    until_us: int | None


class Part(NamedTuple):
    """So much of a lot, and its way."""

    lot: str
    quantity: Fraction
    way: tuple[Span, ...]


class Unit(NamedTuple):
    """A unit as it came to be."""

    code: str
    since_us: int
    closed_us: int | None
    merged_into: str | None
    parent: str | None
    place: Place | None
    stays: tuple[Stay, ...]
    parts: tuple[Part, ...]
    children: tuple[str, ...]


Way = tuple[tuple[str, int], ...]
"""Units and since when goods were in each."""


@dataclass(slots=True)
class _Unit:
    code: str
    since_us: int
    place: Place | None = None
    parent: str | None = None
    closed_us: int | None = None
    merged_into: str | None = None
    children: dict[str, None] = field(default_factory=dict)
    parts: dict[tuple[str, Way], Fraction] = field(default_factory=dict)
    stays: list[Stay] = field(default_factory=list)


def history(movements: Iterable[Movement]) -> dict[str, Unit]:
    """All units that these movements are about, by code.

    Raises:
        RefusedError: one of them cannot have happened.
    """
    fold = _Fold()
    for movement in in_order(list(movements)):
        fold.take(movement)
    return {code: _told(unit) for code, unit in fold.units.items()}


class _Fold:
    def __init__(self) -> None:
        self.units: dict[str, _Unit] = {}

    def take(self, m: Movement) -> None:
        if len(set(m.units)) < len(m.units):
            twice = m.unit if m.unit in m.others else next(o for o in m.others if m.others.count(o) > 1)
            refuse(m, f"{twice} is named twice" if twice != m.unit else f"{twice} cannot be put into itself")
        {
            "commission": self._commission,
            "place": self._place,
            "pack": self._pack,
            "unpack": self._unpack,
            "split": self._split,
            "merge": self._merge,
            "close": self._close,
        }[m.kind](m)

    # ------------------------------------------------------------ what is done
    def _commission(self, m: Movement) -> None:
        self._begin(m, m.unit, m.place, _parts(m, m.unit))

    def _place(self, m: Movement) -> None:
        unit = self._open(m, m.unit)
        if unit.parent is not None:
            refuse(m, f"{unit.code} is packed in {unit.parent}: unpack it first, or move {self._root(unit).code}")
        unit.place = m.place
        self._mark(unit, m.at_us)

    def _pack(self, m: Movement) -> None:
        parent = self._open(m, m.unit)
        self._some(m)
        for code in m.others:
            child = self._open(m, code)
            if child.parent is not None:
                refuse(m, f"{code} is packed in {child.parent} already: unpack it first")
            if any(above.code == code for above in self._above(parent)):
                refuse(m, f"{parent.code} is inside of {code}: it cannot hold it")
            child.parent, child.place = parent.code, None
            parent.children[code] = None
            if len(list(self._above(parent))) + self._height(child) > DEPTH_MAX:
                refuse(m, f"more than {DEPTH_MAX} units in one another")
            self._mark(child, m.at_us)

    def _unpack(self, m: Movement) -> None:
        parent = self._open(m, m.unit)
        if not parent.children:
            refuse(m, f"nothing is packed in {parent.code} then")
        for code in m.others or tuple(parent.children):
            if code not in parent.children:
                self._open(m, code)
                refuse(m, f"{code} is not packed in {parent.code} then")
            self._out(self.units[code], self._where(parent), m.at_us)

    def _split(self, m: Movement) -> None:
        unit = self._open(m, m.unit)
        if len(m.others) != 1 or not m.contents:
            refuse(m, "a split names one new unit and what goes into it")
        moved: dict[tuple[str, Way], Fraction] = {}
        for content in m.contents:
            self._take_out(m, unit, content, moved)
        new = m.others[0]
        parts = {(lot, (*way, (new, m.at_us))): quantity for (lot, way), quantity in moved.items()}
        self._begin(m, new, self._where(unit), parts)

    def _merge(self, m: Movement) -> None:
        into = self._open(m, m.unit)
        self._some(m)
        for code in m.others:
            unit = self._open(m, code)
            if unit.children:
                refuse(m, f"{code} holds {next(iter(unit.children))}: unpack it first")
            for (lot, way), quantity in unit.parts.items():
                key = lot, (*way, (into.code, m.at_us))
                into.parts[key] = into.parts.get(key, Fraction(0)) + quantity
            unit.parts.clear()
            unit.merged_into = into.code
            self._end(unit, m.at_us)
        if len(into.parts) > PARTS_MAX:
            refuse(m, f"{into.code} would hold more than {PARTS_MAX} parts")

    def _close(self, m: Movement) -> None:
        unit = self._open(m, m.unit)
        for each in [*self._within(unit)][::-1]:
            self._end(each, m.at_us)

    # ------------------------------------------------------------ what that takes
    def _open(self, m: Movement, code: str) -> _Unit:
        unit = self.units.get(code)
        if unit is None:
            refuse(m, f"there is no {code} yet at that time: commission it first")
        if unit.closed_us is not None:
            how = f"merged into {unit.merged_into}" if unit.merged_into else "closed"
            refuse(m, f"{code} was {how} before")
        return unit

    def _some(self, m: Movement) -> None:
        if not m.others:
            refuse(m, f"{m.kind} names at least one other unit")

    def _begin(self, m: Movement, code: str, place: Place | None, parts: dict[tuple[str, Way], Fraction]) -> None:
        if code in self.units:
            refuse(m, f"there is {code} already: a new unit needs a code of its own")
        self.units[code] = unit = _Unit(code, m.at_us, place, parts=parts)
        self._mark(unit, m.at_us)

    def _end(self, unit: _Unit, at_us: int) -> None:
        if unit.parent is not None:
            place, parent = self._where(unit), self.units[unit.parent]
            del parent.children[unit.code]
            unit.parent, unit.place = None, place
        unit.closed_us = at_us
        unit.stays[-1] = unit.stays[-1]._replace(until_us=at_us)

    def _out(self, child: _Unit, place: Place | None, at_us: int) -> None:
        del self.units[child.parent or ""].children[child.code]
        child.parent, child.place = None, place
        self._mark(child, at_us)

    def _take_out(self, m: Movement, unit: _Unit, content: Content, moved: dict[tuple[str, Way], Fraction]) -> None:
        mine = [key for key in unit.parts if key[0] == content.lot]
        whole = sum((unit.parts[key] for key in mine), Fraction(0))
        if content.quantity <= 0 or content.quantity > whole:
            refuse(m, f"{unit.code} holds {shown(whole)} of lot {content.lot} then, not {shown(content.quantity)}")
        for key in mine:
            share = unit.parts[key] * content.quantity / whole
            moved[key] = moved.get(key, Fraction(0)) + share
            unit.parts[key] -= share
            if not unit.parts[key]:
                del unit.parts[key]

    def _above(self, unit: _Unit) -> Iterator[_Unit]:
        """It, what it is in, and so on."""
        yield unit
        while unit.parent is not None:
            unit = self.units[unit.parent]
            yield unit

    def _within(self, unit: _Unit) -> Iterator[_Unit]:
        """It, and all that is in it."""
        yield unit
        for code in list(unit.children):
            yield from self._within(self.units[code])

    def _height(self, unit: _Unit) -> int:
        return 1 + max((self._height(self.units[code]) for code in unit.children), default=0)

    def _root(self, unit: _Unit) -> _Unit:
        return [*self._above(unit)][-1]

    def _where(self, unit: _Unit) -> Place | None:
        return self._root(unit).place

    def _mark(self, unit: _Unit, at_us: int) -> None:
        """A stay begins for a unit and all that is in it, where that makes a difference."""
        place = self._where(unit)
        for each in self._within(unit):
            stays = each.stays
            if stays and stays[-1].place == place and stays[-1].parent == each.parent:
                continue
            if stays and stays[-1].since_us == at_us:
                stays.pop()
            elif stays:
                stays[-1] = stays[-1]._replace(until_us=at_us)
            stays.append(Stay(at_us, None, place, each.parent))


def _parts(m: Movement, unit: str) -> dict[tuple[str, Way], Fraction]:
    found: dict[tuple[str, Way], Fraction] = {}
    for lot, quantity in m.contents:
        if quantity <= 0:
            refuse(m, f"{shown(quantity)} of lot {lot}: a quantity is more than nothing")
        if (lot, ((unit, m.at_us),)) in found:
            refuse(m, f"lot {lot} is named twice")
        found[lot, ((unit, m.at_us),)] = quantity
    return found


def _told(unit: _Unit) -> Unit:
    parts = []
    for (lot, way), quantity in sorted(unit.parts.items()):
        ends = [*(since for _, since in way[1:]), unit.closed_us]
        parts.append(
            Part(lot, quantity, tuple(Span(code, since, end) for (code, since), end in zip(way, ends, strict=True)))
        )
    return Unit(
        unit.code,
        unit.since_us,
        unit.closed_us,
        unit.merged_into,
        unit.parent,
        unit.stays[-1].place,
        tuple(unit.stays),
        tuple(parts),
        tuple(unit.children),
    )


def places_of(way: Sequence[Span], stays: Mapping[str, Sequence[Stay]]) -> list[Stay]:
    """Where goods were that went this way, in order of time; what was in one place without a break is one."""
    found: list[Stay] = []
    for span in way:
        for stay in stays.get(span.unit, ()):
            since = max(stay.since_us, span.since_us)
            ends = [end for end in (stay.until_us, span.until_us) if end is not None]
            until = min(ends) if ends else None
            if until is not None and until <= since:
                continue
            if found and found[-1].until_us == since and found[-1].place == stay.place:
                found[-1] = found[-1]._replace(until_us=until)
            else:
                found.append(Stay(since, until, stay.place, None))
    return found


def shown(quantity: Fraction) -> str:
    """A quantity as people write it.

    >>> shown(Fraction(5, 2)), shown(Fraction(12)), shown(Fraction(1, 3))
    ('2.5', '12', '0.333')
    """
    return f"{float(quantity):.3f}".rstrip("0").rstrip(".")
