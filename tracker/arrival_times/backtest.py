"""A recorded trace replayed in time order: what would have been predicted at each fix, learning only from the past.

The fixes go in groups in which each vehicle stands once. A group is predicted with what was known before it; then the
arrivals in it teach. Deterministic: the same files give the same predictions.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from domain.readings import F64, I64, Bool
from tracker.arrival_times.arrivals import Journey, Reached, Stops, beeline
from tracker.rules.forecast import (
    DETOUR,
    NO_TIME,
    PACE_FORGET_S,
    PACE_MOST,
    Driven,
    Knowledge,
    Legs,
    Outlook,
    calm,
    in_turn,
    left_of_leg_s,
    pace,
)
from tracker.rules.ranges import Settled
from tracker.rules.residuals import Lane
from tracker.rules.rest import driven

GROUP_MAX = 2048
GROUP_SPAN_US = 60_000_000
AHEAD_MAX = 100  # stops predicted for
TEACH_US = 60_000_000  # between two predictions of a stop that are held against its arrival
TEACH_MAX = 200  # of them per stop
LAYOVER_S = 60.0  # who stands for longer before the second stop has not set out
LAYOVER_SHARE = 0.5  # who has left its terminal by less of a leg before its time waits on the way
APPROACH_MPS = 10.0  # on the way to the first stop of a timetable
STILL_M, STILL_MPS = 30.0, 0.2  # who moves less stands


class Trace(NamedTuple):
    """Fixes in order of time, then vehicle; `vehicle` indexes the stops given with it."""

    vehicle: I64
    t_us: I64
    lat: F64
    lon: F64


class Predicted(NamedTuple):
    """Predictions of one group, one row per vehicle and stop ahead; `stop` is the index in the vehicle's stops."""

    vehicle: I64
    t_us: I64
    stop: I64
    p10_us: I64
    p50_us: I64
    p90_us: I64
    said_s: F64  # seconds to go by each expert, rows x experts


class Arrived(NamedTuple):
    """An arrival found in the trace."""

    vehicle: int
    stop: int
    at_us: int


class _Made(NamedTuple):
    """A prediction that waits for its arrival."""

    at_us: int
    remaining_s: float
    state: int
    lane: int
    rest_s: float
    said_s: F64  # by each expert


