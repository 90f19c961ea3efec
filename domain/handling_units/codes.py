"""What a handling unit is called: a serial shipping container code (SSCC, 18 digits) of GS1, or a code of one's own."""

from __future__ import annotations

import re

from domain.epc import check_digit

SSCC_DIGITS = 18
_OWN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_WRITTEN = re.compile(r"(?:\(00\)|00(?=[0-9]{18}$))?([0-9][0-9 ]*[0-9])")


def unit_code(text: str) -> str:
    """The code as it is kept: digits of an SSCC without blanks and without the `(00)` before it, another one as it is.

    Raises:
        ValueError: what is wrong with it.

    >>> unit_code("(00) 1 0614141 192837465 7"), unit_code("ROLL-7")
    ('106141411928374657', 'ROLL-7')
    >>> unit_code("106141411928374658")
    Traceback (most recent call last):
    ...
    ValueError: the check digit of SSCC 106141411928374658 is not 7
    """
    plain = text.strip()
    written = _WRITTEN.fullmatch(plain.replace("(00) ", "(00)"))
    digits = written.group(1).replace(" ", "") if written else ""
    if len(digits) == SSCC_DIGITS:
        if (right := check_digit(digits[:-1])) != int(digits[-1]):
            raise ValueError(f"the check digit of SSCC {digits} is not {right}")
        return digits
    if plain.startswith("(00)"):
        raise ValueError(f"an SSCC has {SSCC_DIGITS} digits, {plain[4:].strip()[:40]} has {len(digits)}")
    return own_code(plain)


def own_code(text: str) -> str:
    """A code of one's own, of a unit or a lot.

    Raises:
        ValueError: it is none.
    """
    if _OWN.fullmatch(text) is None:
        raise ValueError("a code is letters, digits, '-', '_' and '.', 64 at most")
    return text


def is_sscc(code: str) -> bool:
    """Whether a code that is kept is an SSCC.

    >>> is_sscc("106141411928374657"), is_sscc("ROLL-7")
    (True, False)
    """
    return len(code) == SSCC_DIGITS and code.isdecimal() and check_digit(code[:-1]) == int(code[-1])
