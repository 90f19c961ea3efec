"""Planted worlds of demand and lead time, and a shop that lives in them: it knows a policy's levels and nothing else.

Written apart from `planning/replenishment/policies.py`, which it judges: levels are absolute, orders are kept in a
list of what is under way, customers wait.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

DEMANDS = ("smooth", "intermittent", "lumpy")
LEADS = ("constant", "gamma", "one in ten")
KINDS = [(demand, lead) for demand in DEMANDS for lead in LEADS]
MEAN = {"smooth": 20.0, "intermittent": 0.9, "lumpy": 2.4}
LEAD_DAYS = 7


def demand(kind: str, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Whole units of a day. ADI and CV² of the sizes: 1 and 0.11; 3.3 and 0.22; 6.7 and 1.4."""
    if kind == "smooth":
        return rng.negative_binomial(20, 0.5, shape).astype(float)
    if kind == "intermittent":
        return ((1 + rng.poisson(2.0, shape)) * (rng.random(shape) < 0.3)).astype(float)
    return (np.ceil(rng.lognormal(2.3, 0.95, shape)) * (rng.random(shape) < 0.15)).astype(float)


def lead(kind: str, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Whole days."""
    if kind == "constant":
        return np.full(shape, LEAD_DAYS)
    if kind == "gamma":
        return np.maximum(np.rint(rng.gamma(6, LEAD_DAYS / 6, shape)), 1).astype(int)
    return np.where(rng.random(shape) < 0.1, 3 * LEAD_DAYS, LEAD_DAYS)


class Year(NamedTuple):
    """(shops,) of each: share of cycles without anybody waiting, cycles, fill, stock held, owed and orders a day."""

    good: np.ndarray
    cycles: np.ndarray
    fill: np.ndarray
    held: np.ndarray
    owed: np.ndarray
    orders: np.ndarray


def lived(reorder, up_to, wanted: np.ndarray, leads: np.ndarray, skip: int = 120) -> Year:
    """Shops with (s, S), (days, shops) of demand and lead times; the first days are not counted."""
    days, count = wanted.shape
    reorder, up_to = np.broadcast_to(reorder, count), np.broadcast_to(up_to, count)
    arriving = np.zeros((days + int(leads.max()) + 1, count))
    stock, on_order = np.array(up_to, float), np.zeros(count)
    good, cycles, short, total, held, owed, orders = (np.zeros(count) for _ in range(7))
    for day in range(days):
        before = stock.copy()
        stock -= wanted[day]
        counts = day >= skip
        short += counts * np.minimum(wanted[day], np.maximum(wanted[day] - np.maximum(before, 0), 0))
        total += counts * wanted[day]
        came = arriving[day] > 0
        cycles += counts * came
        good += counts * (came & (stock >= 0))
        stock += arriving[day]
        held += counts * np.maximum(stock, 0)
        owed += counts * np.maximum(-stock, 0)
        on_order -= arriving[day]
        position = stock + on_order
        order = np.where(position <= reorder, up_to - position, 0)
        orders += counts * (order > 0)
        on_order += order
        arriving[day + leads[day], np.arange(count)] += order
    long = days - skip
    return Year(good, cycles, 1 - short / np.maximum(total, 1), held / long, owed / long, orders / long)
