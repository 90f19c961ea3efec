"""What the arrivals of each tenant have taught: lessons in the store, in one order for all trackers, and a snapshot.

A lesson is what the arrivals of one step teach. It gets the tenant's next number and is written with the step, so a
crash neither loses nor repeats it; knowledge is the snapshot with the lessons behind it learned in their order. Two
trackers teach a tenant one after the other: each first learns what the other has taught.
"""

from __future__ import annotations

import logging
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import psycopg

from domain.readings import F64, I64, Bool
from store.tracking import TrackingStore
from tracker.rules import experts, forecast
from tracker.rules.forecast import Driven, Knowledge
from tracker.rules.ranges import KEEP, PRIOR, PRIOR_SIGMA, Ranges, Settled
from tracker.rules.residuals import SHRINK, Curve, Lane, Level, Residuals

log = logging.getLogger(__name__)

SAVE_EVERY = 64  # lessons between two snapshots
LEVELS = len(SHRINK)


@dataclass
class Lesson:
    """Legs that were driven, stays before them, departures after their time, and predictions with what came of them.

    Four groups of columns. `base_s` is NaN where way alone told how long; the last group is that of `ranges.Settled`,
    with what experts said row by row.
    """

    t_us: I64
    way_m: F64
    bearing_rad: F64
    base_s: F64
    number: I64
    origin: I64
    goal: I64
    lon: F64
    travel_s: F64
    place: I64
    left_us: I64
    stay_s: F64
    before_s: F64  # expected travel time of the leg after the stay
    late_place: I64
    late_us: I64
    late_s: F64
    arrival: I64
    trip: I64
    predicted_s: F64
    state: I64
    lane: I64
    said_s: F64
    observed_s: F64

    def driven(self) -> Driven:
        """The legs."""
        lane = Lane(self.number, self.origin, self.goal, self.lon)
        none: Bool = np.zeros(len(self.t_us), dtype=np.bool_)
        return Driven(self.t_us, self.way_m, self.bearing_rad, self.base_s, none, lane, self.travel_s)

    def settled(self) -> Settled:
        """The predictions."""
        said = self.said_s.reshape(len(self.arrival), len(experts.NAMES))
        return Settled(self.arrival, self.trip, self.predicted_s, self.state, self.lane, said, self.observed_s)

    def __len__(self) -> int:
        return len(self.t_us) + len(self.place) + len(self.late_place) + len(self.arrival)


_INTEGERS = {
    *("t_us", "number", "origin", "goal", "place", "left_us", "late_place", "late_us"),
    *("arrival", "trip", "state", "lane"),
}
_NAMES = [f.name for f in fields(Lesson)]
_MARK = zlib.crc32(f"{forecast.VERSION} {_NAMES} {LEVELS} {len(PRIOR_SIGMA)} {KEEP} {experts.NAMES}".encode())


def lesson_of(columns: dict[str, list[Any]]) -> Lesson:
    """A lesson from lists; what is left out is empty."""
    found: list[Any] = [
        np.array(columns.get(name, ()), dtype=np.int64 if name in _INTEGERS else np.float64) for name in _NAMES
    ]
    return Lesson(*found)


def taught(knowledge: Knowledge, lesson: Lesson) -> Knowledge:
    """Knowledge after a lesson."""
    known = knowledge.settle(lesson.settled()).learn_driven(lesson.driven())
    known = known.learn_late(lesson.late_place, lesson.late_us, lesson.late_s)
    return known.learn_stays(lesson.place, lesson.left_us, lesson.stay_s, lesson.before_s)


# ---------------------------------------------------------------- bytes
def _pack(columns: Sequence[np.ndarray[Any, Any]]) -> bytes:
    """A mark, the lengths of the columns, and the columns, 8 bytes each."""
    head = struct.pack(f"<I{len(columns)}I", _MARK, *(column.size for column in columns))
    return head + b"".join(
        np.ascontiguousarray(column).astype(column.dtype.newbyteorder("<")).tobytes() for column in columns
    )


def _unpack(blob: bytes, dtypes: Sequence[str]) -> list[np.ndarray[Any, Any]] | None:
    """The columns; None for bytes of another version."""
    head = struct.Struct(f"<I{len(dtypes)}I")
    if len(blob) < head.size or (sizes := head.unpack_from(blob))[0] != _MARK:
        return None
    found, at = [], head.size
    for dtype, size in zip(dtypes, sizes[1:], strict=True):
        found.append(np.frombuffer(blob, dtype=dtype, count=size, offset=at).copy())
        at += 8 * size
    return found


def pack_lesson(lesson: Lesson) -> bytes:
    """A lesson as bytes."""
    return _pack([getattr(lesson, name) for name in _NAMES])


def unpack_lesson(blob: bytes) -> Lesson | None:
    """A lesson; None when another version wrote it."""
    found = _unpack(blob, ["<i8" if name in _INTEGERS else "<f8" for name in _NAMES])
    return Lesson(*found) if found else None


_LEVEL = ["<i8", "<f8", "<f8", "<i8"]
_EXPERTS, _RANGES = ["<f8", "<i8", "<f8"], ["<i8", "<f8", "<i8", "<f8", "<f8", "<f8"]
_DTYPES = ["<f8", "<f8", *(["<f8", "<i8"] + _LEVEL * LEVELS) * 2, *_LEVEL * 4, *_EXPERTS, *_RANGES]


