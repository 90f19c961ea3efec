"""The walks that people know by heart, and what they cost: S-shape, return, largest gap, the best of each aisle.

All go to the first aisle in which something lies, then from aisle to aisle, and home (Roodbergen & de Koster 2001,
International Journal of Production Research 39:1865). Pure; many lists at once.
"""

from __future__ import annotations

import numpy as np

from domain.readings import F64
from planning.picking.block import Block, Lists


def s_shape(block: Block, lists: Lists) -> F64:
    """Each aisle from end to end; the last one back to the front where one would stay at the back."""
    has = ~np.isnan(lists.low)
    count = has.sum(axis=1)
    last = _last(lists)
    odd = count % 2 == 1
    return np.where(count, _across(block, has) + block.length_m * (count - odd) + np.where(odd, 2 * last, 0.0), 0.0)


def back_and_forth(block: Block, lists: Lists) -> F64:
    """Into each aisle as far as needed, and back."""
    has = ~np.isnan(lists.low)
    inside = np.where(has, 2 * np.nan_to_num(lists.high), 0.0).sum(axis=1)
    return np.where(has.any(axis=1), _across(block, has) + inside, 0.0)


def largest_gap(block: Block, lists: Lists) -> F64:
    """The first and last aisle from end to end, of all between the longest way without a pick is not walked."""
    has = ~np.isnan(lists.low)
    count = has.sum(axis=1)
    ways = np.where(has, 2 * (block.length_m - np.nan_to_num(lists.gap)), 0.0)
    places = np.arange(block.aisles)
    first, end = has.argmax(axis=1), block.aisles - 1 - has[:, ::-1].argmax(axis=1)
    between = (places > first[:, None]) & (places < end[:, None])
    inside = np.where(between, ways, 0.0).sum(axis=1) + 2 * block.length_m
    alone = 2 * _last(lists)
    return np.where(count, _across(block, has) + np.where(count == 1, alone, inside), 0.0)


def best_of_each(block: Block, lists: Lists) -> F64:
    """Each aisle through, or in and out at the end one comes by: whatever costs least altogether."""
    has = ~np.isnan(lists.low)
    front, back = np.zeros(len(has)), np.full(len(has), np.inf)
    for aisle in range(block.aisles):
        here = has[:, aisle]
        low, high = np.nan_to_num(lists.low[:, aisle]), np.nan_to_num(lists.high[:, aisle])
        to_front = np.minimum(front + 2 * high, back + block.length_m)
        to_back = np.minimum(back + 2 * (block.length_m - low), front + block.length_m)
        front, back = np.where(here, to_front, front), np.where(here, to_back, back)
    return np.where(has.any(axis=1), _across(block, has) + front, 0.0)


RULES = {
    "s_shape": s_shape,
    "return": back_and_forth,
    "largest_gap": largest_gap,
    "combined": best_of_each,
}
"""By the names they are told by."""


def _across(block: Block, has: np.ndarray) -> F64:
    """From the depot to the first aisle, to the last and home."""
    first, last = has.argmax(axis=1), block.aisles - 1 - has[:, ::-1].argmax(axis=1)
    ways = np.abs(block.depot - first) + (last - first) + np.abs(last - block.depot)
    return np.asarray(block.pitch_m * ways)


def _last(lists: Lists) -> F64:
    """How far into the last aisle the furthest pick lies."""
    has = ~np.isnan(lists.low)
    last = has.shape[1] - 1 - has[:, ::-1].argmax(axis=1)
    furthest: F64 = np.nan_to_num(lists.high[np.arange(len(has)), last])
    return furthest
