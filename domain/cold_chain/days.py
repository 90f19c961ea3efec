"""When local days begin: the instants at which daily counts start anew."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np

from domain.cold_chain.profile import Schedule
from domain.readings import I64, Bool
from domain.times import from_us, to_us


@lru_cache(maxsize=4096)
def _instant(day: date, at: str, tz: str) -> int:
    hour, minute = at.split(":")
    return to_us(datetime.combine(day, time(int(hour), int(minute)), ZoneInfo(tz)).astimezone(UTC))


def daily(tz: str, at: str, since_us: int, until_us: int) -> I64:
    """The instants of a local time of every day in a zone, after `since_us`, until and with `until_us`.

    A local time that a change of the clocks leaves out is the same hour by the clock before.

    >>> march = [1_774_569_600_000_000, 1_774_828_800_000_000]  # 2026-03-27 to 2026-03-30, midnight in UTC
    >>> [from_us(int(t)).strftime("%d %H:%M") for t in daily("Europe/Helsinki", "06:00", *march)]
    ['27 04:00', '28 04:00', '29 03:00']
    """
    day, last = from_us(since_us).date() - timedelta(days=1), from_us(until_us).date() + timedelta(days=1)
    count = (last - day).days + 1
    found = np.array([_instant(day + timedelta(days=n), at, tz) for n in range(count)], np.int64)
    return found[(found > since_us) & (found <= until_us)]


def holds(schedule: Schedule, tz: str, t_us: I64) -> Bool:
    """At which of these instants a schedule holds; its end is outside. Sorted or not.

    >>> night = Schedule((5,), "22:00", "06:00")  # Friday evening to Saturday morning
    >>> friday = 1_774_569_600_000_000
    >>> holds(night, "UTC", friday + 3_600_000_000 * np.array([21, 22, 29, 30, 46])).tolist()
    [False, True, True, False, False]
    """
    if not len(t_us):
        return np.zeros(0, np.bool_)
    first, last = (from_us(int(t)).date() for t in (t_us.min(), t_us.max()))
    days = [first + timedelta(days=n) for n in range(-2, (last - first).days + 2)]
    over = timedelta(days=schedule.ends <= schedule.begins)
    some = [day for day in days if day.isoweekday() in schedule.days]
    begins = np.array([_instant(day, schedule.begins, tz) for day in some], np.int64)
    ends = np.array([_end(day + over, schedule.ends, tz) for day in some], np.int64)
    if not some:
        return np.zeros(len(t_us), np.bool_)
    at = np.searchsorted(begins, t_us, "right") - 1
    latest = np.maximum.accumulate(ends)
    return np.asarray((at >= 0) & (t_us < latest[at.clip(0)]))


def _end(day: date, at: str, tz: str) -> int:
    return _instant(day + timedelta(days=1), "00:00", tz) if at == "24:00" else _instant(day, at, tz)