@dataclass(slots=True)
class _Vehicle:
    """Its journey, what was last shown of each stop, its own pace, its driving hours, and what waits for arrivals.

    `still_s` is how long it has stood where it is, `waited_us` until when it has stood for long before its second stop.
    """

    journey: Journey
    shown_us: I64
    elapsed_s: float = 0.0
    expected_s: float = 0.0
    taken_s: float = 0.0
    driven_s: float = 0.0
    today_s: float = 0.0
    still_s: float = 0.0
    waited_us: int = NO_TIME
    trip: int = 0
    waiting: dict[int, list[_Made]] = field(default_factory=dict)

    def ahead(self) -> slice:
        """The stops predicted for."""
        return slice(self.journey.next, min(self.journey.next + AHEAD_MAX, len(self.shown_us)))

    def waits(self) -> bool:
        """Whether it has not set out: it stands at a terminal, or has moved on a little but its time has not come."""
        j = self.journey
        if j.there:
            return j.next == 0 or j.stops.terminal(j.next - 1)
        if not j.next or not j.stops.terminal(j.next - 1) or j.t_us >= int(j.stops.planned_us[j.next - 1]):
            return False
        return j.left()[0] > LAYOVER_SHARE * float(j.stops.way_m[j.next])

    def move(self, t_us: int, lat: float, lon: float) -> list[Reached]:
        """As `Journey.move`; keeps the driving hours."""
        j = self.journey
        before, moved = j.t_us, beeline(j.lat, j.lon, lat, lon)[0]
        found = j.move(t_us, lat, lon)
        self.elapsed_s = 0.0 if before == NO_TIME else (j.t_us - before) / 1e6
        stood = moved <= STILL_M + STILL_MPS * self.elapsed_s
        self.still_s = self.still_s + self.elapsed_s if stood else 0.0
        if self.still_s >= LAYOVER_S and j.next <= 1:
            self.waited_us = before
        since, today = driven(self.driven_s, self.today_s, 0.0 if stood else self.elapsed_s, self.still_s)
        self.driven_s, self.today_s = float(since), float(today)
        return [self._departed(each) for each in found]

    def _departed(self, each: Reached) -> Reached:
        """Who stands somewhat past its first stop has not set out yet: a layover is no slow driving."""
        late_us = self.waited_us - each.set_out_us
        if each.stop != 1 or each.set_out_us == NO_TIME or not 0 < late_us < each.at_us - each.set_out_us:
            return each
        return each._replace(set_out_us=self.waited_us, stayed_s=each.stayed_s + late_us / 1e6)

    def remember(self, made: Outlook, lane: I64, rows: slice) -> None:
        """Keeps some predictions of each stop until it is reached."""
        now, first = self.journey.t_us, self.journey.next
        columns = (column[rows].tolist() for column in (made.mixed_s, made.state, lane, made.rest_s))
        for stop, each in enumerate(zip(*columns, made.said_s[rows], strict=True), first):
            kept = self.waiting.setdefault(stop, [])
            if not kept or (now - kept[-1].at_us >= TEACH_US and len(kept) < TEACH_MAX):
                kept.append(_Made(now, *each))

    def learn_pace(self, expected_s: float, taken_s: float) -> None:
        """With one leg driven."""
        keep = float(np.exp(-taken_s / PACE_FORGET_S))
        counted = min(max(taken_s, expected_s / PACE_MOST), expected_s * PACE_MOST)
        self.expected_s, self.taken_s = self.expected_s * keep + expected_s, self.taken_s * keep + counted


