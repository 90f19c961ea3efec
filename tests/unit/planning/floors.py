"""Simulated floors: orders and lists that nothing was tuned on."""

from __future__ import annotations

import numpy as np

from planning.picking.block import Block
from planning.picking.orders import Orders
from planning.picking.slotting import Demand, Places


def orders_of(seed, count, low, high, aisles=10):
    """A block of ten aisles of 40 m, orders of `low` to `high` lines anywhere, and their sizes in lines."""
    rng = np.random.default_rng(seed)
    lines = rng.integers(low, high + 1, count)
    total = int(lines.sum())
    orders = Orders(
        np.repeat(np.arange(count), lines), rng.integers(0, aisles, total), rng.uniform(0, 40, total), count
    )
    return Block(aisles, 40.0, 5.0, (aisles - 1) / 2), orders, lines.astype(float)[:, None]


def lists_of_products(seed, count, skus=400, shared=0.5, family=12, aisles=10):
    """A block with one product a place, lists to learn from and others to judge by, and products anywhere.

    Products are wanted as 1 ÷ rank^0.85; `shared` of a list's lines are of one family of products.
    """
    rng = np.random.default_rng(seed)
    deep = skus // aisles
    places = Places(
        np.arange(skus) % aisles, (np.arange(skus) // aisles + 0.5) * 40.0 / deep, np.ones(skus, dtype=float)
    )
    wanted = (np.arange(1, skus + 1) ** -0.85)[rng.permutation(skus)]
    wanted /= wanted.sum()
    family_of = rng.permutation(skus) % (skus // family)
    families = np.bincount(family_of, wanted)
    lists = []
    for _ in range(count):
        members = np.flatnonzero(family_of == rng.choice(families.size, p=families / families.sum()))
        weights = wanted[members] / wanted[members].sum()
        lists.append(
            [
                rng.choice(members, p=weights) if rng.random() < shared else rng.choice(skus, p=wanted)
                for _ in range(rng.integers(1, 12))
            ]
        )
    half = count // 2
    learn, judge = (
        Demand(np.repeat(np.arange(len(part)), [len(each) for each in part]), np.concatenate(part), len(part))
        for part in (lists[:half], lists[half:])
    )
    return Block(aisles, 40.0, 5.0, (aisles - 1) / 2), places, learn, judge, rng.permutation(skus)
