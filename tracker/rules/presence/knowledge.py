"""What the filter believes of readers and tags before it hears them, by version: a fold uses what was known then."""

from __future__ import annotations

from dataclasses import dataclass
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
    portal: NDArray[np.bool_] | None = None
    """By zone and zone: a portal leads from the one to the other."""
    priors: Priors = PRIORS

    def of(self, zone: NDArray[Any], epoch: NDArray[Any]) -> tuple[F64, F64, F64, F64]:
        """Strength inside and outside, its deviation, and the leak, of zones at epochs."""
        column = np.where(zone < self.inside_dbm.shape[1], zone, 0)
        if len(self.since) == 1:
            version = np.zeros(np.shape(zone), np.int64)
        else:
            version = np.maximum(np.searchsorted(self.since, epoch, "right") - 1, 0)
        return tuple(table[version, column] for table in (self.inside_dbm, self.outside_dbm, self.sd_db, self.leak))  # type: ignore[return-value]


def unlearned(priors: Priors = PRIORS) -> Knowledge:
    """Version 0: what stands before anything was learned; passive UHF tags some metres from an antenna."""
    one = np.ones((1, 1))
    return Knowledge(np.zeros(1, np.int64), -55.0 * one, -66.0 * one, 6.0 * one, 0.15 * one, priors=priors)
