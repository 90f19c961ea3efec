"""A block of parallel aisles between a front and a back cross aisle, and what is to be picked in it.

Aisles are numbered from 0 and stand `pitch_m` apart; a pick lies `y_m` from the front. The walk begins and ends at the
front, at `depot`, which need not be at an aisle. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from domain.readings import F64, I64

AISLES_MAX = 1_000
PICKS_MAX = 10_000


class BlockError(ValueError):
    """What of a block or of a list cannot be, and how to mend it."""


@dataclass(frozen=True)
class Block:
    """`aisles` of `length_m` each; `depot` is a place along the front, in aisles from the first."""

    aisles: int
    length_m: float
    pitch_m: float
    depot: float = 0.0

    def __post_init__(self) -> None:
        if not 1 <= self.aisles <= AISLES_MAX:
            raise BlockError(f"aisles: {self.aisles} are not between 1 and {AISLES_MAX}")
        for name, value in (("length", self.length_m), ("pitch", self.pitch_m)):
            if not (np.isfinite(value) and value >= 0):
                raise BlockError(f"{name}: {value} is no length")
        if not (np.isfinite(self.depot) and -AISLES_MAX <= self.depot <= 2 * AISLES_MAX):
            raise BlockError(f"depot: {self.depot} is no place along the front; say which aisle it is at, from 0")


class Pick(NamedTuple):
    """Where something lies."""

    aisle: int
    y_m: float


class Stretch(NamedTuple):
    """The picks of one aisle, without doubles, from the front."""

    aisle: int
    ys: tuple[float, ...]


def stretches(block: Block, picks: Sequence[Pick]) -> list[Stretch]:
    """The aisles in which something lies, from the first.

    Raises:
        BlockError: a pick is not in the block; it says which.
    """
    if len(picks) > PICKS_MAX:
        raise BlockError(f"picks: {len(picks)} are more than {PICKS_MAX}; divide the list")
    found: dict[int, set[float]] = {}
    for n, (aisle, y_m) in enumerate(picks):
        if not 0 <= aisle < block.aisles:
            raise BlockError(f"picks[{n}]: there is no aisle {aisle}, they go from 0 to {block.aisles - 1}")
        if not 0 <= y_m <= block.length_m:
            raise BlockError(f"picks[{n}]: {y_m} is not in an aisle of {block.length_m}")
        found.setdefault(aisle, set()).add(float(y_m))
    return [Stretch(aisle, tuple(sorted(found[aisle]))) for aisle in sorted(found)]


def largest_gap(block: Block, ys: Sequence[float]) -> tuple[float, int]:
    """The longest way between neighbours, ends of the aisle among them, and how many picks lie in front of it."""
    gaps = [after - before for before, after in pairwise((0.0, *ys, block.length_m))]
    longest = max(gaps)
    return longest, gaps.index(longest)


class Lists(NamedTuple):
    """Many lists at once, as columns: of each list and aisle the first and last pick, and the gap; NaN where none is.

    Attributes:
        low, high, gap: (lists, aisles), metres from the front; `gap` is between picks and the ends.
    """

    low: F64
    high: F64
    gap: F64


def lists_of(block: Block, of: I64, aisle: I64, y_m: F64, count: int) -> Lists:
    """Columns of picks, each of list `of`, as `count` lists.

    Raises:
        BlockError: a pick is not in the block.
    """
    if aisle.size and not (aisle.min() >= 0 and aisle.max() < block.aisles):
        raise BlockError(f"picks: aisles go from 0 to {block.aisles - 1}")
    if y_m.size and not (y_m.min() >= 0 and y_m.max() <= block.length_m):
        raise BlockError(f"picks: not all lie in an aisle of {block.length_m}")
    shape = (count, block.aisles)
    low, high, gap = (np.full(shape, np.nan) for _ in range(3))
    if not aisle.size:
        return Lists(low, high, gap)
    key = of * block.aisles + aisle
    order = np.lexsort((y_m, key))
    key, y = key[order], y_m[order]
    first = np.flatnonzero(np.r_[True, key[1:] != key[:-1]])
    last = np.r_[first[1:] - 1, key.size - 1]
    before = np.r_[0.0, y[:-1]]
    before[first] = 0.0
    inner = np.maximum.reduceat(y - before, first)
    at = key[first]
    low.flat[at], high.flat[at] = y[first], y[last]
    gap.flat[at] = np.maximum(inner, block.length_m - y[last])
    return Lists(low, high, gap)
