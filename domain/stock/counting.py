"""When somebody is to count, and which count comes first."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

CONFIDENCE_MIN = 0.6
PERSIST_S = 600.0
"""How long evidence must speak against the ledger after its last change: goods on their way are not counted."""
TOLERANCE = Decimal("0.5")
TOLERANCE_SHARE = Decimal("0.02")


class Rank(NamedTuple):
    """What a difference is worth, and how likely the ledger is wrong."""

    value: Decimal
    doubt: float


def seen(quantity: float) -> Decimal:
    """What a sensor says, to the thousandth.

    >>> seen(17.0004)
    Decimal('17.000')
    """
    return Decimal(repr(quantity)).quantize(Decimal("0.001"))


def differs(ledger: Decimal, evidence: Decimal) -> bool:
    """Whether it is more than what sensors are off by.

    >>> differs(Decimal(100), Decimal(98)), differs(Decimal(10), Decimal(9))
    (False, True)
    """
    return abs(ledger - evidence) > max(TOLERANCE, abs(ledger) * TOLERANCE_SHARE)


def rank(ledger: Decimal, evidence: Decimal | None, unit_value: Decimal | None, confidence: float | None) -> Rank:
    """Of a difference; without evidence the ledger contradicts itself: it says less than nothing.

    >>> rank(Decimal(20), Decimal(12), Decimal("2.5"), 0.9)
    Rank(value=Decimal('20.0'), doubt=0.9)
    >>> rank(Decimal(-3), None, None, None)
    Rank(value=Decimal('3'), doubt=1.0)
    """
    off = abs(ledger - evidence) if evidence is not None else abs(ledger)
    return Rank(off * (Decimal(1) if unit_value is None else unit_value), 1.0 if confidence is None else confidence)