class Replay:
    """The vehicles of one trace and what is known; knowledge goes on from one trace to the next."""

    def __init__(self, stops: list[Stops], knowledge: Knowledge, *, rest: bool = False) -> None:
        self.knowledge = knowledge
        self.arrived: list[Arrived] = []
        self._rest = rest
        self._vehicles = [
            _Vehicle(Journey(s), np.full(len(s), NO_TIME, dtype=np.int64), trip=self._trip(i, s))
            for i, s in enumerate(stops)
        ]

    @staticmethod
    def _trip(number: int, stops: Stops) -> int:
        """A number for a vehicle's trip that differs from that of other vehicles and days."""
        return zlib.crc32(np.concatenate([[number], stops.place, stops.planned_us]).astype("<i8").tobytes())

    def run(self, trace: Trace, tell: Callable[[int], None] = lambda _: None) -> Iterator[Predicted]:
        """Predictions in order of time. `tell` hears how many fixes are done."""
        for begin, end in _groups(trace):
            reached, ahead = [], []
            for row in range(begin, end):
                number = int(trace.vehicle[row])
                vehicle = self._vehicles[number]
                found = vehicle.move(int(trace.t_us[row]), float(trace.lat[row]), float(trace.lon[row]))
                reached += [(number, each) for each in found]
                if not vehicle.journey.done and vehicle.journey.t_us == trace.t_us[row]:
                    ahead.append(number)
            if ahead:
                yield self._predict(np.array(ahead, dtype=np.int64))
            if reached:
                self._settle(reached)
                self._learn([(self._vehicles[v], r) for v, r in reached if r.set_out_us != NO_TIME])
            tell(end)

    def _predict(self, numbers: I64) -> Predicted:
        """Predictions for these vehicles, each from its newest fix."""
        group = [self._vehicles[i] for i in numbers.tolist()]
        legs, stop = _legs(group)
        which, now = legs.vehicle, legs.now_us
        waits = np.array([v.waits() for v in group], dtype=np.int64)[which]
        made = self.knowledge.outlook(legs, now, waits, rest=self._rest)
        computed = now + np.rint(made.middle_s * 1e6).astype(np.int64)
        shown = np.concatenate([v.shown_us[v.ahead()] for v in group])
        elapsed = np.array([v.elapsed_s for v in group])
        p50 = in_turn(legs, np.maximum(calm(shown, computed, made.middle_s, elapsed[which]), now))
        begin = 0
        for v in group:
            rows = slice(begin, begin + v.ahead().stop - v.ahead().start)
            v.shown_us[v.ahead()] = p50[rows]
            v.remember(made, legs.lane.number, rows)
            begin = rows.stop
        p10, p90 = (now + np.rint(end * 1e6).astype(np.int64) for end in (made.low_s, made.high_s))
        p10, p90 = np.minimum(in_turn(legs, p10), p50), in_turn(legs, np.maximum(p90, p50))
        return Predicted(numbers[which], now, stop, p10, p50, p90, made.said_s + made.rest_s[:, None])

    def _settle(self, reached: list[tuple[int, Reached]]) -> None:
        """Holds predictions against the arrivals they waited for."""
        settled: list[tuple[int, int, _Made, float]] = []
        for i, (number, each) in enumerate(reached):
            self.arrived.append(Arrived(number, each.stop, each.at_us))
            waiting = self._vehicles[number].waiting
            made = waiting.get(each.stop, [])
            trip = self._vehicles[number].trip
            settled += [(i, trip, m, (each.at_us - m.at_us) / 1e6 - m.rest_s) for m in made if m.at_us < each.at_us]
            for stop in [s for s in waiting if s <= each.stop]:
                del waiting[stop]
        if settled:
            arrivals, trips = (np.array([each[i] for each in settled], dtype=np.int64) for i in (0, 1))
            state, lane, predicted, said = (
                np.array([getattr(m, name) for _, _, m, _ in settled])
                for name in ("state", "lane", "remaining_s", "said_s")
            )
            observed = np.array([each[3] for each in settled])
            self.knowledge = self.knowledge.settle(Settled(arrivals, trips, predicted, state, lane, said, observed))

    def _learn(self, whole: list[tuple[_Vehicle, Reached]]) -> None:
        """From legs both ends of which were seen: travel times, stays, leaving late, and each vehicle's own pace."""
        if not whole:
            return
        legs, terminal = legs_driven([(v.journey.stops, r) for v, r in whole])
        expected = self.knowledge.travel_s(legs, legs.t_us)
        for (vehicle, _), e, t, waited in zip(
            whole, expected.tolist(), legs.travel_s.tolist(), terminal.tolist(), strict=True
        ):
            if not waited:
                vehicle.learn_pace(e, t)
        stayed = np.array([r.stayed_s for _, r in whole])
        place = np.array([v.journey.stops.before[r.stop] for v, r in whole])
        rows, first = ~np.isnan(stayed) & ~legs.timetabled, np.array([r.stop == 1 for _, r in whole])
        known = self.knowledge.learn_driven(legs.take(~terminal))
        known = known.learn_late(place[terminal], legs.t_us[terminal], (legs.travel_s - expected)[terminal])
        self.knowledge = known.learn_stays(place[rows], legs.t_us[rows], stayed[rows], expected[rows], first[rows])


def legs_driven(rows: list[tuple[Stops, Reached]]) -> tuple[Driven, Bool]:
    """The legs to stops that were reached, and which of them began at a terminal.

    These last from when the vehicle was there and due to leave.
    """
    base = np.array([s.base_s[r.stop] for s, r in rows])
    timetabled = ~np.isnan(base)
    terminal = np.array([s.terminal(r.stop - 1) for s, r in rows]) & timetabled
    set_out = np.array([r.set_out_us for _, r in rows])
    came = set_out - np.array([round(np.nan_to_num(r.stayed_s) * 1e6) for _, r in rows])
    due = np.maximum(came, [s.planned_us[r.stop - 1] for s, r in rows])
    begin = np.where(terminal, due, np.where(timetabled, came, set_out))
    legs = Driven(
        begin,
        np.array([r.way_m for _, r in rows]) * DETOUR,
        np.array([r.bearing_rad for _, r in rows]),
        base,
        timetabled,
        Lane(
            np.array([s.number[r.stop] for s, r in rows]),
            np.array([r.origin for _, r in rows]),
            np.array([s.goal[r.stop] for s, r in rows]),
            np.array([s.lon[r.stop] for s, r in rows]),
        ),
        np.maximum((np.array([r.at_us for _, r in rows]) - begin) / 1e6, 0.0),
    )
    return legs, terminal


