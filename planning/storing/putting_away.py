"""Where goods that have come in should lie: bins that take them, the shortest way first. Pure.

A place's score are metres: the walk to it from the start of its zone, how far it is from where the product should lie
(its pick face, else the bin that it is picked from most), and how far from the next bin with the same lot, else the
same product. What is not known of these counts nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from domain.stock.bins import STORED, Goods, Limits, broken, room
from planning.picking.block import Block

TOLD_MAX = 10


class Spot(NamedTuple):
    """A bin with what lies there; where it stands in which block, where that is known."""

    limits: Limits
    zone: str
    goods: tuple[Goods, ...] = ()
    block: Block | None = None
    aisle: int | None = None
    along_m: float | None = None


class Place(NamedTuple):
    """A bin that takes `quantity` of the goods; `score_m` and what it is made of, None where it is not known."""

    bin: str
    zone: str
    quantity: float
    score_m: float
    walk_m: float | None
    target_m: float | None
    alike_m: float | None


class Refused(NamedTuple):
    """So many bins take none of the goods because of a limit; why, of the first."""

    limit: str
    bins: int
    why: str


class Proposal(NamedTuple):
    """Places, the best first, and what is against the others."""

    places: tuple[Place, ...]
    refused: tuple[Refused, ...]


def put_away(goods: Goods, spots: Sequence[Spot], target: str | None = None, most: int = TOLD_MAX) -> Proposal:
    """Bins for goods: those that take all of it before those that take some.

    Args:
        goods: what is to be put away, so many.
        spots: all bins of the site.
        target: the bin at which the product should lie.
        most: no more than these.
    """
    against: dict[str, list[str]] = {}
    found: list[Place] = []
    at = next((spot for spot in spots if spot.limits.code == target), None)
    alike = _alike(goods, spots)
    for spot in spots:
        if spot.limits.kind not in STORED:
            continue
        fits = min(room(spot.limits, goods, spot.goods), goods.quantity)
        why = broken(spot.limits, goods._replace(quantity=max(fits, 1.0)), spot.goods) if fits < 1 else []
        if why or fits <= 0:
            for each in why[:1]:
                against.setdefault(each.limit, []).append(each.why)
            continue
        found.append(_place(spot, fits, at, alike))
    found.sort(key=lambda p: (p.quantity < goods.quantity, p.walk_m is None, p.score_m, -p.quantity, p.bin))
    return Proposal(
        tuple(found[:most]), tuple(Refused(limit, len(whys), whys[0]) for limit, whys in sorted(against.items()))
    )


def _alike(goods: Goods, spots: Sequence[Spot]) -> list[Spot]:
    """Bins in which the same lot lies, else the same product."""
    stored = [spot for spot in spots if spot.limits.kind in STORED]
    lot = [s for s in stored if any((g.sku, g.lot) == (goods.sku, goods.lot) for g in s.goods)]
    return lot or [s for s in stored if any(g.sku == goods.sku for g in s.goods)]


def _place(spot: Spot, quantity: float, target: Spot | None, alike: Sequence[Spot]) -> Place:
    walk = _walk(spot)
    to_target = None if target is None else _between(spot, target)
    near = [metres for each in alike if (metres := _between(spot, each)) is not None]
    to_alike = min(near, default=None)
    score = (walk or 0.0) + (to_target or 0.0) + (to_alike or 0.0)
    return Place(spot.limits.code, spot.zone, quantity, score, walk, to_target, to_alike)


def _walk(spot: Spot) -> float | None:
    """From the start of its block."""
    if spot.block is None or spot.aisle is None or spot.along_m is None:
        return None
    return abs(spot.aisle - spot.block.depot) * spot.block.pitch_m + spot.along_m


def _between(one: Spot, other: Spot) -> float | None:
    """By the nearer cross aisle; None: they stand in two zones, or nobody has said where."""
    if one.limits.code == other.limits.code:
        return 0.0
    if one.zone != other.zone or one.block is None or None in (one.along_m, other.along_m, one.aisle, other.aisle):
        return None
    a, b = one.along_m or 0.0, other.along_m or 0.0
    if one.aisle == other.aisle:
        return abs(a - b)
    across = abs((one.aisle or 0) - (other.aisle or 0)) * one.block.pitch_m
    return across + min(a + b, 2 * one.block.length_m - a - b)


def whole(quantity: float, per: float | None) -> float:
    """So many units of a pack, whole, at most that much; the quantity itself where no pack is known.

    >>> whole(30, 12), whole(30, None), whole(5, 12)
    (24, 30, 0)
    """
    return quantity if not per else math.floor(quantity / per + 1e-9) * per
