"""The one scan all rules are made of: runs of a quantity above zero, with hysteresis, over many entities at once.

A rule turns readings into a signed quantity `x` per row: degrees above a limit, metres inside a fence, metres per
second above walking pace. A run begins when x rises above zero and ends when it falls to -h. The definition is over one
entity's rows sorted by event time; `scan` evaluates it for many entities and continues from a carry, so that

    scan(scan(carry, A), B) = scan(carry, A ++ B)      for every split of an entity's rows.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from domain.readings import F64, I64, Bool

NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Carry:
    """What an entity's next row needs to know of the past; one row per entity, sorted by `entity`.

    `t_us` and `x` are the last row's; the rest describes the run that is open when `inside`: where it began, how long
    it has been observed to last, its greatest x, its samples, and when it had lasted `for_us` (`NEVER`: not yet).
    """

    entity: I64
    t_us: I64
    x: F64
    inside: Bool
    start_us: I64
    known_us: I64
    extreme: F64
    samples: I64
    lasted_at_us: I64

    def __len__(self) -> int:
        return len(self.entity)

    @classmethod
    def empty(cls) -> Carry:
        """No entities."""
        i, f = np.empty(0, np.int64), np.empty(0)
        return cls(i, i, f, np.empty(0, np.bool_), i, i, f, i, i)

    def take(self, index: I64 | Bool) -> Carry:
        """Rows by index or mask."""
        return Carry(*(getattr(self, f.name)[index] for f in fields(self)))


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs that were open or began in the rows scanned, in order of entity and time.

    `end_us` and `lasted_at_us` are `NEVER` for a run that is open, or has not lasted `for_us` yet.
    """

    entity: I64
    start_us: I64
    end_us: I64
    lasted_at_us: I64
    known_us: I64
    extreme: F64
    samples: I64
    began_here: Bool

    def __len__(self) -> int:
        return len(self.entity)

    def take(self, index: I64 | Bool) -> Runs:
        """Rows by index or mask."""
        return Runs(*(getattr(self, f.name)[index] for f in fields(self)))


def segment_starts(entity: I64) -> Bool:
    """True where another entity's rows begin.

    >>> segment_starts(np.array([4, 4, 7])).tolist()
    [True, False, True]
    """
    out = np.ones(len(entity), dtype=np.bool_)
    out[1:] = entity[1:] != entity[:-1]
    return out


def last_decisive(decisive: Bool, start: Bool) -> I64:
    """For each row the index of the newest decisive row of its segment at or before it, else of the segment's start.

    >>> last_decisive(np.array([False, True, False, False]), np.array([True, False, False, True])).tolist()
    [0, 1, 1, 3]
    """
    index = np.arange(len(decisive), dtype=np.int64)
    return np.maximum.accumulate(np.where(decisive | start, index, 0))


