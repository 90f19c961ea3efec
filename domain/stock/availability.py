"""What can be promised of a product: usable on hand, less what is reserved, more what is sure to come in time."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from domain.stock.moves import NOTHING


class Held(NamedTuple):
    """So much of a lot at a site, or on a vehicle on its way."""

    quantity: Decimal
    best_before_us: int | None = None
    failed: bool = False
    """Its cold chain did: it is there, and not to be used."""
    arrives_by_us: int | None = None
    """On a vehicle: when it is at the site that is asked about, nine times in ten; None: nobody can say."""
    in_transit: bool = False


class Available(NamedTuple):
    """Figures of one product at one moment."""

    on_hand: Decimal
    expired: Decimal
    failed: Decimal
    usable: Decimal
    in_transit: Decimal
    arriving: Decimal
    reserved: Decimal
    available: Decimal


def available(held: Iterable[Held], reserved: Decimal, at_us: int) -> Available:
    """What can be promised for a moment: at p90 of arrivals, without what has expired by then or failed.

    >>> coming = Held(Decimal(6), arrives_by_us=9, in_transit=True)
    >>> some = [Held(Decimal(10)), Held(Decimal(4), best_before_us=5), coming]
    >>> available(some, Decimal(3), 8).available, available(some, Decimal(3), 9).available
    (Decimal('7'), Decimal('13'))
    """
    on_hand = expired = failed = in_transit = arriving = NOTHING
    for each in held:
        late = each.best_before_us is not None and each.best_before_us <= at_us
        if each.in_transit:
            in_transit += each.quantity
            sure = each.arrives_by_us is not None and each.arrives_by_us <= at_us
            arriving += each.quantity if sure and not (late or each.failed) else NOTHING
            continue
        on_hand += each.quantity
        failed += each.quantity if each.failed else NOTHING
        expired += each.quantity if late and not each.failed else NOTHING
    usable = on_hand - expired - failed
    return Available(on_hand, expired, failed, usable, in_transit, arriving, reserved, usable - reserved + arriving)