def _legs(group: list[_Vehicle]) -> tuple[Legs, I64]:
    """The legs ahead of these vehicles, and the stop each ends at."""

    def column(name: str) -> Any:
        return np.concatenate([getattr(v.journey.stops, name)[v.ahead()] for v in group])

    def own(values: list[float]) -> F64:
        return np.array(values)[which]

    count = np.array([v.ahead().stop - v.ahead().start for v in group])
    which = np.repeat(np.arange(len(group)), count)
    first = np.cumsum(count) - count
    now = np.array([v.journey.t_us for v in group])[which]
    way, bearing, base = column("way_m"), column("bearing_rad"), column("base_s")
    origin, planned, again = column("origin"), column("planned_us"), column("again")
    stood = np.zeros(len(which))
    hold, leaves = np.where(again, planned, NO_TIME), column("leaves_us")
    paces = []
    for i, v in zip(first.tolist(), group, strict=True):
        j = v.journey
        whole = way[i]
        way[i], bearing[i] = j.left()
        waits = v.waits()
        expected, taken = v.expected_s, v.taken_s
        if not np.isnan(base[i]):
            gone = (j.t_us - (j.from_us if j.there else j.set_out_us)) / 1e6
            left = float(way[i] / max(whole, 1.0))
            if not j.there and not waits:  # how it does on this leg counts as well
                done = float(base[i]) * min(max(1.0 - left, 0.0), 1.0)
                expected, taken = expected + done, taken + min(max(gone, done / PACE_MOST), done * PACE_MOST)
            base[i] = base[i] if waits else left_of_leg_s(float(base[i]), left, gone)
        elif not j.next and planned[i] != NO_TIME and not j.there:
            base[i] = way[i] * DETOUR / APPROACH_MPS
        paces.append(float(pace(expected, taken)))
        origin[i] = j.origin()
        stood[i] = (j.t_us - j.from_us) / 1e6 if j.there and j.next else np.nan
        leaves[i] = leaves[i] if waits else NO_TIME
        if j.there and not j.next:
            hold[i] = planned[i]  # it has not left its depot: it will leave so as to be there in time
    legs = Legs(
        which,
        now,
        np.where(again, 0.0, way * DETOUR),
        np.where(again, 0.0, way),
        bearing,
        base,
        ~np.isnan(base) | again.astype(np.bool_),
        Lane(column("number"), origin, column("goal"), column("lon")),
        column("before"),
        stood,
        planned,
        leaves,
        hold,
        leaves != NO_TIME,
        own(paces),
        own([v.driven_s for v in group]),
        own([v.today_s for v in group]),
    )
    return legs, np.concatenate([np.arange(v.ahead().start, v.ahead().stop) for v in group])


def _groups(trace: Trace) -> Iterator[tuple[int, int]]:
    """Rows in turn, from and to, each vehicle in it at most once."""
    seen: set[int] = set()
    begin = 0
    for row, (vehicle, t_us) in enumerate(zip(trace.vehicle.tolist(), trace.t_us.tolist(), strict=True)):
        if vehicle in seen or row - begin >= GROUP_MAX or t_us - int(trace.t_us[begin]) > GROUP_SPAN_US:
            yield begin, row
            seen.clear()
            begin = row
        seen.add(vehicle)
    if begin < len(trace.vehicle):
        yield begin, len(trace.vehicle)
