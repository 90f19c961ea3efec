"""Temperature profiles with bands: which conditions are met, since when, for how long, and when that was too long.

A stay is the time in which a band's condition is met: from the crossing of its limit, interpolated between two samples,
to the return to `clear_c` inside of it. A `consecutive` band alarms when one stay has been observed to last `for_s`; a
`cumulative` one when all stays together have since the last reset, or within its rolling window (`counts`). What lies
between two samples further apart than the profile's `max_interval_s` is unknown: it adds nothing to what was observed,
ends nothing, and is told as `unknown_us`.

The entity is a series and a band, so many bands of many series are one scan (`scan`), and

    step(step(state, A), B) = step(state, A ++ B)      for every split of a series' rows.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, TypeVar

import numpy as np

from domain.cold_chain.counts import Entities, Instants, Resets, Spans, count, kept_of, pieces_of, reset_instants
from domain.cold_chain.profile import PHASES, Band, TemperatureProfile
from domain.folds import scan
from domain.folds.scan import segment_starts
from domain.folds.table import Column, Table, among, columns_of, previous, ranges, take
from domain.readings import F64, I64, Bool

VERSION = 1
KEY_BITS = 32
ABOVE, BELOW = 0, 1
"""Keys of the two bands of a plain profile."""
FOREVER_US = 1 << 61
NO_BAND, NO_ZONE = Band("", ">", float("nan")), "UTC"
AT_THE_LIMIT = 1e-300
"""The limit itself, where it is beyond."""


def key_of(band: Band, tz: str = "UTC") -> int:
    """What a band is known by over the versions of a profile: its name, side and way of counting; not its limit.

    `tz` is the zone of its daily reset.

    >>> key_of(Band("above", ">", 8.0)), key_of(Band("below", "<", 2.0))
    (0, 1)
    """
    if band.mode == "consecutive" and (band.name, band.above) in (("above", True), ("below", False)):
        return ABOVE if band.above else BELOW
    counts = (band.reset, _window_us(band), *((tz, band.reset_at) if band.reset == "daily" else ()))
    way = (band.name, band.above, *(counts if band.mode == "cumulative" else ()))
    said = zlib.crc32(repr(way).encode())
    return 2 + said % ((1 << KEY_BITS) - 2)


def entity_of(series: I64, key: I64) -> I64:
    """A series and a band as one number, in order of series."""
    return np.asarray((series << KEY_BITS) | key)


def series_of(entity: I64) -> I64:
    """The series of entities."""
    return np.asarray(entity >> KEY_BITS)


def span_of(series: I64) -> tuple[I64, I64]:
    """The entities of each series: `low <= entity < high`."""
    return series << KEY_BITS, (series + 1) << KEY_BITS


@dataclass(frozen=True, eq=False)
class Rules:
    """Profiles as columns: the bands of all, one profile after the other, and behind them, at -1, none.

    `first` is where each profile begins, and the end.
    """

    bands: tuple[Band, ...]
    first: I64
    key: I64
    sign: F64
    limit_c: F64
    inclusive: Bool
    clear_c: F64
    for_us: I64
    gap_us: I64
    cumulative: Bool
    window_us: I64
    """Of a rolling count, 0 for the others."""
    phases: I64
    """A bit for each of `PHASES` in which it counts."""
    reset: I64
    """Place in `resets` of what lets a count begin anew, -1 for nothing."""
    resets: tuple[Resets, ...]
    owned: I64
    """Profile and key as one number, sorted."""
    by_key: Mapping[tuple[int, int], int]
    """From profile and key to band."""
    any_band: I64
    """By key, sorted, a band that has it: all count in one way."""

    @classmethod
    def of(cls, profiles: Sequence[TemperatureProfile]) -> Rules:
        """Compiles profiles; they are known by their place."""
        pairs = [(p, band) for p, profile in enumerate(profiles) for band in profile.bands]
        bands = (*(band for _, band in pairs), NO_BAND)
        gaps_s = [*(profiles[p].max_interval_s for p, _ in pairs), 0.0]
        ways = [*(_resets(profiles[p], b) for p, b in pairs), None]
        resets = tuple(dict.fromkeys(how for how in ways if how is not None))
        zones = [*(profiles[p].tz for p, _ in pairs), NO_ZONE]
        key = np.array([key_of(b, tz) for b, tz in zip(bands, zones, strict=True)], np.int64)
        of = np.array([p for p, _ in pairs], np.int64)
        known_by = zip(of.tolist(), key.tolist(), strict=False)
        return cls(
            bands=bands,
            first=np.cumsum([0, *(len(p.bands) for p in profiles)]),
            key=key,
            sign=np.array([1.0 if b.above else -1.0 for b in bands]),
            limit_c=np.array([b.limit_c for b in bands]),
            inclusive=np.array([b.inclusive for b in bands], np.bool_),
            clear_c=np.array([b.clear_c for b in bands]),
            for_us=np.array([round(b.for_s * 1e6) for b in bands], np.int64),
            gap_us=np.array([round(gap_s * 1e6) for gap_s in gaps_s], np.int64),
            cumulative=np.array([b.mode == "cumulative" for b in bands], np.bool_),
            window_us=np.array([_window_us(b) for b in bands], np.int64),
            phases=np.array([sum(1 << PHASES.index(p) for p in b.phases or PHASES) for b in bands], np.int64),
            reset=np.array([-1 if how is None else resets.index(how) for how in ways], np.int64),
            resets=resets,
            owned=np.sort(entity_of(of, key[:-1])),
            any_band=np.unique(key[:-1], return_index=True)[1],
            by_key={pair: i for i, pair in enumerate(known_by)},
        )

    def bands_of(self, key: I64) -> I64:
        """Bands that have these keys; -1 where none does."""
        if not len(self.any_band):
            return np.full(len(key), -1)
        known = self.key[self.any_band]
        at = np.searchsorted(known, key).clip(0, len(known) - 1)
        return np.where(known[at] == key, self.any_band[at], -1)

    def band_of(self, profile: int, entity: int) -> Band | None:
        """The band of a profile that an entity is about."""
        found = self.by_key.get((profile, entity & ((1 << KEY_BITS) - 1)))
        return None if found is None else self.bands[found]


def _window_us(band: Band) -> int:
    return round((band.window_s or 0) * 1e6) if band.mode == "cumulative" and band.reset == "rolling" else 0


def _resets(profile: TemperatureProfile, band: Band) -> Resets | None:
    if band.mode == "consecutive" or band.reset in ("never", "rolling"):
        return None
    return Resets("daily", profile.tz, band.reset_at) if band.reset == "daily" else Resets(band.reset)


@dataclass(frozen=True, slots=True)
class Counts(Table):
    """By entity: unknown time within the open stay, and what a cumulative count has come to."""

    COLUMNS: ClassVar[Mapping[str, Column]] = {"unknown_us": Column("i8", 0), "used_us": Column("i8", 0)}

    unknown_us: I64
    used_us: I64


class State(NamedTuple):
    """What the next rows need to know of the past; each part sorted by entity."""

    stays: scan.Carry
    counts: Counts
    spans: Spans

    @classmethod
    def empty(cls) -> State:
        """Of nothing."""
        return cls(scan.Carry.empty(), Counts.empty(), Spans.empty())

    def updated(self, fresh: State) -> State:
        """This one with `fresh` in the place of its entities."""
        seen = fresh.stays.entity
        if np.array_equal(self.stays.entity, seen):
            return fresh
        return State(
            _replaced(self.stays, fresh.stays, seen),
            _replaced(self.counts, fresh.counts, seen),
            _replaced(self.spans, fresh.spans, seen),
        )


P = TypeVar("P", scan.Carry, Counts, Spans)


def _replaced(rows: P, fresh: P, gone: I64) -> P:
    kept = take(rows, ~among(rows.entity, gone))
    order = np.argsort(np.concatenate([kept.entity, fresh.entity]), kind="stable")
    both = zip(columns_of(kept), columns_of(fresh), strict=True)
    return type(rows)(*(np.concatenate(pair)[order] for pair in both))


@dataclass(frozen=True, slots=True)
class Stays:
    """Stays that were open or began in the rows, in order of entity and time; `NEVER`: not yet.

    `alarm_us` is when the band's time was up, `extreme` degrees beyond its limit, `known_us` how long it was observed.
    """

    entity: I64
    start_us: I64
    end_us: I64
    alarm_us: I64
    known_us: I64
    unknown_us: I64
    extreme: F64
    samples: I64
    began_here: Bool

    def __len__(self) -> int:
        return len(self.entity)

    def take(self, index: I64 | Bool) -> Stays:
        """Rows by index or mask."""
        return take(self, index)


def no_stays() -> Stays:
    """No stays."""
    i = np.empty(0, np.int64)
    return Stays(i, i, i, i, i, i, np.empty(0), i, np.empty(0, np.bool_))


def step(
    state: State,
    rules: Rules,
    profile: I64,
    series: I64,
    t_us: I64,
    temp_c: F64,
    *,
    resets: Mapping[str, Instants] | None = None,
    applies: Bool | None = None,
    counted: Bool | None = None,
    phase: I64 | None = None,
) -> tuple[State, Stays]:
    """Stays of rows sorted by (series, time) and newer than what `state` has of their series.

    Args:
        state: what is carried of these series, and perhaps of others.
        rules: the profiles.
        profile: of each row, its place in `rules`. A band that the next row's profile no longer has ends there.
        series: whose rows they are.
        t_us: event times, not falling within a series.
        temp_c: degrees Celsius; NaN decides nothing.
        resets: `shipment` and `phase`: series and instants at which those counts begin anew, sorted.
        applies: False where the profile does not hold (its schedule): stays end there. Per row.
        phase: of each row, its place in `PHASES`; -1 where nobody knows: every band counts.
        counted: False where time does not count (a defrost that is not to count): stays pause there. Per row.

    Returns:
        The state of all entities seen, and the stays touched.
    """
    some = _expand(state, rules, profile, series, temp_c, applies, phase)
    if not len(some.entity):
        return State.empty(), no_stays()
    t = t_us[some.row]
    gap_us = some.gap_us if counted is None else np.where(counted[some.row], some.gap_us, -1)
    at = scan.known_of(state.stays.entity, some.entity)
    known, counts = state.stays.take(at), state.counts.take(at)
    rows = scan.rows_of(known, some.entity, t, some.x, some.clear_c, some.for_us, gap_us)
    runs, run = scan.collect(known, rows) if rows.opens.any() else (scan.no_runs(), None)
    unknown_us = _unknown(rows, some.gap_us, counts)
    used_us, spans, beyond, since_us = _count(state, counts, rules, some, rows, resets or {})
    if run is not None and len(beyond):
        np.minimum.at(runs.lasted_at_us, run[beyond], since_us)
    carry = scan.carry_of(rows, None if run is None else (runs, run))
    last = np.append(np.flatnonzero(rows.start)[1:], len(rows.entity)) - 1
    still = np.zeros(len(last), np.int64) if run is None else np.where(carry.inside, unknown_us[run[last].clip(0)], 0)
    stays = Stays(
        runs.entity,
        runs.start_us,
        runs.end_us,
        runs.lasted_at_us,
        runs.known_us,
        unknown_us,
        runs.extreme,
        runs.samples,
        runs.began_here,
    )
    return State(carry, Counts(carry.entity, still, used_us), spans), stays


class _Some(NamedTuple):
    """Rows by band, sorted by entity and time."""

    entity: I64
    row: I64
    band: I64
    """Where the profile no longer has it, one that counts as it did, or -1."""
    x: F64
    clear_c: F64
    for_us: I64
    gap_us: I64


def _expand(
    state: State,
    rules: Rules,
    profile: I64,
    series: I64,
    temp_c: F64,
    applies: Bool | None,
    phase: I64 | None,
) -> _Some:
    """Each row once for every band of its profile, and once for every band that it ends."""
    low, high = rules.first[profile], rules.first[profile + 1]
    row, band = np.repeat(np.arange(len(series)), high - low), ranges(low, high)
    entity = entity_of(series[row], rules.key[band])
    over_entity, over_row = _over(state, rules, profile, series)
    gone = np.arange(len(row) + len(over_row)) >= len(row)
    if len(over_row):
        entity, row = np.concatenate([entity, over_entity]), np.concatenate([row, over_row])
        band = np.concatenate([band, rules.bands_of(over_entity & ((1 << KEY_BITS) - 1))])
    order = np.lexsort((row, entity))
    gone = gone[order]
    entity, row, band = entity[order], row[order], band[order]
    beyond = rules.sign[band] * (temp_c[row] - rules.limit_c[band])
    x = np.where((beyond == 0) & rules.inclusive[band], AT_THE_LIMIT, beyond)
    if applies is not None:
        gone |= ~applies[row]
    if phase is not None:
        gone |= (phase[row] >= 0) & (rules.phases[band] >> phase[row].clip(0) & 1 == 0)
    clear_c = rules.clear_c[band]
    for_us = np.where(rules.cumulative[band], FOREVER_US, rules.for_us[band])
    gap_us = rules.gap_us[band]
    if gone.any():
        x, clear_c = np.where(gone, -np.inf, x), np.where(gone, 0.0, clear_c)
        gap_us = np.where(gone, FOREVER_US, gap_us)
    return _Some(entity, row, band, x, clear_c, for_us, gap_us)


def _over(state: State, rules: Rules, profile: I64, series: I64) -> tuple[I64, I64]:
    """Entities that the profile of a row no longer has, and that row: it is another profile than the row's before."""
    start = segment_starts(series)
    turn = np.flatnonzero(~start & (profile != previous(profile)))
    low, high = rules.first[profile[turn - 1]], rules.first[profile[turn - 1] + 1]
    row, key = np.repeat(turn, high - low), rules.key[ranges(low, high)]
    carried = state.stays
    first = np.flatnonzero(start)
    low, high = np.searchsorted(carried.entity, span_of(series[first])) if len(carried) else (first * 0, first * 0)
    held = ranges(low, high)
    at = np.repeat(first, high - low)
    going = carried.x[held] != -np.inf
    entity = np.concatenate([entity_of(series[row], key), carried.entity[held][going]])
    row = np.concatenate([row, at[going]])
    key = entity & ((1 << KEY_BITS) - 1)
    gone = ~among(entity_of(profile[row], key), rules.owned)
    return entity[gone], row[gone]


