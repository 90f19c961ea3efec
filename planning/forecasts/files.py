"""History as a file has it, and forecasts as one: periods are found in the times. Pure.

`series,time,quantity[,in_stock]`: a period without a line is 0, one with an empty quantity is not known. Times are
months, days or RFC 3339; a series is by hour, day, week, month, quarter or year, told by the distances of its times.
A series with periods left out goes on with 0 to the end of the file; one without ends with its last line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Literal, NamedTuple

import numpy as np

from domain.readings import F64, Bool
from planning.forecasts.panel import Panel

Period = Literal["hour", "day", "week", "month", "quarter", "year"]
SEASONS: Mapping[Period, int] = {"hour": 24, "day": 7, "week": 52, "month": 12, "quarter": 4, "year": 1}
MONTHS: Mapping[Period, int] = {"month": 1, "quarter": 3, "year": 12}
SPANS: Mapping[Period, timedelta] = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7)}
PERIODS_MAX = 20_000
HEAD = ("series", "time", "quantity")
Point = tuple[float, bool]
History = dict[str, dict[datetime, Point]]
YES, NO = ("", "1", "true", "yes"), ("0", "false", "no")


class HistoryError(ValueError):
    """The file cannot be understood; the text says in which line, and how to mend it."""


class Series(NamedTuple):
    """A series: what its periods are, when the first begins, (periods,) quantities and whether stock ran out."""

    name: str
    period: Period
    begins: datetime
    values: F64
    short: Bool

    def at(self, n: int) -> datetime:
        """When the n-th period begins."""
        return moved(self.begins, self.period, n)


def moved(at: datetime, period: Period, n: int) -> datetime:
    """The begin of the n-th period after the one that begins `at`.

    >>> moved(datetime(2026, 1, 31, tzinfo=UTC), "month", 1).date().isoformat()
    '2026-02-28'
    """
    if period in SPANS:
        return at + SPANS[period] * n
    month = at.month - 1 + MONTHS[period] * n
    year, month = at.year + month // 12, month % 12 + 1
    last = (date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)).day
    return at.replace(year=year, month=month, day=min(at.day, last))


def read(rows: Sequence[Mapping[str, str]]) -> History:
    """What is known of each series, in the order of their first line.

    Args:
        rows: of a CSV with a head; the first is line 2 of the file.

    Raises:
        HistoryError: see there.
    """
    if not rows:
        raise HistoryError("there are no lines below the head: series,time,quantity")
    if missing := [name for name in HEAD if name not in rows[0]]:
        raise HistoryError(f"line 1: {', '.join(missing)} missing; the head is series,time,quantity[,in_stock]")
    found: History = {}
    for line, row in enumerate(rows, 2):
        at = instant(row["time"] or "", f"line {line}: time")
        points = found.setdefault(row["series"] or "", {})
        if at in points:
            raise HistoryError(f"line {line}: {row['series']} has {row['time']} already; one line for each period")
        points[at] = _quantity(row, line)
    return found


def series_of(history: History, until: datetime | None = None, period: Period | None = None) -> list[Series]:
    """Series as they were known `until` then, which lies in their last period; those that began later are not there.

    Raises:
        HistoryError: times fit into no periods, or there are too many of them.
    """
    known = {
        name: {at: p for at, p in points.items() if until is None or at <= until} for name, points in history.items()
    }
    end = until or max(at for points in history.values() for at in points)
    return [_series(name, points, end, period) for name, points in known.items() if points]


def _quantity(row: Mapping[str, str], line: int) -> Point:
    text, in_stock = (row["quantity"] or "").strip(), (row.get("in_stock") or "").strip().lower()
    try:
        quantity = float(text) if text else float("nan")
    except ValueError:
        quantity = -1.0
    if quantity < 0 or quantity == float("inf"):
        raise HistoryError(f"line {line}: quantity: {text} is none; a number, 0 or more, or empty where nobody knows")
    if in_stock not in (*YES, *NO):
        raise HistoryError(f"line {line}: in_stock: {in_stock} is none; 1, or 0 where stock ran out")
    return quantity, in_stock in NO


def instant(text: str, what: str) -> datetime:
    """A time: RFC 3339, a day, or a month; in UTC unless it says otherwise.

    Raises:
        HistoryError: it is none.
    """
    try:
        at = datetime.fromisoformat(text.strip() + "-01" if len(text.strip()) == len("2026-01") else text.strip())
    except ValueError:
        raise HistoryError(f"{what}: {text} is none; 2026-11-28, 2026-11 or 2026-11-28T06:00:00Z") from None
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def _series(name: str, points: Mapping[datetime, Point], end: datetime, period: Period | None) -> Series:
    times = sorted(points)
    period = period or period_of(times)
    index = [_distance(times[0], at, period) for at in times]
    if len(set(index)) < len(index):
        raise HistoryError(f"{name}: several lines in one {period}")
    last = index[-1]
    if last >= len(index):
        last = max(last, _distance(times[0], end, period))
    if last >= PERIODS_MAX:
        raise HistoryError(f"{name}: {last + 1} periods by the {period} are too many (at most {PERIODS_MAX})")
    values, short = np.zeros(last + 1), np.zeros(last + 1, bool)
    for n, at in zip(index, times, strict=True):
        values[n], short[n] = points[at]
    return Series(name, period, times[0], values, short)


def period_of(times: Sequence[datetime]) -> Period:
    """The longest period into whose grid all times fit; one time alone is a day.

    >>> period_of([datetime(2026, m, 1, tzinfo=UTC) for m in (1, 4, 10)])
    'quarter'
    """
    first = times[0]
    gaps = [at - first for at in times[1:]]
    if not gaps:
        return "day"
    if all(at.day == first.day and at.time() == first.time() for at in times):
        months = [12 * (at.year - first.year) + at.month - first.month for at in times[1:]]
        longest: tuple[Period, ...] = ("year", "quarter", "month")
        for period in longest:
            if all(count % MONTHS[period] == 0 for count in months):
                return period
    spans: tuple[Period, ...] = ("week", "day", "hour")
    for span in spans:
        if all(not gap % SPANS[span] for gap in gaps):
            return span
    raise HistoryError(f"{first:%Y-%m-%dT%H:%M:%SZ} and what follows it fit into no hours, days, weeks or months")


def _distance(first: datetime, at: datetime, period: Period) -> int:
    if period in SPANS:
        return (at - first) // SPANS[period]
    return (12 * (at.year - first.year) + at.month - first.month) // MONTHS[period]


class Group(NamedTuple):
    """Series of one period and one end side by side: places of them, and (series, periods) as `race.run` takes them.

    `end` is when the period after the last begins. Those that begin later have NaN before.
    """

    members: list[int]
    panel: Panel
    short: Bool
    period: Period
    end: datetime


def together(series: Sequence[Series]) -> list[Group]:
    """Groups of series; those with fewer than two seasons have none."""
    keys: dict[tuple[Period, datetime, int], list[int]] = {}
    for n, each in enumerate(series):
        season = SEASONS[each.period] if len(each.values) > 2 * SEASONS[each.period] else 1
        keys.setdefault((each.period, each.at(len(each.values)), season), []).append(n)
    found = []
    for (period, end, season), members in keys.items():
        length = max(len(series[n].values) for n in members)
        values, short = np.full((len(members), length), np.nan), np.zeros((len(members), length), bool)
        for row, n in enumerate(members):
            begins = length - len(series[n].values)
            values[row, begins:], short[row, begins:] = series[n].values, series[n].short
        found.append(Group(members, Panel(values, season), short, period, end))
    return found
