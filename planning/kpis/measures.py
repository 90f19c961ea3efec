"""KPIs by their definitions: each from columns of facts, with the rows that missed, so that a figure opens them. Pure.

Names and definitions are SCOR's where it has them (RL.1.1 perfect order, RS.1.1 order cycle time).
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from domain.readings import F64, Bool
from planning.shares import wilson

Level = Literal["order", "line", "unit"]


class Share(NamedTuple):
    """`good` of `total` rows, its bounds at 95 %, and (rows,) which missed."""

    good: int
    total: int
    low: float
    high: float
    missed: Bool

    @property
    def value(self) -> float | None:
        """From 0 to 1; None where there is nothing to count."""
        return self.good / self.total if self.total else None


def share(good: Bool, counted: Bool | None = None) -> Share:
    """Of rows that count how many are good.

    >>> told = share(np.array([True, True, False]))
    >>> told.good, told.total, told.missed.tolist()
    (2, 3, [False, False, True])
    """
    counts = np.ones(len(good), bool) if counted is None else counted
    hits, total = int((good & counts).sum()), int(counts.sum())
    low, high = wilson(hits, total)
    return Share(hits, total, float(low), float(high), counts & ~good)


class Otif(NamedTuple):
    """What on time and in full means, as data: it has no standard.

    Attributes:
        early_s: before the window that still is on time; infinite: early is no miss.
        late_s: after it.
        short: share of a quantity that may be missing.
        over: share that may be too much.
        level: what is counted.
        excluded: causes that count as no miss.
        version: a change shows the past under both.
    """

    early_s: float = np.inf
    late_s: float = 0.0
    short: float = 0.0
    over: float = np.inf
    level: Level = "line"
    excluded: tuple[str, ...] = ()
    version: int = 1


class Lines(NamedTuple):
    """Order lines that were due: (lines,) number of the order, window and arrival in seconds, quantities, cause.

    `arrived_s` NaN: not yet, or never. `cause`: why it was missed, as somebody decided; empty: nobody did.
    """

    order: F64
    window_start_s: F64
    window_end_s: F64
    arrived_s: F64
    ordered: F64
    delivered: F64
    cause: np.ndarray


def otif(lines: Lines, by: Otif) -> Share:
    """On time and in full, by a definition; of orders: all their lines.

    Misses are rows of lines whatever the level is. Of units: those of lines that were on time, as far as delivered.
    """
    with np.errstate(invalid="ignore"):
        on_time = (lines.arrived_s <= lines.window_end_s + by.late_s) & (
            lines.arrived_s >= lines.window_start_s - by.early_s
        )
        in_full = (lines.delivered >= lines.ordered * (1 - by.short)) & (
            lines.delivered <= lines.ordered * (1 + by.over)
        )
    excused = np.isin(lines.cause, by.excluded) if by.excluded else np.zeros(len(on_time), bool)
    good = (on_time & in_full) | excused
    if by.level == "line":
        return share(good)
    if by.level == "order":
        orders, of = np.unique(lines.order, return_inverse=True)
        whole = np.ones(len(orders), bool)
        np.logical_and.at(whole, of, good)
        told = share(whole)
        return told._replace(missed=~good)
    units = np.where(excused, lines.ordered, np.where(on_time, np.minimum(lines.delivered, lines.ordered), 0.0))
    hits, total = round(float(units.sum())), round(float(lines.ordered.sum()))
    low, high = wilson(hits, total)
    return Share(hits, total, float(low), float(high), ~good)


def perfect_orders(in_full: Bool, on_commit: Bool, documents: Bool, condition: Bool) -> Share:
    """SCOR RL.1.1: orders that are all four; orders are counted, rates are never multiplied.

    >>> yes, no = np.array([True, True]), np.array([True, False])
    >>> perfect_orders(yes, no, yes, yes).value
    0.5
    """
    return share(in_full & on_commit & documents & condition)


class Spread(NamedTuple):
    """Of times or quantities: how many, and what half and nine in ten do not exceed; None of none."""

    n: int
    p50: float | None
    p90: float | None


def spread(values: F64) -> Spread:
    """Of those that are known; quantiles between neighbours (Hyndman & Fan 1996, type 7).

    >>> spread(np.array([1.0, 2.0, 3.0, np.nan]))
    Spread(n=3, p50=2.0, p90=2.8)
    """
    known = values[~np.isnan(values)]
    if not known.size:
        return Spread(0, None, None)
    p50, p90 = (round(float(q), 9) for q in np.quantile(known, (0.5, 0.9)))
    return Spread(len(known), p50, p90)


def fill_rate(ordered: F64, at_once: F64, level: Level = "unit") -> float | None:
    """What was there at once of what was ordered: of units, or of lines that were whole.

    >>> ordered, there = np.array([10.0, 10.0]), np.array([10.0, 5.0])
    >>> fill_rate(ordered, there), fill_rate(ordered, there, "line")
    (0.75, 0.5)
    """
    if not len(ordered) or not ordered.sum():
        return None
    if level == "line":
        return float((at_once >= ordered).mean())
    return float(np.minimum(at_once, ordered).sum() / ordered.sum())


def turns(issued_value: float, stock_value: F64) -> float | None:
    """Cost of goods issued in 365 days ÷ mean value of stock by day."""
    mean = float(stock_value.mean()) if len(stock_value) else 0.0
    return issued_value / mean if mean > 0 else None


def days_of_cover(on_hand: float, forecast_per_day: float) -> float | None:
    """How long what is there lasts at what is expected."""
    return on_hand / forecast_per_day if forecast_per_day > 0 else None


def utilisation(load: F64, capacity: F64, km: F64) -> float | None:
    """Of legs, by kilometres: the fullest of mass, volume, pallets (legs, dimensions); NaN: that one is not known.

    >>> round(utilisation(np.array([[500.0, 2], [0, 0]]), np.array([[1000.0, 10]] * 2), np.array([30.0, 10])), 3)
    0.375
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        parts = np.where(np.isnan(load / capacity), -1.0, load / capacity)
    fullest = parts.max(axis=1) if parts.size else np.zeros(0)
    known = (fullest >= 0) & (km > 0)
    return float((fullest[known] * km[known]).sum() / km[known].sum()) if known.any() else None


