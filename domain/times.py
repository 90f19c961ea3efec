"""Instants as microseconds since 1970-01-01 UTC, and their text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
US = timedelta(microseconds=1)


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


def parse_rfc3339(text: str) -> int:
    """Microseconds of an RFC 3339 time with an offset.

    >>> parse_rfc3339("1970-01-01T02:00:01+02:00")
    1000000

    Raises:
        ValueError: not a time, or without an offset.
    """
    return to_us(datetime.fromisoformat(text))


def rfc3339(us: int) -> str:
    """RFC 3339 text in UTC, to the millisecond.

    >>> rfc3339(1_500_000)
    '1970-01-01T00:00:01.500Z'
    """
    minute, ms = divmod(int(us) // 1000, 60_000)
    return f"{_minute(minute)}{ms // 1000:02d}.{ms % 1000:03d}Z"


def rfc3339_all(us: NDArray[np.int64]) -> list[str]:
    """The same of many.

    >>> rfc3339_all(np.array([1_500_000, -1]))
    ['1970-01-01T00:00:01.500Z', '1969-12-31T23:59:59.999Z']
    """
    texts: list[str] = np.datetime_as_string(us.astype("M8[us]"), unit="ms", timezone="UTC").tolist()
    return texts


@lru_cache(maxsize=4096)
def _minute(minute: int) -> str:
    """Text of a minute since 1970 up to its seconds: what times that lie near each other share."""
    return (EPOCH + timedelta(minutes=minute)).strftime("%Y-%m-%dT%H:%M:")
