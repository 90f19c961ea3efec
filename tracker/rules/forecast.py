"""When vehicles arrive at the stops ahead of them, how sure that is, and what their arrivals teach.

    arrival = now + sum of (dwell at the stop before + base x exp(experience + own pace)) + the driver's rest

The base of a leg comes from its route or timetable, else from its way (`residuals.Curve`). Everything works on the legs
of many vehicles at once, flat and in driving order; `Knowledge` is a value: learning returns another.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from domain.folds.scan import segment_starts
from domain.readings import F64, I64, Bool
from tracker.rules.experts import NAMES, Experts
from tracker.rules.ranges import Ranges, Settled
from tracker.rules.residuals import Curve, Lane, Level, Residuals, bucket, weight_of
from tracker.rules.rest import rest_s

VERSION = 4
DETOUR = 1.3  # way by road over great circle, where no line is planned
FOREVER_S = 1e8  # longer than any journey; keeps the vehicles of one scan apart
DWELL_S, DWELL_SHARE = 600.0, 0.5  # a stay before one was seen: as a truck's, but no longer than half the leg
DWELL_SOFT_S = 30.0
STAY_MOST = 20.0  # a stay counts as no longer than so many times what was expected before one was seen
PACE_PRIOR_S = 2700.0  # how much of its own driving it takes to believe a vehicle is slower than others
PACE_FORGET_S = 2700.0
LATE_S, LATE_N = 30.0, 3.0  # how much after its time a vehicle leaves, before one was seen to
LATE_MAX_S = 3600.0
PACE_MOST = 1.6  # one leg counts as no slower than this: a wait is no pace
CALM_S = 60.0  # a shown arrival time follows the computed one with this time constant
RECOVERY_S = 5400.0  # a delay against a timetable melts with this time constant
RECOVERY_SHARE = 0.15  # but no faster than so much of the planned time
SWIFTEST_MPS = 80 / 3.6  # along the straight line between two stops: a lorry's top speed on a good road
SWIFTEST_SHARE = 0.5  # who is late makes up no more than this of a leg
BELIEVED = 0.5
NO_TIME = np.iinfo(np.int64).min


@dataclass(frozen=True, slots=True)
class Legs:
    """What lies ahead: one row per leg that ends at a stop, by vehicle and in driving order; columns are equally long.

    The first leg of a vehicle is what remains of it. `base_s` is NaN where no route and no timetable tells it, and has
    the stays in it where `timetabled`. `stood_s` is how long the vehicle has stood at the leg's beginning, 0 for later
    legs, NaN under way. `not_before_us` is when the leg begins at the earliest, else NO_TIME. `pace` is the logarithm
    of the vehicle's own pace, see `pace`. `driven_s` is driving since the last break, `today_s` since the daily rest.
    """

    vehicle: I64
    now_us: I64
    way_m: F64
    straight_m: F64  # between its ends
    bearing_rad: F64
    base_s: F64
    timetabled: Bool
    lane: Lane
    place: I64  # where it begins, as a number that stays the same
    stood_s: F64
    planned_us: I64
    leaves_us: I64
    not_before_us: I64
    terminal: Bool
    pace: F64
    driven_s: F64
    today_s: F64

    def planned(self) -> Bool:
        """Whether all legs up to and with each are known by more than their way."""
        return np.asarray(_running(self.vehicle, (np.isnan(self.base_s) & (self.way_m > 0)).astype(np.float64)) < 0.5)

    def __len__(self) -> int:
        return len(self.vehicle)


class Outlook(NamedTuple):
    """Seconds until the end of each leg. The driver's breaks are known, not uncertain: they are added to the ends.

    `state` as in `ranges.Settled`. What experts have said and their mixture are without `rest_s`, and what came of them
    is to be held against them without it.
    """

    said_s: F64  # legs x experts
    mixed_s: F64
    state: I64
    rest_s: F64
    low_s: F64
    middle_s: F64
    high_s: F64
    trips: I64  # that the range rests on


@dataclass(frozen=True, slots=True)
class Driven:
    """Legs that vehicles have driven, in the words of `Legs`; `t_us` is when they set out.

    One with a timetable lasts from arrival to arrival, as its base does.
    """

    t_us: I64
    way_m: F64
    bearing_rad: F64
    base_s: F64
    timetabled: Bool
    lane: Lane
    travel_s: F64

    def take(self, rows: Bool) -> Driven:
        """Some of them."""
        return Driven(
            self.t_us[rows],
            self.way_m[rows],
            self.bearing_rad[rows],
            self.base_s[rows],
            self.timetabled[rows],
            _rows(self.lane, rows),
            self.travel_s[rows],
        )


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What has been learned: by timetable and route, by way alone, of stays, of leaving late, and how wrong it was."""

    curve: Curve
    by_plan: Residuals
    by_way: Residuals
    stay: Level
    stay_here: Level
    late: Level
    late_here: Level
    experts: Experts
    ranges: Ranges

    @classmethod
    def none(cls) -> Knowledge:
        """Priors only."""
        return cls(
            Curve.prior(),
            Residuals.empty(),
            Residuals.empty(),
            Level.empty(),
            Level.empty(),
            Level.empty(),
            Level.empty(),
            Experts.none(),
            Ranges.prior(),
        )

    def travel_s(self, legs: Legs | Driven, t_us: I64) -> F64:
        """Expected travel time of each leg begun at `t_us`, without the vehicle's own pace."""
        planned, part, out = ~np.isnan(legs.base_s), bucket(t_us, legs.lane.lon), legs.base_s
        if planned.any():
            out = out * self.by_plan.ratio(legs.lane, part, t_us)
        if not planned.all():
            by_way = self.curve.travel_s(legs.way_m, legs.bearing_rad)
            out = np.where(planned, out, by_way * self.by_way.ratio(legs.lane, part, t_us))
        return np.asarray(out)

    def dwell_s(self, place: I64, t_us: I64, travel_s: F64) -> F64:
        """Expected stay at a place before a leg of this travel time."""
        known = self.stay_here.mean(place, t_us, 3.0, self.stay.mean(np.zeros_like(place), t_us, 3.0, 1.0))
        prior = np.minimum(DWELL_S, DWELL_SHARE * travel_s)
        return np.maximum((prior + DWELL_SOFT_S) * known - DWELL_SOFT_S, 0.0)

    def late_s(self, place: I64, t_us: I64) -> F64:
        """Expected seconds after its time that a vehicle leaves a place where it waits for it."""
        every = self.late.mean(np.zeros_like(place), t_us, LATE_N, LATE_S)
        return self.late_here.mean(place, t_us, LATE_N, every)

    def learn_driven(self, legs: Driven) -> Knowledge:
        """With legs that were driven."""
        if not len(legs.t_us):
            return self
        planned = ~np.isnan(legs.base_s)
        base = np.where(planned, legs.base_s, self.curve.travel_s(legs.way_m, legs.bearing_rad))
        part, now = bucket(legs.t_us, legs.lane.lon), int(legs.t_us.max())
        way = ~planned & (legs.way_m > 0) & (base > 0)
        plan = planned & (base > 0)
        ratio = legs.travel_s / np.maximum(base, 1.0)
        weight = weight_of(base)
        return replace(
            self,
            curve=self.curve.learn(legs.way_m[way], legs.bearing_rad[way], legs.travel_s[way])
            if way.any()
            else self.curve,
            by_plan=self.by_plan.learn(_rows(legs.lane, plan), part[plan], ratio[plan], weight[plan], now),
            by_way=self.by_way.learn(
                _rows(legs.lane, way), part[way], ratio[way], weight[way], now, self.curve.settled
            ),
        )

    def learn_late(self, place: I64, t_us: I64, late_s: F64) -> Knowledge:
        """With vehicles that have left places where they waited for their time, so long after it."""
        if not len(place):
            return self
        late, one, now = np.clip(late_s, 0.0, LATE_MAX_S), np.ones(len(late_s)), int(t_us.max())
        return replace(
            self,
            late=self.late.learn(np.zeros_like(place), late, one, now),
            late_here=self.late_here.learn(place, late, one, now),
        )

    def learn_stays(self, place: I64, t_us: I64, stay_s: F64, travel_s: F64, first: Bool | None = None) -> Knowledge:
        """With stays that have ended, before legs of this expected travel time.

        Those before the `first` leg of a trip are waits for its beginning, and say nothing of other places.
        """
        if not len(place):
            return self
        prior = np.minimum(DWELL_S, DWELL_SHARE * travel_s)
        seen = np.minimum((stay_s + DWELL_SOFT_S) / (prior + DWELL_SOFT_S), STAY_MOST)
        one, now = np.ones(len(seen)), int(t_us.max())
        then = np.ones(len(seen), dtype=np.bool_) if first is None else ~first
        return replace(
            self,
            stay=self.stay.learn(np.zeros_like(place[then]), seen[then], one[then], now),
            stay_here=self.stay_here.learn(place, seen, one, now),
        )

    def settle(self, settled: Settled) -> Knowledge:
        """With predictions that arrivals have settled."""
        return replace(self, experts=self.experts.learn(settled, self.ranges), ranges=self.ranges.learn(settled))

    def outlook(self, legs: Legs, made_us: I64, waits: I64, *, rest: bool = False) -> Outlook:
        """When each leg ends, counted from `made_us`, which is `legs.now_us` or before it.

        `waits` is 1 where a vehicle waits to set out. With `rest` its driver takes the breaks that are due.
        """
        planned = legs.planned()
        rough = _running(legs.vehicle, np.where(np.isnan(legs.base_s), legs.way_m / 12.0, legs.base_s))
        at_us = legs.now_us + (rough * 1e6).astype(np.int64)
        travel = self.travel_s(legs, at_us)
        said = self._said_s(legs, planned, at_us, travel)
        wait, state = (legs.now_us - made_us) / 1e6, planned * 2 + waits
        mixed = self._mixed_s(legs, said, planned) + wait
        breaks = np.zeros(len(travel))
        if rest:
            breaks = rest_s(_running(legs.vehicle, travel), legs.driven_s, legs.today_s)
        low, middle, high = (end + breaks for end in self.ranges.around(mixed, state))
        trips = self.ranges.experience(mixed, state)
        return Outlook(said + wait[:, None], mixed, state, breaks, low, middle, high, trips)

    def _said_s(self, legs: Legs, planned: Bool, at_us: I64, travel: F64) -> F64:
        """Expected seconds until the end of each leg, by each expert of `experts.NAMES`; NaN: it cannot say."""
        stays = self._stays(legs, at_us, travel)
        if legs.terminal.any():
            stays += np.where(legs.terminal, self.late_s(legs.place, at_us), 0.0)
        said = np.full((len(NAMES), len(travel)), np.nan).T  # an expert's lie together
        learned = said[:, 0] = _ends(legs, stays + travel)
        said[:, 1] = _ends(legs, stays + travel * np.exp(legs.pace)) if legs.pace.any() else learned
        timed = legs.planned_us != NO_TIME
        if timed.any():
            least = np.maximum(legs.straight_m / SWIFTEST_MPS, SWIFTEST_SHARE * travel)
            melting = _apart(legs.vehicle, learned - _made_up(legs, learned), least)
            said[:, 2] = np.where(timed, melting, np.nan)
            said[:, 4] = np.where(timed, np.maximum(legs.planned_us - legs.now_us, 0) / 1e6, np.nan)
        if planned.any():
            given = _ends(legs, np.where(legs.terminal, 0.0, stays) + np.nan_to_num(legs.base_s))
            said[:, 3] = np.where(planned, given, np.nan)
        return said

    def _stays(self, legs: Legs, at_us: I64, travel_s: F64) -> F64:
        """What is left of the stay at the beginning of each leg; a timetable has it in its times."""
        left = self.dwell_s(legs.place, at_us, travel_s) - np.nan_to_num(legs.stood_s)
        return np.where(np.isnan(legs.stood_s) | legs.timetabled, 0.0, np.maximum(left, 0.0))

    def _mixed_s(self, legs: Legs, said_s: F64, planned: Bool) -> F64:
        """The mixture of what the experts say; later stops come later."""
        if not len(legs):
            return np.empty(0)
        mixed = self.experts.mixed(said_s, planned.astype(np.int64), legs.lane.number)
        return _apart(legs.vehicle, mixed, legs.straight_m / SWIFTEST_MPS)


