"""When a compartment that grows too warm (or too cold) will have been so for too long: told before it is.

Two signs. A trend: outside a door's or a defrosting's influence the temperature has left what was usual for it by a
margin, and rises by more than chance explains; the straight line of the last ten minutes (least squares) says when it
crosses the limit. And a stay beyond the limit that has lasted most of the time it may, and does not turn. The alarm is
`for_us` behind the crossing. What is usual is the upper quartile of the greatest temperatures of the
last day's hours; while fewer than three are known it goes by the set point, and without one there is no trend.

One reading of each half minute is looked at, the first. Temperatures are whole thousandths of a degree and times whole
seconds inside: sums are exact, so that

    step(step(carry, A), B) = step(carry, A ++ B)      for every split of an entity's rows.

For the lower limit the signs are turned around: the caller gives -T and -limit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from domain.folds.scan import NEVER, last_decisive, segment_starts
from domain.folds.table import Column, Table, previous, ranges, take
from domain.readings import F64, I64, Bool

VERSION = 1
S = 1_000_000
LONG_AGO = -(1 << 61)

SLOT_US = 30 * S
WINDOW_S = 600
RECENT_MAX = 21  # readings in a window
SPAN_S_MIN, ROWS_MIN = 240, 4  # what a line needs
SLOPE_MIN_C_PER_S = 1.2e-4
MARGIN_C = 0.7  # above what is usual
HELD_S = 120  # so long the trend has to have been there
HORIZON_S = 5_400  # further ahead nothing is told
DOOR_CLOSED_S, DEFROSTED_S = 420, 900  # so long ago, or it is the door, or the defrosting
BEYOND_SHARE = 0.8  # of the time it may be beyond
TURNS_C_PER_S = -1e-4  # falling faster than this it turns
HOURS, HOURS_MIN, UPPER = 24, 3, 0.75
NO_HOUR, NO_TIME = -(1 << 30), (1 << 32) - 1
OVER_SET_POINT_C = 1.5  # is usual while too few hours are known
NEAR_C = 0.8  # what is usual is never taken to be nearer to the limit
OVER_S, BACK_S = 1_800, 300  # without a sign it is over within the margin; at what is usual it is sooner
LOST_S = 14_400  # without a sign it is over anyway
LEFT_S_MIN = 60
CAUSES = ("unknown", "door_open", "defrost", "set_point", "cooling_off", "cooling_failed", "slow_drift")
SLOW_C_PER_S = 6e-4
# How long it took over how long the line or the stay says: 10 %, middle, 90 %. Fitted on one half of a simulated fleet.
LATER = {"trend": (0.81, 1.07, 1.75), "beyond": (1.1, 2.46, 3.94)}


class Rows(NamedTuple):
    """Readings sorted by (entity, time), and what was known when each was taken.

    `limit_c` NaN: none. `door_us`, `defrost_us`: when a door was last open, it last defrosted; `LONG_AGO` if never.
    `set_point_c` NaN: not known. `cooling` -1 not known, 0 off, 1 on.
    """

    entity: I64
    t_us: I64
    temp_c: F64
    limit_c: F64
    for_us: I64
    door_us: I64
    defrost_us: I64
    set_point_c: F64
    cooling: I64

    def take(self, index: I64 | Bool) -> Rows:
        """Rows by index or mask."""
        return Rows(*[column[index] for column in self])  # type: ignore[arg-type]  # each keeps its type


@dataclass(frozen=True, slots=True)
class Trend(Table):
    """What an entity's next row needs to know, one row each."""

    COLUMNS: ClassVar[Mapping[str, Column]] = {
        "t_us": Column("i8", LONG_AGO),
        "calm_us": Column("i8", LONG_AGO),
        "inside_us": Column("i8", LONG_AGO),
        "sign_us": Column("i8", LONG_AGO),
        "active": Column("?", 0),
        "start_us": Column("i8", NEVER),
        "middle_us": Column("i8", 0),
        "told": Column("i8", 0, 4),
        "recent_s": Column("u4", NO_TIME, RECENT_MAX),
        "recent_mc": Column("i4", 0, RECENT_MAX),
        "hour": Column("i4", NO_HOUR, HOURS + 1),
        "hour_mc": Column("i4", 0, HOURS + 1),
    }

    t_us: I64
    calm_us: I64
    """When there was last no trend."""
    inside_us: I64
    """When it was last not beyond the limit."""
    sign_us: I64
    """When there was last a sign."""
    active: Bool
    start_us: I64
    middle_us: I64
    """When the alarm is expected by the newest sign."""
    told: I64
    """Cause, and when the alarm was expected when it was first told: 10 %, middle, 90 %."""
    recent_s: I64
    recent_mc: I64
    """Seconds and thousandths of a degree of the last minutes' readings, in order; `NO_TIME`: none."""
    hour: I64
    hour_mc: I64
    """The greatest temperature of each hour of the last day, in order."""


