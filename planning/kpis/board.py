"""Figures by period, with bounds where few were counted, and which of them are no chance. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Literal, NamedTuple

import numpy as np

from planning.kpis.catalogue import Kpi
from planning.kpis.control import Limits, Rule, chart
from planning.shares import wilson

By = Literal["day", "week", "month"]
PERIODS_MAX = 400
Row = Mapping[str, Any]


class Figure(NamedTuple):
    """A figure of a period, or of a part of all; `value` None: there are no facts, or nothing to divide by.

    `low` and `high`: bounds at 95 % of shares (Wilson 1927); `p90`: of medians what nine in ten do not exceed.
    """

    value: float | None
    good: float = 0.0
    total: float = 0.0
    facts: int = 0
    low: float | None = None
    high: float | None = None
    p90: float | None = None


class Told(NamedTuple):
    """That a figure is no chance: by which rule, on which side, and whether that is for the better."""

    rule: Rule
    side: Literal["above", "below"]
    better: bool


class Point(NamedTuple):
    """A period from its first day to the day after its last; `running`: it is not over."""

    begins: date
    ends: date
    running: bool
    figure: Figure
    told: Told | None


class Board(NamedTuple):
    """Figures in their order, and limits of each stretch that has enough of them."""

    points: list[Point]
    limits: list[Limits]

    @property
    def newest(self) -> Point | None:
        """The last period that is over and has a figure; where there is none, the one that runs."""
        known = [point for point in self.points if point.figure.value is not None]
        over = [point for point in known if not point.running]
        return next(reversed(over or known), None)


NOTHING = Figure(None)


def begin_of(by: By, day: date) -> date:
    """The first day of the period that a day lies in; weeks begin on Mondays.

    >>> begin_of("week", date(2026, 12, 3)), begin_of("month", date(2026, 12, 3))
    (datetime.date(2026, 11, 30), datetime.date(2026, 12, 1))
    """
    if by == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if by == "month" else day


def next_of(by: By, begins: date) -> date:
    """The first day of the period after.

    >>> next_of("month", date(2026, 12, 1))
    datetime.date(2027, 1, 1)
    """
    if by == "month":
        return (begins + timedelta(days=32)).replace(day=1)
    return begins + timedelta(days=7 if by == "week" else 1)


def periods(by: By, since: date, until: date) -> list[date]:
    """First days of all periods that lie in a span, whole or in part; `PERIODS_MAX` and one at most."""
    found: list[date] = []
    at = begin_of(by, since)
    while at < until and len(found) <= PERIODS_MAX:
        found.append(at)
        at = next_of(by, at)
    return found


def figure(kpi: Kpi, row: Row) -> Figure:
    """A figure of sums of facts: `good`, `total`, `facts`, and `quantiles` (half, nine tenths) of `good`."""
    good, total, facts = float(row["good"] or 0), float(row["total"] or 0), int(row["facts"])
    if kpi.measure == "median":
        half, most = row["quantiles"]
        return Figure(float(half), good, total, facts, p90=float(most))
    value = good / total if total > 0 else None
    if kpi.bounded and value is not None:
        low, high = wilson(good, total)
        return Figure(value, good, total, facts, float(low), float(high))
    return Figure(value, good, total, facts)


def counted(kpi: Kpi, facts: Iterable[Row]) -> Figure:
    """The same, of facts one by one: what the board must come to, whoever counts.

    >>> from planning.kpis.catalogue import KPIS
    >>> counted(KPIS["otif"], [{"good": 1.0, "total": 1.0}, {"good": 0.0, "total": 1.0}]).value
    0.5
    """
    rows = list(facts)
    if not rows:
        return NOTHING
    good = np.array([row["good"] for row in rows], float)
    total = np.array([row["total"] for row in rows], float)
    quantiles = [float(q) for q in np.quantile(good, (0.5, 0.9))]
    sums = {"good": good.sum(), "total": total.sum(), "facts": len(rows), "quantiles": quantiles}
    return figure(kpi, sums)


def board(
    kpi: Kpi, by: By, rows: Iterable[Row], begins: Sequence[date], today: date, changes: Sequence[date] = ()
) -> Board:
    """Figures of periods with their limits; a period that is not over is in no chart.

    Args:
        kpi: what is counted.
        by: how long periods are.
        rows: sums of facts by `period`.
        begins: first days of periods, in order.
        today: the day that is not over yet.
        changes: days from which on somebody said that the process is another one.
    """
    of = {row["period"]: figure(kpi, row) for row in rows}
    found = [of.get(each, NOTHING) for each in begins]
    over = [n for n, each in enumerate(begins) if next_of(by, each) <= today]
    values = [np.nan if (value := found[n].value) is None else value for n in over]
    edges = [next((n for n, place in enumerate(over) if begins[place] >= day), len(over)) for day in changes]
    drawn = chart(values, edges)
    told = {over[s.point]: Told(s.rule, s.side, (s.side == "above") == (kpi.better == "more")) for s in drawn.signals}
    points = [
        Point(each, next_of(by, each), next_of(by, each) > today, found[n], told.get(n))
        for n, each in enumerate(begins)
    ]
    return Board(points, [_within(kpi, each._replace(begins=over[each.begins])) for each in drawn.limits])


def _within(kpi: Kpi, limits: Limits) -> Limits:
    """No figure lies below nothing, and no share above one."""
    high = min(limits.high, 1.0) if kpi.bounded else limits.high
    return limits._replace(low=max(limits.low, 0.0), high=high)


def meets(kpi: Kpi, value: float | None, target: float | None) -> bool | None:
    """Whether a figure is what is wanted; None: one of both is not known."""
    if value is None or target is None:
        return None
    return value >= target if kpi.better == "more" else value <= target
