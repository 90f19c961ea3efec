"""What arrivals say about the predictions before them, and what they teach; a call that is amended is graded anew.

An arrival teaches once, when its call is first decided: what was learned is not unlearned when a late reading moves it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from prometheus_client import Counter

from domain.readings import F64
from domain.times import to_us
from store.tracking import TrackingStore
from tracker.arrival_times.learning import Learning, Lesson, lesson_of
from tracker.arrival_times.plans import Plans, place
from tracker.arrival_times.predict import beelines, lane_number
from tracker.arrival_times.rows import ArrivalRows
from tracker.engine.registry import Registry, Shipment, Stop
from tracker.engine.step import Step
from tracker.rules import experts, forecast
from tracker.rules.forecast import DETOUR, PACE_FORGET_S, PACE_MOST
from tracker.rules.grades import Grade, grade, names
from tracker.rules.residuals import area
from tracker.shipments.facts import CALL, CallFact

TEACH_US = 60_000_000  # between two predictions that are held against an arrival
TEACH_MAX = 200  # of them per arrival
UNSAID = np.full(2 + len(experts.NAMES), np.nan, dtype="<f4").tobytes()
ALL = -1

_LABEL = ["hours_out"]
graded_total = Counter("frostway_tracker_eta_graded_total", "Arrivals whose predictions were graded", _LABEL)
error_total = Counter("frostway_tracker_eta_error_minutes_total", "Sum of their mean absolute errors, minutes", _LABEL)
share_total = Counter("frostway_tracker_eta_error_share_total", "Sum of their errors over the time to go", _LABEL)
within_15_total = Counter("frostway_tracker_eta_within_15_total", "Sum of the shares within 15 minutes", _LABEL)
within_30_total = Counter("frostway_tracker_eta_within_30_total", "Sum of the shares within 30 minutes", _LABEL)
covered_total = Counter("frostway_tracker_eta_covered_total", "Sum of the shares within p10 and p90", _LABEL)
width_total = Counter("frostway_tracker_eta_width_minutes_total", "Sum of their mean widths, minutes", _LABEL)
jitter_total = Counter("frostway_tracker_eta_jitter_minutes_total", "Sum of their mean moves of p50, minutes", _LABEL)


class Made(NamedTuple):
    """Predictions of one stop, in order of time."""

    at_us: np.ndarray[Any, np.dtype[np.int64]]
    p10_us: np.ndarray[Any, np.dtype[np.int64]]
    p50_us: np.ndarray[Any, np.dtype[np.int64]]
    p90_us: np.ndarray[Any, np.dtype[np.int64]]
    state: np.ndarray[Any, np.dtype[np.int64]]
    said_s: F64  # the mixture, rest beside it, each expert, rows x (2 + experts); NaN: another version's

    def before(self, at_us: int) -> Made:
        """Those made before a time."""
        rows = self.at_us < at_us
        return Made(
            self.at_us[rows],
            self.p10_us[rows],
            self.p50_us[rows],
            self.p90_us[rows],
            self.state[rows],
            self.said_s[rows],
        )


@dataclass(frozen=True)
class Leg:
    """A leg both ends of which were seen, and the stay before it (NaN: it tells nothing)."""

    t_us: int
    way_m: float
    base_s: float
    bearing_rad: float
    number: int
    origin: int
    goal: int
    lon: float
    travel_s: float
    place: int
    stay_s: float
    late_s: float  # after its time, NaN: there was none


class Grading:
    """Grades arrivals and makes lessons of them."""

    def __init__(self, store: TrackingStore, learning: Learning) -> None:
        self._store = store
        self._learning = learning

    def step(self, registry: Registry, plans: Plans, reported: Iterable[Shipment], step: Step) -> None:
        """The calls of this step."""
        shipments = {s.id: s for s in reported}
        facts = [f for f in step.facts(CALL) if f.shipment_id in shipments]
        if not facts:
            return
        stops = [f.stop_id for f in facts]
        graded = {stop: to_us(at) for stop, at in self._store.rows("graded", stops)}
        made = self._made(stops)
        lessons: dict[int, _Notes] = {}
        for fact in facts:
            shipment = shipments[fact.shipment_id]
            stop = next((s for s in shipment.stops if s.id == fact.stop_id), None)
            before = made[fact.stop_id].before(fact.arrived_us) if fact.stop_id in made else None
            if fact.stop_id in graded and (fact.retracted or graded[fact.stop_id] != fact.arrived_us):
                step.part(ArrivalRows).ungraded.append(fact.stop_id)
            if fact.retracted or stop is None:
                continue
            if before is not None and len(before.at_us) and graded.get(fact.stop_id) != fact.arrived_us:
                self._grade(registry, shipment, stop, fact, before, step, first=fact.stop_id not in graded)
            if not stop.learned:
                stop.learned = True
                step.part(ArrivalRows).learned.append(fact.stop_id)
                notes = lessons.setdefault(shipment.tenant_id, _Notes())
                self._note(plans, shipment, stop, fact, before, notes)
        for tenant_id, notes in lessons.items():
            lesson = notes.lesson()
            if len(lesson):
                step.part(ArrivalRows).lessons.append((tenant_id, lesson))

    def _made(self, stops: Sequence[int]) -> dict[int, Made]:
        """What was said of these stops."""
        rows: dict[int, list[tuple[int, ...]]] = {}
        said: dict[int, list[bytes]] = {}
        for stop, at, *ends, planned, waiting, body in self._store.rows("predictions_of", forecast.VERSION, stops):
            rows.setdefault(stop, []).append((to_us(at), *map(to_us, ends), 2 * planned + waiting))
            said.setdefault(stop, []).append(bytes(body) if body is not None else UNSAID)
        made = {}
        for stop, found in rows.items():
            at, p10, p50, p90, state = np.array(found, dtype=np.int64).T
            told = np.frombuffer(b"".join(said[stop]), dtype="<f4").reshape(len(found), -1).astype(np.float64)
            made[stop] = Made(at, p10, p50, p90, state, told)
        return made

    def _grade(
        self,
        registry: Registry,
        shipment: Shipment,
        stop: Stop,
        fact: CallFact,
        made: Made,
        step: Step,
        *,
        first: bool,
    ) -> None:
        n = len(made.at_us)
        arrived = np.full(n, fact.arrived_us, dtype=np.int64)
        one = np.zeros(n, dtype=np.int64)
        said = made.said_s[:, 2:] + made.said_s[:, 1:2]
        found = grade(made.at_us, made.p10_us, made.p50_us, made.p90_us, arrived, one, said)
        bucket = {name: i for i, name in enumerate(names())}
        at = shipment.stops.index(stop)
        ends = (shipment.stops[at - 1] if at else None, stop)
        lane = " > ".join(_called(registry, end) for end in ends if end is not None)
        for each in found:
            step.part(ArrivalRows).grades.append(
                (
                    stop.id,
                    bucket.get(each.hours_out, ALL),
                    each.hours_out,
                    shipment.tenant_id,
                    fact.vehicle_id,
                    lane,
                    fact.arrived_us,
                    each.n,
                    each.mae_min,
                    each.mape,
                    each.within_15,
                    each.within_30,
                    each.coverage,
                    each.width_min,
                    each.jitter_min,
                    *each.experts_min,
                    step.now_us,
                    forecast.VERSION,
                )
            )
            if first:
                _count(each)

    def _note(
        self, plans: Plans, shipment: Shipment, stop: Stop, fact: CallFact, made: Made | None, notes: _Notes
    ) -> None:
        """What an arrival teaches, and its vehicle's own pace."""
        leg = _leg(plans, shipment, stop, fact)
        if leg is not None:
            knowledge = self._learning.of(shipment.tenant_id)
            one = _Notes()
            one.drove(leg)
            alone = one.lesson().driven()
            expected_s = float(knowledge.travel_s(alone, alone.t_us)[0])
            notes.drove(leg)
            if not math.isnan(leg.stay_s):
                notes.stayed(leg, expected_s)
            if not math.isnan(leg.late_s):
                notes.left(leg)
            if (row := plans.row(shipment.id)) is not None:
                _pace(plans, row, expected_s, leg.travel_s)
        if made is not None and len(made.at_us):
            at = shipment.stops.index(stop)
            lane = lane_number(*(np.array([place(s).number]) for s in (shipment.stops[max(at - 1, 0)], stop)))
            notes.settled(made, shipment.id, int(lane[0]), fact.arrived_us)


