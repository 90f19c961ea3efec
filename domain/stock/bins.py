"""What goes into a bin: its limits, what lies there, and what may lie there besides. Pure.

What nobody has said is no limit; what of goods is not known (their size, their mass) is not counted, and said.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, get_args

from domain.vehicles import TempClass

Kind = Literal["reserve", "pick_face", "floor", "stage", "receiving", "quarantine"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Mixing = Literal["any", "product", "lot"]
"""What may lie in a bin at once: anything, one product, one lot of it."""
MIXINGS: tuple[Mixing, ...] = get_args(Mixing)
STORED: frozenset[Kind | None] = frozenset({None, "reserve", "pick_face", "floor"})
"""Where goods are kept; a bin of which nobody has said what it is for is one."""


class Limits(NamedTuple):
    """What a bin takes; None: nobody has said. `temp_class`: its own, else its zone's."""

    code: str
    kind: Kind | None = None
    volume_m3: float | None = None
    load_kg: float | None = None
    pallets: int | None = None
    height_mm: int | None = None
    temp_class: TempClass | None = None
    mixing: Mixing = "any"
    face_of: str | None = None
    face_full: float | None = None


class Goods(NamedTuple):
    """So many base units of a lot; of one of them volume, mass and height, and how many are on a pallet."""

    sku: str
    quantity: float
    lot: str = ""
    m3: float | None = None
    kg: float | None = None
    height_mm: int | None = None
    per_pallet: float | None = None
    temp_class: TempClass | None = None
    apart: str = ""


class Broken(NamedTuple):
    """A limit that goods would break; the word of the limit, and why, to be said to a person."""

    limit: str
    why: str


class Filled(NamedTuple):
    """What lies in a bin together; `unknown`: of these products size or mass is not known, and not counted."""

    m3: float
    kg: float
    pallets: int
    unknown: tuple[str, ...]


def filled(there: Sequence[Goods]) -> Filled:
    """What goods come to. A pallet that is begun is a pallet.

    >>> filled([Goods("MILK", 90, m3=0.001, kg=1, per_pallet=60), Goods("HERB", 5, kg=0.1)])
    Filled(m3=0.09, kg=90.5, pallets=2, unknown=('HERB',))
    """
    unknown = {each.sku for each in there if each.m3 is None or each.kg is None}
    return Filled(
        sum(each.quantity * (each.m3 or 0.0) for each in there),
        sum(each.quantity * (each.kg or 0.0) for each in there),
        sum(_pallets(each.quantity, each) for each in there),
        tuple(sorted(unknown)),
    )


def broken(limits: Limits, goods: Goods, there: Sequence[Goods]) -> list[Broken]:
    """What is against putting goods beside what lies there; nothing: they may lie there."""
    now = filled(there)
    found = [*_kept_there(limits, goods), *_beside(limits, goods, there)]
    if limits.height_mm is not None and goods.height_mm is not None and goods.height_mm > limits.height_mm:
        found.append(Broken("height", f"it is {goods.height_mm} mm high, {limits.code} takes {limits.height_mm} mm"))
    for limit, most, there_is, more, unit in (
        ("volume", limits.volume_m3, now.m3, goods.quantity * (goods.m3 or 0.0), "m3"),
        ("load", limits.load_kg, now.kg, goods.quantity * (goods.kg or 0.0), "kg"),
        ("pallets", limits.pallets, now.pallets, _more_pallets(goods, there), "pallets"),
    ):
        if most is not None and more > 0 and there_is + more > most * (1 + 1e-9):
            has = f"{limits.code} is full: it takes {most:.6g} {unit}, {there_is:.3g} lie there"
            found.append(Broken(limit, f"{has}, {more:.3g} would come"))
    if limits.face_full is not None and limits.face_of == goods.sku:
        lies = sum(each.quantity for each in there if each.sku == goods.sku)
        if lies + goods.quantity > limits.face_full:
            full = f"{limits.code} is full with {limits.face_full:g} of {goods.sku}, {lies:g} lie there"
            found.append(Broken("face", f"{full}, {goods.quantity:g} would come"))
    return found