def empty_km(load_kg: F64, km: F64) -> tuple[float, float]:
    """Kilometres without load, and all of them.

    >>> empty_km(np.array([0.0, 5.0]), np.array([3.0, 7.0]))
    (3.0, 10.0)
    """
    return float(km[load_kg <= 0].sum()), float(km.sum())


def detention(dwell_s: F64, free_s: float, rate_per_h: float) -> tuple[F64, float]:
    """(stays,) seconds beyond the free time, and what they cost.

    >>> [x.tolist() if hasattr(x, "tolist") else x for x in detention(np.array([3600.0, 10_800.0]), 7_200.0, 40.0)]
    [[0.0, 3600.0], 40.0]
    """
    beyond = np.maximum(dwell_s - free_s, 0.0)
    return beyond, float(np.nansum(beyond)) / 3600 * rate_per_h


def spoilage(discarded_value: F64, cause: np.ndarray, issued_value: float) -> tuple[float | None, dict[str, float]]:
    """Value thrown away ÷ value issued, and by cause.

    >>> spoilage(np.array([5.0, 15.0]), np.array(["expired", "warm"]), 400.0)
    (0.05, {'expired': 5.0, 'warm': 15.0})
    """
    by = {str(each): float(discarded_value[cause == each].sum()) for each in np.unique(cause)}
    return (float(discarded_value.sum()) / issued_value if issued_value > 0 else None), by


def record_accuracy(booked: F64, counted: F64, tolerance: float = 0.0) -> Share:
    """Counts that found what the book says, within a share of it."""
    return share(np.abs(counted - booked) <= tolerance * np.abs(booked))


def alarm_precision(outcome: np.ndarray) -> Share:
    """Alarms that were right; those nobody has judged do not count. `outcome`: true, false, or empty."""
    return share(outcome == "true", np.isin(outcome, ("true", "false")))
