"""Fresh goods: what to order of that which is thrown away in a few days. Pure.

EWA (Broekmeulen & van Donselaar 2009) is base stock that looks at ages: what will be thrown away before the next goods
come is no stock. Here each world of demand is looked at by itself: what lies there is sold and thrown away day by day,
and a pack is ordered as long as what it saves of lost sales is worth more than what it adds to the waste.
"""

from __future__ import annotations

import numpy as np

from domain.readings import F64
from planning.replenishment.normal import StockError, check


def issued(left: F64, wanted: F64, oldest_share: float = 1.0) -> F64:
    """Takes what is wanted, a share of it from the oldest on, the rest from the newest; what could not be had.

    Args:
        left: (…, life) units by the days they can still be sold, the oldest first; changed in place.
        wanted: (…,) units.
        oldest_share: of those who want one, how many take the oldest.
    """
    old = np.rint(wanted * oldest_share)
    lacking = np.zeros_like(wanted)
    for part, ages in ((old, left), (wanted - old, left[..., ::-1])):
        take = np.clip(part[..., None] - (ages.cumsum(axis=-1) - ages), 0, ages)
        lacking += part - take.sum(axis=-1)
        np.subtract(ages, take, out=ages)
    return lacking


def aged(left: F64) -> F64:
    """The night: what could be sold today for the last time is thrown away (returned), all else is a day older."""
    gone = left[..., 0].copy()
    left[..., :-1] = left[..., 1:]
    left[..., -1] = 0
    return np.asarray(gone)


def fresh_order(
    left: F64, coming: F64, demand: F64, pack: float, short_cost: float, waste_cost: float, review_days: int = 1,
    oldest_share: float = 1.0,
) -> F64:  # fmt: skip
    """(items,) what to order tonight, in packs.

    Args:
        left: (items, life) units by the days they can still be sold, the oldest first.
        coming: (items, lead days) what comes in the nights until the goods do that are ordered now.
        demand: (items, worlds, lead + life days).
        pack: one orders multiples of it.
        short_cost: of a lost sale.
        waste_cost: of a unit that is thrown away.
        review_days: until one can order again.
        oldest_share: see `issued`.

    Raises:
        StockError: there are too few days of demand, or a cost or a pack is nothing.
    """
    check(left=left, coming=coming, demand=demand)
    life, lead = left.shape[1], coming.shape[1]
    if not (pack > 0 and short_cost > 0 and waste_cost > 0 and review_days >= 1):
        raise StockError("pack, short_cost, waste_cost and review_days are more than 0")
    if demand.shape[2] < lead + max(life, review_days):
        raise StockError(f"demand: {lead + max(life, review_days)} days are needed, not {demand.shape[2]}")
    worlds = demand.shape[1]
    state = np.repeat(left[:, None, :], worlds, axis=1)
    for day in range(lead):
        issued(state, demand[:, :, day], oldest_share)
        aged(state)
        state[..., -1] += coming[:, None, day]
    soon, until_gone = np.zeros((2, *demand.shape[:2]))
    for day in range(max(life, review_days)):
        wanted = demand[:, :, lead + day]
        lacking = issued(state, wanted, oldest_share)
        aged(state)
        if day < review_days:
            soon += lacking
        else:  # who takes the newest finds newer ones by then
            lacking = np.minimum(lacking, np.rint(wanted * oldest_share))
        until_gone += lacking if day < life else 0
    return _packs(soon, until_gone, pack, short_cost / waste_cost)


def _packs(soon: F64, until_gone: F64, pack: float, worth: float) -> F64:
    """As long as the next pack saves more of what lacks `soon` than it adds to what nobody wants `until_gone`."""
    order = np.zeros(len(soon))
    more = np.ones(len(soon), np.bool_)
    while more.any():
        after = order + pack
        saves = (np.minimum(after[:, None], soon) - np.minimum(order[:, None], soon)).mean(axis=1)
        wastes = (np.maximum(after[:, None] - until_gone, 0) - np.maximum(order[:, None] - until_gone, 0)).mean(axis=1)
        more &= (saves > 0) & (worth * saves > wastes)
        order = np.where(more, after, order)
    return order
