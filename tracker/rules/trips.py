"""Trips and stops: what a vehicle did, as segments that follow one another; tolerant of gaps, jitter and glitches.

Three questions, each answered by filling the last decisive row forward:

1. *Moving?* By the ignition when it is off, by the receiver's speed when it gives one, otherwise by the way from where
   the vehicle was one and two minutes ago; what the way contradicts is not believed (`beliefs`). One fix never sets a
   vehicle in motion: a second at a later time must agree, or the way to it with the speed it gives. Of vehicles of
   some classes the step to a fix is asked before the way over minutes (`motion`).
2. *On the move?* Standing splits a movement only when it lasted `stop_us`; a traffic light does not.
3. *A trip?* A movement is one from the moment it has taken the vehicle `trip_m` away on two fixes running. Otherwise it
   was jitter, a glitch or a shift in the yard, and the stop goes on.

Distances and times are running totals in whole millimetres and microseconds, and a segment's are differences of
totals: any split of the readings gives the same bytes. Time between two fixes further apart than `interval_us` is
unknown, its straight line is `gap_mm` and no distance driven. After more than `harsh_us`, somewhere else, nothing is
known of what was between: the gap is a segment of its own. A device that slept and woke in place stood there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from domain.folds.table import Column, Table, previous
from domain.geo import distance_m, near_m
from domain.readings import F64, I64, Bool
from tracker.rules.beliefs import FAR_M, NOTHING, Beliefs
from tracker.rules.motion import MOVING_MPS, STANDING_MPS, Limits
from tracker.rules.stretches import WIDTH, Segments, from_marks

VERSION = 2
NONE, STOP, TRIP, UNKNOWN = -1, 0, 1, 2
KINDS = ("stop", "trip", "unknown")
BUCKET_US = 60_000_000
SLEEP_M = 300.0  # a device that wakes within this of where it fell asleep has not been away
INTEGRAL_US = 30_000_000  # up to here the receiver's speed over time is truer than the way between two fixes
LAST, DEP, SINCE, MOVE, SEGMENT, HEADS = 0, 1, 2, 3, 4, 5
MARKS = 8
DIST, GAP, MOVING, IDLE, BLIND, CARRIED = 3, 4, 5, 6, 7, 8  # the totals in a mark
ERROR_M = 3.0  # of a fix that does not tell its accuracy
GO_ERRORS, TRIP_ERRORS = 3.0, 5.0  # a step moves when it is so many errors long; so many away it is a trip
NOWHERE = int(np.array([np.nan]).view(np.int64)[0])
LONG_AGO = -(2**62)


@dataclass(frozen=True, slots=True)
class Rows:
    """Fixes sorted by (entity, time). Unknown: NaN for accuracy, speed and odometer, -1 for the ignition."""

    entity: I64
    t_us: I64
    lat: F64
    lon: F64
    accuracy_m: F64
    speed_mps: F64
    ignition: NDArray[np.int8]
    odometer_m: F64


@dataclass(frozen=True, slots=True)
class Carry(Table):
    """What a vehicle's next fix needs to know: 700 bytes.

    `marks` are eight moments, each a time, a place and the totals then: the last fix, the departure that is in doubt or
    under way, the beginning of the standing, of the movement and of the segment, and three minutes' first fixes.
    """

    COLUMNS: ClassVar[Mapping[str, Column]] = {
        "marks": Column("i8", 0, MARKS * WIDTH),
        "seen": Column("?", 0),
        "sign": Column("i1", 0),
        "run_us": Column("i8", 0),
        "run_mm": Column("i8", 0),
        "run_moved_us": Column("i8", 0),
        "moving": Column("?", 0),
        "go_us": Column("i8", LONG_AGO),
        "on_move": Column("?", 0),
        "move_far_m": Column("f8", 0.0),
        "move_max_mps": Column("f8", 0.0),
        "kind": Column("i1", NONE),
        "ignition": Column("i1", -1),
        "speed_mps": Column("f8", np.nan),
        "odometer_mm": Column("i8", LONG_AGO),
        "doubted": Column("?", 0),
        "said": Column("i1", NOTHING),
        "said_us": Column("i8", LONG_AGO),
        "still": Column("i1", 0),
        "still_us": Column("i8", LONG_AGO),
        "zero": Column("?", 0),
        "frozen": Column("?", 0),
        "scale": Column("?", 0),
        "engine": Column("i1", -1),
        "engine_us": Column("i8", LONG_AGO),
        "wire": Column("?", 0),
        "unwired": Column("?", 0),
        "tow": Column("i1", 0),
        "tow_us": Column("i8", LONG_AGO),
        "claimed_mm": Column("i8", 0),
        "way_mm": Column("i8", 0),
    }

    marks: I64
    seen: Bool
    sign: NDArray[np.int8]
    run_us: I64
    run_mm: I64
    run_moved_us: I64
    moving: Bool
    go_us: I64
    on_move: Bool
    move_far_m: F64
    move_max_mps: F64
    kind: NDArray[np.int8]
    ignition: NDArray[np.int8]
    speed_mps: F64
    odometer_mm: I64
    doubted: Bool
    said: NDArray[np.int8]
    said_us: I64
    still: NDArray[np.int8]
    still_us: I64
    zero: Bool
    frozen: Bool
    scale: Bool
    engine: NDArray[np.int8]
    engine_us: I64
    wire: Bool
    unwired: Bool
    tow: NDArray[np.int8]
    tow_us: I64
    claimed_mm: I64
    way_mm: I64


def evaluate(rows: Rows, limits: Limits | None = None) -> Segments:
    """The definition: segments of all readings of some vehicles."""
    return step(Carry.empty(), rows, limits)[1]


def step(carry: Carry, rows: Rows, limits: Limits | None = None) -> tuple[Carry, Segments]:
    """The carry of the vehicles in `rows` after them, and the segments touched; `carry` may hold any vehicles."""
    return Scan(carry, rows, limits or Limits()).result()


def judged(carry: Carry, rows: Rows, limits: Limits | None = None) -> tuple[Carry, Segments, NDArray[np.int8]]:
    """As `step`; and what is to be said of the fields of each row (`beliefs`)."""
    scan = Scan(carry, rows, limits or Limits())
    after, segments = scan.result()
    return after, segments, scan.beliefs.marks()[scan.new] if len(rows.entity) else np.empty(0, np.int8)


def _fill(flag: Bool) -> I64:
    """For each row the newest flagged row at or before it; the first row of each entity is flagged."""
    return np.maximum.accumulate(np.where(flag, np.arange(len(flag)), 0))


class Scan:
    """One evaluation: rows with their vehicle's last fix before them (`old`), and indices into one table of marks.

    The table holds the rows' own marks, then those of the carries. A moment is an index into it until the end.
    """

    def __init__(self, carry: Carry, rows: Rows, limits: Limits) -> None:
        self.rows = rows
        new = rows.entity
        self.starts = np.flatnonzero(np.concatenate([[True], new[1:] != new[:-1]])[: len(new)])
        self.carry = carry.of(new[self.starts])
        self.v, self.m = len(self.starts), len(new) + len(self.starts)
        self.at_old = self.starts + np.arange(self.v)
        self.old = np.zeros(self.m, np.bool_)
        self.old[self.at_old] = True
        self.new = ~self.old
        self.of = np.cumsum(self.old) - 1
        self.limits = limits.over(self.of)
        self.kept = self.carry.marks.reshape(self.v, MARKS, WIDTH)
        self.kept[~self.carry.seen, :, 0] = LONG_AGO
        self.t = self.lay(rows.t_us, self.kept[:, LAST, 0])
        place = [np.ascontiguousarray(self.kept[:, :, i]).view(np.float64) for i in (1, 2)]
        place = [np.where(self.carry.seen[:, None], each, np.nan) for each in place]
        self.lat, self.lon = self.lay(rows.lat, place[0][:, LAST]), self.lay(rows.lon, place[1][:, LAST])
        self.all_t = np.concatenate([self.t, self.kept[:, 1:, 0].T.ravel()])
        self.all_lat = np.concatenate([self.lat, place[0][:, 1:].T.ravel()])
        self.all_lon = np.concatenate([self.lon, place[1][:, 1:].T.ravel()])

    def lay(self, new: NDArray[Any], old: NDArray[Any]) -> NDArray[Any]:
        """A column of the rows, with a value of each vehicle's carry before them."""
        out = np.empty(self.m, new.dtype)
        out[self.new], out[self.at_old] = new, old
        return out

    def _kept(self, mark: int) -> I64:
        """Indices of a mark of each vehicle's carry."""
        return self.m + (mark - 1) * self.v + np.arange(self.v)

    @staticmethod
    def fill(flag: Bool) -> I64:
        """For each row the newest flagged row at or before it; the first row of each vehicle is flagged."""
        return _fill(flag)

    def filled(self, otherwise: NDArray[Any], old: NDArray[Any], flag: Bool) -> NDArray[Any]:
        """`otherwise` at flagged rows, `old` at the carries, filled forward."""
        values = otherwise.copy()
        values[self.at_old] = old
        return values[_fill(flag | self.old)]

    def _way(self, mark: I64, where: Bool) -> F64:
        """Metres from a moment's place to the row's, NaN elsewhere than `where`."""
        out = np.full(self.m, np.nan)
        i = np.flatnonzero(where)
        out[i] = near_m(self.all_lat[mark[i]], self.all_lon[mark[i]], self.lat[i], self.lon[i])
        return out

    def result(self) -> tuple[Carry, Segments]:
        """The carry and the segments."""
        if not len(self.rows.entity):
            none = np.empty((0, WIDTH), np.int64)
            i = np.empty(0, np.int64)
            return Carry.empty(), from_marks(i, i.astype(np.int8), none, none, i > 0, np.empty(0), i, i > 0)
        self._steps()
        self._signs()
        self._motion()
        self._moves()
        self._totals()
        return self._after(), self._found()

    def _steps(self) -> None:
        """The way and time from the fix before; where nothing leads on from it (`cut`); where a device slept."""
        prev = np.arange(self.m) - 1
        seen = self.new & ~np.isnan(self.lat[prev])
        self.dt = np.where(seen, self.t - self.t[prev], 0)
        way = np.zeros(self.m)
        i = np.flatnonzero(seen)
        way[i] = near_m(self.lat[i - 1], self.lon[i - 1], self.lat[i], self.lon[i])
        far = np.flatnonzero(way > 50_000)
        way[far] = distance_m(self.lat[far - 1], self.lon[far - 1], self.lat[far], self.lon[far])
        self.way = way
        self.broken = (self.dt > self.limits.harsh_us) & (way > SLEEP_M)
        self.cut = self.broken | (self.new & ~seen)
        slow = way * 1e6 <= STANDING_MPS * self.dt
        self.slept = (self.dt >= self.limits.stop_us) & slow & (way <= SLEEP_M)
        self.ignition = self.lay(self.rows.ignition, self.carry.ignition)

    def _heads(self) -> tuple[I64, I64]:
        """Indices of the first fixes of the two minutes with fixes before each row's own; keeps those of the end."""
        minute = self.t // BUCKET_US
        head = self.new & ((minute != previous(minute)) | self.cut)
        count = np.cumsum(head)
        base = count[self.at_old]
        number = count - base[self.of]
        at = np.append(np.flatnonzero(head), 0)

        def index(number: I64, of: I64) -> I64:
            old = self.m + (HEADS + 1 + number) * self.v + of  # -2 is the oldest of the three
            return np.where(number > 0, at[(base[of] + number - 1).clip(0, len(at) - 1)], old)

        last = np.append(self.at_old[1:], self.m) - 1
        self.last = last
        self.heads = [index(number[last] - back, np.arange(self.v)) for back in (2, 1, 0)]
        return index(number - 1, self.of), index(number - 2, self.of)

    def _signs(self) -> None:
        """+1 for a row that speaks of moving, -1 of standing, 0 of neither; and its standing's supposed beginning."""
        near, earlier = self._heads()
        cut_us = np.where(self.cut, self.t, LONG_AGO)
        self.cut_us = cut_us[_fill(self.cut | self.old)]
        self.beliefs = held = Beliefs(self, near, earlier, INTEGRAL_US)
        self.speed = speed = held.speed_mps
        moving_mps, standing_mps = self.limits.moving_mps, self.limits.standing_mps
        sign = np.where(speed >= moving_mps, 1, np.where(speed <= standing_mps, -1, 0)).astype(np.int8)
        sign = np.where(np.isnan(speed), held.way, sign)
        self._pace()
        sign = np.where(self.paced, self.pace, sign)
        sign = held.ignited(np.where(held.moves, 1, sign).astype(np.int8))
        sign[self.at_old] = self.carry.sign
        self.sign, self.near, self.earlier = sign, near, earlier
        self.dumb = self.new & np.isnan(speed) & ~held.off & ~self.paced

    def _pace(self) -> None:
        """Rows whose step is to be judged, and +1, -1 or 0 for each of them: by its way against time and error."""
        self.paced, self.pace = np.zeros(self.m, np.bool_), np.zeros(self.m, np.int8)
        limits, error_m = self.limits, np.maximum(self.beliefs.accuracy_m, ERROR_M)
        if not np.any(limits.by_pace):
            return
        go_m, stay_m = limits.moving_mps * self.dt / 1e6, limits.standing_mps * self.dt / 1e6
        judged = self.new & ~self.cut & np.isnan(self.speed) & (self.dt > 0) & (self.dt <= limits.stop_us)
        self.paced = judged & limits.by_pace & (go_m >= error_m)
        goes, stays = self.way >= np.maximum(go_m, GO_ERRORS * error_m), self.way <= np.maximum(stay_m, error_m)
        self.pace = np.where(goes, 1, np.where(stays, -1, 0)).astype(np.int8)
        self.paced &= (self.pace != 0) | ~self.beliefs.at_rest  # who has been still for minutes stands since then

    def _motion(self) -> None:
        """Moving or standing, since which moment, and the departure each row with sign +1 speaks of."""
        row = np.arange(self.m)
        begins = self.old | (self.sign != previous(self.sign)) | self.cut | self.slept
        self.run = _fill(begins)
        began_us = self.t.copy()
        began_us[self.at_old] = self.carry.run_us
        self.run_us = began_us[self.run]
        departure = np.where(self.cut | self.slept, row, row - 1)
        departure[self.at_old] = self._kept(DEP)
        self.departure = departure[self.run]
        stands = self.new & ((self.sign == -1) | self.slept | self.cut)
        agrees = (
            (self.speed >= self.limits.moving_mps) & (self.way > SLEEP_M) & (self.way * 1e6 >= MOVING_MPS * self.dt)
        )
        goes = self.new & (self.sign == 1) & ((self.t > self.run_us) | agrees) & ~stands
        goes &= ~self.beliefs.waits
        if self.paced.any():
            goes &= ~self.paced | self._departs()
        self.moving = self.filled(goes, self.carry.moving, stands | goes)
        self.was_moving = previous(self.moving) & self.new & ~self.cut
        self.go = self.moving & ~self.was_moving & self.new
        departed_us = np.where(self.go, self.all_t[self.departure], self.t)
        self.go_us = self.filled(departed_us, self.carry.go_us, self.go | self.cut)
        halts = (~self.moving & self.was_moving) | self.cut
        since = np.where(self.slept & ~self.cut, row - 1, row)
        for mark in (self.near, self.earlier):
            usable = self.dumb & ~self.slept & ~self.cut & (self.all_t[mark] >= np.maximum(self.go_us, self.cut_us))
            since = np.where(usable, mark, since)
        self.since = self.filled(since, self._kept(SINCE), halts)

    def _departs(self) -> Bool:
        """Rows that are as far from their departure as who moves since then would be: errors do not add up to that."""
        way = self._way(self.departure, self.paced & (self.sign == 1))
        with np.errstate(invalid="ignore"):
            return np.asarray(way * 1e6 >= self.limits.moving_mps * (self.t - self.all_t[self.departure]))

    def _moves(self) -> None:
        """Movements, which standing ends only when it lasts; and which of them are trips."""
        held_us = np.where((self.sign == 1) & ~self.slept, self.all_t[self.departure], self.t)
        self.rests = self.new & ~self.moving & (held_us - self.all_t[self.since] >= self.limits.stop_us)
        decisive = self.rests | (self.moving & self.new) | self.cut
        self.on_move = self.filled(self.moving, self.carry.on_move, decisive)
        was = previous(self.on_move) & self.new & ~self.cut
        self.sets_off = self.on_move & ~was & self.new
        self.move = self.filled(self.departure, self._kept(MOVE), self.sets_off)
        far = self._way(self.move, self.on_move & self.new)
        far[self.at_old] = self.carry.move_far_m
        self.far = np.nan_to_num(far)
        trip_m = np.where(self.limits.by_pace, TRIP_ERRORS * self.beliefs.accuracy_m, 0.0).clip(self.limits.trip_m)
        away = was & self.on_move & (np.fmin(self.far, previous(self.far)) >= trip_m)
        kind = np.where(away, TRIP, np.where(self.cut, NONE, STOP)).astype(np.int8)
        self.kind = self.filled(kind, self.carry.kind, away | self.rests | self.cut)

    def _totals(self) -> None:
        """Running totals of each vehicle, and with them the table of marks."""
        apart = (self.dt > self.limits.interval_us) & self.new
        known = self.new & ~apart & ~self.slept & ~self.cut
        before = previous(self.speed)
        straight = np.rint(self.way * 1000)
        integral = np.rint((self.speed + before) * (self.dt / 2000))
        take = known & (self.dt <= INTEGRAL_US) & ~np.isnan(integral)
        self.step_mm = np.where(take, integral, straight).astype(np.int64)
        rolling = known & (self.sign == 1)
        self.run_mm = self.within(np.where(rolling, self.step_mm, 0), self.carry.run_mm, self.run)
        self.run_moved_us = self.within(np.where(rolling, self.dt, 0), self.carry.run_moved_us, self.run)
        totals = np.zeros((self.m, WIDTH), np.int64)
        rides = self.was_moving & known
        totals[:, DIST] = np.where(rides, self.step_mm, np.where(self.go, self.run_mm, 0))
        totals[:, GAP] = np.where(apart & ~self.slept & (self.way > FAR_M), straight, 0)
        totals[:, MOVING] = np.where(rides, self.dt, np.where(self.go, self.run_moved_us, 0))
        engine_on = (previous(self.ignition) == 1) & self.beliefs.idles
        idle = self.new & ~apart & ~self.cut & ~self.was_moving & (self.sign != 1) & engine_on
        totals[:, IDLE] = np.where(idle, self.dt, 0)
        totals[:, CARRIED] = np.where(rides & self.beliefs.carried, self.step_mm, 0)
        totals[:, BLIND] = np.where(apart, self.dt, 0)
        sums = np.cumsum(totals[:, DIST:], axis=0)
        sums += (self.kept[:, LAST, DIST:] - sums[self.at_old])[self.of]
        totals[:, DIST:] = sums
        totals[:, 0] = self.t
        totals[:, 1], totals[:, 2] = self.lat.view(np.int64), self.lon.view(np.int64)
        self.totals = totals
        driven = sums[:, 0] + sums[:, 1]
        given = self.lay(self.rows.odometer_m, np.full(self.v, np.nan))
        has = ~np.isnan(given)
        offset = np.rint(np.where(has, given, 0) * 1000).astype(np.int64) - driven
        self.offset = self.filled(offset, self.carry.odometer_mm, has)

    def _mark(self, index: I64) -> I64:
        """Marks by their index: a row's, or one of a carry."""
        out: I64 = self.totals[np.minimum(index, self.m - 1)]
        old = np.flatnonzero(index >= self.m)
        mark, of = np.divmod(index[old] - self.m, self.v)
        out[old] = self.kept[of, mark + 1]
        return out

    def within(self, value: I64, carried: I64, run: I64) -> I64:
        """Sums from the beginning of each row's run, which is the row `run`."""
        value[self.at_old] = carried
        sums = np.cumsum(value)
        return np.asarray(sums - sums[run] + value[run])

    def _speed_max(self) -> F64:
        """Greatest speed of the movement each row belongs to, up to its end."""
        with np.errstate(invalid="ignore", divide="ignore"):
            derived = np.where(self.dt >= 5_000_000, self.step_mm * 1e3 / self.dt, 0.0)
        speed = np.where(np.isnan(self.speed), derived, self.speed)
        speed = np.where(self.moving & self.new & (self.dt <= self.limits.interval_us), speed, 0.0)
        speed[self.at_old] = self.carry.move_max_mps
        begins = self.sets_off | self.old
        greatest = np.maximum.reduceat(speed, np.flatnonzero(begins))
        return np.asarray(greatest[np.cumsum(begins) - 1])

    def _after(self) -> Carry:
        """What is kept of each vehicle after its last row."""
        last = self.last
        marks = [last, self.departure[last], self.since[last], self.move[last], self._opened()[last], *self.heads]
        kept = self.kept.copy()
        for mark, index in enumerate(marks):
            changed = np.flatnonzero((index < self.m) | (index != self._kept(mark)))
            kept[changed, mark] = self._mark(index[changed])
        gone = kept[:, HEADS:, 0] < self.cut_us[last][:, None]
        kept[:, HEADS:, 1:3][gone] = NOWHERE
        self.fastest = self._speed_max()
        held = self.beliefs
        return Carry(
            self.carry.entity,
            kept.reshape(self.v, -1),
            np.ones(self.v, np.bool_),
            self.sign[last],
            self.run_us[last],
            self.run_mm[last],
            self.run_moved_us[last],
            self.moving[last],
            self.go_us[last],
            self.on_move[last],
            self.far[last],
            self.fastest[last],
            self.kind[last],
            self.ignition[last],
            held.raw[last],
            self.offset[last],
            *(column[last] for column in held.state()),
        )

    def _opened(self) -> I64:
        """Index of the mark with which each row's segment began."""
        before = previous(self.kind)
        before[self.cut] = NONE
        self.opens = self.new & (self.kind != before) & (self.kind != NONE)
        mark = np.where(self.kind == TRIP, self.move, self.since)
        self.boundary = mark
        return self.filled(mark, self._kept(SEGMENT), self.opens)

    def _found(self) -> Segments:
        """The segments, each from its first mark to the next one's, or to where the vehicle was last seen."""
        first = np.flatnonzero(self.opens | (self.old & (self.kind != NONE)))
        mark = np.where(self.old[first], self._kept(SEGMENT)[self.of[first]], self.boundary[first])
        ends_at = np.flatnonzero(np.append(self.old | self.cut, True))  # and one behind the last row
        until = ends_at[np.searchsorted(ends_at, first, "right")]  # where what leads on from `first` ends
        following = np.append(first[1:], self.m)
        closed = following < until
        broken = ~closed & np.append(self.broken, False)[until]
        end = np.where(closed, np.append(mark[1:], 0), until - 1)
        shown = np.where(closed, following - 1, until - 1)
        gaps = np.flatnonzero(self.broken)
        rows = np.concatenate([first, gaps])
        order = np.argsort(rows, kind="stable")
        speed = np.where(self.kind[first] == TRIP, self.fastest[first], 0.0)
        parts = (
            (self.carry.entity[self.of[first]], self.carry.entity[self.of[gaps]]),
            (self.kind[first], np.full(len(gaps), UNKNOWN, np.int8)),
            (self._mark(mark), self.totals[gaps - 1]),
            (self._mark(end), self.totals[gaps]),
            (~(closed | broken), np.zeros(len(gaps), np.bool_)),
            (speed, np.zeros(len(gaps))),
            (self._odometer(shown), self._odometer(gaps)),
            (~self.old[first], np.ones(len(gaps), np.bool_)),
        )
        return from_marks(*(np.concatenate(part)[order] for part in parts))

    def _odometer(self, row: I64) -> I64:
        driven = self.totals[row, DIST] + self.totals[row, GAP]
        return np.where(self.offset[row] == LONG_AGO, LONG_AGO, self.offset[row] + driven)
