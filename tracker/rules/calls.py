"""Calls: when a vehicle came to the stops of its shipment and left them, and what went otherwise than planned.

A function of the stops in their order and the vehicle's stays at their fences, whenever those were told: a stay that is
told late, moved or taken back gives other calls. Nothing is remembered between two evaluations.

- A stay serves the next stop of its place behind the last one served, else one that was left out.
- Before the first stop is served nothing is aboard: passing a customer is no delivery.
- A stop out of turn is served only by a stay of some minutes: driving past is no call.
- Coming back to the place of the last call within a quarter of an hour prolongs it; coming back to the first stop
  later, with nothing served in between, is loading anew.
- The shipment is delivered on arrival at its last stop. Stops left out may still be served for half a day.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple

from tracker.rules.scan import NEVER

VERSION = 1
MINUTE_US = 60_000_000
PASSING_US = 3 * MINUTE_US
BACK_US = 15 * MINUTE_US
AFTER_US = 12 * 60 * MINUTE_US
KINDS = ("late_departure", "prolonged_stop", "out_of_sequence", "skipped")


class Planned(NamedTuple):
    """A stop as planned; `NEVER`: no such edge of its window."""

    id: int
    fence_id: int
    opens_us: int = NEVER
    closes_us: int = NEVER


class Stay(NamedTuple):
    """A vehicle inside a fence; `left_us` is `NEVER` while it is there."""

    fence_id: int
    entered_us: int
    left_us: int


class Call(NamedTuple):
    """A stop that was served; `departed_us` is `NEVER` while the vehicle is there."""

    stop_id: int
    arrived_us: int
    departed_us: int


class Deviation(NamedTuple):
    """Something otherwise than planned at a stop, at most one of a kind; `end_us` is `NEVER` while it lasts."""

    kind: str
    stop_id: int
    start_us: int
    end_us: int


class Limits(NamedTuple):
    """The stay that is expected at a stop, and how much longer it may be before it is prolonged; microseconds."""

    dwell_us: int = 10 * MINUTE_US
    prolonged_us: int = 30 * MINUTE_US


@dataclass(frozen=True, slots=True)
class Plan:
    """Stops in order, since when the vehicle has the shipment, if it was aboard by then, calls that stand anyway."""

    stops: Sequence[Planned]
    since_us: int
    loaded: bool = False
    settled: Mapping[int, Call] = field(default_factory=dict)


class Course(NamedTuple):
    """What follows from a plan and the stays.

    `calls` are in order of the stops, without the settled ones. `started_us` and `delivered_us` are `NEVER` while that
    has not come. With nothing new the course stays as it is until the vehicle's time is past `due_us`.
    """

    calls: list[Call]
    deviations: list[Deviation]
    status: str
    started_us: int
    delivered_us: int
    due_us: int


def evaluate(plan: Plan, stays: Iterable[Stay], now_us: int, limits: Limits) -> Course:
    """The course of a shipment. `now_us` is the newest event time of the vehicle.

    >>> stops = [Planned(1, 10), Planned(2, 20)]
    >>> course = evaluate(Plan(stops, 0), [Stay(20, 90, NEVER), Stay(10, 5, 30)], 100, Limits())
    >>> course.calls, course.status
    ([Call(stop_id=1, arrived_us=5, departed_us=30), Call(stop_id=2, arrived_us=90, departed_us=9223372036854775807)], \
'delivered')
    """
    made, due_us = serve(plan, stays, now_us)
    found, due_too_us = _deviations(plan, made, now_us, limits)
    own = [made[i] for i, stop in enumerate(plan.stops) if i in made and stop.id not in plan.settled]
    return Course(own, found, *_status(plan, made), min(due_us, due_too_us))


def serve(plan: Plan, stays: Iterable[Stay], now_us: int) -> tuple[dict[int, Call], int]:
    """Calls by the index of their stop, and the time after which an open stay may have become one."""
    stops, due_us = plan.stops, NEVER
    made = {i: plan.settled[s.id] for i, s in enumerate(stops) if s.id in plan.settled}
    last = max(made, key=lambda i: (made[i].arrived_us, i), default=-1)
    places = {s.fence_id for s in stops}
    for stay in sorted({s for s in stays if s.fence_id in places}, key=lambda s: (s.entered_us, s.left_us, s.fence_id)):
        end = made.get(len(stops) - 1)
        if stay.left_us <= plan.since_us or (end is not None and stay.entered_us > end.arrived_us + AFTER_US):
            continue
        index = _pick(stops, made, last, stay.fence_id)
        if last >= 0 and stops[last].fence_id == stay.fence_id and index != last + 1:
            if stops[last].id not in plan.settled:
                made[last] = _again(made[last], stay, first=last == 0 and len(made) == 1)
            continue
        if index is None or (index and not made and not plan.loaded):
            continue
        if index != last + 1 and min(stay.left_us, now_us) - stay.entered_us < PASSING_US:
            if stay.left_us == NEVER:
                due_us = min(due_us, stay.entered_us + PASSING_US - 1)
            continue
        made[index] = Call(stops[index].id, stay.entered_us, stay.left_us)
        last = index
    return made, due_us


def _pick(stops: Sequence[Planned], made: Mapping[int, Call], last: int, fence_id: int) -> int | None:
    """The stop that a stay at this place would serve."""
    free = [i for i, s in enumerate(stops) if s.fence_id == fence_id and i not in made]
    return next((i for i in free if i > last), free[0] if free else None)


def _again(call: Call, stay: Stay, *, first: bool) -> Call:
    """A call after another stay at its place, nothing served in between."""
    if stay.entered_us <= call.departed_us or stay.entered_us - call.departed_us <= BACK_US:
        return call._replace(departed_us=max(call.departed_us, stay.left_us))
    return Call(call.stop_id, stay.entered_us, stay.left_us) if first else call


def _status(plan: Plan, made: Mapping[int, Call]) -> tuple[str, int, int]:
    """Status, start and delivery. When a shipment started that was aboard already, nobody has seen."""
    in_time = sorted(made.values(), key=lambda c: (c.arrived_us, c.stop_id))
    under_way = [c.departed_us for c in in_time] + [c.arrived_us for c in in_time[1:]]
    started_us = NEVER if plan.loaded else min(under_way, default=NEVER)
    end = made.get(len(plan.stops) - 1)
    if end is not None:
        return "delivered", min(started_us, end.arrived_us), end.arrived_us
    return "in_transit" if plan.loaded or started_us != NEVER else "planned", started_us, NEVER


def _deviations(plan: Plan, made: Mapping[int, Call], now_us: int, limits: Limits) -> tuple[list[Deviation], int]:
    found: list[Deviation] = []
    due_us = NEVER
    arrived = [made[i].arrived_us if i in made else NEVER for i in reversed(range(len(plan.stops)))]
    later = [*accumulate(arrived, min, initial=NEVER)][-2::-1]  # for each stop, the first arrival at one behind it
    for i, stop in enumerate(plan.stops):
        call = made.get(i)
        if call is None:
            found += [Deviation("skipped", stop.id, later[i], NEVER)] if later[i] != NEVER else []
            continue
        if later[i] < call.arrived_us:
            found.append(Deviation("out_of_sequence", stop.id, call.arrived_us, call.arrived_us))
        if i and i == len(plan.stops) - 1 and stop.fence_id == plan.stops[0].fence_id:
            continue  # home again: how long it rests there is nobody's concern
        departed_us = call.departed_us
        if stop.id in plan.settled and departed_us == NEVER:
            departed_us = max(plan.since_us, call.arrived_us)  # its vehicle has the shipment no longer
        leave_us = stop.closes_us + (limits.dwell_us if i else 0) if stop.closes_us != NEVER else NEVER
        if leave_us < departed_us != NEVER:
            found.append(Deviation("late_departure", stop.id, leave_us, departed_us))
        opens_us = stop.opens_us if stop.opens_us != NEVER else call.arrived_us
        since_us = plan.since_us if stop.id not in plan.settled else call.arrived_us
        too_long_us = max(call.arrived_us, opens_us, since_us) + limits.dwell_us + limits.prolonged_us
        if too_long_us < min(departed_us, now_us):
            found.append(Deviation("prolonged_stop", stop.id, too_long_us, departed_us))
        elif departed_us == NEVER:
            due_us = min(due_us, too_long_us)
    return found, due_us
