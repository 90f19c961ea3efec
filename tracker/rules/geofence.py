"""Visits: a vehicle inside a site's fence, from crossing its edge to crossing its outer edge.

The outer edge is further out by a margin that grows with the fence and with the fix's reported accuracy, so that noise
at the edge is one visit, not many. No single fix opens or closes a visit:

- it opens with two fixes running inside, at different times, when both are further inside than their accuracy (of a
  small fence: than a share of it) and the vehicle goes on from where it came, has slowed down, or a third is inside;
  or when they are `PASS_US` apart; otherwise with `ENTER_FIXES` that span `LEAVE_US`;
- it closes with fixes running beyond the outer edge: two when the newest is `DEEP_M` beyond it, otherwise three that
  span `LEAVE_US`, or `LEAVE_FIXES`. A glitch, and most pairs of glitches, are neither.

Times are those of the first crossing, interpolated between its fixes, or the first fix's when the gap before it is
longer than `GAP_US`. A visit counts from when it lasted the fence's dwell time. A vehicle that passes straight through
with fewer fixes inside has a visit too; see `passages`.

Only pairs of a vehicle and a fence that its way touches are looked at, each for the rows in which anything can happen:
from the fix before it came near to `LEAVE_FIXES` after it was last near, when it has left for certain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from domain.folds.scan import NEVER, last_decisive, last_words
from domain.folds.table import Column, Table, previous, ranges, take
from domain.geo import local_m
from domain.readings import F64, I64, Bool
from tracker.rules.fences import Fence, Fences, distinct
from tracker.rules.passages import PASS_US, Doubt, passages

__all__ = ["Carry", "Fence", "Fences", "Visits", "evaluate", "joined", "pair", "site_in", "step", "unpair"]

VERSION = 3
GAP_US = 600_000_000
DEEP_M = 500.0
LEAVE_US, LEAVE_FIXES = 30_000_000, 32
ENTER_FIXES = 4
STILL_M, STILL_MPS = 50.0, 2.0
LONG_AGO = -(2**62)
SHIFT = 32


@dataclass(frozen=True, slots=True)
class Last(Table):
    """The last fix of each vehicle and the one before it; NaN: none."""

    COLUMNS: ClassVar[Mapping[str, Column]] = {
        "t_us": Column("i8", LONG_AGO),
        "lat": Column("f8", np.nan),
        "lon": Column("f8", np.nan),
        "accuracy_m": Column("f8", np.nan),
        "before_us": Column("i8", LONG_AGO),
        "before_lat": Column("f8", np.nan),
        "before_lon": Column("f8", np.nan),
        "before_accuracy_m": Column("f8", np.nan),
    }

    t_us: I64
    lat: F64
    lon: F64
    accuracy_m: F64
    before_us: I64
    before_lat: F64
    before_lon: F64
    before_accuracy_m: F64


@dataclass(frozen=True, slots=True)
class Pairs(Table):
    """What is open between a vehicle and a fence; the entity is `pair(vehicle, site)`.

    `told`: the visit has lasted and was given out. `sign`: the last fix was inside (1), beyond the outer edge (-1) or
    between (0); `fixes` have been so since `run_us`, crossed at `cross_us`. The rest is of a passage in doubt: its
    times, where the vehicle was before, when it last cut the fence, and the fixes clear of it since.
    """

    COLUMNS: ClassVar[Mapping[str, Column]] = {
        "inside": Column("?", 0),
        "told": Column("?", 0),
        "entered_us": Column("i8", 0),
        "seen_us": Column("i8", LONG_AGO),
        "sign": Column("i1", 0),
        "fixes": Column("i8", 1),
        "run_us": Column("i8", 0),
        "cross_us": Column("i8", 0),
        "passed_in_us": Column("i8", NEVER),
        "passed_out_us": Column("i8", NEVER),
        "from_us": Column("i8", LONG_AGO),
        "from_lat": Column("f8", np.nan),
        "from_lon": Column("f8", np.nan),
        "cut_us": Column("i8", LONG_AGO),
        "clear": Column("i8", 0),
    }

    inside: Bool
    told: Bool
    entered_us: I64
    seen_us: I64
    sign: NDArray[np.int8]
    fixes: I64
    run_us: I64
    cross_us: I64
    passed_in_us: I64
    passed_out_us: I64
    from_us: I64
    from_lat: F64
    from_lon: F64
    cut_us: I64
    clear: I64


class Carry(NamedTuple):
    """What the rule keeps of vehicles, and of vehicles at fences. A vehicle near no fence has nothing in `pairs`."""

    last: Last
    pairs: Pairs

    @classmethod
    def empty(cls) -> Carry:
        """No vehicles."""
        return cls(Last.empty(), Pairs.empty())

    def of(self, vehicle: I64) -> Carry:
        """What is kept of these vehicles (sorted, unique)."""
        low, high = (np.searchsorted(self.pairs.entity, each << SHIFT) for each in (vehicle, vehicle + 1))
        return Carry(self.last.of(vehicle), self.pairs.take(ranges(low, high)))

    def updated(self, fresh: Carry) -> Carry:
        """This carry with what has become of the vehicles in `fresh`."""
        if not len(self.last) or np.array_equal(self.last.entity, fresh.last.entity):
            return fresh
        low, high = (
            np.searchsorted(self.pairs.entity, each << SHIFT) for each in (fresh.last.entity, fresh.last.entity + 1)
        )
        old = self.pairs.entity[ranges(low, high)]
        return Carry(self.last.updated(fresh.last), self.pairs.updated(fresh.pairs, old))


@dataclass(frozen=True, slots=True)
class Visits:
    """Visits that count, and were open or began in the rows; in order of vehicle, site and time.

    `end_us` is `NEVER` for one that is open. `began_here` is False for one that an earlier step has given out.
    """

    entity: I64
    start_us: I64
    end_us: I64
    began_here: Bool

    def __len__(self) -> int:
        return len(self.entity)

    @classmethod
    def empty(cls) -> Visits:
        """No visits."""
        i = np.empty(0, np.int64)
        return cls(i, i, i, np.empty(0, np.bool_))

    def take(self, index: I64 | Bool) -> Self:
        """Rows by index or mask."""
        return take(self, index)


@dataclass(frozen=True, slots=True)
class Rows:
    """Fixes sorted by (vehicle, time); accuracy NaN when not given."""

    vehicle: I64
    t_us: I64
    lat: F64
    lon: F64
    accuracy_m: F64

    def take(self, index: Bool) -> Rows:
        """Rows by mask."""
        return take(self, index)


def pair(vehicle: I64, site: I64) -> I64:
    """One key of a vehicle and a site; sites may be negative (a stop without a site)."""
    return (vehicle << SHIFT) | (site & 0xFFFFFFFF)


def unpair(key: I64) -> tuple[I64, I64]:
    """Vehicle and site of a key.

    >>> [int(v[0]) for v in unpair(pair(np.array([7]), np.array([-3])))]
    [7, -3]
    """
    site = (key & 0xFFFFFFFF).astype(np.int64)
    return key >> SHIFT, np.where(site >= 2**31, site - 2**32, site)


def site_in(key: int) -> int:
    """Site of one key; see `unpair`."""
    site = key & 0xFFFFFFFF
    return site - 2**32 if site >= 2**31 else site


def joined(*parts: Visits) -> Visits:
    """All visits, in order."""
    parts = tuple(part for part in parts if len(part))
    if not parts:
        return Visits.empty()
    out = Visits(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Visits)))
    return out.take(np.lexsort((out.start_us, out.entity)))


def evaluate(fences: Fences, rows: Rows) -> Visits:
    """The definition: visits of all readings of some vehicles."""
    return step(fences, Carry.empty(), rows)[1]


def step(fences: Fences, carry: Carry, rows: Rows) -> tuple[Carry, Visits]:
    """The carry of the vehicles in `rows` after them, and the visits; `carry` may hold any vehicles.

    An open visit at a site whose fence is no more ends with the vehicle's last fix while it was one; one at a stop
    without a site, which goes with its shipment, is forgotten.
    """
    if not len(rows.vehicle):
        return Carry.empty(), Visits.empty()
    if not len(fences.ends_us):
        return _stretch(fences, carry, rows)
    begins_us, ends_us = int(rows.t_us.min()), int(rows.t_us.max())
    ends = fences.ends_us[(fences.ends_us > begins_us) & (fences.ends_us <= ends_us)].tolist()
    if not ends:
        return _stretch(fences, carry, rows, begins_us)
    found = [Visits.empty()]
    for since_us, until_us in pairwise([begins_us, *ends, NEVER]):
        now = rows.take((rows.t_us >= since_us) & (rows.t_us < until_us))
        if len(now.vehicle):
            fresh, visits = _stretch(fences, carry, now, since_us)
            carry = carry.updated(fresh) if len(carry.last) else fresh
            found.append(visits)
    return carry.of(np.unique(rows.vehicle)), _once(found)


def _once(parts: Sequence[Visits]) -> Visits:
    """Visits of stretches one after the other, each once: as the last one has it, and begun here if it once was."""
    begun = joined(*parts)
    begun = begun.take(begun.began_here)
    last = last_words(parts)
    keys = set(zip(begun.entity.tolist(), begun.start_us.tolist(), strict=True))
    here = [key in keys for key in zip(last.entity.tolist(), last.start_us.tolist(), strict=True)]
    return Visits(last.entity, last.start_us, last.end_us, np.array(here, dtype=np.bool_))


def _stretch(fences: Fences, carry: Carry, rows: Rows, since_us: int | None = None) -> tuple[Carry, Visits]:
    """A step over rows in which no fence ends; those that have ended by `since_us` are no more."""
    starts = np.flatnonzero(np.concatenate([[True], rows.vehicle[1:] != rows.vehicle[:-1]]))
    way = _Way(rows, starts, carry.of(rows.vehicle[starts]))
    of, site = unpair(way.pairs.entity)
    index = fences.index_of(site)
    if since_us is not None:
        index = np.where((index >= 0) & (fences.until_us[index] <= since_us), -1, index)
    ended = _ended(way, np.flatnonzero((index < 0) & way.pairs.told & (site > 0)), of)
    way.pairs, index, of = way.pairs.take(index >= 0), index[index >= 0], of[index >= 0]
    prev = way.new - 1
    lat0, lon0 = (np.where(np.isnan(way.lat[prev]), c[way.new], c[prev]) for c in (way.lat, way.lon))
    kept = np.searchsorted(way.vehicle, of)
    row, fence, touches = fences.near(lat0, lon0, rows.lat, rows.lon)
    if since_us is not None:
        stands = fences.until_us[fence] > since_us
        row, fence, touches = row[stands], fence[stands], touches[stands]
    key = way.of[way.new[row]] * len(fences) + fence
    matter = distinct(np.concatenate([key[touches], kept * len(fences) + index]))
    if not len(matter):
        return Carry(way.last(), Pairs.empty()), ended
    near = np.take(matter, np.searchsorted(matter, key), mode="clip") == key
    row, fence = row[near], fence[near]
    found = Scan(fences, way, way.new[row], fence, kept, index)
    pairs, visits = found.result()
    return Carry(way.last(), pairs), joined(ended, visits)


def _ended(way: _Way, gone: I64, vehicle: I64) -> Visits:
    """The end of visits whose fence is no more."""
    left_us = way.t[way.first[np.searchsorted(way.vehicle, vehicle[gone])] + 1]
    pairs = way.pairs
    return Visits(pairs.entity[gone], pairs.entered_us[gone], left_us, np.zeros(len(gone), np.bool_))


class _Way:
    """The rows with each vehicle's last two fixes before its own; `first` is where a vehicle begins, `new` the rows."""

    def __init__(self, rows: Rows, starts: I64, carry: Carry) -> None:
        v, self.vehicle, self.pairs = len(starts), carry.last.entity, carry.pairs
        self.first = starts + 2 * np.arange(v)
        self.end = np.append(self.first[1:], len(rows.vehicle) + 2 * v)
        is_new = np.ones(len(rows.vehicle) + 2 * v, np.bool_)
        is_new[self.first], is_new[self.first + 1] = False, False
        self.is_new, self.new = is_new, np.flatnonzero(is_new)
        self.of = np.repeat(np.arange(v), self.end - self.first)
        last = carry.last
        self.t = self._lay(rows.t_us, last.before_us, last.t_us)
        self.lat = self._lay(rows.lat, last.before_lat, last.lat)
        self.lon = self._lay(rows.lon, last.before_lon, last.lon)
        self.accuracy_m = self._lay(rows.accuracy_m, last.before_accuracy_m, last.accuracy_m)

    def _lay(self, new: NDArray[Any], before: NDArray[Any], last: NDArray[Any]) -> NDArray[Any]:
        out = np.empty(len(self.is_new), new.dtype)
        out[self.new], out[self.first], out[self.first + 1] = new, before, last
        return out

    def last(self) -> Last:
        """Each vehicle's last two fixes."""
        columns = (self.t, self.lat, self.lon, self.accuracy_m)
        return Last(self.vehicle, *(c[self.end - 1] for c in columns), *(c[self.end - 2] for c in columns))


