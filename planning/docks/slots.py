"""Which vehicle comes when to which door: conflicts, and a proposal of doors and times. Pure; minutes from an origin.

The cost of a plan is the waiting of each vehicle, from when it is expected to when it begins, by how quickly its goods
spoil. The proposal tries several orders, each as early as the doors allow, and goes on from the best by exchanging two
or moving one: small cases are compared with all orders there are (`tests/unit/planning/test_docks.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import NamedTuple

WEIGHT: Mapping[str | None, float] = {"frozen": 3.0, "chilled": 3.0, "ambient": 1.0, None: 1.0}
"""What a minute of waiting counts, by temperature class."""
DEPTH = 40
"""Of more than so many that move only the order is looked for, not every exchange."""


@dataclass(frozen=True, slots=True)
class Door:
    """A door with the class of goods that it takes (None: any), and spans in which it is taken."""

    name: str
    temp_class: str | None = None
    taken: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Job:
    """A vehicle that is to be served: expected at `ready`, for `minutes`, best before `due`; `door`: only there."""

    name: str
    ready: int
    minutes: int
    due: int
    temp_class: str | None = None
    door: str | None = None
    """Where it stands now: kept where that is no later."""
    fixed_door: bool = False

    @property
    def weight(self) -> float:
        """What a minute of its waiting counts."""
        return WEIGHT[self.temp_class]


class Place(NamedTuple):
    """Where and when a job is served."""

    name: str
    door: str
    begin: int
    end: int


class Plan(NamedTuple):
    """Places of jobs, what waiting costs, and those that no door takes."""

    places: tuple[Place, ...]
    cost: float
    out: tuple[str, ...] = ()


def fits(door: Door, job: Job) -> bool:
    """Whether a door takes a job's goods.

    >>> fits(Door("d", "chilled"), Job("a", 0, 1, 1, "frozen")), fits(Door("d"), Job("a", 0, 1, 1, "frozen"))
    (False, True)
    """
    is_right = door.temp_class is None or job.temp_class is None or door.temp_class == job.temp_class
    return is_right and (not job.fixed_door or job.door == door.name)


def earliest(taken: Iterable[tuple[int, int]], ready: int, minutes: int, step: int) -> int:
    """When a door is free for so long, from `ready` on, in steps.

    >>> earliest([(0, 30), (60, 90)], 10, 30, 15), earliest([(0, 30), (50, 90)], 10, 30, 15)
    (30, 90)
    """
    begin = ceil(ready / step) * step
    for since, until in sorted(taken):
        if since < begin + minutes and until > begin:
            begin = ceil(until / step) * step
    return begin


def in_order(jobs: Sequence[Job], doors: Sequence[Door], step: int) -> Plan:
    """Each job in turn where it begins earliest; of doors alike the one it has, then the one that fits most closely."""
    taken = {door.name: list(door.taken) for door in doors}
    places, out, cost = [], [], 0.0
    for job in jobs:
        ways = [
            (earliest(taken[door.name], job.ready, job.minutes, step), door.name != job.door,
             door.temp_class is None and job.temp_class is not None, door.name)
            for door in doors if fits(door, job)
        ]  # fmt: skip
        if not ways:
            out.append(job.name)
            continue
        begin, *_, name = min(ways)
        taken[name].append((begin, begin + job.minutes))
        places.append(Place(job.name, name, begin, begin + job.minutes))
        cost += job.weight * (begin - job.ready)
    return Plan(tuple(places), cost, tuple(out))


ORDERS: tuple[Callable[[Job], tuple[float, ...]], ...] = (
    lambda job: (job.due, -job.weight),
    lambda job: (job.ready, -job.weight),
    lambda job: (-job.weight, job.due),
    lambda job: (job.minutes / job.weight, job.due),
)
"""By when it is due, by when it comes, by how quickly it spoils, and what is through quickly first."""


def proposed(jobs: Sequence[Job], doors: Sequence[Door], step: int = 15) -> Plan:
    """Doors and times for jobs around what is taken; the same for the same jobs in any order."""
    jobs = sorted(jobs, key=lambda job: job.name)
    tried = [sorted(jobs, key=rule) for rule in ORDERS]
    best, plan = min(((order, in_order(order, doors, step)) for order in tried), key=lambda each: each[1].cost)
    improves = len(jobs) <= DEPTH
    while improves:
        improves = False
        for other in _beside(best):
            found = in_order(other, doors, step)
            if found.cost < plan.cost:
                best, plan, improves = list(other), found, True
                break
    return plan._replace(places=tuple(sorted(plan.places, key=lambda place: (place.begin, place.door))))


def _beside(jobs: Sequence[Job]) -> Iterable[list[Job]]:
    """Orders with two exchanged, or one moved."""
    n = len(jobs)
    for i in range(n):
        for k in range(n):
            if i < k:
                other = list(jobs)
                other[i], other[k] = other[k], other[i]
                yield other
            if i != k:
                other = list(jobs)
                other.insert(k, other.pop(i))
                yield other


class Booked(NamedTuple):
    """An appointment as it stands: a span at a door, or at any; `expected`: when half of such arrivals are there."""

    name: str
    begin: int
    end: int
    door: str | None
    temp_class: str | None = None
    expected: int | None = None
    vehicle: str | None = None
    held: bool = False
    """It is there already: nobody moves it."""


class Conflict(NamedTuple):
    """What cannot go well: `overlap` (two at a door), `temp_class`, `vehicle` (one at two doors), `late` or `early`."""

    name: str
    kind: str
    other: str = ""


def conflicts(booked: Sequence[Booked], doors: Sequence[Door], step: int) -> list[Conflict]:
    """Of each appointment what it collides with, in the order of their begin."""
    of = {door.name: door for door in doors}
    found = []
    ordered = sorted(booked, key=lambda each: (each.begin, each.name))
    for n, each in enumerate(ordered):
        for other in ordered[n + 1 :]:
            if other.begin >= each.end:
                break
            if each.door is not None and each.door == other.door:
                found += [Conflict(each.name, "overlap", other.name), Conflict(other.name, "overlap", each.name)]
            elif each.vehicle is not None and each.vehicle == other.vehicle:
                found += [Conflict(each.name, "vehicle", other.name), Conflict(other.name, "vehicle", each.name)]
        door = of.get(each.door or "")
        if door is not None and not fits(door, Job(each.name, 0, 0, 0, each.temp_class)):
            found.append(Conflict(each.name, "temp_class", door.temp_class or ""))
        if each.expected is not None and not each.held and abs(each.expected - each.begin) > step:
            found.append(Conflict(each.name, "late" if each.expected > each.begin else "early"))
    return found


def replanned(booked: Sequence[Booked], doors: Sequence[Door], now: int, step: int) -> Plan:
    """Doors and times for those that cannot stay: without a door, colliding, or expected otherwise by more than a step.

    What stays is as taken. Of two that collide the one that spoils more slowly moves; of alike ones the later one.
    """
    told = conflicts(booked, doors, step)
    by_name = {each.name: each for each in booked}
    moving = {each.name for each in booked if each.door is None and not each.held}
    moving |= {c.name for c in told if c.kind in ("late", "early", "temp_class") and not by_name[c.name].held}
    for conflict in told:
        if conflict.kind not in ("overlap", "vehicle") or {conflict.name, conflict.other} & moving:
            continue
        two = [by_name[conflict.name], by_name[conflict.other]]
        free = [each for each in two if not each.held]
        if free:
            moving.add(max(free, key=lambda each: (-WEIGHT[each.temp_class], each.begin, each.name)).name)
    stays = [each for each in booked if each.name not in moving and each.door is not None]
    around = [
        replace(door, taken=(*door.taken, *((s.begin, s.end) for s in stays if s.door == door.name))) for door in doors
    ]
    return proposed([_job(by_name[name], now) for name in moving], around, step)


def _job(each: Booked, now: int) -> Job:
    ready = max(each.begin if each.expected is None else each.expected, now)
    return Job(each.name, ready, each.end - each.begin, each.end, each.temp_class, each.door)