class _Notes:
    """Columns of a lesson to be."""

    def __init__(self) -> None:
        self._columns: dict[str, list[Any]] = {}
        self._arrivals = 0

    def _add(self, **values: Any) -> None:
        for name, value in values.items():
            self._columns.setdefault(name, []).append(value)

    def drove(self, leg: Leg) -> None:
        self._add(
            t_us=leg.t_us,
            way_m=leg.way_m,
            bearing_rad=leg.bearing_rad,
            base_s=leg.base_s,
            number=leg.number,
            origin=leg.origin,
            goal=leg.goal,
            lon=leg.lon,
            travel_s=leg.travel_s,
        )

    def stayed(self, leg: Leg, expected_s: float) -> None:
        self._add(place=leg.place, left_us=leg.t_us, stay_s=leg.stay_s, before_s=expected_s)

    def left(self, leg: Leg) -> None:
        self._add(late_place=leg.place, late_us=leg.t_us, late_s=leg.late_s)

    def settled(self, made: Made, trip: int, lane: int, arrived_us: int) -> None:
        """Some of the predictions, a minute apart at least."""
        kept = 0
        last_us = -TEACH_US
        for at, state, (mixed, rest, *said) in zip(
            made.at_us.tolist(), made.state.tolist(), made.said_s.tolist(), strict=True
        ):
            if kept < TEACH_MAX and at - last_us >= TEACH_US and not math.isnan(mixed):
                self._add(
                    arrival=self._arrivals,
                    trip=trip,
                    predicted_s=mixed,
                    state=state,
                    lane=lane,
                    observed_s=(arrived_us - at) / 1e6 - rest,
                )
                self._columns.setdefault("said_s", []).extend(said)
                kept, last_us = kept + 1, at
        self._arrivals += 1

    def lesson(self) -> Lesson:
        return lesson_of(self._columns)


