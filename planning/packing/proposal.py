"""Which goods of an order go into which packaging: what fills one, then the rest; what goes nowhere, and why. Pure.

Nothing is guessed: goods whose size or mass nobody has told, and parts of pieces, are left to people.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from domain.stock.quantities import Quantity
from planning.packing import goods as packing
from planning.packing.cartons import Apart, pack, unfit
from planning.packing.goods import ITEMS_MAX, Carton, Item, PackingError, Size
from planning.packing.layers import stack

Cause = Literal[packing.Cause, "no_size", "no_mass", "part", "many"]


class Goods(NamedTuple):
    """So many of a product that lie together; `size_mm`, `mass_g` of one piece: None where nobody told."""

    name: str
    quantity: Quantity
    size_mm: Size | None
    mass_g: int | None
    temperature: str = ""
    apart: str = ""


class Packaging(NamedTuple):
    """A kind of packaging. A `pallet` is taken for what fills it, and for what no carton takes."""

    carton: Carton
    pallet: bool = False


class Filled(NamedTuple):
    """One packaging by its place in the list: how many of which goods are in it; `layers` of one product, if so."""

    packaging: int
    pieces: dict[int, int]
    mass_g: int
    volume_mm3: int
    layers: int = 0


class Unput(NamedTuple):
    """Goods by their place in the list that go nowhere, and why."""

    goods: int
    quantity: Quantity
    cause: Cause


@dataclass(frozen=True)
class Proposal:
    """All that is put somewhere, what goes nowhere, and the rules of standing apart that mattered."""

    filled: list[Filled] = field(default_factory=list)
    left: list[Unput] = field(default_factory=list)
    apart: list[frozenset[str]] = field(default_factory=list)


def propose(goods: Sequence[Goods], kinds: Sequence[Packaging], apart: Collection[frozenset[str]] = ()) -> Proposal:
    """Puts goods into packaging: each piece is in one, or is left with the reason."""
    found = Proposal()
    items: dict[int, Item] = {}
    pieces: Counter[int] = Counter()
    for n, each in enumerate(goods):
        whole = int(each.quantity)
        if each.size_mm is None or each.mass_g is None:
            found.left.append(Unput(n, each.quantity, "no_size" if each.size_mm is None else "no_mass"))
            continue
        if each.quantity > whole:
            found.left.append(Unput(n, each.quantity - whole, "part"))
        if whole:
            kind = frozenset({each.apart}) if each.apart else frozenset()
            items[n] = Item(each.name, each.size_mm, each.mass_g, each.temperature, kind)
            pieces[n] = whole
    for pallet in (True, False):
        found.filled.extend(_whole(items, pieces, kinds, apart, pallet=pallet))
    found.filled.extend(_laid(items, pieces, kinds, apart, found.left))
    found.apart.extend(_mattered(items, goods, apart))
    return found


def _mattered(items: dict[int, Item], goods: Sequence[Goods], apart: Apart) -> Iterable[frozenset[str]]:
    count: Counter[str] = Counter()
    for n, item in items.items():
        for kind in item.kinds:
            count[kind] += int(goods[n].quantity)
    return [rule for rule in apart if all(count[word] > (len(rule) == 1) for word in rule)]


def _whole(
    items: dict[int, Item], pieces: Counter[int], kinds: Sequence[Packaging], apart: Apart, *, pallet: bool
) -> Iterable[Filled]:
    """Packagings of one product in equal layers, as full as can be; takes their pieces off."""
    for n, item in items.items():
        if item.kinds in apart:  # not two of it
            continue
        full = [
            (found[0] * item.volume_mm3 / kind.carton.volume_mm3, -at, *found)
            for at, kind in enumerate(kinds)
            if kind.pallet == pallet and pieces[n] >= max(_at_least(item, kind.carton), 2)
            and unfit(item, [kind.carton]) is None and (found := _full(item, kind.carton))
        ]  # fmt: skip
        for _, at, boxes, layers in sorted(full, reverse=True):
            times, pieces[n] = divmod(pieces[n], boxes)
            for _ in range(times):
                yield Filled(-at, {n: boxes}, boxes * item.mass_g, boxes * item.volume_mm3, layers)


def _at_least(item: Item, carton: Carton) -> int:
    """Fewer pieces do not fill it, and need no better answer than rows: half of what rows and mass allow."""
    length, width, height = carton.size_mm
    rows = (
        max((length // a) * (width // b), (length // b) * (width // a)) * (height // c) for a, b, c in item.turned()
    )
    return (min(max(rows), carton.mass_max_g // max(item.mass_g, 1)) + 1) // 2


def _full(item: Item, carton: Carton) -> tuple[int, int] | None:
    """Most boxes, and in how many layers; None where it is one box, or not a layer may be in it."""
    length, width, height = carton.size_mm
    try:
        found = stack(item, length, width, height, carton.mass_max_g)
    except PackingError:
        return None
    each = len(found.layer)
    layers = min(found.layers, int(carton.volume_mm3 * carton.fill_max // (each * item.volume_mm3)))
    return (each * layers, layers) if each * layers > 1 else None


def _laid(
    items: dict[int, Item], pieces: Counter[int], kinds: Sequence[Packaging], apart: Apart, left: list[Unput]
) -> Iterable[Filled]:
    """Pieces in cartons and totes, and on pallets what no carton takes; adds to `left` what goes nowhere."""
    cartons = [kind.carton for kind in kinds]
    boxes = [n for n, kind in enumerate(kinds) if not kind.pallet]
    pallets = [n for n, kind in enumerate(kinds) if kind.pallet]
    turns: dict[bool, list[int]] = {True: [], False: []}
    room = ITEMS_MAX
    for n, item in items.items():
        if not pieces[n]:
            continue
        why = unfit(item, cartons)
        if why is not None:
            left.append(Unput(n, Quantity(pieces[n]), why[0]))
            continue
        now = min(pieces[n], room)
        room -= now
        if now < pieces[n]:
            left.append(Unput(n, Quantity(pieces[n] - now), "many"))
        turns[unfit(item, [cartons[at] for at in boxes]) is None].extend([n] * now)
    for those, turn in ((boxes, turns[True]), (pallets, turns[False])):
        for each in pack([items[n] for n in turn], [cartons[at] for at in those], apart).cartons:
            inside = Counter(turn[placed.item] for placed in each.placed)
            yield Filled(those[each.carton], dict(sorted(inside.items())), each.mass_g, each.volume_mm3)