class Scan:
    """Windows of rows, each of one vehicle at one fence; every column has a value per row of every window."""

    def __init__(self, fences: Fences, way: _Way, at: I64, fence: I64, kept: I64, kept_fence: I64) -> None:
        """`at`: rows of the way near `fence`; `kept`: vehicles with something open at `kept_fence`."""
        self.fences, self.way = fences, way
        self._window(at, fence, kept, kept_fence)
        e = self.e
        self.t, self.new = way.t[e], way.is_new[e] & ~self.start
        self.x = fences.metres_inside(self.fence, way.lat[e], way.lon[e])
        self.h = fences.margin_m(self.fence, way.accuracy_m[e])
        with np.errstate(invalid="ignore"):
            self.sign = np.where(self.x > 0, 1, np.where(self.x <= -self.h, -1, 0)).astype(np.int8)
        self.sign[self.kept] = way.pairs.sign[self.carried[self.kept]]

    def _window(self, at: I64, fence: I64, kept: I64, kept_fence: I64) -> None:
        """Merges what each row near a fence needs; the first row of a window is only what was before."""
        way, n = self.way, len(self.fences)
        begin = way.first[kept] + 2
        at, fence = np.concatenate([at, begin]), np.concatenate([fence, kept_fence])
        carried = np.concatenate([np.full(len(at) - len(kept), -1), np.arange(len(kept))])
        order = np.lexsort((-carried, at, way.of[at] * n + fence))
        at, fence, carried = at[order], fence[order], carried[order]
        key = way.of[at] * n + fence
        fresh = np.concatenate([[True], (key[1:] != key[:-1]) | (at[1:] - 1 > at[:-1] + LEAVE_FIXES)])
        first = np.flatnonzero(fresh)
        low = at[first] - 1
        high = np.minimum(at[np.append(first[1:], len(at)) - 1] + LEAVE_FIXES + 1, way.end[way.of[at[first]]])
        self.e = ranges(low, high)
        length = high - low
        self.begin = np.cumsum(length) - length
        self.length = length
        self.fence = np.repeat(fence[first], length)
        self.start = np.zeros(len(self.e), np.bool_)
        self.start[self.begin] = True
        self.carried = np.repeat(carried[first], length)
        self.kept = self.begin[carried[first] >= 0]
        window = np.cumsum(fresh) - 1
        self.near = np.zeros(len(self.e), np.bool_)
        self.near[(self.begin[window] + at - low[window])[carried < 0]] = True

    def result(self) -> tuple[Pairs, Visits]:
        """What stays open, and the visits."""
        self._runs()
        self._states()
        visits = self._visits()
        doubt, passed = passages(self)
        ones = np.ones(len(passed.row), np.bool_)
        return self._open(doubt), joined(visits, Visits(self._key(passed.row), passed.in_us, passed.out_us, ones))

    def _kept(self, column: str) -> NDArray[Any]:
        return np.asarray(getattr(self.way.pairs, column)[self.carried[self.kept]])

    def _runs(self) -> None:
        """Of each row's run of equal signs: how many fixes, since when, and when its beginning was crossed."""
        row, pairs = np.arange(len(self.e)), self.way.pairs
        before = row - 1
        begins = self.start | (self.sign != self.sign[before])
        self.run = last_decisive(begins, self.start)
        number = np.ones(len(row), np.int64)
        since, crossed = self.t.copy(), self.t.copy()
        i = np.flatnonzero(begins & ~self.start & (self.sign != 0))
        dt = self.t[i] - self.t[i - 1]
        edge = np.where(self.sign[i] > 0, 0.0, -self.h[i])
        with np.errstate(invalid="ignore", divide="ignore"):
            share = ((edge - self.x[i - 1]) / (self.x[i] - self.x[i - 1])).clip(0, 1)
        known = ~np.isnan(share) & (dt <= GAP_US)
        crossed[i] -= np.where(known, np.rint(dt * (1 - np.where(known, share, 1))), 0).astype(np.int64)
        if len(pairs):
            number[self.kept], since[self.kept] = self._kept("fixes"), self._kept("run_us")
            crossed[self.kept] = self._kept("cross_us")
        self.fixes = row - self.run + number[self.run]
        self.since, self.crossed = since[self.run], crossed[self.run]

    def _enters(self, later: Bool) -> Bool:
        """Rows that open a visit, if none is open."""
        out: Bool = self.new & (self.sign == 1) & later
        few = (self.fixes < ENTER_FIXES) | (self.t - self.since < LEAVE_US)
        i = np.flatnonzero(out & few)
        if not len(i):
            return out
        e, way, fence = self.e[i], self.way, self.fence[i]
        deep = self.x[i] >= self.fences.sure_m(fence, way.accuracy_m[e])
        deep &= self.x[i - 1] >= self.fences.sure_m(fence, way.accuracy_m[e - 1])
        dt_us = self.t[i] - self.t[i - 1]
        here = way.lat[e - 1], way.lon[e - 1]
        east, north = local_m(way.lat[e], way.lon[e], *here)
        west, south = local_m(way.lat[e - 2], way.lon[e - 2], *here)
        calm = np.hypot(east, north) <= STILL_M + STILL_MPS * dt_us / 1e6
        with np.errstate(invalid="ignore"):
            onward = (way.of[e - 2] == way.of[e]) & (east * west + north * south < 0)
        out[i] = (deep & (calm | onward | (self.fixes[i] >= 3))) | (dt_us >= PASS_US)
        return out

    def _states(self) -> None:
        """Inside or outside, as decided."""
        later = self.t > self.since
        enters = self._enters(later)
        out = self.new & (self.sign == -1)
        deep = later & (self.x <= -self.h - DEEP_M)
        long = (self.fixes >= 3) & (self.t - self.since >= LEAVE_US)
        leaves = out & (deep | long | (self.fixes >= LEAVE_FIXES))
        value = enters.copy()
        if len(self.kept):
            value[self.kept] = self._kept("inside")
        self.inside = value[last_decisive(enters | leaves, self.start)]
        self.was_inside = previous(self.inside) & ~self.start

    def _visits(self) -> Visits:
        """Visits that count: begun and lasting long enough, or at an end."""
        begins = self.inside & ~self.was_inside & ~self.start
        opens = begins | (self.start & self.inside)
        first = np.flatnonzero(opens)
        self.visit = np.cumsum(opens) - 1
        if not len(first):
            return Visits.empty()
        old = self.start[first]
        entered = self.crossed[first]
        seen = np.maximum.reduceat(np.where(self.inside & (self.sign >= 0) & self.new, self.t, LONG_AGO), first)
        told = np.zeros(len(first), np.bool_)
        if old.any():
            which = self.carried[first[old]]
            entered[old], told[old] = self.way.pairs.entered_us[which], self.way.pairs.told[which]
            seen[old] = np.maximum(seen[old], self.way.pairs.seen_us[which])
        left = np.minimum.reduceat(np.where(~self.inside & self.was_inside, self.crossed, NEVER), first)
        lasted = np.where(left == NEVER, seen, left) - entered >= self.fences.dwell_us[self.fence[first]]
        self.entered, self.seen, self.lasted = entered, seen, told | lasted
        given = np.flatnonzero(lasted | told)
        return Visits(self._key(first[given]), entered[given], left[given], ~told[given])

    def _key(self, row: I64) -> I64:
        return pair(self.way.vehicle[self.way.of[self.e[row]]], self.fences.site_id[self.fence[row]])

    def _open(self, doubt: Doubt) -> Pairs:
        """Pairs with a visit that is open, a fix inside that waits for a second, or a passage in doubt."""
        last = self.begin + self.length - 1
        last = last[self.e[last] == self.way.end[self.way.of[self.e[last]]] - 1]
        last = last[self.inside[last] | (self.sign[last] == 1) | doubt.open[last]]
        inside = self.inside[last]
        entered, seen = np.zeros(len(last), np.int64), np.full(len(last), LONG_AGO)
        told = np.zeros(len(last), np.bool_)
        if inside.any():
            visit = self.visit[last[inside]]
            entered[inside], seen[inside], told[inside] = self.entered[visit], self.seen[visit], self.lasted[visit]
        runs = inside | (self.sign[last] == 1)  # of one that is outside, nobody asks since when
        fixes, since, crossed = (np.where(runs, c[last], 0) for c in (self.fixes, self.since, self.crossed))
        names = ("in_us", "out_us", "from_us", "from_lat", "from_lon", "cut_us", "clear")
        blank = (NEVER, NEVER, LONG_AGO, np.nan, np.nan, LONG_AGO, 0)
        passing = (
            np.where(doubt.open[last], getattr(doubt, name)[last], none)
            for name, none in zip(names, blank, strict=True)
        )
        found = Pairs(
            self._key(last),
            inside,
            told,
            entered,
            seen,
            self.sign[last],
            fixes,
            since,
            crossed,
            *passing,
        )
        return found.take(np.argsort(found.entity, kind="stable"))
