"""Stock from evidence: tags by the last place that read them, shelves by what lies on them.

A tag is where the newest read saw it. One read may be a stray through the wall, so each further read in a row at the
same place makes it surer. A shelf's quantity changes when two weighings in a row agree: a hand on the shelf is not a
sale.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from domain.readings import F64, I32, I64

VERSION = 1
STRAY = 0.3  # chance that a single read is of a tag that is elsewhere
READS_MAX = 20


@dataclass(frozen=True, slots=True)
class Places:
    """Where tags are, sorted by tag: time of the newest read, the device that read it, reads in a row."""

    tag: I32
    t_us: I64
    device: I32
    reads: I32


def locate(known: Places, tag: I32, t_us: I64, device: I32, zone_of: I32) -> Places:
    """Places of the tags in these reads after them; `zone_of` gives the zone of a device.

    Late reads count for nothing here: the newest read decides, in whatever order reads arrive. Reads are counted from
    the last time the tag came to its zone.
    """
    order = np.lexsort((device, t_us, tag))
    tag, t_us, device = tag[order], t_us[order], device[order]
    first = np.flatnonzero(np.concatenate([[True], tag[1:] != tag[:-1]]))
    last = np.append(first[1:], len(tag)) - 1
    row = np.searchsorted(known.tag, tag[first]).clip(0, max(len(known.tag) - 1, 0))
    have = (known.tag[row] == tag[first]) if len(known.tag) else np.zeros(len(first), np.bool_)
    old_t = (
        np.where(have, known.t_us[row], np.iinfo(np.int64).min)
        if len(known.tag)
        else np.full(len(first), np.iinfo(np.int64).min)
    )
    newest = t_us[last]
    newer = newest > old_t
    zone = zone_of[device]
    same_as_last = zone == zone[np.repeat(last, last - first + 1)]
    fresh = t_us > np.repeat(old_t, last - first + 1)
    counts = np.add.reduceat((same_as_last & fresh).astype(np.int32), first)
    if len(known.tag):
        stays = have & (zone_of[known.device[row]] == zone[last])
        counts = counts + np.where(stays, known.reads[row], 0)
        device_out = np.where(newer, device[last], known.device[row])
        reads_out = np.where(newer, counts, known.reads[row])
    else:
        device_out, reads_out = device[last], counts
    return Places(
        tag[first],
        np.maximum(newest, old_t),
        device_out.astype(np.int32),
        np.minimum(reads_out, READS_MAX).astype(np.int32),
    )


def tag_confidence(reads: F64 | I32) -> F64:
    """Chance that a tag is where it was last read.

    >>> tag_confidence(np.array([1, 2])).round(2).tolist()
    [0.7, 0.91]
    """
    return 1.0 - STRAY ** np.maximum(np.asarray(reads, dtype=np.float64), 1.0)


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
