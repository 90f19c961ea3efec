"""A proof of delivery: what somebody at a stop says of goods, and what it comes to. Pure.

It is true whenever it is told: a proof is judged by itself, never by what was told before it, so that one which was
made without a network and comes hours later ends in the same state.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple
from urllib.parse import quote

from domain.geo import distance_m
from domain.stock.quantities import Quantity

Outcome = Literal["delivered", "partly", "refused", "nobody_there", "closed"]
OUTCOMES: tuple[Outcome, ...] = ("delivered", "partly", "refused", "nobody_there", "closed")
WITHOUT_GOODS: frozenset[str] = frozenset({"nobody_there", "closed"})
"""Nobody took or refused anything: all goods stay where they are."""
EXCEPTIONS: frozenset[str] = frozenset({"partly", "refused", "nobody_there", "closed"})
Flag = Literal["away", "clock", "elsewhere"]
NONE = Quantity(0)
CLOCK_AHEAD_US = 120 * 10**6
REASONS: tuple[str, ...] = (
    "damaged", "too_warm", "expired", "not_ordered", "wrong_goods", "missing", "no_room", "other",
)  # fmt: skip
"""What pages offer; anything may be said."""


class ProofError(ValueError):
    """A proof cannot be so, and how it can."""


class Said(NamedTuple):
    """What became of goods of an order's line, in base units: each unit is one of the four."""

    order: str
    line: int
    accepted: Quantity = NONE
    short: Quantity = NONE
    damaged: Quantity = NONE
    refused: Quantity = NONE
    reason: str = ""
    handling_unit: str = ""
    lot: str = ""

    @property
    def exceptions(self) -> Quantity:
        """Units that were not accepted."""
        return self.short + self.damaged + self.refused

    @property
    def total(self) -> Quantity:
        """Units that it speaks of."""
        return self.accepted + self.exceptions


class Position(NamedTuple):
    """Where the device was; `accuracy_m`: it was within so many metres of it."""

    lat: float
    lon: float
    accuracy_m: float | None = None


class Moved(NamedTuple):
    """What a proof says of an order's line: `deliver` or `refuse`, so many."""

    order: str
    line: int
    kind: Literal["deliver", "refuse"]
    quantity: Quantity
    handling_unit: str
    lot: str
    reason: str


def outcome(lines: Sequence[Said], exception: str = "") -> Outcome:
    """What came of a stop.

    Raises:
        ProofError: it says nothing, or two things.

    >>> outcome([Said("A", 1, Quantity(3)), Said("A", 2, Quantity(1), damaged=Quantity(1), reason="damaged")])
    'partly'
    """
    if exception in WITHOUT_GOODS:
        if any(line.total for line in lines):
            raise ProofError(f"lines: {exception} says that nobody took or refused anything; leave them out")
        return exception  # type: ignore[return-value]
    if exception not in ("", "refused"):
        raise ProofError(f"exception: {exception} is none of refused, {', '.join(sorted(WITHOUT_GOODS))}")
    if not any(line.total for line in lines):
        raise ProofError("lines: what came of the goods? say accepted, short, damaged or refused of each")
    for n, line in enumerate(lines):
        if line.exceptions and not line.reason:
            raise ProofError(f"lines.{n}.reason: why were {line.exceptions} of line {line.line} not accepted?")
    accepted = any(line.accepted for line in lines)
    if exception == "refused" and accepted:
        raise ProofError("exception: refused says that nothing was accepted, yet lines say so")
    if not accepted:
        return "refused"
    return "partly" if any(line.exceptions for line in lines) else "delivered"


def moved(lines: Sequence[Said]) -> list[Moved]:
    """What happened with goods. What is damaged rides back as what is refused does.

    What is short is on no vehicle that anybody saw: it moves nothing, and somebody has to find it.
    """
    found = []
    for line in lines:
        ways: tuple[tuple[Literal["deliver", "refuse"], Quantity], ...] = (
            ("deliver", line.accepted),
            ("refuse", line.damaged + line.refused),
        )
        for kind, quantity in ways:
            if quantity:
                found.append(Moved(line.order, line.line, kind, quantity, line.handling_unit, line.lot, line.reason))
    return found


def away_m(position: Position | None, stop: Mapping[str, Any]) -> tuple[float | None, bool]:
    """Metres from a stop (`lat`, `lon`, `radius_m`), and whether that is surely outside its fence."""
    if position is None:
        return None, False
    metres = float(distance_m(position.lat, position.lon, stop["lat"], stop["lon"]))
    return metres, metres - (position.accuracy_m or 0) > stop["radius_m"]


def step_prefix(key: Sequence[Any]) -> str:
    """What the ids of a proof's steps begin with: the same for the same key.

    >>> step_prefix(["phone-7", "b1", 4, 1])
    'pod-0e531e7e9c839219b787b1f4'
    """
    return f"pod-{hashlib.sha256(json.dumps(list(key)).encode()).hexdigest()[:24]}"


def geo_uri(lat: float, lon: float, name: str = "") -> str:
    """Where a telephone's navigation is to lead (RFC 5870), with a name as map programs understand it.

    >>> geo_uri(60.16, 24.96, "Pier 3")
    'geo:60.16,24.96?q=60.16,24.96(Pier%203)'
    """
    place = f"{lat:.6f}".rstrip("0").rstrip(".") + "," + f"{lon:.6f}".rstrip("0").rstrip(".")
    return f"geo:{place}?q={place}({quote(name, safe='')})" if name else f"geo:{place}"
