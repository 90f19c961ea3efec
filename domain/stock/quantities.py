"""Quantities: decimal numbers, never floats."""

from __future__ import annotations

from decimal import Decimal, localcontext

Quantity = Decimal
DIGITS = 60


def plain(value: Decimal) -> Decimal:
    """Without zeros behind, and without an exponent.

    >>> plain(Decimal("12.500")), plain(Decimal("1E+2")), plain(Decimal("-0.0"))
    (Decimal('12.5'), Decimal('100'), Decimal('0'))
    """
    with localcontext() as context:
        context.prec = DIGITS
        found = value.normalize()
        return (found.quantize(Decimal(1)) if found == found.to_integral() else found) + 0


def text_of(value: Decimal) -> str:
    """As it is written.

    >>> text_of(Decimal("1E+2")), text_of(Decimal("0.50"))
    ('100', '0.5')
    """
    return f"{plain(value):f}"


def number(value: Decimal | None) -> float | None:
    """As JSON has it: exact up to 15 digits.

    >>> number(Decimal("999999999.999999")), number(None)
    (999999999.999999, None)
    """
    return None if value is None else float(value)