def _ends(legs: Legs, takes_s: F64) -> F64:
    """Seconds until the end of each leg, where each takes so long and none begins or ends before its time."""
    total = _running(legs.vehicle, takes_s)
    if (np.maximum(legs.leaves_us, legs.not_before_us) == NO_TIME).all():
        return total
    leaves = np.where(legs.leaves_us == NO_TIME, 0, legs.leaves_us - legs.now_us) / 1e6
    hold = np.where(legs.not_before_us == NO_TIME, 0, legs.not_before_us - legs.now_us) / 1e6
    return np.asarray(total + _largest(legs.vehicle, np.maximum(leaves - (total - takes_s), hold - total)))


def _rows(lane: Lane, rows: Bool) -> Lane:
    return Lane(lane.number[rows], lane.origin[rows], lane.goal[rows], lane.lon[rows])


def _running(vehicle: I64, value: F64) -> F64:
    """Running sum within each vehicle."""
    total = np.cumsum(value)
    start = segment_starts(vehicle)
    before = np.where(start, total - value, -np.inf)
    return np.asarray(total - np.maximum.accumulate(before))


def _largest(vehicle: I64, value: F64) -> F64:
    """Largest value so far within each vehicle, cut to 0 and FOREVER_S."""
    number = np.cumsum(segment_starts(vehicle)) * FOREVER_S
    return np.asarray(np.maximum.accumulate(np.clip(value, 0.0, FOREVER_S) + number) - number)


