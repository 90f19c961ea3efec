r"""Numbers and truth values that a sender wrote as text: read when nothing is in doubt, else not.

`toFixed`, `printf` and forms in many tongues write `"-1.6"` (or a minus of print), `"4,5"`, `" 4.5 "`, `"4.5 °C"`. In
doubt are a comma in front of three digits (`1,250`: thousands?), `1_000`, `0x10`, `1e3` and `4C` (hexadecimal?), digits
of other scripts, `nan` and `inf`, a unit nobody here knows.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import Any, NamedTuple

from domain.units import UNITS

TEXT_MAX = 64  # characters of a number with its unit
NUMBERS_KEPT = 1_024
_PLAIN = re.compile(r"-?\d+(?:\.\d+)?", re.ASCII)
_NUMBER = re.compile(r"([+-]?)(\d+[.,]?\d*|[.,]\d+)(?:[eE]([+-]?)(\d{1,3}))?", re.ASCII)
_THOUSANDS = re.compile(r"[1-9]\d{0,2},\d{3}", re.ASCII)
_HEX_UNITS = frozenset("CcF")
_TRUTHS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
_OPEN = {"open": True, "opened": True, "closed": False, "close": False, "shut": False}


class Number(NamedTuple):
    """A number and the unit that was written behind it, a key of `domain.units.UNITS` or empty."""

    value: float
    unit: str = ""


def number(text: str) -> Number | None:
    r"""The number a text is, None when it is none or in doubt.

    >>> number("-1.6"), number("\N{MINUS SIGN}1,6 °C"), number("87%")
    (Number(value=-1.6, unit=''), Number(value=-1.6, unit='°C'), Number(value=87.0, unit='%'))
    >>> [number(t) for t in ("1,250", "1_000", "0x10", "1e3", "4C", "nan", "4.5 apples", "")]
    [None, None, None, None, None, None, None, None]
    """
    return None if len(text) > TEXT_MAX else _number(text)


@lru_cache(NUMBERS_KEPT)  # the text of a number is looked at several times on its way
def _number(text: str) -> Number | None:
    if _PLAIN.fullmatch(text):  # nearly always
        return Number(float(text))
    text = text.strip().replace("\N{MINUS SIGN}", "-", 1)
    match = _NUMBER.match(text)
    if match is None:
        return None
    sign, digits, exponent_sign, exponent = match.groups()
    rest = text[match.end() :]
    unit = rest.strip()
    is_hex = not sign and digits.isdigit()  # perhaps: hexadecimal digits have neither sign nor point
    if exponent and is_hex and not exponent_sign:
        return None
    if unit and (unit not in UNITS or (is_hex and rest in _HEX_UNITS)):
        return None
    if _THOUSANDS.fullmatch(digits):
        return None
    value = float(match[0].replace(",", "."))
    return Number(value, unit) if math.isfinite(value) else None


def truth(value: Any, *, of_door: bool = False) -> bool | None:
    """The truth value that a bool, 0, 1 or a word is; None: none, or in doubt. Doors may be `open` and `closed`.

    >>> truth("ON"), truth(0), truth("closed", of_door=True), truth("perhaps"), truth(2)
    (True, False, False, None, None)
    """
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return bool(value) if value in (0, 1) else None
    if isinstance(value, str) and len(value) <= TEXT_MAX:
        word = value.strip().lower()
        return _OPEN.get(word, _TRUTHS.get(word)) if of_door else _TRUTHS.get(word)
    return None


def as_number(value: Any) -> float | None:
    """A number, or the one without a unit that a text is; None for anything else. NaN stays NaN.

    >>> as_number("-1.6"), as_number(4), as_number(True), as_number("4 °C")
    (-1.6, 4, None, None)
    """
    if isinstance(value, str):
        found = number(value)
        return found.value if found is not None and not found.unit else None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def has_digits(text: str) -> bool:
    """Whether a text may be a measurement we do not understand, and not just a word such as `low`."""
    return any(c.isnumeric() for c in text)
