"""Shelves: a shelf by what lies on it. Its quantity changes when two weighings in a row agree: a hand is not a sale.

Where tags are is told by `tracker/rules/presence`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from domain.readings import F64

VERSION = 1


@dataclass(frozen=True, slots=True)
class Shelf:
    """One slot: the quantity believed, and the one the last weighing showed (-1: none yet)."""

    quantity: float = -1.0
    shown: float = -1.0
    confidence: float = 0.0


def weigh(carry: Shelf, mass_kg: F64, unit_mass_kg: float, item_count: F64) -> tuple[Shelf, list[tuple[int, float]]]:
    """The slot after weighings or counts in order of time, and the changes: (row, new quantity).

    A count is believed at once, a mass when the next one agrees. `unit_mass_kg` is NaN when the product has none.
    """
    quantity, shown, confidence = carry.quantity, carry.shown, carry.confidence
    units = np.maximum(np.rint(mass_kg / unit_mass_kg), 0.0)
    off = np.abs(mass_kg / unit_mass_kg - units)
    changes: list[tuple[int, float]] = []
    for row in range(len(mass_kg)):
        if not np.isnan(item_count[row]):
            seen, sure, agreed = float(item_count[row]), 0.99, True
        elif not np.isnan(units[row]):
            seen, sure = float(units[row]), float(max(1.0 - 1.6 * off[row], 0.2))
            agreed = seen == shown or quantity < 0
        else:
            continue
        shown = seen
        if agreed:
            confidence = sure if seen != quantity else 0.8 * confidence + 0.2 * sure
            if seen != quantity:
                quantity = seen
                changes.append((row, seen))
    return Shelf(quantity, shown, confidence), changes
