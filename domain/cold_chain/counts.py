"""Cumulative counts: how much time in a condition has come together since a reset, or within a rolling window.

The time between two samples in which the condition is known to be met is a piece. Between the samples of an entity lie
its cuts: resets, and the instants at which earlier spans begin and cease to leave a rolling window. From cut to cut and
row to row a count is a line: it grows with the pieces, falls with what leaves, and reaches a limit at one instant.
All times are whole microseconds, so that the sums are the same however the rows are split.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from domain.cold_chain.days import daily
from domain.folds.scan import Rows, segment_starts
from domain.folds.table import among, previous, ranges, take
from domain.readings import I64, Bool

OLD, CUT, ROW = 0, 1, 2
Instants = tuple[I64, I64]
"""Entities (or series), sorted, and instants of each, rising."""


class Resets(NamedTuple):
    """When a count begins anew: `daily` at a local time of a zone, or when told (`shipment`, `phase`)."""

    kind: str
    tz: str = "UTC"
    at: str = "00:00"


@dataclass(frozen=True, slots=True)
class Spans:
    """Known stays within rolling windows; several of an entity, in order of time."""

    entity: I64
    lo_us: I64
    hi_us: I64

    @classmethod
    def empty(cls) -> Spans:
        """None."""
        i = np.empty(0, np.int64)
        return cls(i, i, i)

    def __len__(self) -> int:
        return len(self.entity)

    def take(self, index: I64 | Bool) -> Spans:
        """Rows by index or mask."""
        return take(self, index)


class Pieces(NamedTuple):
    """Rows of counted entities, the carried one first: in which part of the time before each the condition was met."""

    entity: I64
    t_us: I64
    old: Bool
    lo_us: I64
    hi_us: I64
    met: Bool
    for_us: I64


class Entities(NamedTuple):
    """The counted entities, sorted: what was counted before, and the rolling window (0: none)."""

    entity: I64
    used_us: I64
    window_us: I64


class Counted(NamedTuple):
    """Of some rows the instant at which the time was up, the counts of the entities, and what they keep."""

    row: I64
    alarm_us: I64
    used_us: I64
    spans: Spans


def pieces_of(rows: Rows, mine: I64, for_us: I64) -> Pieces:
    """The pieces of some rows of a scan."""
    r = rows
    lo = np.where(r.begins, r.began_us, r.t_us - r.dt_us)[mine]
    hi = np.where(r.ends, r.ended_us, r.t_us)[mine]
    met = ((r.begins | (r.prev_inside & ~r.unknown & (r.inside | r.ends))) & ~r.old)[mine]
    return Pieces(r.entity[mine], r.t_us[mine], r.old[mine], lo, hi, met, for_us)


def count(pieces: Pieces, of: Entities, spans: Spans, resets: Instants) -> Counted:
    """Counts on: `spans` are those carried of the entities, `resets` lie between their rows."""
    first = np.flatnonzero(segment_starts(pieces.entity))
    last = np.append(first[1:], len(pieces.entity)) - 1
    since, until = pieces.t_us[first], pieces.t_us[last]
    spans = _merged(spans, pieces)
    at = np.searchsorted(of.entity, spans.entity)
    window_us = of.window_us[at]
    starts = np.maximum(spans.lo_us + window_us, since[at])  # what has begun to leave before goes on leaving
    ends = spans.hi_us + window_us
    rolls = window_us > 0
    leaving = [(spans.entity[m], t[m]) for t in (starts, ends) for m in (rolls & (t <= until[at]),)]
    events = _events(pieces, resets, leaving)
    used_us, row, alarm_us = _lines(events, pieces, of)
    return Counted(row, alarm_us, used_us, spans.take(ends > until[at]))


def reset_instants(
    kinds: Sequence[Resets], kind: I64, entity: I64, series: I64, span_us: Instants, told: Mapping[str, Instants]
) -> Instants:
    """When the counts of entities begin anew, after the first and until the last of their rows.

    Args:
        kinds: the ways there are.
        kind: of each entity the place of its own, -1 for none.
        entity: sorted.
        series: of each entity.
        span_us: of each entity the times of its first and last row.
        told: the instants of `shipment` and `phase` by series.
    """
    found: list[Instants] = [(np.empty(0, np.int64), np.empty(0, np.int64))]
    since, until = span_us
    for k in np.unique(kind[kind >= 0]).tolist():
        mine, how = np.flatnonzero(kind == k), kinds[k]
        if how.kind == "daily":
            at = daily(how.tz, how.at, int(since[mine].min()), int(until[mine].max()))
            low, high = (np.searchsorted(at, t[mine], "right") for t in (since, until))
        else:
            owners, at = told.get(how.kind, found[0])
            low, high = (np.searchsorted(owners, series[mine], side) for side in ("left", "right"))
        owner, instant = np.repeat(mine, high - low), at[ranges(low, high)]
        keep = (instant > since[owner]) & (instant <= until[owner])
        found.append((entity[owner][keep], instant[keep]))
    return np.concatenate([e for e, _ in found]), np.concatenate([t for _, t in found])


def _merged(carried: Spans, pieces: Pieces) -> Spans:
    """The spans carried and those of the pieces, joined where they touch."""
    some = pieces.met & (pieces.hi_us > pieces.lo_us)
    entity = np.concatenate([carried.entity, pieces.entity[some]])
    lo = np.concatenate([carried.lo_us, pieces.lo_us[some]])
    hi = np.concatenate([carried.hi_us, pieces.hi_us[some]])
    order = np.lexsort((lo, entity))
    entity, lo, hi = entity[order], lo[order], hi[order]
    new = segment_starts(entity) | (lo != previous(hi))
    first = np.flatnonzero(new)
    return Spans(entity[first], lo[first], hi[np.append(first[1:], len(entity)) - 1] if len(first) else hi)


class _Events(NamedTuple):
    """Rows and cuts in order: from the event before to each one the counts are straight lines."""

    entity: I64
    t_us: I64
    what: I64
    row: I64
    """The row that the time before an event belongs to."""
    reset: Bool
    leaving: I64
    """How many spans leave the window from here on more (1) or less (-1)."""


def _events(pieces: Pieces, resets: Instants, leaving: Sequence[Instants]) -> _Events:
    n = len(pieces.entity)
    parts = [(pieces.entity, pieces.t_us), resets, *leaving]
    sizes = [len(e) for e, _ in parts]
    entity, t = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    what = np.concatenate([np.where(pieces.old, OLD, ROW), np.full(sum(sizes[1:]), CUT)])
    turn = np.repeat([0, 0, 1, -1], sizes)
    order = np.lexsort((what, t, entity))
    position = np.where(order < n, np.arange(len(order)), len(order) - 1)
    next_row = np.minimum.accumulate(position[::-1])[::-1]
    is_reset = (order >= n) & (order < n + sizes[1])
    return _Events(entity[order], t[order], what[order], order[next_row], is_reset, turn[order])


def _lines(events: _Events, pieces: Pieces, of: Entities) -> tuple[I64, I64, I64]:
    """What the counts come to in the end; of rows where one is beyond its limit, which and since when."""
    start = segment_starts(events.entity)
    at = np.cumsum(start) - 1
    before_us = np.where(start, events.t_us, previous(events.t_us))
    turns = np.cumsum(events.leaving)
    leaves = np.where(start, 0, previous(turns) - (turns - events.leaving)[start][at])
    row = events.row
    lo, hi = np.maximum(pieces.lo_us[row], before_us), np.minimum(pieces.hi_us[row], events.t_us)
    met = pieces.met[row] & (events.what != OLD) & ((hi > lo) | (events.what == ROW) & (hi == lo))  # not before a reset
    grown = np.where(met, hi - lo, 0)
    change = grown - leaves * (events.t_us - before_us)
    anew = start | previous(events.reset)
    first = np.flatnonzero(anew)
    total = np.cumsum(change)
    base = np.where(start[first], of.used_us[at[first]], 0) - (total - change)[first]
    used = total + base[np.cumsum(anew) - 1]
    from_us = used - change - leaves * (lo - before_us)
    to_us = from_us + grown * (1 - leaves)
    for_us = pieces.for_us[row]
    up = np.flatnonzero(met & (to_us >= for_us))
    alarm_us = np.where(from_us[up] >= for_us[up], lo[up], hi[up] - (to_us[up] - for_us[up]))
    last = np.append(np.flatnonzero(start)[1:], len(start)) - 1
    return np.where(events.reset[last], 0, used[last]), row[up], alarm_us


def kept_of(spans: Spans, entity: I64) -> Spans:
    """The spans of these entities."""
    return spans.take(among(spans.entity, entity))
