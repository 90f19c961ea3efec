"""Trips, stops and gaps as facts: told when they begin and when they end; what the open one has come to is no fact.

A fix moves the totals of an open segment and says nothing new, so they stand in the vehicle's state, which every step
writes anyway, and become part of the fact when the segment ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from domain.folds.scan import NEVER
from domain.readings import F64, I64
from domain.times import to_us
from tracker.engine.revisions import Reported, match
from tracker.rules import trips
from tracker.rules.stretches import WIDTH, Segments
from tracker.rules.trips import LONG_AGO
from tracker.vehicles.facts import TripFact

Word = tuple[int, str, int, int, tuple[float | None, ...]]
FIGURES = 12
AT_START = 2  # of the figures those that are known from the beginning


class OpenTrip(NamedTuple):
    """A segment without an end that stands in the store."""

    id: int
    revision: int


def figures(segments: Segments) -> list[F64]:
    """The figures of a `TripFact` as columns; NaN: unknown."""
    odometer = segments.odometer_mm
    return [
        segments.start_lat,
        segments.start_lon,
        segments.end_lat,
        segments.end_lon,
        segments.distance_mm / 1e3,
        segments.gap_mm / 1e3,
        segments.moving_us / 1e6,
        segments.idle_us / 1e6,
        segments.unknown_us / 1e6,
        segments.speed_max_mps,
        np.where(odometer == LONG_AGO, np.nan, odometer / 1e3),
        segments.carried_mm / 1e3,
    ]


def running(segments: Segments, vehicles: I64) -> list[F64]:
    """Totals (of `figures`) of the open segment of each of these vehicles (sorted) so far; NaN: none is open."""
    at = np.searchsorted(segments.entity, vehicles, "right") - 1
    is_open = at >= 0
    is_open[is_open] = (segments.entity[at[is_open]] == vehicles[is_open]) & (segments.end_us[at[is_open]] == NEVER)
    last = segments.take(at[is_open])
    out = np.full((FIGURES - 4, len(vehicles)), np.nan)
    out[:, is_open] = figures(last)[4:]
    return list(out)


def news(segments: Segments, reported: Mapping[int, OpenTrip]) -> list[TripFact]:
    """Segments that have begun or ended; `told` has the open ones by vehicle."""
    found = segments.take(segments.began_here | (segments.end_us != NEVER))
    facts = []
    for word, began in zip(_words(found), found.began_here.tolist(), strict=True):
        before = None if began else reported.get(word[0])
        facts.append(_fact((before.id, before.revision + 1) if before else (0, 1), word))
    return facts


def revised(
    vehicle_id: int, segments: Segments, reported: Iterable[Sequence[Any]], carry: trips.Carry, begun_us: int
) -> list[TripFact]:
    """What is to be said of a vehicle folded again from a carry that was not said before.

    Args:
        vehicle_id: whose they are.
        segments: what was found, each once.
        reported: rows of the query `trips_since`, from `reach`.
        carry: what was carried where folding began.
        begun_us: when that was.
    """
    since_us = reach(carry, begun_us)
    before = [
        Reported(
            r[0], r[1], str(r[2]), to_us(r[3]), to_us(r[4]) if r[4] else NEVER, _known(r[5:], is_open=r[4] is None)
        )
        for r in reported
    ]
    before = [t for t in before if (t.start_us >= since_us if len(carry) else t.end_us > since_us)]
    words = _words(segments)
    facts = []
    for pair in match([(kind, start, end) for _, kind, start, end, _ in words], before):
        was = pair.before
        number = (was.id, was.revision + 1) if was else (0, 1)
        if pair.now is not None:
            if was is None or (was.start_us, was.end_us, was.rest) != words[pair.now][2:]:
                facts.append(_fact(number, words[pair.now]))
        elif was is not None:
            earlier = (vehicle_id, str(was.group), was.start_us, was.end_us, was.rest)
            facts.append(_fact(number, earlier, gone=True))
    return facts


def reach(carry: trips.Carry, begun_us: int) -> int:
    """Since when a fold from this carry, of one vehicle, may say something else: a segment begins before it is known.

    What began before that has ended. With an empty carry it is where the readings begin.
    """
    if not len(carry):
        return begun_us
    marks = carry.marks.reshape(trips.MARKS, WIDTH)[:, 0].tolist()
    if carry.kind[0] != trips.NONE:
        return int(marks[trips.SEGMENT])
    return int(min(marks[trips.SINCE], marks[trips.MOVE if carry.on_move[0] else trips.DEP]))


def _fact(number: tuple[int, int], word: Word, *, gone: bool = False) -> TripFact:
    return TripFact(number[0], number[1], word[0], word[1], word[2], word[3], word[4], gone)


def _words(segments: Segments) -> list[Word]:
    kinds = (trips.KINDS[k] for k in segments.kind.tolist())
    rows = zip(*(column.tolist() for column in figures(segments)), strict=True)
    spans = (segments.entity.tolist(), segments.start_us.tolist(), segments.end_us.tolist())
    return [
        (vehicle, kind, start, end, _known(row, is_open=end == NEVER))
        for kind, vehicle, start, end, row in zip(kinds, *spans, rows, strict=True)
    ]


def _known(row: Sequence[float | None], *, is_open: bool) -> tuple[float | None, ...]:
    """Figures with None for what is unknown, or not yet settled."""
    known = [None if v is None or v != v else v for v in row]  # noqa: PLR0124  NaN
    return (*known[:AT_START], *[None] * (FIGURES - AT_START)) if is_open else tuple(known)
