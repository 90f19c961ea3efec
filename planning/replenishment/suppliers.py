"""What one supplier is asked for at once: who must, who may join, and how it fits. Pure.

(S, c, s): when one item is at or below s, its neighbours at or below c are ordered up to their S too. What lacks to the
supplier's minimum is filled with the packs of lowest cover; what is too much for the truck or the budget is taken away
where cover is highest. What must be taken away is told.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

import numpy as np

from planning.replenishment.normal import StockError, check
from planning.replenishment.policies import line

PACKS_MAX = 200_000


@dataclass(frozen=True)
class Candidate:
    """An item of a supplier: price and size of a unit, the size in what the truck is measured in; `most`: position."""

    name: str
    position: float
    reorder: float
    can: float
    up_to: float
    demand: float
    pack: float = 1.0
    least: float = 0.0
    price: float = 0.0
    size: float = 0.0
    most: float = inf

    def __post_init__(self) -> None:
        check(demand=self.demand, least=self.least, price=self.price, size=self.size)
        if not self.reorder <= self.can <= self.up_to:
            raise StockError(f"{self.name}: s, c and S rise, not {self.reorder:g}, {self.can:g} and {self.up_to:g}")
        if not self.pack > 0:
            raise StockError(f"{self.name}: pack: {self.pack!r} holds nothing")

    def cover(self, quantity: float) -> float:
        """Days that position and order last; for ever what nobody wants."""
        return (self.position + quantity) / self.demand if self.demand else inf


class Limits(NamedTuple):
    """Of one order: the supplier's minimum in money, what the truck takes, what may be spent."""

    least_value: float = 0.0
    room: float = inf
    budget: float = inf


class JointOrder(NamedTuple):
    """(items,) quantities and a word on each, in the order of the candidates; money, size and notes on the whole."""

    quantities: tuple[float, ...]
    words: tuple[str, ...]
    value: float
    size: float
    notes: tuple[str, ...]


def joint_order(items: Sequence[Candidate], limits: Limits = Limits()) -> JointOrder:  # noqa: B008  a constant
    """What is ordered of each; of none unless one is at or below its s."""
    must = [each.position <= each.reorder + 1e-9 for each in items]
    quantities, words, notes = [0.0] * len(items), [""] * len(items), []
    if any(must):
        for n, each in enumerate(items):
            if each.position <= each.can + 1e-9:
                quantities[n] = float(
                    line(np.array(each.up_to - each.position), np.array(each.pack), np.array(each.least))
                )
                if quantities[n]:
                    words[n] = "at or below its reorder point" if must[n] else "joins"
                if each.position + quantities[n] > each.most + 1e-9:
                    down = max(int((each.most - each.position) / each.pack + 1e-9), 0) * each.pack
                    quantities[n] = down if down >= each.least else 0.0
                    words[n] += f", no more than {each.most:g} together"
        notes += _filled(items, quantities, words, limits)
        notes += _cut(items, quantities, words, limits)
    value, size = _sums(items, quantities)
    return JointOrder(tuple(quantities), tuple(words), value, size, tuple(notes))


def within(items: Sequence[Candidate], quantities: Sequence[float], limits: Limits) -> JointOrder:
    """Quantities of any suppliers together, cut to room and budget where cover is highest."""
    if len(items) != len(quantities):
        raise StockError("each item has a quantity")
    kept, words = list(quantities), [""] * len(items)
    notes = _cut(items, kept, words, limits)
    value, size = _sums(items, kept)
    return JointOrder(tuple(kept), tuple(words), value, size, tuple(notes))


def _sums(items: Sequence[Candidate], quantities: Sequence[float]) -> tuple[float, float]:
    both = list(zip(items, quantities, strict=True))
    return sum(e.price * q for e, q in both), sum(e.size * q for e, q in both)


def _filled(items: Sequence[Candidate], quantities: list[float], words: list[str], limits: Limits) -> list[str]:
    """Packs of lowest cover until the minimum is reached; nothing that nobody wants, nothing beyond its room."""
    value, size = _sums(items, quantities)
    if value >= limits.least_value - 1e-9:
        return []
    heap = [(each.cover(quantities[n]), n) for n, each in enumerate(items) if each.demand and each.price]
    heapq.heapify(heap)
    for _ in range(PACKS_MAX):
        if not heap or value >= limits.least_value - 1e-9:
            break
        _, n = heapq.heappop(heap)
        each = items[n]
        more = (
            each.pack if quantities[n] else float(line(np.array(each.pack), np.array(each.pack), np.array(each.least)))
        )
        fits = (
            each.position + quantities[n] + more <= each.most + 1e-9 and size + more * each.size <= limits.room + 1e-9
        )
        if not fits or value + more * each.price > limits.budget + 1e-9:
            continue
        quantities[n] += more
        value, size = value + more * each.price, size + more * each.size
        if "fills" not in words[n]:
            words[n] = f"{words[n]}, fills to the minimum".removeprefix(", ")
        heapq.heappush(heap, (each.cover(quantities[n]), n))
    if value < limits.least_value - 1e-9:
        return [f"{value:g} are below the supplier's minimum of {limits.least_value:g}, and nothing more fits"]
    return []


def _cut(items: Sequence[Candidate], quantities: list[float], words: list[str], limits: Limits) -> list[str]:
    """Packs of highest cover are taken away until all fits; a line below its minimum goes as a whole."""
    notes = []
    for name, weights, most in (
        ("the room", [each.size for each in items], limits.room),
        ("the budget", [each.price for each in items], limits.budget),
    ):
        total = sum(w * q for w, q in zip(weights, quantities, strict=True))
        if total <= most + 1e-9:
            continue
        heap = [(-each.cover(quantities[n]), n) for n, each in enumerate(items) if quantities[n] and weights[n]]
        heapq.heapify(heap)
        gone = 0.0
        for _ in range(PACKS_MAX):
            if not heap or total <= most + 1e-9:
                break
            _, n = heapq.heappop(heap)
            each = items[n]
            less = each.pack if quantities[n] - each.pack >= max(each.least, each.pack) - 1e-9 else quantities[n]
            quantities[n] -= less
            total -= weights[n] * less
            gone += less
            if "cut" not in words[n]:
                words[n] = f"{words[n]}, cut to {name}".removeprefix(", ")
            if quantities[n]:
                heapq.heappush(heap, (-each.cover(quantities[n]), n))
        notes.append(f"{gone:g} units taken away: {name} is {most:g}")
    return notes
