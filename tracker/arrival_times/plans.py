"""The plans of all shipments under way as flat columns: their lines, their stops, and how far each has come.

Made anew with the registry; what was known of a shipment before is taken over. Stops stand in order, shipment by
shipment, so that the arrival times of many are computed at once.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import NamedTuple, TypeVar

import numpy as np

from domain.folds.scan import NEVER
from domain.folds.table import ranges, take
from domain.readings import F64, I64, Bool
from domain.times import to_us
from tracker.arrival_times.routing import Route
from tracker.engine.carries import Columns, Packer
from tracker.engine.registry import Registry, Shipment, Stop
from tracker.rules import forecast
from tracker.rules.forecast import NO_TIME
from tracker.rules.lines import Lines, Place
from tracker.rules.residuals import area

OFF_LINE_M = 1000.0
C = TypeVar("C", bound=Columns)


@dataclass
class Progress:
    """How far each shipment has come along its line, and how its vehicle drives; one row per shipment.

    `way_m` was seen at `line_us`, `segment` counts from the line's start; `t_us` is the fix last predicted from, at
    `lat`, `lon`. Pace and driving hours are those of `forecast.pace` and `rest.driven`. Times are NO_TIME at first.
    """

    entity: I64
    mark: I64  # of line and vehicle
    segment: I64
    way_m: F64
    line_us: I64
    t_us: I64
    lat: F64
    lon: F64
    expected_s: F64
    taken_s: F64
    driven_s: F64
    today_s: F64
    still_s: F64

    @classmethod
    def none(cls, entity: I64, mark: I64) -> Progress:
        """At the beginning."""
        n = len(entity)
        never, nan = np.full(n, NO_TIME, np.int64), np.full(n, np.nan)
        nought = [np.zeros(n) for _ in range(6)]
        return cls(entity, mark, np.zeros(n, np.int64), nought[0], never, never.copy(), nan, nan.copy(), *nought[1:])


@dataclass
class Shown:
    """What is shown of each stop. `calm_us` is the smoothed arrival, the rest is what was last said, `at_us` when."""

    entity: I64  # shipment << 16 | place in its turn
    stop: I64
    calm_us: I64
    at_us: I64
    p10_us: I64
    p50_us: I64
    p90_us: I64
    remaining_m: F64
    risk: F64  # NaN: there is no window
    few_trips: I64  # that the range rests on, -1: enough
    decided_us: I64

    @classmethod
    def none(cls, entity: I64, stop: I64) -> Shown:
        """Nothing yet."""
        n = len(entity)
        calm, at, p10, p50, p90, decided = (np.full(n, NO_TIME, np.int64) for _ in range(6))
        few = np.full(n, -1, np.int64)
        return cls(entity, stop, calm, at, p10, p50, p90, np.zeros(n), np.full(n, np.nan), few, decided)


def _same(entity: I64) -> I64:
    return entity


def _shipment(entity: I64) -> I64:
    return entity >> 16


_NONE = np.empty(0, np.int64)
PACKER = Packer(forecast.VERSION, [Progress.none(_NONE, _NONE), Shown.none(_NONE, _NONE)], [_same, _shipment])


class Where(NamedTuple):
    """The place a leg begins or ends at; `number` stays the same."""

    number: int
    lat: float
    lon: float


def place(stop: Stop) -> Where:
    """A stop's place: its site, or the spot itself to some 100 m."""
    spot = round((stop.lat + 90) * 1000) * 400_000 + round((stop.lon + 180) * 1000)
    return Where(stop.site_id or -1 - spot, stop.lat, stop.lon)


class PlannedRoute(NamedTuple):
    """The route of a shipment whose stops had this mark."""

    mark: int
    route: Route


NO_ROUTES: Mapping[int, PlannedRoute] = MappingProxyType({})


def places_mark(shipment: Shipment) -> int:
    """Another one when the stops are elsewhere."""
    return zlib.crc32(np.array([(s.lat, s.lon) for s in shipment.stops], dtype="<f8").tobytes())


