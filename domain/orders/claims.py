"""Which goods on hand are a line's, folded from what was done with them: any order of telling ends alike. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from domain.orders.stages import Shift, Stage
from domain.stock.quantities import Quantity

NONE = Quantity(0)
HELD: tuple[Stage, ...] = ("allocated", "picked", "packed")
"""Stages in which goods lie with us and are the line's."""


class Spot(NamedTuple):
    """Where goods lie, as the ledger knows them: a place, a lot (0: of none), loose or in a unit."""

    place: int
    lot: int
    unit: str


class Claim(NamedTuple):
    """Goods at a spot in a stage of a line."""

    stage: Stage
    spot: Spot


Spots = tuple[Spot | None, Spot | None]
"""Where the goods of a step were, and where they are then."""


def claims_of(shifts: Iterable[Shift], spots: Mapping[str, Spots]) -> dict[Claim, Quantity]:
    """What a line has where: what leaves a stage is no more claimed there, what comes to one is where it lies now.

    Goods that were taken from elsewhere than they were allocated free those that were allocated instead.
    """
    found: dict[Claim, Quantity] = {}
    for shift in shifts:
        source, target = spots[shift.step]
        if shift.source in HELD:
            _free(found, shift.source, shift.quantity, source)
        if shift.target in HELD:
            assert target is not None  # noqa: S101 - whoever brings goods into a stage says where they lie
            key = Claim(shift.target, target)
            found[key] = found.get(key, NONE) + shift.quantity
    return {key: quantity for key, quantity in found.items() if quantity}


def _free(found: dict[Claim, Quantity], stage: Stage, quantity: Quantity, at: Spot | None) -> None:
    mine = [key for key, held in found.items() if key.stage == stage and held > 0]
    for key in sorted(mine, key=lambda key: (key.spot != at, key)):
        taken = min(found[key], quantity)
        found[key] -= taken
        quantity -= taken
    assert quantity == 0, "stages and claims are one"  # noqa: S101
