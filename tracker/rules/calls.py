"""Calls: when a vehicle came to the stops of its shipment and left them, and what went otherwise than planned.

A function of the stops in their order and the vehicle's stays at their fences, whenever those were told: a stay that is
told late, moved or taken back gives other calls. Nothing is remembered between two evaluations.

- A stay serves the next stop of its place behind the last one served, else one that was left out; and with it the stops
  behind that at the same place, for which nobody drives away and comes back. A later one of them whose window opens
  after the vehicle has left is served by a stay that meets it, if there comes one.
- Before the first stop is served nothing is aboard: passing a customer is no delivery. When the goods were taken up
  before the shipment was registered tells `pickup`.
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

from domain.folds.scan import NEVER

VERSION = 2
MINUTE_US = 60_000_000
PASSING_US = 3 * MINUTE_US
BACK_US = 15 * MINUTE_US
AFTER_US = 12 * 60 * MINUTE_US
BEFORE_US = 12 * 60 * MINUTE_US  # so long before its window a first stop may have been served
KINDS = ("late_departure", "prolonged_stop", "out_of_sequence", "skipped")


class Planned(NamedTuple):
    """A stop as planned; `NEVER`: no such edge of its window. Stops with one `place_id` are at one place."""

    id: int
    fence_id: int
    opens_us: int = NEVER
    closes_us: int = NEVER
    place_id: int = 0

    @property
    def place(self) -> int:
        """The fence that stands for its place: its own when nothing else is said."""
        return self.place_id or self.fence_id

    @property
    def window(self) -> tuple[int, int]:
        """From and to, half a day where one edge is not given; both `NEVER` without a window."""
        opens_us, closes_us = self.opens_us, self.closes_us
        if opens_us == NEVER == closes_us:
            return NEVER, NEVER
        opens_us = closes_us - BEFORE_US if opens_us == NEVER else opens_us
        return opens_us, opens_us + AFTER_US if closes_us == NEVER else closes_us

    def over(self, at_us: int) -> bool:
        """Whether it was planned for before this time."""
        return self.window[1] <= at_us


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
    """Stops in order, since when the vehicle has the shipment, if it was aboard by then, calls that stand anyway.

    `given`: somebody said since when the vehicle has it, so that what it did before is no pick-up. Otherwise stays from
    `since_us - BEFORE_US` on, or from so long before the first stop's window, may matter.
    """

    stops: Sequence[Planned]
    since_us: int
    loaded: bool = False
    given: bool = False
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
    known = sorted(set(stays), key=lambda s: (s.entered_us, s.left_us, s.fence_id))
    here = _at_places(plan.stops, known)
    since_us, aboard, look_us = pickup(plan, here, now_us)
    made, due_us = serve(plan, here, now_us, since_us, aboard=aboard)
    found, due_too_us = _deviations(plan, made, now_us, limits, aboard=aboard)
    own = [made[i] for i, stop in enumerate(plan.stops) if i in made and stop.id not in plan.settled]
    return Course(own, found, *_status(plan, made, known, aboard=aboard), min(due_us, due_too_us, look_us))


def _at_places(stops: Sequence[Planned], stays: Iterable[Stay]) -> list[Stay]:
    """Stays (in order of time) at the places of stops; what overlaps at several fences of one place is one stay."""
    place_of = {s.fence_id: s.place for s in stops}
    several = len(set(place_of.values())) < len(place_of)
    found: list[Stay] = []
    newest: dict[int, int] = {}
    for stay in stays:
        place = place_of.get(stay.fence_id)
        if place is None:
            continue
        at = newest.get(place, -1) if several else -1
        if at >= 0 and stay.entered_us <= found[at].left_us:
            found[at] = found[at]._replace(left_us=max(found[at].left_us, stay.left_us))
            continue
        newest[place] = len(found)
        found.append(stay._replace(fence_id=place))
    return found


def pickup(plan: Plan, stays: Sequence[Stay], now_us: int) -> tuple[int, bool, int]:
    """Since when the vehicle's stays are the shipment's, whether it was aboard by then, and when to look again.

    A shipment may be registered when its vehicle is under way with it. Then the stay at the first stop in its planned
    time, before the vehicle was given the shipment, was the pick-up. Without one it was taken up by then at the latest,
    if its window was over by then. While the window lasts the vehicle may still come.
    """
    since_us, nothing = plan.since_us, (plan.since_us, plan.loaded, NEVER)
    first = next(iter(plan.stops), None)
    if first is None or first.id in plan.settled or first.window[0] >= since_us:
        return nothing
    (opens_us, closes_us), over = first.window, first.over(since_us)
    there = [s for s in stays if s.fence_id == first.place and not plan.given]
    if any(s.entered_us <= since_us < s.left_us for s in there):
        return nothing  # it stands there
    earliest_us = opens_us - BEFORE_US if over else opens_us
    before = [s for s in there if earliest_us < s.left_us <= since_us and s.left_us - s.entered_us >= PASSING_US]
    if before and not (over or plan.loaded):
        if any(s.left_us > since_us and s.entered_us <= closes_us for s in there):
            return nothing
        if now_us <= closes_us:
            return since_us, False, closes_us
    if before:
        return before[-1].entered_us, False, NEVER
    begun = plan.loaded or now_us > since_us
    return (since_us, plan.loaded or over, NEVER) if begun or not over else (since_us, False, since_us)


def serve(
    plan: Plan, stays: Iterable[Stay], now_us: int, since_us: int, *, aboard: bool
) -> tuple[dict[int, Call], int]:
    """Calls by the index of their stop, and the time after which an open stay may have become one.

    `stays` are at the stops' places, in order of time.
    """
    stops, due_us = plan.stops, NEVER
    made = {i: plan.settled[s.id] for i, s in enumerate(stops) if s.id in plan.settled}
    last = max(made, key=lambda i: (made[i].arrived_us, i), default=-1)
    for stay in stays:
        end = made.get(len(stops) - 1)
        if stay.left_us <= since_us or (end is not None and stay.entered_us > end.arrived_us + AFTER_US):
            continue
        index = _pick(stops, made, last, stay.fence_id)
        if last >= 0 and stops[last].place == stay.fence_id and index != last + 1:
            made.update(_again(plan, made, last, stay))
            continue
        if index is None or (index and not made and not aboard):
            continue
        if index != last + 1 and min(stay.left_us, now_us) - stay.entered_us < PASSING_US:
            if stay.left_us == NEVER:
                due_us = min(due_us, stay.entered_us + PASSING_US - 1)
            continue
        while index < len(stops) and stops[index].place == stay.fence_id and index not in made:
            made[index] = Call(stops[index].id, stay.entered_us, stay.left_us)
            last, index = index, index + 1
    return made, due_us


def _pick(stops: Sequence[Planned], made: Mapping[int, Call], last: int, place: int) -> int | None:
    """The stop that a stay at this place would serve."""
    free = [i for i, s in enumerate(stops) if s.place == place and i not in made]
    return next((i for i in free if i > last), free[0] if free else None)


def _group(stops: Sequence[Planned], made: Mapping[int, Call], last: int) -> list[int]:
    """Of the stops up to a served one those in a row that the same stay serves."""
    first = last
    while first - 1 in made and stops[first - 1].place == stops[last].place:
        if made[first - 1].arrived_us != made[last].arrived_us:
            break
        first -= 1
    return list(range(first, last + 1))


def _again(plan: Plan, made: Mapping[int, Call], last: int, stay: Stay) -> dict[int, Call]:
    """Calls of the last stay's stops after another stay at its place, nothing served in between."""
    stops, call = plan.stops, made[last]
    group = [i for i in _group(stops, made, last) if stops[i].id not in plan.settled]
    if stay.entered_us <= call.departed_us or stay.entered_us - call.departed_us <= BACK_US:
        return {i: made[i]._replace(departed_us=max(call.departed_us, stay.left_us)) for i in group}
    if group[:1] != [0] or len(made) > len(group):
        meets = (i for i in group[1:] if call.departed_us < stops[i].opens_us < stay.left_us)
        group = list(range(next(meets, last + 1), last + 1))
    return {i: Call(stops[i].id, stay.entered_us, stay.left_us) for i in group}


