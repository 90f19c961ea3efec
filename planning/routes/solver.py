"""PyVRP 0.14, and nothing else knows of it: a problem in its words, and its answer in ours.

Its interface changes from version to version, so it is pinned. One thread; the same seed and number of iterations give
the same plan.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import pyvrp
from pyvrp.stop import MaxIterations, MaxRuntime

from planning.routes.problem import DELIVERY, PICKUP, STOP, Plan, Problem, Route, Stop, Visit

_KINDS = {
    pyvrp.ActivityType.CLIENT: STOP,
    pyvrp.ActivityType.PICKUP: PICKUP,
    pyvrp.ActivityType.DELIVERY: DELIVERY,
}
_ACTIVITIES = {kind: activity for activity, kind in _KINDS.items()}


class Effort(NamedTuple):
    """How long to look: so many seconds of the clock, or, to the same end each time, so many iterations."""

    seconds: float = 0.0
    iterations: int = 0

    def share(self, part: float) -> Effort:
        """A part of it."""
        return Effort(self.seconds * part, max(1, round(self.iterations * part)) if self.iterations else 0)


def solve(problem: Problem, effort: Effort, seed: int = 0, start: Plan | None = None) -> Plan:
    """The best plan found; it may break limits, and who uses it evaluates it first."""
    locked = _with_locks(problem)
    data, stops = _data(locked)
    stop = MaxIterations(effort.iterations) if effort.iterations else MaxRuntime(effort.seconds)
    initial = _solution(data, start, stops) if start else None
    found = pyvrp.solve(data, stop, seed=seed, collect_stats=False, display=False, initial_solution=initial)
    return tuple(_route(each, stops) for each in found.best.routes() if each.num_clients() or each.num_shipments())


def _with_locks(problem: Problem) -> Problem:
    """Each set of kinds of vehicles that something is locked to becomes a dimension of load that others lack."""
    sets = sorted({tuple(sorted(kinds)) for kinds in problem.locked.values()})
    if not sets:
        return problem
    room = [tuple(len(problem.stops) if n in kinds else 0 for kinds in sets) for n in range(len(problem.vehicles))]
    vehicles = [
        each._replace(capacity=(*each.capacity, *more)) for each, more in zip(problem.vehicles, room, strict=True)
    ]
    stops = []
    for n, stop in enumerate(problem.stops):
        mine = tuple(sorted(problem.locked.get(n, ())))
        more = tuple(int(kinds == mine) for kinds in sets)
        full = (*stop.deliver, *[0] * (problem.dimensions - len(stop.deliver)))
        stops.append(stop._replace(deliver=(*full, *more)))
    return replace(problem, vehicles=vehicles, stops=stops, locked={})


def _data(problem: Problem) -> tuple[pyvrp.ProblemData, list[int]]:
    """In PyVRP's words, and of each of its clients which stop it is: a stop of several windows is one of a group."""
    size = problem.dimensions
    clients: list[pyvrp.Client] = []
    groups: list[pyvrp.ClientGroup] = []
    stops: list[int] = []
    for n, stop in enumerate(problem.stops):
        several = len(stop.windows) > 1
        first, group = len(clients), len(groups) if several else None
        for window in stop.windows:
            clients.append(_client(stop, size, window.early, window.late, group))
            stops.append(n)
        if several:
            groups.append(pyvrp.ClientGroup(list(range(first, len(clients))), stop.prize is None))
    ends = sorted({place for each in problem.vehicles for place in (each.start, each.end)})
    at = {place: n for n, place in enumerate(ends)}
    data = pyvrp.ProblemData(
        locations=[pyvrp.Location(0, 0)] * len(problem.distance),
        clients=clients,
        depots=[pyvrp.Depot(place) for place in ends],
        vehicle_types=[_vehicles(problem, n, at) for n in range(len(problem.vehicles))],
        distance_matrices=[problem.distance],  # type: ignore[list-item] # its stubs say less than numpy
        duration_matrices=[problem.duration],  # type: ignore[list-item]
        groups=groups,
        shipments=[_shipment(problem, n, size) for n in range(len(problem.transports))],
    )
    return data, stops


def _client(stop: Stop, size: int, early: int, late: int, group: int | None) -> pyvrp.Client:
    return pyvrp.Client(
        stop.location, _full(stop.deliver, size), _full(stop.collect, size), stop.service, early, late, stop.release,
        stop.prize or 0, stop.prize is None and group is None, group,
    )  # fmt: skip


def _vehicles(problem: Problem, n: int, at: dict[int, int]) -> pyvrp.VehicleType:
    each = problem.vehicles[n]
    return pyvrp.VehicleType(
        each.available, list(each.capacity), at[each.start], at[each.end], each.fixed_cost, each.window.early,
        each.window.late, each.shift, each.distance,
    )  # fmt: skip


def _shipment(problem: Problem, n: int, size: int) -> pyvrp.Shipment:
    each = problem.transports[n]
    return pyvrp.Shipment(
        each.pickup.location, each.delivery.location, *each.pickup.window, each.pickup.service,
        *each.delivery.window, each.delivery.service, _full(each.amount, size), each.prize or 0, each.prize is None,
    )  # fmt: skip


def _full(amounts: tuple[int, ...], size: int) -> list[int]:
    return [*amounts, *[0] * (size - len(amounts))]


def _route(found: pyvrp.Route, stops: list[int]) -> Route:
    visits = [Visit(_KINDS[each.type], each.idx) for each in found.schedule() if not each.is_depot()]
    return Route(
        found.vehicle_type(), tuple(Visit(k, stops[index]) if k == STOP else Visit(k, index) for k, index in visits)
    )


def _solution(data: pyvrp.ProblemData, plan: Plan, stops: list[int]) -> pyvrp.Solution:
    """A plan in PyVRP's words; of a stop with several windows the first is taken."""
    client = {stop: n for n, stop in reversed(list(enumerate(stops)))}
    routes = []
    for route in plan:
        steps = [
            pyvrp.Activity(_ACTIVITIES[kind], client[index] if kind == STOP else index) for kind, index in route.visits
        ]
        routes.append(pyvrp.Route(data, steps, route.vehicles))
    return pyvrp.Solution(data, routes)
