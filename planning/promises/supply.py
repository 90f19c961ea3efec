"""When goods can be given: available to promise over time, looking ahead, in as many worlds as arrivals differ. Pure.

ATP(t) = min over τ ≥ t of what is usable, received by τ, less what others are to be given by τ: what is promised now is
taken from nobody who needs it later. `domain.orders.allocate.promised` is the same for one world and one moment.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from domain.readings import F64

WORLDS = 400
Z90 = 1.2816
ENOUGH = 1e-6
"""So much may be missing of a quantity by rounding."""
OVERDUE_S = (0.0, 86_400.0, 3 * 86_400.0)
"""When what should be here already is taken to come: p10, p50, p90 from now."""


class Lot(NamedTuple):
    """Goods on hand that nobody has; `good_until_s`: the first moment at which they have expired."""

    quantity: float
    good_until_s: float = np.inf


class Receipt(NamedTuple):
    """What is expected, and when: p10, p50 and p90."""

    name: str
    quantity: float
    p10_s: float
    p50_s: float
    p90_s: float


class Claim(NamedTuple):
    """What others are to be given, who go before; by when, and how long goods of theirs must last from then."""

    quantity: float
    at_s: float
    min_life_s: float = 0.0


class Supply(NamedTuple):
    """What there is of a product and who wants it."""

    lots: tuple[Lot, ...] = ()
    receipts: tuple[Receipt, ...] = ()
    claims: tuple[Claim, ...] = ()


def drawn(receipts: Sequence[Receipt], now_s: float, worlds: int = WORLDS) -> F64:
    """When each comes in each world, (worlds, receipts): of a name the same luck each time; overdue ones later."""
    found = np.empty((worlds, len(receipts)))
    for n, each in enumerate(receipts):
        z = np.random.default_rng(zlib.crc32(each.name.encode())).standard_normal(worlds)
        low, middle, high = _ahead(each, now_s)
        found[:, n] = middle + np.where(z < 0, z * (middle - low), z * (high - middle)) / Z90
    return np.maximum(found, now_s)


def middle(receipts: Sequence[Receipt], now_s: float) -> F64:
    """When each comes, half of the times: one world."""
    return np.array([[_ahead(each, now_s)[1] for each in receipts]])


def _ahead(each: Receipt, now_s: float) -> tuple[float, float, float]:
    if each.p50_s <= now_s:
        return now_s + OVERDUE_S[0], now_s + OVERDUE_S[1], now_s + OVERDUE_S[2]
    return min(each.p10_s, each.p50_s), each.p50_s, max(each.p90_s, each.p50_s)


def pooled(supply: Supply, at_s: float, min_life_s: float) -> tuple[float, list[Claim]]:
    """What is on hand that lasts for who asks, and what others still want of it.

    They take what expires first in front, as they are given goods: what is too short for who asks, where it is not for
    them.
    """
    usable = sum(lot.quantity for lot in supply.lots if _lasts(lot, at_s, min_life_s))
    spare = [[lot.good_until_s, lot.quantity] for lot in supply.lots if not _lasts(lot, at_s, min_life_s)]
    if not spare:
        return usable, list(supply.claims)
    spare.sort()
    left = []
    for claim in sorted(supply.claims, key=lambda each: (each.at_s, each.min_life_s, each.quantity)):
        wanted = claim.quantity
        for lot in spare:
            if lot[0] > claim.at_s and lot[0] - claim.at_s >= claim.min_life_s:
                taken = min(lot[1], wanted)
                lot[1] -= taken
                wanted -= taken
        if wanted > 0:
            left.append(claim._replace(quantity=wanted))
    return usable, left


def _lasts(lot: Lot, at_s: float, min_life_s: float) -> bool:
    return lot.good_until_s > at_s and lot.good_until_s - at_s >= min_life_s


def earliest(
    on_hand: float, quantities: F64, arrives_s: F64, claims: Sequence[Claim], wanted: float, now_s: float
) -> F64:
    """When so much can be given in each world; infinity: what is known never suffices.

    Args:
        on_hand: usable now.
        quantities: (receipts,) of what comes.
        arrives_s: (worlds, receipts) when, not before now.
        claims: of those who go before.
        wanted: by who asks.
        now_s: when it is asked.

    >>> earliest(5, np.array([10.0]), np.array([[9.0]]), [Claim(4, 3)], 1.0, 0), earliest(5, np.array([10.0]),
    ...     np.array([[9.0]]), [Claim(4, 3)], 2.0, 0)
    (array([0.]), array([9.]))
    """
    order = np.argsort(arrives_s, axis=1)
    comes = np.take_along_axis(arrives_s, order, axis=1)
    begins = np.hstack([np.full((len(comes), 1), now_s), comes])
    level = on_hand + np.hstack([np.zeros((len(comes), 1)), np.cumsum(quantities[order], axis=1)])
    until = np.hstack([comes, np.full((len(comes), 1), np.inf)])
    due = sorted((max(each.at_s, now_s), each.quantity) for each in claims)
    taken = np.concatenate([[0.0], np.cumsum([quantity for _, quantity in due])])
    before = np.searchsorted(np.array([at for at, _ in due]), until, side="left")
    least = np.minimum.accumulate((level - taken[before])[:, ::-1], axis=1)[:, ::-1]
    enough = least >= wanted - ENOUGH
    first = np.argmax(enough, axis=1)
    found: F64 = np.where(enough.any(axis=1), begins[np.arange(len(comes)), first], np.inf)
    return found


def missing(on_hand: float, quantities: F64, claims: Sequence[Claim], wanted: float) -> float:
    """How much of what is wanted nothing that is known will bring."""
    left = on_hand + float(quantities.sum()) - sum(each.quantity for each in claims)
    return max(wanted - max(left, 0.0), 0.0)
