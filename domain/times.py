"""Instants as microseconds since 1970-01-01 UTC, and their text."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
US = timedelta(microseconds=1)
SPAN_MAX = timedelta(days=31)
"""What may be asked at once."""
_WRITTEN = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)? ?([Zz]|[+-]\d\d:?\d\d)?", re.ASCII
)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_NUMERIC = re.compile(r"[+-]?\d+(\.\d*)?", re.ASCII)
_SINCE_1970 = {"seconds": 1, "milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}
_PLAUSIBLE_S = (1_000_000_000, 4_200_000_000)  # from 2001 to 2103; no two units have a number in common


def to_us(instant: datetime) -> int:
    """Microseconds of an aware datetime.

    >>> to_us(datetime(2000, 1, 1, tzinfo=UTC))
    946684800000000
    """
    if instant.tzinfo is None:
        raise ValueError("a time without an offset: add Z or +hh:mm")
    return (instant - EPOCH) // US


def from_us(us: int) -> datetime:
    """Aware datetime of microseconds."""
    return EPOCH + timedelta(microseconds=int(us))


def span(
    since: datetime | None, until: datetime | None, *, now: datetime, length: timedelta = timedelta(days=1)
) -> tuple[datetime, datetime]:
    """A span in UTC from what was asked for; as long as `length` and up to `now` when nothing was.

    Raises:
        ValueError: it ends before it begins or is longer than 31 days.
    """
    until = until or now
    try:
        since = since or until - length
        asked = until - since
    except OverflowError:
        raise ValueError("from, to: out of range") from None
    if asked < timedelta(0):
        raise ValueError("from: later than to")
    if asked > SPAN_MAX:
        raise ValueError("from, to: at most 31 days at once")
    return since.astimezone(UTC), until.astimezone(UTC)


def written(text: str) -> datetime:
    """The moment of a date and a time of day as RFC 3339 and ISO 8601 write them; naive when there is no offset.

    Seconds may be missing; a leap second is the second after it. Other things ISO 8601 allows (weeks, days of the year,
    no separators, a date alone) are refused: no device or person means them here.

    >>> written("2026-11-22 10:00+02:00").isoformat(), written("2016-12-31T23:59:60Z").isoformat()
    ('2026-11-22T10:00:00+02:00', '2017-01-01T00:00:00+00:00')

    Raises:
        ValueError: says what is wrong with it.
        TypeError: it is no text.
    """
    if not isinstance(text, str):
        raise TypeError("a time is a text")
    text = text.strip()
    match = _WRITTEN.fullmatch(text)
    if match is None:
        if _DATE.fullmatch(text):
            raise ValueError(f"{text!r} is a date without a time of day: write {text}T10:00:00Z")
        if _NUMERIC.fullmatch(text):
            raise ValueError(f"{text[:40]!r} is a number, not a time: write 2026-11-22T10:00:00Z")
        raise ValueError(f"{text[:40]!r} is not a time: write 2026-11-22T10:00:00Z")
    day, minute, second, fraction, offset = match.groups()
    leap = second == "60"
    offset = (offset or "").upper()
    try:
        moment = datetime.fromisoformat(
            f"{day}T{minute}:{'59' if leap else second or '00'}.{(fraction or '0')[:6]:0<6}{offset}"
        )
        return moment + timedelta(seconds=1) if leap else moment
    except (ValueError, OverflowError):
        raise ValueError(f"{text[:40]!r} is not a time: there is no such day or time of day") from None


def parse_rfc3339(text: str) -> int:
    """Microseconds of an RFC 3339 time with an offset.

    >>> parse_rfc3339("1970-01-01T02:00:01+02:00")
    1000000

    Raises:
        ValueError: not a time, or without an offset.
    """
    return to_us(written(text))


def unit_since_1970(value: float) -> str:
    """What a number of this size most likely counts since 1970; empty when it is no time of this century.

    >>> unit_since_1970(1_795_823_158), unit_since_1970(1_795_823_158_000_000), unit_since_1970(188)
    ('seconds', 'microseconds', '')
    """
    low, high = _PLAUSIBLE_S
    return next((unit for unit, factor in _SINCE_1970.items() if low * factor <= value < high * factor), "")


def unit_advice(value: float, wanted: str, name: str = "t") -> str:
    """What is wrong with a number that was taken for a time in `wanted`; empty when its size does not tell.

    >>> unit_advice(1_795_823_158, "milliseconds")
    't looks like seconds: milliseconds are wanted'
    """
    unit = unit_since_1970(value)
    return f"{name} looks like {unit}: {wanted} are wanted" if unit and unit != wanted else ""


def rfc3339(us: int) -> str:
    """RFC 3339 text in UTC, to the millisecond.

    >>> rfc3339(1_500_000)
    '1970-01-01T00:00:01.500Z'
    """
    minute, ms = divmod(int(us) // 1000, 60_000)
    return f"{_minute(minute)}{ms // 1000:02d}.{ms % 1000:03d}Z"


def rfc3339_all(us: NDArray[np.int64]) -> list[str]:
    """The same of many.

    >>> import numpy as np
    >>> rfc3339_all(np.array([1_500_000, -1]))
    ['1970-01-01T00:00:01.500Z', '1969-12-31T23:59:59.999Z']
    """
    import numpy as np  # noqa: PLC0415 - commands know times too, and start quicker without it

    texts: list[str] = np.datetime_as_string(us.astype("M8[us]"), unit="ms", timezone="UTC").tolist()
    return texts


@lru_cache(maxsize=4096)
def _minute(minute: int) -> str:
    """Text of a minute since 1970 up to its seconds: what times that lie near each other share."""
    return (EPOCH + timedelta(minutes=minute)).strftime("%Y-%m-%dT%H:%M:")
