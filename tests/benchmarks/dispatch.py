"""A day of a fleet planned again while it runs: how long that takes, with what is locked kept and no limit broken."""

from __future__ import annotations

import time
from pathlib import Path

from planning.dispatch.solve import plan
from planning.routes.solver import Effort
from tests.benchmarks.figures import Figure
from tests.unit.planning.dispatch_judge import broken
from tests.unit.planning.dispatch_worlds import DAY_S, a_day, running

JOBS, TRUCKS, SEARCH_S, GOAL_S, ROUNDS = 300, 26, 4.0, 5.0, 3
NOW_S = DAY_S + 9 * 3600 + 15 * 60


def measure(_folder: Path) -> list[Figure]:
    """Seconds from the work to the plan, in the process that was asked."""
    work = a_day(JOBS, TRUCKS)
    before = plan(work, Effort(seconds=SEARCH_S))
    again = running(work, dict(before.routes), NOW_S, broken_down="truck-02")
    took = []
    for seed in range(ROUNDS):
        began = time.monotonic()
        found = plan(again, Effort(seconds=SEARCH_S), seed, dict(before.routes))
        took.append(time.monotonic() - began)
        if wrong := broken(again, found):
            raise AssertionError(f"limits are broken: {wrong[:3]}")
    stops, kept = len(again.jobs), sum(each.vehicle is not None for each in again.jobs)
    return [
        Figure(
            f"{stops} stops planned again on the road, {kept} of them locked", "s", took, goal=GOAL_S,
            smaller_is_better=True,
        )
    ]  # fmt: skip
