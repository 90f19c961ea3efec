"""Goods are carried into a bin: it takes them, or somebody says why they lie there all the same; then the ledger moves.

Statements are those of `store/queries/storing.sql` and `stock.sql`. The bin is locked first, so that two who fill it at
once do not both find room.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from domain.refusal import CannotError
from domain.stock.bins import Goods, broken, goods_of, limits_of
from domain.stock.quantities import Quantity
from domain.stock.units import UnitError
from operations.stock.decide import Told, products_of
from operations.stock.record import Recorded, record
from operations.unit_of_work import Script, Statement


class Carried(NamedTuple):
    """What was recorded, and the limits that were broken with a reason."""

    recorded: Recorded
    against: tuple[str, ...]


def carry(told: Told, now_us: int, by: str) -> Script[Carried]:
    """Records a move into a bin.

    Raises:
        CannotError: there is no such bin, or it does not take the goods and no reason is told; or the ledger refuses.
    """
    target = told.target_place
    assert target is not None  # noqa: S101 - for the type checker
    rows = yield Statement("lock_bin", {"site": target.site, "code": target.bin})
    if not rows:
        raise CannotError(f"bin: {target.site} has no {target.bin}; add it first")
    told = replace(told, target_place=target._replace(zone=rows[0]["zone"]))
    if (yield Statement("moves_known", {"ids": [told.id]})):
        return Carried((yield from record([told], now_us, by)), ())
    goods = yield from _goods(told)
    asked = {"site": target.site, "zone": None, "codes": [target.bin], "limit": 1}
    limits = limits_of((yield Statement("bins_told", asked))[0])
    there = [goods_of(row) for row in (yield Statement("goods_in_bins", {"bins": [rows[0]["key"]]}))]
    against = tuple(each.why for each in broken(limits, goods, there))
    if against and not told.reason:
        raise CannotError(f"bin: {'; '.join(against)}. Take another, or say reason to put it there all the same",
                          conflict=True)  # fmt: skip
    return Carried((yield from record([told], now_us, by)), against)


def _goods(told: Told) -> Script[Goods]:
    product = (yield from products_of([told.sku]))[told.sku]
    try:
        base: Quantity = product.units.to_base(told.quantity, told.unit or product.units.base)
    except UnitError as error:
        raise CannotError(str(error)) from None
    row = (yield Statement("goods_told", {"sku": told.sku}))[0]
    return goods_of({**row, "quantity": base, "lot": told.lot})
