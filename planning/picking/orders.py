"""Orders as columns of picks, many at once, and how far they are walked. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from domain.readings import F64, I64
from planning.picking.block import Block, Lists, lists_of

WalkRule = Callable[[Block, Lists], F64]
"""The routing in use: `planning.picking.shortest.lengths`, or one of `planning.picking.rules`."""
LISTS_AT_ONCE = 20_000


class Orders(NamedTuple):
    """Picks of `total` orders.

    Attributes:
        of: (picks,) to which order each belongs, from 0, ascending.
        aisle, y_m: (picks,) where it lies.
        total: how many orders there are.
    """

    of: I64
    aisle: I64
    y_m: F64
    total: int


def starts(of: I64, count: int) -> I64:
    """(count + 1,) where the picks of each order begin, in an ascending column."""
    found: I64 = np.searchsorted(of, np.arange(count + 1))
    return found


def expanded(begin: I64, length: I64) -> tuple[I64, I64]:
    """Runs `begin[i] … begin[i] + length[i]` one after another: their elements, and of which run each is."""
    run = np.repeat(np.arange(length.size), length)
    before = np.cumsum(length) - length
    return np.arange(int(length.sum())) - before[run] + begin[run], run


def walks(block: Block, orders: Orders, walk: WalkRule) -> F64:
    """(orders,) metres when each is walked by itself."""
    found = np.zeros(orders.total)
    begin = starts(orders.of, orders.total)
    for first in range(0, orders.total, LISTS_AT_ONCE):
        end = min(first + LISTS_AT_ONCE, orders.total)
        part = slice(begin[first], begin[end])
        lists = lists_of(block, orders.of[part] - first, orders.aisle[part], orders.y_m[part], end - first)
        found[first:end] = walk(block, lists)
    return found


def together(orders: Orders, batch: I64) -> Orders:
    """Orders put together: `batch` (orders,) says which becomes part of which, from 0."""
    of = batch[orders.of]
    turn = np.argsort(of, kind="stable")
    return Orders(of[turn], orders.aisle[turn], orders.y_m[turn], int(batch.max(initial=-1)) + 1)
