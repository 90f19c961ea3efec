"""Advice on where things lie: swaps of what lies in two bins of a block, from what was really picked there. Pure.

What lies in a bin is moved as a whole. Of each swap is told what it alone saves of the walks that were walked, by the
shortest way, and what carrying costs; one that costs more than it saves is not told, nor one that a limit of a bin is
against.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from domain.readings import F64, I64, Bool
from domain.stock.bins import STORED, Goods, Limits, broken, filled, goods_of, limits_of
from planning.picking.block import Block, Lists, lists_of
from planning.picking.shortest import lengths
from planning.picking.slotting import SKUS_MAX, Demand, Places, Swap, advise, walked_m

PROPOSED_MAX = 20
FEW_LISTS = 5
"""From fewer lists than these nothing is learned."""


class Pick(NamedTuple):
    """A product that was picked from a bin for a list."""

    list: str
    bin: str
    sku: str


class Spot(NamedTuple):
    """A bin of the block with what lies there."""

    limits: Limits
    aisle: int
    along_m: float
    goods: tuple[Goods, ...] = ()


class Move(NamedTuple):
    """What lies in a bin goes to another one; `skus` what that is, `trips` how often one walks."""

    source: str
    target: str
    skus: tuple[str, ...]
    trips: int = 1


class Proposal(NamedTuple):
    """Moves that save `saved_m` of the walks learned from, and cost `moves_m` once."""

    moves: tuple[Move, ...]
    saved_m: float
    moves_m: float

    @property
    def net_m(self) -> float:
        """What is left of it after the moves."""
        return self.saved_m - self.moves_m


class Basis(NamedTuple):
    """What advice was learned from: lists, picks, metres walked; `elsewhere`: picks from bins outside the block."""

    lists: int
    picks: int
    walked_m: float
    elsewhere: int


class Advised(NamedTuple):
    """Proposals, the best first, and what they rest on; `why`: why there are none."""

    proposals: tuple[Proposal, ...]
    basis: Basis
    why: str = ""


def block_of(zone: Mapping[str, Any]) -> Block:
    """A zone's layout, from its row."""
    return Block(zone["aisles"], zone["aisle_length_m"], zone["aisle_pitch_m"], zone["depot"])


def spots_of(block: Block, bins: Sequence[Mapping[str, Any]], goods: Sequence[Mapping[str, Any]]) -> list[Spot]:
    """Bins that stand in the block, from rows of bins and of what lies in them."""
    lying: dict[int, list[Goods]] = {}
    for row in goods:
        lying.setdefault(row["bin_key"], []).append(goods_of(row))
    return [
        Spot(limits_of(row), row["aisle"], row["along_m"], tuple(lying.get(row["key"], ())))
        for row in bins
        if row["aisle"] is not None and row["aisle"] < block.aisles and row["along_m"] <= block.length_m
    ]


def propose(
    block: Block,
    spots: Sequence[Spot],
    picks: Sequence[Pick],
    frozen: Collection[str] = (),
    most: int = PROPOSED_MAX,
) -> Advised:
    """Swaps worth their moves, those that save most a move first; no bin is in two of them.

    Args:
        block: the zone's layout.
        spots: bins of the zone with what lies there.
        picks: what was picked in it, each list's products once.
        frozen: bins that stay as they are: advice on them is being followed.
        most: no more than these.
    """
    at = {spot.limits.code: n for n, spot in enumerate(spots)}
    lists = {name: n for n, name in enumerate(dict.fromkeys(pick.list for pick in picks if pick.bin in at))}
    elsewhere = sum(pick.bin not in at for pick in picks)
    placed = _placed(spots, at, picks)
    of = np.array([lists[name] for name, _ in placed], np.int64)
    place = np.array([spot for _, spot in placed], np.int64)
    turn = np.argsort(of, kind="stable")
    of, place = of[turn], place[turn]
    aisle = np.array([spot.aisle for spot in spots], np.int64)
    along = np.array([spot.along_m for spot in spots], float)
    floor = Places(aisle, along, np.full(len(spots), np.inf))
    every = Demand(of, place, len(lists))
    here = np.arange(len(spots))
    walked = walked_m(block, floor, here, every) if of.size else 0.0
    basis = Basis(len(lists), len(placed), walked, elsewhere)
    if len(lists) < FEW_LISTS:
        return Advised((), basis, f"{len(lists)} lists were picked here, of fewer than {FEW_LISTS} nothing is learned")
    items = [n for n, spot in enumerate(spots) if _moves(spot, n, set(place.tolist()))]
    if len(items) > SKUS_MAX:
        return Advised((), basis, f"{len(items)} bins have goods, more than {SKUS_MAX}; divide the zone")
    number = {spot: n for n, spot in enumerate(items)}
    inside = np.isin(place, items)
    demand = Demand(of[inside], np.array([number[p] for p in place[inside].tolist()], np.int64), len(lists))
    cube = np.array([filled(spots[n].goods).m3 for n in items], float)
    found = advise(
        block, floor, np.array(items, np.int64), cube, demand, swaps_max=3 * most, may=_may(spots, items, frozen)
    )
    skus_at = _skus_at(spots, picks, at)
    told = [
        proposal
        for swap in _apart(found.swaps, items)
        if (proposal := _proposal(block, floor, spots, items, swap, every, walked, skus_at)).net_m > 0
    ]
    told.sort(key=lambda each: -each.net_m / len(each.moves))
    return Advised(tuple(told[:most]), basis, "" if told else "no swap saves more than its moves cost")


