"""Which goods go to whom: those that expire first in front, none that the customer would have too short. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from domain.stock.quantities import Quantity

NONE = Quantity(0)


class Goods(NamedTuple):
    """Goods of one product that lie somewhere, of one lot, loose or in a handling unit.

    Attributes:
        place, lot, unit: keys by which the ledger knows them.
        quantity: that nobody else has; may be less than nothing where more was promised than is there.
        good_until_us: the first moment at which they have expired; None: nobody said.
        barred: recalled, in quarantine, or their cold chain failed.
        walk_m: how far away they lie.
    """

    place: int
    lot: int
    unit: str
    quantity: Quantity
    good_until_us: int | None = None
    barred: bool = False
    walk_m: float = 0.0


class Need(NamedTuple):
    """What is needed of a product.

    Attributes:
        arrives_us: when the goods are with the customer, nine times in ten.
        min_life_us: so long they must last from then on.
        expires: the product has an expiry: goods of which it is not known are not usable.
    """

    quantity: Quantity
    arrives_us: int
    min_life_us: int = 0
    expires: bool = False


def usable(
    good_until_us: int | None, at_us: int, min_life_us: int = 0, *, barred: bool = False, expires: bool = False
) -> bool:
    """The one rule of what may be sent, for whoever asks: who allocates, who picks, who forecasts.

    >>> usable(10, 9), usable(10, 10), usable(10, 5, 5), usable(10, 6, 5)
    (True, False, True, False)
    >>> usable(None, 5), usable(None, 5, expires=True)
    (True, False)
    """
    if barred or (good_until_us is None and expires):
        return False
    return good_until_us is None or (at_us < good_until_us and good_until_us - at_us >= min_life_us)


class Taken(NamedTuple):
    """So much of some goods."""

    goods: Goods
    quantity: Quantity


def first_expired_first(need: Need, there: Iterable[Goods]) -> list[Taken]:
    """Usable goods that make up the need, or all there are of them: no more is promised than is there.

    By expiry; of one expiry whole units that fit in front, then the smallest that is enough, then the nearest.
    """
    rest, found = need.quantity, []
    fit = [
        goods for goods in there
        if goods.quantity > 0 and usable(goods.good_until_us, need.arrives_us, need.min_life_us, barred=goods.barred,
                                         expires=need.expires)
    ]  # fmt: skip
    for day in sorted({_day(goods) for goods in fit}):
        here = [goods for goods in fit if _day(goods) == day]
        while here and rest > 0:
            goods = _next(here, rest)
            here.remove(goods)
            taken = min(goods.quantity, rest)
            found.append(Taken(goods, taken))
            rest -= taken
    return found


def _day(goods: Goods) -> float:
    return float("inf") if goods.good_until_us is None else goods.good_until_us


def _next(here: Sequence[Goods], rest: Quantity) -> Goods:
    """The largest that is taken whole; where none is, the smallest, so that the fewest units are broken."""
    whole = [goods for goods in here if goods.quantity <= rest]
    if whole:
        return min(whole, key=lambda goods: (-goods.quantity, goods.walk_m, goods.place, goods.lot, goods.unit))
    return min(here, key=lambda goods: (bool(goods.unit), goods.quantity, goods.walk_m, goods.place, goods.lot))


def promised(
    on_hand: Quantity, receipts: Iterable[tuple[int, Quantity]], commitments: Iterable[tuple[int, Quantity]], at_us: int
) -> Quantity:
    """What can be promised for a moment without breaking a later promise: the least of all moments from then on.

    ATP(t) = min over τ ≥ t of what is on hand, received by τ, less what is promised by τ.

    >>> gives, takes = [(3, Quantity(50)), (7, Quantity(100))], [(2, Quantity(80)), (5, Quantity(60))]
    >>> [int(promised(Quantity(100), gives, takes, t)) for t in (0, 3, 7)]
    [10, 10, 110]
    """
    steps = [*receipts, *((at, -quantity) for at, quantity in commitments)]
    level = on_hand + sum((quantity for at, quantity in steps if at <= at_us), NONE)
    least = level
    for moment in sorted({at for at, _ in steps if at > at_us}):
        level += sum((quantity for at, quantity in steps if at == moment), NONE)
        least = min(least, level)
    return least
