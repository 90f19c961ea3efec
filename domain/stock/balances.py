"""What all moves come to: the plain definition of what the store keeps beside them, and tells of any moment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import NamedTuple

from domain.stock.moves import NOTHING, Line, Move


class Totals(NamedTuple):
    """What came and went of a lot of a product, all in all."""

    received: Decimal = NOTHING
    delivered: Decimal = NOTHING
    wasted: Decimal = NOTHING
    adjusted: Decimal = NOTHING

    @property
    def there(self) -> Decimal:
        """How much must be in our places."""
        return self.received - self.delivered - self.wasted + self.adjusted


def balances(
    moves: Iterable[Move], inner: Iterable[int], *, as_of_us: int | None = None, known_at_us: int | None = None
) -> dict[Line, Decimal]:
    """Each line that is not nothing: at a moment, by what was known at another."""
    ours = set(inner)
    found: defaultdict[Line, Decimal] = defaultdict(Decimal)
    for move in moves:
        if as_of_us is not None and move.moved_at_us > as_of_us:
            continue
        if known_at_us is not None and move.known_at_us > known_at_us:
            continue
        if move.kind == "count":
            continue
        if move.source in ours:
            found[move.taken] -= move.quantity
        if move.target in ours:
            found[move.put] += move.quantity
    return {line: quantity for line, quantity in found.items() if quantity}


def totals(moves: Iterable[Move], inner: Iterable[int]) -> dict[tuple[int, int], Totals]:
    """By product and lot, from the kinds of moves alone."""
    ours = set(inner)
    found: defaultdict[tuple[int, int], Totals] = defaultdict(Totals)
    for move in moves:
        key, sign = (move.product, move.lot), -1 if move.entry == "reversal" else 1
        came = sign * (move.quantity if (move.target in ours) == (sign > 0) else -move.quantity)
        now = found[key]
        match move.kind:
            case "receive":
                found[key] = now._replace(received=now.received + sign * move.quantity)
            case "deliver":
                found[key] = now._replace(delivered=now.delivered + sign * move.quantity)
            case "waste":
                found[key] = now._replace(wasted=now.wasted + sign * move.quantity)
            case "return":
                found[key] = now._replace(delivered=now.delivered - came)
            case "adjust":
                found[key] = now._replace(adjusted=now.adjusted + came)
            case _:
                pass
    return dict(found)


class Difference(NamedTuple):
    """A line whose kept number is another than what its moves come to."""

    line: Line
    kept: Decimal
    reckoned: Decimal


def differences(kept: Mapping[Line, Decimal], reckoned: Mapping[Line, Decimal]) -> list[Difference]:
    """Lines that are not the same, in order."""
    lines = sorted(kept.keys() | reckoned.keys())
    pairs = (Difference(line, kept.get(line, NOTHING), reckoned.get(line, NOTHING)) for line in lines)
    return [each for each in pairs if each.kept != each.reckoned]
