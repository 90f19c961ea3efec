"""Numbers written as text, read strictly: what `float` takes beyond them (1_000, ٤, inf, nan) is no measurement."""

from __future__ import annotations

import re

_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
TEXT_MAX = 64  # characters of a number


def decimal(text: str) -> float | None:
    """The number a text is, or None. ASCII digits, a decimal point, an exponent; blanks around it are nothing.

    >>> decimal(" -4.50 "), decimal("1e3"), decimal(".5")
    (-4.5, 1000.0, 0.5)
    >>> [decimal(t) for t in ("1_000", "٤.5", "4,5", "nan", "inf", "1e999", "", "0x10")]
    [None, None, None, None, None, None, None, None]
    """
    text = text.strip()
    if len(text) > TEXT_MAX or not _DECIMAL.fullmatch(text):
        return None
    value = float(text)
    return value if abs(value) != float("inf") else None
