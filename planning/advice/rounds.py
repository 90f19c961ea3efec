"""What came of rounds: carts that were walked against those of the orders as they came. Pure.

Promised is what the rounds of a wave are shorter by than rounds of its orders as they came, each by the shortest way.
What came of it rests on the picks in the order in which they were made: whoever walks another way saves less.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from planning.advice.slots import block_of
from planning.picking.block import Block


class Walked(NamedTuple):
    """Of a wave: rounds with picks, picks, and metres from the depot by all of them and back."""

    rounds: int
    picks: int
    metres: float


def walked_m(block: Block, places: Sequence[tuple[int, float]]) -> float:
    """From the depot to places (aisle, metres from the front) in their order, and back, each by the shortest way.

    >>> walked_m(Block(2, 10.0, 2.0, 0.0), [(0, 9.0), (1, 9.0), (1, 1.0)])
    24.0
    """
    total, aisle, y = 0.0, block.depot, 0.0
    for to_aisle, to_y in [*places, (block.depot, 0.0)]:
        if aisle == to_aisle:
            total += abs(to_y - y)
        else:
            total += abs(to_aisle - aisle) * block.pitch_m + min(y + to_y, 2 * block.length_m - y - to_y)
        aisle, y = to_aisle, to_y
    return total


def walked(picks: Sequence[Mapping[str, Any]]) -> Walked:
    """Of rows of `round_picks`, in the order of round, zone and time; a place at which one stays counts once."""
    rounds, metres = set(), 0.0
    for (seq, _), rows in groupby(picks, lambda row: (row["seq"], row["zone"])):
        of = list(rows)
        places = [(row["aisle"], row["along_m"]) for row in of]
        metres += walked_m(block_of(of[0]), [place for place, _ in groupby(places)])
        rounds.add(seq)
    return Walked(len(rounds), len(picks), metres)


def graded_wave(wave: Mapping[str, Any], picks: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """A wave that is picked as a row of `add_graded`; None: nothing of it was picked where the floor is known."""
    seen = walked(picks)
    if not seen.picks:
        return None
    return {
        "site_id": wave["site"],
        "about": wave["about"],
        "body": {"orders": wave["orders"], "walk_m": wave["walk_m"], "as_came_m": wave["as_came_m"]},
        "predicted": wave["as_came_m"] - wave["walk_m"],
        "realised": wave["as_came_m"] - seen.metres,
        "seen": seen._asdict(),
        "done_at": wave["released_at"].isoformat(),
        "by": wave["released_by"] or "",
    }
