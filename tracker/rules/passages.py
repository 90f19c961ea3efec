"""Passages: visits of vehicles that went straight through a fence with too few fixes inside to open one.

A passage begins with a step that cuts the fence, from a fix outside: the way between two fixes leads through it, or
the second is inside. It ends with the first fixes that are clear of it: three running beyond the outer edge, or two of
which the second is `FURTHER_M` further out. It counts when the vehicle was outside again within `PASS_US`, is then
`TRAVEL_M` or more from where it was before, and the straight way from there cuts the fence too. A glitch over a fence
and back, or the jitter of a vehicle parked beside one, do not; nor does a step whose fix before says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from domain.folds.scan import NEVER, last_decisive
from domain.folds.table import following, previous
from domain.geo import near_m
from domain.readings import F64, I64, Bool

if TYPE_CHECKING:
    from tracker.rules.geofence import Scan

PASS_US = 300_000_000
TRAVEL_M = 100.0
FURTHER_M = 100.0
CLEAR_FIXES = 3


@dataclass(frozen=True, slots=True)
class Doubt:
    """After each row: whether a passage is in doubt; from where, when in and out, last cut, and fixes clear of it."""

    open: Bool
    from_us: I64
    from_lat: F64
    from_lon: F64
    in_us: I64
    out_us: I64
    cut_us: I64
    clear: I64


@dataclass(frozen=True, slots=True)
class Passed:
    """Passages that count: the row that decided, and when the vehicle came and went."""

    row: I64
    in_us: I64
    out_us: I64


def passages(scan: Scan) -> tuple[Doubt, Passed]:
    """What is in doubt after each row of each window, and what was decided."""
    t, x, start, kept, way, row = scan.t, scan.x, scan.start, scan.kept, scan.way, np.arange(len(scan.t))
    had = way.pairs.take(scan.carried[kept])
    apart = scan.inside | scan.was_inside
    cut, comes_us, goes_us = _cuts(scan, ~apart)
    doubted = np.zeros(len(row), np.bool_)
    doubted[kept] = had.passed_in_us != NEVER
    if not (cut.any() or doubted.any()):
        return _nothing(len(row)), Passed(row[:0], row[:0], row[:0])
    clear = _clear(scan, cut, apart, had.clear)
    with np.errstate(invalid="ignore"):
        ends = scan.new & ~apart & (x <= 0) & (cut | (previous(x) > 0))
        further = previous(x) - x >= FURTHER_M
        event = cut | (scan.new & ~apart & (x > 0))
    settled = (clear >= CLEAR_FIXES) | ((clear == CLEAR_FIXES - 1) & further)

    at_us = t.copy()
    at_us[kept] = had.cut_us
    cut_us = at_us[last_decisive(event, start)]
    lasts = ~start & (t - previous(cut_us) <= PASS_US)  # later nothing is in doubt, also when it is inside again
    opens, quiet = cut | doubted, (settled & ~start) | apart | np.where(start, ~doubted, ~lasts)
    last_cut, last_quiet = last_decisive(opens, start), last_decisive(quiet, start)
    is_open = (last_cut > last_quiet) | (opens[last_cut] & (last_cut == last_quiet))
    was_open = previous(is_open) & lasts

    first = last_decisive(cut & ~was_open, start)
    from_us, from_lat, from_lon = previous(t), way.lat[scan.e - 1], way.lon[scan.e - 1]
    columns = ((from_us, had.from_us), (from_lat, had.from_lat), (from_lon, had.from_lon))
    for column, carried in (*columns, (comes_us, had.passed_in_us), (goes_us, had.passed_out_us)):
        column[kept] = carried
    last_end = last_decisive(ends, start)
    out_us = np.where(last_end >= first, goes_us[last_end], NEVER)
    doubt = Doubt(
        is_open & (t - cut_us <= PASS_US),
        from_us[first],
        from_lat[first],
        from_lon[first],
        comes_us[first],
        out_us,
        cut_us,
        clear,
    )
    return doubt, _decided(scan, doubt, np.flatnonzero(settled & was_open & (out_us != NEVER)))


def _nothing(n: int) -> Doubt:
    zero, nan = np.zeros(n, np.int64), np.full(n, np.nan)
    return Doubt(np.zeros(n, np.bool_), zero, nan, nan, zero, zero, zero, zero)


def _clear(scan: Scan, cut: Bool, apart: Bool, carried: I64) -> I64:
    """Of each row: fixes running beyond the outer edge since the fence was last cut."""
    beyond = scan.new & (scan.sign == -1) & ~apart
    number = (beyond & cut).astype(np.int64)
    number[scan.kept] = carried
    run = last_decisive(~beyond | cut, scan.start)
    return np.asarray(np.arange(len(run)) - run + number[run])


def _cuts(scan: Scan, free: Bool) -> tuple[Bool, I64, I64]:
    """Steps from a fix outside that cut the fence, or end inside; when they come in, and when each row goes out."""
    e, way, t, x, fences = scan.e, scan.way, scan.t, scan.x, scan.fences
    cut, comes_us, goes_us = np.zeros(len(e), np.bool_), np.full(len(e), NEVER), np.full(len(e), NEVER)
    with np.errstate(invalid="ignore", divide="ignore"):
        i = np.flatnonzero(free & scan.near & scan.new & (previous(x) <= 0) & (t - previous(t) <= PASS_US))
        back = np.flatnonzero(free & scan.new & (previous(x) > 0) & (x <= 0))
    step_m = near_m(way.lat[e[i] - 1], way.lon[e[i] - 1], way.lat[e[i]], way.lon[e[i]])
    opening = (x > 0) & ~following(free) & ~following(scan.start)  # the next fix makes it a visit
    i = i[(-x[i] - x[i - 1] <= step_m * 1.01) & ~opening[i]]

    def ways(at: I64, begin: I64) -> tuple[I64, F64, F64, F64, F64]:
        return scan.fence[at], way.lat[begin], way.lon[begin], way.lat[e[at]], way.lon[e[at]]

    if len(back):
        goes = fences.crossing(*ways(back, e[back] - 1))[1]
        share = np.where(np.isnan(goes), x[back - 1] / (x[back - 1] - x[back]), goes)
        goes_us[back] = t[back - 1] + np.rint((t[back] - t[back - 1]) * share).astype(np.int64)
    if not len(i):
        return cut, comes_us, goes_us
    comes, goes = fences.crossing(*ways(i, e[i] - 1))
    within = x[i] > 0
    ok = within | ~np.isnan(comes)
    ask = np.flatnonzero(ok & ~within & (e[i] - 2 >= way.first[way.of[e[i]]]) & ~np.isnan(way.lat[e[i] - 2]))
    ok[ask] = fences.cuts(*ways(i[ask], e[i[ask]] - 2))
    comes = np.where(np.isnan(comes), -x[i - 1] / np.maximum(x[i] - x[i - 1], 1e-9), comes)
    i, comes, goes, dt = i[ok], comes[ok], goes[ok], (t[i] - t[i - 1])[ok]
    cut[i] = True
    comes_us[i] = t[i - 1] + np.rint(dt * comes).astype(np.int64)
    over = x[i] <= 0
    goes_us[i[over]] = t[i[over] - 1] + np.rint(dt[over] * goes[over]).astype(np.int64)
    return cut, comes_us, goes_us


def _decided(scan: Scan, doubt: Doubt, row: I64) -> Passed:
    """Of rows that settle a passage: those that confirm one that lasted its fence's dwell time."""
    in_us, out_us, fence = doubt.in_us[row], doubt.out_us[row], scan.fence[row]
    begin = doubt.from_lat[row], doubt.from_lon[row]
    end = scan.way.lat[scan.e[row]], scan.way.lon[scan.e[row]]
    ok = (out_us - doubt.from_us[row] <= PASS_US) & (out_us - in_us >= scan.fences.dwell_us[fence])
    ok &= near_m(*begin, *end) >= TRAVEL_M
    ok &= scan.fences.cuts(fence, *begin, *end)
    return Passed(row[ok], in_us[ok], out_us[ok])