def _status(plan: Plan, made: Mapping[int, Call], stays: Sequence[Stay], *, aboard: bool) -> tuple[str, int, int]:
    """Status, start and delivery. Delivery never is its own start: a shipment whose start nobody can know has none."""
    started_us = _started(plan, made, stays, aboard=aboard)
    end = made.get(len(plan.stops) - 1)
    if end is None:
        return "in_transit" if plan.loaded or started_us != NEVER else "planned", started_us, NEVER
    if started_us >= end.arrived_us:
        started_us = min(c.arrived_us for c in made.values())
    return "delivered", started_us if started_us < end.arrived_us else NEVER, end.arrived_us


def _started(plan: Plan, made: Mapping[int, Call], stays: Sequence[Stay], *, aboard: bool) -> int:
    """When the goods set out: from the first stop, or, aboard already, when the vehicle was given them.

    Where something was served by then, or no stop is planned before, they set out from where the vehicle stood last.
    """
    stops, in_time = plan.stops, sorted(made.items(), key=lambda m: (m[1].arrived_us, m[0]))
    if not in_time:
        return plan.since_us if aboard else NEVER
    first, call = in_time[0]
    alone = all(s.place == stops[0].place for s in stops)
    seen = not plan.loaded and stops[first].place == stops[0].place  # it has been there after all
    if not alone and (seen or not aboard):
        return min(c.departed_us if c.arrived_us == call.arrived_us else c.arrived_us for c in made.values())
    if aboard and plan.since_us < call.arrived_us:
        return plan.since_us
    earliest_us, own = call.arrived_us - BEFORE_US, {s.fence_id for s in stops if s.place == stops[first].place}
    stood = (s.left_us for s in stays if s.fence_id not in own and s.left_us - s.entered_us >= PASSING_US)
    set_out_us = max((at_us for at_us in stood if earliest_us < at_us < call.arrived_us), default=NEVER)
    if set_out_us != NEVER:
        return set_out_us
    if plan.since_us < call.arrived_us:
        return plan.since_us
    due_us = stops[0].window[1]
    return due_us if not alone and earliest_us < due_us < call.arrived_us else call.arrived_us


