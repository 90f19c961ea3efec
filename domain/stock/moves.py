"""Moves of stock: what kinds there are, and between which places each goes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Literal, NamedTuple

Kind = Literal[
    "receive", "put_away", "move", "pick", "pack", "unpack", "load", "unload", "deliver", "return", "adjust", "count",
    "waste",
]  # fmt: skip
Entry = Literal["move", "reversal", "replacement"]
Source = Literal["person", "program", "sensor", "order", "epcis", "import"]
OUT_OF_ORDER: frozenset[str] = frozenset({"sensor", "epcis"})
"""What they tell may come before what it rests on: it is taken in, and somebody is to count."""

INNER = ("site", "vehicle")
OUTER = ("supplier", "customer", "waste", "adjustment")
WITH_REASON: frozenset[str] = frozenset({"adjust", "waste"})


class Place(NamedTuple):
    """Where goods are: by names, a site with perhaps a zone and a bin, or a vehicle; or outside."""

    kind: str
    site: str = ""
    zone: str = ""
    bin: str = ""
    vehicle: str = ""

    @property
    def inner(self) -> bool:
        """Whether goods there are ours to count."""
        return self.kind in INNER

    def __str__(self) -> str:
        if self.kind == "site":
            return "/".join(filter(None, (self.site, self.zone, self.bin)))
        return self.vehicle or self.kind


SUPPLIER, CUSTOMER, WASTE, ADJUSTMENT = map(Place, OUTER)

ENDS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "receive": (("supplier",), INNER),
    "put_away": (("site",), ("site",)),
    "move": (INNER, INNER),
    "pick": (("site",), ("site",)),
    "pack": (INNER, INNER),
    "unpack": (INNER, INNER),
    "load": (("site",), ("vehicle",)),
    "unload": (("vehicle",), ("site",)),
    "deliver": (INNER, ("customer",)),
    "return": (("customer", *INNER), (*INNER, "supplier")),
    "adjust": (("adjustment", *INNER), ("adjustment", *INNER)),
    "waste": (INNER, ("waste",)),
    "count": (INNER, INNER),
}
"""Of each kind: whence, whither."""


class MoveError(ValueError):
    """A move cannot be so, and how it can."""


def ends(kind: str, source: Place | None, target: Place | None) -> tuple[Place, Place]:
    """Both places of a move; one that goes without saying need not be said.

    Raises:
        MoveError: which place is missing or wrong.

    >>> [str(place) for place in ends("receive", None, Place("site", "dc-1", "dock"))]
    ['supplier', 'dc-1/dock']
    """
    wanted = dict(zip(("from", "to"), ENDS[kind], strict=True))
    said = dict(zip(("from", "to"), _understood(kind, source, target), strict=True))
    for side, place in said.items():
        if place is None:
            raise MoveError(f"{side}: {kind} needs a place: {' or '.join(wanted[side])}")
        if place.kind not in wanted[side]:
            raise MoveError(f"{side}: {kind} goes {side} {' or '.join(wanted[side])}, not {side} {place.kind}")
    first, second = said["from"], said["to"]
    assert first is not None  # noqa: S101 - for the type checker
    assert second is not None  # noqa: S101 - for the type checker
    if kind in ("return", "adjust") and first.inner == second.inner:
        raise MoveError(f"to: {kind} goes into our places or out of them; between them it is a move")
    if kind == "count" and first != second:
        raise MoveError("to: a count is of one place")
    return first, second


def _understood(kind: str, source: Place | None, target: Place | None) -> tuple[Place | None, Place | None]:
    """With the places that go without saying."""
    if kind in ("count", "pack", "unpack"):
        return source or target, target or source
    if kind == "return" and not (source and target):
        return source or CUSTOMER, target or SUPPLIER
    if kind == "adjust" and (source is None) != (target is None):
        return source or ADJUSTMENT, target or ADJUSTMENT
    first, second = ENDS[kind]
    only = [Place(names[0]) if len(names) == 1 and names[0] in OUTER else None for names in (first, second)]
    return source or only[0], target or only[1]


def units_of(kind: str, unit: str) -> tuple[str, str]:
    """The handling unit that goods were in, and that they are in then.

    Raises:
        MoveError: it needs one.

    >>> units_of("pack", "ROLL-7"), units_of("unpack", "ROLL-7"), units_of("move", "ROLL-7")
    (('', 'ROLL-7'), ('ROLL-7', ''), ('ROLL-7', 'ROLL-7'))
    """
    if kind in ("pack", "unpack") and not unit:
        raise MoveError(f"handling_unit: {kind} needs the unit that goods go {'into' if kind == 'pack' else 'out of'}")
    return "" if kind == "pack" else unit, "" if kind == "unpack" else unit


class Line(NamedTuple):
    """What has a number of its own: so much of a product, of a lot or of none, in a unit or loose, at a place."""

    place: int
    product: int
    lot: int
    """0: of no lot that anybody named."""
    unit: str


class Move(NamedTuple):
    """A move with keys in the place of names; times in microseconds since 1970."""

    id: str
    kind: str
    moved_at_us: int
    product: int
    lot: int
    source: int
    target: int
    from_unit: str
    to_unit: str
    quantity: Decimal
    entry: Entry = "move"
    corrects: str = ""
    known_at_us: int = 0

    @property
    def taken(self) -> Line:
        """Where it leaves."""
        return Line(self.source, self.product, self.lot, self.from_unit)

    @property
    def put(self) -> Line:
        """Where it comes to."""
        return Line(self.target, self.product, self.lot, self.to_unit)


class Change(NamedTuple):
    """What moves come to in one line."""

    line: Line
    delta: Decimal
    moved_at_us: int
    counted_at_us: int | None
    counted: Decimal | None
    first_us: int
    """When the first of them happened."""


NOTHING = Decimal(0)


def changes(moves: Iterable[Move], inner: Iterable[int]) -> list[Change]:
    """What moves come to in lines at places of our own, in the order in which all writers touch them."""
    ours = set(inner)
    found: dict[Line, Change] = {}
    for move in moves:
        if move.kind == "count":
            steps = [(move.put, NOTHING)]
        else:
            steps = [(move.taken, -move.quantity), (move.put, move.quantity)]
        for line, delta in steps:
            if line.place not in ours:
                continue
            before = found.get(line, Change(line, NOTHING, move.moved_at_us, None, None, move.moved_at_us))
            counted = before.counted_at_us, before.counted
            if move.kind == "count" and (before.counted_at_us or 0) <= move.moved_at_us:
                counted = move.moved_at_us, move.quantity
            span = min(before.first_us, move.moved_at_us), max(before.moved_at_us, move.moved_at_us)
            found[line] = Change(line, before.delta + delta, span[1], *counted, span[0])
    return [found[line] for line in sorted(found)]


def reversal(move: Move, name: str) -> Move:
    """The entry that takes a move back, at the time when it was said to have happened.

    Raises:
        MoveError: it is none that can be taken back.
    """
    if move.entry == "reversal":
        raise MoveError(f"{move.id} takes another move back; correct the one in its place")
    if move.kind == "count":
        raise MoveError(f"{move.id} is a count: what was seen then; count again")
    return move._replace(
        id=name,
        source=move.target,
        target=move.source,
        from_unit=move.to_unit,
        to_unit=move.from_unit,
        entry="reversal",
        corrects=move.id,
    )
