"""A simulated warehouse whose truth is known: tags in zones that lie in a row, each read as well as it hangs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from domain.readings import F64, I64

INTERROGATIONS = 4
"""Rounds in which a reader asks all tags, in each epoch."""
WARM = 100
"""Epochs at the beginning that are not graded."""


class World(NamedTuple):
    """Truth by tag and epoch (zone from 1; 0: gone), and the reads: tag, epoch, zone, answers, strongest strength."""

    truth: I64
    zones: int
    tag: I64
    epoch: I64
    zone: I64
    answers: I64
    dbm: F64


def world(
    seed: int, rate: float, tags: int = 300, epochs: int = 1500, zones: int = 6, leak: float = 0.15, dwell: int = 800
) -> World:
    """A world in which tags are read in `rate` of the epochs, each by its own rate around it.

    The next zones hear a tag too (`leak` of its own rate), weaker; ghosts are rare. Strengths differ by tag.
    """
    rng = np.random.default_rng(seed)
    truth = np.zeros((tags, epochs), np.int64)
    for i in range(tags):
        e, z = 0, int(rng.integers(0, zones + 1))
        while e < epochs:
            stay = int(rng.exponential(dwell * (1 if z else 0.5))) + 1
            truth[i, e : e + stay] = z
            e, u = e + stay, rng.random()
            if not z or u > 0.8:
                z = int(rng.integers(1, zones + 1))
            else:
                z = 0 if u < 0.4 else int(np.clip(z + rng.choice((-1, 1)), 1, zones))
    own = rng.beta(rate * 8, 8 - rate * 8, tags).clip(0.02, 0.995)
    parts = []
    for z in range(1, zones + 1):
        here, beside = truth == z, (truth > 0) & (np.abs(truth - z) == 1)
        chance = np.where(here, own[:, None], np.where(beside, leak * own[:, None] / rate, 1e-4)).clip(0, 0.999)
        answers = rng.binomial(INTERROGATIONS, 1 - (1 - chance) ** (1 / INTERROGATIONS))
        tag, epoch = np.nonzero(answers)
        dbm = np.where(here[tag, epoch], rng.normal(-55, 5, len(tag)), rng.normal(-66, 5, len(tag)))
        parts.append((tag, epoch, np.full(len(tag), z), answers[tag, epoch], dbm))
    tag, epoch, zone, answers, dbm = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(epoch, kind="stable")
    dbm = dbm + rng.normal(0, 3, tags)[tag]
    return World(truth, zones, tag[order], epoch[order], zone[order], answers[order], dbm[order])
