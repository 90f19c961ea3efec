"""Units of a product: its base unit, in which the ledger counts, and others that are so many of it, exactly."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import NamedTuple

from domain.stock.quantities import DIGITS, plain

DECIMALS_MAX = 9
QUANTITY_MAX = 10**12
UNIT = re.compile(r"[a-z][a-z0-9_-]{0,31}")
PIECE = "piece"
MEASURES: tuple[Mapping[str, Fraction], ...] = (
    {"kg": Fraction(1), "g": Fraction(1, 1000), "t": Fraction(1000)},
    {"l": Fraction(1), "ml": Fraction(1, 1000), "m3": Fraction(1000)},
)
"""Units that are so many of one another whatever the product."""


class UnitError(ValueError):
    """A quantity cannot be said so, and how it can."""


class Defined(NamedTuple):
    """One `name` is `quantity` of another unit."""

    name: str
    quantity: Fraction
    of: str


class Units(NamedTuple):
    """The base unit of a product, and how many of it each of its own units is."""

    base: str = PIECE
    own: Mapping[str, Fraction] = {}

    def factor(self, unit: str) -> Fraction:
        """How many base units one of a unit is.

        Raises:
            UnitError: the product is not counted in it.
        """
        if unit == self.base:
            return Fraction(1)
        if unit in self.own:
            return self.own[unit]
        for measure in MEASURES:
            if unit in measure and self.base in measure:
                return measure[unit] / measure[self.base]
        known = ", ".join([self.base, *sorted(self.own)])
        raise UnitError(f"unit: {unit} is none of this product; it has {known}: say how many {self.base} one is")

    def to_base(self, quantity: Decimal, unit: str) -> Decimal:
        """So much of a unit in base units, exactly.

        Raises:
            UnitError: no decimal number of base units is as much, or it is too much.

        >>> Units("piece", {"case": Fraction(12)}).to_base(Decimal("1.5"), "case")
        Decimal('18')
        >>> Units("kg").to_base(Decimal(250), "g")
        Decimal('0.25')
        """
        found = Fraction(quantity) * self.factor(unit)
        if abs(found) > QUANTITY_MAX:
            raise UnitError(f"quantity: {quantity} {unit} is more than {QUANTITY_MAX:.0e} {self.base}")
        exact = decimal(found)
        if exact is None:
            raise UnitError(f"quantity: {quantity} {unit} is no exact number of {self.base}; say it in {self.base}")
        return exact

    def of_base(self, quantity: Decimal, unit: str) -> Decimal | None:
        """So many base units in a unit; None: no decimal number of it is as much.

        >>> Units("piece", {"case": Fraction(12)}).of_base(Decimal(18), "case")
        Decimal('1.5')
        """
        return decimal(Fraction(quantity) / self.factor(unit))


def decimal(value: Fraction) -> Decimal | None:
    """The decimal number that is exactly as much; None: there is none of at most nine decimals.

    >>> decimal(Fraction(1, 8)), decimal(Fraction(1, 3))
    (Decimal('0.125'), None)
    """
    scaled = value * 10**DECIMALS_MAX
    if scaled.denominator != 1:
        return None
    with localcontext() as context:
        context.prec = DIGITS
        found = Decimal(scaled.numerator).scaleb(-DECIMALS_MAX)
        return plain(found)


def in_ratio(quantity: Decimal, numerator: Decimal, denominator: Decimal) -> Decimal | None:
    """So many for so many, exactly; None: it is no decimal number.

    >>> in_ratio(Decimal(6), Decimal(1), Decimal(3)), in_ratio(Decimal(1), Decimal(1), Decimal(3))
    (Decimal('2'), None)
    """
    return decimal(Fraction(quantity) * Fraction(numerator) / Fraction(denominator))


def define(base: str, told: Sequence[Defined]) -> Units:
    """Units as somebody says them, each by any other: a case is 12 pieces, a pallet 60 cases.

    Raises:
        UnitError: which of them contradicts the others, and how.

    >>> define("piece", [Defined("pallet", Fraction(60), "case"), Defined("case", Fraction(12), "piece")]).own["pallet"]
    Fraction(720, 1)
    """
    by_name = {each.name: each for each in told}
    if len(by_name) != len(told) or base in by_name:
        raise UnitError("units: each unit once, and not the base unit")
    own: dict[str, Fraction] = {}

    def resolve(name: str, way: tuple[str, ...]) -> Fraction:
        if name in own:
            return own[name]
        if name in way:
            raise UnitError(f"units: {' is so many '.join((*way, name))}: say one of them in {base}")
        each = by_name.get(name)
        if each is None:
            return Units(base).factor(name)
        own[name] = each.quantity * resolve(each.of, (*way, name))
        return own[name]

    for each in told:
        _check(base, each)
        resolve(each.name, ())
    return Units(base, own)


def _check(base: str, each: Defined) -> None:
    for name in (each.name, each.of):
        if UNIT.fullmatch(name) is None:
            raise UnitError(f"units: {name!r} is no name of a unit: a-z, 0-9, - and _, 32 at most")
    if each.quantity <= 0:
        raise UnitError(f"units: one {each.name} is more than nothing")
    if any(each.name in measure and base in measure for measure in MEASURES):
        raise UnitError(f"units: how many {base} one {each.name} is, is known of every product")


def of_texts(units: Mapping[str, Sequence[str]]) -> dict[str, Fraction]:
    """Units as the store has them: numerator and denominator in digits.

    >>> of_texts({"case": ["12", "1"]})
    {'case': Fraction(12, 1)}
    """
    return {name: Fraction(n) / Fraction(d) for name, (n, d) in units.items()}
