"""Which orders are picked together: savings of Clarke & Wright (1964, Operations Research 12:568) on real walks. Pure.

A saving is what two batches cost by themselves less what they cost together, by the routing in use. Exact walks of all
pairs would be half a million for a thousand orders: each looks only at those that share most of its ways, found by a
product of matrices, and all walks of a step are reckoned at once.
"""

from __future__ import annotations

import heapq

import numpy as np

from domain.readings import F64, I64
from planning.picking.block import Block, BlockError, lists_of
from planning.picking.exchange import PASSES_MAX, Exchange
from planning.picking.orders import Orders, WalkRule, expanded, starts, together, walks
from planning.picking.shortest import lengths

NEIGHBOURS = 24
EXCHANGED = 4
ROWS_AT_ONCE = 256


def first_come(sizes: F64, capacity: F64) -> I64:
    """(orders,) batch of each: one after another as they came, a new batch where the next does not fit.

    Args:
        sizes: (orders, dimensions) what each takes up: lines, units, litres, kilograms.
        capacity: (dimensions,) what a cart takes.

    Raises:
        BlockError: an order fits on no cart; it says which.
    """
    _check(sizes, capacity)
    batch, load, current = np.zeros(len(sizes), np.int64), np.zeros_like(capacity), 0
    for n, size in enumerate(sizes):
        if (load + size > capacity).any():
            current, load = current + 1, np.zeros_like(capacity)
        batch[n], load = current, load + size
    return batch


def by_savings(
    block: Block,
    orders: Orders,
    sizes: F64,
    capacity: F64,
    walk: WalkRule = lengths,
    neighbours: int = NEIGHBOURS,
    passes: int = PASSES_MAX,
) -> I64:
    """(orders,) batch of each, so that little is walked; no batch is more than a cart takes.

    Args:
        block: where they are picked.
        orders: what is picked.
        sizes: (orders, dimensions) what each takes up.
        capacity: (dimensions,) what a cart takes.
        walk: the routing in use.
        neighbours: how many others each looks at.
        passes: how often all exchanges are looked at; each makes it better by less.

    Raises:
        BlockError: an order fits on no cart, or a pick is not in the block.
    """
    _check(sizes, capacity)
    batch = np.arange(orders.total)
    while True:
        merged = together(orders, batch)
        loads = np.zeros((merged.total, len(capacity)))
        np.add.at(loads, batch, sizes)
        step = _Savings(block, merged, loads, capacity, walk).merge(neighbours)
        if step.max(initial=-1) + 1 == merged.total:
            break
        batch = step[batch]
    near = shared_ways(block, orders, EXCHANGED)
    return Exchange(block, orders, sizes, capacity, walk, batch, near).run(passes)


def _check(sizes: F64, capacity: F64) -> None:
    if sizes.ndim != 2 or capacity.shape != sizes.shape[1:]:
        raise BlockError("sizes are a row for each order, capacity has as many dimensions")
    if sizes.size and not (sizes >= 0).all():
        raise BlockError(f"order {int((~(sizes >= 0)).any(axis=1).argmax())}: a size is less than nothing")
    if (over := (sizes > capacity).any(axis=1)).any():
        raise BlockError(f"order {int(over.argmax())}: it is more than a cart takes; divide it")


def shared_ways(block: Block, orders: Orders, many: int) -> I64:
    """(orders, many) the others with which each shares most ways, best first; -1 where there are fewer.

    Of each aisle the shorter of both ways into it counts, and of the way to the furthest aisle on either side.
    """
    count = orders.total
    many = min(many, max(count - 1, 0))
    lists = lists_of(block, orders.of, orders.aisle, orders.y_m, count)
    length = block.length_m
    ways = np.minimum.reduce([2 * lists.high, 2 * (length - lists.low), 2 * (length - lists.gap)])
    ways = np.nan_to_num(np.minimum(ways, length))
    places = np.arange(block.aisles)
    has = ~np.isnan(lists.low)
    left = np.where(has, np.maximum(block.depot - places, 0), 0).max(axis=1)
    right = np.where(has, np.maximum(places - block.depot, 0), 0).max(axis=1)
    columns = np.column_stack((ways, 2 * block.pitch_m * left, 2 * block.pitch_m * right)).astype(np.float32)
    found = np.empty((count, many), np.int64)
    for first in range(0, count, ROWS_AT_ONCE):
        rows = columns[first : first + ROWS_AT_ONCE]
        shared = sum(np.minimum.outer(rows[:, c], columns[:, c]) for c in range(columns.shape[1]))
        here = np.arange(len(rows))
        score = np.asarray(shared)
        score[here, first + here] = -1
        best = np.argpartition(-score, many - 1, axis=1)[:, :many] if many else np.empty((len(rows), 0), np.int64)
        turn = np.argsort(-np.take_along_axis(score, best, 1), axis=1, kind="stable")
        found[first : first + len(rows)] = np.take_along_axis(best, turn, 1)
    return found


