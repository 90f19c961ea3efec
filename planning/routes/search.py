"""The best plan of several tries side by side: other seeds, and other sizes of the fleet.

A fleet that may be as large as it likes gets stuck with a route too many; one that is as small as it can be finds the
better plan at once, or finds none. So both are tried, and the better of the feasible ones is gone on from.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import NamedTuple

from planning.routes.evaluate import Evaluation, evaluate
from planning.routes.problem import Plan, Problem
from planning.routes.solver import Effort, solve

FIRST, SWEEP, LAST = 0.2, 0.4, 0.4
"""Parts of the effort: as it comes, with fleets of other sizes, on from the best."""
STARTS_S = 1.0
"""So long a process takes to start; of the seconds that were asked for."""


class Found(NamedTuple):
    """The best plan, and what it comes to."""

    plan: Plan
    evaluation: Evaluation


class Try(NamedTuple):
    """One search."""

    problem: Problem
    effort: Effort
    seed: int
    start: Plan | None = None


def search(
    problem: Problem, effort: Effort, seed: int = 0, processes: int | None = None, start: Plan | None = None
) -> Found:
    """The best plan found; where none is feasible, the one that breaks the fewest limits.

    Args:
        problem: what is to be driven.
        effort: of each process; with seconds, of all together.
        seed: the same one with the same iterations and processes ends in the same plan.
        processes: side by side; None: as many as there are cores, two at most.
        start: a plan to go on from.
    """
    if not (problem.stops or problem.transports):
        return Found((), evaluate(problem, ()))
    count = processes or min(2, os.cpu_count() or 1)
    if effort.seconds and count > 1:
        effort = effort._replace(seconds=max(effort.seconds - STARTS_S, effort.seconds / 2))
    with _pool(count) as pool:
        plans = _tried(pool, [Try(problem, effort.share(FIRST), seed + n, start) for n in range(count)])
        best = _best(problem, [start, *plans] if start else plans)
        plans = _tried(pool, _fleets(problem, best, effort.share(SWEEP), seed + count, count))
        best = _best(problem, [best.plan, *plans])
        smaller = _with_fleet(problem, len(best.plan))
        last = [Try(each, effort.share(LAST), seed + 2 * count + n, best.plan) for n, each in
                enumerate([smaller, problem, *[smaller] * count][:count])]  # fmt: skip
        return _best(problem, [best.plan, *_tried(pool, last)])


def _fleets(problem: Problem, best: Found, effort: Effort, seed: int, count: int) -> list[Try]:
    """One vehicle fewer than the best plan needs, as many, one more: as many tries as there are processes."""
    used = len(best.plan)
    sizes = [size for size in (used - 1, used, used + 1, used - 2) if size >= 1] if _is_one_fleet(problem) else []
    tries = [Try(_with_fleet(problem, size), effort, seed + n) for n, size in enumerate(sizes[:count])]
    more = range(len(tries), count)
    return tries + [Try(problem, effort, seed + n, best.plan if n % 2 == 0 else None) for n in more]


def _is_one_fleet(problem: Problem) -> bool:
    return len(problem.vehicles) == 1


def _with_fleet(problem: Problem, size: int) -> Problem:
    if not _is_one_fleet(problem):
        return problem
    only = problem.vehicles[0]
    return replace(problem, vehicles=[only._replace(available=min(size, only.available))])


def _best(problem: Problem, plans: Iterable[Plan]) -> Found:
    """The cheapest that keeps all limits, else the one that breaks them least."""
    found = [Found(plan, evaluate(problem, plan)) for plan in plans]
    return min(found, key=lambda each: (len(each.evaluation.broken), cost_of(problem, each.evaluation)))


def cost_of(problem: Problem, evaluation: Evaluation) -> int:
    """Distance, what vehicles cost, and what would have been earned."""
    stops, transports = problem.stops, problem.transports
    missed = sum(
        (stops[visit.number].prize if visit.kind == "stop" else transports[visit.number].prize) or 0
        for visit in evaluation.left_out
        if visit.kind != "delivery"
    )
    return evaluation.distance + evaluation.fixed_cost + missed


@contextmanager
def _pool(count: int):  # type: ignore[no-untyped-def] # noqa: ANN202
    if count == 1:
        yield None
        return
    # Not forked: whoever asks may have threads and connections.
    with ProcessPoolExecutor(count, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


def _tried(pool: Executor | None, tries: Sequence[Try]) -> list[Plan]:
    if pool is None:
        return [_one(each) for each in tries]
    return list(pool.map(_one, tries))


def _one(each: Try) -> Plan:
    return solve(each.problem, each.effort, each.seed, each.start)