def _placed(spots: Sequence[Spot], at: Mapping[str, int], picks: Sequence[Pick]) -> list[tuple[str, int]]:
    """Lists with the bins that they would walk to now: where a product lies, else where it was picked."""
    lies: dict[str, dict[int, float]] = {}
    for n, spot in enumerate(spots):
        for each in spot.goods:
            lies.setdefault(each.sku, {})[n] = lies.get(each.sku, {}).get(n, 0.0) + each.quantity
    found: dict[tuple[str, int], None] = {}
    for pick in picks:
        if pick.bin not in at:
            continue
        there, was = lies.get(pick.sku, {}), at[pick.bin]
        now = was if was in there or not there else max(there, key=lambda n: (there[n], -n))
        found[pick.list, now] = None
    return list(found)


def _moves(spot: Spot, n: int, picked: Collection[int]) -> bool:
    return spot.limits.kind in STORED and (bool(spot.goods) or n in picked)


def _may(spots: Sequence[Spot], items: Sequence[int], frozen: Collection[str]) -> Bool:
    """(items, spots) whether what lies in a bin may lie in another one, empty."""
    kinds: dict[tuple[Limits, bool], int] = {}
    alike = [kinds.setdefault((s.limits._replace(code=""), s.limits.code in frozen), len(kinds)) for s in spots]
    first = {kind: spots[alike.index(kind)] for kind in range(len(kinds))}
    may = np.zeros((len(items), len(spots)), np.bool_)
    for row, item in enumerate(items):
        fits = np.array([_fits(spots[item], first[kind], frozen) for kind in range(len(kinds))], np.bool_)
        may[row] = fits[np.array(alike)]
        may[row, item] = True
    return may


def _fits(item: Spot, spot: Spot, frozen: Collection[str]) -> bool:
    """A pick face keeps its product: both are given to the other bin, which is one too."""
    if spot.limits.kind not in STORED or not {item.limits.code, spot.limits.code}.isdisjoint(frozen):
        return False
    if (item.limits.face_of or spot.limits.face_of) and item.limits.kind != spot.limits.kind:
        return False
    limits = spot.limits._replace(face_of=None, face_full=None)
    return all(
        not broken(limits, goods, item.goods[:n] + (() if limits.mixing == "any" else item.goods[n + 1 :]))
        for n, goods in enumerate(item.goods)
    )


def _apart(swaps: Sequence[Swap], items: Sequence[int]) -> list[Swap]:
    """Swaps of which none rests on another: no bin in two of them."""
    used: set[int] = set()
    found = []
    for swap in swaps:
        bins = {items[swap.sku], items[swap.other] if swap.other >= 0 else swap.place}
        moved = swap.other >= 0 and swap.place != items[swap.other]
        if used.isdisjoint(bins | {swap.place}) and not moved:
            found.append(swap)
        used |= bins | {swap.place}
    return found


def _skus_at(spots: Sequence[Spot], picks: Sequence[Pick], at: Mapping[str, int]) -> dict[int, tuple[str, ...]]:
    """What lies in each bin, or was picked there when nothing does."""
    found = {n: tuple(sorted({each.sku for each in spot.goods})) for n, spot in enumerate(spots) if spot.goods}
    lying = {sku for skus in found.values() for sku in skus}
    gone: dict[int, set[str]] = {}
    for pick in picks:
        if pick.bin in at and at[pick.bin] not in found and pick.sku not in lying:
            gone.setdefault(at[pick.bin], set()).add(pick.sku)
    return {**{n: tuple(sorted(skus)) for n, skus in gone.items()}, **found}


def _proposal(
    block: Block, floor: Places, spots: Sequence[Spot], items: Sequence[int], swap: Swap, every: Demand,
    walked: float, skus_at: Mapping[int, tuple[str, ...]],
) -> Proposal:  # fmt: skip
    one, other = items[swap.sku], items[swap.other] if swap.other >= 0 else swap.place
    place_of = np.arange(len(spots))
    place_of[[one, other]] = place_of[[other, one]]
    saved = walked - walked_m(block, floor, place_of, every)
    if swap.other >= 0 and _far(block, spots[one]) < _far(block, spots[other]):
        one, other = other, one
    pairs = [(one, other)] + ([(other, one)] if swap.other >= 0 else [])
    moves = tuple(
        Move(spots[a].limits.code, spots[b].limits.code, skus_at.get(a, ()), max(1, filled(spots[a].goods).pallets))
        for a, b in pairs
    )
    return Proposal(moves, saved, _there_and_back(block, spots[one], spots[other]) * sum(m.trips for m in moves))


def _far(block: Block, spot: Spot) -> float:
    return abs(spot.aisle - block.depot) * block.pitch_m + spot.along_m


def _there_and_back(block: Block, one: Spot, other: Spot) -> float:
    """From the depot by both bins and back."""
    aisle = np.array([one.aisle, other.aisle], np.int64)
    along: F64 = np.array([one.along_m, other.along_m], float)
    of: I64 = np.zeros(2, np.int64)
    lists: Lists = lists_of(block, of, aisle, along, 1)
    return float(lengths(block, lists)[0])
