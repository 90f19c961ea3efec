"""Things to be packed, cartons, and what comes out. Lengths in whole millimetres, masses in grams. Pure."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Cause = Literal["no_packaging", "no_class", "too_big", "too_heavy", "too_full"]
Size = tuple[int, int, int]
"""Length, width and height."""
ITEMS_MAX = 300


class PackingError(ValueError):
    """What of a thing or a carton cannot be."""


@dataclass(frozen=True)
class Item:
    """A thing. `kinds` are words that rules name (`food`, `acid`); `upright` things are only turned about."""

    name: str
    size_mm: Size
    mass_g: int
    temperature: str = ""
    kinds: frozenset[str] = frozenset()
    upright: bool = False

    def __post_init__(self) -> None:
        _positive(self.name, self.size_mm)
        if self.mass_g < 0:
            raise PackingError(f"{self.name}: {self.mass_g} g is less than nothing")

    @property
    def volume_mm3(self) -> int:
        """Length x width x height."""
        return volume(self.size_mm)

    def turned(self) -> list[Size]:
        """The ways it can lie: six, two for what stays upright, each once."""
        length, width, height = self.size_mm
        if self.upright:
            return list(dict.fromkeys([(length, width, height), (width, length, height)]))
        return list(dict.fromkeys((a, b, c) for a, b, c in itertools.permutations(self.size_mm)))


@dataclass(frozen=True)
class Carton:
    """A carton, by its inside. `fill_max`: share of it that may be goods; `temperatures`: those it is for, None all."""

    name: str
    size_mm: Size
    mass_max_g: int
    fill_max: float = 1.0
    temperatures: frozenset[str] | None = None

    def __post_init__(self) -> None:
        _positive(self.name, self.size_mm)
        if not 0 < self.fill_max <= 1:
            raise PackingError(f"{self.name}: fill_max {self.fill_max} is not between 0 and 1")

    @property
    def volume_mm3(self) -> int:
        """Length x width x height."""
        return volume(self.size_mm)


class Placed(NamedTuple):
    """An item by its place in the list, its lower left front corner, and how it lies."""

    item: int
    at_mm: Size
    size_mm: Size

    @property
    def end_mm(self) -> Size:
        """The opposite corner."""
        (x, y, z), (dx, dy, dz) = self.at_mm, self.size_mm
        return (x + dx, y + dy, z + dz)


class Packed(NamedTuple):
    """A carton by its place in the list of cartons, what is in it in the order in which it is put in, and its goods."""

    carton: int
    placed: list[Placed]
    mass_g: int
    volume_mm3: int


class Left(NamedTuple):
    """An item that was not packed, and why not: in a word for programs, and in words."""

    item: int
    cause: Cause
    why: str


@dataclass(frozen=True)
class Packing:
    """Cartons as they are packed, and what is left."""

    cartons: list[Packed] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)


def volume(size_mm: Size) -> int:
    """Length x width x height.

    >>> volume((2, 3, 4))
    24
    """
    return size_mm[0] * size_mm[1] * size_mm[2]


def _positive(name: str, size_mm: Size) -> None:
    if min(size_mm) <= 0:
        raise PackingError(f"{name}: {' x '.join(map(str, size_mm))} mm is no size")