@dataclass(frozen=True, slots=True)
class Forecasts:
    """Forecasts that were told or are going on: `end_us` is `NEVER` while one does; the alarm's time as first told.

    `middle_us` is when the alarm is expected by the newest sign; `newest_us` when that was, `LONG_AGO` where it was in
    no row of the step, with the alarm's time as it is expected since (`soon_us` 10 %, `late_us` 90 %), the temperature
    of the line then (`line_c`), and how long it may be beyond.
    """

    entity: I64
    start_us: I64
    end_us: I64
    cause: I64
    p10_us: I64
    p50_us: I64
    p90_us: I64
    middle_us: I64
    began_here: Bool
    newest_us: I64
    soon_us: I64
    late_us: I64
    line_c: F64
    for_us: I64

    def __len__(self) -> int:
        return len(self.entity)

    def take(self, index: I64 | Bool) -> Forecasts:
        """Rows by index or mask."""
        return take(self, index)


def step(carry: Trend, rows: Rows) -> tuple[Trend, Forecasts]:
    """Forecasts of rows sorted by (entity, time) and newer than the carry of their entities.

    Returns the carry of the entities that were looked at, and the forecasts touched.
    """
    rows = _thinned(carry, rows)
    start = segment_starts(rows.entity)
    seen = rows.entity[start]
    if not len(seen):
        return Trend.empty(), _none()
    before = carry.of(seen)
    of = np.cumsum(start) - 1
    milli_c = np.rint(np.clip(rows.temp_c, -1e3, 1e3) * 1e3).astype(np.int64)
    recent, line = _lines(before, rows.entity, rows.t_us, milli_c)
    hours, usual_c = _usual(before, rows.entity, rows.t_us, milli_c)
    usual_c = np.where(np.isnan(usual_c), rows.set_point_c + OVER_SET_POINT_C, usual_c)
    usual_c = np.minimum(usual_c, rows.limit_c - NEAR_C)

    def last(flag: Bool, carried: I64) -> I64:
        """When it was last so, at or before each row."""
        at = last_decisive(flag, start)
        return np.where(flag[at], rows.t_us[at], carried[of])

    inside_us = last(~(rows.temp_c > rows.limit_c), before.inside_us)
    beyond_us = np.where(inside_us == LONG_AGO, 0, rows.t_us - inside_us)
    trend, to_cross_s = _trend(rows, line, usual_c)
    trend &= beyond_us <= rows.for_us  # else it is told by the alarm
    calm_us = last(~trend, np.where(before.calm_us == LONG_AGO, rows.t_us[start], before.calm_us))
    stays = (beyond_us > BEYOND_SHARE * rows.for_us) & (line.slope > TURNS_C_PER_S) & (beyond_us <= rows.for_us)
    sign = stays | (trend & (rows.t_us - calm_us >= HELD_S * S))
    sign_us = last(sign, before.sign_us)
    quiet_us = rows.t_us - sign_us
    over = (quiet_us > LOST_S * S) | ((quiet_us > OVER_S * S) & (line.value < usual_c + MARGIN_C))
    over |= (quiet_us > BACK_S * S) & (line.value < usual_c)
    over |= np.isnan(rows.limit_c) | (beyond_us > rows.for_us)
    decisive = sign | over | start
    active = np.where(start & ~sign & ~over, before.active[of], sign)[last_decisive(decisive, start)]
    told = _told(rows, line, trend, beyond_us, to_cross_s)
    after, forecasts = _episodes(before, rows, start, of, active, sign, told, line.value)
    at = np.append(np.flatnonzero(start)[1:], len(start)) - 1
    fresh = (rows.t_us[at], calm_us[at], inside_us[at], sign_us[at], active[at], *after, *recent, *hours)
    return Trend(seen, *fresh), forecasts


