"""When a subscription is told by the clock (EPCIS 2.0, section 8.2.5.3: QuerySchedule), to the minute, in UTC."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from domain.epcis.query import QueryError

PARTS: Mapping[str, tuple[int, int]] = {
    "second": (0, 59), "minute": (0, 59), "hour": (0, 23), "dayOfMonth": (1, 31), "month": (1, 12), "dayOfWeek": (1, 7),
}  # fmt: skip
MINUTE = timedelta(minutes=1)
LOOKED_BACK = timedelta(days=1)
"""What was missed for longer is told once, at the next time."""
_ELEMENT = re.compile(r"(\d{1,2})|\[(\d{1,2})-(\d{1,2})\]", re.ASCII)


class Schedule(NamedTuple):
    """Minutes, hours, days, months and days of the week (Monday is 1) at which it is due: in all of them."""

    minute: frozenset[int]
    hour: frozenset[int]
    day: frozenset[int]
    month: frozenset[int]
    weekday: frozenset[int]

    def fits(self, at: datetime) -> bool:
        """Whether it is due in this minute."""
        of = at.astimezone(UTC)
        return (
            of.minute in self.minute
            and of.hour in self.hour
            and of.day in self.day
            and of.month in self.month
            and of.isoweekday() in self.weekday
        )

    def is_due(self, after: datetime, until: datetime) -> bool:
        """Whether a minute behind `after`, up to `until`, is one of them."""
        at = max(after, until - LOOKED_BACK).replace(second=0, microsecond=0) + MINUTE
        while at <= until:
            if self.fits(at):
                return True
            at += MINUTE
        return False


def schedule_of(given: Mapping[str, str]) -> Schedule:
    """A schedule of its parts; one that is not given, or `*`, is all there are. Seconds are looked at and not heeded.

    >>> sorted(schedule_of({"minute": "0,30", "hour": "[8-10]"}).hour)
    [8, 9, 10]

    Raises:
        QueryError: a part is none, or of nothing that there is.
    """
    if not given:
        raise QueryError(f"schedule: at least one of {', '.join(PARTS)} is wanted")
    if strange := [name for name in given if name not in PARTS]:
        raise QueryError(f"schedule: {strange[0][:40]} is none of {', '.join(PARTS)}")
    found = {name: _numbers(name, given.get(name, "*"), *bounds) for name, bounds in PARTS.items()}
    return Schedule(found["minute"], found["hour"], found["dayOfMonth"], found["month"], found["dayOfWeek"])


def _numbers(name: str, text: str, low: int, high: int) -> frozenset[int]:
    if text.strip() == "*":
        return frozenset(range(low, high + 1))
    found: set[int] = set()
    for part in text.split(","):
        element = _ELEMENT.fullmatch(part.strip())
        if element is None:
            raise QueryError(f"schedule.{name}: {part.strip()[:40]!r} is neither a number nor a range such as [1-5]")
        first = int(element[1] or element[2])
        last = int(element[1] or element[3])
        if not low <= first <= last <= high:
            raise QueryError(f"schedule.{name}: {part.strip()} is not within {low} to {high}")
        found.update(range(first, last + 1))
    return frozenset(found)