def room(limits: Limits, goods: Goods, there: Sequence[Goods]) -> float:
    """How many base units of goods still go in, whatever `goods.quantity` is; infinitely many where nothing limits it.

    >>> room(Limits("A-1", load_kg=100), Goods("MILK", 1, kg=3), [Goods("MILK", 10, kg=3)])
    23
    """
    if broken(limits, goods._replace(quantity=0.0, height_mm=goods.height_mm), there):
        return 0
    now, most = filled(there), math.inf
    for limit, used, each in (
        (limits.volume_m3, now.m3, goods.m3), (limits.load_kg, now.kg, goods.kg),
    ):  # fmt: skip
        if limit is not None and each:
            most = min(most, (limit - used) / each)
    if limits.pallets is not None and goods.per_pallet:
        lies = _same(goods, there)
        begun = _pallets(lies, goods) * goods.per_pallet - lies
        most = min(most, (limits.pallets - now.pallets) * goods.per_pallet + begun)
    if limits.face_full is not None and limits.face_of == goods.sku:
        most = min(most, limits.face_full - sum(each.quantity for each in there if each.sku == goods.sku))
    return most if math.isinf(most) else max(math.floor(most + 1e-9), 0)


def _kept_there(limits: Limits, goods: Goods) -> list[Broken]:
    found = []
    if limits.temp_class and goods.temp_class and limits.temp_class != goods.temp_class:
        found.append(
            Broken("temp_class", f"{goods.sku} is kept {goods.temp_class}, {limits.code} is {limits.temp_class}")
        )
    if limits.face_of and limits.face_of != goods.sku:
        found.append(Broken("face", f"{limits.code} is the pick face of {limits.face_of}"))
    return found


def _beside(limits: Limits, goods: Goods, there: Sequence[Goods]) -> list[Broken]:
    lying = [each for each in there if each.quantity > 0]
    other = next((each for each in lying if each.sku != goods.sku), None)
    if limits.mixing != "any" and other is not None:
        return [Broken("mixing", f"{limits.code} takes one product, {other.sku} lies there")]
    lot = next((each for each in lying if each.sku == goods.sku and each.lot != goods.lot), None)
    if limits.mixing == "lot" and lot is not None:
        return [Broken("mixing", f"{limits.code} takes one lot, {lot.lot or 'no lot'} lies there")]
    foe = next((each for each in lying if each.apart and goods.apart and each.apart != goods.apart), None)
    if foe is not None:
        return [Broken("apart", f"{goods.sku} ({goods.apart}) may not lie with {foe.sku} ({foe.apart})")]
    return []


def _same(goods: Goods, there: Sequence[Goods]) -> float:
    return sum(each.quantity for each in there if (each.sku, each.lot) == (goods.sku, goods.lot))


def _more_pallets(goods: Goods, there: Sequence[Goods]) -> int:
    """Pallets that come besides: what goes on one that is begun needs none."""
    lies = _same(goods, there)
    return _pallets(lies + goods.quantity, goods) - _pallets(lies, goods)


def _pallets(quantity: float, goods: Goods) -> int:
    return math.ceil(quantity / goods.per_pallet - 1e-9) if goods.per_pallet and quantity > 0 else 0


def limits_of(row: Mapping[str, Any]) -> Limits:
    """From a row of `bins_told`."""
    full = row["face_full"]
    return Limits(
        row["code"], row["kind"], row["volume_m3"], row["load_kg"], row["pallets"], row["height_mm"],
        row["temp_class"], row["mixing"], row["face_of"], None if full is None else float(full),
    )  # fmt: skip


def goods_of(row: Mapping[str, Any]) -> Goods:
    """From a row of `goods_in_bins` or `goods_told`."""
    per = row["per_pallet"]
    return Goods(
        row["sku"], float(row["quantity"]), row["lot"] or "", row["m3"], row["kg"], row["height_mm"],
        None if per is None else float(per), row["temp_class"], row["apart"],
    )  # fmt: skip
