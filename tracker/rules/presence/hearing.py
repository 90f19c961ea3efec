"""How well a zone's readers hear, learned from tags whose place is certain: strengths inside and outside, the leak.

Every night, never in the fold; each night is a version, and a fold uses what was known then (`knowledge`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from tracker.rules.presence.knowledge import unlearned

WORTH = 300
"""So many epochs the belief before is worth."""
SD_MIN, SD_MAX = 3.0, 12.0
APART_DB = 3.0
"""Strangers are heard that much weaker at least: else strength would speak for the wrong zone."""
LEAK_MIN, LEAK_MAX = 0.01, 0.6


class Counted(NamedTuple):
    """Epochs in which a zone heard tags that were certainly in another, or in it: how many, and their strengths."""

    zone: int
    of_zone: int
    epochs: int
    told: int
    """Epochs whose strength was told, their mean and the sum of squares around it."""
    mean_dbm: float
    squares: float
    own_epochs: int
    """In how many epochs their own zone heard these tags."""


class Hearing(NamedTuple):
    """What was learned of a zone, from so many epochs."""

    zone: int
    inside_dbm: float
    outside_dbm: float
    sd_db: float
    leak: float
    epochs: int


def learned_of(counted: Iterable[Counted]) -> list[Hearing]:
    """What the counts say of each zone that heard tags of its own. Few epochs move little.

    >>> inside = Counted(1, 1, 30000, 30000, -50.0, 750000.0, 30000)
    >>> outside = Counted(1, 2, 3000, 3000, -70.0, 75000.0, 30000)
    >>> [round(value, 2) for value in learned_of([inside, outside])[0]]
    [1, -50.05, -69.64, 5.01, 0.1, 33000]
    """
    known = unlearned()
    inside_dbm, outside_dbm, sd_db, leak = (
        float(table[0, 0]) for table in (known.inside_dbm, known.outside_dbm, known.sd_db, known.leak)
    )
    by_zone: dict[int, list[Counted]] = defaultdict(list)
    for each in counted:
        by_zone[each.zone].append(each)
    found = []
    for zone, rows in sorted(by_zone.items()):
        own, others = ([r for r in rows if (r.of_zone == zone) is mine] for mine in (True, False))
        if not sum(r.epochs for r in own):
            continue
        inside, outside = _mean(own, inside_dbm), _mean(others, outside_dbm)
        squares = sum(r.squares for r in rows if r.told)
        told = sum(r.told for r in rows)
        sd = ((squares + WORTH * sd_db**2) / (told + WORTH)) ** 0.5
        heard, could = sum(r.epochs for r in others), sum(r.own_epochs for r in others)
        share = (heard + WORTH * leak) / (could + WORTH)
        found.append(
            Hearing(
                zone,
                inside,
                min(outside, inside - APART_DB),
                min(max(sd, SD_MIN), SD_MAX),
                min(max(share, LEAK_MIN), LEAK_MAX),
                sum(r.epochs for r in rows),
            )
        )
    return found


def _mean(rows: list[Counted], before: float) -> float:
    told = sum(r.told for r in rows)
    return (sum(r.told * r.mean_dbm for r in rows if r.told) + WORTH * before) / (told + WORTH)
