"""Code 128 and GS1-128 (ISO/IEC 15417, GS1 General Specifications 5.4): text to bars."""

from __future__ import annotations

from itertools import accumulate

SEPARATOR = "\x1d"
"""FNC1 between an element of open length and the next one, as scanners type it."""
QUIET_MODULES = 10
START_B, START_C, TO_C, TO_B, FNC1, STOP = 104, 105, 99, 100, 102, 106
Way = tuple[int, tuple[int, ...]]
_TABLE = """
212222 222122 222221 121223 121322 131222 122213 122312 132212 221213 221312 231212 112232 122132 122231 113222
123122 123221 223211 221132 221231 213212 223112 312131 311222 321122 321221 312212 322112 322211 212123 212321
232121 111323 131123 131321 112313 132113 132311 211313 231113 231311 112133 112331 132131 113123 113321 133121
313121 211331 231131 213113 213311 213131 311123 311321 331121 312113 312311 332111 314111 221411 431111 111224
111422 121124 121421 141122 141221 112214 112412 122114 122411 142112 142211 241211 221114 413111 241112 134111
111242 121142 121241 114212 124112 124211 411212 421112 421211 212141 214121 412121 111143 111341 131141 114113
114311 411113 411311 113141 114131 311141 411131 211412 211214 211232 2331112
"""
_WIDTHS = tuple(_TABLE.split())


def fits(text: str) -> bool:
    """Whether all of it can stand in such a code: printable ASCII, and not nothing.

    >>> fits("MILK-1L"), fits("Käse"), fits("")
    (True, False, False)
    """
    return bool(text) and all(" " <= c <= "~" for c in text)


def codewords(text: str, *, gs1: bool = False) -> list[int]:
    """The shortest row of codewords from the start to the check character, without the stop.

    Of GS1 an element string: FNC1 stands first, and in the place of each `SEPARATOR`.

    Raises:
        ValueError: it holds what is no printable ASCII.

    >>> codewords("0012345678901234567", gs1=True)[:4]
    [105, 102, 0, 12]
    """
    if not fits(text.replace(SEPARATOR, "")):
        raise ValueError(f"{text[:40]!r} is not printable ASCII")
    symbols = ([SEPARATOR] if gs1 else []) + list(text)
    found = _shortest(symbols)
    return [*found, (found[0] + sum(place * value for place, value in enumerate(found[1:], 1))) % 103]


def _shortest(symbols: list[str]) -> list[int]:
    """From the end: the shortest way on from each place in set B and in set C."""
    cost = [(0, 0)] * (len(symbols) + 1)
    step: list[tuple[tuple[int, ...], tuple[int, ...]]] = [((), ())] * (len(symbols) + 1)
    for n in range(len(symbols) - 1, -1, -1):
        if symbols[n] == SEPARATOR:
            b: Way = (1 + cost[n + 1][0], (FNC1,))
            c: Way = (1 + cost[n + 1][1], (FNC1,))
        else:
            b = (1 + cost[n + 1][0], (ord(symbols[n]) - 32,))
            pair = "".join(symbols[n : n + 2])
            is_pair = len(pair) == 2 and pair.isdigit()
            c = (1 + cost[n + 2][1], (int(pair),)) if is_pair else (len(symbols) * 3, ())
        cost[n] = (min(b[0], 1 + c[0]), min(c[0], 1 + b[0]))
        step[n] = (b[1] if b[0] <= 1 + c[0] else (TO_C,), c[1] if c[0] <= 1 + b[0] else (TO_B,))
    is_c = cost[0][1] <= cost[0][0]
    found, n = [START_C if is_c else START_B], 0
    while n < len(symbols):
        taken = step[n][is_c]
        found += taken
        if taken == (TO_B if is_c else TO_C,):
            is_c = not is_c
            taken = step[n][is_c]
            found += taken
        n += 2 if is_c and taken != (FNC1,) else 1
    return found


def bars(text: str, *, gs1: bool = False) -> tuple[int, list[tuple[int, int]]]:
    """How many modules it is wide without its quiet zones, and where each bar begins and how wide it is.

    >>> bars("A")[0]
    46
    """
    widths = [int(w) for value in (*codewords(text, gs1=gs1), STOP) for w in _WIDTHS[value]]
    begins = list(accumulate(widths, initial=0))
    return begins[-1], list(zip(begins[:-1:2], widths[::2], strict=True))