def _deviations(
    plan: Plan, made: Mapping[int, Call], now_us: int, limits: Limits, *, aboard: bool
) -> tuple[list[Deviation], int]:
    found: list[Deviation] = []
    due_us, stops = NEVER, plan.stops
    arrived = [made[i].arrived_us if i in made else NEVER for i in reversed(range(len(stops)))]
    later = [*accumulate(arrived, min, initial=NEVER)][-2::-1]  # for each stop, the first arrival at one behind it
    behind = served_before(plan) if aboard else 0
    for i, stop in enumerate(stops):
        call = made.get(i)
        if call is None:
            found += [Deviation("skipped", stop.id, later[i], NEVER)] if later[i] != NEVER and i >= behind else []
            continue
        if later[i] < call.arrived_us:
            found.append(Deviation("out_of_sequence", stop.id, call.arrived_us, call.arrived_us))
        group = _group(stops, made, i)
        if len(_group(stops, made, i + 1) if i + 1 in made else ()) > len(group):
            continue  # its stay goes on for the next one
        if i and i == len(stops) - 1 and stop.place == stops[0].place:
            continue  # home again: how long it rests there is nobody's concern
        more, due_too_us = _too_long(plan, call, group, now_us, limits)
        found, due_us = found + more, min(due_us, due_too_us)
    return found, due_us


def served_before(plan: Plan) -> int:
    """How many stops, from the first on, goods aboard have had behind them when the vehicle was given the shipment."""
    stops = plan.stops
    if not stops or (stops[0].window[1] != NEVER and not stops[0].over(plan.since_us)):
        return 0
    return next((i for i, s in enumerate(stops) if s.place != stops[0].place), 0)


def _too_long(plan: Plan, call: Call, group: Sequence[int], now_us: int, limits: Limits) -> tuple[list[Deviation], int]:
    """A late departure and a prolonged stop, of the stay that serves these stops in a row; told at the last of them."""
    stops, departed_us = [plan.stops[i] for i in group], call.departed_us
    stop, found = stops[-1], []
    settled = stop.id in plan.settled
    if settled and departed_us == NEVER:
        departed_us = max(plan.since_us, call.arrived_us)  # its vehicle has the shipment no longer
    closes_us = max(s.closes_us for s in stops)
    leave_us = closes_us + limits.dwell_us * (len(stops) - (not group[0])) if closes_us != NEVER else NEVER
    if leave_us < departed_us != NEVER:
        found.append(Deviation("late_departure", stop.id, leave_us, departed_us))
    opens_us = max((s.opens_us for s in stops if s.opens_us != NEVER), default=call.arrived_us)
    since_us = call.arrived_us if settled else plan.since_us
    too_long_us = max(call.arrived_us, opens_us, since_us) + limits.dwell_us * len(stops) + limits.prolonged_us
    if too_long_us < min(departed_us, now_us):
        found.append(Deviation("prolonged_stop", stop.id, too_long_us, departed_us))
    return found, too_long_us if departed_us == NEVER and too_long_us >= now_us else NEVER
