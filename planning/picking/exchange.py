"""Batches made better order by order: given to another batch, exchanged, small batches given away whole. Pure."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from domain.readings import F64, I64
from planning.picking.block import Block
from planning.picking.orders import Orders, WalkRule, expanded, starts, together, walks

PASSES_MAX = 4
LEAST_M = 1e-6


class Tries(NamedTuple):
    """Changes to be reckoned: an order goes to a batch, and another one (-1: none) comes back."""

    order: I64
    to: I64
    back: I64


class Exchange:
    """A division of orders into batches, changed as long as less is walked by it."""

    def __init__(
        self, block: Block, orders: Orders, sizes: F64, capacity: F64, walk: WalkRule, batch: I64, near: I64
    ) -> None:
        self.block, self.orders, self.sizes, self.capacity, self.walk = block, orders, sizes, capacity, walk
        self.begin = starts(orders.of, orders.total)
        self.batch, self.near = batch.copy(), near
        self.count = int(batch.max(initial=-1)) + 1
        self.members = [np.flatnonzero(batch == n) for n in range(self.count)]
        self.loads = np.zeros((self.count, len(capacity)))
        np.add.at(self.loads, batch, sizes)
        self.length_m = walks(block, together(orders, batch), walk)
        self.changed = np.ones(self.count, np.bool_)

    def run(self, passes: int = PASSES_MAX) -> I64:
        """(orders,) batches, numbered anew."""
        for _ in range(passes):
            if self._pass() + self._dissolve() == 0:
                break
        _, found = np.unique(self.batch, return_inverse=True)
        return np.asarray(found, np.int64)

    def _lengths(self, groups: list[I64]) -> F64:
        """Walks of batches that are given by their orders, all at once."""
        sizes = np.array([each.size for each in groups], np.int64)
        flat = np.concatenate(groups) if groups else np.empty(0, np.int64)
        at, run = expanded(self.begin[flat], np.diff(self.begin)[flat])
        of = np.repeat(np.arange(len(groups)), sizes)[run]
        return walks(self.block, Orders(of, self.orders.aisle[at], self.orders.y_m[at], len(groups)), self.walk)

    def _tries(self) -> Tries:
        """What fits: each order to the batches of those near it, alone or against the one that is near.

        Between two batches that are as they were when all was tried nothing is to be saved.
        """
        one = np.repeat(np.arange(self.orders.total), self.near.shape[1])
        other = self.near.ravel()
        apart = (self.batch[one] != self.batch[other]) & (
            self.changed[self.batch[one]] | self.changed[self.batch[other]]
        )
        one, other = one[apart], other[apart]
        to = self.batch[other]
        fits = (self.loads[to] + self.sizes[one] <= self.capacity).all(axis=1)
        alone = np.unique(np.column_stack((one[fits], to[fits])), axis=0)
        # As the near one stays where it is, somebody else of its batch comes back.
        orders, targets, backs = [alone[:, 0]], [alone[:, 1]], [np.full(len(alone), -1)]
        pairs = np.unique(np.column_stack((one, to)), axis=0)
        for order, target in pairs.tolist():
            members = self.members[target]
            change = self.sizes[order] - self.sizes[members]
            fit = (self.loads[target] + change <= self.capacity).all(axis=1)
            fit &= (self.loads[self.batch[order]] - change <= self.capacity).all(axis=1)
            back = members[fit]
            orders.append(np.full(back.size, order))
            targets.append(np.full(back.size, target))
            backs.append(back)
        return Tries(*map(np.concatenate, (orders, targets, backs)))

    def _pass(self) -> int:
        tries = self._tries()
        self.changed[:] = False
        own = self.batch[tries.order]
        groups: list[I64] = []
        for order, to, back in zip(*(column.tolist() for column in tries), strict=True):
            mine, theirs = self.members[self.batch[order]], self.members[to]
            mine = mine[mine != order]
            if back >= 0:
                mine, theirs = np.append(mine, back), theirs[theirs != back]
            groups += [mine, np.append(theirs, order)]
        found = self._lengths(groups).reshape(-1, 2)
        saved = self.length_m[own] + self.length_m[tries.to] - found.sum(axis=1)
        touched: set[int] = set()
        for n in np.argsort(-saved, kind="stable").tolist():
            if saved[n] <= LEAST_M:
                break
            mine, theirs = int(own[n]), int(tries.to[n])
            if touched.isdisjoint((mine, theirs)):
                touched |= {mine, theirs}
                self._set(mine, groups[2 * n], float(found[n, 0]))
                self._set(theirs, groups[2 * n + 1], float(found[n, 1]))
        return len(touched)

    def _set(self, batch: int, members: I64, length_m: float) -> None:
        self.members[batch], self.length_m[batch], self.changed[batch] = members, length_m, True
        self.batch[members] = batch
        self.loads[batch] = self.sizes[members].sum(axis=0)

    def _dissolve(self) -> int:
        """Batches whose orders others take, for less than the batch is walked."""
        done = 0
        for batch in np.lexsort((np.arange(self.count), self.loads.sum(axis=1))).tolist():
            taken = self._given_away(batch) if self.members[batch].size else None
            if taken:
                for to, members, length_m in taken:
                    self._set(to, members, length_m)
                self._set(batch, np.empty(0, np.int64), 0.0)
                done += 1
        return done

    def _given_away(self, batch: int) -> list[tuple[int, I64, float]] | None:
        changed: dict[int, tuple[I64, float]] = {}
        loads, cost = self.loads.copy(), 0.0
        for order in self.members[batch][np.argsort(-self.sizes[self.members[batch]].sum(axis=1))].tolist():
            room = (loads + self.sizes[order] <= self.capacity).all(axis=1)
            room[batch] = False
            room &= np.array([each.size > 0 for each in self.members])
            targets = np.flatnonzero(room)
            if not targets.size:
                return None
            now = [changed.get(to, (self.members[to], float(self.length_m[to]))) for to in targets.tolist()]
            groups = [np.append(members, order) for members, _ in now]
            found = self._lengths(groups)
            more = found - np.array([length_m for _, length_m in now])
            best = int(more.argmin())
            cost += float(more[best])
            if cost >= self.length_m[batch] - LEAST_M:
                return None
            to = int(targets[best])
            changed[to] = groups[best], float(found[best])
            loads[to] += self.sizes[order]
        return [(to, members, length_m) for to, (members, length_m) in changed.items()]
