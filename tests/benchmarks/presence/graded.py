"""How good answers are: F1 of tag and zone, error of levels, and whether chances come true as often as they say."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from domain.readings import F64, I64
from tests.benchmarks.presence.rivals import WINDOWS, smurf, window
from tests.benchmarks.presence.simulated import WARM, World
from tracker.rules.presence.awake import Awake
from tracker.rules.presence.beliefs import Tags, look, step
from tracker.rules.presence.knowledge import unlearned

BINS = np.array([0.0, 0.05, 0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95, 1.0001])
BY = ("epochs", "strength")
FEW = 1000
"""With fewer cases, which hang together, how often they came true is not known to five points."""


class Told(NamedTuple):
    """Where tags were said to be, the expected level of each zone, and the chances told: by tag, epoch, candidate."""

    where: I64
    levels: F64
    chance: F64
    true: I64


def f1(where: I64, truth: I64) -> float:
    """Of pairs of tag and zone, over all epochs graded."""
    where, truth = where[:, WARM:], truth[:, WARM:]
    right = int(((where == truth) & (truth > 0)).sum())
    false = int(((where > 0) & (where != truth)).sum())
    missed = int(((truth > 0) & (where != truth)).sum())
    return 2 * right / (2 * right + false + missed)


def level_error(levels: F64, world: World) -> float:
    """How far levels are off, in pieces, by zone and epoch."""
    return float(np.abs(levels[WARM:] - levels_of(world.truth, world.zones)[WARM:]).mean())


def levels_of(where: I64, zones: int) -> F64:
    """Tags by epoch and zone."""
    return np.stack([(where == z).sum(axis=0) for z in range(1, zones + 1)], axis=1).astype(np.float64)


def filtered(world: World) -> Told:
    """What our filter tells at the end of every epoch."""
    tags, epochs = world.truth.shape
    entity = np.arange(1, tags + 1)
    carry, awake, known = Tags.blank(entity), Awake.empty(), unlearned()
    edges = np.searchsorted(world.epoch, np.arange(epochs + 1))
    where, levels = np.zeros((tags, epochs), np.int64), np.zeros((epochs, world.zones))
    chances, came_true = [], []
    for e in range(epochs):
        some = slice(edges[e], edges[e + 1])
        awake.add(world.zone[some], world.epoch[some])
        which = np.unique(world.tag[some])
        fresh = step(
            carry.take(which), world.tag[some] + 1, world.epoch[some], world.zone[some], world.dbm[some], awake, known
        )
        for column, value in zip(carry.columns().values(), fresh.columns().values(), strict=True):
            column[which] = value
        zone, chance = look(carry, awake, known, whole=True)
        best = chance.argmax(axis=1)
        rows = np.arange(tags)
        where[:, e] = np.where(chance[rows, best] > 0.5, zone[rows, best], 0)
        row, k = np.nonzero(zone > 0)
        np.add.at(levels[e], zone[row, k] - 1, chance[row, k])
        if e >= WARM:
            chances.append(chance[row, k])
            came_true.append(zone[row, k] == world.truth[row, e])
    return Told(where, np.rint(levels), np.concatenate(chances), np.concatenate(came_true))


def reliability(chance: F64, true: F64, few: int = FEW) -> list[tuple[float, float, int]]:
    """By bin of chances: their mean, how often they came true, and how many there were."""
    at = np.digitize(chance, BINS) - 1
    count, said = np.bincount(at, minlength=len(BINS)), np.bincount(at, chance, len(BINS))
    came = np.bincount(at, true, len(BINS))
    return [(said[i] / count[i], came[i] / count[i], int(count[i])) for i in np.flatnonzero(count >= few)]


def rivals(world: World) -> tuple[tuple[str, float, float], tuple[str, float, float]]:
    """The best fixed window, and SMURF in its better form: name, F1, level error."""
    tries = [(f"window of {n} epochs by {by}", window(world, n, by)) for n in WINDOWS for by in BY]
    windows = [_graded(*each, world) for each in tries]
    smurfs = [_graded(f"SMURF by {by}", smurf(world, by), world) for by in BY]
    return max(windows, key=_by_f1), max(smurfs, key=_by_f1)


def _graded(name: str, where: I64, world: World) -> tuple[str, float, float]:
    return name, f1(where, world.truth), level_error(levels_of(where, world.zones), world)


def _by_f1(graded: tuple[str, float, float]) -> float:
    return graded[1]
