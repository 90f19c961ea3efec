"""The one transaction of a recall: the lot is barred, what is promised of it ends, orders get other goods.

Statements are those of `store/queries/recalls.sql`, `orders.sql` and `availability.sql`. All orders are locked before
any product is, as whoever else gives goods does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from domain.refusal import CannotError
from operations.allocation.record import mend
from operations.orders.decide import opened_all
from operations.unit_of_work import Script, Statement

AT_ONCE = 100
"""So many orders get other goods in the same transaction; the others within a minute."""


class Recalled(NamedTuple):
    """What came of it; `new`: the lot was not recalled before."""

    new: bool
    reservations: tuple[str, ...] = ()
    orders: tuple[str, ...] = ()


def recall(lot: str, reason: str, now_us: int, by: str) -> Script[Recalled]:
    """Nothing of a lot is sent any more; told again it changes nothing.

    Raises:
        CannotError: there is no such lot.
    """
    rows = yield Statement("lot_locked", {"code": lot})
    if not rows:
        raise CannotError(f"there is no lot {lot}", missing=True)
    if rows[0]["recalled_at"] is not None:
        return Recalled(new=False)
    key = rows[0]["id"]
    yield Statement("set_recalled", {"lot": key, "by": by, "reason": reason})
    ended = yield Statement("end_reservations", {"lot": key, "by": by})
    names = [row["name"] for row in (yield Statement("orders_promised", {"lot": key, "limit": AT_ONCE}))]
    if names:
        yield from opened_all(names)
    changed = yield from _mended(names, now_us, by)
    return Recalled(new=True, reservations=tuple(row["id"] for row in ended), orders=changed)


def _mended(names: Sequence[str], now_us: int, by: str) -> Script[tuple[str, ...]]:
    done = {}
    for name in names:
        done[name] = yield from mend(name, now_us, by)
    return tuple(name for name in names if done[name].new)


def lift(lot: str) -> Script[bool]:
    """It may be sent again; False: it was not recalled. What was promised to others stays theirs.

    Raises:
        CannotError: there is no such lot.
    """
    rows = yield Statement("lot_locked", {"code": lot})
    if not rows:
        raise CannotError(f"there is no lot {lot}", missing=True)
    yield Statement("lift_recall", {"lot": rows[0]["id"]})
    return rows[0]["recalled_at"] is not None