def _leg(plans: Plans, shipment: Shipment, stop: Stop, fact: CallFact) -> Leg | None:
    """The leg to a stop from the one served last before it, if that was left."""
    before = [
        s for s in shipment.stops if s is not stop and s.arrived_us is not None and s.arrived_us < fact.arrived_us
    ]
    last = max(before, key=lambda s: (s.arrived_us or 0, s.seq), default=None)
    if any(s.arrived_us == fact.arrived_us and s.seq < stop.seq for s in shipment.stops):
        return None  # the same stay serves both: it was one drive
    if last is None or last.departed_us is None or last.departed_us >= fact.arrived_us:
        return None
    left_us, first = last.departed_us, last is shipment.stops[0]
    here, there = place(last), place(stop)
    way, bearing = beelines(*(np.array([v]) for v in (*here[1:], *there[1:])))
    way_m = float(way[0]) * DETOUR
    base_s = math.nan
    a, b = plans.index.get(last.id), plans.index.get(stop.id)
    if a is not None and b is not None and plans.way_m[b] > plans.way_m[a]:
        way_m = float(plans.way_m[b] - plans.way_m[a])
        base_s = float(plans.time_s[b] - plans.time_s[a])
    number = lane_number(np.array([here.number]), np.array([there.number]))
    return Leg(
        left_us,
        way_m,
        base_s,
        float(bearing[0]),
        int(number[0]),
        int(area(here.lat, here.lon)),
        int(area(there.lat, there.lon)),
        there.lon,
        (fact.arrived_us - left_us) / 1e6,
        here.number,
        math.nan if first else (left_us - (last.arrived_us or left_us)) / 1e6,
        (left_us - to_us(last.window_end)) / 1e6 if first and last.window_end else math.nan,
    )


def _pace(plans: Plans, row: int, expected_s: float, taken_s: float) -> None:
    """A vehicle has driven a leg: its own pace."""
    p, keep = plans.progress, math.exp(-taken_s / PACE_FORGET_S)
    counted = min(max(taken_s, expected_s / PACE_MOST), expected_s * PACE_MOST)
    p.expected_s[row] = p.expected_s[row] * keep + expected_s
    p.taken_s[row] = p.taken_s[row] * keep + counted


def _called(registry: Registry, stop: Stop) -> str:
    site = registry.sites.get(stop.site_id)
    return site.name if site else stop.name


def _count(each: Grade) -> None:
    found = (
        (graded_total, 1.0),
        (error_total, each.mae_min),
        (share_total, each.mape),
        (within_15_total, each.within_15),
        (within_30_total, each.within_30),
        (covered_total, each.coverage),
        (width_total, each.width_min),
        (jitter_total, each.jitter_min),
    )
    for counter, value in found:
        if not math.isnan(value):
            counter.labels(each.hours_out).inc(value)
