"""How most equal boxes lie on a pallet: one layer, and as many layers as height and mass allow. Pure.

A layer is divided into five blocks around a middle one, each divided the same way until nothing is gained (Bischoff &
Dowsland 1982, Journal of the Operational Research Society 33:271; recursive: Birgin, Lobato & Morabito 2010,
ibid. 61:306), at sums of the box's sides. What is rotated and what not comes out by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from domain.readings import I64
from planning.packing.goods import Item, PackingError, Size

CELLS_MAX = 40_000_000
POINTS_MAX = 32
"""Where a whole table would be too great: so many places to divide at, and blocks are filled plainly."""


class Rect(NamedTuple):
    """A box in a layer: its corner, and how long it lies each way."""

    x_mm: int
    y_mm: int
    length_mm: int
    width_mm: int


class Stack(NamedTuple):
    """A pallet: how a box lies, where in each layer, how many layers; all boxes and their mass."""

    box_mm: Size
    layer: list[Rect]
    layers: int
    boxes: int
    mass_g: int


def most_in_rows(length_mm: I64, width_mm: I64, box_mm: tuple[int, int]) -> I64:
    """How many boxes lie in rows, all one way, the better way."""
    one, other = box_mm
    found: I64 = np.maximum((length_mm // one) * (width_mm // other), (length_mm // other) * (width_mm // one))
    return found


def layer(length_mm: int, width_mm: int, box_mm: tuple[int, int]) -> list[Rect]:
    """As many boxes as are found to lie on a rectangle, never fewer than in rows.

    >>> len(layer(1200, 1000, (400, 300)))
    10

    Raises:
        PackingError: a length is not more than 0.
    """
    if min(length_mm, width_mm, *box_mm) <= 0:
        raise PackingError("lengths of pallets and boxes are more than 0")
    return list(_divided(length_mm, width_mm, box_mm))


@lru_cache(maxsize=512)
def _divided(length_mm: int, width_mm: int, box_mm: tuple[int, int]) -> tuple[Rect, ...]:
    """Kept: the same products go into the same packaging order after order, and one takes up to half a second."""
    division = _Division(box_mm, sums_of(box_mm, max(length_mm, width_mm)))
    return tuple(division.boxes(length_mm, width_mm))


def stack(item: Item, length_mm: int, width_mm: int, height_max_mm: int, mass_max_g: int) -> Stack:
    """Most boxes on a pallet, all layers alike; `height_max_mm` and `mass_max_g` are without the pallet.

    Raises:
        PackingError: not one box fits, or it is too heavy.
    """
    best: Stack | None = None
    for long, wide, high in {tuple(sorted(size[:2])) + size[2:] for size in item.turned()}:
        if high > height_max_mm:
            continue
        rects = layer(length_mm, width_mm, (long, wide))
        by_mass = mass_max_g // item.mass_g if item.mass_g else len(rects) * (height_max_mm // high)
        if not rects or not by_mass:
            continue
        rects = rects[: min(len(rects), by_mass)]
        layers = min(height_max_mm // high, by_mass // len(rects))
        boxes = layers * len(rects)
        found = Stack((long, wide, high), rects, layers, boxes, boxes * item.mass_g)
        if best is None or (boxes, -layers * high) > (best.boxes, -best.layers * best.box_mm[2]):
            best = found
    if best is None:
        raise PackingError(f"{item.name}: not one fits on the pallet by size, height and mass")
    return best


def sums_of(box_mm: tuple[int, int], up_to_mm: int) -> I64:
    """All lengths up to a bound that boxes beside one another can have, from 0."""
    reached = np.zeros(up_to_mm + 1, bool)
    reached[0] = True
    for side in set(box_mm):
        for first in range(side, up_to_mm + 1, side):
            reached[first : first + side] |= reached[first - side : first][: reached[first : first + side].size]
    found: I64 = np.flatnonzero(reached)
    return found


class _Division:
    """Best divisions of all rectangles with sides in `sums`, or of one by plain blocks where that is too much."""

    def __init__(self, box_mm: tuple[int, int], sums: I64) -> None:
        self.box_mm, self.sums = box_mm, sums
        count = sums.size
        self.best = most_in_rows(sums[:, None], sums[None, :], box_mm)
        self.cut: dict[tuple[int, int], tuple[int, int, int, int]] = {}
        pairs = np.arange(1, count + 1) * np.arange(2, count + 2) // 2
        if int(pairs.sum()) ** 2 // 2 <= CELLS_MAX:
            for i in range(count):
                for j in range(i + 1):
                    self._divide(i, j, self._looked_up)
            self.whole = True
        else:
            self.whole = False

    def _index(self, length_mm: I64) -> I64:
        found: I64 = np.searchsorted(self.sums, length_mm, side="right") - 1
        return found

    def _looked_up(self, length_mm: I64, width_mm: I64) -> I64:
        found: I64 = self.best[self._index(length_mm), self._index(width_mm)]
        return found

    def _plain(self, length_mm: I64, width_mm: I64) -> I64:
        return most_in_rows(length_mm, width_mm, self.box_mm)

    def _divide(self, i: int, j: int, count_of: Callable[[I64, I64], I64]) -> None:
        """The best five blocks of the rectangle of sums i and j."""
        length, width = int(self.sums[i]), int(self.sums[j])
        if self.best[i, j] >= length * width // (self.box_mm[0] * self.box_mm[1]):
            return
        x1, x2 = _pairs(self.sums[: i + 1])
        y1, y2 = _pairs(self.sums[: j + 1])
        x1, x2 = x1[:, None], x2[:, None]
        total = (
            count_of(x2, y1[None, :]) + count_of(length - x2, y2[None, :]) + count_of(length - x1, width - y2[None, :])
            + count_of(x1, width - y1[None, :]) + count_of(x2 - x1, (y2 - y1)[None, :])
        )  # fmt: skip
        at = int(total.argmax())
        if total.flat[at] > self.best[i, j]:
            a, b = divmod(at, y1.size)
            self.cut[i, j] = int(x1[a, 0]), int(x2[a, 0]), int(y1[b]), int(y2[b])
            self.best[i, j] = self.best[j, i] = total.flat[at]

    def boxes(self, length_mm: int, width_mm: int) -> list[Rect]:
        if not self.whole:
            i, j = (int(self._index(np.array(each))) for each in (length_mm, width_mm))
            self._divide(i, j, self._plain)
            if (i, j) not in self.cut and (j, i) not in self.cut:
                return _rows(0, 0, length_mm, width_mm, self.box_mm)
        return self._inside(0, 0, length_mm, width_mm)

    def _inside(self, x: int, y: int, length: int, width: int) -> list[Rect]:
        i, j = (int(self._index(np.array(each))) for each in (length, width))
        if (i, j) in self.cut:
            x1, x2, y1, y2 = self.cut[i, j]
        elif (j, i) in self.cut:
            return [Rect(x + b - y, y + a - x, d, c) for a, b, c, d in self._inside(x, y, width, length)]
        else:
            return _rows(x, y, length, width, self.box_mm)
        length, width = int(self.sums[i]), int(self.sums[j])
        return (
            self._inside(x, y, x2, y1)
            + self._inside(x + x2, y, length - x2, y2)
            + self._inside(x + x1, y + y2, length - x1, width - y2)
            + self._inside(x, y + y1, x1, width - y1)
            + self._inside(x + x1, y + y1, x2 - x1, y2 - y1)
        )


def _pairs(points: I64) -> tuple[I64, I64]:
    """All pairs of places, the first not after the second; thinned where there are many."""
    if points.size > POINTS_MAX:
        points = points[np.unique(np.linspace(0, points.size - 1, POINTS_MAX).round().astype(int))]
    one, other = np.triu_indices(points.size)
    return points[one], points[other]


def _rows(x: int, y: int, length: int, width: int, box_mm: tuple[int, int]) -> list[Rect]:
    one, other = box_mm
    if (length // one) * (width // other) < (length // other) * (width // one):
        one, other = other, one
    return [Rect(x + a * one, y + b * other, one, other) for a in range(length // one) for b in range(width // other)]
