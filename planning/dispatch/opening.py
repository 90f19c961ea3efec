"""When an order may be unloaded: while its place is open and its customer is promised it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
Spans = tuple[tuple[int, int], ...]


def open_spans(opening: Sequence[Mapping[str, Any]], zone: str, begin_s: int, end_s: int) -> Spans:
    """When a place is open between two times; always, where nobody has told hours.

    Args:
        opening: `days` (1 Monday to 7), `from` and `to` as HH:MM, in the zone.
        zone: IANA name.
        begin_s: of the time that is looked at.
        end_s: its end.

    >>> open_spans([{"days": [1], "from": "08:00", "to": "12:00"}], "Europe/Helsinki", 1767571200, 1767657600)
    ((1767592800, 1767607200),)
    """
    if not opening:
        return ((begin_s, end_s),)
    tz = ZoneInfo(zone)
    day = datetime.fromtimestamp(begin_s, tz).date() - DAY
    found = []
    while int(datetime.combine(day, time(), tz).timestamp()) <= end_s:
        for each in opening:
            if day.isoweekday() in each["days"]:
                span = [int(datetime.combine(day, time.fromisoformat(each[e]), tz).timestamp()) for e in ("from", "to")]
                found.append((max(span[0], begin_s), min(span[1], end_s)))
        day += DAY
    return joined(found)


def joined(spans: Sequence[tuple[int, int]]) -> Spans:
    """In order, those that touch as one, without empty ones.

    >>> joined([(5, 9), (1, 3), (3, 4), (8, 12), (7, 2)])
    ((1, 4), (5, 12))
    """
    found: list[tuple[int, int]] = []
    for begin, end in sorted(each for each in spans if each[0] <= each[1]):
        if found and begin <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], end)
        else:
            found.append((begin, end))
    return tuple(found)


def within(spans: Sequence[tuple[int, int]], early_s: int | None, late_s: int | None) -> Spans:
    """What of them lies between two times; None: no limit on that side."""
    return joined([
        (begin if early_s is None else max(begin, early_s), end if late_s is None else min(end, late_s))
        for begin, end in spans
    ])  # fmt: skip
