"""What pick faces are to be filled with, before what is released and what will be wanted is more than lies there. Pure.

A face is due when less lies there than released waves still want of its product, with what will be wanted until the
next run nine times in ten. It is filled up to what it takes, in whole packs, from what expires first.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from planning.storing.putting_away import whole

SPANS_MIN = 5
"""Of fewer spans no quantile is told: the most that was wanted counts."""


class Face(NamedTuple):
    """A pick face: what lies there, how much goes in besides, base units in a pack, and what is wanted of its product.

    `released`: of released waves, not picked yet. `spans`: picked in each span as long as it is until the next run.
    """

    bin: str
    sku: str
    lies: float
    room: float
    released: float
    spans: tuple[float, ...]
    pack: float | None = None


class Lying(NamedTuple):
    """Goods in reserve that nobody was promised; `expires_us`: None is last."""

    bin: str
    sku: str
    quantity: float
    lot: str = ""
    unit: str = ""
    expires_us: int | None = None


class Taken(NamedTuple):
    """So much of what lies somewhere."""

    bin: str
    quantity: float
    lot: str
    unit: str


class Refill(NamedTuple):
    """A face to be filled with `quantity`, from where; `short`: so much is nowhere, or does not go in."""

    bin: str
    sku: str
    lies: float
    released: float
    p90: float
    quantity: float
    sources: tuple[Taken, ...]
    short: float


def p90(spans: Sequence[float]) -> float:
    """What is not exceeded nine times in ten, of what was.

    >>> p90([0, 0, 0, 0, 0, 0, 0, 0, 4, 9]), p90([3, 1]), p90([])
    (4, 3, 0.0)
    """
    if not spans:
        return 0.0
    told = sorted(spans)
    return told[-1] if len(told) < SPANS_MIN else told[math.ceil(0.9 * len(told)) - 1]


def refills(faces: Sequence[Face], lying: Sequence[Lying]) -> list[Refill]:
    """Faces that are due: those that released waves wait for first, then those that lack most of what is wanted."""
    left = {n: each.quantity for n, each in enumerate(lying)}
    due = [(face, p90(face.spans)) for face in faces]
    due = [(face, most) for face, most in due if face.lies < face.released + most]
    due.sort(
        key=lambda each: (each[0].lies >= each[0].released, each[0].lies / (each[0].released + each[1]), each[0].bin)
    )
    found = []
    for face, most in due:
        need = face.released + most - face.lies
        wanted = need if math.isinf(face.room) else face.room
        if face.pack:
            up = math.ceil(wanted / face.pack - 1e-9) * face.pack
            wanted = up if up <= face.room else whole(face.room, face.pack)
        sources = _taken(face, wanted, lying, left)
        quantity = sum(each.quantity for each in sources)
        found.append(
            Refill(face.bin, face.sku, face.lies, face.released, most, quantity, sources, max(need - quantity, 0.0))
        )
    return found


def _urgency(face: Face, most: float) -> tuple[bool, float, str]:
    return face.lies >= face.released, face.lies / (face.released + most), face.bin


def _taken(face: Face, wanted: float, lying: Sequence[Lying], left: dict[int, float]) -> tuple[Taken, ...]:
    """From what expires first; of a bin whole packs, and a pack that is begun when it is all that is there."""
    turn = [n for n, each in enumerate(lying) if each.sku == face.sku and each.bin != face.bin]
    turn.sort(key=lambda n: (lying[n].expires_us is None, lying[n].expires_us or 0, lying[n].bin))
    found = []
    for n in turn:
        take = min(left[n], wanted)
        take = take if take == left[n] else whole(take, face.pack)
        if take <= 0:
            continue
        left[n] -= take
        wanted -= take
        found.append(Taken(lying[n].bin, take, lying[n].lot, lying[n].unit))
    return tuple(found)