class Plans:
    """Shipments that are not delivered, by row in order of their ids; their stops by index, in turn."""

    def __init__(self, registry: Registry, routes: Mapping[int, PlannedRoute] = NO_ROUTES) -> None:
        going = sorted(
            (s for aboard in registry.aboard.values() for s in aboard if s.status != "delivered" and s.stops),
            key=lambda s: s.id,
        )
        stops = [stop for s in going for stop in s.stops]
        places = [place(stop) for stop in stops]
        self.shipment = np.array([s.id for s in going], dtype=np.int64)
        self.since_us = np.zeros(len(going), dtype=np.int64)
        self.tenant = np.array([s.tenant_id for s in going], dtype=np.int64)
        self.start = np.cumsum([0, *(len(s.stops) for s in going)]).astype(np.int64)
        self.stop = np.array([stop.id for stop in stops], dtype=np.int64)
        self.index = {stop.id: i for i, stop in enumerate(stops)}
        self.place = np.array([p.number for p in places], dtype=np.int64)
        self.lat, self.lon = (np.array([p[i] for p in places], dtype=np.float64) for i in (1, 2))
        self.goal = area(self.lat, self.lon)
        closes = [to_us(stop.window_end) if stop.window_end else NEVER for stop in stops]
        self.closes_us = np.array(closes, dtype=np.int64)
        self.ahead: Bool = np.zeros(len(stops), dtype=np.bool_)
        self.risky: Bool = np.zeros(len(stops), dtype=np.bool_)
        n = len(going)
        self.from_place, self.from_us, self.leaves_us = (np.zeros(n, np.int64) for _ in range(3))
        self.from_lat, self.from_lon = np.full(n, np.nan), np.full(n, np.nan)
        self.there: Bool = np.zeros(n, dtype=np.bool_)
        self._row_of_vehicle = np.full(max(registry.vehicles, default=0) + 2, -1, dtype=np.int64)
        self.mark = [places_mark(s) for s in going]
        marked = zip(going, self.mark, strict=True)
        roads = {s.id: road.route for s, mark in marked if (road := routes.get(s.id)) and road.mark == mark}
        self.routed: Bool = np.array([s.id in roads for s in going], dtype=np.bool_)
        found = [(row, roads[s.id].line if s.id in roads else s.line) for row, s in enumerate(going)]
        lined = [(row, line) for row, line in found if line is not None and len(line.lat) > 1]
        times = [roads[going[row].id].time_s if going[row].id in roads else None for row, _ in lined]
        self.line = np.full(n, -1, dtype=np.int64)
        rows = np.array([row for row, _ in lined], dtype=np.int64)
        self.line[rows] = np.arange(len(lined))
        self.lines = Lines.join([line for _, line in lined], times)
        marks = np.array([s.vehicle_id for s in going], dtype=np.int64)
        crc = [zlib.crc32(line.lat.tobytes() + line.lon.tobytes()) for _, line in lined]
        marks[rows] += np.array(crc, dtype=np.int64)
        self.way_m, self.time_s = self._along()
        turn = np.arange(len(stops)) - np.repeat(self.start[:-1], np.diff(self.start))
        self.progress = Progress.none(self.shipment, marks)
        self.shown = Shown.none(np.repeat(self.shipment, np.diff(self.start)) << 16 | turn, self.stop)
        for s in going:
            self.refresh(s)
        for vehicle_id in registry.aboard:
            self.assign(registry, vehicle_id)

    def _along(self) -> tuple[F64, F64]:
        """Way and time along its line of each stop, in turn; NaN without a line, and where it passes far off."""
        out, time = np.full(len(self.stop), np.nan), np.full(len(self.stop), np.nan)
        row = np.flatnonzero(self.line >= 0)
        last = self.lines.begin(self.line[row])
        for turn in range(int(np.diff(self.start).max(initial=0))):
            here = self.start[row] + turn < self.start[row + 1]
            row, last = row[here], Place(last.segment[here], last.way_m[here], last.off_m[here])
            stop = self.start[row] + turn
            found = self.lines.find(self.line[row], self.lat[stop], self.lon[stop], last)
            near = found.off_m <= OFF_LINE_M
            out[stop[near]], time[stop[near]] = found.way_m[near], self.lines.time_of_s(found)[near]
            segment, way_m = np.where(near, found.segment, last.segment), np.where(near, found.way_m, last.way_m)
            last = Place(segment, way_m, last.off_m)
        return out, time

    # ------------------------------------------------------------ what is known of them
    def adopt(self, progress: Progress, shown: Shown) -> None:
        """Takes over what was known of the same shipments on the same lines, and of the same stops."""
        _take_over(self.progress, progress, progress.mark, self.progress.mark)
        _take_over(self.shown, shown, shown.stop, self.shown.stop)

    def packed(self, rows: I64) -> list[tuple[int, bytes]]:
        """What is known of these rows (sorted, unique), to be kept."""
        shipments = self.shipment[rows]
        stops = ranges(self.start[rows], self.start[rows + 1])
        parts = (take(self.progress, rows), take(self.shown, stops))
        return list(zip(shipments.tolist(), PACKER.pack(shipments, parts), strict=True))

    def row(self, shipment_id: int) -> int | None:
        """The row of a shipment."""
        at = int(np.searchsorted(self.shipment, shipment_id))
        return at if at < len(self.shipment) and self.shipment[at] == shipment_id else None

    def rows_of(self, vehicles: I64) -> I64:
        """The row of the shipment each vehicle is on; -1 for none."""
        known = vehicles < len(self._row_of_vehicle)
        return np.where(known, self._row_of_vehicle[np.where(known, vehicles, 0)], -1)

    # ------------------------------------------------------------ what has happened
    def refresh(self, shipment: Shipment) -> list[int]:
        """Calls of a shipment have changed. Returns the stops at risk that are no longer ahead: they cease to be."""
        row = self.row(shipment.id)
        if row is None:
            return []
        # planned for later: what its vehicle does before is another journey
        self.since_us[row] = shipment.since_us if shipment.status == "planned" else 0
        ahead = {stop.id for stop in shipment.ahead()} if shipment.status != "delivered" else set()
        low, high = int(self.start[row]), int(self.start[row + 1])
        self.ahead[low:high] = [stop in ahead for stop in self.stop[low:high].tolist()]
        served = [s for s in shipment.stops if s.arrived_us is not None]
        self.from_place[row] = self.leaves_us[row] = 0
        self.from_lat[row] = self.from_lon[row] = np.nan
        self.there[row] = False
        if served:
            last = max(served, key=lambda s: (s.arrived_us or 0, s.seq))
            self.from_place[row], self.from_lat[row], self.from_lon[row] = place(last)
            self.from_us[row] = last.arrived_us or 0
            self.there[row] = last.departed_us is None
            if last.arrived_us == shipment.stops[0].arrived_us and last.window_end:
                self.leaves_us[row] = to_us(last.window_end)  # it leaves when that was planned, not before
        over = np.flatnonzero(self.risky[low:high] & ~self.ahead[low:high]) + low
        self.risky[over] = False
        return [int(stop) for stop in self.stop[over]]

    def assign(self, registry: Registry, vehicle_id: int) -> None:
        """A vehicle may be on another shipment."""
        on = registry.shipments.get(vehicle_id)
        row = self.row(on.id) if on is not None else None
        if vehicle_id < len(self._row_of_vehicle):
            self._row_of_vehicle[vehicle_id] = -1 if row is None else row

    def at_risk(self, stops: Iterable[int]) -> list[int]:
        """Somebody was told of these stops; returns those that are no longer ahead."""
        gone = []
        for stop in stops:
            at = self.index.get(stop)
            if at is None or not self.ahead[at]:
                gone.append(stop)
            else:
                self.risky[at] = True
        return gone


def unpacked(rows: Sequence[tuple[int, bytes]]) -> tuple[Progress, Shown]:
    """What was kept; of another version nothing."""
    progress, shown = PACKER.unpack(bytes(carry) for _, carry in rows if PACKER.knows(bytes(carry)))
    return progress, shown


def _take_over(now: C, before: C, was: I64, wanted: I64) -> None:
    """Rows of the same entity into `now`, where `was` is what is `wanted`."""
    if not len(before.entity):
        return
    at = np.searchsorted(before.entity, now.entity).clip(0, len(before.entity) - 1)
    same = (before.entity[at] == now.entity) & (was[at] == wanted)
    for f in fields(now):
        getattr(now, f.name)[same] = getattr(before, f.name)[at[same]]