def pack_knowledge(known: Knowledge) -> bytes:
    """Knowledge as bytes; the same knowledge is the same bytes."""
    columns: list[np.ndarray[Any, Any]] = [known.curve.xx, known.curve.xy]
    for residuals in (known.by_plan, known.by_way):
        columns += [np.array([residuals.drift]), np.array([residuals.drift_us], dtype=np.int64)]
        columns += [getattr(level, f.name) for level in residuals.levels for f in fields(level)]
    for level in (known.stay, known.stay_here, known.late, known.late_here):
        columns += [getattr(level, f.name) for f in fields(level)]
    columns += [known.experts.by_horizon, known.experts.key, known.experts.by_lane]
    ranges, there = known.ranges, ~np.isnan(known.ranges.scores)
    columns += [there.sum(axis=1), ranges.scores[there], ranges.trips[there], ranges.tally, ranges.levels, ranges.ends]
    return _pack(columns)


def unpack_knowledge(blob: bytes) -> Knowledge | None:
    """Knowledge; None when another version wrote it."""
    found = _unpack(blob, _DTYPES)
    if found is None:
        return None
    parts = iter(found)
    xx, xy = next(parts).reshape(4, 4), next(parts)

    def level() -> Level:
        return Level(*(next(parts) for _ in _LEVEL))

    def residuals() -> Residuals:
        drift, drift_us = float(next(parts)[0]), int(next(parts)[0])
        return Residuals(tuple(level() for _ in range(LEVELS)), drift, drift_us)

    by_plan, by_way = residuals(), residuals()
    stay, stay_here, late, late_here = level(), level(), level(), level()
    none = experts.Experts.none()
    by_horizon, key, by_lane = next(parts), next(parts), next(parts)
    losses = experts.Experts.of(
        by_horizon.reshape(none.by_horizon.shape), key, by_lane.reshape(-1, none.by_lane.shape[1])
    )
    ranges = _ranges(*(next(parts) for _ in _RANGES))
    return Knowledge(Curve(xx, xy), by_plan, by_way, stay, stay_here, late, late_here, losses, ranges)


def _ranges(count: I64, scores: F64, trips: I64, tally: F64, levels: F64, ends: F64) -> Ranges:
    """The newest scores stand last in their rows."""
    rows = len(PRIOR_SIGMA)
    there = np.arange(KEEP) >= KEEP - count[:, None]
    all_scores, all_trips = np.full((rows, KEEP), np.nan), np.full((rows, KEEP), PRIOR, dtype=np.int64)
    all_scores[there], all_trips[there] = scores, trips
    return Ranges(all_scores, all_trips, *(each.reshape(rows, -1) for each in (tally, levels, ends)))


# ---------------------------------------------------------------- the store
@dataclass
class _Known:
    knowledge: Knowledge
    seq: int


class Learning:
    """Knowledge of all tenants, read when first asked for."""

    def __init__(self, store: TrackingStore) -> None:
        self._store = store
        self._known: dict[int, _Known] = {}

    def of(self, tenant_id: int) -> Knowledge:
        """What is known for a tenant's shipments."""
        if tenant_id not in self._known:
            self._known[tenant_id] = self._snapshot(tenant_id)
            self._catch_up(tenant_id)
        return self._known[tenant_id].knowledge

    def seq(self, tenant_id: int) -> int:
        """Number of the last lesson that was learned."""
        return self._known[tenant_id].seq if tenant_id in self._known else 0

    def look_around(self) -> None:
        """Learns what other trackers have taught."""
        for tenant_id, seq, saved_seq in self._store.rows("lesson_heads"):
            known = self._known.get(tenant_id)
            if known is not None and known.seq < seq:
                if known.seq < saved_seq:
                    self._known[tenant_id] = self._snapshot(tenant_id)
                self._catch_up(tenant_id)

    def teach(self, cursor: psycopg.Cursor, tenant_id: int, lesson: Lesson) -> None:
        """Writes a lesson and learns it. Call inside the transaction; when that fails, memory is to be thrown away."""
        body = pack_lesson(lesson)
        of = {"tenant_id": tenant_id}
        cursor.execute(self._store.sql("begin_knowledge"), of)
        head = self._store.one(cursor, "next_lesson", of) or {"seq": 1, "saved_seq": 0}
        known = self._known.setdefault(tenant_id, _Known(Knowledge.none(), 0))
        if known.seq < head["seq"] - 1:  # somebody else has taught
            if known.seq < head["saved_seq"]:
                known = self._known[tenant_id] = self._snapshot(tenant_id)
            self._catch_up(tenant_id)
        cursor.execute(self._store.sql("put_lesson"), {**of, "seq": head["seq"], "body": body})
        known.knowledge, known.seq = taught(known.knowledge, lesson), head["seq"]
        if known.seq - head["saved_seq"] >= SAVE_EVERY:
            cursor.execute(
                self._store.sql("save_knowledge"), {**of, "seq": known.seq, "body": pack_knowledge(known.knowledge)}
            )

    def _snapshot(self, tenant_id: int) -> _Known:
        for seq, body in self._store.rows("knowledge", tenant_id):
            found = unpack_knowledge(bytes(body))
            if found is not None:
                return _Known(found, int(seq))
            if body:
                log.warning("what another version has learned for tenant %s is left aside: learning anew", tenant_id)
            return _Known(Knowledge.none(), int(seq))
        return _Known(Knowledge.none(), 0)

    def _catch_up(self, tenant_id: int) -> None:
        while True:
            known = self._known[tenant_id]
            rows = self._store.rows("lessons", tenant_id, known.seq)
            if not rows or rows[0][0] == known.seq + 1:
                break
            self._known[tenant_id] = self._snapshot(tenant_id)  # somebody has just made another one
        for seq, body in rows:
            lesson = unpack_lesson(bytes(body))
            known.knowledge = taught(known.knowledge, lesson) if lesson is not None else known.knowledge
            known.seq = int(seq)
