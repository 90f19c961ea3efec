"""What a plan comes to, and which limit it breaks: reckoned from the problem alone, whoever made the plan. Pure."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from planning.routes.problem import DELIVERY, PICKUP, STOP, Half, Plan, Problem, Route, Stop, Vehicles, Visit, Window


class Broken(NamedTuple):
    """A limit that is not kept, and in which visit of which route, by place; -1: of the whole."""

    route: int
    visit: int
    limit: str
    by: int
    """By how much; of what is missing or too much, how often."""


class Timed(NamedTuple):
    """A visit with its times: come there, begun (after any waiting), and left."""

    visit: Visit
    arrive: int
    begin: int
    leave: int


@dataclass(frozen=True)
class RouteFigures:
    """What a route comes to, when it leaves as late as it may without coming home later."""

    distance: int
    leave: int
    home: int
    loads: tuple[int, ...]
    """The most of each dimension that is on board at any time."""
    visits: tuple[Timed, ...]


@dataclass(frozen=True)
class Evaluation:
    """What a plan comes to."""

    distance: int
    fixed_cost: int
    routes: list[RouteFigures] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)
    left_out: list[Visit] = field(default_factory=list)
    """Optional ones that nobody goes to."""

    @property
    def feasible(self) -> bool:
        """All limits are kept."""
        return not self.broken


def evaluate(problem: Problem, plan: Plan) -> Evaluation:
    """All routes of a plan by themselves, and whether all that must be gone to is gone to once."""
    figures, broken = [], []
    for n, route in enumerate(plan):
        found, wrong = figures_of(problem, route)
        figures.append(found)
        broken += [each._replace(route=n) for each in wrong]
    used = Counter(route.vehicles for route in plan)
    for kind, count in used.items():
        if (over := count - problem.vehicles[kind].available) > 0:
            broken.append(Broken(-1, -1, f"vehicles of kind {kind}", over))
    missing, left_out = _missing(problem, plan)
    fixed = sum(problem.vehicles[kind].fixed_cost * count for kind, count in used.items())
    total = sum(each.distance for each in figures)
    return Evaluation(total, fixed, figures, broken + missing, left_out)


def _missing(problem: Problem, plan: Plan) -> tuple[list[Broken], list[Visit]]:
    seen = Counter(visit for route in plan for visit in route.visits)
    broken, left_out = [], []
    every = [(Visit(STOP, n), each.prize) for n, each in enumerate(problem.stops)]
    every += [(Visit(k, n), each.prize) for n, each in enumerate(problem.transports) for k in (PICKUP, DELIVERY)]
    for visit, prize in every:
        if (times := seen.pop(visit, 0)) > 1:
            broken.append(Broken(-1, -1, f"{visit.kind} {visit.number} gone to once", times - 1))
        elif not times and prize is None:
            broken.append(Broken(-1, -1, f"{visit.kind} {visit.number} left out", 1))
        elif not times:
            left_out.append(visit)
    broken += [Broken(-1, -1, f"{visit.kind} {visit.number} is none of the problem", n) for visit, n in seen.items()]
    return broken, left_out


def figures_of(problem: Problem, route: Route) -> tuple[RouteFigures, list[Broken]]:
    """One route by itself; `route` of what is broken is -1."""
    vehicle = problem.vehicles[route.vehicles]
    broken = list(_order(problem, route))
    known = [visit for visit in route.visits if _is_known(problem, visit)]
    places = [vehicle.start, *(_half(problem, visit).location for visit in known), vehicle.end]
    distance = int(sum(problem.distance[a, b] for a, b in itertools.pairwise(places)))
    if distance > vehicle.distance:
        broken.append(Broken(-1, -1, "distance", distance - vehicle.distance))
    loads, over = _loads(problem, known, vehicle)
    broken += over
    timed, leave, home, late = _times(problem, known, places, vehicle)
    broken += late
    if home - leave > vehicle.shift:
        broken.append(Broken(-1, -1, "shift", home - leave - vehicle.shift))
    return RouteFigures(distance, leave, home, loads, timed), broken


def _is_known(problem: Problem, visit: Visit) -> bool:
    of: Sequence[object] = problem.stops if visit.kind == STOP else problem.transports
    return 0 <= visit.number < len(of)


def _half(problem: Problem, visit: Visit) -> Half | Stop:
    if visit.kind == STOP:
        return problem.stops[visit.number]
    transport = problem.transports[visit.number]
    return transport.pickup if visit.kind == PICKUP else transport.delivery


def _windows(problem: Problem, visit: Visit) -> tuple[Window, ...]:
    half = _half(problem, visit)
    return half.windows if isinstance(half, Stop) else (half.window,)


def _order(problem: Problem, route: Route) -> Iterator[Broken]:
    """What is delivered was picked up before by the same vehicle; what is locked is on one that may have it."""
    on_board: set[int] = set()
    for n, (kind, index) in enumerate(route.visits):
        if kind == PICKUP:
            on_board.add(index)
        elif kind == DELIVERY and index not in on_board:
            yield Broken(-1, n, f"pickup {index} before its delivery", 1)
        elif kind == DELIVERY:
            on_board.discard(index)
        elif kind == STOP and route.vehicles not in problem.locked.get(index, {route.vehicles}):
            yield Broken(-1, n, f"stop {index} by a vehicle that may serve it", 1)
    for index in sorted(on_board):
        yield Broken(-1, -1, f"delivery {index} by the vehicle that picked it up", 1)


def _loads(problem: Problem, visits: Iterable[Visit], vehicle: Vehicles) -> tuple[tuple[int, ...], list[Broken]]:
    """What is on board at most: deliveries from the depot until they are delivered, what is collected from then on."""
    visits = list(visits)
    most, broken = [], []
    for d in range(problem.dimensions):
        stops = [problem.stops[v.number] for v in visits if v.kind == STOP]
        load = sum(_of(stop.deliver, d) for stop in stops)
        peak, at = load, -1
        for n, (kind, index) in enumerate(visits):
            if kind == STOP:
                load += _of(problem.stops[index].collect, d) - _of(problem.stops[index].deliver, d)
            else:
                load += _of(problem.transports[index].amount, d) * (1 if kind == PICKUP else -1)
            if load > peak:
                peak, at = load, n
        most.append(peak)
        if peak > vehicle.capacity[d]:
            broken.append(Broken(-1, at, f"load {d}", peak - vehicle.capacity[d]))
    return tuple(most), broken


def _of(amounts: Sequence[int], dimension: int) -> int:
    return amounts[dimension] if dimension < len(amounts) else 0


def _times(
    problem: Problem, visits: list[Visit], places: list[int], vehicle: Vehicles
) -> tuple[tuple[Timed, ...], int, int, list[Broken]]:
    """As early as possible first, which settles the end; then from the end back, how late one may leave for it."""
    released = max((problem.stops[v.number].release for v in visits if v.kind == STOP), default=0)
    clock, begun, broken = max(vehicle.window.early, released), [], []
    if clock > vehicle.window.late:
        broken.append(Broken(-1, -1, "released before the vehicle must be back", clock - vehicle.window.late))
    chosen: list[Window] = []
    for n, visit in enumerate(visits):
        arrive = clock + int(problem.duration[places[n], places[n + 1]])
        window = next((w for w in _windows(problem, visit) if arrive <= w.late), None)
        if window is None:
            window = _windows(problem, visit)[-1]
            broken.append(Broken(-1, n, "window", arrive - window.late))
        begin = max(arrive, window.early)
        chosen.append(window)
        begun.append(begin)
        clock = begin + _half(problem, visit).service
    home = clock + int(problem.duration[places[-2], places[-1]])
    if home > vehicle.window.late:
        broken.append(Broken(-1, -1, "home before the vehicle must be back", home - vehicle.window.late))
    leave = _latest(problem, visits, places, chosen, begun, home)
    leave = max(leave, vehicle.window.early, released)
    return _timed(problem, visits, places, chosen, leave), leave, home, broken


def _latest(
    problem: Problem, visits: list[Visit], places: list[int], chosen: list[Window], begun: list[int], home: int
) -> int:
    """How late one may leave and still be home at `home`; who is late for a window already waits for nothing."""
    late = home
    for n in range(len(visits) - 1, -1, -1):
        service = _half(problem, visits[n]).service
        late = late - int(problem.duration[places[n + 1], places[n + 2]]) - service
        late = min(late, max(chosen[n].late, begun[n]))
    return late - int(problem.duration[places[0], places[1]])


def _timed(
    problem: Problem, visits: list[Visit], places: list[int], chosen: list[Window], leave: int
) -> tuple[Timed, ...]:
    found, clock = [], leave
    for n, visit in enumerate(visits):
        arrive = clock + int(problem.duration[places[n], places[n + 1]])
        begin = max(arrive, chosen[n].early)
        clock = begin + _half(problem, visit).service
        found.append(Timed(visit, arrive, begin, clock))
    return tuple(found)
