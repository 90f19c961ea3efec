"""Goods go into bins: a bin takes them, or somebody says why they lie there all the same; then the ledger moves.

Statements are those of `store/queries/storing.sql` and `stock.sql`. Bins are locked first, in the order of their names,
so that two who fill one at once do not both find room.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from domain.refusal import CannotError
from domain.stock.bins import Goods, Limits, broken, goods_of, limits_of
from domain.stock.moves import Place
from domain.stock.quantities import Quantity
from domain.stock.units import UnitError
from operations.stock.decide import Told, products_of
from operations.stock.record import Recorded, record
from operations.unit_of_work import Script, Statement

STORED = frozenset({"receive", "put_away", "move", "unload", "return"})
"""Kinds of moves by which people put goods away; what sensors, EPCIS and files tell has happened."""
DECIDED = frozenset({"person", "program"})
NOW_US = 3600 * 10**6
"""What happened longer ago has happened: the bin of now says nothing about it."""


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
    limits, there = yield from _bin(target, rows[0]["key"])
    against = tuple(each.why for each in broken(limits, goods, there))
    if against and not told.reason:
        raise CannotError(f"bin: {'; '.join(against)}. Take another, or say reason to put it there all the same",
                          conflict=True)  # fmt: skip
    return Carried((yield from record([told], now_us, by)), against)


def take_in(given: Sequence[Told], now_us: int, by: str) -> Script[Recorded]:
    """Records moves, all or none; none that people make now into a bin that does not take the goods, without a reason.

    Goods of a batch that go into the same bin are looked at together, in their order.

    Raises:
        CannotError: a bin does not take them; or as `record` does.
    """
    stored = [each for each in given if _stored(each, now_us)]
    known = (
        {row["id"] for row in (yield Statement("moves_known", {"ids": [each.id for each in stored]}))} if stored else ()
    )
    wanted: dict[tuple[str, str], list[Told]] = {}
    for each in stored:
        if each.id not in known and each.target_place is not None:
            wanted.setdefault((each.target_place.site, each.target_place.bin), []).append(each)
    for (site, code), moves in sorted(wanted.items()):
        rows = yield Statement("lock_bin", {"site": site, "code": code})
        if not rows:
            continue  # the ledger says what there is not
        limits, there = yield from _bin(Place("site", site, "", code), rows[0]["key"])
        for each in moves:
            goods = yield from _goods(each)
            if found := broken(limits, goods, there):
                why = "; ".join(one.why for one in found)
                ways = "Take another, or say reason to put it there all the same"
                raise CannotError(f"move {each.id}: bin: {why}. {ways}", conflict=True)
            there.append(goods)
    return (yield from record(given, now_us, by))


def _stored(told: Told, now_us: int) -> bool:
    place = told.target_place
    into = place is not None and place.kind == "site" and place.bin != "" and place != told.source_place
    into = into and (told.at_us is None or told.at_us >= now_us - NOW_US)
    return into and told.kind in STORED and told.source in DECIDED and not told.reason and told.quantity > 0


def _bin(place: Place, key: int) -> Script[tuple[Limits, list[Goods]]]:
    asked = {"site": place.site, "zone": None, "codes": [place.bin], "limit": 1}
    limits = limits_of((yield Statement("bins_told", asked))[0])
    return limits, [goods_of(row) for row in (yield Statement("goods_in_bins", {"bins": [key]}))]


def _goods(told: Told) -> Script[Goods]:
    product = (yield from products_of([told.sku]))[told.sku]
    try:
        base: Quantity = product.units.to_base(told.quantity, told.unit or product.units.base)
    except UnitError as error:
        raise CannotError(str(error)) from None
    row = (yield Statement("goods_told", {"sku": told.sku}))[0]
    return goods_of({**row, "quantity": base, "lot": told.lot})
