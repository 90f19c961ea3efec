"""The one scan all rules are made of: runs of a quantity above zero, with hysteresis, over many entities at once.

A rule turns readings into a signed quantity `x` per row: degrees above a limit, metres beyond a corridor. A run begins
when x rises above zero and ends when it falls to -h. The definition is over one entity's rows sorted by event time;
`scan` evaluates it for many entities and continues from a carry, so that

    scan(scan(carry, A), B) = scan(carry, A ++ B)      for every split of an entity's rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Protocol, Self, TypeVar

import numpy as np

from domain.folds.table import previous, take
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
        return take(self, index)


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
        return take(self, index)


class Said(Protocol):
    """Intervals of entities, as a rule gives them out."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def entity(self) -> I64:
        """Whose they are."""

    @property
    def start_us(self) -> I64:
        """When each began: an interval is known by it."""

    def take(self, index: I64 | Bool) -> Self:
        """Rows by index or mask."""


S = TypeVar("S", bound=Said)


def last_words(parts: Sequence[S]) -> S:
    """The intervals of consecutive steps, each once: what the last step that touched it says of it."""
    if len(parts) == 1:
        return parts[0]
    runs = type(parts[0])(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(parts[0])))
    order = np.lexsort((runs.start_us, runs.entity))  # stable: of one run the later word stands behind
    entity, start_us = runs.entity[order], runs.start_us[order]
    last = np.append((entity[1:] != entity[:-1]) | (start_us[1:] != start_us[:-1]), True)
    return runs.take(order[last[: len(order)]])


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
    known = carry.take(known_of(carry.entity, entity))
    rows = rows_of(known, entity, t_us, x, h, for_us, gap_us)
    if not rows.opens.any():
        return carry_of(rows, None), no_runs()
    runs, run = collect(known, rows)
    return carry_of(rows, (runs, run)), runs


def known_of(carried: I64, entity: I64) -> I64:
    """Where the entities of rows stand among those carried, as far as they do; both sorted.

    >>> known_of(np.array([3, 5, 9]), np.array([5, 5, 7, 9])).tolist()
    [1, 2]
    """
    seen = entity[segment_starts(entity)]
    at = np.searchsorted(carried, seen)  # never all of them: a step may touch few of many
    return at[np.take(carried, at, mode="clip") == seen] if len(carried) else at[:0]


def no_runs() -> Runs:
    """No runs."""
    i = np.empty(0, np.int64)
    return Runs(i, i, i, i, i, np.empty(0), i, np.empty(0, np.bool_))


@dataclass(slots=True)
class Rows:
    """The rows with their entity's carry prepended (`old`, its row in the carry being `source`), and what each is."""

    entity: I64
    t_us: I64
    x: F64
    old: Bool
    source: I64
    start: Bool
    inside: Bool
    prev_inside: Bool
    dt_us: I64
    unknown: Bool
    begins: Bool
    ends: Bool
    began_us: I64
    ended_us: I64
    for_us: I64
    pick: I64
    """Which of the rows that were given each is; 0 for a carried one."""

    @property
    def opens(self) -> Bool:
        """Where a run begins, or is open since before."""
        return np.asarray(self.begins | (self.old & self.inside))


def rows_of(known: Carry, entity: I64, t_us: I64, x: F64, h: F64 | float, for_us: I64 | int, gap_us: I64 | int) -> Rows:
    """Which rows are inside, where runs begin and end, and when exactly between two samples."""
    k = len(known)
    both = np.concatenate([known.entity, entity])
    order = np.lexsort((np.arange(len(both)) >= k, both))
    old = order < k
    pick = np.where(old, 0, order - k)
    source = np.where(old, order, 0)
    ent, t = both[order], np.concatenate([known.t_us, t_us])[order]
    xs = np.concatenate([known.x, x])[order]
    hs, lasting, gaps = (np.broadcast_to(v, entity.shape)[pick] for v in (h, for_us, gap_us))
    start = segment_starts(ent)

    above = (xs > 0) & ~old
    value = np.where(old, known.inside[source], above) if k else above
    inside = value[last_decisive(above | ((xs <= -hs) & ~old) | old, start)]
    prev_inside = previous(inside) & ~start
    dt = np.where(start, 0, t - previous(t))
    x_prev = previous(xs)
    unknown = dt > gaps
    begins = inside & ~prev_inside & ~old
    ends = ~inside & prev_inside & ~old
    up = begins & ~start & ~unknown & (x_prev <= 0)
    down = ends & ~unknown
    with np.errstate(invalid="ignore", divide="ignore"):
        share_up = np.nan_to_num(np.where(up, -x_prev / (xs - x_prev), 1.0), nan=1.0)
        share_down = np.clip(np.nan_to_num(np.where(down, (x_prev + hs) / (x_prev - xs), 1.0), nan=1.0), 0, 1)
    began = np.where(up, t - dt + np.rint(dt * share_up).astype(np.int64), t)
    ended = np.where(down, t - dt + np.rint(dt * share_down).astype(np.int64), t)
    return Rows(
        ent, t, xs, old, source, start, inside, prev_inside, dt, unknown, begins, ends, began, ended, lasting, pick
    )


