"""Which cartons a list of things needs, and where each thing lies. Pure.

Things go one by one, the greatest first, into the lowest corner of a greatest free space that holds and carries them
(maximal spaces: Lai & Chan 1997, Computers & Industrial Engineering 32:115). Of the cartons there are, the smallest
that holds all that is left is taken, else the one that is filled best; of several orders of the things the one that
needs fewest cartons.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import NamedTuple

from planning.packing.goods import ITEMS_MAX, Carton, Cause, Item, Left, Packed, Packing, PackingError, Placed, Size

TRIED_MAX = 60
"""Of more things only the first order is tried."""
SUPPORT_MIN = 0.7
"""Share of its base on which a thing must lie."""
Space = tuple[int, int, int, int, int, int]
"""Both corners."""
Apart = Collection[frozenset[str]]
Fit = Callable[[list[int]], tuple[int, ...]]
FITS: tuple[Fit, ...] = (
    lambda left: (min(left[0], left[1]), max(left[0], left[1]), left[2]),
    lambda left: tuple(sorted(left)),
)
"""What is left beside, behind and above a thing in its space: the least first."""
ORDERS: tuple[Callable[[Item], tuple[int, ...]], ...] = (
    lambda item: (-item.volume_mm3, -max(item.size_mm)),
    lambda item: (-max(item.size_mm), -item.volume_mm3),
    lambda item: (min(item.size_mm) - max(item.size_mm), -item.volume_mm3),
)


class _Rules(NamedTuple):
    apart: Apart
    support_min: float
    fit: Fit


def pack(
    items: Sequence[Item], cartons: Sequence[Carton], apart: Apart = (), support_min: float = SUPPORT_MIN
) -> Packing:
    """All things that any carton takes, in cartons; the others with the reason.

    A carton holds things of one temperature class, and no two kinds that stand in one set of `apart`
    (`frozenset({"food", "acid"})`; a set of one word: not two things of it).

    Args:
        items: what is to be packed.
        cartons: the kinds of cartons, as many of each as are needed.
        apart: what may not stand together.
        support_min: share of its base on which each thing lies.

    Raises:
        PackingError: more things than can be packed at once.
    """
    if len(items) > ITEMS_MAX:
        raise PackingError(f"{len(items)} things are more than {ITEMS_MAX}; divide them by order")
    whys = {n: why for n, item in enumerate(items) if (why := unfit(item, cartons)) is not None}
    found: list[Packed] = []
    for temperature in sorted({item.temperature for item in items}):
        those = [n for n, item in enumerate(items) if item.temperature == temperature and n not in whys]
        few = len(those) <= TRIED_MAX
        tries: list[tuple[int, int, list[Packed]]] = []
        for n, (order, fit) in enumerate(itertools.product(ORDERS, FITS)):
            if few or not n:
                turn = sorted(those, key=lambda n, order=order: (*order(items[n]), n))  # type: ignore[misc]
                packed = _of_one_class(items, turn, cartons, _Rules(apart, support_min, fit))
                tries.append((len(packed), sum(cartons[each.carton].volume_mm3 for each in packed), packed))
        found += min(tries, key=lambda each: each[:2])[2]
    return Packing(found, [Left(n, *why) for n, why in whys.items()])


def unfit(item: Item, cartons: Sequence[Carton]) -> tuple[Cause, str] | None:
    """Why no carton takes it, in a word and in words; None: one does."""
    if not cartons:
        return "no_packaging", "there is no carton for it"
    right = [each for each in cartons if each.temperatures is None or item.temperature in each.temperatures]
    if not right:
        return "no_class", f"no carton is for {item.temperature or 'it'}"
    whole = [each for each in right if any(_goes_in(size, each.size_mm) for size in item.turned())]
    if not whole:
        return "too_big", "it is too big for every carton"
    if not any(item.mass_g <= each.mass_max_g for each in whole):
        return "too_heavy", "it is heavier than what a carton that is big enough takes"
    if not any(item.mass_g <= each.mass_max_g and _room(each) >= item.volume_mm3 for each in whole):
        return "too_full", "it fills a carton more than it may be filled"
    return None


def _goes_in(size: Size, into: Size) -> bool:
    return all(one <= other for one, other in zip(size, into, strict=True))


def _room(carton: Carton) -> float:
    return carton.volume_mm3 * carton.fill_max


def _of_one_class(items: Sequence[Item], those: list[int], cartons: Sequence[Carton], rules: _Rules) -> list[Packed]:
    found: list[Packed] = []
    while those:
        tries = []
        for n, carton in enumerate(cartons):
            if carton.temperatures is None or items[those[0]].temperature in carton.temperatures:
                packed = _filled(n, carton, items, those, rules)
                if packed.placed:
                    tries.append(packed)
        all_in = [each for each in tries if len(each.placed) == len(those)]
        if all_in:
            best = min(all_in, key=lambda each: cartons[each.carton].volume_mm3)
        else:
            best = max(tries, key=lambda each: (each.volume_mm3 / cartons[each.carton].volume_mm3, each.volume_mm3))
        found.append(best)
        inside = {each.item for each in best.placed}
        those = [n for n in those if n not in inside]
    return found


def _filled(number: int, carton: Carton, items: Sequence[Item], those: Iterable[int], rules: _Rules) -> Packed:
    """A carton with as many of the things as go in, one after another."""
    spaces: list[Space] = [(0, 0, 0, *carton.size_mm)]
    placed: list[Placed] = []
    mass, full = 0, 0
    refused: Item | None = None
    for n in those:
        item = items[n]
        if item == refused:  # one like it found no place, and nothing has come in since
            continue
        refused = item
        if mass + item.mass_g > carton.mass_max_g or full + item.volume_mm3 > _room(carton):
            continue
        if not _may_join(item, [items[each.item] for each in placed], rules.apart):
            continue
        where = _lowest(item, spaces, placed, rules.support_min, rules.fit)
        if where is None:
            continue
        new = Placed(n, *where)
        placed.append(new)
        refused = None
        mass, full = mass + item.mass_g, full + item.volume_mm3
        spaces = _without(spaces, new)
    return Packed(number, placed, mass, full)


def _may_join(item: Item, others: Iterable[Item], apart: Apart) -> bool:
    for rule in apart:
        mine = rule & item.kinds
        if not mine:
            continue
        theirs = rule if len(rule) == 1 else None
        for other in others:
            here = rule & other.kinds
            if here and (theirs is not None or len(mine | here) > 1):
                return False
    return True


def _lowest(
    item: Item, spaces: Iterable[Space], placed: Sequence[Placed], support_min: float, fit: Fit
) -> tuple[Size, Size] | None:
    """Corner and way to lie: lowest, then where it fits best."""
    best: tuple[tuple[int, ...], Size, Size] | None = None
    for space in spaces:
        for size in item.turned():
            left = [space[3 + k] - space[k] - size[k] for k in range(3)]
            if min(left) < 0:
                continue
            key = (space[2], *fit(left), space[0] + space[1], *size)
            corner = space[:3]
            if (best is None or key < best[0]) and _carried(corner, size, placed) >= support_min:
                best = key, corner, size
    return None if best is None else best[1:]


def _carried(corner: Size, size: Size, placed: Iterable[Placed]) -> float:
    """Share of the base that lies on the bottom, or on what is below."""
    x, y, z = corner
    if z == 0:
        return 1.0
    area = 0
    for each in placed:
        end = each.end_mm
        if end[2] == z:
            wide = min(x + size[0], end[0]) - max(x, each.at_mm[0])
            deep = min(y + size[1], end[1]) - max(y, each.at_mm[1])
            area += max(wide, 0) * max(deep, 0)
    return area / (size[0] * size[1])


def _without(spaces: Iterable[Space], new: Placed) -> list[Space]:
    """The greatest free spaces after something was placed."""
    low, high = new.at_mm, new.end_mm
    cut: set[Space] = set()
    for space in spaces:
        if any(high[k] <= space[k] or low[k] >= space[3 + k] for k in range(3)):
            cut.add(space)
            continue
        for k in range(3):
            if low[k] > space[k]:
                cut.add((*space[: 3 + k], low[k], *space[4 + k :]))  # type: ignore[arg-type]
            if high[k] < space[3 + k]:
                cut.add((*space[:k], high[k], *space[k + 1 :]))  # type: ignore[arg-type]
    return sorted(one for one in cut if not any(one != other and _holds(other, one) for other in cut))


def _holds(outer: Space, inner: Space) -> bool:
    return all(outer[k] <= inner[k] and outer[3 + k] >= inner[3 + k] for k in range(3))