def _unknown(rows: scan.Rows, gap_us: I64, counts: Counts) -> I64:
    """Unknown time within each stay."""
    first = np.flatnonzero(rows.opens)
    if not len(first):
        return first
    hole = (rows.inside | rows.ends) & rows.prev_inside & ~rows.old & (rows.dt_us > gap_us[rows.pick])
    carried = rows.old[first]
    before = np.where(carried, counts.unknown_us[rows.source[first]], 0) if len(counts) else np.zeros_like(first)
    return np.asarray(np.add.reduceat(np.where(hole, rows.dt_us, 0), first) + before)


def _count(
    state: State,
    counts: Counts,
    rules: Rules,
    some: _Some,
    rows: scan.Rows,
    told: Mapping[str, Instants],
) -> tuple[I64, Spans, I64, I64]:
    """What the counts of the entities have come to, what rolling ones keep; of some rows since when it is too much."""
    start = np.flatnonzero(rows.start)
    seen, of = rows.entity[start], np.cumsum(rows.start) - 1
    used_us = np.where(rows.old[start], counts.used_us[rows.source[start]], 0) if len(counts) else np.zeros_like(seen)
    spans = kept_of(state.spans, seen)
    band = np.where(rows.old, -1, some.band[rows.pick])
    counting = np.flatnonzero((band >= 0) & rules.cumulative[band])
    none = np.empty(0, np.int64)
    if not len(counting):
        return used_us, spans, none, none
    band_of = np.full(len(seen), -1)
    band_of[of[counting]] = band[counting]  # an entity counts in one way only: any of its rows will do
    mine, who = np.flatnonzero(band_of[of] >= 0), np.flatnonzero(band_of >= 0)
    for_us = rules.for_us[np.where(band >= 0, band, band_of[of])[mine]]
    pieces = pieces_of(rows, mine, for_us)
    last = np.append(start[1:], len(rows.entity)) - 1
    between = rows.t_us[start[who]], rows.t_us[last[who]]
    how, entity = band_of[who], seen[who]
    resets = reset_instants(rules.resets, rules.reset[how], entity, series_of(entity), between, told)
    rolls = among(spans.entity, entity)
    found = count(pieces, Entities(entity, used_us[who], rules.window_us[how]), spans.take(rolls), resets)
    used_us[who] = found.used_us
    kept = found.spans
    if not rolls.all():
        others = spans.take(~rolls)
        both = zip(columns_of(others), columns_of(kept), strict=True)
        entities, lo_us, hi_us = (np.concatenate(pair) for pair in both)
        kept = Spans(entities, lo_us, hi_us).take(np.argsort(entities, kind="stable"))
    return used_us, kept, mine[found.row], found.alarm_us