def collect(known: Carry, rows: Rows) -> tuple[Runs, I64]:
    """Reduces the rows of each run: where it began and ended, how long it was observed, its extreme and samples.

    Returns the runs, and for each row the run it may belong to.
    """
    opens = rows.opens
    first = np.flatnonzero(opens)
    run = np.cumsum(opens) - 1
    carried, source = rows.old[first], rows.source[first]

    def from_carry(column: I64 | F64, otherwise: I64 | F64 | float) -> I64 | F64:
        if not len(known):
            return np.broadcast_to(otherwise, first.shape).copy()
        return np.where(carried, column[source], otherwise)

    observing = rows.inside & rows.prev_inside & ~rows.old & ~rows.unknown
    step = np.where(observing, rows.dt_us, 0)
    step = np.where(rows.begins, rows.t_us - rows.began_us, step)
    step = np.where(rows.ends & ~rows.unknown, rows.ended_us - (rows.t_us - rows.dt_us), step)
    step = np.where(rows.inside | rows.ends, step, 0)
    total = np.cumsum(step)
    before = from_carry(known.known_us, 0)
    observed = total - (total[first] - step[first])[run.clip(0)] + before[run.clip(0)]
    reached = (rows.inside | rows.ends) & (run >= 0) & (observed >= rows.for_us) & ~rows.old
    at = np.where(rows.ends, rows.ended_us, rows.t_us)
    lasted = np.minimum.reduceat(np.where(reached, at - (observed - rows.for_us), NEVER), first)
    sample = rows.inside & ~rows.old
    peak = np.maximum.reduceat(np.where(sample & ~np.isnan(rows.x), rows.x, -np.inf), first)
    runs = Runs(
        rows.entity[first],
        from_carry(known.start_us, rows.began_us[first]).astype(np.int64),
        np.minimum.reduceat(np.where(rows.ends, rows.ended_us, NEVER), first),
        np.minimum(lasted, from_carry(known.lasted_at_us, NEVER)).astype(np.int64),
        (np.add.reduceat(step, first) + before).astype(np.int64),
        np.maximum(peak, from_carry(known.extreme, -np.inf)).astype(np.float64),
        (np.add.reduceat(sample.astype(np.int64), first) + from_carry(known.samples, 0)).astype(np.int64),
        ~carried,
    )
    return runs, run


def carry_of(rows: Rows, found: tuple[Runs, I64] | None) -> Carry:
    """The carry after the rows: each entity's last row, and its run when one is open."""
    last = np.append(np.flatnonzero(rows.start)[1:], len(rows.entity)) - 1
    open_now = rows.inside[last]
    n = len(last)
    at_rest = (
        np.zeros(n, np.int64),
        np.zeros(n, np.int64),
        np.full(n, -np.inf),
        np.zeros(n, np.int64),
        np.full(n, NEVER),
    )
    if found is not None:
        runs, run = found
        of = run[last].clip(0)
        going = (runs.start_us[of], runs.known_us[of], runs.extreme[of], runs.samples[of], runs.lasted_at_us[of])
        at_rest = tuple(np.where(open_now, g, r) for g, r in zip(going, at_rest, strict=True))  # type: ignore[assignment]
    return Carry(rows.entity[last], rows.t_us[last], rows.x[last], open_now, *at_rest)
