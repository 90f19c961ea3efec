"""Presence of tags: against simulated truth beside the best fixed window and SMURF, how fast, and how large.

The rule's priors were tuned on the worlds of seeds 1 and 5, at read rates of 60 and 80 %; these here are others.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from domain.readings import F64
from tests.benchmarks.figures import Figure
from tests.benchmarks.presence.graded import f1, filtered, level_error, reliability, rivals
from tests.benchmarks.presence.simulated import world
from tracker.rules.presence.awake import Awake
from tracker.rules.presence.beliefs import Tags, look, step
from tracker.rules.presence.knowledge import unlearned
from tracker.stock.tags import PACKER

RATES = (0.6, 0.7, 0.8, 0.9, 0.95)
SEEDS = (2, 3, 4, 6, 7)
TAGS, EPOCHS = 300, 1000
MANY, ROUNDS, SPEED_GOAL, SIZE_GOAL = 100_000, 8, 100_000, 200


class Graded(NamedTuple):
    """Ours, and the better of each rival: F1 and level error by seed; chances told, and whether they came true."""

    ours: list[tuple[float, float]]
    window: list[tuple[float, float]]
    smurf: list[tuple[float, float]]
    chance: F64
    true: F64


@cache
def graded(rate: float, seeds: Sequence[int] = SEEDS, tags: int = TAGS, epochs: int = EPOCHS) -> Graded:
    """How good all three are at a read rate."""
    found: Graded = Graded([], [], [], np.empty(0), np.empty(0))
    for seed in seeds:
        one = world(seed, rate, tags, epochs)
        told, (window, smurf) = filtered(one), rivals(one)
        found.ours.append((f1(told.where, one.truth), level_error(told.levels, one)))
        found.window.append(window[1:])
        found.smurf.append(smurf[1:])
        chance, true = np.concatenate([found.chance, told.chance]), np.concatenate([found.true, told.true])
        found = found._replace(chance=chance, true=true)
    return found


def measure(_folder: Path) -> list[Figure]:
    """F1, levels and chances at each read rate; reads a second of 100 000 tags; bytes a tag."""
    found = []
    for rate in RATES:
        g = graded(rate)
        (window, window_off), (smurf, smurf_off) = (np.mean(of, axis=0).tolist() for of in (g.window, g.smurf))
        at = f"{rate:.0%} of the tags read"
        ceilings = {"best fixed window": window, "SMURF": smurf}
        found.append(Figure(f"presence, F1, {at}", "", [f for f, _ in g.ours], ceilings, max(ceilings.values())))
        ceilings = {"best fixed window": window_off, "SMURF": smurf_off}
        off = [o for _, o in g.ours]
        goal = min(ceilings.values())
        found.append(Figure(f"levels, error, {at}", "pieces", off, ceilings, goal, smaller_is_better=True))
        worst = 100 * max(abs(said - came) for said, came, _ in reliability(g.chance, g.true))
        name = f"chances against what came true, worst tenth, {at}"
        found.append(Figure(name, "points", [worst], goal=5, smaller_is_better=True))
    return [*found, *speed()]


def speed() -> list[Figure]:
    """A read of each of 100 000 tags an epoch, in one step each; and what is kept of them."""
    tags, awake, known = Tags.blank(np.arange(MANY)), Awake.empty(), unlearned()
    rng, rates = np.random.default_rng(3), []
    for epoch in range(ROUNDS):
        zone, dbm = 1 + np.arange(MANY) % 50, rng.normal(-55, 5, MANY)
        epochs, begin = np.full(MANY, epoch), time.process_time()
        awake.add(zone, epochs)
        tags = step(tags, tags.entity, epochs, zone, dbm, awake, known)
        rates.append(MANY / (time.process_time() - begin))
    begin = time.process_time()
    look(tags, awake, known)
    looked_s = time.process_time() - begin
    memory = sum(c.nbytes for c in (tags.entity, *tags.columns().values())) / MANY + 8 + 8 + 4 + 2 + 4
    row = len(PACKER.pack(tags.entity[:1], (tags.take(np.arange(1)),))[0]) + 4 + ROW_BYTES
    return [
        Figure(
            "tag reads into presence, 100 000 tags", "reads/s/core", rates[2:], goal=SPEED_GOAL,
            details_are="seconds", details={"levels of all of them": looked_s},
        ),
        Figure(
            "state of a tag", "bytes", [memory], goal=SIZE_GOAL, smaller_is_better=True,
            details_are="bytes", details={"in its row": row},
        ),
    ]  # fmt: skip


ROW_BYTES = 24 + 4 * 6 + 8 + 2
"""Head of a row, and its columns beside the carry."""