class _Savings:
    """Batches that are merged pair by pair, the greatest saving first; each merged one is a new number."""

    def __init__(self, block: Block, orders: Orders, loads: F64, capacity: F64, walk: WalkRule) -> None:
        self.block, self.capacity, self.walk = block, capacity, walk
        begin = starts(orders.of, orders.total)
        self.aisle = [orders.aisle[begin[n] : begin[n + 1]] for n in range(orders.total)]
        self.y_m = [orders.y_m[begin[n] : begin[n + 1]] for n in range(orders.total)]
        self.orders, self.loads = orders, list(loads)
        self.length_m = list(walks(block, orders, walk))
        self.parent = list(range(orders.total))
        self.heap: list[tuple[float, int, int]] = []

    def merge(self, neighbours: int) -> I64:
        count = self.orders.total
        near = [set(map(int, row)) for row in shared_ways(self.block, self.orders, neighbours)]
        for n in range(count):
            for other in tuple(near[n]):
                near[other].add(n)
        self._push_all(near)
        while self.heap:
            _, one, other = heapq.heappop(self.heap)
            if self.parent[one] != one or self.parent[other] != other:
                continue
            new = len(self.parent)
            self.parent[one] = self.parent[other] = new
            self.parent.append(new)
            self.aisle.append(np.concatenate((self.aisle[one], self.aisle[other])))
            self.y_m.append(np.concatenate((self.y_m[one], self.y_m[other])))
            self.loads.append(self.loads[one] + self.loads[other])
            around = {self._root(each) for each in near[one] | near[other]} - {new}
            near.append(around)
            for each in around:
                near[each].add(new)
            self._push(new, self._fitting(new, around))
        _, batch = np.unique([self._root(n) for n in range(count)], return_inverse=True)
        return np.asarray(batch, np.int64)

    def _root(self, n: int) -> int:
        while self.parent[n] != n:
            self.parent[n] = self.parent[self.parent[n]]
            n = self.parent[n]
        return n

    def _fitting(self, one: int, others: set[int]) -> list[int]:
        return [each for each in sorted(others) if (self.loads[one] + self.loads[each] <= self.capacity).all()]

    def _push_all(self, near: list[set[int]]) -> None:
        pairs = np.array([(n, k) for n, row in enumerate(near) for k in self._fitting(n, {k for k in row if k > n})],
                         np.int64).reshape(-1, 2)  # fmt: skip
        begin = starts(self.orders.of, self.orders.total)
        long = np.diff(begin)
        at, run = expanded(begin[pairs.ravel()], long[pairs.ravel()])
        both = Orders(run // 2, self.orders.aisle[at], self.orders.y_m[at], len(pairs))
        alone = np.asarray(self.length_m)
        saved = alone[pairs].sum(axis=1) - walks(self.block, both, self.walk)
        self.heap = [(-s, one, other) for s, (one, other) in zip(saved.tolist(), pairs.tolist(), strict=True) if s > 0]
        heapq.heapify(self.heap)

    def _push(self, new: int, fitting: list[int]) -> None:
        """Walks of the new one by itself and with each that fits, at once."""
        long = np.array([self.aisle[new].size + (self.aisle[k].size) for k in fitting], np.int64)
        aisles = [self.aisle[new], *(part for k in fitting for part in (self.aisle[new], self.aisle[k]))]
        ys = [self.y_m[new], *(part for k in fitting for part in (self.y_m[new], self.y_m[k]))]
        of = np.repeat(np.arange(len(fitting) + 1), np.r_[self.aisle[new].size, long])
        found = self.walk(
            self.block, lists_of(self.block, of, np.concatenate(aisles), np.concatenate(ys), len(fitting) + 1)
        )
        self.length_m.append(float(found[0]))
        for each, length_m in zip(fitting, found[1:].tolist(), strict=True):
            saved = self.length_m[new] + self.length_m[each] - length_m
            if saved > 0:
                heapq.heappush(self.heap, (-saved, each, new))