def _apart(vehicle: I64, value: F64, least: F64) -> F64:
    """Values raised, where they must be, to `least` above the one before within each vehicle, 0 for the first."""
    driven = _running(vehicle, least)
    return driven + _largest(vehicle, value - driven)


def in_turn(legs: Legs, at_us: I64) -> I64:
    """Arrival times raised so that none is sooner than a plausible driving time after now, or after the one before."""
    least_us = np.ceil(legs.straight_m / SWIFTEST_MPS * 1e6)  # whole numbers, and so are their sums
    soonest = legs.now_us + _running(legs.vehicle, least_us).astype(np.int64)
    later, start = np.maximum(at_us - soonest, 0), segment_starts(legs.vehicle)
    if not ((later[1:] < later[:-1]) & ~start[1:]).any():
        return np.asarray(soonest + later)
    apart = (np.cumsum(start) - 1) * (int(later.max()) + 1)  # keeps the vehicles of one scan apart
    return np.asarray(soonest + np.maximum.accumulate(later + apart) - apart)


def _made_up(legs: Legs, arrival_s: F64) -> F64:
    """How much of the delay at its next stop a vehicle with a timetable has made up at each stop; seconds.

    A timetable has slack for those who are late, and who is early waits somewhere.
    """
    first = np.maximum.accumulate(np.where(segment_starts(legs.vehicle), np.arange(len(legs)), 0))
    known = (legs.planned_us != NO_TIME) & (legs.planned_us[first] != NO_TIME)
    delay = arrival_s[first] - np.where(known, legs.planned_us[first] - legs.now_us, 0) / 1e6
    after = np.where(known, legs.planned_us - legs.planned_us[first], 0) / 1e6
    late = np.minimum(delay * (1.0 - np.exp(-np.maximum(after, 0.0) / RECOVERY_S)), RECOVERY_SHARE * after)
    return np.asarray(np.where(known, late, 0.0))


