"""What is done with handling units, as people and programs tell it: facts with the time they happened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, NamedTuple, NoReturn

Kind = Literal["commission", "place", "pack", "unpack", "split", "merge", "close"]
KINDS: tuple[Kind, ...] = ("commission", "unpack", "split", "merge", "place", "pack", "close")
"""In the order in which those of one instant are taken."""
PlaceKind = Literal["vehicle", "device", "site", "shipment"]


class Place(NamedTuple):
    """Where goods are.

    On a vehicle; beside a device (a compartment; `part` names its probe); at a site, in its zone `part`; or with a
    shipment, on the vehicle that carries it.
    """

    kind: PlaceKind
    name: str
    part: str = ""


class Content(NamedTuple):
    """So much of a lot."""

    lot: str
    quantity: Fraction


@dataclass(frozen=True, slots=True)
class Movement:
    """Something that was done.

    commission  `unit` begins, with `contents`, at `place` when it is known
    place       `unit`, with all that is packed in it, is at `place` from now on; None: nobody knows where
    pack        `others` are put into `unit`
    unpack      `others` (none named: all) are taken out of `unit`; they are where it is
    split       `contents` of `unit` go into the new unit `others[0]`, beside it
    merge       all of `others` goes into `unit`; they end
    close       `unit` ends, with all that is packed in it
    """

    id: str
    kind: Kind
    at_us: int
    unit: str
    others: tuple[str, ...] = ()
    contents: tuple[Content, ...] = ()
    place: Place | None = None

    @property
    def units(self) -> tuple[str, ...]:
        """All it names."""
        return (self.unit, *self.others)


NOTHING = Fraction(0)


def amount(value: object) -> Fraction:
    """A quantity as exactly as it is written.

    >>> amount("2.50"), amount(3)
    (Fraction(5, 2), Fraction(3, 1))
    """
    return Fraction(str(value))


class RefusedError(Exception):
    """A movement that cannot have happened, given all others."""

    def __init__(self, movement: Movement, why: str) -> None:
        super().__init__(why)
        self.movement = movement
        self.why = why


def refuse(movement: Movement, why: str) -> NoReturn:
    """Says no."""
    raise RefusedError(movement, why)


def in_order(movements: Sequence[Movement]) -> list[Movement]:
    """By event time: the order in which we learned of them does not matter."""
    return sorted(movements, key=lambda m: (m.at_us, KINDS.index(m.kind), m.id))
