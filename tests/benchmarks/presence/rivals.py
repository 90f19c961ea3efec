"""What presence is measured against: a fixed window, and SMURF (Jeffery, Garofalakis, Franklin, VLDB 2006)."""

from __future__ import annotations

import numpy as np

from domain.readings import F64, I64
from tests.benchmarks.presence.simulated import INTERROGATIONS, World

WINDOWS = (1, 2, 3, 4, 5, 6, 8, 10, 14, 20, 28, 40)
DELTA = 0.05


def strengths_of(world: World) -> tuple[F64, F64]:
    """Sums up to each epoch of the epochs that heard a tag, and of their strengths above -100 dBm."""
    tags, epochs = world.truth.shape
    seen, dbm = np.zeros((2, epochs + 1, tags, world.zones))
    seen[world.epoch + 1, world.tag, world.zone - 1] = 1
    dbm[world.epoch + 1, world.tag, world.zone - 1] = world.dbm + 100
    return np.cumsum(seen, axis=0), np.cumsum(dbm, axis=0)


def settled(seen: F64, dbm: F64, by: str) -> I64:
    """Of the zones that have a tag: the one that heard it in more epochs, or louder; 0 for none. Zones are last."""
    weight = seen if by == "epochs" else np.where(seen > 0, dbm / np.maximum(seen, 1), 0.0)
    return np.where(seen.max(axis=-1) > 0, weight.argmax(axis=-1) + 1, 0)


def window(world: World, epochs: int, by: str) -> I64:
    """Seen within the last so many epochs. Zone by tag and epoch; 0: none."""
    seen, dbm = (
        total - np.concatenate([np.zeros_like(total[:epochs]), total[:-epochs]]) for total in strengths_of(world)
    )
    return settled(seen[1:], dbm[1:], by).T


def smurf(world: World, by: str, delta: float = DELTA) -> I64:
    """SMURF for each tag and reader, between which `by` decides.

    The read rate is the mean of the answers in the epochs in which the tag was seen. It is of one interrogation, and
    the window is in epochs: the chance to be seen in an epoch is 1 - (1 - rate)^interrogations.
    """
    tags, epochs = world.truth.shape
    seen, dbm = strengths_of(world)
    rates = np.zeros(seen.shape)
    rates[world.epoch + 1, world.tag, world.zone - 1] = world.answers / INTERROGATIONS
    rates = np.cumsum(rates, axis=0)
    width = np.ones((tags, world.zones), np.int64)
    told = np.zeros((tags, epochs), np.int64)
    tag, zone = np.indices(width.shape)
    for e in range(epochs):
        low = np.maximum(e + 1 - width, 0)
        s, mean, loud = (total[e + 1] - total[low, tag, zone] for total in (seen, rates, dbm))
        p = (1 - (1 - mean / np.maximum(s, 1)) ** INTERROGATIONS).clip(1e-3, 0.999)
        told[:, e] = settled(s, loud, by)
        wanted = np.ceil(np.log(1 / delta) / p).astype(np.int64)
        moved = np.abs(s - width * p) > 2 * np.sqrt(width * p * (1 - p))
        grown = np.maximum(np.minimum(width + 2, wanted), 1)
        shrunk = np.maximum(np.minimum(width // 2, wanted), 1)
        width = np.where(s == 0, 1, np.where(wanted > width, grown, np.where(moved, shrunk, width)))
    return told