def left_of_leg_s(leg_s: float, left: float, gone_s: float) -> float:
    """What remains of a leg of which the whole planned time is known, and a share of its way is left.

    That little of the way is done `gone_s` after the beginning is half a delay and half a slow beginning; near the end
    of the leg only the way counts.

    >>> left_of_leg_s(600.0, 1.0, 0.0), left_of_leg_s(600.0, 0.0, 300.0)
    (600.0, 0.0)
    """
    done = min(max(1.0 - left, 0.0), 1.0)
    believed = BELIEVED + (1.0 - BELIEVED) * done * done
    by_way, by_time = min(left, 1.5) * leg_s, leg_s - gone_s
    return max(believed * by_way + (1.0 - believed) * by_time, 0.4 * by_way)


def pace(expected_s: F64 | float, taken_s: F64 | float) -> F64:
    """Logarithm of a vehicle's own pace: over 0 when it takes longer than expected of anyone.

    >>> pace(np.array([0.0, 1800.0]), np.array([0.0, 5400.0])).round(2).tolist()
    [0.0, 0.59]
    """
    ratio = (np.asarray(taken_s) + PACE_PRIOR_S) / (np.asarray(expected_s) + PACE_PRIOR_S)
    return np.clip(np.log(ratio), -0.7, 0.7)


def calm(shown_us: I64, computed_us: I64, remaining_s: F64, elapsed_s: F64) -> I64:
    """The arrival time to show after `elapsed_s` since the last one shown (NO_TIME: none yet).

    It follows what is computed smoothly, the faster the nearer the arrival and the larger the difference.
    """
    off = np.where(shown_us == NO_TIME, 0, computed_us - shown_us) / 1e6
    constant = np.minimum(CALM_S, np.maximum(remaining_s, 0.0) / 8.0) / (1.0 + np.abs(off) / 300.0)
    share = np.exp(-np.maximum(elapsed_s, 0.0) / np.maximum(constant, 1e-3))
    return np.asarray(computed_us - np.rint(off * share * 1e6).astype(np.int64))
