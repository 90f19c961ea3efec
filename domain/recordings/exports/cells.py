"""What one cell of a table may hold: a date, a time of day, a number with or without its unit."""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from domain.numbers import decimal

ORDERS = ("dmy", "mdy", "ymd")
EMPTY = frozenset(
    {"", "-", "--", "---", "--.-", "--,-", "n/a", "na", "nan", "nc", "ol", "err", "error", "null", "none"}
)
"""What loggers write where they measured nothing."""
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NUMERIC_DATE = r"(?P<a>\d{1,4})(?P<sep>[./-])(?P<b>\d{1,2})(?P=sep)(?P<c>\d{4}|\d{1,2})\.?"
_DAY_MONTH = r"(?P<nd>\d{1,2})[ .-]*(?P<nm>[A-Za-z]{3,9})[ .,-]*(?P<ny>\d{4}|\d\d)"
_MONTH_DAY = r"(?P<mm>[A-Za-z]{3,9})[ .-]*(?P<md>\d{1,2}),? +(?P<my>\d{4})"
_DATE = f"(?:{_NUMERIC_DATE}|{_DAY_MONTH}|{_MONTH_DAY})"
_HALF = r"(?P<half>[AaPp]\.?[Mm]\.?|上午|下午)"
_CLOCK = (
    r"(?:(?P<early>上午|下午) *)?(?P<h>\d{1,2})(?P<colon>[:.])(?P<m>\d\d)(?:(?P=colon)(?P<s>\d\d)(?:[.,]\d{1,6})?)?"
    rf"(?: *{_HALF})?"
)
_OFFSET = r"(?: ?(?P<zone>Z|UTC|GMT)?(?P<offset>[+-]\d\d:?\d\d)?)?"
_DATETIME = re.compile(rf"{_DATE}(?:[T ,] *)(?P<clock>{_CLOCK}){_OFFSET}", re.ASCII)
_DATE_ONLY = re.compile(_DATE, re.ASCII)
_TIME_ONLY = re.compile(rf"(?P<clock>{_CLOCK}){_OFFSET}", re.ASCII)
_NUMBER = re.compile(r"(?P<value>[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)) *(?P<unit>°?[CFK]|℃|℉|%(?: ?RH)?)?")
_MINUS = str.maketrans({"\u2212": "-", "\u2013": "-", "\u00a0": " ", "\u202f": " "})


class Written(NamedTuple):
    """A date as it is written: its three numbers, what stands between them, and the order the writing itself tells."""

    parts: tuple[str, str, str]
    sep: str
    order: str = ""


class Clock(NamedTuple):
    """A time of day as it is written; `half` is am, pm or nothing."""

    hour: int
    minute: int
    second: int
    half: str = ""
    offset_min: int | None = None


class Stamp(NamedTuple):
    """Date and time of one cell."""

    date: Written
    clock: Clock


class Number(NamedTuple):
    """Digits with their mark as it is written, and the unit behind them."""

    text: str
    mark: str
    unit: str


def plain(text: str) -> str:
    """A cell without what word processors make of blanks and minus signs."""
    return text.translate(_MINUS).strip()


@lru_cache(maxsize=4096)
def stamp(text: str) -> Stamp | None:
    """Date and time in one cell.

    >>> found = stamp("02/01/2026 1:05 PM")
    >>> found.date.parts, found.clock.half
    (('02', '01', '2026'), 'pm')
    """
    match = _DATETIME.fullmatch(plain(text))
    if match is None:
        return None
    written, clock = _written(match), _clock(match)
    return None if written is None or clock is None else Stamp(written, clock)


@lru_cache(maxsize=4096)
def day(text: str) -> Written | None:
    """A date alone.

    >>> day("2026-01-02").order, day("2 Jan 2026").parts
    ('ymd', ('2026', '1', '2'))
    """
    match = _DATE_ONLY.fullmatch(plain(text))
    return None if match is None else _written(match)


@lru_cache(maxsize=4096)
def clock(text: str) -> Clock | None:
    """A time of day alone; 4.50 is a number, 10.05.00 a time.

    >>> clock("10:05"), clock("4.50")
    (Clock(hour=10, minute=5, second=0, half='', offset_min=None), None)
    """
    match = _TIME_ONLY.fullmatch(plain(text))
    if match is None or (match["colon"] == "." and not match["s"]):
        return None
    return _clock(match)


def number(text: str) -> Number | None:
    """A number.

    >>> number("-4,5 °C"), number("12")
    (Number(text='-4,5', mark=',', unit='C'), Number(text='12', mark='', unit=''))
    """
    match = _NUMBER.fullmatch(plain(text))
    if match is None:
        return None
    value = match["value"]
    mark = "," if "," in value else "." if "." in value else ""
    unit = (match["unit"] or "").replace("℃", "C").replace("℉", "F").lstrip("°")
    return Number(value, mark, unit[:1])


def value_of(found: Number, mark: str) -> float | None:
    """The number, when it is written with that decimal mark or without one."""
    if found.mark and found.mark != mark:
        return None
    return decimal(found.text.replace(",", "."))


def is_empty(text: str) -> bool:
    """Whether a logger says by it that there is no value."""
    return plain(text).lower() in EMPTY


def orders_of(written: Written) -> frozenset[str]:
    """The orders in which it is a date."""
    possible = (written.order,) if written.order else ORDERS
    return frozenset(order for order in possible if date_of(written, order) is not None)


@lru_cache(maxsize=4096)
def date_of(written: Written, order: str) -> date | None:
    """The day, read in that order (where the writing tells its own, in that)."""
    order = written.order or order
    parts = dict(zip(order, written.parts, strict=True))
    if len(parts["y"]) not in (2, 4) or len(parts["d"]) > 2 or len(parts["m"]) > 2:
        return None
    year = int(parts["y"]) + (2000 if len(parts["y"]) == 2 else 0)
    try:
        return date(year, int(parts["m"]), int(parts["d"]))
    except ValueError:
        return None


def hour_of(found: Clock) -> int | None:
    """The hour of the day, with AM and PM taken into account."""
    if not found.half:
        return found.hour
    if not 1 <= found.hour <= 12:
        return None
    return found.hour % 12 + (12 if found.half == "pm" else 0)


def _written(match: re.Match[str]) -> Written | None:
    if match["a"] is not None:
        order = "ymd" if len(match["a"]) == 4 else ""
        if len(match["a"]) == 3 or (order and len(match["c"]) == 4):
            return None
        return Written((match["a"], match["b"], match["c"]), match["sep"], order)
    name = (match["nm"] or match["mm"]).lower()[:3]
    if name not in _MONTHS:
        return None
    day_, year = match["nd"] or match["md"], match["ny"] or match["my"]
    year = f"20{year}" if len(year) == 2 else year
    return Written((year, str(_MONTHS.index(name) + 1), day_), " ", "ymd")


def _clock(match: re.Match[str]) -> Clock | None:
    hour, minute, second = int(match["h"]), int(match["m"]), int(match["s"] or 0)
    if hour > 23 or minute > 59 or second > 59:
        return None
    half = (match["early"] or match["half"] or "").replace("上午", "a").replace("下午", "p").lower()
    offset = match["offset"]
    offset_min: int | None = 0 if match["zone"] else None
    if offset:
        digits = offset[1:].replace(":", "")
        offset_min = (int(digits[:2]) * 60 + int(digits[2:])) * (-1 if offset[0] == "-" else 1)
    return Clock(hour, minute, second, f"{half[0]}m" if half else "", offset_min)
