"""A plan: routes that PyVRP finds, judged by the board with the driver's hours, and looked for again until they hold.

PyVRP knows neither breaks nor hours of the week. So ways get the pace of the hour at which the last plan leaves each
place, windows that a break makes miss, or that are missed too often, end so much earlier, and it goes on from the last
plan: three rounds. What then still breaks a limit leaves its route, and what has no route is put where it costs least
and breaks nothing; goods on board are brought in any case.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from domain.readings import F64, I64
from planning.dispatch.board import Board, Broken, Figures, capacities, forbidden, loads_of
from planning.dispatch.work import Job, Truck, Work, WorkError
from planning.routes.problem import FOREVER, STOP, Problem, Route, Stop, Vehicles, Visit, Window
from planning.routes.problem import Plan as RoutesPlan

if TYPE_CHECKING:
    from planning.routes.solver import Effort

ROUNDS = (0.45, 0.35, 0.2)
MARGIN_S = 120
CENT = 100
PRIZE, ABOARD = 1_000_000, 100_000_000
MANY = 2**40
Routes = dict[str, tuple[str, ...]]
"""Orders of each vehicle, in their order."""


class Forbidden(NamedTuple):
    """Why a vehicle does not take an order, where it would hurt least."""

    vehicle: str
    limit: str
    by: float


@dataclass(frozen=True)
class LeftOut:
    """An order that no vehicle takes, and of each the limit that forbids it."""

    job: str
    why: tuple[Forbidden, ...]


@dataclass(frozen=True)
class Dispatch:
    """A plan, and what it comes to."""

    routes: Mapping[str, tuple[str, ...]]
    figures: Mapping[str, Figures]
    left_out: tuple[LeftOut, ...]

    @property
    def broken(self) -> list[tuple[str, Broken]]:
        """Limits that are not kept, by vehicle."""
        return [(truck, each) for truck, found in self.figures.items() for each in found.broken]


def plan(work: Work, effort: Effort, seed: int = 0, start: Routes | None = None) -> Dispatch:
    """The best plan found.

    Args:
        work: what is to be brought, by whom.
        effort: seconds of all rounds together, or iterations: then the same seed ends in the same plan.
        seed: of the search.
        start: a plan to go on from; orders it names that are not in `work` are passed over.
    """
    board = Board(work)
    last = _known(board, start or {})
    placed = sum(map(len, last.values()))
    best = _repaired(board, last) if 2 * placed >= len(work.jobs) else None
    if best is not None:
        last = dict(best.routes)
    rounds = _Rounds(board)
    for n, part in enumerate(ROUNDS if work.jobs else ()):
        last = rounds.once(effort.share(part), seed + n, last)
        found = _repaired(board, last)
        last = dict(found.routes)
        rounds.relax(found)
        if best is None or _worth(board, found) < _worth(board, best):
            best = found
    return _put_back(board, best or _repaired(board, last))


def _known(board: Board, routes: Routes) -> Routes:
    """Those of the work; what rides on a vehicle already is on it, at the end where nobody says where."""
    found = {truck: tuple(j for j in routes.get(truck, ()) if j in board.jobs) for truck in board.trucks}
    placed = {job for jobs in found.values() for job in jobs}
    for job in board.work.jobs:
        if job.aboard and job.vehicle is not None:
            if job.vehicle not in found:
                raise WorkError(f"{job.id} is on board of {job.vehicle}, which is not among the vehicles")
            if job.id not in placed:
                found[job.vehicle] = (*found[job.vehicle], job.id)
    return found


def _worth(board: Board, found: Dispatch) -> tuple[float, ...]:
    """Less is better: orders left out by what they matter, limits broken, money."""
    missed = sum(2.0 ** (board.jobs[each.job].priority / 10) for each in found.left_out)
    broken = sum(each.by for _, each in found.broken)
    changed = sum(
        board.work.weights.change
        for truck, jobs in found.routes.items()
        for job in jobs
        if board.jobs[job].was not in (None, truck)
    )
    return missed, broken, sum(map(board.score, found.figures.values())) + changed


class _Rounds:
    """The search by PyVRP, round by round."""

    def __init__(self, board: Board) -> None:
        self.board, self.work = board, board.work
        self.kinds = _kinds(self.work)
        self.tighter: dict[str, int] = defaultdict(int)
        self.relaxed: set[str] = set()
        """On board, and too late for their windows whatever one does."""
        self.begin_s = min(each.ready_s for each in self.work.trucks)
        self.dimensions = _dimensions(self.work)

    def once(self, effort: Effort, seed: int, last: Routes) -> Routes:
        """On from the last plan."""
        from planning.routes.solver import solve  # noqa: PLC0415  who only judges plans needs no solver

        problem = self._problem(self._left(last))
        found = solve(problem, effort, seed, self._as_plan(last))
        routes = self._as_routes(found)
        self._tighten(routes)
        return routes

    def relax(self, found: Dispatch) -> None:
        """Orders on board that come late even so."""
        late = {each.job for _, each in found.broken if each.limit == "window" and each.job}
        self.relaxed |= {job for job in late if self.board.jobs[job].aboard}

    def _tighten(self, routes: Routes) -> None:
        for truck, jobs in routes.items():
            figures = self.board.figures(truck, jobs)
            for each in figures.broken:
                if each.limit == "window" and each.job and not self.board.jobs[each.job].aboard:
                    self.tighter[each.job] += round(each.by) + MARGIN_S
            for visit in figures.visits:
                if visit.late > self.work.late_max:
                    self.tighter[visit.job] += max(MARGIN_S, visit.p90_s - visit.p50_s)

    def _left(self, last: Routes) -> F64:
        """When each place is left in the last plan, else in the middle of when it may be."""
        work, board = self.work, self.board
        middle = [float(np.mean([t.ready_s for t in work.trucks]) + 4 * 3600)] * len(work.jobs)
        for n, job in enumerate(work.jobs):
            if job.windows:
                early, late = job.windows[0][0], job.windows[-1][1]
                middle[n] = (max(early, self.begin_s) + max(min(late, self.begin_s + 43_200), self.begin_s)) / 2
        at = np.array([*middle, *(t.ready_s for t in work.trucks), *(t.ready_s for t in work.trucks)], dtype=np.float64)
        for truck, jobs in last.items():
            figures = board.figures(truck, jobs, chances=False)
            at[board.start[truck]] = figures.leave_s
            for visit in figures.visits:
                at[board.place[visit.job]] = visit.leave_s
        return at

    def _problem(self, left_s: F64) -> Problem:
        work, board = self.work, self.board
        duration = board.ways.matrix(left_s)
        weights = work.weights
        emitted = weights.kgco2e * board.usual_kgco2e
        km_cost = float(np.mean([each.km_cost for each in work.trucks])) + emitted
        hour_cost = float(np.mean([t.hour_cost for t in work.trucks]))
        cost: I64 = np.rint(
            CENT * (km_cost * board.ways.road_m / 1000 + hour_cost * duration / 3600) + board.ways.road_m / 1000
        ).astype(np.int64)
        return Problem(cost, duration, [self._vehicles(kind) for kind in self.kinds], [*map(self._stop, work.jobs)], (),
                       self._locked())  # fmt: skip

    def _vehicles(self, kind: Sequence[Truck]) -> Vehicles:
        one, board = kind[0], self.board
        fits = capacities(one)
        room = [
            0 if of != "all" and one.rooms and not any(each.temp_class == of for each in one.rooms)
            else math.floor(_scaled(measure, fits.get((of, measure), MANY)))
            for of, measure in self.dimensions
        ]  # fmt: skip
        home_s = min(one.back_s, one.ready_s + one.shift_s) if one.under_way else one.back_s
        window = Window(one.ready_s - self.begin_s, max(home_s, one.ready_s) - self.begin_s)
        return Vehicles(
            len(kind), tuple(room), board.start[one.id], board.home[one.id], window, one.shift_s,
            fixed_cost=round(CENT * one.fixed_cost),
        )  # fmt: skip

    def _stop(self, job: Job) -> Stop:
        amounts = [
            math.ceil(_scaled(measure, sum(getattr(g, measure) for g in job.goods if of in ("all", g.temp_class))))
            for of, measure in self.dimensions
        ]
        # A class that a vehicle has no compartment for takes room there even if nobody knows how much.
        amounts = [
            max(amount, int(measure == "kg" and any(g.temp_class == of for g in job.goods)))
            for amount, (of, measure) in zip(amounts, self.dimensions, strict=True)
        ]
        tighter = self.tighter.get(job.id, 0)
        windows = [
            Window(max(early - self.begin_s, 0), max(late - tighter, early, self.begin_s) - self.begin_s)
            for early, late in job.windows
            if late >= self.begin_s
        ]
        if job.id in self.relaxed or not windows:
            windows = [Window(0, FOREVER)]
        prize = ABOARD if job.aboard else round(PRIZE * 2.0 ** (job.priority / 10))
        return Stop(self.board.place[job.id], tuple(amounts), (), job.service_s, tuple(windows), 0, prize)

    def _locked(self) -> dict[int, frozenset[int]]:
        """Kinds of vehicles that may take an order, where not all may."""
        free = frozenset(n for n, kind in enumerate(self.kinds) if not kind[0].under_way)
        kind_of = {truck.id: n for n, kind in enumerate(self.kinds) for truck in kind}
        every = len(free) == len(self.kinds)
        found = {}
        for n, job in enumerate(self.work.jobs):
            if job.vehicle is not None:
                found[n] = frozenset([kind_of[job.vehicle]] if job.vehicle in kind_of else [])
            elif not every:
                found[n] = free
        return found

    def _as_plan(self, routes: Routes) -> RoutesPlan | None:
        found = []
        for n, kind in enumerate(self.kinds):
            for truck in kind:
                visits = tuple(Visit(STOP, self.board.place[job]) for job in routes.get(truck.id, ()))
                found += [Route(n, visits)] if visits else []
        return tuple(found) or None

    def _as_routes(self, found: RoutesPlan) -> Routes:
        """Routes of a kind of vehicles go to those of it that have most of their orders already."""
        routes: Routes = dict.fromkeys(self.board.trucks, ())
        for n, kind in enumerate(self.kinds):
            mine = [tuple(self.work.jobs[v.number].id for v in r.visits) for r in found if r.vehicles == n]
            names = [truck.id for truck in kind]
            pairs = sorted(
                ((sum(self.board.jobs[j].was == name for j in jobs), -k, -i) for k, jobs in enumerate(mine)
                 for i, name in enumerate(names)), reverse=True,
            )  # fmt: skip
            taken: set[int] = set()
            for _, k, i in pairs:
                if -k not in taken and not routes[names[-i]]:
                    routes[names[-i]] = mine[-k]
                    taken.add(-k)
        return routes


def _kinds(work: Work) -> list[list[Truck]]:
    """Vehicles that nothing tells apart."""
    named = {job.vehicle for job in work.jobs}
    kinds: dict[object, list[Truck]] = {}
    for each in work.trucks:
        alike = replace(each, id="", label="", shipment=None)
        own = each.id if each.id in named or each.under_way else ""
        kinds.setdefault((own, alike), []).append(each)
    return list(kinds.values())


def _dimensions(work: Work) -> list[tuple[str, str]]:
    """What of loads can be too much at all."""
    limits = {key for each in work.trucks for key in capacities(each)}
    goods = [each for job in work.jobs for each in job.goods]
    used = {("all", m) for g in goods for m in ("kg", "m3", "pallets") if getattr(g, m)}
    used |= {(g.temp_class, m) for g in goods if g.temp_class for m in ("kg", "m3", "pallets") if getattr(g, m)}
    used |= {(g.temp_class, "kg") for g in goods if g.temp_class and any(t.rooms for t in work.trucks)}
    rooms = {(g.temp_class, "kg") for g in goods if g.temp_class} if any(t.rooms for t in work.trucks) else set()
    return sorted((used & limits) | rooms) or [("all", "kg")]


def _scaled(measure: str, amount: float) -> float:
    """Kilograms, litres, hundredths of pallets: PyVRP knows whole numbers only."""
    return amount if amount >= MANY else amount * {"kg": 1, "m3": 1000, "pallets": 100}[measure]


# ------------------------------------------------------------ repair
class Place(NamedTuple):
    """Where an order can be put: on which vehicle, before which visit, and what that adds."""

    added: float
    truck: str
    at: int


def _repaired(board: Board, routes: Routes) -> Dispatch:
    """The same without what breaks a limit; goods on board stay."""
    kept: Routes = {}
    for truck in board.trucks:
        kept[truck] = _holding(board, truck, routes.get(truck, ()))
    placed = {job for jobs in kept.values() for job in jobs}
    missing = [each for each in board.work.jobs if each.id not in placed]
    missing.sort(key=lambda each: (-each.aboard, -each.priority, each.windows[-1][1] if each.windows else FOREVER))
    left_out = []
    for job in missing:
        place, why = cheapest(board, kept, job.id)
        if place is None and job.aboard and job.vehicle in kept:
            place = least_broken(board, job.vehicle, kept[job.vehicle], job.id)
        if place is None:
            left_out.append(LeftOut(job.id, why))
        else:
            kept[place.truck] = (*kept[place.truck][: place.at], job.id, *kept[place.truck][place.at :])
    figures = {truck: board.figures(truck, jobs) for truck, jobs in kept.items()}
    return Dispatch(kept, figures, tuple(left_out))


def _holding(board: Board, truck: str, jobs: tuple[str, ...]) -> tuple[str, ...]:
    """A route without the orders that break its limits, as few as it takes."""
    while jobs and board.figures(truck, jobs, chances=False).broken:
        free = [n for n, job in enumerate(jobs) if not board.jobs[job].aboard]
        if not free:
            break
        without = [(*jobs[:n], *jobs[n + 1 :]) for n in free]
        left = [board.figures(truck, each, chances=False) for each in without]
        rest = [
            (sum(b.by for b in f.broken), board.jobs[jobs[n]].priority, -f.km) for f, n in zip(left, free, strict=True)
        ]
        best = min(range(len(rest)), key=rest.__getitem__)
        jobs = without[best]
    return jobs


def cheapest(
    board: Board, routes: Mapping[str, tuple[str, ...]], job: str, trucks: Sequence[str] | None = None
) -> tuple[Place | None, tuple[Forbidden, ...]]:
    """Where an order costs least and breaks nothing; else of each vehicle the limit that forbids it there."""
    best: Place | None = None
    why = []
    for truck in trucks or routes:
        jobs = routes[truck]
        if hard := _never(board, truck, jobs, job):
            why.append(Forbidden(truck, hard.limit, round(hard.by, 3)))
            continue
        before = board.figures(truck, jobs, chances=False)
        had = sum(each.by for each in before.broken)
        ats = _in_time(board, before, job)
        tried = [board.figures(truck, (*jobs[:at], job, *jobs[at:]), chances=False) for at in ats]
        more = [sum(each.by for each in after.broken) - had for after in tried]
        places = [
            Place(after.cost - before.cost, truck, at)
            for at, after, by in zip(ats, tried, more, strict=True)
            if by <= 0
        ]
        if places:
            best = min([*places, *([best] if best else [])])
        else:
            worst = max(tried[more.index(min(more))].broken, key=lambda each: each.by)
            why.append(Forbidden(truck, worst.limit, round(worst.by, 3)))
    return best, () if best else tuple(why)


def least_broken(board: Board, truck: str, jobs: tuple[str, ...], job: str) -> Place:
    """Where an order hurts least on a vehicle that has no good place for it."""
    tried = [board.figures(truck, (*jobs[:at], job, *jobs[at:]), chances=False) for at in range(len(jobs) + 1)]
    wrong = [(sum(each.by for each in found.broken), found.cost) for found in tried]
    at = min(range(len(wrong)), key=wrong.__getitem__)
    return Place(wrong[at][1], truck, at)


def _in_time(board: Board, before: Figures, job: str) -> list[int]:
    """Places in a route from which one still comes within the window; the first one always."""
    windows, there = board.jobs[job].windows, board.place[job]
    found = [0]
    for n, visit in enumerate(before.visits, 1):
        seconds = board.ways.seconds(board.place[visit.job], there, visit.leave_s)
        if not windows or visit.leave_s + seconds <= windows[-1][1]:
            found.append(n)
    return found


def _never(board: Board, truck: str, jobs: tuple[str, ...], job: str) -> Broken | None:
    """What no place in the route mends."""
    one = board.trucks[truck]
    if wrong := forbidden(one, [board.jobs[job]]):
        return wrong[0]
    before = {each.limit for each in loads_of(one, [board.jobs[each] for each in jobs])[1]}
    _, over = loads_of(one, [board.jobs[each] for each in (*jobs, job)])
    return next((each for each in over if each.limit not in before), None)


def _put_back(board: Board, found: Dispatch) -> Dispatch:
    """Orders go back to the vehicle they had, where that costs less than a change is worth."""
    routes = dict(found.routes)
    for truck, jobs in found.routes.items():
        for job in jobs:
            was = board.jobs[job].was
            if was in (None, truck) or was not in routes or board.jobs[job].vehicle is not None:
                continue
            without = {**routes, truck: tuple(each for each in routes[truck] if each != job)}
            place, _ = cheapest(board, without, job, [was])
            saved = board.figures(truck, routes[truck]).cost - board.figures(truck, without[truck]).cost
            if place is not None and place.added - saved < board.work.weights.change:
                now = without[was]
                routes = {**without, was: (*now[: place.at], job, *now[place.at :])}
    figures = {truck: board.figures(truck, jobs) for truck, jobs in routes.items()}
    return replace(found, routes=routes, figures=figures)
