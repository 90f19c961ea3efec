"""Demand day by day, from what was ordered, sold or seen to leave. Pure.

Demand is what was ordered for a day; where there are no orders, what left. What another system says was sold stands in
the place of what left. A day on which stock ran out is a bound.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

import numpy as np

from domain.readings import F64, Bool
from planning.forecasts.panel import Panel

WEEK = 7
DAYS_MAX = 1_100
DAYS_MIN = 2
"""A product of which fewer days are known has no forecast."""

Key = tuple[int, int]
Row = Mapping[str, Any]


class Asked(NamedTuple):
    """Of a product at a site: (days,) from `begins` on what was asked for, and whether stock ran out."""

    key: Key
    begins: date
    values: F64
    short: Bool


def demand_of(row: Row) -> float:
    """What was asked for on a day.

    >>> demand_of({"ordered": 4.0, "gone": 3.0, "sold": None}), demand_of({"ordered": 4.0, "gone": 3.0, "sold": 9.0})
    (7.0, 13.0)
    """
    return float(row["ordered"]) + float(row["gone"] if row["sold"] is None else row["sold"])


def histories(days: Iterable[Row], empty: Iterable[Row], ends: Mapping[int, date]) -> list[Asked]:
    """Series from the first day that is known of each to the day before `ends` of its site; days without a row are 0.

    Args:
        days: rows of `demand.days`.
        empty: rows of `demand.empty`: no stock from which day to which.
        ends: by site the day that is not over yet.
    """
    by_key: dict[Key, list[Row]] = {}
    for row in days:
        by_key.setdefault((row["site_id"], row["product_id"]), []).append(row)
    gaps: dict[Key, list[Row]] = {}
    for row in empty:
        gaps.setdefault((row["site_id"], row["product_id"]), []).append(row)
    found = []
    for key, rows in by_key.items():
        end = ends[key[0]]
        begins = max(min(row["day"] for row in rows), end - timedelta(days=DAYS_MAX))
        length = (end - begins).days
        if length < DAYS_MIN:
            continue
        values, short = np.zeros(length), np.zeros(length, bool)
        for row in rows:
            n = (row["day"] - begins).days
            if 0 <= n < length:
                values[n], short[n] = demand_of(row), bool(row["short"])
        for gap in gaps.get(key, ()):
            first, last = (gap["first_day"] - begins).days, (gap["last_day"] - begins).days
            short[max(first, 0) : max(last + 1, 0)] = True
        found.append(Asked(key, begins, values, short))
    return found


def side_by_side(asked: Sequence[Asked]) -> tuple[Panel, Bool]:
    """Series that end on one day, as forecasts take them, and where stock ran out."""
    length = max(len(each.values) for each in asked)
    values, short = np.full((len(asked), length), np.nan), np.zeros((len(asked), length), bool)
    for n, each in enumerate(asked):
        values[n, length - len(each.values) :] = each.values
        short[n, length - len(each.values) :] = each.short
    return Panel(values, WEEK), short


def adjusted(values: Sequence[float], begins: date, adjustments: Iterable[Row]) -> list[float]:
    """A forecast from `begins` on, by day, with what people expect otherwise; several of one day are multiplied.

    >>> promotion = {"first_day": "2026-12-02", "last_day": "2026-12-09", "factor": 1.5}
    >>> adjusted([10.0, 10.0], date(2026, 12, 1), [promotion])
    [10.0, 15.0]
    """
    factors = np.ones(len(values))
    for each in adjustments:
        first, last = ((date.fromisoformat(str(each[name])) - begins).days for name in ("first_day", "last_day"))
        factors[max(first, 0) : max(last + 1, 0)] *= each["factor"]
    return [float(v) for v in np.asarray(values) * factors]


class Grade(NamedTuple):
    """Of past forecasts: days that are over, mean absolute error, by how much they were over, share within 80 %.

    `adjusted_mae` is that of what people made of it: its difference from `mae` is what adjusting was worth.
    """

    days: int
    mae: float
    bias: float
    within_80: float | None
    adjusted_mae: float


def graded(forecasts: Iterable[Row], actual: Mapping[date, float], ahead: int = WEEK) -> Grade | None:
    """Forecasts against what came, the first `ahead` days of each; None: none of their days is over."""
    off, off_adjusted, within, bounded = [], [], 0, 0
    for row in forecasts:
        told = row["mean"][:ahead]
        better = adjusted(told, row["begins"], row["adjustments"] or ())
        for n, (mean, other) in enumerate(zip(told, better, strict=True)):
            came = actual.get(row["begins"] + timedelta(days=n))
            if came is None:
                continue
            off.append(mean - came)
            off_adjusted.append(other - came)
            if row["p10"] is not None and row["p90"] is not None:
                bounded += 1
                within += row["p10"][n] <= came <= row["p90"][n]
    if not off:
        return None
    return Grade(
        len(off),
        float(np.abs(off).mean()),
        float(np.mean(off)),
        within / bounded if bounded else None,
        float(np.abs(off_adjusted).mean()),
    )
