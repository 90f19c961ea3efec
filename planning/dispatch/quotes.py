"""What a change of a plan would come to, before anybody makes it; and what tells two plans apart. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from planning.dispatch.board import SLACK, Board, Broken, Figures
from planning.dispatch.solve import Dispatch, LeftOut, cheapest, least_broken
from planning.dispatch.work import WorkError


class Change(NamedTuple):
    """An order goes to a vehicle, before the visit of that place in its route; `at` None: where it costs least.

    `truck` None: no vehicle brings it.
    """

    job: str
    truck: str | None
    at: int | None = None


class Sum(NamedTuple):
    """What a plan comes to."""

    cost: float
    late: float
    km: float
    kgco2e: float
    vehicles: int
    hours: float


@dataclass(frozen=True)
class Quote:
    """The plan as it would be, what it adds, and which limits it would break, or break more."""

    plan: Dispatch
    added: Sum
    broken: tuple[tuple[str, Broken], ...]


def sum_of(figures: Mapping[str, Figures]) -> Sum:
    """All routes together; vehicles without emission factor emit nothing that is known."""
    used = [each for each in figures.values() if each.visits]
    return Sum(
        sum(each.cost for each in used), sum(each.late for each in used), sum(each.km for each in used),
        sum(each.kgco2e or 0.0 for each in used), len(used), sum(each.home_s - each.leave_s for each in used) / 3600,
    )  # fmt: skip


def _less(then: Sum, before: Sum) -> Sum:
    return Sum(
        then.cost - before.cost, then.late - before.late, then.km - before.km, then.kgco2e - before.kgco2e,
        then.vehicles - before.vehicles, then.hours - before.hours,
    )  # fmt: skip


def judged(board: Board, routes: Mapping[str, tuple[str, ...]], left_out: Mapping[str, LeftOut]) -> Dispatch:
    """A plan from its routes: what is in none is left out."""
    figures = {truck: board.figures(truck, routes.get(truck, ())) for truck in board.trucks}
    placed = {job for jobs in routes.values() for job in jobs}
    missing = tuple(left_out.get(job, LeftOut(job, ())) for job in board.jobs if job not in placed)
    return Dispatch({truck: tuple(routes.get(truck, ())) for truck in board.trucks}, figures, missing)


def quote(board: Board, plan: Dispatch, change: Change) -> Quote:
    """What a change would come to.

    Raises:
        WorkError: there is no such order or vehicle in the plan, or it is on board of another one.
    """
    job = board.jobs.get(change.job)
    if job is None:
        raise WorkError(f"order: {change.job} is not in this plan")
    if change.truck is not None and change.truck not in board.trucks:
        raise WorkError(f"vehicle: {change.truck} is not in this plan")
    if job.aboard and change.truck != job.vehicle:
        raise WorkError(f"{job.id} is on board of {job.vehicle}: unload it first")
    routes = {truck: tuple(each for each in jobs if each != job.id) for truck, jobs in plan.routes.items()}
    if change.truck is not None:
        at = change.at
        if at is None:
            place, _ = cheapest(board, routes, job.id, [change.truck])
            at = place.at if place else least_broken(board, change.truck, routes[change.truck], job.id).at
        now = routes[change.truck]
        at = min(at, len(now))
        routes[change.truck] = (*now[:at], job.id, *now[at:])
    after = judged(board, routes, {each.job: each for each in plan.left_out})
    before, then = sum_of(plan.figures), sum_of(after.figures)
    had = {(truck, each.limit, each.job): each.by for truck, each in plan.broken}
    broken = tuple(
        (truck, each) for truck, each in after.broken if each.by > had.get((truck, each.limit, each.job), 0.0) + SLACK
    )
    return Quote(after, _less(then, before), broken)


def locked(board: Board, plan: Dispatch, job: str, *, lock: bool) -> Board:
    """The same work with an order that stays on the vehicle it has, or may go to any again.

    Raises:
        WorkError: it has no vehicle, or is on board of one.
    """
    one = board.jobs.get(job)
    if one is None:
        raise WorkError(f"order: {job} is not in this plan")
    if one.aboard:
        raise WorkError(f"{job} is on board of {one.vehicle}: that is no lock to take away")
    has = next((truck for truck, jobs in plan.routes.items() if job in jobs), None)
    if lock and has is None:
        raise WorkError(f"{job} is on no vehicle: put it on one, then lock it")
    jobs = tuple(replace(each, vehicle=has if lock else None) if each.id == job else each for each in board.work.jobs)
    return Board(replace(board.work, jobs=jobs))


class Changed(NamedTuple):
    """What is other for an order: its vehicle, and when it comes (p50); None: none."""

    job: str
    customer: str
    old_truck: str | None
    new_truck: str | None
    old_s: int | None
    new_s: int | None


def changes(
    board: Board, before: Mapping[str, tuple[str, int | None]], plan: Dispatch, least_s: int = 300
) -> list[Changed]:
    """Orders that get another vehicle, or come so many seconds earlier or later.

    Args:
        board: the work of the plan.
        before: vehicle and expected arrival of orders as they were.
        plan: the new one.
        least_s: less does not count.
    """
    now = {visit.job: (truck, visit.p50_s) for truck, found in plan.figures.items() for visit in found.visits}
    changed = []
    for job in board.jobs.values():
        old_truck, old_s = before.get(job.id, (None, None))
        new_truck, new_s = now.get(job.id, (None, None))
        moved = old_s is None or new_s is None or abs(new_s - old_s) >= least_s
        if old_truck != new_truck or (moved and (old_s, new_s) != (None, None)):
            changed.append(Changed(job.id, job.customer, old_truck, new_truck, old_s, new_s))
    return changed
