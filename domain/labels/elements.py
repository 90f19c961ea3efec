"""Element strings of GS1: application identifiers with their values, as bars carry them and as people read them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import quote

from domain.labels.code128 import SEPARATOR

Elements = Sequence[tuple[str, str]]
LINK = "https://id.gs1.org"
OF_FIXED_LENGTH = ("00", "01", "02", "11", "12", "13", "15", "16", "17", "20", "41")
"""The first two digits of identifiers behind whose values no separator is needed (GS1 General Specifications 7.8)."""
_OPEN_MAX = {"10": 20, "21": 20, "37": 8, "254": 20}
_82 = re.compile(r"[!-\"%-?A-Z_a-z]+")
IN_PATH = ("00", "01", "10", "21", "414", "254")


def element_data(elements: Elements) -> str:
    r"""What the bars carry, without the FNC1 at its beginning.

    >>> element_data([("01", "06414123456783"), ("10", "L-1"), ("21", "7")])
    '010641412345678310L-1\x1d217'
    """
    last = len(elements) - 1
    return "".join(
        f"{ai}{value}{'' if n == last or ai[:2] in OF_FIXED_LENGTH else SEPARATOR}"
        for n, (ai, value) in enumerate(elements)
    )


def readable(elements: Elements) -> str:
    """What stands below the bars.

    >>> readable([("01", "06414123456783"), ("10", "L-1")])
    '(01)06414123456783(10)L-1'
    """
    return "".join(f"({ai}){value}" for ai, value in elements)


def link_of(elements: Elements) -> str:
    """The GS1 Digital Link: keys and what is finer are its path, the rest its query.

    >>> link_of([("01", "06414123456783"), ("15", "270520"), ("10", "L-1")])
    'https://id.gs1.org/01/06414123456783/10/L-1?15=270520'
    """
    path = "".join(f"/{ai}/{quote(value, safe='')}" for ai, value in elements if ai in IN_PATH)
    query = "&".join(f"{ai}={quote(value, safe='')}" for ai, value in elements if ai not in IN_PATH)
    return f"{LINK}{path}{'?' if query else ''}{query}"


def may_stand(ai: str, value: str) -> bool:
    """Whether a value of open length may stand behind an identifier.

    >>> may_stand("10", "L-2291"), may_stand("10", "L" * 21), may_stand("254", "cold room")
    (True, False, False)
    """
    return len(value) <= _OPEN_MAX[ai] and _82.fullmatch(value) is not None
