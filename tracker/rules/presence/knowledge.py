"""What the filter believes of readers and tags before it hears them, by version: a fold uses what was known then."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain.readings import F64, I64

EPOCH_US = 30_000_000
"""An epoch. Readers and their gateways report every few seconds up to a minute; a tag that goes is missed after three
to five epochs. Shorter ones make more work and no better levels."""


@dataclass(frozen=True, slots=True)
class Priors:
    """Chances per epoch, and what is held of a tag nobody knows yet."""

    read_rate: float = 0.8
    weight: float = 12.0
    """So many epochs the first belief in a tag's read rate is worth."""
    memory: float = 0.995
    """A tag's read rate is learned over the last two hundred epochs or so: a pallet is turned round."""
    ghost: float = 1e-4
    """That a tag which is in no zone is read in one."""
    stray: float = 0.3
    """That the very first read of a tag is of one that is elsewhere, before its strength is looked at."""
    leave: float = 0.46 / 800
    move: float = 0.69 / 800
    come: float = 2 / 800
    """From nowhere to some zone."""
    passes: float = 0.3
    """Of tags that the other side of their zone's portal hears, in an epoch."""
    near: float = 0.4
    """Of those that move, the share that comes to a given zone which hears the tag."""
    zones: float = 6.0
    """Of those that come, one of so many comes to a given zone."""


PRIORS = Priors()


@dataclass(frozen=True)
class Knowledge:
    """How zones' readers hear: tags inside, and those of other zones. By version (row) and zone (column).

    `since` is the first epoch of each version; zones beyond the columns have what column 0 has.
    """

    since: I64
    inside_dbm: F64
    outside_dbm: F64
    sd_db: F64
    leak: F64
    """Read rate of another zone's tag, as a share of its read rate in its own."""
    portals: I64 = field(default_factory=lambda: np.empty(0, np.int64))
    """Pairs of zones, as `pair`, sorted: a portal leads from the one to the other, in both directions."""
    priors: Priors = PRIORS

    def of(self, zone: NDArray[Any], epoch: NDArray[Any]) -> tuple[F64, F64, F64, F64]:
        """Strength inside and outside, its deviation, and the leak, of zones at epochs."""
        column = np.where(zone < self.inside_dbm.shape[1], zone, 0)
        if len(self.since) == 1:
            version = np.zeros(np.shape(zone), np.int64)
        else:
            version = np.maximum(np.searchsorted(self.since, epoch, "right") - 1, 0)
        return tuple(table[version, column] for table in (self.inside_dbm, self.outside_dbm, self.sd_db, self.leak))  # type: ignore[return-value]


def pair(zone: NDArray[Any], other: NDArray[Any]) -> I64:
    """Two zones as one number."""
    return np.asarray(np.asarray(zone, np.int64) << 32 | np.asarray(other, np.int64))


def portals_of(pairs: Iterable[tuple[int, int]]) -> I64:
    """Pairs of zones for `Knowledge.portals`.

    >>> portals_of([(1, 2)]).tolist() == sorted(pair(np.array([1, 2]), np.array([2, 1])).tolist())
    True
    """
    both = sorted({p for a, b in pairs for p in ((a, b), (b, a))})
    table = np.array(both, np.int64).reshape(-1, 2)
    return pair(table[:, 0], table[:, 1])


def learned(rows: Sequence[tuple[int, int, float, float, float, float]], portals: I64) -> Knowledge:
    """What was learned of zones: zone, the epoch since when it holds, strengths, deviation and leak; in order of time.

    >>> known = learned([(3, 10, -50.0, -60.0, 5.0, 0.1)], portals_of([]))
    >>> known.of(np.array([3, 3, 9]), np.array([9, 10, 10]))[0].tolist()
    [-55.0, -50.0, -55.0]
    """
    first = unlearned()
    tables = [first.inside_dbm, first.outside_dbm, first.sd_db, first.leak]
    since = sorted({row[1] for row in rows})
    if rows:
        wide = max(row[0] for row in rows) + 1
        tables = [np.full((len(since) + 1, wide), table[0, 0]) for table in tables]
        for zone, epoch, *values in rows:
            for table, value in zip(tables, values, strict=True):
                table[since.index(epoch) + 1 :, zone] = value
    inside_dbm, outside_dbm, sd_db, leak = tables
    return Knowledge(np.array([0, *since], np.int64), inside_dbm, outside_dbm, sd_db, leak, portals)


def unlearned(priors: Priors = PRIORS) -> Knowledge:
    """Version 0: what stands before anything was learned; passive UHF tags some metres from an antenna."""
    one = np.ones((1, 1))
    return Knowledge(np.zeros(1, np.int64), -55.0 * one, -66.0 * one, 6.0 * one, 0.15 * one, priors=priors)