def _thinned(carry: Trend, rows: Rows) -> Rows:
    """The first row of each half minute."""
    start = segment_starts(rows.entity)
    if not len(start):
        return rows
    known = carry.of(rows.entity[start]).t_us[np.cumsum(start) - 1]
    before_us = np.where(start, known, previous(rows.t_us))
    slot = rows.t_us // SLOT_US
    return rows.take((slot != before_us // SLOT_US) & (slot != known // SLOT_US))


class _Line(NamedTuple):
    """The straight line through the last minutes up to each row: °C/s, its error, and its °C at the row."""

    slope: F64
    error: F64
    value: F64
    usable: Bool


def _flat(entity: I64, times: I64, values: I64, empty: int) -> tuple[I64, I64, I64]:
    """Rows of a matrix of columns, one after the other."""
    have = times != empty
    return np.repeat(entity, have.sum(axis=1)), times[have].astype(np.int64), values[have].astype(np.int64)


def _matrix(entity: I64, times: I64, values: I64, empty: int, width: int, dtype: type) -> tuple[I64, I64]:
    """The same back: a row of each entity, in order."""
    start = segment_starts(entity)
    first = np.flatnonzero(start)
    of, at = np.cumsum(start) - 1, np.arange(len(entity)) - np.repeat(first, np.diff(np.append(first, len(entity))))
    shape = (len(first), width)
    kept, held = np.full(shape, empty, np.int64), np.zeros(shape, np.int64)
    kept[of, at], held[of, at] = times, values
    return kept.astype(dtype), held.astype(np.int32)


def _lines(before: Trend, entity: I64, t_us: I64, milli_c: I64) -> tuple[tuple[I64, I64], _Line]:
    """Least squares over the window before each row, from exact sums; and what the next rows need of these."""
    known, known_s, known_mc = _flat(before.entity, before.recent_s, before.recent_mc, NO_TIME)
    old = len(known)
    ent = np.concatenate([known, entity])
    order = np.lexsort((np.arange(len(ent)) >= old, ent))
    ent, second = ent[order], np.concatenate([known_s, t_us // S])[order]
    y = np.concatenate([known_mc, milli_c])[order]
    start = segment_starts(ent)
    first = np.maximum.accumulate(np.where(start, np.arange(len(ent)), 0))
    x = second - second[first]
    span = int(x.max(initial=0)) + WINDOW_S + 2
    key = (np.cumsum(start) - 1) * span + x
    low = np.maximum(np.searchsorted(key, key - WINDOW_S), first)
    index = np.arange(len(ent)) + 1
    m = index - low

    def total(v: I64) -> I64:
        sums = np.concatenate([[0], np.cumsum(v)])
        return np.asarray(sums[index] - sums[low])

    sx, sy = total(x), total(y)
    sxx, sxy, syy = m * total(x * x) - sx * sx, m * total(x * y) - sx * sy, m * total(y * y) - sy * sy
    with np.errstate(invalid="ignore", divide="ignore"):
        slope = np.where(sxx > 0, sxy / sxx, 0.0)
        value = (sy + slope * (m * x - sx)) / m
        rest = np.maximum(syy - slope * sxy, 0.0) / m / np.maximum(m - 2, 1)
        error = np.where(sxx > 0, np.sqrt(rest / (np.maximum(sxx, 1) / m)), 0.0)
    usable = (m >= ROWS_MIN) & (x - x[low] >= SPAN_S_MIN)
    new = order >= old
    line = _Line(slope[new] / 1e3, error[new] / 1e3, value[new] / 1e3, usable[new])
    end = np.append(np.flatnonzero(start)[1:], len(ent))
    kept = ranges(np.searchsorted(key, key[end - 1] - WINDOW_S).clip(first[end - 1]), end)
    return _matrix(ent[kept], second[kept], y[kept], NO_TIME, RECENT_MAX, np.uint32), line


def _usual(before: Trend, entity: I64, t_us: I64, milli_c: I64) -> tuple[tuple[I64, I64], F64]:
    """What is usual at each row, from the hours before its own; and the hours that the next rows need."""
    known, known_hour, known_mc = _flat(before.entity, before.hour, before.hour_mc, NO_HOUR)
    ent = np.concatenate([known, entity])
    hour = np.concatenate([known_hour, t_us // (3600 * S)])
    value = np.concatenate([known_mc, milli_c])
    order = np.lexsort((hour, ent))
    ent, hour, value = ent[order], hour[order], value[order]
    begins = segment_starts(ent) | (hour != previous(hour))
    first = np.flatnonzero(begins)
    ent, hour, value = ent[first], hour[first], np.maximum.reduceat(value, first)
    back = np.arange(len(ent))[:, None] - np.arange(1, HOURS + 1)
    at = back.clip(0)
    have = (back >= 0) & (ent[at] == ent[:, None]) & (hour[:, None] - hour[at] <= HOURS)
    count = have.sum(axis=1)
    ranked = np.sort(np.where(have, value[at], np.iinfo(np.int64).max), axis=1)
    which = np.ceil(UPPER * (count - 1)).astype(np.int64).clip(0)
    usual = np.where(count >= HOURS_MIN, ranked[np.arange(len(ent)), which] / 1e3, np.nan)
    new = np.sort(np.flatnonzero(order >= len(known)))  # rows of their own are in order: entity, then time
    of_row = np.cumsum(begins) - 1
    found = np.empty(len(entity))
    found[order[new] - len(known)] = usual[of_row[new]]
    newest = np.append(np.flatnonzero(segment_starts(ent))[1:], len(ent)) - 1
    keep = hour[newest][np.cumsum(segment_starts(ent)) - 1] - hour <= HOURS
    return _matrix(ent[keep], hour[keep], value[keep], NO_HOUR, HOURS + 1, np.int32), found


def _trend(rows: Rows, line: _Line, usual_c: F64) -> tuple[Bool, F64]:
    """Whether there is a trend at each row, and how long it takes to the limit."""
    sure = line.slope - line.error
    with np.errstate(invalid="ignore", divide="ignore"):
        soonest_s = np.where(line.value >= rows.limit_c, 0.0, (rows.limit_c - line.value) / np.maximum(sure, 1e-9))
        middle_s = np.where(line.value >= rows.limit_c, 0.0, (rows.limit_c - line.value) / np.maximum(line.slope, 1e-9))
    quiet = (rows.t_us - rows.door_us > DOOR_CLOSED_S * S) & (rows.t_us - rows.defrost_us > DEFROSTED_S * S)
    risen = line.value > usual_c + MARGIN_C
    near = soonest_s + rows.for_us / S < HORIZON_S
    return line.usable & quiet & (sure > SLOPE_MIN_C_PER_S) & risen & near, middle_s


def _told(rows: Rows, line: _Line, trend: Bool, beyond_us: I64, to_cross_s: F64) -> I64:
    """Cause and expected time of the alarm at each row (rows x 4)."""
    lasting = beyond_us > 0
    left_us = np.where(
        lasting,
        np.maximum(rows.for_us - beyond_us, LEFT_S_MIN * S),
        rows.for_us + np.nan_to_num(to_cross_s, nan=1e6).clip(0, 1e6) * S,
    )
    factor = np.where(lasting[:, None], LATER["beyond"], LATER["trend"])
    expected = rows.t_us[:, None] + np.rint(left_us[:, None] * factor).astype(np.int64)
    door = rows.t_us - rows.door_us <= DOOR_CLOSED_S * S
    cause = np.select(
        [
            door,
            rows.set_point_c >= rows.limit_c - NEAR_C,
            rows.cooling == 0,
            rows.t_us - rows.defrost_us <= DEFROSTED_S * S,
            trend & (line.slope < SLOW_C_PER_S),
            trend | (line.slope > SLOW_C_PER_S),
        ],
        [CAUSES.index(c) for c in ("door_open", "set_point", "cooling_off", "defrost", "slow_drift", "cooling_failed")],
        0,
    )
    return np.concatenate([cause[:, None], expected], axis=1)


def _episodes(
    before: Trend, rows: Rows, start: Bool, of: I64, active: Bool, sign: Bool, told: I64, line_c: F64
) -> tuple[tuple[I64, I64, I64], Forecasts]:
    """Runs of `active` that began, went on or ended here; and what is carried of open ones."""
    was = np.where(start, before.active[of], previous(active))
    begins, ends = active & ~was, ~active & was
    at = last_decisive(begins, start)
    fresh = begins[at]
    start_us = np.where(fresh, rows.t_us[at], before.start_us[of])
    first = np.where(fresh[:, None], told[at], before.told[of])
    last = np.append(np.flatnonzero(start)[1:], len(start)) - 1
    newest = last_decisive(sign, start)
    final = np.zeros(len(start), np.bool_)
    final[last] = active[last]
    touched = np.flatnonzero(ends | final)
    lasts = active[touched]
    middle_us = np.where(sign[newest], told[newest, 2], before.middle_us[of])
    by = newest[touched]
    # a run that ended is that of the row before; its first word stands in the same columns
    forecasts = Forecasts(
        rows.entity[touched],
        start_us[touched],
        np.where(lasts, NEVER, rows.t_us[touched]),
        first[touched, 0],
        first[touched, 1],
        first[touched, 2],
        first[touched, 3],
        middle_us[touched],
        fresh[touched],
        np.where(sign[by], rows.t_us[by], LONG_AGO),
        told[by, 1],
        told[by, 3],
        line_c[by],
        rows.for_us[by],
    )
    open_us = np.where(active[last], start_us[last], NEVER)
    return (
        open_us,
        np.where(active[last], middle_us[last], 0),
        np.where(active[last][:, None], first[last], 0),
    ), forecasts


def _none() -> Forecasts:
    i = np.empty(0, np.int64)
    return Forecasts(i, i, i, i, i, i, i, i, np.empty(0, np.bool_), i, i, i, np.empty(0), i)
