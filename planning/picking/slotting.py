"""Which product should lie where: swaps of two products, ranked by the metres that each move saves. Pure.

What may be worth it is guessed by the cube-per-order index (Heskett 1963: space ÷ picks, the lowest nearest the depot)
and by what is picked together; what it saves is reckoned by walking the lists that it touches again, by the routing in
use. A guess that saves nothing on the lists is not told.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from domain.readings import F64, I64, Bool
from planning.picking.block import Block, BlockError
from planning.picking.orders import Orders, WalkRule, expanded, starts, walks
from planning.picking.shortest import lengths

TRIES = 160
SKUS_MAX = 2_000


class Places(NamedTuple):
    """Where something can lie: (places,) aisle, metres from the front, and cubic metres that go in."""

    aisle: I64
    y_m: F64
    room_m3: F64


class Demand(NamedTuple):
    """Lists that were picked: (picks,) list of each, ascending, and product; how many lists there are."""

    of: I64
    sku: I64
    total: int


class Swap(NamedTuple):
    """Two products change places; `other` -1: the first goes to a place that is empty, which is one move, not two.

    `saved_m`: metres that all lists together are shorter by it, after those told before it.
    """

    sku: int
    other: int
    place: int
    saved_m: float

    @property
    def moves(self) -> int:
        """How often something is carried."""
        return 1 if self.other < 0 else 2


class Advice(NamedTuple):
    """Swaps in their turn, where each product lies after all of them, metres of the lists before and after."""

    swaps: list[Swap]
    place_of: I64
    before_m: float
    after_m: float


def cube_per_order(cube_m3: F64, picks: I64) -> F64:
    """(skus,) space ÷ picks; infinite for what nobody picks.

    >>> cube_per_order(np.array([1.0, 1.0, 2.0]), np.array([4, 0, 4])).tolist()
    [0.25, inf, 0.5]
    """
    return np.where(picks > 0, cube_m3 / np.maximum(picks, 1), np.inf)


def near_first(block: Block, places: Places, cube_m3: F64, score: F64) -> I64:
    """(skus,) a place for each, the lowest score nearest the depot; by score -picks it is ABC by frequency.

    Raises:
        BlockError: something fits in no place that is left; it says what.
    """
    far = np.abs(places.aisle - block.depot) * block.pitch_m + places.y_m
    free = np.argsort(far, kind="stable").tolist()
    found = np.empty(len(score), np.int64)
    for sku in np.lexsort((np.arange(len(score)), score)).tolist():
        at = next((n for n, place in enumerate(free) if places.room_m3[place] >= cube_m3[sku]), None)
        if at is None:
            raise BlockError(f"product {sku}: {cube_m3[sku]:g} m3 fit in no place that is left")
        found[sku] = free.pop(at)
    return found


def walked_m(block: Block, places: Places, place_of: I64, demand: Demand, walk: WalkRule = lengths) -> float:
    """Metres of all lists when products lie as `place_of` says."""
    place = place_of[demand.sku]
    return float(walks(block, Orders(demand.of, places.aisle[place], places.y_m[place], demand.total), walk).sum())


def advise(
    block: Block,
    places: Places,
    place_of: I64,
    cube_m3: F64,
    demand: Demand,
    walk: WalkRule = lengths,
    swaps_max: int = 50,
    least_m: float = 0.0,
    may: Bool | None = None,
) -> Advice:
    """The swaps that save most metres a move on the lists, one after another.

    Args:
        block: the block.
        places: where something can lie.
        place_of: (skus,) where each lies now.
        cube_m3: (skus,) what each needs.
        demand: lists to learn from; judge the advice by others, with `walked_m`.
        walk: the routing in use.
        swaps_max: no more than these are told.
        least_m: a move that saves less is not told.
        may: (skus, places) what may lie where besides by its room; everything anywhere where it is not told.

    Raises:
        BlockError: two products lie in one place, or there are too many.
    """
    if len(place_of) > SKUS_MAX:
        raise BlockError(f"{len(place_of)} products are more than {SKUS_MAX}; divide them by block")
    if np.unique(place_of).size != place_of.size:
        raise BlockError("two products lie in one place")
    search = _Search(block, places, place_of, cube_m3, demand, walk, may)
    before = float(search.length_m.sum())
    told: list[Swap] = []
    while len(told) < swaps_max:
        new = search.step(swaps_max - len(told), least_m)
        if not new:
            break
        told += new
    return Advice(told, search.place_of[: len(place_of)].copy(), before, float(search.length_m.sum()))


class _Search:
    """The layout as it changes. Empty places hold products that nobody picks and that need no room."""

    def __init__(
        self,
        block: Block,
        places: Places,
        place_of: I64,
        cube_m3: F64,
        demand: Demand,
        walk: WalkRule,
        may: Bool | None = None,
    ) -> None:
        self.block, self.places, self.demand, self.walk = block, places, demand, walk
        self.real = len(place_of)
        empty = np.setdiff1d(np.arange(len(places.aisle)), place_of)
        self.place_of = np.r_[place_of, empty]
        self.cube = np.r_[cube_m3, np.zeros(empty.size)]
        self.may = None if may is None else np.vstack((may, np.ones((empty.size, may.shape[1]), np.bool_)))
        self.begin = starts(demand.of, demand.total)
        count = len(self.place_of)
        unique = np.unique(np.column_stack((demand.sku, demand.of)), axis=0)
        bounds = np.searchsorted(unique[:, 0], np.arange(count + 1))
        self.lists_of = [unique[bounds[n] : bounds[n + 1], 1] for n in range(count)]
        self.picks = np.bincount(demand.sku, minlength=count)
        has = np.zeros((demand.total, count), np.float32)
        has[unique[:, 1], unique[:, 0]] = 1
        self.pairs = has.T @ has
        np.fill_diagonal(self.pairs, 0)
        self.index = cube_per_order(np.maximum(self.cube, 1e-9), self.picks)
        place = place_of[demand.sku]
        self.length_m = walks(block, Orders(demand.of, places.aisle[place], places.y_m[place], demand.total), walk)

    def step(self, most: int, least_m: float) -> list[Swap]:
        """The best of what may be worth it, as long as each still saves after those before it."""
        one, other = self._guesses()
        if not one.size:
            return []
        saved, _ = self._saved(one, other)
        per_move = saved / self._moves(one, other)
        told: list[Swap] = []
        used: set[int] = set()
        for n in np.argsort(-per_move, kind="stable").tolist():
            if per_move[n] <= max(least_m, 1e-6) or len(told) >= min(most, 8):
                break
            a, b = int(one[n]), int(other[n])
            if not used.isdisjoint((a, b)):
                continue
            now, lengths_m = self._saved(one[n : n + 1], other[n : n + 1])
            if told and now[0] < 0.8 * saved[n]:
                continue
            used |= {a, b}
            self._swap(a, b, *lengths_m[0])
            if a >= self.real:
                a, b = b, a
            told.append(Swap(a, b if b < self.real else -1, int(self.place_of[a]), float(now[0])))
        return told

    def _moves(self, one: I64, other: I64) -> I64:
        return (one < self.real).astype(np.int64) + (other < self.real)

    def _swap(self, a: int, b: int, lists: I64, length_m: F64) -> None:
        self.place_of[[a, b]] = self.place_of[[b, a]]
        self.length_m[lists] = length_m

    def _guesses(self) -> tuple[I64, I64]:
        """Pairs that may be worth a walk: by the index, and by what is picked together."""
        aisle = self.places.aisle[self.place_of]
        far = np.abs(aisle - self.block.depot) * self.block.pitch_m + self.places.y_m[self.place_of]
        count = len(self.place_of)
        at = np.zeros((self.block.aisles, count), np.float32)
        at[aisle, np.arange(count)] = 1
        with_aisle = self.pairs @ at.T
        gain = with_aisle[:, aisle] - with_aisle[np.arange(count), aisle][:, None]
        together = gain + gain.T - 2 * self.pairs
        rate = np.where(np.isfinite(self.index), 1 / self.index, 0)
        nearer = (far[:, None] - far[None, :]) * (self.picks[:, None] - self.picks[None, :])
        by_index = (far[:, None] - far[None, :]) * (rate[:, None] - rate[None, :])
        fits = self.cube[:, None] <= self.places.room_m3[self.place_of][None, :]
        if self.may is not None:
            fits &= self.may[:, self.place_of]
        fits &= fits.T
        fits &= (np.arange(count)[:, None] < np.arange(count)[None, :]) & (np.arange(count)[:, None] < self.real)
        chosen: list[I64] = []
        scale = [np.maximum(each.max(), 1e-9) for each in (together, nearer, by_index)]
        mixed = together / scale[0] + nearer / scale[1]
        for score in (together, nearer, by_index, mixed):
            flat = np.where(fits, score, -np.inf).ravel()
            many = min(TRIES // 4, flat.size - 1)
            best = np.argpartition(-flat, many)[:many]
            chosen.append(best[flat[best] > 0])
        flat = np.unique(np.concatenate(chosen))
        return flat // count, flat % count

    def _saved(self, one: I64, other: I64) -> tuple[F64, list[tuple[I64, F64]]]:
        """(tries,) metres saved by each swap, and the lists it touches with their new lengths."""
        touched = [
            np.setxor1d(self.lists_of[a], self.lists_of[b], assume_unique=True)
            for a, b in zip(one.tolist(), other.tolist(), strict=True)
        ]
        sizes = np.array([each.size for each in touched], np.int64)
        lists: I64 = np.concatenate(touched).astype(np.int64)
        at, run = expanded(self.begin[lists], np.diff(self.begin)[lists])
        attempt = np.repeat(np.arange(one.size), sizes)
        sku, which = self.demand.sku[at], attempt[run]
        sku = np.where(sku == one[which], other[which], np.where(sku == other[which], one[which], sku))
        place = self.place_of[sku]
        new = walks(self.block, Orders(run, self.places.aisle[place], self.places.y_m[place], lists.size), self.walk)
        saved = np.asarray(np.bincount(attempt, weights=self.length_m[lists] - new, minlength=one.size), float)
        bounds = np.r_[0, np.cumsum(sizes)]
        return saved, [(lists[bounds[n] : bounds[n + 1]], new[bounds[n] : bounds[n + 1]]) for n in range(one.size)]
