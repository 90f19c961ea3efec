"""Arrival times of the stops ahead of many vehicles at once, from where each is on its line and what was learned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from domain.folds.scan import NEVER, segment_starts
from domain.folds.table import previous, ranges
from domain.geo import EARTH_M, distance_m
from domain.readings import F64, I64, Bool
from tracker.arrival_times.plans import OFF_LINE_M, Plans
from tracker.rules.forecast import DETOUR, NO_TIME, Knowledge, Legs, calm, in_turn, pace
from tracker.rules.grades import late_risk
from tracker.rules.lines import Place
from tracker.rules.ranges import ENOUGH
from tracker.rules.residuals import Lane, area
from tracker.rules.rest import driven

FASTEST_MPS, SLACK_M = 40.0, 500.0  # what can have been driven since
PASSED_M = 500.0  # who is so far past a stop has to turn back
STILL_M, STILL_MPS = 30.0, 0.2  # who moves less stands
# a time is announced anew when it has moved by more: seconds, and a share of the time to go
ANNOUNCE_S, ANNOUNCE_SHARE = 15.0, 0.02
ANNOUNCE_EVERY_S, ANNOUNCE_EVERY_SHARE = 60.0, 0.02  # or after this long


class Position(NamedTuple):
    """Newest fixes of vehicles, one each."""

    t_us: I64
    lat: F64
    lon: F64


@dataclass(frozen=True)
class Prediction:
    """Predictions, one row per stop ahead; `of` is the vehicle's place in what was asked, `stop` the stop's index.

    `announce` tells which of them differ enough from what was last announced; `risk` is NaN where there is no window.
    """

    of: I64
    stop: I64
    now_us: I64
    p10_us: I64
    p50_us: I64
    p90_us: I64
    remaining_m: F64
    risk: F64
    few_trips: I64  # that the range rests on, -1: enough
    state: I64  # as in `ranges.Settled`
    said_s: F64  # seconds to go as mixed, of rest beside it, then by each expert
    announce: Bool


def along(plans: Plans, rows: I64, here: Position) -> tuple[F64, F64]:
    """Way and time along the line of each, NaN for who has none or is far off; progress and driving hours go on."""
    p = plans.progress
    elapsed_s = np.where(p.t_us[rows] == NO_TIME, 0, here.t_us - p.t_us[rows]) / 1e6
    moved_m = np.nan_to_num(distance_m(p.lat[rows], p.lon[rows], here.lat, here.lon))
    stands = moved_m <= STILL_M + STILL_MPS * elapsed_s
    p.still_s[rows] = np.where(stands, p.still_s[rows] + elapsed_s, 0.0)
    moving_s = np.where(stands, 0.0, elapsed_s)
    p.driven_s[rows], p.today_s[rows] = driven(p.driven_s[rows], p.today_s[rows], moving_s, p.still_s[rows])
    way, time = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
    on = np.flatnonzero(plans.line[rows] >= 0)
    if len(on):
        row, line = rows[on], plans.line[rows[on]]
        start = plans.lines.start[line]
        since_s = (here.t_us[on] - p.line_us[row]) / 1e6
        ahead_m = np.where(p.line_us[row] == NO_TIME, np.inf, SLACK_M + FASTEST_MPS * since_s)
        last = Place(p.segment[row] + start, p.way_m[row], np.zeros(len(row)))
        _behind(plans, row, last, np.flatnonzero(p.line_us[row] == NO_TIME))
        found = plans.lines.project(line, here.lat[on], here.lon[on], last, ahead_m)
        near = found.off_m <= OFF_LINE_M
        row = row[near]
        p.segment[row], p.way_m[row] = (found.segment - start)[near], found.way_m[near]
        p.line_us[row] = here.t_us[on[near]]
        way[on[near]], time[on[near]] = found.way_m[near], plans.lines.time_of_s(found)[near]
    return way, time


def _behind(plans: Plans, row: I64, last: Place, new: I64) -> None:
    """Who is new on its line is not looked for before the stops that are behind it; `last` is changed in place.

    A line that comes back the same way is then entered on the right one of its passages.
    """
    first = plans.start[row[new]]
    count = plans.start[row[new] + 1] - first
    stop, of = ranges(first, first + count), np.repeat(new, count)
    come = np.cumsum(plans.ahead[stop])
    behind = come == np.repeat((come - plans.ahead[stop])[np.cumsum(count) - count], count)
    np.maximum.at(last.way_m, of[behind], np.nan_to_num(plans.way_m[stop[behind]]))
    for i in new[last.way_m[new] > 0].tolist():
        low, high = plans.lines.start[plans.line[row[i]] :][:2]
        at = np.searchsorted(plans.lines.way_m[low : high - 1], last.way_m[i], side="right") - 1
        last.segment[i] = low + at


def predict(plans: Plans, rows: I64, here: Position, knowledge: Knowledge, *, rest: bool) -> Prediction:
    """Arrival times at the stops ahead of these rows, each from its newest fix; what is shown follows."""
    p, shown = plans.progress, plans.shown
    way_m, time_s = along(plans, rows, here)
    legs, stop = _legs(plans, rows, here, way_m, time_s)
    of = legs.vehicle
    now = here.t_us[of]
    made = knowledge.outlook(legs, now, _waits(plans, rows)[of], rest=rest)
    computed = now + np.rint(made.middle_s * 1e6).astype(np.int64)
    began = p.t_us[rows][of] == NO_TIME
    elapsed_s = np.where(began, 0, now - p.t_us[rows][of]) / 1e6
    before = np.where(began, NO_TIME, shown.calm_us[stop])
    p50 = in_turn(legs, np.maximum(calm(before, computed, (computed - now) / 1e6, elapsed_s), now))
    p10 = np.minimum(in_turn(legs, now + np.rint(made.low_s * 1e6).astype(np.int64)), p50)
    p90 = in_turn(legs, np.maximum(now + np.rint(made.high_s * 1e6).astype(np.int64), p50))
    shown.calm_us[stop] = p50
    p.t_us[rows], p.lat[rows], p.lon[rows] = here
    risk = np.full(len(stop), np.nan)
    ends = plans.closes_us[stop] != NEVER
    if ends.any():
        risk[ends] = late_risk(p10[ends], p50[ends], p90[ends], plans.closes_us[stop[ends]]).round(3)
    total = np.cumsum(legs.way_m)
    total -= np.maximum.accumulate(np.where(segment_starts(of), total - legs.way_m, 0.0))
    said = np.column_stack([made.mixed_s, made.rest_s, made.said_s])
    few, differs = np.where(made.trips < ENOUGH, made.trips, -1), _differs(plans, stop, now, p50)
    return Prediction(of, stop, now, p10, p50, p90, total, risk, few, made.state, said, differs)


def _waits(plans: Plans, rows: I64) -> I64:
    """Whether each stands where it is to leave at a planned time."""
    return (plans.there[rows] & (plans.leaves_us[rows] > 0)).astype(np.int64)


def _differs(plans: Plans, stop: I64, now_us: I64, p50_us: I64) -> Bool:
    """Which of these arrival times are worth a word."""
    shown = plans.shown
    new = shown.at_us[stop] == NO_TIME
    left_s = (p50_us - now_us) / 1e6
    moved_s = np.abs(np.where(new, 0, p50_us - shown.p50_us[stop])) / 1e6
    since_s = np.where(new, 0, now_us - shown.at_us[stop]) / 1e6
    long_ago = since_s >= ANNOUNCE_EVERY_S + ANNOUNCE_EVERY_SHARE * left_s
    return np.asarray(new | (moved_s > ANNOUNCE_S + ANNOUNCE_SHARE * left_s) | long_ago)


def _legs(plans: Plans, rows: I64, here: Position, way_m: F64, time_s: F64) -> tuple[Legs, I64]:
    """The legs ahead, and the stop each ends at; `way_m`, `time_s` say where each vehicle is on its line."""
    count = np.diff(plans.start)[rows]
    stop = ranges(plans.start[rows], plans.start[rows + 1])
    of = np.repeat(np.arange(len(rows)), count)
    stop, of = stop[plans.ahead[stop]], of[plans.ahead[stop]]
    first = segment_starts(of)
    prev, row, n = previous(stop), rows[of], len(stop)
    lat, lon = np.where(first, here.lat[of], plans.lat[prev]), np.where(first, here.lon[of], plans.lon[prev])
    straight, bearing = beelines(lat, lon, plans.lat[stop], plans.lon[stop])
    by_line = plans.way_m[stop] - np.where(first, way_m[of], plans.way_m[prev])
    on_line = by_line >= -PASSED_M
    way = np.where(on_line, np.maximum(by_line, 0.0), straight * DETOUR)
    base = plans.time_s[stop] - np.where(first, time_s[of], plans.time_s[prev])
    base = np.where(on_line, np.maximum(base, 0.0), np.nan)
    came_from = ~np.isnan(plans.from_lat[row])
    origin = np.where(
        first,
        area(np.where(came_from, plans.from_lat[row], lat), np.where(came_from, plans.from_lon[row], lon)),
        plans.goal[prev],
    )
    before = np.where(first, plans.from_place[row], plans.place[prev])
    there, now = plans.there[row], here.t_us[of]
    waits = there & (plans.leaves_us[row] > now)
    standing = np.where(there & (plans.leaves_us[row] == 0), (now - plans.from_us[row]) / 1e6, np.nan)
    p, never = plans.progress, np.full(n, NO_TIME, dtype=np.int64)
    legs = Legs(
        of,
        np.where(waits, plans.leaves_us[row], now),
        way,
        straight,
        bearing,
        base,
        np.zeros(n, dtype=np.bool_),
        Lane(lane_number(before, plans.place[stop]), origin, plans.goal[stop], plans.lon[stop]),
        before,
        np.where(first, standing, 0.0),
        never,
        never,
        never,
        first & there & (plans.leaves_us[row] > 0),
        pace(p.expected_s[row], p.taken_s[row]),
        p.driven_s[row],
        p.today_s[row],
    )
    return legs, stop


def lane_number(before: I64, place: I64) -> I64:
    """A number for the way between two places."""
    return before * np.int64(1_000_003) ^ place


def beelines(lat: F64, lon: F64, to_lat: F64, to_lon: F64) -> tuple[F64, F64]:
    """Metres and bearing (radians, from north) between places.

    >>> [v.round(2).tolist() for v in beelines(*np.array([[0.0], [179.999], [0.0], [-179.999]]))]
    [[222.39], [1.57]]
    """
    east = np.radians((to_lon - lon + 180.0) % 360.0 - 180.0) * np.cos(np.radians((lat + to_lat) / 2))
    return distance_m(lat, lon, to_lat, to_lon), np.arctan2(east * EARTH_M, np.radians(to_lat - lat) * EARTH_M)
