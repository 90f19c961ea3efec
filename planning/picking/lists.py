"""In which order a list is picked: zone after zone, each the shortest way where its bins say where they are. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from planning.picking.block import Block, Pick, lists_of
from planning.picking.rules import RULES
from planning.picking.shortest import shortest


class Place(NamedTuple):
    """Where something lies: its zone, and how far down which aisle, where somebody has said so."""

    zone: str
    aisle: int | None = None
    along_m: float | None = None


class ZoneWalk(NamedTuple):
    """The walk through a zone; `rules`: what the walks that people know by heart would come to."""

    zone: str
    length_m: float
    rules: Mapping[str, float]


class Routed(NamedTuple):
    """Places of a list in the order in which they are come by, and the walks whose length is known."""

    order: list[int]
    walks: list[ZoneWalk]


def routed(places: Sequence[Place], blocks: Mapping[str, Block]) -> Routed:
    """The order of a list: zones as they come, in each those that are not in its block first, as they come."""
    order: list[int] = []
    walks: list[ZoneWalk] = []
    for zone in dict.fromkeys(place.zone for place in places):
        here = [n for n, place in enumerate(places) if place.zone == zone]
        block = blocks.get(zone)
        inside = [n for n in here if block and _fits(block, places[n])]
        order += [n for n in here if n not in inside]
        if block and inside:
            picks = [Pick(places[n].aisle or 0, places[n].along_m or 0.0) for n in inside]
            walk = shortest(block, picks)
            order += [inside[k] for k in walk.order]
            walks.append(ZoneWalk(zone, walk.length_m, _by_rules(block, picks)))
    return Routed(order, walks)


def _fits(block: Block, place: Place) -> bool:
    if place.aisle is None or place.along_m is None:
        return False
    return place.aisle < block.aisles and place.along_m <= block.length_m


def _by_rules(block: Block, picks: Sequence[Pick]) -> dict[str, float]:
    aisle = np.array([pick.aisle for pick in picks], np.int64)
    along = np.array([pick.y_m for pick in picks], float)
    lists = lists_of(block, np.zeros(len(picks), np.int64), aisle, along, 1)
    return {name: float(rule(block, lists)[0]) for name, rule in RULES.items()}
