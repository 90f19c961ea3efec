"""Rounds of a cart for the orders of a wave: those whose goods lie near one another are picked together. Pure.

Whole orders are walked by the zone in which most of their picks lie: one round may come by other zones as well, and its
metres are those of that zone. Zone by zone, each zone's part of an order is in a round of that zone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from domain.readings import F64, I64, Bool
from planning.picking.batches import by_savings, first_come
from planning.picking.block import Block
from planning.picking.exchange import PASSES_MAX
from planning.picking.orders import Orders, together, walks
from planning.picking.shortest import lengths

MANY = 400
"""Of more orders all exchanges are looked at once: rounds are some 3 % longer, in less than half of the time."""


class Goods(NamedTuple):
    """So much of an order that lies somewhere; `aisle` and `along_m` where that is known, `kg` too."""

    order: str
    zone: str
    aisle: int | None = None
    along_m: float | None = None
    kg: float | None = None


class Cart(NamedTuple):
    """What a cart takes."""

    orders: int
    lines: int
    kg: float


class Round(NamedTuple):
    """Orders of a round, as they came. `zone`: only what lies there; `walk_m`: None where no layout is known.

    `over`: its one order is more than a cart takes.
    """

    orders: tuple[str, ...]
    zone: str | None
    walk_m: float | None
    over: bool = False


class Rounds(NamedTuple):
    """All rounds; what those with a known walk come to, and what the same goods would as they came."""

    rounds: tuple[Round, ...]
    walk_m: float
    as_came_m: float


def rounds_of(goods: Sequence[Goods], blocks: Mapping[str, Block], cart: Cart, *, by_zone: bool = False) -> Rounds:
    """Rounds for goods, in the order in which their first orders came.

    Args:
        goods: in the order of the orders' urgency.
        blocks: layout of zones that have one.
        cart: what one takes; an order that is more gets rounds of its own.
        by_zone: each zone by itself, instead of whole orders.
    """
    if not by_zone:
        where = _busiest(goods, blocks)
        return _rounds(goods, blocks.get(where), where, None, cart)
    parts = [
        _rounds([each for each in goods if each.zone == zone], blocks.get(zone), zone, zone, cart)
        for zone in dict.fromkeys(each.zone for each in goods)
    ]
    return Rounds(
        tuple(each for part in parts for each in part.rounds),
        sum(part.walk_m for part in parts),
        sum(part.as_came_m for part in parts),
    )


def _busiest(goods: Sequence[Goods], blocks: Mapping[str, Block]) -> str:
    """The zone with a layout in which most of it lies; empty: there is none."""
    counts: dict[str, int] = {}
    for each in goods:
        if each.zone in blocks and _stands(each, blocks[each.zone]):
            counts[each.zone] = counts.get(each.zone, 0) + 1
    return max(counts, key=lambda name: (counts[name], name), default="")


def _stands(goods: Goods, block: Block) -> bool:
    if goods.aisle is None or goods.along_m is None:
        return False
    return goods.aisle < block.aisles and goods.along_m <= block.length_m


def _rounds(goods: Sequence[Goods], block: Block | None, where: str, zone: str | None, cart: Cart) -> Rounds:
    """Walked by what lies in the zone `where`; `zone`: that the rounds are of."""
    names = list(dict.fromkeys(each.order for each in goods))
    place = {name: n for n, name in enumerate(names)}
    sizes = np.zeros((len(names), 3))
    sizes[:, 0] = 1
    for each in goods:
        sizes[place[each.order], 1:] += 1, each.kg or 0.0
    capacity = np.array([cart.orders, cart.lines, cart.kg], float)
    over: Bool = np.any(sizes > capacity, axis=1).reshape(-1)
    fits = np.flatnonzero(~over)
    picks = [g for g in goods if block and g.zone == where and _stands(g, block)]
    orders = _columns(picks, place, len(names))
    batch = _batched(block, orders, sizes, capacity, fits, over)
    came = np.empty(len(names), np.int64)
    came[fits] = first_come(sizes[fits], capacity)
    came[over] = _after(came[fits], int(over.sum()))
    lengths_m = walks(block, together(orders, batch), lengths) if block and picks else None
    as_came_m = float(walks(block, together(orders, came), lengths).sum()) if block and picks else 0.0
    found = [
        Round(
            tuple(names[n] for n in np.flatnonzero(batch == each)), zone,
            None if lengths_m is None else float(lengths_m[each]), bool(over[batch == each].any()),
        )
        for each in range(int(batch.max(initial=-1)) + 1)
    ]  # fmt: skip
    found.sort(key=lambda each: place[each.orders[0]])
    return Rounds(tuple(found), 0.0 if lengths_m is None else float(lengths_m.sum()), as_came_m)


def _columns(picks: Sequence[Goods], place: Mapping[str, int], count: int) -> Orders:
    of = np.array([place[each.order] for each in picks], np.int64)
    turn = np.argsort(of, kind="stable")
    aisle = np.array([each.aisle for each in picks], np.int64)
    along_m = np.array([each.along_m for each in picks], float)
    return Orders(of[turn], aisle[turn], along_m[turn], count)


def _batched(block: Block | None, orders: Orders, sizes: F64, capacity: F64, fits: I64, over: Bool) -> I64:
    """(orders,) round of each: what fits together by savings, what is more than a cart takes by itself."""
    batch = np.empty(orders.total, np.int64)
    if block and orders.of.size:
        inside = np.isin(orders.of, fits)
        renamed = np.searchsorted(fits, orders.of[inside])
        part = Orders(renamed, orders.aisle[inside], orders.y_m[inside], len(fits))
        passes = PASSES_MAX if len(fits) <= MANY else 1
        batch[fits] = by_savings(block, part, sizes[fits], capacity, passes=passes)
    else:
        batch[fits] = first_come(sizes[fits], capacity)
    batch[over] = _after(batch[fits], int(over.sum()))
    _, found = np.unique(batch, return_inverse=True)
    return np.asarray(found, np.int64)


def _after(batch: I64, count: int) -> I64:
    return int(batch.max(initial=-1)) + 1 + np.arange(count, dtype=np.int64)