def scan(
    carry: Carry, entity: I64, t_us: I64, x: F64, *, h: F64 | float, for_us: I64 | int, gap_us: I64 | int
) -> tuple[Carry, Runs]:
    """Runs of x > 0 that end at x <= -h, of rows sorted by (entity, time) and newer than the entity's carry.

    Args:
        carry: one row for each entity that has been seen before; others may be missing. Sorted by entity.
        entity: the rows' entities, sorted.
        t_us: event times, rising within an entity.
        x: signed quantity; NaN decides nothing.
        h: hysteresis, in the unit of x, per row or for all.
        for_us: how long a run must be observed to count as lasting.
        gap_us: time between two rows beyond which what happened between them is unknown: it adds nothing to a run's
            observed time, and a run never ends by absence.

    Returns:
        The carry of all entities in `entity`, and the runs touched.
    """
    if not len(entity):
        return Carry.empty(), no_runs()
    known = carry.take(np.isin(carry.entity, entity))
    k = len(known)
    order = np.lexsort((np.concatenate([np.zeros(k), np.ones(len(entity))]), np.concatenate([known.entity, entity])))
    old = order < k
    pick = np.where(old, 0, order - k)
    ent = np.concatenate([known.entity, entity])[order]
    t = np.concatenate([known.t_us, t_us])[order]
    xs = np.concatenate([known.x, x])[order]
    hs, lasting, gaps = (np.broadcast_to(v, entity.shape)[pick] for v in (h, for_us, gap_us))
    row_of = np.where(old, order, 0)
    start = segment_starts(ent)

    inside_now = (xs > 0) & ~old
    decisive = inside_now | ((xs <= -hs) & ~old) | old
    value = np.where(old, known.inside[row_of], inside_now) if k else inside_now
    inside = value[last_decisive(decisive, start)]
    prev_inside = np.roll(inside, 1) & ~start
    dt = np.where(start, 0, t - np.roll(t, 1))
    x_prev = np.roll(xs, 1)
    unknown = dt > gaps

    begins = inside & ~prev_inside & ~old
    ends = ~inside & prev_inside & ~old
    at = t.astype(np.int64)
    cross = begins & ~start & ~unknown & (x_prev <= 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        up = np.where(cross, (0 - x_prev) / (xs - x_prev), 1.0)
        down = np.where(ends & ~unknown, (x_prev + hs) / (x_prev - xs), 1.0)
    began_at = np.where(cross, at - dt + np.rint(dt * np.nan_to_num(up, nan=1.0)).astype(np.int64), at)
    ended_at = np.where(
        ends & ~unknown, at - dt + np.rint(dt * np.clip(np.nan_to_num(down, nan=1.0), 0, 1)).astype(np.int64), at
    )

    opens = begins | (old & inside)
    in_run = inside | ends
    if not opens.any():
        return _carry_of(ent, t, xs, inside, start, None), no_runs()
    return _collect(
        known,
        row_of,
        old,
        ent,
        t,
        xs,
        inside,
        prev_inside,
        dt,
        unknown,
        opens,
        in_run,
        ends,
        begins,
        began_at,
        ended_at,
        lasting,
        start,
    )


def no_runs() -> Runs:
    """No runs."""
    i = np.empty(0, np.int64)
    return Runs(i, i, i, i, i, np.empty(0), i, np.empty(0, np.bool_))


def _collect(
    known: Carry,
    row_of: I64,
    old: Bool,
    ent: I64,
    t: I64,
    xs: F64,
    inside: Bool,
    prev_inside: Bool,
    dt: I64,
    unknown: Bool,
    opens: Bool,
    in_run: Bool,
    ends: Bool,
    begins: Bool,
    began_at: I64,
    ended_at: I64,
    lasting: I64,
    start: Bool,
) -> tuple[Carry, Runs]:
    """Reduces the rows of each run: where it began and ended, how long it was observed, its extreme and samples."""
    first = np.flatnonzero(opens)
    run = np.cumsum(opens) - 1
    carried = old[first]
    source = row_of[first]

    def from_carry(column: I64 | F64, otherwise: I64 | F64 | float) -> I64 | F64:
        return (
            np.where(carried, column[source], otherwise)
            if len(known)
            else np.broadcast_to(otherwise, first.shape).copy()
        )

    started = from_carry(known.start_us, began_at[first])
    step = np.where(inside & prev_inside & ~old & ~unknown, dt, 0)
    step = np.where(begins, t - began_at, step)
    step = np.where(ends & ~unknown, ended_at - (t - dt), step)
    step = np.where(in_run, step, 0)
    total = np.cumsum(step)
    base = total[first] - step[first]
    before = from_carry(known.known_us, 0)
    observed = total - base[run.clip(0)] + before[run.clip(0)]
    row_end = np.where(ends, ended_at, t)
    reached = in_run & (run >= 0) & (observed >= lasting) & ~old
    candidate = np.where(reached, row_end - (observed - lasting), NEVER)
    lasted = np.minimum(np.minimum.reduceat(candidate, first), from_carry(known.lasted_at_us, NEVER))
    counts = np.add.reduceat((inside & ~old).astype(np.int64), first) + from_carry(known.samples, 0)
    peak = np.where(inside & ~old & ~np.isnan(xs), xs, -np.inf)
    extreme = np.maximum(np.maximum.reduceat(peak, first), from_carry(known.extreme, -np.inf))
    end = np.minimum.reduceat(np.where(ends, ended_at, NEVER), first)
    known_us = np.add.reduceat(step, first) + before
    runs = Runs(
        ent[first],
        started.astype(np.int64),
        end.astype(np.int64),
        lasted.astype(np.int64),
        known_us.astype(np.int64),
        extreme.astype(np.float64),
        counts.astype(np.int64),
        ~carried,
    )
    return _carry_of(ent, t, xs, inside, start, (runs, run)), runs


def _carry_of(ent: I64, t: I64, xs: F64, inside: Bool, start: Bool, found: tuple[Runs, I64] | None) -> Carry:
    last = np.append(np.flatnonzero(start)[1:], len(ent)) - 1
    open_now = inside[last]
    n = len(last)
    zero, never = np.zeros(n, np.int64), np.full(n, NEVER)
    if found is None:
        return Carry(ent[last], t[last], xs[last], open_now, zero, zero, np.full(n, -np.inf), zero, never)
    runs, run = found
    of = run[last].clip(0)
    return Carry(
        ent[last],
        t[last],
        xs[last],
        open_now,
        np.where(open_now, runs.start_us[of], 0),
        np.where(open_now, runs.known_us[of], 0),
        np.where(open_now, runs.extreme[of], -np.inf),
        np.where(open_now, runs.samples[of], 0),
        np.where(open_now, runs.lasted_at_us[of], NEVER),
    )
